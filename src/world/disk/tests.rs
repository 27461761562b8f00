//! The rules of a disk, one by one.

use super::mishap::Mishap;
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

fn amiss(disk: &mut Disk, operation: DiskOp, mishap: Mishap) -> Result<DiskDone, DiskError> {
    let begun = disk.begin(operation);
    disk.finish_amiss(begun, &[mishap])
}

fn write_amiss(disk: &mut Disk, file: FileId, offset: u64, bytes: &[u8], mishap: Mishap) {
    let bytes = Bytes::copy_from_slice(bytes);
    amiss(disk, DiskOp::Write { file, offset, bytes }, mishap).unwrap();
}

/// What is promised of the two sectors, in runs as in `content`; a dash for what is not.
fn promised(disk: &Disk) -> String {
    [0, 512].map(|at| disk.promised("log", at, 512, 512).map_or("-".to_string(), |bytes| runs(&bytes))).join(" | ")
}

/// What a restart would find there, likewise.
fn actual(disk: &Disk) -> String {
    [0, 512].map(|at| disk.actual("log", at, 512).map_or("-".to_string(), |bytes| runs(&bytes))).join(" | ")
}

/// Runs of equal bytes, so that sectors are readable: "a512 b3 a509".
fn runs(bytes: &[u8]) -> String {
    let runs = bytes.chunk_by(|x, y| x == y).map(|run| format!("{}{}", run[0] as char, run.len()));
    runs.collect::<Vec<_>>().join(" ")
}

fn content(disk: &mut Disk, file: FileId) -> String {
    let Ok(DiskDone::Bytes(bytes)) = run(disk, DiskOp::Read { file, offset: 0, length: 1 << 20 }) else { panic!() };
    runs(&bytes)
}

