//! One run of a scenario: a world, its clients, its oracles, and what came of it.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use super::clients::Clients;
use super::outcome::{Aimed, Calls, LeftOut, Run, Verdict};
use super::system::System;
use super::workload::Workload;
use super::{Expectation, Plan, Scenario, Shows};
use crate::base::{Disks, Distribution, Event, EventId, EventKind, Instant, NodeId, Probe, RedundancyMap};
use crate::check::conv::Conv;
use crate::check::{Checked, End, Limits, Oracle, OracleId, Oracles, Setting, Violation};
use crate::world::{Aim, Attention, Observer, Record, Remains, Setup, Source, StorageConfig, World};

/// How a scenario is run.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The seed. A plan has nothing for it to decide.
    pub seed: u64,
    /// Which oracles watch; those of the scenario if absent.
    pub oracles: Option<Vec<OracleId>>,
    /// Whether to keep the events.
    pub trace: bool,
    /// Whether to write down a plan that repeats the run.
    pub record: bool,
}

/// A run with more events than this is stopped, and inconclusive: some task lets time move by next to nothing, for ever.
const EVENTS_MAX: u64 = 20_000_000;

/// A plan does not carry the trace of a longer run: it is for naming one event, and not worth a hundred kilobytes.
const TRACE_MAX: usize = 50_000;

/// The oracles that are chosen in the place of those that the scenario asks for: by whoever runs it, or by the plan.
fn oracles(scenario: &Scenario, settings: &Settings) -> Option<Vec<OracleId>> {
    settings.oracles.clone().or_else(|| scenario.plan.as_ref().and_then(|plan| plan.oracles.clone()))
}

/// What identifies this build in plans. A plan that another build recorded may be stale.
pub const BUILD: &str = concat!("foretell ", env!("CARGO_PKG_VERSION"));

/// Runs a scenario once. The same scenario, system, seed and build give the same run, to the last bit.
pub fn run(scenario: &Scenario, system: Rc<dyn System>, settings: &Settings) -> Run {
    let watch = Rc::new(RefCell::new(Watch::new(scenario, &*system, settings)));
    let clients = Rc::new(Clients::new(scenario.cluster, scenario.workload.clone(), settings.seed, settings.record));
    let world = World::new(setup(scenario, &*system, settings), Box::new(Observing(Rc::clone(&watch))), {
        let (system, clients, cluster) = (Rc::clone(&system), Rc::clone(&clients), scenario.cluster);
        move |boot| match boot.node.is_replica() {
            true => system.boot(boot.env, cluster),
            false => Box::pin(Rc::clone(&clients).drive(boot, Rc::clone(&system))),
        }
    });
    let formatted = world.format({
        let (system, cluster) = (Rc::clone(&system), scenario.cluster);
        move |env| system.format(env, cluster)
    });
    if let Err((node, message)) = formatted {
        watch.borrow_mut().found = Some(format_failed(node, &message));
    }
    let remains = if watch.borrow().found.is_none() { world.run() } else { Remains::nothing() };
    drop(world);
    let watch = Rc::into_inner(watch).expect("the world that shared it is gone").into_inner();
    watch.conclude(scenario, settings, remains, &clients)
}

fn setup(scenario: &Scenario, system: &dyn System, settings: &Settings) -> Setup {
    Setup {
        cluster: scenario.cluster,
        network: scenario.network.clone(),
        storage: scenario.storage.clone(),
        clocks: scenario.clocks.clone(),
        schedule: scenario.schedule.clone(),
        phases: scenario.phases.clone(),
        core_size: system.quorums(scenario.cluster.replicas).view_change,
        settle: settle(scenario),
        source: source(scenario, settings.seed),
        record: settings.record,
        trace: settings.trace,
        replication: system.quorums(scenario.cluster.replicas).replication,
        redundancy: system.layout().map_or_else(RedundancyMap::default, |layout| {
            RedundancyMap::new(move |file, sector| layout.redundancy(file, sector))
        }),
    }
}

/// What decides: the seed, or the plan.
pub(super) fn source(scenario: &Scenario, seed: u64) -> Source {
    match &scenario.plan {
        Some(plan) => Source::Plan { entropy: plan.entropy, deviations: plan.deviations.clone() },
        None => Source::seed(seed),
    }
}

