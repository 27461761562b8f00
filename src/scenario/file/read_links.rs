//! Reading what links and clocks have of their own: the rest of `[network]`, and the faults of links and clocks.

use crate::base::measure::{parse_bandwidth, parse_drift, parse_signed_drift};
use crate::base::text::parse_shift;
use crate::base::{Distribution, LabelText, Ratio};
use crate::world::{ClockChange, Clogs, Delivery, Group, What};

use super::read_fault::{Moment, group, later, one_rest, some_nodes};
use super::read_values::{distribution, ratio};
use super::reader::{Table, Value};

/// As many packets as a queue can be said to hold; more are as good as any number.
pub(super) const QUEUE: u32 = 1_000_000;

pub(super) const DELIVERIES: [(&str, Delivery); 2] = [("datagram", Delivery::Datagram), ("stream", Delivery::Stream)];

/// How a network delivers.
pub(super) fn delivery(value: Value) -> Option<Delivery> {
    value.word("a way to deliver", &DELIVERIES)
}

/// Bytes a second.
pub(super) fn bandwidth(value: Value) -> Option<Option<u64>> {
    measured(value, "a bandwidth such as \"10MB/s\"", parse_bandwidth).map(Some)
}

/// How many packets may wait.
pub(super) fn queue(value: Value) -> Option<Option<u32>> {
    let packets = value.whole("a number of packets", 1, u64::from(QUEUE))?;
    Some(Some(u32::try_from(packets).expect("at most a million")))
}

/// How often links clog, and for how long.
pub(super) fn clogs(value: Value) -> Option<Option<Clogs>> {
    value.table("the network's `clogs`", |table| {
        let share = table.need("share").and_then(|value| ratio(value).map(|share| (value, share)));
        let span = table.need("for").and_then(distribution);
        let (value, share) = share?;
        if !share.is_zero() {
            value.chance(
                "a plan cannot draw when links clog; it says it as in deviations = [\"clog r0->r1 Ping #2 for 300ms\"]",
            );
        }
        let span = span?;
        Some((share != Ratio::ZERO).then_some(Clogs { share, span }))
    })
}

/// By how much clocks drift at most.
pub(super) fn drift_max(value: Value) -> Option<u32> {
    let drift = measured(value, "a drift such as \"100ppm\"", parse_drift)?;
    if drift > 0 {
        value.chance("a plan cannot draw how clocks drift; it says it as in deviations = [\"drift r1 clock +87ppm\"]");
    }
    Some(drift)
}

/// A value in a language of its own.
fn measured<T>(value: Value, what: &str, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
    parse(value.text(what)?).map_or_else(|message| value.wrong(message), Some)
}

/// A fault of links or clocks, of this kind.
pub(super) fn what(kind: &str, value: Value, moment: Moment) -> Option<What> {
    match kind {
        "cut" => value.table("`cut`", |table| {
            let sides = sides(table, moment);
            let only = only(table);
            let both_ways = table.or("both_ways", false, Value::boolean);
            let heal_after = later(table, "heal_after");
            let ((from, to), only) = (sides?, only?);
            Some(match only {
                None => What::Cut { from, to, both_ways, heal_after },
                Some(only) => What::CutOnly { from, to, only, both_ways, heal_after },
            })
        }),
        "clog" => value.table("`clog`", |table| {
            let sides = sides(table, moment);
            let span: Option<Distribution> = table.need("for").and_then(distribution);
            let (from, to) = sides?;
            Some(What::Clog { from, to, span: span? })
        }),
        "hold" => value.table("`hold`", |table| {
            let sides = sides(table, moment);
            let only = only(table);
            let release_after = later(table, "release_after");
            let (from, to) = sides?;
            Some(What::Hold { from, to, only: only?, release_after })
        }),
        "release" => value.table("`release`", |table| {
            let (from, to) = sides(table, moment)?;
            Some(What::Release { from, to })
        }),
        _ => value.table("a `clock` change", |table| {
            let target = table.need("target").and_then(|value| some_nodes(value, moment));
            let change = change(table, value);
            Some(What::Clock { target: target?, change: change? })
        }),
    }
}

/// From whom to whom.
fn sides(table: &mut Table, moment: Moment) -> Option<(Group, Group)> {
    let (from, rest) = (table.need("from"), table.need("to"));
    let from = from.and_then(|value| group(value, moment));
    let to = rest.and_then(|value| group(value, moment));
    let (from, to) = (from?, to?);
    one_rest(rest?, [&from, &to])?;
    Some((from, to))
}

/// Which packets, if not all.
fn only(table: &mut Table) -> Option<Option<LabelText>> {
    match table.take("only") {
        None => Some(None),
        Some(value) => value.parsed("a label such as \"PrepareOk\" or \"PrepareOk(v0 op1)\"").map(Some),
    }
}

fn change(table: &mut Table, whole: Value) -> Option<ClockChange> {
    match table.take_any(&["jump", "drift"])[..] {
        [] => {
            let help = "it has one of `jump` and `drift`";
            table.missing(&["jump", "drift"], "a clock needs to say what happens to it".to_string(), Some(help));
            None
        }
        [("jump", value)] => match measured(value, "a shift such as \"+3s\"", parse_shift)? {
            0 => value.wrong("a jump of nothing does nothing; leave the fault out"),
            shift => Some(ClockChange::Jump(shift)),
        },
        [(_, value)] => measured(value, "a drift such as \"+500ppm\"", parse_signed_drift).map(ClockChange::Drift),
        _ => whole.wrong_with(
            "a clock changes in one way, but this one has `jump` and `drift`",
            "write a [[phase.fault]] for each",
        ),
    }
}
