//! Plans: writing the one that repeats a run, and comparing a run with the one its plan was recorded from.

use std::path::Path;

use crate::base::Digest;
use crate::base::hash::hash_bytes;
use crate::scenario::file::{parse_bytes, print};
use crate::scenario::run::Settings;
use crate::scenario::{Run, Scenario};

use super::console::write_file;
use super::exit::Failure;
use crate::explore::Runner;

/// Which build this is: the version of this crate, and a hash of the program itself.
///
/// The version alone would not do: a user's system, or a change not yet released, is in the program and not in the
/// version. What is compared is the file that runs, so that another digest from the same program is nondeterminism and
/// nothing else.
pub(super) fn build() -> String {
    let program = std::env::current_exe().and_then(std::fs::read).map_or(0, |bytes| hash_bytes(&bytes));
    format!("{} {} program {program:016x}", env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
}

/// What stands between the build and the fingerprint of the plan's content.
const CONTENT: &str = " plan ";

/// A hash of all that a plan says, but for what it says of its recording. Another one means that somebody has edited
/// the plan, or plays it with another planted bug.
fn fingerprint(scenario: &Scenario) -> String {
    let mut scenario = scenario.clone();
    if let Some(plan) = &mut scenario.plan {
        (plan.digest, plan.build) = (None, None);
        plan.trace.clear();
    }
    format!("{:016x}", hash_bytes(print(&scenario).as_bytes()))
}

/// How a run of a plan compares with the run that the plan was recorded from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Comparison {
    /// The plan does not say what it was recorded from.
    Unrecorded,
    /// It is the same run.
    Same,
    /// It is another one, and the plan is not the one that was recorded.
    Edited(String),
    /// It is another one, and so is the build.
    Stale(String),
    /// It is another one, though nothing else is: the system is not deterministic.
    Different(String),
}

/// Compares a run of a plan with the run that the plan was recorded from.
pub(super) fn compare(scenario: &Scenario, run: &Run) -> Comparison {
    let Some(plan) = &scenario.plan else { return Comparison::Unrecorded };
    let Some(recorded) = plan.digest.map(Digest::from_bits) else { return Comparison::Unrecorded };
    if recorded == run.digest {
        return Comparison::Same;
    }
    let this = build();
    let (recorder, content) = match plan.build.as_deref().and_then(|build| build.rsplit_once(CONTENT)) {
        Some((recorder, content)) => (Some(recorder), Some(content)),
        None => (plan.build.as_deref(), None),
    };
    match recorder {
        Some(build) if build == this && content.is_some_and(|content| content != fingerprint(scenario)) => {
            Comparison::Edited(format!(
                "edited since it was recorded, so its digest ({recorded}) is not expected any more"
            ))
        }
        Some(build) if build == this => Comparison::Different(format!(
            "not deterministic: this plan was recorded by this very build ({this}) with digest {recorded}, and now has {}\n\
             What a system under test must not do is listed in docs/determinism.md.",
            run.digest
        )),
        recorder => {
            let recorder = recorder.unwrap_or("a build that it does not name");
            Comparison::Stale(format!(
                "stale: recorded by {recorder} with digest {recorded}, which this build does not give"
            ))
        }
    }
}

/// What to say of a run of a plan beside its verdict.
pub(super) fn note(scenario: &Scenario, run: &Run) -> Result<Option<String>, Failure> {
    match compare(scenario, run) {
        Comparison::Unrecorded | Comparison::Same => Ok(None),
        Comparison::Edited(note) | Comparison::Stale(note) => Ok(Some(note)),
        Comparison::Different(message) => Err(Failure::broken(message)),
    }
}

/// Writes the plan that repeats `run`, after trying that the text written does repeat it.
pub(super) fn record(path: &Path, runner: &Runner<'_>, run: &Run) -> Result<(), Failure> {
    let Some(plan) = &run.plan else {
        return Err(Failure::broken("the run was to be recorded, and has no plan"));
    };
    let text = sealed(runner, plan, run.digest)?;
    write_file(path, |out| out.write_all(text.as_bytes()))
}

/// The text of a plan with the digest of its run and the build that made it, after trying that it does repeat the run.
pub(super) fn sealed(runner: &Runner<'_>, plan: &Scenario, digest: Digest) -> Result<String, Failure> {
    let mut plan = plan.clone();
    let Some(recorded) = &mut plan.plan else {
        return Err(Failure::broken("the plan of the run is not a plan: it leaves something to chance"));
    };
    recorded.digest = Some(digest.to_bits());
    recorded.build = None;
    let build = format!("{}{CONTENT}{}", build(), fingerprint(&plan));
    if let Some(recorded) = &mut plan.plan {
        recorded.build = Some(build);
    }
    let text = print(&plan);
    let read = parse_bytes(&plan.name, text.as_bytes(), runner.registry).map_err(|diagnostics| {
        let messages: Vec<String> = diagnostics.iter().map(|diagnostic| diagnostic.render("<plan>", &text)).collect();
        Failure::broken(format!("the plan of this run cannot be read back:\n{}", messages.join("\n")))
    })?;
    let Some(read) = read.only() else {
        return Err(Failure::broken("the plan of this run is read back as one with choices"));
    };
    let again = runner.run(read, &Settings::default())?;
    if again.digest != digest {
        return Err(Failure::broken(format!(
            "not written: the plan does not repeat the run; the run has digest {digest}, and its plan {}",
            again.digest
        )));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;
    use crate::scenario::{Expectation, Plan, Verdict};

    #[test]
    fn a_different_digest_is_stale_or_nondeterminism() {
        let run = samples::run(0, Verdict::Pass);
        let mut scenario = samples::scenario(Expectation::Pass);
        assert_eq!(note(&scenario, &run), Ok(None));
        let mut with = |digest, build: Option<String>| {
            scenario.plan = Some(Plan { entropy: 0, oracles: None, deviations: vec![], digest, build, trace: vec![] });
            note(&scenario, &run)
        };
        assert_eq!(with(None, Some(build())), Ok(None));
        assert_eq!(with(Some(run.digest.to_bits()), None), Ok(None));
        let stale = with(Some(1), Some("foretell 0.0.9 program 00".to_string())).expect("another build may differ");
        assert_eq!(
            stale.as_deref(),
            Some(
                "stale: recorded by foretell 0.0.9 program 00 with digest 0000000000000001, which this build does not give"
            )
        );
        assert!(with(Some(1), None).expect("an unknown build may differ").is_some());
        let edited = with(Some(1), Some(format!("{}{CONTENT}{:016x}", build(), 0))).expect("an edited plan may differ");
        assert!(edited.is_some_and(|text| text.starts_with("edited")));
        let broken = with(Some(1), Some(build())).expect_err("the same build may not differ");
        assert!(broken.message.contains("0000000000000001") && broken.message.contains(&run.digest.to_string()));
    }
}
