//! The house rules that can be read off the source: which folder may use which, how long a file may be, what must not
//! be named where.

use std::fs;
use std::path::{Path, PathBuf};

/// Which folders of `src` a folder may name, besides itself. The order is the reading order.
const MAY_USE: [(&str, &[&str]); 11] = [
    ("base", &[]),
    ("exec", &["base"]),
    ("env", &["base"]),
    ("world", &["base", "exec", "env"]),
    ("check", &["base"]),
    ("scenario", &["base", "env", "world", "check"]),
    ("explore", &["base", "check", "scenario"]),
    ("vsr", &["base", "env"]),
    ("systems", &["base", "env", "check", "scenario", "vsr"]),
    ("report", &["base", "check", "scenario", "explore"]),
    ("cli", &["base", "env", "check", "scenario", "explore", "systems", "report"]),
];

/// Lines of a file, its unit tests included, above which it surely holds more than one idea.
const LINES_MAX: usize = 500;

fn sources() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    assert!(files.len() > 50, "the sources were not found");
    let relative = |path: PathBuf| path.strip_prefix(&root).expect("it lies below").to_path_buf();
    files
        .into_iter()
        .map(|path| (relative(path.clone()), fs::read_to_string(path).expect("sources are text")))
        .collect()
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(directory).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
}

fn folder(path: &Path) -> Option<&str> {
    let mut parts = path.components();
    let first = parts.next()?.as_os_str().to_str()?;
    parts.next().map(|_| first)
}

/// The folders that a file names as `crate::folder`, with the lines. Documentation and tests may name anything.
fn named(text: &str) -> Vec<(usize, String)> {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let mut found = Vec::new();
    for (number, line) in code.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//")) {
        for rest in line.split("crate::").skip(1) {
            // Of `crate::{a::B, c::D}` each part counts.
            let parts: Vec<&str> = match rest.strip_prefix('{') {
                Some(list) => list.split(',').collect(),
                None => vec![rest],
            };
            for part in parts {
                let name: String = part.trim().chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
                found.push((number + 1, name));
            }
        }
    }
    found
}

#[test]
fn arrows_point_one_way() {
    let mut broken = Vec::new();
    for (path, text) in sources() {
        let Some(folder) = folder(&path) else { continue };
        let (_, may) = MAY_USE
            .iter()
            .find(|(name, _)| *name == folder)
            .unwrap_or_else(|| panic!("{folder} has no row in the table"));
        let is_test = path.components().any(|part| part.as_os_str() == "tests") || path.ends_with("tests.rs");
        for (line, name) in named(&text).into_iter().filter(|_| !is_test) {
            let known = MAY_USE.iter().any(|(other, _)| *other == name);
            if known && name != folder && !may.contains(&name.as_str()) {
                broken.push(format!("src/{}:{line}: `{folder}` may not use `{name}`", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn a_file_is_one_idea() {
    let long: Vec<String> = sources()
        .into_iter()
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(_, lines)| *lines > LINES_MAX)
        .map(|(path, lines)| format!("src/{} has {lines} lines", path.display()))
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}

/// Words that must not stand in code outside the named places, with the reason.
const BANNED: [(&str, &[&str], &str); 9] = [
    ("unsafe ", &[], "nothing here needs it"),
    ("println!", &["report", "cli"], "only the command line prints"),
    ("eprintln!", &["report", "cli"], "only the command line prints"),
    ("dbg!", &[], "left from debugging"),
    ("todo!", &[], "no stub is called done"),
    ("unimplemented!", &[], "no stub is called done"),
    ("thread::spawn", &[], "one run is one thread"),
    ("rand_pcg", &["base"], "only base makes randomness"),
    (" f64", &["base", "scenario", "report", "cli"], "time and probability are integers"),
];

#[test]
fn what_must_not_be_named() {
    let mut broken = Vec::new();
    for (path, text) in sources() {
        let place = folder(&path).unwrap_or_default().to_string();
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let is_test = path.components().any(|part| part.as_os_str() == "tests") || path.ends_with("tests.rs");
        for (number, line) in
            code.lines().enumerate().filter(|(_, line)| !is_test && !line.trim_start().starts_with("//"))
        {
            for (word, places, reason) in BANNED {
                if line.contains(word) && !places.contains(&place.as_str()) {
                    broken.push(format!("src/{}:{}: `{}`: {reason}", path.display(), number + 1, word.trim()));
                }
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn only_the_agenda_moves_time() {
    let moving: Vec<String> = sources()
        .into_iter()
        .filter(|(path, text)| {
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            (path.starts_with("exec") || path.starts_with("world")) && code.contains("now.set(")
        })
        .map(|(path, _)| path.display().to_string())
        .collect();
    assert_eq!(moving, ["exec/agenda.rs"]);
}
