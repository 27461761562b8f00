//! Seeds and other numbers as typed, and a seed drawn from the operating system.

use std::cmp::Ordering;
use std::hash::{BuildHasher, Hasher};
use std::ops::Range;
use std::time::Duration;

use crate::base::text::parse_duration;

/// Reads `A..B`, or `A..` for a range that ends with the last seed there is.
pub(super) fn parse(text: &str) -> Result<Range<u64>, String> {
    let (from, to) = text.split_once("..").ok_or_else(|| "a range of seeds looks like `0..1000`".to_string())?;
    let number =
        |text: &str| text.parse::<u64>().map_err(|_| format!("`{text}` is not a seed; a range looks like `0..1000`"));
    let (from, to) = (number(from)?, if to.is_empty() { u64::MAX } else { number(to)? });
    match from.cmp(&to) {
        Ordering::Less => Ok(from..to),
        Ordering::Equal => {
            let end = to.saturating_add(1);
            Err(format!("there is no seed in it: the last one is left out, so write `{from}..{end}`"))
        }
        Ordering::Greater => Err(format!("it runs backwards; write `{to}..{from}`")),
    }
}

/// Reads a span of real time such as `30s` or `5m`.
pub(super) fn span(text: &str) -> Result<Duration, String> {
    match parse_duration(text)? {
        Duration::ZERO => Err("expected a span longer than zero".to_string()),
        span => Ok(span),
    }
}

/// A seed nobody chose, below 2^32 so that it is easy to copy.
pub(super) fn drawn() -> u64 {
    // The standard library seeds this state from the operating system, and needs no further package for it.
    #[expect(clippy::disallowed_types, reason = "the one place where a seed may come from outside; it is printed")]
    let state = std::hash::RandomState::new();
    state.build_hasher().finish() & u64::from(u32::MAX)
}

/// Reads a number.
pub(super) fn number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| "expected a whole number that is not negative and below 2^64".to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_leave_out_their_end() {
        assert_eq!(parse("0..1000"), Ok(0..1000));
        assert_eq!(parse("7.."), Ok(7..u64::MAX));
        assert_eq!(parse("18446744073709551614..18446744073709551615"), Ok(u64::MAX - 1..u64::MAX));
    }

    #[test]
    fn mistakes_are_explained() {
        insta::assert_snapshot!(
            ["7", "0..x", "a..9", "5..5", "9..2", "-1..2", "1..=2"].map(|text| parse(text).unwrap_err()).join("\n"),
            @"
        a range of seeds looks like `0..1000`
        `x` is not a seed; a range looks like `0..1000`
        `a` is not a seed; a range looks like `0..1000`
        there is no seed in it: the last one is left out, so write `5..6`
        it runs backwards; write `2..9`
        `-1` is not a seed; a range looks like `0..1000`
        `=2` is not a seed; a range looks like `0..1000`
        "
        );
    }

    #[test]
    fn drawn_seeds_are_short_and_differ() {
        let seeds: Vec<u64> = (0..8).map(|_| drawn()).collect();
        assert!(seeds.iter().all(|seed| *seed <= u64::from(u32::MAX)));
        assert!(seeds.iter().any(|seed| *seed != seeds[0]));
    }
}
