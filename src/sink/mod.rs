//! Sinks.

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
pub use channel::{ChannelReader, ChannelSink, channel};
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
