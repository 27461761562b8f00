//! Tiers 1 and 3: registers whose values are unique, with compare-and-swap.
//!
//! **Plain reads and writes** (tier 1) form one block for each value: the write, then its reads. [`zones`](super::zones)
//! finds an order for blocks.
//!
//! **A compare-and-swap that swapped** (tier 3) found the value it names and left another. No write can have come between
//! the value that it found and its own, so both are of one block. Blocks are then *chains*: a write, reads of its value,
//! the swap from it, reads of what that wrote, the next swap, and so on. Within a chain the order is given up to that of
//! reads of one value, so it must only be compared with the clock: nothing may have returned before something that comes
//! earlier in the chain was called. (Pairs are enough: the chain is a weak order, returns before calls are an interval
//! order, and a cycle through both always has a short cut.) Two swaps from one value are a contradiction by themselves,
//! since what is written once cannot be found again once it is gone.
//!
//! **Unknown outcomes.** A write of unknown outcome whose value somebody has seen did happen; it just never returned. If
//! nobody has seen it, then it may as well never have happened: leaving it out of a linearization changes no answer. That
//! is not so when a compare-and-swap *failed*, because that might have failed because of it; hence the next paragraph.
//!
//! **A failed compare-and-swap** only says that the value was another one for a moment. It is left out at first: what is
//! illegal without it is illegal. What is legal without it gives a concrete order of all values, and in that order each
//! failed one looks for the first value other than its own between the operations it must follow and those it must precede.
//! If all find one, that is a linearization, in which unknown writes that nobody saw did not happen. If one does not,
//! another order might do, and this tier has no say: the search looks for it.
//!
//! O(n log n), and O(n) but for sorting blocks. Not for values that were written twice and seen, nor for deletes, which
//! write "absent" twice if one counts that it was there first.
//!
//! Source: Gibbons and Korach 1997 for unique values; merging read-modify-writes into chains after Fan and Golab,
//! "Verifying linearizability of read-modify-writes" (2018); failed swaps are ours.

use crate::check::recorded::{ABSENT, Act, Answer, Entry};

use super::tier::{Evidence, Finding, Local};
use super::zones::{self, NOBODY, Zone};

/// What is known of one value.
#[derive(Clone, Copy)]
struct Value {
    /// Who wrote it.
    writer: u32,
    /// Somebody else wrote it too.
    twice: bool,
    /// Somebody found it.
    seen: bool,
    /// Who swapped it for another one.
    next: u32,
    /// Its reads.
    reads: Zone,
    /// Its place in the order of all values, once there is one.
    rank: u32,
}

const NO_VALUE: Value = Value { writer: NOBODY, twice: false, seen: false, next: NOBODY, reads: Zone::EMPTY, rank: 0 };

/// Room for the tables, kept from object to object.
#[derive(Default)]
pub(super) struct Chains {
    local: Local,
    values: Vec<Value>,
    /// By operation, its values: written or read, and expected.
    numbers: Vec<(u32, u32)>,
    /// Compare-and-swaps, by outcome.
    swapped: Vec<u32>,
    unknown: Vec<u32>,
    failed: Vec<u32>,
    /// The first operations of chains; [`NOBODY`] for the initial value.
    blocks: Vec<(Zone, u32)>,
    ranks: Vec<u32>,
}

impl Chains {
    /// Judges the operations on one object, which come in the order of their calls. `texts` is how many texts there are.
    pub fn judge(&mut self, ops: &[Entry], texts: usize) -> Finding {
        if !self.gather(ops, texts) {
            return Finding::Open;
        }
        self.settle_unknown(ops);
        if let Some(finding) = self.link(ops) {
            return finding;
        }
        if let Some(finding) = self.walk(ops) {
            return finding;
        }
        if let Err([one, other]) = zones::order(&mut self.blocks) {
            return Finding::Illegal(self.conflict(ops, one, other));
        }
        if self.failed.is_empty() || self.place_failed(ops) { Finding::Legal } else { Finding::Open }
    }

