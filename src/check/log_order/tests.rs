//! The order of the log explains what it should, and never what it should not.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::*;
use crate::base::{ClientId, Disks, Draw, Instant, NodeId, Operation, Outcome, Reply};
use crate::check::history::{Call, Moment};
use crate::check::lin::{Ruling, judge};
use crate::check::models::KeyValue;

fn moment(order: u64) -> Moment {
    Moment { order: EventId(order), at: Instant::from_nanos(order) }
}

/// A run of a service with a log: what its clients saw, and what it executed when.
struct Run {
    history: History,
    log: LogOrder,
}

/// What is wrong with a run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    /// Some answers are drawn.
    Answers,
    /// The log tells of some executions later, and so in another order.
    Order,
}

/// What happens at a moment of a run; `Call` and `Return` of a call, `Execute` of an entry.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Call(usize),
    Execute(usize),
    Return(usize),
}

struct Asked {
    client: ClientId,
    request: u64,
    operation: Operation,
    /// Call, execution, return.
    times: [u64; 3],
    executed: bool,
    answered: bool,
    reply: Reply,
}

fn operation(draw: &mut Draw) -> Operation {
    let key = Key(draw.below(2) as u32);
    let value = ["a", "b", "c"][draw.below(3) as usize].to_owned();
    match draw.below(5) {
        0 | 1 => Operation::Get { key },
        2 => Operation::Put { key, value },
        3 => Operation::Append { key, value },
        _ => Operation::Cas { key, from: Some("a".to_owned()), to: value },
    }
}

fn run(machines: u16, calls: usize, fault: Fault, draw: &mut Draw) -> Run {
    let mut asked: Vec<Asked> = Vec::new();
    let mut free: Vec<(u64, ClientId, u64)> =
        (0..machines).map(|machine| (0, ClientId { node: NodeId::client(machine), session: 1 }, 1)).collect();
    for _ in 0..calls {
        let (from, client, request) = draw.pick(&free).copied().expect("there is a machine");
        let call = from + draw.below(8);
        let execution = call + draw.between(1, 20);
        let end = execution + draw.between(1, 20);
        let answered = draw.below(6) > 0;
        asked.push(Asked {
            client,
            request,
            operation: operation(draw),
            times: [call, execution, end],
            executed: answered || draw.below(2) == 0,
            answered,
            reply: Reply::Done,
        });
        let place = free.iter().position(|(_, other, _)| other.node == client.node).expect("it is this machine");
        let next = ClientId { session: client.session + u32::from(!answered), ..client };
        // Whoever gives up does so at once, and what was asked for may be executed at any later time.
        free[place] = if answered { (end + 1, client, request + 1) } else { (call + 1, next, 1) };
    }
    let mut steps: Vec<(u64, Step)> = Vec::new();
    for (place, one) in asked.iter().enumerate() {
        steps.push((one.times[0], Step::Call(place)));
        let late = if fault == Fault::Order && draw.below(10) == 0 { 10 } else { 0 };
        steps.extend(one.executed.then_some((one.times[1] + late, Step::Execute(place))));
        steps.extend(one.answered.then_some((one.times[2], Step::Return(place))));
    }
    steps.sort_unstable();
    let order = |step: Step| steps.iter().position(|(_, other)| *other == step).map(|order| order as u64 + 1);
    // The service answers in the order in which things were meant to be executed.
    let mut effects: Vec<usize> = (0..asked.len()).filter(|place| asked[*place].executed).collect();
    effects.sort_by_key(|place| (asked[*place].times[1], *place));
    let mut states: BTreeMap<Key, State> = BTreeMap::new();
    for place in effects {
        let one = &mut asked[place];
        let state = states.entry(one.operation.key()).or_default();
        let (next, reply) = KeyValue.apply(state, &one.operation);
        (*state, one.reply) = (next, reply);
        if fault == Fault::Answers && draw.below(12) == 0 && matches!(one.operation, Operation::Get { .. }) {
            one.reply = Reply::Value(Some("b".to_owned()));
        }
    }
    let mut run = Run { history: History::new(), log: LogOrder::default() };
    let mut places: Vec<usize> = (0..asked.len()).collect();
    places.sort_by_key(|place| order(Step::Call(*place)));
    for place in places {
        let one = &asked[place];
        run.history.push(Call {
            client: one.client,
            number: one.request,
            operation: Rc::new(one.operation.clone()),
            called: moment(order(Step::Call(place)).expect("everything is called")),
            ended: order(Step::Return(place)).map(|order| (moment(order), Outcome::Done(one.reply.clone()))),
        });
    }
    let executed = steps.iter().enumerate().filter_map(|(at, (_, step))| match step {
        Step::Execute(place) => Some((at as u64 + 1, &asked[*place])),
        _ => None,
    });
    for (index, (event, one)) in executed.enumerate() {
        // Numbers that say nothing about who it is.
        let client = (u64::from(one.client.node.index()) << 32 | u64::from(one.client.session))
            .wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let execution = Execution { client, request: one.request, event: EventId(event) };
        // Every replica says so.
        run.log.on_executed(index as u64 + 1, execution);
        run.log.on_executed(index as u64 + 1, Execution { event: EventId(event + 1), ..execution });
    }
    run
}

