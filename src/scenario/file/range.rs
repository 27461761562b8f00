//! A value drawn between two others: `{ between = ["1ms", "10ms"], scale = "log" }`.
//!
//! Whatever the two are, they are whole numbers below: nanoseconds, billionths, operations or bytes a second. So no float ever
//! decides anything, and what was drawn is written back exactly. Of nanoseconds, billionths and bytes only the first
//! three digits are kept: "18.3ms" says as much as "18.346201ms" and can be read.
//!
//! On the scale "log" each doubling is as likely as any other: between 1 and 100, one draw in three is below 5. The
//! logarithm itself would need floats. Instead the range is halved 32 times, and each time a bit of the dice chooses one
//! of the halves. On this scale the middle of two numbers is the root of their product: of 1 and 100 it is 10, then of
//! 10 and 100 it is 31, and so on. The root is rounded down, which would matter among small numbers (the middle of 1 and
//! 3 is not 1), so the numbers are first shifted as far to the left as a word allows, and back at the end.

use std::time::Duration;

use crate::base::measure::{format_bandwidth, parse_bandwidth};
use crate::base::text::{format_duration, parse_duration};
use crate::base::{Draw, Ratio};

use super::tree::{Integer, Node, Tree};

/// What a range is of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Unit {
    Whole,
    /// Billionths.
    Ratio,
    /// Nanoseconds.
    Duration,
    /// Operations a second.
    Rate,
    /// Bytes a second.
    Bandwidth,
}

/// Two values, and how those between them are spread.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Range {
    unit: Unit,
    low: u64,
    high: u64,
    log: bool,
}

/// Halvings of a range on the scale "log".
const HALVINGS: u32 = 32;

/// How the parts of a whole are printed.
const BILLION: u64 = 1_000_000_000;

/// What a bound can be.
pub(super) const BOUNDS: &str = "two whole numbers, two numbers with a point from 0 to 1, two durations such as \"5ms\", two rates such as \"10/s\" or two bandwidths such as \"10MB/s\"";

impl Range {
    /// The range between two values.
    ///
    /// # Errors
    /// Says what is wrong, and with which of them: 0, 1, or 2 for both.
    pub fn new(low: &Node, high: &Node, log: bool) -> Result<Range, (usize, String)> {
        let (unit, low_value) = bound(low).map_err(|message| (0, message))?;
        let (other, high_value) = bound(high).map_err(|message| (1, message))?;
        let said = format!("{} and {}", low.value, high.value);
        if unit != other {
            return Err((2, format!("both ends have to be of one kind, and {said} are not")));
        }
        if low_value > high_value {
            return Err((2, format!("the lower one comes first, but here stand {said}")));
        }
        if log && low_value == 0 {
            return Err((0, format!("on the scale \"log\" everything is above 0, and here stands {}", low.value)));
        }
        Ok(Range { unit, low: low_value, high: high_value, log })
    }

    /// A value between the two, both included.
    pub fn draw(&self, draw: &mut Draw) -> Tree<'static> {
        let number = match self.log {
            true => logarithmic(self.low, self.high, draw.word()),
            false => draw.between(self.low, self.high),
        };
        match self.unit {
            Unit::Whole | Unit::Rate => self.value(number),
            Unit::Ratio | Unit::Duration | Unit::Bandwidth => self.value(shortened(number).max(self.low)),
        }
    }

    fn value(&self, number: u64) -> Tree<'static> {
        match self.unit {
            Unit::Whole => Tree::Integer(Integer::of(number)),
            Unit::Ratio => Tree::Float(billionths(number).into()),
            Unit::Duration if number == 0 => Tree::String("0s".into()),
            Unit::Duration => Tree::String(format_duration(Duration::from_nanos(number)).into()),
            Unit::Rate => Tree::String(format!("{number}/s").into()),
            Unit::Bandwidth => Tree::String(format_bandwidth(number).into()),
        }
    }
}

