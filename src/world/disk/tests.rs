//! The rules of a disk, one by one.

use super::*;

/// A disk with a synced file `log` of two sectors of `a`.
fn disk() -> (Disk, FileId) {
    let mut disk = Disk::default();
    let Ok(DiskDone::Opened(file)) = run(&mut disk, DiskOp::Open { name: "log".into(), create: true }) else {
        panic!()
    };
    write(&mut disk, file, 0, &[b'a'; 2 * SECTOR_BYTES]);
    run(&mut disk, DiskOp::Sync { file }).unwrap();
    run(&mut disk, DiskOp::SyncDir).unwrap();
    (disk, file)
}

fn run(disk: &mut Disk, operation: DiskOp) -> Result<DiskDone, DiskError> {
    let begun = disk.begin(operation);
    disk.finish(begun)
}

fn write(disk: &mut Disk, file: FileId, offset: u64, bytes: &[u8]) {
    run(disk, DiskOp::Write { file, offset, bytes: Bytes::copy_from_slice(bytes) }).unwrap();
}

fn content(disk: &mut Disk, file: FileId) -> String {
    let Ok(DiskDone::Bytes(bytes)) = run(disk, DiskOp::Read { file, offset: 0, length: 1 << 20 }) else { panic!() };
    // Runs of equal bytes, so that sectors are readable: "a512 b3 a509".
    let runs = bytes.chunk_by(|x, y| x == y).map(|run| format!("{}{}", run[0] as char, run.len()));
    runs.collect::<Vec<_>>().join(" ")
}

fn crash(disk: &mut Disk, fate: SectorFate) {
    disk.crash(|_| 0, |_| false, |_, _, _| fate);
}

#[test]
fn unsynced_sectors_are_lost_kept_or_torn() {
    for (fate, left) in
        [(SectorFate::Lost, "a1024"), (SectorFate::Kept, "a512 b512"), (SectorFate::Torn(3), "a512 b3 a509")]
    {
        let (mut disk, file) = disk();
        write(&mut disk, file, 512, &[b'b'; 512]);
        crash(&mut disk, fate);
        assert_eq!(content(&mut disk, file), left);
    }
}

#[test]
fn a_sync_covers_what_was_written_before_it_began_and_no_more() {
    let (mut disk, file) = disk();
    write(&mut disk, file, 0, &[b'b'; 512]);
    let sync = || DiskOp::Sync { file };
    let begun = disk.begin(sync());
    write(&mut disk, file, 0, &[b'c'; 512]);
    disk.finish(begun).unwrap();
    crash(&mut disk, SectorFate::Lost);
    assert_eq!(content(&mut disk, file), "b512 a512");
}

#[test]
fn an_older_sync_that_ends_late_takes_nothing_back() {
    let (mut disk, file) = disk();
    let sync = || DiskOp::Sync { file };
    write(&mut disk, file, 0, &[b'b'; 512]);
    let older = disk.begin(sync());
    write(&mut disk, file, 0, &[b'c'; 512]);
    let newer = disk.begin(sync());
    disk.finish(newer).unwrap();
    write(&mut disk, file, 0, &[b'd'; 512]);
    disk.finish(older).unwrap();
    crash(&mut disk, SectorFate::Lost);
    assert_eq!(content(&mut disk, file), "c512 a512");
}

#[test]
fn names_and_lengths_need_their_own_sync() {
    let (mut disk, file) = disk();
    run(&mut disk, DiskOp::Rename { from: "log".into(), to: "old".into() }).unwrap();
    write(&mut disk, file, 1024, &[b'b'; 10]);
    assert_eq!(disk.promised_len("log"), Some(1024));
    crash(&mut disk, SectorFate::Kept);
    assert_eq!(run(&mut disk, DiskOp::List), Ok(DiskDone::Names(vec!["log".into()])));
    assert_eq!(content(&mut disk, file), "a1024");
}

#[test]
fn what_the_world_empties_stays_promised_and_is_gone_all_the_same() {
    let (mut disk, _) = disk();
    disk.wipe();
    assert_eq!(run(&mut disk, DiskOp::List), Ok(DiskDone::Names(vec![])));
    assert_eq!(disk.promised_len("log"), Some(1024));
    disk.wipe();
    assert!(disk.promised("log", 0, 4, 4).is_some());
    let Ok(DiskDone::Opened(_)) = run(&mut disk, DiskOp::Open { name: "log".into(), create: true }) else { panic!() };
    run(&mut disk, DiskOp::SyncDir).unwrap();
    assert_eq!(disk.promised_len("log"), Some(0));
}

#[test]
fn an_overwrite_unpromises_only_what_it_changes() {
    let (mut disk, file) = disk();
    let promised = |disk: &Disk, offset| disk.promised("log", offset, 4, 4).is_some();
    write(&mut disk, file, 0, b"aaab");
    assert!(!promised(&disk, 0), "its last byte is written over");
    assert!(promised(&disk, 4), "these bytes are the same either way");
    assert!(promised(&disk, 600), "another sector");
    run(&mut disk, DiskOp::Sync { file }).unwrap();
    assert!(promised(&disk, 0));
    assert!(!promised(&disk, 1022), "beyond the end");
    let pending = DiskOp::Write { file, offset: 2, bytes: Bytes::from_static(b"x") };
    let begun = disk.begin(pending);
    assert!(!promised(&disk, 0), "its third byte is being written over");
    assert!(promised(&disk, 3), "these are not");
    assert_eq!(disk.promised("log", 0, 2, 512).as_deref(), Some(&b"aa"[..]), "no more than is safe");
    disk.finish(begun).unwrap();
    assert!(disk.promised("log", 0, 2, 2).is_some());
    assert!(!promised(&disk, 0), "its third byte is written over");
}
