//! The pages of `docs` say what is so.

#[test]
fn the_clippy_configuration_to_copy_is_our_own() {
    let page = include_str!("../docs/determinism.md");
    let own = include_str!("../clippy.toml");
    let list = own.split_once('\n').expect("a line of comment stands before the lists").1;
    assert!(page.contains(&format!("```toml\n{list}```\n")), "docs/determinism.md and clippy.toml differ");
}

#[test]
fn every_mark_of_the_table_is_reached_by_the_scenario_beside_it() {
    let page = include_str!("../docs/marks.md");
    let cells = |line: &str| -> Vec<String> { line.split('|').map(|cell| cell.trim().to_string()).collect() };
    let is_row = |line: &&str| line.starts_with("| ") && !line.starts_with("| place |");
    let rows: Vec<Vec<String>> = page.lines().filter(is_row).map(cells).collect();
    assert!(rows.len() > 24, "the tables are found");
    for row in rows {
        let (mark, scenario) = (row[2].trim_matches('`'), &row[4]);
        let path = format!("{}/sim-scenarios/{scenario}.toml", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let file: toml::Table = text.parse().unwrap_or_else(|error| panic!("{path}: {error}"));
        let reached = file.get("check").and_then(|check| check.get("reached")).and_then(toml::Value::as_array);
        let listed = reached.is_some_and(|marks| marks.iter().any(|listed| listed.as_str() == Some(mark)));
        assert!(listed, "{scenario} does not say that it reaches {mark:?}");
    }
}

#[test]
fn every_mark_of_the_protocol_is_in_the_table() {
    let page = include_str!("../docs/marks.md");
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/vsr");
    let mut marks = Vec::new();
    for directory in [root.clone(), root.join("disk")] {
        for file in std::fs::read_dir(directory).expect("it is there") {
            let path = file.expect("it can be listed").path();
            if path.extension().is_none_or(|ending| ending != "rs") {
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("it can be read");
            let code = text.split("#[cfg(test)]").next().expect("a text has a beginning");
            let named = code.split("mark(\"").skip(1).chain(code.split(" => \"restart: ").skip(1));
            marks.extend(named.map(|rest| rest.split('"').next().expect("a name has an end").to_string()));
        }
    }
    assert!(marks.len() > 40, "the marks are found: {marks:?}");
    // What is as it ought to be is no place to have been to.
    let is_plain = |mark: &String| ["entry whole", "slot vacant"].contains(&mark.as_str());
    for mark in marks.iter().filter(|mark| !is_plain(mark)) {
        let listed = page.contains(&format!("`{mark}`")) || page.contains(&format!("`restart: {mark}`"));
        assert!(listed, "docs/marks.md does not know {mark:?}");
    }
}
