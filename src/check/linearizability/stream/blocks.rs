//! Reads and writes of unique values, judged by [zones](super::super::zones) while they are read.
//!
//! A value with its write and its reads is a block, and two blocks that each must come before the other are the only contradiction
//! there is. So a block may be forgotten when its zone cannot change any more and no block that is still to change can contradict
//! it. Say that the last line read was called at `now`; whatever is unread was called then or later. A block `v` is *over* if
//! `first_end(v) < last_call(w)` for another block `w` of which something had returned before `now`: so `v` comes before `w`.
//!
//! - **Its zone is final.** A later read of `v` is called after that return, so it would put `w` before `v`, too. (If there is one
//!   nevertheless, this way gives up.)
//! - **It is in nobody's way.** To contradict `v`, a block `b` would have to come before it: `first_end(b) < last_call(v)`. Something of
//!   `v` has returned; so if something of `b` has, too, and that holds, then `b` itself is over and final, and both have been compared.
//!   Else `b` returns at `now` or later, and `v` was not called after that.
//!
//! Blocks of which something has returned and that are not over are pairwise concurrent, so there are no more of them than writes
//! were open at one time; it does not matter whether the object is ever idle. Now and then all blocks are put in
//! [order](zones::order), which compares each two, and those that are over are dropped.
//!
//! A write of unknown outcome is a block as soon as somebody has read its value. Until then it has no return and no reader, and it may as
//! well not have happened; but it must be kept, and that is the only thing that grows.
//!
//! Values that are written twice are not for this way, unless the first is over by then. (The linearization that has been shown
//! stands: each read has read the write that was the last one.)

use std::collections::BTreeMap;

use crate::check::linearizability::zones::{self, Zone};
use crate::check::recorded::{ABSENT, Act, Entry, TextId};

/// Blocks that may be kept before it is looked for some that are over. In tests, after nearly every operation of short histories.
const BLOCKS_KEPT: usize = if cfg!(test) { 0 } else { 64 };

/// One object.
#[derive(Debug)]
pub(super) struct Blocks {
    /// By value, the blocks that are not over.
    blocks: BTreeMap<TextId, Block>,
    /// The same while the numbers of their values are being changed.
    loose: Vec<(TextId, Block)>,
    sweep_at: usize,
    now: u64,
}

#[derive(Clone, Copy, Debug)]
struct Block {
    zone: Zone,
    /// The write has been met, or it is the initial value.
    is_written: bool,
    /// It did happen: the write has returned, or somebody has read it.
    happened: bool,
}

impl Blocks {
    pub fn new() -> Blocks {
        let initial = Block { zone: Zone::INITIAL, is_written: true, happened: true };
        Blocks { blocks: BTreeMap::from([(ABSENT, initial)]), loose: Vec::new(), sweep_at: BLOCKS_KEPT, now: 0 }
    }

    pub fn take(&mut self, entry: &Entry) -> bool {
        self.settle();
        self.now = entry.call;
        if entry.is_void() {
            return true;
        }
        let fresh = Block { zone: Zone::EMPTY, is_written: false, happened: false };
        let block = self.blocks.entry(entry.value).or_insert(fresh);
        let own = Zone::of(0, entry);
        match entry.act {
            Act::Get => block.happened = true,
            // The second write, or one of a value that had been read before it began.
            Act::Put if block.is_written || block.zone.must_precede(&own) => return false,
            Act::Put => {
                block.is_written = true;
                block.happened |= entry.is_known();
            }
            _ => return false,
        }
        block.zone.merge(&own);
        self.blocks.len() < self.sweep_at || self.sweep(self.now)
    }

    pub fn texts(&mut self) -> impl Iterator<Item = &mut TextId> {
        self.settle();
        self.loose.extend(std::mem::take(&mut self.blocks));
        self.loose.iter_mut().map(|(value, _)| value)
    }

    pub fn finish(&mut self) -> bool {
        self.settle();
        self.sweep(u64::MAX)
    }

    /// Values that have new numbers are found under these again.
    fn settle(&mut self) {
        if !self.loose.is_empty() {
            self.blocks.extend(self.loose.drain(..));
        }
    }

    /// Compares all blocks and drops what is over. False if there is a contradiction, or a read of what nobody wrote or of what was over.
    fn sweep(&mut self, now: u64) -> bool {
        // As zones have it: one later.
        let now = now.saturating_add(1);
        let mut order: Vec<(Zone, u32)> = Vec::with_capacity(self.blocks.len());
        // The latest calls among those of which something has returned: by whom, and the latest of somebody else.
        let mut latest = (0, None);
        let mut second = 0;
        for (value, block) in self.blocks.iter().filter(|(_, block)| block.happened) {
            if block.zone.first_end < now {
                if !block.is_written {
                    return false;
                }
                if block.zone.last_call > latest.0 {
                    second = second.max(latest.0);
                    latest = (block.zone.last_call, Some(*value));
                } else {
                    second = second.max(block.zone.last_call);
                }
            }
            order.push((block.zone, 0));
        }
        if zones::order(&mut order).is_err() {
            return false;
        }
        self.blocks.retain(|value, block| {
            let others = if latest.1 == Some(*value) { second } else { latest.0 };
            !block.happened || block.zone.first_end >= others
        });
        self.sweep_at = if cfg!(test) { 0 } else { 2 * self.blocks.len() + BLOCKS_KEPT };
        true
    }
}
