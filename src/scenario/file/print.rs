//! Printing a scenario as the canonical text of its file.

use std::fmt::Write as _;
use std::time::Duration;

use crate::base::measure::format_bandwidth;
use crate::base::text::format_duration;
use crate::base::{Distribution, NodeId, Ratio};
use crate::check::OracleId;
use crate::scenario::{Checks, Core, Expectation, Mix, Phase, Plan, Scenario, Shows, Workload};
use crate::world::{BudgetKind, Clogs, Delivery, NetworkConfig, Stall, StorageConfig};

use super::print_fault::{fault, inline, spread};
use super::read_check::all_safety;
use super::read_world::{BUDGETS, MISHAPS};
use super::step::format_step;

/// The text of a scenario: [`parse`](super::parse) reads an equal one from it. Defaults are left out, and one deviation
/// or operation stands on a line. The same scenario gives the same text, always.
///
/// One thing cannot be read back: an operation that only the system itself understands.
pub fn print(scenario: &Scenario) -> String {
    let mut out = String::new();
    line(&mut out, "title", string(&scenario.title));
    line(&mut out, "system", string(&scenario.system));
    if let Some(plant) = &scenario.plant {
        line(&mut out, "plant", string(plant));
    }
    if let Some(recorded) = &scenario.plan {
        plan(&mut out, recorded);
    }
    section(
        &mut out,
        "[cluster]",
        &[
            ("replicas", Some(scenario.cluster.replicas.to_string())),
            ("clients", Some(scenario.cluster.clients.to_string())),
        ],
    );
    parameters(&mut out, scenario);
    world(&mut out, scenario);
    workload(&mut out, scenario);
    scenario.phases.iter().for_each(|part| phase(&mut out, part));
    checks(&mut out, &scenario.check);
    expectation(&mut out, &scenario.expect);
    if let Some(recorded) = scenario.plan.as_ref().filter(|plan| !plan.trace.is_empty()) {
        trace(&mut out, &recorded.trace);
    }
    out
}

/// At the end, because nobody reads it.
fn trace(out: &mut String, bytes: &[u8]) {
    const BYTES_IN_LINE: usize = 50;
    out.push_str("\n[trace]\nbytes = \"\"\"\n");
    for line in bytes.chunks(BYTES_IN_LINE) {
        line.iter().for_each(|byte| write!(out, "{byte:02x}").expect("writing to a string cannot fail"));
        out.push('\n');
    }
    out.push_str("\"\"\"\n");
}

fn parameters(out: &mut String, scenario: &Scenario) {
    let set: Vec<(&str, Option<String>)> =
        scenario.parameters.iter().map(|(name, value)| (name, Some(value.to_string()))).collect();
    if !set.is_empty() {
        section(out, "[parameters]", &set);
    }
}

fn plan(out: &mut String, plan: &Plan) {
    line(out, "entropy", seed(plan.entropy));
    if let Some(oracles) = &plan.oracles {
        line(out, "oracles", list(oracles.iter().map(|oracle| string(oracle.tag()))));
    }
    if let Some(digest) = plan.digest {
        line(out, "digest", string(&format!("{digest:016x}")));
    }
    if let Some(build) = &plan.build {
        line(out, "build", string(build));
    }
    if !plan.deviations.is_empty() {
        lines(out, "deviations", plan.deviations.iter().map(ToString::to_string));
    }
}

