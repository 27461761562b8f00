//! What can be seen ahead of time when operations mean exactly what they say.
//!
//! All of it rests on the whole history being known: a state that somebody will still read must not be left for ever,
//! and a read must be able to get its answer from what is there or still to come. None of it is needed for the search
//! to be right; without it, the search only finds out later.
//!
//! Two kinds of objects are told apart. Where nothing is appended, states are compared as a whole. Where something is,
//! a state can be on the way to an answer without being it, so beginnings are compared.
//!
//! *Lost* states are all one. A state is lost if it is, or begins, none of the texts that anybody ever asks for: what was read,
//! and what a compare-and-swap has looked for, whether it found it or not. Whatever is appended to a lost text, it stays lost,
//! so nobody can tell one from another until something else is written over it.

use crate::base::{Operation, Reply};

use super::lists::Lists;
use super::search::{Op, Step};
use super::states::States;
use crate::check::models::State;

/// Unknown operations times answers, above which their traces are not looked for: that would take longer than it saves.
const TRACES_LOOKED_FOR: usize = 1 << 20;

/// The knowledge about one object. Counts are of operations not taken yet.
pub(super) struct Sight {
    kind: Kind,
    /// By operation.
    notes: Vec<Note>,
    /// By state: operations that must find exactly this state.
    wants: Vec<u32>,
    /// By state: unknown operations that change something only if they find this state.
    may_want: Vec<u32>,
    /// By state: operations that may lead to it.
    makers: Vec<u32>,
    /// The reads that tell a value, by their return.
    reads: Vec<u32>,
    /// By operation: the step at which it returns; the number of steps if never.
    returns: Vec<usize>,
    /// The states that anybody asks for, in the order of their texts; nothing before that is of use, or if the model is not plain.
    asked_for: Option<Vec<u32>>,
    /// The state that stands for all lost ones.
    lost: Option<u32>,
    /// Where something is appended and no compare-and-swap has failed: the states that somebody may want, in the order of
    /// their texts.
    wanted_by_text: Option<Vec<u32>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    /// The model is not plain: nothing is known.
    Blind,
    /// Nothing is appended, and no compare-and-swap has failed.
    Register,
    /// Nothing is appended, but some compare-and-swap has failed: a value that nobody reads may have mattered to it.
    Compared,
    /// Something is appended.
    Appended {
        /// Something else than `Append` writes.
        overwritten: bool,
    },
}

#[derive(Clone, Copy, Default)]
struct Note {
    /// The state it leads to, if that does not depend on where it comes from.
    makes: Option<u32>,
    /// The state it must find.
    wants: Option<u32>,
    /// The state it must find to change anything, if its outcome is unknown.
    may_want: Option<u32>,
    /// The state that it has not found.
    missed: Option<u32>,
    /// It writes whatever it finds.
    blind: bool,
    /// It answered nothing but that it was done, or not even that.
    silent: bool,
    /// It changes nothing.
    read: bool,
    /// Its outcome is known.
    known: bool,
    /// From this step of the walk on, nobody could notice that it had taken effect.
    noticed_until: usize,
}

/// Where a search stands.
pub(super) struct Standing<'s> {
    pub state: &'s State,
    pub place: usize,
    pub steps: &'s [Step],
    pub taken: &'s [bool],
    pub lists: &'s Lists,
}

