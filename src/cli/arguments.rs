//! The words of the command line, as typed. What they mean is decided elsewhere.

use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::check::OracleId;
use crate::check::models::Standard;

use super::{exit, seeds};

// Help is made of sentences, and clap takes the full stop away from a doc comment; so help stands in attributes.

/// Everything that was typed.
#[derive(Parser, Debug)]
#[command(about = "Runs distributed systems in a world that one seed decides, and checks what they promise.")]
#[command(name = "foretell", version, after_help = exit::HELP, max_term_width = 110)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Subcommand, Debug)]
pub(super) enum Command {
    List(ListArguments),
    Run(RunArguments),
    Explain(ExplainArguments),
    Sweep(SweepArguments),
    Shrink(ShrinkArguments),
    Replay(ReplayArguments),
    Check(CheckArguments),
    Validate(ValidateArguments),
    Schema(SchemaArguments),
    Completions(CompletionsArguments),
}

/// `list` and its options.
#[derive(Args, Debug)]
#[command(about = "Lists the scenarios, embedded and in ./sim-scenarios, and the systems with their planted bugs.")]
#[command(after_help = exit::HELP)]
pub(super) struct ListArguments {
    #[arg(help = "How the result is written.")]
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(super) format: Format,
}

const RUN: &str = "Runs one scenario with one seed, and gives a verdict.";

const RUN_LONG: &str = "\
Runs one scenario with one seed, and gives a verdict. Many seeds are run by `sweep`.

Without a seed, a scenario that promises a violation with certain seeds is run with those; any other is run with a seed \
drawn at random, which is printed. A plan leaves nothing to chance and takes no seed.";

/// `run` and its options.
#[derive(Args, Debug, Default)]
#[command(about = RUN, long_about = RUN_LONG)]
#[command(after_help = exit::HELP)]
pub(super) struct RunArguments {
    #[arg(help = "The scenario: a path, or the name of a file below ./sim-scenarios, or the name of an embedded one.")]
    #[arg(value_name = "NAME|PATH", default_value = "convergence")]
    pub(super) name: String,

    #[arg(help = "Runs this seed.")]
    #[arg(long, value_name = "N", value_parser = seeds::number)]
    pub(super) seed: Option<u64>,

    #[arg(help = "Switches on this planted bug instead of the scenario's own; `none`: none, so that it should pass.")]
    #[arg(long, value_name = "NAME")]
    pub(super) plant: Option<String>,

    #[arg(help = "Judges by these oracles only, such as `lin,live`. Panics and endless loops are always noticed.")]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub(super) oracles: Option<Vec<OracleId>>,

    #[arg(help = "Writes a trace to standard output, and the verdict then to standard error; see --out.")]
    #[arg(long, value_enum, default_value_t = TraceFormat::None)]
    pub(super) trace: TraceFormat,

    #[arg(help = "Writes the trace to this file instead.")]
    #[arg(long, value_name = "FILE", requires = "trace")]
    pub(super) out: Option<PathBuf>,

    #[arg(help = "Writes the plan that repeats this run to this file, after trying that it does.")]
    #[arg(long, value_name = "FILE")]
    pub(super) record: Option<PathBuf>,

    #[arg(help = "Runs the seed twice; if the runs differ, names the first event in which they do.")]
    #[arg(long)]
    pub(super) check_determinism: bool,

    #[arg(help = "How the verdict is written.")]
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(super) format: Format,
}

const EXPLAIN: &str = "Says what a seed will do, without running it.";
const EXPLAIN_LONG: &str = "\
Says what a seed will do, without running it: what it chose in the scenario's file, the scenario that this makes, and what \
is decided before the run, such as when faults strike and what the clients ask for first. What only the run decides, such as \
who is primary by then, is named.

A plan needs no seed, and neither does a scenario that says which seed shows its violation.";

/// `explain` and its options.
#[derive(Args, Debug, Default)]
#[command(about = EXPLAIN, long_about = EXPLAIN_LONG)]
#[command(after_help = exit::HELP)]
pub(super) struct ExplainArguments {
    #[arg(help = "The scenario or plan: a path, or a name as `run` takes it.")]
    #[arg(value_name = "SCENARIO")]
    pub(super) name: String,

    #[arg(help = "Explains this seed.")]
    #[arg(long, value_name = "N", value_parser = seeds::number)]
    pub(super) seed: Option<u64>,

    #[arg(help = "Switches on this planted bug instead of the scenario's own; `none`: none.")]
    #[arg(long, value_name = "NAME")]
    pub(super) plant: Option<String>,

