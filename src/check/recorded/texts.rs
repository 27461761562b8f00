//! Texts by number: every text is stored once, and compared as a number from then on.

use super::eight;
use crate::base::hash::{hash_bytes, mix};

/// The number of a text.
pub type TextId = u32;

/// The number of "there is nothing", which is no text: an absent key, `null`.
pub const ABSENT: TextId = 0;

/// Texts that are at most so long are compared inside the table, without a look at where they are stored.
const SHORT: usize = 7;

/// Small numbers are looked up by themselves as long as there are no more than so many for each text there is.
const NUMBERS_PER_TEXT: usize = 4;

/// Small numbers up to this one are looked up by themselves in any case.
const NUMBERS_LEAST: usize = 1 << 10;

/// Room for so many bytes of texts that are not needed is too much to keep.
const LARGE: usize = 1 << 22;

/// So many texts that were looked up last are looked for first: a power of two.
const RECENT: usize = 1 << 12;

/// A table of texts, numbered from 1 in the order in which they came.
///
/// Most values of most histories are whole numbers, and most of these are counted up. So texts that are small numbers, as one
/// writes them, have a table of their own, where neighbours are neighbours: it is read from one end to the other, while
/// hashes would be all over the memory. All other texts, and numbers too large for their table, are hashed.
///
/// What was written is mostly read soon afterwards. So texts that were looked up lately are also in a table that is small enough
/// to stay near the processor.
#[derive(Clone, Debug, Default)]
pub struct Texts {
    bytes: Vec<u8>,
    /// By number, where the text ends; the text before it ends where it begins.
    ends: Vec<usize>,
    /// By small number, the number of its text; [`ABSENT`] where there is none, or where it is hashed.
    numbers: Vec<TextId>,
    /// Open addressing; a power of two, never full.
    slots: Vec<Slot>,
    /// How many texts are in `slots`.
    hashed: usize,
    /// Those of them that were looked up last, by their hashes alone; empty at first.
    recent: Vec<Slot>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    /// A short text itself with its length, or the hash of a long one.
    mark: u64,
    /// 0 if the slot is free.
    id: TextId,
}

/// How a text is looked up.
#[derive(Clone, Copy)]
struct Mark {
    mark: u64,
    hash: u64,
    is_short: bool,
}

impl Mark {
    #[inline]
    fn of(text: &[u8]) -> Mark {
        if text.len() <= SHORT {
            // The last byte is the lowest, and the length is before the first.
            let places = 8 * text.len() as u32;
            let packed = if text.is_empty() { 0 } else { (eight::packed(text) << (64 - places)).swap_bytes() };
            let mark = packed | (text.len() as u64) << places;
            Mark { mark, hash: Mark::hash(mark), is_short: true }
        } else {
            // The top bit tells the hash of a long text from a short text, whose top byte is its length.
            let hash = hash_bytes(text);
            Mark { mark: hash | 1 << 63, hash, is_short: false }
        }
    }

