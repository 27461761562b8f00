//! Choices: the places of a file at which each seed chooses. Reading them, and what is wrong with them.
//!
//! A choice is a table with words of its own, and may stand in the place of any value: of a probability, of a list of
//! nodes, of a whole fault. So choices are read, and later made, before anything is known of what a value means. What
//! comes out for a seed is a tree without choices, and that is read as any other file.

use std::collections::BTreeMap;
use std::ops::Range as Place;

use crate::base::Ratio;
use crate::base::hash::{FNV_START, fnv};

use super::diagnostic::Diagnostic;
use super::range::{BOUNDS, Range};
use super::read_plan::PLAN;
use super::reader::quoted;
use super::tree::{Entries, Entry, Node, Tree};

/// The words of choices. No other table has keys of these names.
pub(super) const WORDS: [&str; 6] = ["any", "weights", "between", "scale", "chance", "repeat"];

/// What names and judges the scenarios of a file, and so is the same for all of them.
pub(super) const COMMON: [&str; 5] = ["title", "system", "plant", "check", "expect"];

/// A file with more alternatives than this, counted so that each of them has its turn, would take long to try out.
pub(super) const ALTERNATIVES: usize = 256;

/// A value in which there may be choices that are still to be made.
#[derive(Debug)]
pub(super) struct Draft {
    /// Its place.
    pub span: Place<usize>,
    /// How often it is there at all.
    pub chance: Option<Ratio>,
    /// What it is when it is there.
    pub form: Form,
    /// How many turns it takes until each alternative in it has had one.
    pub turns: usize,
}

