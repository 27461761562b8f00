//! Names of decisions, and of the moments at which things happen.
//!
//! A name says who and what, never "the 48,113th draw". Its *key*, a 64-bit hash, chooses the dice; its text appears in
//! traces and plans and reads back to the same key. On the hot path keys are computed from integers with the functions
//! of [`key`]; a [`Name`] is made only for a reader.
//!
//! ```
//! use foretell::base::{Kind, Name, NodeId, LabelText};
//! static PREPARE: Kind = Kind::new("Prepare", &["v", "op"]);
//! let name = Name::Packet { from: NodeId::replica(0), to: NodeId::replica(1), label: PREPARE.label([0, 1]), repeat: 2 };
//! assert_eq!(name.to_string(), "r0->r1 Prepare(v0 op1) #2");
//! let read: Name<LabelText> = name.to_string().parse().unwrap();
//! assert_eq!(read.key(), name.key());
//! ```

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::id::{Incarnation, NodeId};
pub use super::key;
use super::label::{Label, LabelText, Labelled};

/// A name, made for a reader. `L` is [`Label`] where code made it and [`LabelText`] where a file did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Name<L = Label> {
    /// A packet: `r0->r1 Prepare(v0 op1) #2`. The number tells packets with the same link and label apart.
    Packet {
        /// Who sent it.
        from: NodeId,
        /// To whom.
        to: NodeId,
        /// What it is.
        label: L,
        /// 1 for the first.
        repeat: u32,
    },
    /// The arrival of a packet, or of its second copy: `r0->r1 Prepare(v0 op1) #2 arrives`, `… arrives again`.
    Delivery {
        /// The packet.
        packet: Box<Name<L>>,
        /// 0 for the original, 1 for the duplicate.
        copy: u8,
    },
    /// A disk operation, or its completion: `r1 disk write(slot5) #1`.
    Disk {
        /// Whose disk.
        node: NodeId,
        /// What is done.
        label: L,
        /// 1 for the first.
        repeat: u32,
    },
    /// A task: `r1/replica`, in its second life `r1.2/replica`, the third of its label `r1/worker.3`.
    Task {
        /// Where it runs.
        node: NodeId,
        /// In which life.
        life: Incarnation,
        /// What it is called.
        label: L,
        /// 1 for the first of this label in this life.
        nth: u32,
    },
    /// A timer of a task: `r1/replica timer #17`.
    Timer {
        /// The task that started it.
        task: Box<Name<L>>,
        /// 1 for the first.
        nth: u32,
    },
    /// A task made ready by a moment: `r1/replica woken by (r0->r1 Prepare(v0 op1) #2 arrives) #1`.
    Wake {
        /// The task.
        task: Box<Name<L>>,
        /// What woke it.
        moment: Box<Name<L>>,
        /// 1 for the first time in this moment.
        repeat: u32,
    },
    /// An unsynced sector when a life ends: `r1 life 2 file journal sector 5`.
    Sector {
        /// Whose disk.
        node: NodeId,
        /// The life that ends.
        life: Incarnation,
        /// The file.
        file: Arc<str>,
        /// Which sector of it.
        sector: u64,
    },
    /// The unsynced directory changes when a life ends: `r1 life 2 names`.
    Entries {
        /// Whose disk.
        node: NodeId,
        /// The life that ends.
        life: Incarnation,
    },
    /// The unsynced length of a file when a life ends: `r1 life 2 length journal`.
    Length {
        /// Whose disk.
        node: NodeId,
        /// The life that ends.
        life: Incarnation,
        /// The file.
        file: Arc<str>,
    },
    /// The start of a life: `r1 boot #2`.
    Boot {
        /// Who.
        node: NodeId,
        /// Which life.
        life: Incarnation,
    },
    /// The end of a pause: `r1 resume #1`.
    Resume {
        /// Who.
        node: NodeId,
        /// 1 for the first.
        nth: u32,
    },
    /// A node learns that a connection is gone: `r1 reset r0 #2`.
    Reset {
        /// Who.
        node: NodeId,
        /// To whom.
        peer: NodeId,
        /// Which connection of the two, from 1.
        nth: u32,
    },
    /// A node's clock: `r1 clock`.
    Clock {
        /// Whose.
        node: NodeId,
    },
    /// The world itself acts: a phase begins, a fault fires. Decides nothing, but may be what woke a task.
    World,
}

