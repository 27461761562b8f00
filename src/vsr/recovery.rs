//! Recovery of a replica whose disk is lost.
//!
//! After Liskov and Cowling 2012, section 4.3, with what disks add. Such a replica has forgotten what it promised and
//! acknowledged, and must not take part before it knows at least as much as it knew then. It formats its disk with a
//! note that it is recovering, and asks all others, under a nonce of this very boot:
//!
//! 1. Which *life* of mine is the newest that you know of? Of [`quorum::recovery`] answers it takes the newest, and one
//!    more: that is its life now.
//! 2. In this life: how does your view look? Each of the others makes the new life durable before it answers. So from then on it
//!    counts no promise and no acknowledgement of an earlier life any more.
//!
//! It takes on the log of the latest view among as many answers, if that view's primary is among them and the view is
//! running there; or, if everybody has answered, the best of all logs, as a new view would. Only when that log is durable,
//! together with a superblock that no longer says "recovering", does it take part.
//!
//! # Why that is enough
//!
//! What it promised: a view that started had promises of a view-change quorum, so at least `view_change - 1` of the others had
//! made it durable, and one of them is among any `n - view_change + 1` answers. So the latest view among the answers is no
//! earlier than any that had started. A promise of a view that had *not* started is still on its way at worst; it is of an earlier
//! life, and of the others who are counted with it one had answered, and says so with its own promise.
//!
//! What it acknowledged: the primary of that view prepared it before, so its log has it if the view is still running. If a
//! later one is, the argument of every view change holds: of those who held the entry one was counted. If nobody leads, all others
//! have answered, and a view that starts afterwards may do without what the best log has; but none of them was in that view yet, so
//! this replica had acknowledged nothing in it. What is committed then goes on, and the rest of that log need not come any more.
//!
//! The primary may be out of its reach, and in office all the same. So backups pass questions on to their primary, and answers
//! back.
//!
//! Whoever loses its disk again meanwhile begins anew: a life that was taken and never finished has said nothing.

use crate::base::{Kind, Role};

use super::config::RECOVERY_RETRY;
use super::disk::superblock::LIVES;
use super::entry::{Entry, View};
use super::message::{LogEnd, Message};
use super::quorum;
use super::replica::{Replica, Status};
use super::timers::Timer;

static NONCE: Kind = Kind::new("recovery-nonce", &[]);

/// How far a recovery is.
#[derive(Debug)]
pub(super) struct Recovery {
    /// Tells the answers to this boot's questions from those to an earlier one's.
    nonce: u64,
    /// The life it takes; none before it is known which were lived.
    life: Option<u32>,
    /// What the others have answered: first which lives they know, then how they are in this one.
    answers: Vec<Option<Answer>>,
}

/// What another replica has answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// The newest life that it knows of each replica, the asker's durably.
    pub lives: [u32; LIVES],
    /// The view it is in.
    pub view: View,
    /// The view whose log its log is.
    pub log_view: View,
    /// Whether it is the primary of that view, and the view is running.
    pub leads: bool,
    /// Everything up to here is committed.
    pub commit: u64,
    /// The end of its log.
    pub log: LogEnd,
}

/// What one that recovers has asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Owed {
    nonce: u64,
    /// Who brought the question, and takes the answer.
    via: u16,
}

/// Of each replica the newer life.
pub(super) fn learn(known: &mut [u32; LIVES], lives: &[u32; LIVES]) {
    known.iter_mut().zip(lives).for_each(|(known, life)| *known = (*known).max(*life));
}

impl Replica {
    // The one that has lost its disk.

    pub fn begin_recovery(&mut self) {
        assert_eq!(self.log.op(), 0, "a lost disk has no log");
        assert!(self.config.replicas > 1, "nobody is left to recover from");
        assert!(self.install.is_none() && !self.promised, "nothing was done before");
        let answers = vec![None; usize::from(self.config.replicas)];
        self.recovery = Some(Recovery { nonce: self.env.random(&NONCE), life: None, answers });
        self.status = Status::Recovering;
        self.probe_role(Role::Between);
        self.env.mark("recovery begun");
        self.on_recovery_timeout();
    }

    /// Asks, for the first time or again.
    pub fn on_recovery_timeout(&mut self) {
        assert_eq!(self.status, Status::Recovering);
        assert!(self.config.replicas > 1, "there is somebody to ask");
        let Some(Recovery { nonce, life, .. }) = &self.recovery else { return };
        let (asker, nonce, life) = (self.me, *nonce, life.unwrap_or(0));
        self.broadcast(&Message::Recovery { asker, nonce, life });
        self.timers.set(Timer::Recovery, self.env.now() + RECOVERY_RETRY);
    }