    /// Notes who wrote and who found which value. False if this is not a register.
    fn gather(&mut self, ops: &[Entry], texts: usize) -> bool {
        self.local.begin(texts);
        self.values.clear();
        self.values.push(NO_VALUE);
        self.numbers.clear();
        for list in [&mut self.swapped, &mut self.unknown, &mut self.failed] {
            list.clear();
        }
        for (op, entry) in ops.iter().enumerate() {
            let op = op as u32;
            let mut value = self.local.number(entry.value);
            let mut from = 0;
            match entry.act {
                Act::Get | Act::Put => {}
                // Of one that failed, only the value that it did not find counts.
                Act::Cas if entry.answer == Answer::No => value = self.local.number(entry.from),
                Act::Cas => from = self.local.number(entry.from),
                _ => return false,
            }
            if self.values.len() < self.local.count() {
                self.values.resize(self.local.count(), NO_VALUE);
            }
            self.numbers.push((value, from));
            let known = &mut self.values[value as usize];
            let written = match (entry.act, entry.answer) {
                (Act::Get, Answer::Unknown) => false,
                (Act::Get, _) => {
                    known.seen = true;
                    known.reads.add(op, entry);
                    false
                }
                (Act::Put, _) => true,
                (_, Answer::No) => {
                    self.failed.push(op);
                    false
                }
                (_, Answer::Unknown) => {
                    self.unknown.push(op);
                    true
                }
                _ => {
                    self.swapped.push(op);
                    true
                }
            };
            if written {
                known.twice |= known.writer != NOBODY;
                known.writer = if known.writer == NOBODY { op } else { known.writer };
            }
            if written && entry.act == Act::Cas && entry.is_known() {
                self.values[from as usize].seen = true;
            }
        }
        true
    }

    /// An unknown swap whose result was seen did happen, and so did what it found.
    fn settle_unknown(&mut self, ops: &[Entry]) {
        let mut happened = vec![false; if self.unknown.is_empty() { 0 } else { ops.len() }];
        for place in 0..self.unknown.len() {
            let mut op = self.unknown[place];
            while !happened[op as usize] && self.values[self.numbers[op as usize].0 as usize].seen {
                happened[op as usize] = true;
                self.swapped.push(op);
                let from = &mut self.values[self.numbers[op as usize].1 as usize];
                let writer = from.writer;
                let was_seen = std::mem::replace(&mut from.seen, true);
                let unknown_swap = writer != NOBODY && {
                    let entry = &ops[writer as usize];
                    entry.act == Act::Cas && !entry.is_known()
                };
                if was_seen || !unknown_swap {
                    break;
                }
                op = writer;
            }
        }
    }

    /// Links every value with the swap from it. An answer if that is impossible, or if values are not unique.
    fn link(&mut self, ops: &[Entry]) -> Option<Finding> {
        if self.values.iter().any(|value| value.seen && value.twice) || self.values[0].writer != NOBODY {
            return Some(Finding::Open);
        }
        for place in 0..self.swapped.len() {
            let op = self.swapped[place];
            let from = &mut self.values[self.numbers[op as usize].1 as usize];
            if from.next != NOBODY {
                // Both found what was there once.
                let mut both = self.ancestors(ops, from_of(&self.numbers, op));
                both.extend([self.values[from_of(&self.numbers, op) as usize].next, op]);
                return Some(Finding::Illegal(Evidence::of(both)));
            }
            from.next = op;
        }
        let unwritten = self.values.iter().skip(1).find(|value| value.seen && value.writer == NOBODY);
        unwritten.map(|value| {
            let witness = if value.reads.is_empty() { value.next } else { value.reads.last_call_op };
            Finding::Illegal(Evidence::of(vec![witness]))
        })
    }

    /// Walks all chains, and makes their zones. An answer if one is out of order within.
    fn walk(&mut self, ops: &[Entry]) -> Option<Finding> {
        self.blocks.clear();
        let mut swaps = 0;
        let mut heads = std::iter::once(NOBODY).chain((0..ops.len() as u32).filter(|op| {
            let entry = &ops[*op as usize];
            entry.act == Act::Put && (entry.is_known() || self.values[self.numbers[*op as usize].0 as usize].seen)
        }));
        let broken = heads.find_map(|head| {
            let mut zone = if head == NOBODY { Zone::INITIAL } else { Zone::EMPTY };
            let mut op = head;
            loop {
                if op != NOBODY {
                    let mut own = Zone::EMPTY;
                    own.add(op, &ops[op as usize]);
                    if own.must_precede(&zone) {
                        return Some((zone.last_call_op, op));
                    }
                    zone.merge(&own);
                }
                let value = &self.values[if op == NOBODY { 0 } else { self.numbers[op as usize].0 as usize }];
                // Of a value that was written twice nobody says anything, so it has no reads and no successor.
                if !value.reads.is_empty() {
                    if value.reads.must_precede(&zone) {
                        return Some((zone.last_call_op, value.reads.first_end_op));
                    }
                    zone.merge(&value.reads);
                }
                if value.next == NOBODY {
                    break;
                }
                op = value.next;
                swaps += 1;
            }
            self.blocks.push((zone, head));
            None
        });
        if let Some((late, early)) = broken {
            let mut out = self.ancestors(ops, self.numbers[late as usize].0);
            out.extend(self.ancestors(ops, self.numbers[early as usize].0));
            out.extend([late, early]);
            return Some(Finding::Illegal(Evidence::of(out)));
        }
        if swaps < self.swapped.len() {
            return Some(Finding::Illegal(self.circle(ops)));
        }
        None
    }

