//! Messages as bytes.
//!
//! The first eight bytes are a checksum over the rest and the cluster's number; a message that was damaged on its way,
//! or belongs to another cluster, decodes to nothing. Then comes one byte for the kind, then the fields in the order of
//! their declaration, little endian, lists with their length in front. Decoding never panics, whatever the bytes.

use bytes::{BufMut, Bytes};

use crate::base::hash::{hash_bytes, mix};
use crate::base::{Checksum, Payload};

use super::config::{CHUNK, PIECE};
use super::disk::ring::OP_MAX;
use super::disk::superblock::LIVES;
use super::disk::{Checkpoint, Missing, Position};
use super::entry::{ENTRY_SIZE_MAX, Entry, HEADER_SIZE, Place, View};
use super::message::{LogEnd, Message, is_chain};
use super::quorum::REPLICAS_MAX;
use super::recovery::Answer;

const CHECKSUM_SIZE: usize = 8;
const KIND_SIZE: usize = 1;
const WORD_SIZE: usize = 8;
const LENGTH_SIZE: usize = 4;
const LIFE_SIZE: usize = 4;
const FLAG_SIZE: usize = 1;
const CHECKSUM_WIDE_SIZE: usize = 16;
const PLACE_SIZE: usize = WORD_SIZE + CHECKSUM_WIDE_SIZE;
/// Bytes of the end of a log, but for its positions.
const LOG_END_SIZE: usize = PLACE_SIZE + WORD_SIZE + LENGTH_SIZE;
/// The kinds of messages are counted from 1.
const KINDS: u8 = 17;

const _: () = assert!(CHECKSUM_WIDE_SIZE == size_of::<Checksum>());
const _: () = assert!(WORD_SIZE == size_of::<View>());
const _: () = assert!(CHUNK <= u32::MAX as u64, "the number of entries fits into its field");
const _: () = assert!(PIECE <= u32::MAX as u64, "the length of a piece fits into its field");

/// The bytes of a message.
pub fn encode(cluster: u64, message: &Message) -> Payload {
    message.check();
    let size = encoded_size(message);
    // Of the right size at once, so that the bytes are never moved.
    let mut buffer = Vec::with_capacity(size);
    buffer.put_u64_le(0);
    put_message(&mut buffer, message);
    assert_eq!(buffer.len(), size, "a message is as long as its fields");
    assert_eq!(buffer[..CHECKSUM_SIZE], [0; CHECKSUM_SIZE], "room was left for the checksum");
    let checksum = mix(hash_bytes(&buffer[CHECKSUM_SIZE..]), cluster);
    buffer[..CHECKSUM_SIZE].copy_from_slice(&checksum.to_le_bytes());
    Payload::from(buffer)
}

/// The message in these bytes, which it shares; `None` if there is none, or it is not of this cluster.
pub fn decode(cluster: u64, payload: &Payload) -> Option<Message> {
    let (checksum, contents) = payload.split_at_checked(CHECKSUM_SIZE)?;
    if checksum != mix(hash_bytes(contents), cluster).to_le_bytes() {
        return None;
    }
    let mut reader = Reader { cluster, payload, rest: contents };
    let message = reader.message().filter(|_| reader.rest.is_empty())?;
    assert_eq!(encoded_size(&message), payload.len(), "what was read is as long as it was written");
    Some(message)
}