    pub fn on_recovery_response(&mut self, asker: u16, from: u16, nonce: u64, answer: Answer) {
        if asker != self.me {
            // We had passed the question on.
            return self.pass_on(asker, &Message::RecoveryResponse { asker, replica: from, nonce, answer });
        }
        if from == self.me || from >= self.config.replicas {
            return;
        }
        let (enough, life) = (usize::from(quorum::recovery(self.config.replicas)), answer.lives[usize::from(self.me)]);
        let Some(recovery) = self.recovery.as_mut().filter(|recovery| recovery.nonce == nonce) else { return };
        // Who knows of a later life than ours had it from a boot that did not finish. Then ours is the one after that.
        let is_later = recovery.life.is_some_and(|ours| life > ours);
        if recovery.life.is_none() {
            recovery.answers[usize::from(from)] = Some(answer.clone());
            if recovery.answers.iter().flatten().count() < enough {
                return;
            }
        } else if recovery.life != Some(life) && !is_later {
            return;
        }
        if recovery.life.is_none() || is_later {
            let me = usize::from(self.me);
            let lives = recovery.answers.iter().flatten().map(|answer| answer.lives[me]);
            let newest = lives.chain([life]).max().expect("one has just come");
            recovery.life = Some(newest + 1);
            assert!(newest + 1 > life, "a new life is later than any that is known");
            recovery.answers.fill(None);
            self.lives[me] = newest + 1;
            return self.on_recovery_timeout();
        }
        assert_eq!(recovery.life, Some(life));
        // Whose lives are over was forgotten with the disk, too.
        learn(&mut self.lives, &answer.lives);
        let known = &mut recovery.answers[usize::from(from)];
        if known.as_ref().is_none_or(|known| known.view <= answer.view) {
            *known = Some(answer);
        }
        self.take_on_log();
    }

    /// Takes on the log that the answers come to, if they do.
    fn take_on_log(&mut self) {
        let Some((source, Answer { log_view, leads, commit, log, .. }, latest)) = self.chosen_answer() else { return };
        // What nobody leads is begun in a view of its own: in the latest, the primary may have been ourselves.
        let view = if leads { latest } else { latest.next() };
        if self.install.is_some() && view <= self.view {
            return;
        }
        assert!(log_view <= view);
        assert!(view >= self.view, "views only go up");
        self.break_off_install();
        self.view = view;
        let pool: Vec<Entry> = log.entries().cloned().collect();
        self.begin_install(source, log_view, commit, log.head, pool);
        self.advance();
    }

    /// Whose answer counts, with the latest view of all.
    fn chosen_answer(&self) -> Option<(u16, Answer, View)> {
        let recovery = self.recovery.as_ref()?;
        let answers = || (0u16..).zip(&recovery.answers).filter_map(|(from, answer)| Some((from, answer.as_ref()?)));
        let count = answers().count() as u16;
        assert!(count < self.config.replicas, "nobody answers itself");
        assert!(recovery.answers[usize::from(self.me)].is_none(), "nobody answers itself");
        let latest = answers().map(|(_, answer)| answer.view).max()?;
        if count >= quorum::recovery(self.config.replicas)
            && let Some((from, answer)) = answers().find(|(_, answer)| answer.leads && answer.view == latest)
        {
            return Some((from, answer.clone(), latest));
        }
        // What somebody is in doubt about may have been acknowledged, and by nobody else but us.
        if count + 1 < self.config.replicas || answers().any(|(_, answer)| answer.log.doubt > 0) {
            return None;
        }
        let (from, best) = answers().max_by_key(|(_, answer)| (answer.log_view, answer.log.head.op))?;
        Some((from, best.clone(), latest))
    }

    /// That we have recovered is durable.
    pub fn end_recovery(&mut self) {
        assert_eq!(self.status, Status::Recovering);
        assert!(self.recovery.is_none() && self.install.is_none());
        self.env.mark("recovery done");
        self.probe_head();
        self.timers.stop(Timer::Recovery);
        self.vote = self.view;
        self.wait_for_view();
    }

    // The others.

    pub fn on_recovery(&mut self, via: u16, asker: u16, nonce: u64, life: u32) {
        if asker == self.me || asker >= self.config.replicas {
            return;
        }
        let known = self.lives[usize::from(asker)];
        self.owed[usize::from(asker)] = Some(Owed { nonce, via });
        if life > known {
            self.lives[usize::from(asker)] = life;
            self.save();
        }
        assert!(self.lives[usize::from(asker)] >= life, "lives only go up");
        self.answer_recoveries();
        let primary = self.view.primary(self.config.replicas);
        if via == asker && self.status == Status::Normal && !self.is_primary() && primary != asker {
            self.pass_on(primary, &Message::Recovery { asker, nonce, life });
        }
    }

    /// A question or an answer of two others, one of whom may not reach the other.
    fn pass_on(&self, to: u16, message: &Message) {
        if to != self.me && to < self.config.replicas {
            self.send(to, message);
        }
    }

    /// Answers those who have asked, once what we know of their lives is durable.
    pub fn answer_recoveries(&mut self) {
        // Of a log that is two at the moment nothing could be said that is true of one view. Later there will be.
        if !self.promises.is_settled() || self.status == Status::Recovering || self.is_mixed() {
            return;
        }
        for peer in self.peers() {
            let Some(Owed { nonce, via }) = self.owed[usize::from(peer)].take() else { continue };
            let answer = Answer {
                lives: self.lives,
                view: self.view,
                log_view: self.log_view,
                leads: self.leads() && !self.abdicated,
                commit: self.commit,
                log: self.log_end(),
            };
            assert_ne!(peer, self.me, "nobody asks itself");
            assert!(!answer.leads || answer.log_view == answer.view);
            self.send(via, &Message::RecoveryResponse { asker: peer, replica: self.me, nonce, answer });
        }
    }

    /// An acknowledgement, or a promise, of an earlier life than the newest known counts no more.
    pub fn is_of_an_earlier_life(&mut self, from: u16, life: u32) -> bool {
        assert_ne!(from, self.me, "we know our own life");
        let known = &mut self.lives[usize::from(from)];
        *known = life.max(*known);
        assert!(*known >= life, "lives only go up");
        life < *known
    }
}
