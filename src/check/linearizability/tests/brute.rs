//! The checker that tries everything.

use crate::check::models::{Standard, State};
use crate::check::recorded::{Entry, Recording};

/// Whether the operations on one object have an order that explains all answers. Only for a handful of operations.
pub(super) fn has_an_order(recording: &Recording, model: Standard, ops: &[Entry]) -> bool {
    go(recording, model, ops, 0, &None)
}

fn go(recording: &Recording, model: Standard, ops: &[Entry], placed: u32, state: &State) -> bool {
    let left = || (0..ops.len()).filter(|op| placed & 1 << op == 0);
    // The rest may all never have happened.
    if left().all(|op| !ops[op].is_known()) {
        return true;
    }
    left().any(|op| {
        // Nothing that is left was over before this began.
        if left().any(|other| ops[other].is_known() && ops[other].precedes(&ops[op])) {
            return false;
        }
        let (operation, reply) = model.operation(&ops[op], &recording.values);
        let (next, own) = model.model().apply(state, &operation);
        reply.is_none_or(|reply| model.model().accepts(&reply, &own))
            && go(recording, model, ops, placed | 1 << op, &model.model().canonical(next))
    })
}
