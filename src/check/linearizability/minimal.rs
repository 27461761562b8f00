//! Why a history is not linearizable: the few operations that show it.
//!
//! What a history demands are *constraints*: that an operation took effect and answered what it did, and that it was over
//! before others began. Constraints can be dropped: a read whose answer is forgotten says nothing and is left out; a write
//! whose answer is forgotten is of unknown outcome, so it may have happened at any time after its call or never; of either,
//! the return alone can be forgotten. The fewer constraints, the more orders explain them, so if a few constraints cannot
//! be explained, the whole cannot. (Leaving a *write* out is no such step: somebody may have read it.)
//!
//! So the search for the smallest part is one for a set of constraints that cannot be explained although any one fewer can.
//! It starts with what the tier has found, or else with the window described below; it tries to drop halves, quarters, and so
//! on, and last every single one. One pass over single constraints is enough, because what could not be dropped from more
//! cannot be dropped from less. Only where the nodes ran out over a question it is asked again when less is left.
//!
//! **The window.** Where the search has decided, one first looks for the shortest stretch of time that is impossible
//! *whatever the object held when it began*: operations that were over by then are gone, those still open are of unknown
//! outcome, and each value that matters is tried as the one it held. Long histories of few values become a handful of
//! operations this way. It is not done where something is appended, since then the values that matter are too many.
//!
//! Sources: deletion-based extraction of minimal unsatisfiable sets; Zeller and Hildebrandt, "Simplifying and isolating
//! failure-inducing input" (2002) for halves and quarters; forgetting returns and answers is ours.

use crate::check::models::Standard;
use crate::check::recorded::{ABSENT, Act, Answer, Entry, NEVER, NO_INDEX, TextId};

use super::helpers::{Helpers, helpers};
use super::judge::{Judge, Tier};
use super::search::Progress;
use super::tier::{Evidence, Finding};

/// Nodes for one question about a part, at first. If they run out, the constraint in question is kept for now.
const NODES_PER_QUESTION: u64 = 1 << 13;

/// A question about a beginning of the history may take this part of all nodes: there are some twenty, and an answer to each is needed.
const PART_FOR_BEGINNING: u64 = 64;

/// Histories of so many operations are looked through for the operations that are to blame, if the tier does not name them.
const LOOKED_THROUGH: usize = 1 << 9;

/// Operations that all questions together may be about: one for so many nodes, and so many at least. After that, every constraint
/// that is left is kept. A question costs some microseconds for each operation it is about, however few nodes it needs, so this is what
/// bounds the time: half a minute, by the nodes that are the default.
const NODES_PER_OPERATION: u64 = 4;
const OPERATIONS_ASKED: u64 = 1 << 22;

/// Why a history is not linearizable. Operations are given by their places in [`Recording::entries`](crate::check::recorded::Recording::entries).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Counterexample {
    /// The object, as a number of [`Recording::keys`](crate::check::recorded::Recording::keys).
    pub key: TextId,
    /// The tier that has found it.
    pub tier: Tier,
    /// The operations that cannot all have happened as they did, in the order of their calls.
    pub parts: Vec<Part>,
    /// Operations that may have happened or not, at any time after their call: they write what `parts` have found. With them
    /// and without everything else, the history of the object is still not linearizable.
    pub helpers: Vec<u32>,
    /// So many others do the same as one of `helpers` but were called later, and so explain nothing that those do not.
    pub alike: usize,
    /// It is impossible whatever the object held before the first of `parts` was called, and not only from the start.
    pub from_anywhere: bool,
    /// Whether dropping any one constraint makes it explainable. If not, the nodes have run out before that was clear.
    pub minimal: bool,
    /// The longest beginning of the object's history that can be explained; nothing if the nodes have run out over that.
    pub prefix: Option<Prefix>,
}

/// An operation of a counterexample.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Part {
    /// Which one.
    pub place: u32,
    /// Whether it matters that it was over when it was. If not, it would be as impossible if it had ended at any later time.
    pub ends: bool,
}

/// A beginning of a history.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Prefix {
    /// Operations that had returned by then, on the object.
    pub returned: u64,
    /// The return that comes next, with which the history cannot be explained any more.
    pub broken_by: u32,
}

/// What is known when the explaining begins.
pub(super) struct Found {
    pub key: TextId,
    pub tier: Tier,
    pub evidence: Option<Evidence>,
}

