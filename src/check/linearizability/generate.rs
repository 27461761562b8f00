//! Histories made to order: for tests, for benchmarks, and to try a checker on.
//!
//! Clients ask one operation after the other of a service that is right, in a time of nanoseconds. Every operation takes
//! effect at a moment drawn between its call and its return, and the answers are those of the operations in the order
//! of these moments; so the history is linearizable, and the place in that order is its `index`. A planted violation
//! edits an answer, never a time, so that the history certainly is not, and says so in no other way.
//!
//! Everything is drawn from the seed: the same plan is the same history everywhere.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::base::Draw;
use crate::base::hash::fnv;
use crate::check::recorded::{ABSENT, Act, Answer, Entry, NEVER, NO_INDEX, Recording, TextId};

/// What clients ask for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Workload {
    /// Half reads, half writes of values that are unique.
    Register,
    /// Reads, writes and compare-and-swaps of values that are unique. Every third compare-and-swap expects an old value.
    Cas,
    /// The same with five values.
    SmallCas,
    /// Appends of unique texts, and reads; fewer reads where histories are long, since each tells everything.
    Append,
    /// Writes, appends and reads of unique texts.
    Store,
}

/// What is wrong with the history.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Plant {
    /// A read answers what had certainly been replaced. Of appends: it lacks the last one.
    Stale,
    /// A read answers what nobody wrote.
    Phantom,
}

/// What history to make.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Plan {
    /// What clients ask for.
    pub workload: Workload,
    /// How many ask at the same time.
    pub clients: u64,
    /// How many objects there are.
    pub keys: u64,
    /// How many operations are asked for.
    pub operations: u64,
    /// Of a hundred operations, so many have no known outcome. Half of these have taken effect.
    pub unknown: u64,
    /// What is wrong, if anything.
    pub plant: Option<Plant>,
    /// Whether operations say their place in the order of effects.
    pub indexed: bool,
    /// What everything is drawn from.
    pub seed: u64,
}

impl Default for Plan {
    /// A thousand operations of five clients on one register.
    fn default() -> Plan {
        Plan {
            workload: Workload::Register,
            clients: 5,
            keys: 1,
            operations: 1_000,
            unknown: 0,
            plant: None,
            indexed: false,
            seed: 0,
        }
    }
}

/// An operation between being asked and being answered.
struct Asked {
    call: u64,
    effect: u64,
    end: u64,
    client: u64,
    key: TextId,
    happens: bool,
    known: bool,
}

/// Makes the history. A plan that asks for a violation where there is no read to spoil gets one without.
///
/// ```
/// use foretell::check::linearizability::{Verdict, generate::{Plan, generate}, judge};
/// use foretell::check::models::Standard;
/// let recording = generate(&Plan { clients: 50, unknown: 3, ..Plan::default() });
/// assert_eq!(judge(&recording, Standard::KeyValue, 0).verdict, Verdict::Linearizable);
/// ```
pub fn generate(plan: &Plan) -> Recording {
    let mut recording = Recording::default();
    let asked = ask(plan, &mut recording);
    answer(plan, &asked, &mut recording);
    recording.sort();
    if let Some(plant) = plan.plant {
        spoil(plan, plant, &mut recording);
    }
    recording
}

fn dice(plan: &Plan, what: &str) -> Draw {
    Draw::keyed(plan.seed, fnv(crate::base::hash::FNV_START, what.as_bytes()))
}

/// Who asks when, in the order of effects.
fn ask(plan: &Plan, recording: &mut Recording) -> Vec<Asked> {
    let mut draw = dice(plan, "times");
    let keys: Vec<TextId> =
        (0..plan.keys.max(1)).map(|key| recording.keys.intern(format!("k{key}").as_bytes())).collect();
    let mut free: BinaryHeap<Reverse<(u64, u64)>> =
        (0..plan.clients.max(1)).map(|client| Reverse((0, client))).collect();
    let mut fresh = plan.clients.max(1);
    let mut asked = Vec::with_capacity(plan.operations as usize);
    while (asked.len() as u64) < plan.operations {
        let Some(Reverse((from, client))) = free.pop() else { break };
        let call = from + draw.between(1, 200);
        // Most take about as long, and some take much longer.
        let span = if draw.below(10) == 0 { 4_000 } else { 1_000 };
        let effect = call + draw.below(span);
        let end = effect + draw.below(span);
        let known = draw.below(100) >= plan.unknown;
        let key = *draw.pick(&keys).expect("there is a key");
        asked.push(Asked { call, effect, end, client, key, happens: known || draw.below(2) == 0, known });
        // Whoever does not know goes on under another name.
        fresh += u64::from(!known);
        let next = if known { client } else { fresh };
        free.push(Reverse((end + 1, next)));
    }
    asked.sort_by_key(|asked| asked.effect);
    asked
}

/// One object, as it is.
#[derive(Clone, Default)]
struct Object {
    text: Option<Vec<u8>>,
    /// The last values that it has had.
    recent: Vec<Option<Vec<u8>>>,
}

impl Object {
    fn set(&mut self, text: Option<Vec<u8>>) {
        let old = std::mem::replace(&mut self.text, text);
        if self.recent.len() == 8 {
            self.recent.remove(0);
        }
        self.recent.push(old);
    }
}