fn crash(disk: &mut Disk, fate: SectorFate) {
    disk.crash(|_, _| NamesFate::Kept(0), |_| false, |_, _, _| fate);
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

#[test]
fn a_lost_write_is_promised_and_not_there() {
    let (mut disk, file) = disk();
    write_amiss(&mut disk, file, 0, &[b'b'; 512], Mishap::Lose);
    assert_eq!(content(&mut disk, file), "a1024");
    assert_eq!(promised(&disk), "- | a512", "it is written and not synced");
    run(&mut disk, DiskOp::Sync { file }).unwrap();
    assert_eq!((promised(&disk).as_str(), actual(&disk).as_str()), ("b512 | a512", "a512 | a512"));
    assert_eq!(disk.damaged(), [("log".into(), 0, Wrong::Lie)]);
    crash(&mut disk, SectorFate::Kept);
    assert_eq!((content(&mut disk, file).as_str(), promised(&disk).as_str()), ("a1024", "b512 | a512"));
    // Only what the system itself writes there, durably, makes it whole again.
    write(&mut disk, file, 0, &[b'c'; 512]);
    assert_eq!((promised(&disk).as_str(), actual(&disk).as_str()), ("- | a512", "- | a512"));
    assert_eq!(disk.damaged().len(), 1);
    run(&mut disk, DiskOp::Sync { file }).unwrap();
    assert_eq!((promised(&disk).as_str(), disk.damaged().len()), ("c512 | a512", 0));
}

#[test]
fn a_misdirected_write_spoils_two_places_and_unpromises_none() {
    let (mut disk, file) = disk();
    write_amiss(&mut disk, file, 0, &[b'b'; 512], Mishap::Misdirect(1));
    run(&mut disk, DiskOp::Sync { file }).unwrap();
    assert_eq!(content(&mut disk, file), "a512 b512");
    assert_eq!(promised(&disk), "b512 | a512");
    assert_eq!(disk.damaged(), [("log".into(), 0, Wrong::Lie), ("log".into(), 1, Wrong::Lie)]);
}

#[test]
fn rot_and_sectors_that_cannot_be_read_leave_what_was_promised() {
    let (mut disk, file) = disk();
    write_amiss(&mut disk, file, 0, &[b'b'; 512], Mishap::RotBit(8 * 3));
    run(&mut disk, DiskOp::Sync { file }).unwrap();
    assert_eq!((content(&mut disk, file).as_str(), promised(&disk).as_str()), ("b3 c1 b508 a512", "b512 | a512"));
    disk.spoil(file, 1);
    assert_eq!(actual(&disk), "b3 c1 b508 | -");
    let read = |disk: &mut Disk, offset| run(disk, DiskOp::Read { file, offset, length: 10 });
    assert_eq!(read(&mut disk, 510), Err(DiskError::Failed));
    assert!(read(&mut disk, 500).is_ok());
    assert_eq!(promised(&disk), "b512 | a512");
    // A part of it cannot be written without the rest.
    write(&mut disk, file, 512, &[b'd'; 100]);
    assert_eq!(read(&mut disk, 512), Err(DiskError::Failed));
    write(&mut disk, file, 512, &[b'd'; 512]);
    assert!(read(&mut disk, 512).is_ok());
    crash(&mut disk, SectorFate::Lost);
    assert_eq!(read(&mut disk, 512), Err(DiskError::Failed), "the overwrite was not durable");
    assert_eq!(disk.damaged(), [("log".into(), 0, Wrong::Decay), ("log".into(), 1, Wrong::Decay)]);
}

#[test]
fn what_a_failed_sync_dropped_is_neither_promised_nor_written_by_the_next() {
    let (mut disk, file) = disk();
    let sync = || DiskOp::Sync { file };
    write(&mut disk, file, 0, &[b'b'; 512]);
    assert_eq!(amiss(&mut disk, sync(), Mishap::Fail), Err(DiskError::Failed));
    assert_eq!(run(&mut disk, sync()), Ok(DiskDone::Done), "it has nothing to write");
    assert_eq!(content(&mut disk, file), "b512 a512", "until a crash reads give the new bytes");
    assert_eq!(promised(&disk), "- | a512");
    crash(&mut disk, SectorFate::Kept);
    assert_eq!((content(&mut disk, file).as_str(), promised(&disk).as_str()), ("a1024", "a512 | a512"));
    assert!(disk.damaged().is_empty(), "the system was told");
    // What is written anew is dirty anew.
    write(&mut disk, file, 0, &[b'c'; 512]);
    amiss(&mut disk, sync(), Mishap::Fail).unwrap_err();
    write(&mut disk, file, 0, &[b'd'; 512]);
    run(&mut disk, sync()).unwrap();
    assert_eq!(promised(&disk), "d512 | a512");
}

#[test]
fn a_sync_under_way_promises_nothing_that_another_dropped() {
    let (mut disk, file) = disk();
    let sync = || DiskOp::Sync { file };
    // Lost, but with the bytes that are there: the two pictures are the same, of different versions.
    write(&mut disk, file, 512, &[b'b'; 512]);
    write_amiss(&mut disk, file, 512, &[b'b'; 512], Mishap::Lose);
    let begun = disk.begin(sync());
    amiss(&mut disk, sync(), Mishap::Fail).unwrap_err();
    run(&mut disk, sync()).unwrap();
    disk.finish(begun).unwrap();
    disk.check_all();
    assert_eq!(promised(&disk), "a512 | -");
    crash(&mut disk, SectorFate::Kept);
    assert_eq!(content(&mut disk, file), "a1024");
}

#[test]
fn a_length_that_is_promised_again_is_as_old_as_it_was() {
    let (mut disk, file) = disk();
    run(&mut disk, DiskOp::SetLength { file, length: 2048 }).unwrap();
    amiss(&mut disk, DiskOp::Sync { file }, Mishap::Lie).unwrap();
    crash(&mut disk, SectorFate::Lost);
    assert_eq!((disk.length(file), disk.promised_len("log")), (1024, Some(2048)));
    // Only a faithful disk is cut by this.
    run(&mut disk, DiskOp::SetLength { file, length: 1024 }).unwrap();
    let begun = disk.begin(DiskOp::Sync { file });
    run(&mut disk, DiskOp::Sync { file }).unwrap();
    disk.finish_amiss(begun, &[Mishap::Lie]).unwrap();
    disk.check_all();
    assert_eq!(disk.promised_len("log"), Some(1024));
}

#[test]
fn a_cut_that_a_faithful_disk_skips_takes_no_promise_there() {
    let (mut disk, file) = disk();
    let set_length = |length| DiskOp::SetLength { file, length };
    run(&mut disk, set_length(512)).unwrap();
    let begun = disk.begin(DiskOp::Sync { file });
    amiss(&mut disk, DiskOp::Sync { file }, Mishap::Fail).unwrap_err();
    run(&mut disk, set_length(1024)).unwrap();
    amiss(&mut disk, DiskOp::Sync { file }, Mishap::Lie).unwrap();
    disk.finish(begun).unwrap();
    disk.check_all();
    // A crash of a faithful disk would bring back what the failed sync dropped the cut of.
    assert_eq!(promised(&disk), "a512 | -");
    crash(&mut disk, SectorFate::Lost);
    assert_eq!(promised(&disk), "a512 | a512");
    assert_eq!(content(&mut disk, file), "a512");
}

#[test]
fn what_goes_bad_behind_an_end_goes_with_it() {
    let (mut disk, file) = disk();
    let set_length = |length| DiskOp::SetLength { file, length };
    run(&mut disk, set_length(2048)).unwrap();
    run(&mut disk, DiskOp::Sync { file }).unwrap();
    run(&mut disk, set_length(1024)).unwrap();
    let begun = disk.begin(DiskOp::Sync { file });
    run(&mut disk, set_length(2048)).unwrap();
    disk.rot(file, 1024 + 3, b'x');
    disk.finish(begun).unwrap();
    disk.check_all();
    assert_eq!(content(&mut disk, file), "a1024 \u{0}3 x1 \u{0}1020");
    crash(&mut disk, SectorFate::Lost);
    disk.check_all();
    run(&mut disk, set_length(2048)).unwrap();
    assert_eq!(content(&mut disk, file), "a1024 \u{0}1024");
    assert_eq!(disk.damaged(), [], "nothing is left of it");
}

#[test]
fn a_sync_that_lies_promises_and_keeps_nothing() {
    let (mut disk, file) = disk();
    write(&mut disk, file, 512, &[b'b'; 1024]);
    assert_eq!(amiss(&mut disk, DiskOp::Sync { file }, Mishap::Lie), Ok(DiskDone::Done));
    assert_eq!((promised(&disk).as_str(), disk.promised_len("log")), ("a512 | b512", Some(1536)));
    crash(&mut disk, SectorFate::Lost);
    assert_eq!(content(&mut disk, file), "a1024");
    assert_eq!((promised(&disk).as_str(), disk.promised_len("log")), ("a512 | b512", Some(1536)));
    assert_eq!(disk.damaged(), [("log".into(), 1, Wrong::Lie), ("log".into(), 2, Wrong::Lie)]);
    write(&mut disk, file, 512, &[b'c'; 1024]);
    run(&mut disk, DiskOp::Sync { file }).unwrap();
    assert_eq!((promised(&disk).as_str(), disk.promised_len("log")), ("a512 | c512", Some(1536)));
    assert!(disk.damaged().is_empty());
}

#[test]
fn a_full_disk_takes_nothing() {
    let (mut disk, file) = disk();
    let write = DiskOp::Write { file, offset: 1000, bytes: Bytes::from_static(b"bbbb") };
    let begun = disk.begin(write);
    assert_eq!(disk.finish_amiss(begun, &[Mishap::Full]), Err(DiskError::NoSpace));
    assert_eq!((content(&mut disk, file).as_str(), promised(&disk).as_str()), ("a1024", "a512 | a512"));
}

#[test]
fn a_torn_rename_leaves_the_old_name_the_new_one_or_both() {
    let names = |steps: u64| {
        let (mut disk, _) = disk();
        run(&mut disk, DiskOp::Open { name: "new".into(), create: true }).unwrap();
        run(&mut disk, DiskOp::Rename { from: "log".into(), to: "old".into() }).unwrap();
        disk.crash(
            |changes, all| {
                assert_eq!((changes, all), (2, 3));
                NamesFate::Torn(steps)
            },
            |_| false,
            |_, _, _| SectorFate::Lost,
        );
        let Ok(DiskDone::Names(names)) = run(&mut disk, DiskOp::List) else { panic!() };
        names.join(" ")
    };
    let all: Vec<String> = (0..8).map(names).collect();
    // The steps are: `new` appears, `old` appears, `log` goes.
    let expected = ["log", "log new", "log old", "log new old", "log", "log new", "old", "new old"];
    assert_eq!(all, expected);
}
