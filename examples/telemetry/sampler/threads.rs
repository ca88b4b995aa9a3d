//! What the scheduler says about threads: those of this process first, then those of all others.

use super::columns::Columns;
use super::text::numbers;
use super::{Row, Source, Value, row};
use crate::reading::{Labels, topics};
use std::error::Error;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Each is an open file, and a process may often have no more than 1024.
const MAX_OPEN: usize = 512;

/// How long new threads may go unseen: looking for them costs as much as many rounds of readings.
const RESCAN: Duration = Duration::from_secs(1);

pub(super) struct Threads {
    open: Vec<Thread>,
    scanned: Instant,
    topics: Row<3>,
    columns: Columns<3>,
    labels: Labels,
}

struct Thread {
    id: u64,
    file: File,
    row: Row<3>,
}

impl Threads {
    pub(super) const PATH: &str = "/proc/*/task/*/schedstat";

    pub(super) fn open(host: &str, labels: &Labels) -> Result<Self, Box<dyn Error>> {
        // A kernel can be without these files.
        File::open("/proc/thread-self/schedstat")?;
        let types = ["thread.run_ns", "thread.wait_ns", "thread.timeslices"];
        let mut threads = Threads {
            open: Vec::new(),
            scanned: Instant::now(),
            topics: topics(host, "thread", types)?,
            columns: Columns::new(),
            labels: labels.clone(),
        };
        threads.scan();
        Ok(threads)
    }

    /// Opens the threads that are new, and asks all for their names.
    fn scan(&mut self) {
        self.scanned = Instant::now();
        let mut processes: Vec<PathBuf> = numbered("/proc").map(|(_, path)| path).collect();
        processes.insert(0, "/proc/self".into());
        for process in processes {
            for (id, path) in numbered(process.join("task")) {
                if self.open.len() >= MAX_OPEN {
                    return;
                }
                let name = fs::read(path.join("comm")).unwrap_or_default();
                let name = String::from_utf8_lossy(&name);
                let label = format!("{id}/{}", name.trim_end_matches('\n'));
                if let Some(known) = self.open.iter().find(|thread| thread.id == id) {
                    // A thread gets its name when it runs, which may be after it was found.
                    self.labels.enter(known.row[0], label);
                    continue;
                }
                // It may have ended meanwhile, or not be ours to look at.
                let Ok(file) = File::open(path.join("schedstat")) else {
                    continue;
                };
                let row = row(&self.topics, id, label, &self.labels);
                self.open.extend(row.map(|row| Thread { id, file, row }));
            }
        }
    }
}

/// The entries of a directory that are numbers.
fn numbered(path: impl AsRef<Path>) -> impl Iterator<Item = (u64, PathBuf)> {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    entries.filter_map(|entry| {
        let id = entry.file_name().to_str()?.parse().ok()?;
        Some((id, entry.path()))
    })
}

impl Source for Threads {
    fn read(&mut self, values: &mut Vec<Value>) -> io::Result<()> {
        if self.scanned.elapsed() >= RESCAN {
            self.scan();
        }
        let columns = &mut self.columns;
        self.open.retain(|thread| {
            // Three numbers on a line: short enough to come in one read.
            let mut line = [0; 128];
            match thread.file.read_at(&mut line, 0) {
                Ok(len) if len > 0 => {
                    columns.push(&thread.row, numbers(&line[..len]));
                    true
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => true,
                // It has ended.
                _ => false,
            }
        });
        columns.give(values);
        Ok(())
    }
}