fn objects(history: &History) -> BTreeMap<Key, Vec<usize>> {
    let mut objects: BTreeMap<Key, Vec<usize>> = BTreeMap::new();
    for (place, call) in history.calls().iter().enumerate() {
        objects.entry(call.operation.key()).or_default().push(place);
    }
    objects
}

/// The history of one object alone.
fn alone(history: &History, places: &[usize]) -> History {
    let mut part = History::new();
    places.iter().for_each(|place| part.push(history.calls()[*place].clone()));
    part
}

#[test]
fn a_right_log_explains_nearly_everything() {
    let mut draw = Draw::keyed(3, 1);
    let (mut explained, mut all) = (0, 0);
    for machines in [1, 2, 3, 5, 9] {
        for _ in 0..60 {
            let Run { history, log } = run(machines, 60, Fault::None, &mut draw);
            let objects = objects(&history);
            all += objects.len();
            explained += log.explained(&history, &KeyValue, &objects).len();
        }
    }
    // What is not: clients that were never answered and are taken for each other.
    assert!(explained * 10 > all * 8, "{explained} of {all}");
}

#[test]
fn with_answers_everywhere_every_client_is_found() {
    let mut draw = Draw::keyed(3, 2);
    for machines in [1, 2, 5, 20] {
        let Run { history, log } = run(machines, 400, Fault::None, &mut draw);
        let answered = |call: &&Call| call.answer().is_some();
        let first_open = history.calls().iter().filter(|call| !answered(call)).count();
        assert!(first_open > 0, "some clients gave up");
        let matched = matching::calls_of(&log.executions, history.calls());
        let found = matched.iter().flatten().filter(|place| history.calls()[**place].answer().is_some()).count();
        let answers = history.calls().iter().filter(answered).count();
        assert!(found * 20 >= answers * 19, "{machines} machines: {found} of {answers}");
    }
}

#[test]
fn what_it_explains_has_an_order_and_lies_explain_nothing_more() {
    let mut draw = Draw::keyed(3, 3);
    let mut counts = [0_u64; 2];
    for round in 0..3_000 {
        let fault = [Fault::Answers, Fault::Order, Fault::None][round % 3];
        let Run { history, log } = run(1 + (round % 4) as u16, 8, fault, &mut draw);
        let objects = objects(&history);
        let explained = log.explained(&history, &KeyValue, &objects);
        for (key, places) in &objects {
            let ruling = judge(&alone(&history, places), &KeyValue, 1 << 20);
            if explained.contains(key) {
                assert_eq!(ruling, Ruling::Linearizable, "round {round}, {key}");
            }
            counts[usize::from(explained.contains(key))] += 1;
        }
    }
    assert!(counts[0] > 300 && counts[1] > 1_000, "{counts:?}");
}

