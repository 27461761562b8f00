//! Writes a history of clients that never ran, to try a checker on:
//!
//! ```sh
//! cargo run --release --example history -- cas --clients 50 --operations 100000 --unknown 3 > history.jsonl
//! ```
//!
//! The workloads are `register`, `cas`, `smallcas`, `append` and `store`; `--plant stale` or `--plant phantom` makes it one that is
//! not linearizable; `--index` tells the order of effects. The same words are the same history, everywhere.

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use foretell::check::linearizability::generate::{Plan, Plant, Workload, generate};
use foretell::check::recorded::jsonl;

const HELP: &str = "\
Usage: history WORKLOAD [OPTIONS]

WORKLOAD is one of register, cas, smallcas, append, store.

  --operations N   how many
  --clients N      how many at one time
  --keys N         on how many objects
  --unknown N      of a hundred, so many have an unknown outcome
  --seed N         another seed is another history
  --index          tell the order of effects
  --plant WHAT     what makes it one that is not linearizable: stale or phantom";

fn main() -> ExitCode {
    if std::env::args().any(|word| word == "--help" || word == "-h") {
        println!("{HELP}");
        return ExitCode::SUCCESS;
    }
    match plan(std::env::args().skip(1)) {
        Ok(plan) => {
            let recording = generate(&plan);
            let mut out = BufWriter::new(io::stdout().lock());
            // A reader that has gone away has what it wanted.
            let _ = jsonl::write(&recording, &mut out).and_then(|()| out.flush());
            ExitCode::SUCCESS
        }
        Err(message) => {
            eprintln!("error: {message}\n\n{HELP}");
            ExitCode::from(2)
        }
    }
}

fn plan(mut words: impl Iterator<Item = String>) -> Result<Plan, String> {
    let workload = match words.next().as_deref() {
        Some("register") => Workload::Register,
        Some("cas") => Workload::Cas,
        Some("smallcas") => Workload::SmallCas,
        Some("append") => Workload::Append,
        Some("store") => Workload::Store,
        _ => return Err("expected a workload: register, cas, smallcas, append or store".to_owned()),
    };
    let mut plan = Plan { workload, ..Plan::default() };
    while let Some(word) = words.next() {
        if word == "--index" {
            plan.indexed = true;
            continue;
        }
        let value = words.next().ok_or_else(|| format!("expected something after `{word}`"))?;
        if word == "--plant" {
            plan.plant = Some(match value.as_str() {
                "stale" => Plant::Stale,
                "phantom" => Plant::Phantom,
                _ => return Err("expected stale or phantom after `--plant`".to_owned()),
            });
            continue;
        }
        let number: u64 = value.parse().map_err(|_| format!("expected a number after `{word}`, not `{value}`"))?;
        match word.as_str() {
            "--clients" => plan.clients = number,
            "--keys" => plan.keys = number,
            "--operations" => plan.operations = number,
            "--unknown" => plan.unknown = number,
            "--seed" => plan.seed = number,
            _ => return Err(format!("unknown word `{word}`")),
        }
    }
    Ok(plan)
}
