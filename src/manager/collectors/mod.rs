//! Collectors: sources of events, each on a thread of its own, under supervision.
//!
//! A [`Collector`] reads something and publishes what it finds. The registry, [`Collectors`], knows collectors by name, gives
//! each a way into the router and a thread, tells it to stop, and runs it again when it has failed.
//!
//! # Writing one
//!
//! One loop that waits on its [`Stop`] and publishes to its [`Target`]; errors go up by `?`:
//!
//! ```
//! use laneway::manager::collectors::{Collector, Collectors, Failure, PageCursor, Stop, Target};
//! use laneway::{Filter, Router, Topic};
//! use std::time::Duration;
//!
//! /// Asks a server for its latest events, the newest first.
//! struct Poller {
//!     topic: Topic,
//!     cursor: PageCursor,
//! }
//!
//! fn page_of_the_server() -> std::io::Result<Vec<u64>> {
//!     Ok(vec![3, 2, 1])
//! }
//!
//! impl Collector<u64> for Poller {
//!     fn name(&self) -> &str {
//!         "poller"
//!     }
//!
//!     fn run(&mut self, target: &mut Target<u64>, stop: &Stop) -> Result<(), Failure> {
//!         loop {
//!             let page = page_of_the_server()?;
//!             for id in self.cursor.unseen(&page, |id| *id)? {
//!                 target.publish(self.topic, *id)?;
//!                 self.cursor.pass(*id);
//!             }
//!             if stop.wait(Duration::from_secs(2)) {
//!                 return Ok(());
//!             }
//!         }
//!     }
//! }
//!
//! let router = Router::<u64>::new();
//! let topic = Topic::new("server", "event")?;
//! let (sender, arrived) = std::sync::mpsc::channel();
//! router.subscribe(Filter::exact(topic), move |event| {
//!     let _ = sender.send(*event.payload());
//! })?;
//!
//! let collectors = Collectors::new(&router);
//! collectors.register(Poller { topic, cursor: PageCursor::new() })?;
//! collectors.start("poller")?;
//! assert_eq!(arrived.iter().take(3).collect::<Vec<_>>(), [1, 2, 3]);
//! collectors.stop("poller")?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is promised
//!
//! * **One after the other.** A collector has one thread at most. One that replaces another of its name begins when the thread
//!   of that one is joined, and publishes through the same publisher: by G4, each subscription gets the events of the old one
//!   first. One that does not end by the deadline keeps its place, and the other is refused.
//! * **Ending is prompt.** Who is told to stop publishes nothing more: its [`Target`] is closed, also while it waits for room.
//!   A [`Stop`] ends each wait on it, those between restarts included. What a collector waits for elsewhere is its own affair.
//! * **Failing hurts nobody else.** A failure or a panic ends the run. It is counted, listed, traced, and followed by another
//!   run after a wait ([`Restarts`]), until the attempts are used up.
//! * **Bounded.** At most 1024 collectors, by default 1024 objects for each, 8 restarts in a row.
//! * **Threads that run actors do not wait** (G10): there, stopping tells and returns [`Stopped::Told`], and what would have
//!   to wait for an end that has not come is refused. On its own thread a collector is told the same.
//!
//! # Faults of VMware VIC's event manager, and what became of them
//!
//! | there | here |
//! |---|---|
//! | publishing reads a map of subscribers that subscribing writes: the process dies | impossible: publishers see an immutable table, and each shard owns its actors |
//! | one slow callback fills its queue, then blocks every topic and every publisher | its mailbox drops by its policy; with [`Overflow::Block`](crate::Overflow::Block) it pushes back, because it was asked to |
//! | a callback that publishes can deadlock | publishing there never waits (G10) |
//! | resuming while the manager drops from a full queue can stall it | impossible: the shard owns the mailbox, and suspending is a command to it |
//! | suspending or resuming from one's own callback deadlocks | on such threads they do not wait (G6) |
//! | each unsubscribing and each replacing leaves a thread and a queue behind | impossible: subscribers have no threads; actor and mailbox are dropped by the time unsubscribing returns |
//! | an emptied topic stays in the list | [`Subscribers`](super::Subscribers) drops it |
//! | no way to shut down | [`Collectors::stop_all`], [`Router::shutdown`](crate::Router::shutdown), or dropping them |
//! | a collector's loop does not end when it is stopped | its target is closed, its waits end, and its thread is joined |
//! | stopping before starting reads through a null pointer | [`Stopped::Idle`] |
//! | the last id seen is no longer on the page: what came between is lost without a word | [`Unseen::gap`] |
//! | the last id is forgotten with the process: events come again | [`PageCursor::position`] is a number to save |
//! | failures show in a debug log only | [`CollectorInfo`], and a warning |
//! | an unknown type of event or power state panics | [`vic::VicError`] |
//! | topics are matched as whole texts: nobody can ask for all, or for a kind | [`vic::BaseEvent::topic`], and filters over its parts |

mod backoff;
mod clock;
mod cursor;
mod error;
mod info;
mod kept;
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
/// # let router = laneway::Router::<u64>::new();
/// # let collectors = laneway::manager::collectors::Collectors::new(&router);
/// # let topic = Topic::new("file", "size")?;
/// # collectors.register(FileSize { path: "/etc/hosts", topic })?;
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
/// # Ok::<(), Box<dyn std::error::Error>>(())
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
