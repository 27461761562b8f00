//! Faults: what is done to the nodes and the links between them, when, and to whom.
//!
//! A fault may contain chance (`every`, a role, a distribution). When it fires, everything is resolved, and what is
//! recorded is a fault without chance.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::base::measure::format_signed_drift;
use crate::base::text::{format_duration, format_shift};
use crate::base::{Distribution, LabelText, NodeId};

use super::trigger::Trigger;
use crate::world::disk::mishap::MishapKind;

/// One fault of a phase.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    /// When it strikes.
    pub when: When,
    /// What it does.
    pub what: What,
}

/// When a fault strikes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum When {
    /// Once, this long after the phase began.
    At(Duration),
    /// Again and again until the phase ends; the first time one interval after its start.
    Every(Distribution),
    /// Once, at a moment of the protocol.
    On {
        /// The moment.
        trigger: Trigger,
        /// Strike just before the effect named rather than just after it.
        before: bool,
    },
}

/// What a fault does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum What {
    /// Nodes stop dead; unsynced writes are kept, lost or torn by decision.
    Crash {
        /// Which.
        target: Target,
        /// How long until they boot again; never if absent (until a quiet phase's core needs them).
        restart_after: Option<Distribution>,
        /// Not if more replicas than this would then be down.
        max_down: Limit,
    },
    /// Nodes that are down boot.
    Restart {
        /// Which.
        target: Target,
    },
    /// Nodes stop for a while: packets wait for them, timers come due, nothing runs.
    Pause {
        /// Which.
        target: Target,
        /// How long until they go on; not before a quiet phase's core needs them if absent.
        resume_after: Option<Distribution>,
    },
    /// Nodes stop dead and lose their disks.
    Wipe {
        /// Which.
        target: Target,
        /// How long until they boot again.
        restart_after: Option<Distribution>,
        /// Not if more replicas than this would then be down.
        max_down: Limit,
    },
    /// The nodes fall apart into groups. Replaces the partition in force, without a heal between.
    Partition {
        /// Into which groups.
        split: Split,
        /// How long until it heals, unless another has replaced it; never if absent.
        heal_after: Option<Distribution>,
    },
    /// Packets from some nodes to others are lost, one way. Comes on top of a partition.
    Cut {
        /// From whom.
        from: Group,
        /// To whom.
        to: Group,
        /// The other way as well.
        both_ways: bool,
        /// How long until it heals; never if absent.
        heal_after: Option<Distribution>,
    },
    /// Only those packets from some nodes to others are lost whose label is this one, or of this kind.
    CutOnly {
        /// From whom.
        from: Group,
        /// To whom.
        to: Group,
        /// Which packets.
        only: LabelText,
        /// The other way as well.
        both_ways: bool,
        /// How long until it heals; never if absent.
        heal_after: Option<Distribution>,
    },
    /// Links clog: packets from some nodes to others wait, and none is lost.
    Clog {
        /// From whom.
        from: Group,
        /// To whom.
        to: Group,
        /// For how long.
        span: Distribution,
    },
    /// Packets from some nodes to others are held back until they are released, and then arrive in order.
    Hold {
        /// From whom.
        from: Group,
        /// To whom.
        to: Group,
        /// Only those whose label is this one, or of this kind.
        only: Option<LabelText>,
        /// How long until they are released; never if absent.
        release_after: Option<Distribution>,
    },
    /// What is held back between some nodes and others arrives, and nothing is held back there any more.
    Release {
        /// From whom.
        from: Group,
        /// To whom.
        to: Group,
    },
    /// All partitions and cuts end.
    Heal,
    /// The clocks of nodes change.
    Clock {
        /// Whose.
        target: Target,
        /// How.
        change: ClockChange,
    },
    /// What lies on disks goes bad.
    Rot {
        /// Whose.
        target: Target,
        /// In which file.
        file: String,
        /// What of it.
        spot: Spot,
    },
    /// A sector cannot be read any more, until all of it is written over.
    Unreadable {
        /// On whose disks.
        target: Target,
        /// In which file.
        file: String,
        /// Which sector of it; drawn if absent.
        sector: Option<u64>,
    },
    /// The next operation of a disk that fits goes amiss.
    Disk {
        /// Whose disk.
        target: Target,
        /// Which operations fit: those with this label.
        next: LabelText,
        /// How it goes amiss.
        mishap: MishapKind,
        /// Where in the operation, as a share of 2^63 of its places; drawn if absent.
        pick: Option<u64>,
    },
    /// Disks stall: what begins on them meanwhile takes until the stall is over, and then as long as it would have taken.
    Stall {
        /// Whose disk.
        target: Target,
        /// For how long.
        span: Distribution,
    },
}

