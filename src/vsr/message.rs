//! What replicas and clients say to each other, and what each message is called in traces.

use bytes::Bytes;

use crate::base::{Kind, Label};

use super::config::{CHUNK, PIECE};
use super::disk::superblock::LIVES;
use super::disk::{Checkpoint, Position};
use super::entry::{Entry, Place, View};
use super::quorum::REPLICAS_MAX;
use super::recovery::Answer;

/// A message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Message {
    /// A client asks.
    Request {
        /// The client's session, or the identity under which it registers.
        client: u64,
        /// The number of its request, from 1; 0 registers it.
        request: u64,
        /// What it asks for; only the service understands it.
        body: Bytes,
    },
    /// A primary answers.
    Reply {
        /// The primary's view, from which the client learns whom to ask next.
        view: View,
        /// To whom.
        client: u64,
        /// Which request.
        request: u64,
        /// The service's answer.
        body: Bytes,
    },
    /// A replica says that a session has ended: it had not been used for longer than any other, and room was needed.
    Evicted {
        /// Which.
        client: u64,
    },
    /// The primary of `view` puts an entry into the log of that view.
    Prepare {
        /// The view it is prepared in now; the entry may be older.
        view: View,
        /// Everything up to here is committed.
        commit: u64,
        /// The entry.
        entry: Entry,
    },
    /// "Everything up to here is durable in my log of this view."
    PrepareOk {
        /// The view.
        view: View,
        /// The sender's life; see [`recovery`](super::recovery).
        life: u32,
        /// Up to here.
        place: Place,
    },
    /// The primary's heartbeat: "everything up to here is committed".
    Commit {
        /// The view.
        view: View,
        /// Up to here.
        place: Place,
    },
    /// A vote to leave all views before `view`. Not a promise: the voter has not left its own view yet.
    StartViewChange {
        /// The view voted for.
        view: View,
        /// The view the voter is in.
        current: View,
    },
    /// The promise never again to act in a view before `view`, with the log to start it from.
    DoViewChange {
        /// The view promised.
        view: View,
        /// The last view whose log this is.
        log_view: View,
        /// The newest life that the sender knows of each replica; its own is the one it promises in.
        lives: [u32; LIVES],
        /// Everything up to here is committed.
        commit: Place,
        /// The end of the log.
        log: LogEnd,
    },
    /// The primary of `view` says with which log it starts.
    StartView {
        /// The view.
        view: View,
        /// Everything up to here is committed.
        commit: u64,
        /// The end of the log.
        log: LogEnd,
    },
    /// A replica that has seen signs of `view` asks its primary for a [`Message::StartView`].
    RequestStartView {
        /// The view.
        view: View,
    },
    /// A replica whose disk is lost asks how matters stand.
    Recovery {
        /// Who. A backup passes the question on to its primary, which may be out of the asker's reach.
        asker: u16,
        /// Comes back with the answer.
        nonce: u64,
        /// The life it has taken; 0 while it asks which ones there were.
        life: u32,
    },
    /// The answer.
    RecoveryResponse {
        /// Who had asked.
        asker: u16,
        /// Who answers.
        replica: u16,
        /// That of the question.
        nonce: u64,
        /// How matters stand.
        answer: Answer,
    },
    /// A replica asks for entries.
    GetEntries {
        /// The view the asker is in.
        view: View,
        /// The first op wanted.
        from: u64,
        /// The last op wanted.
        to: u64,
    },
    /// "Everything up to here is in my checkpoint, and I have no entries of it any more."
    Checkpointed {
        /// The view whose log the sender has.
        log_view: View,
        /// The checkpoint. In which area it lies is the sender's business.
        checkpoint: Checkpoint,
    },
    /// A replica asks for a piece of a checkpoint's content.
    GetCheckpoint {
        /// The view the asker is in.
        view: View,
        /// The op of the checkpoint.
        op: u64,
        /// From which byte on.
        offset: u64,
    },
    /// A piece of a checkpoint's content.
    CheckpointPiece {
        /// The op of the checkpoint.
        op: u64,
        /// Where the piece begins.
        offset: u64,
        /// The piece.
        bytes: Bytes,
    },
    /// Entries that somebody asked for, in order, without holes.
    Entries {
        /// The view whose log they are taken from.
        log_view: View,
        /// The entries.
        entries: Vec<Entry>,
    },
}

