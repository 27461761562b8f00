//! Why a few operations on a register have no order: an argument in steps.
//!
//! What a register tells is that of the last write before. So whoever found a value has a *source*, the write that was the last one
//! before it, and every other write came before the source or after whoever found it. From that, and from what was over before
//! something else began, follows who came before whom, until something would come before itself, or until nothing is left
//! that somebody can have found. Where a value has several possible sources, each is looked at.
//!
//! Every step follows from those before it, so an argument is a proof. Not everything impossible has a short one, and then there is
//! none here: the verdict comes from the tiers and does not wait for it.
//!
//! Sources: the order of reads and writes is that of Gibbons and Korach, "Testing shared memories" (1997); to close it under
//! "not in between" is how Biswas and Enea, "On the complexity of checking transactional consistency" (2019) saturate it.

use crate::check::models::Standard;
use crate::check::recorded::{ABSENT, Act, Answer, Entry, Recording, TextId};

use super::minimal::Counterexample;

/// Operations that an argument may be about; more are no argument that anybody follows.
const OPERATIONS: usize = 14;

/// Steps that an argument may have.
const STEPS: usize = 20;

/// How often an argument may look at each of several cases within each other.
const CASES_WITHIN: u32 = 3;

/// One of the operations that an argument is about, by its place among them; or the beginning, before all of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Who {
    /// What was there at first.
    Beginning,
    /// An operation.
    Operation(usize),
}

/// A step of an argument.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// One was over before the other began.
    Clock {
        /// This one was over.
        first: Who,
        /// This one began later.
        then: Who,
    },
    /// Only this can be what it found; either because nobody else writes it, or because of what was said before.
    Found {
        /// Who found something.
        reader: Who,
        /// What wrote it.
        source: Who,
        /// Nobody else writes it.
        alone: bool,
    },
    /// It came after the source, so after whoever found what the source wrote.
    Later {
        /// This comes later than the reader.
        write: Who,
        /// Who found something.
        reader: Who,
        /// What wrote it.
        source: Who,
    },
    /// It came before whoever found something, so before the source of that.
    Earlier {
        /// This comes earlier than the source.
        write: Who,
        /// Who found something.
        reader: Who,
        /// What wrote it.
        source: Who,
    },
    /// This cannot be what it found.
    Cannot {
        /// Who found something.
        reader: Who,
        /// What did not write it.
        source: Who,
        /// What had come in between; it came too late, or the beginning held something else, if there is none.
        between: Option<Who>,
    },
    /// This would have written what it found, but says that it did not swap.
    Failed {
        /// Who found something.
        reader: Who,
        /// What failed.
        source: Who,
    },
    /// This wrote just what a swap that failed has not found.
    Unlike {
        /// Who has not found it.
        reader: Who,
        /// What wrote it.
        source: Who,
    },
    /// It found one of these, and each is impossible.
    Cases {
        /// Who found something.
        reader: Who,
        /// What may have written it, and what follows from that.
        sources: Vec<(Who, Vec<Step>)>,
    },
    /// The last step: each of these two would come before the other.
    Circle(Who, Who),
    /// The last step: nothing is left that it can have found.
    Nothing {
        /// Who found something.
        reader: Who,
        /// Nobody writes it.
        alone: bool,
    },
}

impl Counterexample {
    /// Why the operations are impossible, if that has a short argument. Operations are counted in the order of `parts`, and
    /// after them of `helpers`.
    pub fn argument(&self, recording: &Recording, model: Standard) -> Option<Vec<Step>> {
        if !matches!(model, Standard::Register | Standard::KeyValue) {
            return None;
        }
        let places = self.parts.iter().map(|part| part.place).chain(self.helpers.iter().copied());
        let ops: Vec<Entry> = places.map(|place| recording.entries[place as usize]).collect();
        let ends: Vec<bool> = self.parts.iter().map(|part| part.ends).collect();
        argue(&ops, &ends, self.from_anywhere)
    }
}

/// Argues that operations on one object are impossible, if that has a short argument.
///
/// The first of them, as many as `ends`, took effect and answered as they say, and `ends` says of which it matters that they were
/// over; all others may have happened or not. `from_anywhere`: whatever was there at first, rather than nothing.
pub(super) fn argue(ops: &[Entry], ends: &[bool], from_anywhere: bool) -> Option<Vec<Step>> {
    let fits = |entry: &Entry| matches!(entry.act, Act::Get | Act::Put | Act::Cas | Act::Delete);
    if ops.len() > OPERATIONS || !ops.iter().all(fits) {
        return None;
    }
    let mut scene = Scene::new(ops, ends, from_anywhere);
    let steps = scene.refute(0, &[])?;
    (count(&steps) <= STEPS).then_some(steps)
}

