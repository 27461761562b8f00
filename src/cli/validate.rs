//! `validate`: everything that is wrong with scenario files, all at once.

use crate::report::words::counted;
use crate::scenario::Registry;

use super::arguments::ValidateArguments;
use super::console::Console;
use super::exit::{Exit, Failure};
use super::shelf::{Shelf, names};

/// Reads every file, says `ok` of the good ones and what is wrong with the others.
pub(super) fn command(
    arguments: &ValidateArguments,
    shelf: &Shelf,
    registry: &Registry,
    console: &mut Console<'_>,
) -> Result<Exit, Failure> {
    let (mut read, mut wrong, mut missing) = (0, 0, false);
    for name in &arguments.files {
        let names = names(name);
        if names.is_empty() {
            missing = true;
            console.remark(&format!("error: there is no .toml file below {name}\n"));
        }
        for name in names {
            read += 1;
            match shelf.find(&name).and_then(|found| found.parse(registry)) {
                Ok(_) => console.say(&format!("ok  {name}\n"))?,
                Err(failure) => {
                    wrong += 1;
                    console.remark(&format!("{}\n", failure.message.trim_end()));
                }
            }
        }
    }
    if wrong > 0 {
        console.remark(&format!("{} of {} with errors\n", wrong, counted(read, "file")));
    }
    Ok(if wrong > 0 || missing { Exit::BadInput } else { Exit::Met })
}
