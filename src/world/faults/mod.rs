//! What goes wrong: what a scenario can say of it ([`fault`], [`trigger`], [`phase`]), when it strikes (`strikes`), whom
//! (`resolve`), how much of it there may be (`budget`), what it then does (`carry_out`), what came of it ([`aim`]), and when it
//! is over (`quiet`).

pub mod aim;
pub(in crate::world) mod budget;
pub(in crate::world) mod carry_out;
mod carry_out_links;
pub mod fault;
pub mod phase;
pub(in crate::world) mod quiet;
pub(in crate::world) mod resolve;
mod resolve_links;
pub(in crate::world) mod strikes;
pub mod trigger;
