//! What a restart makes of one slot: the table.
//!
//! Behind the checkpoint at op c each slot expects one op. H is what the slot's record in `headers` says, B what is in the
//! slot itself. *Older* means of an op that the checkpoint covers, or blank as it was formatted, which says nothing of the
//! op expected; B is *foreign* if it is a whole entry of another slot, which a misdirected write has put there.
//!
//! | row | H | B | it means |
//! |---|---|---|---|
//! | [`Whole`](Row::Whole) | good | good, the same | the entry |
//! | [`Ahead`](Row::Ahead) | empty, older, or of an earlier view | good | its header was not written yet, or that write was lost |
//! | [`HeaderLost`](Row::HeaderLost) | unknown or invalid | good | the header is rotten or misdirected |
//! | [`BodyLost`](Row::BodyLost) | good | invalid, zero or foreign | the body is rotten or misdirected |
//! | [`BodyStale`](Row::BodyStale) | good | older, or good and not of a later view | the body's write was lost |
//! | [`Torn`](Row::Torn) | empty or older | invalid or foreign | the body was being written: never acknowledged |
//! | [`Vacant`](Row::Vacant) | empty or older | zero or older | nothing was written |
//! | [`Vacant`](Row::Vacant) | invalid | older | nothing was written |
//! | [`Unknown`](Row::Unknown) | unknown | older | nothing is known, and an earlier restart has found that out |
//! | [`Unknown`](Row::Unknown) | unknown or invalid | invalid, zero or foreign | nothing is known |
//!
//! Where the record is invalid and the body old, the body was never written: that its write was lost, and the record damaged
//! besides, is more than one lie about one entry, which no table could see through (`docs/faults.md`, rule 4). It matters,
//! because records lie four to a sector, and one that is torn or rotten says nothing of three others.

use crate::vsr::entry::{ENTRY_SIZE_MAX, Entry, View};

use super::headers::{Known, RECORD_SIZE, Record};
use super::ring::{OP_MAX, Ring};

/// What became of an op at a restart. The first eight are the table's, the others come of the chain; see the page of
/// [`restart`](super::restart).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Row {
    /// Header and body are good and the same.
    Whole,
    /// The body is good, and newer than the header.
    Ahead,
    /// The body is good, the header is not.
    HeaderLost,
    /// The header is good, the body is not.
    BodyLost,
    /// The header is good, and newer than the body.
    BodyStale,
    /// Something is in the slot that nobody acknowledged.
    Torn,
    /// Nothing is in the slot.
    Vacant,
    /// Nothing is known of the slot.
    Unknown,
    /// The entry was left over from a log that was cut.
    Leftover,
    /// The entry belongs to a log that was being installed.
    Installing,
    /// What is there is whole, and not what the entry above, or the superblock, names.
    Replaced,
    /// What is there is whole, and nothing says whether it is what ought to be there.
    Unvouched,
    /// The slot looks as if nothing had been acknowledged, but something was: a header's write was lost.
    Undeniable,
}

impl Row {
    /// All rows.
    pub const ALL: [Row; 13] = [
        Row::Whole,
        Row::Ahead,
        Row::HeaderLost,
        Row::BodyLost,
        Row::BodyStale,
        Row::Torn,
        Row::Vacant,
        Row::Unknown,
        Row::Leftover,
        Row::Installing,
        Row::Replaced,
        Row::Unvouched,
        Row::Undeniable,
    ];

    /// Whether a slot of this row may have a good body for the op expected.
    pub(super) fn may_have_body(self) -> bool {
        assert!(self <= Row::Unknown, "asked of what the table says, before the chain has had its say");
        matches!(self, Row::Whole | Row::Ahead | Row::HeaderLost | Row::BodyStale)
    }

    /// Whether anything is out of the common about it: not so of a slot that is whole, or that nothing was ever written to.
    pub fn is_odd(self) -> bool {
        !matches!(self, Row::Whole | Row::Vacant)
    }

