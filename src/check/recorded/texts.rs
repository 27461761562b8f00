//! Texts by number: every text is stored once, and compared as a number from then on.

use crate::base::hash::{hash_bytes, mix};

/// The number of a text.
pub type TextId = u32;

/// The number of "there is nothing", which is no text: an absent key, `null`.
pub const ABSENT: TextId = 0;

/// Texts that are at most so long are compared inside the table, without a look at where they are stored.
const SHORT: usize = 7;

/// A table of texts, numbered from 1 in the order in which they came.
#[derive(Clone, Debug, Default)]
pub struct Texts {
    bytes: Vec<u8>,
    /// By number, where the text ends; the text before it ends where it begins.
    ends: Vec<usize>,
    /// Open addressing; a power of two, never full.
    slots: Vec<Slot>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    /// A short text itself with its length, or the hash of a long one.
    mark: u64,
    /// 0 if the slot is free.
    id: TextId,
}

impl Texts {
    /// How many numbers there are, that of "nothing" included.
    pub fn len(&self) -> usize {
        self.ends.len().max(1)
    }

    /// Whether there is no text.
    pub fn is_empty(&self) -> bool {
        self.len() == 1
    }

    /// The text of a number; empty for [`ABSENT`].
    pub fn get(&self, id: TextId) -> &[u8] {
        match id {
            ABSENT => &[],
            id => &self.bytes[self.ends[id as usize - 1]..self.ends[id as usize]],
        }
    }

    /// The text as people read it; `(absent)` for [`ABSENT`].
    pub fn show(&self, id: TextId) -> String {
        if id == ABSENT { "(absent)".to_owned() } else { String::from_utf8_lossy(self.get(id)).into_owned() }
    }

    /// Whether all of them, one after the other, are UTF-8.
    pub fn are_utf8(&self) -> bool {
        std::str::from_utf8(&self.bytes).is_ok()
    }

    /// The number of a text that is here already.
    pub fn find(&self, text: &[u8]) -> Option<TextId> {
        if self.slots.is_empty() {
            return None;
        }
        let (mark, at) = self.probe(text);
        debug_assert!(self.slots[at].id == 0 || self.slots[at].mark == mark);
        Some(self.slots[at].id).filter(|id| *id != ABSENT)
    }

    /// The number of a text, which is stored if it is new.
    #[inline]
    pub fn intern(&mut self, text: &[u8]) -> TextId {
        if (self.ends.len() + 1) * 2 > self.slots.len() {
            self.grow();
        }
        let (mark, at) = self.probe(text);
        if self.slots[at].id != ABSENT {
            return self.slots[at].id;
        }
        let id = TextId::try_from(self.ends.len()).expect("there are fewer than 2^32 texts");
        self.bytes.extend_from_slice(text);
        self.ends.push(self.bytes.len());
        self.slots[at] = Slot { mark, id };
        id
    }

    /// Its mark, and the slot where it is or belongs.
    #[inline]
    fn probe(&self, text: &[u8]) -> (u64, usize) {
        let short = text.len() <= SHORT;
        let (mark, hash) = if short {
            let packed = text.iter().fold(text.len() as u64, |packed, byte| packed << 8 | u64::from(*byte));
            (packed, mix(packed, 1))
        } else {
            // The top bit tells the hash of a long text from a short text, whose top byte is its length.
            let hash = hash_bytes(text);
            (hash | 1 << 63, hash)
        };
        let last = self.slots.len() - 1;
        let mut at = hash as usize & last;
        loop {
            let slot = self.slots[at];
            if slot.id == ABSENT || (slot.mark == mark && (short || self.get(slot.id) == text)) {
                return (mark, at);
            }
            at = (at + 1) & last;
        }
    }

    fn grow(&mut self) {
        if self.ends.is_empty() {
            // Number 0, which stands for nothing.
            self.ends.push(0);
        }
        let size = (self.slots.len() * 2).max(64);
        self.slots = vec![Slot::default(); size];
        for id in 1..self.ends.len() {
            let (start, end) = (self.ends[id - 1], self.ends[id]);
            let (mark, at) = self.probe(&self.bytes[start..end]);
            self.slots[at] = Slot { mark, id: id as TextId };
        }
    }

    /// About how many bytes it takes in memory.
    pub fn bytes(&self) -> usize {
        self.bytes.capacity() + self.ends.capacity() * size_of::<usize>() + self.slots.len() * size_of::<Slot>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_one_number_and_keeps_it() {
        let mut texts = Texts::default();
        assert_eq!((texts.len(), texts.find(b"a")), (1, None));
        // Short ones, long ones, the empty one, and those that differ only in zeros at the ends.
        let mut known: Vec<Vec<u8>> = vec![vec![], vec![0], vec![0, 0], b"1234567".to_vec(), b"12345678".to_vec()];
        known.extend((0..1000_u32).map(|number| number.to_string().into_bytes()));
        known.extend((0..1000_u32).map(|number| format!("a long text, number {number}").into_bytes()));
        let ids: Vec<TextId> = known.iter().map(|text| texts.intern(text)).collect();
        assert_eq!(ids, (1..=known.len() as u32).collect::<Vec<_>>());
        for (text, id) in known.iter().zip(ids) {
            assert_eq!((texts.intern(text), texts.find(text), texts.get(id)), (id, Some(id), text.as_slice()));
        }
        assert_eq!(texts.find(b"another"), None);
        assert_eq!((texts.get(ABSENT), texts.show(ABSENT).as_str()), (&[][..], "(absent)"));
    }
}