    /// Swaps that begin nowhere: each found what another one of them wrote.
    fn circle(&self, ops: &[Entry]) -> Evidence {
        let mut reached = vec![false; ops.len()];
        for (_, head) in &self.blocks {
            let mut op = *head;
            loop {
                let value = &self.values[if op == NOBODY { 0 } else { self.numbers[op as usize].0 as usize }];
                if value.next == NOBODY {
                    break;
                }
                op = value.next;
                reached[op as usize] = true;
            }
        }
        let lost = self.swapped.iter().find(|op| !reached[**op as usize]).expect("some swap was not reached");
        Evidence::of(self.ancestors(ops, self.numbers[*lost as usize].0))
    }

    /// Everybody who wrote something on the way from a blind write to this value.
    fn ancestors(&self, ops: &[Entry], value: u32) -> Vec<u32> {
        let mut writers = Vec::new();
        let mut value = value;
        loop {
            let writer = self.values[value as usize].writer;
            if writer == NOBODY || writers.first() == Some(&writer) || writers.len() > ops.len() {
                return writers;
            }
            writers.push(writer);
            if ops[writer as usize].act != Act::Cas {
                return writers;
            }
            value = self.numbers[writer as usize].1;
        }
    }

    fn conflict(&self, ops: &[Entry], one: u32, other: u32) -> Evidence {
        let mut all = Vec::new();
        for head in [one, other] {
            let (zone, _) = self.blocks.iter().find(|(_, block)| *block == head).expect("it is a block");
            for op in [zone.first_end_op, zone.last_call_op] {
                if op != NOBODY {
                    all.push(op);
                    all.extend(self.ancestors(ops, self.numbers[op as usize].0));
                }
            }
        }
        Evidence::of(all)
    }

    /// Looks for a place for every failed compare-and-swap in the order of values that has been found.
    fn place_failed(&mut self, ops: &[Entry]) -> bool {
        // The values in order, and for every operation the rank of the value that it wrote or found.
        let mut order: Vec<u32> = Vec::new();
        self.ranks.clear();
        self.ranks.resize(ops.len(), u32::MAX);
        for place in 0..self.blocks.len() {
            let mut op = self.blocks[place].1;
            loop {
                let number = if op == NOBODY { ABSENT } else { self.numbers[op as usize].0 };
                if op != NOBODY {
                    self.ranks[op as usize] = order.len() as u32;
                }
                let value = &mut self.values[number as usize];
                value.rank = order.len() as u32;
                order.push(number);
                if value.next == NOBODY {
                    break;
                }
                op = value.next;
            }
        }
        // The least rank among the operations from here on that something before them may still have.
        let mut upper = vec![u32::MAX; ops.len() + 1];
        for op in (0..ops.len()).rev() {
            let entry = &ops[op];
            if entry.act == Act::Get && entry.is_known() {
                self.ranks[op] = self.values[self.numbers[op].0 as usize].rank;
            }
            let rank = self.ranks[op];
            let before = if entry.act == Act::Get { rank } else { rank.wrapping_sub(1) };
            upper[op] = if rank == u32::MAX { upper[op + 1] } else { upper[op + 1].min(before) };
        }
        let mut by_end: Vec<u32> = (0..ops.len() as u32).filter(|op| ops[*op as usize].is_known()).collect();
        by_end.sort_unstable_by_key(|op| ops[*op as usize].end);
        let (mut ended, mut lower) = (by_end.iter().peekable(), 0);
        for op in &self.failed {
            let entry = &ops[*op as usize];
            while let Some(before) = ended.next_if(|before| ops[**before as usize].precedes(entry)) {
                // A failed one that has returned was called before this one, and so has its place already.
                lower = lower.max(self.ranks[*before as usize]);
            }
            let after = ops.partition_point(|other| other.call <= entry.end);
            let expected = self.numbers[*op as usize].0;
            let mut rank = lower;
            while order.get(rank as usize) == Some(&expected) {
                rank += 1;
            }
            if rank > upper[after] || rank as usize >= order.len() {
                return false;
            }
            self.ranks[*op as usize] = rank;
        }
        true
    }
}

fn from_of(numbers: &[(u32, u32)], op: u32) -> u32 {
    numbers[op as usize].1
}
