//! The same seed, the same run: trying it, and naming the first event where it fails.

use crate::base::{Digest, Event};
use crate::report::trace;
use crate::scenario::run::Settings;
use crate::scenario::{Run, Scenario};

use super::exit::Failure;
use crate::explore::Runner;

/// Runs once more what gave `first`, and fails if anything differs.
pub(super) fn check(runner: &Runner<'_>, scenario: &Scenario, settings: &Settings, first: &Run) -> Result<(), Failure> {
    let second = runner.run(scenario, &Settings { trace: false, record: false, ..settings.clone() })?;
    if second.digest == first.digest && second.verdict == first.verdict {
        return Ok(());
    }
    let seen = [first, &second].map(|run| (run.digest, run.verdict.word()));
    Err(explain(runner, scenario, settings, seen[0], seen[1]))
}

/// Two runs that should be one are not: digest and verdict of each. Runs both again with their traces, to find where they part.
pub(super) fn explain(
    runner: &Runner<'_>,
    scenario: &Scenario,
    settings: &Settings,
    first: (Digest, &str),
    second: (Digest, &str),
) -> Failure {
    let traced = Settings { trace: true, record: false, ..settings.clone() };
    let trace = || runner.run(scenario, &traced).map(|run| run.trace.unwrap_or_default());
    let place = match (trace(), trace()) {
        (Ok(one), Ok(other)) => place(&one, &other),
        (Err(failure), _) | (_, Err(failure)) => format!("looking for the place failed: {}", failure.message()),
    };
    let mut message = format!("seed {} is not deterministic: ", settings.seed);
    if first.0 == second.0 {
        let (digest, one, other) = (first.0, first.1, second.1);
        message.push_str(&format!("equal traces (digest {digest}) were judged differently, {one} and then {other}\n"));
    } else {
        message.push_str(&format!("its digest was {} and then {}\n", first.0, second.0));
    }
    message.push_str(&place);
    message.push_str("\nWhat a system under test must not do is listed in docs/determinism.md.");
    Failure { differs: true, ..Failure::broken(message) }
}

/// Says where two traces part.
fn place(one: &[Event], other: &[Event]) -> String {
    let same = one.iter().zip(other).take_while(|(one, other)| one == other).count();
    if same == one.len() && same == other.len() {
        return "Two more runs did not differ, so it does not happen every time.".to_string();
    }
    let line = |trace: &[Event]| trace.get(same).map_or("(the run ends here)".to_string(), trace::line);
    let before = same.checked_sub(1).map_or(String::new(), |last| format!("  both  {}\n", trace::line(&one[last])));
    let (legend, one, other) = (trace::legend(), line(one), line(other));
    format!("The first events that differ:\n        {legend}\n{before}  one   {one}\n  other {other}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    #[test]
    fn the_first_difference_is_named() {
        let one = samples::trace();
        let mut other = one.clone();
        other[4].at = other[4].at.shifted(1);
        other.truncate(6);
        insta::assert_snapshot!(place(&one, &other), @"
        The first events that differ:
                # time            event <-    cause  node what
          both    0.001500000s        4 <-        -  c0   calls #1 put k0 v1
          one     0.002000000s        5 <-        2  r0   sends Prepare(v0 op3) #1 to r1, 64 bytes
          other   0.002000001s        5 <-        2  r0   sends Prepare(v0 op3) #1 to r1, 64 bytes
        ");
        insta::assert_snapshot!(place(&one, &one[..8]), @"
        The first events that differ:
                # time            event <-    cause  node what
          both    0.003000000s        8 <-        7  r1   head 3 (0000001f)
          one     2.004000000s        9 <-        7  r1   commits 3 (0000001f) in epoch 0
          other (the run ends here)
        ");
        insta::assert_snapshot!(place(&one, &one), @"Two more runs did not differ, so it does not happen every time.");
    }
}
