//! The promises on disk, and which checkpoint counts.
//!
//! The file `superblock` has four sectors of 512 bytes, each with a copy. A new state is written to copies 0 and 1, which
//! are synced, and then to copies 2 and 3, which are synced; only then is it *durable* and may be acted upon. So a crash
//! tears at most one pair, and never both copies of the state before.
//!
//! Layout of a copy, little endian:
//!
//! | bytes | what |
//! |---|---|
//! | 0..16 | head seal: checksum of bytes 16 to 496 |
//! | 16..24 | the letters `vsrsuper` |
//! | 24..32 | cluster |
//! | 32..40 | number of the replica |
//! | 40..48 | number of the copy |
//! | 48..56 | sequence number |
//! | 56..64 | view |
//! | 64..72 | log view |
//! | 72..80 | log head: op number |
//! | 80..96 | log head: checksum |
//! | 96..104 | commit |
//! | 104..112 | slots of the rings |
//! | 112..120 | checkpoint: op number |
//! | 120..136 | checkpoint: checksum of the entry |
//! | 136..144 | checkpoint: timestamp of the entry |
//! | 144..152 | checkpoint: area |
//! | 152..160 | checkpoint: length of the content |
//! | 160..176 | checkpoint: checksum of the content |
//! | 176..180 | life |
//! | 180..204 | lives of the replicas 0 to 5, 4 bytes each |
//! | 204..208 | 1 while the disk was lost and the replica has not recovered, 0 otherwise |
//! | 208..496 | zero |
//! | 496..512 | tail seal: the same as the head seal |
//!
//! # When a copy may be trusted
//!
//! A copy is *whole* if both its seals are right and it is in its place. Rot makes a copy not whole, and so does a torn
//! write; neither can make it whole and old. So without lies of the disk every whole copy is of the last durable state
//! or of a later one (one that was being written when a crash came, which the replica wanted and nobody has heard of).
//! Then the newest whole copy is right, even if it is the only one.
//!
//! A *lie* is a write that was acknowledged and never done, or done elsewhere. It leaves a copy whole and old. With at
//! most one lying copy:
//!
//! - Two whole copies: one of them does not lie, so the newest of them is the last durable state or a later one.
//! - One whole copy, of state s: it may be the liar. Then the others were of a later state k when they were damaged. What
//!   is left of them tells: a write that is torn leaves the beginning of the new bytes and the end of the old ones, and so
//!   the tail seal of what was there before, and mostly the head seal of what was being written. A copy with the head seal
//!   or the tail seal that state s has in that place *bears witness* that it was of state s, or was becoming so. Of the
//!   other copies the liar has none, because they were all of state k, and all that came later.
//!
//! So the newest whole copy is trusted if at least two copies are whole or bear witness to it, and otherwise the replica is
//! lost. A crash leaves two whole copies; a crash and a rotten copy leave one, and its witnesses.
//!
//! Should two whole copies of the newest sequence number differ, that which more copies hold counts, and none if there is
//! no such: a state whose write was interrupted, and not seen at the restart, can be followed by another of its number.

use bytes::{BufMut, Bytes};

use crate::base::Checksum;
use crate::vsr::entry::{Place, View};
use crate::vsr::quorum;

use super::ring::{OP_MAX, Ring, SECTOR_SIZE, SLOTS_MAX};

/// The name of the file.
pub const FILE: &str = "superblock";
/// Bytes of a copy.
pub const COPY_SIZE: usize = SECTOR_SIZE;
/// How many copies there are.
pub const COPIES: usize = 4;
/// The sequence number of a replica that has never written its superblock since it was formatted.
pub const SEQUENCE_FORMATTED: u64 = 1;
/// For how many replicas there is room.
pub const LIVES: usize = quorum::REPLICAS_MAX as usize;

const MAGIC: &[u8; 8] = b"vsrsuper";
const SEAL_SIZE: usize = 16;
const TAIL: usize = COPY_SIZE - SEAL_SIZE;
/// Where the lives of the replicas begin, and where the fields end.
const LIVES_BEGIN: usize = 180;
const FIELDS_END: usize = 208;

const _: () = assert!(LIVES_BEGIN + 4 * LIVES + 4 == FIELDS_END);
const _: () = assert!(FIELDS_END <= TAIL);

/// A checkpoint, as the superblock names it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Checkpoint {
    /// What it covers: everything up to the entry at this place. The default covers nothing, and has no content.
    pub place: Place,
    /// That entry's timestamp; 0 if it covers nothing.
    pub timestamp: u64,
    /// In which of the two areas its content is: 0 or 1.
    pub area: u8,
    /// Bytes of the content.
    pub length: u64,
    /// Checksum of the content.
    pub checksum: Checksum,
}

