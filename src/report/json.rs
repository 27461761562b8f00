//! Verdicts as machines read them: one JSON object with its names in a fixed order.
//!
//! Digests are strings of sixteen hexadecimal digits, because many readers of JSON lose bits beyond 2^53. Names are
//! added over time and never change their meaning.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::base::time::nanos;
use crate::check::{Checked, OracleId, Violation};
use crate::scenario::Verdict;

use super::{Kept, Report, Sweep, combined_digest};
use crate::explore::tally::Watched;

/// One run, as one line.
pub fn run(report: &Report<'_>) -> String {
    let Report { scenario, run, .. } = report;
    line(&RunObject {
        scenario: &scenario.name,
        seed: if scenario.plan.is_some() { None } else { Some(run.seed) },
        verdict: run.verdict.word(),
        expectation_met: report.judgement.is_met(),
        digest: run.digest.to_string(),
        events: run.events,
        virtual_ns: nanos(run.virtual_time),
        committed: run.committed,
        view_changes: run.view_changes,
        operations: Operations { begun: run.calls.begun, answered: run.calls.answered, unknown: run.calls.unknown },
        faults: &run.faults,
        marks: &run.marks,
        never_struck: run.aims.iter().filter(|aimed| aimed.struck == 0).map(|aimed| aimed.fault.as_str()).collect(),
        oracles: oracles(run.checked.iter().map(|(oracle, checked)| (*oracle, checked))),
        finding: run.verdict.finding().map(Finding::of),
        inconclusive: match &run.verdict {
            Verdict::Inconclusive(reason) => Some(reason),
            _ => None,
        },
        unused: &run.unused,
        notes: report.notes,
        repeat: report.repeat,
    })
}

/// Many runs of some scenarios, as one line. `kept` says, by scenario and signature, where a smaller form was written.
pub fn sweep(sweeps: &[Sweep<'_>], kept: &Kept) -> String {
    let mut all = Totals::default();
    for (place, sweep) in sweeps.iter().enumerate() {
        all.add(place, sweep, kept);
    }
    let verdicts = ["violation", "stuck", "inconclusive", "blind", "incomplete", "pass"];
    let worst = |sweep: &Sweep<'_>| verdicts.iter().position(|word| *word == sweep.word()).unwrap_or(0);
    let first = sweeps.iter().find(|sweep| !sweep.is_met()).or(sweeps.first());
    line(&SweepObject {
        seeds: first.map_or(String::new(), |sweep| format!("{}..{}", sweep.seeds.start, sweep.seeds.end)),
        verdict: sweeps.iter().map(worst).min().map_or("pass", |place| verdicts[place]),
        expectation_met: sweeps.iter().all(Sweep::is_met),
        digest: combined_digest(sweeps).to_string(),
        runs: sweeps.iter().map(|sweep| sweep.tally.runs).sum(),
        interrupted: sweeps.iter().any(|sweep| sweep.interrupted),
        passed: sweeps.iter().map(|sweep| sweep.tally.passed).sum(),
        inconclusive: sweeps.iter().map(|sweep| sweep.tally.inconclusive).sum(),
        events: sweeps.iter().map(|sweep| sweep.tally.events).sum(),
        virtual_ns: sweeps.iter().map(|sweep| nanos(sweep.tally.virtual_time)).sum(),
        findings: all.findings,
        faults: all.faults,
        marks: all.marks,
        scenarios: sweeps.iter().map(scenario_object).collect(),
        repeat: first.map_or(String::new(), Sweep::repeat_line),
    })
}

/// What several scenarios come to together.
#[derive(Default)]
struct Totals {
    findings: Vec<GroupObject>,
    faults: BTreeMap<&'static str, ReachObject>,
    marks: BTreeMap<&'static str, ReachObject>,
}

impl Totals {
    fn add(&mut self, place: usize, sweep: &Sweep<'_>, kept: &Kept) {
        for group in sweep.tally.groups() {
            self.findings.push(GroupObject {
                scenario: sweep.name.to_string(),
                signature: group.signature.to_string(),
                oracle: group.signature.oracle.tag(),
                expected: group.expected,
                count: group.count,
                seed: group.seed,
                seeds: group.seeds.iter().copied().collect(),
                happened: group.happened.clone(),
                shrunk: kept.get(&(place, group.signature.clone())).cloned(),
                repeat: (sweep.repeat)(Some(group.seed)),
            });
        }
        for (sum, part) in [(&mut self.faults, &sweep.tally.faults), (&mut self.marks, &sweep.tally.marks)] {
            for (name, reach) in part {
                let entry = sum.entry(name).or_default();
                entry.seeds += reach.seeds;
                entry.times += reach.times;
            }
        }
    }
}

fn scenario_object<'a>(sweep: &'a Sweep<'_>) -> ScenarioObject<'a> {
    let tally = sweep.tally;
    ScenarioObject {
        scenario: sweep.name,
        verdict: sweep.word(),
        expectation_met: sweep.is_met(),
        digest: tally.digest().to_string(),
        runs: tally.runs,
        never_reached: sweep.never_reached(),
        never_came: sweep.never_came(),
        never_struck: sweep.never_struck().into_iter().map(|(fault, _)| fault).collect(),
        oracles: tally.checked.iter().map(|(oracle, watched)| (oracle.tag(), watched_object(watched))).collect(),
        repeat: sweep.repeat_line(),
    }
}

fn line(object: &impl Serialize) -> String {
    let mut text = serde_json::to_string(object).expect("these objects have text for names and no failing parts");
    text.push('\n');
    text
}

#[derive(Serialize)]
struct RunObject<'a> {
    scenario: &'a str,
    seed: Option<u64>,
    verdict: &'static str,
    expectation_met: bool,
    digest: String,
    events: u64,
    virtual_ns: u64,
    committed: u64,
    view_changes: u64,
    operations: Operations,
    faults: &'a BTreeMap<&'static str, u64>,
    marks: &'a BTreeMap<&'static str, u64>,
    never_struck: Vec<&'a str>,
    oracles: BTreeMap<&'static str, String>,
    finding: Option<Finding<'a>>,
    inconclusive: Option<&'a String>,
    unused: &'a [String],
    notes: &'a [String],
    repeat: &'a str,
}