/// Where a log ends, and what leads there; at least all that may be uncommitted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogEnd {
    /// The last place that is certain.
    pub head: Place,
    /// Of how many ops after it the sender does not know whether they were ever in its log.
    pub doubt: u64,
    /// The last positions, in order, up to the head: entries, and what is left of those whose bytes are lost. May be none.
    pub suffix: Vec<Position>,
}

impl LogEnd {
    /// Whether the positions lead to the head, each to the next. Checked of everything that comes from outside.
    pub fn is_sound(&self) -> bool {
        let follows = |pair: &[Position]| {
            let (below, above) = (&pair[0], &pair[1]);
            below.op() + 1 == above.op() && above.parent().is_none_or(|parent| below.checksum() == Some(parent))
        };
        let ends = |last: &Position| last.op() == self.head.op && last.checksum() == Some(self.head.checksum);
        let is_sound =
            self.suffix.windows(2).all(follows) && self.suffix.last().is_none_or(ends) && self.doubt <= CHUNK;
        if let (true, Some(first), Some(last)) = (is_sound, self.suffix.first(), self.suffix.last()) {
            assert_eq!(last.op() - first.op(), self.suffix.len() as u64 - 1, "positions come in order, without gaps");
            assert!(first.op() <= self.head.op, "a suffix leads to the head");
        }
        is_sound
    }

    /// The entries that are there.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        assert!(self.suffix.len() as u64 <= CHUNK, "the end of a log fits into a message");
        self.suffix.iter().filter_map(|position| match position {
            Position::Here(entry) => Some(entry),
            Position::Missing(_) => None,
        })
    }

    /// What stands at an op, as far as the suffix goes.
    pub fn at(&self, op: u64) -> Option<&Position> {
        let first = self.suffix.first()?.op();
        let position = self.suffix.get(usize::try_from(op.checked_sub(first)?).ok()?)?;
        assert_eq!(position.op(), op, "positions come in order, without gaps");
        assert!(op <= self.head.op, "the suffix ends with the head");
        Some(position)
    }
}

/// Whether each entry follows the one before it.
pub fn is_chain(entries: &[Entry]) -> bool {
    let is_chain = entries.windows(2).all(|pair| pair[1].before() == pair[0].place());
    if let (true, Some(first), Some(last)) = (is_chain, entries.first(), entries.last()) {
        assert!(first.op() > 0, "ops count from 1");
        assert_eq!(last.op() - first.op(), entries.len() as u64 - 1, "each has the op after that of the one before");
    }
    is_chain
}

static REQUEST: Kind = Kind::new("Request", &["n"]);
static REPLY: Kind = Kind::new("Reply", &["n"]);
static EVICTED: Kind = Kind::new("Evicted", &[]);
static PREPARE: Kind = Kind::new("Prepare", &["v", "op"]);
static PREPARE_OK: Kind = Kind::new("PrepareOk", &["v", "op"]);
static COMMIT: Kind = Kind::new("Commit", &["v", "op"]);
static START_VIEW_CHANGE: Kind = Kind::new("StartViewChange", &["v"]);
static DO_VIEW_CHANGE: Kind = Kind::new("DoViewChange", &["v"]);
static START_VIEW: Kind = Kind::new("StartView", &["v"]);
static REQUEST_START_VIEW: Kind = Kind::new("RequestStartView", &["v"]);
static GET_ENTRIES: Kind = Kind::new("GetEntries", &["v", "op"]);
static CHECKPOINTED: Kind = Kind::new("Checkpointed", &["op"]);
static GET_CHECKPOINT: Kind = Kind::new("GetCheckpoint", &["op", "at"]);
static CHECKPOINT_PIECE: Kind = Kind::new("CheckpointPiece", &["op", "at"]);
static RECOVERY: Kind = Kind::new("Recovery", &["life"]);
static RECOVERY_RESPONSE: Kind = Kind::new("RecoveryResponse", &["v"]);
static ENTRIES: Kind = Kind::new("Entries", &["v", "op"]);

