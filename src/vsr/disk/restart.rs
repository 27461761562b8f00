//! What a restart makes of a disk: slot by slot as the table of [`row`](super::row) has it, and then by the chain.
//!
//! # Which ops are certain
//!
//! The superblock's `log_head` vouches for everything up to it. So does a good header of `log_view` itself, beyond the log
//! head, for everything up to its own op: bodies are durable before any header that was queued with them, and a log is
//! written in order. None of these ops is ever denied: where the table says torn or vacant, a header's write was lost.
//!
//! Beyond them the log goes on through entries that were first prepared in `log_view`. An entry of an older view is left
//! over from a log that was cut; one of a later view belongs to a log that was being installed, for which ours had been cut.
//! Both count as empty. The first op that is certainly empty ends the log: nothing after it was ever acknowledged. What is
//! unknown before the last entry is missing; what is unknown behind it is doubt.
//!
//! A crash alone leaves no hole, and in a running view no doubt. Between views it may leave doubt about what was being cut,
//! or adopted: an older entry whose header was torn.
//!
//! # Which entry is the right one
//!
//! From the last certain op down, the parent of each entry names the one below it. Only a candidate of that name counts,
//! the body or else the header; without one the position is missing, with its checksum known. The superblock's log head,
//! and the checkpoint, count more than any parent.
//!
//! Where the position above is missing and its parent is not known, nothing names an entry. Then it counts
//!
//! - if it is of `log_view`: in one view only one entry is ever prepared for an op; or
//! - if it is not beyond the log head, and header and body agree, or the header stands alone. For a later entry to have
//!   been there, two writes of one entry would have had to be lost.
//!
//! Otherwise it might be left over from a log that was cut, whose successor's body was lost while the header decayed; then
//! the position is missing and nothing is known of it, until the position above is filled.

use std::collections::VecDeque;

use crate::base::Checksum;

use super::headers::{Headers, Known};
use super::log::{Log, Missing, Position};
use super::ring::Ring;
use super::row::{Head, Row, Slot, read_slot};
use super::superblock::Superblock;

/// What became of one op.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Case {
    /// The op.
    pub op: u64,
    /// How it was judged.
    pub row: Row,
}

/// What a restart has made out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Recovered {
    /// The log, with its holes and its doubt.
    pub log: Log,
    /// How each op was judged, in order, up to the one that ended the log.
    pub cases: Vec<Case>,
    /// What `headers` ought to say of this log. [`scan::read`](super::scan::read) makes it so.
    pub headers: Headers,
    /// The sectors of `headers` that said otherwise.
    pub rewritten: Vec<u64>,
    /// Whether every slot is what it ought to be, and its record too: then nothing was misread.
    pub is_plain: bool,
    /// How many slots hold an entry that belongs to another.
    pub strays: usize,
}

impl Recovered {
    /// Whether every op that might have been acknowledged is in the log, with its entry.
    pub fn is_whole(&self) -> bool {
        self.log.is_whole() && self.log.doubtful() == 0
    }
}

/// What an op beyond the certain ones is.
enum Beyond {
    Belongs,
    Unknown,
    Empty(Row),
}

/// The slots behind a checkpoint, and the promises they are judged by.
struct Judge<'a> {
    superblock: &'a Superblock,
    ring: Ring,
    /// For the ops after the checkpoint, in order.
    slots: Vec<Slot>,
}

/// Makes out the log of a replica with this superblock, from the bytes of `headers` and `journal`. Sectors that could not
/// be read are given as bytes of `0xff`; a file may be too short.
pub fn recover(superblock: &Superblock, headers: &[u8], journal: &[u8]) -> Recovered {
    assert!(superblock.is_sound(), "the superblock was read or formatted");
    let ring = superblock.ring();
    let base = superblock.checkpoint.place.op;
    let slots: Vec<Slot> =
        (base + 1..=ring.last(base)).map(|op| read_slot(superblock.cluster, ring, op, headers, journal)).collect();
    assert_eq!(slots.len() as u64, ring.slots(), "each slot expects one op");
    let recovered = Judge { superblock, ring, slots }.judge(headers);
    assert_eq!(recovered.log.base(), superblock.checkpoint.place, "the log begins behind the checkpoint");
    assert!(recovered.log.op() >= superblock.log_head.op, "what the superblock vouches for is not denied");
    recovered
}