/// What is asked, and answered.
fn answer(plan: &Plan, asked: &[Asked], recording: &mut Recording) {
    let mut draw = dice(plan, "operations");
    let mut objects = vec![Object::default(); recording.keys.len()];
    let mut unique = 0_u64;
    // In a thousand; a log of n texts is told whole by every read.
    let reads = match plan.workload {
        Workload::Append => (200_000 * plan.keys / plan.operations.max(1)).clamp(1, 500),
        _ => 500,
    };
    for (index, asked) in asked.iter().enumerate() {
        let object = &mut objects[asked.key as usize];
        let mut entry = Entry {
            call: asked.call,
            end: if asked.known { asked.end } else { NEVER },
            client: asked.client,
            key: asked.key,
            value: ABSENT,
            from: ABSENT,
            index: if plan.indexed && asked.happens { index as u32 } else { NO_INDEX },
            act: Act::Get,
            answer: if asked.known { Answer::Done } else { Answer::Unknown },
            line: 0,
        };
        let known = &mut recording.values;
        let mut intern = |text: &Option<Vec<u8>>| text.as_ref().map_or(ABSENT, |text| known.intern(text));
        if draw.below(1_000) < reads {
            if asked.known {
                entry.value = intern(&object.text);
            }
            recording.entries.push(entry);
            continue;
        }
        unique += 1;
        entry.act = match plan.workload {
            Workload::Register => Act::Put,
            Workload::Append => Act::Append,
            Workload::Store => {
                if draw.below(20) == 0 {
                    Act::Put
                } else {
                    Act::Append
                }
            }
            Workload::Cas | Workload::SmallCas => {
                if draw.below(2) == 0 {
                    Act::Put
                } else {
                    Act::Cas
                }
            }
        };
        let text = match plan.workload {
            Workload::SmallCas => draw.below(5).to_string(),
            Workload::Append | Workload::Store => format!("{unique};"),
            _ => unique.to_string(),
        };
        let text = Some(text.into_bytes());
        entry.value = intern(&text);
        if entry.act == Act::Cas {
            let old = draw.pick(&object.recent).filter(|_| draw.clone().below(3) == 0);
            let from = old.unwrap_or(&object.text).clone();
            entry.from = intern(&from);
            let swaps = from == object.text;
            if asked.known {
                entry.answer = if swaps { Answer::Yes } else { Answer::No };
            }
            if swaps && asked.happens {
                object.set(text);
            }
        } else if asked.happens {
            let next = match entry.act {
                Act::Append => {
                    Some([object.text.as_deref().unwrap_or_default(), text.as_deref().unwrap_or_default()].concat())
                }
                _ => text,
            };
            if plan.workload == Workload::Append {
                object.text = next;
            } else {
                object.set(next);
            }
        }
        recording.entries.push(entry);
    }
}

/// Edits the answer of one read, late in the history, so that it cannot be explained.
fn spoil(plan: &Plan, plant: Plant, recording: &mut Recording) {
    let entries = &recording.entries;
    // The reads after three quarters of the history, and then all others.
    let reads = |place: &usize| entries[*place].act == Act::Get && entries[*place].is_known();
    let middle = entries.len() * 3 / 4;
    let candidates = (middle..entries.len()).chain((0..middle).rev()).filter(reads);
    let spoilt = match plant {
        Plant::Phantom => candidates.map(|place| (place, b"nobody wrote this".to_vec())).next(),
        Plant::Stale => {
            let mut found = None;
            for place in candidates.take(2_000) {
                if let Some(text) = stale(plan, recording, place) {
                    found = Some((place, text));
                    break;
                }
            }
            found
        }
    };
    if let Some((place, text)) = spoilt {
        let value = recording.values.intern(&text);
        recording.entries[place].value = value;
    }
}

/// What this read may certainly not answer, though it was there once.
fn stale(plan: &Plan, recording: &Recording, place: usize) -> Option<Vec<u8>> {
    let entries = &recording.entries;
    let read = &entries[place];
    let earlier = |entry: &&Entry| entry.key == read.key && entry.is_known() && entry.precedes(read);
    match plan.workload {
        // Values are unique, so what was replaced does not come back.
        Workload::Register | Workload::Cas => {
            let writes = |entry: &&Entry| entry.act == Act::Put && earlier(entry);
            let newer = entries[..place].iter().rev().take(10_000).find(writes)?;
            let older = |entry: &&Entry| writes(entry) && entry.precedes(newer);
            let older = entries[..place].iter().rev().take(20_000).find(older)?;
            Some(recording.values.get(older.value).to_vec())
        }
        // A text that was appended, and that the read is now without.
        Workload::Append | Workload::Store => {
            let text = recording.values.get(read.value);
            let appends = |entry: &&Entry| {
                entry.act == Act::Append && earlier(entry) && text.ends_with(recording.values.get(entry.value))
            };
            let last = entries[..place].iter().rev().take(10_000).find(appends)?;
            let rest = &text[..text.len() - recording.values.get(last.value).len()];
            (!rest.is_empty()).then(|| rest.to_vec())
        }
        // Values come back, so nothing is certain.
        Workload::SmallCas => Some(b"5".to_vec()),
    }
}
