//! The rules of what is noise, one by one, with hand-made traces.

use std::rc::Rc;

use super::*;
use crate::base::{Checksum, ClientId, Incarnation, Key, Kind, Lost, Operation, Outcome, Probe, Reply};

static ASK: Kind = Kind::new("Ask", &["n"]);
static BEAT: Kind = Kind::new("Beat", &[]);
static VOTE: Kind = Kind::new("Vote", &["n"]);
static TELL: Kind = Kind::new("Tell", &["n"]);
static WRITE: Kind = Kind::new("write", &[]);
static MAIN: Kind = Kind::new("main", &[]);

const R0: NodeId = NodeId::replica(0);
const R1: NodeId = NodeId::replica(1);
const R2: NodeId = NodeId::replica(2);
const C0: NodeId = NodeId::client(0);

/// A trace that is written down event by event, a millisecond apart.
#[derive(Default)]
struct Writer(Vec<Event>);

impl Writer {
    fn event(&mut self, node: Option<NodeId>, cause: u64, kind: EventKind) -> u64 {
        let id = self.0.len() as u64 + 1;
        let at = Instant::from_nanos(id * 1_000_000);
        self.0.push(Event { id: EventId(id), cause: EventId(cause), at, node, kind });
        id
    }

    fn send(&mut self, from: NodeId, cause: u64, to: NodeId, label: crate::base::Label) -> u64 {
        let same = |event: &&Event| {
            event.node == Some(from)
                && matches!(&event.kind, EventKind::Send { to: other, label: same, .. } if *other == to && *same == label)
        };
        let repeat = self.0.iter().filter(same).count() as u32 + 1;
        self.event(Some(from), cause, EventKind::Send { to, label, repeat, size: 1, hash: 0 })
    }

    fn arrive(&mut self, send: u64) -> u64 {
        let event = self.0[send as usize - 1].clone();
        let EventKind::Send { to, label, repeat, .. } = event.kind else { panic!("not a send") };
        let from = event.node.expect("a node sends");
        self.event(Some(to), send, EventKind::Deliver { from, label, repeat, copy: 0, hash: 0, corrupt: false })
    }

    fn lose(&mut self, send: u64, reason: Lost) -> u64 {
        let event = self.0[send as usize - 1].clone();
        let EventKind::Send { to, label, repeat, .. } = event.kind else { panic!("not a send") };
        self.event(event.node, send, EventKind::Lost { to, label, repeat, reason })
    }

    fn timer(&mut self, node: NodeId, cause: u64) -> u64 {
        self.event(Some(node), cause, EventKind::Timer { task: MAIN.label([]), nth: 1 })
    }

    fn commit(&mut self, node: NodeId, cause: u64, index: u64) -> u64 {
        let digest = Checksum(u128::from(index) << 96);
        self.event(Some(node), cause, EventKind::Probe(Probe::Committed { epoch: 0, index, digest }))
    }

    fn violation(&self, nodes: Vec<NodeId>) -> Violation {
        let last = self.0.last().expect("something happened");
        Violation::new(OracleId::Agree, last, nodes, "it went wrong".to_string())
    }

    /// What is shown of the past of the last event, as numbers of events.
    fn shown(&self, nodes: Vec<NodeId>) -> Vec<u64> {
        past(&self.0, &self.violation(nodes)).shown.iter().map(|event| event.id.0).collect()
    }
}

#[test]
fn a_heartbeat_matters_only_if_it_moves_somebody() {
    let mut trace = Writer::default();
    let timer = trace.timer(R0, 0);
    for moves in [false, true] {
        let beat = trace.send(R0, timer, R1, BEAT.label([]));
        let heard = trace.arrive(beat);
        if moves {
            trace.commit(R1, heard, 1);
        }
    }
    assert_eq!(trace.shown(vec![R1]), [4, 5, 6]);
}

#[test]
fn what_another_node_did_later_is_not_the_past() {
    let mut trace = Writer::default();
    let told = trace.send(R0, 0, R1, TELL.label([1]));
    trace.commit(R0, 0, 7);
    let heard = trace.arrive(told);
    trace.commit(R1, heard, 1);
    assert_eq!(trace.shown(vec![R1]), [1, 3, 4]);
    // But what the violation holds against it is its root.
    assert_eq!(trace.shown(vec![R1, R0]), [1, 2, 3, 4]);
}

#[test]
fn votes_are_shown_although_only_the_last_one_counts() {
    let mut trace = Writer::default();
    let votes: Vec<u64> = [R1, R2].map(|voter| trace.send(voter, 0, R0, VOTE.label([1]))).to_vec();
    let other = trace.send(R1, 0, R0, TELL.label([9]));
    trace.arrive(votes[0]);
    trace.arrive(other);
    let last = trace.arrive(votes[1]);
    trace.commit(R0, last, 1);
    assert_eq!(trace.shown(vec![R0]), [1, 2, 4, 6, 7]);
}

#[test]
fn a_vote_that_somebody_joins_by_his_own_timer_is_shown() {
    let mut trace = Writer::default();
    let vote = trace.send(R1, 0, R0, VOTE.label([1]));
    trace.arrive(vote);
    let timer = trace.timer(R0, 0);
    trace.send(R0, timer, R2, VOTE.label([1]));
    trace.commit(R0, timer, 1);
    assert_eq!(trace.shown(vec![R0]), [1, 2, 4, 5]);
}

#[test]
fn a_message_that_waits_for_the_disk_is_shown() {
    let mut trace = Writer::default();
    let (start, done) = (
        EventKind::DiskStart { label: WRITE.label([]), repeat: 1, hash: 0 },
        EventKind::DiskDone { label: WRITE.label([]), repeat: 1, hash: 0 },
    );
    let told = trace.send(R0, 0, R1, TELL.label([1]));
    let started = trace.event(Some(R1), 0, start);
    trace.arrive(told);
    let done = trace.event(Some(R1), started, done);
    trace.commit(R1, done, 1);
    assert_eq!(trace.shown(vec![R1]), [1, 3, 5]);
}

