//! Where decisions come from, and where they are written down.
//!
//! A decision is asked for by the key of its name. In a run by chance the dice keyed by seed and name decide; in a plan
//! the list of deviations does, and no dice exist. Either way a decision that is not calm can be written down, which is
//! all that a plan needs.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::base::draw::Quarter;
use crate::base::name::key;
use crate::base::time::nanos;
use crate::base::{Cluster, Draw, LabelText, Name, Ratio, Sampler};

use super::deviation::{Choice, Deviation};
use crate::world::config::{ClockConfig, NetworkConfig, ScheduleConfig, StorageConfig};
use crate::world::disk::SECTOR_BYTES;

/// What decides.
#[derive(Clone, Debug)]
pub enum Source {
    /// Dice keyed by this seed, except that the decisions whose names have these keys are calm.
    Chance {
        /// The seed.
        seed: u64,
        /// Keys of decisions that take their defaults.
        calmed: BTreeSet<u64>,
    },
    /// These deviations, and otherwise the defaults.
    Plan {
        /// The system's entropy.
        entropy: u64,
        /// Everything that is not calm.
        deviations: Vec<Deviation<LabelText>>,
    },
}

impl Source {
    /// Dice keyed by a seed.
    pub fn seed(seed: u64) -> Source {
        Source::Chance { seed, calmed: BTreeSet::new() }
    }
}

/// Dice keyed by a seed.
#[derive(Clone, Debug)]
pub struct Dice {
    seed: u64,
    calmed: BTreeSet<u64>,
}

impl Dice {
    /// The dice of a source that has any.
    pub fn of(source: &Source) -> Option<Dice> {
        match source {
            Source::Chance { seed, calmed } => Some(Dice { seed: *seed, calmed: calmed.clone() }),
            Source::Plan { .. } => None,
        }
    }

    /// The dice of a decision with a default, unless it is to take that.
    #[inline]
    pub fn draw(&self, key: u64) -> Option<Draw> {
        (self.calmed.is_empty() || !self.calmed.contains(&key)).then(|| Draw::keyed(self.seed, key))
    }
}

/// Makes decisions.
#[derive(Debug)]
pub struct Decider {
    dice: Option<Dice>,
    entropy: u64,
    planned: BTreeMap<u64, Planned>,
    recorded: Option<Vec<Deviation>>,
}

#[derive(Debug)]
struct Planned {
    /// Where in the plan it is first named.
    place: usize,
    choices: Vec<Choice>,
    texts: Vec<String>,
    used: bool,
}

/// How far each node's clocks are ahead of true time in a run that this source decides, in the order of nodes.
pub fn clock_offsets(source: &Source, config: &ClockConfig, cluster: Cluster) -> Vec<Duration> {
    let offsets = Decider::new(source, false).offsets(config, cluster);
    offsets.into_iter().map(Duration::from_nanos).collect()
}

/// The dice of packets, made ready for being thrown often.
///
/// The first word is the latency, each quarter of the second a chance, and every later word has its place: switching one
/// kind of fault on or off moves no other.
#[derive(Clone, Copy, Debug)]
pub struct PacketDice {
    latency: Sampler,
    loss: Quarter,
    duplicate: Quarter,
    corrupt: Quarter,
    reorder: Quarter,
}

/// The places of chances in the second word.
const LOSS: u32 = 0;
const DUPLICATE: u32 = 1;
const CORRUPT: u32 = 2;
const REORDER: u32 = 3;

const _: () = assert!(LOSS < DUPLICATE && DUPLICATE < CORRUPT && CORRUPT < REORDER, "each chance has its own quarter");
const _: () = assert!(REORDER < u64::BITS / u16::BITS, "a word has four quarters");

impl PacketDice {
    /// The dice of a network.
    pub fn new(config: &NetworkConfig) -> PacketDice {
        let NetworkConfig { latency, loss, duplicate, reorder, corrupt, .. } = config.possible();
        PacketDice {
            latency: latency.sampler(),
            loss: Quarter::new(loss),
            duplicate: Quarter::new(duplicate),
            corrupt: Quarter::new(corrupt),
            reorder: Quarter::new(reorder),
        }
    }

    /// How long a packet travels and whether it may overtake others, if it is clear at a glance that nothing else befalls
    /// it: which it mostly is.
    #[inline]
    pub fn throw_plain(&self, mut draw: Draw) -> Option<(u64, bool)> {
        let latency = self.latency.sample(&mut draw);
        let word = draw.word();
        let is_plain = self.loss.denies(word, LOSS)
            && self.duplicate.denies(word, DUPLICATE)
            && self.corrupt.denies(word, CORRUPT);
        is_plain.then(|| (latency, self.reorder.holds(word, REORDER, || self.more(draw)[REORDER as usize])))
    }

