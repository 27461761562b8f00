//! A queue of integers, least first, made for event queues: what is taken never decreases, and what is entered lies mostly
//! a little above what was taken last.
//!
//! A calendar (Brown, "Calendar queues", 1988), in three parts. What comes next lies in a small heap, whose first entry is
//! kept apart. What comes within the *window* lies in buckets, each of which is a list of what falls into one stretch of
//! time, with a bitmap of those that are not empty. What comes later lies in a heap. A bucket is emptied into the first
//! heap when its time comes, so that the order is exact however many entries share a bucket or a moment; the second one
//! is emptied into the buckets as the window moves on.
//!
//! With very many entries, what waits for its time is far apart in memory, and the processor waits for each piece of it. So
//! then several buckets are emptied at a time, and whoever owns what comes next is told of it a little ahead.
//!
//! The width of a bucket follows the entries: narrower when many share one, wider when many lie beyond the window. The
//! number of buckets follows the number of entries. Neither has any effect on the order.
//!
//! Measured against a binary heap (the standard library's) and one of four children, with 40 to 100,000 entries: about
//! as many instructions as a binary heap with 40 entries, and half as many with 100,000, but two thirds of the time or
//! less from the start, because where a heap compares, and half the time guesses wrong what will come of it, a bucket is
//! simply the next one. `cargo bench -- queue` repeats it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// No entry.
pub(super) const NOTHING: u128 = u128::MAX;

/// The end of a list.
const END: u32 = u32::MAX;

/// Buckets at first, and at least.
const BUCKETS_MIN: usize = 256;
/// Buckets at most: half a megabyte of them.
const BUCKETS_MAX: usize = 1 << 17;

/// The width of a bucket at first, as a power of two: 65 microseconds, a window of 17 milliseconds.
const SHIFT_FIRST: u32 = 16;

/// The greatest width: 18 minutes.
const SHIFT_MAX: u32 = 40;

/// How often widths and numbers are looked at: once in so many entries, or in four times as many as there are; eight times
/// more seldom where the last look brought nothing.
const ADAPT_EVERY: u32 = 1024;

/// With so many entries in buckets, what they stand for does not fit into the caches, so several buckets are emptied at a time:
/// then whoever owns the entries can have them fetched from memory together.
const MANY: usize = 4096;

/// How many entries are then looked for at a time.
const AHEAD: usize = 8;

/// The queue. The upper half of an entry is its time.
#[derive(Debug)]
pub(super) struct Calendar {
    /// The least entry, once it was looked for; if it was not, nothing lies in the heap beside it.
    head: u128,
    /// The other entries up to the end of the present bucket.
    near: BinaryHeap<Reverse<u128>>,
    /// Lists of entries within the window, by bucket.
    lists: Vec<u32>,
    /// Which lists are not empty.
    occupied: Vec<u64>,
    nodes: Vec<Node>,
    /// The list of nodes that are not used.
    free: u32,
    /// How many entries lie in buckets.
    listed: usize,
    /// The number of the present bucket, counted from the beginning of time.
    present: u64,
    /// The width of a bucket, as a power of two.
    shift: u32,
    /// Entries beyond the window, and the bucket from which the first of them is within.
    far: BinaryHeap<Reverse<u128>>,
    far_due: u64,
    /// How many entries come between two looks at the widths, and how many are left.
    period: u32,
    patience: u32,
    /// Of those since the last time, how many met others in the present bucket, and how many lay beyond the window.
    crowded: u32,
    beyond: u32,
    /// Several buckets were emptied at a time, and nobody has asked yet what was in them.
    is_ahead: bool,
}

/// Aligned, so that each lies within one line of the cache.
#[derive(Clone, Copy, Debug)]
#[repr(align(32))]
struct Node {
    entry: u128,
    next: u32,
}

fn time(entry: u128) -> u64 {
    (entry >> 64) as u64
}

impl Calendar {
    pub fn new() -> Calendar {
        Calendar {
            head: NOTHING,
            near: BinaryHeap::new(),
            lists: vec![END; BUCKETS_MIN],
            occupied: vec![0; BUCKETS_MIN / 64],
            nodes: Vec::new(),
            free: END,
            listed: 0,
            present: 0,
            shift: SHIFT_FIRST,
            far: BinaryHeap::new(),
            far_due: u64::MAX,
            period: ADAPT_EVERY,
            patience: ADAPT_EVERY,
            crowded: 0,
            beyond: 0,
            is_ahead: false,
        }
    }

    /// Enters an integer.
    #[inline(always)]
    pub fn push(&mut self, entry: u128) {
        assert!(entry != NOTHING, "the greatest integer stands for none");
        self.patience -= 1;
        if self.patience == 0 {
            self.adapt();
        }
        self.place(entry);
    }

