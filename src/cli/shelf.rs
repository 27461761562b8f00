//! Finding scenarios by name: a path, then a file below `./sim-scenarios`, then one embedded in the binary.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::scenario::file::{Diagnostic, parse_bytes};
use crate::scenario::{Family, Registry};

use super::exit::Failure;

/// The directory that names refer to.
const DIRECTORY: &str = "sim-scenarios";

/// The scenarios that come with the binary: name and text.
static EMBEDDED: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/scenarios.rs"));

/// Where scenarios are kept.
pub(super) struct Shelf {
    directory: PathBuf,
    embedded: &'static [(&'static str, &'static [u8])],
}

/// A scenario's text, and where it is from.
#[derive(Debug)]
pub(super) struct Found {
    /// How to ask for it again.
    pub(super) name: String,
    /// The path of its file, or what stands for one.
    pub(super) file: String,
    /// Its text; not yet known to be text.
    pub(super) bytes: Vec<u8>,
    /// Whether it came with the binary.
    pub(super) is_embedded: bool,
}

impl Found {
    /// Reads the text.
    pub(super) fn parse(&self, registry: &Registry) -> Result<Family, Failure> {
        let last = Path::new(&self.name).file_name().map_or(self.name.as_str().into(), |last| last.to_string_lossy());
        let stem = last.strip_suffix(".toml").unwrap_or(&last);
        parse_bytes(stem, &self.bytes, registry).map_err(|diagnostics| Failure::bad_input(self.render(&diagnostics)))
    }

    /// What is wrong with the text, for a terminal.
    pub(super) fn render(&self, diagnostics: &[Diagnostic]) -> String {
        let text = String::from_utf8_lossy(&self.bytes);
        let message = |diagnostic: &Diagnostic| diagnostic.render(&self.file, &text);
        diagnostics.iter().map(message).collect::<Vec<String>>().join("\n")
    }
}

impl Shelf {
    /// The shelf of this process.
    pub(super) fn standard() -> Shelf {
        Shelf { directory: PathBuf::from(DIRECTORY), embedded: EMBEDDED }
    }

    /// Finds a scenario.
    pub(super) fn find(&self, name: &str) -> Result<Found, Failure> {
        let path = Path::new(name);
        if path.is_file() {
            return read(path, name);
        }
        // `sim-scenarios/x.toml` also means the embedded `x` where there is no such file.
        let short = name.strip_prefix("./").unwrap_or(name);
        let short = short.strip_prefix("sim-scenarios/").unwrap_or(short);
        let short = short.strip_suffix(".toml").unwrap_or(short);
        let path = self.directory.join(format!("{short}.toml"));
        if path.is_file() {
            return read(&path, short);
        }
        match self.embedded.iter().find(|(embedded, _)| *embedded == short) {
            Some((_, bytes)) => {
                let (name, file) = (short.to_string(), format!("<embedded>/{short}.toml"));
                Ok(Found { name, file, bytes: bytes.to_vec(), is_embedded: true })
            }
            None => Err(self.unknown(name, short)),
        }
    }

    fn unknown(&self, name: &str, short: &str) -> Failure {
        let names = self.names();
        let near = nearest(short, names.keys().map(String::as_str));
        let advice = match near.as_slice() {
            [] if names.is_empty() => {
                format!("there is no file of that name, and no scenario in ./{DIRECTORY} or in this program")
            }
            [] => "there is no file of that name; `list` shows the scenarios there are".to_string(),
            near => format!("did you mean {}?", near.join(", or ")),
        };
        Failure::bad_input(format!("unknown scenario `{name}`; {advice}"))
    }

    /// All names, each with the path of its file if it has one. A file hides the embedded scenario of its name.
    pub(super) fn names(&self) -> BTreeMap<String, Option<PathBuf>> {
        let mut names: BTreeMap<String, Option<PathBuf>> =
            self.embedded.iter().map(|(name, _)| (name.to_string(), None)).collect();
        for path in files_below(&self.directory) {
            let below = path.strip_prefix(&self.directory).unwrap_or(&path).with_extension("");
            let parts: Vec<_> = below.iter().map(|part| part.to_string_lossy()).collect();
            names.insert(parts.join("/"), Some(path));
        }
        names
    }
}

