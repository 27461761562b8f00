//! The command line: what people type, and what they get for it.
//!
//! [`main`] takes the systems that scenarios may name, so that a binary of your own has the same commands with your own
//! systems:
//!
//! ```no_run
//! # fn my_registry() -> foretell::scenario::Registry { foretell::scenario::Registry::new() }
//! fn main() -> std::process::ExitCode {
//!     foretell::cli::main(my_registry())
//! }
//! ```
//!
//! Here, and nowhere below, text is printed, files are written, the time of day is read, and a seed is drawn from the
//! operating system. Results go to standard output; what is said beside them goes to standard error. Every way to end
//! has an exit code of its own, and nothing panics at a user.

mod arguments;
mod check;
mod chosen;
mod completions;
mod console;
mod determinism;
mod exit;
mod explain;
mod failing;
mod interrupt;
mod list;
mod parts;
mod plan;
mod progress;
mod recording;
mod repeat;
mod replay;
mod run;
mod seeds;
mod shelf;
mod shrink;
mod sweep;
mod unpack;
mod validate;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

use crate::scenario::file::schema;
use crate::scenario::{Registry, run as simulator};

use crate::explore::{Runner, quietly};
use arguments::{Arguments, Command, SchemaArguments};
use console::Console;
use exit::{Exit, Failure};
use shelf::Shelf;

/// Reads the command line, does what it says with these systems, and says how it ended.
///
/// Exit codes: 0 the expectation is met; 1 a finding, or an expected one not found; 2 bad input; 3 nondeterminism or an
/// internal error; 4 incomplete.
pub fn main(registry: Registry) -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Nobody is left to tell if this cannot be printed. Help and version are no errors.
            let _ = error.print();
            if !error.use_stderr() {
                return Exit::Met.into();
            }
            let _ = writeln!(io::stderr(), "\nrepeat: {}", typed());
            return Exit::BadInput.into();
        }
    };
    interrupt::install();
    let (mut out, mut err) = (io::stdout().lock(), io::stderr());
    let mut console = Console { out: &mut out, err: &mut err };
    let shelf = Shelf::standard();
    let ended = quietly(|| match &arguments.command {
        Command::List(list) => list::command(list, &shelf, &registry, &mut console),
        Command::Run(run) => {
            let runner = Runner { registry: &registry, simulator: &simulator::run };
            run::command(run, &program(), &shelf, &runner, &mut console)
        }
        Command::Explain(arguments) => explain::command(arguments, &program(), &shelf, &registry, &mut console),
        Command::Sweep(arguments) => {
            let runner = Runner { registry: &registry, simulator: &simulator::run };
            sweep::command(arguments, &program(), &shelf, &runner, &mut console)
        }
        Command::Replay(arguments) => {
            let runner = Runner { registry: &registry, simulator: &simulator::run };
            replay::command(arguments, &program(), &shelf, &runner, &mut console)
        }
        Command::Shrink(arguments) => {
            let runner = Runner { registry: &registry, simulator: &simulator::run };
            shrink::command(arguments, &program(), &shelf, &runner, &mut console)
        }
        Command::Check(arguments) => check::command(arguments, &program(), &mut console),
        Command::Validate(validate) => validate::command(validate, &program(), &shelf, &registry, &mut console),
        Command::Schema(SchemaArguments {}) => console.say(&schema(&registry)).map(|()| Exit::Met),
        Command::Completions(arguments) => completions::command(arguments, &program(), &mut console),
    });
    let ended = ended.unwrap_or_else(|message| Err(Failure::broken(format!("this program has a bug: {message}"))));
    let exit = ended.unwrap_or_else(|Failure { exit, message, .. }| {
        let message = message.trim_end();
        let repeat = if message.contains("\nrepeat: ") { String::new() } else { format!("\nrepeat: {}\n", typed()) };
        console.remark(&format!("error: {message}\n{repeat}"));
        exit
    });
    exit.into()
}

/// The command as the user has typed it, but for where this binary is.
fn typed() -> String {
    let words = std::env::args_os().skip(1).map(|word| repeat::quoted(&word.to_string_lossy()));
    std::iter::once(repeat::quoted(&program())).chain(words).collect::<Vec<_>>().join(" ")
}

/// What the user calls this binary, for lines that can be pasted.
fn program() -> String {
    let path = std::env::args_os().next().map(std::path::PathBuf::from);
    let stem = path.as_deref().and_then(|path| path.file_stem()).and_then(|stem| stem.to_str());
    stem.unwrap_or("foretell").to_string()
}

/// The page is part of what this folder promises, so its code is compiled like any other example.
#[cfg(doctest)]
#[doc = include_str!("../../docs/determinism.md")]
struct DeterminismPage;

/// Likewise.
#[cfg(doctest)]
#[doc = include_str!("../../docs/linearizability.md")]
struct LinearizabilityPage;