/// How many bytes a message has.
fn encoded_size(message: &Message) -> usize {
    let bytes = |bytes: &Bytes| LENGTH_SIZE + bytes.len();
    let entries = |entries: &[Entry]| LENGTH_SIZE + entries.iter().map(|entry| entry.encoded().len()).sum::<usize>();
    let log_end = |log: &LogEnd| LOG_END_SIZE + log.suffix.iter().map(position_size).sum::<usize>();
    let fields = match message {
        Message::Request { body, .. } => 2 * WORD_SIZE + bytes(body),
        Message::Reply { body, .. } => 3 * WORD_SIZE + bytes(body),
        Message::Evicted { .. } => WORD_SIZE,
        Message::Prepare { entry, .. } => 2 * WORD_SIZE + entry.encoded().len(),
        Message::PrepareOk { .. } => WORD_SIZE + LIFE_SIZE + PLACE_SIZE,
        Message::Commit { .. } => WORD_SIZE + PLACE_SIZE,
        Message::StartViewChange { .. } => 2 * WORD_SIZE,
        Message::DoViewChange { log, .. } => 2 * WORD_SIZE + LIVES * LIFE_SIZE + PLACE_SIZE + log_end(log),
        Message::StartView { log, .. } => 2 * WORD_SIZE + log_end(log),
        Message::Checkpointed { .. } => PLACE_SIZE + 3 * WORD_SIZE + CHECKSUM_WIDE_SIZE,
        Message::GetCheckpoint { .. } => 3 * WORD_SIZE,
        Message::CheckpointPiece { bytes: piece, .. } => 2 * WORD_SIZE + bytes(piece),
        Message::RequestStartView { .. } => WORD_SIZE,
        Message::Recovery { .. } => 2 * WORD_SIZE + LIFE_SIZE,
        Message::RecoveryResponse { answer, .. } => {
            6 * WORD_SIZE + LIVES * LIFE_SIZE + FLAG_SIZE + log_end(&answer.log)
        }
        Message::GetEntries { .. } => 3 * WORD_SIZE,
        Message::Entries { entries: carried, .. } => WORD_SIZE + entries(carried),
    };
    assert!(fields >= WORD_SIZE, "no message is without a number");
    CHECKSUM_SIZE + KIND_SIZE + fields
}

fn put_message(buffer: &mut Vec<u8>, message: &Message) {
    match message {
        Message::Request { client, request, body } => {
            put_words(buffer, 1, &[*client, *request]);
            put_bytes(buffer, body);
        }
        Message::Reply { view, client, request, body } => {
            put_words(buffer, 2, &[view.0, *client, *request]);
            put_bytes(buffer, body);
        }
        Message::Prepare { view, commit, entry } => {
            put_words(buffer, 3, &[view.0, *commit]);
            buffer.put_slice(entry.encoded());
        }
        Message::PrepareOk { view, life, place } => {
            put_words(buffer, 4, &[view.0]);
            buffer.put_u32_le(*life);
            put_place(buffer, *place);
        }
        Message::Commit { view, place } => {
            put_words(buffer, 5, &[view.0]);
            put_place(buffer, *place);
        }
        Message::StartViewChange { view, current } => put_words(buffer, 6, &[view.0, current.0]),
        Message::DoViewChange { view, log_view, lives, commit, log } => {
            put_words(buffer, 7, &[view.0, log_view.0]);
            lives.iter().for_each(|life| buffer.put_u32_le(*life));
            put_place(buffer, *commit);
            put_log_end(buffer, log);
        }
        Message::StartView { view, commit, log } => {
            put_words(buffer, 8, &[view.0, *commit]);
            put_log_end(buffer, log);
        }
        Message::Checkpointed { log_view, checkpoint } => {
            put_words(buffer, 13, &[log_view.0, checkpoint.timestamp, checkpoint.length]);
            put_place(buffer, checkpoint.place);
            buffer.put_u128_le(checkpoint.checksum.0);
        }
        Message::GetCheckpoint { view, op, offset } => put_words(buffer, 14, &[view.0, *op, *offset]),
        Message::CheckpointPiece { op, offset, bytes } => {
            put_words(buffer, 15, &[*op, *offset]);
            put_bytes(buffer, bytes);
        }
        Message::RequestStartView { view } => put_words(buffer, 9, &[view.0]),
        Message::GetEntries { view, from, to } => put_words(buffer, 10, &[view.0, *from, *to]),
        Message::Entries { log_view, entries } => {
            put_words(buffer, 11, &[log_view.0]);
            put_entries(buffer, entries);
        }
        Message::Evicted { client } => put_words(buffer, 12, &[*client]),
        Message::Recovery { asker, nonce, life } => {
            put_words(buffer, 16, &[u64::from(*asker), *nonce]);
            buffer.put_u32_le(*life);
        }
        Message::RecoveryResponse { asker, replica, nonce, answer } => {
            let Answer { lives, view, log_view, leads, commit, log } = answer;
            let (asker, replica) = (u64::from(*asker), u64::from(*replica));
            put_words(buffer, 17, &[asker, replica, *nonce, view.0, log_view.0, *commit]);
            lives.iter().for_each(|life| buffer.put_u32_le(*life));
            buffer.put_u8(u8::from(*leads));
            put_log_end(buffer, log);
        }
    }
}

