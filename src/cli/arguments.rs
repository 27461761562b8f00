//! The words of the command line, as typed. What they mean is decided elsewhere.

use std::ops::Range;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::check::OracleId;

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
    Validate(ValidateArguments),
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

const RUN: &str = "Runs one scenario with one seed or many, and gives a verdict.";

const RUN_LONG: &str = "\
Runs one scenario with one seed or many, and gives a verdict.

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
    #[arg(long, value_name = "N", conflicts_with = "seeds")]
    pub(super) seed: Option<u64>,

    #[arg(help = "Runs all seeds from A up to, and not including, B.")]
    #[arg(long, value_name = "A..B", value_parser = seeds::parse, conflicts_with_all = ["trace", "out", "record"])]
    pub(super) seeds: Option<Range<u64>>,

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

    #[arg(help = "Runs every seed twice; if the runs differ, names the first event in which they do.")]
    #[arg(long)]
    pub(super) check_determinism: bool,

    #[arg(help = "How the verdict is written.")]
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(super) format: Format,
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

/// How a result is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub(super) enum Format {
    #[value(help = "For people.")]
    #[default]
    Human,
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
            "foretell run x --seed 7 --seeds 0..9",
            "foretell run x --seeds 0..9 --record p",
            "foretell run x --seeds 0..9 --trace text",
            "foretell run x --seeds 9..9",
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