/// What a replica has promised, and where its log begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Superblock {
    /// Which cluster.
    pub cluster: u64,
    /// Which replica.
    pub replica: u16,
    /// Counts the writes; given by the writer task.
    pub sequence: u64,
    /// The replica never acts in an earlier view again.
    pub view: View,
    /// The view whose log its log is.
    pub log_view: View,
    /// A place that the log goes through: its end when `log_view` was entered, or where it was cut since. Everything up to
    /// it was durable before this was.
    ///
    /// To lower it is to cut: of the entries after it, a restart takes up only those first prepared in `log_view`. So it is
    /// lowered only when a later view's log, which does without them, has been decided.
    pub log_head: Place,
    /// Everything up to here was known to be committed. Never beyond what was durable here.
    pub commit: u64,
    /// Slots of the rings; see [`Ring`].
    pub slots: u64,
    /// Rises whenever the disk was lost and the replica has recovered.
    pub life: u32,
    /// The newest life that is known of each replica.
    pub lives: [u32; LIVES],
    /// The checkpoint that counts. The log begins after it.
    pub checkpoint: Checkpoint,
    /// The disk was lost, and what is on it now is not enough to take part.
    pub is_recovering: bool,
}

impl Superblock {
    /// That of a new replica.
    pub fn formatted(cluster: u64, replica: u16, ring: Ring) -> Superblock {
        assert!(usize::from(replica) < LIVES, "there is room for this replica");
        let superblock = Superblock {
            cluster,
            replica,
            sequence: SEQUENCE_FORMATTED,
            view: View(0),
            log_view: View(0),
            log_head: Place::default(),
            commit: 0,
            slots: ring.slots(),
            life: 0,
            lives: [0; LIVES],
            checkpoint: Checkpoint::default(),
            is_recovering: false,
        };
        assert!(superblock.is_sound(), "a new superblock makes sense");
        superblock
    }

    /// The ring that the journal and the headers are.
    pub fn ring(&self) -> Ring {
        Ring::new(self.slots).expect("a sound superblock has a ring")
    }

    /// Whether its fields go together. One that is written always is sound.
    pub fn is_sound(&self) -> bool {
        let (base, head) = (self.checkpoint.place, self.log_head);
        let places = [base, head].iter().all(|place| place.op > 0 || *place == Place::default());
        let in_range = base.op <= OP_MAX && head.op <= base.op + self.slots.min(OP_MAX);
        let meets = head.op != base.op || head == base;
        let counts = (SEQUENCE_FORMATTED..=OP_MAX).contains(&self.sequence) && self.commit <= OP_MAX;
        let exist = usize::from(self.replica) < LIVES && self.checkpoint.area < 2 && Ring::new(self.slots).is_some();
        places && in_range && meets && counts && exist && self.log_view <= self.view
    }

    /// A copy, as it stands on disk.
    pub fn encode(&self, copy: usize) -> Bytes {
        assert!(copy < COPIES, "there are four copies");
        assert!(self.is_sound(), "a superblock that is written makes sense: {self:?}");
        let mut buffer = Vec::with_capacity(COPY_SIZE);
        buffer.put_bytes(0, SEAL_SIZE);
        buffer.put_slice(MAGIC);
        for word in [self.cluster, u64::from(self.replica), copy as u64, self.sequence, self.view.0, self.log_view.0] {
            buffer.put_u64_le(word);
        }
        put_place(&mut buffer, self.log_head);
        buffer.put_u64_le(self.commit);
        buffer.put_u64_le(self.slots);
        put_place(&mut buffer, self.checkpoint.place);
        buffer.put_u64_le(self.checkpoint.timestamp);
        buffer.put_u64_le(u64::from(self.checkpoint.area));
        buffer.put_u64_le(self.checkpoint.length);
        buffer.put_u128_le(self.checkpoint.checksum.0);
        buffer.put_u32_le(self.life);
        self.lives.iter().for_each(|life| buffer.put_u32_le(*life));
        buffer.put_u32_le(u32::from(self.is_recovering));
        assert_eq!(buffer.len(), FIELDS_END, "the fields end where the zeros begin");
        buffer.put_bytes(0, TAIL - buffer.len());
        let seal = Checksum::of(&buffer[SEAL_SIZE..]).0.to_le_bytes();
        buffer[..SEAL_SIZE].copy_from_slice(&seal);
        buffer.put_slice(&seal);
        assert_eq!(buffer.len(), COPY_SIZE, "a copy is a sector");
        let read = Superblock::decode(self.cluster, self.replica, copy, &buffer);
        assert_eq!(read.as_ref(), Some(self), "what is written can be read");
        buffer.into()
    }

