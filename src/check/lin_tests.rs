//! LIN against histories told by hand, and against a checker that tries everything.

use proptest::prelude::*;

use super::super::history::Moment;
use super::super::models::{KeyValue, State};
use super::super::story::{Story, client, get, put, value};
use super::*;
use crate::base::Instant;
use crate::base::event::Outcome;

const NODES: u64 = 100_000;

#[test]
fn concurrent_calls_may_take_effect_in_any_order() {
    let mut story = Story::of(OracleId::Lin);
    story.call(0, 1, put(0, "1")).call(1, 1, put(0, "2")).call(2, 1, get(0)).done(2, 1, value("1")).done(
        0,
        1,
        Reply::Done,
    );
    story.done(1, 1, Reply::Done).call(2, 2, get(0)).done(2, 2, value("2"));
    assert_eq!(story.end(), "kept");
    assert_eq!(story.checked(), Checked::Checked(4));
}

#[test]
fn a_stale_read_is_named() {
    let mut story = Story::of(OracleId::Lin);
    story.call(0, 1, put(0, "1")).done(0, 1, Reply::Done).call(0, 2, put(0, "2")).done(0, 2, Reply::Done);
    story.at_millis(5).call(1, 1, get(0)).at_millis(7).done(1, 1, value("1")).call(1, 2, get(0)).done(1, 2, value("2"));
    let said = "c1 read 1 by call #1 (get k0, from 0.005000000s to 0.007000000s), which no order explains: \
                one that explains every earlier answer would have given 2";
    assert_eq!(story.end(), said);
    let violation = story.violation().expect("it was broken");
    assert_eq!((violation.event, violation.at.as_nanos(), story.nodes()), (EventId(6), 7_000_000, "c1".to_owned()));
}

#[test]
fn the_blamed_answer_is_the_first_that_cannot_be() {
    // The search already knows when it leaves "1" that somebody reads it later; the blame must still fall on the read.
    let mut story = Story::of(OracleId::Lin);
    for (number, text) in [(1, "1"), (2, "2"), (3, "3"), (4, "4")] {
        story.call(0, number, put(0, text)).done(0, number, Reply::Done);
    }
    story.call(1, 1, get(0)).done(1, 1, value("4")).call(1, 2, get(0)).done(1, 2, value("2")).call(1, 3, get(0)).done(
        1,
        3,
        value("3"),
    );
    assert!(story.end().starts_with("c1 read 2 by call #2 "), "{}", story.end());
    assert!(story.end().ends_with("would have given 4"));
}

#[test]
fn a_swap_that_could_not_have_swapped_is_named() {
    let mut story = Story::of(OracleId::Lin);
    let cas = |from: &str, to: &str| Operation::Cas { key: Key(3), from: Some(from.to_owned()), to: to.to_owned() };
    story.call(0, 1, put(3, "1")).done(0, 1, Reply::Done).call(0, 2, cas("1", "2")).done(0, 2, Reply::Swapped(true));
    story.call(1, 1, cas("1", "3")).done(1, 1, Reply::Swapped(true));
    assert!(story.end().starts_with("c1 was told \"swapped\" by call #1 (cas k3 1 3, "), "{}", story.end());
    assert!(story.end().ends_with("would have given not swapped"));
}

#[test]
fn what_is_unknown_may_happen_late_or_never() {
    for last in ["1", "2"] {
        let mut story = Story::of(OracleId::Lin);
        story.call(0, 1, put(0, "1")).done(0, 1, Reply::Done).call(0, 2, put(0, "2")).unknown(0, 2);
        story.call(1, 1, get(0)).done(1, 1, value("1")).call(1, 2, get(0)).done(1, 2, value(last));
        assert_eq!(story.end(), "kept");
    }
    // But not twice, nor undone.
    let mut story = Story::of(OracleId::Lin);
    story.call(0, 1, put(0, "1")).done(0, 1, Reply::Done).call(0, 2, put(0, "2")).unknown(0, 2);
    story.call(1, 1, get(0)).done(1, 1, value("2")).call(1, 2, get(0)).done(1, 2, value("1"));
    assert!(story.end().starts_with("c1 read 1 by call #2"));
}

