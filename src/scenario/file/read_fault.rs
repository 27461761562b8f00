//! Reading `[[phase.fault]]`.

use std::time::Duration;

use crate::base::Distribution;
use crate::base::text::format_duration;
use crate::world::{Fault, Group, Limit, Split, Target, Trigger, Verb, What, When, Which, Who};

use super::read_decay;
use super::read_links;
use super::read_values::{distribution, duration, node};
use super::read_world::MACHINES;
use super::reader::{Table, Value, did_you_mean, quoted};
use super::tree::Tree;

/// A fault that repeats faster than this floods the run.
const OFTEN: Duration = Duration::from_millis(1);

const TIMES: [&str; 3] = ["at", "every", "on"];
const KINDS: [&str; 15] = [
    "crash",
    "restart",
    "pause",
    "wipe",
    "partition",
    "cut",
    "clog",
    "hold",
    "release",
    "heal",
    "clock",
    "rot",
    "unreadable",
    "disk",
    "stall",
];

/// One fault of a phase that is so long, if that is known.
pub(super) fn fault(value: Value, phase: Option<Duration>) -> Option<Fault> {
    value.table("a fault", |table| {
        let when = when(table, phase);
        let moment = Moment::of(when.as_ref());
        let kinds = table.take_any(&KINDS);
        let what = match kinds[..] {
            [] => {
                let help = format!("it does one of {}", KINDS.join(", "));
                table.missing(&KINDS, "a fault needs to say what it does".to_string(), Some(&help));
                None
            }
            [(kind, value)] => what(kind, value, moment),
            [(first, _), (second, value), ..] => value.wrong_with(
                format!("a fault does one thing, but this one has `{first}` and `{second}`"),
                "write a [[phase.fault]] for each",
            ),
        };
        Some(Fault { when: when?, what: what? })
    })
}

fn when(table: &mut Table, phase: Option<Duration>) -> Option<When> {
    let times = table.take_any(&TIMES);
    let (before, nth) = (table.take("before"), table.take("nth"));
    if !times.iter().any(|(key, _)| *key == "on") {
        for (value, message) in [
            (before, "`before` goes with `on`: it strikes before the effect of that moment"),
            (nth, "`nth` goes with `on`: it says which of those moments is meant"),
        ] {
            let _: Option<()> = value.and_then(|value| value.wrong(message));
        }
    }
    match times[..] {
        [] => {
            table.missing(
                &TIMES,
                "a fault needs to say when it strikes".to_string(),
                Some("it has one of `at`, `every` and `on`"),
            );
            None
        }
        [("at", value)] => {
            let at = duration(value)?;
            match phase {
                Some(phase) if at > phase => value.wrong_with(
                    format!("the phase is over by then: it lasts {}", format_duration(phase)),
                    "`at` counts from the start of the phase",
                ),
                _ => Some(When::At(at)),
            }
        }
        [("every", value)] => {
            let interval = distribution(value)?;
            value.chance("a plan cannot repeat faults by `every`; it has each of them with its own `at`");
            if interval.calm() < OFTEN {
                return value.wrong(format!("faults cannot come more often than every {}", format_duration(OFTEN)));
            }
            Some(When::Every(interval))
        }
        [(_, value)] => {
            let is_before = before.and_then(Value::boolean).unwrap_or(false);
            let trigger = trigger(value, nth)?;
            if let (true, Some(before), Verb::Boots) = (is_before, before, &trigger.verb) {
                return before.wrong("nothing strikes before a boot: until then the node is not there");
            }
            Some(When::On { trigger, before: is_before })
        }
        [(first, _), (second, value), ..] => {
            value.wrong(format!("a fault strikes at one time, but this one has `{first}` and `{second}`"))
        }
    }
}

