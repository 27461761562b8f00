//! What came of each fault of a scenario: whether its time came, whether it struck anybody, and if not, why not. A scenario
//! that does not do what it says must not look as if it did.

use std::fmt;

use crate::base::Instant;
use crate::world::network::links::Met;

/// What came of a fault of a phase that began.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Aim {
    /// Of which phase it is.
    pub phase: usize,
    /// Which of its faults.
    pub fault: usize,
    /// How often its time or its moment came.
    pub due: u64,
    /// How often it then struck somebody.
    pub struck: u64,
    /// Why it did not, when it last did not.
    pub miss: Option<Miss>,
}

/// Why a fault struck nobody.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Miss {
    /// Nobody whom it could strike was there: up, or down for a restart.
    Nobody,
    /// Too few replicas would have been up (`max_down`).
    Spared,
    /// No disk had that place in that file.
    Nowhere,
    /// The budget refused it.
    Refused,
    /// No operation came that fits.
    NoOperation,
    /// Nothing was held that it could have let go.
    NothingHeld,
    /// No message came that it would have stopped.
    NoMessage,
}

impl fmt::Display for Miss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Miss::Nobody => "nobody whom it could strike was there",
            Miss::Spared => "more replicas would have been down than `max_down` lets",
            Miss::Nowhere => "no disk had that place in that file",
            Miss::Refused => "the budget refused it",
            Miss::NoOperation => "no operation came that fits",
            Miss::NothingHeld => "nothing was held there",
            Miss::NoMessage => "no message came that it would have stopped",
        })
    }
}

/// Trouble that was not made, because it would have been too much.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// When.
    pub at: Instant,
    /// What it would have been.
    pub what: String,
    /// Why it was too much.
    pub why: Miss,
}

/// So many refusals are remembered, more than anybody is told of; all are counted. In a storm of decay they are many.
const REFUSALS_KEPT: usize = 8;

/// The aims of all faults so far, phase by phase.
#[derive(Debug, Default)]
pub(in crate::world) struct Aims {
    all: Vec<Aim>,
    refusals: Vec<Refusal>,
    /// Those that strike once a packet meets them.
    waiting: Vec<(usize, usize, Met)>,
}

impl Aims {
    /// A phase of so many faults begins.
    pub fn begin_phase(&mut self, phase: usize, faults: usize) {
        assert!(self.all.last().is_none_or(|last| last.phase < phase), "phases come one after the other");
        self.all.extend((0..faults).map(|fault| Aim { phase, fault, due: 0, struck: 0, miss: None }));
    }

    fn at(&mut self, phase: usize, fault: usize) -> &mut Aim {
        let place = self.all.partition_point(|aim| (aim.phase, aim.fault) < (phase, fault));
        let aim = self.all.get_mut(place).filter(|aim| (aim.phase, aim.fault) == (phase, fault));
        aim.expect("a fault strikes in its phase, which has begun")
    }

    /// The time of a fault has come, or its moment.
    pub fn is_due(&mut self, phase: usize, fault: usize) {
        self.at(phase, fault).due += 1;
    }

    /// It has struck somebody.
    pub fn has_struck(&mut self, phase: usize, fault: usize) {
        let aim = self.at(phase, fault);
        assert!(aim.due > 0, "nothing strikes before its time");
        aim.struck += 1;
    }

    /// It has not.
    pub fn has_missed(&mut self, phase: usize, fault: usize, miss: Miss) {
        let aim = self.at(phase, fault);
        assert!(aim.due > 0, "nothing misses before its time");
        aim.miss = Some(miss);
    }

    /// Something was too much.
    pub fn is_refused(&mut self, at: Instant, why: Miss, what: impl FnOnce() -> String) {
        assert!(matches!(why, Miss::Spared | Miss::Refused), "what is refused is too much, and not out of place");
        assert!(self.refusals.last().is_none_or(|last| last.at <= at), "they come as time goes on");
        if self.refusals.len() < REFUSALS_KEPT {
            self.refusals.push(Refusal { at, what: what(), why });
        }
    }

    /// What was refused, the first ones.
    pub fn refusals(&mut self) -> Vec<Refusal> {
        std::mem::take(&mut self.refusals)
    }

    /// It strikes when a packet meets it.
    pub fn strikes_when_met(&mut self, phase: usize, fault: usize, met: Met) {
        assert!(self.at(phase, fault).due > 0, "nothing strikes before its time");
        self.waiting.push((phase, fault, met));
    }

    /// All of them, when nothing can strike any more.
    pub fn finish(&mut self) -> Vec<Aim> {
        for (phase, fault, met) in std::mem::take(&mut self.waiting) {
            match met.get() {
                true => self.has_struck(phase, fault),
                false => self.has_missed(phase, fault, Miss::NoMessage),
            }
        }
        assert!(self.all.is_sorted_by_key(|aim| (aim.phase, aim.fault)), "they are in the order of the scenario");
        self.all.clone()
    }
}
