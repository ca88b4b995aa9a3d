//! Where events go: files, webhooks, other threads; and what composes on the way: queues, retries, broadcasts.
//!
//! This takes over what [docker/go-events](https://github.com/docker/go-events) does, with the limits, the ends and the answers
//! that its users asked for, and without its faults. Needs the feature `sink`; webhooks need `sink-http`, or `sink-https` for TLS.
//!
//! A [`Sink`] takes one event at a time, and is closed once. What composes is chained by the methods of the trait, from the inside
//! out, and is a sink again:
//!
//! ```
//! use laneway::sink::{DeadLetter, ExponentialBackoff, FileSink, Sink, SinkError, WhenFull, sink_fn};
//! use laneway::{Event, Filter, Router, Topic};
//! use std::time::Duration;
//!
//! # let folder = std::env::temp_dir().join(format!("laneway-sinks-{}", std::process::id()));
//! # std::fs::create_dir_all(&folder)?;
//! # let path = folder.join("dead.ndjson");
//! // Stands for a webhook: `HttpSink::new(url)?`.
//! let endpoint = sink_fn(|event: &Event<u32>| match event.payload() {
//!     0 => Err(SinkError::refused("nothing to say")),
//!     _ => Ok(()),
//! });
//! // What it does not take in the end is kept in a file, with the reason.
//! let dead_letters = FileSink::builder(&path).open_with(|letter: &Event<DeadLetter<u32>>, line| {
//!     let letter = letter.payload();
//!     let error = serde_json::to_string(&letter.error.to_string())?;
//!     line.extend(format!("{{\"number\":{},\"error\":{error}}}", letter.event.payload()).bytes());
//!     Ok(())
//! })?;
//! let sink = endpoint
//!     .retry(ExponentialBackoff::default())
//!     .max_attempts(5)
//!     .dead_letter(dead_letters)
//!     .queue(1024)
//!     .when_full(WhenFull::Block(Duration::from_secs(1)));
//!
//! let router = Router::<u32>::new();
//! let topic = Topic::new("compute", "VM.START")?;
//! let attached = router
//!     .subscription()
//!     .filter(Filter::exact(topic))
//!     .attach(sink, Duration::from_secs(5))?;
//! for number in 0..3 {
//!     router.publish(topic, number)?;
//! }
//! router.flush()?;
//! attached.unsubscribe()?;
//! assert!(attached.close_report().unwrap().is_complete());
//! let dead = std::fs::read_to_string(&path)?;
//! assert_eq!(dead, "{\"number\":0,\"error\":\"the event was refused: nothing to say\"}\n");
//! # std::fs::remove_dir_all(folder)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is where
//!
//! | what | where |
//! |---|---|
//! | the trait, and closures as sinks | [`Sink`], [`sink_fn`] |
//! | why a write failed, and whether to try again | [`SinkError`], [`SinkErrorKind`] |
//! | what closing left | [`CloseReport`] |
//! | on a router | [`SubscriptionBuilder::sink`](crate::SubscriptionBuilder::sink), [`attach`](crate::SubscriptionBuilder::attach), [`Attached`] |
//! | not waiting for a slow sink | [`Queue`], [`WhenFull`], [`Timeout`] |
//! | trying again | [`Retry`], [`ExponentialBackoff`], [`Breaker`], [`Strategy`] |
//! | what is given up | [`DeadLetter`], [`DeadLetters`], [`events_only`] |
//! | several sinks; several writers | [`Broadcast`]; [`Shared`] |
//! | some events | [`Filtered`] |
//! | reading on another thread | [`channel()`] |
//! | looking at what passes | [`Tap`], [`SinkMetrics`] |
//! | files, pipes, the standard output | [`FileSink`], [`WriterSink`], [`StdoutSink`], [`Encode`] |
//! | webhooks | `HttpSink`, with `sink-http` |
//! | ending waits; time in tests | [`CancelToken`]; [`Clock`], [`ManualClock`] |
//!
//! # On a router
//!
//! A sink is a subscriber with a thread of its own, so it delays no shard. Its mailbox drops the newest events when it is full,
//! unless another policy is chosen: the default of other subscribers, [`Overflow::Block`](crate::Overflow::Block), would let a
//! slow disk hold up publishers. Nothing of that is silent: the [`stats`](crate::Subscription::stats) of the subscription say what was
//! dropped before the sink saw it, [`Attached::sink_stats`] what the sink did not write, and [`Attached::close_report`] what was left
//! at the end.
//!
//! # Delivery
//!
//! `Ok` means that the sink has taken the event over, no more: a queue has it in memory, a [`FileSink`] in the file. An event
//! is tried again after errors that leave open whether it arrived, so receivers can see it twice. It is handed over in order; but
//! what was given up after a time, such as a request without an answer, may still take effect after what was sent later.
//!
//! # Closing
//!
//! [`Sink::close`] has a deadline, and [`CloseReport`] the events that were not written by then. At the deadline the owner of a
//! thread cancels the [token](CancelToken) that it has handed to the sinks below by [`Sink::attach`], which ends what they wait for:
//! the next attempt of a retry, room, an answer. What is dropped without being closed has five seconds.
//!
//! # Limits
//!
//! Queues and channels hold 1 to 2^24 events, and say how many when they are made. A retry makes ten attempts, and heeds a wish to be
//! left alone for up to ten minutes. A broadcast has up to 65536 sinks. Files are 64 MiB long, with eight more kept. An answer
//! to a webhook takes up to ten seconds, and 64 KiB of it are read. Each has its method to say otherwise, but for the last one and
//! that of broadcasts. Queues, timeouts and attached sinks have one thread each.
//!
//! # What is different from docker/go-events
//!
//! | there | here |
//! |---|---|
//! | A closed sink during a broadcast costs the next one the event, and the last one gets it twice. | A write goes over a list that stays as it is. Test: `fault_a_closed_sink_during_a_broadcast`. |
//! | Removing a sink changes the caller's own slice. | Impossible: sinks are moved in, and given back. |
//! | One slow sink blocks all sinks, writers, and changes of the list. | [`Broadcast::queued`]; changes wait for no write. |
//! | Failures in a broadcast are logged. | [`SinkError::Partly`] names each. |
//! | Queues and retries are unbounded. | Each has its number; [`WhenFull`], [`Retry::max_attempts`], [`Retry::max_age`]. |
//! | Lost events are logged at the level Debug. | [`Queue::stats`], traced as warnings, and [`Sink::dead_letter`]. |
//! | A nil event kills the queue's thread. | Impossible: there is none. A panic of a sink is contained and counted. |
//! | `Close` has no deadline, and hangs over a dead endpoint. | [`CloseReport`]; the retry below is cut short. |
//! | A second `Close` returns before the first is over. | It waits for the same end. |
//! | A retry that gives up reports success. | [`SinkError::GaveUp`]. |
//! | Closing a retry does not close its sink. | It does. |
//! | Retries claim to take turns, and have no lock; a filter's flag is unsynchronised. | Impossible: writing takes `&mut`. [`Sink::shared`] takes turns. |
//! | The backoff's bound wraps at the 56th failure, or panics. | [`ExponentialBackoff::bound`] never does, up to `u32::MAX`. |
//! | The breaker lets everybody through at once after its pause. | [`Breaker`] lets one probe through. |
//! | A write after a channel was closed may return success and be lost. | What was accepted is read, or in the report. |
//! | A channel's reader does not learn of the end. | [`ChannelReader::recv`] gives `None`. |
//! | `ErrSinkClosed` is compared by value, and hidden by wrapping. | Variants, and [`SinkError::is_retryable`]. |
//! | Whole events and sinks are formatted into logs, of one certain crate. | `tracing`, with names and errors; secrets and URLs are left out. |