impl Message {
    /// Asserts what holds of every message that somebody sends: most of it because its reader would refuse it otherwise. Of
    /// what is only passed on for others, no more than what a reader has seen to already.
    pub(super) fn check(&self) {
        match self {
            Message::StartViewChange { view, current } => {
                assert!(current <= view, "nobody votes for a view before its own");
            }
            Message::DoViewChange { view, log_view, commit, log, .. } => {
                assert!(log_view < view, "a promise comes before the log of its view");
                assert!(commit.op <= log.head.op, "what is executed is in the log");
            }
            Message::StartView { commit, log, .. } => {
                assert!(*commit <= log.head.op, "what is executed is in the log");
            }
            Message::Recovery { asker, .. } => assert!(*asker < REPLICAS_MAX, "a replica asks"),
            Message::RecoveryResponse { asker, replica, answer, .. } => {
                assert!(*asker < REPLICAS_MAX && *replica < REPLICAS_MAX, "a replica answers a replica");
                assert!(answer.log_view <= answer.view, "nobody has the log of a view that is still to come");
                assert!(!answer.leads || answer.log_view == answer.view, "a view runs on its own log");
            }
            Message::GetEntries { from, to, .. } => {
                assert!(from <= to, "whoever lacks nothing does not ask");
                assert!(to - from < CHUNK, "no more is asked for than a message carries");
            }
            Message::Entries { entries, .. } => assert!(!entries.is_empty(), "whoever has nothing says nothing"),
            Message::GetCheckpoint { op, .. } => assert!(*op > 0, "that which covers nothing is not asked for"),
            Message::CheckpointPiece { bytes, .. } => assert!(bytes.len() as u64 <= PIECE, "no piece is longer"),
            Message::PrepareOk { place, .. } | Message::Commit { place, .. } => {
                assert!(place.op > 0 || *place == Place::default(), "nothing has a checksum before op 1");
            }
            Message::Request { .. } | Message::Reply { .. } | Message::Evicted { .. } | Message::Prepare { .. } => {}
            Message::RequestStartView { .. } | Message::Checkpointed { .. } => {}
        }
    }

    /// Whether a replica that has lost its disk listens to it.
    pub fn helps_recovery(&self) -> bool {
        let pieces = matches!(self, Message::Checkpointed { .. } | Message::CheckpointPiece { .. });
        pieces || matches!(self, Message::RecoveryResponse { .. } | Message::Entries { .. })
    }

    /// What the message is called.
    pub fn label(&self) -> Label {
        match self {
            Message::Request { request, .. } => REQUEST.label([*request]),
            Message::Reply { request, .. } => REPLY.label([*request]),
            Message::Evicted { .. } => EVICTED.label([]),
            Message::Prepare { view, entry, .. } => PREPARE.label([view.0, entry.op()]),
            Message::PrepareOk { view, place, .. } => PREPARE_OK.label([view.0, place.op]),
            Message::Commit { view, place } => COMMIT.label([view.0, place.op]),
            Message::StartViewChange { view, .. } => START_VIEW_CHANGE.label([view.0]),
            Message::DoViewChange { view, .. } => DO_VIEW_CHANGE.label([view.0]),
            Message::StartView { view, .. } => START_VIEW.label([view.0]),
            Message::RequestStartView { view } => REQUEST_START_VIEW.label([view.0]),
            Message::GetEntries { view, from, .. } => GET_ENTRIES.label([view.0, *from]),
            Message::Checkpointed { checkpoint, .. } => CHECKPOINTED.label([checkpoint.place.op]),
            Message::GetCheckpoint { op, offset, .. } => GET_CHECKPOINT.label([*op, *offset]),
            Message::CheckpointPiece { op, offset, .. } => CHECKPOINT_PIECE.label([*op, *offset]),
            Message::Recovery { life, .. } => RECOVERY.label([u64::from(*life)]),
            Message::RecoveryResponse { answer, .. } => RECOVERY_RESPONSE.label([answer.view.0]),
            Message::Entries { log_view, entries } => ENTRIES.label([log_view.0, entries.first().map_or(0, Entry::op)]),
        }
    }
}
