//! The change of views.
//!
//! A replica that is not content with its view *votes* for the next one, and stays where it is. Only when a view-change
//! quorum votes does it leave, and promises never to act in an earlier view again. The promise is durable before it is
//! said. The primary of the new view takes, among the promises of a quorum, the log of the latest view, and of those the
//! longest. It makes that log its own, durably, notes durably that it is the new view's log, and starts the view;
//! backups do the same when they hear of it. Entries adopted in this way count as acknowledged only then.
//!
//! A worked example, three replicas: `r0` leads view 0 with ops 1 to 5, `r1` has 1 to 4, `r2` has 1 to 3, op 3 is known
//! to be committed, and `r0` dies. `r1` and `r2` vote for view 1, hear each other's vote, leave view 0. `r2` says
//! `DoViewChange(v1)` with nothing after op 3; `r1` has op 4 in view 0's log as well, and takes its own log. Op 4 was
//! perhaps committed, op 5 certainly not, because its quorum would have had to meet `{r1, r2}`.
//!
//! All that happens between views is one question, asked again whenever something has become durable or was heard:
//! [`Replica::advance`], what is the next step?

use std::cmp::Ordering;
use std::time::Duration;

use crate::base::{Checksum, Instant, Kind, Probe, Role};

use super::choice;
use super::config::{
    PRIMARY_SILENCE, PRIMARY_SILENCE_JITTER, RELAY, VIEW_CHANGE_MAX, VIEW_CHANGE_MIN, VIEW_CHANGE_PACES, VOTE_LIFETIME,
    VOTE_RESEND, longest_backoff,
};
use super::disk::Position;
use super::disk::superblock::LIVES;
use super::entry::{Place, View};
use super::message::{LogEnd, Message};
use super::plant::Plant;
use super::quorum;
use super::recovery;
use super::replica::{Replica, Status};
use super::timers::Timer;

static BACKOFF: Kind = Kind::new("view-change-backoff", &[]);
static PATIENCE: Kind = Kind::new("primary-silence", &[]);

/// A vote of another replica. It lapses, so that a replica which was discontented once is not counted for ever.
#[derive(Clone, Copy, Debug)]
pub(super) struct Vote {
    view: View,
    lapses: Instant,
}

impl Vote {
    pub const NONE: Vote = Vote { view: View(0), lapses: Instant::START };
}

/// What a replica says with its promise.
#[derive(Clone, Debug)]
pub(super) struct Promise {
    pub log_view: View,
    /// The newest life that it knows of each replica.
    pub lives: [u32; LIVES],
    /// Everything up to here is committed.
    pub commit: Place,
    pub log: LogEnd,
}

impl Promise {
    /// Whether its log is known to go through a place.
    pub fn holds(&self, place: Place) -> bool {
        let at = self.log.at(place.op).and_then(Position::checksum);
        place.op <= self.commit.op || at == Some(place.checksum) || self.log.head == place
    }

    /// Whether it is certain that there never was an entry with this checksum at an op of its log; whatever the checksum, if
    /// that is not known.
    pub fn denies(&self, op: u64, checksum: Option<Checksum>) -> bool {
        if op > self.log.head.op {
            return op > self.log.head.op + self.log.doubt;
        }
        let other = self.log.at(op).and_then(Position::checksum);
        other.zip(checksum).is_some_and(|(other, checksum)| other != checksum)
    }
}

impl Replica {
    // Votes.

    /// Any word from a replica in a later view counts as its vote to leave ours.
    pub fn note_vote(&mut self, from: u16, view: View) {
        assert_ne!(from, self.me, "our own vote is not heard of");
        assert!(from < self.config.replicas, "only the cluster votes");
        if view <= self.view {
            return;
        }
        let now = self.env.now();
        let vote = &mut self.votes[usize::from(from)];
        if view >= vote.view || now >= vote.lapses {
            *vote = Vote { view, lapses: now + VOTE_LIFETIME };
        }
        self.count_votes();
    }

    /// The votes that count, our own included.
    fn live_votes(&self) -> Vec<View> {
        let now = self.env.now();
        let others = self.votes.iter().filter(|vote| now < vote.lapses).map(|vote| vote.view);
        let votes: Vec<View> = others.chain([self.vote]).collect();
        assert!(!votes.is_empty(), "our own vote counts");
        assert!(votes.len() <= usize::from(self.config.replicas), "everybody has one vote");
        votes
    }