/// How long a run may go on after its last phase: as long as liveness is judged, if that phase is quiet.
pub(super) fn settle(scenario: &Scenario) -> Duration {
    let quiet = scenario.phases.last().is_some_and(|phase| phase.quiet.is_some());
    let limits = [scenario.check.all_requests_complete, scenario.check.converged];
    if quiet { limits.into_iter().flatten().max().unwrap_or_default() } else { Duration::ZERO }
}

fn format_failed(node: NodeId, message: &str) -> Violation {
    Violation {
        oracle: OracleId::Panic,
        event: EventId(0),
        at: Instant::START,
        nodes: vec![node],
        role: None,
        kind: "formats".to_string(),
        promised: "formatting a disk ends without a panic".to_string(),
        happened: format!("{node} failed to format its disk: {message}"),
    }
}

/// The oracles of a run, with what is counted beside them.
struct Watch {
    oracles: Oracles,
    /// Says when nothing is left to wait for, where that is asked and CONV, which knows it too, does not watch: whichever
    /// oracles watch, they do not change the run.
    settling: Option<Conv>,
    /// Whether the replicas must have become equal before nothing is left to wait for.
    converges: bool,
    /// The run was stopped because it had too many events.
    exhausted: bool,
    found: Option<Violation>,
    committed: u64,
    view_changes: u64,
}

impl Watch {
    fn new(scenario: &Scenario, system: &dyn System, settings: &Settings) -> Watch {
        let check = &scenario.check;
        let wanted = oracles(scenario, settings).unwrap_or_else(|| {
            let liveness = [(OracleId::Live, check.all_requests_complete), (OracleId::Conv, check.converged)];
            let liveness = liveness.iter().filter(|(_, limit)| limit.is_some()).map(|(id, _)| *id);
            check.safety.iter().copied().chain(liveness).collect()
        });
        let default = Limits::default();
        let limits = Limits { live_within: check.all_requests_complete.unwrap_or(default.live_within), ..default };
        Watch {
            settling: check.converged.filter(|_| !wanted.contains(&OracleId::Conv)).map(|_| Conv::default()),
            converges: check.converged.is_some(),
            exhausted: false,
            oracles: Oracles::new(Setting {
                oracles: wanted,
                cluster: scenario.cluster,
                quorums: system.quorums(scenario.cluster.replicas),
                layout: system.layout(),
                model: system.model(),
                limits,
            }),
            found: None,
            committed: 0,
            view_changes: 0,
        }
    }

    fn count(&mut self, event: &Event) {
        match &event.kind {
            EventKind::Probe(Probe::Committed { index, .. }) => self.committed = self.committed.max(*index),
            EventKind::Probe(Probe::Leads { epoch: 1.., .. }) => self.view_changes += 1,
            _ => {}
        }
    }

    fn converged(&self, core: &[NodeId]) -> bool {
        self.settling.as_ref().map_or_else(|| self.oracles.converged(core), |settling| settling.converged(core))
    }

    fn conclude(mut self, scenario: &Scenario, settings: &Settings, remains: Remains, clients: &Clients) -> Run {
        if self.found.is_none() {
            let end = End { event: remains.last, at: remains.at, core: remains.core.clone() };
            self.found = self.oracles.on_end(&end).err();
        }
        let checked = self.oracles.checked();
        let undecided = checked.iter().find_map(|(id, checked)| match checked {
            Checked::Undecided(why) => Some(format!("{id}: {why}")),
            _ => None,
        });
        let blind = checked.iter().all(|(id, checked)| {
            matches!(id, OracleId::Panic | OracleId::Spin) || matches!(checked, Checked::NotChecked(_))
        });
        let undecided = match undecided {
            None if self.exhausted => Some(format!("the run was stopped after {EVENTS_MAX} events")),
            // Asked for and unable to watch is not green. Where nothing was asked for, nothing is missing.
            None if blind && checked.len() > 2 => Some("none of the oracles could watch".to_string()),
            undecided => undecided,
        };
        let verdict = match (self.found, undecided) {
            (Some(violation), _) if violation.oracle.is_liveness() => Verdict::Stuck(violation),
            (Some(violation), _) => Verdict::Violation(violation),
            (None, Some(why)) => Verdict::Inconclusive(why),
            (None, None) => Verdict::Pass,
        };
        let fault = |aim: &Aim| &scenario.phases[aim.phase].faults[aim.fault];
        let aims = remains.aims.iter().map(|aim| Aimed::of(fault(aim), aim)).collect();
        let left_out = remains.refusals.into_iter().map(LeftOut::from).collect();
        let counts = self.oracles.calls();
        let calls = Calls {
            begun: counts.begun,
            answered: counts.answered + counts.refused,
            unknown: counts.given_up + counts.open(),
        };
        let plan = remains
            .record
            .map(|record| Box::new(plan(scenario, settings, record, clients, &verdict, remains.digest.to_bits())));
        Run {
            seed: settings.seed,
            verdict,
            digest: remains.digest,
            events: remains.last.0,
            deliveries: remains.deliveries,
            virtual_time: remains.at.since(Instant::START),
            committed: self.committed,
            view_changes: self.view_changes,
            calls,
            faults: remains.faults,
            marks: remains.marks,
            aims,
            left_out,
            checked,
            trace: remains.trace,
            plan,
            unused: remains.unused,
            files: remains.files,
        }
    }
}

