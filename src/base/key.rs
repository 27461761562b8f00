//! The key of each kind of [name](super::name), computed from integers only.

use super::hash::{FNV_START, fnv, mix};
use super::id::{Incarnation, NodeId};

const PACKET: u64 = fnv(FNV_START, b"packet");
const DELIVERY: u64 = fnv(FNV_START, b"delivery");
const DISK: u64 = fnv(FNV_START, b"disk");
const TASK: u64 = fnv(FNV_START, b"task");
const TIMER: u64 = fnv(FNV_START, b"timer");
const WAKE: u64 = fnv(FNV_START, b"wake");
const SECTOR: u64 = fnv(FNV_START, b"sector");
const ENTRIES: u64 = fnv(FNV_START, b"entries");
const LENGTH: u64 = fnv(FNV_START, b"length");
const BOOT: u64 = fnv(FNV_START, b"boot");
const RESUME: u64 = fnv(FNV_START, b"resume");
const RESET: u64 = fnv(FNV_START, b"reset");
const DETOUR: u64 = fnv(FNV_START, b"detour");
const CLOCK: u64 = fnv(FNV_START, b"clock");
const FAULT: u64 = fnv(FNV_START, b"fault");
const CORE: u64 = fnv(FNV_START, b"core");
const OPERATION: u64 = fnv(FNV_START, b"operation");
const ENTROPY: u64 = fnv(FNV_START, b"entropy");
const CHOICE: u64 = fnv(FNV_START, b"choice");
const MISHAP: u64 = fnv(FNV_START, b"mishap");
const STALL: u64 = fnv(FNV_START, b"stall");
const TORN_NAMES: u64 = fnv(FNV_START, b"torn names");

fn node(node: NodeId) -> u64 {
    u64::from(node.to_bits())
}

/// One link.
pub fn link(from: NodeId, to: NodeId) -> u64 {
    mix(PACKET, node(from) << 16 | node(to))
}
/// A packet on a link, by the link's key. That and the label's hash are spread over all 64 bits both, so their sum
/// without carries tells them apart as well as another product would.
#[inline]
pub fn packet_on(link: u64, label: u64, repeat: u32) -> u64 {
    mix(link ^ label, u64::from(repeat))
}
/// A packet.
pub fn packet(from: NodeId, to: NodeId, label: u64, repeat: u32) -> u64 {
    packet_on(link(from, to), label, repeat)
}
/// The arrival of one copy of a packet.
#[inline]
pub fn delivery(packet: u64, copy: u8) -> u64 {
    mix(mix(DELIVERY, packet), u64::from(copy))
}
/// A disk operation.
#[inline]
pub fn disk(at: NodeId, label: u64, repeat: u32) -> u64 {
    mix(mix(mix(DISK, node(at)), label), u64::from(repeat))
}
/// A task of one life of a node; `nth` of its label.
pub fn task(at: NodeId, life: Incarnation, label: u64, nth: u32) -> u64 {
    mix(mix(mix(TASK, node(at)), label), u64::from(life.0) << 32 | u64::from(nth))
}
/// The nth timer that a task starts.
#[inline]
pub fn timer(task: u64, nth: u32) -> u64 {
    mix(mix(TIMER, task), u64::from(nth))
}
/// A task made ready by a moment, for the `repeat`th time in it.
#[inline]
pub fn wake(task: u64, moment: u64, repeat: u32) -> u64 {
    mix(mix(mix(WAKE, task), moment), u64::from(repeat))
}
/// What becomes of an unsynced sector when a life ends.
pub fn sector(at: NodeId, life: Incarnation, file: &str, sector: u64) -> u64 {
    mix(mix(mix(SECTOR, node(at) << 32 | u64::from(life.0)), fnv(FNV_START, file.as_bytes())), sector)
}
/// How many unsynced directory changes survive when a life ends.
pub fn entries(at: NodeId, life: Incarnation) -> u64 {
    mix(mix(ENTRIES, node(at)), u64::from(life.0))
}
/// Whether the unsynced length of a file survives when a life ends.
pub fn length(at: NodeId, life: Incarnation, file: &str) -> u64 {
    mix(mix(LENGTH, node(at) << 32 | u64::from(life.0)), fnv(FNV_START, file.as_bytes()))
}
/// The start of a life.
pub fn boot(at: NodeId, life: Incarnation) -> u64 {
    mix(mix(BOOT, node(at)), u64::from(life.0))
}
/// The nth end of a pause.
pub fn resume(at: NodeId, nth: u32) -> u64 {
    mix(mix(RESUME, node(at)), u64::from(nth))
}
/// A node learns that its nth connection to another is gone.
pub fn reset(at: NodeId, peer: NodeId, nth: u32) -> u64 {
    mix(mix(RESET, node(at) << 16 | node(peer)), u64::from(nth))
}
/// What becomes of a packet besides what every packet may meet, by its key: dice of their own, so that a network on which
/// such things happen deals all others as before.
pub fn detour(packet: u64) -> u64 {
    mix(DETOUR, packet)
}
/// A node's clock.
pub fn clock(at: NodeId) -> u64 {
    mix(CLOCK, node(at))
}
/// The nth firing of a fault of a scenario, which is named by its phase and by what it says, not by its place: taking
/// another fault out of the scenario leaves its dice as they were.
pub fn fault(phase: &str, text: &str, repeat: u32, nth: u32) -> u64 {
    let name = mix(fnv(FNV_START, phase.as_bytes()), fnv(FNV_START, text.as_bytes()));
    mix(mix(FAULT, name), u64::from(repeat) << 32 | u64::from(nth))
}
/// The choice of a quiet phase's core.
pub fn core(phase: u32) -> u64 {
    mix(CORE, u64::from(phase))
}
/// The nth operation of a client machine.
pub fn operation(at: NodeId, nth: u64) -> u64 {
    mix(mix(OPERATION, node(at)), nth)
}
/// A choice of a scenario file, at its path in the file. It decides what the scenario of a seed is, not what happens
/// in it, so no [`Name`](super::Name) and no plan speaks of it.
pub fn choice(path: &str) -> u64 {
    mix(CHOICE, fnv(FNV_START, path.as_bytes()))
}
/// The entropy of the system under test.
pub const fn entropy() -> u64 {
    ENTROPY
}
/// One sort of what may go wrong with a disk operation, by the operation's key. Each has dice of its own, so that
/// switching one on moves no other.
pub fn mishap(operation: u64, sort: u64) -> u64 {
    mix(mix(MISHAP, operation), sort)
}
/// Whether a disk operation stalls, by its key.
pub fn stall(operation: u64) -> u64 {
    mix(STALL, operation)
}
/// Whether unsynced directory changes are torn, by their key.
pub fn torn_names(entries: u64) -> u64 {
    mix(TORN_NAMES, entries)
}
