//! The client table: which requests were executed, and what was answered.
//!
//! A client has one request open at a time and numbers them from 1, so one answer per client is enough. What was
//! *executed* is part of the replicated state: every replica records it when it executes an entry, so that whoever
//! becomes primary can answer a retry. What is *in flight* is only the primary's knowledge of its own log, made anew
//! from the uncommitted entries whenever a replica becomes primary.

use std::collections::BTreeMap;

use bytes::Bytes;

/// The client table.
#[derive(Clone, Debug, Default)]
pub struct Sessions(BTreeMap<u64, Session>);

/// What is known of a client.
#[derive(Clone, Debug, Default)]
struct Session {
    /// The number of its request that is in the log and not yet executed; 0 if none is.
    in_flight: u64,
    executed: Option<Executed>,
}

#[derive(Clone, Debug)]
struct Executed {
    request: u64,
    reply: Bytes,
}

/// What is to be done with a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It is new: prepare it.
    New,
    /// It is in the log, and will be answered when it is committed.
    InFlight,
    /// It was executed, with this answer.
    Answered(Bytes),
    /// A later request of the same client is known, so nobody waits for this one.
    Old,
}

impl Sessions {
    /// What is to be done with a request.
    pub fn judge(&self, client: u64, request: u64) -> Verdict {
        let session = self.0.get(&client);
        let in_flight = session.map_or(0, |session| session.in_flight);
        let executed = session.and_then(|session| session.executed.as_ref());
        let newest = executed.map_or(0, |executed| executed.request).max(in_flight);
        match executed {
            _ if request > newest => Verdict::New,
            _ if request == in_flight => Verdict::InFlight,
            Some(executed) if request == executed.request => Verdict::Answered(executed.reply.clone()),
            _ => Verdict::Old,
        }
    }

    /// The request was put into the log.
    pub fn prepared(&mut self, client: u64, request: u64) {
        assert!(request > 0, "requests count from 1");
        self.0.entry(client).or_default().in_flight = request;
    }

    /// The request was executed.
    pub fn executed(&mut self, client: u64, request: u64, reply: Bytes) {
        let session = self.0.entry(client).or_default();
        if session.in_flight <= request {
            session.in_flight = 0;
        }
        session.executed = Some(Executed { request, reply });
    }

    /// These requests, and no others, are in the log and not yet executed.
    pub fn restart_pipeline(&mut self, requests: impl Iterator<Item = (u64, u64)>) {
        self.0.values_mut().for_each(|session| session.in_flight = 0);
        requests.for_each(|(client, request)| self.prepared(client, request));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(text: &'static str) -> Bytes {
        Bytes::from_static(text.as_bytes())
    }

    #[test]
    fn a_request_goes_from_new_to_old() {
        let mut sessions = Sessions::default();
        assert_eq!(sessions.judge(1, 1), Verdict::New);
        sessions.prepared(1, 1);
        assert_eq!(sessions.judge(1, 1), Verdict::InFlight);
        sessions.executed(1, 1, reply("one"));
        assert_eq!(sessions.judge(1, 1), Verdict::Answered(reply("one")));
        sessions.prepared(1, 2);
        assert_eq!(sessions.judge(1, 2), Verdict::InFlight);
        sessions.executed(1, 2, reply("two"));
        assert_eq!(sessions.judge(1, 1), Verdict::Old);
        assert_eq!(sessions.judge(2, 1), Verdict::New);
    }

    #[test]
    fn what_another_primary_prepared_is_in_flight_too() {
        let mut sessions = Sessions::default();
        sessions.executed(1, 1, reply("one"));
        sessions.prepared(1, 2);
        sessions.restart_pipeline([(2, 5)].into_iter());
        assert_eq!(sessions.judge(1, 2), Verdict::New);
        assert_eq!(sessions.judge(2, 5), Verdict::InFlight);
        assert_eq!(sessions.judge(2, 4), Verdict::Old);
    }
}