    fn count_votes(&mut self) {
        let needed = usize::from(quorum::view_change(self.config.replicas));
        let mut votes = self.live_votes();
        assert!((1..=usize::from(self.config.replicas)).contains(&needed), "a quorum is part of the cluster");
        votes.sort_unstable_by(|a, b| b.cmp(a));
        match votes.get(needed - 1) {
            Some(view) if *view > self.view => self.enter_view(*view),
            _ => {}
        }
    }

    /// Votes, for the first time or again.
    pub fn on_vote_timeout(&mut self) {
        assert!(self.status != Status::Recovering, "whoever recovers does not vote");
        self.timers.set(Timer::Vote, self.env.now() + VOTE_RESEND);
        self.raise_vote();
        self.say_vote();
        self.count_votes();
    }

    /// Votes for the next view, or for what somebody votes for already: votes that differ decide nothing.
    fn raise_vote(&mut self) {
        let highest = self.live_votes().into_iter().max().expect("our own vote counts");
        let before = self.vote;
        self.vote = highest.max(self.view.next());
        assert!(self.vote > self.view, "whoever is not content wants a later view");
        assert!(self.vote >= before, "votes only go up");
    }

    fn say_vote(&self) {
        assert!(self.vote >= self.view, "nobody votes for a view that is over");
        assert!(self.status != Status::Recovering, "whoever recovers does not vote");
        self.broadcast(&Message::StartViewChange { view: self.vote, current: self.view });
    }

    pub fn on_start_view_change(&mut self, from: u16, view: View, current: View) {
        self.note_vote(from, view);
        if current > self.view {
            // A quorum has left our view already.
            self.enter_view(current);
        }
        assert!(self.view >= current, "what a quorum has left, we have left");
        if self.leads() && view == self.view && current == self.view {
            // It is on its way into our view, and its disk takes its time.
            self.heard_arriving(from);
        }
        let follows = self.status == Status::Normal && !self.is_primary() && current <= self.view;
        if follows && self.env.now().since(self.primary_heard) < RELAY {
            // The voter does not hear the primary, and we do. While that lasts it learns from us what it misses.
            self.env.mark("view relayed by a backup");
            self.send(from, &self.start_view());
        }
        let from_primary = from == self.view.primary(self.config.replicas);
        if from_primary && view == self.view && current == self.view {
            // It is on its way too.
            self.primary_heard = self.env.now();
        }
        let primary_gives_up = from_primary && view > self.view;
        if primary_gives_up && self.status == Status::Normal && self.vote < view {
            self.on_vote_timeout();
        }
    }

    /// A backup has heard its primary, and is content.
    pub fn hear_primary(&mut self) {
        if self.status != Status::Normal {
            return;
        }
        assert!(!self.is_primary());
        assert!(self.patience >= PRIMARY_SILENCE, "patience is drawn when the view starts");
        let now = self.env.now();
        self.vote = self.view;
        self.primary_heard = now;
        self.timers.set(Timer::Vote, now + self.patience);
    }

    /// How long it bears the primary's silence in this view.
    pub fn draw_patience(&mut self) {
        assert_eq!(self.status, Status::Normal, "patience is for the primary of a running view");
        self.patience = PRIMARY_SILENCE + self.jitter(&PATIENCE, PRIMARY_SILENCE_JITTER);
        self.hear_primary();
    }

    fn jitter(&self, stream: &'static Kind, most: Duration) -> Duration {
        let drawn = Duration::from_nanos(self.env.random_below(stream, most.as_nanos() as u64 + 1));
        assert!(drawn <= most, "jitter has a bound");
        drawn
    }

    // Between views.

    /// Leaves the view, at once and for good.
    pub fn enter_view(&mut self, view: View) {
        assert!(view > self.view, "views only go up");
        assert!(self.log_view <= self.view);
        self.break_off_install();
        self.view = view;
        self.vote = self.vote.max(view);
        if !self.planted(Plant::StaleDvcCounted) {
            self.received.fill(None);
        }
        self.promised = false;
        self.abdicated = false;
        self.early.clear();
        self.may_ask_at_once();
        self.wait_for_view();
        self.save();
        self.advance();
    }

    pub fn wait_for_view(&mut self) {
        assert!(self.install.is_none());
        assert!(self.recovery.is_none(), "whoever recovers waits for no view");
        self.status = Status::ViewChange;
        self.timers.stop_all();
        self.primary_heard = self.env.now();
        self.rearm_view_change();
        self.timers.set(Timer::PromiseResend, self.env.now() + VOTE_RESEND);
        self.probe_role(Role::Between);
        // What is lacking here is lacking in every view.
        self.fetch();
    }