mod attach;
mod backoff;
mod breaker;
mod broadcast;
mod buffer;
mod cancel;
mod channel;
mod clock;
mod dead_letter;
mod encode;
mod error;
mod file;
mod filtered;
#[cfg(feature = "sink-http")]
mod http;
mod queue;
mod report;
mod retry;
mod shared;
mod tap;
mod timeout;
mod traits;
mod worker;
mod writer;

pub use attach::Attached;
pub use backoff::ExponentialBackoff;
pub use breaker::{Breaker, BreakerState};
pub use broadcast::{Broadcast, BroadcastError, MAX_SINKS};
pub use buffer::WhenFull;
pub use cancel::CancelToken;
pub use channel::{ChannelReader, ChannelSink, RecvTimeout, channel};
pub use clock::{Clock, ManualClock, SystemClock};
pub use dead_letter::{DeadLetter, DeadLetters, EventsOnly, events_only};
pub use encode::{Encode, LineError};
pub use error::{BoxError, SinkError, SinkErrorKind, SinkFailure};
pub use file::{FileError, FileOperation, FileSink, FileSinkBuilder, FileStats, Fsync, Torn};
pub use filtered::Filtered;
#[cfg(feature = "sink-http")]
pub use http::{HeaderNames, HttpError, HttpSetupError, HttpSink};
pub use queue::{Queue, QueueStats};
pub use report::CloseReport;
pub use retry::{Proceed, Retry, Strategy};
pub use shared::Shared;
pub use tap::{SinkMetrics, SinkStats, Tap};
pub use timeout::Timeout;
pub use traits::{Sink, SinkFn, sink_fn};
pub use writer::{StdoutSink, WriterSink};

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long sinks that are dropped, or belong to a subscription, have for closing.
const CLOSE_DEADLINE: Duration = Duration::from_secs(5);

/// How long a thread that was told to stop has to give back what it holds.
const GRACE: Duration = Duration::from_millis(100);

/// How long closing the sink behind it has after that: it is told to take no time at all.
const CLOSE_GRACE: Duration = Duration::from_secs(1);

/// User code that panics does so outside of locks, so what is behind them is whole.
fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// `None`: never.
fn until(duration: Duration) -> Option<Instant> {
    Instant::now().checked_add(duration)
}

/// What is left until then.
fn left_of(end: Option<Instant>) -> Duration {
    end.map_or(Duration::MAX, |end| {
        end.saturating_duration_since(Instant::now())
    })
}

/// Runs user code; a panic is an error.
fn contained<T>(body: impl FnOnce() -> T) -> Result<T, SinkError> {
    catch_unwind(AssertUnwindSafe(body)).map_err(|payload| {
        let text = payload.downcast_ref::<&str>().copied();
        let message = text.or_else(|| payload.downcast_ref().map(String::as_str));
        let message = message.unwrap_or("something that is no text").into();
        // Dropping it is user code, too.
        crate::contain::contain(move || drop(payload));
        SinkError::Panicked { message }
    })
}
