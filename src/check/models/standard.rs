//! The models that come with the crate, by name, and how they read recordings.

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;

use crate::base::{Key, Operation, Reply};
use crate::check::recorded::{ABSENT, Act, Answer, Entry, Texts, lists, printable};

use super::{Counter, KeyValue, Log, Model, Queue, Set};

/// A model that comes with the crate.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Standard {
    /// Read, write, compare-and-swap: [`KeyValue`] without the rest.
    Register,
    /// A store of strings: [`KeyValue`].
    #[default]
    KeyValue,
    /// [`Counter`].
    Counter,
    /// [`Set`].
    Set,
    /// [`Queue`].
    Queue,
    /// [`Log`].
    Log,
}

const NAMES: [(Standard, &str); 6] = [
    (Standard::Register, "register"),
    (Standard::KeyValue, "kv"),
    (Standard::Counter, "counter"),
    (Standard::Set, "set"),
    (Standard::Queue, "queue"),
    (Standard::Log, "log"),
];

impl Standard {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Standard> {
        NAMES.iter().map(|(standard, _)| *standard)
    }

    /// The model itself.
    pub fn model(self) -> &'static dyn Model {
        match self {
            Standard::Register | Standard::KeyValue => &KeyValue,
            Standard::Counter => &Counter,
            Standard::Set => &Set,
            Standard::Queue => &Queue,
            Standard::Log => &Log,
        }
    }

    /// What it can be asked.
    pub fn acts(self) -> &'static [Act] {
        match self {
            Standard::Register => &[Act::Get, Act::Put, Act::Cas],
            Standard::KeyValue => &[Act::Get, Act::Put, Act::Append, Act::Cas, Act::Delete],
            Standard::Counter => &[Act::Add, Act::Get],
            Standard::Set => &[Act::Add, Act::Remove, Act::Contains, Act::Get],
            Standard::Queue => &[Act::Enqueue, Act::Dequeue],
            Standard::Log => &[Act::Append, Act::Get],
        }
    }

    /// Whether it has operations of this kind.
    pub fn knows(self, act: Act) -> bool {
        self.acts().contains(&act)
    }

    /// What is wrong with an operation by itself: that the model does not know it, or that its texts mean nothing. The field
    /// that this is about comes first.
    pub fn objects_to(self, entry: &Entry, texts: &Texts) -> Option<(&'static str, String)> {
        if !self.knows(entry.act) {
            let others: Vec<String> = Standard::all()
                .filter(|other| other.knows(entry.act))
                .map(|other| format!("--model {other}"))
                .collect();
            let act = entry.act.word();
            return Some(("op", format!("the model `{self}` has no `{act}`; try {}", others.join(" or "))));
        }
        if self != Standard::Log && entry.act != Act::Cas && entry.from != ABSENT {
            return Some(("position", format!("the model `{self}` has no positions; try --model {}", Standard::Log)));
        }
        let number =
            |id| id != ABSENT && std::str::from_utf8(texts.get(id)).is_ok_and(|text| text.parse::<i128>().is_ok());
        let position =
            |id| id != ABSENT && std::str::from_utf8(texts.get(id)).is_ok_and(|text| text.parse::<u64>().is_ok());
        let (field, expected) = match (self, entry.act) {
            (Standard::Counter, Act::Add) if !number(entry.value) => {
                ("value", "a whole number as the `value` of `add`")
            }
            (Standard::Counter, Act::Get) if entry.is_known() && !number(entry.value) => {
                ("value", "a whole number as the `value` of `get`: a counter begins at 0")
            }
            (Standard::Log, Act::Get) if !position(entry.from) => {
                ("position", "a whole number, from 0, as the `position` that `get` has read at")
            }
            (Standard::Log, Act::Append) if entry.from != ABSENT && !position(entry.from) => {
                ("position", "a whole number, from 0, as the `position` that `append` was told")
            }
            (Standard::Set, Act::Get) if entry.is_known() && lists::members(texts.get(entry.value)).is_none() => {
                ("value", "a list as the `value` of `get`: a set begins as []")
            }
            _ => return None,
        };
        Some((field, format!("expected {expected}")))
    }

    /// An entry as an operation on its key and what that answered; `None` if its outcome is unknown.
    pub(in crate::check) fn operation(self, entry: &Entry, texts: &Texts) -> (Operation, Option<Reply>) {
        let key = Key(entry.key);
        // Readers let nothing else in than UTF-8, which is quickly said of most texts.
        let text = |id| match std::str::from_utf8(texts.get(id)) {
            Ok(text) => text.to_owned(),
            Err(_) => String::from_utf8_lossy(texts.get(id)).into_owned(),
        };
        let maybe = |id| if id == ABSENT { None } else { Some(text(id)) };
        let custom = |name, id| Operation::Custom { name, key, input: Bytes::copy_from_slice(texts.get(id)) };
        let is_log = self == Standard::Log;
        let operation = match entry.act {
            Act::Get if is_log => custom("read", entry.from),
            Act::Append if is_log => custom("append", entry.value),
            Act::Get => Operation::Get { key },
            Act::Put => Operation::Put { key, value: text(entry.value) },
            Act::Append => Operation::Append { key, value: text(entry.value) },
            Act::Cas => Operation::Cas { key, from: maybe(entry.from), to: text(entry.value) },
            Act::Delete => Operation::Delete { key },
            Act::Add => custom("add", entry.value),
            Act::Remove => custom("remove", entry.value),
            Act::Contains => custom("contains", entry.value),
            Act::Enqueue => custom("enqueue", entry.value),
            Act::Dequeue => custom("dequeue", ABSENT),
        };
        let reply = match (entry.act, entry.answer) {
            (_, Answer::Unknown) => None,
            (_, Answer::Yes) => Some(Reply::Swapped(true)),
            (_, Answer::No) => Some(Reply::Swapped(false)),
            (Act::Get, _) if self == Standard::Set && entry.value != ABSENT => {
                Some(Reply::Value(Some(in_order(texts.get(entry.value)))))
            }
            (Act::Get | Act::Dequeue, _) => Some(Reply::Value(maybe(entry.value))),
            (Act::Append, _) if is_log && entry.from != ABSENT => {
                Some(Reply::Custom(Bytes::copy_from_slice(texts.get(entry.from))))
            }
            _ => Some(Reply::Done),
        };
        (operation, reply)
    }
}

