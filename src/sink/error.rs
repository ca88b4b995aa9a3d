//! Why an event was not written.

use std::error::Error;
use std::fmt;
use std::time::Duration;

/// Any error.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// Why an event was not written.
///
/// The event is still the caller's: writing borrows it. [`is_retryable`](Self::is_retryable) says whether another attempt
/// could help.
///
/// ```
/// use laneway::sink::SinkError;
/// use std::io;
///
/// let reset = SinkError::failed(io::Error::from(io::ErrorKind::ConnectionReset));
/// assert!(reset.is_retryable());
/// assert_eq!(reset.to_string(), "the write failed: connection reset");
///
/// let refused = SinkError::refused("no such tenant");
/// assert!(!refused.is_retryable());
/// assert!(matches!(refused, SinkError::Refused(_)));
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum SinkError {
    /// The sink is closed. This one is for ever.
    Closed,
    /// A bounded queue has no room.
    Full {
        /// How many events it holds.
        capacity: usize,
    },
    /// It took too long. Whether it is written in the end nobody knows: one that is retried may be written twice.
    TimedOut {
        /// How long it was waited for.
        after: Duration,
    },
    /// The event is not acceptable, and never will be.
    Refused(BoxError),
    /// Something else; it may work the next time.
    Failed {
        /// What it was.
        source: BoxError,
        /// How long the other side asks to be left alone.
        retry_after: Option<Duration>,
    },
    /// The sink panicked over the event, and was stopped there.
    Panicked {
        /// What it said.
        message: String,
    },
    /// The sink is being closed, and what the write waited for is not waited for any longer.
    Cancelled {
        /// What went wrong at the last attempt, if there was one.
        last: Option<Box<SinkError>>,
    },
    /// Retries were of no use.
    GaveUp {
        /// How many attempts were made.
        attempts: u32,
        /// How long they took.
        after: Duration,
        /// What went wrong at the last one. `None` where none was made, since it would have come too late.
        last: Option<Box<SinkError>>,
    },
    /// Some sinks of a broadcast did not take it.
    Partly {
        /// How many did.
        written: usize,
        /// Which did not, and why.
        failures: Vec<SinkFailure>,
    },
    /// It could not be written, and the dead-letter sink did not take it either.
    DeadLetter {
        /// Why it was to be a dead letter.
        error: Box<SinkError>,
        /// Why it is none.
        dead_letter: Box<SinkError>,
    },
}

/// What went wrong at one of several sinks.
#[derive(Debug)]
#[non_exhaustive]
pub struct SinkFailure {
    /// The name of the sink.
    pub sink: String,
    /// What went wrong.
    pub error: SinkError,
}

impl SinkFailure {
    /// Of the sink with this name.
    pub fn new(sink: impl Into<String>, error: SinkError) -> Self {
        SinkFailure {
            sink: sink.into(),
            error,
        }
    }
}

impl fmt::Display for SinkFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.sink, self.error)
    }
}

impl SinkError {
    /// The event is not acceptable, and never will be.
    pub fn refused(reason: impl Into<BoxError>) -> Self {
        SinkError::Refused(reason.into())
    }

    /// It did not work this time.
    pub fn failed(source: impl Into<BoxError>) -> Self {
        SinkError::Failed {
            source: source.into(),
            retry_after: None,
        }
    }

    /// Whether another attempt could help: where it is full, has timed out or failed.
    pub fn is_retryable(&self) -> bool {
        matches!(
            self,
            SinkError::Full { .. } | SinkError::TimedOut { .. } | SinkError::Failed { .. }
        )
    }

    /// Whether closing ended the write, here or further inside: somebody may still want the event.
    pub(super) fn is_cut_short(&self) -> bool {
        match self {
            SinkError::Cancelled { .. } => true,
            SinkError::Partly { failures, .. } => {
                failures.iter().any(|failure| failure.error.is_cut_short())
            }
            SinkError::DeadLetter { error, dead_letter } => {
                error.is_cut_short() || dead_letter.is_cut_short()
            }
            _ => false,
        }
    }