impl<L: Labelled> Name<L> {
    /// The hash that chooses the dice.
    pub fn key(&self) -> u64 {
        match self {
            Name::Packet { from, to, label, repeat } => key::packet(*from, *to, label.hash(), *repeat),
            Name::Delivery { packet, copy } => key::delivery(packet.key(), *copy),
            Name::Disk { node, label, repeat } => key::disk(*node, label.hash(), *repeat),
            Name::Task { node, life, label, nth } => key::task(*node, *life, label.hash(), *nth),
            Name::Timer { task, nth } => key::timer(task.key(), *nth),
            Name::Wake { task, moment, repeat } => key::wake(task.key(), moment.key(), *repeat),
            Name::Sector { node, life, file, sector } => key::sector(*node, *life, file, *sector),
            Name::Entries { node, life } => key::entries(*node, *life),
            Name::Length { node, life, file } => key::length(*node, *life, file),
            Name::Boot { node, life } => key::boot(*node, *life),
            Name::Resume { node, nth } => key::resume(*node, *nth),
            Name::Reset { node, peer, nth } => key::reset(*node, *peer, *nth),
            Name::Clock { node } => key::clock(*node),
            Name::World => 0,
        }
    }
}

impl<L> Name<L> {
    /// The nodes it speaks of; none for the world itself.
    pub fn nodes(&self) -> Vec<NodeId> {
        match self {
            Name::Packet { from, to, .. } => vec![*from, *to],
            Name::Reset { node, peer, .. } => vec![*node, *peer],
            Name::Delivery { packet, .. } => packet.nodes(),
            Name::Timer { task, .. } => task.nodes(),
            Name::Wake { task, moment, .. } => [task.nodes(), moment.nodes()].concat(),
            Name::Disk { node, .. }
            | Name::Task { node, .. }
            | Name::Sector { node, .. }
            | Name::Entries { node, .. }
            | Name::Length { node, .. }
            | Name::Boot { node, .. }
            | Name::Resume { node, .. }
            | Name::Clock { node } => vec![*node],
            Name::World => Vec::new(),
        }
    }
}

impl<L: Labelled> fmt::Display for Name<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Name::Packet { from, to, label, repeat } => write!(f, "{from}->{to} {label} #{repeat}"),
            Name::Delivery { packet, copy } => {
                write!(f, "{packet} arrives{}", if *copy == 0 { "" } else { " again" })
            }
            Name::Disk { node, label, repeat } => write!(f, "{node} disk {label} #{repeat}"),
            Name::Task { node, life, label, nth } => {
                write!(f, "{node}")?;
                if life.0 != 1 {
                    write!(f, ".{}", life.0)?;
                }
                write!(f, "/{label}")?;
                if *nth != 1 {
                    write!(f, ".{nth}")?;
                }
                Ok(())
            }
            Name::Timer { task, nth } => write!(f, "{task} timer #{nth}"),
            Name::Wake { task, moment, repeat } => write!(f, "{task} woken by ({moment}) #{repeat}"),
            Name::Sector { node, life, file, sector } => {
                write!(f, "{node} life {} file {file} sector {sector}", life.0)
            }
            Name::Entries { node, life } => write!(f, "{node} life {} names", life.0),
            Name::Length { node, life, file } => write!(f, "{node} life {} length {file}", life.0),
            Name::Boot { node, life } => write!(f, "{node} boot {life}"),
            Name::Resume { node, nth } => write!(f, "{node} resume #{nth}"),
            Name::Reset { node, peer, nth } => write!(f, "{node} reset {peer} #{nth}"),
            Name::Clock { node } => write!(f, "{node} clock"),
            Name::World => write!(f, "the world"),
        }
    }
}

