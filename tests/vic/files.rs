//! Directories with real files, and what is seen of them.

use crate::common::{Log, wait_until};
use crate::support::router;
use laneway::manager::collectors::{Change, Collectors, DirectoryWatcher};
use laneway::{Filter, Router};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A directory of its own, as the system names it.
pub(crate) struct Directory(pub(crate) PathBuf);

impl Directory {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("laneway-watch-{}-{number}", std::process::id());
        let path = std::env::temp_dir().canonicalize().unwrap().join(name);
        fs::create_dir(&path).unwrap();
        Directory(path)
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(crate) fn text(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub(crate) struct Watching {
    pub(crate) router: Router<Change>,
    pub(crate) collectors: Collectors<Change>,
    pub(crate) log: Log<Change>,
}

pub(crate) fn register(directories: &[&Directory], watcher: DirectoryWatcher<Change>) -> Watching {
    let router = router::<Change>();
    let log = Log::default();
    let changes = Filter::any().category(Change::CATEGORY);
    router.subscribe(changes, log.handler()).unwrap();
    let collectors = Collectors::new(&router);
    collectors.register(watcher).unwrap();
    for directory in directories {
        collectors.monitor("watch", directory.text()).unwrap();
    }
    Watching {
        router,
        collectors,
        log,
    }
}

/// Watches already: what comes from here on is seen.
pub(crate) fn watch(directories: &[&Directory]) -> Watching {
    let watching = register(directories, DirectoryWatcher::new("watch"));
    watching.start(directories);
    watching
}

impl Watching {
    /// With a queue for 8 notices, on a router of the test's own.
    pub(crate) fn of(directory: &Directory, router: Router<Change>, log: Log<Change>) -> Watching {
        let collectors = Collectors::new(&router);
        let watcher = DirectoryWatcher::new("watch").capacity(8);
        collectors.register(watcher).unwrap();
        collectors.monitor("watch", directory.text()).unwrap();
        let watching = Watching {
            router,
            collectors,
            log,
        };
        watching.start(&[directory]);
        watching
    }

    fn start(&self, directories: &[&Directory]) {
        self.collectors.start("watch").unwrap();
        for directory in directories {
            self.wait_for(&gap_in(directory));
        }
        assert_eq!(self.log.take().len(), directories.len());
    }

    /// Until one that is made now is seen. If the queue is full, that may take several.
    pub(crate) fn settle(&self, mut make: impl FnMut() -> PathBuf) {
        let mut last = make();
        wait_until(|| {
            let seen = self.log.all();
            let has_settled = seen.contains(&created(&last));
            if !has_settled && seen.last().is_some_and(is_gap) {
                last = make();
            }
            has_settled
        });
    }

    /// What comes up to this change.
    pub(crate) fn until(&self, change: &Change) -> Vec<Change> {
        self.wait_for(change);
        self.log.take()
    }

    #[track_caller]
    pub(crate) fn wait_for(&self, change: &Change) {
        wait_until(|| self.log.all().contains(change));
    }
}

pub(crate) fn is_gap(change: &Change) -> bool {
    matches!(change, Change::Gap { .. })
}

pub(crate) fn created(path: &Path) -> Change {
    Change::Created { path: path.into() }
}

pub(crate) fn removed(path: &Path) -> Change {
    Change::Removed { path: path.into() }
}

pub(crate) fn modified(path: &Path) -> Change {
    Change::Modified { path: path.into() }
}

pub(crate) fn renamed(from: &Path, to: &Path) -> Change {
    Change::Renamed {
        from: from.into(),
        path: to.into(),
    }
}

pub(crate) fn gap_in(directory: &Directory) -> Change {
    Change::Gap {
        directory: Some((*directory.0).into()),
        missed: None,
    }
}