    /// The hash, again; of a long text without its top bit, which no table is large enough for.
    ///
    /// Short texts that differ only in the last bits of their last byte, as numbers do that are counted up, are neighbours.
    #[inline]
    fn hash(mark: u64) -> u64 {
        if mark >> 63 == 0 { mix(mark >> 4, 1) & !15 | mark & 15 } else { mark }
    }
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
        if id == ABSENT { "(absent)".to_owned() } else { printable(&String::from_utf8_lossy(self.get(id))) }
    }

    /// Whether all of them, one after the other, are UTF-8.
    pub fn are_utf8(&self) -> bool {
        std::str::from_utf8(&self.bytes).is_ok()
    }

    /// The number of a text that is here already.
    pub fn find(&self, text: &[u8]) -> Option<TextId> {
        let own = small_number(text).and_then(|number| self.numbers.get(number)).copied();
        if let Some(id) = own.filter(|id| *id != ABSENT) {
            return Some(id);
        }
        if self.slots.is_empty() {
            return None;
        }
        let at = self.probe(text, Mark::of(text));
        Some(self.slots[at].id).filter(|id| *id != ABSENT)
    }

    /// The number of a text, which is stored if it is new.
    #[inline]
    pub fn intern(&mut self, text: &[u8]) -> TextId {
        let number = small_number(text);
        if let Some(id) = number.and_then(|number| self.numbers.get(number))
            && *id != ABSENT
        {
            return *id;
        }
        self.intern_other(text, number)
    }

    /// The same for what is not in the table of small numbers.
    fn intern_other(&mut self, text: &[u8], number: Option<usize>) -> TextId {
        if self.ends.is_empty() {
            // Number 0, which stands for nothing.
            self.ends.push(0);
        }
        if (self.hashed + 1) * 2 > self.slots.len() {
            self.grow();
        }
        let own = number.filter(|number| self.has_room_for(*number));
        let mark = Mark::of(text);
        let near = mark.hash as usize & (RECENT - 1);
        if own.is_none()
            && let Some(slot) = self.recent.get(near)
            && self.is_in(*slot, text, mark)
        {
            return slot.id;
        }
        // A number may have come when its table did not reach so far.
        let at = self.probe(text, mark);
        let known = self.slots[at].id;
        let id = if known == ABSENT { self.add(text) } else { known };
        match own {
            Some(number) => self.numbers[number] = id,
            None => {
                if known == ABSENT {
                    self.slots[at] = Slot { mark: mark.mark, id };
                    self.hashed += 1;
                }
                if self.recent.is_empty() {
                    self.recent = vec![Slot::default(); RECENT];
                }
                self.recent[near] = self.slots[at];
            }
        }
        id
    }

    fn add(&mut self, text: &[u8]) -> TextId {
        let id = TextId::try_from(self.ends.len()).expect("there are fewer than 2^32 texts");
        self.bytes.extend_from_slice(text);
        self.ends.push(self.bytes.len());
        id
    }

    /// Whether the table of small numbers has a place for this one, after it has grown if it may.
    fn has_room_for(&mut self, number: usize) -> bool {
        if number >= self.numbers.len() && number < NUMBERS_LEAST + NUMBERS_PER_TEXT * self.ends.len() {
            self.numbers.resize((number + 1).next_power_of_two().max(NUMBERS_LEAST), ABSENT);
        }
        number < self.numbers.len()
    }

    /// The slot where a text is or belongs.
    #[inline]
    fn probe(&self, text: &[u8], mark: Mark) -> usize {
        let last = self.slots.len() - 1;
        let mut at = mark.hash as usize & last;
        loop {
            let slot = self.slots[at];
            if slot.id == ABSENT || self.is_in(slot, text, mark) {
                return at;
            }
            at = (at + 1) & last;
        }
    }

    #[inline]
    fn is_in(&self, slot: Slot, text: &[u8], Mark { mark, is_short, .. }: Mark) -> bool {
        slot.id != ABSENT && slot.mark == mark && (is_short || self.get(slot.id) == text)
    }

    fn grow(&mut self) {
        let size = (self.slots.len() * 2).max(64);
        let last = size - 1;
        let before = std::mem::replace(&mut self.slots, vec![Slot::default(); size]);
        for slot in before.into_iter().filter(|slot| slot.id != ABSENT) {
            let mut at = Mark::hash(slot.mark) as usize & last;
            while self.slots[at].id != ABSENT {
                at = (at + 1) & last;
            }
            self.slots[at] = slot;
        }
    }

    /// Lets go of the room for the texts themselves, if it is large.
    pub(super) fn let_go(&mut self) {
        if self.bytes.capacity() > LARGE {
            self.bytes = Vec::new();
        }
    }

    /// Forgets all texts, and keeps the room for them.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        self.numbers.fill(ABSENT);
        self.slots.fill(Slot::default());
        self.hashed = 0;
        self.recent.fill(Slot::default());
    }

    /// About how many bytes it takes in memory.
    pub fn bytes(&self) -> usize {
        self.bytes.capacity()
            + self.ends.capacity() * size_of::<usize>()
            + self.numbers.capacity() * size_of::<TextId>()
            + (self.slots.len() + self.recent.len()) * size_of::<Slot>()
    }
}

/// The number that a text is, if it is a small one as one writes it: no sign, no zeros before it.
#[inline]
fn small_number(text: &[u8]) -> Option<usize> {
    if text.is_empty() || text.len() > SHORT || (text[0] == b'0' && text.len() > 1) {
        return None;
    }
    let packed = eight::packed(text);
    // The zeros after the last byte are no digits.
    (eight::digits(packed) == text.len()).then(|| eight::number(packed, text.len()) as usize)
}

/// The text with whatever a terminal would obey, and what turns the direction of reading, told and not sent.
pub(in crate::check) fn printable(text: &str) -> String {
    let obeys =
        |letter: char| letter.is_control() || matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let mut printable = String::with_capacity(text.len());
    for letter in text.chars() {
        if obeys(letter) { printable.extend(letter.escape_default()) } else { printable.push(letter) }
    }
    printable
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_told_nothing_to_obey() {
        assert_eq!(printable("a\u{1b}[31m\u{202e}ü\n"), "a\\u{1b}[31m\\u{202e}ü\\n");
    }

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
        assert_eq!((texts.find(b"1000"), texts.find(b"01"), texts.find(b"9999999")), (None, None, None));
        assert_eq!((texts.get(ABSENT), texts.show(ABSENT).as_str()), (&[][..], "(absent)"));
    }
    #[test]
    fn numbers_keep_theirs_when_their_table_grows() {
        let mut texts = Texts::default();
        // The first are too large for so few texts, and then come so many that they are not.
        let mut known: Vec<String> =
            ["5000", "99999", "9999999", "0", "00", "-1", "007", "1e3"].map(str::to_owned).into();
        known.extend((1..6_000_u32).filter(|number| *number != 5_000).rev().map(|number| number.to_string()));
        known.extend((1..300_u32).map(|number| (number * 1_013 + 10_000).to_string()));
        let ids: Vec<TextId> = known.iter().map(|text| texts.intern(text.as_bytes())).collect();
        assert_eq!(ids, (1..=known.len() as u32).collect::<Vec<_>>());
        for (text, id) in known.iter().zip(ids) {
            let text = text.as_bytes();
            assert_eq!((texts.find(text), texts.intern(text), texts.get(id)), (Some(id), id, text));
        }
    }
}
