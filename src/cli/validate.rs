//! `validate`: everything that is wrong with scenario files, all at once.

use crate::report::words::counted;
use crate::scenario::Registry;

use super::arguments::ValidateArguments;
use super::console::Console;
use super::exit::{Exit, Failure};
use super::repeat::quoted;
use super::shelf::{Shelf, names};

/// Reads every file, says `ok` of the good ones and what is wrong with the others.
pub(super) fn command(
    arguments: &ValidateArguments,
    program: &str,
    shelf: &Shelf,
    registry: &Registry,
    console: &mut Console<'_>,
) -> Result<Exit, Failure> {
    let (mut read, mut count, mut wrong) = (0, 0, Vec::new());
    let mut again = |name: &str| wrong.push(quoted(name));
    for name in &arguments.files {
        let names = names(name);
        if names.is_empty() {
            again(name);
            console.remark(&format!("error: there is no .toml file below {name}\n"));
        }
        for name in names {
            read += 1;
            match shelf.find(&name).and_then(|found| found.parse(registry)) {
                Ok(_) => console.say(&format!("ok  {name}\n"))?,
                Err(failure) => {
                    count += 1;
                    again(&name);
                    console.remark(&format!("{}\n", failure.message.trim_end()));
                }
            }
        }
    }
    if count > 0 {
        console.remark(&format!("{count} of {} with errors\n", counted(read, "file")));
    }
    if wrong.is_empty() {
        return Ok(Exit::Met);
    }
    console.remark(&format!("\nrepeat: {} validate {}\n", quoted(program), wrong.join(" ")));
    Ok(Exit::BadInput)
}