    /// A further word for each chance, in case it takes one.
    #[cold]
    fn more(&self, mut draw: Draw) -> [u64; 4] {
        [(); 4].map(|()| draw.word())
    }

    /// What becomes of a packet whose payload has this many bytes.
    pub fn throw(&self, mut draw: Draw, bytes: usize) -> PacketFate {
        let latency = self.latency.sample(&mut draw);
        let word = draw.word();
        let more = [(); 4].map(|()| draw.word());
        let holds = |chance: Quarter, place: u32| chance.holds(word, place, || more[place as usize]);
        let second = self.latency.sample(&mut draw);
        PacketFate {
            dropped: holds(self.loss, LOSS),
            latency,
            reordered: holds(self.reorder, REORDER),
            duplicate: holds(self.duplicate, DUPLICATE).then_some(second),
            corrupt: (holds(self.corrupt, CORRUPT) && bytes > 0).then(|| draw.below(bytes as u64 * 8)),
        }
    }

    /// How long a packet travels in a calm run.
    pub fn calm(&self) -> u64 {
        self.latency.calm()
    }

    /// The same where nothing is lost, and latencies stay.
    pub fn quiet(&self) -> PacketDice {
        let never = Quarter::new(Ratio::ZERO);
        PacketDice { latency: self.latency, loss: never, duplicate: never, corrupt: never, reorder: never }
    }
}

/// How long the operations of disks take, made ready for being sampled often.
#[derive(Clone, Copy, Debug)]
pub struct DiskLatencies {
    pub read: Sampler,
    pub write: Sampler,
    pub sync: Sampler,
}

impl DiskLatencies {
    pub fn new(config: &StorageConfig) -> DiskLatencies {
        DiskLatencies {
            read: config.read_latency.sampler(),
            write: config.write_latency.sampler(),
            sync: config.sync_latency.sampler(),
        }
    }
}

/// What becomes of a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PacketFate {
    /// It is lost.
    pub dropped: bool,
    /// How long it travels, in nanoseconds.
    pub latency: u64,
    /// It need not wait for packets of its link that were sent before it.
    pub reordered: bool,
    /// How long the second copy travels, if there is one.
    pub duplicate: Option<u64>,
    /// The bit that is flipped, if one is.
    pub corrupt: Option<u64>,
}

/// What becomes of an unsynced sector at a crash.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SectorFate {
    /// The old bytes are there.
    Lost,
    /// The new bytes are there.
    Kept,
    /// This many new bytes are there, then old ones.
    Torn(u32),
}

/// How far one task may be held back behind others.
const PRIORITIES: u64 = 255;

/// `calm` plus a shift that a plan decided.
fn shifted(calm: u64, shift: i64) -> u64 {
    calm.saturating_add_signed(shift)
}

/// How far a duration is from the calm one.
fn shift(value: u64, calm: u64) -> i64 {
    i64::try_from(i128::from(value) - i128::from(calm)).expect("latencies are far below 292 years")
}

impl Decider {
    /// Makes decisions from a source, and writes down those that are not calm if asked to.
    pub fn new(source: &Source, record: bool) -> Decider {
        let mut planned: BTreeMap<u64, Planned> = BTreeMap::new();
        let entropy = match source {
            // A plan carries the entropy in a file, whose integers are signed.
            Source::Chance { seed, .. } => Draw::keyed(*seed, key::entropy()).word() >> 1,
            Source::Plan { entropy, deviations } => {
                for (place, deviation) in deviations.iter().enumerate() {
                    let entry = planned.entry(deviation.name.key()).or_insert(Planned {
                        place,
                        choices: Vec::new(),
                        texts: Vec::new(),
                        used: false,
                    });
                    entry.choices.push(deviation.choice);
                    entry.texts.push(deviation.to_string());
                }
                *entropy
            }
        };
        let dice = Dice::of(source);
        assert!(dice.is_none() || planned.is_empty(), "either dice decide or a plan does");
        Decider { dice, entropy, planned, recorded: record.then(Vec::new) }
    }

    /// The system's own entropy. Not a decision: calm replicas must still differ from each other.
    pub fn entropy(&self) -> u64 {
        self.entropy
    }

    /// The seed for decisions that only scenarios with chance contain. A plan has none, and needs none.
    pub fn seed(&self) -> u64 {
        self.dice.as_ref().map_or(0, |dice| dice.seed)
    }