#[test]
fn what_was_refused_never_happened() {
    let mut story = Story::of(OracleId::Lin);
    story.call(0, 1, put(0, "1"));
    story.event(
        client(0).node,
        crate::base::EventKind::Return { client: client(0), number: 1, outcome: Outcome::NotApplied },
    );
    story.call(1, 1, get(0)).done(1, 1, value("1"));
    assert!(story.end().ends_with("would have given (absent)"));
}

#[test]
fn without_a_model_nothing_is_green() {
    assert!(matches!(Lin::new(None, NODES).checked(), Checked::NotChecked(_)));
}

#[test]
fn when_the_nodes_run_out_nothing_is_decided() {
    let mut lin = Lin::new(Some(Rc::new(Opaque)), 50);
    let call = |order, operation: Operation, ended: Option<Reply>| Call {
        client: client(order as u16),
        number: 1,
        operation: Rc::new(operation),
        called: moment(order),
        ended: ended.map(|reply| (moment(100), Outcome::Done(reply))),
    };
    for order in 0..20 {
        lin.history.push(call(order, put(7, &order.to_string()), None));
    }
    lin.history.push(call(20, get(7), Some(value("none of them"))));
    let end = End { event: EventId(100), at: Instant::START, core: Vec::new() };
    assert_eq!(lin.on_end(&end), Ok(()));
    assert_eq!(lin.checked(), Checked::Undecided("50 nodes were not enough to judge k7".to_owned()));
    // A plain model sees at once that nobody writes that.
    assert!(matches!(judge(&lin.history, &KeyValue, 50), Ruling::Impossible(Impossible { call: 20, .. })));
}

fn moment(order: u64) -> Moment {
    Moment { order: EventId(order), at: Instant::from_nanos(order) }
}

/// A store that does not say that it is one, so that nothing is seen ahead.
struct Opaque;

impl Model for Opaque {
    fn apply(&self, state: &State, operation: &Operation) -> (State, Reply) {
        KeyValue.apply(state, operation)
    }
}

/// Tries every order. Only for a handful of calls.
fn has_an_order(calls: &[Call]) -> bool {
    fn go(calls: &[Call], placed: u32, states: &BTreeMap<Key, State>) -> bool {
        let left = || (0..calls.len()).filter(|place| placed & 1 << place == 0 && calls[*place].may_count());
        // The rest are all of unknown outcome, and may never have happened.
        if left().all(|place| calls[place].answer().is_none()) {
            return true;
        }
        let first_return = left().filter_map(|place| calls[place].answer()).map(|(moment, _)| moment.order).min();
        left().any(|place| {
            let call = &calls[place];
            if first_return.is_some_and(|first| first < call.called.order) {
                return false;
            }
            let key = call.operation.key();
            let (state, reply) = KeyValue.apply(states.get(&key).unwrap_or(&None), &call.operation);
            if call.answer().is_some_and(|(_, answer)| *answer != reply) {
                return false;
            }
            let mut states = states.clone();
            states.insert(key, state);
            go(calls, placed | 1 << place, &states)
        })
    }
    go(calls, 0, &BTreeMap::new())
}

fn operations(kinds: &'static [u8]) -> impl Strategy<Value = Operation> {
    let text = || prop::sample::select(vec!["a", "b", "ab"]).prop_map(str::to_owned);
    (prop::sample::select(kinds), 0..4_u32, text(), prop::option::of(text())).prop_map(|(kind, key, text, from)| {
        let key = Key(key / 3);
        match kind {
            0 | 1 => Operation::Get { key },
            2 | 3 => Operation::Put { key, value: text },
            4 => Operation::Append { key, value: text },
            5 | 6 => Operation::Cas { key, from, to: text },
            _ => Operation::Delete { key },
        }
    })
}

/// How a drawn call ends: as it would if it took effect at its drawn moment, or in a way that may well be wrong.
#[derive(Clone, Debug)]
enum Ending {
    Right,
    Unknown,
    /// Unknown, and it never took effect.
    Never,
    Refused,
    Wrong(Option<String>, bool),
}

/// Endings of a history that is explained by the order in which it was drawn.
fn explained() -> impl Strategy<Value = Ending> {
    prop_oneof![6 => Just(Ending::Right), 3 => Just(Ending::Unknown), 1 => Just(Ending::Never)]
}

