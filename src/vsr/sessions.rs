//! Sessions: which clients there are, which of their requests was executed last, and what was answered.
//!
//! A client *registers* first: that is its request number 0, an entry of the log like any other, and the op number of that
//! entry is the number of its *session*. Under that number it goes on, with one request open at a time, counted from 1, so
//! one answer per session is enough. The table has room for so many sessions; one more drives out the one that was used longest
//! ago. All of that follows from the log alone, so every replica has the same table at the same op.
//!
//! An op number is never given twice. So a registration that is executed once more, because a copy of it arrived long after its
//! session had ended, opens a session that nobody knows of, and the old one's requests stay what they are: nobody's.
//!
//! What is *in flight* is only the primary's knowledge of its own log, made anew from the uncommitted entries whenever a
//! replica becomes primary.

use std::collections::{BTreeMap, BTreeSet};

use bytes::{Buf, BufMut, Bytes};

/// The number of the request that registers a client. Whoever asks for that is known by an identity of its own choice, and
/// by the number of its session afterwards.
pub const REGISTER: u64 = 0;

/// Bytes of a number in a table, and how many numbers each session has in front of its answer; see [`Sessions::encode`].
const WORD_SIZE: usize = size_of::<u64>();
const WORDS: usize = 5;

/// The table of sessions.
#[derive(Clone, Debug)]
pub struct Sessions {
    capacity: usize,
    /// By number.
    table: BTreeMap<u64, Session>,
    /// The identities of clients whose registration is in the log and not yet executed.
    registering: BTreeSet<u64>,
    /// By session, its request that is in the log and not yet executed.
    in_flight: BTreeMap<u64, u64>,
}

/// A client that has registered.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Session {
    /// What its client called itself.
    identity: u64,
    /// The op that executed its last request. No two sessions share it, so who was used longest ago is never in doubt.
    used: u64,
    /// The number of that request.
    request: u64,
    reply: Bytes,
}

/// What is to be done with a request that has just come in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It is new: prepare it.
    New,
    /// It is in the log, and will be answered when it is executed; or what opens its session is.
    InFlight,
    /// It was executed, with this answer.
    Answered(Bytes),
    /// A later request of the same session is known, so nobody waits for this one.
    Old,
    /// Its session has ended.
    Evicted,
}

/// What becomes of an entry when its turn has come to be executed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Turn {
    /// It opens a session.
    Register,
    /// The service executes it.
    Apply,
    /// Its session has ended while it was in flight: it changes nothing.
    Skip,
}

/// The answer to a registration.
fn welcome(session: u64) -> Bytes {
    let reply = Bytes::copy_from_slice(&session.to_le_bytes());
    assert_eq!(session_in(&reply), Some(session), "a client learns the number of its session");
    reply
}

/// The number of the session, from the answer to a registration; `None` if that is none.
pub fn session_in(reply: &[u8]) -> Option<u64> {
    reply.try_into().ok().map(u64::from_le_bytes)
}

impl Sessions {
    /// An empty table with room for so many.
    pub fn new(capacity: usize) -> Sessions {
        assert!(capacity > 0, "a table has room for somebody");
        Sessions { capacity, table: BTreeMap::new(), registering: BTreeSet::new(), in_flight: BTreeMap::new() }
    }

    /// Asserts what holds at all times.
    fn check(&self) {
        assert!(self.table.len() <= self.capacity, "the table has an end");
        let registers = |request: &u64| *request == REGISTER;
        assert!(!self.in_flight.values().any(registers), "a session that is not open yet has no request in flight");
    }

    /// What is to be done with a request, when everything up to the op `executed` is.
    pub fn judge(&self, client: u64, request: u64, executed: u64) -> Verdict {
        if request == REGISTER {
            return self.judge_registration(client);
        }
        let Some(session) = self.table.get(&client) else {
            // What opens it is in our log perhaps, and was answered by the primary before us.
            return if client > executed { Verdict::InFlight } else { Verdict::Evicted };
        };
        assert!(session.used <= executed, "what was executed is at most all that was");
        assert!(client <= session.used, "a session was used when it was opened, at least");
        let in_flight = self.in_flight.get(&client).copied().unwrap_or(REGISTER);
        match request {
            _ if request > session.request.max(in_flight) => Verdict::New,
            _ if request == in_flight => Verdict::InFlight,
            _ if request == session.request => Verdict::Answered(session.reply.clone()),
            _ => Verdict::Old,
        }
    }

    fn judge_registration(&self, identity: u64) -> Verdict {
        if self.registering.contains(&identity) {
            return Verdict::InFlight;
        }
        match self.table.iter().rfind(|(_, session)| session.identity == identity) {
            Some((number, _)) => Verdict::Answered(welcome(*number)),
            None => Verdict::New,
        }
    }

    /// The request was put into the log.
    pub fn prepared(&mut self, client: u64, request: u64) {
        if request == REGISTER {
            self.registering.insert(client);
        } else {
            self.in_flight.insert(client, request);
        }
        assert!(self.is_in_flight(client, request), "what is prepared is in flight");
    }

