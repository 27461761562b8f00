//! The pages of `docs` say what is so.

#[test]
fn the_clippy_configuration_to_copy_is_our_own() {
    let page = include_str!("../docs/determinism.md");
    let own = include_str!("../clippy.toml");
    let list = own.split_once('\n').expect("a line of comment stands before the lists").1;
    assert!(page.contains(&format!("```toml\n{list}```\n")), "docs/determinism.md and clippy.toml differ");
}