/// What `Get` of a set has answered: a list, or the text of the model.
pub(crate) fn members(list: &[u8]) -> Vec<Vec<u8>> {
    lists::members(list).unwrap_or_else(|| {
        let text = String::from_utf8_lossy(list);
        text.split(Set::SEPARATOR).map(|member| member.as_bytes().to_vec()).collect()
    })
}

/// The same in the order that the model gives them.
fn in_order(list: &[u8]) -> String {
    let mut members = members(list);
    members.sort();
    let members: Vec<_> = members.iter().map(|member| String::from_utf8_lossy(member)).collect();
    members.join(&Set::SEPARATOR.to_string())
}

impl fmt::Display for Standard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (_, name) = NAMES.iter().find(|(standard, _)| standard == self).expect("every model has a name");
        f.write_str(name)
    }
}

impl FromStr for Standard {
    type Err = String;

    fn from_str(text: &str) -> Result<Standard, String> {
        NAMES.iter().find(|(_, name)| *name == text).map(|(standard, _)| *standard).ok_or_else(|| {
            let names: Vec<&str> = NAMES.iter().map(|(_, name)| *name).collect();
            format!("unknown model `{text}`; there are {}", names.join(", "))
        })
    }
}

/// In words what operations with opaque inputs do, where those are text.
pub(super) fn describe(operation: &Operation, reply: Option<&Reply>) -> String {
    printable(&described(operation, reply))
}

fn described(operation: &Operation, reply: Option<&Reply>) -> String {
    let asked = match operation {
        Operation::Custom { name, key, input } if input.is_empty() => format!("{name} {key}"),
        Operation::Custom { name, key, input } => format!("{name} {key} {}", String::from_utf8_lossy(input)),
        operation => operation.to_string(),
    };
    match reply {
        Some(Reply::Done) => asked,
        Some(Reply::Custom(bytes)) => format!("{asked} -> {}", String::from_utf8_lossy(bytes)),
        Some(Reply::Swapped(yes)) => format!("{asked} -> {}", if *yes { "yes" } else { "no" }),
        Some(reply) => format!("{asked} -> {reply}"),
        None => format!("{asked} -> ?"),
    }
}