fn put_words(buffer: &mut Vec<u8>, tag: u8, words: &[u64]) {
    assert_eq!(buffer.len(), CHECKSUM_SIZE, "the kind follows the checksum");
    assert!((1..=KINDS).contains(&tag), "a kind that a reader knows");
    assert!(!words.is_empty(), "no message is without a number");
    buffer.put_u8(tag);
    words.iter().for_each(|word| buffer.put_u64_le(*word));
    assert_eq!(buffer.len(), CHECKSUM_SIZE + KIND_SIZE + words.len() * WORD_SIZE, "words are eight bytes each");
}

fn put_place(buffer: &mut Vec<u8>, place: Place) {
    let before = buffer.len();
    buffer.put_u64_le(place.op);
    buffer.put_u128_le(place.checksum.0);
    assert_eq!(buffer.len() - before, PLACE_SIZE, "an op number and a checksum");
}

fn put_bytes(buffer: &mut Vec<u8>, bytes: &[u8]) {
    let before = buffer.len();
    buffer.put_u32_le(u32::try_from(bytes.len()).expect("a body is far below four gigabytes"));
    buffer.put_slice(bytes);
    assert_eq!(buffer.len() - before, LENGTH_SIZE + bytes.len(), "a length and so many bytes");
}

fn put_entries(buffer: &mut Vec<u8>, entries: &[Entry]) {
    assert!(entries.len() as u64 <= CHUNK, "no message carries more than a chunk of entries");
    let before = buffer.len();
    buffer.put_u32_le(entries.len() as u32);
    entries.iter().for_each(|entry| buffer.put_slice(entry.encoded()));
    assert!(buffer.len() - before >= LENGTH_SIZE + entries.len() * HEADER_SIZE, "every entry has a header");
}

/// Of which kind a position is, in one byte: an entry, or what is left of one: its checksum, its parent, both or neither.
const HERE: u8 = 4;
const CHECKSUM_KNOWN: u8 = 1;
const PARENT_KNOWN: u8 = 2;

const _: () = assert!(CHECKSUM_KNOWN & PARENT_KNOWN == 0, "each says its own");
const _: () = assert!(CHECKSUM_KNOWN + PARENT_KNOWN < HERE, "an entry that is here is not missing");

fn position_size(position: &Position) -> usize {
    let wide = |known: Option<Checksum>| if known.is_some() { CHECKSUM_WIDE_SIZE } else { 0 };
    let size = match position {
        Position::Here(entry) => entry.encoded().len(),
        Position::Missing(missing) => WORD_SIZE + wide(missing.checksum) + wide(missing.parent),
    };
    assert!((WORD_SIZE..=ENTRY_SIZE_MAX).contains(&size), "an op number at least, and a whole entry at most");
    KIND_SIZE + size
}

fn put_log_end(buffer: &mut Vec<u8>, log: &LogEnd) {
    assert!(log.suffix.len() as u64 <= CHUNK, "no message carries more than a chunk of entries");
    assert!(log.doubt <= CHUNK, "no reader takes more doubt");
    let before = buffer.len();
    put_place(buffer, log.head);
    buffer.put_u64_le(log.doubt);
    buffer.put_u32_le(log.suffix.len() as u32);
    assert_eq!(buffer.len() - before, LOG_END_SIZE, "the positions follow their number");
    log.suffix.iter().for_each(|position| put_position(buffer, position));
}

fn put_position(buffer: &mut Vec<u8>, position: &Position) {
    let before = buffer.len();
    match position {
        Position::Here(entry) => {
            buffer.put_u8(HERE);
            buffer.put_slice(entry.encoded());
        }
        Position::Missing(Missing { op, checksum, parent }) => {
            let known = |known: Option<Checksum>, bit| if known.is_some() { bit } else { 0 };
            buffer.put_u8(known(*checksum, CHECKSUM_KNOWN) | known(*parent, PARENT_KNOWN));
            buffer.put_u64_le(*op);
            checksum.iter().chain(parent).for_each(|checksum| buffer.put_u128_le(checksum.0));
        }
    }
    assert!(buffer[before] <= HERE, "a kind that a reader knows");
    assert_eq!(buffer[before] == HERE, matches!(position, Position::Here(_)), "what is lost is not said to be here");
    assert_eq!(buffer.len() - before, position_size(position), "a position is as long as what is known of it");
}

