//! The search for a linearization of the operations on one object.
//!
//! The calls and returns of the object are walked in order. A *configuration* is a place in that walk, the state of
//! the object, and which of the open operations have been *taken*, that is, have had their effect. Nothing is taken
//! before it must be: only when the walk comes to the return of an operation that is not taken yet, that one, or other
//! open ones and then that one, are taken there. For example
//!
//! ```text
//!     c0  put 1 |-----------|
//!     c1     put 2 |---------------|
//!     c2              get |---| answers 1
//! ```
//!
//! is stuck first at the return of the `get`: the state is "absent". Taking `put 1` lets the get be taken too and the
//! walk go on; `put 1` returns, which is fine, and at its return `put 2` is taken. Where several ways are open, all are
//! tried, depth first, and a configuration met before is not tried again.
//!
//! What keeps it fast:
//! - A read that fits the state is taken at once, since it changes nothing and so can never come too early. A read is
//!   therefore never a choice.
//! - Of unknown operations that ask for the same thing, the first called is taken first; one that would achieve nothing
//!   is not taken at all.
//! - Where something is appended, one of unknown outcome is not taken if nobody is left who wants what it leads to.
//! - If the model is plain, [`sight`](super::sight) sees that a state is left which somebody must still read, or that
//!   a read can no longer get its answer; and states that nobody can tell apart are one.
//!
//! Configurations are remembered by a 128-bit fingerprint that grows with no number of clients. All is counted and
//! ordered by integers, so a verdict is the same everywhere.

#![expect(clippy::disallowed_types, reason = "hashed by a fixed hasher, and never iterated")]

use std::collections::{HashMap, HashSet};

use crate::base::{EventId, Operation, Reply};

use super::lists::Lists;
use super::sight::{Sight, Standing};
use super::states::{Fixed, States, fingerprint};
use crate::check::history::Call;
use crate::check::models::Model;

/// The results of that many steps are kept, so that a model is not asked the same again and again.
const STEPS_KEPT: usize = 1 << 16;

/// An operation, as the search sees it.
pub(super) struct Op<'a> {
    pub operation: &'a Operation,
    /// What it answered; `None` if its outcome is unknown.
    pub reply: Option<&'a Reply>,
    /// It is known to have changed nothing.
    pub read: bool,
    /// The unknown operation called last before this one that is equal to it, if this one is unknown.
    twin: Option<u32>,
    mark: u128,
}

/// One step of the walk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Step {
    Call(u32),
    Return(u32),
}

/// What a search has come to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::check) enum Progress {
    /// There is a linearization.
    Found,
    /// There is none.
    Impossible,
    /// The nodes given have been used up; it may go on.
    Paused,
}

/// A change of the configuration, so that it can be undone.
enum Change {
    Call(u32),
    Return,
    Take { op: u32, before: u32 },
}

/// A configuration in which something must be taken: where its changes end, and where its choices begin.
struct Frame {
    trail: usize,
    choices: usize,
}

/// A depth-first search that can be paused.
pub(in crate::check) struct Search<'a> {
    model: &'a dyn Model,
    ops: Vec<Op<'a>>,
    steps: Vec<Step>,
    states: States,
    sight: Sight,
    cache: HashMap<(u32, u32), Option<u32>, Fixed>,
    // The configuration.
    place: usize,
    state: u32,
    mark: u128,
    taken: Vec<bool>,
    lists: Lists,
    // The search.
    trail: Vec<Change>,
    frames: Vec<Frame>,
    /// Operations that may be taken next and the states they lead to; the frames' choices one above the other.
    choices: Vec<(u32, u32)>,
    seen: HashSet<u128, Fixed>,
    begun: bool,
    /// It has met a dead end, and may ask the model the same again.
    is_hard: bool,
    /// The farthest place where something had to be chosen.
    farthest: usize,
}

