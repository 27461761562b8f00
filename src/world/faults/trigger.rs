//! Moments of the protocol at which a fault can strike: `backup sends PrepareOk #3`.

use std::fmt;
use std::str::FromStr;

use crate::base::label::Labelled;
use crate::base::{Event, EventKind, Label, LabelText, NodeId, Role};

/// A moment, as a scenario file says it.
///
/// Written `WHO VERB WHAT [to WHO | from WHO] [#N]`: who is a node, `primary`, `backup`, `replica`, `client` or `any`;
/// what is a label (`PrepareOk(v0 op1)`), a bare kind (`PrepareOk`) or, for `reaches`, the name of a mark. It matches
/// the Nth such event since it was armed, which is when its phase began; the first, if N is absent.
///
/// With `exactly #N` in the place of `#N` it matches the event whose own repeat number is N, whenever armed: the form
/// that plans are recorded in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trigger {
    /// Whose event.
    pub who: Who,
    /// What it does.
    pub verb: Verb,
    /// To whom a packet goes or from whom it comes; anybody if absent.
    pub peer: Option<Who>,
    /// Which of the matching events.
    pub which: Which,
}

/// Which of the events that match.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Which {
    /// The nth since the trigger was armed, from 1.
    Nth(u32),
    /// The one that carries this repeat number itself.
    Exactly(u32),
}

/// Whose event it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Who {
    /// This node's.
    Node(NodeId),
    /// That of a node which believes itself to be primary.
    Primary,
    /// That of a node which believes itself to be a backup.
    Backup,
    /// Any replica's.
    Replica,
    /// Any client machine's.
    Client,
    /// Anybody's.
    Any,
}

/// What happens at the moment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verb {
    /// A packet leaves.
    Sends(LabelText),
    /// A packet arrives.
    Receives(LabelText),
    /// A disk operation begins.
    Starts(LabelText),
    /// A disk operation ends.
    Finishes(LabelText),
    /// A mark is passed.
    Reaches(String),
    /// A life begins.
    Boots,
}

impl Who {
    fn is(self, node: NodeId, role: Option<Role>) -> bool {
        match self {
            Who::Node(wanted) => wanted == node,
            Who::Primary => role == Some(Role::Primary),
            Who::Backup => role == Some(Role::Backup),
            Who::Replica => node.is_replica(),
            Who::Client => !node.is_replica(),
            Who::Any => true,
        }
    }
}

impl Trigger {
    /// Whether the event is of the kind meant, by whom and with whom meant. `role` tells what a node believes it is.
    /// If so, the repeat number that the event itself carries (1 where it carries none).
    pub fn matches(&self, event: &Event, role: impl Fn(NodeId) -> Option<Role>) -> Option<u32> {
        let node = event.node?;
        let fits = |what: &LabelText, label: &Label| match self.which {
            Which::Nth(_) => what.matches(label),
            Which::Exactly(_) => what.hash() == Labelled::hash(label),
        };
        let (matches, peer, repeat) = match (&self.verb, &event.kind) {
            (Verb::Sends(what), EventKind::Send { to, label, repeat, .. }) => (fits(what, label), Some(*to), *repeat),
            // A duplicate is not a second message; it is the same one again.
            (Verb::Receives(what), EventKind::Deliver { from, label, repeat, copy: 0, .. }) => {
                (fits(what, label), Some(*from), *repeat)
            }
            (Verb::Starts(what), EventKind::DiskStart { label, repeat, .. })
            | (Verb::Finishes(what), EventKind::DiskDone { label, repeat, .. }) => (fits(what, label), None, *repeat),
            (Verb::Reaches(what), EventKind::Mark(name)) => (what == name, None, 1),
            (Verb::Boots, EventKind::Boot(life)) => (true, None, life.0),
            _ => return None,
        };
        let peer_matches = match (self.peer, peer) {
            (None, _) => true,
            (Some(wanted), Some(peer)) => wanted.is(peer, role(peer)),
            (Some(_), None) => false,
        };
        (matches && peer_matches && self.who.is(node, role(node))).then_some(repeat)
    }
}

