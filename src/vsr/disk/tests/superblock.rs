//! Which copy of the superblock counts.

use super::fake::{Fake, Lie};
use super::{CLUSTER, REPLICA};
use crate::base::{Checksum, Draw};
use crate::env::File;
use crate::vsr::disk::persist;
use crate::vsr::disk::promises::{self, Promises, REPAIRED};
use crate::vsr::disk::superblock::{COPIES, COPY_SIZE, FILE, choose};
use crate::vsr::disk::{Checkpoint, Ring, Superblock};
use crate::vsr::entry::{Place, View};

fn state(sequence: u64) -> Superblock {
    let log_head = Place { op: 20, checksum: Checksum(99) };
    let place = Place { op: 16, checksum: Checksum(98) };
    let checkpoint = Checkpoint { place, timestamp: 7, area: 1, length: 3, checksum: Checksum(97) };
    let formatted = Superblock::formatted(CLUSTER, REPLICA, Ring::new(8).unwrap());
    let (view, log_view) = (View(sequence), View(1));
    let lives = [0, 1, 2, 3, 4, 5];
    Superblock { sequence, view, log_view, log_head, commit: 17, life: 2, lives, checkpoint, ..formatted }
}

/// The four copies, each of some state.
fn copies(states: [u64; COPIES]) -> Vec<u8> {
    states.iter().enumerate().flat_map(|(copy, sequence)| state(*sequence).encode(copy)).collect()
}

/// What copy `copy` is when the write of `newer` over `older` tears after some bytes.
fn tear(bytes: &mut [u8], copy: usize, newer: u64, torn_at: usize) {
    let at = copy * COPY_SIZE;
    bytes[at..at + torn_at].copy_from_slice(&state(newer).encode(copy)[..torn_at]);
}

fn rot(bytes: &mut [u8], copy: usize) {
    bytes[copy * COPY_SIZE..(copy + 1) * COPY_SIZE].fill(0xee);
}

fn chosen(bytes: &[u8]) -> Option<u64> {
    choose(CLUSTER, REPLICA, bytes).map(|choice| choice.superblock.sequence)
}

#[test]
fn every_flipped_bit_is_noticed() {
    for copy in [0, 3] {
        let bytes = state(5).encode(copy);
        assert_eq!(Superblock::decode(CLUSTER, REPLICA, copy, &bytes), Some(state(5)));
        assert_eq!(Superblock::decode(CLUSTER + 1, REPLICA, copy, &bytes), None);
        assert_eq!(Superblock::decode(CLUSTER, REPLICA + 1, copy, &bytes), None);
        assert_eq!(Superblock::decode(CLUSTER, REPLICA, copy ^ 1, &bytes), None, "in another copy's place");
        for bit in 0..COPY_SIZE * 8 {
            let mut bytes = bytes.to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Superblock::decode(CLUSTER, REPLICA, copy, &bytes), None, "bit {bit}");
        }
    }
}

#[test]
fn four_alike_need_no_repair() {
    let choice = choose(CLUSTER, REPLICA, &copies([5; 4])).unwrap();
    assert_eq!((choice.superblock, choice.stray), (state(5), vec![]));
    assert_eq!(choose(CLUSTER, REPLICA, &[]), None);
    assert_eq!(choose(CLUSTER, REPLICA, &[0; 2048]), None);
}

/// A crash during the write of state 6 over state 5: the first pair may be torn anywhere while the second is whole, and the
/// second while the first is. One more copy may rot.
#[test]
fn a_torn_write_leaves_the_state_before_it_or_its_own() {
    for (torn, before) in [([0, 1], [5, 5, 5, 5]), ([2, 3], [6, 6, 5, 5])] {
        for torn_at in 0..COPY_SIZE {
            for other_at in [0, 20, 60, 300, COPY_SIZE] {
                let mut bytes = copies(before);
                tear(&mut bytes, torn[0], 6, torn_at);
                tear(&mut bytes, torn[1], 6, other_at);
                let found = chosen(&bytes).expect("two copies are whole");
                assert!(found == 6 || before == [5; 4], "what was durable is not forgotten");
                for rotten in 0..COPIES {
                    let mut bytes = bytes.clone();
                    rot(&mut bytes, rotten);
                    // Where the first bytes of a tear say nothing and there is only one whole copy, it may be given up;
                    // never is an older state taken.
                    let says_something = torn_at >= 16 || other_at >= 16 || before == [5; 4] || torn.contains(&rotten);
                    let found = chosen(&bytes);
                    assert!(found.is_some() || !says_something, "{torn:?} {torn_at} {other_at} {rotten}");
                    assert!(found.is_none_or(|found| found == 6 || before == [5; 4]));
                }
            }
        }
    }
}

#[test]
fn one_old_copy_is_not_believed_whatever_happens_to_the_others() {
    let mut draw = Draw::keyed(1, 1);
    for old in 0..COPIES {
        for _ in 0..2000 {
            // Its write of state 5 was lost. Then a crash tore a pair that was becoming of state 6, and the rest rotted.
            let mut bytes = copies([5; 4]);
            bytes[old * COPY_SIZE..(old + 1) * COPY_SIZE].copy_from_slice(&state(4).encode(old));
            for copy in (0..COPIES).filter(|copy| *copy != old) {
                match draw.below(3) {
                    0 => rot(&mut bytes, copy),
                    1 => tear(&mut bytes, copy, 6, draw.below(COPY_SIZE as u64) as usize),
                    _ => {}
                }
            }
            let found = chosen(&bytes);
            assert!(found.is_none_or(|found| found >= 5), "an old copy was believed");
        }
    }
}