fn world(out: &mut String, scenario: &Scenario) {
    let (network, calm) = (&scenario.network, NetworkConfig::default());
    section(
        out,
        "[network]",
        &[
            ("latency", (network.latency != calm.latency).then(|| spread(&network.latency))),
            ("loss", probability(network.loss)),
            ("duplicate", probability(network.duplicate)),
            ("reorder", probability(network.reorder)),
            ("corrupt", probability(network.corrupt)),
            ("misroute", probability(network.misroute)),
            ("delivery", (network.delivery == Delivery::Stream).then(|| string("stream"))),
            ("bandwidth", network.bandwidth.map(|bytes| string(&format_bandwidth(bytes)))),
            ("queue", network.queue.map(|packets| packets.to_string())),
            ("clog", network.clog.as_ref().map(clogs)),
        ],
    );
    let (storage, calm) = (&scenario.storage, StorageConfig::default());
    let latency = |mine: &Distribution, calm: &Distribution| (mine != calm).then(|| spread(mine));
    section(
        out,
        "[storage]",
        &[
            ("read_latency", latency(&storage.read_latency, &calm.read_latency)),
            ("write_latency", latency(&storage.write_latency, &calm.write_latency)),
            ("sync_latency", latency(&storage.sync_latency, &calm.sync_latency)),
            ("crash_keep", probability(storage.crash_keep)),
            ("crash_tear", probability(storage.crash_tear)),
            ("crash_tear_names", probability(storage.crash_tear_names)),
            (
                "stall",
                storage.stall.map(|Stall { share, span: long }| format!("{{ share = {share}, for = {} }}", span(long))),
            ),
        ]
        .into_iter()
        .chain(MISHAPS.iter().map(|(key, kind)| (*key, probability(storage.mishaps.of(*kind)))))
        .chain([("budget", (storage.budget != calm.budget).then(|| string(budget(storage.budget))))])
        .collect::<Vec<_>>(),
    );
    let offset = scenario.clocks.offset_max;
    let drift = scenario.clocks.drift_max;
    section(
        out,
        "[clock]",
        &[
            ("offset_max", (!offset.is_zero()).then(|| span(offset))),
            ("drift_max", (drift > 0).then(|| string(&format!("{drift}ppm")))),
        ],
    );
    section(out, "[schedule]", &[("shuffle", probability(scenario.schedule.shuffle))]);
}

fn budget(budget: BudgetKind) -> &'static str {
    BUDGETS.iter().find(|(_, known)| *known == budget).map(|(word, _)| *word).expect("every budget has a word")
}

fn clogs(clogs: &Clogs) -> String {
    inline([("share", Some(clogs.share.to_string())), ("for", Some(spread(&clogs.span)))])
}

fn workload(out: &mut String, scenario: &Scenario) {
    match &scenario.workload {
        Workload::Explicit(steps) if steps.is_empty() && scenario.cluster.clients == 0 => {}
        Workload::Explicit(steps) => {
            section(out, "[workload]", &[("kind", Some(string("explicit")))]);
            lines(out, "operations", steps.iter().map(format_step));
        }
        Workload::Drawn(Mix { keys, rate, shares, operations, give_up_after }) => {
            let shares = [
                ("get", shares.get),
                ("put", shares.put),
                ("append", shares.append),
                ("cas", shares.cas),
                ("delete", shares.delete),
            ];
            let shares: Vec<String> =
                shares.iter().filter_map(|(key, share)| Some(format!("{key} = {}", probability(*share)?))).collect();
            section(
                out,
                "[workload]",
                &[
                    ("kind", Some(string("kv"))),
                    ("keys", Some(keys.to_string())),
                    ("rate", Some(string(&format!("{rate}/s")))),
                    ("mix", Some(format!("{{ {} }}", shares.join(", ")))),
                    ("operations", operations.map(|count| count.to_string())),
                    ("give_up_after", give_up_after.map(span)),
                ],
            );
        }
    }
}

fn phase(out: &mut String, phase: &Phase) {
    let (core, healed) = match phase.quiet.as_ref().map(|quiet| &quiet.core) {
        None | Some(Core::Drawn) => (None, None),
        Some(Core::All) => (Some(string("all")), None),
        Some(Core::Up) => (Some(string("up")), None),
        Some(Core::Nodes { core, healed }) => (Some(nodes(core)), (!healed.is_empty()).then(|| nodes(healed))),
    };
    section(
        out,
        "[[phase]]",
        &[
            ("name", Some(string(&phase.name))),
            ("for", Some(span(phase.duration))),
            ("quiet", phase.quiet.as_ref().map(|_| "true".to_string())),
            ("core", core),
            ("healed", healed),
        ],
    );
    for struck in &phase.faults {
        out.push_str("\n[[phase.fault]]\n");
        for (key, value) in fault(struck) {
            line(out, key, value);
        }
    }
}

