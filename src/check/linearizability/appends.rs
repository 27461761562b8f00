//! Tier 2: strings that are only appended to, and read as a whole.
//!
//! If what is appended is unique, and no appended text begins with another one, then a read can be taken apart in one way
//! only, and says which appends came before it and in which order. The longest read says so of all that anybody saw. So
//! the order is given: the appends in the longest read, each followed by the reads that end with it, and last, in any
//! order, the appends that nobody saw. It must only be compared with the clock: nothing may have returned before something
//! that comes earlier in the order was called. Pairs are enough, as for [chains](super::chains).
//!
//! A read that is not a beginning of the longest one contradicts it; one that ends within an appended text, or that has a
//! text nobody appended or has one twice, contradicts everything.
//!
//! An append of unknown outcome that somebody saw did happen and never returned. One that nobody saw may as well never have
//! happened: nothing but reads could tell, and no read did.
//!
//! O(bytes of all reads). Not for anything but appends and reads, nor where an appended text begins with another or is
//! empty, since then reads can be taken apart in several ways.
//!
//! Source: the "longest read" of append-only lists in Kingsbury and Alvaro, "Elle" (VLDB 2020), for single appends.

use crate::check::recorded::{ABSENT, Act, Entry, Texts};

use super::tier::{Evidence, Finding, Local};
use super::zones::{NOBODY, Zone};

/// Room for the tables, kept from object to object.
#[derive(Default)]
pub(super) struct Appends {
    local: Local,
    /// By appended text, who appended it.
    appended: Vec<u32>,
    /// By rank, the reads that end there; rank 0 is "nothing yet".
    reads: Vec<Zone>,
    /// The ends of the appended texts in the longest read.
    bounds: Vec<usize>,
}

impl Appends {
    /// Judges the operations on one object, which come in the order of their calls.
    pub fn judge(&mut self, ops: &[Entry], texts: &Texts) -> Finding {
        let Some(lengths) = self.gather(ops, texts) else { return Finding::Open };
        let tells = |entry: &Entry| entry.act == Act::Get && entry.is_known();
        let longest = (0..ops.len() as u32)
            .filter(|op| tells(&ops[*op as usize]))
            .max_by_key(|op| (texts.get(ops[*op as usize].value).len(), std::cmp::Reverse(*op)));
        let whole = longest.map_or(&[][..], |longest| texts.get(ops[longest as usize].value));
        let order = match self.take_apart(whole, texts, &lengths) {
            Ok(order) => order,
            Err(so_far) => {
                // Those it has in common with others, and itself.
                return Finding::Illegal(evidence(&so_far, &[longest.expect("it has a text")]));
            }
        };
        self.reads.clear();
        self.reads.resize(order.len() + 1, Zone::EMPTY);
        for (op, entry) in ops.iter().enumerate().filter(|(_, entry)| tells(entry)) {
            let (op, text) = (op as u32, texts.get(entry.value));
            let rank = match entry.value {
                ABSENT => Some(0),
                _ if text == &whole[..text.len()] => self.bounds.binary_search(&text.len()).ok().map(|rank| rank + 1),
                _ => {
                    let mut both = self.seen_by(text, texts, &lengths);
                    both.extend(&order);
                    return Finding::Illegal(evidence(&both, &[op, longest.expect("there is a read")]));
                }
            };
            let Some(rank) = rank else {
                return Finding::Illegal(evidence(&self.seen_by(text, texts, &lengths), &[op]));
            };
            self.reads[rank].add(op, entry);
        }
        self.compare_with_clock(ops, &order, longest)
    }

    /// Notes who appended what, and returns the lengths there are. Nothing if this tier is not made for it.
    fn gather(&mut self, ops: &[Entry], texts: &Texts) -> Option<Vec<usize>> {
        self.local.begin(texts.len());
        self.appended.clear();
        self.appended.push(NOBODY);
        let mut tokens: Vec<&[u8]> = Vec::new();
        for (op, entry) in ops.iter().enumerate() {
            match entry.act {
                Act::Get => {}
                Act::Append => {
                    let number = self.local.number(entry.value) as usize;
                    let text = texts.get(entry.value);
                    if number < self.appended.len() || text.is_empty() {
                        return None;
                    }
                    self.appended.push(op as u32);
                    tokens.push(text);
                }
                _ => return None,
            }
        }
        // Where one begins with another, all that lie between them in order begin with it too.
        tokens.sort_unstable();
        if tokens.windows(2).any(|pair| pair[1].starts_with(pair[0])) {
            return None;
        }
        let mut lengths: Vec<usize> = tokens.iter().map(|token| token.len()).collect();
        lengths.sort_unstable();
        lengths.dedup();
        Some(lengths)
    }

    /// The number of the appended text that this begins with, and its length.
    fn first(&self, rest: &[u8], texts: &Texts, lengths: &[usize]) -> Option<(usize, usize)> {
        lengths.iter().take_while(|length| **length <= rest.len()).find_map(|length| {
            let number = self.local.find(texts.find(&rest[..*length])?)?;
            Some((number as usize, *length))
        })
    }

    /// The appends of a text, in order, and in `bounds` where each ends.
    ///
    /// # Errors
    /// The appends up to where it cannot be taken apart, or up to the one that is there twice.
    fn take_apart(&mut self, whole: &[u8], texts: &Texts, lengths: &[usize]) -> Result<Vec<u32>, Vec<u32>> {
        self.bounds.clear();
        let mut order = Vec::new();
        let mut used = vec![false; self.appended.len()];
        let mut at = 0;
        while at < whole.len() {
            let Some((number, length)) = self.first(&whole[at..], texts, lengths) else { return Err(order) };
            if std::mem::replace(&mut used[number], true) {
                return Err(order);
            }
            at += length;
            order.push(self.appended[number]);
            self.bounds.push(at);
        }
        Ok(order)
    }

    /// As far as a text can be taken apart, whose appends it has seen.
    fn seen_by(&self, text: &[u8], texts: &Texts, lengths: &[usize]) -> Vec<u32> {
        let (mut at, mut seen) = (0, Vec::new());
        while let Some((number, length)) = self.first(&text[at..], texts, lengths) {
            at += length;
            seen.push(self.appended[number]);
        }
        seen
    }

    fn compare_with_clock(&self, ops: &[Entry], order: &[u32], longest: Option<u32>) -> Finding {
        let mut zone = Zone::EMPTY;
        zone.merge(&self.reads[0]);
        let mut seen = vec![false; ops.len()];
        let illegal = |late: u32, early: u32, rank: usize| {
            let mut both = vec![late, early];
            both.extend(longest);
            Finding::Illegal(evidence(&order[..rank], &both))
        };
        for (rank, op) in order.iter().enumerate() {
            seen[*op as usize] = true;
            for next in [Zone::of(*op, &ops[*op as usize]), self.reads[rank + 1]] {
                if next.must_precede(&zone) {
                    return illegal(zone.last_call_op, next.first_end_op, order.len());
                }
                zone.merge(&next);
            }
        }
        for (op, entry) in ops.iter().enumerate() {
            if entry.act == Act::Append && entry.is_known() && !seen[op] {
                let next = Zone::of(op as u32, entry);
                if next.must_precede(&zone) {
                    return illegal(zone.last_call_op, op as u32, order.len());
                }
            }
        }
        Finding::Legal
    }
}

fn evidence(appends: &[u32], others: &[u32]) -> Evidence {
    Evidence::of(appends.iter().chain(others).copied().collect())
}
