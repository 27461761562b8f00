//! The command as a user meets it: where it is run, how it ended, and what it wrote.

#![allow(dead_code, reason = "each test takes what it needs")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// How a command ended.
pub struct Ended {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

/// A directory of its own for each test, so that only embedded scenarios are found there.
pub fn elsewhere(test: &str) -> PathBuf {
    let directory = std::env::temp_dir().join(format!("foretell-{test}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).expect("there is a place for temporary files");
    directory
}

pub fn command(directory: &Path, words: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_foretell"));
    command.current_dir(directory).args(words.split_whitespace());
    command
}

pub fn foretell(directory: &Path, words: &str) -> Ended {
    Ended::of(command(directory, words).output().expect("the program starts"))
}

/// Runs a command and presses Ctrl-C when it has begun.
#[cfg(unix)]
pub fn interrupted(directory: &Path, words: &str) -> Ended {
    let child =
        command(directory, words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
    #[allow(clippy::disallowed_methods, reason = "the program needs a moment to begin, and does not say when it has")]
    std::thread::sleep(std::time::Duration::from_millis(700));
    let told = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("there is a kill");
    assert!(told.success());
    Ended::of(child.wait_with_output().expect("it ends"))
}

impl Ended {
    fn of(output: Output) -> Ended {
        let text = |bytes| String::from_utf8(bytes).expect("output is text");
        Ended { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// What it wrote, where that is JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}\n{}{}", self.out, self.err))
    }
}
