//! Registers of any kind, judged from one idle moment to the next.
//!
//! An object is *idle* when everything that returns has returned. What is called later comes later in every linearization, so the
//! history falls into *segments*, and of a segment only two things matter to the next: the values that the object may have
//! when it ends, and the unknown operations that have not taken effect by then.
//!
//! **The values.** A segment is judged by the other tiers as a history of its own: first one write for each value that the object
//! may have had at its beginning, all at the same time and before everything else; then the segment; then a read of the value in
//! question. Those writes leave any one of these values and no other. So if there is a linearization, then there is a
//! beginning that leads to this value, and the object may have had it; and going back from the last segment to the first, one
//! linearization of the whole is found. For example
//!
//! ```text
//!     put 1 |---|          |  get 2 |--|                may end with 1 or with 2; and with 2 the next segment
//!       put 2 |---|        |                            has an explanation
//! ```
//!
//! The values in question are those of writes that no other write surely follows.
//!
//! **Unknown operations** that wrote what nobody in this segment has seen are kept for later segments and left out of this one. Those whose
//! values were seen take part and are gone afterwards, whether the linearization has used them or not. So none takes effect twice. Where
//! there is no explanation, a compare-and-swap may have failed because of what nobody saw, and the last few of the others take part, too.
//! All this may be less than a linearization could use; then nothing is found here, and the whole is judged.
//!
//! If the object is never idle there is one segment, and all of it is kept.

use std::collections::{BTreeMap, BTreeSet};

use crate::check::linearizability::chains::Chains;
use crate::check::linearizability::judge::Judge;
use crate::check::linearizability::search::Progress;
use crate::check::linearizability::tier::Finding;
use crate::check::models::Standard;
use crate::check::recorded::{ABSENT, Act, Answer, Entry, NO_INDEX, TextId, Texts};

/// A segment that is shorter is joined with the next one: to judge one costs something by itself. In tests, histories are so short that
/// brute force can judge them, and yet must fall into segments.
const OPERATIONS_JOINED: usize = if cfg!(test) { 1 } else { 32 };

/// Values that an object may have at the end of a segment; if there are more, it is joined with the next one.
const VALUES_MOST: usize = 32;

/// Nodes for one question about a segment. If they run out, it is joined with the next one.
const NODES_PER_QUESTION: u64 = 1 << 12;

/// Nodes for the last segment.
const NODES_AT_THE_END: u64 = 1 << 18;

/// Nodes that may be spent for each operation, all questions together.
const NODES_PER_OPERATION: u64 = 16;

/// If a segment has no explanation, so many unknown operations that nobody has seen take part in it, too.
const UNSEEN_OFFERED: usize = 4;

/// The tiers, with room for their tables, for all objects.
pub(in crate::check::linearizability) struct Deciders {
    chains: Chains,
    /// Nodes that may be spent by now.
    nodes: u64,
    /// Nodes that may be spent in all.
    budget: u64,
}

/// Whether the operations on a register, in the order of their calls, are found to be linearizable in this way. `nodes` counts
/// down.
pub(in crate::check::linearizability) fn explain(ops: &[Entry], texts: &Texts, nodes: &mut u64) -> bool {
    let (mut segments, mut deciders) = (Segments::default(), Deciders::within(*nodes));
    let found =
        ops.iter().all(|entry| segments.take(entry, texts, &mut deciders)) && segments.finish(texts, &mut deciders);
    *nodes = deciders.budget;
    found
}

/// One object.
#[derive(Debug, Default)]
pub(in crate::check::linearizability) struct Segments {
    /// The values that it may have had at the beginning of the segment; none at the beginning of the history.
    starts: Vec<TextId>,
    /// The segment.
    ops: Vec<Entry>,
    /// When the last of it returns.
    end: u64,
    /// It is not ended before it has so many operations.
    joined: usize,
    /// Unknown operations of earlier segments, by what they write.
    unknown: BTreeMap<TextId, Vec<Entry>>,
    /// Some segment had to be searched on.
    pub is_searched: bool,
    /// The same as `unknown` while the numbers of texts are being changed.
    loose: Vec<Entry>,
}

