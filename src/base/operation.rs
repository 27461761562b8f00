//! What clients ask for and what they are told: the vocabulary of histories and models.

use std::fmt;

use bytes::Bytes;

use super::hash::{Digest, hash_bytes, mix};

/// One independent object of the service, printed as `k0`, `k1`, …
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Key(pub u32);

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "k{}", self.0)
    }
}

/// What a client asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Operation {
    /// Read a key.
    Get {
        /// Which key.
        key: Key,
    },
    /// Write a key.
    Put {
        /// Which key.
        key: Key,
        /// What it becomes.
        value: String,
    },
    /// Add to the end of a key's value; an absent key counts as empty. Not idempotent.
    Append {
        /// Which key.
        key: Key,
        /// What is added.
        value: String,
    },
    /// Write a key if it holds an expected value; `None` expects it absent.
    Cas {
        /// Which key.
        key: Key,
        /// What it must hold.
        from: Option<String>,
        /// What it becomes.
        to: String,
    },
    /// Remove a key.
    Delete {
        /// Which key.
        key: Key,
    },
    /// Something only the system's own model understands.
    Custom {
        /// The word it is shown by.
        name: &'static str,
        /// The object it touches.
        key: Key,
        /// Its argument, opaque.
        input: Bytes,
    },
}

impl Operation {
    /// The object it touches; histories are checked object by object.
    pub fn key(&self) -> Key {
        match self {
            Operation::Get { key }
            | Operation::Put { key, .. }
            | Operation::Append { key, .. }
            | Operation::Cas { key, .. }
            | Operation::Delete { key }
            | Operation::Custom { key, .. } => *key,
        }
    }
}

impl Operation {
    /// Takes the operation into account, to the last byte of what it carries.
    pub(super) fn feed(&self, digest: &mut Digest) {
        let text = |text: &String| hash_bytes(text.as_bytes());
        let (kind, content) = match self {
            Operation::Get { .. } => (1, 0),
            Operation::Put { value, .. } => (2, text(value)),
            Operation::Append { value, .. } => (3, text(value)),
            Operation::Cas { from: None, to, .. } => (4, text(to)),
            Operation::Cas { from: Some(from), to, .. } => (5, mix(text(from), text(to))),
            Operation::Delete { .. } => (6, 0),
            Operation::Custom { name, input, .. } => (7, mix(hash_bytes(name.as_bytes()), hash_bytes(input))),
        };
        digest.feed_pair(kind << 32 | u64::from(self.key().0), content);
    }
}

impl Reply {
    /// Takes the answer into account, to the last byte.
    pub(super) fn feed(&self, digest: &mut Digest) {
        match self {
            Reply::Done => digest.feed(1),
            Reply::Value(None) => digest.feed(2),
            Reply::Value(Some(value)) => digest.feed_pair(3, hash_bytes(value.as_bytes())),
            Reply::Swapped(swapped) => digest.feed(4 + u64::from(*swapped)),
            Reply::Custom(bytes) => digest.feed_pair(6, hash_bytes(bytes)),
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Operation::Get { key } => write!(f, "get {key}"),
            Operation::Put { key, value } => write!(f, "put {key} {value}"),
            Operation::Append { key, value } => write!(f, "append {key} {value}"),
            Operation::Cas { key, from: Some(from), to } => write!(f, "cas {key} {from} {to}"),
            Operation::Cas { key, from: None, to } => write!(f, "cas {key} (absent) {to}"),
            Operation::Delete { key } => write!(f, "delete {key}"),
            Operation::Custom { name, key, input } => write!(f, "{name} {key} ({} bytes)", input.len()),
        }
    }
}

/// What a client is told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reply {
    /// It was done and there is nothing to tell.
    Done,
    /// What a key holds; `None` if it is absent.
    Value(Option<String>),
    /// Whether a compare-and-swap swapped. If not, it took effect as a read that found something else.
    Swapped(bool),
    /// Something only the system's own model understands.
    Custom(Bytes),
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reply::Done => write!(f, "done"),
            Reply::Value(Some(value)) => write!(f, "{value}"),
            Reply::Value(None) => write!(f, "(absent)"),
            Reply::Swapped(true) => write!(f, "swapped"),
            Reply::Swapped(false) => write!(f, "not swapped"),
            Reply::Custom(bytes) => write!(f, "({} bytes)", bytes.len()),
        }
    }
}
