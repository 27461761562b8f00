//! Messages as bytes.
//!
//! The first eight bytes are a checksum over the rest and the cluster's number; a message that was damaged on its way,
//! or belongs to another cluster, decodes to nothing. Then comes one byte for the kind, then the fields in the order of
//! their declaration, little endian, lists with their length in front. Decoding never panics, whatever the bytes.

use bytes::{BufMut, Bytes};

use crate::base::hash::{hash_bytes, mix};
use crate::base::{Checksum, Payload};

use super::config::CHUNK;
use super::disk::superblock::LIVES;
use super::disk::{Checkpoint, Missing, Position};
use super::entry::{Entry, Place, View};
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

/// The bytes of a message.
pub fn encode(cluster: u64, message: &Message) -> Payload {
    let size = encoded_size(message);
    // Of the right size at once, so that the bytes are never moved.
    let mut buffer = Vec::with_capacity(size);
    buffer.put_u64_le(0);
    put_message(&mut buffer, message);
    assert_eq!(buffer.len(), size, "a message is as long as its fields");
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
    let message = reader.message()?;
    reader.rest.is_empty().then_some(message)
}

/// How many bytes a message has.
fn encoded_size(message: &Message) -> usize {
    let bytes = |bytes: &Bytes| LENGTH_SIZE + bytes.len();
    let entries = |entries: &[Entry]| LENGTH_SIZE + entries.iter().map(|entry| entry.encoded().len()).sum::<usize>();
    let log_end =
        |log: &LogEnd| PLACE_SIZE + WORD_SIZE + LENGTH_SIZE + log.suffix.iter().map(position_size).sum::<usize>();
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
    buffer.put_u8(tag);
    words.iter().for_each(|word| buffer.put_u64_le(*word));
}

fn put_place(buffer: &mut Vec<u8>, place: Place) {
    buffer.put_u64_le(place.op);
    buffer.put_u128_le(place.checksum.0);
}

fn put_bytes(buffer: &mut Vec<u8>, bytes: &[u8]) {
    buffer.put_u32_le(u32::try_from(bytes.len()).expect("a body is far below four gigabytes"));
    buffer.put_slice(bytes);
}

fn put_entries(buffer: &mut Vec<u8>, entries: &[Entry]) {
    assert!(entries.len() as u64 <= CHUNK, "no message carries more than a chunk of entries");
    buffer.put_u32_le(entries.len() as u32);
    entries.iter().for_each(|entry| buffer.put_slice(entry.encoded()));
}

/// Of which kind a position is, in one byte: an entry, or what is left of one: its checksum, its parent, both or neither.
const HERE: u8 = 4;
const CHECKSUM_KNOWN: u8 = 1;
const PARENT_KNOWN: u8 = 2;

fn position_size(position: &Position) -> usize {
    let wide = |known: Option<Checksum>| if known.is_some() { CHECKSUM_WIDE_SIZE } else { 0 };
    1 + match position {
        Position::Here(entry) => entry.encoded().len(),
        Position::Missing(missing) => WORD_SIZE + wide(missing.checksum) + wide(missing.parent),
    }
}

fn put_log_end(buffer: &mut Vec<u8>, log: &LogEnd) {
    assert!(log.suffix.len() as u64 <= CHUNK, "no message carries more than a chunk of entries");
    put_place(buffer, log.head);
    buffer.put_u64_le(log.doubt);
    buffer.put_u32_le(log.suffix.len() as u32);
    for position in &log.suffix {
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
    }
}

