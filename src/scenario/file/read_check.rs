//! Reading `[check]` and `[expect]`.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::base::text::format_duration;
use crate::check::OracleId;
use crate::scenario::{Checks, Expectation, Shows};

use super::read_values::{duration, seed};
use super::reader::{Table, Value, did_you_mean, quoted};
use super::tree::Tree;

/// The safety oracles of a scenario that does not choose: all, without those that are always on anyway.
pub(super) fn all_safety() -> Vec<OracleId> {
    OracleId::all().filter(|oracle| !oracle.is_liveness() && !always_on(*oracle)).collect()
}

fn always_on(oracle: OracleId) -> bool {
    matches!(oracle, OracleId::Panic | OracleId::Spin)
}

/// What the rest of the file means for liveness.
pub(super) struct Progress<'a> {
    /// The system's name and the longest it may wait before it tries again, if there is such a system.
    pub backoff: Option<(&'a str, Duration)>,
    /// What a packet may take.
    pub slowest: Duration,
    /// Whether some phase is quiet; whether the last one is. `None` if the phases could not be read.
    pub quiet: Option<(bool, bool)>,
    /// Whether a budget keeps disks from being damaged more than the cluster can recover from.
    pub is_limited: bool,
}

/// What is judged.
pub(super) fn checks(root: &mut Table, progress: &Progress) -> Checks {
    let default = Checks { safety: all_safety(), all_requests_complete: None, converged: None, reached: Vec::new() };
    root.section("check", "[check]", default, |table| {
        let safety = table.or("safety", all_safety(), |value| {
            let oracles = value.list("a list of oracles such as [\"linearizable\", \"log-prefix\"]", safety_oracle)?;
            distinct(value, oracles, |oracle| oracle.name())
        });
        let liveness = table.or("liveness", Vec::new(), |value| {
            const LIVENESS: &str = "a list such as [{ converged = { within = \"5s\" } }]";
            let promises: Vec<Vec<(OracleId, Duration)>> = value.list(LIVENESS, |value| promise(value, progress))?;
            let promises = promises.concat();
            distinct(value, promises, |(oracle, _)| oracle.name())
        });
        let within = |wanted| liveness.iter().find(|(oracle, _)| *oracle == wanted).map(|(_, within)| *within);
        let reached = table.or("reached", Vec::new(), |value| {
            let mark = |value: Value| value.some_text("the name of a mark").map(str::to_string);
            distinct(value, value.list("a list of marks such as [\"view change done\"]", mark)?, |mark| mark)
        });
        Some(Checks {
            safety,
            all_requests_complete: within(OracleId::Live),
            converged: within(OracleId::Conv),
            reached,
        })
    })
}

/// Complains if two things in a list have the same name.
fn distinct<T>(value: Value, items: Vec<T>, name: impl Fn(&T) -> &str) -> Option<Vec<T>> {
    let mut names = BTreeSet::new();
    match items.iter().map(&name).find(|name| !names.insert(name.to_string())) {
        Some(twice) => value.wrong(format!("{} stands twice in it", quoted(twice))),
        None => Some(items),
    }
}

fn oracle(value: Value) -> Option<OracleId> {
    let text = value.text("an oracle such as \"linearizable\"")?;
    let meant = did_you_mean(text, OracleId::all().map(OracleId::name));
    match (text.parse::<OracleId>(), meant) {
        (Ok(oracle), _) => Some(oracle),
        (Err(_), Some(meant)) => value.wrong(format!("unknown oracle {}; did you mean `{meant}`?", quoted(text))),
        (Err(message), None) => value.wrong(message),
    }
}

fn safety_oracle(value: Value) -> Option<OracleId> {
    let oracle = oracle(value)?;
    if oracle.is_liveness() {
        return value.wrong_with(
            format!("`{}` is about progress, not about safety", oracle.name()),
            format!("write liveness = [{{ {} = {{ within = \"5s\" }} }}]", oracle.name()),
        );
    }
    Some(oracle)
}

