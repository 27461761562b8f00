//! `failing-seeds.toml`: seeds that failed, to be run first next time.

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::scenario::file::Diagnostic;

use super::console::{probe, write_file};
use super::exit::Failure;

const HEAD: &str = "\
# Seeds that failed. `foretell sweep` runs them before all others, and takes out those that fail no more.
";

/// A seed that failed.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Failing {
    /// The scenario, as it can be named again.
    pub(super) scenario: String,
    /// The planted bug that was asked for.
    pub(super) plant: Option<String>,
    /// The seed.
    pub(super) seed: u64,
    /// What failed.
    pub(super) signature: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    #[serde(default)]
    failing: Vec<Failing>,
}

/// The file, and what it held when it was read.
pub(super) struct FailingSeeds {
    path: PathBuf,
    known: Vec<Failing>,
}

impl FailingSeeds {
    /// Reads the file; one that is not there holds nothing.
    pub(super) fn read(path: &Path) -> Result<FailingSeeds, Failure> {
        let refused = |error| Failure::bad_input(format!("cannot read {}: {error}", path.display()));
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            Err(error) => return Err(refused(error)),
        };
        let content: Content = toml::from_str(&text).map_err(|error| {
            let diagnostic = match error.span() {
                Some(span) => Diagnostic::at(span, error.message()),
                None => Diagnostic::of_file(error.message()),
            };
            let help = "an entry looks like: [[failing]] scenario = \"swarm\" seed = 7 signature = \"LIN client returns\", on a line each";
            Failure::bad_input(diagnostic.help(help).render(&path.display().to_string(), &text))
        })?;
        writable(path)?;
        Ok(FailingSeeds { path: path.to_path_buf(), known: content.failing })
    }

    /// The seeds known to fail of a scenario.
    pub(super) fn of<'a>(&'a self, scenario: &'a str, plant: Option<&'a str>) -> impl Iterator<Item = u64> + 'a {
        let same = move |failing: &&Failing| failing.scenario == scenario && failing.plant.as_deref() == plant;
        self.known.iter().filter(same).map(|failing| failing.seed)
    }

    /// Writes what is known now: what somebody else has written meanwhile, without those that came out as they should,
    /// and with those that failed. A file that would say nothing new is left alone.
    pub(super) fn update(&self, failed: Vec<Failing>, is_mended: impl Fn(&Failing) -> bool) -> Result<(), Failure> {
        let before = FailingSeeds::read(&self.path)?.known;
        let again = |known: &Failing| {
            failed
                .iter()
                .any(|new| (&new.scenario, &new.plant, new.seed) == (&known.scenario, &known.plant, known.seed))
        };
        let mut now: Vec<Failing> = before.iter().filter(|known| !is_mended(known) && !again(known)).cloned().collect();
        now.extend(failed.iter().cloned());
        now.sort();
        now.dedup();
        if now == before {
            return Ok(());
        }
        let mut text = HEAD.to_string();
        for Failing { scenario, plant, seed, signature } in &now {
            let quoted = |text: &str| crate::scenario::file::quote(text);
            // Writing to a string cannot fail.
            let _ = write!(text, "\n[[failing]]\nscenario = {}\n", quoted(scenario));
            if let Some(plant) = plant {
                let _ = writeln!(text, "plant = {}", quoted(plant));
            }
            let _ = writeln!(text, "seed = {seed}\nsignature = {}", quoted(signature));
        }
        write_file(&self.path, |out| out.write_all(text.as_bytes()))
    }
}

/// Makes sure, before anything is run, that the file could be written: hours of a sweep must not end with that.
fn writable(path: &Path) -> Result<(), Failure> {
    let refused = |error| Failure::bad_input(format!("cannot write {}: {error}", path.display()));
    if path.exists() {
        return OpenOptions::new().append(true).open(path).map(drop).map_err(refused);
    }
    probe(&path.with_file_name("")).map_err(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failing(scenario: &str, plant: Option<&str>, seed: u64) -> Failing {
        let signature = "LIN client returns".to_string();
        Failing { scenario: scenario.to_string(), plant: plant.map(str::to_string), seed, signature }
    }

    fn file(test: &str) -> PathBuf {
        let directory = std::env::temp_dir().join(format!("foretell-failing-{test}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(&directory).expect("there is a place for temporary files");
        directory.join("failing-seeds.toml")
    }

    #[test]
    fn what_fails_is_kept_and_what_passes_again_is_forgotten() {
        let path = file("kept");
        let read = || FailingSeeds::read(&path).expect("it is right");
        read().update(Vec::new(), |_| true).expect("nothing is to be written");
        assert!(!path.exists(), "nothing to say, nothing written");
        let first = vec![failing("swarm", None, 7), failing("swarm", Some("odd \"one\""), 9)];
        read().update(first.clone(), |_| true).expect("it can be written");
        assert_eq!(read().known, first);
        assert_eq!(read().of("swarm", None).collect::<Vec<_>>(), [7]);
        read().update(vec![failing("calm", None, 1)], |known| known.seed == 7).expect("it can be written");
        assert_eq!(read().known, [failing("calm", None, 1), failing("swarm", Some("odd \"one\""), 9)]);
        insta::assert_snapshot!(fs::read_to_string(&path).expect("it is there"), @r#"
        # Seeds that failed. `foretell sweep` runs them before all others, and takes out those that fail no more.

        [[failing]]
        scenario = "calm"
        seed = 1
        signature = "LIN client returns"

        [[failing]]
        scenario = "swarm"
        plant = "odd \"one\""
        seed = 9
        signature = "LIN client returns"
        "#);
    }

    #[test]
    fn mistakes_have_a_place() {
        let path = file("mistakes");
        fs::write(&path, "[[failing]]\nscenario = \"swarm\"\nsede = 7\n").expect("it can be written");
        let Err(failure) = FailingSeeds::read(&path) else { panic!("it was accepted") };
        let message = failure.message.replace(&*path.to_string_lossy(), "failing-seeds.toml");
        insta::assert_snapshot!(message, @r#"
        failing-seeds.toml:3:1: unknown field `sede`, expected one of `scenario`, `plant`, `seed`, `signature`
          |
        3 | sede = 7
          | ^^^^
          = help: an entry looks like: [[failing]] scenario = "swarm" seed = 7 signature = "LIN client returns", on a line each
        "#);
    }
}
