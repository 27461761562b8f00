//! Any fault that a file can hold: when it strikes, whom, and how.

use std::time::Duration;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::base::LabelText;
use crate::world::{
    ClockChange, Extent, Fault, Group, Limit, MishapKind, Split, Spot, Target, Trigger, Verb, What, When, Which, Who,
};

use super::generate::{Kind, SHORT, distribution, node, span, text};

pub(super) fn fault(kind: Kind) -> BoxedStrategy<Fault> {
    when(kind)
        .prop_flat_map(move |when| {
            let ends = match &when {
                When::On { trigger: Trigger { verb: Verb::Sends(_) | Verb::Receives(_), .. }, .. } => 2,
                When::On { .. } => 1,
                _ => 0,
            };
            (Just(when), what(kind, ends))
        })
        .prop_map(|(when, what)| Fault { when, what })
        .boxed()
}

fn when(kind: Kind) -> BoxedStrategy<When> {
    let at = prop_oneof![Just(Duration::ZERO), span(1, SHORT)].prop_map(When::At);
    let on = (trigger(kind), any::<bool>()).prop_map(|(trigger, before)| {
        // Nothing strikes before a boot.
        let before = before && trigger.verb != Verb::Boots;
        When::On { trigger, before }
    });
    match kind {
        Kind::Plan => prop_oneof![at, on].boxed(),
        Kind::Scenario => prop_oneof![at, on, distribution(kind, 1_000_000).prop_map(When::Every)].boxed(),
    }
}

fn label() -> BoxedStrategy<LabelText> {
    select(vec!["Prepare(v0 op1)", "PrepareOk", "write(slot5)", "start-view(v18446744073709551615)"])
        .prop_map(|text| text.parse().expect("these are labels"))
        .boxed()
}

fn trigger(kind: Kind) -> BoxedStrategy<Trigger> {
    let who = || match kind {
        Kind::Plan => node().prop_map(Who::Node).boxed(),
        Kind::Scenario => {
            let words = select(vec![Who::Primary, Who::Backup, Who::Replica, Who::Client, Who::Any]);
            prop_oneof![node().prop_map(Who::Node), words].boxed()
        }
    };
    let verb = prop_oneof![
        label().prop_map(Verb::Sends),
        label().prop_map(Verb::Receives),
        label().prop_map(Verb::Starts),
        label().prop_map(Verb::Finishes),
        Just(Verb::Reaches("view change done".to_string())),
        Just(Verb::Boots),
    ];
    let which = (1u32.., any::<bool>()).prop_map(move |(number, exactly)| {
        if kind == Kind::Plan || exactly { Which::Exactly(number) } else { Which::Nth(number) }
    });
    (who(), verb, option::of(who()), which)
        .prop_map(|(who, verb, peer, which)| {
            let peer = peer.filter(|_| matches!(verb, Verb::Sends(_) | Verb::Receives(_)));
            Trigger { who, verb, peer, which }
        })
        .boxed()
}

/// One node; `ends` is how many nodes the event of the moment has.
fn one(kind: Kind, ends: usize) -> BoxedStrategy<Target> {
    let node = node().prop_map(Target::Node).boxed();
    if kind == Kind::Plan {
        return node;
    }
    let mut words = vec![Target::Primary, Target::AnyBackup, Target::AnyReplica, Target::AnyClient];
    words.extend([Target::Sender, Target::Receiver].into_iter().take(ends));
    prop_oneof![node, select(words)].boxed()
}

fn some(kind: Kind, ends: usize) -> BoxedStrategy<Target> {
    prop_oneof![3 => one(kind, ends), 1 => select(vec![Target::AllReplicas, Target::AllClients])].boxed()
}

/// Groups of which at most the last has the rest.
fn groups(kind: Kind, ends: usize, count: std::ops::RangeInclusive<usize>) -> BoxedStrategy<Vec<Group>> {
    (vec(vec(some(kind, ends), 1..4), count), any::<bool>())
        .prop_map(|(mut groups, rest)| {
            if let (true, Some(last)) = (rest, groups.last_mut()) {
                last.push(Target::Rest);
            }
            groups
        })
        .boxed()
}

