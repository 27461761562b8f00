//! How fast the system under test is simulated: Viewstamped Replication, with all that watches it and without.
//!
//! ```sh
//! cargo run --release --example throughput -- vsr
//! ```
//!
//! | workload | what | units |
//! |---|---|---|
//! | `vsr` | one run of a key-value service on 3 replicas, or as many as the third argument says, in calm: constant latencies, nothing lost, no faults. A ring of 256 slots. 32 client machines ask again as soon as they are answered. 20,000 operations, or as many as the second argument says; every oracle watches, LIN and the two of liveness included | committed operations |
//! | `vsr-unwatched` | the same run without oracles | committed operations |
//! | `runs` | whole runs of the standard sweep, `sim-scenarios/swarm.toml`, with the seeds from 0: 300, or as many as the second argument says; each is another cluster, another network and other faults, and every oracle of that file watches | runs |
//!
//! 32 clients, because that is how many operations a primary takes on beyond what is committed, and it is the number with
//! the fewest instructions per operation: with fewer, a sync makes fewer entries durable at once; with more, the primary
//! drops requests, and their clients ask again.
//!
//! All of it goes through the public interface and on one thread, so the seconds are those of one core. Nothing is
//! switched off that a sweep has on: every event goes into the digest, every packet and every disk operation has dice of
//! its own.
//!
//! Prints `foretell WORKLOAD UNITS SECONDS UNITS-PER-SECOND`; on standard error the events, the virtual time and the
//! digest, which are the same from run to run.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use foretell::base::Digest;
use foretell::explore::Runner;
use foretell::scenario::file::parse;
use foretell::scenario::{Family, Run, Settings, Verdict, run};
use foretell::systems;

const OPERATIONS: u64 = 20_000;
const RUNS: u64 = 300;
const REPLICAS: u16 = 3;
const CLIENTS: u16 = 32;
const SEED: u64 = 42;
static SWARM: &str = include_str!("../sim-scenarios/swarm.toml");

/// What came of some runs.
struct Ran {
    units: u64,
    events: u64,
    virtual_time: Duration,
    digest: Digest,
}

#[expect(clippy::disallowed_methods, reason = "it measures how long this takes, outside of any world")]
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((workload, units, replicas)) = read(&arguments) else {
        eprintln!(
            "usage: throughput vsr [OPERATIONS [REPLICAS]] | vsr-unwatched [OPERATIONS [REPLICAS]] | runs [RUNS]"
        );
        return ExitCode::from(2);
    };
    let begun = Instant::now();
    let ran = match workload {
        "vsr" => calm(units.unwrap_or(OPERATIONS), replicas.unwrap_or(REPLICAS), true),
        "vsr-unwatched" => calm(units.unwrap_or(OPERATIONS), replicas.unwrap_or(REPLICAS), false),
        _ => runs(units.unwrap_or(RUNS)),
    };
    let seconds = begun.elapsed().as_secs_f64();
    println!("foretell {workload} {} {seconds:.4} {:.0}", ran.units, ran.units as f64 / seconds);
    let Ran { events, virtual_time, digest, .. } = ran;
    eprintln!(
        "# foretell {workload}: {events} events, virtual time {:.6} s, digest {digest}",
        virtual_time.as_secs_f64()
    );
    ExitCode::SUCCESS
}

/// The workload, how much of it, and on how many replicas; none if that is not what the arguments say.
fn read(arguments: &[String]) -> Option<(&str, Option<u64>, Option<u16>)> {
    let workload = arguments.first()?.as_str();
    let most = match workload {
        "vsr" | "vsr-unwatched" => 3,
        "runs" => 2,
        _ => return None,
    };
    let units = arguments.get(1).map(|text| text.parse().ok().filter(|units| *units > 0));
    let replicas = arguments.get(2).map(|text| text.parse().ok().filter(|replicas| [1, 3, 5].contains(replicas)));
    let is_wrong = arguments.len() > most || units == Some(None) || replicas == Some(None);
    (!is_wrong).then_some((workload, units.flatten(), replicas.flatten()))
}

fn family(name: &str, text: &str) -> Family {
    parse(name, text, &systems::registry()).unwrap_or_else(|wrong| panic!("{name} cannot be read: {wrong:?}"))
}

/// A run is worth its time only if it came to its end, and found nothing.
fn passed(run: &Run) {
    assert_eq!(run.verdict, Verdict::Pass, "seed {}", run.seed);
}

fn calm(operations: u64, replicas: u16, watched: bool) -> Ran {
    // Every value is written over soon, so that no value grows with the run. The phase is longer than the operations
    // take, and when they are done next to nothing happens in it.
    let millis = 500 + operations / 3;
    let text = format!(
        r#"
        title    = "a calm run at full speed"
        system   = "vsr"
        cluster  = {{ replicas = {replicas}, clients = {CLIENTS} }}
        parameters = {{ slots = 256 }}
        check    = {{ liveness = [{{ all-requests-complete = {{ within = "10s" }} }}, {{ converged = {{ within = "10s" }} }}] }}
        [workload]
        kind       = "kv"
        keys       = 100
        rate       = "1000000/s"
        operations = {operations}
        mix        = {{ get = 0.4, put = 0.3, append = 0.1, cas = 0.1, delete = 0.1 }}
        [[phase]]
        name  = "work"
        for   = "{millis}ms"
        quiet = true
        core  = "all"
        "#
    );
    let scenario = family("calm", &text).scenario(SEED).expect("without choices every seed has its scenario");
    let system = systems::registry().make(&scenario).expect("the system comes with the crate");
    let oracles = if watched { None } else { Some(Vec::new()) };
    let run = run(&scenario, system, &Settings { seed: SEED, oracles, ..Settings::default() });
    passed(&run);
    assert_eq!((run.calls.answered, run.calls.unknown), (operations, 0), "the phase is too short");
    Ran { units: run.committed, events: run.events, virtual_time: run.virtual_time, digest: run.digest }
}

fn runs(count: u64) -> Ran {
    let (family, registry) = (family("swarm", SWARM), systems::registry());
    let runner = Runner { registry: &registry, simulator: &run };
    let mut all = Ran { units: count, events: 0, virtual_time: Duration::ZERO, digest: Digest::START };
    for seed in 0..count {
        let scenario = family.scenario(seed).expect("every seed has its scenario");
        let run = runner.run(&scenario, &Settings { seed, ..Settings::default() }).expect("no run breaks down");
        passed(&run);
        all.events += run.events;
        all.virtual_time += run.virtual_time;
        all.digest.feed(run.digest.to_bits());
    }
    all
}