    /// Reads a copy of this cluster and replica in this place; `None` if it is not whole.
    pub fn decode(cluster: u64, replica: u16, copy: usize, bytes: &[u8]) -> Option<Superblock> {
        assert!(copy < COPIES, "there are four copies");
        let bytes = <&[u8; COPY_SIZE]>::try_from(bytes).ok()?;
        let word = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
        let half = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
        let wide = |at: usize| u128::from_le_bytes(bytes[at..at + 16].try_into().expect("sixteen bytes"));
        let seal = Checksum::of(&bytes[SEAL_SIZE..TAIL]).0;
        let is_whole = seal == wide(0) && seal == wide(TAIL) && &bytes[16..24] == MAGIC;
        let is_ours = word(24) == cluster && word(32) == u64::from(replica) && word(40) == copy as u64;
        if !is_whole || !is_ours {
            return None;
        }
        let place = |at: usize| Place { op: word(at), checksum: Checksum(wide(at + 8)) };
        let checkpoint = Checkpoint {
            place: place(112),
            timestamp: word(136),
            area: u8::try_from(word(144)).ok()?,
            length: word(152),
            checksum: Checksum(wide(160)),
        };
        let superblock = Superblock {
            cluster,
            replica,
            sequence: word(48),
            view: View(word(56)),
            log_view: View(word(64)),
            log_head: place(72),
            commit: word(96),
            slots: word(104),
            life: half(176),
            lives: std::array::from_fn(|replica| half(LIVES_BEGIN + 4 * replica)),
            checkpoint,
            is_recovering: half(204) != 0,
        };
        superblock.is_sound().then_some(superblock)
    }

    /// Whether these bytes, of a copy that is not whole, bear witness that it was of this state, or was becoming so.
    fn is_witnessed(&self, copy: usize, bytes: &[u8]) -> bool {
        let whole = self.encode(copy);
        let same = |at: usize| bytes.get(at..at + SEAL_SIZE) == Some(&whole[at..at + SEAL_SIZE]);
        same(0) || same(TAIL)
    }
}

fn put_place(buffer: &mut Vec<u8>, place: Place) {
    assert!(place.op > 0 || place == Place::default(), "nothing has a checksum before op 1");
    assert!(place.op <= OP_MAX + SLOTS_MAX, "no ring has room for an op so far on");
    buffer.put_u64_le(place.op);
    buffer.put_u128_le(place.checksum.0);
}

/// What the four copies come to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Choice {
    /// The state that counts.
    pub superblock: Superblock,
    /// The copies that are not of it, in order.
    pub stray: Vec<usize>,
}

/// Chooses the state that counts, by the rule on this module's page. `None` if no copy may be trusted: then the replica
/// is lost. Copies that could not be read are given as anything that is not whole.
pub fn choose(cluster: u64, replica: u16, bytes: &[u8]) -> Option<Choice> {
    let copies: [&[u8]; COPIES] =
        std::array::from_fn(|copy| bytes.get(copy * COPY_SIZE..(copy + 1) * COPY_SIZE).unwrap_or_default());
    let whole: [Option<Superblock>; COPIES] =
        std::array::from_fn(|copy| Superblock::decode(cluster, replica, copy, copies[copy]));
    let newest = whole.iter().flatten().map(|superblock| superblock.sequence).max()?;
    let rivals: Vec<&Superblock> = whole.iter().flatten().filter(|whole| whole.sequence == newest).collect();
    let holders = |state: &Superblock| rivals.iter().filter(|rival| **rival == state).count();
    let superblock = **rivals.iter().find(|rival| 2 * holders(rival) > rivals.len())?;
    let speaks = |copy: &usize| whole[*copy].is_some() || superblock.is_witnessed(*copy, copies[*copy]);
    if (0..COPIES).filter(speaks).count() < 2 {
        return None;
    }
    let stray: Vec<usize> = (0..COPIES).filter(|copy| whole[*copy] != Some(superblock)).collect();
    assert!(superblock.is_sound(), "only what makes sense counts");
    assert_eq!(superblock.sequence, newest, "the newest state counts");
    assert!(stray.len() < COPIES, "some copy is of the state that counts");
    Some(Choice { superblock, stray })
}