impl<'a> Search<'a> {
    /// A search over calls on one object, given with their places in the history, as if it ended just before `until`,
    /// the return of the call at a place: what begins or returns later has not happened.
    pub fn new(
        model: &'a dyn Model,
        calls: impl Iterator<Item = (usize, &'a Call)>,
        until: (EventId, usize),
    ) -> Search<'a> {
        let (least, _) = calls.size_hint();
        let mut ops: Vec<Op<'a>> = Vec::with_capacity(least);
        let mut moments = Vec::with_capacity(2 * least);
        let mut unknown: Vec<u32> = Vec::new();
        for (place, call) in calls.filter(|(_, call)| call.may_count() && call.called.order <= until.0) {
            let answer = call.answer().filter(|(moment, _)| (moment.order, place) < until);
            let operation: &Operation = &call.operation;
            let (op, reply) = (ops.len() as u32, answer.map(|(_, reply)| reply));
            let twin = match reply {
                // A read without an answer neither changes nor tells anything.
                None if matches!(operation, Operation::Get { .. }) => continue,
                None => unknown.iter().rev().find(|other| ops[**other as usize].operation == operation).copied(),
                Some(_) => None,
            };
            if reply.is_none() {
                unknown.push(op);
            }
            let read = reply.is_some_and(|reply| model.is_read(operation, reply));
            moments.push((call.called.order, false, op));
            if let Some((moment, _)) = answer {
                moments.push((moment.order, true, op));
            }
            let mark = fingerprint(u64::from(op), 0);
            ops.push(Op { operation, reply, read, twin, mark });
        }
        // Calls before returns where the order leaves it open: then they are concurrent.
        moments.sort_unstable();
        let step =
            |(_, is_return, op): &(EventId, bool, u32)| if *is_return { Step::Return(*op) } else { Step::Call(*op) };
        let steps: Vec<Step> = moments.iter().map(step).collect();
        let mut states = States::new();
        let sight = Sight::new(model.is_plain(), &ops, &steps, &mut states);
        Search {
            model,
            lists: Lists::new(ops.len()),
            taken: vec![false; ops.len()],
            // Without a dead end, every operation is taken once and every step is made once.
            trail: Vec::with_capacity(ops.len() + steps.len()),
            ops,
            steps,
            states,
            sight,
            cache: HashMap::default(),
            place: 0,
            state: States::ABSENT,
            mark: 0,
            frames: Vec::new(),
            choices: Vec::new(),
            seen: HashSet::default(),
            begun: false,
            is_hard: false,
            farthest: 0,
        }
    }

    /// Searches on until there is an answer or `nodes`, which it counts down, are used up.
    pub fn advance(&mut self, nodes: &mut u64) -> Progress {
        if !self.begun {
            self.begun = true;
            if !self.sight.is_hopeful(self.state) {
                return Progress::Impossible;
            }
            if self.settle() {
                return Progress::Found;
            }
        }
        loop {
            if *nodes == 0 {
                return Progress::Paused;
            }
            let Some(frame) = self.frames.last() else {
                return Progress::Impossible;
            };
            let (trail, first) = (frame.trail, frame.choices);
            // Whoever comes back to a frame has been led into a dead end by it.
            if !self.is_hard && self.trail.len() > trail {
                self.is_hard = true;
                self.sight.tell_lost_ones(&self.states);
            }
            self.undo(trail);
            if self.choices.len() == first {
                self.frames.pop();
                continue;
            }
            let (op, next) = self.choices.pop().expect("this frame has a choice left");
            *nodes -= 1;
            if self.choose(op, next) && self.settle() {
                return Progress::Found;
            }
        }
    }

    /// After [`Progress::Found`]: what `operation` would be told if it came next.
    pub fn reply_to(&self, operation: &Operation) -> Reply {
        // The state of the search may stand for another one.
        let mut state = None;
        for change in &self.trail {
            if let Change::Take { op, .. } = change {
                state = self.model.canonical(self.model.apply(&state, self.ops[*op as usize].operation).0);
            }
        }
        self.model.apply(&state, operation).1
    }

    /// How many steps of the walk, calls and returns, could be explained at best, and how many there are.
    pub fn explained(&self) -> (usize, usize) {
        (self.farthest, self.steps.len())
    }

    /// Walks on as far as nothing has to be chosen. True at the end; otherwise a frame with the choices is there, if
    /// this configuration is new and not hopeless.
    fn settle(&mut self) -> bool {
        while let Some(step) = self.steps.get(self.place).copied() {
            match step {
                Step::Call(op) => {
                    self.place += 1;
                    self.trail.push(Change::Call(op));
                    self.lists.append(op, self.ops[op as usize].read);
                    if self.ops[op as usize].read && self.step(op).is_some() {
                        self.take(op, self.state);
                    }
                }
                Step::Return(op) if self.taken[op as usize] => {
                    self.place += 1;
                    self.trail.push(Change::Return);
                }
                Step::Return(op) => {
                    self.farthest = self.farthest.max(self.place);
                    if self.seen.insert(self.mark ^ fingerprint(self.place as u64, u64::from(self.state) + 1)) {
                        self.offer(op);
                    }
                    return false;
                }
            }
        }
        true
    }