    /// Whether the request is in the log and not yet executed, and no later one of its session is.
    fn is_in_flight(&self, client: u64, request: u64) -> bool {
        match request {
            REGISTER => self.registering.contains(&client),
            _ => self.in_flight.get(&client) == Some(&request),
        }
    }

    /// The turn of an entry has come.
    pub fn turn(&mut self, client: u64, request: u64) -> Turn {
        if request == REGISTER {
            self.registering.remove(&client);
            assert!(!self.is_in_flight(client, request), "whatever has its turn is in flight no longer");
            return Turn::Register;
        }
        if self.in_flight.get(&client).is_some_and(|newest| *newest <= request) {
            self.in_flight.remove(&client);
        }
        assert!(!self.is_in_flight(client, request), "whatever has its turn is in flight no longer");
        // That it is the next one of its session was seen to when it was prepared.
        if self.table.contains_key(&client) { Turn::Apply } else { Turn::Skip }
    }

    /// The entry at this op opens a session. The answer, and the session that had to make room.
    pub fn open(&mut self, identity: u64, op: u64) -> (Bytes, Option<u64>) {
        assert!(op > 0, "ops count from 1");
        assert!(self.table.values().all(|session| session.used < op), "ops are executed in order");
        let (mut evicted, is_full) = (None, self.table.len() == self.capacity);
        if is_full {
            let idle = self.table.iter().min_by_key(|(_, session)| session.used).map(|(number, _)| *number);
            evicted = idle.inspect(|number| drop(self.table.remove(number)));
        }
        assert!(self.table.len() < self.capacity, "room was made");
        assert_eq!(evicted.is_some(), is_full, "nobody has to go while there is room");
        assert!(evicted.is_none_or(|number| number < op), "whoever has to go was there before");
        let reply = welcome(op);
        let known = self.table.insert(op, Session { identity, used: op, request: REGISTER, reply: reply.clone() });
        assert!(known.is_none(), "an op number is never given twice");
        self.check();
        (reply, evicted)
    }

    /// The service has executed the entry at this op for a session.
    pub fn applied(&mut self, client: u64, request: u64, op: u64, reply: Bytes) {
        let session = self.table.get_mut(&client).expect("only for a session is something executed");
        assert!(request != REGISTER, "whoever registers is answered by the table, not by the service");
        assert!(client < op, "a session is opened before it is used");
        assert!(session.used < op, "ops are executed in order");
        (session.used, session.request, session.reply) = (op, request, reply);
    }

    /// The table as it stands in a checkpoint: the number of sessions, then of each its own number, its client's identity, the op
    /// of its last use, the number of its last request, the length of the answer (eight bytes each, little endian) and the
    /// answer. What is in flight is not part of it.
    pub fn encode(&self, buffer: &mut Vec<u8>) {
        self.check();
        let before = buffer.len();
        buffer.put_u64_le(self.table.len() as u64);
        for (number, Session { identity, used, request, reply }) in &self.table {
            for word in [*number, *identity, *used, *request, reply.len() as u64] {
                buffer.put_u64_le(word);
            }
            assert!(number <= used, "a session was used when it was opened, at least");
            buffer.put_slice(reply);
        }
        assert_eq!(buffer.len() - before, self.encoded_size(), "a table is as long as its sessions");
    }

    /// How many bytes the table has in a checkpoint.
    fn encoded_size(&self) -> usize {
        let replies: usize = self.table.values().map(|session| session.reply.len()).sum();
        let size = WORD_SIZE + self.table.len() * WORDS * WORD_SIZE + replies;
        assert!(size >= WORD_SIZE, "even an empty table says how many sessions it has");
        size
    }

    /// Takes a table from the front of a checkpoint; `None` if there is none, or more than fits into one of this capacity.
    pub fn decode(capacity: usize, bytes: &mut Bytes) -> Option<Sessions> {
        let (mut sessions, before) = (Sessions::new(capacity), bytes.len());
        let count = bytes.try_get_u64_le().ok()?;
        for _ in 0..count {
            let mut word = || bytes.try_get_u64_le().ok();
            let (number, identity, used, request, length) = (word()?, word()?, word()?, word()?, word()?);
            let length = usize::try_from(length).ok().filter(|length| *length <= bytes.len())?;
            let session = Session { identity, used, request, reply: bytes.split_to(length) };
            assert_eq!(session.reply.len(), length, "an answer is as long as its length says");
            if sessions.table.insert(number, session).is_some() || sessions.table.len() > capacity {
                return None;
            }
        }
        assert_eq!(sessions.table.len() as u64, count, "every session was taken");
        assert_eq!(before - bytes.len(), sessions.encoded_size(), "as much was read as there is of the table");
        assert!(
            sessions.in_flight.is_empty() && sessions.registering.is_empty(),
            "a checkpoint holds what is executed"
        );
        sessions.check();
        Some(sessions)
    }

