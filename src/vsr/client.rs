//! The client's side: asks, and asks again until it is answered.

use std::time::Duration;

use bytes::Bytes;

use crate::base::{Kind, NodeId, Payload};
use crate::env::{Env, Incoming};

use super::codec;
use super::config::{CLIENT_RETRY_MAX, CLIENT_RETRY_MIN, Config};
use super::entry::View;
use super::message::Message;
use super::sessions::{REGISTER, session_in};

static IDENTITY: Kind = Kind::new("client-identity", &[]);

/// A client's session has ended, because it had not been used for longer than any other and room was needed. Whether its last
/// request was executed nobody knows any more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Evicted;

/// A client with an identity of its own. It has one request open at a time; whoever gives up waiting, or is evicted, must go
/// on with a new client, because the old one's request may still be executed.
pub struct VsrClient {
    env: Env,
    config: Config,
    identity: u64,
    /// Once it has registered.
    session: Option<u64>,
    /// The number of the newest request; 0 before the first.
    request: u64,
    /// The latest view it has heard of.
    view: View,
}

impl VsrClient {
    /// A new client.
    pub fn new(env: Env, config: Config) -> VsrClient {
        let identity = env.random(&IDENTITY);
        VsrClient { env, config, identity, session: None, request: REGISTER, view: View(0) }
    }

    /// Asks, and waits for the answer as long as it takes. The first time it registers before that.
    ///
    /// # Errors
    /// If its session has ended.
    pub async fn call(&mut self, body: Bytes) -> Result<Bytes, Evicted> {
        while self.session.is_none() {
            assert_eq!(self.request, REGISTER, "it registers first");
            let welcome = self.ask(self.identity, Bytes::new()).await?;
            self.session = session_in(&welcome);
        }
        self.request += 1;
        assert!(self.request > REGISTER, "requests of a session count from 1");
        self.ask(self.name(), body).await
    }

    /// What it is called in its present request.
    fn name(&self) -> u64 {
        assert_eq!(self.request == REGISTER, self.session.is_none(), "it registers first, and once");
        self.session.unwrap_or(self.identity)
    }

    /// Asks again and again until it is answered.
    async fn ask(&mut self, client: u64, body: Bytes) -> Result<Bytes, Evicted> {
        assert_eq!(client, self.name(), "it asks under the name it has");
        let message = Message::Request { client, request: self.request, body };
        let payload = codec::encode(self.config.cluster, &message);
        self.send(&message, &payload, self.view.primary(self.config.replicas));
        let mut patience = CLIENT_RETRY_MIN;
        loop {
            if let Some(answer) = self.answer_within(patience).await {
                return answer;
            }
            // The primary may be another by now. Whoever is not the primary ignores the request.
            (0..self.config.replicas).for_each(|replica| self.send(&message, &payload, replica));
            patience = (patience * 2).min(CLIENT_RETRY_MAX);
            assert!(patience >= CLIENT_RETRY_MIN, "nobody becomes less patient");
            assert_eq!(client, self.name(), "a session stays what it is while a request is open");
        }
    }

    fn send(&self, message: &Message, payload: &Payload, replica: u16) {
        assert!(replica < self.config.replicas, "somebody who is there is asked");
        assert!(matches!(message, Message::Request { .. }), "a client does nothing but ask");
        self.env.send(NodeId::replica(replica), message.label(), payload.clone());
    }

    async fn answer_within(&mut self, patience: Duration) -> Option<Result<Bytes, Evicted>> {
        assert!(patience > Duration::ZERO, "an answer takes its time");
        let deadline = self.env.now() + patience;
        loop {
            let left = deadline.since(self.env.now());
            assert!(left <= patience, "time goes on");
            let incoming = self.env.timeout(left, self.env.recv()).await.ok()?;
            // Whoever is not answered asks again, whatever became of the question.
            let Incoming::Message { body, .. } = incoming else { continue };
            if let Some(answer) = self.answer_in(&body) {
                return Some(answer);
            }
        }
    }

    /// The answer to the open request, if these bytes are it. Answers to older requests may still come.
    fn answer_in(&mut self, bytes: &Payload) -> Option<Result<Bytes, Evicted>> {
        match codec::decode(self.config.cluster, bytes) {
            Some(Message::Evicted { client }) if Some(client) == self.session => {
                assert!(self.request > REGISTER, "only who has registered has a session that can end");
                Some(Err(Evicted))
            }
            Some(Message::Reply { view, client, request, body }) if client == self.name() => {
                assert!(request <= self.request, "nobody answers what was not asked");
                self.view = self.view.max(view);
                (request == self.request).then_some(Ok(body))
            }
            Some(_) => None,
            None => {
                self.env.mark("corrupt message dropped");
                None
            }
        }
    }
}
