//! Histories that were recorded elsewhere: bytes in, a [`Recording`] out.
//!
//! A recording is what clients of some real system asked and were told, one [`Entry`] for each operation. It is kept
//! small (an entry has 48 bytes, every text is stored once) and flat, because these files have millions of lines.
//! [`jsonl`] reads the format of `docs/linearizability.md`, [`edn`] reads Jepsen's. Both are fed pieces of a file, so that the
//! file itself is never in memory, and both are pure: who opens files and unpacks them is somebody else.

mod cursor;
pub mod edn;
mod eight;
pub mod jsonl;
pub(in crate::check) mod lists;
mod overlaps;
mod problem;
mod texts;

pub use overlaps::{Overlap, Overlaps};
pub use problem::Problem;
pub(in crate::check) use texts::printable;
pub use texts::{ABSENT, TextId, Texts};

/// What was asked. Which of them a model knows is said there.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Act {
    /// Read.
    Get,
    /// Write.
    Put,
    /// Add to the end.
    Append,
    /// Write if it holds an expected value.
    Cas,
    /// Make absent.
    Delete,
    /// Add a number, or a member.
    Add,
    /// Take a member out.
    Remove,
    /// Ask for a member.
    Contains,
    /// Add to the end of a queue.
    Enqueue,
    /// Take from the front of a queue.
    Dequeue,
}

impl Act {
    /// The word for it in the format of lines of JSON.
    pub fn word(self) -> &'static str {
        match self {
            Act::Get => "get",
            Act::Put => "put",
            Act::Append => "append",
            Act::Cas => "cas",
            Act::Delete => "delete",
            Act::Add => "add",
            Act::Remove => "remove",
            Act::Contains => "contains",
            Act::Enqueue => "enqueue",
            Act::Dequeue => "dequeue",
        }
    }
}

/// What was answered.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Answer {
    /// Nothing: it may have taken effect at any time after its call, or never.
    Unknown,
    /// It took effect; of an operation that reads, `value` is what it answered.
    Done,
    /// It took effect and said yes: swapped, contained.
    Yes,
    /// It took effect and said no.
    No,
}

/// One operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry {
    /// When it was called.
    pub call: u64,
    /// When it returned; [`NEVER`] if it did not, or if that does not matter.
    pub end: u64,
    /// Who called; [`NOBODY`] if the file does not say.
    pub client: u64,
    /// The object it touches, as a number of [`Recording::keys`].
    pub key: TextId,
    /// What was written, or what was read.
    pub value: TextId,
    /// What a compare-and-swap expected; the position of an operation on a log.
    pub from: TextId,
    /// Its place in the order in which the system says operations took effect; [`NO_INDEX`] if it does not say.
    pub index: u32,
    /// What was asked.
    pub act: Act,
    /// What was answered.
    pub answer: Answer,
    /// The line of the file that it began at, counted from 1; 0 if it is from no file.
    pub line: u32,
}

/// The time of what does not happen. Later than every time of a recording.
pub const NEVER: u64 = u64::MAX;

/// The client of an operation whose file names none.
pub const NOBODY: u64 = u64::MAX;

/// The index of an operation without one.
pub const NO_INDEX: u32 = u32::MAX;

impl Entry {
    /// Whether this operation was certainly over before the other began. Intervals are closed: what returns at the moment
    /// at which something else is called is concurrent with it.
    pub fn precedes(&self, other: &Entry) -> bool {
        self.end < other.call
    }

    /// Whether it is known to have taken effect.
    pub fn is_known(&self) -> bool {
        self.answer != Answer::Unknown
    }

    /// Whether it says nothing at all: a read without an answer.
    pub fn is_void(&self) -> bool {
        !self.is_known() && matches!(self.act, Act::Get | Act::Contains)
    }
}

/// A history.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    /// The operations, in the order of their calls.
    pub entries: Vec<Entry>,
    /// Texts of values.
    pub values: Texts,
    /// Names of objects. The name of an object is empty where there is only one and nobody named it.
    pub keys: Texts,
    /// What the file calls reading and writing.
    pub words: Words,
    /// What its times are.
    pub times: Times,
}

/// What a file calls reading and writing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Words {
    /// `get` and `put`.
    #[default]
    GetPut,
    /// `read` and `write`.
    ReadWrite,
}

/// What the times of a recording are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Times {
    /// Those of the file.
    #[default]
    Told,
    /// The file tells none that can be used, or none that are in order: these are places in the order of its events, from 0.
    Places,
}

impl Recording {
    /// Puts the operations into the order of their calls, if they are not.
    pub fn sort(&mut self) {
        if !self.entries.is_sorted_by_key(|entry| entry.call) {
            self.entries.sort_by_key(|entry| entry.call);
        }
    }

    /// The places of the operations of every object, in the order of their calls; by the number of the key.
    pub fn by_key(&self) -> Vec<Vec<u32>> {
        assert!(u32::try_from(self.entries.len()).is_ok(), "a recording has fewer than 2^32 operations");
        let mut counts = vec![0_usize; self.keys.len()];
        self.entries.iter().for_each(|entry| counts[entry.key as usize] += 1);
        let mut places: Vec<Vec<u32>> = counts.into_iter().map(Vec::with_capacity).collect();
        for (place, entry) in self.entries.iter().enumerate() {
            places[entry.key as usize].push(place as u32);
        }
        places
    }

    /// About how many bytes it takes in memory.
    pub fn bytes(&self) -> usize {
        self.entries.len() * size_of::<Entry>() + self.values.bytes() + self.keys.bytes()
    }
}