#[derive(Serialize)]
struct Operations {
    begun: u64,
    answered: u64,
    unknown: u64,
}

#[derive(Serialize)]
struct Finding<'a> {
    oracle: &'static str,
    event: u64,
    at_ns: u64,
    nodes: Vec<String>,
    role: Option<String>,
    promised: &'a str,
    happened: &'a str,
}

impl Finding<'_> {
    fn of(violation: &Violation) -> Finding<'_> {
        Finding {
            oracle: violation.oracle.tag(),
            event: violation.event.0,
            at_ns: violation.at.as_nanos(),
            nodes: violation.nodes.iter().map(ToString::to_string).collect(),
            role: violation.role.map(|role| role.to_string()),
            promised: &violation.promised,
            happened: &violation.happened,
        }
    }
}

#[derive(Serialize)]
struct SweepObject<'a> {
    seeds: String,
    verdict: &'static str,
    expectation_met: bool,
    digest: String,
    runs: u64,
    interrupted: bool,
    passed: u64,
    inconclusive: u64,
    events: u64,
    virtual_ns: u64,
    findings: Vec<GroupObject>,
    faults: BTreeMap<&'static str, ReachObject>,
    marks: BTreeMap<&'static str, ReachObject>,
    scenarios: Vec<ScenarioObject<'a>>,
    repeat: String,
}

#[derive(Serialize)]
struct ScenarioObject<'a> {
    scenario: &'a str,
    verdict: &'static str,
    expectation_met: bool,
    digest: String,
    runs: u64,
    never_reached: Vec<&'a str>,
    never_came: Vec<&'a str>,
    never_struck: Vec<&'a str>,
    oracles: BTreeMap<&'static str, WatchedObject<'a>>,
    repeat: String,
}

/// In how many runs an oracle watched, and why it did not in the others.
#[derive(Serialize)]
struct WatchedObject<'a> {
    checked: u64,
    not_checked: u64,
    undecided: u64,
    why: Option<&'a str>,
}

fn watched_object(watched: &Watched) -> WatchedObject<'_> {
    let runs = |gap: &Option<(u64, String)>| gap.as_ref().map_or(0, |(runs, _)| *runs);
    let why = watched.undecided.as_ref().or(watched.not.as_ref()).map(|(_, why)| why.as_str());
    WatchedObject { checked: watched.whole, not_checked: runs(&watched.not), undecided: runs(&watched.undecided), why }
}

#[derive(Serialize)]
struct GroupObject {
    scenario: String,
    signature: String,
    oracle: &'static str,
    expected: bool,
    count: u64,
    seed: u64,
    seeds: Vec<u64>,
    happened: String,
    shrunk: Option<String>,
    repeat: String,
}

#[derive(Serialize, Default)]
struct ReachObject {
    seeds: u64,
    times: u64,
}

