//! PANIC and SPIN object to a whole system that runs as a scenario says, not only to events made up for them.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

use foretell::base::{Cluster, Kind, NodeId, Operation, Outcome, Reply};
use foretell::check::{OracleId, Quorums};
use foretell::env::{Env, Incoming, Local};
use foretell::scenario::file::parse;
use foretell::scenario::{Client, Registry, Settings, System, run};

static ASK: Kind = Kind::new("Ask", &[]);
static ANSWER: Kind = Kind::new("Answer", &[]);

/// What the replicas do with the second question.
#[derive(Clone, Copy)]
enum Manner {
    Answer,
    /// Panic.
    Panic,
    /// Ask to be polled again, at once and always.
    Wake,
    /// Never return from a poll, and do this all the while.
    Linger(fn(&Env)),
}

struct Unruly(Manner);

impl System for Unruly {
    fn format(&self, _env: Env, _cluster: Cluster) -> Local<()> {
        Box::pin(async {})
    }

    fn boot(&self, env: Env, _cluster: Cluster) -> Local<()> {
        let manner = self.0;
        Box::pin(async move {
            for question in 1u64.. {
                let Incoming::Message { from, .. } = env.recv().await else { continue };
                match manner {
                    Manner::Panic => assert!(question < 2, "question 2 is too much"),
                    Manner::Wake if question == 2 => {
                        poll_fn::<(), _>(|context| {
                            context.waker().wake_by_ref();
                            Poll::Pending
                        })
                        .await;
                    }
                    Manner::Linger(meanwhile) if question == 2 => loop {
                        meanwhile(&env);
                    },
                    _ => {}
                }
                env.send(from, ANSWER.label([]), vec![0]);
            }
        })
    }

    fn client(&self, env: Env, _cluster: Cluster) -> Box<dyn Client> {
        Box::new(Asker(env))
    }

    fn quorums(&self, _replicas: u16) -> Quorums {
        Quorums { replication: 1, view_change: 1 }
    }
}

struct Asker(Env);

impl Client for Asker {
    fn call<'a>(&'a mut self, _operation: &'a Operation) -> Pin<Box<dyn Future<Output = Outcome> + 'a>> {
        Box::pin(async move {
            self.0.send(NodeId::replica(1), ASK.label([]), vec![0]);
            self.0.recv().await;
            Outcome::Done(Reply::Done)
        })
    }
}

/// Runs the system for three questions. Says who objects to whom, and why.
fn found(manner: Manner) -> Option<(OracleId, Vec<NodeId>, String)> {
    let registry = Registry::new().system("unruly", &[], move |_| Ok(Rc::new(Unruly(manner))));
    let text = r#"
        title  = "a system that misbehaves"
        system = "unruly"

        [cluster]
        replicas = 2
        clients  = 1

        [workload]
        kind = "explicit"
        operations = ["c0 get k0", "c0 get k0", "c0 get k0"]

        [[phase]]
        name = "three questions"
        for  = "100ms"
    "#;
    let family = parse("unruly", text, &registry).expect("the scenario is right");
    let scenario = family.only().expect("it has no choices").clone();
    let system = registry.make(&scenario).expect("it exists");
    let run = run(&scenario, system, &Settings::default());
    run.verdict.finding().map(|finding| (finding.oracle, finding.nodes.clone(), finding.happened.clone()))
}

#[test]
fn one_that_behaves_is_let_be() {
    assert_eq!(found(Manner::Answer), None);
}

#[test]
fn one_that_panics_is_found() {
    let (oracle, nodes, happened) = found(Manner::Panic).expect("it panics");
    assert_eq!((oracle, nodes), (OracleId::Panic, vec![NodeId::replica(1)]));
    assert!(happened.starts_with("r1 panicked: question 2 is too much"), "{happened}");
}

#[test]
fn one_that_never_rests_is_found() {
    let (oracle, nodes, happened) = found(Manner::Wake).expect("it spins");
    assert_eq!((oracle, nodes), (OracleId::Spin, vec![NodeId::replica(1)]));
    assert!(happened.ends_with("times without letting time move"), "{happened}");
}

#[test]
fn one_that_never_returns_is_found_whatever_it_does_meanwhile() {
    static DIE: Kind = Kind::new("die", &[]);
    let manners: [fn(&Env); 5] = [
        |env| _ = env.now(),
        |env| _ = env.wall(),
        |env| _ = env.random(&DIE),
        |env| env.send(NodeId::replica(0), ASK.label([]), vec![0]),
        |env| env.mark("still here"),
    ];
    for (index, meanwhile) in manners.into_iter().enumerate() {
        let (oracle, nodes, _) = found(Manner::Linger(meanwhile)).expect("it spins");
        assert_eq!((oracle, nodes), (OracleId::Spin, vec![NodeId::replica(1)]), "manner {index}");
    }
}
