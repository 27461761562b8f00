//! Puts the scenarios of `sim-scenarios` into the binary, so that it runs them without a checkout.

use std::env;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

fn main() {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo names the manifest's directory"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo gives a build script a place to write"));
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=sim-scenarios");

    let mut files = Vec::new();
    collect(&root.join("sim-scenarios"), "", &mut files);
    files.sort();

    let mut table = String::from("&[\n");
    for (name, path) in &files {
        let path = path.to_str().expect("a checkout lies below a directory whose name is text");
        writeln!(table, "    ({name:?}, include_bytes!({path:?})),").expect("a string takes everything");
    }
    table.push_str("]\n");
    fs::write(out.join("scenarios.rs"), table).expect("the build directory can be written to");
}

/// All `.toml` files below `directory`, each with its name: the path below it, with slashes and without the ending.
fn collect(directory: &Path, prefix: &str, files: &mut Vec<(String, PathBuf)>) {
    // No directory, no scenarios: a package may leave them out.
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries {
        let path = entry.expect("a directory that opens can be listed").path();
        let Some(stem) = path.file_stem().and_then(|stem| stem.to_str()) else { continue };
        let name = format!("{prefix}{stem}");
        if path.is_dir() {
            collect(&path, &format!("{name}/"), files);
        } else if path.extension().is_some_and(|ending| ending == "toml") {
            files.push((name, path));
        }
    }
}
