//! What a directory holds: read, then kept up to date by events, and read again where some were not told.

use crate::{Payload, report};
use laneway::Event;
use laneway::manager::collectors::Change;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[derive(Clone)]
pub(crate) struct Cache {
    directory: Arc<Path>,
    paths: Arc<Mutex<BTreeSet<PathBuf>>>,
}

impl Cache {
    /// An empty one.
    pub(crate) fn of(directory: &Path) -> Self {
        Cache {
            directory: directory.into(),
            paths: Arc::default(),
        }
    }

    /// Reads the directory.
    pub(crate) fn fill(&self) -> io::Result<()> {
        let entries = fs::read_dir(&self.directory)?;
        let paths = entries.map(|entry| Ok(entry?.path()));
        *self.paths() = paths.collect::<io::Result<_>>()?;
        Ok(())
    }

    /// Applies changes.
    pub(crate) fn handler(&self) -> impl FnMut(&Event<Payload>) + Send + 'static {
        let cache = self.clone();
        move |event| {
            if let Payload::Change(change) = event.payload() {
                cache.apply(change);
            }
        }
    }

    fn apply(&self, change: &Change) {
        match change {
            Change::Created { path } | Change::Modified { path } => {
                self.paths().insert(path.to_path_buf());
            }
            Change::Removed { path } => {
                self.paths().remove(&**path);
            }
            Change::Renamed { from, path } => {
                let mut paths = self.paths();
                paths.remove(&**from);
                paths.insert(path.to_path_buf());
            }
            // Something was not told.
            _ => {
                if let Err(error) = self.fill() {
                    report::complain(&format!("the cache is old: {error}"));
                }
            }
        }
    }

    /// The names of the files, in order.
    pub(crate) fn names(&self) -> Vec<String> {
        let paths = self.paths();
        let names = paths.iter().filter_map(|path| path.file_name());
        names
            .map(|name| name.to_string_lossy().into_owned())
            .collect()
    }

    fn paths(&self) -> MutexGuard<'_, BTreeSet<PathBuf>> {
        self.paths.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
