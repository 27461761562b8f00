//! Checkpoints of the state: taken, written, named; and those of others, where ours is too far behind.
//!
//! At every so many ops the state is worth a checkpoint: what the service and the sessions are when exactly that op was
//! executed. It is the same, byte for byte, on every replica that takes it. Once the entry of that op is durable the
//! checkpoint is written, then a superblock that names it, and only then may the journal's slots be used again
//! ([`Checkpoints`](super::disk::Checkpoints)).
//!
//! A replica that lacks entries which the others have only in a checkpoint takes the checkpoint itself, piece by piece. From
//! there on its log begins: what is covered is committed, so no log that could still be chosen has anything else there.
//! But the log's view stays what it was. That of a later view may begin with more than the checkpoint covers, and to claim
//! it one must have all that it begins with (Vanlightly's counterexample to the state transfer of the paper, 2022).

use bytes::{Buf, BufMut, Bytes};

use crate::base::{Checksum, Probe};

use super::config::PIECE;
use super::disk::Checkpoint;
use super::entry::{Entry, Place, View};
use super::message::Message;
use super::plant::Plant;
use super::replica::{Replica, Status};
use super::sessions::Sessions;

/// The state after some op.
#[derive(Clone, Debug)]
pub(super) struct Snapshot {
    pub place: Place,
    /// Of the entry there.
    pub timestamp: u64,
    /// Sessions and service; see [`Replica::content_of_state`].
    pub content: Bytes,
    /// It came from another replica, and our state is not that far.
    pub foreign: bool,
}

/// A checkpoint on its way to us.
#[derive(Debug)]
pub(super) struct Transfer {
    pub checkpoint: Checkpoint,
    pub received: Vec<u8>,
    /// Whom we ask.
    pub source: u16,
}

impl Replica {
    // Our own.

    /// The state as bytes: the sessions, then the service's snapshot.
    fn content_of_state(&self) -> Bytes {
        let mut buffer = Vec::new();
        self.sessions.encode(&mut buffer);
        buffer.put_slice(&self.service.snapshot());
        buffer.into()
    }

    /// Takes on the state in a checkpoint's content, which covers everything up to a place.
    pub fn take_on(&mut self, content: &Bytes, place: Place) {
        assert!(place.op > self.commit || self.lacks_state, "nobody goes back");
        let mut rest = content.clone();
        let sessions = Sessions::decode(self.config.sessions, &mut rest);
        self.sessions = sessions.expect("a checkpoint whose checksum is right holds what was put in");
        assert!(self.service.restore(rest.chunk()), "so does the service's part of it");
        (self.commit, self.commit_known) = (place.op, self.commit_known.max(place.op));
        self.lacks_state = false;
        assert!(self.commit_known >= self.commit, "what is executed is known to be committed");
        if self.leads() {
            self.note_pipeline();
        }
        self.env.probe(Probe::Committed { epoch: self.view.0, index: place.op, digest: place.checksum });
        self.probe_applied(place.op);
    }

    /// An entry was executed: perhaps the state is worth a checkpoint now. A newer one takes the place of one whose turn has
    /// not come.
    pub fn take_snapshot(&mut self, entry: &Entry) {
        assert_eq!(entry.op(), self.commit, "it was executed just now");
        // Half a ring, so that there is room while it is being written.
        let slots = self.journal.ring().slots();
        assert!(!self.lacks_state, "without the state there is nothing to keep");
        let mut is_due = entry.op().is_multiple_of(slots / 2);
        if self.planted(Plant::WalFullDeadlock) {
            is_due = entry.op() > self.log.base().op + slots;
        }
        if !is_due {
            return;
        }
        let (place, timestamp) = (entry.place(), entry.header().timestamp);
        self.snapshot = Some(Snapshot { place, timestamp, content: self.content_of_state(), foreign: false });
    }

    /// Hands the newest snapshot to the writer, if its turn has come: one checkpoint at a time, and of entries that are
    /// durable, because their slots are given away afterwards.
    pub fn write_snapshot(&mut self) {
        let may = |snapshot: &Snapshot| match snapshot.foreign {
            true => self.journal.is_idle() && self.promises.is_settled() && self.half_installed.is_none(),
            false => snapshot.place.op <= self.journal.durable(),
        };
        if !self.checkpoints.is_idle() || !self.snapshot.as_ref().is_some_and(may) {
            return;
        }
        let snapshot = self.snapshot.take().expect("it was looked at a line ago");
        if !self.is_news(snapshot.place.op) {
            return;
        }
        assert!(self.written.is_none(), "one checkpoint at a time");
        self.checkpoints.write(snapshot.place, snapshot.timestamp, &snapshot.content);
        if self.planted(Plant::WalReusedBeforeCheckpointDurable) {
            self.journal.free(snapshot.place.op);
        }
        self.written = Some(snapshot);
    }