/// What happens to a clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ClockChange {
    /// The calendar clock jumps by this many nanoseconds; the monotonic clock knows nothing of it.
    Jump(i64),
    /// From now on both clocks run fast, or slow, by this many parts per million.
    Drift(i32),
}

/// What goes bad of a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Spot {
    /// These bits of one byte.
    Byte {
        /// Which byte of the file.
        byte: u64,
        /// Which bits of it; the lowest counts 1.
        bits: u8,
    },
    /// Every bit of a sector.
    Sector(u64),
    /// A spot of this size, drawn.
    Drawn(Extent),
}

/// How much goes bad.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Extent {
    /// A bit.
    Bit,
    /// Some bits of a byte.
    Byte,
    /// A sector.
    Sector,
}

impl fmt::Display for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Spot::Byte { byte, bits } => write!(f, "byte {byte} bits {bits}"),
            Spot::Sector(sector) => write!(f, "sector {sector}"),
            Spot::Drawn(Extent::Bit) => write!(f, "a bit"),
            Spot::Drawn(Extent::Byte) => write!(f, "a byte"),
            Spot::Drawn(Extent::Sector) => write!(f, "a sector"),
        }
    }
}

impl fmt::Display for What {
    /// The fault in words; exact only of one without chance.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let after = |f: &mut fmt::Formatter<'_>, what: &str, span: &Option<Distribution>| match span {
            Some(span) if span.is_constant() => write!(f, ", {what} after {}", format_duration(span.calm())),
            Some(span) => write!(f, ", {what} after about {}", format_duration(span.calm())),
            None => Ok(()),
        };
        match self {
            What::Crash { target, restart_after, .. } => {
                write!(f, "crash {target}")?;
                after(f, "restart", restart_after)
            }
            What::Restart { target } => write!(f, "restart {target}"),
            What::Pause { target, resume_after } => {
                write!(f, "pause {target}")?;
                after(f, "resume", resume_after)
            }
            What::Wipe { target, restart_after, .. } => {
                write!(f, "wipe {target}")?;
                after(f, "restart", restart_after)
            }
            What::Partition { split, heal_after } => {
                write!(f, "partition {split}")?;
                after(f, "heal", heal_after)
            }
            What::Cut { from, to, both_ways, heal_after } => {
                let arrow = if *both_ways { "<->" } else { "->" };
                write!(f, "cut {} {arrow} {}", Members(from), Members(to))?;
                after(f, "heal", heal_after)
            }
            What::CutOnly { from, to, only, both_ways, heal_after } => {
                let arrow = if *both_ways { "<->" } else { "->" };
                write!(f, "cut {only} of {} {arrow} {}", Members(from), Members(to))?;
                after(f, "heal", heal_after)
            }
            What::Clog { from, to, span } => {
                let about = if span.is_constant() { "" } else { "about " };
                write!(f, "clog {} -> {} for {about}{}", Members(from), Members(to), format_duration(span.calm()))
            }
            What::Hold { from, to, only, release_after } => {
                write!(f, "hold ")?;
                if let Some(only) = only {
                    write!(f, "{only} of ")?;
                }
                write!(f, "{} -> {}", Members(from), Members(to))?;
                after(f, "release", release_after)
            }
            What::Release { from, to } => write!(f, "release {} -> {}", Members(from), Members(to)),
            What::Heal => write!(f, "heal all links"),
            What::Rot { target, file, spot } => write!(f, "rot {spot} of {file} on the disk of {target}"),
            What::Unreadable { target, file, sector: Some(sector) } => {
                write!(f, "make sector {sector} of {file} unreadable on the disk of {target}")
            }
            What::Unreadable { target, file, sector: None } => {
                write!(f, "make a sector of {file} unreadable on the disk of {target}")
            }
            What::Disk { target, next, mishap, .. } => write!(f, "{mishap} at the next {next} of {target}"),
            What::Stall { target, span } => {
                let about = if span.is_constant() { "" } else { "about " };
                write!(f, "stall the disk of {target} for {about}{}", format_duration(span.calm()))
            }
            What::Clock { target, change: ClockChange::Jump(shift) } => {
                write!(f, "clock of {target} jumps by {}", format_shift(*shift))
            }
            What::Clock { target, change: ClockChange::Drift(drift) } => {
                write!(f, "clock of {target} drifts by {}", format_signed_drift(*drift))
            }
        }
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            When::At(at) => write!(f, "at {}", format_duration(*at)),
            When::Every(interval) if interval.is_constant() => write!(f, "every {}", format_duration(interval.calm())),
            When::Every(interval) => write!(f, "about every {}", format_duration(interval.calm())),
            When::On { trigger, before: false } => write!(f, "on `{trigger}`"),
            When::On { trigger, before: true } => write!(f, "before `{trigger}`"),
        }
    }
}

