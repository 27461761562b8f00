//! The beginning of a life: what a replica finds on its disk, and what it makes of that.

use bytes::Bytes;

use crate::base::Probe;
use crate::env::{DiskError, Env, Queue};

use super::config::Config;
use super::disk::{self, Checkpoint, Files, Recovered, Ring, Superblock, Written, persist};
use super::entry::{Entry, View};
use super::plant::Plant;
use super::replica::Replica;
use super::service::Service;

/// Makes the disk of a new replica.
pub async fn format(env: Env, config: Config) {
    disk::format(&env, &formatted(&env, config)).await;
}

fn formatted(env: &Env, config: Config) -> Superblock {
    let ring = Ring::new(config.slots).expect("a configuration has a number of slots that makes a ring");
    let superblock = Superblock::formatted(config.cluster, env.id().index(), ring);
    assert_eq!(superblock.slots, config.slots, "a replica has the slots it is told to have");
    assert_eq!(superblock.cluster, config.cluster, "a replica is of the cluster it is told of");
    superblock
}

/// One life of a replica, from its disk. Returns only if it is its cluster's only one, and its disk is lost.
pub async fn boot(env: Env, config: Config, service: Box<dyn Service>) {
    let me = env.id().index();
    assert!(env.id().is_replica(), "replicas run on replica machines");
    assert!(me < config.replicas, "every replica has its place in the cluster");
    let found = match read(&env, config).await {
        // What was written down before it had recovered is worth nothing.
        Some(found) if !found.superblock.is_recovering => found,
        _ if config.replicas == 1 => return env.mark("disk lost"),
        _ => {
            env.mark("disk lost");
            let is_recovering = !config.planted(Plant::BlankDiskVotes);
            if is_recovering {
                // Said before anything is written: from here on nothing that is on the disk is a promise.
                env.probe(Probe::Recovering);
            }
            let superblock = Superblock { is_recovering, ..formatted(&env, config) };
            loop {
                disk::format(&env, &superblock).await;
                // What was written just now may have been a lie, or have decayed.
                if let Some(found) = read(&env, config).await {
                    break found;
                }
            }
        }
    };
    let reports = Queue::new();
    let superblock = found.superblock;
    assert_eq!(superblock.replica, me, "the promises are our own");
    assert_eq!(superblock.cluster, config.cluster, "the promises are to our cluster");
    assert!(!superblock.is_recovering || config.replicas > 1, "there is somebody to recover from");
    let mut replica = Replica::new(env, config, service, found, &reports);
    replica.start(&superblock);
    replica.run(reports).await;
}

/// What the tasks report that work for the replica.
pub(super) enum Report {
    Journal(Written),
    Superblock(u64),
    Checkpoint(Checkpoint),
    /// An entry of ours that was found lost could be read after all.
    Found(Entry),
}

/// What a life finds on its disk.
pub(super) struct Found {
    pub files: Files,
    pub superblock: Superblock,
    pub recovered: Recovered,
    /// Of the checkpoint that the superblock names; none if it has decayed.
    pub content: Option<Bytes>,
}

/// Reads a disk, and mends what it can of it. `None` if it is lost.
async fn read(env: &Env, config: Config) -> Option<Found> {
    let files = persist(env, async || match disk::open(env).await {
        Err(DiskError::NotFound) => Ok(None),
        opened => opened.map(Some),
    })
    .await?;
    let read = disk::promises::read(env, &files.superblock, config.cluster, env.id().index()).await;
    let (mut superblock, was_damaged) = read?;
    if config.planted(Plant::TornSuperblockResets) && was_damaged {
        superblock = Superblock { view: View(0), log_view: View(0), ..superblock };
    }
    let mut recovered = disk::scan::read(env, &files, &superblock).await;
    recovered.cases.iter().filter(|case| case.row.is_odd()).for_each(|case| env.mark(case.row.mark()));
    (0..recovered.strays).for_each(|_| env.mark("misdirected write detected"));
    if config.planted(Plant::CorruptionAsEndOfLog)
        && let Some(first) = recovered.log.first_missing()
    {
        recovered.log.cut(first - 1);
    }
    let content = match superblock.checkpoint.place.op {
        0 => Some(Bytes::new()),
        _ => disk::checkpoint::read(&files.checkpoints, config.cluster, &superblock.checkpoint).await,
    };
    assert!(superblock.is_sound(), "whatever was made of it, it makes sense");
    assert_eq!(recovered.log.base(), superblock.checkpoint.place, "the log begins at the checkpoint that counts");
    assert!(content.is_some() || superblock.checkpoint.place.op > 0, "what covers nothing cannot decay");
    Some(Found { files, superblock, recovered, content })
}
