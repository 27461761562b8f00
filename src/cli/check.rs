//! `check`: whether recorded histories are linearizable.

use serde_json::{Value, json};

use crate::check::linearizability::{Judgement, Verdict, judge};
use crate::check::models::Standard;
use crate::check::recorded::Recording;
use crate::report::linearizable::Checked;

use super::arguments::{CheckArguments, Format};
use super::console::Console;
use super::exit::{Exit, Failure};
use super::recording::{Kept, read};
use super::repeat::quoted;

/// Checks every file. One that cannot be read does not keep the others from being checked.
pub(super) fn command(arguments: &CheckArguments, program: &str, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let mut exits: Vec<Exit> = Vec::new();
    let mut unreadable: Vec<String> = Vec::new();
    let mut objects: Vec<Value> = Vec::new();
    for name in &arguments.files {
        let repeat = command_on(name, arguments, arguments.budget, program);
        let further = command_on(name, arguments, arguments.budget.saturating_mul(10), program);
        exits.push(match read(name, arguments.model) {
            Ok(history) => {
                let (operations, objects_touched) = history.size();
                let (recording, judgement) = match history.kept {
                    Kept::Whole(recording) => {
                        let judgement = judge(&recording, arguments.model, arguments.budget);
                        (*recording, judgement)
                    }
                    Kept::Verified(verified) => (Recording::default(), Judgement::linearizable(verified.decided)),
                };
                let checked = Checked {
                    name,
                    operations,
                    objects: objects_touched,
                    recording: &recording,
                    model: arguments.model,
                    judgement: &judgement,
                    overlaps: &history.overlaps,
                    repeat: &repeat,
                    further: &further,
                };
                match arguments.format {
                    Format::Human => console.say(&checked.text())?,
                    Format::Json => objects.push(checked.json()),
                }
                match judgement.verdict {
                    Verdict::Linearizable => Exit::Met,
                    Verdict::Impossible(_) => Exit::Finding,
                    Verdict::Undecided(_) => Exit::Incomplete,
                }
            }
            Err(problems) => {
                if arguments.format == Format::Json {
                    let problems = problems.json();
                    objects
                        .push(json!({ "file": name, "verdict": "unreadable", "problems": problems, "repeat": repeat }));
                }
                unreadable.push(format!("error: {}\n\nrepeat: {repeat}\n", problems.text(name).trim_end()));
                Exit::BadInput
            }
        });
    }
    if arguments.format == Format::Json {
        console.say(&format!("{}\n", json!({ "files": objects })))?;
    }
    unreadable.iter().for_each(|message| console.remark(message));
    // A finding stands whatever else is missing.
    let worst = [Exit::Finding, Exit::BadInput, Exit::Incomplete].into_iter().find(|exit| exits.contains(exit));
    Ok(worst.unwrap_or(Exit::Met))
}

/// The command that checks this file in the same way, but for the budget.
fn command_on(name: &str, arguments: &CheckArguments, budget: u64, program: &str) -> String {
    let name = match name {
        // It is gone. Whoever wrote it can write it again.
        "-" => "- < FILE".to_owned(),
        // Not an option.
        name if name.starts_with('-') => quoted(&format!("./{name}")),
        name => quoted(name),
    };
    let mut command = format!("{} check {name}", quoted(program));
    if arguments.model != Standard::default() {
        command.push_str(&format!(" --model {}", arguments.model));
    }
    if budget != CheckArguments::BUDGET {
        command.push_str(&format!(" --budget {budget}"));
    }
    command
}