    /// Its content is durable: the superblock may name it.
    pub fn on_checkpoint_written(&mut self, checkpoint: Checkpoint) {
        let written = self.written.as_ref().expect("what was written was handed over");
        assert_eq!(written.place, checkpoint.place);
        assert!(checkpoint.place.op >= self.checkpoint.place.op, "checkpoints do not go back");
        self.checkpoints.on_written(&checkpoint);
        self.checkpoint = checkpoint;
        let keeps = self.log.holds(checkpoint.place) && self.log_head.op > checkpoint.place.op;
        if written.foreign && !keeps {
            // The disk vouches for a log that goes through the checkpoint, and no longer for what ours has in its place.
            self.log_head = checkpoint.place;
        }
        if written.foreign && !self.log.holds(checkpoint.place) {
            // A log of the view that is running is a beginning of what the checkpoint covers. An older one may have more, or
            // other entries, and the later view does without them.
            let base = self.log.base().op;
            if self.log_view < self.view && self.log.op() > base {
                self.say_truncated(base);
            }
        }
        self.save();
    }

    /// Whether a checkpoint up to this op is more than we have: a later one, or the very one that has decayed here.
    fn is_news(&self, op: u64) -> bool {
        let base = self.log.base().op;
        op > base || self.lacks_state && op == base
    }

    /// A superblock that names the checkpoint is durable: the log begins behind it.
    pub fn adopt_checkpoint(&mut self) {
        if !self.checkpoints.awaits_name() {
            return;
        }
        let Snapshot { place, timestamp, content, foreign } = self.written.take().expect("it was written");
        assert_eq!(place, self.checkpoint.place);
        self.checkpoints.on_named(&self.checkpoint);
        self.content = content.clone();
        if foreign && !self.log.holds(place) {
            self.give_up_log();
        }
        if foreign && place.op >= self.log.op() + self.journal.ring().slots() {
            self.env.mark("ring or more behind");
        }
        self.journal.free(place.op);
        self.log.rebase(place, timestamp);
        assert_eq!(self.log.base(), place, "the log begins at the checkpoint that counts");
        if foreign {
            self.transfer = None;
            // Meanwhile what was lacking may have come, and then our state is further.
            if place.op > self.commit || self.lacks_state {
                self.take_on(&content, place);
            }
            self.probe_head();
            self.restage(place);
            self.env.mark("state sync done");
        } else {
            self.env.mark("checkpoint taken");
            if self.status == Status::ViewChange {
                self.env.mark("checkpoint while view change");
            }
        }
        self.append_early();
        self.write_snapshot();
        self.commit_up_to(self.commit_known);
        self.fetch();
    }

    /// Our log does not go through what is committed, or does not get there: all of it is given up.
    fn give_up_log(&mut self) {
        assert!(self.journal.is_idle());
        let base = self.log.base().op;
        self.journal.cut(base);
        self.log.cut(base);
        assert_eq!(self.log.op(), base, "nothing of it is left");
    }

    /// Whether another replica's checkpoint is about to take the place of our log, which must not change meanwhile.
    pub fn is_syncing(&self) -> bool {
        self.written.as_ref().is_some_and(|written| written.foreign)
    }

    // Those of others.

    /// Whether we lack something that a checkpoint of this place covers.
    fn lacks(&self, place: Place) -> bool {
        if self.lacks_state && place.op >= self.log.base().op {
            return true;
        }
        if place.op <= self.commit || place.op <= self.log.base().op {
            return false;
        }
        let hole = self.log.first_missing().is_some_and(|op| op <= place.op);
        let install = self.install.as_ref().is_some_and(|install| {
            install.kept.is_none() && install.needed.op <= place.op && !self.log.holds(install.needed)
        });
        // Our ring is full of what we know to be committed and of what is to be installed.
        let full = self.install.as_ref().is_some_and(|install| self.has_no_room_for(install));
        let behind = self.status == Status::Normal && !self.is_primary() && self.log.op() < place.op;
        hole || install || full || behind
    }