    /// These requests, and no others, are in the log and not yet executed.
    pub fn restart_pipeline(&mut self, requests: impl Iterator<Item = (u64, u64)>) {
        self.registering.clear();
        self.in_flight.clear();
        let mut count = 0;
        for (client, request) in requests {
            self.prepared(client, request);
            count += 1;
        }
        let in_flight = self.registering.len() + self.in_flight.len();
        assert!(in_flight <= count, "nothing else is in flight");
        assert_eq!(in_flight == 0, count == 0, "whatever is in the log is in flight");
        self.check();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(text: &'static str) -> Bytes {
        Bytes::from_static(text.as_bytes())
    }

    /// A table in which clients with these identities have registered at ops 1, 2 and so on.
    fn table(capacity: usize, identities: &[u64]) -> Sessions {
        let mut sessions = Sessions::new(capacity);
        for (index, identity) in identities.iter().enumerate() {
            sessions.open(*identity, index as u64 + 1);
        }
        sessions
    }

    #[test]
    fn a_client_registers_and_its_requests_go_from_new_to_old() {
        let mut sessions = Sessions::new(2);
        assert_eq!(sessions.judge(77, REGISTER, 0), Verdict::New);
        sessions.prepared(77, REGISTER);
        assert_eq!(sessions.judge(77, REGISTER, 0), Verdict::InFlight);
        assert_eq!(sessions.judge(1, 1, 0), Verdict::InFlight, "its registration was answered by another primary");
        assert_eq!(sessions.turn(77, REGISTER), Turn::Register);
        let (welcome, evicted) = sessions.open(77, 1);
        assert_eq!((session_in(&welcome), evicted), (Some(1), None));
        assert_eq!(sessions.judge(77, REGISTER, 1), Verdict::Answered(welcome));
        assert_eq!(sessions.judge(1, 1, 1), Verdict::New);
        sessions.prepared(1, 1);
        assert_eq!(sessions.judge(1, 1, 1), Verdict::InFlight);
        assert_eq!(sessions.turn(1, 1), Turn::Apply);
        sessions.applied(1, 1, 2, reply("one"));
        assert_eq!(sessions.judge(1, 1, 2), Verdict::Answered(reply("one")));
        sessions.prepared(1, 2);
        assert_eq!(sessions.judge(1, 2, 2), Verdict::InFlight);
        sessions.turn(1, 2);
        sessions.applied(1, 2, 3, reply("two"));
        assert_eq!(sessions.judge(1, 1, 3), Verdict::Old);
    }

    #[test]
    fn whoever_was_used_longest_ago_makes_room() {
        let mut sessions = table(2, &[50, 60]);
        assert_eq!(sessions.turn(1, 1), Turn::Apply);
        sessions.applied(1, 1, 3, reply("one"));
        sessions.prepared(2, 1);
        let (_, evicted) = sessions.open(70, 4);
        assert_eq!(evicted, Some(2));
        assert_eq!(sessions.judge(2, 1, 4), Verdict::Evicted);
        assert_eq!(sessions.turn(2, 1), Turn::Skip, "it was in flight when its session ended");
        assert_eq!(sessions.judge(1, 1, 4), Verdict::Answered(reply("one")));
    }

    #[test]
    fn a_late_copy_of_a_registration_revives_nothing() {
        let mut sessions = table(1, &[50]);
        sessions.applied(1, 1, 2, reply("one"));
        sessions.open(60, 3);
        assert_eq!(sessions.judge(50, REGISTER, 3), Verdict::New, "it is not known any more");
        sessions.open(50, 4);
        assert_eq!(sessions.judge(1, 1, 4), Verdict::Evicted);
        assert_eq!(sessions.turn(1, 1), Turn::Skip);
    }

    #[test]
    fn what_another_primary_prepared_is_in_flight_too() {
        let mut sessions = table(3, &[50]);
        sessions.prepared(1, 2);
        sessions.restart_pipeline([(90, REGISTER)].into_iter());
        assert_eq!(sessions.judge(1, 2, 1), Verdict::New);
        assert_eq!(sessions.judge(90, REGISTER, 1), Verdict::InFlight);
    }

    #[test]
    fn a_table_reads_back_and_nonsense_does_not() {
        let mut sessions = table(3, &[50, 60]);
        sessions.applied(1, 1, 7, reply("one"));
        let mut buffer = Vec::new();
        sessions.encode(&mut buffer);
        let bytes = Bytes::from(buffer);
        let read = Sessions::decode(3, &mut bytes.clone()).expect("it is a table");
        assert_eq!(read.table, sessions.table);
        assert!(Sessions::decode(1, &mut bytes.clone()).is_none(), "too many for the table");
        for length in 0..bytes.len() {
            assert!(Sessions::decode(3, &mut bytes.slice(..length)).is_none(), "{length} bytes");
        }
    }

    #[test]
    fn an_answer_that_is_no_number_opens_no_session() {
        assert_eq!(session_in(&7u64.to_le_bytes()), Some(7));
        assert_eq!(session_in(b"seven"), None);
    }
}
