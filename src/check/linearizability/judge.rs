//! The order of the tiers, and the budget that the searches share.

use std::fmt;
use std::rc::Rc;

use crate::base::{ClientId, EventId, Instant, NodeId, Operation, Outcome};
use crate::check::history::{Call, Moment};
use crate::check::models::Standard;
use crate::check::recorded::{Act, Entry, Recording, Texts};

use super::appends::Appends;
use super::chains::Chains;
use super::minimal::{self, Counterexample};
use super::pieces;
use super::search::{Progress, Search};
use super::stream::segments;
use super::tier::{Evidence, Finding};
use super::witness::{self, Claim};

/// The first slice of nodes that every object gets.
const FIRST_SLICE: u64 = 1 << 10;

/// Later than everything in a history.
const END: (EventId, usize) = (EventId(u64::MAX), usize::MAX);

/// A way to decide a history; they are tried in this order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Tier {
    /// The claimed order was verified.
    Witness,
    /// Unique values, read and written.
    Zones,
    /// Appended and read.
    Appends,
    /// Unique values with compare-and-swap.
    Chains,
    /// Searched for.
    Search,
}

impl Tier {
    /// All of them, cheapest first.
    pub const ALL: [Tier; 5] = [Tier::Witness, Tier::Zones, Tier::Appends, Tier::Chains, Tier::Search];
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Tier::Witness => "witness",
            Tier::Zones => "zones",
            Tier::Appends => "appends",
            Tier::Chains => "chains",
            Tier::Search => "search",
        })
    }
}

/// Whether a history is linearizable.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// There is an order that explains every answer.
    Linearizable,
    /// There is none.
    Impossible(Box<Counterexample>),
    /// The nodes ran out, on these objects.
    Undecided(Vec<Unfinished>),
}

/// An object that the nodes did not suffice for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unfinished {
    /// Which object, as a number of [`Recording::keys`].
    pub key: u32,
    /// So many of its calls and returns, from the beginning on, have an explanation.
    pub explained: u64,
    /// All its calls and returns.
    pub moments: u64,
    /// The time of the last one that has.
    pub until: u64,
}

/// What was judged, and how.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Judgement {
    /// Whether it is linearizable.
    pub verdict: Verdict,
    /// Objects that each tier has decided, in the order of [`Tier::ALL`].
    pub decided: [u64; 5],
    /// Objects that are known not to be linearizable. One is enough for a verdict, so only one is explained.
    pub broken: Vec<u32>,
    /// Objects that were not searched, or not to the end, since another one was found not to be linearizable.
    pub left: u64,
    /// Objects whose claimed order is no linearization, whatever the verdict on them.
    pub misled: u64,
    /// The first operation that does not fit where such an order has it, on the first of these objects.
    pub misfit: Option<u32>,
    /// Nodes that the searches have visited.
    pub nodes: u64,
}

impl Judgement {
    /// That it is linearizable, by tiers that have decided so many objects.
    pub fn linearizable(decided: [u64; 5]) -> Judgement {
        let (verdict, broken) = (Verdict::Linearizable, Vec::new());
        Judgement { verdict, decided, broken, left: 0, misled: 0, misfit: None, nodes: 0 }
    }
}