/// What a bound is of, and how much of it.
fn bound(node: &Node) -> Result<(Unit, u64), String> {
    let wrong = || format!("a range is between {BOUNDS}, and here stands {}", node.value);
    match &node.value {
        Tree::Integer(integer) => integer.whole().map(|number| (Unit::Whole, number)).ok_or_else(wrong),
        Tree::Float(text) => {
            let ratio = text.parse().ok().and_then(Ratio::from_float);
            ratio.map(|ratio| (Unit::Ratio, ratio.parts())).ok_or_else(wrong)
        }
        Tree::String(text) if text.ends_with("B/s") => Ok((Unit::Bandwidth, parse_bandwidth(text)?)),
        Tree::String(text) => match text.strip_suffix("/s") {
            Some(number) => number.parse().map(|number| (Unit::Rate, number)).map_err(|_| wrong()),
            None => {
                let span = parse_duration(text)?;
                Ok((Unit::Duration, u64::try_from(span.as_nanos()).map_err(|_| wrong())?))
            }
        },
        _ => Err(wrong()),
    }
}

/// The number with zeros after its first three digits.
fn shortened(number: u64) -> u64 {
    let mut scale = 1;
    while number / scale >= 1000 {
        scale *= 10;
    }
    number / scale * scale
}

/// Billionths as a number with a point.
fn billionths(parts: u64) -> String {
    let fraction = format!("{:09}", parts % BILLION);
    let fraction = fraction.trim_end_matches('0');
    format!("{}.{}", parts / BILLION, if fraction.is_empty() { "0" } else { fraction })
}

