//! How the cost of an event grows with the world that it happens in, and whether worlds leave anything behind.
//!
//! ```sh
//! cargo run --release --example growth
//! cargo run --release --example growth -- tasks
//! cargo run --release --example growth -- memory
//! cargo run --release --example growth -- memory swarm
//! ```
//!
//! Without arguments it prints one table, with `nodes`, `tasks`, `packets` or `length` that part of it: nanoseconds of real time per event, and the ratio to the smallest case of its
//! kind. Flat is good. Every figure is the best of three, each in fresh worlds, and excludes setting them up. An event is a
//! delivery with the message that answers it, or the end of a sleep with the next one.
//!
//! With `memory` it runs 100,000 small worlds of datagrams (or, with `swarm`, 100,000 seeds of the standard sweep) in one
//! process, and prints how much memory the process holds after the first thousand of them and after the last, and the most
//! that it ever held.

use std::fs;
use std::process::ExitCode;

#[path = "../benches/common/mod.rs"]
mod common;

use common::growth::{GROWTHS, Growth};
use common::scenarios::{SWARM, parse, run, scenario};
use common::{Ran, ping};

/// Each figure is the best of so many.
const ROUNDS: usize = 3;

/// A round of a small case is as many fresh worlds as it takes to count so many events.
const EVENTS_OF_ROUND: u64 = 1_000_000;

/// How many worlds or runs are held against all of them.
const FIRST: u64 = 1_000;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => growth(""),
        [name] if GROWTHS.iter().any(|growth| growth.name == name) => growth(name),
        ["memory"] => memory("worlds of 200 deliveries between 5 nodes", 100_000, |seed| {
            ping(seed, 5, 40, 200);
        }),
        ["memory", "swarm"] => {
            let family = parse(SWARM);
            memory("runs of the standard sweep", 100_000, |seed| {
                run(&scenario(&family, seed), seed, None);
            })
        }
        _ => {
            eprintln!("usage: growth [nodes | tasks | packets | length | memory [swarm]]");
            ExitCode::from(2)
        }
    }
}

/// Prints the table, or one part of it.
fn growth(name: &str) -> ExitCode {
    println!("| what grows | size | ns per event | ratio |");
    println!("|---|--:|--:|--:|");
    for growth in GROWTHS.iter().filter(|growth| growth.name.contains(name)) {
        let mut best = vec![f64::INFINITY; growth.sizes.len()];
        // Round by round, so that a moment in which the machine is busy does not hit all rounds of one size.
        for _ in 0..ROUNDS {
            for (best, size) in best.iter_mut().zip(growth.sizes) {
                *best = best.min(nanoseconds_per_event(growth, *size));
            }
        }
        for (best_of_size, size) in best.iter().zip(growth.sizes) {
            println!("| {} | {} | {best_of_size:.0} | {:.2} |", growth.what, grouped(*size), best_of_size / best[0]);
        }
    }
    ExitCode::SUCCESS
}

/// One round.
fn nanoseconds_per_event(growth: &Growth, size: u64) -> f64 {
    let mut all = Ran::default();
    while all.events == 0 || all.events + (growth.events)(size) <= EVENTS_OF_ROUND {
        all += (growth.world)(size);
    }
    all.took.as_nanos() as f64 / all.events as f64
}

/// Runs one after the other, and prints how much memory is held.
fn memory(what: &str, count: u64, run: impl Fn(u64)) -> ExitCode {
    if resident().is_none() {
        eprintln!("only Linux says in /proc/self/status how much memory a process holds, and this is not Linux");
        return ExitCode::FAILURE;
    }
    println!("{} {what}, one after the other in one process", grouped(count));
    let (mut highest, mut at) = (0, 0);
    for seed in 0..count {
        run(seed);
        let ended = seed + 1;
        if let Some((_, most)) = resident().filter(|(_, most)| *most > highest) {
            (highest, at) = (most, seed);
        }
        if ended == FIRST || ended == count {
            println!("  resident after {:>7}   {:>9}", grouped(ended), kilobytes(resident().map(|(now, _)| now)));
        }
    }
    println!("  at most                  {:>9}, with seed {at}", kilobytes(resident().map(|(_, most)| most)));
    ExitCode::SUCCESS
}

/// How many kilobytes the process holds, and how many it has ever held, where the system says so.
fn resident() -> Option<(u64, u64)> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().strip_suffix(" kB")?.parse().ok()
    };
    Some((field("VmRSS:")?, field("VmHWM:")?))
}

fn kilobytes(number: Option<u64>) -> String {
    number.map_or("unknown".to_string(), |number| format!("{} kB", grouped(number)))
}

/// `12,345`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
