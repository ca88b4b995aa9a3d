//! A collector of what happens in directories.

mod changes;
mod queue;
mod run;

use self::queue::{Feed, Queue};
use self::run::Watch;
use super::{Collector, Failure, Monitored, Stop, Target};
use crate::{Filter, ResourceId, Topic, TopicError};
use std::collections::BTreeSet;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// What happened in a directory that is watched.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Change {
    /// There is a new entry, or one came from a directory that is not watched.
    Created {
        /// The entry.
        path: Arc<Path>,
    },
    /// The content of an entry or what is noted of it changed.
    Modified {
        /// The entry.
        path: Arc<Path>,
    },
    /// An entry is gone, by removal or to a directory that is not watched; or the directory itself is.
    Removed {
        /// The entry, or the directory.
        path: Arc<Path>,
    },
    /// An entry has another name, in the same directory or in another that is watched.
    Renamed {
        /// Where it was.
        from: Arc<Path>,
        /// Where it is.
        path: Arc<Path>,
    },
    /// What happened up to here was not told, or not all of it: look at the directory itself for what is so now.
    Gap {
        /// Where: a directory that is watched from now on. None: in any of them.
        directory: Option<Arc<Path>>,
        /// How many notices were dropped since nobody took them fast enough. None: it is not known.
        missed: Option<u64>,
    },
}

impl Change {
    /// The category of the topics that changes are published under.
    pub const CATEGORY: &str = "directory";

    /// The resource type of those topics.
    pub const RESOURCE_TYPE: &str = "path";

    /// The filter for all changes of one entry: by its path, which is made absolute, as those that are published are.
    ///
    /// ```
    /// use laneway::manager::collectors::Change;
    ///
    /// let path = std::path::Path::new("/var/lib/uploads/one");
    /// let removed = Change::Removed { path: path.into() };
    /// assert!(Change::filter_of(path).matches(removed.topic()?));
    /// # Ok::<(), laneway::TopicError>(())
    /// ```
    pub fn filter_of(path: impl AsRef<Path>) -> Filter {
        Filter::any()
            .category(Self::CATEGORY)
            .resource(resource(&absolute(path.as_ref())))
    }

    /// The event type it is published as: `created`, `modified`, `removed`, `renamed` or `gap`.
    pub fn event_type(&self) -> &'static str {
        match self {
            Change::Created { .. } => "created",
            Change::Modified { .. } => "modified",
            Change::Removed { .. } => "removed",
            Change::Renamed { .. } => "renamed",
            Change::Gap { .. } => "gap",
        }
    }

    /// The entry it is about, under its new name; of a gap, the directory.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Change::Created { path }
            | Change::Modified { path }
            | Change::Removed { path }
            | Change::Renamed { path, .. } => Some(path),
            Change::Gap { directory, .. } => directory.as_deref(),
        }
    }

    /// The topic it is published under, with the path as the resource.
    ///
    /// # Errors
    ///
    /// [`TopicError`] if the registry of names is full.
    pub fn topic(&self) -> Result<Topic, TopicError> {
        let topic = Topic::builder(Self::CATEGORY, self.event_type())
            .resource_type(Self::RESOURCE_TYPE)
            .build()?;
        Ok(match self.path() {
            Some(path) => topic.with_resource(resource(path)),
            None => topic,
        })
    }
}

/// Of what is not UTF-8, with U+FFFD in its place.
fn resource(path: &Path) -> ResourceId {
    (&*path.to_string_lossy()).into()
}

/// Absolute, without a slash at the end.
fn absolute(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.into());
    path.components().collect()
}

/// How many notices wait for the collector, if nothing else is said.
const DEFAULT_CAPACITY: usize = 4096;

/// How long the system's thread may take to end.
const END: Duration = Duration::from_secs(1);

/// Watches directories, and publishes a [`Change`] for each thing that happens to one of their entries. For payloads that a
/// change can become.
///
/// # What is watched
///
/// The monitored objects are directories, named by their path: at least one, at most 1024. Their entries are watched, and not
/// what lies deeper. Directories can be added and removed while it runs. One that is removed or moved is looked for from then
/// on; when there is one of that name again, it is watched.
///
/// # What is published
///
/// Changes under the category [`Change::CATEGORY`], with the path as the resource, in the order in which the system tells
/// them. What happens in quick succession can be told as less: modifications of one entry with nothing else in between that
/// wait for the collector are published as one, and by some systems notices are joined before. An entry that was moved out of
/// the watched directories is `Removed` after 20 ms without its other half. Reading is no change. A watched directory inside
/// another can be `Removed` twice, once by each.
///
/// # What is missed
///
/// Nothing is missed silently. Watching a directory begins a moment after it is asked for: a [`Change::Gap`] says that from
/// here on all is told, at each start, for a directory that is added, and for one that is there again. And when the queue of
/// the system runs over, or the one of the collector ([`capacity`](Self::capacity)) because what it publishes finds no room,
/// a `Gap` stands in the place of what was dropped. So whoever reads the directory at each `Gap` and applies all changes is
/// up to date.
///
/// ```
/// use laneway::manager::collectors::{Change, Collectors, DirectoryWatcher};
/// use laneway::{Filter, Router};
///
/// let router = Router::<Change>::new();
/// router.subscribe(Filter::any().category(Change::CATEGORY), |event| println!("{event:?}"))?;
///
/// let collectors = Collectors::new(&router);
/// collectors.register(DirectoryWatcher::new("uploads"))?;
/// collectors.monitor("uploads", std::env::temp_dir().to_str().expect("a path in UTF-8"))?;
/// collectors.start("uploads")?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct DirectoryWatcher<E> {
    name: String,
    directories: Monitored,
    capacity: usize,
    payload: PhantomData<fn() -> E>,
}

impl<E> DirectoryWatcher<E> {
    /// A watcher without directories, under a name for the registry.
    pub fn new(name: impl Into<String>) -> Self {
        let is_directory = |path: &str| -> Result<(), Failure> {
            if std::fs::metadata(path)?.is_dir() {
                Ok(())
            } else {
                Err("it is not a directory".into())
            }
        };
        DirectoryWatcher {
            name: name.into(),
            directories: Monitored::at_least_one().checked_by(is_directory),
            capacity: DEFAULT_CAPACITY,
            payload: PhantomData,
        }
    }

    /// How many notices of the system may wait for the collector: at least 1. By default 4096.
    #[must_use]
    pub fn capacity(mut self, notices: usize) -> Self {
        self.capacity = notices.max(1);
        self
    }

    /// The directories, to add and remove.
    pub fn directories(&self) -> &Monitored {
        &self.directories
    }
}

impl<E> Collector<E> for DirectoryWatcher<E>
where
    E: From<Change> + Clone + Send + 'static,
{
    fn name(&self) -> &str {
        &self.name
    }

    fn monitored(&self) -> Option<&Monitored> {
        Some(&self.directories)
    }

    fn run(&mut self, target: &mut Target<E>, stop: &Stop) -> Result<(), Failure> {
        let queue = Arc::new(Queue::new(self.capacity, stop.waker()));
        let feed = Feed::new(&queue);
        let mut watch = Watch {
            system: notify::recommended_watcher(feed)?,
            directories: &self.directories,
            watched: BTreeSet::new(),
            target,
        };
        let result = watch.run(&queue, stop);
        drop(watch);
        // It has a thread, which nobody can join: it says when it lets go of its feed.
        if !queue.wait_for_end(END) {
            tracing::warn!(collector = self.name, "the system's watcher has not ended");
        }
        result
    }
}