fn count(steps: &[Step]) -> usize {
    let of = |step: &Step| match step {
        Step::Cases { sources, .. } => 1 + sources.iter().map(|(_, steps)| count(steps)).sum::<usize>(),
        _ => 1,
    };
    steps.iter().map(of).sum()
}

/// What an operation must find.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Finds {
    Exactly(TextId),
    AnythingBut(TextId),
}

impl Finds {
    fn fits(self, value: TextId) -> bool {
        match self {
            Finds::Exactly(wanted) => wanted == value,
            Finds::AnythingBut(unwanted) => unwanted != value,
        }
    }
}

/// A node: what it finds and writes. Node 0 is the beginning, the others are operations.
#[derive(Clone, Copy)]
struct Node {
    finds: Option<Finds>,
    /// Nothing if it does not write. Of the beginning: nothing if anything may have been there.
    writes: Option<TextId>,
    /// What it would have written if it had not failed.
    denies: Option<TextId>,
}

impl Node {
    fn of(entry: &Entry, is_known: bool) -> Node {
        let (finds, writes) = match (entry.act, entry.answer) {
            (Act::Get, _) => (is_known.then_some(Finds::Exactly(entry.value)), None),
            (Act::Put, _) => (None, Some(entry.value)),
            (Act::Delete, _) => (None, Some(ABSENT)),
            (Act::Cas, Answer::No) if is_known => (Some(Finds::AnythingBut(entry.from)), None),
            // One that may have happened counts only if somebody has found what it wrote.
            _ => (Some(Finds::Exactly(entry.from)), Some(entry.value)),
        };
        let denies = (entry.act == Act::Cas && writes.is_none()).then_some(entry.value);
        Node { finds, writes, denies }
    }
}

type FactId = usize;

/// Something that follows from other facts.
#[derive(Clone)]
struct Fact {
    /// To be said; what goes without saying is nothing.
    step: Option<Step>,
    from: Vec<FactId>,
}

/// What is known so far.
#[derive(Clone)]
struct Scene {
    nodes: Vec<Node>,
    facts: Vec<Fact>,
    /// By node and node: the fact that one came before the other.
    before: Vec<Option<FactId>>,
    /// It certainly happened.
    happened: Vec<bool>,
    /// Of what may have happened or not: the fact that it did.
    happened_by: Vec<Option<FactId>>,
    /// What each node can still have found, and why not anything else.
    sources: Vec<Vec<usize>>,
    excluded: Vec<Vec<FactId>>,
    /// What each node has found, and the fact.
    source: Vec<Option<(usize, FactId)>>,
}

/// The facts that contradict each other, and how.
struct Contradiction {
    from: Vec<FactId>,
    end: Step,
}

const BEGINNING: usize = 0;

fn who(node: usize) -> Who {
    node.checked_sub(1).map_or(Who::Beginning, Who::Operation)
}

impl Scene {
    fn new(ops: &[Entry], ends: &[bool], from_anywhere: bool) -> Scene {
        let known = ends.len();
        let begin = Node { finds: None, writes: (!from_anywhere).then_some(ABSENT), denies: None };
        let of = |(place, entry): (usize, &Entry)| Node::of(entry, place < known);
        let nodes: Vec<Node> = std::iter::once(begin).chain(ops.iter().enumerate().map(of)).collect();
        let size = nodes.len();
        let could = |node: &Node, source: usize| {
            let held = nodes[source].writes;
            match node.finds {
                None => false,
                Some(finds) if source == BEGINNING => held.is_none_or(|held| finds.fits(held)),
                Some(finds) => held.is_some_and(|held| finds.fits(held)),
            }
        };
        let sources = (0..size)
            .map(|node| (0..size).filter(|source| *source != node && could(&nodes[node], *source)).collect())
            .collect();
        let mut scene = Scene {
            nodes,
            facts: Vec::new(),
            before: vec![None; size * size],
            happened: (0..size).map(|node| node <= known).collect(),
            happened_by: vec![None; size],
            sources,
            excluded: vec![Vec::new(); size],
            source: vec![None; size],
        };
        let begins = scene.fact(None, vec![]);
        (1..size).for_each(|node| scene.before[node] = Some(begins));
        for reader in 1..size {
            let Some(finds) = scene.nodes[reader].finds else { continue };
            for source in (1..size).filter(|source| *source != reader) {
                let Node { writes, denies, .. } = scene.nodes[source];
                let step = match finds {
                    _ if denies.is_some_and(|value| finds.fits(value)) => {
                        Step::Failed { reader: who(reader), source: who(source) }
                    }
                    Finds::AnythingBut(unwanted) if writes == Some(unwanted) => {
                        Step::Unlike { reader: who(reader), source: who(source) }
                    }
                    _ => continue,
                };
                let fact = scene.fact(Some(step), vec![]);
                scene.excluded[reader].push(fact);
            }
        }
        for first in 1..=known {
            for then in (1..size).filter(|then| ends[first - 1] && ops[first - 1].precedes(&ops[then - 1])) {
                let step = Step::Clock { first: who(first), then: who(then) };
                let fact = scene.fact(Some(step), vec![]);
                scene.before[first * size + then] = Some(fact);
            }
        }
        scene
    }