#[test]
fn of_two_states_with_one_number_the_one_with_more_copies_counts() {
    let mut bytes = copies([6; 4]);
    let stray = Superblock { view: View(9), ..state(6) };
    bytes[..COPY_SIZE].copy_from_slice(&stray.encode(0));
    let choice = choose(CLUSTER, REPLICA, &bytes).unwrap();
    assert_eq!((choice.superblock, choice.stray), (state(6), vec![0]));
    rot(&mut bytes, 1);
    rot(&mut bytes, 2);
    assert_eq!(choose(CLUSTER, REPLICA, &bytes), None);
}

#[test]
fn a_copy_that_makes_no_sense_is_not_whole() {
    // As if written by a replica that is mistaken: well sealed, and of a ring that cannot be.
    let mut bytes = state(5).encode(1).to_vec();
    bytes[104..112].copy_from_slice(&13u64.to_le_bytes());
    let seal = Checksum::of(&bytes[16..496]).0.to_le_bytes();
    bytes[..16].copy_from_slice(&seal);
    bytes[496..].copy_from_slice(&seal);
    assert_eq!(Superblock::decode(CLUSTER, REPLICA, 1, &bytes), None);
    for (at, value) in [(48, u64::MAX), (72, u64::MAX), (112, u64::MAX), (144, 2), (64, u64::MAX)] {
        let mut bytes = state(5).encode(1).to_vec();
        bytes[at..at + 8].copy_from_slice(&u64::to_le_bytes(value));
        let seal = Checksum::of(&bytes[16..496]).0.to_le_bytes();
        bytes[..16].copy_from_slice(&seal);
        bytes[496..].copy_from_slice(&seal);
        assert_eq!(Superblock::decode(CLUSTER, REPLICA, 1, &bytes), None, "at {at}");
    }
}

fn formatted(fake: &Fake) -> File {
    fake.block_on(async {
        let file = fake.env().disk().create(FILE).await.unwrap();
        promises::write(&fake.env(), &file, &state(5)).await;
        file
    })
}

#[test]
fn what_is_read_is_in_all_copies() {
    let fake = Fake::new(1);
    let file = formatted(&fake);
    let read = || fake.block_on(super::read(&fake.env(), &file, CLUSTER, REPLICA));
    assert_eq!((read(), fake.take_marks()), (Some(state(5)), vec![]));
    fake.spoil(FILE, 600, |byte| *byte ^= 1);
    fake.make_unreadable(FILE, 2);
    assert_eq!((read(), fake.take_marks()), (Some(state(5)), vec![REPAIRED]));
    assert_eq!(fake.bytes(FILE), copies([5; 4]));
    assert_eq!((read(), fake.take_marks()), (Some(state(5)), vec![]));
    (0..COPIES).for_each(|copy| fake.make_unreadable(FILE, copy));
    assert_eq!(read(), None);
}

/// Crash after crash, in the midst of writes and of repairs, with one copy's write lost now and then: what was durable is
/// never forgotten.
#[test]
fn what_was_durable_is_not_forgotten() {
    for seed in 0..300 {
        let (fake, mut draw) = (Fake::new(seed), Draw::keyed(seed, 2));
        let file = formatted(&fake);
        let (mut durable, mut wanted) = (5, 5);
        for _ in 0..20 {
            let lies = seed % 2 == 1 && draw.below(3) == 0;
            if lies {
                fake.lie(FILE, Lie::Lost);
            }
            wanted += 1;
            if fake.run_for(draw.below(14), promises::write(&fake.env(), &file, &state(wanted))).is_some() {
                durable = wanted;
            }
            if draw.below(2) == 0 {
                fake.crash();
                let _ = fake.run_for(draw.below(12), super::read(&fake.env(), &file, CLUSTER, REPLICA));
            }
            fake.crash();
            let read = fake.block_on(super::read(&fake.env(), &file, CLUSTER, REPLICA));
            let found = read.expect("no crash loses everything").sequence;
            assert!((durable..=wanted).contains(&found), "seed {seed}: {found} for {durable} to {wanted}");
            // A stray state may be followed by another of its number.
            (durable, wanted) = (found, found);
        }
    }
}

#[test]
fn the_newest_state_wins_and_what_fails_is_done_anew() {
    let fake = Fake::new(3);
    let file = formatted(&fake);
    let reports = crate::env::Queue::new();
    let to = reports.clone();
    let mut promises = Promises::start(&fake.env(), file.clone(), 5, move |count| to.push(count));
    assert!(promises.is_settled());
    (10..13).for_each(|view| promises.write(Superblock { view: View(view), ..state(5) }));
    while fake.step() {}
    assert_eq!(reports.try_pop(), Some(3));
    assert_eq!(reports.try_pop(), None);
    promises.on_written(3);
    assert!(promises.is_settled());
    let read = fake.block_on(super::read(&fake.env(), &file, CLUSTER, REPLICA)).unwrap();
    assert_eq!((read.sequence, read.view), (6, View(12)));
    fake.fail(FILE, "sync");
    promises.write(state(13));
    promises.write(state(13));
    while fake.step() {}
    assert_eq!(reports.try_pop(), Some(5));
    assert_eq!(reports.try_pop(), None);
    promises.on_written(5);
    assert!(promises.is_settled());
    assert_eq!(fake.take_marks(), [persist::FAILED]);
}