    pub fn rearm_view_change(&mut self) {
        assert_eq!(self.status, Status::ViewChange, "only a view that has not started can fail to");
        let least = VIEW_CHANGE_MIN.max(self.pace.saturating_mul(VIEW_CHANGE_PACES));
        let backoff = least.saturating_mul(1 << self.failures.min(8)).min(VIEW_CHANGE_MAX);
        let mut backoff = backoff + self.jitter(&BACKOFF, backoff / 4);
        if self.planted(Plant::ViewTimeoutNoBackoff) {
            backoff = VIEW_CHANGE_MIN;
        }
        assert!(backoff >= VIEW_CHANGE_MIN, "every view gets its chance");
        assert!(backoff <= longest_backoff(), "nobody waits without end");
        self.timers.set(Timer::ViewChange, self.env.now() + backoff);
    }

    pub fn on_view_change_timeout(&mut self) {
        assert_eq!(self.status, Status::ViewChange);
        self.failures += 1;
        self.rearm_view_change();
        self.raise_vote();
        self.say_vote();
        self.count_votes();
    }

    pub fn on_promise_resend_timeout(&mut self) {
        assert_eq!(self.status, Status::ViewChange);
        self.timers.set(Timer::PromiseResend, self.env.now() + VOTE_RESEND);
        let silence = self.env.now().since(self.primary_heard);
        let is_waiting = self.log_view < self.view && self.install.is_none() && !self.is_primary();
        if is_waiting && self.vote == self.view && silence > PRIMARY_SILENCE {
            // However slow its disk is, a primary that is on its way into this view would have said so.
            self.env.mark("view given up before it starts");
            self.raise_vote();
            self.count_votes();
        }
        // The vote goes along, because it tells those who are behind which view we are in.
        self.say_vote();
        if self.promised && self.install.is_none() && self.log_view < self.view && self.journal.is_idle() {
            self.say_promise();
        }
    }

    /// Takes every step towards the view's start that can be taken now.
    pub fn advance(&mut self) {
        while matches!(self.status, Status::ViewChange | Status::Recovering) && self.step() {}
    }

    /// One step; false if there is something to wait for.
    fn step(&mut self) -> bool {
        assert!(matches!(self.status, Status::ViewChange | Status::Recovering), "a running view needs no steps");
        // The log is neither promised nor cut while it is being written.
        if !self.journal.is_idle() || self.is_syncing() {
            return false;
        }
        if let Some(kept) = self.half_installed.take() {
            self.cut(kept);
            assert_eq!(self.log.op(), kept, "of a log that was begun nothing is left");
            self.answer_recoveries();
            // A log that was begun meanwhile may have stood on what is gone now, and then nobody has asked for it yet.
            self.fetch();
        }
        if self.install.as_ref().is_some_and(|install| install.kept.is_some()) {
            if !self.log.is_whole() {
                // What is below may have been lost here, and is not given up for the new view's sake.
                return false;
            }
            self.finish_install();
        }
        if self.install.is_some() {
            return self.promises.is_settled() && self.write_install();
        }
        if self.status == Status::Recovering {
            let has_recovered = self.recovery.is_none() && self.promises.is_settled();
            if has_recovered {
                self.end_recovery();
            }
            return has_recovered;
        }
        if self.log_view == self.view {
            if self.promises.is_settled() {
                self.begin_view();
            }
            return false;
        }
        if !self.promises.is_settled() && !self.planted(Plant::ViewNotDurableBeforeDvc) {
            return false;
        }
        self.promise();
        self.is_primary() && self.decide()
    }

    /// Our promise of this view is durable: it may be said.
    fn promise(&mut self) {
        assert!(self.log_view < self.view, "a view that has started needs no promise");
        assert!(self.install.is_none(), "what is decided needs no promise");
        let is_durable = self.promises.is_settled() || self.planted(Plant::ViewNotDurableBeforeDvc);
        assert!(is_durable, "a promise is durable before it is said");
        if !self.promised {
            self.promised = true;
            // What our own disk took is not held against the view.
            self.rearm_view_change();
            self.env.probe(Probe::Epoch { epoch: self.view.0, log_epoch: self.log_view.0 });
            self.say_promise();
        }
    }

    fn say_promise(&self) {
        assert_eq!(self.status, Status::ViewChange, "promises are for a view that has not started");
        assert!(self.promised);
        assert!(self.journal.is_idle());
        if !self.is_primary() {
            let Promise { log_view, lives, commit, log } = self.own_promise();
            let message = Message::DoViewChange { view: self.view, log_view, lives, commit, log };
            self.send(self.view.primary(self.config.replicas), &message);
        }
    }