fn checks(out: &mut String, checks: &Checks) {
    let within = |oracle: OracleId, within: Option<Duration>| {
        within.map(|within| format!("{{ {} = {{ within = {} }} }}", oracle.name(), span(within)))
    };
    let liveness: Vec<String> =
        [within(OracleId::Live, checks.all_requests_complete), within(OracleId::Conv, checks.converged)]
            .into_iter()
            .flatten()
            .collect();
    let safety = || checks.safety.iter().map(|oracle| string(oracle.name()));
    section(
        out,
        "[check]",
        &[
            ("safety", (checks.safety != all_safety()).then(|| list(safety()))),
            ("liveness", (!liveness.is_empty()).then(|| list(liveness))),
            ("reached", (!checks.reached.is_empty()).then(|| list(checks.reached.iter().map(|mark| string(mark))))),
        ],
    );
}

fn expectation(out: &mut String, expectation: &Expectation) {
    let Expectation::Violation { check, shows } = expectation else { return };
    let (alone, within) = match *shows {
        Shows::Always => (None, None),
        Shows::Seed(number) => (Some(seed(number)), None),
        Shows::WithinSeeds(number) => (None, Some(number.to_string())),
    };
    section(
        out,
        "[expect]",
        &[
            ("outcome", Some(string("violation"))),
            ("check", check.map(|oracle| string(oracle.name()))),
            ("seed", alone),
            ("within_seeds", within),
        ],
    );
}

/// A table with those of its keys that have a value; nothing if none has.
fn section(out: &mut String, header: &str, keys: &[(&str, Option<String>)]) {
    if keys.iter().all(|(_, value)| value.is_none()) {
        return;
    }
    if !out.is_empty() {
        out.push('\n');
    }
    out.push_str(header);
    out.push('\n');
    for (key, value) in keys {
        if let Some(value) = value {
            line(out, key, value);
        }
    }
}

fn line(out: &mut String, key: &str, value: impl std::fmt::Display) {
    writeln!(out, "{key} = {value}").expect("writing to a string cannot fail");
}

/// A list of strings, one on a line.
fn lines(out: &mut String, key: &str, items: impl Iterator<Item = String>) {
    let items: Vec<String> = items.map(|item| format!("  {},\n", string(&item))).collect();
    if items.is_empty() {
        return line(out, key, "[]");
    }
    line(out, key, format!("[\n{}]", items.concat()));
}

/// A list on one line.
pub(super) fn list(items: impl IntoIterator<Item = String>) -> String {
    format!("[{}]", items.into_iter().collect::<Vec<_>>().join(", "))
}

fn nodes(nodes: &[NodeId]) -> String {
    list(nodes.iter().map(|node| string(&node.to_string())))
}

/// A TOML string in double quotes.
pub fn string(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            control if control.is_control() => {
                write!(out, "\\u{:04X}", u32::from(control)).expect("writing to a string cannot fail");
            }
            character => out.push(character),
        }
    }
    out.push('"');
    out
}

/// A duration, in quotes.
pub(super) fn span(span: Duration) -> String {
    // "0ns" is right, but nobody measures nothing in nanoseconds.
    string(&if span.is_zero() { "0s".to_string() } else { format_duration(span) })
}

/// A probability or share, unless it is zero.
fn probability(ratio: Ratio) -> Option<String> {
    (!ratio.is_zero()).then(|| ratio.to_string())
}

/// TOML's own integers end at 63 bits; other tools refuse larger ones, so these are text.
fn seed(number: u64) -> String {
    if i64::try_from(number).is_ok() { number.to_string() } else { string(&number.to_string()) }
}
