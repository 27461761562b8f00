//! What the reader asks the tables of files for. Tests compare it with what the schema says.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

/// What was asked for by this thread.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    /// By place: which keys it knows.
    pub keys: BTreeMap<&'static str, BTreeSet<&'static str>>,
    /// By place: which keys it could never do without.
    pub needs: BTreeMap<&'static str, BTreeSet<&'static str>>,
    /// The words that a value had to be one of.
    pub words: BTreeSet<Vec<String>>,
}

thread_local! {
    static ASKED: RefCell<Asked> = RefCell::default();
}

/// Takes note of one visit of a table.
pub(super) fn note(place: &'static str, known: &[&'static str], needed: &[&'static str]) {
    ASKED.with_borrow_mut(|asked| {
        asked.keys.entry(place).or_default().extend(known);
        let needed: BTreeSet<&'static str> = needed.iter().copied().collect();
        let needs = asked.needs.entry(place).or_insert_with(|| needed.clone());
        needs.retain(|key| needed.contains(key));
    });
}

/// Takes note of the words that a value had to be one of.
pub(super) fn note_words<'a>(words: impl Iterator<Item = &'a str>) {
    ASKED.with_borrow_mut(|asked| asked.words.insert(words.map(str::to_string).collect()));
}

/// Everything that was asked for while `work` was done.
pub(super) fn during(work: impl FnOnce()) -> Asked {
    ASKED.take();
    work();
    ASKED.take()
}
