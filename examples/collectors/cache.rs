//! What a directory holds: read once, then kept up to date by events.

use crate::Payload;
use laneway::Event;
use laneway::manager::collectors::Change;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[derive(Clone, Default)]
pub(crate) struct Cache(Arc<Mutex<BTreeSet<PathBuf>>>);

impl Cache {
    /// Reads the directory.
    pub(crate) fn fill(&self, directory: &Path) -> io::Result<()> {
        for entry in fs::read_dir(directory)? {
            self.paths().insert(entry?.path());
        }
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
        let mut paths = self.paths();
        match change {
            Change::Created { path } | Change::Modified { path } => {
                paths.insert(path.to_path_buf());
            }
            Change::Removed { path } => {
                paths.remove(&**path);
            }
            Change::Renamed { from, path } => {
                paths.remove(&**from);
                paths.insert(path.to_path_buf());
            }
            // A cache that is to last would be filled again here.
            _ => {}
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
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
