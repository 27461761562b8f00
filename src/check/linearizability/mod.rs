//! Whether a history is linearizable: the search.

mod lists;
pub(super) mod search;
mod sight;
pub(super) mod states;
