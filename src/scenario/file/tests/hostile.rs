//! Whatever stands in a file, reading it ends in a scenario or in mistakes.

use proptest::prelude::*;
use proptest::sample::Index;

use super::super::{parse, parse_bytes, print};
use super::chance::EVERYTHING;
use super::generate::scenario;
use super::registry;

fn said(bytes: &[u8]) -> String {
    let mistakes = parse_bytes("test", bytes, &registry()).expect_err("this is no scenario");
    let text = String::from_utf8_lossy(bytes);
    assert!(!mistakes.is_empty());
    assert!(mistakes.len() <= super::super::MISTAKES + 1);
    mistakes.iter().map(|mistake| mistake.render("x.toml", &text)).collect()
}

#[test]
fn what_is_no_text_is_refused() {
    assert_eq!(said(b""), "x.toml: the file is empty\n");
    assert_eq!(said(b" \n\t\r\n"), "x.toml: the file is empty\n");
    assert_eq!(said(&vec![b'a'; (1 << 20) + 1]), "x.toml: the file is longer than 1 MiB, which no scenario is\n");
    assert_eq!(said(&vec![0xff; (1 << 20) + 1]), "x.toml: the file is longer than 1 MiB, which no scenario is\n");
    assert_eq!(
        said(b"title = \"\xff\""),
        "x.toml: this is not text in UTF-8: byte 9 does not belong there\n  = help: a scenario is a TOML file, which is plain text\n"
    );
    said(&[0; 1000]);
    said(&[b'\n', 0x1b, b'[', b'A']);
}

#[test]
fn what_is_nested_too_deeply_is_refused() {
    for (open, middle, close) in [("[", "", "]"), ("{a=", "1", "}"), ("[{a=", "1", "}]")] {
        for depth in [100, 10_000, 100_000] {
            said(format!("title = {}{middle}{}", open.repeat(depth), close.repeat(depth)).as_bytes());
            said(format!("title = {}", open.repeat(depth)).as_bytes());
        }
    }
    for depth in [100, 10_000, 200_000] {
        said(format!("{}a = 1", "a.".repeat(depth)).as_bytes());
        said(format!("[{}a]", "a.".repeat(depth)).as_bytes());
        said(format!("title = {{ {}a = 1 }}", "a.".repeat(depth)).as_bytes());
    }
}

#[test]
fn a_file_of_nothing_but_mistakes_is_counted_not_listed() {
    let lines: String = (0..20_000).map(|number| format!("key{number} = {number}\n")).collect();
    let said = said(lines.as_bytes());
    assert!(said.contains("more mistakes"), "{said}");
    assert!(said.lines().count() < 1_000);
}

/// A reader that compares each element with all others would take hours over a megabyte of them.
#[test]
fn long_lists_are_read_in_good_time() {
    let head = "title = \"t\"\nsystem = \"vsr\"\n";
    let tables = "[cluster]\nreplicas = 3\nclients = 2\n";
    for (top, piece, end) in [
        ("a = [", "\"NUMBER\", ", "]"),
        ("deviations = [", "\"drop r0->r1 A #NUMBER\", ", "]"),
        ("check.reached = [", "\"NUMBER\", ", "]"),
        ("", "[[phase]]\nname = \"NUMBER\"\nfor = \"1ns\"\n", ""),
        ("", "[a.bNUMBER]\n", ""),
        ("", "aNUMBER.b = 1\n", ""),
        ("", "NUMBER = t\n", ""),
        ("a = [", "{ b = NUMBER }, ", "]"),
        ("a = [", "NUMBER ", "]"),
    ] {
        let mut text = format!("{head}{top}");
        for number in 0.. {
            let piece = piece.replace("NUMBER", &number.to_string());
            if text.len() + piece.len() + tables.len() + end.len() > 1 << 20 {
                break;
            }
            text.push_str(&piece);
        }
        text.push_str(end);
        said(format!("{text}\n{tables}").as_bytes());
    }
}

