//! JUnit: sweeps as XML that build servers show.
//!
//! One test case for each scenario. A seed is no test case: which seeds were run is chance, and a server that compares
//! today's cases with yesterday's would find them all new. A case fails if a promise was broken, or if what the scenario
//! expects did not happen; it is in error if an oracle gave up; it is skipped if it was stopped before anything was
//! found. There are no times and no names of machines: the same sweeps give the same text.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::problems::{Gravity, Problem, problems};
use super::{Kept, Sweep, text};

/// The sweeps as one test suite called `foretell`.
pub fn junit(sweeps: &[Sweep<'_>]) -> String {
    let mut suite = TestSuite::new("foretell");
    suite.add_test_cases(sweeps.iter().map(case));
    let mut report = Report::new("foretell");
    report.add_test_suite(suite);
    let mut xml = report.to_string().expect("text can always be written as XML");
    if !xml.ends_with('\n') {
        xml.push('\n');
    }
    xml
}

fn case(sweep: &Sweep<'_>) -> TestCase {
    let problems = problems(sweep);
    let mut case = TestCase::new(sweep.name, status(&problems));
    case.set_classname(sweep.family.system());
    if let Some(file) = sweep.file {
        case.extra.insert("file".into(), file.into());
    }
    case.set_system_out(text::sweep(std::slice::from_ref(sweep), &Kept::new()));
    case
}

/// The gravest problem decides how the case ended, and its message; all of them are in the description.
fn status(problems: &[Problem]) -> TestCaseStatus {
    let Some(gravest) = problems.iter().max_by_key(|problem| problem.gravity) else { return TestCaseStatus::success() };
    let mut status = match gravest.gravity {
        Gravity::Failure => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Gravity::Undecided => TestCaseStatus::non_success(NonSuccessKind::Error),
        Gravity::Incomplete => TestCaseStatus::skipped(),
    };
    // The first of the gravest, not the last.
    let first = problems.iter().find(|problem| problem.gravity == gravest.gravity).unwrap_or(gravest);
    let lines = |problem: &Problem| format!("{}: {}\nrepeat: {}\n", problem.title, problem.message, problem.repeat);
    status.set_message(format!("{}: {}", first.title, first.message));
    status.set_type(first.kind);
    status.set_description(problems.iter().map(lines).collect::<Vec<String>>().join("\n"));
    status
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    #[test]
    fn a_case_for_each_scenario() {
        samples::with_sweeps(|sweeps| {
            insta::assert_snapshot!(junit(sweeps), @r#"
            <?xml version="1.0" encoding="UTF-8"?>
            <testsuites name="foretell" tests="4" skipped="1" failures="1" errors="1">
                <testsuite name="foretell" tests="4" skipped="1" errors="1" failures="1">
                    <testcase name="primary-isolated" classname="vsr" file="sim-scenarios/x, y.toml">
                        <failure message="AGREE primary commits: 2 seeds, the smallest is 2: r1 committed op 3 as 0000001f, but r0 had committed it as 00000099" type="agree">AGREE primary commits: 2 seeds, the smallest is 2: r1 committed op 3 as 0000001f, but r0 had committed it as 00000099
            repeat: foretell run x --seed 2

            LIVE primary commits: 1 seed, the smallest is 3: r1 committed op 3 as 0000001f, but r0 had committed it as 00000099
            repeat: foretell run x --seed 3

            never reached: wrapped: no seed reached `wrapped`, which this scenario is meant to reach
            repeat: foretell run x --seeds 0..5

            undecided: 1 seed, the smallest is 1: LIN gave up on k0 after 1,000,000 steps
            repeat: foretell run x --seed 1
            </failure>
                        <system-out>primary-isolated  seeds 0..5  violation
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
            </system-out>
                    </testcase>
                    <testcase name="stopped" classname="vsr">
                        <skipped message="stopped early: after 1 seed of 5" type="interrupted">stopped early: after 1 seed of 5
            repeat: foretell run x --seeds 0..5
            </skipped>
                        <system-out>stopped  seeds 0..5  pass so far, incomplete
              digest      0af7665a14d32024   1 run, 48,113 events, 12.0s of virtual time
              passed      1 of 1
              oracles     AGREE LIN   (not checked: BACK, this system has no layout)
              stopped     after 1 seed of 5
              faults                          seeds       %         times
                crash                             1   100.0             3
                packet lost                       1   100.0            97
                partition                         1   100.0             1
              marks                           seeds       %         times
                view change done                  1   100.0             2

            repeat: foretell run x --seeds 0..5
            </system-out>
                    </testcase>
                    <testcase name="undecided" classname="vsr" file="sim-scenarios/x, y.toml">
                        <error message="undecided: 1 seed, the smallest is 1: LIN gave up on k0 after 1,000,000 steps" type="inconclusive">undecided: 1 seed, the smallest is 1: LIN gave up on k0 after 1,000,000 steps
            repeat: foretell run x --seed 1
            </error>
                        <system-out>undecided  seeds 0..5  inconclusive
              digest      6bb40a65c24fbb63   2 runs, 96,226 events, 24.0s of virtual time
              passed      1 of 2
              undecided   1 seed, the smallest is 1: LIN gave up on k0 after 1,000,000 steps
              oracles     AGREE LIN   (not checked: BACK, this system has no layout)
              faults                          seeds       %         times
                crash                             2   100.0             6
                packet lost                       2   100.0           194
                partition                         2   100.0             2
              marks                           seeds       %         times
                view change done                  2   100.0             4

            repeat: foretell run x --seeds 0..5
            </system-out>
                    </testcase>
                    <testcase name="planted" classname="vsr" file="sim-scenarios/x, y.toml">
                        <system-out>planted  seeds 0..5  violation
              digest      ed01bfdb6472f73d   1 run, 48,113 events, 12.0s of virtual time
              passed      0 of 1
              expected    AGREE primary commits   1 seed, the smallest is 4: r1 committed op 3 as 0000001f, but r0 had
                          committed it as 00000099
              oracles     AGREE LIN   (not checked: BACK, this system has no layout)
              expected    violation of AGREE, shown by 1 seed
              faults                          seeds       %         times
                crash                             1   100.0             3
                packet lost                       1   100.0            97
                partition                         1   100.0             1
              marks                           seeds       %         times
                view change done                  1   100.0             2
            </system-out>
                    </testcase>
                </testsuite>
            </testsuites>
            "#)
        });
    }

    #[test]
    fn no_sweep_is_no_case() {
        assert!(!junit(&[]).contains("<testcase"));
    }
}