fn what(kind: Kind, ends: usize) -> BoxedStrategy<What> {
    let later = || option::of(distribution(kind, 0));
    let limit = || prop_oneof![Just(Limit::Minority), Just(Limit::All), (1u16..=64).prop_map(Limit::Count)];
    let mut splits = vec![
        Just(Split::Ring).boxed(),
        one(kind, ends).prop_map(Split::Isolate).boxed(),
        groups(kind, ends, 1..=3).prop_map(Split::Groups).boxed(),
    ];
    if kind == Kind::Scenario {
        splits.extend([Just(Split::Halves).boxed(), one(kind, ends).prop_map(Split::Bridge).boxed()]);
    }
    let split = proptest::strategy::Union::new(splits);
    let cut = (groups(kind, ends, 2..=2), any::<bool>(), later());
    prop_oneof![
        (some(kind, ends), later(), limit()).prop_map(|(target, restart_after, max_down)| What::Crash {
            target,
            restart_after,
            max_down
        }),
        (some(kind, ends), later(), limit()).prop_map(|(target, restart_after, max_down)| What::Wipe {
            target,
            restart_after,
            max_down
        }),
        some(kind, ends).prop_map(|target| What::Restart { target }),
        (some(kind, ends), later()).prop_map(|(target, resume_after)| What::Pause { target, resume_after }),
        (split, later()).prop_map(|(split, heal_after)| What::Partition { split, heal_after }),
        cut.prop_map(|(mut sides, both_ways, heal_after)| {
            let (to, from) = (sides.pop().expect("two"), sides.pop().expect("two"));
            What::Cut { from, to, both_ways, heal_after }
        }),
        Just(What::Heal),
        links(kind, ends),
        (
            some(kind, ends),
            prop_oneof![
                (1i64.., any::<bool>()).prop_map(|(size, back)| ClockChange::Jump(if back { -size } else { size })),
                (-500_000i32..=500_000).prop_map(ClockChange::Drift),
            ]
        )
            .prop_map(|(target, change)| What::Clock { target, change }),
        (some(kind, ends), text(), spot(kind)).prop_map(|(target, file, spot)| What::Rot { target, file, spot }),
        (some(kind, ends), text(), sector(kind)).prop_map(|(target, file, sector)| What::Unreadable {
            target,
            file,
            sector
        }),
        mishap(kind, ends),
        (some(kind, ends), distribution(kind, 1)).prop_map(|(target, span)| What::Stall { target, span }),
    ]
    .boxed()
}

/// What can befall links, besides being cut.
fn links(kind: Kind, ends: usize) -> BoxedStrategy<What> {
    let sides = || {
        groups(kind, ends, 2..=2).prop_map(|mut sides| {
            let (to, from) = (sides.pop().expect("two"), sides.pop().expect("two"));
            (from, to)
        })
    };
    let later = || option::of(distribution(kind, 0));
    prop_oneof![
        (sides(), label(), any::<bool>(), later()).prop_map(|((from, to), only, both_ways, heal_after)| {
            What::CutOnly { from, to, only, both_ways, heal_after }
        }),
        (sides(), distribution(kind, 0)).prop_map(|((from, to), span)| What::Clog { from, to, span }),
        (sides(), option::of(label()), later()).prop_map(|((from, to), only, release_after)| What::Hold {
            from,
            to,
            only,
            release_after
        }),
        sides().prop_map(|(from, to)| What::Release { from, to }),
    ]
    .boxed()
}

fn spot(kind: Kind) -> BoxedStrategy<Spot> {
    let byte = (0u64..1 << 30, 1u8..).prop_map(|(byte, bits)| Spot::Byte { byte, bits });
    let said = prop_oneof![byte, (0u64..1 << 21).prop_map(Spot::Sector)];
    let drawn = select(vec![Extent::Bit, Extent::Byte, Extent::Sector]).prop_map(Spot::Drawn);
    if kind == Kind::Plan { said.boxed() } else { prop_oneof![said, drawn].boxed() }
}

fn sector(kind: Kind) -> BoxedStrategy<Option<u64>> {
    let said = (0u64..1 << 21).prop_map(Some);
    if kind == Kind::Plan { said.boxed() } else { prop_oneof![Just(None), said].boxed() }
}

fn mishap(kind: Kind, ends: usize) -> BoxedStrategy<What> {
    let words = select(MishapKind::WORDS.map(|(_, mishap)| mishap).to_vec());
    let pick = 0u64..=i64::MAX as u64;
    (some(kind, ends), label(), words, pick, any::<bool>())
        .prop_map(move |(target, next, mishap, pick, said)| {
            let pick = (mishap.has_places() && (said || kind == Kind::Plan)).then_some(pick);
            What::Disk { target, next, mishap, pick }
        })
        .boxed()
}
