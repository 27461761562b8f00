//! Printing a fault, and the distributions in it.

use crate::base::measure::format_signed_drift;
use crate::base::text::format_shift;
use crate::base::{Distribution, LabelText};
use crate::world::{ClockChange, Extent, Fault, Group, Limit, Split, Spot, Target, What, When};

use super::print::{list, span, string};
use super::read_values::tail;

/// The lines of a fault: when, and what.
pub(super) fn fault(fault: &Fault) -> Vec<(&'static str, String)> {
    let mut lines = match &fault.when {
        When::At(at) => vec![("at", span(*at))],
        When::Every(interval) => vec![("every", spread(interval))],
        When::On { trigger, before } => {
            let mut lines = vec![("on", string(&trigger.to_string()))];
            if *before {
                lines.push(("before", "true".to_string()));
            }
            lines
        }
    };
    lines.push(what(&fault.what));
    lines
}

fn what(what: &What) -> (&'static str, String) {
    let later = |key, distribution: &Option<Distribution>| (key, distribution.as_ref().map(spread));
    let down = |limit: &Limit| {
        let limit = match limit {
            Limit::Minority => None,
            Limit::Count(count) => Some(count.to_string()),
            Limit::All => Some(string("all")),
        };
        ("max_down", limit)
    };
    match what {
        What::Crash { target, restart_after, max_down } => {
            ("crash", inline([("target", Some(word(target))), later("restart_after", restart_after), down(max_down)]))
        }
        What::Wipe { target, restart_after, max_down } => {
            ("wipe", inline([("target", Some(word(target))), later("restart_after", restart_after), down(max_down)]))
        }
        What::Restart { target } => ("restart", inline([("target", Some(word(target)))])),
        What::Pause { target, resume_after } => {
            ("pause", inline([("target", Some(word(target))), later("resume_after", resume_after)]))
        }
        What::Partition { split, heal_after } => {
            let split = match split {
                Split::Isolate(target) => ("isolate", Some(word(target))),
                Split::Halves => ("halves", Some("true".to_string())),
                Split::Bridge(target) => ("bridge", Some(word(target))),
                Split::Ring => ("ring", Some("true".to_string())),
                Split::Groups(groups) => {
                    ("groups", Some(list(groups.iter().map(|group| list(group.iter().map(word))))))
                }
            };
            ("partition", inline([split, later("heal_after", heal_after)]))
        }
        What::Cut { from, to, both_ways, heal_after } => cut(from, to, None, *both_ways, heal_after),
        What::CutOnly { from, to, only, both_ways, heal_after } => cut(from, to, Some(only), *both_ways, heal_after),
        What::Clog { from, to, span } => {
            ("clog", inline([("from", Some(group(from))), ("to", Some(group(to))), ("for", Some(spread(span)))]))
        }
        What::Hold { from, to, only, release_after } => {
            let only = ("only", only.as_ref().map(|only| string(&only.to_string())));
            let (from, to) = (("from", Some(group(from))), ("to", Some(group(to))));
            ("hold", inline([from, to, only, later("release_after", release_after)]))
        }
        What::Release { from, to } => ("release", inline([("from", Some(group(from))), ("to", Some(group(to)))])),
        What::Heal => ("heal", "true".to_string()),
        What::Rot { target, file, spot } => {
            let number = |number: u64| Some(number.to_string());
            let spot = match spot {
                Spot::Byte { byte, bits } => [("byte", number(*byte)), ("bits", number(u64::from(*bits)))],
                Spot::Sector(sector) => [("sector", number(*sector)), ("extent", None)],
                Spot::Drawn(Extent::Bit) => [("byte", None), ("extent", None)],
                Spot::Drawn(Extent::Byte) => [("byte", None), ("extent", Some(string("byte")))],
                Spot::Drawn(Extent::Sector) => [("byte", None), ("extent", Some(string("sector")))],
            };
            ("rot", inline([("target", Some(word(target))), ("file", Some(string(file)))].into_iter().chain(spot)))
        }
        What::Unreadable { target, file, sector } => {
            let sector = ("sector", sector.map(|sector| sector.to_string()));
            ("unreadable", inline([("target", Some(word(target))), ("file", Some(string(file))), sector]))
        }
        What::Disk { target, next, mishap, pick } => {
            let (next, pick) = (string(&next.to_string()), pick.map(|pick| pick.to_string()));
            let mishap = ("fault", Some(string(&mishap.to_string())));
            ("disk", inline([("target", Some(word(target))), ("next", Some(next)), mishap, ("pick", pick)]))
        }
        What::Stall { target, span } => {
            ("stall", inline([("target", Some(word(target))), ("for", Some(spread(span)))]))
        }
        What::Clock { target, change } => {
            let change = match change {
                ClockChange::Jump(shift) => ("jump", Some(string(&format_shift(*shift)))),
                ClockChange::Drift(drift) => ("drift", Some(string(&format_signed_drift(*drift)))),
            };
            ("clock", inline([("target", Some(word(target))), change]))
        }
    }
}

fn cut(
    from: &Group,
    to: &Group,
    only: Option<&LabelText>,
    both_ways: bool,
    heal_after: &Option<Distribution>,
) -> (&'static str, String) {
    let keys = [
        ("from", Some(group(from))),
        ("to", Some(group(to))),
        ("only", only.map(|only| string(&only.to_string()))),
        ("both_ways", both_ways.then(|| "true".to_string())),
        ("heal_after", heal_after.as_ref().map(spread)),
    ];
    ("cut", inline(keys))
}

fn word(target: &Target) -> String {
    string(&target.to_string())
}

/// One target as itself, several as a list.
fn group(group: &Group) -> String {
    match &group[..] {
        [target] => word(target),
        targets => list(targets.iter().map(word)),
    }
}

/// A distribution: its one duration, or a table.
pub(super) fn spread(distribution: &Distribution) -> String {
    match *distribution {
        Distribution::Constant(value) => span(value),
        Distribution::Uniform { min, max } => inline([("min", Some(span(min))), ("max", Some(span(max)))]),
        Distribution::Exponential { min, mean, max } | Distribution::LogNormal { min, mean, max } => {
            let named = matches!(distribution, Distribution::LogNormal { .. });
            inline([
                ("shape", named.then(|| string("log-normal"))),
                ("min", (!min.is_zero()).then(|| span(min))),
                ("mean", Some(span(mean))),
                ("max", (tail(mean) != Some(max)).then(|| span(max))),
            ])
        }
        Distribution::Bimodal { fast, slow, share } => {
            inline([("fast", Some(span(fast))), ("slow", Some(span(slow))), ("share", Some(share.to_string()))])
        }
    }
}

/// A table on one line, with those of its keys that have a value.
pub(super) fn inline<'a>(keys: impl IntoIterator<Item = (&'a str, Option<String>)>) -> String {
    let keys: Vec<String> = keys.into_iter().filter_map(|(key, value)| Some(format!("{key} = {}", value?))).collect();
    format!("{{ {} }}", keys.join(", "))
}