/// Explains why the operations on an object are not linearizable.
pub(super) fn explain(
    judge: &mut Judge<'_>,
    ops: &[Entry],
    places: &[u32],
    found: Found,
    nodes: u64,
) -> Counterexample {
    let mut question = Question {
        judge,
        nodes,
        nodes_per_question: NODES_PER_QUESTION.max(nodes / PART_FOR_BEGINNING),
        operations: (nodes / NODES_PER_OPERATION).max(OPERATIONS_ASKED),
        starts: vec![],
        complete: true,
    };
    let prefix = question.longest_prefix(ops);
    question.nodes_per_question = NODES_PER_QUESTION;
    let broken_by = prefix.map(|(_, op)| op);
    let mut sketch = question.first(ops, broken_by, found.evidence);
    question.complete = true;
    question.drop_constraints(&mut sketch);
    let mut parts: Vec<Part> = Vec::new();
    for piece in sketch.pieces.iter().filter(|piece| piece.answers) {
        parts.push(Part { place: places[piece.op], ends: piece.ends });
    }
    let Helpers { chosen, alike } = question.helpers(&sketch);
    let helpers = chosen.into_iter().map(|op| places[op]).collect();
    Counterexample {
        key: found.key,
        tier: found.tier,
        parts,
        helpers,
        alike,
        from_anywhere: !question.starts.is_empty(),
        minimal: question.complete,
        prefix: prefix.map(|(returned, op)| Prefix { returned, broken_by: places[op] }),
    }
}

/// The operations up to a return, as known right after it.
fn until(ops: &[Entry], last: Option<usize>) -> Vec<Entry> {
    let Some(last) = last else { return ops.to_vec() };
    let end = (ops[last].end, last);
    let known = |(op, entry): (usize, &Entry)| match entry {
        _ if entry.is_known() && (entry.end, op) <= end => *entry,
        // That it failed is believed from the beginning, so that nothing is put down to it.
        Entry { act: Act::Cas, answer: Answer::No, .. } => forgotten(&Entry { act: Act::Get, ..*entry }),
        _ => forgotten(entry),
    };
    ops.iter().take_while(|entry| entry.call <= end.0).enumerate().map(|(op, entry)| known((op, entry))).collect()
}

/// The operation a moment later.
fn later(entry: &Entry) -> Entry {
    let end = if entry.end == NEVER { NEVER } else { entry.end + 1 };
    Entry { call: entry.call + 1, end, ..*entry }
}

/// The operation with its answer forgotten.
fn forgotten(entry: &Entry) -> Entry {
    Entry { end: NEVER, answer: Answer::Unknown, index: NO_INDEX, ..*entry }
}

/// An operation, and what is demanded of it.
#[derive(Clone, Copy)]
struct Piece {
    /// Its place among the object's operations.
    op: usize,
    entry: Entry,
    answers: bool,
    ends: bool,
}

/// A part of an object's history.
struct Sketch {
    pieces: Vec<Piece>,
}

impl Sketch {
    fn of(ops: &[Entry], chosen: &[usize]) -> Sketch {
        let piece = |op: &usize| {
            let entry = Entry { index: NO_INDEX, ..ops[*op] };
            Piece { op: *op, entry, answers: entry.is_known(), ends: entry.is_known() && entry.end != NEVER }
        };
        Sketch { pieces: chosen.iter().map(piece).collect() }
    }

    /// All that is known of the operations.
    fn whole(ops: &[Entry]) -> Sketch {
        Sketch::of(ops, &(0..ops.len()).collect::<Vec<_>>())
    }

    /// The history that only has the constraints that are left.
    fn entries(&self) -> Vec<Entry> {
        let entry = |piece: &Piece| match (piece.answers, piece.ends) {
            (true, true) => Some(piece.entry),
            (true, false) => Some(Entry { end: NEVER, ..piece.entry }),
            // A read that says nothing can go.
            (false, _) if piece.entry.is_void() || piece.changes_nothing() => None,
            (false, _) => Some(forgotten(&piece.entry)),
        };
        self.pieces.iter().filter_map(entry).collect()
    }
}

impl Piece {
    fn changes_nothing(&self) -> bool {
        matches!(self.entry.act, Act::Get | Act::Contains) || self.entry.answer == Answer::No
    }
}

/// Asks whether parts can be explained.
struct Question<'j, 'r> {
    judge: &'j mut Judge<'r>,
    nodes: u64,
    nodes_per_question: u64,
    operations: u64,
    /// The values that the object may have held before; only "nothing yet" if there are none.
    starts: Vec<Entry>,
    /// Every question so far had an answer.
    complete: bool,
}

