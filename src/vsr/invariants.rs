//! What always holds of a replica between two inputs.
//!
//! Handlers assert what they rely upon where they rely upon it. Here stands what they leave behind, checked after every
//! input, so that a mistake shows in the input that made it, and not in what happens to stumble over it later. All of it is
//! cheap: nothing walks the log.

use super::config::{CHUNK, PIPELINE};
use super::disk::superblock::LIVES;
use super::plant::Plant;
use super::quorum;
use super::replica::{Replica, Status};
use super::timers::Timer;

const _: () = assert!(LIVES == quorum::REPLICAS_MAX as usize, "every replica of the largest cluster has its life");
const _: () = assert!(PIPELINE < CHUNK, "what is uncommitted fits into a message");

impl Replica {
    /// Panics if something does not hold, which is our mistake.
    pub fn check(&self) {
        self.check_cluster();
        self.check_views();
        self.check_log();
        self.check_checkpoints();
        self.check_install();
        self.check_timers();
    }

    /// What is known of the others has one place for each.
    fn check_cluster(&self) {
        let replicas = usize::from(self.config.replicas);
        assert!(usize::from(self.me) < replicas, "we are one of the cluster");
        assert_eq!(self.votes.len(), replicas, "everybody has one vote");
        assert_eq!(self.received.len(), replicas, "everybody promises once");
        assert_eq!(self.backups.len(), replicas, "everybody acknowledges for itself");
        assert_eq!(self.owed.len(), replicas, "everybody is owed one answer at most");
        assert!(self.received[usize::from(self.me)].is_none(), "nobody sends itself a promise");
        assert!(self.owed[usize::from(self.me)].is_none(), "nobody asks itself");
        assert!(self.fetch_from < self.config.replicas, "entries are asked of somebody who is there");
        assert!(self.passed_on.len() <= self.config.sessions, "no more is passed on than there are sessions");
    }

    /// Views only go up, and what a status says of the views.
    fn check_views(&self) {
        assert!(self.log_view <= self.view, "the log of a later view is not installed before the view is promised");
        match self.status {
            Status::Normal => {
                assert_eq!(self.log_view, self.view, "a view runs on its own log");
                assert!(self.vote >= self.view, "nobody votes for a view that is over");
                assert!(self.recovery.is_none(), "whoever takes part has recovered");
            }
            Status::ViewChange => {
                assert!(self.vote >= self.view, "nobody votes for a view that is over");
                assert!(!self.abdicated, "only a view that runs is given up by its primary");
                assert!(self.recovery.is_none(), "whoever takes part has recovered");
            }
            Status::Ended => {
                assert!(self.is_primary(), "only a primary's view ends with its life");
                assert_eq!(self.log_view, self.view, "it had led the view");
                assert!(self.recovery.is_none(), "whoever recovers led nothing");
            }
            Status::Recovering => {
                assert!(self.config.replicas > 1, "there is somebody to recover from");
                assert!(!self.promised, "whoever recovers promises nothing");
                assert!(!self.abdicated, "whoever recovers leads nothing");
            }
        }
        if self.abdicated {
            assert!(self.is_primary(), "only a primary gives up its view");
        }
        if self.leads() {
            assert!(self.log.is_whole(), "whoever leads has every entry");
            assert_eq!(self.log.doubtful(), 0, "whoever leads knows where its log ends");
            assert!(self.early.is_empty(), "a primary waits for no prepares");
        }
    }