/// A number from `low` to `high`, both included, each with the share that it has of the range on a logarithmic scale. It
/// stands there for everything from itself up to the next, so `high` has a share as well.
fn logarithmic(low: u64, high: u64, dice: u64) -> u64 {
    assert!(low > 0, "there is no logarithm of zero");
    assert!(low <= high, "an empty range has no numbers");
    let end = high.saturating_add(1);
    let shift = end.leading_zeros();
    let (mut from, mut to) = (low << shift, end << shift);
    for bit in 0..HALVINGS {
        // Of small numbers only one is left after a few halvings.
        if from >> shift == (to - 1) >> shift {
            break;
        }
        let middle = (u128::from(from) * u128::from(to)).isqrt();
        let middle = u64::try_from(middle).expect("it lies between two words");
        if dice >> bit & 1 == 0 { to = middle } else { from = middle }
    }
    let drawn = from >> shift;
    assert!(drawn >= low, "the lower end only rises");
    // Where `high` is the largest word there is, the end of the range is itself.
    drawn.min(high)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(value: Tree<'static>) -> Node<'static> {
        Node { span: 0..0, value }
    }

    fn range(low: Tree<'static>, high: Tree<'static>, log: bool) -> Range {
        Range::new(&node(low), &node(high), log).expect("the range is right")
    }

    fn text(text: &'static str) -> Tree<'static> {
        Tree::String(text.into())
    }

    /// A change here changes every file with choices. Never update it to make a build pass.
    #[test]
    fn golden_values_of_every_kind() {
        let whole = |number| Tree::Integer(Integer::of(number));
        let float = |text: &'static str| Tree::Float(text.into());
        let mut lines = Vec::new();
        for log in [false, true] {
            for (low, high) in [
                (whole(1), whole(200)),
                (float("0.001"), float("0.1")),
                (text("100us"), text("1s")),
                (text("10/s"), text("1000/s")),
                (text("1MB/s"), text("1GB/s")),
                (whole(7), whole(7)),
                (whole(1), whole(u64::MAX)),
            ] {
                let range = range(low.clone(), high.clone(), log);
                let drawn: Vec<String> = (0..4).map(|key| range.draw(&mut Draw::keyed(1, key)).to_string()).collect();
                lines.push(format!("{low} to {high}{}: {}", if log { " log" } else { "" }, drawn.join(" ")));
            }
        }
        insta::assert_snapshot!(lines.join("\n"), @r#"
        1 to 200: 125 5 124 9
        0.001 to 0.1: 0.0628 0.0032 0.0621 0.00537
        "100us" to "1s": "624ms" "22.4ms" "618ms" "44.2ms"
        "10/s" to "1000/s": "628/s" "32/s" "622/s" "53/s"
        "1MB/s" to "1GB/s": "624MB/s" "23200kB/s" "618MB/s" "45100kB/s"
        7 to 7: 7 7 7 7
        1 to 18446744073709551615: 11516117406826743197 411607672348796477 11402977984528787923 815184066420495565
        1 to 200 log: 46 49 67 40
        0.001 to 0.1 log: 0.0282 0.0296 0.0389 0.0251
        "100us" to "1s" log: "79.5ms" "87.8ms" "151ms" "63ms"
        "10/s" to "1000/s" log: "282/s" "296/s" "389/s" "251/s"
        "1MB/s" to "1GB/s" log: "149MB/s" "161MB/s" "243MB/s" "125MB/s"
        7 to 7 log: 7 7 7 7
        1 to 18446744073709551615 log: 93482766345776 150920956498926 2093135648178954 30453912862998
        "#);
    }

    #[test]
    fn everything_drawn_lies_between_and_both_ends_are_drawn() {
        for log in [false, true] {
            let range = range(Tree::Integer(Integer::of(3)), Tree::Integer(Integer::of(7)), log);
            let mut counts = [0u32; 10];
            for key in 0..10_000 {
                let Tree::Integer(drawn) = range.draw(&mut Draw::keyed(5, key)) else { panic!("not an integer") };
                counts[drawn.whole().expect("it is small") as usize] += 1;
            }
            assert_eq!(counts[..3], [0; 3]);
            assert_eq!(counts[8..], [0; 2]);
            // On the logarithmic scale 3 to 7 is the stretch from 3 to 8, of which 3 has ln(4/3) / ln(8/3), or 29 %, and
            // 7 has ln(8/7) / ln(8/3), or 14 %. Three standard deviations either way.
            let (first, last) = if log { (2_740..3_020, 1_230..1_440) } else { (1_900..2_100, 1_900..2_100) };
            assert!(first.contains(&counts[3]), "{counts:?}");
            assert!(last.contains(&counts[7]), "{counts:?}");
        }
    }

    #[test]
    fn each_doubling_is_as_likely_on_the_logarithmic_scale() {
        let mut counts = [0u32; 10];
        for key in 0..20_000 {
            let drawn = logarithmic(1, 1023, Draw::keyed(2, key).word());
            counts[drawn.ilog2() as usize] += 1;
        }
        assert!(counts.iter().all(|count| (1_850..2_150).contains(count)), "{counts:?}");
    }

    #[test]
    fn the_extremes_of_the_dice_are_the_ends() {
        for (low, high) in [(1, 1), (1, 2), (1, 6), (5, 1_000_000_007), (1, u64::MAX), (u64::MAX, u64::MAX)] {
            assert_eq!(logarithmic(low, high, 0), low);
            // What 32 halvings leave of a wide range is not quite a single number.
            let short = high / 10_000_000;
            assert!((high - short..=high).contains(&logarithmic(low, high, u64::MAX)));
        }
    }

    #[test]
    fn what_is_drawn_is_short() {
        assert_eq!([0, 7, 999, 1_000, 12_345, 999_999].map(shortened), [0, 7, 999, 1_000, 12_300, 999_000]);
    }

    #[test]
    fn probabilities_are_written_back_exactly() {
        for parts in [0, 1, 10, 999_999_999, BILLION, 50_000_000, 123_456_789] {
            let written = billionths(parts).parse().ok().and_then(Ratio::from_float);
            assert_eq!(written.map(Ratio::parts), Some(parts));
        }
        assert_eq!([0, 50_000_000, BILLION].map(billionths), ["0.0", "0.05", "1.0"]);
    }
}
