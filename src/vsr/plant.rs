//! Planted bugs: known mistakes that can be switched on to prove that the simulator finds them.
//!
//! Each is one marked condition in the protocol, `if self.planted(Plant::ShortQuorum) { .. }`, and without the cargo
//! feature `plant` that condition is `false` at build time.

use std::str::FromStr;

macro_rules! plants {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// A planted bug.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum Plant {
            $($(#[$doc])* $variant,)*
        }

        impl Plant {
            /// The names of all of them, as scenario files write them.
            pub const NAMES: &'static [&'static str] = &[$($name),*];

            /// The name of this one.
            pub fn name(self) -> &'static str {
                match self {
                    $(Plant::$variant => $name,)*
                }
            }
        }

        impl FromStr for Plant {
            type Err = String;
            fn from_str(text: &str) -> Result<Self, String> {
                match text {
                    $($name => Ok(Plant::$variant),)*
                    _ => Err(format!("unknown planted bug `{text}`; there are {}", Plant::NAMES.join(", "))),
                }
            }
        }
    };
}

plants! {
    /// The primary commits with one acknowledgement too few.
    ShortQuorum = "short-quorum",
    /// Acknowledgements are counted per message rather than per replica.
    AckCountedPerMessage = "ack-counted-per-message",
    /// Of an acknowledgement the primary compares only the op number, neither the view nor the checksum.
    AckViewUnchecked = "ack-view-unchecked",
    /// A backup acknowledges an entry though the one before it is missing.
    GapAccepted = "gap-accepted",
    /// A new primary takes its whole log to be committed.
    AdoptedLogTakenAsCommitted = "adopted-log-taken-as-committed",
    /// A new view takes the longest log, whatever view it comes from.
    LongestLogIgnoresLogView = "longest-log-ignores-log-view",
    /// Promises of an earlier view count for a later one with the same primary.
    StaleDvcCounted = "stale-dvc-counted",
    /// A replica goes on acknowledging in a view it has left.
    AcksAfterDvc = "acks-after-dvc",
    /// A replica promises a view before the promise is durable.
    ViewNotDurableBeforeDvc = "view-not-durable-before-dvc",
    /// A repeated prepare is acknowledged though its entry is not durable yet.
    DupPrepareAckedUndurable = "dup-prepare-acked-undurable",
    /// On the way into a view its number becomes durable as that of our log before the log itself does.
    LogViewDurableBeforeLog = "log-view-durable-before-log",
    /// A superblock of which one copy is torn is taken for that of a new replica.
    TornSuperblockResets = "torn-superblock-resets",
    /// A replica whose disk is lost formats it and goes on as if it were new.
    BlankDiskVotes = "blank-disk-votes",
    /// A backup that has missed the start of its view cuts its log to what is committed and goes on in the view.
    StateTransferTruncates = "state-transfer-truncates",
    /// After a restart the whole log is executed, committed or not.
    RestartExecutesWholeWal = "restart-executes-whole-wal",
    /// Backups do not keep the client table.
    ClientTablePrimaryOnly = "client-table-primary-only",
    /// A retry of a request that is still in the pipeline is prepared again.
    InflightRetryPreparedTwice = "inflight-retry-prepared-twice",
    /// The primary answers reads from its own state, without asking anybody whether it is still primary.
    StalePrimaryRead = "stale-primary-read",
    /// A backup answers reads from its own state, however old that is.
    BackupLocalRead = "backup-local-read",
    /// The digest of the state depends on the order in which a hash map lists what is in it.
    HashmapOrderInApply = "hashmap-order-in-apply",
    /// The primary stamps entries by its own clock alone, which may be behind that of the primary before it.
    TimestampRegressesAcrossViews = "timestamp-regresses-across-views",
    /// The primary never sends a prepare again.
    NoPrepareResend = "no-prepare-resend",
    /// A view that has not started is given up after a fixed time, however many have failed before it.
    ViewTimeoutNoBackoff = "view-timeout-no-backoff",
    /// The journal's slots are used again when a checkpoint is begun, not when it is durable.
    WalReusedBeforeCheckpointDurable = "wal-reused-before-checkpoint-durable",
    /// A checkpoint is begun only by an op for which a full journal has no room.
    WalFullDeadlock = "wal-full-deadlock",
    /// A sync that failed is tried again, and a good second one taken to mean what the first should have meant.
    FsyncErrorRetried = "fsync-error-retried",
    /// After a restart the first entry that has decayed is taken for the end of the log.
    CorruptionAsEndOfLog = "corruption-as-end-of-log",
    /// A primary that hears nobody stays primary.
    DeafPrimaryStays = "deaf-primary-stays",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for name in Plant::NAMES {
            assert_eq!(name.parse::<Plant>().unwrap().name(), *name);
        }
        assert!("no-such-bug".parse::<Plant>().is_err());
    }
}