fn read(path: &Path, name: &str) -> Result<Found, Failure> {
    let bytes =
        fs::read(path).map_err(|error| Failure::bad_input(format!("cannot read {}: {error}", path.display())))?;
    Ok(Found { name: name.to_string(), file: path.display().to_string(), bytes, is_embedded: false })
}

/// What a word of the command line stands for: a directory for all files below it, anything else for itself.
pub(super) fn names(word: &str) -> Vec<String> {
    let directory = Path::new(word);
    match directory.is_dir() {
        true => files_below(directory).iter().map(|path| path.to_string_lossy().into_owned()).collect(),
        false => vec![word.to_string()],
    }
}

/// All `.toml` files below a directory, in the order of their paths. None if it cannot be read.
pub(super) fn files_below(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        // A link to a directory could lead back here; links to files are welcome.
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            files.extend(files_below(&path));
        } else if path.extension().is_some_and(|ending| ending == "toml") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// Up to three names that somebody who typed `wanted` may have meant, the nearest first.
pub(super) fn nearest<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let last = |name: &'a str| name.rsplit('/').next().unwrap_or(name);
    let distance = |name: &'a str| {
        let whole = strsim::damerau_levenshtein(wanted, name);
        whole.min(strsim::damerau_levenshtein(wanted, last(name)))
    };
    let near_enough = (wanted.chars().count() / 3).max(2);
    let mut near: Vec<(usize, &str)> = names.map(|name| (distance(name), name)).collect();
    near.retain(|(distance, _)| *distance <= near_enough);
    near.sort();
    near.into_iter().take(3).map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shelf(directory: &str) -> Shelf {
        Shelf {
            directory: PathBuf::from(directory),
            embedded: &[("three-quiet-days", b"title = \"a\""), ("planted/two-loud-nights", b"title = \"b\"")],
        }
    }

    #[test]
    fn embedded_scenarios_have_several_spellings() {
        let shelf = shelf("no-such-directory");
        for (start, end) in [("", ""), ("", ".toml"), ("sim-scenarios/", ""), ("./sim-scenarios/", ".toml")] {
            let name = format!("{start}three-quiet-days{end}");
            let found = shelf.find(&name).expect(&name);
            assert_eq!((found.name.as_str(), found.is_embedded), ("three-quiet-days", true));
        }
    }

    #[test]
    fn unknown_names_are_answered_with_near_ones() {
        let shelf = shelf("no-such-directory");
        let ask = |name: &str| shelf.find(name).expect_err("there is none").message;
        let answers = ["three-quit-days", "two-loud-night", "x/three-quiet-days", "raft"].map(ask);
        insta::assert_snapshot!(answers.join("\n"), @"
        unknown scenario `three-quit-days`; did you mean three-quiet-days?
        unknown scenario `two-loud-night`; did you mean planted/two-loud-nights?
        unknown scenario `x/three-quiet-days`; did you mean three-quiet-days?
        unknown scenario `raft`; there is no file of that name; `list` shows the scenarios there are
        ");
    }

    #[test]
    fn a_file_hides_the_embedded_one_and_a_path_hides_both() {
        let directory = std::env::temp_dir().join(format!("foretell-shelf-{}", std::process::id()));
        fs::create_dir_all(directory.join("planted")).expect("there is a place for temporary files");
        let file = directory.join("three-quiet-days.toml");
        fs::write(&file, "title = \"mine\"").expect("it can be written");
        fs::write(directory.join("planted/new.toml"), "").expect("it can be written");
        let shelf = shelf(directory.to_str().expect("its name is text"));
        assert_eq!(shelf.find("three-quiet-days").expect("it is there").bytes, b"title = \"mine\"");
        assert_eq!(shelf.find("planted/new").expect("it is there").name, "planted/new");
        let path = file.to_str().expect("its name is text");
        assert_eq!(shelf.find(path).expect("it is there").name, path);
        let names: Vec<(String, bool)> = shelf.names().into_iter().map(|(name, path)| (name, path.is_some())).collect();
        let expected = [("planted/new", true), ("planted/two-loud-nights", false), ("three-quiet-days", true)];
        assert_eq!(names, expected.map(|(name, is_file)| (name.to_string(), is_file)));
        fs::remove_dir_all(directory).expect("it was made here");
    }
}