    fn size(&self) -> usize {
        self.nodes.len()
    }

    fn fact(&mut self, step: Option<Step>, from: Vec<FactId>) -> FactId {
        self.facts.push(Fact { step, from });
        self.facts.len() - 1
    }

    fn is_before(&self, first: usize, then: usize) -> Option<FactId> {
        self.before[first * self.size() + then]
    }

    /// The argument that none of this can be, if there is one. Facts that were `said` are not said again.
    fn refute(&mut self, depth: u32, said: &[bool]) -> Option<Vec<Step>> {
        if let Some(contradiction) = self.follow() {
            return Some(self.told(&contradiction, said));
        }
        if depth == CASES_WITHIN {
            return None;
        }
        // The fewest cases make the shortest argument.
        let open =
            |node: &usize| self.happened[*node] && self.nodes[*node].finds.is_some() && self.source[*node].is_none();
        let reader = (1..self.size()).filter(open).min_by_key(|node| self.sources[*node].len())?;
        let mut steps = Vec::new();
        let mut said = said.to_vec();
        said.resize(self.facts.len(), false);
        self.grounds(reader).iter().for_each(|fact| self.say(*fact, &mut said, &mut steps));
        let mut sources = Vec::new();
        for source in self.sources[reader].clone() {
            let mut case = self.clone();
            let supposed = case.fact(None, vec![]);
            case.has_found(reader, source, supposed);
            sources.push((who(source), case.refute(depth + 1, &said)?));
        }
        steps.push(Step::Cases { reader: who(reader), sources });
        Some(steps)
    }

    /// Whatever follows without looking at cases, until there is a contradiction or nothing more.
    fn follow(&mut self) -> Option<Contradiction> {
        loop {
            let known = self.facts.len();
            if let Some(contradiction) = self.close().or_else(|| self.look_for_sources()) {
                return Some(contradiction);
            }
            self.keep_apart();
            if self.facts.len() == known {
                return None;
            }
        }
    }

    /// Before what is before something, and so on.
    fn close(&mut self) -> Option<Contradiction> {
        let size = self.size();
        for middle in 0..size {
            for first in 0..size {
                for then in 0..size {
                    let (Some(one), Some(other)) = (self.is_before(first, middle), self.is_before(middle, then)) else {
                        continue;
                    };
                    if first == then {
                        return Some(Contradiction {
                            from: vec![one, other],
                            end: Step::Circle(who(first), who(middle)),
                        });
                    }
                    if self.is_before(first, then).is_none() {
                        let fact = self.fact(None, vec![one, other]);
                        self.before[first * size + then] = Some(fact);
                    }
                }
            }
        }
        None
    }

    /// What everybody can have found.
    fn look_for_sources(&mut self) -> Option<Contradiction> {
        for reader in 1..self.size() {
            if !self.happened[reader] || self.nodes[reader].finds.is_none() || self.source[reader].is_some() {
                continue;
            }
            let alone = self.excluded[reader].is_empty() && self.sources[reader].len() == 1;
            for source in self.sources[reader].clone() {
                if let Some((between, from)) = self.why_not(reader, source) {
                    let step = Step::Cannot { reader: who(reader), source: who(source), between: between.map(who) };
                    let fact = self.fact(Some(step), from);
                    self.excluded[reader].push(fact);
                    self.sources[reader].retain(|other| *other != source);
                }
            }
            match self.sources[reader].as_slice() {
                [] => {
                    let end = Step::Nothing { reader: who(reader), alone: self.excluded[reader].is_empty() };
                    return Some(Contradiction { from: self.grounds(reader), end });
                }
                [source] => {
                    let source = *source;
                    let step = Step::Found { reader: who(reader), source: who(source), alone };
                    let fact = self.fact(Some(step), self.grounds(reader));
                    self.has_found(reader, source, fact);
                }
                _ => {}
            }
        }
        None
    }

