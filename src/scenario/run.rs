//! Stand-in until the real one is merged: an invented run of three events.
#![allow(missing_docs)]

use std::rc::Rc;
use std::time::Duration;

use super::outcome::Calls;
use super::*;
use crate::base::{Digest, Event, EventId, EventKind, Incarnation, Instant};
use crate::check::{Checked, Violation};

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    pub seed: u64,
    pub oracles: Option<Vec<OracleId>>,
    pub trace: bool,
    pub record: bool,
}

pub fn run(scenario: &Scenario, _system: Rc<dyn System>, settings: &Settings) -> Run {
    let entropy = scenario.plan.as_ref().map_or(settings.seed, |plan| plan.entropy);
    let node = Some(NodeId::replica(0));
    let kinds = [EventKind::Format, EventKind::Boot(Incarnation(1)), EventKind::Mark("stand-in")];
    let events: Vec<Event> = (1..)
        .zip(kinds)
        .map(|(id, kind)| {
            let at = Instant::from_nanos(id * 1_000 + entropy);
            Event { id: EventId(id), cause: EventId(id - 1), at, node, kind }
        })
        .collect();
    let mut digest = Digest::START;
    events.iter().for_each(|event| event.feed(&mut digest));
    let verdict = match &scenario.plant {
        Some(plant) if plant == "panic" => panic!("the stand-in was told to panic"),
        Some(plant) if entropy % 3 == 2 => Verdict::Violation(Violation {
            oracle: OracleId::Agree,
            event: EventId(3),
            at: events[2].at,
            nodes: vec![NodeId::replica(0)],
            role: None,
            promised: "nothing is planted".into(),
            happened: format!("{plant} was planted"),
        }),
        _ => Verdict::Pass,
    };
    let plan = settings.record.then(|| {
        let plan = Plan { entropy, deviations: vec![], digest: None, build: None };
        Box::new(Scenario { plan: Some(plan), ..scenario.clone() })
    });
    Run {
        seed: settings.seed,
        verdict,
        digest,
        events: 3,
        virtual_time: Duration::from_nanos(3_000 + entropy),
        committed: 0,
        view_changes: 0,
        calls: Calls::default(),
        faults: [("crash", 1)].into(),
        marks: [("stand-in", 1)].into(),
        checked: vec![(OracleId::Agree, Checked::Checked(3))],
        trace: settings.trace.then_some(events),
        plan,
        unused: vec![],
    }
}