    /// Our own checkpoint has decayed: asks for it, or for a later one.
    pub fn want_state(&mut self) {
        if self.lacks_state && self.transfer.is_none() {
            let source = self.fetch_from;
            assert!(self.checkpoint.place.op > 0, "the state before op 1 cannot be lost");
            assert_eq!(self.checkpoint.place, self.log.base(), "the log begins at the checkpoint that counts");
            self.transfer = Some(Transfer { checkpoint: self.checkpoint, received: Vec::new(), source });
        }
    }

    /// Another replica, whose log is that of `log_view`, has a checkpoint.
    ///
    /// What it covers is committed, so it is in the log of every view from `log_view` on; but not in those of earlier ones, which may
    /// have other entries there. Whoever is still in one of these has to leave it first.
    pub fn on_checkpointed(&mut self, from: u16, log_view: View, checkpoint: Checkpoint) {
        if self.status != Status::Recovering {
            self.note_vote(from, log_view);
        }
        if self.status == Status::Normal && log_view > self.view {
            self.env.mark("checkpoint of a later view waits");
            return self.request_start_view(log_view);
        }
        let op = checkpoint.place.op;
        let coming = self.transfer.as_ref().map_or(0, |transfer| transfer.checkpoint.place.op);
        let waiting = self.snapshot.as_ref().map_or(0, |snapshot| snapshot.place.op);
        // Whom we ask for one and who has an older one is within reach; who has the later one perhaps is not.
        let is_asked = self.transfer.as_ref().is_some_and(|transfer| transfer.source == from);
        if op <= waiting || op == coming || op < coming && !is_asked || self.is_syncing() {
            return;
        }
        if !self.lacks(checkpoint.place) {
            let is_own = self.lacks_state && coming == self.log.base().op;
            if !is_own && self.transfer.take().is_some() {
                // What we were asking for is not to be had. Something else is, of whoever has come no further than that.
                self.want_state();
                self.fetch();
            }
            return;
        }
        assert!(checkpoint.place.op > self.commit || self.lacks_state);
        assert_ne!(from, self.me, "nobody asks itself");
        self.env.mark("checkpoint asked for");
        self.transfer = Some(Transfer { checkpoint, received: Vec::new(), source: from });
        self.fetch();
    }

    pub fn on_get_checkpoint(&mut self, from: u16, view: View, op: u64, offset: u64) {
        self.note_vote(from, view);
        let named = *self.checkpoints.named();
        if named.place.op == 0 || self.lacks_state {
            return;
        }
        if named.place.op != op {
            return self.send(from, &Message::Checkpointed { log_view: self.log_view, checkpoint: named });
        }
        assert_eq!(named.length, self.content.len() as u64);
        let first = offset.min(named.length) as usize;
        let last = named.length.min(offset.saturating_add(PIECE)) as usize;
        assert!(first <= last, "a piece has a beginning and an end");
        assert!((last - first) as u64 <= PIECE, "a piece fits into a message");
        self.send(from, &Message::CheckpointPiece { op, offset, bytes: self.content.slice(first..last) });
    }

    pub fn on_checkpoint_piece(&mut self, op: u64, offset: u64, bytes: &Bytes) {
        let is_syncing = self.is_syncing();
        let Some(Transfer { checkpoint, received, .. }) = &mut self.transfer else { return };
        let left = checkpoint.length - received.len() as u64;
        let fits = offset == received.len() as u64 && bytes.len() as u64 == left.min(PIECE);
        if checkpoint.place.op != op || !fits || is_syncing {
            return;
        }
        received.extend_from_slice(bytes);
        assert!(received.len() as u64 <= checkpoint.length);
        if (received.len() as u64) < checkpoint.length {
            return self.fetch();
        }
        let (checkpoint, content) = (*checkpoint, Bytes::from(std::mem::take(received)));
        self.transfer = None;
        if Checksum::of(&content) != checkpoint.checksum {
            // Damaged where it came from. It will be offered again.
            self.env.mark("checkpoint of another refused");
            return self.want_state();
        }
        let Checkpoint { place, timestamp, .. } = checkpoint;
        assert_eq!(content.len() as u64, checkpoint.length, "all of it is here");
        if self.lacks(place) {
            assert!(place.op > self.commit || self.lacks_state, "nobody goes back");
            self.snapshot = Some(Snapshot { place, timestamp, content, foreign: true });
            self.write_snapshot();
        }
    }
}
