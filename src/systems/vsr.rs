//! Viewstamped Replication with a key-value store, as a system under test.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use crate::base::{Cluster, Operation, Outcome};
use crate::check::{KeyValue, Layout, Model, Quorums};
use crate::env::{Env, Local};
use crate::scenario::{Client, Parameter, Parameters, System};
use crate::vsr::disk::ring;
use crate::vsr::entry::BODY_SIZE_MAX;
use crate::vsr::kv::{KeyValueStore, decode_reply, encode_operation};
use crate::vsr::{Config, Plant, VsrClient, config, quorum};

use super::vsr_layout::{CLUSTER, VsrLayout};

/// The planted bugs of this build.
pub const PLANTS: &[&str] = if cfg!(feature = "plant") { Plant::NAMES } else { &[] };

/// How large the ring of the journal is.
const SLOTS: Parameter = Parameter {
    name: "slots",
    about: "Slots of the journal's ring; a checkpoint is made after every half of it.",
    default: config::SLOTS,
    least: ring::SLOTS_MIN,
    most: ring::SLOTS_MAX,
    step: ring::HEADERS_PER_SECTOR,
};

/// How many clients may have a session.
const SESSIONS: Parameter = Parameter {
    name: "sessions",
    about: "Sessions of clients at once; one more, and the one that has not been used for longest ends.",
    default: config::SESSIONS as u64,
    least: 1,
    most: 1024,
    step: 1,
};

/// What scenario files may choose of it.
pub const PARAMETERS: &[Parameter] = &[SLOTS, SESSIONS];

/// Replicas of a key-value store, and clients that use it.
#[derive(Clone, Copy, Debug)]
pub struct VsrKv {
    plant: Option<Plant>,
    slots: u64,
    sessions: usize,
}

impl VsrKv {
    /// The system, with one planted bug at most.
    pub fn new(plant: Option<Plant>, parameters: &Parameters) -> VsrKv {
        let sessions = usize::try_from(parameters.of(&SESSIONS)).expect("at most 1,024");
        VsrKv { plant, slots: parameters.of(&SLOTS), sessions }
    }

    fn config(&self, cluster: Cluster) -> Config {
        let VsrKv { plant, slots, sessions } = *self;
        Config { plant, slots, sessions, ..Config::new(CLUSTER, cluster.replicas) }
    }
}

impl System for VsrKv {
    fn format(&self, env: Env, cluster: Cluster) -> Local<()> {
        Box::pin(crate::vsr::format(env, self.config(cluster)))
    }

    fn boot(&self, env: Env, cluster: Cluster) -> Local<()> {
        let config = self.config(cluster);
        let mut store = KeyValueStore::default();
        if config.planted(Plant::HashmapOrderInApply) {
            store = KeyValueStore::in_order_of(env.hash_state());
        }
        Box::pin(crate::vsr::boot(env, config, Box::new(store)))
    }

    fn client(&self, env: Env, cluster: Cluster) -> Box<dyn Client> {
        Box::new(KvClient(VsrClient::new(env, self.config(cluster))))
    }

    fn quorums(&self, replicas: u16) -> Quorums {
        Quorums { replication: quorum::replication(replicas), view_change: quorum::view_change(replicas) }
    }

    fn replicas_max(&self) -> u16 {
        quorum::REPLICAS_MAX
    }

    fn model(&self) -> Option<Rc<dyn Model>> {
        Some(Rc::new(KeyValue))
    }

    fn layout(&self) -> Option<Rc<dyn Layout>> {
        Some(Rc::new(VsrLayout))
    }

    fn longest_backoff(&self) -> Duration {
        config::longest_backoff()
    }
}

struct KvClient(VsrClient);

impl Client for KvClient {
    fn call<'a>(&'a mut self, operation: &'a Operation) -> Pin<Box<dyn Future<Output = Outcome> + 'a>> {
        Box::pin(async move {
            // Refused before anybody has heard of it.
            let Some(body) = encode_operation(operation).filter(|body| body.len() <= BODY_SIZE_MAX) else {
                return Outcome::NotApplied;
            };
            // Of an evicted client's request nobody knows whether it was executed.
            let Ok(reply) = self.0.call(body).await else { return Outcome::Unknown };
            decode_reply(&reply).map_or(Outcome::Unknown, Outcome::Done)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Key;
    use crate::vsr::Service;

    /// The store and the model that judges it are two programs written from one description: they must agree on every
    /// short sequence.
    #[test]
    fn model_and_store_agree_on_all_sequences_of_four() {
        let key = Key(1);
        let text = |text: &str| text.to_string();
        let operations = [
            Operation::Get { key },
            Operation::Put { key, value: text("a") },
            Operation::Put { key, value: text("") },
            Operation::Append { key, value: text("b") },
            Operation::Cas { key, from: None, to: text("c") },
            Operation::Cas { key, from: Some(text("a")), to: text("ab") },
            Operation::Cas { key, from: Some(text("")), to: text("d") },
            Operation::Delete { key },
        ];
        let count = operations.len();
        for number in 0..count.pow(4) {
            let sequence = (0..4).map(|place| &operations[number / count.pow(place) % count]);
            let (mut state, mut store) = (None, KeyValueStore::default());
            for operation in sequence {
                let (next, expected) = KeyValue.apply(&state, operation);
                let reply = decode_reply(&store.apply(&encode_operation(operation).unwrap()));
                assert_eq!(reply, Some(expected), "{operation} in sequence {number}");
                state = next;
            }
        }
    }
}
