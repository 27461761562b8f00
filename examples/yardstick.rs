//! How fast the simulated world is, by workloads that other simulators run as well.
//!
//! ```sh
//! cargo run --release --example yardstick -- ping
//! ```
//!
//! | workload | what |
//! |---|---|
//! | `timers-us` | 1 node, 1,000 tasks, 1,000 sleeps of 1 to 1,000 virtual microseconds each |
//! | `timers-ms` | the same in virtual milliseconds |
//! | `ping` | 5 nodes, each sends to all others; 8 messages in flight a node, latency 1 to 10 virtual milliseconds, every delivery is answered by one message to a random peer; 1,000,000 deliveries |
//! | `sweep` | 200 fresh worlds with fresh seeds, 2,000 deliveries of ping each |
//!
//! A second argument says how much of it: how many sleeps a task, how many deliveries, how many worlds.
//!
//! Nothing is switched off and nothing is done behind the back of the public interface: nodes see an `Env`, every packet's
//! fate is decided by dice of its own (loss, duplication and damage included, so rare that none comes up), the order of
//! ready tasks is decided, every event goes into the digest, and an observer is shown what it wants to see.
//!
//! Prints `foretell WORKLOAD EVENTS SECONDS EVENTS-PER-SECOND`; on standard error the virtual time and the digest, which are
//! the same from run to run.

use std::cell::Cell;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::{Duration, Instant};

use foretell::base::{Digest, Kind, NodeId, Payload};
use foretell::env::{Env, Incoming, Local};
use foretell::world::World;
use rand_pcg::Pcg32;

#[path = "../benches/common/world.rs"]
mod world;

use world::{ENOUGH, SEED, Until, below, setup};

static TASK: Kind = Kind::new("sleeper", &[]);
static PING: Kind = Kind::new("Ping", &["hop"]);

const TASKS: u64 = 1_000;
const SLEEPS: u64 = 1_000;
const NODES: u16 = 5;
const IN_FLIGHT: u64 = 8;
const DELIVERIES: u64 = 1_000_000;
const WORLDS: u64 = 200;
const DELIVERIES_OF_WORLD: u64 = 2_000;

/// What came of some worlds.
struct Ran {
    events: u64,
    virtual_time: Duration,
    digest: Digest,
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let workload = arguments.next().unwrap_or_default();
    let much: Option<u64> = match arguments.next().map(|text| text.parse()) {
        None => None,
        Some(Ok(much)) => Some(much),
        Some(Err(_)) => return usage(),
    };
    #[expect(clippy::disallowed_methods, reason = "it is the real time that is measured")]
    let begun = Instant::now();
    let ran = match workload.as_str() {
        "timers-us" => timers(1_000, much.unwrap_or(SLEEPS)),
        "timers-ms" => timers(1_000_000, much.unwrap_or(SLEEPS)),
        "ping" => ping(SEED, much.unwrap_or(DELIVERIES)),
        "sweep" => sweep(much.unwrap_or(WORLDS)),
        _ => return usage(),
    };
    let seconds = begun.elapsed().as_secs_f64();
    println!("foretell {workload} {} {seconds:.4} {:.0}", ran.events, ran.events as f64 / seconds);
    eprintln!("# foretell {workload}: virtual time {:.6} s, digest {}", ran.virtual_time.as_secs_f64(), ran.digest);
    ExitCode::SUCCESS
}

fn usage() -> ExitCode {
    eprintln!("usage: yardstick timers-us [SLEEPS] | timers-ms [SLEEPS] | ping [DELIVERIES] | sweep [WORLDS]");
    ExitCode::from(2)
}

fn run(seed: u64, replicas: u16, boot: impl Fn(Env, Rc<Cell<u64>>) -> Local<()> + 'static) -> Ran {
    let counted = Rc::new(Cell::new(0));
    let (boot, count) = (Rc::new(boot), Rc::clone(&counted));
    let world = World::new(setup(seed, replicas), Box::new(Until), move |life| boot(life.env, Rc::clone(&count)));
    let remains = world.run();
    Ran {
        events: counted.get(),
        virtual_time: remains.at.since(foretell::base::Instant::START),
        digest: remains.digest,
    }
}

/// Sleeps of 1 to 1,000 units of so many nanoseconds.
fn timers(unit: u64, sleeps: u64) -> Ran {
    run(SEED, 1, move |env, counted| {
        Box::pin(async move {
            for task in 0..TASKS {
                let (sleeper, counted) = (env.clone(), Rc::clone(&counted));
                env.spawn(TASK.label([]), async move {
                    let mut random = Pcg32::new(SEED, task);
                    for _ in 0..sleeps {
                        let span = u64::from(1 + below(&mut random, 1_000)) * unit;
                        sleeper.sleep(Duration::from_nanos(span)).await;
                        counted.set(counted.get() + 1);
                    }
                    if counted.get() == TASKS * sleeps {
                        sleeper.mark(ENOUGH);
                    }
                });
            }
        })
    })
}

fn ping(seed: u64, target: u64) -> Ran {
    run(seed, NODES, move |env, counted| {
        Box::pin(async move {
            let me = env.id().index();
            let mut random = Pcg32::new(seed, u64::from(me));
            let mut send = |hop: u64| {
                let peer = below(&mut random, u32::from(NODES) - 1) as u16;
                let peer = NodeId::replica(if peer >= me { peer + 1 } else { peer });
                env.send(peer, PING.label([hop]), Payload::copy_from(&hop.to_le_bytes()));
            };
            (0..IN_FLIGHT).for_each(|_| send(0));
            loop {
                let Incoming::Message { body, .. } = env.recv().await else { continue };
                counted.set(counted.get() + 1);
                if counted.get() == target {
                    env.mark(ENOUGH);
                }
                // Nothing damaged gets here: it would be counted as a hop like any other.
                let hop = body.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
                send(hop.wrapping_add(1));
            }
        })
    })
}

fn sweep(worlds: u64) -> Ran {
    let mut all = Ran { events: 0, virtual_time: Duration::ZERO, digest: Digest::START };
    for seed in (SEED..).take(worlds as usize) {
        let ran = ping(seed, DELIVERIES_OF_WORLD);
        all.events += ran.events;
        all.virtual_time += ran.virtual_time;
        all.digest.feed(ran.digest.to_bits());
    }
    all
}