/// Judges a recording by a model and within so many nodes, all objects together. To explain a violation may take as many
/// again.
///
/// ```
/// use foretell::check::linearizability::{Verdict, judge};
/// use foretell::check::models::Standard;
/// use foretell::check::recorded::jsonl::Reader;
/// let mut reader = Reader::default();
/// reader.feed(br#"{"client":1,"op":"put","key":"k","value":"7","call":10,"return":20}
/// {"client":2,"op":"get","key":"k","value":null,"call":30,"return":40}"#);
/// let recording = reader.finish().expect("both lines are right");
/// let judgement = judge(&recording, Standard::KeyValue, 1_000);
/// assert!(matches!(judgement.verdict, Verdict::Impossible(_)));
/// ```
pub fn judge(recording: &Recording, model: Standard, nodes: u64) -> Judgement {
    let places = recording.by_key();
    let mut judge = Judge::new(model, &recording.values);
    let mut judgement = Judgement::linearizable([0; 5]);
    let mut illegal: Option<(u32, Tier, Option<Evidence>)> = None;
    let mut open: Vec<u32> = Vec::new();
    let mut ops = Vec::new();
    for key in 0..places.len() as u32 {
        if places[key as usize].is_empty() {
            continue;
        }
        let (claim, tier, finding) = judge.quick(gather(recording, &places, key, &mut ops));
        if let Claim::Failed(op) = claim {
            judgement.misled += 1;
            judgement.misfit.get_or_insert(places[key as usize][op as usize]);
        }
        match finding {
            Finding::Open => open.push(key),
            Finding::Legal => judgement.decided[tier as usize] += 1,
            Finding::Illegal(evidence) => {
                judgement.decided[tier as usize] += 1;
                judgement.broken.push(key);
                illegal.get_or_insert((key, tier, Some(evidence)));
            }
        }
    }
    let mut left = nodes;
    judgement.left = open.len() as u64;
    if illegal.is_none() {
        let searched = judge.search_all(&open, recording, &places, &mut left);
        judgement.decided[Tier::Search as usize] += searched.decided;
        judgement.left -= searched.decided + searched.unfinished.len() as u64;
        judgement.broken.extend(searched.impossible.iter().map(|(key, _)| *key));
        illegal = searched.impossible.map(|(key, evidence)| (key, Tier::Search, evidence));
        if !searched.unfinished.is_empty() {
            judgement.verdict = Verdict::Undecided(searched.unfinished);
        }
    }
    judgement.nodes = nodes - left;
    if let Some((key, tier, evidence)) = illegal {
        let ops = gather(recording, &places, key, &mut ops);
        let found = minimal::Found { key, tier, evidence };
        let counterexample = minimal::explain(&mut judge, ops, &places[key as usize], found, nodes);
        judgement.verdict = Verdict::Impossible(Box::new(counterexample));
    }
    judgement
}

/// The operations on one object. They are copied together, unless there is no other object.
fn gather<'a>(recording: &'a Recording, places: &[Vec<u32>], key: u32, ops: &'a mut Vec<Entry>) -> &'a [Entry] {
    let places = &places[key as usize];
    if places.len() == recording.entries.len() {
        return &recording.entries;
    }
    ops.clear();
    ops.extend(places.iter().map(|place| recording.entries[*place as usize]));
    ops
}

/// What the searches have come to.
struct Searched {
    decided: u64,
    /// The object, and what shows it, if that was looked for.
    impossible: Option<(u32, Option<Evidence>)>,
    unfinished: Vec<Unfinished>,
}

/// The tiers, with room for their tables.
pub(super) struct Judge<'r> {
    pub model: Standard,
    pub texts: &'r Texts,
    chains: Chains,
    appends: Appends,
    order: Vec<u32>,
}

