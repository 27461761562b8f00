//! Decisions about the network and the clocks besides those that every packet meets.

use super::decide::{Decider, Source};
use super::deviation::Choice;
use crate::base::measure::DRIFT_MAX;
use crate::base::name::key;
use crate::base::{Cluster, Draw, Name, NodeId, Ratio, Sampler};
use crate::world::config::{ClockConfig, NetworkConfig};

/// How fast each node's clocks run in a run that this source decides, in parts per million more than they should, in the
/// order of nodes.
pub fn clock_drifts(source: &Source, config: &ClockConfig, cluster: Cluster) -> Vec<i32> {
    Decider::new(source, false).drifts(config, cluster)
}

/// How often a packet meets what few networks have.
#[derive(Clone, Copy, Debug)]
pub(in crate::world) struct Detours {
    misroute: Ratio,
    clog: Option<(Ratio, Sampler)>,
}

/// What becomes of a packet besides its fate.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(in crate::world) struct Detour {
    /// It arrives at this node.
    pub misroute: Option<NodeId>,
    /// Its link clogs for so many nanoseconds.
    pub clog: Option<u64>,
}

impl Detours {
    pub fn new(config: &NetworkConfig) -> Detours {
        let clog = config.clog.as_ref().filter(|clog| !clog.share.is_zero());
        Detours { misroute: config.misroute, clog: clog.map(|clog| (clog.share, clog.span.sampler())) }
    }

    /// Whether there are any.
    pub fn are_possible(&self) -> bool {
        !self.misroute.is_zero() || self.clog.is_some()
    }

    /// Each die at its place, so that one kind of detour moves no other.
    fn throw(&self, mut draw: Draw, others: &[NodeId]) -> Detour {
        assert!(self.are_possible(), "dice are thrown for what can happen");
        let (misrouted, to) = (draw.chance(self.misroute), draw.word());
        let astray = |word: u64| others[((u128::from(word) * others.len() as u128) >> 64) as usize];
        let clogged = draw.chance(self.clog.map_or(Ratio::ZERO, |(share, _)| share));
        Detour {
            misroute: (misrouted && !others.is_empty()).then(|| astray(to)),
            clog: self.clog.filter(|_| clogged).map(|(_, span)| span.sample(&mut draw)),
        }
    }
}

impl Decider {
    /// Whether the plan says a detour of any packet.
    pub fn plans_detours(&self) -> bool {
        self.planned_choices().any(|choice| matches!(choice, Choice::Misroute(_) | Choice::Clog(_)))
    }

    /// What becomes of a packet besides its fate; `key` is that of its name, and others are those where it might arrive.
    pub fn detour(&mut self, detours: &Detours, key: u64, others: &[NodeId], name: impl Fn() -> Name) -> Detour {
        let seed = self.seed();
        let detour = match self.chance(key) {
            // The packet's own dice say what every packet meets.
            Some(_) if !detours.are_possible() => Detour::default(),
            Some(_) => detours.throw(Draw::keyed(seed, key::detour(key)), others),
            None => self.plan(key).iter().fold(Detour::default(), |detour, choice| match *choice {
                Choice::Misroute(node) => {
                    Detour { misroute: Some(node).filter(|node| others.contains(node)), ..detour }
                }
                Choice::Clog(nanos) => Detour { clog: Some(nanos), ..detour },
                _ => detour,
            }),
        };
        if let Some(node) = detour.misroute {
            assert!(others.contains(&node), "a packet strays to somebody else");
            self.record(&name, Choice::Misroute(node));
        }
        if let Some(nanos) = detour.clog {
            self.record(&name, Choice::Clog(nanos));
        }
        detour
    }

    /// How fast the clocks of each node run, in parts per million more than they should, in the order of nodes.
    pub fn drifts(&mut self, config: &ClockConfig, cluster: Cluster) -> Vec<i32> {
        assert!(config.drift_max <= DRIFT_MAX, "no clock drifts by {} parts per million", config.drift_max);
        cluster.nodes().map(|node| self.drift(config, node)).collect()
    }

    fn drift(&mut self, config: &ClockConfig, node: NodeId) -> i32 {
        let (key, max) = (key::clock(node), config.drift_max);
        let drift = match self.chance(key) {
            Some(mut draw) => {
                // The first word says how far they are ahead.
                draw.word();
                i32::try_from(draw.between(0, 2 * u64::from(max))).expect("it is below two million") - max as i32
            }
            None => self.plan(key).iter().find_map(drift_of).unwrap_or(0),
        };
        if drift != 0 {
            self.record(&|| Name::Clock { node }, Choice::Drift(drift));
        }
        drift
    }
}

fn drift_of(choice: &Choice) -> Option<i32> {
    match choice {
        Choice::Drift(drift) => Some(*drift),
        _ => None,
    }
}
