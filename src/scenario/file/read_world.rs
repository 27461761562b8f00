//! Reading `[cluster]`, `[network]`, `[storage]`, `[clock]` and `[schedule]`.

use std::time::Duration;

use crate::base::{Cluster, Ratio};
use crate::world::{
    BudgetKind, ClockConfig, MishapKind, MishapRates, NetworkConfig, ScheduleConfig, Stall, StorageConfig,
};

use super::read_links;
use super::read_values::{chance, distribution, duration, some_duration};
use super::reader::{Table, Value};
use super::tree::Tree;

/// More machines than this of a kind are a slip of the hand: runs cost the square of it.
pub(super) const MACHINES: u16 = 64;

/// How many machines there are, with as many replicas as the system can run on at most. From here on, nodes that the file names are checked against it.
pub(super) fn cluster(root: &mut Table, replicas_max: u16) -> Option<Cluster> {
    let cluster = root.need_section("cluster")?.table("[cluster]", |table| {
        let count = |value: Value, what, low, high: u16| {
            let count = value.whole(what, low, u64::from(high.min(MACHINES)))?;
            Some(u16::try_from(count).expect("at most 64"))
        };
        let replicas = |value| count(value, "a number of replicas", 1, replicas_max);
        let replicas = table.need("replicas").and_then(replicas);
        let clients = table.need("clients").and_then(|value| count(value, "a number of clients", 0, MACHINES));
        Some(Cluster { replicas: replicas?, clients: clients? })
    })?;
    root.context().set_cluster(cluster);
    Some(cluster)
}

/// How the network behaves.
pub(super) fn network(root: &mut Table) -> NetworkConfig {
    let calm = NetworkConfig::default();
    root.section("network", "[network]", calm.clone(), |table| {
        Some(NetworkConfig {
            latency: table.or("latency", calm.latency, distribution),
            loss: table.or("loss", calm.loss, chance),
            duplicate: table.or("duplicate", calm.duplicate, chance),
            reorder: table.or("reorder", calm.reorder, chance),
            corrupt: table.or("corrupt", calm.corrupt, chance),
            misroute: table.or("misroute", calm.misroute, chance),
            delivery: table.or("delivery", calm.delivery, read_links::delivery),
            bandwidth: table.or("bandwidth", calm.bandwidth, read_links::bandwidth),
            queue: table.or("queue", calm.queue, read_links::queue),
            clog: table.or("clog", calm.clog, read_links::clogs),
        })
    })
}

/// How the disks behave.
pub(super) fn storage(root: &mut Table) -> StorageConfig {
    let calm = StorageConfig::default();
    root.section("storage", "[storage]", calm.clone(), |table| {
        let read_latency = table.or("read_latency", calm.read_latency, distribution);
        let write_latency = table.or("write_latency", calm.write_latency, distribution);
        let sync_latency = table.or("sync_latency", calm.sync_latency, distribution);
        let crash_tear_names = table.or("crash_tear_names", Ratio::ZERO, chance);
        let stall = table.or("stall", None, stall);
        let mishaps = MISHAPS.iter().fold(MishapRates::default(), |rates, (key, kind)| {
            let ratio = table.or(key, Ratio::ZERO, chance);
            rates.with(*kind, ratio)
        });
        let budget = table.or("budget", calm.budget, |value| value.word("a budget", &BUDGETS));
        let keep = table.take("crash_keep");
        let tear = table.take("crash_tear");
        let read = |value: Option<Value>| value.and_then(chance).unwrap_or(Ratio::ZERO);
        let (crash_keep, crash_tear) = (read(keep), read(tear));
        // Compared as the billionths they are: floats would call 0.7 + 0.3 more than 1 on a bad day.
        let parts = |ratio: Ratio| (ratio.to_float() * 1e9).round() as u64;
        if parts(crash_keep) + parts(crash_tear) > 1_000_000_000 {
            let message = format!(
                "`crash_keep` and `crash_tear` are shares of the same unsynced sectors, so {crash_keep} and {crash_tear} are too much together"
            );
            return tear.or(keep)?.wrong_with(message, "the rest, up to 1, is lost");
        }
        Some(StorageConfig {
            read_latency,
            write_latency,
            sync_latency,
            crash_keep,
            crash_tear,
            crash_tear_names,
            stall,
            mishaps,
            budget,
        })
    })
}

/// The key of each sort of mishap.
pub(super) const MISHAPS: [(&str, MishapKind); MishapKind::WORDS.len()] = [
    ("rot_bit", MishapKind::RotBit),
    ("rot_byte", MishapKind::RotByte),
    ("unreadable", MishapKind::Unreadable),
    ("misdirected_write", MishapKind::MisdirectedWrite),
    ("lost_write", MishapKind::LostWrite),
    ("no_space", MishapKind::NoSpace),
    ("misdirected_read", MishapKind::MisdirectedRead),
    ("read_error", MishapKind::ReadError),
    ("failed_sync", MishapKind::FailedSync),
    ("lying_sync", MishapKind::LyingSync),
];

/// What a budget can be.
pub(super) const BUDGETS: [(&str, BudgetKind); 2] =
    [("recoverable", BudgetKind::Recoverable), ("none", BudgetKind::None)];

fn stall(value: Value) -> Option<Option<Stall>> {
    if !matches!(value.raw(), Tree::Table(_)) {
        let help = "for example { share = 0.001, for = \"200ms\" }; one disk is stalled by a fault";
        return value.wrong_with("expected a table that says how often a disk stalls, and for how long", help);
    }
    value.table("`stall`", |table| {
        let share = table.need("share").and_then(chance);
        let span = table.need("for").and_then(some_duration);
        let (share, span) = (share?, span?);
        // What never happens is as good as not there.
        Some((!share.is_zero()).then_some(Stall { share, span }))
    })
}

/// How the clocks behave.
pub(super) fn clocks(root: &mut Table) -> ClockConfig {
    root.section("clock", "[clock]", ClockConfig::default(), |table| {
        let offset_max = table.or("offset_max", Duration::ZERO, |value| {
            let offset = duration(value)?;
            if !offset.is_zero() {
                value.chance(
                    "a plan cannot draw clock offsets; it says them as in deviations = [\"offset r1 clock +3ms\"]",
                );
            }
            Some(offset)
        });
        let drift_max = table.or("drift_max", 0, read_links::drift_max);
        Some(ClockConfig { offset_max, drift_max })
    })
}

/// How ready tasks are ordered.
pub(super) fn schedule(root: &mut Table) -> ScheduleConfig {
    root.section("schedule", "[schedule]", ScheduleConfig::default(), |table| {
        Some(ScheduleConfig { shuffle: table.or("shuffle", Ratio::ZERO, chance) })
    })
}
