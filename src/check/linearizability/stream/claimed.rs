//! A claimed order, verified while a history is read.
//!
//! The question is when an operation may be replayed, since one that comes later in the file may have a
//! smaller index. The clock answers it. Say that the last line read was called at `now`, and that an operation `A` on the same
//! object had returned before. Whatever is still unread was called at `now` or later. If one of these had a smaller
//! index than `A`, then `A` would have to take effect after a call that is later than its own return, and the claim would be false
//! anyway. So `A` may be replayed, and before it all that have a smaller index; and if something comes with a smaller index
//! than one that was replayed, the claim has failed.
//!
//! What is verified is the same as by [`witness`](super::super::witness), in the same order, and so it is sound for the same reason.
//! Memory: for each object its state, and the operations not replayed yet, which are no more than were open at one time.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use crate::check::linearizability::witness::Replay;
use crate::check::recorded::{Entry, NO_INDEX, TextId, Texts};

/// One object.
#[derive(Debug, Default)]
pub(super) struct Claimed {
    replay: Replay,
    /// Not replayed yet, by index.
    waiting: BTreeMap<u32, Entry>,
    /// Those of them that return, by when.
    ends: BinaryHeap<Reverse<(u64, u32)>>,
    /// Everything up to here is to be replayed.
    released: Option<u32>,
}

impl Claimed {
    pub fn take(&mut self, entry: &Entry, texts: &Texts) -> bool {
        while let Some(Reverse((end, index))) = self.ends.peek().copied()
            && end < entry.call
        {
            self.ends.pop();
            self.released = self.released.max(Some(index));
        }
        if !self.replay_released(texts) {
            return false;
        }
        if entry.index == NO_INDEX {
            // It never took effect, which may be said of what has no outcome only.
            return !entry.is_known();
        }
        if self.released.is_some_and(|released| entry.index <= released) {
            return false;
        }
        if entry.is_known() {
            self.ends.push(Reverse((entry.end, entry.index)));
        }
        self.waiting.insert(entry.index, *entry).is_none()
    }

    pub fn texts(&mut self) -> impl Iterator<Item = &mut TextId> {
        let waiting = self.waiting.values_mut().flat_map(|entry| [&mut entry.value, &mut entry.from]);
        self.replay.text().into_iter().chain(waiting)
    }

    pub fn finish(&mut self, texts: &Texts) -> bool {
        self.released = Some(NO_INDEX);
        self.replay_released(texts)
    }

    fn replay_released(&mut self, texts: &Texts) -> bool {
        while let Some(first) = self.waiting.first_entry()
            && self.released.is_some_and(|released| *first.key() <= released)
        {
            let entry = first.remove();
            if !self.replay.goes_on_with(&entry, texts) {
                return false;
            }
        }
        true
    }
}
