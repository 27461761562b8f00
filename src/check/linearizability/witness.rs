//! Tier 0: an order that somebody claims, verified.
//!
//! A system with a log knows the order in which operations took effect: their indices. If that order is right, then it is a
//! linearization, and nothing has to be searched for. It is right if
//!
//! - replaying the operations in it gives every answer that was given, and
//! - every operation can have taken effect after those before it: `end >= the greatest call so far`. (Then each can take
//!   effect at that greatest call, which lies within its interval, and these moments never go back.)
//!
//! **Sound** because what is verified is the definition itself, not the claim: an operation that was answered must have an
//! index, one of unknown outcome without an index never took effect, and two with one index are no order. A claim that
//! fails says nothing about the history, only about the claim; the next tier takes over. That is worth a remark, though: a
//! log in another order than the one clients saw is a bug of some kind.
//!
//! O(1) for each operation once they are in order. Source: the definition, Herlihy and Wing 1990; that commit points make
//! checking easy is how proofs of linearizability go.

use crate::check::recorded::{ABSENT, Act, Answer, Entry, NO_INDEX, TextId, Texts};

/// What came of a claim.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Claim {
    /// Nothing was claimed.
    None,
    /// It is a linearization.
    Verified,
    /// It is not: this is the first operation that does not fit.
    Failed(u32),
}

/// Verifies the order that the indices of operations on one object claim.
pub(super) fn verify(ops: &[Entry], texts: &Texts, order: &mut Vec<u32>) -> Claim {
    order.clear();
    order.extend((0..ops.len() as u32).filter(|op| ops[*op as usize].index != NO_INDEX));
    if order.is_empty() {
        return Claim::None;
    }
    if let Some(op) = ops.iter().position(|entry| entry.index == NO_INDEX && entry.is_known()) {
        return Claim::Failed(op as u32);
    }
    if !order.is_sorted_by_key(|op| ops[*op as usize].index) {
        order.sort_unstable_by_key(|op| ops[*op as usize].index);
    }
    let mut replay = Replay::default();
    let misfit = order.iter().find(|op| !replay.goes_on_with(&ops[**op as usize], texts));
    misfit.map_or(Claim::Verified, |op| Claim::Failed(*op))
}

/// Operations on one object, one after the other in the order that is claimed.
#[derive(Debug, Default)]
pub(super) struct Replay {
    store: Store,
    /// The greatest call so far.
    latest_call: u64,
    /// The index of the last one.
    last: Option<u32>,
}

impl Replay {
    /// Whether this operation may come next. If not, the claim has failed, and nothing more is to be asked.
    pub fn goes_on_with(&mut self, entry: &Entry, texts: &Texts) -> bool {
        self.latest_call = self.latest_call.max(entry.call);
        let is_next = self.last.is_none_or(|last| last < entry.index);
        self.last = Some(entry.index);
        is_next && entry.end >= self.latest_call && self.store.explains(entry, texts)
    }

    /// The text that must be kept for what comes next.
    pub fn text(&mut self) -> Option<&mut TextId> {
        if let State::Text(text) = &mut self.store.state { Some(text) } else { None }
    }
}

/// A store with one key.
#[derive(Debug, Default)]
struct Store {
    state: State,
    /// The state, if it was appended to.
    built: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Text(TextId),
    Built,
}

impl Default for State {
    fn default() -> State {
        State::Text(ABSENT)
    }
}

impl Store {
    fn is(&self, text: TextId, texts: &Texts) -> bool {
        match self.state {
            State::Text(state) => state == text,
            State::Built => text != ABSENT && self.built == texts.get(text),
        }
    }

    /// Applies an operation. False if that gives another answer, or if this store does not know the operation.
    fn explains(&mut self, entry: &Entry, texts: &Texts) -> bool {
        match (entry.act, entry.answer) {
            (Act::Get, answer) => answer == Answer::Unknown || self.is(entry.value, texts),
            (Act::Put, _) => {
                self.state = State::Text(entry.value);
                true
            }
            (Act::Delete, _) => {
                self.state = State::Text(ABSENT);
                true
            }
            (Act::Append, _) => {
                if let State::Text(text) = self.state {
                    self.built.clear();
                    self.built.extend_from_slice(texts.get(text));
                    self.state = State::Built;
                }
                self.built.extend_from_slice(texts.get(entry.value));
                true
            }
            (Act::Cas, answer) => {
                let swaps = self.is(entry.from, texts);
                if swaps {
                    self.state = State::Text(entry.value);
                }
                match answer {
                    Answer::Yes => swaps,
                    Answer::No => !swaps,
                    _ => true,
                }
            }
            _ => false,
        }
    }
}
