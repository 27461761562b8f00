//! A walk over the tree of a file that goes on after a mistake.
//!
//! A [`Value`] knows its place in the text and reads itself as what is wanted there, or says what it found instead. A
//! [`Table`] hands out its values by key and remembers which keys it was asked for; the others are unknown. Every
//! mistake goes to the one [`Context`] of the file, so a reader returns `None` where it has complained and its caller
//! puts in whatever lets the reading go on: a file with a mistake yields no scenario in the end.

use std::cell::{Cell, RefCell};
use std::ops::Range;
use std::str::FromStr;

pub(super) use crate::base::text::did_you_mean;
use crate::base::{Cluster, NodeId};

use super::choice::WORDS;
use super::diagnostic::Diagnostic;
use super::tree::{Entries, Node, Tree};

/// What the whole reading of one file shares.
pub(super) struct Context {
    mistakes: RefCell<Vec<Diagnostic>>,
    /// Whether parts of the text could not be parsed, or their choices not be read. What is missing may then stand there,
    /// so nobody complains of it.
    broken: bool,
    /// Whether the file is a plan, in which nothing may be left to chance.
    plan: bool,
    /// The machines, once they are known.
    cluster: Cell<Option<Cluster>>,
    /// So many of their replicas can make progress by themselves, once that is known.
    core_size: Cell<Option<u16>>,
}

impl Context {
    /// The beginning of a reading.
    pub fn new(broken: bool, plan: bool) -> Context {
        Context {
            broken,
            mistakes: RefCell::new(Vec::new()),
            plan,
            cluster: Cell::default(),
            core_size: Cell::default(),
        }
    }

    /// Takes note of a mistake.
    pub fn report(&self, mistake: Diagnostic) {
        self.mistakes.borrow_mut().push(mistake);
    }

    /// Takes note that something is not there.
    pub fn report_missing(&self, mistake: Diagnostic) {
        if !self.broken {
            self.report(mistake);
        }
    }

    /// Whether the file is a plan.
    pub fn is_plan(&self) -> bool {
        self.plan
    }

    /// From here on, nodes are checked against this cluster.
    pub fn set_cluster(&self, cluster: Cluster) {
        self.cluster.set(Some(cluster));
    }

    /// The machines, if they are known.
    pub fn cluster(&self) -> Option<Cluster> {
        self.cluster.get()
    }

    /// So many replicas can make progress by themselves.
    pub fn set_core_size(&self, core_size: Option<u16>) {
        self.core_size.set(core_size);
    }

    /// How many replicas can make progress by themselves, if that is known.
    pub fn core_size(&self) -> Option<u16> {
        self.core_size.get()
    }

    /// All mistakes.
    pub fn into_mistakes(self) -> Vec<Diagnostic> {
        self.mistakes.into_inner()
    }
}

/// A value of the file.
#[derive(Clone, Copy)]
pub(super) struct Value<'a> {
    context: &'a Context,
    inner: &'a Node<'a>,
}

