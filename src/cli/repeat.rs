//! The line that repeats a run, ready to be pasted into a shell.

use std::fmt;
use std::ops::Range;

use crate::check::OracleId;

/// Everything a run depends on beside its seed.
#[derive(Clone, Debug)]
pub(super) struct Repeat {
    /// What this program is called.
    pub(super) program: String,
    /// The scenario, as it can be named again.
    pub(super) scenario: String,
    /// `--plant`, if it was given.
    pub(super) plant: Option<String>,
    /// `--oracles`, if it was given.
    pub(super) oracles: Option<Vec<OracleId>>,
}

impl Repeat {
    /// Repeats one seed.
    pub(super) fn seed(&self, seed: u64) -> String {
        self.line("run", &format!(" --seed {seed}"))
    }

    /// Repeats a range of seeds.
    pub(super) fn seeds(&self, seeds: &Range<u64>) -> String {
        let end = if seeds.end == u64::MAX { String::new() } else { seeds.end.to_string() };
        self.line("sweep", &format!(" --seeds {}..{end}", seeds.start))
    }

    /// Repeats what needs no seed.
    pub(super) fn plain(&self) -> String {
        self.line("run", "")
    }

    /// A command on this scenario, with what was said about it.
    pub(super) fn line(&self, command: &str, seed: &str) -> String {
        format!("{} {command} {}{seed}{}", Quoted(&self.program), Quoted(&self.scenario), self.options())
    }

    /// What was said about the scenario beside its name and its seeds, as it is typed.
    pub(super) fn options(&self) -> String {
        let mut options = String::new();
        if let Some(plant) = &self.plant {
            options.push_str(&format!(" --plant {}", Quoted(plant)));
        }
        if let Some(oracles) = &self.oracles {
            let tags: Vec<&str> = oracles.iter().map(|oracle| oracle.tag()).collect();
            options.push_str(&format!(" --oracles {}", tags.join(",")));
        }
        options
    }
}

/// A word as a shell takes it.
pub(super) fn quoted(word: &str) -> String {
    Quoted(word).to_string()
}

/// A word as a shell takes it.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=,@%+".contains(c);
        if !self.0.is_empty() && self.0.chars().all(plain) {
            f.write_str(self.0)
        } else {
            write!(f, "'{}'", self.0.replace('\'', r"'\''"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_that_matters_is_in_the_line() {
        let repeat = |scenario: &str, plant: Option<&str>| Repeat {
            program: "foretell".to_string(),
            scenario: scenario.to_string(),
            plant: plant.map(str::to_string),
            oracles: plant.map(|_| vec![OracleId::Lin, OracleId::Live]),
        };
        assert_eq!(repeat("calm", None).seed(7), "foretell run calm --seed 7");
        assert_eq!(repeat("calm", None).seeds(&(0..9)), "foretell sweep calm --seeds 0..9");
        assert_eq!(repeat("p/x.toml", Some("odd")).plain(), "foretell run p/x.toml --plant odd --oracles lin,live");
        assert_eq!(repeat("it's here.toml", None).plain(), r"foretell run 'it'\''s here.toml'");
    }
}