    /// The least entry; [`NOTHING`] if there is none.
    #[inline]
    pub fn first(&mut self) -> u128 {
        if self.head == NOTHING { self.turn() } else { self.head }
    }

    /// Removes the least entry, which was looked at before.
    #[inline]
    pub fn pop(&mut self) {
        debug_assert!(self.head != NOTHING, "what is removed was looked at before");
        self.head = if self.near.is_empty() { NOTHING } else { self.pop_near() };
    }

    fn pop_near(&mut self) -> u128 {
        self.near.pop().map_or(NOTHING, |Reverse(entry)| entry)
    }

    /// What comes next, in no order, each time that several buckets were emptied at once. Nothing else of the queue changes.
    #[inline(always)]
    pub fn take_ahead(&mut self) -> Option<impl Iterator<Item = u128> + Clone> {
        if !self.is_ahead {
            return None;
        }
        self.is_ahead = false;
        Some(self.near.iter().map(|Reverse(entry)| *entry))
    }

    pub fn len(&self) -> usize {
        usize::from(self.head != NOTHING) + self.near.len() + self.listed + self.far.len()
    }

    pub fn clear(&mut self) {
        *self = Calendar::new();
    }

    #[inline(always)]
    fn place(&mut self, entry: u128) {
        let bucket = time(entry).wrapping_shr(self.shift);
        let ahead = bucket.wrapping_sub(self.present);
        if ahead.wrapping_sub(1) < self.lists.len() as u64 - 1 {
            self.place_in(bucket, entry);
        } else {
            self.place_aside(bucket, entry);
        }
    }

    /// Places an entry that belongs into no bucket, or into the present one.
    #[inline(never)]
    fn place_aside(&mut self, bucket: u64, entry: u128) {
        if bucket <= self.present {
            self.place_near(entry);
        } else {
            self.place_far(entry);
        }
    }

    #[cold]
    fn place_far(&mut self, entry: u128) {
        self.beyond += 1;
        self.far_due = self.far_due.min(self.due(entry));
        self.far.push(Reverse(entry));
    }

    #[inline]
    fn place_near(&mut self, entry: u128) {
        // Without a head there is nothing in the heap either.
        if self.head == NOTHING {
            self.head = entry;
            return;
        }
        let other = if entry < self.head { std::mem::replace(&mut self.head, entry) } else { entry };
        self.crowded += 1;
        self.near.push(Reverse(other));
    }

    #[inline(always)]
    fn place_in(&mut self, bucket: u64, entry: u128) {
        let index = bucket as usize & (self.lists.len() - 1);
        let node = Node { entry, next: self.lists[index] };
        let place = self.free;
        self.lists[index] = match self.nodes.get_mut(place as usize) {
            Some(vacant) => {
                self.free = vacant.next;
                *vacant = node;
                place
            }
            None => {
                self.nodes.push(node);
                self.nodes.len() as u32 - 1
            }
        };
        self.occupied[index / 64] |= 1 << (index % 64);
        self.listed += 1;
    }

    /// Goes on to the next bucket that is not empty. The least entry.
    #[inline(never)]
    fn turn(&mut self) -> u128 {
        if self.listed > 0 {
            self.empty_next();
            if self.listed >= MANY {
                self.go_ahead();
            }
        } else if let Some(Reverse(entry)) = self.far.peek() {
            self.present = time(*entry) >> self.shift;
        }
        if self.present >= self.far_due {
            self.draw_near();
        }
        self.head
    }

    /// Empties the next bucket that is not empty; it is the present one from now on. There is nothing in the head.
    #[inline(always)]
    fn empty_next(&mut self) {
        let index = self.next_occupied();
        self.occupied[index / 64] &= !(1 << (index % 64));
        let buckets = self.lists.len() as u64;
        self.present += (index as u64).wrapping_sub(self.present) & (buckets - 1);
        let mut place = std::mem::replace(&mut self.lists[index], END);
        let mut least = NOTHING;
        while place != END {
            let node = &mut self.nodes[place as usize];
            let (entry, next) = (node.entry, node.next);
            node.next = self.free;
            self.free = place;
            self.listed -= 1;
            if least == NOTHING {
                least = entry;
            } else {
                let other = if entry < least { std::mem::replace(&mut least, entry) } else { entry };
                self.crowded += 1;
                self.near.push(Reverse(other));
            }
            place = next;
        }
        self.head = least;
    }

