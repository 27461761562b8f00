//! Numbers and lists as people read them.

use std::time::Duration;

use crate::base::Instant;

/// How wide a line of a report may become before it is folded.
const WIDTH: usize = 110;

/// A number with a comma between each three digits: `48,113`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of things: `1 seed`, `2 seeds`, `2 view changes`.
pub fn counted(number: u64, thing: &str) -> String {
    format!("{} {thing}{}", grouped(number), if number == 1 { "" } else { "s" })
}

/// A span of virtual time at a glance: `12.0s`, `350.2ms`, `2h 05m`. Cut, not rounded, after the last digit shown.
pub fn span(span: Duration) -> String {
    let (seconds, nanos) = (span.as_secs(), span.subsec_nanos());
    match seconds {
        0 => format!("{}.{}ms", nanos / 1_000_000, nanos / 100_000 % 10),
        1..600 => format!("{seconds}.{}s", nanos / 100_000_000),
        600..3_600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h {:02}m", grouped(seconds / 3_600), seconds / 60 % 60),
    }
}

/// A moment in seconds, down to microseconds: finer than any two events that a reader tells apart.
pub fn moment(at: Instant) -> String {
    let micros = at.as_nanos() / 1_000;
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

/// A field of a report: its name in a column of its own, and its text folded where it is too long.
pub fn field(name: &str, text: &str) -> String {
    let mut lines = format!("  {name:<11} ");
    let indent = lines.len();
    lines.push_str(&wrapped(text, WIDTH - indent).join(&format!("\n{}", " ".repeat(indent))));
    lines.push('\n');
    lines
}

/// A text of at most so many characters: of a longer one its beginning, and `…`.
pub fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some(_) => text.chars().take(most - 1).chain(['…']).collect(),
    }
}

/// A text of at most so many characters: of a longer one `…`, and its end.
pub fn cut_front(text: &str, most: usize) -> String {
    match text.chars().count() {
        length if length <= most => text.to_owned(),
        length => std::iter::once('…').chain(text.chars().skip(length - (most - 1))).collect(),
    }
}

/// A text as lines of at most so many characters, folded between words. A word that is longer has a line of its own.
pub fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for (index, word) in text.split(' ').enumerate() {
        let length = word.chars().count();
        let line = lines.last_mut().expect("there is always a last line");
        if index > 0 && used + 1 + length > width {
            lines.push(word.to_string());
            used = length;
            continue;
        }
        if index > 0 {
            line.push(' ');
            used += 1;
        }
        line.push_str(word);
        used += length;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_three() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (48_113, "48,113"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
        assert_eq!(grouped(u64::MAX), "18,446,744,073,709,551,615");
        assert_eq!([counted(1, "seed"), counted(0, "seed")], ["1 seed", "0 seeds"]);
    }

    #[test]
    fn spans_are_short() {
        let micros = [0, 350_250, 12_000_000, 599_990_000, 754_000_000, 7_500_000_000];
        let texts = micros.map(|micros| span(Duration::from_micros(micros)));
        assert_eq!(texts, ["0.0ms", "350.2ms", "12.0s", "599.9s", "12m 34s", "2h 05m"]);
    }

    #[test]
    fn long_fields_are_folded_under_their_text() {
        let text = field("faults", &"packet lost 97, ".repeat(12));
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH));
        assert!(text.lines().skip(1).all(|line| line.starts_with("              ")));
        assert_eq!(text.split_whitespace().count(), 1 + 3 * 12);
    }
}
