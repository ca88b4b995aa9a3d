//! One run of the watcher: the system's watches, and what becomes of its notices.

use super::changes::Changes;
use super::queue::{Notice, Queue};
use super::{Change, absolute};
use crate::manager::collectors::{Failure, Monitored, Stop, Target};
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often to look for a directory that is gone.
const RETRY: Duration = Duration::from_millis(250);

pub(super) struct Watch<'a, E> {
    pub(super) system: RecommendedWatcher,
    pub(super) directories: &'a Monitored,
    /// Those that the system watches.
    pub(super) watched: BTreeSet<PathBuf>,
    pub(super) target: &'a mut Target<E>,
}

impl<E> Watch<'_, E>
where
    E: From<Change> + Clone + Send + 'static,
{
    pub(super) fn run(&mut self, queue: &Queue, stop: &Stop) -> Result<(), Failure> {
        // A directory that cannot be watched to begin with is an error. One that goes away later is waited for.
        if let Some(problem) = self.follow()? {
            return Err(problem);
        }
        let mut changes = Changes::default();
        let mut is_missing = false;
        loop {
            while let Some(notice) = queue.take() {
                match notice {
                    Notice::Event(event) => changes.take(event?),
                    Notice::Dropped(missed) => changes.take_gap(Some(missed)),
                }
                self.publish_all(&mut changes)?;
            }
            changes.settle();
            self.publish_all(&mut changes)?;
            if queue.has_ended() {
                return Err("the system's watcher ended".into());
            }
            let problem = self.follow()?;
            if let Some(problem) = problem.as_ref().filter(|_| !is_missing) {
                tracing::warn!(%problem, "a directory cannot be watched, and is looked for");
            }
            is_missing = problem.is_some();
            // Publishing may have waited since, and taken the wake-up that came for one of these.
            if !queue.is_empty() {
                continue;
            }
            let patience = changes.patience().unwrap_or(Duration::MAX);
            let patience = if is_missing {
                patience.min(RETRY)
            } else {
                patience
            };
            if stop.wait_for_wake(patience) {
                return Ok(());
            }
        }
    }

    /// Watches what is monitored now and nothing else. What comes back is why one of them cannot be watched.
    fn follow(&mut self) -> Result<Option<Failure>, Failure> {
        let names = self.directories.list();
        let wanted: BTreeSet<PathBuf> = (names.iter())
            .map(|name| absolute(Path::new(name)))
            .collect();
        let unwanted: Vec<PathBuf> = self.watched.difference(&wanted).cloned().collect();
        for path in unwanted {
            self.forget(&path);
        }
        let mut problem = None;
        for path in wanted {
            if self.watched.contains(&path) {
                continue;
            }
            if let Err(error) = self.add(&path) {
                problem = Some(error);
                continue;
            }
            self.watched.insert(path.clone());
            // In front of all that is told of it: whoever looks at the directory then knows all of it.
            self.publish(Change::Gap {
                directory: Some(path.into()),
                missed: None,
            })?;
        }
        Ok(problem)
    }

    fn add(&mut self, path: &Path) -> Result<(), Failure> {
        if !path.is_dir() {
            return Err(format!("{} is not a directory", path.display()).into());
        }
        Ok(self.system.watch(path, RecursiveMode::NonRecursive)?)
    }

    fn forget(&mut self, path: &Path) {
        self.watched.remove(path);
        // The system may have forgotten it by itself.
        if let Err(error) = self.system.unwatch(path) {
            tracing::debug!(path = %path.display(), %error, "a directory was not watched any more");
        }
    }

    fn publish_all(&mut self, changes: &mut Changes) -> Result<(), Failure> {
        while let Some(change) = changes.next() {
            if let Change::Removed { path } = &change
                && self.watched.contains(&**path)
            {
                self.forget(path);
            }
            self.publish(change)?;
        }
        Ok(())
    }

    fn publish(&mut self, change: Change) -> Result<(), Failure> {
        let topic = change.topic()?;
        let published = self.target.publish(topic, change.into());
        // As text: the error has the payload, which need not be Sync.
        published
            .map(drop)
            .map_err(|error| error.to_string().into())
    }
}