fn number<T: FromStr>(text: &str) -> Result<T, String> {
    text.strip_prefix('#').unwrap_or(text).parse().map_err(|_| format!("`{text}` is not a number"))
}

/// The text before the last ` #n`, and n.
fn numbered(text: &str) -> Result<(&str, u32), String> {
    let (head, tail) = text.rsplit_once(" #").ok_or_else(|| format!("`{text}` lacks its number, as in `{text} #1`"))?;
    Ok((head, number(tail)?))
}

fn task(text: &str) -> Result<Name<LabelText>, String> {
    let (owner, label) = text.split_once('/').ok_or_else(|| format!("`{text}` is not a task such as r1/replica"))?;
    let (node, life) = match owner.split_once('.') {
        Some((node, life)) => (node, Incarnation(number(life)?)),
        None => (owner, Incarnation(1)),
    };
    let (label, nth) = match label.rsplit_once('.') {
        Some((label, nth)) => (label, number(nth)?),
        None => (label, 1),
    };
    Ok(Name::Task { node: node.parse()?, life, label: label.parse()?, nth })
}

/// What a life leaves unsynced: `r1 life 2 names`, `r1 life 2 length FILE`, `r1 life 2 file FILE sector 5`. `None` if
/// the text is of another form.
fn read_left_behind(text: &str) -> Result<Option<Name<LabelText>>, String> {
    let Some((node, rest)) = text.split_once(" life ").filter(|(node, _)| !node.contains([' ', '/'])) else {
        return Ok(None);
    };
    let wrong = || format!("`{text}`: after the life comes `names`, `length FILE` or `file FILE sector N`");
    let node = node.parse()?;
    let (life, rest) = rest.split_once(' ').ok_or_else(wrong)?;
    let life = Incarnation(number(life)?);
    if rest == "names" {
        return Ok(Some(Name::Entries { node, life }));
    }
    if let Some(file) = rest.strip_prefix("length ") {
        return Ok(Some(Name::Length { node, life, file: file.into() }));
    }
    let file = rest.strip_prefix("file ").and_then(|rest| rest.rsplit_once(" sector "));
    let (file, sector) = file.ok_or_else(wrong)?;
    Ok(Some(Name::Sector { node, life, file: file.into(), sector: number(sector)? }))
}