    fn own_promise(&self) -> Promise {
        assert!(self.log_view < self.view, "nobody has the log of a view that has not started");
        let commit = self.log.place(self.commit).expect("what is executed is in the log, or its base");
        Promise { log_view: self.log_view, lives: self.lives, commit, log: self.log_end() }
    }

    // The new primary.

    pub fn on_do_view_change(&mut self, from: u16, view: View, promise: Promise) {
        self.note_vote(from, view);
        if view > self.view {
            self.enter_view(view);
        }
        if view < self.view || !self.is_primary() {
            return;
        }
        assert_eq!(view, self.view);
        if self.leads() && !self.abdicated {
            // It left for this view late, or has not heard of the start.
            self.heard_arriving(from);
            self.send(from, &self.start_view());
        } else if self.status == Status::ViewChange && self.log_view < self.view && self.install.is_none() {
            assert!(promise.log_view < view, "nobody has the log of a view that has not started");
            self.received[usize::from(from)] = Some(promise);
            self.advance();
        }
    }

    /// With promises of a quorum, our own among them, the view's log is known; unless an entry of it is lost that may have
    /// been committed. False if there is something to wait for.
    fn decide(&mut self) -> bool {
        assert!(self.is_primary());
        assert!(self.promised);
        self.forget_earlier_lives();
        let received = self.received.iter().flatten().count() as u16;
        if received + 1 < quorum::view_change(self.config.replicas) {
            return false;
        }
        let own = self.own_promise();
        let mut promises: Vec<(u16, &Promise)> = vec![(self.me, &own)];
        let received = self.received.iter().enumerate();
        promises.extend(received.filter_map(|(replica, promise)| Some((replica as u16, promise.as_ref()?))));
        let commit = promises.iter().map(|(_, promise)| promise.commit).max_by_key(|place| place.op);
        let commit = commit.expect("our own promise counts");
        // A log that does not go through what is known to be committed was given up long ago by everybody else.
        let eligible = promises.iter().copied().filter(|(_, promise)| promise.holds(commit));
        let best = eligible.max_by(|(_, one), (_, other)| self.compare(one, other));
        let (source, best) = best.expect("whoever knows what is committed has it");
        assert!(best.log_view < self.view, "nobody has the log of a view that has not started");
        assert!(best.holds(commit), "the chosen log goes through what is committed");
        let longest = promises.iter().map(|(_, promise)| promise.log.head.op).max();
        let is_shorter = Some(best.log.head.op) < longest;
        let all: Vec<&Promise> = promises.iter().map(|(_, promise)| *promise).collect();
        let decided = choice::head(self.config.replicas, commit, best, &all);
        let pool = promises.iter().flat_map(|(_, promise)| promise.log.entries().cloned()).collect();
        let Some(head) = decided else {
            self.env.mark("view waits because nobody may deny");
            return false;
        };
        if is_shorter {
            self.env.mark("log view decided against length");
        }
        if head.op < best.log.head.op {
            self.env.mark("nack truncation");
        }
        assert!(head.op <= best.log.head.op, "nothing is added to the chosen log");
        assert!(commit.op <= head.op, "what is committed is in every log that can be chosen");
        self.received.fill(None);
        self.begin_install(source, self.view, commit.op, head, pool);
        true
    }

    /// Who has promised may know better than we which lives are over, and with them their promises.
    fn forget_earlier_lives(&mut self) {
        assert!(self.is_primary(), "promises are for the primary of the view");
        assert!(self.received[usize::from(self.me)].is_none(), "nobody sends itself a promise");
        for promise in self.received.iter().flatten() {
            recovery::learn(&mut self.lives, &promise.lives);
        }
        for (replica, promise) in self.received.iter_mut().enumerate() {
            if promise.take_if(|promise| promise.lives[replica] < self.lives[replica]).is_some() {
                self.env.mark("promise of an earlier life dropped");
            }
        }
    }

    /// Of two logs, which counts for a new view: that of the later view, and of the same view the longer.
    fn compare(&self, one: &Promise, other: &Promise) -> Ordering {
        if self.planted(Plant::LongestLogIgnoresLogView) {
            return one.log.head.op.cmp(&other.log.head.op);
        }
        (one.log_view, one.log.head.op).cmp(&(other.log_view, other.log.head.op))
    }
}