impl fmt::Display for Fault {
    /// What it does, and when; for people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.what, self.when)
    }
}

impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Split::Isolate(target) => write!(f, "isolates {target}"),
            Split::Halves => write!(f, "in halves"),
            Split::Ring => write!(f, "in a ring"),
            Split::Bridge(target) => write!(f, "in halves that both reach {target}"),
            Split::Groups(groups) => {
                for (index, group) in groups.iter().enumerate() {
                    write!(f, "{}{}", if index == 0 { "" } else { " | " }, Members(group))?;
                }
                Ok(())
            }
        }
    }
}

struct Members<'a>(&'a Group);

impl fmt::Display for Members<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, target) in self.0.iter().enumerate() {
            write!(f, "{}{target}", if index == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

/// How many replicas may be down at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Limit {
    /// As many as leave a majority of replicas up.
    Minority,
    /// This many.
    Count(u16),
    /// Any number.
    All,
}

/// Into which groups the nodes fall.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Split {
    /// One node on one side, everybody else on the other.
    Isolate(Target),
    /// Two sides, drawn: replicas as evenly as can be, each client on either side.
    Halves,
    /// Two sides as in halves that both still reach one node.
    Bridge(Target),
    /// Each replica reaches only its two neighbours, in the order of their names, and all clients.
    Ring,
    /// These groups. A node in none of them is cut off from all.
    Groups(Vec<Group>),
}

/// A group of nodes: the union of its members.
pub type Group = Vec<Target>;

/// Whom a fault strikes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Target {
    /// This node.
    Node(NodeId),
    /// The node that most recently said it was primary, of those that are up.
    Primary,
    /// A replica that is not the primary, drawn.
    AnyBackup,
    /// A replica, drawn.
    AnyReplica,
    /// A client machine, drawn.
    AnyClient,
    /// Every replica.
    AllReplicas,
    /// Every client machine.
    AllClients,
    /// The node of the event that triggered the fault.
    Sender,
    /// The other node of that event: to whom a packet went, from whom it came.
    Receiver,
    /// In a group: every node that the other groups do not name.
    Rest,
}

const TARGETS: [(&str, Target); 9] = [
    ("primary", Target::Primary),
    ("any-backup", Target::AnyBackup),
    ("any-replica", Target::AnyReplica),
    ("any-client", Target::AnyClient),
    ("all-replicas", Target::AllReplicas),
    ("all-clients", Target::AllClients),
    ("sender", Target::Sender),
    ("receiver", Target::Receiver),
    ("rest", Target::Rest),
];

impl Target {
    /// Every word that is not a node's name, for error messages and completion.
    pub fn words() -> impl Iterator<Item = &'static str> {
        TARGETS.iter().map(|(word, _)| *word)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Node(node) => write!(f, "{node}"),
            other => {
                let (word, _) = TARGETS.iter().find(|(_, target)| target == other).expect("every role has a word");
                f.write_str(word)
            }
        }
    }
}

impl FromStr for Target {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        if let Some((_, target)) = TARGETS.iter().find(|(word, _)| *word == text) {
            return Ok(*target);
        }
        text.parse().map(Target::Node).map_err(|_| {
            let words: Vec<&str> = Target::words().collect();
            format!("unknown target `{text}`; a target is a node (r0, c1) or one of {}", words.join(", "))
        })
    }
}
