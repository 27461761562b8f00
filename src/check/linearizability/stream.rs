//! Tier 0 while a history is read: what has been verified is forgotten.
//!
//! A history whose order is claimed can be verified as it comes, in the order of calls, with memory for what is open and not for
//! what is over. The question is when an operation may be replayed, since one that comes later in the file may have a
//! smaller index. The clock answers it. Say that the last line read was called at `now`, and that an operation `A` on the same
//! object had returned before. Whatever is still unread was called at `now` or later. If one of these had a smaller
//! index than `A`, then `A` would have to take effect after a call that is later than its own return, and the claim would be false
//! anyway. So `A` may be replayed, and before it all that have a smaller index; and if something comes with a smaller index
//! than one that was replayed, the claim has failed.
//!
//! What is verified is the same as by [`witness`](super::witness), in the same order, and so it is sound for the same reason. Memory:
//! for each object its state, and the operations not replayed yet, which are no more than were open at one time.
//!
//! If the claim fails, nothing has been decided, and what was forgotten is needed: whoever reads must be able to begin again.
//! That is why this is not done for zones and chains. Their blocks end only when no later read can find a value, which nobody
//! knows before the end of the history.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use crate::check::models::Standard;
use crate::check::recorded::{Entry, NO_INDEX, TextId, Texts};

use super::witness::Replay;

/// Verifies a claimed order.
#[derive(Debug)]
pub struct Stream {
    model: Standard,
    /// By number of the key.
    objects: BTreeMap<TextId, Object>,
    operations: u64,
    /// The call of the last operation.
    now: u64,
    holds: bool,
}

/// A claim that was verified to the end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Verified {
    /// Operations that were looked at.
    pub operations: u64,
    /// Objects that they touched.
    pub objects: u64,
}

#[derive(Debug, Default)]
struct Object {
    replay: Replay,
    /// Not replayed yet, by index.
    waiting: BTreeMap<u32, Entry>,
    /// Those of them that return, by when.
    ends: BinaryHeap<Reverse<(u64, u32)>>,
    /// Everything up to here is to be replayed.
    released: Option<u32>,
}

impl Stream {
    /// Nothing has been read yet. Only of registers and stores an order can be claimed.
    pub fn new(model: Standard) -> Stream {
        let holds = matches!(model, Standard::Register | Standard::KeyValue);
        Stream { model, objects: BTreeMap::new(), operations: 0, now: 0, holds }
    }

    /// Whether these operations claim an order, so that it is worth while to verify it.
    pub fn is_claimed(entries: &[Entry]) -> bool {
        !entries.is_empty() && entries.iter().all(|entry| entry.index != NO_INDEX || !entry.is_known())
    }

    /// Takes the next operations, with the texts that they refer to. False if the claim has failed.
    pub fn take(&mut self, entries: &[Entry], texts: &Texts) -> bool {
        for entry in entries {
            // In another order than that of calls nobody knows what may still come.
            self.holds &= entry.call >= self.now && self.model.knows(entry.act);
            self.now = entry.call;
            self.operations += 1;
            let object = self.objects.entry(entry.key).or_default();
            self.holds = self.holds && object.take(entry, texts);
            if !self.holds {
                return false;
            }
        }
        true
    }

    /// The numbers of all texts that are still needed.
    pub fn texts(&mut self) -> impl Iterator<Item = &mut TextId> {
        self.objects.values_mut().flat_map(|object| {
            let waiting = object.waiting.values_mut().flat_map(|entry| [&mut entry.value, &mut entry.from]);
            object.replay.text().into_iter().chain(waiting)
        })
    }

    /// What was verified, when there is no more to come; nothing if the claim has failed.
    pub fn finish(mut self, texts: &Texts) -> Option<Verified> {
        self.holds = self.holds && self.objects.values_mut().all(|object| object.finish(texts));
        self.holds.then_some(Verified { operations: self.operations, objects: self.objects.len() as u64 })
    }
}

impl Object {
    fn take(&mut self, entry: &Entry, texts: &Texts) -> bool {
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

    fn finish(&mut self, texts: &Texts) -> bool {
        self.released = Some(NO_INDEX);
        self.replay_released(texts)
    }
}