    /// Opens a frame with everything that may be taken now that `returning` must be; the best choice last.
    fn offer(&mut self, returning: u32) {
        let standing = Standing {
            state: self.states.get(self.state),
            place: self.place,
            steps: &self.steps,
            taken: &self.taken,
            lists: &self.lists,
        };
        if !self.sight.is_reachable(&standing, &self.states) {
            return;
        }
        let choices = self.choices.len();
        let wanted = self.sight.wanted(returning);
        for helpful in [false, true] {
            let mut cursor = self.lists.first_write();
            while let Some(op) = cursor {
                cursor = self.lists.next(op);
                let helps = wanted.is_some() && self.sight.makes(op) == wanted;
                if op == returning || helps != helpful || !self.is_worth_taking(op) {
                    continue;
                }
                if let Some(next) = self.step(op)
                    && (self.ops[op as usize].reply.is_some() || self.is_of_use(op, next))
                {
                    self.choices.push((op, next));
                }
            }
        }
        if !self.ops[returning as usize].read
            && let Some(next) = self.step(returning)
        {
            self.choices.push((returning, next));
        }
        if self.choices.len() > choices {
            self.frames.push(Frame { trail: self.trail.len(), choices });
        }
    }

    /// What need not be taken is taken only for what it does: here, or to what it covers.
    fn is_of_use(&self, op: u32, next: u32) -> bool {
        let changes = next != self.state && self.sight.leads_on(self.states.get(next), &self.states);
        changes || self.covers_something(op)
    }

    fn is_worth_taking(&self, op: u32) -> bool {
        let first_of_its_kind = self.ops[op as usize].twin.is_none_or(|twin| self.taken[twin as usize]);
        first_of_its_kind && self.sight.is_worth_taking(op, self.place)
    }

    /// Takes a write and then every read that fits. False if that is plainly a dead end.
    fn choose(&mut self, op: u32, next: u32) -> bool {
        let left = self.state;
        let mut covered = self.next_covered(self.lists.first_write(), op);
        while let Some(other) = covered {
            covered = self.next_covered(self.lists.next(other), op);
            self.take(other, left);
        }
        self.take(op, next);
        if next == left {
            return true;
        }
        if !self.sight.may_leave(left) {
            return false;
        }
        let mut cursor = self.lists.first_read();
        while let Some(read) = cursor {
            cursor = self.lists.next(read);
            if self.step(read).is_some() {
                self.take(read, next);
            }
        }
        true
    }

    fn covers_something(&self, op: u32) -> bool {
        self.next_covered(self.lists.first_write(), op).is_some()
    }

    /// From here on in the list of open writes, the next that may as well be taken right before `op`, which hides it.
    fn next_covered(&self, mut cursor: Option<u32>, op: u32) -> Option<u32> {
        while let Some(other) = cursor.filter(|_| self.sight.covers(op)) {
            // One of unknown outcome need not be taken at all.
            if other != op && self.ops[other as usize].reply.is_some() && self.sight.is_coverable(other) {
                return Some(other);
            }
            cursor = self.lists.next(other);
        }
        None
    }

    fn take(&mut self, op: u32, next: u32) {
        assert!(!self.taken[op as usize], "an operation is taken once");
        self.trail.push(Change::Take { op, before: self.state });
        self.taken[op as usize] = true;
        self.lists.unlink(op);
        self.mark ^= self.ops[op as usize].mark;
        self.sight.on_take(op);
        self.state = next;
    }

    fn undo(&mut self, length: usize) {
        while self.trail.len() > length {
            match self.trail.pop().expect("the trail is longer than that") {
                Change::Call(op) => {
                    self.lists.unlink(op);
                    self.place -= 1;
                }
                Change::Return => self.place -= 1,
                Change::Take { op, before } => {
                    self.taken[op as usize] = false;
                    self.lists.relink(op);
                    self.mark ^= self.ops[op as usize].mark;
                    self.sight.on_untake(op);
                    self.state = before;
                }
            }
        }
    }

    /// The state after `op` in the current one, if it may be taken here; of a read, the same state.
    fn step(&mut self, op: u32) -> Option<u32> {
        if let Some(told) = self.sight.leads_to(op, self.state) {
            return told;
        }
        if self.is_hard
            && let Some(known) = self.cache.get(&(self.state, op))
        {
            return *known;
        }
        let Op { operation, reply, read, .. } = self.ops[op as usize];
        let (state, answer) = self.model.apply(self.states.get(self.state), operation);
        let next = match reply {
            Some(reply) if !self.model.accepts(reply, &answer) => None,
            _ if read => Some(self.state),
            _ => Some(self.sight.id(self.model.canonical(state).as_deref(), &mut self.states)),
        };
        // Before the first dead end hardly anything is asked twice.
        if self.is_hard {
            if self.cache.len() >= STEPS_KEPT {
                self.cache.clear();
            }
            self.cache.insert((self.state, op), next);
        }
        next
    }
}
