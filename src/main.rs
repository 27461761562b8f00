//! The `foretell` command, with the systems that come with the crate.

use std::process::ExitCode;

fn main() -> ExitCode {
    foretell::cli::main(foretell::systems::registry())
}