impl<'r> Judge<'r> {
    pub fn new(model: Standard, texts: &'r Texts) -> Judge<'r> {
        Judge { model, texts, chains: Chains::default(), appends: Appends::default(), order: Vec::new() }
    }

    pub fn is_register(&self) -> bool {
        matches!(self.model, Standard::Register | Standard::KeyValue)
    }

    /// Tiers 0 to 3.
    pub fn quick(&mut self, ops: &[Entry]) -> (Claim, Tier, Finding) {
        if !self.is_register() {
            return (Claim::None, Tier::Search, Finding::Open);
        }
        let claim = witness::verify(ops, self.texts, &mut self.order);
        if claim == Claim::Verified {
            return (claim, Tier::Witness, Finding::Legal);
        }
        let (tier, finding) = self.by_structure(ops);
        (claim, tier, finding)
    }

    /// Tiers 1 to 3.
    pub fn by_structure(&mut self, ops: &[Entry]) -> (Tier, Finding) {
        let has = |act: Act| ops.iter().any(|entry| entry.act == act);
        if has(Act::Append) {
            (Tier::Appends, self.appends.judge(ops, self.texts))
        } else {
            let tier = if has(Act::Cas) { Tier::Chains } else { Tier::Zones };
            (tier, self.chains.judge(ops, self.texts.len()))
        }
    }

    /// Whatever decides these operations on one object, within so many nodes. Without a claim: this is asked about parts of
    /// histories.
    pub fn decide(&mut self, ops: &[Entry], nodes: &mut u64) -> Progress {
        if self.is_register() {
            match self.by_structure(ops).1 {
                Finding::Legal => return Progress::Found,
                Finding::Illegal(_) => return Progress::Impossible,
                Finding::Open => {}
            }
        }
        let calls = self.calls(ops);
        self.searching(&calls).advance(nodes)
    }

    /// The operations as calls, as the search wants them.
    pub fn calls(&self, ops: &[Entry]) -> Vec<Call> {
        // Half of all operations are the same one.
        let mut get: Option<Rc<Operation>> = None;
        let mut shared = |operation: Operation| match operation {
            Operation::Get { .. } => get.get_or_insert_with(|| operation.into()).clone(),
            other => other.into(),
        };
        let call = |entry: &Entry| {
            let (operation, reply) = self.model.operation(entry, self.texts);
            let moment = |at| Moment { order: EventId(at), at: Instant::from_nanos(at) };
            Call {
                client: ClientId { node: NodeId::client(0), session: 1 },
                number: 1,
                operation: shared(operation),
                called: moment(entry.call),
                ended: reply.map(|reply| (moment(entry.end), Outcome::Done(reply))),
            }
        };
        ops.iter().map(call).collect()
    }

    pub fn searching<'c>(&self, calls: &'c [Call]) -> Search<'c> {
        Search::new(self.model.model(), calls.iter().enumerate(), END)
    }

    /// Searches on these objects, in turns.
    fn search_all(&self, keys: &[u32], recording: &Recording, places: &[Vec<u32>], nodes: &mut u64) -> Searched {
        let mut searched = Searched { decided: 0, impossible: None, unfinished: Vec::new() };
        let mut hard: Vec<(u32, Vec<Call>, usize)> = Vec::new();
        let mut ops = Vec::new();
        // Most objects are decided on the spot, and then need not be kept.
        for key in keys {
            let ops = gather(recording, places, *key, &mut ops);
            let calls = self.calls(ops);
            let mut slice = FIRST_SLICE.min(*nodes);
            *nodes -= slice;
            let mut search = self.searching(&calls);
            let progress = search.advance(&mut slice);
            *nodes += slice;
            // What nobody can have written needs no search, and is told as that.
            let unheard = match progress {
                Progress::Found => None,
                _ if self.is_register() => pieces::unheard_of(ops, self.texts),
                _ => None,
            };
            match (progress, unheard) {
                (Progress::Found, _) => searched.decided += 1,
                (Progress::Impossible, _) | (Progress::Paused, Some(_)) => {
                    searched.decided += 1;
                    searched.impossible = Some((*key, unheard.map(|read| Evidence::of(vec![read]))));
                    return searched;
                }
                (Progress::Paused, None) => {
                    let (explained, _) = search.explained();
                    drop(search);
                    if self.is_register() && segments::explain(ops, self.texts, nodes) {
                        searched.decided += 1;
                        continue;
                    }
                    hard.push((*key, calls, explained));
                }
            }
        }
        let mut open: Vec<(u32, Search<'_>)> =
            hard.iter().map(|(key, calls, _)| (*key, self.searching(calls))).collect();
        let mut slice = FIRST_SLICE;
        while !open.is_empty() && *nodes > 0 && searched.impossible.is_none() {
            slice *= 4;
            let fair = (*nodes / open.len() as u64).max(1);
            open.retain_mut(|(key, search)| {
                let mut share = slice.min(fair).min(*nodes);
                if searched.impossible.is_some() || share == 0 {
                    return true;
                }
                *nodes -= share;
                let progress = search.advance(&mut share);
                *nodes += share;
                searched.decided += u64::from(progress != Progress::Paused);
                if progress == Progress::Impossible {
                    searched.impossible = Some((*key, None));
                }
                progress == Progress::Paused
            });
        }
        if searched.impossible.is_none() {
            searched.unfinished = open
                .iter()
                .map(|(key, search)| {
                    let (_, calls, before) = hard.iter().find(|(other, ..)| other == key).expect("it is searched on");
                    unfinished(*key, search, calls, *before)
                })
                .collect();
        }
        searched
    }
}

fn unfinished(key: u32, search: &Search<'_>, calls: &[Call], before: usize) -> Unfinished {
    let (explained, moments) = search.explained();
    let explained = explained.max(before);
    let mut times: Vec<u64> = Vec::new();
    for call in calls {
        let answer = call.answer().map(|(moment, _)| moment.order.0);
        if answer.is_some() || !matches!(*call.operation, Operation::Get { .. }) {
            times.push(call.called.order.0);
            times.extend(answer);
        }
    }
    times.sort_unstable();
    let until = explained.checked_sub(1).and_then(|last| times.get(last)).copied().unwrap_or(0);
    Unfinished { key, explained: explained as u64, moments: moments as u64, until }
}