/// Choices multiply what they stand around, so each of these would take for ever if it were only tried.
#[test]
fn choices_without_end_are_refused() {
    let depth = 20;
    let nested = |open: &str, close: &str| format!("{}1{}", open.repeat(depth), close.repeat(depth));
    for value in [
        nested("{ any = [", "] }"),
        nested("{ any = [[", "]] }"),
        nested("[{ repeat = 64, any = [", "] }]"),
        nested("[{ repeat = 64, chance = 0.5, any = [", "] }]"),
        nested("[{ repeat = 64, a = ", " }]"),
        nested("{ any = [1, 2, 3, ", "], weights = [1, 1, 1, 1] }"),
        nested("{ chance = 0.5, a = { any = [", "] } }"),
        nested("[{ repeat = { any = [64, 64] }, any = [", "] }]"),
        format!("{{ any = [{}] }}", "{ any = [1, 2] }, ".repeat(10_000)),
        format!("{{ any = [{}], weights = [{}] }}", "1, ".repeat(100_000), "1, ".repeat(100_000)),
        format!("[{}]", "{ chance = 0.5, between = [1, 2] }, ".repeat(20_000)),
        format!("[{}]", "{ repeat = 64 }, ".repeat(50_000)),
        format!("{{ {} any = [] }}", (0..50_000).map(|key| format!("k{key} = 1, ")).collect::<String>()),
    ] {
        for text in [format!("title = {value}"), format!("[network]\nloss = {value}"), format!("phase = {value}")] {
            said(text.as_bytes());
        }
    }
}

#[test]
fn long_words_are_neither_compared_nor_repeated() {
    let word = "x".repeat(500_000);
    for text in [
        format!("{word} = 1"),
        format!("system = \"{word}\""),
        format!("title = {word}"),
        format!("deviations = [\"{word} {word}\"]"),
    ] {
        assert!(said(text.as_bytes()).len() < 20_000);
    }
}

/// A text with a piece cut out and something put there, and the same piece put elsewhere.
pub(super) fn damaged(text: &str, from: Index, length: usize, to: Index, replace: &str) -> [String; 2] {
    let characters: Vec<char> = text.chars().collect();
    let from = from.index(characters.len());
    let until = (from + length).min(characters.len());
    let piece: String = characters[from..until].iter().collect();
    let rest: Vec<char> = characters[..from].iter().chain(&characters[until..]).copied().collect();
    [(from, replace), (to.index(rest.len() + 1), piece.as_str())].map(|(place, inserted)| {
        let mut changed = rest.clone();
        changed.splice(place..place, inserted.chars());
        changed.into_iter().collect()
    })
}

/// What is put into the place of a piece.
pub(super) fn instead() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "",
        "\"",
        "[",
        "]",
        "{",
        "=",
        "\n",
        "0",
        "-1",
        "1e99",
        "'",
        "nan",
        "[[phase]]\n",
        "é",
        "any = 1",
        "chance = 0",
        "[[any]]\n",
        "{ between = [1, 9] }",
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse_bytes("test", &bytes, &registry());
    }

    /// A right file with a piece cut out, doubled or put elsewhere is where real mistakes come from.
    #[test]
    fn damaged_files_are_survived(
        scenario in scenario(),
        from in any::<Index>(),
        length in 0usize..60,
        to in any::<Index>(),
        replace in instead(),
    ) {
        // One file in four is full of choices.
        let text = if length % 4 == 0 { EVERYTHING.to_string() } else { print(&scenario) };
        for changed in damaged(&text, from, length, to, replace) {
            let read = parse("test", &changed, &registry());
            if let Ok(family) = &read {
                for seed in 0..4 {
                    let _ = family.scenario(seed);
                }
            }
            if let Err(mistakes) = read {
                prop_assert!(!mistakes.is_empty());
                for mistake in &mistakes {
                    let rendered = mistake.render("x.toml", &changed);
                    prop_assert!(rendered.lines().all(|line| line.chars().count() < 700));
                }
                let places: Vec<_> = mistakes.iter().map(|mistake| mistake.span.as_ref().map(|span| span.start)).collect();
                prop_assert!(places.is_sorted());
            }
        }
    }
}
