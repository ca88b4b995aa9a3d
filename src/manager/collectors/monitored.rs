//! The objects that a collector looks at.

use super::Failure;
use super::error::MonitorError;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

/// The longest name of an object, in bytes.
const MAX_OBJECT_BYTES: usize = 4096;

/// How many objects a collector monitors at most, if nothing else is said.
const DEFAULT_LIMIT: usize = 1024;

/// The set of objects that a collector monitors, by name: shared by the collector and whoever changes it, also while it runs.
///
/// ```
/// use laneway::manager::collectors::{MonitorError, Monitored};
///
/// let hosts = Monitored::at_least_one().limit(2);
/// assert!(hosts.needs_one());
/// hosts.add("host-1")?;
/// assert_eq!(hosts.add("host-1"), Err(MonitorError::Present { object: "host-1".into() }));
/// assert_eq!(hosts.add(""), Err(MonitorError::Empty));
/// hosts.remove("host-1")?;
/// assert!(hosts.list().is_empty());
/// # Ok::<(), MonitorError>(())
/// ```
#[derive(Clone)]
pub struct Monitored {
    shared: Arc<Mutex<Objects>>,
    needs_one: bool,
    limit: usize,
    check: fn(&str) -> Result<(), Failure>,
}

#[derive(Default)]
struct Objects {
    names: BTreeSet<String>,
    /// Wakes the collector that runs.
    changed: Option<Waker>,
}

impl Monitored {
    /// For a collector that runs without objects, too.
    #[expect(clippy::new_without_default, reason = "one of two constructors")]
    pub fn new() -> Self {
        Monitored {
            shared: Arc::default(),
            needs_one: false,
            limit: DEFAULT_LIMIT,
            check: |_| Ok(()),
        }
    }

    /// For a collector that is refused to start without one.
    pub fn at_least_one() -> Self {
        Monitored {
            needs_one: true,
            ..Self::new()
        }
    }

    /// At most so many objects. By default 1024.
    #[must_use]
    pub fn limit(mut self, objects: usize) -> Self {
        self.limit = objects;
        self
    }

    /// Objects that `check` refuses are not added.
    #[must_use]
    pub fn checked_by(mut self, check: fn(&str) -> Result<(), Failure>) -> Self {
        self.check = check;
        self
    }

    /// One object more. A collector that runs sees it in its next look.
    ///
    /// # Errors
    ///
    /// [`MonitorError`] for the rule that the name breaks; nothing is changed.
    pub fn add(&self, object: &str) -> Result<(), MonitorError> {
        if object.is_empty() {
            return Err(MonitorError::Empty);
        }
        if object.len() > MAX_OBJECT_BYTES {
            return Err(MonitorError::TooLong {
                bytes: object.len(),
            });
        }
        (self.check)(object).map_err(|reason| MonitorError::Refused {
            object: object.into(),
            reason: reason.to_string(),
        })?;
        let mut objects = self.lock();
        if objects.names.contains(object) {
            return Err(MonitorError::Present {
                object: object.into(),
            });
        }
        if objects.names.len() >= self.limit {
            return Err(MonitorError::TooMany { limit: self.limit });
        }
        objects.names.insert(object.into());
        Self::wake(objects);
        Ok(())
    }

    /// One object less. A collector that runs sees it in its next look.
    ///
    /// # Errors
    ///
    /// [`MonitorError::Unknown`] if it is not monitored.
    pub fn remove(&self, object: &str) -> Result<(), MonitorError> {
        let mut objects = self.lock();
        if !objects.names.remove(object) {
            return Err(MonitorError::Unknown {
                object: object.into(),
            });
        }
        Self::wake(objects);
        Ok(())
    }

    /// All of them, in the order of their names.
    pub fn list(&self) -> Vec<String> {
        self.lock().names.iter().cloned().collect()
    }

    /// Whether the collector does not start without an object.
    pub fn needs_one(&self) -> bool {
        self.needs_one
    }

    /// Who is told of changes from now on.
    pub(super) fn wake_on_change(&self, waker: Waker) {
        self.lock().changed = Some(waker);
    }

    fn wake(objects: MutexGuard<'_, Objects>) {
        let changed = objects.changed.clone();
        // A waker is not called under a lock.
        drop(objects);
        if let Some(waker) = changed {
            waker.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Objects> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Monitored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Monitored")
            .field("objects", &self.list())
            .field("needs_one", &self.needs_one)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}