/// Tag to "checked", or to what kept the oracle from it.
fn oracles<'a>(checked: impl Iterator<Item = (OracleId, &'a Checked)>) -> BTreeMap<&'static str, String> {
    let word = |checked: &Checked| match checked {
        Checked::Checked(_) => "checked".to_string(),
        Checked::NotChecked(reason) => format!("not checked: {reason}"),
        Checked::Undecided(reason) => format!("undecided: {reason}"),
    };
    checked.map(|(oracle, checked)| (oracle.tag(), word(checked))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explore::{Judgement, Tally};
    use crate::report::samples;
    use crate::scenario::{Expectation, Run};

    fn written(run: &Run) -> String {
        let scenario = samples::scenario(Expectation::Pass);
        let judgement = Judgement::of(&scenario.expect, &run.verdict);
        let repeat = "foretell run primary-isolated --seed 7";
        super::run(&Report { scenario: &scenario, run, judgement, past: &[], stands: &[], notes: &[], repeat })
    }

    #[test]
    fn a_pass() {
        insta::assert_snapshot!(written(&samples::run(7, Verdict::Pass)), @r#"{"scenario":"primary-isolated","seed":7,"verdict":"pass","expectation_met":true,"digest":"0123456789abcdf6","events":48113,"virtual_ns":12000000000,"committed":1204,"view_changes":2,"operations":{"begun":1210,"answered":1204,"unknown":6},"faults":{"crash":3,"packet lost":97,"partition":1},"marks":{"view change done":2},"never_struck":[],"oracles":{"agree":"checked","back":"not checked: this system has no layout","lin":"checked"},"finding":null,"inconclusive":null,"unused":[],"notes":[],"repeat":"foretell run primary-isolated --seed 7"}"#);
    }

    #[test]
    fn a_finding() {
        let text = written(&samples::run(7, Verdict::Stuck(samples::violation(OracleId::Live))));
        let value: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
        assert_eq!(value["verdict"], "stuck");
        assert_eq!(value["expectation_met"], false);
        insta::assert_snapshot!(value["finding"], @r#"{"at_ns":2004000000,"event":9,"happened":"r1 committed op 3 as 0000001f, but r0 had committed it as 00000099","nodes":["r1","r0"],"oracle":"live","promised":"an op is committed with one digest everywhere","role":"primary"}"#);
    }

    #[test]
    fn a_sweep() {
        let family = samples::family();
        let mut tally = Tally::new(family.expect());
        samples::five_runs().iter().for_each(|run| {
            tally.add(run);
        });
        let repeat = |seed: Option<u64>| format!("foretell run x --seed {}", seed.expect("a finding has a seed"));
        let judgement = tally.judgement();
        let (seeds, repeat) = (&(0..5), &repeat);
        let sweep = Sweep {
            family: &family,
            name: "primary-isolated",
            file: None,
            seeds,
            tally: &tally,
            interrupted: false,
            judgement,
            repeat,
        };
        insta::assert_snapshot!(super::sweep(&[sweep], &Kept::new()), @r#"{"seeds":"0..5","verdict":"violation","expectation_met":false,"digest":"a673b6f637d2295c","runs":5,"interrupted":false,"passed":1,"inconclusive":1,"events":240565,"virtual_ns":60000000000,"findings":[{"scenario":"primary-isolated","signature":"AGREE primary commits","oracle":"agree","expected":false,"count":2,"seed":2,"seeds":[2,4],"happened":"r1 committed op 3 as 0000001f, but r0 had committed it as 00000099","shrunk":null,"repeat":"foretell run x --seed 2"},{"scenario":"primary-isolated","signature":"LIVE primary commits","oracle":"live","expected":false,"count":1,"seed":3,"seeds":[3],"happened":"r1 committed op 3 as 0000001f, but r0 had committed it as 00000099","shrunk":null,"repeat":"foretell run x --seed 3"}],"faults":{"crash":{"seeds":5,"times":15},"packet lost":{"seeds":5,"times":485},"partition":{"seeds":5,"times":5}},"marks":{"view change done":{"seeds":5,"times":10}},"scenarios":[{"scenario":"primary-isolated","verdict":"violation","expectation_met":false,"digest":"a673b6f637d2295c","runs":5,"never_reached":["wrapped"],"never_came":[],"never_struck":[],"oracles":{"agree":{"checked":5,"not_checked":0,"undecided":0,"why":null},"back":{"checked":0,"not_checked":5,"undecided":0,"why":"this system has no layout"},"lin":{"checked":5,"not_checked":0,"undecided":0,"why":null}},"repeat":"foretell run x --seed 2"}],"repeat":"foretell run x --seed 2"}"#);
    }
}
