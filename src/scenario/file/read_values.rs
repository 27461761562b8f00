//! Reading the small things: durations, probabilities, distributions, nodes.

use std::time::Duration;

use crate::base::text::{format_duration, parse_duration};
use crate::base::{Distribution, NodeId, Ratio};

use super::reader::{Table, Value};
use super::tree::Tree;

const DURATION: &str = "a duration such as \"300ms\"";
const DISTRIBUTION: &str =
    "a duration such as \"5ms\" or a table such as { min = \"1ms\", mean = \"5ms\", max = \"50ms\" }";

/// Where a mean is given without a greatest value, samples are cut at this many times the mean.
pub(super) const TAIL: u32 = 10;

/// A duration with its unit.
pub(super) fn duration(value: Value) -> Option<Duration> {
    duration_or(value, DURATION)
}

/// A duration that is not zero.
pub(super) fn some_duration(value: Value) -> Option<Duration> {
    match duration(value)? {
        Duration::ZERO => value.wrong("expected a duration longer than zero"),
        span => Some(span),
    }
}

fn duration_or(value: Value, expected: &str) -> Option<Duration> {
    match value.raw() {
        Tree::String(text) => parse_duration(text).map_or_else(|message| value.wrong(message), Some),
        Tree::Integer(number) => value.wrong_with(
            format!("expected {expected}, found an integer"),
            format!("say which unit (ns, us, ms, s, m): \"{number}ms\""),
        ),
        _ => value.expected(expected),
    }
}

/// A probability or a share.
pub(super) fn ratio(value: Value) -> Option<Ratio> {
    let number = match value.raw() {
        Tree::Float(float) => float.parse::<f64>().ok(),
        Tree::Integer(integer) => integer.as_str().parse::<i64>().ok().map(|number| number as f64),
        _ => return value.expected("a number from 0 to 1 such as 0.05"),
    };
    let Some(number) = number else { return value.wrong("expected a number from 0 to 1") };
    match Ratio::from_float(number) {
        Some(ratio) if ratio.is_zero() && number != 0.0 => {
            value.wrong("a billionth (0.000000001) is the least probability there is, apart from 0")
        }
        Some(ratio) => Some(ratio),
        None if number > 1.0 && number <= 100.0 => value.wrong_with(
            format!("expected a number from 0 to 1, found {number}"),
            format!("{number} % is written {}", number / 100.0),
        ),
        None => value.wrong(format!("expected a number from 0 to 1, found {number}")),
    }
}

/// A probability that leaves something to chance unless it is zero.
pub(super) fn chance(value: Value) -> Option<Ratio> {
    let ratio = ratio(value)?;
    if !ratio.is_zero() {
        value.chance("a plan cannot have a probability other than 0");
    }
    Some(ratio)
}

/// How long something takes: a duration, or a table that says how durations are spread.
pub(super) fn distribution(value: Value) -> Option<Distribution> {
    let distribution = match value.raw() {
        Tree::Table(_) => value.table("a distribution", |table| {
            let distribution = spread(table, value)?;
            value.chance("a plan cannot spread durations; it needs one duration, such as \"5ms\"");
            Some(distribution)
        })?,
        _ => Distribution::Constant(duration_or(value, DISTRIBUTION)?),
    };
    Some(distribution)
}

/// The spread forms that a `shape` can name.
#[derive(Clone, Copy, PartialEq)]
enum Shape {
    Uniform,
    Exponential,
    LogNormal,
}

const SHAPES: [(&str, Shape); 3] =
    [("uniform", Shape::Uniform), ("exponential", Shape::Exponential), ("log-normal", Shape::LogNormal)];

fn spread(table: &mut Table, whole: Value) -> Option<Distribution> {
    let shape = table.take("shape");
    let given = table.take_any(&["min", "mean", "max"]);
    let modes = table.take_any(&["fast", "slow", "share"]);
    if !modes.is_empty() {
        if let Some(other) = shape.or(given.first().map(|(_, value)| *value)) {
            return other.wrong("`fast`, `slow` and `share` stand alone, without `shape`, `min`, `mean` or `max`");
        }
        let mode = |table: &mut Table, key| table.need(key).and_then(duration);
        let (fast, slow) = (mode(table, "fast"), mode(table, "slow"));
        let share = table.need("share").and_then(ratio);
        return Some(Distribution::Bimodal { fast: fast?, slow: slow?, share: share? });
    }
    // Unreadable is not the same as absent, so each is read before any of them is missed.
    let named = |key| given.iter().find(|(name, _)| *name == key).map(|(_, value)| duration(*value));
    let (min, mean, max) = (named("min"), named("mean"), named("max"));
    let shape = match shape {
        Some(value) => value.word("a shape", &SHAPES)?,
        None if mean.is_none() => Shape::Uniform,
        None => Shape::Exponential,
    };
    if shape == Shape::Uniform {
        if let Some((_, value)) = given.iter().find(|(name, _)| *name == "mean") {
            return value.wrong("a uniform distribution has no `mean`; `min` and `max` say it all");
        }
        let (Some(min), Some(max)) = (min, max) else {
            return whole.wrong_with(
                "a distribution needs `mean`, or both `min` and `max`, or `fast`, `slow` and `share`",
                "a duration that is always the same is written without a table: \"5ms\"",
            );
        };
        let (min, max) = (min?, max?);
        ordered(whole, ("min", min), ("max", max))?;
        return Some(Distribution::Uniform { min, max });
    }
    let Some(mean) = mean else { return whole.wrong("this distribution needs `mean`") };
    let (min, mean) = (min.unwrap_or(Some(Duration::ZERO)), mean?);
    let max = max.unwrap_or(tail(mean));
    let (min, max) = (min?, max.or_else(|| whole.wrong("this distribution needs a `max`"))?);
    ordered(whole, ("min", min), ("mean", mean))?;
    ordered(whole, ("mean", mean), ("max", max))?;
    Some(match shape {
        Shape::LogNormal => Distribution::LogNormal { min, mean, max },
        _ => Distribution::Exponential { min, mean, max },
    })
}

/// Where samples are cut if nobody says so, unless that is longer than any run.
pub(super) fn tail(mean: Duration) -> Option<Duration> {
    mean.checked_mul(TAIL).filter(|tail| u64::try_from(tail.as_nanos()).is_ok())
}

fn ordered(whole: Value, low: (&str, Duration), high: (&str, Duration)) -> Option<()> {
    if low.1 <= high.1 {
        return Some(());
    }
    whole.wrong(format!(
        "`{}` is {}, which is more than `{}`, {}",
        low.0,
        format_duration(low.1),
        high.0,
        format_duration(high.1)
    ))
}

/// A seed or the like: any number of 64 bits. TOML's own integers end at 63 bits; larger ones are written as text.
pub(super) fn seed(value: Value) -> Option<u64> {
    match value.raw() {
        Tree::String(text) => match text.parse() {
            Ok(number) => Some(number),
            Err(_) => value.wrong(format!("expected a whole number below 2^64, found {}", super::reader::quoted(text))),
        },
        _ => value.whole("a whole number", 0, u64::MAX),
    }
}

/// A node of the cluster.
pub(super) fn node(value: Value) -> Option<NodeId> {
    let node = value.parsed("a node such as \"r0\" or \"c1\"")?;
    value.in_cluster(node);
    Some(node)
}
