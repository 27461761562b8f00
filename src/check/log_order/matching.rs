//! Whose request it was that an entry of the log executed.
//!
//! The log has the system's own numbers for clients, the history has the clients. A client asks one thing after the
//! other, and each is executed between its call and its return, so the executions of one number, in order, lie within the
//! calls of its client, in order. All but the last of these calls were answered, since a client whose call stays open is never
//! heard of again. For example, of two clients that begin at the same time,
//!
//! ```text
//!     c0   |--------------|  |-----|
//!     c1   |-----|  |---------------------|
//!     log    a1 b1     a2     b2
//! ```
//!
//! `a` must be `c1`, because `c0` had not called again when `a2` was executed; that leaves `c0` for `b`.
//!
//! First every number gets the clients that fit. Whoever fits only one is given to it, and taken from all others, until
//! nobody is left to whom that applies. Those that remain fit several, which happens to clients that asked one thing and were
//! never answered: they are given out in the order of their executions, to whoever would have been answered first. This is a
//! guess, and so is all of it: whoever asks must verify what follows from it.

use std::collections::BTreeMap;

use crate::base::ClientId;
use crate::check::history::Call;

use super::Execution;

/// Numbers times clients that are compared with each other; beyond that nobody is matched.
const PAIRS_COMPARED: usize = 1 << 22;

/// Pairs that may fit; beyond that nobody is matched.
const PAIRS_KEPT: usize = 1 << 17;

/// By execution, the place of the call that it belongs to, as far as that can be told.
pub(super) fn calls_of(executions: &[Execution], calls: &[Call]) -> Vec<Option<usize>> {
    let mut numbers: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    for (place, execution) in executions.iter().enumerate() {
        numbers.entry(execution.client).or_default().push(place);
    }
    let mut clients: BTreeMap<ClientId, Vec<usize>> = BTreeMap::new();
    for (place, call) in calls.iter().enumerate().filter(|(_, call)| call.may_count()) {
        clients.entry(call.client).or_default().push(place);
    }
    let mut matched = vec![None; executions.len()];
    if numbers.len().saturating_mul(clients.len()) > PAIRS_COMPARED {
        return matched;
    }
    let mut numbers: Vec<Vec<usize>> = numbers.into_values().collect();
    numbers.sort_unstable_by_key(|executed| executed[0]);
    let clients: Vec<Vec<usize>> = clients.into_values().collect();
    let Some(pairs) = Pairs::that_fit(&numbers, &clients, |executed, asked| {
        fits(executed.iter().map(|place| &executions[*place]), asked.iter().map(|place| &calls[*place]))
    }) else {
        return matched;
    };
    let deadline = |client: usize| {
        let first = &calls[clients[client][0]];
        (first.answer().is_none(), first.answer().map(|(moment, _)| moment.order), first.called.order)
    };
    for (number, client) in pairs.given_out(deadline).into_iter().enumerate() {
        for (execution, call) in numbers[number].iter().zip(client.iter().flat_map(|client| &clients[*client])) {
            matched[*execution] = Some(*call);
        }
    }
    matched
}

/// Whether these executions, in the order of the log, can be of these calls, in their order.
fn fits<'a>(mut executed: impl Iterator<Item = &'a Execution>, mut asked: impl Iterator<Item = &'a Call>) -> bool {
    let mut request = 0;
    let within = executed.by_ref().all(|execution| {
        let later = execution.request > request || request == 0;
        request = execution.request;
        later
            && asked.next().is_some_and(|call| {
                call.called.order < execution.event
                    && call.answer().is_none_or(|(moment, _)| execution.event < moment.order)
            })
    });
    within && asked.all(|call| call.answer().is_none())
}

/// Numbers and clients that fit each other.
struct Pairs {
    of_number: Vec<Vec<usize>>,
    of_client: Vec<Vec<usize>>,
}

impl Pairs {
    /// Nothing if there are too many.
    fn that_fit(
        numbers: &[Vec<usize>],
        clients: &[Vec<usize>],
        fits: impl Fn(&[usize], &[usize]) -> bool,
    ) -> Option<Pairs> {
        let mut pairs =
            Pairs { of_number: vec![Vec::new(); numbers.len()], of_client: vec![Vec::new(); clients.len()] };
        let mut kept = 0;
        for (number, executed) in numbers.iter().enumerate() {
            for (client, asked) in clients.iter().enumerate() {
                if fits(executed, asked) {
                    pairs.of_number[number].push(client);
                    pairs.of_client[client].push(number);
                    kept += 1;
                }
            }
            if kept > PAIRS_KEPT {
                return None;
            }
        }
        Some(pairs)
    }

    /// By number, the client that it is given.
    fn given_out<D: Ord>(&self, deadline: impl Fn(usize) -> D) -> Vec<Option<usize>> {
        let mut given: Vec<Option<usize>> = vec![None; self.of_number.len()];
        let mut is_free = vec![true; self.of_client.len()];
        let mut choices: Vec<usize> = self.of_number.iter().map(Vec::len).collect();
        // Numbers that one client fits, to be looked at. The others are looked at when nothing else is left to do.
        let mut certain: Vec<usize> = (0..choices.len()).filter(|number| choices[*number] == 1).collect();
        let mut others = 0..choices.len();
        while let Some(number) = certain.pop().or_else(|| others.next()) {
            if given[number].is_some() {
                continue;
            }
            let free = self.of_number[number].iter().copied().filter(|client| is_free[*client]);
            let Some(client) = free.min_by_key(|client| deadline(*client)) else { continue };
            given[number] = Some(client);
            is_free[client] = false;
            for other in &self.of_client[client] {
                choices[*other] -= 1;
                if choices[*other] == 1 && given[*other].is_none() {
                    certain.push(*other);
                }
            }
        }
        given
    }
}