impl Trigger {
    /// The trigger that means this event, which carries this repeat number, and no other. None of an event of the world,
    /// or of a kind that triggers nothing.
    pub fn exact(event: &Event, repeat: u32) -> Option<Trigger> {
        let text = |label: &Label| label.to_string().parse().expect("a label's text reads back");
        let (verb, peer) = match &event.kind {
            EventKind::Send { to, label, .. } => (Verb::Sends(text(label)), Some(*to)),
            EventKind::Deliver { from, label, copy: 0, .. } => (Verb::Receives(text(label)), Some(*from)),
            EventKind::DiskStart { label, .. } => (Verb::Starts(text(label)), None),
            EventKind::DiskDone { label, .. } => (Verb::Finishes(text(label)), None),
            EventKind::Mark(name) => (Verb::Reaches((*name).to_string()), None),
            EventKind::Boot(_) => (Verb::Boots, None),
            _ => return None,
        };
        Some(Trigger { who: Who::Node(event.node?), verb, peer: peer.map(Who::Node), which: Which::Exactly(repeat) })
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Who::Node(node) => write!(f, "{node}"),
            Who::Primary => write!(f, "primary"),
            Who::Backup => write!(f, "backup"),
            Who::Replica => write!(f, "replica"),
            Who::Client => write!(f, "client"),
            Who::Any => write!(f, "any"),
        }
    }
}

impl FromStr for Who {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "primary" => Who::Primary,
            "backup" => Who::Backup,
            "replica" => Who::Replica,
            "client" => Who::Client,
            "any" => Who::Any,
            node => Who::Node(node.parse().map_err(|_| {
                format!(
                    "unknown node `{node}`; here stands a node (r0, c1) or one of primary, backup, replica, client, any"
                )
            })?),
        })
    }
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.who)?;
        let preposition = match &self.verb {
            Verb::Sends(what) => write!(f, "sends {what}").map(|()| "to")?,
            Verb::Receives(what) => write!(f, "receives {what}").map(|()| "from")?,
            Verb::Starts(what) => write!(f, "starts {what}").map(|()| "")?,
            Verb::Finishes(what) => write!(f, "finishes {what}").map(|()| "")?,
            Verb::Reaches(what) => write!(f, "reaches {what}").map(|()| "")?,
            Verb::Boots => write!(f, "boots").map(|()| "")?,
        };
        if let Some(peer) = self.peer {
            write!(f, " {preposition} {peer}")?;
        }
        match self.which {
            Which::Nth(1) => Ok(()),
            Which::Nth(nth) => write!(f, " #{nth}"),
            Which::Exactly(repeat) => write!(f, " exactly #{repeat}"),
        }
    }
}

impl FromStr for Trigger {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let number = |digits: &str| match digits.parse::<u32>() {
            Ok(number) if number > 0 => Ok(number),
            _ => Err(format!("`#{digits}` is not a count; counts start at #1")),
        };
        let (rest, which) = match text.rsplit_once(" #") {
            None => (text, Which::Nth(1)),
            Some((rest, digits)) => match rest.strip_suffix(" exactly") {
                Some(rest) => (rest, Which::Exactly(number(digits)?)),
                None => (rest, Which::Nth(number(digits)?)),
            },
        };
        let (who, rest) = rest
            .split_once(' ')
            .ok_or_else(|| format!("`{text}` is not a moment; write it like `backup sends PrepareOk #3`"))?;
        let who = who.parse()?;
        let (verb, what) = rest.split_once(' ').unwrap_or((rest, ""));
        let preposition = match verb {
            "sends" => " to ",
            "receives" => " from ",
            _ => "",
        };
        let (what, peer) = match what.rsplit_once(preposition) {
            Some((what, peer)) if !preposition.is_empty() => (what, Some(peer.parse()?)),
            _ => (what, None),
        };
        let verb = match verb {
            "sends" => Verb::Sends(what.parse()?),
            "receives" => Verb::Receives(what.parse()?),
            "starts" => Verb::Starts(what.parse()?),
            "finishes" => Verb::Finishes(what.parse()?),
            "reaches" if !what.is_empty() => Verb::Reaches(what.to_string()),
            "reaches" => return Err("`reaches` lacks the name of a mark".to_string()),
            "boots" if what.is_empty() => Verb::Boots,
            "boots" => return Err(format!("nothing stands behind `boots`, but here stands `{what}`")),
            other => {
                return Err(format!(
                    "unknown verb `{other}`; it is one of sends, receives, starts, finishes, reaches, boots"
                ));
            }
        };
        Ok(Trigger { who, verb, peer, which })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn triggers_read_and_print() {
        for text in [
            "backup sends PrepareOk #3",
            "r1 sends PrepareOk(v0 op1) to r0 exactly #2",
            "r2 receives Prepare from primary",
            "any starts write(slot5)",
            "r1 finishes sync #2",
            "replica reaches view change done",
            "r1 boots #2",
        ] {
            assert_eq!(text.parse::<Trigger>().map(|trigger| trigger.to_string()).as_deref(), Ok(text));
        }
    }

    #[test]
    fn mistakes_are_explained() {
        for text in ["", "r1", "x9 sends A", "r1 throws A", "r1 sends", "r1 sends A #0", "r1 reaches", "r1 boots twice"]
        {
            assert!(text.parse::<Trigger>().is_err(), "{text} was accepted");
        }
    }
}