impl Sight {
    pub fn new(plain: bool, ops: &[Op<'_>], steps: &[Step], states: &mut States) -> Sight {
        let mut notes: Vec<Note> = ops.iter().map(|op| Note::of(op, states)).collect();
        let kind = if plain { Kind::of(ops) } else { Kind::Blind };
        let size = notes.iter().flat_map(|note| [note.makes, note.wants, note.may_want]).flatten().max().unwrap_or(0)
            as usize
            + 1;
        let mut returns = vec![steps.len(); ops.len()];
        let mut reads = Vec::new();
        for (place, step) in steps.iter().enumerate() {
            if let Step::Return(op) = step {
                returns[*op as usize] = place;
                if ops[*op as usize].read && notes[*op as usize].wants.is_some() {
                    reads.push(*op);
                }
            }
        }
        if matches!(kind, Kind::Appended { .. }) {
            look_for_traces(ops, &mut notes, &returns);
        }
        let failed = ops.iter().any(|op| op.reply == Some(&Reply::Swapped(false)));
        let wanted_by_text = (matches!(kind, Kind::Appended { .. }) && !failed)
            .then(|| by_text(notes.iter().flat_map(|note| [note.wants, note.may_want]).flatten().collect(), states));
        let [wants, may_want, makers] = [0, 1, 2].map(|_| vec![0; size]);
        let (asked_for, lost) = (None, None);
        let mut sight = Sight { kind, notes, wants, may_want, makers, reads, returns, asked_for, lost, wanted_by_text };
        (0..ops.len() as u32).for_each(|op| sight.on_untake(op));
        sight
    }

    /// From now on, lost states are one. That takes more than it saves where the first way that is tried leads to the end.
    pub fn tell_lost_ones(&mut self, states: &States) {
        let asked = || self.notes.iter().flat_map(|note| [note.wants, note.may_want, note.missed]).flatten().collect();
        self.asked_for = (self.kind != Kind::Blind).then(|| by_text(asked(), states));
    }

    /// The number of a state; that of another one if nobody can tell the two apart.
    pub fn id(&mut self, state: Option<&[u8]>, states: &mut States) -> u32 {
        if !self.is_lost(state, states) {
            return states.id(state);
        }
        *self.lost.get_or_insert_with(|| states.id(state))
    }

    fn is_lost(&self, state: Option<&[u8]>, states: &States) -> bool {
        let (Some(text), Some(asked)) = (state, &self.asked_for) else { return false };
        let text_of = |asked: &u32| states.get(*asked).as_deref();
        // What begins with it comes right behind where it would be itself.
        let place = asked.partition_point(|asked| text_of(asked) < Some(text));
        let is_met = |asked: &[u8]| match self.kind {
            Kind::Appended { .. } => asked.starts_with(text),
            _ => asked == text,
        };
        !asked.get(place).and_then(text_of).is_some_and(is_met)
    }

    /// Whether every state that must be found can be made at all, coming from `state`.
    pub fn is_hopeful(&self, state: u32) -> bool {
        let possible = |at: usize| self.wants[at] == 0 || self.makers[at] > 0 || at == state as usize;
        !self.compares_whole() || (0..self.wants.len()).all(possible)
    }

    /// Whether nobody is left who must find this state and never could again.
    pub fn may_leave(&self, state: u32) -> bool {
        let at = state as usize;
        !self.compares_whole() || at >= self.wants.len() || self.wants[at] == 0 || self.makers[at] > 0
    }

    /// Whether it can make a difference to take this before it must be.
    ///
    /// A blind write of a value that nobody asks for is only ever seen to be gone; it may as well wait until it
    /// returns or until another blind write covers it. What is unknown and leaves no trace may as well never happen.
    pub fn is_worth_taking(&self, op: u32, place: usize) -> bool {
        let note = &self.notes[op as usize];
        match self.kind {
            Kind::Register if note.blind || !note.known => note.makes.is_none_or(|made| self.is_asked_for(made)),
            Kind::Appended { .. } => note.known || place <= note.noticed_until,
            _ => true,
        }
    }

    /// Whether it can make a difference that an operation of unknown outcome leads to this state here.
    ///
    /// If nobody who is left wants a text that begins with the state, then nobody sees what the operation did before something
    /// else is written over it: whatever is appended in between, it is appended to this state, and whoever found it would
    /// have to want it. So the operation may as well not happen here, now or ever. A compare-and-swap that failed does not want
    /// anything, and still sees.
    pub fn leads_on(&self, state: &State, states: &States) -> bool {
        let (Some(wanted), Some(text)) = (&self.wanted_by_text, state) else {
            return true;
        };
        let first = wanted.partition_point(|other| states.get(*other) < state);
        let begun = |other: &&u32| states.get(**other).as_ref().is_some_and(|other| other.starts_with(text));
        wanted[first..].iter().take_while(begun).any(|other| self.is_asked_for(*other))
    }

    /// Whether taking this hides what was taken just before it.
    pub fn covers(&self, op: u32) -> bool {
        self.kind == Kind::Register && self.notes[op as usize].blind
    }

    /// Whether nobody would miss this write if another covered it at once.
    pub fn is_coverable(&self, op: u32) -> bool {
        let note = &self.notes[op as usize];
        note.blind && note.makes.is_some_and(|made| !self.is_asked_for(made))
    }

    /// Where this operation leads from a state, nowhere if it cannot be taken there; if that can be told by comparing numbers,
    /// without the model, which would copy texts.
    pub fn leads_to(&self, op: u32, state: u32) -> Option<Option<u32>> {
        let note = &self.notes[op as usize];
        match (note.wants, note.may_want, note.makes) {
            _ if self.kind == Kind::Blind => None,
            (Some(wanted), _, None) if note.read => Some((wanted == state).then_some(state)),
            (Some(wanted), _, Some(made)) => Some((wanted == state).then_some(made)),
            (None, Some(wanted), Some(made)) => Some(Some(if wanted == state { made } else { state })),
            (None, None, made) if note.blind && note.silent => Some(made),
            _ => None,
        }
    }

    /// The state that this operation must find.
    pub fn wanted(&self, op: u32) -> Option<u32> {
        if self.kind == Kind::Blind { None } else { self.notes[op as usize].wants }
    }

    /// The state that this operation leads to from anywhere.
    pub fn makes(&self, op: u32) -> Option<u32> {
        self.notes[op as usize].makes
    }

    /// Whether the open reads and the next one to return can still get their answers, where something is appended.
    pub fn is_reachable(&self, standing: &Standing<'_>, states: &States) -> bool {
        let Standing { state, place, steps, taken, lists } = *standing;
        let Kind::Appended { overwritten } = self.kind else {
            return true;
        };
        let can_come = |read: u32| -> bool {
            let Some(wanted) = self.notes[read as usize].wants else {
                return true;
            };
            let wanted = states.get(wanted);
            if begins(state, wanted) {
                return true;
            }
            if !overwritten {
                return false;
            }
            let brings = |op: u32| self.makes(op).is_some_and(|made| begins(states.get(made), wanted));
            let mut cursor = lists.first_write();
            while let Some(op) = cursor {
                cursor = lists.next(op);
                if brings(op) {
                    return true;
                }
            }
            let until = self.returns[read as usize];
            steps[place..until]
                .iter()
                .any(|step| matches!(step, Step::Call(op) if !self.notes[*op as usize].read && brings(*op)))
        };
        let mut cursor = lists.first_read();
        while let Some(read) = cursor {
            cursor = lists.next(read);
            if !can_come(read) {
                return false;
            }
        }
        let later = self.reads.partition_point(|read| self.returns[*read as usize] < place);
        self.reads[later..].iter().find(|read| !taken[**read as usize]).is_none_or(|read| can_come(*read))
    }

    pub fn on_take(&mut self, op: u32) {
        self.count(op, |count| *count -= 1);
    }

    pub fn on_untake(&mut self, op: u32) {
        self.count(op, |count| *count += 1);
    }

    fn count(&mut self, op: u32, change: impl Fn(&mut u32)) {
        let note = self.notes[op as usize];
        let counts =
            [(&mut self.wants, note.wants), (&mut self.may_want, note.may_want), (&mut self.makers, note.makes)];
        for (table, state) in counts {
            if let Some(state) = state {
                change(&mut table[state as usize]);
            }
        }
    }

    fn is_asked_for(&self, state: u32) -> bool {
        self.wants[state as usize] > 0 || self.may_want[state as usize] > 0
    }

    fn compares_whole(&self) -> bool {
        matches!(self.kind, Kind::Register | Kind::Compared)
    }
}

impl Kind {
    fn of(ops: &[Op<'_>]) -> Kind {
        let any = |has: &dyn Fn(&Op<'_>) -> bool| ops.iter().any(has);
        if any(&|op| matches!(op.operation, Operation::Custom { .. })) {
            Kind::Blind
        } else if any(&|op| matches!(op.operation, Operation::Append { .. })) {
            let writes = |op: &Op<'_>| !op.read && !matches!(op.operation, Operation::Append { .. });
            Kind::Appended { overwritten: any(&writes) }
        } else if any(&|op| op.reply == Some(&Reply::Swapped(false))) {
            Kind::Compared
        } else {
            Kind::Register
        }
    }
}

impl Note {
    fn of(op: &Op<'_>, states: &mut States) -> Note {
        let mut id = |text: Option<&String>| states.id(text.map(|text| text.as_bytes()));
        let note = match (op.operation, op.reply) {
            (Operation::Get { .. }, Some(Reply::Value(value))) => {
                Note { wants: Some(id(value.as_ref())), ..Note::default() }
            }
            (Operation::Put { value, .. }, _) => Note { makes: Some(id(Some(value))), blind: true, ..Note::default() },
            (Operation::Delete { .. }, _) => Note { makes: Some(id(None)), blind: true, ..Note::default() },
            (Operation::Cas { from, to, .. }, reply) => {
                let (from, to) = (Some(id(from.as_ref())), Some(id(Some(to))));
                match reply {
                    Some(Reply::Swapped(true)) => Note { makes: to, wants: from, ..Note::default() },
                    None => Note { makes: to, may_want: from, ..Note::default() },
                    Some(_) => Note { missed: from, ..Note::default() },
                }
            }
            _ => Note::default(),
        };
        let silent = matches!(op.reply, None | Some(Reply::Done));
        Note { read: op.read, known: op.reply.is_some(), silent, noticed_until: usize::MAX, ..note }
    }
}

/// Finds out until when anybody could notice what unknown operations write.
///
/// Whoever finds a text that was written finds it as a part of the whole. So if no later answer has it as a part, then
/// the operation may as well not have happened, except to a compare-and-swap that fails because of it.
fn look_for_traces(ops: &[Op<'_>], notes: &mut [Note], returns: &[usize]) {
    let unknown = notes.iter().filter(|note| !note.known).count();
    if unknown == 0 {
        return;
    }
    let found: Vec<(usize, &str)> =
        ops.iter().zip(returns).filter_map(|(op, place)| text_found(op).map(|text| (*place, text))).collect();
    let failed = ops.iter().any(|op| op.read && matches!(op.operation, Operation::Cas { .. }));
    if failed || unknown.saturating_mul(found.len()) > TRACES_LOOKED_FOR {
        return;
    }
    for (op, note) in ops.iter().zip(notes).filter(|(op, _)| op.reply.is_none()) {
        let text = match op.operation {
            Operation::Put { value, .. } | Operation::Append { value, .. } => value,
            Operation::Cas { to, .. } => to,
            _ => continue,
        };
        let traces = found.iter().filter(|(_, found)| found.contains(text.as_str()));
        // A step of the walk is looked at while the walk stands at it, so the return itself still counts.
        note.noticed_until = traces.map(|(place, _)| *place).max().unwrap_or(0);
    }
}

/// The text that this operation must find, or changes something only if it finds it.
fn text_found<'a>(op: &Op<'a>) -> Option<&'a str> {
    match (op.operation, op.reply) {
        (Operation::Get { .. }, Some(Reply::Value(value))) => value.as_deref(),
        (Operation::Cas { from, .. }, Some(Reply::Swapped(true)) | None) => from.as_deref(),
        _ => None,
    }
}

/// States in the order of their texts.
fn by_text(mut asked: Vec<u32>, states: &States) -> Vec<u32> {
    asked.sort_unstable_by(|one, other| states.get(*one).cmp(states.get(*other)));
    asked.dedup();
    asked
}

/// Whether appending can turn `state` into `wanted`.
fn begins(state: &State, wanted: &State) -> bool {
    match (state, wanted) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(state), Some(wanted)) => wanted.starts_with(state),
    }
}
