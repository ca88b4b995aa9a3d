//! Processes that are killed while they write, or run into a limit: this test binary, started again as a child.

use crate::common::{Random, guarded, rounds, wait_until};
use crate::harness::{Folder, LONG, event};
use laneway::Event;
use laneway::sink::{FileSink, Fsync, Sink, SinkError};
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Says to the child which file is meant, and nothing to anybody else.
const FILE: &str = "LANEWAY_TEST_CRASH_FILE";

/// So long that writing one takes a while.
const LINE: usize = 1 << 20;

/// `number` at its beginning and its end.
fn encode(event: &Event<u32>, out: &mut Vec<u8>) -> Result<(), laneway::sink::BoxError> {
    let number = event.payload();
    out.extend(format!("{number:09}:").bytes());
    out.resize(LINE, b'.');
    out.extend(format!(":{number:09}").bytes());
    Ok(())
}

fn numbers(path: &Path) -> Vec<u32> {
    let text = fs::read_to_string(path).unwrap();
    let lines = text.lines().map(|line| {
        assert_eq!(line.len(), LINE + 10, "a torn line");
        let (first, last) = (&line[..9], &line[line.len() - 9..]);
        assert_eq!(first, last);
        first.parse().unwrap()
    });
    lines.collect()
}

/// What a child does: goes on behind the last number, until it is killed; not for ever, should nobody do that.
#[test]
fn child_that_writes_on() {
    let Some(path) = std::env::var_os(FILE) else {
        return;
    };
    let mut sink = FileSink::builder(&path).max_bytes(4 << 20).keep(100);
    sink = sink.fsync(Fsync::Never);
    let mut sink = sink.open_with(encode).unwrap();
    let before = fs::read_dir(Path::new(&path).parent().unwrap()).unwrap();
    let before = before
        .map(|entry| entry.unwrap().path())
        .filter(|path| !path.to_string_lossy().ends_with(".torn"))
        .flat_map(|path| numbers(&path))
        .max();
    for number in (before.map_or(0, |last| last + 1)..).take(500) {
        sink.write(&event(number)).unwrap();
    }
}

/// Starts this binary again, to run one test of it.
fn child(test: &str, path: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", test, "--nocapture"])
        .env(FILE, path)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// Ended with the test, whatever becomes of it.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn total(folder: &Folder) -> u64 {
    let entries = fs::read_dir(folder.path()).unwrap();
    // Files are renamed meanwhile.
    entries
        .filter_map(|entry| Some(entry.ok()?.metadata().ok()?.len()))
        .sum()
}

#[test]
fn a_process_that_is_killed_leaves_whole_lines_to_the_next() {
    guarded(|| {
        let (folder, mut random) = (Folder::new("killed"), Random::new());
        for _ in 0..rounds(5).max(3) {
            let enough = total(&folder) + random.below(6 << 20) as u64 + 1;
            let running = child("crash::child_that_writes_on", &folder.file()).spawn();
            let mut running = Killed(running.unwrap());
            wait_until(|| {
                assert!(
                    running.0.try_wait().unwrap().is_none(),
                    "it failed by itself"
                );
                total(&folder) > enough
            });
            drop(running);
        }
        // The last one is repaired, too.
        let sink = FileSink::<u32>::builder(folder.file()).open_with(encode);
        drop(sink.unwrap());
        let mut all: Vec<u32> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| !path.to_string_lossy().ends_with(".torn"))
            .flat_map(|path| numbers(&path))
            .collect();
        all.sort();
        // Each went on where the one before ended: no number is twice there, and none is missing.
        assert_eq!(all, (0..all.len() as u32).collect::<Vec<_>>());
    });
}

/// What a child does: writes until it may not, and once more.
#[test]
fn child_that_meets_a_limit() {
    let Some(path) = std::env::var_os(FILE) else {
        return;
    };
    let mut sink = FileSink::builder(&path).open_with(encode).unwrap();
    let mut written = 0;
    let error = loop {
        match sink.write(&event(written)) {
            Ok(()) => written += 1,
            Err(error) => break error,
        }
    };
    assert!(error.is_retryable(), "{error}");
    assert!(matches!(error, SinkError::Failed { .. }));
    // The part that fitted is taken back at once.
    let whole: Vec<u32> = (0..written).collect();
    assert_eq!(numbers(Path::new(&path)), whole);
    assert!(sink.write(&event(written)).is_err());
    assert!(sink.close(LONG).is_complete());
    assert_eq!(numbers(Path::new(&path)), whole);
}

#[cfg(unix)]
#[test]
fn a_line_that_fits_in_part_is_taken_back() {
    guarded(|| {
        let folder = Folder::new("limit");
        let test = child("crash::child_that_meets_a_limit", &folder.file());
        // Half of the third line fits; the signal that would end the process is ignored.
        let limited = Command::new("bash")
            .arg("-c")
            .arg(r#"trap "" XFSZ; ulimit -f 2560; exec "$@""#)
            .arg("bash")
            .arg(test.get_program())
            .args(test.get_args())
            .env(FILE, folder.file())
            .output()
            .expect("a shell");
        let text = String::from_utf8_lossy(&limited.stderr).into_owned();
        assert!(limited.status.success(), "{text}");
        assert_eq!(numbers(&folder.file()), [0, 1]);
    });
}
