//! How often each label was used before.

/// Counts repeats of labels in a table of 1,024 counters, so that memory stays flat however many labels there are. Labels
/// whose hashes meet share a counter; their names stay unique, since a name holds the label as well as the count.
///
/// A large mesh has many links, which mostly carry few labels: there the counters that are in use lie in a small table of
/// their own until they are many. Which form it has makes no difference to what is counted.
#[derive(Debug, Default)]
pub(in crate::world) struct Repeats {
    /// The counters, or those in use with their numbers beside them; zero where a place is free.
    counts: Vec<u32>,
    /// The numbers of the counters in use, at the places of their counts; empty once all counters are there.
    numbers: Vec<u16>,
    used: usize,
    /// Whether to begin with a small table.
    sparing: bool,
}

/// A place in a small table is found with a mask, and only the full table has as many places as there are counters.
const _: () = assert!(Repeats::FEW.is_power_of_two(), "a small table's places are found with a mask");
const _: () = assert!(Repeats::FEW <= Repeats::MANY, "a small table is there before the full one");
const _: () = assert!(Repeats::MANY < Repeats::COUNTERS, "a small table is not taken for the full one");
const _: () = assert!(Repeats::COUNTERS <= 1 << u16::BITS, "the number of every counter can be held");

impl Repeats {
    const COUNTERS: usize = 1024;
    /// Places at first.
    const FEW: usize = 16;
    /// With more places than this the full table is no larger.
    const MANY: usize = 512;

    /// All counters at zero, in a small table at first if asked to be sparing. Nothing is held before something is counted.
    pub fn new(sparing: bool) -> Repeats {
        Repeats { sparing, ..Repeats::default() }
    }

    /// One more of the label with this hash: 1 for the first.
    #[inline(always)]
    pub fn next(&mut self, hash: u64) -> u32 {
        let number = hash as usize % Repeats::COUNTERS;
        if self.counts.len() == Repeats::COUNTERS {
            let count = &mut self.counts[number];
            *count += 1;
            return *count;
        }
        self.next_of_few(number as u16)
    }

    fn next_of_few(&mut self, number: u16) -> u32 {
        if self.used * 2 >= self.counts.len() {
            self.grow();
            if self.counts.len() == Repeats::COUNTERS {
                return self.next(u64::from(number));
            }
        }
        let place = self.place(number);
        if self.counts[place] == 0 {
            self.numbers[place] = number;
            self.used += 1;
        }
        assert_eq!(self.numbers[place], number, "what is counted is what was asked for");
        assert!(self.used < self.counts.len(), "a search for a counter ends at a free place");
        self.counts[place] += 1;
        self.counts[place]
    }

    /// The place of a counter in use, or the free one where it would lie.
    fn place(&self, number: u16) -> usize {
        assert!(self.counts.len().is_power_of_two(), "a small table's places are found with a mask");
        assert_eq!(self.counts.len(), self.numbers.len(), "every count has a number beside it");
        let mask = self.counts.len() - 1;
        let mut place = usize::from(number) & mask;
        while self.counts[place] != 0 && self.numbers[place] != number {
            place = (place + 1) & mask;
        }
        place
    }

    #[cold]
    fn grow(&mut self) {
        assert!(self.counts.len() < Repeats::COUNTERS, "the full table does not grow");
        assert!(self.used <= self.counts.len(), "no more counters are in use than there are places");
        let places = (self.counts.len() * 2).max(Repeats::FEW);
        let before = std::mem::take(self);
        self.sparing = before.sparing;
        let in_use = before.numbers.into_iter().zip(before.counts).filter(|(_, count)| *count > 0);
        if places > Repeats::MANY || !before.sparing {
            self.counts = vec![0; Repeats::COUNTERS];
            in_use.for_each(|(number, count)| self.counts[usize::from(number)] = count);
            return;
        }
        (self.counts, self.numbers, self.used) = (vec![0; places], vec![0; places], before.used);
        for (number, count) in in_use {
            let place = self.place(number);
            assert_eq!(self.counts[place], 0, "a counter moves to a place of its own");
            (self.numbers[place], self.counts[place]) = (number, count);
        }
        assert!(self.used * 2 <= self.counts.len(), "half of the places are free");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Draw;

    #[test]
    fn few_and_many_count_alike() {
        for (labels, sparing) in [(1, true), (10, true), (100, true), (1_000, true), (100_000, true), (100, false)] {
            let (mut repeats, mut counters) = (Repeats::new(sparing), vec![0u32; Repeats::COUNTERS]);
            for step in 0..5_000 {
                let hash = Draw::keyed(7, Draw::keyed(3, step).below(labels)).word();
                let counter = &mut counters[hash as usize % Repeats::COUNTERS];
                *counter += 1;
                assert_eq!(repeats.next(hash), *counter, "{labels} labels, step {step}");
            }
        }
    }
}
