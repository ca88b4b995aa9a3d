//! Collectors: sources of events, each on a thread of its own, under supervision.

mod backoff;
mod clock;
mod cursor;
mod error;
mod info;
mod monitored;
mod registry;
mod slot;
mod stop;
mod target;
pub mod vic;
#[cfg(feature = "manager-watch")]
mod watch;
mod worker;

pub use backoff::Restarts;
pub use clock::{Clock, SystemClock};
pub use cursor::{Gap, Missed, PageCursor, PageError, Unseen};
pub use error::{MonitorError, NameError, RegisterError, StartError, StopError};
pub use info::{CollectorInfo, State, StopReport, Stopped};
pub use monitored::Monitored;
pub use registry::Collectors;
pub use stop::Stop;
pub use target::Target;
#[cfg(feature = "manager-watch")]
pub use watch::{Change, DirectoryWatcher};

use std::error::Error;

/// Why a run of a collector ended: any error at all.
pub type Failure = Box<dyn Error + Send + Sync>;

/// A source of events: reads something, and publishes what it finds.
///
/// ```
/// use laneway::manager::collectors::{Collector, Failure, Stop, Target};
/// use laneway::Topic;
/// use std::time::Duration;
///
/// /// The size of a file, once a second.
/// struct FileSize {
///     path: &'static str,
///     topic: Topic,
/// }
///
/// impl Collector<u64> for FileSize {
///     fn name(&self) -> &str {
///         self.path
///     }
///
///     fn run(&mut self, target: &mut Target<u64>, stop: &Stop) -> Result<(), Failure> {
///         while !stop.wait(Duration::from_secs(1)) {
///             target.publish(self.topic, std::fs::metadata(self.path)?.len())?;
///         }
///         Ok(())
///     }
/// }
/// ```
pub trait Collector<E>: Send + 'static {
    /// Its name in the registry, which is asked once: 1 to 256 bytes without control characters.
    fn name(&self) -> &str;

    /// Collects until `stop` is told. Called on a thread of its own, again for each start and each restart; what it keeps in
    /// `self` stays.
    ///
    /// It should wait on `stop` alone, and for nothing else that takes long. Publishing ends with an error once it is told.
    ///
    /// # Errors
    ///
    /// Whatever went wrong. Unless it was told to stop, it is run again after a while, as the registry's
    /// [`Restarts`] say, and so is one that panics. `Ok` means that it has nothing more to do.
    fn run(&mut self, target: &mut Target<E>, stop: &Stop) -> Result<(), Failure>;

    /// After each run, however it ended, on the same thread: the place to let go of what a run holds in `self`.
    fn stopped(&mut self) {}

    /// The objects that it monitors, if it does. Asked once, when it is registered.
    fn monitored(&self) -> Option<&Monitored> {
        None
    }
}

impl<E: 'static> Collector<E> for Box<dyn Collector<E>> {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn run(&mut self, target: &mut Target<E>, stop: &Stop) -> Result<(), Failure> {
        (**self).run(target, stop)
    }

    fn stopped(&mut self) {
        (**self).stopped();
    }

    fn monitored(&self) -> Option<&Monitored> {
        (**self).monitored()
    }
}