    /// How long the other side asks to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            SinkError::Failed { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Which of them it is, for counting.
    pub fn kind(&self) -> SinkErrorKind {
        match self {
            SinkError::Closed => SinkErrorKind::Closed,
            SinkError::Full { .. } => SinkErrorKind::Full,
            SinkError::TimedOut { .. } => SinkErrorKind::TimedOut,
            SinkError::Refused(_) => SinkErrorKind::Refused,
            SinkError::Failed { .. } => SinkErrorKind::Failed,
            SinkError::Panicked { .. } => SinkErrorKind::Panicked,
            SinkError::Cancelled { .. } => SinkErrorKind::Cancelled,
            SinkError::GaveUp { .. } => SinkErrorKind::GaveUp,
            SinkError::Partly { .. } => SinkErrorKind::Partly,
            SinkError::DeadLetter { .. } => SinkErrorKind::DeadLetter,
        }
    }
}

impl fmt::Display for SinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of_last = |last: &Option<Box<SinkError>>| match last {
            Some(last) => format!(": {last}"),
            None => String::new(),
        };
        match self {
            SinkError::Closed => f.write_str("the sink is closed"),
            SinkError::Full { capacity } => write!(f, "all {capacity} places are taken"),
            SinkError::TimedOut { after } => write!(f, "the write is not over after {after:?}"),
            SinkError::Refused(reason) => write!(f, "the event was refused: {reason}"),
            SinkError::Failed { source, .. } => write!(f, "the write failed: {source}"),
            SinkError::Panicked { message } => write!(f, "the sink panicked: {message}"),
            SinkError::Cancelled { last } => {
                write!(
                    f,
                    "the sink is closing, the write was cut short{}",
                    of_last(last)
                )
            }
            SinkError::GaveUp {
                attempts,
                after,
                last,
            } => {
                write!(
                    f,
                    "given up after {attempts} attempts in {after:?}{}",
                    of_last(last)
                )
            }
            SinkError::Partly { written, failures } => {
                write!(
                    f,
                    "written by {written} sinks, but not by {}",
                    failures.len()
                )?;
                (failures.iter()).try_for_each(|failure| write!(f, "; {failure}"))
            }
            SinkError::DeadLetter { error, dead_letter } => {
                write!(f, "{error}; and it is no dead letter: {dead_letter}")
            }
        }
    }
}

impl Error for SinkError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            SinkError::Refused(source) | SinkError::Failed { source, .. } => Some(&**source),
            SinkError::Cancelled { last } | SinkError::GaveUp { last, .. } => {
                last.as_deref().map(|last| last as _)
            }
            SinkError::DeadLetter { error, .. } => Some(&**error),
            _ => None,
        }
    }
}

/// Which [`SinkError`] it is, without what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SinkErrorKind {
    /// [`SinkError::Closed`]
    Closed,
    /// [`SinkError::Full`]
    Full,
    /// [`SinkError::TimedOut`]
    TimedOut,
    /// [`SinkError::Refused`]
    Refused,
    /// [`SinkError::Failed`]
    Failed,
    /// [`SinkError::Panicked`]
    Panicked,
    /// [`SinkError::Cancelled`]
    Cancelled,
    /// [`SinkError::GaveUp`]
    GaveUp,
    /// [`SinkError::Partly`]
    Partly,
    /// [`SinkError::DeadLetter`]
    DeadLetter,
}

impl SinkErrorKind {
    /// All of them.
    pub const ALL: [SinkErrorKind; 10] = [
        SinkErrorKind::Closed,
        SinkErrorKind::Full,
        SinkErrorKind::TimedOut,
        SinkErrorKind::Refused,
        SinkErrorKind::Failed,
        SinkErrorKind::Panicked,
        SinkErrorKind::Cancelled,
        SinkErrorKind::GaveUp,
        SinkErrorKind::Partly,
        SinkErrorKind::DeadLetter,
    ];
}

/// A mailbox or a queue holds 1 to 2^24 events.
pub(super) const MAX_CAPACITY: usize = 1 << 24;

/// A number that the programmer wrote, so what is wrong with it shows at the first run.
#[track_caller]
pub(super) fn check_capacity(capacity: usize) {
    assert!(
        (1..=MAX_CAPACITY).contains(&capacity),
        "a queue holds 1 to 2^24 events, not {capacity}"
    );
}