    /// What is executed, durable and committed is in the log or behind its base.
    fn check_log(&self) {
        let (base, op) = (self.log.base().op, self.log.op());
        assert!(base <= self.commit, "what a checkpoint covers is executed");
        assert!(self.commit <= op, "what is executed is in the log");
        assert!(self.commit <= self.commit_known, "what is executed is known to be committed");
        assert!(self.journal.durable() <= op, "what is durable is in the log");
        let fits = op <= self.journal.ring().last(base);
        assert!(fits || self.planted(Plant::WalReusedBeforeCheckpointDurable), "the log fits into the ring");
        if !self.is_syncing() {
            assert!(self.log_head.op <= op, "the disk vouches for nothing that is not in the log");
        }
        if self.lacks_state {
            assert_eq!(self.commit, base, "without the state nothing is executed");
        }
        if self.install.is_none() && self.half_installed.is_none() && op > base {
            let newest = self.log.get(op).map_or(self.log_view, |entry| entry.view());
            assert!(newest <= self.log_view, "a log has nothing of later views");
        }
    }

    /// One checkpoint at a time is on its way to the disk, and one to us.
    fn check_checkpoints(&self) {
        assert_eq!(self.checkpoints.named().place, self.log.base(), "the log begins at the checkpoint that counts");
        assert!(self.checkpoint.place.op >= self.log.base().op, "the one that is to be named is no older");
        assert_eq!(
            self.written.is_none(),
            self.checkpoints.is_idle(),
            "what is being written is kept until it is named"
        );
        if let Some(transfer) = &self.transfer {
            assert!(transfer.source < self.config.replicas, "it is asked of somebody who is there");
            assert!(
                transfer.source != self.me || self.config.replicas == 1,
                "nobody asks itself who could ask another"
            );
            assert!(transfer.received.len() as u64 <= transfer.checkpoint.length, "no more comes than there is");
            assert!(transfer.checkpoint.place.op > 0, "that which covers nothing is not asked for");
        }
        if self.is_syncing() {
            assert!(!self.leads() || self.lacks_state, "whoever leads lacks nothing but perhaps the state");
        }
    }

    /// A log on its way into ours belongs to a view that has not started here.
    fn check_install(&self) {
        if let Some(install) = &self.install {
            assert!(matches!(self.status, Status::ViewChange | Status::Recovering), "the log of a running view grows");
            assert!(install.log_view <= self.view, "nothing of a view we have not promised is installed");
            assert!(install.source < self.config.replicas, "it is asked of somebody who is there");
            assert!(install.needed.op <= install.head.op, "nothing is needed beyond its end");
            assert!(install.kept.is_none_or(|kept| kept >= self.commit), "what is executed is not cut");
        }
        if let Some(kept) = self.half_installed {
            assert!(kept >= self.commit, "what is executed is not cut");
            assert!(self.status != Status::Normal, "a view runs on a whole log");
            assert!(self.install.as_ref().is_none_or(|install| install.kept.is_none()), "first what was begun is cut");
        }
        if self.received.iter().any(Option::is_some) && !self.planted(Plant::StaleDvcCounted) {
            assert_eq!(self.status, Status::ViewChange, "promises are for a view that has not started");
            assert!(self.is_primary(), "promises are for the primary of the view");
            assert!(self.install.is_none(), "once its log is decided, promises are of no more use");
        }
    }

    /// Nobody waits without end.
    fn check_timers(&self) {
        let is_set = |timer| self.timers.is_set(timer);
        match self.status {
            Status::Normal if self.abdicated => assert!(is_set(Timer::Vote), "who gave up its view wants the next one"),
            Status::Normal if self.is_primary() => {
                assert!(is_set(Timer::Heartbeat), "a primary is heard");
                assert!(is_set(Timer::PrepareResend), "a primary repeats what is not acknowledged");
                assert!(is_set(Timer::Abdication), "a primary notices that it is alone");
            }
            Status::Normal => assert!(is_set(Timer::Vote), "a backup notices that its primary is silent"),
            Status::ViewChange => {
                assert!(is_set(Timer::ViewChange), "a view that does not start is given up");
                assert!(is_set(Timer::PromiseResend), "a promise that was lost is repeated");
            }
            Status::Ended => assert!(is_set(Timer::Vote), "a view that has ended is left"),
            Status::Recovering => {
                assert!(is_set(Timer::Recovery) || self.recovery.is_none(), "a question that was lost is repeated");
            }
        }
    }
}