    /// The name of its mark.
    pub fn mark(self) -> &'static str {
        match self {
            Row::Whole => "restart: entry whole",
            Row::Ahead => "restart: entry without its header",
            Row::HeaderLost => "restart: header lost",
            Row::BodyLost => "restart: body lost",
            Row::BodyStale => "restart: body's write lost",
            Row::Torn => "restart: torn entry",
            Row::Vacant => "restart: slot vacant",
            Row::Unknown => "restart: slot unknown",
            Row::Leftover => "restart: entry left over",
            Row::Installing => "restart: entry of a log being installed",
            Row::Replaced => "restart: stale entry",
            Row::Unvouched => "restart: entry not vouched for",
            Row::Undeniable => "restart: lost entry not denied",
        }
    }
}

const _: () = {
    let mut index = 0;
    while index < Row::ALL.len() {
        // So each row is among them, and once.
        assert!(Row::ALL[index] as usize == index);
        index += 1;
    }
};
const _: () = assert!(Row::ALL[Row::ALL.len() - 1] as usize == Row::Undeniable as usize);

const _: () = assert!(Row::Unknown as usize == 7, "the first eight are the table's");
const _: () = assert!(RECORD_SIZE <= ENTRY_SIZE_MAX, "a blank slot has room for its record");

/// What is in a slot, for the op expected there.
pub(super) enum Body {
    Good(Entry),
    Older,
    Zero,
    /// Rotten, torn, foreign, or of an op that nobody had room for.
    Invalid,
    /// A good entry of another slot, which was written here. For this slot that is no better than rot.
    Stray,
}

/// What the record of a slot says, for the op expected there.
#[derive(Clone, Copy)]
pub(super) enum Head {
    Good(Known),
    Older(Known),
    Empty,
    /// Of an entry that may have been there it is known that it is lost.
    Unknown,
    Invalid,
}

/// A slot and its record.
pub(super) struct Slot {
    pub head: Head,
    pub body: Body,
}

impl Slot {
    /// The row of the table.
    pub fn row(&self) -> Row {
        let row = match (&self.head, &self.body) {
            (Head::Good(known), Body::Good(entry)) if known.checksum == entry.checksum() => Row::Whole,
            (Head::Good(known), Body::Good(entry)) if known.header.view < entry.view() => Row::Ahead,
            (Head::Empty | Head::Older(_), Body::Good(_)) => Row::Ahead,
            (Head::Unknown | Head::Invalid, Body::Good(_)) => Row::HeaderLost,
            (Head::Good(_), Body::Invalid | Body::Stray | Body::Zero) => Row::BodyLost,
            (Head::Good(_), Body::Older | Body::Good(_)) => Row::BodyStale,
            (Head::Empty | Head::Older(_), Body::Invalid | Body::Stray) => Row::Torn,
            (Head::Empty | Head::Older(_), Body::Zero | Body::Older) => Row::Vacant,
            (Head::Invalid, Body::Older) => Row::Vacant,
            (Head::Unknown, Body::Older) => Row::Unknown,
            (Head::Unknown | Head::Invalid, Body::Invalid | Body::Stray | Body::Zero) => Row::Unknown,
        };
        assert!(row <= Row::Unknown, "the first eight are the table's");
        let (entry, known) = (self.entry().is_some(), self.known().is_some());
        assert!(entry || matches!(row, Row::BodyLost | Row::BodyStale) || !known, "a good header tells of its body");
        assert!(entry || !matches!(row, Row::Whole | Row::Ahead | Row::HeaderLost), "an entry that is taken is here");
        assert!(known || !matches!(row, Row::Whole | Row::BodyLost | Row::BodyStale), "a header that is taken is here");
        assert!(row.may_have_body() || !entry, "a good body is never overlooked");
        assert!(!self.is_plain() || !row.is_odd(), "what is in its place is nothing out of the common");
        row
    }