impl Judge<'_> {
    fn base(&self) -> u64 {
        self.superblock.checkpoint.place.op
    }

    fn slot(&self, op: u64) -> &Slot {
        assert!(op > self.base(), "what a checkpoint covers is not looked at");
        assert!(op <= self.last(), "no slot expects an op so far on");
        &self.slots[(op - self.base() - 1) as usize]
    }

    fn last(&self) -> u64 {
        self.ring.last(self.base())
    }

    fn judge(self, found: &[u8]) -> Recovered {
        let certain = self.certain();
        let (end, doubtful, ending) = self.beyond_all(certain);
        assert!(certain <= end, "the log does not end before what is certain");
        assert!(end + doubtful <= self.last(), "the log fits into the ring");
        let (positions, mut cases) = self.name_from_above(certain, end);
        cases.extend((end + 1..=end + doubtful).map(|op| Case { op, row: Row::Unknown }));
        cases.extend(ending.map(|row| Case { op: end + doubtful + 1, row }));
        let checkpoint = &self.superblock.checkpoint;
        let log = Log::restored(checkpoint.place, checkpoint.timestamp, positions, doubtful);
        assert_eq!(log.op(), end, "the log ends where it was found to end");
        assert_eq!(
            cases.last().map_or(end, |case| case.op),
            cases.len() as u64 + self.base(),
            "every op is judged once"
        );
        let headers = self.image(&log);
        let rewritten = headers.differing(found);
        let is_plain = rewritten.is_empty() && self.slots.iter().all(Slot::is_plain);
        assert!(!is_plain || log.doubtful() == 0, "doubt comes of a slot that is not what it ought to be");
        let strays = self.slots.iter().filter(|slot| slot.is_stray()).count();
        assert!(!is_plain || strays == 0, "nothing is in the place of something else where all is as it ought to be");
        Recovered { log, cases, headers, rewritten, is_plain, strays }
    }

    /// The last op that is certain by the superblock or by a header of the log view.
    fn certain(&self) -> u64 {
        let Superblock { log_head, log_view, .. } = *self.superblock;
        let vouched = log_head.op.max(self.base());
        let by_header = |op: &u64| self.slot(*op).known().is_some_and(|known| known.header.view == log_view);
        let certain = (vouched + 1..=self.last()).rev().find(by_header).unwrap_or(vouched);
        assert!(certain >= log_head.op, "what the superblock vouches for is certain");
        assert!(certain >= self.base(), "what the checkpoint covers is certain");
        assert!(certain <= self.last(), "the ring has room for what is certain");
        certain
    }

    /// How far the log goes on, how many doubtful ops follow, and how the op that ended it was judged; that is `None` if
    /// the ring ended.
    fn beyond_all(&self, certain: u64) -> (u64, u64, Option<Row>) {
        assert!(certain >= self.base(), "what the checkpoint covers is certain");
        let (mut end, mut doubtful) = (certain, 0);
        for op in certain + 1..=self.last() {
            match self.beyond(self.slot(op)) {
                Beyond::Belongs => (end, doubtful) = (op, 0),
                Beyond::Unknown => doubtful += 1,
                Beyond::Empty(row) => return (end, doubtful, Some(row)),
            }
        }
        assert_eq!(end + doubtful, self.last(), "a log that nothing ended goes through the whole ring");
        assert!(end >= certain, "the log does not end before what is certain");
        (end, doubtful, None)
    }

    fn beyond(&self, slot: &Slot) -> Beyond {
        let log_view = self.superblock.log_view;
        let vouches = slot.known().is_some_and(|known| known.header.view == log_view);
        assert!(!vouches, "a good header of the log's view makes its op certain");
        let row = slot.row();
        match row {
            _ if slot.entry().is_some_and(|entry| entry.view() == log_view) => Beyond::Belongs,
            _ if slot.is_later_than(log_view) => Beyond::Empty(Row::Installing),
            Row::Whole | Row::Ahead | Row::BodyStale => Beyond::Empty(Row::Leftover),
            // An older entry whose header cannot be read, or whose body cannot: its successor may have been here.
            Row::HeaderLost | Row::BodyLost | Row::Unknown => Beyond::Unknown,
            _ => Beyond::Empty(row),
        }
    }

    /// What the superblock itself says of an op.
    fn forced(&self, op: u64) -> Option<Checksum> {
        let Superblock { log_head, checkpoint, .. } = self.superblock;
        let place = [checkpoint.place, *log_head].into_iter().find(|place| place.op == op);
        assert!(log_head.op != checkpoint.place.op || *log_head == checkpoint.place, "one op has one entry");
        place.map(|place| place.checksum)
    }

    /// Goes from the last op down, each position naming the one below it.
    fn name_from_above(&self, certain: u64, end: u64) -> (VecDeque<Position>, Vec<Case>) {
        assert!(end >= certain, "the log does not end before what is certain");
        let (mut positions, mut cases) = (VecDeque::new(), Vec::new());
        let mut named = None;
        for op in (self.base() + 1..=end).rev() {
            let slot = self.slot(op);
            let at_end = || match slot.entry() {
                Some(entry) if end > certain => Some(entry.checksum()),
                _ => slot.known().map(|known| known.checksum),
            };
            let wanted = self.forced(op).or(named).or_else(|| if op == end { at_end() } else { None });
            assert!(op < end || wanted.is_some(), "the last certain entry is known");
            let (mut position, mut row) = match wanted {
                Some(wanted) => find(slot, op, wanted),
                None => self.find_unnamed(slot, op),
            };
            if self.forced(op - 1).is_some_and(|below| position.parent().is_some_and(|parent| parent != below)) {
                // It does not lead to what the superblock vouches for. No crash and no decay does that.
                position = Position::Missing(Missing { op, checksum: position.checksum(), parent: None });
                row = Row::Replaced;
            }
            assert_eq!(position.op(), op, "positions come in order");
            assert!(wanted.is_none() || position.checksum() == wanted, "only what is named counts");
            named = position.parent();
            positions.push_front(position);
            cases.push(Case { op, row });
        }
        cases.reverse();
        assert_eq!(positions.len() as u64, end - self.base(), "every op of the log has its position");
        assert_eq!(cases.len(), positions.len(), "every op of the log is judged");
        (positions, cases)
    }

    /// The position of an op of which nothing above says what ought to be there.
    fn find_unnamed(&self, slot: &Slot, op: u64) -> (Position, Row) {
        assert!(self.forced(op).is_none(), "the superblock names none for this op");
        check_slot(slot, op);
        let Superblock { log_head, log_view, .. } = *self.superblock;
        let row = slot.row();
        if let Some(entry) = slot.entry().filter(|entry| entry.view() == log_view) {
            return (Position::Here(entry.clone()), present(row));
        }
        let vouched = op <= log_head.op;
        match (slot.entry(), slot.known()) {
            (Some(entry), Some(known)) if vouched && entry.checksum() == known.checksum => {
                assert_eq!(row, Row::Whole, "header and body agree");
                (Position::Here(entry.clone()), row)
            }
            (None, Some(known)) if vouched || known.header.view == log_view => {
                assert!(matches!(row, Row::BodyLost | Row::BodyStale), "the header stands alone");
                (remains(known), row)
            }
            (None, None) => (unknown(op, None), absent(row)),
            _ => (unknown(op, None), Row::Unvouched),
        }
    }

    /// What the headers ought to say of this log.
    fn image(&self, log: &Log) -> Headers {
        assert_eq!(log.base().op, self.base(), "the log begins behind the checkpoint");
        assert!(log.op() + log.doubtful() <= self.last(), "the log fits into the ring");
        let mut headers = Headers::formatted(self.superblock.cluster, self.ring);
        for op in self.base() + 1..=self.last() {
            let slot = self.slot(op);
            match log.position(op) {
                Some(Position::Here(entry)) => headers.set_known(&Known::of(entry)),
                Some(Position::Missing(missing)) => match slot.known() {
                    // Kept only where it is believed.
                    Some(known) if missing.checksum == Some(known.checksum) => headers.set_known(known),
                    _ => headers.set_unknown(self.ring.slot(op)),
                },
                None if op <= log.op() + log.doubtful() => headers.set_unknown(self.ring.slot(op)),
                // Nothing after the end was acknowledged. A header of an op that is covered says as much.
                None => match slot.head {
                    Head::Older(known) => headers.set_known(&known),
                    Head::Good(_) | Head::Empty | Head::Unknown | Head::Invalid => {
                        headers.set_empty(self.ring.slot(op))
                    }
                },
            }
        }
        headers
    }
}