    /// Empties further buckets behind the present one. What they hold comes later than the head, which is the least of the first.
    #[inline(never)]
    fn go_ahead(&mut self) {
        let head = std::mem::replace(&mut self.head, NOTHING);
        while self.near.len() < AHEAD && self.listed > 0 {
            self.empty_next();
            let first = std::mem::replace(&mut self.head, NOTHING);
            self.near.push(Reverse(first));
            if self.present >= self.far_due {
                self.draw_near();
                let drawn = std::mem::replace(&mut self.head, NOTHING);
                self.near.extend((drawn != NOTHING).then_some(Reverse(drawn)));
            }
        }
        assert!(self.head == NOTHING && head != NOTHING, "the head is put aside while others take its place");
        self.head = head;
        self.is_ahead = true;
    }

    /// The first list after the present one that is not empty. There is one.
    #[inline]
    fn next_occupied(&self) -> usize {
        let from = (self.present as usize + 1) & (self.lists.len() - 1);
        let mut word = from / 64;
        let mut bits = self.occupied[word] & (u64::MAX << (from % 64));
        while bits == 0 {
            word = (word + 1) & (self.occupied.len() - 1);
            bits = self.occupied[word];
        }
        word * 64 + bits.trailing_zeros() as usize
    }

    /// Takes into the buckets what has come within the window.
    #[cold]
    fn draw_near(&mut self) {
        while let Some(Reverse(entry)) = self.far.peek().copied() {
            self.far_due = self.due(entry);
            if self.present < self.far_due {
                return;
            }
            self.far.pop();
            self.place(entry);
        }
        self.far_due = u64::MAX;
    }

    /// The first bucket from which an entry lies within the window.
    fn due(&self, entry: u128) -> u64 {
        (time(entry) >> self.shift).saturating_sub(self.lists.len() as u64 - 1)
    }

    /// Fits the number of buckets to the number of entries, and their width to where entries lie.
    #[cold]
    fn adapt(&mut self) {
        let (now, needed) = (self.lists.len(), self.len().next_power_of_two().clamp(BUCKETS_MIN, BUCKETS_MAX));
        let buckets = if needed > now || needed * 4 < now { needed } else { now };
        // An entry beyond the window is entered twice, one in company costs a few comparisons; both in part are no harm.
        let misfits = self.beyond > self.period / 8 || self.crowded > self.period / 4 * 3;
        let mut patience = 1;
        if buckets != now || misfits {
            let entries = self.entries();
            let shift = fitting_shift(self.present << self.shift, &entries, buckets).unwrap_or(self.shift);
            // One more or less would only swing to and fro.
            if buckets != now || shift.abs_diff(self.shift) > 1 {
                self.rebuild(entries, buckets, shift);
            } else {
                // It is as good as it gets: many at one moment share a bucket of any width.
                patience = 8;
            }
        }
        (self.crowded, self.beyond) = (0, 0);
        let many = u32::try_from(self.len()).unwrap_or(u32::MAX).saturating_mul(4);
        self.period = ADAPT_EVERY.max(many).saturating_mul(patience);
        self.patience = self.period;
    }

    /// All entries, in no order.
    fn entries(&self) -> Vec<u128> {
        let mut entries: Vec<u128> = self.near.iter().chain(&self.far).map(|Reverse(entry)| *entry).collect();
        entries.extend((self.head != NOTHING).then_some(self.head));
        for list in &self.lists {
            let mut place = *list;
            while let Some(node) = self.nodes.get(place as usize) {
                entries.push(node.entry);
                place = node.next;
            }
        }
        assert_eq!(entries.len(), self.len(), "every entry is somewhere");
        entries
    }

    fn rebuild(&mut self, entries: Vec<u128>, buckets: usize, shift: u32) {
        let present = self.present << self.shift;
        *self = Calendar::new();
        self.lists = vec![END; buckets];
        self.occupied = vec![0; buckets / 64];
        self.shift = shift;
        // Nothing lies before the beginning of the bucket that was the present one.
        self.present = present >> shift;
        let length = entries.len();
        entries.into_iter().for_each(|entry| self.place(entry));
        assert_eq!(self.len(), length, "no entry is lost");
    }
}