    /// Whether header and body are in their place, and say the same.
    pub fn is_plain(&self) -> bool {
        let is_plain = match (&self.head, &self.body) {
            (Head::Good(known), Body::Good(entry)) => known.checksum == entry.checksum(),
            (Head::Empty | Head::Older(_), Body::Older) => true,
            _ => false,
        };
        assert!(
            !is_plain || self.entry().is_some() == self.known().is_some(),
            "either both halves are here or neither"
        );
        is_plain
    }

    /// The entry, if the body is good.
    pub fn entry(&self) -> Option<&Entry> {
        if let Body::Good(entry) = &self.body { Some(entry) } else { None }
    }

    /// What the header says, if it is good.
    pub fn known(&self) -> Option<&Known> {
        if let Head::Good(known) = &self.head { Some(known) } else { None }
    }

    /// Whether an entry of another slot is here.
    pub fn is_stray(&self) -> bool {
        matches!(self.body, Body::Stray)
    }

    /// Whether either half is of a later view.
    pub fn is_later_than(&self, view: View) -> bool {
        let body = self.entry().is_some_and(|entry| entry.view() > view);
        body || self.known().is_some_and(|known| known.header.view > view)
    }
}

/// The slot where an op is expected, from the bytes of `headers` and `journal`.
pub(super) fn read_slot(cluster: u64, ring: Ring, op: u64, headers: &[u8], journal: &[u8]) -> Slot {
    let slot = ring.slot(op);
    assert!(slot < ring.slots(), "a slot of this ring");
    let part = |bytes: &'_ [u8], size: usize| {
        let first = bytes.len().min(slot as usize * size);
        first..bytes.len().min(first + size)
    };
    let record = &headers[part(headers, RECORD_SIZE)];
    assert!(record.len() <= RECORD_SIZE, "nothing of another slot is looked at");
    let head = match Record::decode(cluster, ring, slot, record) {
        Record::Empty => Head::Empty,
        Record::Entry(known) if known.header.op == op => Head::Good(known),
        Record::Entry(known) if known.header.op < op => Head::Older(known),
        // A record of a later op than there is room for says nothing of this one, but that something was amiss.
        Record::Entry(_) | Record::Unknown => Head::Unknown,
        Record::Invalid => Head::Invalid,
    };
    let bytes = &journal[part(journal, ENTRY_SIZE_MAX)];
    assert!(bytes.len() <= ENTRY_SIZE_MAX, "nothing of another slot is looked at");
    if let Head::Older(known) = &head {
        assert!(known.header.op + ring.slots() <= op, "an older op was here a lap before at least");
    }
    let body = match Entry::decode(cluster, bytes) {
        Some(entry) if entry.op() == op => Body::Good(entry),
        Some(entry) if entry.op() < op && ring.slot(entry.op()) == slot => {
            assert!(entry.op() + ring.slots() <= op, "an older op was here a lap before at least");
            Body::Older
        }
        None if bytes.len() >= RECORD_SIZE && is_blank(cluster, ring, slot, &bytes[..RECORD_SIZE]) => Body::Older,
        None if bytes.iter().all(|byte| *byte == 0) => Body::Zero,
        Some(entry) if entry.op() <= OP_MAX && ring.slot(entry.op()) != slot => Body::Stray,
        Some(_) | None => Body::Invalid,
    };
    let slot = Slot { head, body };
    assert!(slot.entry().is_none_or(|entry| entry.op() == op), "only the entry of the op expected is good");
    assert!(slot.known().is_none_or(|known| known.header.op == op), "only the header of the op expected is good");
    slot
}

/// Whether a slot is as it was formatted. Zeros are not: a disk may hand out zeros for anything.
fn is_blank(cluster: u64, ring: Ring, slot: u64, head: &[u8]) -> bool {
    assert_eq!(head.len(), RECORD_SIZE, "a blank slot begins with its record");
    assert!(slot < ring.slots(), "a slot of this ring");
    Record::decode(cluster, ring, slot, head) == Record::Empty
}
