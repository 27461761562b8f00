//! `completions`: the script that lets a shell complete commands and options.

use clap::CommandFactory;
use clap_complete::{Shell, generate};

use super::arguments::{Arguments, CompletionsArguments};
use super::console::Console;
use super::exit::{Exit, Failure};

/// Writes the script.
pub(super) fn command(
    arguments: &CompletionsArguments,
    program: &str,
    console: &mut Console<'_>,
) -> Result<Exit, Failure> {
    console.say(&script(arguments.shell, program))?;
    Ok(Exit::Met)
}

/// The script for a binary of this name: a user's own has the same commands.
fn script(shell: Shell, program: &str) -> String {
    // Written to memory first: it takes a pipe that closes for a bug, and a user may well do `| head`.
    let mut bytes = Vec::new();
    generate(shell, &mut Arguments::command(), program, &mut bytes);
    String::from_utf8(bytes).expect("names and help are text")
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum;

    #[test]
    fn every_shell_learns_every_command_of_this_binary() {
        let command = Arguments::command();
        for shell in Shell::value_variants() {
            let script = script(*shell, "own-system");
            assert!(script.contains("own-system"), "{shell} does not learn the name");
            for name in command.get_subcommands().map(clap::Command::get_name) {
                assert!(script.contains(name), "{shell} does not learn `{name}`");
            }
        }
    }
}
