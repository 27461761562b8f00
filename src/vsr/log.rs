//! The log in memory.

use super::entry::{Entry, Place};

/// A whole chain of entries from op 1 on.
#[derive(Clone, Debug, Default)]
pub struct Log {
    entries: Vec<Entry>,
}

impl Log {
    /// A log of these entries, which must be a chain from op 1 on.
    pub fn from_entries(entries: Vec<Entry>) -> Log {
        let mut log = Log::default();
        entries.into_iter().for_each(|entry| log.push(entry));
        log
    }

    /// The op number of the last entry; 0 if there is none.
    pub fn op(&self) -> u64 {
        self.entries.len() as u64
    }

    /// The place of the last entry.
    pub fn head(&self) -> Place {
        self.last().map_or(Place::default(), Entry::place)
    }

    /// The last entry.
    pub fn last(&self) -> Option<&Entry> {
        self.entries.last()
    }

    /// The entry at an op number.
    pub fn get(&self, op: u64) -> Option<&Entry> {
        let index = usize::try_from(op.checked_sub(1)?).ok()?;
        self.entries.get(index)
    }

    /// The place at an op number, that before op 1 included; `None` beyond the end.
    pub fn place(&self, op: u64) -> Option<Place> {
        if op == 0 { Some(Place::default()) } else { self.get(op).map(Entry::place) }
    }

    /// Whether the log goes through this place.
    pub fn holds(&self, place: Place) -> bool {
        self.place(place.op) == Some(place)
    }

    /// The entries from one op number to another, both included, as far as there are any.
    pub fn range(&self, from: u64, to: u64) -> &[Entry] {
        let first = from.max(1).min(self.op() + 1);
        let last = to.min(self.op()).max(first - 1);
        &self.entries[first as usize - 1..last as usize]
    }

    /// Adds an entry, which must follow the last one.
    pub fn push(&mut self, entry: Entry) {
        assert_eq!(entry.before(), self.head(), "an entry follows the one its parent names");
        let stamp = |entry: &Entry| entry.header().timestamp;
        assert!(self.last().is_none_or(|last| stamp(last) < stamp(&entry)), "the stamps of a log rise");
        self.entries.push(entry);
    }

    /// Removes all entries after an op number.
    pub fn cut(&mut self, op: u64) {
        assert!(op <= self.op(), "a log is cut within itself");
        self.entries.truncate(op as usize);
    }
}

#[cfg(test)]
mod tests {
    use super::super::entry::Header;
    use super::super::entry::tests::chain;
    use super::*;

    #[test]
    fn ranges_stay_within_the_log() {
        let log = Log::from_entries(chain(1, &[0, 0, 0]));
        let ops = |from, to| log.range(from, to).iter().map(Entry::op).collect::<Vec<_>>();
        assert_eq!(ops(1, 3), [1, 2, 3]);
        assert_eq!(ops(0, 1), [1]);
        assert_eq!(ops(3, 99), [3]);
        assert_eq!(ops(4, 9), [0; 0]);
        assert_eq!(ops(9, 4), [0; 0]);
        assert_eq!(ops(2, 0), [0; 0]);
        assert_eq!(ops(u64::MAX, u64::MAX), [0; 0]);
    }

    #[test]
    #[should_panic(expected = "the stamps of a log rise")]
    fn an_entry_stamped_before_the_one_it_follows_is_refused() {
        let first = chain(1, &[0]).remove(0);
        let header = Header { op: 2, timestamp: 0, parent: first.checksum(), ..*first.header() };
        Log::from_entries(vec![first, Entry::new(header, b"late")]);
    }

    #[test]
    fn a_cut_log_ends_where_it_was_cut() {
        let entries = chain(1, &[0, 0, 0]);
        let mut log = Log::from_entries(entries.clone());
        log.cut(1);
        assert_eq!(log.head(), entries[0].place());
        assert!(log.holds(Place::default()));
        assert!(!log.holds(entries[1].place()));
    }
}