#[derive(Debug)]
pub(super) enum Form {
    /// A value without choices, and how many values there are in it.
    Plain(Node<'static>, usize),
    /// A list.
    List(Vec<Item>),
    /// A table, into which one of some others may be merged.
    Table(Members),
    /// One of these.
    Any(Alternatives),
    /// One of the values between two others. The two stand behind it, for those who want to try them.
    Between { range: Range, ends: [Node<'static>; 2] },
    /// A choice with a mistake.
    Broken,
}

/// The entries of a table, and those it may have besides.
#[derive(Debug)]
pub(super) struct Members {
    pub entries: Vec<Member>,
    pub any: Option<Alternatives>,
}

#[derive(Debug)]
pub(super) struct Member {
    pub key: String,
    pub place: Place<usize>,
    pub value: Draft,
}

/// An element of a list.
#[derive(Debug)]
pub(super) struct Item {
    /// What it is called among the others. Not its place in the list, so that taking one of the others out leaves the
    /// dice of this one as they are.
    pub name: String,
    /// How many times it stands in the list.
    pub repeat: Option<Box<Draft>>,
    pub value: Draft,
}

#[derive(Debug)]
pub(super) struct Alternatives {
    pub alternatives: Vec<Draft>,
    /// As many as there are alternatives; at least one is not zero.
    pub weights: Vec<u64>,
}

/// Whether there is a choice in a table.
pub(super) fn any_in(entries: &Entries) -> bool {
    first_in(entries).is_some()
}

/// The place of the first word of a choice.
fn first_in(entries: &Entries) -> Option<Place<usize>> {
    let word = entries.iter().find(|(key, _)| WORDS.contains(&key.as_ref())).map(|(_, entry)| entry.key.clone());
    word.or_else(|| entries.values().find_map(|entry| first(&entry.node)))
}

fn first(node: &Node) -> Option<Place<usize>> {
    match &node.value {
        Tree::Array(array) => array.iter().find_map(first),
        Tree::Table(entries) => first_in(entries),
        _ => None,
    }
}

/// Reads the choices of a whole file, and says what is wrong with them.
pub(super) fn read(entries: Entries<'static>, is_plan: bool) -> (Members, Vec<Diagnostic>) {
    let mut reader = Reader { is_plan, mistakes: Vec::new() };
    let members = reader.file(entries);
    if reader.mistakes.is_empty() && turns(&members) > ALTERNATIVES {
        reader.mistakes.push(Diagnostic::of_file(format!("there are more than {ALTERNATIVES} alternatives to try")));
    }
    (members, reader.mistakes)
}

/// How many turns it takes until each alternative of a table has had one. Its entries take theirs at the same time.
pub(super) fn turns(members: &Members) -> usize {
    let any = members.any.as_ref().map_or(1, Alternatives::turns);
    members.entries.iter().map(|member| member.value.turns).fold(any, usize::max)
}

impl Alternatives {
    /// How many turns it takes until each alternative, and each in it, has had one.
    fn turns(&self) -> usize {
        self.alternatives.iter().fold(0, |sum, alternative| sum.saturating_add(alternative.turns))
    }
}

struct Reader {
    is_plan: bool,
    mistakes: Vec<Diagnostic>,
}

impl Reader {
    fn wrong(&mut self, span: Place<usize>, message: impl Into<String>) {
        self.mistakes.push(Diagnostic::at(span, message));
    }

    fn wrong_with(&mut self, span: Place<usize>, message: impl Into<String>, help: &str) {
        self.mistakes.push(Diagnostic::at(span, message).help(help));
    }

    fn file(&mut self, mut entries: Entries<'static>) -> Members {
        for word in ["chance", "repeat"] {
            if let Some(entry) = entries.remove(word) {
                self.wrong(
                    entry.key,
                    format!("the file as a whole is always there, once; `{word}` belongs into a table of it"),
                );
            }
        }
        if let Some(any) = entries.get_mut("any") {
            self.take_common(&mut any.node);
        }
        for word in COMMON.into_iter().chain(PLAN) {
            if let Some(place) = entries.get(word).and_then(|entry| first(&entry.node)) {
                self.wrong_with(
                    place,
                    format!("`{word}` is the same for every seed, so there is nothing to choose in it"),
                    "choices go into what happens: the cluster, the network, the workload, the phases",
                );
                entries.remove(word);
            }
        }
        if let Some(entry) = entries.remove("between") {
            self.wrong(entry.key, "a file is not a value between two others");
        }
        self.members(entries)
    }

    /// Takes out of the alternatives of the whole file what belongs to all of them.
    fn take_common(&mut self, node: &mut Node<'static>) {
        match &mut node.value {
            Tree::Array(array) => array.iter_mut().for_each(|node| self.take_common(node)),
            Tree::Table(entries) => {
                for word in COMMON {
                    if let Some(entry) = entries.remove(word) {
                        let message =
                            format!("`{word}` is the same for every seed, so it cannot stand in an alternative");
                        self.wrong(entry.key, message);
                    }
                }
                for word in PLAN {
                    if let Some(entry) = entries.remove(word) {
                        let message = format!("`{word}` makes a file a plan, and a plan leaves nothing to chance");
                        self.wrong(entry.key, message);
                    }
                }
                if let Some(any) = entries.get_mut("any") {
                    self.take_common(&mut any.node);
                }
            }
            _ => {}
        }
    }

    /// A value.
    fn value(&mut self, node: Node<'static>) -> Draft {
        let span = node.span.clone();
        let (form, chance) = match node.value {
            _ if first(&node).is_none() => {
                let size = node.size();
                (Form::Plain(node, size), None)
            }
            Tree::Array(array) => (Form::List(self.items(array)), None),
            Tree::Table(entries) => self.table(entries),
            _ => unreachable!("there are choices only in lists and tables"),
        };
        let turns = match &form {
            Form::Plain(..) | Form::Between { .. } | Form::Broken => 1,
            Form::List(items) => items.iter().map(Item::turns).fold(1, usize::max),
            Form::Table(members) => turns(members),
            Form::Any(any) => any.turns(),
        };
        Draft { span, chance, form, turns }
    }

    fn items(&mut self, array: Vec<Node<'static>>) -> Vec<Item> {
        let mut names: BTreeMap<String, usize> = BTreeMap::new();
        let mut item = |mut node: Node<'static>| {
            // Only what chooses throws dice and needs a name.
            let mut name = if first(&node).is_some() { name(&node) } else { String::new() };
            let count = names.entry(name.clone()).or_default();
            *count += 1;
            if *count > 1 {
                name = format!("{name} no. {count}");
            }
            let repeat = match &mut node.value {
                Tree::Table(entries) => entries.remove("repeat"),
                _ => None,
            };
            let repeat = repeat.map(|entry| {
                self.plan(&entry);
                Box::new(self.value(entry.node))
            });
            Item { name, repeat, value: self.value(node) }
        };
        array.into_iter().map(&mut item).collect()
    }

    /// A table that has a choice in it or is one.
    fn table(&mut self, mut entries: Entries<'static>) -> (Form, Option<Ratio>) {
        if let Some(entry) = entries.remove("repeat") {
            self.wrong_with(
                entry.key,
                "only an element of a list can stand there several times",
                "`repeat` goes into a fault, under [[phase.fault]]",
            );
        }
        let chance = entries.remove("chance").and_then(|entry| self.chance(&entry));
        if let Some(between) = entries.remove("between") {
            let range = self.between(&between, entries);
            return (range.unwrap_or(Form::Broken), chance);
        }
        let Members { entries, any } = self.members(entries);
        match any {
            Some(any) if entries.is_empty() => (Form::Any(any), chance),
            None if entries.is_empty() && chance.is_none() => (Form::Broken, chance),
            any => (Form::Table(Members { entries, any }), chance),
        }
    }

    /// In a plan, says that a choice leaves something to chance.
    fn plan(&mut self, entry: &Entry) {
        if self.is_plan {
            const HELP: &str = "this file is a plan (it has `entropy`, `deviations`, `digest` or `build`)";
            self.wrong_with(entry.key.clone(), "a plan leaves nothing to chance", HELP);
        }
    }

    /// The entries of a table, after its `chance`, `repeat` and `between` have been taken out.
    fn members(&mut self, mut entries: Entries<'static>) -> Members {
        let (any, weights) = (entries.remove("any"), entries.remove("weights"));
        if let Some(scale) = entries.remove("scale") {
            self.wrong(scale.key, "`scale` goes with `between`");
        }
        let any = match (any, weights) {
            (Some(any), weights) => self.any(any, weights),
            (None, Some(weights)) => {
                self.wrong_with(
                    weights.key,
                    "`weights` goes with `any`",
                    "for example: { any = [1, 2], weights = [3, 1] }",
                );
                None
            }
            (None, None) => None,
        };
        let entries = entries.into_iter().map(|(key, Entry { key: place, node })| Member {
            key: key.into_owned(),
            place,
            value: self.value(node),
        });
        Members { entries: entries.collect(), any }
    }

    fn any(&mut self, any: Entry<'static>, weights: Option<Entry<'static>>) -> Option<Alternatives> {
        self.plan(&any);
        let span = any.node.span.clone();
        let alternatives: Vec<Draft> = match any.node.value {
            Tree::Array(array) if array.is_empty() => {
                self.wrong(span, "there is nothing to choose from");
                return None;
            }
            Tree::Array(array) => array.into_iter().map(|node| self.value(node)).collect(),
            other => {
                let found = Node { span: span.clone(), value: other };
                let message = format!("expected a list of alternatives, found {}", quoted(&found.value.to_string()));
                self.wrong_with(span, message, "for example: { any = [1, 2, 3] }");
                return None;
            }
        };
        let weights = match weights {
            None => vec![1; alternatives.len()],
            Some(weights) => self.weights(&weights.node, alternatives.len())?,
        };
        Some(Alternatives { alternatives, weights })
    }

    fn weights(&mut self, node: &Node, count: usize) -> Option<Vec<u64>> {
        let whole = |node: &Node| match &node.value {
            // So that no list of them overflows.
            Tree::Integer(integer) => integer.whole().filter(|weight| *weight <= u64::from(u32::MAX)),
            _ => None,
        };
        let Tree::Array(array) = &node.value else {
            self.wrong(node.span.clone(), "expected a list of whole numbers, one for each alternative");
            return None;
        };
        let mut weights = Vec::new();
        for node in array {
            match whole(node) {
                Some(weight) => weights.push(weight),
                None => {
                    let message =
                        format!("a weight is a whole number, and here stands {}", quoted(&node.value.to_string()));
                    self.wrong_with(node.span.clone(), message, "two thirds and one third are written [2, 1]");
                }
            }
        }
        if array.len() != count {
            let message =
                format!("there has to be a weight for each alternative, but there are {} and {count}", array.len());
            self.wrong(node.span.clone(), message);
            return None;
        }
        if weights.len() < count {
            return None;
        }
        if weights.iter().all(|weight| *weight == 0) {
            self.wrong(node.span.clone(), "with these weights nothing is ever chosen");
            return None;
        }
        Some(weights)
    }

    fn chance(&mut self, entry: &Entry) -> Option<Ratio> {
        self.plan(entry);
        let number = match &entry.node.value {
            Tree::Float(text) => text.parse().ok(),
            Tree::Integer(integer) => integer.as_str().parse().ok(),
            _ => None,
        };
        let ratio = number.and_then(Ratio::from_float);
        if ratio.is_none() {
            let found = quoted(&entry.node.value.to_string());
            self.wrong(entry.node.span.clone(), format!("a chance is a number from 0 to 1, and here stands {found}"));
        }
        ratio
    }

    fn between(&mut self, between: &Entry<'static>, mut beside: Entries<'static>) -> Option<Form> {
        self.plan(between);
        let log = match beside.remove("scale") {
            None => Some(false),
            Some(scale) => match &scale.node.value {
                Tree::String(text) if text == "log" => Some(true),
                other => {
                    let message =
                        format!("there is one scale, \"log\", and here stands {}", quoted(&other.to_string()));
                    self.wrong(scale.node.span.clone(), message);
                    None
                }
            },
        };
        for (key, entry) in &beside {
            let message = format!("{} cannot stand beside `between`", quoted(key));
            self.wrong_with(entry.key.clone(), message, "beside it there can be `scale` and `chance`");
        }
        let Tree::Array(array) = &between.node.value else {
            self.wrong_with(between.node.span.clone(), "expected a list of the lowest and the highest value", BOUNDS);
            return None;
        };
        let [low, high] = array.as_slice() else {
            let message = format!("a range has two ends, and here stand {}", array.len());
            self.wrong(between.node.span.clone(), message);
            return None;
        };
        match Range::new(low, high, log?) {
            Ok(range) => Some(Form::Between { range, ends: [low.clone(), high.clone()] }),
            Err((which, message)) => {
                let span = array.get(which).unwrap_or(&between.node).span.clone();
                self.wrong(span, message);
                None
            }
        }
    }
}

impl Item {
    fn turns(&self) -> usize {
        self.repeat.as_ref().map_or(1, |repeat| repeat.turns).max(self.value.turns)
    }
}

/// What an element of a list is called: by its name if it has one, as phases do, else by what it says.
fn name(node: &Node) -> String {
    if let Tree::Table(entries) = &node.value
        && let Some(Entry { node: Node { value: Tree::String(name), .. }, .. }) = entries.get("name")
    {
        return name.to_string();
    }
    let hash = fnv(FNV_START, node.value.to_string().as_bytes());
    // Half of it is short, and enough: should two elements ever share it, they are told apart by their count.
    format!("{:08x}", (hash >> 32) ^ (hash & 0xffff_ffff))
}
