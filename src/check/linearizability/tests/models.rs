//! Models of one's own.

use std::rc::Rc;

use crate::base::{ClientId, EventId, Instant, Key, NodeId, Operation, Outcome, Reply};
use crate::check::history::{Call, History, Moment};
use crate::check::lin;
use crate::check::models::{Model, Partition, State};

/// Two accounts that have ten each; a transfer touches both, and so does the question for all of it.
struct Bank;

impl Model for Bank {
    fn apply(&self, state: &State, operation: &Operation) -> (State, Reply) {
        let mut balances = state.clone().unwrap_or_else(|| vec![10, 10]);
        let Operation::Custom { name, key: Key(to), input } = operation else { return (state.clone(), Reply::Done) };
        if *name == "audit" {
            return (state.clone(), Reply::Custom(balances.into()));
        }
        let from = 1 - *to as usize;
        balances[from] -= input[0];
        balances[*to as usize] += input[0];
        (Some(balances), Reply::Done)
    }

    fn partition(&self, _: &Operation) -> Partition {
        Partition::Whole
    }

    fn is_read(&self, operation: &Operation, _: &Reply) -> bool {
        matches!(operation, Operation::Custom { name: "audit", .. })
    }
}

/// A name, a key, an input, what was answered, from when and until when.
type Told = (&'static str, u32, &'static [u8], Reply, u64, u64);

fn history(calls: &[Told]) -> History {
    let mut history = History::new();
    let moment = |at| Moment { order: EventId(at), at: Instant::from_nanos(at) };
    for (number, (name, key, input, reply, call, end)) in calls.iter().enumerate() {
        history.push(Call {
            client: ClientId { node: NodeId::client(number as u16), session: 1 },
            number: 1,
            operation: Rc::new(Operation::Custom { name, key: Key(*key), input: bytes::Bytes::from_static(input) }),
            called: moment(*call),
            ended: Some((moment(*end), Outcome::Done(reply.clone()))),
        });
    }
    history
}

#[test]
fn operations_on_several_objects_are_judged_together() {
    let audit = |balances: &'static [u8]| Reply::Custom(balances.into());
    // One after the other, and what the audit saw in between is right.
    let right = history(&[
        ("transfer", 1, &[3], Reply::Done, 1, 2),
        ("audit", 0, &[], audit(&[7, 13]), 3, 4),
        ("transfer", 0, &[1], Reply::Done, 5, 6),
        ("audit", 1, &[], audit(&[8, 12]), 7, 8),
    ]);
    assert_eq!(lin::judge(&right, &Bank, 1_000), lin::Ruling::Linearizable);
    // Each account by itself is as it might be, but both together never were.
    let torn = history(&[("transfer", 1, &[3], Reply::Done, 1, 4), ("audit", 0, &[], audit(&[7, 10]), 2, 3)]);
    assert!(matches!(lin::judge(&torn, &Bank, 1_000), lin::Ruling::Impossible(_)));
}