struct Reader<'a> {
    cluster: u64,
    payload: &'a Payload,
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn message(&mut self) -> Option<Message> {
        let (before, kind) = (self.rest.len(), self.array::<1>()?[0]);
        // Fields of a struct expression are evaluated in the order they are written, which is the order of the bytes.
        let message = match kind {
            1 => Message::Request { client: self.word()?, request: self.word()?, body: self.bytes()? },
            2 => {
                Message::Reply { view: self.view()?, client: self.word()?, request: self.word()?, body: self.bytes()? }
            }
            3 => Message::Prepare { view: self.view()?, commit: self.word()?, entry: self.entry()? },
            4 => Message::PrepareOk { view: self.view()?, life: self.life()?, place: self.place()? },
            5 => Message::Commit { view: self.view()?, place: self.place()? },
            6 => Message::StartViewChange { view: self.view()?, current: self.view()? },
            7 => Message::DoViewChange {
                view: self.view()?,
                log_view: self.view()?,
                lives: self.lives()?,
                commit: self.place()?,
                log: self.log_end()?,
            },
            8 => Message::StartView { view: self.view()?, commit: self.word()?, log: self.log_end()? },
            9 => Message::RequestStartView { view: self.view()? },
            10 => Message::GetEntries { view: self.view()?, from: self.word()?, to: self.word()? },
            11 => Message::Entries { log_view: self.view()?, entries: self.entries()? },
            12 => Message::Evicted { client: self.word()? },
            13 => Message::Checkpointed { log_view: self.view()?, checkpoint: self.checkpoint()? },
            14 => Message::GetCheckpoint { view: self.view()?, op: self.word()?, offset: self.word()? },
            15 => Message::CheckpointPiece { op: self.word()?, offset: self.word()?, bytes: self.bytes()? },
            16 => Message::Recovery { asker: self.number()?, nonce: self.word()?, life: self.life()? },
            17 => Message::RecoveryResponse {
                asker: self.number()?,
                replica: self.number()?,
                nonce: self.word()?,
                answer: self.answer()?,
            },
            _ => return None,
        };
        assert!((1..=KINDS).contains(&kind), "no other kind is written");
        assert!(before - self.rest.len() >= KIND_SIZE + WORD_SIZE, "no message is without a number");
        Some(message)
    }

    fn answer(&mut self) -> Option<Answer> {
        let before = self.rest.len();
        let (view, log_view, commit) = (self.view()?, self.view()?, self.word()?);
        let (lives, leads) = (self.lives()?, self.flag()?);
        assert_eq!(before - self.rest.len(), 3 * WORD_SIZE + LIVES * LIFE_SIZE + FLAG_SIZE, "the log comes last");
        let log = self.log_end()?;
        let is_sound = log_view <= view && (!leads || log_view == view);
        is_sound.then_some(Answer { lives, view, log_view, leads, commit, log })
    }

    /// The number of a replica.
    fn number(&mut self) -> Option<u16> {
        let number = u16::try_from(self.word()?).ok().filter(|number| *number < REPLICAS_MAX)?;
        assert!(usize::from(number) < LIVES, "every replica has its life");
        Some(number)
    }

    fn life(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn lives(&mut self) -> Option<[u32; LIVES]> {
        let (before, mut lives) = (self.rest.len(), [0; LIVES]);
        for life in &mut lives {
            *life = self.life()?;
        }
        assert_eq!(before - self.rest.len(), LIVES * LIFE_SIZE, "one life for each replica");
        Some(lives)
    }

    fn flag(&mut self) -> Option<bool> {
        match self.array::<1>()? {
            [0] => Some(false),
            [1] => Some(true),
            _ => None,
        }
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        assert_eq!(taken.len(), length, "what is taken is what was asked for");
        assert_eq!(taken.len() + rest.len(), self.rest.len(), "nothing is skipped");
        self.rest = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        const { assert!(0 < N && N <= CHECKSUM_WIDE_SIZE, "a field is a number or a checksum") };
        self.take(N).map(|taken| taken.try_into().expect("as many as were asked for"))
    }

    fn word(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    fn view(&mut self) -> Option<View> {
        self.bounded().map(View)
    }

    /// A number that is counted with, and so must not be so large that a sum with it overflows.
    fn bounded(&mut self) -> Option<u64> {
        self.word().filter(|number| *number <= OP_MAX)
    }

    fn place(&mut self) -> Option<Place> {
        let before = self.rest.len();
        let place = Place { op: self.bounded()?, checksum: self.checksum()? };
        assert_eq!(before - self.rest.len(), PLACE_SIZE, "an op number and a checksum");
        Some(place)
    }

    fn bytes(&mut self) -> Option<Bytes> {
        let before = self.rest.len();
        let length = self.array().map(u32::from_le_bytes)? as usize;
        let bytes = self.take(length).map(|taken| self.payload.slice_ref(taken))?;
        assert_eq!(bytes.len(), length, "there are as many as their length says");
        assert_eq!(before - self.rest.len(), LENGTH_SIZE + length, "a length and so many bytes");
        Some(bytes)
    }

    fn entry(&mut self) -> Option<Entry> {
        let entry =
            Entry::decode_vouched(self.cluster, self.payload, self.rest).filter(|entry| entry.op() <= OP_MAX)?;
        let taken = self.take(entry.encoded().len()).expect("an entry is a part of what it was read from");
        assert!((HEADER_SIZE..=ENTRY_SIZE_MAX).contains(&taken.len()), "an entry fits into a slot");
        assert_eq!(entry.header().cluster, self.cluster, "an entry of this cluster");
        assert!(entry.op() > 0, "ops count from 1");
        Some(entry)
    }

    fn entries(&mut self) -> Option<Vec<Entry>> {
        let count = u64::from(self.array().map(u32::from_le_bytes)?);
        if count > CHUNK {
            return None;
        }
        let before = self.rest.len();
        let entries: Vec<Entry> = (0..count).map(|_| self.entry()).collect::<Option<_>>()?;
        assert_eq!(entries.len() as u64, count, "there are as many as their number says");
        assert!(before - self.rest.len() >= entries.len() * HEADER_SIZE, "every entry has a header");
        is_chain(&entries).then_some(entries)
    }

    fn checksum(&mut self) -> Option<Checksum> {
        self.array().map(u128::from_le_bytes).map(Checksum)
    }

    fn checkpoint(&mut self) -> Option<Checkpoint> {
        let before = self.rest.len();
        let (timestamp, length, place, checksum) = (self.word()?, self.word()?, self.place()?, self.checksum()?);
        assert_eq!(before - self.rest.len(), 2 * WORD_SIZE + PLACE_SIZE + CHECKSUM_WIDE_SIZE, "the area is not said");
        Some(Checkpoint { place, timestamp, area: 0, length, checksum })
    }

    fn position(&mut self) -> Option<Position> {
        let (before, kind) = (self.rest.len(), self.array::<1>()?[0]);
        if kind > HERE {
            return None;
        }
        let position =
            if kind == HERE { Position::Here(self.entry()?) } else { Position::Missing(self.missing(kind)?) };
        assert_eq!(before - self.rest.len(), position_size(&position), "a position is as long as what is known of it");
        Some(position)
    }

    /// What is left of an entry, by the kind of its position.
    fn missing(&mut self, kind: u8) -> Option<Missing> {
        assert!(kind < HERE, "an entry that is here is not missing");
        let op = self.bounded().filter(|op| *op > 0)?;
        let mut wide = |bit| if kind & bit > 0 { self.checksum().map(Some) } else { Some(None) };
        let (checksum, parent) = (wide(CHECKSUM_KNOWN)?, wide(PARENT_KNOWN)?);
        assert_eq!(checksum.is_some(), kind & CHECKSUM_KNOWN > 0, "what is known was said");
        assert_eq!(parent.is_some(), kind & PARENT_KNOWN > 0, "what is known was said");
        Some(Missing { op, checksum, parent })
    }

    fn log_end(&mut self) -> Option<LogEnd> {
        let (head, doubt) = (self.place()?, self.word()?);
        let count = u64::from(self.array().map(u32::from_le_bytes)?);
        if count > CHUNK {
            return None;
        }
        let before = self.rest.len();
        let suffix: Vec<Position> = (0..count).map(|_| self.position()).collect::<Option<_>>()?;
        assert_eq!(suffix.len() as u64, count, "there are as many as their number says");
        assert!(before - self.rest.len() >= suffix.len() * (KIND_SIZE + WORD_SIZE), "every position has an op number");
        let log = LogEnd { head, doubt, suffix };
        let log = Some(log).filter(LogEnd::is_sound)?;
        assert!(log.doubt <= CHUNK, "no more doubt than there can be entries");
        Some(log)
    }
}

#[cfg(test)]
mod tests;
