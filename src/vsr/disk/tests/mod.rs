//! Tests of several parts together.

mod fake;
mod journal;
mod model;
mod restart;
mod superblock;
mod world;

use crate::base::Checksum;
use crate::vsr::entry::{Entry, Header, Place, View};

use super::{Checkpoint, Ring, Superblock, promises};
use crate::env::{Env, File};
use crate::vsr::config::Config;

const CLUSTER: u64 = 3;
const REPLICA: u16 = 2;

/// A superblock of a replica with eight slots whose log is that of this view.
fn promised(log_view: u64, log_head: Place) -> Superblock {
    let formatted = Superblock::formatted(CLUSTER, REPLICA, Ring::new(8).unwrap());
    Superblock { view: View(log_view), log_view: View(log_view), log_head, ..formatted }
}

/// The same behind a checkpoint that covers everything up to this entry.
fn behind(superblock: Superblock, last: &Entry) -> Superblock {
    let checkpoint = Checkpoint { place: last.place(), timestamp: last.header().timestamp, ..Checkpoint::default() };
    Superblock { checkpoint, ..superblock }
}

/// The entry after a place, first prepared in this view.
fn after(place: Place, view: u64) -> Entry {
    let Place { op: before, checksum: parent } = place;
    let op = before + 1;
    let header = Header { cluster: CLUSTER, view: View(view), op, client: 7, request: op, timestamp: op, parent };
    // Some fill one sector of their slot, some both.
    let length = if (op + view).is_multiple_of(3) { 700 } else { 90 };
    Entry::new(header, &vec![op as u8 ^ (view as u8) << 4; length])
}

/// Entries of these views behind a place.
fn grow(mut place: Place, views: &[u64]) -> Vec<Entry> {
    assert_ne!(place.checksum == Checksum::default(), place.op > 0, "a place has its checksum");
    let mut entries = Vec::new();
    for view in views {
        let entry = after(place, *view);
        place = entry.place();
        entries.push(entry);
    }
    entries
}

/// The state that counts, however it was read.
async fn read(env: &Env, file: &File, cluster: u64, replica: u16) -> Option<Superblock> {
    promises::read(env, file, cluster, replica).await.map(|(superblock, _)| superblock)
}

/// The configuration of that replica's cluster.
fn config() -> Config {
    Config { slots: 8, ..Config::new(CLUSTER, 3) }
}