    /// Why it found something at all, and nothing of what was ruled out.
    fn grounds(&self, reader: usize) -> Vec<FactId> {
        self.happened_by[reader].iter().chain(&self.excluded[reader]).copied().collect()
    }

    /// Why this cannot be what was found: what came in between, and the facts.
    fn why_not(&self, reader: usize, source: usize) -> Option<(Option<usize>, Vec<FactId>)> {
        if let Some(fact) = self.is_before(reader, source) {
            return Some((None, vec![fact]));
        }
        if source == BEGINNING && self.nodes[BEGINNING].writes.is_none() {
            // Somebody else found something else there.
            let other = (1..self.size()).find_map(|other| {
                let (found, fact) = self.source[other]?;
                let contradicts = match (self.nodes[other].finds?, self.nodes[reader].finds?) {
                    (Finds::Exactly(one), finds) => !finds.fits(one),
                    (Finds::AnythingBut(one), finds) => finds == Finds::Exactly(one),
                };
                (found == BEGINNING && contradicts).then_some(fact)
            });
            if let Some(fact) = other {
                return Some((None, vec![fact]));
            }
        }
        (1..self.size()).filter(|between| self.is_another_write(*between, reader, source)).find_map(|between| {
            let facts = [self.is_before(source, between)?, self.is_before(between, reader)?];
            Some((Some(between), self.happened_by[between].into_iter().chain(facts).collect()))
        })
    }

    fn is_another_write(&self, node: usize, reader: usize, source: usize) -> bool {
        node != reader && node != source && self.happened[node] && self.nodes[node].writes.is_some()
    }

    fn has_found(&mut self, reader: usize, source: usize, fact: FactId) {
        self.source[reader] = Some((source, fact));
        if !std::mem::replace(&mut self.happened[source], true) {
            self.happened_by[source] = Some(fact);
        }
        let place = source * self.size() + reader;
        self.before[place].get_or_insert(fact);
    }

    /// No write is between a source and whoever found what it wrote.
    fn keep_apart(&mut self) {
        let size = self.size();
        for reader in 1..size {
            let Some((source, found)) = self.source[reader] else { continue };
            for write in 1..size {
                if !self.is_another_write(write, reader, source) {
                    continue;
                }
                let happened = self.happened_by[write];
                let from = |fact| happened.into_iter().chain([found, fact]).collect();
                if let (Some(fact), None) = (self.is_before(source, write), self.is_before(reader, write)) {
                    let step = Step::Later { write: who(write), reader: who(reader), source: who(source) };
                    self.before[reader * size + write] = Some(self.fact(Some(step), from(fact)));
                }
                if let (Some(fact), None) = (self.is_before(write, reader), self.is_before(write, source)) {
                    let step = Step::Earlier { write: who(write), reader: who(reader), source: who(source) };
                    self.before[write * size + source] = Some(self.fact(Some(step), from(fact)));
                }
            }
        }
    }

    /// What leads to a contradiction, in the order in which it follows.
    fn told(&self, contradiction: &Contradiction, said: &[bool]) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut said = said.to_vec();
        said.resize(self.facts.len(), false);
        let mut from = contradiction.from.clone();
        // What everybody can see contradicts what was found out, so it comes last.
        let is_seen = |fact: &FactId| matches!(self.facts[*fact].step, Some(Step::Clock { .. }));
        from.sort_by_key(is_seen);
        from.iter().for_each(|fact| self.say(*fact, &mut said, &mut steps));
        steps.push(contradiction.end.clone());
        steps
    }

    fn say(&self, fact: FactId, said: &mut [bool], steps: &mut Vec<Step>) {
        if std::mem::replace(&mut said[fact], true) {
            return;
        }
        self.facts[fact].from.iter().for_each(|from| self.say(*from, said, steps));
        steps.extend(self.facts[fact].step.clone());
    }
}