/// Asserts that a slot is the one where an op is expected.
fn check_slot(slot: &Slot, op: u64) {
    assert!(slot.entry().is_none_or(|entry| entry.op() == op), "an entry is looked for in its own slot");
    assert!(slot.known().is_none_or(|known| known.header.op == op), "a header is looked for in its own slot");
}

fn unknown(op: u64, checksum: Option<Checksum>) -> Position {
    assert!(op > 0, "ops count from 1");
    Position::Missing(Missing { op, checksum, parent: None })
}

/// What a header says of an entry whose body is lost.
fn remains(known: &Known) -> Position {
    let Known { header, checksum, .. } = *known;
    assert!(header.op > 0, "ops count from 1");
    Position::Missing(Missing { op: header.op, checksum: Some(checksum), parent: Some(header.parent) })
}

/// The position of an op whose entry must have the checksum `wanted`.
fn find(slot: &Slot, op: u64, wanted: Checksum) -> (Position, Row) {
    check_slot(slot, op);
    let row = slot.row();
    let (position, row) = match (slot.entry(), slot.known()) {
        (Some(entry), _) if entry.checksum() == wanted => (Position::Here(entry.clone()), present(row)),
        // Whichever is of the later view: a view may adopt an entry of an earlier one in the place of a later one.
        (Some(_), Some(known)) if known.checksum == wanted => (remains(known), Row::BodyStale),
        (None, Some(known)) if known.checksum == wanted => (remains(known), row),
        (None, None) => (unknown(op, Some(wanted)), absent(row)),
        _ => (unknown(op, Some(wanted)), Row::Replaced),
    };
    assert_eq!(position.op(), op, "the position is that of the op");
    assert_eq!(position.checksum(), Some(wanted), "only what is named counts");
    (position, row)
}

/// The row of a body that turned out to be the right one.
fn present(row: Row) -> Row {
    assert!(row.may_have_body(), "the body is here");
    if row == Row::BodyStale { Row::Ahead } else { row }
}

/// The row of an op that is certain, and of which nothing is left.
fn absent(row: Row) -> Row {
    assert!(matches!(row, Row::Torn | Row::Vacant | Row::Unknown), "nothing is left of it");
    if row == Row::Unknown { row } else { Row::Undeniable }
}