fn endings() -> impl Strategy<Value = Ending> {
    let text = prop::option::of(prop::sample::select(vec!["a", "b", "ab"]).prop_map(str::to_owned));
    prop_oneof![
        12 => Just(Ending::Right),
        4 => Just(Ending::Unknown),
        1 => Just(Ending::Never),
        1 => Just(Ending::Refused),
        2 => (text, any::<bool>()).prop_map(|(text, swapped)| Ending::Wrong(text, swapped)),
    ]
}

/// Up to nine calls, each in an interval of small numbers, so that many coincide.
fn histories<E: Strategy<Value = Ending>>(
    kinds: &'static [u8],
    endings: fn() -> E,
) -> impl Strategy<Value = Vec<Call>> {
    let drawn = move |spread| (operations(kinds), 0..spread, 0..10_u64, 0..10_u64, endings(), any::<bool>());
    let crowded = prop_oneof![Just(2_u64), Just(8), Just(20)];
    crowded.prop_flat_map(move |spread| prop::collection::vec(drawn(spread), 1..10)).prop_map(|mut drawn| {
        // Replies are those of the order in which the calls take effect, each somewhere within its interval.
        drawn.sort_by_key(|(_, called, effect, ..)| called + effect);
        let mut states: BTreeMap<Key, State> = BTreeMap::new();
        let mut calls: Vec<Call> = Vec::new();
        for (place, (mut operation, called, effect, rest, ending, aimed)) in drawn.into_iter().enumerate() {
            let state = states.entry(operation.key()).or_default();
            if let Operation::Cas { from, .. } = &mut operation
                && aimed
            {
                *from = state.clone().map(|bytes| String::from_utf8(bytes).expect("only text is written"));
            }
            let (next, reply) = KeyValue.apply(state, &operation);
            if !matches!(ending, Ending::Refused | Ending::Never) {
                *state = next;
            }
            let outcome = match ending {
                Ending::Right => Some(Outcome::Done(reply)),
                Ending::Unknown | Ending::Never => None,
                Ending::Refused => Some(Outcome::NotApplied),
                Ending::Wrong(text, swapped) => Some(Outcome::Done(match reply {
                    Reply::Value(_) => Reply::Value(text),
                    Reply::Swapped(_) => Reply::Swapped(swapped),
                    other => other,
                })),
            };
            let ended = outcome.map(|outcome| (moment(called + effect + rest), outcome));
            let client = client(place as u16);
            calls.push(Call { client, number: 1, operation: Rc::new(operation), called: moment(called), ended });
        }
        calls.sort_by_key(|call| call.called.order);
        calls
    })
}

fn check(calls: Vec<Call>) -> Result<(), TestCaseError> {
    let mut history = History::new();
    calls.iter().for_each(|call| history.push(call.clone()));
    let expected = has_an_order(&calls);
    for model in [&KeyValue as &dyn Model, &Opaque] {
        match judge(&history, model, NODES) {
            Ruling::Linearizable => prop_assert!(expected),
            Ruling::Undecided(_) => prop_assert!(false, "a handful of calls is decided"),
            Ruling::Impossible(impossible) => {
                prop_assert!(!expected);
                prop_assert!(impossible.expected.is_some());
                // Up to and with the blamed answer it is impossible; without that one answer it was not.
                let blamed = calls[impossible.call].answer().expect("an answer is blamed").0.order;
                let key = calls[impossible.call].operation.key();
                let prefix = |with_blamed: bool| -> Vec<Call> {
                    let places = (0..calls.len()).filter(|place| calls[*place].operation.key() == key);
                    let begun = places.filter(|place| calls[*place].called.order <= blamed);
                    let cut = |place: usize| {
                        let mut call = calls[place].clone();
                        call.ended = call.ended.filter(|(moment, outcome)| {
                            let rank = (moment.order, place).cmp(&(blamed, impossible.call));
                            *outcome == Outcome::NotApplied || rank.is_lt() || with_blamed && rank.is_eq()
                        });
                        call
                    };
                    begun.map(cut).collect()
                };
                prop_assert!(!has_an_order(&prefix(true)));
                prop_assert!(has_an_order(&prefix(false)));
            }
        }
    }
    Ok(())
}

