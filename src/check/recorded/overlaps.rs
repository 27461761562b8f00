//! Clients that do two things at one time.
//!
//! A client waits for an answer before it asks for something else; only an operation of unknown outcome stays open for ever. That does
//! not matter to a verdict, which looks at times and not at names. But where a client calls although its last operation has not
//! returned, lines are often doubled, or clients mixed up, and then the verdict is about something that never was.

use super::Entry;

/// Clients with numbers below this one are watched; whoever gives them larger ones has hashed something.
const CLIENTS_WATCHED: u64 = 1 << 16;

/// Calls of clients that were not free.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Overlaps {
    /// By client, the call, the return and the line of its last operation.
    last: Vec<(u64, u64, u32)>,
    /// How many there are.
    pub count: u64,
    /// The first of them.
    pub first: Option<Overlap>,
}

/// A call of a client that was not free.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Overlap {
    /// Who called.
    pub client: u64,
    /// When.
    pub call: u64,
    /// The line of the file; 0 if there is none.
    pub line: u32,
    /// From when to when the operation before it took.
    pub before: (u64, u64),
    /// The line of the file that this one is in; 0 if there is none.
    pub line_before: u32,
}

impl Overlaps {
    /// Looks at the next operations, which come in the order of their calls.
    pub fn take(&mut self, entries: &[Entry]) {
        for entry in entries.iter().filter(|entry| entry.is_known() && entry.client < CLIENTS_WATCHED) {
            let client = entry.client as usize;
            if client >= self.last.len() {
                self.last.resize((client + 1).next_power_of_two(), (0, 0, 0));
            }
            let Entry { call, end, line, client: name, .. } = *entry;
            let (called, ended, line_before) = std::mem::replace(&mut self.last[client], (call, end, line));
            if ended > call {
                self.count += 1;
                let before = (called, ended);
                self.first.get_or_insert(Overlap { client: name, call, line, before, line_before });
            }
        }
    }
}