#[test]
fn a_lost_packet_is_shown_once_and_counted() {
    let mut trace = Writer::default();
    for _ in 0..3 {
        let timer = trace.timer(R0, 0);
        let told = trace.send(R0, timer, R1, TELL.label([1]));
        trace.lose(told, Lost::Cut);
    }
    trace.commit(R0, 0, 1);
    let past = past(&trace.0, &trace.violation(vec![R0]));
    assert_eq!(past.shown.iter().map(|event| event.id.0).collect::<Vec<u64>>(), [2, 3, 10]);
    assert_eq!(past.times, BTreeMap::from([(EventId(2), 3)]));
}

#[test]
fn that_the_dead_hear_nothing_is_shown_only_when_they_die_before_it_arrives() {
    for (dies_on_the_way, shown) in [(false, vec![1, 4]), (true, vec![1, 2, 3, 4])] {
        let mut trace = Writer::default();
        let crash = EventKind::Crash(Incarnation(1));
        let told = if dies_on_the_way {
            let told = trace.send(R0, 0, R1, TELL.label([1]));
            trace.event(Some(R1), 0, crash);
            told
        } else {
            trace.event(Some(R1), 0, crash);
            trace.send(R0, 0, R1, TELL.label([1]))
        };
        trace.lose(told, Lost::Down);
        trace.commit(R0, 0, 1);
        assert_eq!(trace.shown(vec![R0, R1]), shown);
    }
}

#[test]
fn faults_belong_to_the_picture_if_they_strike_somebody_in_it() {
    let mut trace = Writer::default();
    for fault in ["partition r0 | r1 r2", "cut r5 -> r6", "heal all links"] {
        trace.event(None, 0, EventKind::Fault(fault.into()));
    }
    let crash = trace.event(None, 0, EventKind::Fault("crash r0".into()));
    trace.event(Some(R0), crash, EventKind::Crash(Incarnation(1)));
    trace.event(Some(R0), 0, EventKind::Boot(Incarnation(2)));
    trace.commit(R0, 0, 1);
    // The fault that is nothing but a crash is told by the crash.
    assert_eq!(trace.shown(vec![R0]), [1, 3, 5, 6, 7]);
}

/// `calls` calls one after the other, each answered, and each entry committed before its answer.
fn calls(calls: u64) -> Writer {
    let mut trace = Writer::default();
    let client = ClientId { node: C0, session: 1 };
    for number in 1..=calls {
        let operation = Rc::new(Operation::Get { key: Key(0) });
        trace.event(Some(C0), 0, EventKind::Call { client, number, operation });
        let ask = trace.send(C0, 0, R0, ASK.label([number]));
        let asked = trace.arrive(ask);
        trace.commit(R0, asked, number);
        let tell = trace.send(R0, asked, C0, TELL.label([number]));
        let told = trace.arrive(tell);
        trace.event(Some(C0), told, EventKind::Return { client, number, outcome: Outcome::Done(Reply::Done) });
    }
    trace
}

#[test]
fn calls_without_a_part_in_it_are_folded_away_when_there_are_many() {
    let few = calls(3);
    assert_eq!(past(&few.0, &few.violation(vec![C0])).left_out, 0);
    // The last commit is held against an earlier one of the same entry; its call stays whole.
    let mut many = calls(15);
    many.commit(R1, 0, 12);
    let past = past(&many.0, &many.violation(vec![R1, R0]));
    assert!(past.steps().len() <= LINES_MAX);
    assert!(past.left_out > 0);
    let asks = |event: &&Event| matches!(event.kind, EventKind::Send { .. });
    let numbers: Vec<String> = past.shown.iter().filter(asks).map(|event| event.kind.to_string()).collect();
    assert_eq!(numbers, ["sends Ask(n12) #1 to r0, 1 bytes"]);
}

#[test]
fn a_whole_run_is_cut_where_nothing_looks_unfinished() {
    let long = calls(200);
    let all = whole(&long.0);
    assert!(all.steps().len() <= LINES_MAX_WHOLE);
    assert!(all.left_out > 0);
    assert_eq!(all.shown.len() as u64 + all.left_out, 200 * 7);
    let under_way =
        |step: &Step| matches!(step.what, crate::report::steps::What::Message(_, crate::report::steps::Fate::UnderWay));
    assert!(!all.steps().iter().any(under_way));
}

#[test]
fn lines_keep_every_node_in_its_own_order() {
    // r0's first packet is overtaken by the second: it cannot be drawn as one line with its send.
    let mut trace = Writer::default();
    let slow = trace.send(R0, 0, R1, TELL.label([1]));
    let fast = trace.send(R0, 0, R1, TELL.label([2]));
    let heard = trace.arrive(fast);
    trace.commit(R1, heard, 2);
    let heard = trace.arrive(slow);
    trace.commit(R1, heard, 1);
    let past = past(&trace.0, &trace.violation(vec![R1]));
    insta::assert_snapshot!(crate::report::lanes::lanes(&past), @"
    time      r0                      r1
    0.001000  ● sends Tell(n1) to r1  │
    0.002000  ├───────Tell(n2)────────▶
    0.004000  │                       ● commits 2 (00000002) in epoch 0
    0.005000  ├┄┄┄┄┄┄┄Tell(n1)┄┄┄┄┄┄┄┄▶
    0.006000  │                       ● commits 1 (00000001) in epoch 0   ◀── AGREE
    ");
}
