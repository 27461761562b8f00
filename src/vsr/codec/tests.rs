//! Messages as bytes: there and back, and nonsense.

use super::*;
use crate::vsr::entry::tests::chain;

fn samples() -> Vec<Message> {
    let entries = chain(5, &[0, 0, 1]);
    let place = entries[2].place();
    let lost = |op, checksum, parent| Position::Missing(Missing { op, checksum, parent });
    let known = Some(entries[1].checksum());
    let suffix = vec![lost(1, None, None), lost(2, known, None), Position::Here(entries[2].clone())];
    let log = LogEnd { head: place, doubt: 2, suffix };
    let checkpoint = Checkpoint { place, timestamp: 9, area: 0, length: 70, checksum: Checksum(u128::MAX / 5) };
    let view = View(3);
    vec![
        Message::Request { client: 1, request: 2, body: Bytes::from_static(b"put") },
        Message::Reply { view, client: 1, request: 2, body: Bytes::new() },
        Message::Prepare { view, commit: 2, entry: entries[2].clone() },
        Message::PrepareOk { view, life: 7, place },
        Message::Commit { view, place: Place::default() },
        Message::StartViewChange { view, current: View(2) },
        Message::DoViewChange {
            view,
            log_view: View(1),
            lives: [0, 1, 2, 3, 4, u32::MAX],
            commit: entries[0].place(),
            log: log.clone(),
        },
        Message::StartView { view, commit: 3, log: LogEnd { head: place, doubt: 0, suffix: Vec::new() } },
        Message::RequestStartView { view },
        Message::GetEntries { view, from: 1, to: 64 },
        Message::Entries { log_view: View(1), entries },
        Message::Evicted { client: 4 },
        Message::Checkpointed { log_view: View(3), checkpoint },
        Message::GetCheckpoint { view, op: 8, offset: 4096 },
        Message::CheckpointPiece { op: 8, offset: 4096, bytes: Bytes::from_static(b"piece") },
        Message::Recovery { asker: 5, nonce: 6, life: 2 },
        Message::RecoveryResponse {
            asker: 1,
            replica: 2,
            nonce: 6,
            answer: Answer { lives: [2, 0, 1, 0, 0, 3], view, log_view: view, leads: true, commit: 1, log },
        },
    ]
}

#[test]
fn messages_read_back() {
    for message in samples() {
        assert_eq!(decode(5, &encode(5, &message)), Some(message.clone()));
        assert_eq!(decode(6, &encode(5, &message)), None, "{message:?} of another cluster");
    }
}

#[test]
fn every_flipped_bit_is_noticed() {
    for message in samples() {
        let payload = encode(5, &message);
        for bit in 0..payload.len() as u64 * 8 {
            assert_eq!(decode(5, &payload.with_bit_flipped(bit)), None, "{message:?}, bit {bit}");
        }
    }
}

#[test]
fn well_sealed_nonsense_is_refused_without_a_panic() {
    let seal = |contents: &[u8]| {
        let mut bytes = mix(hash_bytes(contents), 5).to_le_bytes().to_vec();
        bytes.extend(contents);
        Payload::from(bytes)
    };
    for message in samples() {
        let payload = encode(5, &message);
        let contents = &payload[CHECKSUM_SIZE..];
        for length in 0..contents.len() {
            assert_eq!(decode(5, &seal(&contents[..length])), None, "{message:?} cut to {length}");
        }
        let mut longer = contents.to_vec();
        longer.push(0);
        assert_eq!(decode(5, &seal(&longer)), None, "{message:?} with a tail");
        for at in 1..contents.len().saturating_sub(8) {
            let mut huge = contents.to_vec();
            huge[at..at + 8].fill(0xff);
            let _ = decode(5, &seal(&huge));
        }
    }
    for tag in 0..=255 {
        let mut contents = vec![0xff; 200];
        contents[0] = tag;
        let _ = decode(5, &seal(&contents));
    }
}

#[test]
fn a_suffix_that_does_not_lead_to_its_head_is_refused() {
    let entries = chain(5, &[0, 0, 1]);
    let here = |entries: &[Entry]| entries.iter().cloned().map(Position::Here).collect();
    let log = LogEnd { head: entries[1].place(), doubt: 0, suffix: here(&entries) };
    assert_eq!(decode(5, &encode(5, &Message::StartView { view: View(1), commit: 0, log })), None);
    let holed = vec![entries[0].clone(), entries[2].clone()];
    assert_eq!(decode(5, &encode(5, &Message::Entries { log_view: View(1), entries: holed })), None);
}