impl<'a> Value<'a> {
    /// What the reading shares.
    pub fn context(self) -> &'a Context {
        self.context
    }

    /// The value itself.
    pub fn raw(self) -> &'a Tree<'a> {
        &self.inner.value
    }

    /// Its place.
    pub fn span(self) -> Range<usize> {
        self.inner.span.clone()
    }

    /// Says what is wrong with it. Always `None`, so that a reader can end with it.
    pub fn wrong<T>(self, message: impl Into<String>) -> Option<T> {
        self.context.report(Diagnostic::at(self.span(), message));
        None
    }

    /// As [`Value::wrong`], with advice.
    pub fn wrong_with<T>(self, message: impl Into<String>, help: impl Into<String>) -> Option<T> {
        self.context.report(Diagnostic::at(self.span(), message).help(help));
        None
    }

    /// Says that it is of the wrong type.
    pub fn expected<T>(self, what: &str) -> Option<T> {
        let message = format!("expected {what}, found {}", self.found());
        // Had the word been right, the table would have been replaced by what it chooses.
        let keys = match self.raw() {
            Tree::Table(entries) => entries.keys().map(AsRef::as_ref).collect(),
            _ => Vec::new(),
        };
        match keys.into_iter().find_map(|key| Some((key, did_you_mean(key, WORDS.into_iter())?))) {
            Some((key, meant)) => self.wrong_with(message, format!("`{key}` is no choice; did you mean `{meant}`?")),
            None => self.wrong(message),
        }
    }

    /// In a plan, says that it leaves something to chance.
    pub fn chance(self, message: &str) {
        if self.context.is_plan() {
            const HELP: &str = "this file is a plan (it has `entropy`, `deviations`, `digest` or `build`), and a plan leaves nothing to chance";
            self.context.report(Diagnostic::at(self.span(), message).help(HELP));
        }
    }

    /// What it is, in words.
    pub fn found(self) -> &'static str {
        match self.raw() {
            Tree::String(_) => "a string",
            Tree::Integer(_) => "an integer",
            Tree::Float(_) => "a number with a point",
            Tree::Boolean(_) => "a boolean",
            Tree::Date => "a date",
            Tree::Array(_) => "a list",
            Tree::Table(_) => "a table",
        }
    }

    /// It as text.
    pub fn text(self, what: &str) -> Option<&'a str> {
        match self.raw() {
            Tree::String(text) => Some(text),
            _ => self.expected(what),
        }
    }

    /// It as text of at least one character.
    pub fn some_text(self, what: &str) -> Option<&'a str> {
        match self.text(what)? {
            text if text.trim().is_empty() => self.wrong(format!("expected {what}, found nothing in it")),
            text => Some(text),
        }
    }

    /// It as text in a language of its own.
    pub fn parsed<T: FromStr<Err = String>>(self, what: &str) -> Option<T> {
        self.text(what)?.parse().map_or_else(|message: String| self.wrong(message), Some)
    }

    /// It as one of a few words.
    pub fn word<T: Clone>(self, what: &str, words: &[(&str, T)]) -> Option<T> {
        #[cfg(test)]
        super::asked::note_words(words.iter().map(|(word, _)| *word));
        let text = self.text(what)?;
        if let Some((_, meaning)) = words.iter().find(|(word, _)| *word == text) {
            return Some(meaning.clone());
        }
        let names = words.iter().map(|(word, _)| *word);
        let all: Vec<String> = names.clone().map(|word| format!("\"{word}\"")).collect();
        self.wrong(format!("expected {what}, found {}; {}", quoted(text), did_you_mean(text, names).map_or_else(
            || format!("it is one of {}", all.join(", ")),
            |word| format!("did you mean \"{word}\"?"),
        )))
    }

    /// It as a boolean.
    pub fn boolean(self) -> Option<bool> {
        match self.raw() {
            Tree::Boolean(value) => Some(*value),
            _ => self.expected("true or false"),
        }
    }

    /// It as a whole number within bounds, both included.
    pub fn whole(self, what: &str, low: u64, high: u64) -> Option<u64> {
        let Tree::Integer(integer) = self.raw() else { return self.expected(what) };
        match integer.whole() {
            Some(value) if (low..=high).contains(&value) => Some(value),
            _ if (low, high) == (0, u64::MAX) => self.wrong(format!("expected {what} below 2^64, found {integer}")),
            _ if high == u64::MAX => self.wrong(format!("expected {what} of at least {low}, found {integer}")),
            _ => self.wrong(format!("expected {what} from {low} to {high}, found {integer}")),
        }
    }

    /// It as a list; `None` if any of its elements cannot be read.
    pub fn list<T>(self, what: &str, mut read: impl FnMut(Value<'a>) -> Option<T>) -> Option<Vec<T>> {
        let Tree::Array(array) = self.raw() else { return self.expected(what) };
        let read: Vec<Option<T>> = array.iter().map(|inner| read(Value { context: self.context, inner })).collect();
        read.into_iter().collect()
    }

    /// It as a table. `place` is where one is then, as in "unknown key `x` in a fault". What `read` does not ask for is
    /// unknown.
    pub fn table<T>(self, place: &'static str, read: impl FnOnce(&mut Table<'a>) -> Option<T>) -> Option<T> {
        let Tree::Table(entries) = self.raw() else { return self.expected(&format!("a table for {place}")) };
        let mut table = Table::new(self.context, place, Some(self.span()), entries);
        let result = read(&mut table);
        table.finish();
        result
    }

    /// Says if the cluster has no such node.
    pub fn in_cluster(self, node: NodeId) {
        let Some(cluster) = self.context.cluster() else { return };
        if cluster.contains(node) {
            return;
        }
        let (kind, letter, count) =
            if node.is_replica() { ("replica", 'r', cluster.replicas) } else { ("client", 'c', cluster.clients) };
        let _: Option<()> = self.wrong(match count {
            0 => format!("there is no {node}: the cluster has no {kind}s"),
            1 => format!("there is no {node}: the cluster has one {kind}, {letter}0"),
            _ => format!("there is no {node}: the cluster has {count} {kind}s, {letter}0 to {letter}{}", count - 1),
        });
    }
}