impl Question<'_, '_> {
    /// Whether the part is known to be impossible from every start.
    fn is_impossible(&mut self, entries: &[Entry]) -> bool {
        let mut whole = Vec::with_capacity(entries.len() + 1);
        for start in std::iter::once(None).chain(self.starts.clone().into_iter().map(Some)) {
            whole.clear();
            match start {
                None => whole.extend_from_slice(entries),
                // Before all of them, though they may begin with time itself.
                Some(start) => {
                    whole.push(start);
                    whole.extend(entries.iter().map(later));
                }
            }
            let Some(operations) = self.operations.checked_sub(whole.len() as u64) else {
                self.complete = false;
                return false;
            };
            self.operations = operations;
            let mut nodes = self.nodes_per_question.min(self.nodes);
            self.nodes -= nodes;
            let progress = self.judge.decide(&whole, &mut nodes);
            self.nodes += nodes;
            if progress != Progress::Impossible {
                self.complete &= progress == Progress::Found;
                return false;
            }
        }
        true
    }

    /// Something impossible to begin with. Whatever comes after the return that breaks it may be right, so only what was known by then
    /// counts.
    fn first(&mut self, ops: &[Entry], broken_by: Option<usize>, evidence: Option<Evidence>) -> Sketch {
        // Places within this beginning are places within the whole: what it leaves out comes later.
        let whole = until(ops, broken_by);
        if let Some(evidence) = evidence {
            let nearer = match self.judge.by_structure(&whole) {
                (_, Finding::Illegal(nearer)) => self.shown_by(&whole, &nearer),
                _ => None,
            };
            if let Some(sketch) = nearer.or_else(|| self.shown_by(&whole, &evidence)) {
                return sketch;
            }
            // What was not known by then is beyond the tier. To look through all of a long history for it would take too long.
            if whole.len() > LOOKED_THROUGH
                && let Some(sketch) = self.shown_by(ops, &evidence)
            {
                return sketch;
            }
        }
        // Perhaps there is nothing to it but that return, whoever else did what they say.
        if let Some(broken_by) = broken_by {
            let mut alone = Sketch::whole(&whole);
            for piece in alone.pieces.iter_mut().filter(|piece| piece.op != broken_by) {
                (piece.answers, piece.ends) = (false, false);
            }
            if self.is_impossible(&alone.entries()) {
                return alone;
            }
        }
        if let Some(sketch) = self.window(&whole) {
            return sketch;
        }
        self.starts.clear();
        Sketch::whole(&whole)
    }

    /// The part that a tier has named, if it is all there and impossible by itself.
    fn shown_by(&mut self, ops: &[Entry], evidence: &Evidence) -> Option<Sketch> {
        let chosen: Vec<usize> = evidence.ops.iter().map(|op| *op as usize).collect();
        let is_there = chosen.iter().all(|op| *op < ops.len());
        is_there.then(|| Sketch::of(ops, &chosen)).filter(|sketch| self.is_impossible(&sketch.entries()))
    }

    /// How many returns can be explained, and which cannot any more. Found by halving: a longer history is harder to explain.
    fn longest_prefix(&mut self, ops: &[Entry]) -> Option<(u64, usize)> {
        let mut returns: Vec<usize> = (0..ops.len()).filter(|op| ops[*op].end != NEVER).collect();
        returns.sort_by_key(|op| (ops[*op].end, *op));
        let (mut explained, mut impossible) = (0, returns.len());
        while impossible - explained > 1 {
            let middle = explained + (impossible - explained) / 2;
            if self.is_impossible(&until(ops, Some(returns[middle - 1]))) {
                impossible = middle;
            } else {
                explained = middle;
            }
            if !std::mem::replace(&mut self.complete, true) {
                return None;
            }
        }
        let last = *returns.get(impossible.checked_sub(1)?)?;
        Some((impossible as u64 - 1, last))
    }