    /// The dice of a decision with a default, unless it is to take that.
    pub(in crate::world) fn chance(&self, key: u64) -> Option<Draw> {
        self.dice.as_ref()?.draw(key)
    }

    /// Whether dice decide.
    pub(in crate::world) fn has_dice(&self) -> bool {
        self.dice.is_some()
    }

    /// Dice of their own for something beside a decision, unless that is to take its default.
    pub(in crate::world) fn chance_beside(&self, key: u64, own: u64) -> Option<Draw> {
        let dice = self.dice.as_ref()?;
        dice.draw(key).map(|_| Draw::keyed(dice.seed, own))
    }

    pub(in crate::world) fn plan(&mut self, key: u64) -> &[Choice] {
        if self.planned.is_empty() {
            return &[];
        }
        match self.planned.get_mut(&key) {
            Some(planned) => {
                planned.used = true;
                &planned.choices
            }
            None => &[],
        }
    }

    pub(in crate::world) fn record(&mut self, name: &impl Fn() -> Name, choice: Choice) {
        if let Some(recorded) = &mut self.recorded {
            recorded.push(Deviation { name: name(), choice });
        }
    }

    /// Everything that the plan says.
    pub(in crate::world) fn planned_choices(&self) -> impl Iterator<Item = &Choice> {
        self.planned.values().flat_map(|planned| &planned.choices)
    }

    /// What becomes of a packet for which no dice are thrown.
    #[cold]
    pub fn planned_packet(&mut self, calm: u64, key: u64) -> PacketFate {
        let mut fate = PacketFate { dropped: false, latency: calm, reordered: false, duplicate: None, corrupt: None };
        for choice in self.plan(key) {
            match *choice {
                Choice::Drop => fate.dropped = true,
                Choice::Delay(shift) => fate.latency = shifted(calm, shift),
                Choice::Duplicate(shift) => fate.duplicate = Some(shifted(calm, shift)),
                Choice::Reorder => fate.reordered = true,
                Choice::Corrupt(bit) => fate.corrupt = Some(bit),
                _ => {}
            }
        }
        fate
    }

    /// Writes down what of a packet's fate is not calm.
    #[cold]
    pub fn record_packet(&mut self, calm: u64, fate: &PacketFate, name: impl Fn() -> Name) {
        assert!(self.recorded.is_some(), "what becomes of packets is taken down where it is asked for");
        if fate.dropped {
            return self.record(&name, Choice::Drop);
        }
        if fate.latency != calm {
            self.record(&name, Choice::Delay(shift(fate.latency, calm)));
        }
        if let Some(latency) = fate.duplicate {
            self.record(&name, Choice::Duplicate(shift(latency, calm)));
        }
        if fate.reordered {
            self.record(&name, Choice::Reorder);
        }
        if let Some(bit) = fate.corrupt {
            self.record(&name, Choice::Corrupt(bit));
        }
    }

    /// How long a disk operation takes, in nanoseconds.
    pub fn disk(&mut self, latency: &Sampler, key: u64, name: impl Fn() -> Name) -> u64 {
        let calm = latency.calm();
        let value = match self.chance(key) {
            Some(mut draw) => latency.sample(&mut draw),
            None => self.planned_disk(calm, key),
        };
        self.record_disk(calm, value, name)
    }

    /// How long a plan lets a disk operation take. What else goes wrong with it may be said by the same name.
    pub(in crate::world) fn planned_disk(&mut self, calm: u64, key: u64) -> u64 {
        let slow = self.plan(key).iter().find_map(|choice| match choice {
            Choice::Slow(shift) => Some(shifted(calm, *shift)),
            _ => None,
        });
        slow.unwrap_or(calm)
    }

    /// Writes down how long a disk operation takes, if that is not calm.
    pub(in crate::world) fn record_disk(&mut self, calm: u64, value: u64, name: impl Fn() -> Name) -> u64 {
        if value != calm {
            self.record(&name, Choice::Slow(shift(value, calm)));
        }
        value
    }

    /// The priority of a wake: 0 is first in, first out; more lets others go first.
    pub fn wake(&mut self, config: &ScheduleConfig, key: u64, name: impl Fn() -> Name) -> u32 {
        let priority = match self.chance(key) {
            Some(_) if config.shuffle.is_zero() => 0,
            Some(mut draw) => {
                if draw.chance(config.shuffle) {
                    1 + draw.below(PRIORITIES) as u32
                } else {
                    0
                }
            }
            None => match self.plan(key).first() {
                Some(Choice::Yield(priority)) => *priority,
                _ => 0,
            },
        };
        if priority > 0 {
            self.record(&name, Choice::Yield(priority));
        }
        priority
    }

