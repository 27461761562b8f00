//! The worlds that benchmarks run, and how they are timed.
//!
//! What is measured is a steady state: the stopwatch starts with the first event that a world counts, after everything
//! has been set up, and stops with the last. What it costs to set a world up is measured where a benchmark says so.
//!
//! Nothing is switched off and nothing is done behind the back of the public interface, as in `examples/yardstick.rs`.

#![allow(dead_code, reason = "each benchmark takes what it needs")]

pub mod growth;
pub mod parts;
pub mod scenarios;
pub mod world;

use std::cell::Cell;
use std::ops::AddAssign;
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use criterion::{BenchmarkGroup, Criterion, SamplingMode, Throughput, measurement::WallTime};
use foretell::base::{Kind, NodeId, Payload};
use foretell::env::{Env, Incoming, Local};
use foretell::world::{Setup, World};
use rand_pcg::Pcg32;

use world::{ENOUGH, Until, setup};
pub use world::{SEED, below};

static SLEEPER: Kind = Kind::new("sleeper", &[]);
static PING: Kind = Kind::new("Ping", &["hop"]);
static WRITE: Kind = Kind::new("write", &["slot"]);
static SYNC: Kind = Kind::new("sync", &[]);

/// What came of a world: how many events it counted, and how long they took by the real clock.
#[derive(Clone, Copy, Default)]
pub struct Ran {
    pub events: u64,
    pub took: Duration,
}

impl AddAssign for Ran {
    fn add_assign(&mut self, other: Ran) {
        self.events += other.events;
        self.took += other.took;
    }
}

/// The real clock.
#[expect(clippy::disallowed_methods, reason = "it is the real time that is measured")]
pub fn now() -> Instant {
    Instant::now()
}

/// Few samples of little time each: a world does the same work every time, so what differs is the machine.
pub fn criterion() -> Criterion {
    Criterion::default()
        .without_plots()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .nresamples(10_000)
}

/// A benchmark of whole worlds, one fresh world after the other, whose time is that of one event.
///
/// What criterion takes for an iteration is one event. So a world, which has many, answers for as many iterations as are
/// asked for, and only if they are more than it has is there a second world.
pub fn per_event(group: &mut BenchmarkGroup<'_, WallTime>, name: impl Into<String>, world: impl Fn() -> Ran) {
    // Every sample of the same length: there are few worlds in each.
    group.throughput(Throughput::Elements(1)).sampling_mode(SamplingMode::Flat);
    group.bench_function(name, |bencher| {
        bencher.iter_custom(|iterations| {
            let mut all = Ran::default();
            while all.events < iterations {
                all += world();
            }
            Duration::from_secs_f64(all.took.as_secs_f64() / all.events as f64 * iterations as f64)
        });
    });
}

/// Times something from its beginning to its end; it says how many events it had.
pub fn timed(work: impl FnOnce() -> u64) -> Ran {
    let begun = now();
    let events = work();
    Ran { events, took: begun.elapsed() }
}

/// What a world counts, and when it began to.
struct Counter {
    events: Cell<u64>,
    begun: Cell<Option<Instant>>,
    target: u64,
}

impl Counter {
    /// Counts one event of a node. The first starts the stopwatch, and is not counted; the last stops the world.
    fn count(&self, env: &Env) {
        if self.begun.get().is_none() {
            return self.begun.set(Some(now()));
        }
        self.events.set(self.events.get() + 1);
        if self.events.get() == self.target {
            env.mark(ENOUGH);
        }
    }
}

/// Runs a fresh world until so many events were counted.
fn run(setup: Setup, target: u64, boot: impl Fn(Env, Rc<Counter>) -> Local<()> + 'static) -> Ran {
    let counter = Rc::new(Counter { events: Cell::new(0), begun: Cell::new(None), target });
    let count = Rc::clone(&counter);
    let world = World::new(setup, Box::new(Until), move |life| boot(life.env, Rc::clone(&count)));
    world.run();
    let took = counter.begun.get().expect("something was counted").elapsed();
    assert_eq!(counter.events.get(), target, "the world ended early");
    Ran { events: target, took }
}

/// Datagrams: each replica sends to all others, `in_flight` of them are on their way in all, and every delivery, which is
/// what is counted, is answered by one to a random peer.
pub fn ping(seed: u64, replicas: u16, in_flight: u64, deliveries: u64) -> Ran {
    run(setup(seed, replicas), deliveries, move |env, counter| {
        Box::pin(async move {
            let me = env.id().index();
            let mut random = Pcg32::new(seed, u64::from(me));
            let mut send = |hop: u64| {
                let peer = below(&mut random, u32::from(replicas) - 1) as u16;
                let peer = NodeId::replica(if peer >= me { peer + 1 } else { peer });
                env.send(peer, PING.label([hop]), Payload::copy_from(&hop.to_le_bytes()));
            };
            let (each, rest) = (in_flight / u64::from(replicas), in_flight % u64::from(replicas));
            (0..each + u64::from(u64::from(me) < rest)).for_each(|_| send(0));
            loop {
                let Incoming::Message { body, .. } = env.recv().await else { continue };
                counter.count(&env);
                // Nothing damaged gets here: it would be counted as a hop like any other.
                let hop = body.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
                send(hop.wrapping_add(1));
            }
        })
    })
}

/// Timers: tasks of one node that sleep from 1 to 1,000 virtual microseconds, again and again; counted is each end of a
/// sleep.
pub fn timers(tasks: u64, sleeps: u64) -> Ran {
    run(setup(SEED, 1), sleeps, move |env, counter| {
        Box::pin(async move {
            for task in 0..tasks {
                let (sleeper, counter) = (env.clone(), Rc::clone(&counter));
                env.spawn(SLEEPER.label([]), async move {
                    let mut random = Pcg32::new(SEED, task);
                    loop {
                        sleeper.sleep(Duration::from_micros(1 + u64::from(below(&mut random, 1_000)))).await;
                        counter.count(&sleeper);
                    }
                });
            }
        })
    })
}

/// A world of so many nodes in which each boots, and nothing else happens.
pub fn nothing(replicas: u16) -> u64 {
    let world = World::new(setup(SEED, replicas), Box::new(Until), |_| Box::pin(async {}));
    world.run().digest.to_bits()
}

/// How many places of a file are written in turns, so that it does not grow for ever.
const SLOTS: u64 = 64;

/// Disks: one node writes so many bytes to a file, and syncs it, again and again; counted is each sync.
pub fn writes(bytes: usize, syncs: u64) -> Ran {
    run(setup(SEED, 1), syncs, move |env, counter| {
        let body = Bytes::from(vec![7; bytes]);
        Box::pin(async move {
            let file = env.disk().create("file").await.expect("a new disk has room");
            env.disk().sync_dir().await.expect("no disk fails here");
            for slot in (0..SLOTS).cycle() {
                let place = slot * body.len() as u64;
                file.write_at(WRITE.label([slot]), place, body.clone()).await.expect("no disk fails here");
                file.sync(SYNC.label([])).await.expect("no disk fails here");
                counter.count(&env);
            }
        })
    })
}
