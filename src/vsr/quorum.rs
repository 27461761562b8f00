//! How many replicas must agree on what.
//!
//! Two kinds of quorum, and two rules. Every replication quorum meets every view-change quorum (`replication +
//! view_change > n`), so that a new view learns of everything committed in older ones. Every two view-change quorums
//! meet (`2 * view_change > n`), so that no view is decided twice. Within these rules an even cluster commits with one
//! replica fewer than a majority would need.

/// The largest cluster.
pub const REPLICAS_MAX: u16 = 6;

const REPLICATION: [u16; 6] = [1, 2, 2, 2, 3, 3];
const VIEW_CHANGE: [u16; 6] = [1, 2, 2, 3, 3, 4];

const _: () = assert!(REPLICATION.len() == REPLICAS_MAX as usize);
const _: () = assert!(VIEW_CHANGE.len() == REPLICAS_MAX as usize);

const _: () = {
    let mut replicas = 1;
    while replicas <= REPLICAS_MAX {
        assert!(replication(replicas) + view_change(replicas) > replicas);
        assert!(view_change(replicas) * 2 > replicas);
        assert!(replication(replicas) <= replicas);
        assert!(nack(replicas) + replication(replicas) > replicas, "who denied and who has it cannot both be enough");
        assert!(nack(replicas) >= 1);
        assert!(view_change(replicas) <= replicas);
        assert!(replicas == 1 || recovery(replicas) < replicas);
        replicas += 1;
    }
};

/// How many replicas must hold an entry durably before it is committed.
pub const fn replication(replicas: u16) -> u16 {
    assert!(replicas >= 1 && replicas <= REPLICAS_MAX, "a cluster has 1 to 6 replicas");
    REPLICATION[replicas as usize - 1]
}

/// How many replicas must deny that they ever held an entry before it may be taken for uncommitted: so many that the others
/// are too few to have committed it.
pub const fn nack(replicas: u16) -> u16 {
    replicas - replication(replicas) + 1
}

/// How many others must have answered one whose disk is lost: so many that one of them has heard of every view that
/// started, and one of every life that was finished.
pub const fn recovery(replicas: u16) -> u16 {
    let view_change = view_change(replicas);
    let rest = replicas - view_change + 1;
    if rest > view_change - 1 { rest } else { view_change - 1 }
}

/// How many replicas must leave a view before the next one starts.
pub const fn view_change(replicas: u16) -> u16 {
    assert!(replicas >= 1 && replicas <= REPLICAS_MAX, "a cluster has 1 to 6 replicas");
    VIEW_CHANGE[replicas as usize - 1]
}