impl FromStr for Name<LabelText> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "the world" {
            return Ok(Name::World);
        }
        // Files are named by the system, with any words at all; so this form comes before those that look for words.
        if let Some(left) = read_left_behind(text)? {
            return Ok(left);
        }
        if let Some((woken, rest)) = text.split_once(" woken by (") {
            let (moment, repeat) = numbered(rest)?;
            let moment = moment.strip_suffix(')').ok_or_else(|| format!("a bracket is not closed in `{text}`"))?;
            // What wakes a task is never itself a wake, so this recursion is one step deep.
            if moment.contains(" woken by ") {
                return Err(format!("`{text}`: a wake cannot be woken by a wake"));
            }
            return Ok(Name::Wake { task: Box::new(task(woken)?), moment: Box::new(moment.parse()?), repeat });
        }
        for (suffix, copy) in [(" arrives", 0), (" arrives again", 1)] {
            if let Some(packet) = text.strip_suffix(suffix) {
                if packet.contains(" arrives") {
                    return Err(format!("`{text}` arrives twice"));
                }
                return Ok(Name::Delivery { packet: Box::new(packet.parse()?), copy });
            }
        }
        if let Some((owner, nth)) = text.split_once(" timer ") {
            return Ok(Name::Timer { task: Box::new(task(owner)?), nth: number(nth)? });
        }
        let (who, what) = text
            .split_once(' ')
            .ok_or(())
            .or_else(|()| if text.contains('/') { Ok((text, "")) } else { Err(format!("`{text}` names nothing")) })?;
        if what.is_empty() {
            return task(who);
        }
        if let Some((from, to)) = who.split_once("->") {
            let (label, repeat) = numbered(what)?;
            return Ok(Name::Packet { from: from.parse()?, to: to.parse()?, label: label.parse()?, repeat });
        }
        let node: NodeId = who.parse()?;
        if what == "clock" {
            return Ok(Name::Clock { node });
        }
        let (verb, rest) = what.split_once(' ').ok_or_else(|| format!("`{text}` names nothing"))?;
        match verb {
            "disk" => {
                let (label, repeat) = numbered(rest)?;
                Ok(Name::Disk { node, label: label.parse()?, repeat })
            }
            "boot" => Ok(Name::Boot { node, life: Incarnation(number(rest)?) }),
            "resume" => Ok(Name::Resume { node, nth: number(rest)? }),
            "reset" => {
                let (peer, nth) = numbered(rest)?;
                Ok(Name::Reset { node, peer: peer.parse()?, nth })
            }
            _ => Err(format!(
                "`{text}` names nothing: after a node comes `disk`, `boot`, `resume`, `reset`, `life` or `clock`"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::label::Kind;

    static PREPARE: Kind = Kind::new("Prepare", &["v", "op"]);
    static REPLICA: Kind = Kind::new("replica", &[]);
    static WRITE: Kind = Kind::new("write", &["slot"]);

    fn every_form() -> Vec<Name> {
        let (r0, r1) = (NodeId::replica(0), NodeId::replica(1));
        let packet = Name::Packet { from: r0, to: r1, label: PREPARE.label([0, 1]), repeat: 2 };
        let disk = Name::Disk { node: r1, label: WRITE.label([5]), repeat: 1 };
        let task = |life, nth| Name::Task { node: r1, life: Incarnation(life), label: REPLICA.label([]), nth };
        let delivery = |copy| Name::Delivery { packet: Box::new(packet.clone()), copy };
        let timer = Name::Timer { task: Box::new(task(1, 1)), nth: 17 };
        let wake = |moment: Name| Name::Wake { task: Box::new(task(2, 3)), moment: Box::new(moment), repeat: 1 };
        let life = Incarnation(2);
        vec![
            packet.clone(),
            delivery(0),
            delivery(1),
            disk.clone(),
            task(1, 1),
            task(2, 1),
            task(1, 3),
            timer.clone(),
            wake(delivery(0)),
            wake(timer),
            wake(disk),
            wake(Name::World),
            Name::Sector { node: r1, life, file: "journal".into(), sector: 5 },
            Name::Entries { node: r1, life },
            Name::Length { node: r1, life, file: "journal".into() },
            Name::Boot { node: r1, life },
            Name::Resume { node: NodeId::client(0), nth: 1 },
            Name::Reset { node: r1, peer: r0, nth: 2 },
            wake(Name::Reset { node: r1, peer: r0, nth: 3 }),
            Name::Clock { node: r1 },
        ]
    }

    #[test]
    fn every_name_reads_back_to_its_key() {
        for name in every_form() {
            let text = name.to_string();
            let read: Name<LabelText> = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(read.to_string(), text);
            assert_eq!(read.key(), name.key(), "{text}");
        }
    }

    #[test]
    fn different_names_have_different_keys() {
        let mut keys: Vec<u64> = every_form().iter().map(Name::key).collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), every_form().len());
    }

    #[test]
    fn nonsense_is_refused_not_panicked_over() {
        for text in [
            "",
            " ",
            "r0",
            "r0->r1",
            "r0->r1 X",
            "r0->r1 X #",
            "r1 life",
            "r1 life 2",
            "/x",
            "r1 disk x",
            "r1/a woken by (",
            "r1/a woken by () #1",
            "é",
            "r1 timer",
            "a arrives arrives",
        ] {
            assert!(text.parse::<Name<LabelText>>().is_err(), "{text:?} was accepted");
        }
    }
}
