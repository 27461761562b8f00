//! The smallest system there is: replicas that echo, and a client that asks until it hears an echo.
//!
//! It has no log and no disk, so only liveness and panics are judged. It is here to be read, and to be copied.

use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use crate::base::{Cluster, Kind, NodeId, Operation, Outcome, Reply};
use crate::check::Quorums;
use crate::env::{Env, Incoming, Local};
use crate::scenario::{Client, System};

static PING: Kind = Kind::new("Ping", &["n"]);
static PONG: Kind = Kind::new("Pong", &["n"]);

/// Replicas that echo.
#[derive(Debug)]
pub struct Ping;

impl System for Ping {
    fn format(&self, _env: Env, _cluster: Cluster) -> Local<()> {
        Box::pin(async {})
    }

    fn boot(&self, env: Env, _cluster: Cluster) -> Local<()> {
        Box::pin(async move {
            loop {
                let Incoming::Message { from, body } = env.recv().await else { continue };
                let Ok(number) = <[u8; 8]>::try_from(&*body).map(u64::from_le_bytes) else { continue };
                env.send(from, PONG.label([number]), body);
            }
        })
    }

    fn client(&self, env: Env, cluster: Cluster) -> Box<dyn Client> {
        Box::new(Asker { env, cluster, number: 0 })
    }

    fn quorums(&self, _replicas: u16) -> Quorums {
        Quorums { replication: 1, view_change: 1 }
    }

    fn longest_backoff(&self) -> Duration {
        PATIENCE
    }
}

/// How long a client waits for an echo before it asks the next replica.
const PATIENCE: Duration = Duration::from_millis(100);

struct Asker {
    env: Env,
    cluster: Cluster,
    number: u64,
}

impl Client for Asker {
    fn call<'a>(&'a mut self, _operation: &'a Operation) -> Pin<Box<dyn Future<Output = Outcome> + 'a>> {
        Box::pin(async move {
            self.number += 1;
            let number = self.number;
            for attempt in 0u64.. {
                let replica = NodeId::replica(((number + attempt) % u64::from(self.cluster.replicas)) as u16);
                self.env.send(replica, PING.label([number]), number.to_le_bytes().to_vec());
                let echo = async {
                    loop {
                        let Incoming::Message { body, .. } = self.env.recv().await else { continue };
                        if *body == number.to_le_bytes() {
                            return;
                        }
                    }
                };
                if self.env.timeout(PATIENCE, echo).await.is_ok() {
                    break;
                }
            }
            Outcome::Done(Reply::Done)
        })
    }
}

/// Makes the system; it has no planted bugs.
pub fn make() -> Rc<dyn System> {
    Rc::new(Ping)
}