/// A moment. Which of those alike is meant stands at its end or in `nth`, which is another way to write the same.
fn trigger(value: Value, nth: Option<Value>) -> Option<Trigger> {
    let count = nth.map(|nth| nth.whole("a count", 1, u64::from(u32::MAX)));
    let mut trigger: Trigger = value.parsed("a moment such as \"backup sends PrepareOk #3\"")?;
    if let (Some(nth), Some(count)) = (nth, count) {
        if value.text("a moment")?.contains(" #") {
            return nth.wrong("the moment says itself which one is meant, at its end");
        }
        trigger.which = Which::Nth(u32::try_from(count?).expect("it was read as a count"));
    }
    let whos = [Some(trigger.who), trigger.peer];
    for who in whos.into_iter().flatten() {
        match who {
            Who::Node(node) => value.in_cluster(node),
            other => value.chance(&format!("a plan names the node, not `{other}`")),
        }
    }
    if let Which::Nth(_) = trigger.which {
        value.chance("a plan says `exactly #N`, so that the moment is the same whenever the phase begins");
    }
    Some(trigger)
}

/// What is known of the moment at which a fault strikes, for those it may be aimed at.
#[derive(Clone, Copy)]
pub(super) struct Moment {
    /// It is an event, and so has a node.
    event: bool,
    /// The event has two ends.
    pair: bool,
}

impl Moment {
    fn of(when: Option<&When>) -> Moment {
        match when {
            Some(When::On { trigger, .. }) => {
                Moment { event: true, pair: matches!(trigger.verb, Verb::Sends(_) | Verb::Receives(_)) }
            }
            Some(_) => Moment { event: false, pair: false },
            // Where the time could not be read, nothing more is said about it.
            None => Moment { event: true, pair: true },
        }
    }
}

fn what(kind: &str, value: Value, moment: Moment) -> Option<What> {
    match kind {
        "crash" | "wipe" => value.table(if kind == "crash" { "`crash`" } else { "`wipe`" }, |table| {
            let target = table.need("target").and_then(|value| some_nodes(value, moment));
            let restart_after = later(table, "restart_after");
            let max_down = table.or("max_down", Limit::Minority, limit);
            Some(match kind {
                "crash" => What::Crash { target: target?, restart_after, max_down },
                _ => What::Wipe { target: target?, restart_after, max_down },
            })
        }),
        "restart" => value.table("`restart`", |table| {
            Some(What::Restart { target: table.need("target").and_then(|value| some_nodes(value, moment))? })
        }),
        "pause" => value.table("`pause`", |table| {
            let target = table.need("target").and_then(|value| some_nodes(value, moment));
            let resume_after = later(table, "resume_after");
            Some(What::Pause { target: target?, resume_after })
        }),
        "partition" => value.table("`partition`", |table| {
            let split = split(table, moment);
            let heal_after = later(table, "heal_after");
            Some(What::Partition { split: split?, heal_after })
        }),
        "cut" | "clog" | "hold" | "release" | "clock" => read_links::what(kind, value, moment),
        "rot" => read_decay::rot(value, moment),
        "unreadable" => read_decay::unreadable(value, moment),
        "disk" => read_decay::disk(value, moment),
        "stall" => read_decay::stall(value, moment),
        _ => match value.raw() {
            Tree::Boolean(true) => Some(What::Heal),
            Tree::Boolean(false) => value.wrong("a fault that does not heal does nothing; leave it out"),
            _ => value.table("`heal`", |_| Some(What::Heal)),
        },
    }
}

pub(super) fn later(table: &mut Table, key: &'static str) -> Option<Distribution> {
    table.take(key).and_then(distribution)
}

fn split(table: &mut Table, moment: Moment) -> Option<Split> {
    const SPLITS: [&str; 5] = ["isolate", "halves", "bridge", "ring", "groups"];
    match table.take_any(&SPLITS)[..] {
        [] => {
            let help = "it has one of `isolate`, `halves`, `bridge`, `ring` and `groups`";
            table.missing(&SPLITS, "a partition needs to say into what".to_string(), Some(help));
            None
        }
        [("isolate", value)] => one_node(value, moment).map(Split::Isolate),
        [("bridge", value)] => {
            value.chance("a plan cannot draw who is on which side of a bridge; it says the `groups`");
            one_node(value, moment).map(Split::Bridge)
        }
        [("halves", value)] => {
            value.chance("a plan cannot draw halves; it says the `groups`");
            match value.boolean()? {
                true => Some(Split::Halves),
                false => value.wrong("`halves` is true or not there"),
            }
        }
        [("ring", value)] => match value.boolean()? {
            true => Some(Split::Ring),
            false => value.wrong("`ring` is true or not there"),
        },
        [(_, value)] => {
            let groups =
                value.list("a list of groups such as [[\"r0\", \"c0\"], [\"rest\"]]", |value| group(value, moment))?;
            if groups.is_empty() {
                return value.wrong("there is no group in it");
            }
            one_rest(value, &groups)?;
            Some(Split::Groups(groups))
        }
        [(first, _), (second, value), ..] => {
            value.wrong(format!("a partition splits in one way, but this one has `{first}` and `{second}`"))
        }
    }
}

