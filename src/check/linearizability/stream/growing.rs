//! Appends and reads of the whole, judged while they are read.
//!
//! As for [appends](super::super::appends), the longest read gives the order of what it has in it. A read is looked at when it was
//! over before the last line read was called; then every append that it can have in it has been met. It
//!
//! - goes on from the longest read so far, and what it adds can be taken apart into appends that are in no read yet; or
//! - is a beginning of the longest read so far, and ends where one of its appends ends.
//!
//! So each append that somebody has seen has a place in one order, and each read comes after the one that it ends with. At the end the
//! order is compared with the clock: nothing may have returned before something earlier in the order was called. Known appends
//! that nobody has seen come last.
//!
//! Where what is added can be taken apart in two ways, the shortest append is taken first. That may be the wrong way, and then this
//! finds nothing; but what it finds is a linearization, whichever way was taken.
//!
//! What is kept is the text once, and not as often as it was read, and the times of each append and of the reads that end with it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use crate::check::recorded::{ABSENT, Act, Entry, TextId, Texts};

/// One object.
#[derive(Debug, Default)]
pub(super) struct Growing {
    /// The longest read so far.
    text: Vec<u8>,
    /// Where each of its appends ends.
    bounds: Vec<usize>,
    /// Its appends.
    appends: Vec<Times>,
    /// The reads that end with each; first those of nothing.
    reads: Vec<Times>,
    /// Appends that are in no read yet, by what they append.
    unseen: BTreeMap<TextId, Entry>,
    /// The same while the numbers of texts are being changed.
    loose: Vec<Entry>,
    /// How many of them have a length.
    lengths: BTreeMap<usize, usize>,
    /// Reads that may not be over, by when they return and when they were called.
    open: BinaryHeap<Reverse<(u64, u64, TextId)>>,
    /// The same while the numbers of texts are being changed.
    loose_reads: Vec<(u64, u64, TextId)>,
}

/// The first return and the last call.
#[derive(Clone, Copy, Debug)]
struct Times {
    first_end: u64,
    last_call: u64,
}

const NO_TIMES: Times = Times { first_end: u64::MAX, last_call: 0 };

impl Times {
    fn merge(&mut self, call: u64, end: u64) {
        self.first_end = self.first_end.min(end);
        self.last_call = self.last_call.max(call);
    }
}

impl Growing {
    pub fn take(&mut self, entry: &Entry, texts: &Texts) -> bool {
        self.settle();
        while let Some(Reverse((end, call, value))) = self.open.peek().copied()
            && end < entry.call
        {
            self.open.pop();
            if !self.read(call, end, value, texts) {
                return false;
            }
        }
        match entry.act {
            Act::Get if entry.is_known() => self.open.push(Reverse((entry.end, entry.call, entry.value))),
            Act::Get => {}
            Act::Append => {
                let length = texts.get(entry.value).len();
                *self.lengths.entry(length).or_default() += 1;
                return length > 0 && self.unseen.insert(entry.value, *entry).is_none();
            }
            _ => return false,
        }
        true
    }

    pub fn texts(&mut self) -> impl Iterator<Item = &mut TextId> {
        self.settle();
        self.loose.extend(std::mem::take(&mut self.unseen).into_values());
        self.loose_reads.extend(self.open.drain().map(|Reverse(read)| read));
        let appended = self.loose.iter_mut().map(|entry| &mut entry.value);
        appended.chain(self.loose_reads.iter_mut().map(|(_, _, value)| value))
    }

    pub fn finish(&mut self, texts: &Texts) -> bool {
        self.settle();
        while let Some(Reverse((end, call, value))) = self.open.pop() {
            if !self.read(call, end, value, texts) {
                return false;
            }
        }
        let mut latest_call = 0;
        let mut goes_on = |times: &Times| {
            let fits = times.first_end >= latest_call;
            latest_call = latest_call.max(times.last_call);
            fits
        };
        let reads = self.reads.first().is_none_or(&mut goes_on);
        let both = self.appends.iter().zip(self.reads.iter().skip(1));
        let seen = reads && both.into_iter().all(|(append, reads)| goes_on(append) && goes_on(reads));
        seen && self.unseen.values().filter(|entry| entry.is_known()).all(|entry| entry.end >= latest_call)
    }

    fn settle(&mut self) {
        self.unseen.extend(self.loose.drain(..).map(|entry| (entry.value, entry)));
        self.open.extend(self.loose_reads.drain(..).map(Reverse));
    }

    /// Gives a read its place. False if it has none.
    fn read(&mut self, call: u64, end: u64, value: TextId, texts: &Texts) -> bool {
        let text = texts.get(value);
        if self.reads.is_empty() {
            self.reads.push(NO_TIMES);
        }
        if !text.starts_with(&self.text[..self.text.len().min(text.len())]) {
            return false;
        }
        if text.len() > self.text.len() && !self.grow(text, texts) {
            return false;
        }
        let rank = match (value, text.len()) {
            (ABSENT, _) => 0,
            (_, length) => match self.bounds.binary_search(&length) {
                Ok(rank) => rank + 1,
                Err(_) => return false,
            },
        };
        self.reads[rank].merge(call, end);
        true
    }

    /// Takes apart what a read adds.
    fn grow(&mut self, text: &[u8], texts: &Texts) -> bool {
        while self.text.len() < text.len() {
            let rest = &text[self.text.len()..];
            let lengths = self.lengths.keys().take_while(|length| **length <= rest.len());
            let found =
                lengths.filter_map(|length| texts.find(&rest[..*length])).find_map(|text| self.unseen.remove(&text));
            let Some(append) = found else { return false };
            let length = texts.get(append.value).len();
            if let Some(count) = self.lengths.get_mut(&length) {
                *count -= 1;
                if *count == 0 {
                    self.lengths.remove(&length);
                }
            }
            self.text.extend_from_slice(&rest[..length]);
            self.bounds.push(self.text.len());
            self.appends.push(Times { first_end: append.end, last_call: append.call });
            self.reads.push(NO_TIMES);
        }
        true
    }
}