struct Reader<'a> {
    cluster: u64,
    payload: &'a Payload,
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn message(&mut self) -> Option<Message> {
        // Fields of a struct expression are evaluated in the order they are written, which is the order of the bytes.
        Some(match self.array::<1>()?[0] {
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
        })
    }

    fn answer(&mut self) -> Option<Answer> {
        let (view, log_view, commit) = (self.view()?, self.view()?, self.word()?);
        let (lives, leads, log) = (self.lives()?, self.flag()?, self.log_end()?);
        let is_sound = log_view <= view && (!leads || log_view == view);
        is_sound.then_some(Answer { lives, view, log_view, leads, commit, log })
    }

    /// The number of a replica.
    fn number(&mut self) -> Option<u16> {
        let number = u16::try_from(self.word()?).ok()?;
        (number < REPLICAS_MAX).then_some(number)
    }

    fn life(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn lives(&mut self) -> Option<[u32; LIVES]> {
        let mut lives = [0; LIVES];
        for life in &mut lives {
            *life = self.life()?;
        }
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
        self.rest = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn word(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    fn view(&mut self) -> Option<View> {
        self.word().map(View)
    }

    fn place(&mut self) -> Option<Place> {
        Some(Place { op: self.word()?, checksum: Checksum(self.array().map(u128::from_le_bytes)?) })
    }

    fn bytes(&mut self) -> Option<Bytes> {
        let length = self.array().map(u32::from_le_bytes)?;
        self.take(length as usize).map(|taken| self.payload.slice_ref(taken))
    }

    fn entry(&mut self) -> Option<Entry> {
        let entry = Entry::decode_vouched(self.cluster, self.payload, self.rest)?;
        self.take(entry.encoded().len())?;
        Some(entry)
    }

    fn entries(&mut self) -> Option<Vec<Entry>> {
        let count = u64::from(self.array().map(u32::from_le_bytes)?);
        if count > CHUNK {
            return None;
        }
        let entries: Vec<Entry> = (0..count).map(|_| self.entry()).collect::<Option<_>>()?;
        is_chain(&entries).then_some(entries)
    }

    fn checksum(&mut self) -> Option<Checksum> {
        self.array().map(u128::from_le_bytes).map(Checksum)
    }

    fn checkpoint(&mut self) -> Option<Checkpoint> {
        let (timestamp, length, place) = (self.word()?, self.word()?, self.place()?);
        Some(Checkpoint { place, timestamp, area: 0, length, checksum: self.checksum()? })
    }

    fn position(&mut self) -> Option<Position> {
        let kind = self.array::<1>()?[0];
        if kind == HERE {
            return self.entry().map(Position::Here);
        }
        let op = self.word()?;
        let mut wide = |bit| if kind & bit > 0 { self.checksum().map(Some) } else { Some(None) };
        let (checksum, parent) = (wide(CHECKSUM_KNOWN)?, wide(PARENT_KNOWN)?);
        (kind < HERE).then_some(Position::Missing(Missing { op, checksum, parent }))
    }

    fn log_end(&mut self) -> Option<LogEnd> {
        let (head, doubt) = (self.place()?, self.word()?);
        let count = u64::from(self.array().map(u32::from_le_bytes)?);
        if count > CHUNK {
            return None;
        }
        let suffix = (0..count).map(|_| self.position()).collect::<Option<_>>()?;
        let log = LogEnd { head, doubt, suffix };
        log.is_sound().then_some(log)
    }
}

#[cfg(test)]
mod tests {
    use super::super::entry::tests::chain;
    use super::*;

    fn samples() -> Vec<Message> {
        let entries = chain(5, &[0, 0, 1]);
        let place = entries[2].place();
        let lost = |op, checksum, parent| Position::Missing(Missing { op, checksum, parent });
        let known = Some(entries[1].checksum());
        let suffix = vec![lost(1, None, None), lost(2, known, None), Position::Here(entries[2].clone())];
        let log = LogEnd { head: place, doubt: 2, suffix };
        let checkpoint = Checkpoint { place, timestamp: 9, area: 0, length: 70, checksum: Checksum(u128::MAX / 5) };
        let view = View(3);
        vec![
            Message::Request { client: 1, request: 2, body: Bytes::from_static(b"put") },
            Message::Reply { view, client: 1, request: 2, body: Bytes::new() },
            Message::Prepare { view, commit: 2, entry: entries[2].clone() },
            Message::PrepareOk { view, life: 7, place },
            Message::Commit { view, place: Place::default() },
            Message::StartViewChange { view, current: View(2) },
            Message::DoViewChange {
                view,
                log_view: View(1),
                lives: [0, 1, 2, 3, 4, u32::MAX],
                commit: entries[0].place(),
                log: log.clone(),
            },
            Message::StartView { view, commit: 3, log: LogEnd { head: place, doubt: 0, suffix: Vec::new() } },
            Message::RequestStartView { view },
            Message::GetEntries { view, from: 1, to: 64 },
            Message::Entries { log_view: View(1), entries },
            Message::Evicted { client: 4 },
            Message::Checkpointed { log_view: View(3), checkpoint },
            Message::GetCheckpoint { view, op: 8, offset: 4096 },
            Message::CheckpointPiece { op: 8, offset: 4096, bytes: Bytes::from_static(b"piece") },
            Message::Recovery { asker: 5, nonce: 6, life: 2 },
            Message::RecoveryResponse {
                asker: 1,
                replica: 2,
                nonce: 6,
                answer: Answer { lives: [2, 0, 1, 0, 0, 3], view, log_view: view, leads: true, commit: 1, log },
            },
        ]
    }

    #[test]
    fn messages_read_back() {
        for message in samples() {
            assert_eq!(decode(5, &encode(5, &message)), Some(message.clone()));
            assert_eq!(decode(6, &encode(5, &message)), None, "{message:?} of another cluster");
        }
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        for message in samples() {
            let payload = encode(5, &message);
            for bit in 0..payload.len() as u64 * 8 {
                assert_eq!(decode(5, &payload.with_bit_flipped(bit)), None, "{message:?}, bit {bit}");
            }
        }
    }

    #[test]
    fn well_sealed_nonsense_is_refused_without_a_panic() {
        let seal = |contents: &[u8]| {
            let mut bytes = mix(hash_bytes(contents), 5).to_le_bytes().to_vec();
            bytes.extend(contents);
            Payload::from(bytes)
        };
        for message in samples() {
            let payload = encode(5, &message);
            let contents = &payload[CHECKSUM_SIZE..];
            for length in 0..contents.len() {
                assert_eq!(decode(5, &seal(&contents[..length])), None, "{message:?} cut to {length}");
            }
            let mut longer = contents.to_vec();
            longer.push(0);
            assert_eq!(decode(5, &seal(&longer)), None, "{message:?} with a tail");
        }
        for tag in 0..=255 {
            let mut contents = vec![0xff; 200];
            contents[0] = tag;
            let _ = decode(5, &seal(&contents));
        }
    }

    #[test]
    fn a_suffix_that_does_not_lead_to_its_head_is_refused() {
        let entries = chain(5, &[0, 0, 1]);
        let here = |entries: &[Entry]| entries.iter().cloned().map(Position::Here).collect();
        let log = LogEnd { head: entries[1].place(), doubt: 0, suffix: here(&entries) };
        assert_eq!(decode(5, &encode(5, &Message::StartView { view: View(1), commit: 0, log })), None);
        let holed = vec![entries[0].clone(), entries[2].clone()];
        assert_eq!(decode(5, &encode(5, &Message::Entries { log_view: View(1), entries: holed })), None);
    }
}