#[test]
fn an_order_that_the_clock_forbids_is_not_believed() {
    // `put a` was over before `put b` began, but the log has them the other way round: the read of `a` is stale.
    let mut history = History::new();
    let call = |machine, operation: Operation, times: [u64; 2], reply: Reply| Call {
        client: ClientId { node: NodeId::client(machine), session: 1 },
        number: 1,
        operation: Rc::new(operation),
        called: moment(times[0]),
        ended: Some((moment(times[1]), Outcome::Done(reply))),
    };
    let put = |value: &str| Operation::Put { key: Key(0), value: value.to_owned() };
    history.push(call(0, put("a"), [1, 4], Reply::Done));
    history.push(call(1, put("b"), [5, 8], Reply::Done));
    history.push(call(2, Operation::Get { key: Key(0) }, [9, 12], Reply::Value(Some("a".to_owned()))));
    let mut log = LogOrder::default();
    for (index, client, event) in [(1, 7, 6), (2, 8, 3), (3, 9, 10)] {
        log.on_executed(index, Execution { client, request: 1, event: EventId(event) });
    }
    assert!(log.explained(&history, &KeyValue, &objects(&history)).is_empty());
}

#[test]
fn an_answer_that_is_in_no_entry_is_not_explained() {
    let mut draw = Draw::keyed(3, 4);
    let Run { history, mut log } = run(2, 30, Fault::None, &mut draw);
    log.executions.truncate(3);
    let objects = objects(&history);
    assert!(log.explained(&history, &KeyValue, &objects).len() < objects.len());
    assert!(LogOrder::default().explained(&history, &KeyValue, &objects).is_empty());
}

/// Disks without bytes: LIN does not look at them.
struct NoDisks;

impl Disks for NoDisks {
    fn promised(&self, _: NodeId, _: &str, _: u64, _: usize) -> Option<bytes::Bytes> {
        None
    }
    fn promised_len(&self, _: NodeId, _: &str) -> Option<u64> {
        None
    }
    fn actual(&self, _: NodeId, _: &str, _: u64, _: usize) -> Option<bytes::Bytes> {
        None
    }
    fn actual_len(&self, _: NodeId, _: &str) -> Option<u64> {
        None
    }
}

#[test]
fn in_runs_the_log_explains_nearly_every_object_without_a_search() {
    use crate::check::lin::Lin;
    use crate::check::oracle::{End, Oracle};
    use crate::scenario::{Settings, file::parse_bytes, run};
    let registry = crate::systems::registry();
    let (mut explained, mut all) = (0, 0);
    for name in ["calm", "power-loss", "rolling-restarts", "every-fault"] {
        let path = format!("{}/sim-scenarios/{name}.toml", env!("CARGO_MANIFEST_DIR"));
        let file = std::fs::read(path).expect("the scenario is there");
        let scenario =
            parse_bytes(name, &file, &registry).expect("it is right").only().expect("it has no choices").clone();
        for seed in 0..2 {
            let system = registry.make(&scenario).expect("it exists");
            let model = system.model();
            let run = run(&scenario, system, &Settings { seed, trace: true, ..Settings::default() });
            let trace = run.trace.expect("it was asked for");
            let mut lin = Lin::new(model, 0);
            trace.iter().for_each(|event| lin.on_event(event, &NoDisks).expect("it judges at the end"));
            let last = trace.last().expect("something happened");
            lin.on_end(&End { event: last.id, at: last.at, core: Vec::new() }).expect("it is linearizable");
            let objects = objects(lin.history()).len() as u64;
            println!(
                "{name} {seed}: {} of {objects} objects, {} calls",
                lin.explained_by_log(),
                lin.history().calls().len()
            );
            explained += lin.explained_by_log();
            all += objects;
        }
    }
    assert!(explained * 10 >= all * 9, "{explained} of {all}");
}
