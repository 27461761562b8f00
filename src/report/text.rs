//! Verdicts as people read them.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::base::text::did_you_mean;
use crate::check::{Checked, OracleId, Violation};
use crate::scenario::{Expectation, Scenario, Verdict};

use super::words::{counted, field, grouped, span};
use super::{Kept, Report, Sweep, combined_digest, left_out, trace};
use crate::explore::Judgement;
use crate::explore::judgement::expected;
use crate::explore::tally::{Reach, Watched};

/// So many deviations that never came up are named; the first ones of the plan.
const UNUSED_SHOWN: usize = 5;

/// One run. Unless it came out as expected, the last line is the command that repeats it.
pub fn run(report: &Report<'_>) -> String {
    let Report { scenario, run, judgement, .. } = report;
    let word = match &run.verdict {
        Verdict::Violation(found) | Verdict::Stuck(found) => format!("{}: {}", run.verdict.word(), found.oracle),
        Verdict::Pass | Verdict::Inconclusive(_) => run.verdict.word().to_string(),
    };
    let seed = if scenario.plan.is_some() { "plan".to_string() } else { format!("seed {}", run.seed) };
    let mut text = format!("{}  {seed}  {word}\n", scenario.name);
    let mut put = |name: &str, value: String| text.push_str(&field(name, &value));
    let (events, time) = (counted(run.events, "event"), span(run.virtual_time));
    put("digest", format!("{}   {events}, {time} of virtual time", run.digest));
    put("committed", format!("{}   {}", counted(run.committed, "operation"), counted(run.view_changes, "view change")));
    let (answered, unknown) = (grouped(run.calls.answered), grouped(run.calls.unknown));
    put("clients", format!("{}, {answered} answered, {unknown} unknown", counted(run.calls.begun, "call")));
    put("faults", counts(&run.faults));
    if !run.left_out.is_empty() {
        put("left out", left_out::told(&run.left_out));
    }
    if !run.marks.is_empty() {
        put("marks", counts(&run.marks));
    }
    put("oracles", oracles(run.checked.iter().map(|(oracle, checked)| (*oracle, checked))));
    if !run.unused.is_empty() {
        let count = counted(run.unused.len() as u64, "deviation");
        let rest = run.unused.len().saturating_sub(UNUSED_SHOWN);
        let more = if rest > 0 { format!("; and {rest} more") } else { String::new() };
        let shown = run.unused[..run.unused.len() - rest].join("; ");
        put("unused", format!("{count} of the plan never came up: {shown}{more}"));
    }
    let missed: Vec<(&String, &String)> =
        run.aims.iter().filter_map(|aimed| Some((&aimed.fault, aimed.why.as_ref()?))).collect();
    for (fault, why) in &missed[..missed.len().min(UNUSED_SHOWN)] {
        put("never", format!("this fault did not strike: {fault}: {why}"));
    }
    if missed.len() > UNUSED_SHOWN {
        put("", format!("and {} more", missed.len() - UNUSED_SHOWN));
    }
    if let Verdict::Inconclusive(reason) = &run.verdict {
        put("undecided", reason.clone());
    }
    if let Some(remark) = remark(scenario, *judgement, run.verdict.finding()) {
        put("expected", remark);
    }
    for note in report.notes {
        put("note", note.clone());
    }
    if let Some(violation) = run.verdict.finding() {
        text.push_str(&finding(violation));
    }
    if !report.past.is_empty() {
        text.push_str(&format!("\n  what led to it:\n  {}\n", trace::legend()));
        report.past.iter().for_each(|event| text.push_str(&format!("  {}\n", trace::line(event))));
    }
    if !report.stands.is_empty() {
        text.push_str("\n  where they stand:\n");
        report.stands.iter().for_each(|stand| text.push_str(&format!("  {stand}\n")));
    }
    if !judgement.is_met() || run.verdict.finding().is_some() {
        text.push_str(&format!("\nrepeat: {}\n", report.repeat));
    }
    text
}