    #[arg(help = "How it is written.")]
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(super) format: Format,
}

const SWEEP: &str = "Runs many seeds on all cores, and groups what fails by what it has in common.";
const SWEEP_LONG: &str = "\
Runs many seeds of scenarios on all cores. Ends with the findings, grouped by signature, each with the smallest seed and \
the line that repeats it; with what was reached, and how often; and with one digest for all of it, which depends neither \
on the number of threads nor on their order.

Seeds that fail are kept in a file, and run first next time.";

/// `sweep` and its options.
#[derive(Args, Debug, Default)]
#[command(about = SWEEP, long_about = SWEEP_LONG)]
#[command(after_help = exit::HELP)]
pub(super) struct SweepArguments {
    #[arg(
        help = "The scenarios: paths, or names as `run` takes them. A directory stands for all .toml files below it."
    )]
    #[arg(value_name = "SCENARIO", required = true)]
    pub(super) names: Vec<String>,

    #[arg(
        help = "All seeds from A up to, and not including, B; `A..` has no end. 0..1000 if nothing is said, and 0.. \
                  with a time budget."
    )]
    #[arg(long, value_name = "A..B", value_parser = seeds::parse)]
    pub(super) seeds: Option<Range<u64>>,

    #[arg(
        help = "Stops after this long, such as `30s` or `5m`. Seeds that were asked for and not run are then missing."
    )]
    #[arg(long, value_name = "SPAN", value_parser = seeds::span)]
    pub(super) time_budget: Option<Duration>,

    #[arg(help = "How many threads; as many as there are cores if nothing is said. The result is the same.")]
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(super) jobs: Option<u16>,

    #[arg(help = "Stops at the first finding.")]
    #[arg(long)]
    pub(super) fail_fast: bool,

    #[arg(
        help = "Switches on this planted bug instead of the scenarios' own; `none`: none, so that they should pass."
    )]
    #[arg(long, value_name = "NAME")]
    pub(super) plant: Option<String>,

    #[arg(help = "Judges by these oracles only, such as `lin,live`. Panics and endless loops are always noticed.")]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub(super) oracles: Option<Vec<OracleId>>,

    #[arg(
        help = "Shrinks the smallest seed of each finding afterwards, for two minutes at most, and keeps the result."
    )]
    #[arg(long)]
    pub(super) shrink: bool,

    #[arg(help = "The directory where shrunk findings are kept.")]
    #[arg(long, value_name = "DIR", default_value = "sim-scenarios/regressions", requires = "shrink")]
    pub(super) out: PathBuf,

    #[arg(help = "Keeps in this file what is done, every 256 seeds, and goes on from there if it exists. The \
                  result is the same as without interruption.")]
    #[arg(long, value_name = "FILE")]
    pub(super) resume: Option<PathBuf>,

    #[arg(help = "Runs every seed twice; if the runs differ, names the first event in which they do.")]
    #[arg(long)]
    pub(super) check_determinism: bool,

    #[arg(help = "Where seeds that fail are kept, to be run first next time.")]
    #[arg(long, value_name = "FILE", default_value = "failing-seeds.toml")]
    pub(super) failing: PathBuf,

    #[arg(help = "How the result is written.")]
    #[arg(long, value_enum, default_value_t = SweepFormat::Human)]
    pub(super) format: SweepFormat,
}

const REPLAY: &str = "Repeats the run that a plan was recorded from, and says whether it is the same run.";
const REPLAY_LONG: &str = "\
Repeats the run that a plan was recorded from, and compares the digests. If they differ, names the first event that does. \
A plan that another build recorded may be stale: then nobody can say, and the exit code is 4.";

/// `replay` and its options.
#[derive(Args, Debug, Default)]
#[command(about = REPLAY, long_about = REPLAY_LONG)]
#[command(after_help = exit::HELP)]
pub(super) struct ReplayArguments {
    #[arg(help = "The plan: a path, or a name as `run` takes it.")]
    #[arg(value_name = "PLAN")]
    pub(super) name: String,

    #[arg(help = "Repeats it so many times.")]
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) times: u32,

    #[arg(help = "How the result is written.")]
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(super) format: Format,
}

const SHRINK: &str = "Makes a failing run smaller, and keeps it as a scenario that anyone can read and run again.";
const SHRINK_LONG: &str = "\
Makes a failing run smaller: takes away faults, operations and deviations, machines and time, as long as the same promise \
is broken by a node that plays the same part. The result is a scenario that runs by its name, expects its violation, \
and opens with a comment that retells what happens.

Ctrl-C keeps the best so far; a second one ends at once.";