impl Segments {
    pub fn take(&mut self, entry: &Entry, texts: &Texts, deciders: &mut Deciders) -> bool {
        self.settle();
        if self.end < entry.call && self.ops.len() >= self.joined.max(OPERATIONS_JOINED) && !self.end(texts, deciders) {
            return false;
        }
        deciders.nodes += NODES_PER_OPERATION;
        if entry.is_known() {
            self.end = self.end.max(entry.end);
        }
        if !entry.is_void() {
            self.ops.push(*entry);
        }
        matches!(entry.act, Act::Get | Act::Put | Act::Cas | Act::Delete)
    }

    pub fn texts(&mut self) -> impl Iterator<Item = &mut TextId> {
        self.settle();
        self.loose.extend(std::mem::take(&mut self.unknown).into_values().flatten());
        let entries = self.ops.iter_mut().chain(&mut self.loose);
        self.starts.iter_mut().chain(entries.flat_map(|entry| [&mut entry.value, &mut entry.from]))
    }

    pub fn finish(&mut self, texts: &Texts, deciders: &mut Deciders) -> bool {
        self.settle();
        let seen = self.seen();
        [Vec::new(), self.unseen(&seen)].iter().any(|offered| {
            let whole = self.whole(&seen, offered);
            self.decide(&whole, texts, NODES_AT_THE_END, deciders) == Progress::Found
        })
    }

    fn settle(&mut self) {
        for entry in self.loose.drain(..) {
            self.unknown.entry(written(&entry)).or_default().push(entry);
        }
    }

    /// Ends the segment, if it can be told what the object may have then. False if there is nothing that it may have.
    fn end(&mut self, texts: &Texts, deciders: &mut Deciders) -> bool {
        let seen = self.seen();
        let mut offered = Vec::new();
        let whole = self.whole(&seen, &offered);
        let mut ends = self.ends(&whole, texts, deciders);
        if ends.as_ref().is_some_and(Vec::is_empty) {
            offered = self.unseen(&seen);
            let whole = self.whole(&seen, &offered);
            ends = self.ends(&whole, texts, deciders);
        }
        let Some(ends) = ends else {
            self.joined = 2 * self.ops.len();
            return true;
        };
        self.joined = 0;
        self.starts = ends;
        // Those that took part are over with this segment.
        for value in &seen {
            self.unknown.remove(value);
        }
        for entry in &offered {
            if let Some(same) = self.unknown.get_mut(&written(entry)) {
                same.retain(|other| other != entry);
            }
        }
        let unseen = |entry: &Entry| !seen.contains(&written(entry)) && !offered.contains(entry);
        self.loose.extend(self.ops.drain(..).filter(|entry| !entry.is_known() && unseen(entry)));
        self.settle();
        !self.starts.is_empty()
    }

    fn decide(&mut self, whole: &[Entry], texts: &Texts, nodes: u64, deciders: &mut Deciders) -> Progress {
        let (progress, is_searched) = deciders.decide(whole, texts, nodes);
        self.is_searched |= is_searched;
        progress
    }

    /// The values that the object may have after this segment; nothing if that is not clear.
    fn ends(&mut self, whole: &[Entry], texts: &Texts, deciders: &mut Deciders) -> Option<Vec<TextId>> {
        let candidates = self.candidates(whole);
        if candidates.len() > VALUES_MOST {
            return None;
        }
        let mut whole = whole.to_vec();
        let mut ends = Vec::new();
        for value in candidates {
            whole.push(Entry { call: self.end + 1, end: self.end + 1, value, ..PLAIN });
            match self.decide(&whole, texts, NODES_PER_QUESTION, deciders) {
                Progress::Found => ends.push(value),
                Progress::Impossible => {}
                Progress::Paused => return None,
            }
            whole.pop();
        }
        Some(ends)
    }

    /// The last unknown operations whose values nobody in this segment has found.
    fn unseen(&self, seen: &BTreeSet<TextId>) -> Vec<Entry> {
        let all = self.ops.iter().chain(self.unknown.values().flatten());
        let mut unseen: Vec<Entry> =
            all.filter(|entry| !entry.is_known() && !seen.contains(&written(entry))).copied().collect();
        unseen.sort_by_key(|entry| std::cmp::Reverse(entry.call));
        unseen.truncate(UNSEEN_OFFERED);
        unseen
    }

