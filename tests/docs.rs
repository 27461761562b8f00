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
    let rows: Vec<Vec<String>> = page.lines().filter(|line| line.starts_with("| ")).skip(1).map(cells).collect();
    assert_eq!(rows.len(), 24, "the table is found");
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
