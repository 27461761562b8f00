//! The network: which links are cut (`links`), what waits on them (`gates`, `pipes`), connections (`streams`), and the way of
//! a packet through all of it (`transit`).

pub(in crate::world) mod gates;
pub(in crate::world) mod links;
pub(in crate::world) mod pipes;
pub(in crate::world) mod streams;
pub(in crate::world) mod traffic;
pub(in crate::world) mod transit;
