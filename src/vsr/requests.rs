//! Requests of clients, and their answers.
//!
//! The primary gives a request its place in the log and answers when it has executed it. A backup passes on what it gets, so that a
//! client which reaches nobody but backups is served too.

use bytes::Bytes;

use crate::base::NodeId;

use super::codec;
use super::entry::BODY_SIZE_MAX;
use super::message::Message;
use super::plant::Plant;
use super::replica::{Replica, Status};
use super::sessions::{REGISTER, Verdict};

impl Replica {
    fn ignore_request(&self, body: &[u8]) -> bool {
        // Without its state it does not know which requests were executed.
        !self.leads() || self.abdicated || self.lacks_state || body.len() > BODY_SIZE_MAX
    }

    pub fn on_request(&mut self, from: NodeId, client: u64, request: u64, body: &[u8]) {
        if self.ignore_request(body) {
            return self.pass_on_request(from, client, request, body);
        }
        assert!(self.leads());
        assert!(body.len() <= BODY_SIZE_MAX, "a larger one fits into no entry");
        assert_eq!(self.log_view, self.view);
        // A backup that passes a request on is no address for the answer: it answers the retry from its own table.
        if !from.is_replica() {
            self.clients.insert(client, from);
        }
        if self.planted(Plant::StalePrimaryRead)
            && !from.is_replica()
            && let Some(reply) = self.service.query(body)
        {
            return self.reply(client, request, reply);
        }
        match self.sessions.judge(client, request, self.commit) {
            Verdict::InFlight if request != REGISTER && self.planted(Plant::InflightRetryPreparedTwice) => {
                self.prepare(client, request, body)
            }
            Verdict::New => self.prepare(client, request, body),
            Verdict::Answered(reply) => {
                self.env.mark("retry answered from table");
                self.reply(client, request, reply);
            }
            Verdict::Evicted => self.say_evicted(client),
            Verdict::InFlight | Verdict::Old => {}
        }
    }

    /// A client that cannot reach the primary may reach a backup that can. The backup passes its request on, and
    /// answers when it has executed it, or a retry from its own table.
    ///
    /// Without this a backup that hears the primary keeps it in office, and a client beyond the cut waits for ever.
    fn pass_on_request(&mut self, from: NodeId, client: u64, request: u64, body: &[u8]) {
        let follows = self.status == Status::Normal && !self.is_primary() && !self.lacks_state;
        if !follows || from.is_replica() || body.len() > BODY_SIZE_MAX {
            return;
        }
        assert_eq!(self.log_view, self.view);
        assert!(!self.leads(), "a primary has nobody to pass it on to");
        match self.sessions.judge(client, request, self.commit) {
            Verdict::Answered(reply) => {
                self.env.mark("retry answered by a backup");
                self.clients.insert(client, from);
                return self.reply(client, request, reply);
            }
            Verdict::Evicted => {
                self.clients.insert(client, from);
                return self.say_evicted(client);
            }
            Verdict::New | Verdict::InFlight | Verdict::Old => {}
        }
        if self.planted(Plant::BackupLocalRead)
            && let Some(reply) = self.service.query(body)
        {
            self.clients.insert(client, from);
            return self.reply(client, request, reply);
        }
        if self.passed_on.len() < self.config.sessions {
            self.passed_on.insert(client, (request, from));
        }
        assert!(self.passed_on.len() <= self.config.sessions, "no more is passed on than there are sessions");
        let message = Message::Request { client, request, body: Bytes::copy_from_slice(body) };
        self.send(self.view.primary(self.config.replicas), &message);
    }

    pub fn reply(&self, client: u64, request: u64, body: Bytes) {
        assert_eq!(self.status, Status::Normal, "only who takes part in a view answers");
        // Unknown if the request came to an earlier primary. The client will ask again, and be answered from the table.
        let Some(to) = self.clients.get(&client) else { return };
        let message = Message::Reply { view: self.view, client, request, body };
        self.env.send(*to, message.label(), codec::encode(self.config.cluster, &message));
    }

    /// Tells a client that its session has ended. Whoever has executed the op that opened it knows that for certain.
    pub fn say_evicted(&self, client: u64) {
        assert_eq!(self.status, Status::Normal);
        assert!(!self.lacks_state, "without the state nobody knows which sessions there are");
        self.env.mark("evicted client told");
        let Some(to) = self.clients.get(&client) else { return };
        let message = Message::Evicted { client };
        self.env.send(*to, message.label(), codec::encode(self.config.cluster, &message));
    }

    /// A primary answers whom it has just executed an entry for, and a backup whose request it had passed on.
    pub fn answer(&mut self, client: u64, request: u64, reply: Bytes) {
        assert!(self.commit > 0, "something was executed");
        assert!(!self.lacks_state, "without the state nothing is executed");
        if self.leads() {
            self.reply(client, request, reply);
        } else if let Some((asked, to)) = self.passed_on.remove(&client)
            && asked == request
            && self.status == Status::Normal
        {
            self.env.mark("request passed on is answered");
            self.clients.insert(client, to);
            self.reply(client, request, reply);
        }
    }
}
