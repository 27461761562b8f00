//! What a tier says, and why.

use crate::check::recorded::TextId;

/// What a tier has found out about the operations on one object.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Finding {
    /// There is a linearization.
    Legal,
    /// There is none.
    Illegal(Evidence),
    /// The tier is not made for these operations, or cannot tell.
    Open,
}

/// Operations that cannot be together in a history.
///
/// They are illegal also without all other operations, provided that of those that write what somebody here has seen none
/// is left out. There may be more than needed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Evidence {
    /// Places among the object's operations.
    pub ops: Vec<u32>,
}

impl Evidence {
    pub fn of(mut ops: Vec<u32>) -> Evidence {
        ops.retain(|op| *op != super::zones::NOBODY);
        ops.sort_unstable();
        ops.dedup();
        Evidence { ops }
    }
}

/// Numbers for the texts of one object: small and without gaps, so that tables by them are small.
///
/// A table over all texts of a recording is kept from object to object; a stamp says whose numbers are in it.
#[derive(Default)]
pub(super) struct Local {
    stamps: Vec<(u32, u32)>,
    object: u32,
    count: u32,
}

impl Local {
    /// Begins the next object; "absent" has number 0.
    pub fn begin(&mut self, texts: usize) {
        if self.stamps.len() < texts {
            self.stamps.resize(texts, (0, 0));
        }
        self.object += 1;
        self.count = 0;
        self.number(crate::check::recorded::ABSENT);
    }

    #[inline]
    pub fn number(&mut self, text: TextId) -> u32 {
        let stamp = &mut self.stamps[text as usize];
        if stamp.0 != self.object {
            *stamp = (self.object, self.count);
            self.count += 1;
        }
        stamp.1
    }

    /// The number of a text that this object has.
    pub fn find(&self, text: TextId) -> Option<u32> {
        self.stamps.get(text as usize).filter(|stamp| stamp.0 == self.object).map(|stamp| stamp.1)
    }

    pub fn count(&self) -> usize {
        self.count as usize
    }
}