/// `rest` is what the others do not name, so it can stand only once.
pub(super) fn one_rest<'a>(value: Value, groups: impl IntoIterator<Item = &'a Group>) -> Option<()> {
    let rests = groups.into_iter().flatten().filter(|target| **target == Target::Rest).count();
    if rests > 1 {
        return value.wrong("`rest` stands more than once, and there is only one rest");
    }
    Some(())
}

/// A group: one target or a list of them.
pub(super) fn group(value: Value, moment: Moment) -> Option<Group> {
    match value.raw() {
        Tree::Array(_) => match value.list("a group", |value| target(value, moment))? {
            group if group.is_empty() => value.wrong("there is nobody in this group"),
            group => Some(group),
        },
        _ => target(value, moment).map(|target| vec![target]),
    }
}

/// Whom a fault strikes: nodes, but not `rest`.
pub(super) fn some_nodes(value: Value, moment: Moment) -> Option<Target> {
    match target(value, moment)? {
        Target::Rest => value.wrong("`rest` means the nodes that other groups do not name, and here are no groups"),
        target => Some(target),
    }
}

/// One node, and no set of nodes.
fn one_node(value: Value, moment: Moment) -> Option<Target> {
    match some_nodes(value, moment)? {
        many @ (Target::AllReplicas | Target::AllClients) => {
            value.wrong_with(format!("here stands one node, and `{many}` is many"), "several nodes go into `groups`")
        }
        target => Some(target),
    }
}

fn target(value: Value, moment: Moment) -> Option<Target> {
    let text = value.text("a target such as \"r1\" or \"primary\"")?;
    let Ok(target) = text.parse::<Target>() else {
        // Moments say `backup` and mean whichever it is; a target is drawn.
        let drawn = format!("any-{text}");
        let drawn = Target::words().find(|word| *word == drawn);
        return match drawn.or_else(|| did_you_mean(text, Target::words())) {
            Some(meant) => value.wrong(format!("unknown target {}; did you mean `{meant}`?", quoted(text))),
            None => value.parsed("a target"),
        };
    };
    match target {
        Target::Node(_) => return node(value).map(Target::Node),
        Target::Sender | Target::Receiver if !moment.event => {
            return value
                .wrong(format!("`{target}` means a node of the event that triggers the fault, so it goes with `on`"));
        }
        Target::Receiver if !moment.pair => {
            return value
                .wrong("there is no `receiver` at this moment: only packets (`sends`, `receives`) have two ends");
        }
        Target::AnyClient | Target::AllClients
            if value.context().cluster().is_some_and(|cluster| cluster.clients == 0) =>
        {
            return value.wrong("the cluster has no clients");
        }
        Target::AllReplicas | Target::AllClients | Target::Rest => {}
        role => value.chance(&format!("a plan names the node, not `{role}`")),
    }
    Some(target)
}

fn limit(value: Value) -> Option<Limit> {
    const LIMIT: &str = "\"minority\", \"all\" or a number of replicas";
    match value.raw() {
        Tree::String(_) => value.word(LIMIT, &[("minority", Limit::Minority), ("all", Limit::All)]),
        Tree::Integer(_) => {
            let count = value.whole("a number of replicas", 1, u64::from(MACHINES))?;
            Some(Limit::Count(u16::try_from(count).expect("at most 64")))
        }
        _ => value.expected(LIMIT),
    }
}