    /// The shortest end of a history that is impossible whatever was there before it, and leaves the values that may have been
    /// there in `starts`. Nothing if there is none, or if values are not compared as a whole.
    fn window(&mut self, ops: &[Entry]) -> Option<Sketch> {
        let register = |entry: &Entry| matches!(entry.act, Act::Get | Act::Put | Act::Cas | Act::Delete);
        if !matches!(self.judge.model, Standard::Register | Standard::KeyValue) || !ops.iter().all(register) {
            return None;
        }
        let from = |first: usize| -> Sketch {
            let begin = ops[first].call;
            let chosen: Vec<usize> = (0..ops.len()).filter(|op| *op >= first || ops[*op].end >= begin).collect();
            let mut sketch = Sketch::of(ops, &chosen);
            for piece in sketch.pieces.iter_mut().filter(|piece| piece.op < first) {
                (piece.answers, piece.ends) = (false, false);
            }
            sketch
        };
        let (mut impossible, mut explained) = (None, ops.len());
        let mut first = 0;
        while first < explained {
            let sketch = from(first);
            self.starts = starts(&sketch, self.judge.texts.len() as TextId);
            if self.is_impossible(&sketch.entries()) {
                impossible = Some((first, sketch, std::mem::take(&mut self.starts)));
            } else if impossible.is_none() {
                break;
            } else {
                explained = first;
            }
            let low = impossible.as_ref().map_or(0, |(first, ..)| *first);
            if explained - low <= 1 {
                break;
            }
            first = low + (explained - low) / 2;
        }
        let (_, sketch, starts) = impossible?;
        self.starts = starts;
        Some(sketch)
    }

    /// Drops constraints until none can be dropped, or until nobody can tell.
    fn drop_constraints(&mut self, sketch: &mut Sketch) {
        self.try_dropping(sketch, sketch.pieces.len().next_power_of_two());
        // What was too hard to tell of many operations may be easy to tell of the few that are left.
        while !self.complete {
            self.complete = true;
            let dropped = self.try_dropping(sketch, 1);
            if !dropped && !self.complete {
                if self.nodes_per_question >= self.nodes {
                    return;
                }
                self.nodes_per_question = self.nodes_per_question.saturating_mul(4);
            }
        }
    }

    /// Tries to drop so many constraints at once, then half as many, and last every single one. Whether any was.
    fn try_dropping(&mut self, sketch: &mut Sketch, mut chunk: usize) -> bool {
        let answers: fn(&mut Piece) -> &mut bool = |piece| &mut piece.answers;
        let ends: fn(&mut Piece) -> &mut bool = |piece| &mut piece.ends;
        let (mut dropped, most) = (false, chunk);
        for constraint in [answers, ends] {
            chunk = most;
            while chunk > 0 {
                for start in (0..sketch.pieces.len()).step_by(chunk) {
                    let end = (start + chunk).min(sketch.pieces.len());
                    let before: Vec<Piece> = sketch.pieces[start..end].to_vec();
                    let mut any = false;
                    for piece in &mut sketch.pieces[start..end] {
                        any |= piece.answers && *constraint(piece);
                        *constraint(piece) = false;
                    }
                    if !any {
                        continue;
                    }
                    let complete = self.complete;
                    if self.is_impossible(&sketch.entries()) {
                        dropped = true;
                    } else {
                        sketch.pieces[start..end].copy_from_slice(&before);
                        // Only about single constraints it matters that there was no answer.
                        self.complete |= complete && chunk > 1;
                    }
                }
                chunk /= 2;
            }
        }
        dropped
    }

    /// Of what may have happened or not, what matters.
    fn helpers(&self, sketch: &Sketch) -> Helpers {
        let may_have_happened = |piece: &&Piece| !piece.answers && !piece.entry.is_void() && !piece.changes_nothing();
        let unknown: Vec<&Piece> = sketch.pieces.iter().filter(may_have_happened).collect();
        let known = sketch.pieces.iter().filter(|piece| piece.answers).map(|piece| piece.entry);
        let entries: Vec<Entry> = unknown.iter().map(|piece| piece.entry).collect();
        let mut helpers = helpers(self.judge.model, self.judge.texts, &known.collect::<Vec<_>>(), &entries);
        helpers.chosen.iter_mut().for_each(|place| *place = unknown[*place].op);
        helpers
    }
}

/// A write of each value that the part is about, before everything else, and of one that it is not about, if there is any.
fn starts(sketch: &Sketch, texts: TextId) -> Vec<Entry> {
    let mut values: Vec<TextId> =
        sketch.pieces.iter().flat_map(|piece| [piece.entry.value, piece.entry.from]).collect();
    values.retain(|value| *value != ABSENT);
    values.sort_unstable();
    values.dedup();
    // Whatever the object can hold is a text of the recording.
    let other = (1..texts).find(|text| values.binary_search(text).is_err());
    let start = |value: TextId| Entry {
        call: 0,
        end: 0,
        client: 0,
        key: 0,
        value,
        from: ABSENT,
        index: NO_INDEX,
        act: Act::Put,
        answer: Answer::Done,
        line: 0,
    };
    values.into_iter().chain(other).map(start).collect()
}