/// Many runs of some scenarios: for each the findings by signature, totals, and what was reached and how often.
///
/// `kept` says, by scenario and signature, where a smaller form was written.
pub fn sweep(sweeps: &[Sweep<'_>], kept: &Kept) -> String {
    let parts = sweeps.iter().enumerate().map(|(place, sweep)| one_sweep(place, sweep, kept));
    let mut text = parts.collect::<Vec<String>>().join("\n");
    if sweeps.len() > 1 {
        let runs = sweeps.iter().map(|sweep| sweep.tally.runs).sum();
        let (digest, scenarios) = (combined_digest(sweeps), counted(sweeps.len() as u64, "scenario"));
        text.push_str(&format!(
            "\nall {scenarios}\n{}",
            field("digest", &format!("{digest}   {}", counted(runs, "run")))
        ));
    }
    let repeats: Vec<String> = sweeps.iter().filter(|sweep| !sweep.is_met()).map(Sweep::repeat_line).collect();
    if !repeats.is_empty() {
        text.push('\n');
    }
    repeats.iter().for_each(|line| text.push_str(&format!("repeat: {line}\n")));
    text
}

fn one_sweep(place: usize, sweep: &Sweep<'_>, kept: &Kept) -> String {
    let Sweep { name, seeds, tally, .. } = sweep;
    let word = match sweep.word() {
        "incomplete" => "pass so far, incomplete",
        word => word,
    };
    let mut text = format!("{name}  seeds {}  {word}\n", range(seeds));
    let mut put = |name: &str, value: String| text.push_str(&field(name, &value));
    let (runs, events, time) = (counted(tally.runs, "run"), counted(tally.events, "event"), span(tally.virtual_time));
    put("digest", format!("{}   {runs}, {events}, {time} of virtual time", tally.digest()));
    put("passed", format!("{} of {}", grouped(tally.passed), grouped(tally.runs)));
    for group in tally.groups() {
        let kind = if group.expected { "expected" } else { "finding" };
        let (signature, seed, count) = (&group.signature, group.seed, counted(group.count, "seed"));
        put(kind, format!("{signature}   {count}, the smallest is {seed}: {}", group.happened));
        if !group.expected {
            put("", format!("repeat: {}", (sweep.repeat)(Some(seed))));
        }
        if let Some(path) = kept.get(&(place, signature.clone())) {
            put("", format!("shrunk: {path}"));
        }
    }
    if let Some((seed, reason)) = &tally.gave_up {
        put("undecided", format!("{}, the smallest is {seed}: {reason}", counted(tally.inconclusive, "seed")));
    }
    put("oracles", watched(&tally.checked));
    if let Some(remark) = sweep_remark(sweep) {
        put("expected", remark);
    }
    for mark in sweep.never_reached() {
        put("never", never_reached(sweep, mark));
    }
    for moment in sweep.never_came() {
        put("never", never_came(moment));
    }
    for (fault, why) in sweep.never_struck() {
        put("never", never_struck(fault, why));
    }
    if sweep.interrupted {
        let of =
            if seeds.end == u64::MAX { String::new() } else { format!(" of {}", grouped(seeds.end - seeds.start)) };
        put("stopped", format!("after {}{of}", counted(tally.runs, "seed")));
    }
    text.push_str(&reached("faults", &tally.faults, tally.runs));
    text.push_str(&reached("marks", &tally.marks, tally.runs));
    text
}

/// What to say of a mark that no seed reached.
pub(super) fn never_reached(sweep: &Sweep<'_>, mark: &str) -> String {
    let reached = sweep.tally.marks.keys().chain(sweep.tally.faults.keys()).copied();
    let meant = did_you_mean(mark, reached).map_or(String::new(), |meant| format!("; did you mean `{meant}`?"));
    format!("no seed reached `{mark}`, which this scenario is meant to reach{meant}")
}

/// What to say of a moment that came in no seed.
pub(super) fn never_came(moment: &str) -> String {
    format!("in no seed came the moment that a fault waits for: `{moment}`")
}

/// What to say of a fault that struck in no seed.
pub(super) fn never_struck(fault: &str, why: &str) -> String {
    format!("in no seed did this fault strike: {fault}: {why}")
}

/// A range as it was typed; one without an end goes on to the last seed there is.
fn range(seeds: &Range<u64>) -> String {
    let end = if seeds.end == u64::MAX { String::new() } else { seeds.end.to_string() };
    format!("{}..{end}", seeds.start)
}

fn finding(violation: &Violation) -> String {
    let Violation { oracle, event, at, nodes, role, promised, happened, .. } = violation;
    let mut who = String::new();
    for (index, node) in nodes.iter().enumerate() {
        who.push_str(match index {
            0 => ", by ",
            1 => ", with ",
            _ => " ",
        });
        who.push_str(&node.to_string());
        if let (0, Some(role)) = (index, role) {
            who.push_str(&format!(" ({role})"));
        }
    }
    let mut text = format!("\n  {oracle} ({}) is broken at event {}, {at}{who}\n", oracle.name(), grouped(event.0));
    text.push_str(&field("  promised:", promised));
    text.push_str(&field("  happened:", happened));
    text
}

/// What to say of one run where the scenario expects a violation; nothing where it expects none.
fn remark(scenario: &Scenario, judgement: Judgement, finding: Option<&Violation>) -> Option<String> {
    let Expectation::Violation { .. } = scenario.expect else { return None };
    let expected = expected(&scenario.expect);
    Some(match (judgement, finding) {
        (Judgement::Shown, _) => format!("{expected}, which this scenario is made to show"),
        (_, Some(found)) => {
            format!("{expected}; {} is another promise than the one this scenario is made to break", found.oracle)
        }
        (Judgement::Undecided, _) => format!("{expected}; this run does not decide it"),
        _ if scenario.plan.is_some() => format!("{expected}; this plan does not show it"),
        _ => format!("{expected}; this seed does not show it"),
    })
}

pub(super) fn sweep_remark(sweep: &Sweep<'_>) -> Option<String> {
    let Expectation::Violation { .. } = sweep.family.expect() else { return None };
    let (expected, tally) = (expected(sweep.family.expect()), sweep.tally);
    Some(match (sweep.judgement, tally.not_shown) {
        (Judgement::Shown, _) => format!("{expected}, shown by {}", counted(tally.shown, "seed")),
        (_, Some(seed)) if tally.shown > 0 => format!("{expected}; seed {seed} does not show it"),
        _ => format!("{expected}; no seed shows it"),
    })
}

fn counts(counts: &BTreeMap<&'static str, u64>) -> String {
    let texts: Vec<String> = counts.iter().map(|(name, count)| format!("{name} {}", grouped(*count))).collect();
    if texts.is_empty() { "none".to_string() } else { texts.join(", ") }
}

/// How often what was reached, a line each: in how many seeds, what share of them, how often in all.
fn reached(what: &str, reaches: &BTreeMap<&'static str, Reach>, runs: u64) -> String {
    if reaches.is_empty() {
        return field(what, "none");
    }
    let width = reaches.keys().map(|name| name.chars().count()).max().unwrap_or(0).max(24);
    let mut text = format!("  {what:<width$}  {:>11} {:>7} {:>13}\n", "seeds", "%", "times");
    for (name, Reach { seeds, times }) in reaches {
        // Tenths of a percent, cut: what was reached in one seed of a million is not shown as never.
        let share = u128::from(*seeds) * 1000 / u128::from(runs.max(1));
        let share = if share == 0 { "< 0.1".to_string() } else { format!("{}.{}", share / 10, share % 10) };
        text.push_str(&format!("    {name:<width$}{:>11} {share:>7} {:>13}\n", grouped(*seeds), grouped(*times)));
    }
    text
}

/// Those that watched everything; then, in brackets, those that did not, and why.
fn oracles<'a>(checked: impl Iterator<Item = (OracleId, &'a Checked)>) -> String {
    let (mut whole, mut partly) = (Vec::new(), Vec::new());
    for (oracle, checked) in checked {
        match checked {
            Checked::Checked(_) => whole.push(oracle.to_string()),
            Checked::NotChecked(reason) => partly.push(format!("not checked: {oracle}, {reason}")),
            Checked::Undecided(reason) => partly.push(format!("undecided: {oracle}, {reason}")),
        }
    }
    let whole = if whole.is_empty() { "none".to_string() } else { whole.join(" ") };
    if partly.is_empty() { whole } else { format!("{whole}   ({})", partly.join("; ")) }
}

