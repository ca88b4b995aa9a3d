//! Files: rotation, torn lines, disks that are full, fsync.

use crate::common::{Random, guarded, rounds};
use crate::harness::{Folder, LONG, event};
use laneway::Event;
use laneway::sink::{
    BoxError, FileError, FileOperation, FileSink, FileSinkBuilder, Fsync, Sink, SinkError,
};
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// A number in a line of ten bytes.
pub(crate) fn encode(event: &Event<u32>, out: &mut Vec<u8>) -> Result<(), BoxError> {
    out.extend(format!("{:09}", event.payload()).bytes());
    Ok(())
}

fn open(builder: FileSinkBuilder<u32>) -> FileSink<u32> {
    builder.open_with(encode).unwrap()
}

fn at(folder: &Folder) -> FileSinkBuilder<u32> {
    FileSink::builder(folder.file())
}

/// The numbers in a file, all of whose lines are whole.
fn lines(path: impl AsRef<Path>) -> Vec<u32> {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'), "{text:?}");
    text.lines().map(|line| line.parse().unwrap()).collect()
}

fn failure(result: Result<(), SinkError>) -> FileError {
    match result {
        Err(SinkError::Failed { source, .. }) => *source.downcast().unwrap(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn it_goes_on_where_it_ended() {
    let folder = Folder::new("resume");
    for run in 0..3 {
        let mut sink = open(at(&folder));
        assert!(sink.torn().is_none());
        for number in 0..3 {
            sink.write(&event(run * 3 + number)).unwrap();
        }
        assert!(sink.close(LONG).is_complete());
        assert!(matches!(sink.write(&event(9)), Err(SinkError::Closed)));
    }
    assert_eq!(lines(folder.file()), (0..9).collect::<Vec<_>>());
}

#[test]
fn a_full_file_makes_room_for_another() {
    let folder = Folder::new("rotate");
    let mut sink = open(at(&folder).max_bytes(30).keep(2));
    for number in 0..14 {
        sink.write(&event(number)).unwrap();
    }
    assert_eq!(lines(folder.file()), [12, 13]);
    assert_eq!(lines(folder.beside(".1")), [9, 10, 11]);
    assert_eq!(lines(folder.beside(".2")), [6, 7, 8]);
    assert!(!folder.beside(".3").exists());
    let stats = sink.stats();
    assert_eq!((stats.lines, stats.bytes, stats.rotations), (14, 140, 4));
    drop(sink);
    // The next one knows how full it is.
    let mut sink = open(at(&folder).max_bytes(30).keep(2));
    sink.write(&event(14)).unwrap();
    sink.write(&event(15)).unwrap();
    assert_eq!(lines(folder.file()), [15]);
    assert_eq!(lines(folder.beside(".1")), [12, 13, 14]);
}

#[test]
fn nothing_is_kept_if_so_wished() {
    let folder = Folder::new("keep-none");
    let mut sink = open(at(&folder).max_bytes(10).keep(0));
    for number in 0..5 {
        sink.write(&event(number)).unwrap();
    }
    assert_eq!(lines(folder.file()), [4]);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_crash_amid_a_rotation_costs_no_file() {
    // The files move from the highest number down: it can stop behind any of these steps.
    for gap in 1..=3 {
        let folder = Folder::new(&format!("gap-{gap}"));
        for number in (1..=3).filter(|number| *number != gap) {
            fs::write(
                folder.beside(&format!(".{number}")),
                format!("{number:09}\n"),
            )
            .unwrap();
        }
        fs::write(folder.file(), format!("{:09}\n", 100)).unwrap();
        let mut sink = open(at(&folder).max_bytes(10).keep(3));
        sink.write(&event(101)).unwrap();
        assert_eq!(lines(folder.file()), [101]);
        let mut all: Vec<u32> = (1..=3)
            .flat_map(|number| lines(folder.beside(&format!(".{number}"))))
            .collect();
        all.sort();
        let mut expected: Vec<u32> = (1..=3).filter(|number| *number != gap).collect();
        expected.push(100);
        assert_eq!(all, expected);
    }
    // And before the new file was made.
    let folder = Folder::new("gap-none");
    fs::write(folder.beside(".1"), format!("{:09}\n", 1)).unwrap();
    open(at(&folder)).write(&event(2)).unwrap();
    assert_eq!(lines(folder.file()), [2]);
}

#[test]
fn a_torn_line_is_moved_aside_and_reported() {
    let mut random = Random::new();
    let whole = "000000001\n000000002\n";
    // Longer than what is read at once, too.
    for tail in [1, 8, 8191, 8192, 8193, 100_000, random.below(50_000) + 1] {
        for before in ["", whole] {
            let folder = Folder::new("torn");
            let part = "x".repeat(tail);
            fs::write(folder.file(), format!("{before}{part}")).unwrap();
            let mut sink = open(at(&folder).fsync(Fsync::Always));
            let torn = sink.torn().expect("it is reported");
            assert_eq!(torn.bytes, tail as u64);
            assert_eq!(torn.moved_to, folder.beside(".torn"));
            let aside = fs::read_to_string(folder.beside(".torn")).unwrap();
            assert_eq!(aside, format!("{part}\n"));
            sink.write(&event(3)).unwrap();
            drop(sink);
            let expected = format!("{before}000000003\n");
            assert_eq!(fs::read_to_string(folder.file()).unwrap(), expected);
            assert!(open(at(&folder)).torn().is_none());
        }
    }
}

#[test]
fn a_second_torn_line_is_kept_beside_the_first() {
    let folder = Folder::new("torn-again");
    for part in ["first", "second"] {
        fs::write(folder.file(), part).unwrap();
        drop(open(at(&folder)));
    }
    let aside = fs::read_to_string(folder.beside(".torn")).unwrap();
    assert_eq!(aside, "first\nsecond\n");
}

#[test]
fn a_file_has_one_sink() {
    let folder = Folder::new("lock");
    let mut sink = open(at(&folder).max_bytes(10));
    let second = |folder: &Folder| at(folder).open_with(encode).unwrap_err();
    assert!(matches!(second(&folder), FileError::InUse { .. }));
    // The new file after a rotation, too.
    sink.write(&event(1)).unwrap();
    sink.write(&event(2)).unwrap();
    assert_eq!(sink.stats().rotations, 1);
    assert!(matches!(second(&folder), FileError::InUse { .. }));
    // A closed one lets go of it.
    assert!(sink.close(LONG).is_complete());
    open(at(&folder)).write(&event(3)).unwrap();
}

#[test]
fn syncs_come_when_they_are_due() {
    let cases = [
        (Fsync::Never, 0, 0),
        (Fsync::Every(4), 2, 3),
        (Fsync::Interval(Duration::ZERO), 10, 10),
        (Fsync::Interval(LONG), 0, 1),
        (Fsync::Always, 10, 10),
    ];
    for (index, (fsync, before, after)) in cases.into_iter().enumerate() {
        let folder = Folder::new(&format!("fsync-{index}"));
        let mut sink = open(at(&folder).fsync(fsync));
        for number in 0..10 {
            sink.write(&event(number)).unwrap();
        }
        assert_eq!(sink.stats().syncs, before, "{fsync:?}");
        assert!(sink.close(LONG).is_complete());
        assert_eq!(sink.stats().syncs, after, "{fsync:?} at the end");
    }
}

#[test]
fn settings_out_of_range() {
    let folder = Folder::new("settings");
    let builders = [
        at(&folder).max_bytes(0),
        at(&folder).keep(1001),
        at(&folder).fsync(Fsync::Every(0)),
    ];
    for builder in builders {
        let error = builder.open_with(encode).unwrap_err();
        assert!(matches!(error, FileError::Setting { .. }), "{error}");
    }
    assert!(!folder.file().exists());
}

#[test]
fn a_line_too_long_is_refused_and_harms_nothing() {
    let folder = Folder::new("too-long");
    let mut sink = FileSink::builder(folder.file())
        .max_bytes(10)
        .open_with(|event: &Event<u32>, out| {
            out.resize(*event.payload() as usize, b'x');
            Ok(())
        })
        .unwrap();
    sink.write(&event(9)).unwrap();
    let error = sink.write(&event(10)).unwrap_err();
    assert!(matches!(error, SinkError::Refused(_)), "{error}");
    assert_eq!(sink.stats().rotations, 0);
    sink.write(&event(9)).unwrap();
    assert_eq!(sink.stats().rotations, 1);
}

#[test]
fn what_cannot_be_opened_says_why() {
    let folder = Folder::new("open");
    let open = |path: &Path| {
        let opened = FileSink::builder(path).open_with(encode);
        opened.unwrap_err()
    };
    let path = folder.path().join("no/such");
    let error = open(&path);
    let is_open = matches!(&error, FileError::Io { operation: FileOperation::Open, path: named, .. } if *named == path);
    assert!(is_open, "{error:?}");
    let error = open(folder.path());
    assert!(matches!(error, FileError::NotAFile { .. }), "{error:?}");
}

#[cfg(unix)]
#[test]
fn a_folder_that_may_not_be_written_to() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new("permission");
    let mut sink = open(at(&folder).max_bytes(10));
    sink.write(&event(1)).unwrap();
    let allow =
        |mode| fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
    allow(0o555);
    if fs::write(folder.path().join("try"), "").is_ok() {
        // Root may do anything.
        return;
    }
    let error = failure(sink.write(&event(2)));
    let denied = matches!(
        error,
        FileError::PermissionDenied {
            operation: FileOperation::Rotate,
            ..
        }
    );
    assert!(denied, "{error:?}");
    allow(0o755);
    sink.write(&event(2)).unwrap();
    assert_eq!(lines(folder.file()), [2]);
}

#[cfg(unix)]
#[test]
fn fault_a_folder_that_was_not_synced_was_forgotten() {
    use std::os::unix::fs::PermissionsExt;
    // Rotate where the folder cannot be opened, and write again: the new name might not have survived a crash.
    let folder = Folder::new("unnamed");
    let mut sink = open(at(&folder).max_bytes(10).fsync(Fsync::Always));
    sink.write(&event(1)).unwrap();
    let allow =
        |mode| fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
    allow(0o333);
    if fs::read_dir(folder.path()).is_ok() {
        // Root may do anything.
        return;
    }
    let results = [(), ()].map(|()| sink.write(&event(2)).is_err());
    allow(0o755);
    assert_eq!(results, [true, true]);
    sink.write(&event(2)).unwrap();
    assert_eq!(lines(folder.file()), [2]);
}

#[cfg(unix)]
#[test]
fn fault_a_device_was_moved_away() {
    // Open a device and write more than fits: root renamed it.
    let opened = FileSink::builder("/dev/null").open_with(encode);
    let error = opened.unwrap_err();
    assert!(matches!(error, FileError::NotAFile { .. }), "{error}");
}

#[cfg(unix)]
#[test]
fn fault_a_link_was_moved_away_instead_of_its_file() {
    // Rotate a file that was opened through a link: the link was renamed, and the next file was elsewhere.
    let folder = Folder::new("link");
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(folder.file(), &link).unwrap();
    let mut sink = open(FileSink::builder(&link).max_bytes(10));
    assert_eq!(
        sink.path(),
        folder.file(),
        "from the root, so it holds in any folder"
    );
    sink.write(&event(1)).unwrap();
    sink.write(&event(2)).unwrap();
    assert_eq!(lines(folder.beside(".1")), [1]);
    assert_eq!(lines(&link), [2]);
}

#[cfg(unix)]
#[test]
fn fault_a_file_was_opened_that_was_being_moved_away() {
    guarded(|| {
        // Open a file; before it is locked, the sink that has it rotates; lock it, and write to what is now <path>.1.
        for round in 0..rounds(20) {
            let folder = Folder::new(&format!("moving-{round}"));
            let mut sink = open(at(&folder).max_bytes(10).keep(1));
            let is_over = AtomicBool::new(false);
            thread::scope(|scope| {
                scope.spawn(|| {
                    while !is_over.load(Ordering::Relaxed) {
                        let Ok(mut other) = at(&folder).open_with(encode) else {
                            continue;
                        };
                        // Between two files it may get one.
                        other.write(&event(1000)).unwrap();
                        assert_eq!(lines(folder.file()), [1000]);
                        return;
                    }
                });
                let _ = (0..100).try_for_each(|number| sink.write(&event(number)));
                is_over.store(true, Ordering::Relaxed);
            });
        }
    });
}

#[test]
fn a_new_file_that_cannot_be_made_comes_later() {
    guarded(|| {
        let folder = Folder::new("later");
        let mut sink = open(at(&folder).max_bytes(10).keep(1));
        sink.write(&event(1)).unwrap();
        // Where the full file should go, there is a folder.
        fs::create_dir(folder.beside(".1")).unwrap();
        fs::write(folder.beside(".1").join("in the way"), "").unwrap();
        let error = failure(sink.write(&event(2)));
        let rotating = matches!(
            error,
            FileError::Io {
                operation: FileOperation::Rotate,
                ..
            }
        );
        assert!(rotating, "{error:?}");
        assert_eq!(lines(folder.file()), [1], "nothing is lost");
        fs::remove_dir_all(folder.beside(".1")).unwrap();
        sink.write(&event(2)).unwrap();
        assert_eq!(lines(folder.file()), [2]);
        assert_eq!(lines(folder.beside(".1")), [1]);
    });
}