/// Every history of at most four of these calls, each in one of three intervals or without an end.
fn check_all(palette: &[(Operation, Reply)]) {
    let mut calls: Vec<Call> = Vec::new();
    for (operation, reply) in palette {
        for (called, ended) in [(0, Some(1)), (0, Some(3)), (2, Some(3)), (0, None)] {
            let ended = ended.map(|ended| (moment(ended), Outcome::Done(reply.clone())));
            // An unknown read says nothing.
            if ended.is_some() || !matches!(operation, Operation::Get { .. }) {
                let operation = Rc::new(operation.clone());
                calls.push(Call { client: client(0), number: 1, operation, called: moment(called), ended });
            }
        }
    }
    // In both orders, because calls and returns of one moment are looked at in the order of their places.
    let judged = |chosen: &[usize]| {
        let mut some: Vec<Call> = chosen.iter().map(|place| calls[*place].clone()).collect();
        for _ in 0..2 {
            some.reverse();
            some.iter_mut().enumerate().for_each(|(place, call)| call.client = client(place as u16));
            let mut sorted = some.clone();
            sorted.sort_by_key(|call| call.called.order);
            check(sorted).expect("a handful of calls is judged rightly");
        }
    };
    let all = calls.len();
    for first in 0..all {
        for second in first..all {
            for third in second..all {
                judged(&[first, second, third]);
                (third..all).for_each(|fourth| judged(&[first, second, third, fourth]));
            }
        }
    }
}

fn cas(from: Option<&str>, to: &str) -> Operation {
    Operation::Cas { key: Key(0), from: from.map(str::to_owned), to: to.to_owned() }
}

#[test]
fn all_small_histories_of_a_register_are_judged_rightly() {
    check_all(&[
        (put(0, "a"), Reply::Done),
        (put(0, "b"), Reply::Done),
        (Operation::Delete { key: Key(0) }, Reply::Done),
        (get(0), value("a")),
        (get(0), Reply::Value(None)),
        (cas(None, "b"), Reply::Swapped(true)),
        (cas(Some("b"), "a"), Reply::Swapped(true)),
        (cas(Some("a"), "b"), Reply::Swapped(true)),
    ]);
}

#[test]
fn all_small_histories_with_failed_swaps_are_judged_rightly() {
    check_all(&[
        (put(0, "a"), Reply::Done),
        (Operation::Delete { key: Key(0) }, Reply::Done),
        (get(0), value("a")),
        (get(0), value("b")),
        (cas(None, "b"), Reply::Swapped(true)),
        (cas(Some("a"), "b"), Reply::Swapped(true)),
        (cas(Some("a"), "b"), Reply::Swapped(false)),
        (cas(None, "a"), Reply::Swapped(false)),
    ]);
}

#[test]
fn all_small_histories_with_appends_are_judged_rightly() {
    let append = |text: &str| Operation::Append { key: Key(0), value: text.to_owned() };
    check_all(&[
        (put(0, "a"), Reply::Done),
        (append("a"), Reply::Done),
        (append("b"), Reply::Done),
        (Operation::Delete { key: Key(0) }, Reply::Done),
        (cas(Some("b"), "ab"), Reply::Swapped(true)),
        (get(0), value("a")),
        (get(0), value("ab")),
        (get(0), Reply::Value(None)),
    ]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn registers_are_judged_as_by_trying_everything(calls in histories(&[0, 1, 2, 3, 7], endings)) {
        check(calls)?;
    }

    #[test]
    fn swaps_are_judged_as_by_trying_everything(calls in histories(&[0, 1, 2, 5, 6, 7], endings)) {
        check(calls)?;
    }

    #[test]
    fn appends_are_judged_as_by_trying_everything(calls in histories(&[0, 1, 4], endings)) {
        check(calls)?;
    }

    #[test]
    fn everything_is_judged_as_by_trying_everything(calls in histories(&[0, 1, 2, 4, 5, 6, 7], endings)) {
        check(calls)?;
    }

    #[test]
    fn what_has_an_order_is_never_impossible(calls in histories(&[0, 2, 2, 4, 5, 5, 7], explained)) {
        prop_assert!(has_an_order(&calls));
        check(calls)?;
    }

    #[test]
    fn registers_that_have_an_order_are_never_impossible(calls in histories(&[0, 2, 5, 5, 7], explained)) {
        prop_assert!(has_an_order(&calls));
        check(calls)?;
    }
}