/// The scenario that repeats a run without chance.
fn plan(
    scenario: &Scenario,
    settings: &Settings,
    record: Record,
    clients: &Clients,
    verdict: &Verdict,
    digest: u64,
) -> Scenario {
    let calm = |distribution: &Distribution| Distribution::Constant(distribution.calm());
    let read_back = |text: String| text.parse().expect("a deviation's text reads back");
    let name = match scenario.plan {
        Some(_) => scenario.name.clone(),
        None => format!("{}-seed-{}", scenario.name, settings.seed),
    };
    Scenario {
        name,
        network: scenario.network.calm(),
        storage: StorageConfig {
            read_latency: calm(&scenario.storage.read_latency),
            write_latency: calm(&scenario.storage.write_latency),
            sync_latency: calm(&scenario.storage.sync_latency),
            // What it allows stays the same, also where less than what was recorded is left of a plan.
            budget: scenario.storage.budget,
            ..StorageConfig::default()
        },
        clocks: Default::default(),
        schedule: Default::default(),
        workload: Workload::Explicit(clients.steps()),
        phases: record.phases,
        expect: match verdict.finding() {
            Some(violation) => Expectation::Violation { check: Some(violation.oracle), shows: Shows::Always },
            None => Expectation::Pass,
        },
        plan: Some(Plan {
            entropy: record.entropy,
            oracles: oracles(scenario, settings),
            deviations: record.deviations.iter().map(|deviation| read_back(deviation.to_string())).collect(),
            digest: Some(digest),
            build: Some(BUILD.to_string()),
            trace: if record.trace.len() > TRACE_MAX { Vec::new() } else { record.trace },
        }),
        ..scenario.clone()
    }
}

/// The handle through which a world shows its events.
struct Observing(Rc<RefCell<Watch>>);

impl Observer for Observing {
    fn on_event(&mut self, event: &Event, disks: &dyn Disks) -> bool {
        let mut watch = self.0.borrow_mut();
        watch.count(event);
        if let Some(settling) = &mut watch.settling {
            settling.on_event(event, disks).expect("what settles is judged at the end");
        }
        if event.id.0 >= EVENTS_MAX {
            watch.exhausted = true;
            return false;
        }
        match watch.oracles.on_event(event, disks) {
            Ok(()) => true,
            Err(violation) => {
                watch.found = Some(violation);
                false
            }
        }
    }

    fn on_quiet(&mut self, at: Instant, core: &[NodeId]) {
        self.0.borrow_mut().oracles.begin_quiet(at, core);
    }

    fn on_quiet_end(&mut self) {
        self.0.borrow_mut().oracles.end_quiet();
    }

    fn attention(&self) -> Attention {
        let later_than = self.0.borrow().oracles.at_ease_until();
        Attention { later_than, from: EventId(EVENTS_MAX), ..Attention::LEAST }
    }

    fn is_settled(&mut self, core: &[NodeId]) -> bool {
        let watch = self.0.borrow();
        core.is_empty() || (watch.oracles.calls().open() == 0 && (!watch.converges || watch.converged(core)))
    }
}
