//! GitHub: sweeps as annotations of a workflow, and as the summary of a step.
//!
//! [`annotations`] are lines that a step prints and that GitHub shows beside the files of a change; [`summary`] is
//! Markdown for the file that `$GITHUB_STEP_SUMMARY` names.

use super::problems::{Gravity, Problem, problems};
use super::words::{counted, grouped};
use super::{Kept, Sweep, text};

/// One line for each problem, `::error` or, where nothing is known to be broken, `::warning`; and a `::notice` that says
/// how many scenarios were swept.
pub fn annotations(sweeps: &[Sweep<'_>]) -> String {
    let mut lines = String::new();
    for sweep in sweeps {
        for problem in problems(sweep) {
            lines.push_str(&annotation(sweep, &problem));
        }
    }
    let runs = sweeps.iter().map(|sweep| sweep.tally.runs).sum();
    let met = sweeps.iter().filter(|sweep| sweep.is_met()).count() as u64;
    let (scenarios, seeds) = (counted(sweeps.len() as u64, "scenario"), counted(runs, "run"));
    let message = format!("{scenarios}, {seeds}: {} as expected", grouped(met));
    lines + &format!("::notice title=foretell::{}\n", escaped(&message))
}

fn annotation(sweep: &Sweep<'_>, problem: &Problem) -> String {
    let command = match problem.gravity {
        Gravity::Failure => "error",
        Gravity::Undecided | Gravity::Incomplete => "warning",
    };
    let title = property(&format!("{}: {}", sweep.name, problem.title));
    let file = sweep.file.map_or(String::new(), |file| format!(",file={}", property(file)));
    let message = escaped(&format!("{}\nrepeat: {}", problem.message, problem.repeat));
    format!("::{command} title={title}{file}::{message}\n")
}

/// The message of a command: it ends at the end of the line, so that must not be in it.
fn escaped(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property of a command: it ends at a comma or a colon as well.
fn property(text: &str) -> String {
    escaped(text).replace(':', "%3A").replace(',', "%2C")
}

/// A table with a row for each scenario, and below it what is wrong with each.
pub fn summary(sweeps: &[Sweep<'_>]) -> String {
    let mut out = String::from("### foretell\n\n| scenario | verdict | as expected | seeds | passed | findings |\n");
    out.push_str("|---|---|---|---:|---:|---|\n");
    for sweep in sweeps {
        let group = |group: &&crate::explore::tally::Group| {
            let expected = if group.expected { ", expected" } else { "" };
            format!("{} ({}{expected})", cell(&group.signature.to_string()), counted(group.count, "seed"))
        };
        let groups: Vec<String> = sweep.tally.groups().iter().map(group).collect();
        let cells = [
            cell(sweep.name),
            cell(sweep.tally.word()),
            if sweep.is_met() { "yes" } else { "**no**" }.to_string(),
            grouped(sweep.tally.runs),
            grouped(sweep.tally.passed),
            groups.join("<br>"),
        ];
        out.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    for sweep in sweeps.iter().filter(|sweep| !sweep.is_met()) {
        out.push_str(&format!("\n<details><summary>{}</summary>\n\n", cell(sweep.name)));
        // Indented text is shown as it is, whatever it holds; a fence could be closed by it.
        for line in text::sweep(std::slice::from_ref(sweep), &Kept::new()).lines() {
            out.push_str(format!("    {line}").trim_end());
            out.push('\n');
        }
        out.push_str("\n</details>\n");
    }
    out
}

/// Text in a cell of a table: nothing of it may end the cell or be taken for HTML or emphasis.
fn cell(text: &str) -> String {
    let mut out = String::new();
    for character in text.chars() {
        match character {
            '|' | '\\' | '`' | '*' | '_' | '[' | ']' => out.extend(['\\', character]),
            '<' => out.push_str("&lt;"),
            '&' => out.push_str("&amp;"),
            control if control.is_control() => out.push(' '),
            character => out.push(character),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    #[test]
    fn an_annotation_for_each_problem() {
        samples::with_sweeps(|sweeps| {
            insta::assert_snapshot!(annotations(sweeps), @"
        ::error title=primary-isolated%3A AGREE primary commits,file=sim-scenarios/x%2C y.toml::2 seeds, the smallest is 2: r1 committed op 3 as 0000001f, but r0 had committed it as 00000099%0Arepeat: foretell run x --seed 2
        ::error title=primary-isolated%3A LIVE primary commits,file=sim-scenarios/x%2C y.toml::1 seed, the smallest is 3: r1 committed op 3 as 0000001f, but r0 had committed it as 00000099%0Arepeat: foretell run x --seed 3
        ::error title=primary-isolated%3A never reached%3A wrapped,file=sim-scenarios/x%2C y.toml::no seed reached `wrapped`, which this scenario is meant to reach%0Arepeat: foretell run x --seeds 0..5
        ::warning title=primary-isolated%3A undecided,file=sim-scenarios/x%2C y.toml::1 seed, the smallest is 1: LIN gave up on k0 after 1,000,000 steps%0Arepeat: foretell run x --seed 1
        ::warning title=stopped%3A stopped early::after 1 seed of 5%0Arepeat: foretell run x --seeds 0..5
        ::warning title=undecided%3A undecided,file=sim-scenarios/x%2C y.toml::1 seed, the smallest is 1: LIN gave up on k0 after 1,000,000 steps%0Arepeat: foretell run x --seed 1
        ::notice title=foretell::4 scenarios, 9 runs: 1 as expected
        ")
        });
    }

    #[test]
    fn a_table_for_people() {
        samples::with_sweeps(|sweeps| {
            insta::assert_snapshot!(summary(sweeps), @"
            ### foretell

            | scenario | verdict | as expected | seeds | passed | findings |
            |---|---|---|---:|---:|---|
            | primary-isolated | violation | **no** | 5 | 1 | AGREE primary commits (2 seeds)<br>LIVE primary commits (1 seed) |
            | stopped | pass | **no** | 1 | 1 |  |
            | undecided | inconclusive | **no** | 2 | 1 |  |
            | planted | violation | yes | 1 | 0 | AGREE primary commits (1 seed, expected) |

            <details><summary>primary-isolated</summary>

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

            </details>

            <details><summary>stopped</summary>

                stopped  seeds 0..5  pass so far, incomplete
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

            </details>

            <details><summary>undecided</summary>

                undecided  seeds 0..5  inconclusive
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

            </details>
            ")
        });
    }

    #[test]
    fn text_stays_in_its_place() {
        assert_eq!(escaped("50%, a: b\r\nc"), "50%25, a: b%0D%0Ac");
        assert_eq!(property("50%, a: b\nc"), "50%25%2C a%3A b%0Ac");
        assert_eq!(cell("a|b `c` <d> & e_f\ng"), "a\\|b \\`c\\` &lt;d> &amp; e\\_f g");
    }
}