/// One element of `liveness`. A table may name several at once.
fn promise(value: Value, progress: &Progress) -> Option<Vec<(OracleId, Duration)>> {
    if let Tree::String(word) = value.raw() {
        let help = "write it as { converged = { within = \"5s\" } }";
        return value.wrong_with(format!("{} has to say within how long", quoted(word)), help);
    }
    value.table("`liveness`", |table| {
        let mut promises = Vec::new();
        let mut named = false;
        for oracle in OracleId::all().filter(|oracle| oracle.is_liveness()) {
            let Some(value) = table.take(oracle.name()) else { continue };
            named = true;
            let within = value.table("a liveness promise", |table| within(table.need("within")?, progress));
            promises.extend(within.map(|within| (oracle, within)));
        }
        if !named {
            let help = "it has `all-requests-complete` or `converged`, each with { within = \"5s\" }";
            let keys = [OracleId::Live.name(), OracleId::Conv.name()];
            table.missing(&keys, "this promises nothing".to_string(), Some(help));
        }
        judged(value, &promises, progress)?;
        Some(promises)
    })
}

/// So many packets, one after the other, may come between a request and its answer where nothing goes wrong: four on its way to the
/// primary, to a backup and back, and four of a change of views before it.
const PACKETS: u32 = 8;

fn within(value: Value, progress: &Progress) -> Option<Duration> {
    let within = duration(value)?;
    match progress.backoff {
        Some((system, backoff)) if within <= backoff => value.wrong_with(
            format!(
                "`within` must be longer than {}, which `{system}` may wait before it tries again",
                format_duration(backoff)
            ),
            "a shorter wait would blame the system for its patience",
        ),
        _ if within.is_zero() => value.wrong("expected a duration longer than zero"),
        // No network is blamed for what the scenario makes of it.
        _ => Some(within.max(progress.slowest.saturating_mul(PACKETS))),
    }
}

fn judged(value: Value, promises: &[(OracleId, Duration)], progress: &Progress) -> Option<()> {
    const HELP: &str = "end with a phase that has quiet = true";
    if !progress.is_limited {
        return value.wrong_with(
            "with budget = \"none\" disks may be damaged beyond recovery, so progress cannot be asked for",
            "judge safety only, or leave `budget` in [storage] at \"recoverable\"",
        );
    }
    match progress.quiet {
        Some((false, _)) => value.wrong_with("progress is judged in quiet phases, and there is none", HELP),
        Some((true, false)) if promises.iter().any(|(oracle, _)| *oracle == OracleId::Conv) => {
            value.wrong_with("`converged` is judged after the last phase, which is not quiet", HELP)
        }
        _ => Some(()),
    }
}

/// What should come of it.
pub(super) fn expectation(root: &mut Table, checks: &Checks) -> Expectation {
    root.section("expect", "[expect]", Expectation::Pass, |table| {
        let details = table.take_any(&["check", "seed", "within_seeds"]);
        let violation = table.need("outcome")?.word("an outcome", &[("pass", false), ("violation", true)]);
        if violation == Some(false) {
            for (key, value) in details {
                let _: Option<()> = value.wrong(format!("`{key}` goes with outcome = \"violation\""));
            }
            return Some(Expectation::Pass);
        }
        let named = |wanted: &str| details.iter().find(|(key, _)| *key == wanted).map(|(_, value)| *value);
        let check = named("check").and_then(|value| {
            let oracle = oracle(value)?;
            let judged = match oracle {
                OracleId::Live => checks.all_requests_complete.is_some(),
                OracleId::Conv => checks.converged.is_some(),
                other => always_on(other) || checks.safety.contains(&other),
            };
            if !judged {
                return value.wrong(format!(
                    "`{}` cannot be violated here, because [check] does not ask for it",
                    oracle.name()
                ));
            }
            Some(oracle)
        });
        let shows = match (named("seed"), named("within_seeds")) {
            (None, None) => Some(Shows::Always),
            (Some(value), None) => seed(value).map(Shows::Seed),
            (None, Some(value)) => value.whole("a number of seeds", 1, u64::MAX).map(Shows::WithinSeeds),
            (Some(_), Some(value)) => value.wrong("it shows with one `seed` or `within_seeds`, not both"),
        };
        violation?;
        Some(Expectation::Violation { check, shows: shows? })
    })
}