/// A table of the file, and which of its keys were asked for.
pub(super) struct Table<'a> {
    context: &'a Context,
    place: &'static str,
    span: Option<Range<usize>>,
    entries: &'a Entries<'a>,
    known: Vec<&'static str>,
    /// Which keys it cannot do without.
    #[cfg(test)]
    needed: Vec<&'static str>,
    /// What is not there, and the keys that would be it. Said at the end, unless one of them is there and misspelt.
    missing: Vec<(Vec<&'static str>, Diagnostic)>,
}

impl<'a> Table<'a> {
    /// The whole file.
    pub fn root<T>(context: &'a Context, entries: &'a Entries<'a>, read: impl FnOnce(&mut Table<'a>) -> T) -> T {
        let mut table = Table::new(context, "a scenario", None, entries);
        let result = read(&mut table);
        table.finish();
        result
    }

    fn new(
        context: &'a Context,
        place: &'static str,
        span: Option<Range<usize>>,
        entries: &'a Entries<'a>,
    ) -> Table<'a> {
        Table {
            context,
            place,
            span,
            entries,
            known: Vec::new(),
            #[cfg(test)]
            needed: Vec::new(),
            missing: Vec::new(),
        }
    }

    /// What the reading shares.
    pub fn context(&self) -> &'a Context {
        self.context
    }

    /// The value of a key, if it is there.
    pub fn take(&mut self, key: &'static str) -> Option<Value<'a>> {
        self.known.push(key);
        self.entries.get(key).map(|entry| Value { context: self.context, inner: &entry.node })
    }

    /// The value of a key that has to be there.
    pub fn need(&mut self, key: &'static str) -> Option<Value<'a>> {
        #[cfg(test)]
        self.needed.push(key);
        let value = self.take(key);
        if value.is_none() {
            self.missing(&[key], format!("{} needs `{key}`", self.place), None);
        }
        value
    }

    /// The value of a sub-table that has to be there.
    pub fn need_section(&mut self, key: &'static str) -> Option<Value<'a>> {
        #[cfg(test)]
        self.needed.push(key);
        let value = self.take(key);
        if value.is_none() {
            self.missing(&[key], format!("{} needs a table [{key}]", self.place), None);
        }
        value
    }

    /// What a key reads as; the default if it is not there or cannot be read.
    pub fn or<T>(&mut self, key: &'static str, default: T, read: impl FnOnce(Value<'a>) -> Option<T>) -> T {
        self.take(key).and_then(read).unwrap_or(default)
    }

    /// What a sub-table reads as; the default if it is not there or cannot be read.
    pub fn section<T>(
        &mut self,
        key: &'static str,
        place: &'static str,
        default: T,
        read: impl FnOnce(&mut Table<'a>) -> Option<T>,
    ) -> T {
        self.take(key).and_then(|value| value.table(place, read)).unwrap_or(default)
    }

    /// Those of the keys that are there, with their values.
    pub fn take_any(&mut self, keys: &[&'static str]) -> Vec<(&'static str, Value<'a>)> {
        keys.iter().filter_map(|key| Some((*key, self.take(key)?))).collect()
    }

    /// Says that something is not there, which any of the keys would have been.
    pub fn missing(&mut self, keys: &[&'static str], message: String, help: Option<&str>) {
        let mut mistake = Diagnostic::of_file(message);
        mistake.span.clone_from(&self.span);
        mistake.help = help.map(str::to_string);
        self.missing.push((keys.to_vec(), mistake));
    }

    fn finish(self) {
        #[cfg(test)]
        super::asked::note(self.place, &self.known, &self.needed);
        let mut misspelt = Vec::new();
        for (word, entry) in self.entries {
            let (word, span) = (word.as_ref(), entry.key.clone());
            if self.known.contains(&word) {
                continue;
            }
            let message = format!("unknown key {} in {}", quoted(word), self.place);
            let mistake = match did_you_mean(word, self.known.iter().copied().chain(WORDS)) {
                Some(meant) => {
                    misspelt.push(meant);
                    Diagnostic::at(span, format!("{message}; did you mean `{meant}`?"))
                }
                None => Diagnostic::at(span, message).help(match elsewhere(word) {
                    Some(place) => format!("`{word}` belongs in {place}"),
                    None if self.known.is_empty() => "nothing can stand in it".to_string(),
                    None => format!("there can be {}", self.known.join(", ")),
                }),
            };
            self.context.report(mistake);
        }
        for (keys, mistake) in self.missing {
            if !keys.iter().any(|key| misspelt.contains(key)) {
                self.context.report_missing(mistake);
            }
        }
    }
}

/// Keys people look for in the wrong table, and where they belong.
const ELSEWHERE: [(&str, &[&str]); 25] = [
    (
        "a scenario, before the first [table]",
        &["title", "system", "plant", "entropy", "oracles", "deviations", "digest", "build"],
    ),
    ("[cluster]", &["replicas", "clients"]),
    (
        "[network]",
        &["latency", "loss", "duplicate", "reorder", "corrupt", "misroute", "delivery", "bandwidth", "queue"],
    ),
    (
        "[storage]",
        &[
            "read_latency",
            "write_latency",
            "sync_latency",
            "crash_keep",
            "crash_tear",
            "crash_tear_names",
            "rot_bit",
            "rot_byte",
            "misdirected_write",
            "lost_write",
            "no_space",
            "misdirected_read",
            "read_error",
            "failed_sync",
            "lying_sync",
            "budget",
        ],
    ),
    ("[clock]", &["offset_max", "drift_max"]),
    ("[schedule]", &["shuffle"]),
    ("[workload]", &["keys", "rate", "mix", "give_up_after", "operations"]),
    ("[[phase]]", &["quiet", "core", "healed", "for"]),
    (
        "[[phase.fault]]",
        &[
            "at",
            "every",
            "on",
            "before",
            "nth",
            "crash",
            "restart",
            "pause",
            "wipe",
            "partition",
            "cut",
            "hold",
            "release",
            "heal",
            "rot",
            "unreadable",
            "disk",
        ],
    ),
    ("`crash`, `restart`, `pause`, `wipe`, `stall` or `clock`", &["target"]),
    ("`crash` or `wipe`", &["restart_after", "max_down"]),
    ("`pause`", &["resume_after"]),
    ("`partition` or `cut`", &["heal_after"]),
    ("`cut`", &["both_ways"]),
    ("`cut` or `hold`", &["only"]),
    ("`hold`", &["release_after"]),
    ("[network], as `clog`, or [[phase.fault]]", &["clog"]),
    ("[storage], as `stall`, or [[phase.fault]]", &["stall"]),
    ("a fault's `clock`", &["jump", "drift"]),
    ("`partition`", &["isolate", "halves", "bridge", "ring", "groups"]),
    ("`rot` or `unreadable`", &["file", "sector"]),
    ("`rot`", &["byte", "bits", "extent"]),
    ("`disk`", &["next", "pick"]),
    ("[check]", &["safety", "liveness", "reached"]),
    ("[expect]", &["outcome", "seed", "within_seeds"]),
];

fn elsewhere(word: &str) -> Option<&'static str> {
    ELSEWHERE.iter().find(|(_, keys)| keys.contains(&word)).map(|(place, _)| *place)
}

/// A word of the file inside a message, cut if it is long.
pub(super) fn quoted(word: &str) -> String {
    if word.chars().count() <= 80 {
        return format!("`{word}`");
    }
    format!("`{}…`", word.chars().take(80).collect::<String>())
}