/// `shrink` and its options.
#[derive(Args, Debug, Default)]
#[command(about = SHRINK, long_about = SHRINK_LONG)]
#[command(after_help = exit::HELP)]
pub(super) struct ShrinkArguments {
    #[arg(help = "The scenario or plan that fails: a path, or a name as `run` takes it.")]
    #[arg(value_name = "SCENARIO")]
    pub(super) name: String,

    #[arg(help = "The seed that fails. A plan needs none, and neither does a scenario that says which one does.")]
    #[arg(long, value_name = "N", value_parser = seeds::number)]
    pub(super) seed: Option<u64>,

    #[arg(help = "Switches on this planted bug instead of the scenario's own; `none`: none.")]
    #[arg(long, value_name = "NAME")]
    pub(super) plant: Option<String>,

    #[arg(help = "Judges by these oracles only, such as `lin,live`. Panics and endless loops are always noticed.")]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub(super) oracles: Option<Vec<OracleId>>,

    #[arg(help = "Stops after this long, such as `30s` or `5m`, with the best so far.")]
    #[arg(long, value_name = "SPAN", value_parser = seeds::span)]
    pub(super) time_budget: Option<Duration>,

    #[arg(help = "Where the result is kept: a directory, or a file if it ends in .toml.")]
    #[arg(long, value_name = "PATH", default_value = "sim-scenarios/regressions")]
    pub(super) out: PathBuf,

    #[arg(help = "Keeps a plan of every other failure that shows on the way in this directory.")]
    #[arg(long, value_name = "DIR")]
    pub(super) slips: Option<PathBuf>,

    #[arg(help = "How the result is shown.")]
    #[arg(long, value_enum, default_value_t = ShrinkFormat::Human)]
    pub(super) format: ShrinkFormat,
}

const CHECK: &str = "Says whether client histories, recorded anywhere, are linearizable.";
const CHECK_LONG: &str = "\
Says whether client histories, recorded anywhere, are linearizable; if one is not, shows the few operations that cannot all \
have happened as they did.

