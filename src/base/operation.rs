//! What clients ask for and what they are told: the vocabulary of histories and models.

use std::fmt;

use bytes::Bytes;

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