/// Those that watched at least some runs; then, in brackets, in how many runs which did not, and why.
fn watched(checked: &BTreeMap<OracleId, Watched>) -> String {
    let names: Vec<String> =
        checked.iter().filter(|(_, watched)| watched.whole > 0).map(|(id, _)| id.to_string()).collect();
    let mut gaps = Vec::new();
    for (oracle, watched) in checked {
        for (word, gap) in [("not checked", &watched.not), ("undecided", &watched.undecided)] {
            let Some((runs, why)) = gap else { continue };
            let all = *runs == watched.runs();
            let times = if all { String::new() } else { format!(" in {}", counted(*runs, "seed")) };
            gaps.push(format!("{word}: {oracle}{times}, {why}"));
        }
    }
    let names = if names.is_empty() { "none".to_string() } else { names.join(" ") };
    if gaps.is_empty() { names } else { format!("{names}   ({})", gaps.join("; ")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explore::Tally;
    use crate::report::{causal_past, samples};
    use crate::scenario::{Aimed, Plan, Run, Shows};

    fn written(expect: Expectation, run: &Run, notes: &[String]) -> String {
        let scenario = samples::scenario(expect);
        let judgement = Judgement::of(&scenario.expect, &run.verdict);
        let past = run.verdict.finding().map_or(Vec::new(), |found| causal_past(&samples::trace(), found.event, 3));
        let repeat = format!("foretell run primary-isolated --seed {}", run.seed);
        super::run(&Report { scenario: &scenario, run, judgement, past: &past, stands: &[], notes, repeat: &repeat })
    }

    fn agree() -> Verdict {
        Verdict::Violation(samples::violation(OracleId::Agree))
    }

    fn expects(check: OracleId) -> Expectation {
        Expectation::Violation { check: Some(check), shows: Shows::WithinSeeds(50) }
    }

    #[test]
    fn a_pass_is_six_lines() {
        insta::assert_snapshot!(written(Expectation::Pass, &samples::run(7, Verdict::Pass), &[]), @"
        primary-isolated  seed 7  pass
          digest      0123456789abcdf6   48,113 events, 12.0s of virtual time
          committed   1,204 operations   2 view changes
          clients     1,210 calls, 1,204 answered, 6 unknown
          faults      crash 3, packet lost 97, partition 1
          marks       view change done 2
          oracles     AGREE LIN   (not checked: BACK, this system has no layout)
        ");
    }

    #[test]
    fn a_finding_ends_with_the_line_that_repeats_it() {
        insta::assert_snapshot!(written(Expectation::Pass, &samples::run(7, agree()), &[]), @"
        primary-isolated  seed 7  violation: AGREE
          digest      0123456789abcdf6   48,113 events, 12.0s of virtual time
          committed   1,204 operations   2 view changes
          clients     1,210 calls, 1,204 answered, 6 unknown
          faults      crash 3, packet lost 97, partition 1
          marks       view change done 2
          oracles     AGREE LIN   (not checked: BACK, this system has no layout)

          AGREE (log-prefix) is broken at event 9, 2.004000000s, by r1 (primary), with r0
            promised: an op is committed with one digest everywhere
            happened: r1 committed op 3 as 0000001f, but r0 had committed it as 00000099

          what led to it:
          # time            event <-    cause  node what
            0.002000000s        5 <-        2  r0   sends Prepare(v0 op3) #1 to r1, 64 bytes
            0.003000000s        7 <-        5  r1   receives Prepare(v0 op3) #1 from r0
            2.004000000s        9 <-        7  r1   commits 3 (0000001f) in epoch 0

        repeat: foretell run primary-isolated --seed 7
        ");
    }

    #[test]
    fn an_expected_finding_says_so() {
        let note = ["seed 17 is the 18th tried and the first to show it".to_string()];
        let text = written(expects(OracleId::Agree), &samples::run(17, agree()), &note);
        let lines: Vec<&str> = text.lines().filter(|line| line.contains("expected") || line.contains("note")).collect();
        insta::assert_snapshot!(lines.join("\n"), @"
        expected    violation of AGREE, which this scenario is made to show
        note        seed 17 is the 18th tried and the first to show it
        ");
    }

    #[test]
    fn a_seed_that_does_not_show_it_says_so() {
        let said = |expected: OracleId, verdict: Verdict| {
            let text = written(expects(expected), &samples::run(7, verdict), &[]);
            text.lines().find(|line| line.contains("expected")).expect("it is said").to_string()
        };
        insta::assert_snapshot!([said(OracleId::Agree, Verdict::Pass), said(OracleId::Lin, agree())].join("\n"), @"
          expected    violation of AGREE; this seed does not show it
          expected    violation of LIN; AGREE is another promise than the one this scenario is made to break
        ");
    }

    #[test]
    fn a_plan_has_no_seed_and_names_what_it_did_not_need() {
        let mut scenario = samples::scenario(Expectation::Pass);
        scenario.plan =
            Some(Plan { entropy: 7, oracles: None, deviations: vec![], digest: None, build: None, trace: vec![] });
        let mut run = samples::run(7, Verdict::Inconclusive("LIN gave up on k0".to_string()));
        run.unused = vec!["drop r0->r1 Prepare(v0 op9) #1".to_string()];
        run.faults.clear();
        let (judgement, repeat) = (Judgement::Undecided, "foretell run p.toml");
        let report = Report { scenario: &scenario, run: &run, judgement, past: &[], stands: &[], notes: &[], repeat };
        insta::assert_snapshot!(super::run(&report), @"
        primary-isolated  plan  inconclusive
          digest      0123456789abcdf6   48,113 events, 12.0s of virtual time
          committed   1,204 operations   2 view changes
          clients     1,210 calls, 1,204 answered, 6 unknown
          faults      none
          marks       view change done 2
          oracles     AGREE LIN   (not checked: BACK, this system has no layout)
          unused      1 deviation of the plan never came up: drop r0->r1 Prepare(v0 op9) #1
          undecided   LIN gave up on k0

        repeat: foretell run p.toml
        ");
    }

    #[test]
    fn a_sweep_has_one_line_for_each_oracle() {
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
        insta::assert_snapshot!(super::sweep(&[sweep], &Kept::new()), @"
        primary-isolated  seeds 0..5  violation
          digest      a673b6f637d2295c   5 runs, 240,565 events, 60.0s of virtual time
          passed      1 of 5
          finding     AGREE primary commits   2 seeds, the smallest is 2: r1 committed op 3 as 0000001f, but r0 had
                      committed it as 00000099
                      repeat: foretell run x --seed 2
          finding     LIVE primary commits   1 seed, the smallest is 3: r1 committed op 3 as 0000001f, but r0 had
                      committed it as 00000099
                      repeat: foretell run x --seed 3
          undecided   1 seed, the smallest is 1: LIN gave up on k0 after 1,000,000 steps
          oracles     AGREE LIN   (not checked: BACK, this system has no layout)
          never       no seed reached `wrapped`, which this scenario is meant to reach
          faults                          seeds       %         times
            crash                             5   100.0            15
            packet lost                       5   100.0           485
            partition                         5   100.0             5
          marks                           seeds       %         times
            view change done                  5   100.0            10

        repeat: foretell run x --seed 2
        ");
    }

    #[test]
    fn a_sweep_in_which_a_moment_never_comes_is_blind() {
        let mut run = samples::run(0, Verdict::Pass);
        run.marks.insert("wrapped", 1);
        let (moment, why) = ("r1 sends Prepared".to_string(), Some("its moment did not come".to_string()));
        let fault = format!("crash r1, on `{moment} #3`");
        run.aims.push(Aimed { fault, moment: Some(moment), due: 0, struck: 0, why });
        let alone = written(Expectation::Pass, &run, &[]);
        assert!(alone.contains("did not strike: crash r1, on `r1 sends Prepared #3`: its moment did not"), "{alone}");
        let family = samples::family();
        let repeat = |_: Option<u64>| "the sweep".to_string();
        let mut tally = Tally::new(family.expect());
        tally.add(&run);
        let swept = |tally: &Tally| {
            let (name, judgement) = ("primary-isolated", tally.judgement());
            let (seeds, repeat, interrupted) = (&(0..2), &repeat, false);
            let sweep = Sweep { family: &family, name, file: None, seeds, tally, interrupted, judgement, repeat };
            (sweep.is_met(), super::sweep(&[sweep], &Kept::new()))
        };
        let (met, text) = swept(&tally);
        assert!(!met && text.contains("seeds 0..2  blind"), "{text}");
        assert!(text.contains("in no seed did this fault strike: crash r1, on `r1 sends Prepared #3`"), "{text}");
        assert!(text.ends_with("repeat: the sweep\n"));
        (run.aims[0].due, run.aims[0].struck, run.aims[0].why) = (1, 1, None);
        tally.add(&run);
        assert!(swept(&tally).0, "one seed is enough");
    }

    #[test]
    fn a_sweep_that_misses_only_a_mark_is_repeated_as_a_whole() {
        let family = samples::family();
        let mut tally = Tally::new(family.expect());
        tally.add(&samples::run(0, Verdict::Pass));
        let repeat = |seed: Option<u64>| if seed.is_some() { "one seed" } else { "the sweep" }.to_string();
        let judgement = tally.judgement();
        let (seeds, repeat) = (&(0..2), &repeat);
        let mut sweep = Sweep {
            family: &family,
            name: "primary-isolated",
            file: None,
            seeds,
            tally: &tally,
            interrupted: false,
            judgement,
            repeat,
        };
        assert!(!sweep.is_met());
        let text = super::sweep(&[sweep], &Kept::new());
        assert!(text.contains("no seed reached `wrapped`"));
        assert!(text.ends_with("repeat: the sweep\n"));
        // What was not run may still reach it.
        sweep.interrupted = true;
        assert_eq!(sweep.word(), "incomplete");
        let text = super::sweep(&[sweep], &Kept::new());
        assert!(!text.contains("no seed reached"));
        assert!(text.contains("incomplete"), "{text}");
        assert!(text.contains("after 1 seed of 2"));
    }
}