    /// What becomes of an unsynced sector of this many bytes.
    pub fn sector(&mut self, config: &StorageConfig, key: u64, bytes: u32) -> SectorFate {
        assert!(bytes > 0, "a sector has bytes");
        assert!(bytes as usize <= SECTOR_BYTES, "a sector has no more bytes than a sector");
        let fate = match self.chance(key) {
            Some(mut draw) => {
                let (keep, tear, at) =
                    (draw.chance(config.crash_keep), draw.chance(config.crash_tear), draw.below(u64::from(bytes)));
                match (keep, tear, at) {
                    (_, true, 1..) => SectorFate::Torn(at as u32),
                    (true, ..) => SectorFate::Kept,
                    _ => SectorFate::Lost,
                }
            }
            None => match self.plan(key).first() {
                Some(Choice::Keep(None)) => SectorFate::Kept,
                Some(Choice::Tear(at)) => SectorFate::Torn((*at).min(bytes)),
                _ => SectorFate::Lost,
            },
        };
        assert!(!matches!(fate, SectorFate::Torn(at) if at > bytes), "no more of a sector is new than it has");
        fate
    }

    /// Writes down what became of an unsynced sector.
    pub fn record_sector(&mut self, fate: SectorFate, name: impl Fn() -> Name) {
        match fate {
            SectorFate::Lost => {}
            SectorFate::Kept => self.record(&name, Choice::Keep(None)),
            SectorFate::Torn(at) => self.record(&name, Choice::Tear(at)),
        }
    }

    /// Whether an unsynced length survives. It does as often as any part of a sector would.
    pub fn length(&mut self, config: &StorageConfig, key: u64, name: impl Fn() -> Name) -> bool {
        let kept = match self.chance(key) {
            Some(mut draw) => {
                let (keep, tear) = (draw.chance(config.crash_keep), draw.chance(config.crash_tear));
                keep || tear
            }
            None => self.plan(key).first() == Some(&Choice::Keep(None)),
        };
        if kept {
            self.record(&name, Choice::Keep(None));
        }
        kept
    }

    /// How many of some unsynced directory changes survive: the first so many, as a journal would keep them.
    pub fn entries(&mut self, config: &StorageConfig, key: u64, changes: u64, name: impl Fn() -> Name) -> u64 {
        let kept = match self.chance(key) {
            Some(mut draw) => (0..changes).take_while(|_| draw.chance(config.crash_keep)).count() as u64,
            None => match self.plan(key).first() {
                Some(Choice::Keep(Some(count))) => (*count).min(changes),
                _ => 0,
            },
        };
        assert!(kept <= changes, "no more changes survive than there are");
        if kept > 0 {
            self.record(&name, Choice::Keep(Some(kept)));
        }
        kept
    }

    /// By how many nanoseconds a node's clocks are ahead.
    pub fn offset(&mut self, config: &ClockConfig, key: u64, name: impl Fn() -> Name) -> u64 {
        let offset = match self.chance(key) {
            Some(mut draw) => draw.between(0, nanos(config.offset_max)),
            None => {
                let offset = |choice: &Choice| match choice {
                    Choice::Offset(shift) => Some(shift.unsigned_abs()),
                    _ => None,
                };
                self.plan(key).iter().find_map(offset).unwrap_or(0)
            }
        };
        if offset > 0 {
            let shift = i64::try_from(offset).expect("offsets are far below 292 years");
            self.record(&name, Choice::Offset(shift));
        }
        offset
    }

    /// By how many nanoseconds the clocks of each node are ahead, in the order of nodes.
    pub fn offsets(&mut self, config: &ClockConfig, cluster: Cluster) -> Vec<u64> {
        cluster.nodes().map(|node| self.offset(config, key::clock(node), || Name::Clock { node })).collect()
    }

    /// What was written down, and the plan's deviations that never came up.
    pub fn finish(&mut self) -> (Option<Vec<Deviation>>, Vec<String>) {
        let mut unused: Vec<&Planned> = self.planned.values().filter(|planned| !planned.used).collect();
        unused.sort_unstable_by_key(|planned| planned.place);
        assert!(unused.is_sorted_by(|one, next| one.place < next.place), "each name has its place in the plan");
        let unused = unused.into_iter().flat_map(|planned| planned.texts.clone()).collect();
        (self.recorded.take(), unused)
    }
}