    /// The values that somebody in this segment has found, also those that unknown operations must have found whose own were.
    fn seen(&self) -> BTreeSet<TextId> {
        let mut seen = BTreeSet::new();
        let mut open: Vec<TextId> = Vec::new();
        let mut unknown: BTreeMap<TextId, Vec<TextId>> = BTreeMap::new();
        for entry in &self.ops {
            match (entry.act, entry.answer) {
                (Act::Cas, Answer::Unknown) => unknown.entry(entry.value).or_default().push(entry.from),
                (Act::Get, Answer::Done) => open.push(entry.value),
                (Act::Cas, Answer::Yes) => open.push(entry.from),
                _ => {}
            }
        }
        while let Some(value) = open.pop() {
            if seen.insert(value) {
                open.extend(unknown.get(&value).into_iter().flatten());
                let earlier = self.unknown.get(&value).into_iter().flatten();
                open.extend(earlier.filter(|entry| entry.act == Act::Cas).map(|entry| entry.from));
            }
        }
        seen
    }

    /// The segment as a history of its own, without what nobody can have seen unless it is offered.
    fn whole(&self, seen: &BTreeSet<TextId>, offered: &[Entry]) -> Vec<Entry> {
        let mut whole = Vec::with_capacity(self.ops.len() + self.starts.len() + 1);
        for value in &self.starts {
            let act = if *value == ABSENT { Act::Delete } else { Act::Put };
            whole.push(Entry { act, value: *value, ..PLAIN });
        }
        if self.starts == [ABSENT] {
            // As it is without.
            whole.clear();
        }
        let earlier = seen.iter().filter_map(|value| self.unknown.get(value)).flatten();
        let earlier = earlier.chain(offered.iter().filter(|entry| !self.ops.contains(entry)));
        let start = whole.len();
        // After the writes of the beginning.
        whole.extend(earlier.map(|entry| Entry { call: entry.call.max(1), ..*entry }));
        whole[start..].sort_by_key(|entry| entry.call);
        let takes_part = |entry: &&Entry| entry.is_known() || seen.contains(&written(entry)) || offered.contains(entry);
        whole.extend(self.ops.iter().filter(takes_part));
        whole
    }

    /// The values that the object may have at the end, and perhaps more.
    fn candidates(&self, whole: &[Entry]) -> Vec<TextId> {
        let writes = |entry: &&Entry| match entry.act {
            Act::Put | Act::Delete => true,
            Act::Cas => entry.answer != Answer::No,
            _ => false,
        };
        // The latest call of a write that did happen: what was over before it, it has replaced.
        let surely = whole.iter().filter(writes).filter(|entry| entry.is_known());
        let latest = surely.map(|entry| entry.call).max();
        let mut values: Vec<TextId> = whole
            .iter()
            .filter(writes)
            .filter(|entry| latest.is_none_or(|latest| entry.end >= latest))
            .map(written)
            .collect();
        if latest.is_none() {
            values.push(ABSENT);
        }
        values.sort_unstable();
        values.dedup();
        values
    }
}

/// What an operation leaves if it takes effect.
fn written(entry: &Entry) -> TextId {
    if entry.act == Act::Delete { ABSENT } else { entry.value }
}

const PLAIN: Entry = Entry {
    call: 0,
    end: 0,
    client: 0,
    key: 0,
    value: ABSENT,
    from: ABSENT,
    index: NO_INDEX,
    act: Act::Get,
    answer: Answer::Done,
    line: 0,
};

impl Deciders {
    /// So many nodes may be spent in all.
    pub fn within(budget: u64) -> Deciders {
        Deciders { chains: Chains::default(), nodes: 0, budget }
    }

    /// What comes of it, and whether it had to be searched for.
    fn decide(&mut self, ops: &[Entry], texts: &Texts, nodes: u64) -> (Progress, bool) {
        match self.chains.judge(ops, texts.len()) {
            Finding::Legal => return (Progress::Found, false),
            Finding::Illegal(_) => return (Progress::Impossible, false),
            Finding::Open => {}
        }
        let most = nodes.min(self.nodes).min(self.budget);
        let mut nodes = most;
        let judge = Judge::new(Standard::KeyValue, texts);
        let calls = judge.calls(ops);
        let progress = judge.searching(&calls).advance(&mut nodes);
        self.nodes -= most - nodes;
        self.budget -= most - nodes;
        (progress, true)
    }
}