/// The width with which a window of so many buckets reaches twice as far as three quarters of the entries do; none if there
/// are no entries.
fn fitting_shift(present: u64, entries: &[u128], buckets: usize) -> Option<u32> {
    let mut ahead: Vec<u64> = entries.iter().map(|entry| time(*entry).saturating_sub(present)).collect();
    let most = ahead.len() * 3 / 4;
    let (_, reach, _) = ahead.get(most).is_some().then(|| ahead.select_nth_unstable(most))?;
    let width = (u128::from(*reach) * 2 / buckets as u128).max(1) as u64;
    let above = width.next_power_of_two();
    let nearest = if above - width > width - above / 2 { above / 2 } else { above };
    Some(nearest.ilog2().min(SHIFT_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Draw;

    /// Enters and takes, and compares with a heap at every step.
    fn agrees_with_a_heap(seed: u64, size: usize, delay: impl Fn(&mut Draw) -> u64) {
        let (mut calendar, mut heap) = (Calendar::new(), BinaryHeap::new());
        let mut draw = Draw::keyed(seed, size as u64);
        let (mut now, mut sequence) = (0u64, 0u64);
        for step in 0..20_000 {
            let grows = heap.len() < size && (step / 3_000) % 2 == 0;
            if grows || draw.below(2) == 0 || heap.is_empty() {
                let at = now.saturating_add(delay(&mut draw));
                let entry = u128::from(at) << 64 | u128::from(sequence);
                sequence += 1;
                calendar.push(entry);
                heap.push(Reverse(entry));
            } else {
                let Reverse(expected) = heap.pop().unwrap();
                assert_eq!(calendar.first(), expected);
                calendar.pop();
                now = time(expected);
            }
            assert_eq!(calendar.len(), heap.len());
            // Looking ahead moves the window, and what is entered afterwards may lie before it.
            if draw.below(4) == 0 {
                assert_eq!(calendar.first(), heap.peek().map_or(NOTHING, |Reverse(entry)| *entry));
            }
        }
        while let Some(Reverse(expected)) = heap.pop() {
            assert_eq!(calendar.first(), expected);
            calendar.pop();
        }
        assert_eq!((calendar.first(), calendar.len()), (NOTHING, 0));
    }

    #[test]
    fn of_very_many_the_next_ones_are_told_ahead_and_come_out_in_order() {
        for moments in [1_000, 1_000_000] {
            let (mut calendar, mut heap) = (Calendar::new(), BinaryHeap::new());
            let mut draw = Draw::keyed(9, moments);
            let (mut now, mut told) = (0, 0);
            for sequence in 0..60_000_u64 {
                let entry =
                    u128::from(now + draw.below(moments) * (1_000_000_000 / moments)) << 64 | u128::from(sequence);
                calendar.push(entry);
                heap.push(Reverse(entry));
                if heap.len() < 3 * MANY {
                    continue;
                }
                let Some(Reverse(expected)) = heap.pop() else { unreachable!("there are many") };
                assert_eq!(calendar.first(), expected);
                if let Some(ahead) = calendar.take_ahead() {
                    told += ahead.inspect(|entry| assert!(*entry > expected, "what comes next is not told")).count();
                }
                assert!(calendar.take_ahead().is_none(), "it is told once");
                calendar.pop();
                now = time(expected);
                assert_eq!(calendar.len(), heap.len());
            }
            assert!(told > 10_000, "{told} of 48,000");
        }
    }

    #[test]
    fn any_delays_come_out_in_order() {
        for (seed, size) in [(1, 3), (2, 40), (3, 1_000), (4, 5_000)] {
            agrees_with_a_heap(seed, size, |draw| draw.below(9_000_000));
            // Few moments, shared by many.
            agrees_with_a_heap(seed, size, |draw| draw.below(3) * 1_000_000);
            agrees_with_a_heap(seed, size, |_| 0);
            // From nanoseconds to years.
            agrees_with_a_heap(seed, size, |draw| draw.word() >> draw.below(64));
            agrees_with_a_heap(seed, size, |draw| if draw.below(9) == 0 { u64::MAX } else { draw.below(50) });
        }
    }

    /// Enters and takes, with a constant number of entries, until width and number have settled.
    fn settled(size: u64, delay: impl Fn(&mut Draw) -> u64) -> Calendar {
        let (mut calendar, mut draw, mut now) = (Calendar::new(), Draw::keyed(1, size), 0);
        for sequence in 0..size * 200 {
            if sequence >= size {
                now = time(calendar.first());
                calendar.pop();
            }
            calendar.push(u128::from(now + delay(&mut draw)) << 64 | u128::from(sequence));
        }
        calendar
    }

    #[test]
    fn the_width_follows_the_delays_and_the_number_the_entries() {
        let few = settled(40, |draw| 1_000_000 + draw.below(9_000_000));
        assert_eq!(few.lists.len(), BUCKETS_MIN);
        assert!(few.shift.abs_diff(SHIFT_FIRST) <= 1, "delays of ten milliseconds: {}", few.shift);
        let many = settled(10_000, |draw| draw.below(1_000));
        assert_eq!(many.lists.len(), 16_384);
        assert!(many.shift <= 1, "delays below a microsecond: {}", many.shift);
        let slow = settled(100, |draw| draw.below(100_000_000_000));
        assert!((27..34).contains(&slow.shift), "delays of a hundred seconds: {}", slow.shift);
    }
}