A history is JSON, one operation on a line, or a Jepsen history in EDN; either may be packed with gzip or zstd:

  {\"client\":1,\"op\":\"put\",\"key\":\"x\",\"value\":\"7\",\"call\":10,\"return\":20}
  {\"client\":2,\"op\":\"cas\",\"key\":\"x\",\"from\":\"7\",\"value\":\"8\",\"ok\":true,\"call\":15,\"return\":35}
  {\"client\":3,\"op\":\"get\",\"key\":\"x\",\"value\":\"8\",\"call\":30,\"return\":40}
  {\"client\":4,\"op\":\"put\",\"key\":\"x\",\"value\":\"9\",\"call\":50,\"return\":null}

`call` and `return` are times, whole numbers of any unit. `return` is null if nobody knows whether the operation took effect. The \
`value` of a read is what it answered, null if there was nothing; without `key` there is one object. docs/linearizability.md has the rest.

Operations, by model:
  register  read (or get), write (or put), cas
  kv        get, put, append, cas, delete
  counter   add, get
  set       add, remove, contains, get
  queue     enqueue, dequeue
  log       append, get";

const CHECK_EXIT: &str = "\
Exit codes:
  0  All histories are linearizable.
  1  One is not.
  2  Bad input: a file cannot be read, or the command line is wrong.
  3  This program has a bug.
  4  Undecided: the budget ran out.";

/// `check` and its options.
#[derive(Args, Debug)]
#[command(about = CHECK, long_about = CHECK_LONG)]
#[command(after_help = CHECK_EXIT)]
pub(super) struct CheckArguments {
    #[arg(help = "The histories; `-` is standard input.")]
    #[arg(value_name = "FILE", required = true)]
    pub(super) files: Vec<String>,

    #[arg(help = "What the service should have answered: register, kv, counter, set, queue or log.")]
    #[arg(long, value_name = "MODEL", default_value_t = Standard::default())]
    pub(super) model: Standard,

    #[arg(help = "How many configurations the search may visit, all objects together, where a search is needed.")]
    #[arg(long, value_name = "NODES", default_value_t = CheckArguments::BUDGET, value_parser = seeds::number)]
    pub(super) budget: u64,

    #[arg(help = "How the result is written.")]
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(super) format: Format,
}

impl CheckArguments {
    /// Nodes, if nothing is said: about half a minute.
    pub(super) const BUDGET: u64 = 20_000_000;
}

/// `validate` and its options.
#[derive(Args, Debug)]
#[command(about = "Reads scenario files and says everything that is wrong with them.")]
#[command(after_help = exit::HELP)]
pub(super) struct ValidateArguments {
    #[arg(help = "The files. A directory stands for all .toml files below it.")]
    #[arg(value_name = "FILE", required = true)]
    pub(super) files: Vec<String>,
}

const SCHEMA: &str = "Writes the JSON Schema of scenario files, with which editors complete and check them.";
const SCHEMA_LONG: &str = "\
Writes the JSON Schema (draft 2020-12) of scenario files to standard output. An editor that knows it, such as one with \
taplo or Even Better TOML, completes keys, explains them and underlines mistakes in a file whose first line is \
`#:schema PATH`. What goes beyond shapes, such as a node that the cluster does not have, is said by `validate`.";

/// `schema`, which has no options.
#[derive(Args, Debug)]
#[command(about = SCHEMA, long_about = SCHEMA_LONG)]
#[command(after_help = exit::HELP)]
pub(super) struct SchemaArguments {}

const COMPLETIONS: &str = "Writes the script that lets a shell complete these commands and options.";
const COMPLETIONS_LONG: &str = "\
Writes the script that lets a shell complete these commands and options to standard output. Where it goes depends on the \
shell; bash takes it with `source <(foretell completions bash)` in ~/.bashrc, fish from a file in \
~/.config/fish/completions.";

/// `completions` and its options.
#[derive(Args, Debug)]
#[command(about = COMPLETIONS, long_about = COMPLETIONS_LONG)]
#[command(after_help = exit::HELP)]
pub(super) struct CompletionsArguments {
    #[arg(help = "The shell.")]
    #[arg(value_enum, value_name = "SHELL")]
    pub(super) shell: Shell,
}

/// How a result is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub(super) enum Format {
    #[value(help = "For people.")]
    #[default]
    Human,
    #[value(help = "One JSON object.")]
    Json,
}

/// How the result of a sweep is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub(super) enum SweepFormat {
    #[value(help = "For people.")]
    #[default]
    Human,
    #[value(help = "One JSON object.")]
    Json,
    #[value(help = "JUnit XML, one test case for each scenario.")]
    Junit,
    #[value(help = "Annotations of a GitHub workflow, and a table in the file that $GITHUB_STEP_SUMMARY names.")]
    Github,
}

/// How the result of shrinking is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub(super) enum ShrinkFormat {
    #[value(help = "For people: what became smaller, and what happens, in lanes.")]
    #[default]
    Human,
    #[value(help = "What happens, as a Mermaid sequence diagram; what became smaller goes to standard error.")]
    Mermaid,
    #[value(help = "One JSON object.")]
    Json,
}

/// How a trace is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub(super) enum TraceFormat {
    #[value(help = "Not at all.")]
    #[default]
    None,
    #[value(help = "One line for each event, in fixed columns.")]
    Text,
    #[value(help = "The same without timers and without the probes of heads and applied entries.")]
    Brief,
    #[value(help = "One JSON object for each event.")]
    Jsonl,
    #[value(help = "A picture with a column for each node: what led to the violation, else all that matters.")]
    Lanes,
    #[value(help = "The same as a Mermaid sequence diagram.")]
    Mermaid,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_table_of_words_agrees_with_itself() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_word_of_help_is_a_sentence() {
        let mut command = Arguments::command();
        command.build();
        for part in command.get_subcommands().filter(|part| part.get_name() != "help") {
            let about = part.get_about().expect("every command says what it does").to_string();
            assert!(about.starts_with(char::is_uppercase) && about.ends_with('.'), "{about}");
            for argument in part.get_arguments().filter(|argument| argument.get_id() != "help") {
                let help = argument.get_help().expect("every argument says what it does").to_string();
                assert!(help.starts_with(char::is_uppercase) && help.ends_with('.'), "{help}");
            }
        }
    }

    #[test]
    fn what_cannot_go_together_is_refused() {
        let parse = |words: &str| Arguments::try_parse_from(words.split(' ')).map_err(|error| error.exit_code());
        assert!(parse("foretell run x --seed 7 --trace text --out t --record p --oracles lin,log-prefix").is_ok());
        for words in [
            "foretell run x --seeds 0..9",
            "foretell sweep",
            "foretell sweep x --seeds 9..9",
            "foretell sweep x --time-budget 5",
            "foretell sweep x --jobs 0",
            "foretell run x --seed -1",
            "foretell run x --oracles linn",
            "foretell run x --out t",
            "foretell run x --format yaml",
            "foretell validate",
            "foretell",
        ] {
            assert_eq!(parse(words).expect_err(words), 2, "{words}");
        }
    }
}
