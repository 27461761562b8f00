//! A system of one's own, with the commands of `foretell`: a store of values on a single server.
//!
//! It has a bug that shows once a month: the server answers before what it was told is on its disk. Find it with
//!
//! ```sh
//! cargo run --example register -- run examples/register.toml
//! ```

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use foretell::base::{Cluster, Key, Kind, NodeId, Operation, Outcome, Reply};
use foretell::check::{KeyValue, Model, Quorums};
use foretell::env::{DiskError, Env, Incoming, Local};
use foretell::scenario::{Client, Registry, System};

// What messages and disk operations are called in traces. The number says which request it is.
static ASK: Kind = Kind::new("Ask", &["n"]);
static ANSWER: Kind = Kind::new("Answer", &["n"]);
static WRITE: Kind = Kind::new("write", &["line"]);
static READ: Kind = Kind::new("read", &[]);
static SYNC: Kind = Kind::new("sync", &[]);

const SERVER: NodeId = NodeId::replica(0);
/// A line of the file: key, space, value, padded.
const LINE: u64 = 64;

struct Register;

impl System for Register {
    /// Once, before the run, without faults.
    fn format(&self, env: Env, _cluster: Cluster) -> Local<()> {
        Box::pin(async move {
            env.disk().create("values").await.expect("a disk works while it is formatted");
            env.disk().sync_dir().await.expect("a disk works while it is formatted");
        })
    }

    /// Every life of a replica, from its disk.
    fn boot(&self, env: Env, _cluster: Cluster) -> Local<()> {
        Box::pin(async move {
            if env.id() == SERVER && serve(env.clone()).await.is_err() {
                env.mark("the disk failed");
            }
        })
    }

    fn client(&self, env: Env, _cluster: Cluster) -> Box<dyn Client> {
        Box::new(RegisterClient { env, number: 0 })
    }

    fn quorums(&self, _replicas: u16) -> Quorums {
        Quorums { replication: 1, view_change: 1 }
    }

    /// What should be answered: with it the clients' history is checked for linearizability.
    fn model(&self) -> Option<Rc<dyn Model>> {
        Some(Rc::new(KeyValue))
    }
}

/// The server. Messages are words: `NUMBER get KEY` and `NUMBER put KEY VALUE`.
async fn serve(env: Env) -> Result<(), DiskError> {
    let file = env.disk().open("values").await?;
    let length = file.length().await?;
    let text = file.read_at(READ.label([]), 0, length).await?;
    let mut values = BTreeMap::new();
    for line in text.chunks(LINE as usize) {
        if let Some((key, value)) = String::from_utf8_lossy(line).trim_end_matches(['\0', ' ']).split_once(' ') {
            values.insert(key.to_string(), value.to_string());
        }
    }
    let mut lines = length / LINE;
    loop {
        let Incoming::Message { from, body } = env.recv().await else { continue };
        let asked = String::from_utf8_lossy(&body).into_owned();
        let words: Vec<&str> = asked.split(' ').collect();
        let Some(number) = words.first().and_then(|number| number.parse::<u64>().ok()) else { continue };
        match words[1..] {
            ["get", key] => {
                let value = values.get(key).map_or(String::new(), |value| format!(" {value}"));
                env.send(from, ANSWER.label([number]), format!("{number}{value}").into_bytes());
            }
            ["put", key, value] => {
                values.insert(key.to_string(), value.to_string());
                let line = format!("{key} {value:<width$}", width = LINE as usize - key.len() - 1);
                file.write_at(WRITE.label([lines]), lines * LINE, line.into_bytes().into()).await?;
                lines += 1;
                // Here is the bug: swap these two lines.
                env.send(from, ANSWER.label([number]), format!("{number}").into_bytes());
                file.sync(SYNC.label([])).await?;
            }
            _ => {}
        }
    }
}

struct RegisterClient {
    env: Env,
    number: u64,
}

impl Client for RegisterClient {
    fn call<'a>(&'a mut self, operation: &'a Operation) -> Pin<Box<dyn Future<Output = Outcome> + 'a>> {
        Box::pin(async move {
            self.number += 1;
            let number = self.number;
            let asked = match operation {
                Operation::Get { key: Key(key) } => format!("{number} get {key}"),
                Operation::Put { key: Key(key), value } => format!("{number} put {key} {value}"),
                // The server knows no others, and nobody has asked it.
                _ => return Outcome::NotApplied,
            };
            self.env.send(SERVER, ASK.label([number]), asked.into_bytes());
            // A put must not be repeated: it could undo what came after it. So this client asks once.
            match self.env.timeout(Duration::from_millis(200), self.answer(number)).await {
                Ok(answer) if matches!(operation, Operation::Get { .. }) => Outcome::Done(Reply::Value(answer)),
                Ok(_) => Outcome::Done(Reply::Done),
                Err(_) => Outcome::Unknown,
            }
        })
    }
}

impl RegisterClient {
    /// What follows the number in the answer to this request.
    async fn answer(&self, number: u64) -> Option<String> {
        loop {
            let Incoming::Message { body, .. } = self.env.recv().await else { continue };
            let text = String::from_utf8_lossy(&body).into_owned();
            let (head, value) = text.split_once(' ').map_or((text.as_str(), None), |(head, value)| (head, Some(value)));
            if head == number.to_string() {
                return value.map(str::to_string);
            }
        }
    }
}

fn main() -> ExitCode {
    foretell::cli::main(Registry::new().system("register", &[], |_| Ok(Rc::new(Register))))
}
