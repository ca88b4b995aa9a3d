//! The errors of this crate: one enum for each operation that can fail.

use crate::filter::CompileError;
use crate::publisher::BatchPublished;
use crate::subscription::SubscriptionId;
use crate::topic::Topic;
use std::error::Error;
use std::fmt;

/// The longest name of a category, event type, source or resource type, in bytes.
pub(crate) const MAX_NAME_BYTES: usize = 256;

/// How many different combinations of the four text fields a process can register.
pub(crate) const MAX_CLASSES: usize = 1 << 20;

/// How many bytes of names a process can register; they are never given back.
pub(crate) const MAX_TEXT_BYTES: usize = 64 << 20;

/// One of the four text fields of a topic or a filter.
///
/// Errors name the field they are about.
///
/// # Examples
///
/// ```
/// use laneway::{Field, Topic, TopicError};
///
/// assert_eq!(Topic::new("compute", ""), Err(TopicError::Empty { field: Field::EventType }));
/// assert_eq!(Field::EventType.to_string(), "event type");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    /// The broad area that an event belongs to.
    Category,
    /// What happened.
    EventType,
    /// Who says so.
    Source,
    /// The kind of thing it happened to.
    ResourceType,
}

impl Field {
    /// All fields, in the order in which classes and patterns keep them.
    pub(crate) const ALL: [Field; 4] = [
        Field::Category,
        Field::EventType,
        Field::Source,
        Field::ResourceType,
    ];
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Field::Category => "category",
            Field::EventType => "event type",
            Field::Source => "source",
            Field::ResourceType => "resource type",
        })
    }
}

/// Why a topic cannot be built.
///
/// The first three are about the text and would fail again; the last two say that the process-wide registry is full,
/// which [`registry_stats`](crate::registry_stats) shows in advance.
///
/// # Examples
///
/// ```
/// use laneway::{Field, Topic, TopicError};
///
/// let error = Topic::new("compute", "VM.*").unwrap_err();
/// assert_eq!(error, TopicError::Star { field: Field::EventType });
/// assert_eq!(error.to_string(), "the event type of a topic contains a `*`");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TopicError {
    /// The field is the empty text. Fields that are not set are left out instead.
    Empty {
        /// The field that is empty.
        field: Field,
    },
    /// The field is longer than 256 bytes.
    TooLong {
        /// The field that is too long.
        field: Field,
        /// How long it is.
        bytes: usize,
    },
    /// The field contains a `*`, which only filters may use.
    Star {
        /// The field with the star.
        field: Field,
    },
    /// The process has registered as many combinations of the text fields as it may. What has many values belongs in
    /// the resource id, which is not registered.
    TooManyClasses {
        /// The number of combinations that fit.
        limit: usize,
    },
    /// The process has registered as much text as it may.
    TooMuchText {
        /// The number of bytes that fit.
        limit: usize,
    },
}

impl fmt::Display for TopicError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TopicError::Empty { field } => write!(f, "the {field} of a topic is empty"),
            TopicError::TooLong { field, bytes } => write!(
                f,
                "the {field} of a topic has {bytes} bytes, and at most {MAX_NAME_BYTES} are allowed"
            ),
            TopicError::Star { field } => write!(f, "the {field} of a topic contains a `*`"),
            TopicError::TooManyClasses { limit } => write!(
                f,
                "all {limit} combinations of names that a process can register are in use"
            ),
            TopicError::TooMuchText { limit } => write!(
                f,
                "the {limit} bytes of names that a process can register are in use"
            ),
        }
    }
}

impl Error for TopicError {}

/// Why a filter cannot be used.
///
/// A filter is built without errors, so that it reads well; [`Filter::check`](crate::Filter::check) and subscribing
/// report what is wrong with it.
///
/// # Examples
///
/// ```
/// use laneway::{Field, Filter, FilterError};
///
/// let error = Filter::any().event_type("VM*").check().unwrap_err();
/// assert_eq!(error, FilterError::Star { field: Field::EventType });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FilterError {
    /// The field is `""` or `".*"`.
    Empty {
        /// The field that is empty.
        field: Field,
    },
    /// The field's name, without the `.*` of a prefix pattern, is longer than 256 bytes.
    TooLong {
        /// The field that is too long.
        field: Field,
        /// How long its name is.
        bytes: usize,
    },
    /// The field has a `*` that makes neither `"*"` nor `"<prefix>.*"`.
    Star {
        /// The field with the star.
        field: Field,
    },
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FilterError::Empty { field } => write!(f, "the {field} of a filter is empty"),
            FilterError::TooLong { field, bytes } => write!(
                f,
                "the {field} of a filter has {bytes} bytes, and at most {MAX_NAME_BYTES} are allowed"
            ),
            FilterError::Star { field } => write!(
                f,
                "the {field} of a filter has a `*` other than in `*` or `<prefix>.*`"
            ),
        }
    }
}

impl Error for FilterError {}

/// Why a router cannot be built.
#[derive(Debug)]
#[non_exhaustive]
pub enum BuildError {
    /// The number of shards is not 1 to 64.
    Shards {
        /// What was asked for.
        shards: usize,
    },
    /// The capacity of lanes is not 1 to 2^24.
    LaneCapacity {
        /// What was asked for.
        events: usize,
    },
    /// The limit of subscriptions is not 1 to 2^30.
    MaxSubscriptions {
        /// What was asked for.
        count: usize,
    },
    /// The budget of actors is 0.
    Budget,
    /// The system refused a thread.
    Thread(std::io::Error),
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BuildError::Shards { shards } => {
                write!(
                    f,
                    "{shards} shards were asked for, and 1 to 64 are possible"
                )
            }
            BuildError::LaneCapacity { events } => write!(
                f,
                "a lane of {events} events was asked for, and 1 to 16777216 are possible"
            ),
            BuildError::MaxSubscriptions { count } => write!(
                f,
                "a limit of {count} subscriptions was asked for, and 1 to 1073741824 are possible"
            ),
            BuildError::Budget => f.write_str(NO_BUDGET),
            BuildError::Thread(_) => f.write_str("the system refused a thread for a shard"),
        }
    }
}

impl Error for BuildError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            BuildError::Thread(error) => Some(error),
            _ => None,
        }
    }
}

/// Why there is no subscription. Nothing was changed; the actor is dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SubscribeError {
    /// The builder was given no filter. [`Filter::any`](crate::Filter::any) asks for everything.
    NoFilter,
    /// A filter is invalid.
    Filter(FilterError),
    /// The registry has no room for a filter's names.
    Registry(TopicError),
    /// A live subscription has this name.
    DuplicateName(String),
    /// The router has no such shard.
    UnknownShard {
        /// What was asked for, counted from 0.
        shard: usize,
        /// How many there are.
        shards: usize,
    },
    /// The router has as many subscriptions as it was set up for, ending ones included.
    TooMany {
        /// How many that is.
        limit: usize,
    },
    /// The capacity of its mailbox is not 1 to 2^24.
    MailboxCapacity {
        /// What was asked for.
        events: usize,
    },
    /// Its budget is 0.
    Budget,
    /// The window for its restarts is 0.
    RestartWindow,
    /// The system refused a thread for a dedicated actor: what it said.
    Thread(std::io::ErrorKind),
    /// The router has shut down, or is about to.
    Closed,
}

impl fmt::Display for SubscribeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SubscribeError::NoFilter => f.write_str("a subscription needs a filter"),
            SubscribeError::Filter(_) => f.write_str("a filter is invalid"),
            SubscribeError::Registry(_) => f.write_str("a filter's names cannot be registered"),
            SubscribeError::DuplicateName(name) => {
                write!(f, "there is a subscription named {name:?}")
            }
            SubscribeError::UnknownShard { shard, shards } => {
                write!(
                    f,
                    "there is no shard {shard}: they are numbered from 0 to {}",
                    shards - 1
                )
            }
            SubscribeError::TooMany { limit } => {
                write!(
                    f,
                    "there are {limit} subscriptions, as many as there may be"
                )
            }
            SubscribeError::MailboxCapacity { events } => write!(
                f,
                "a mailbox for {events} events was asked for, and 1 to 16777216 are possible"
            ),
            SubscribeError::Budget => f.write_str(NO_BUDGET),
            SubscribeError::RestartWindow => f.write_str("a window for restarts cannot be 0"),
            SubscribeError::Thread(kind) => {
                write!(f, "the system refused a thread for an actor: {kind}")
            }
            SubscribeError::Closed => f.write_str(CLOSED),
        }
    }
}

impl Error for SubscribeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            SubscribeError::Filter(error) => Some(error),
            SubscribeError::Registry(error) => Some(error),
            _ => None,
        }
    }
}

impl From<CompileError> for SubscribeError {
    fn from(error: CompileError) -> Self {
        match error {
            CompileError::Filter(error) => SubscribeError::Filter(error),
            CompileError::Registry(error) => SubscribeError::Registry(error),
        }
    }
}

/// Why nothing was unsubscribed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnsubscribeError {
    /// The router has no such subscription: it never had, or the subscription has ended.
    Unknown(SubscriptionId),
}

impl fmt::Display for UnsubscribeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UnsubscribeError::Unknown(id) => write!(f, "there is no subscription {id}"),
        }
    }
}

impl Error for UnsubscribeError {}

/// Why an event was not published. The payload comes back.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PublishError<E> {
    /// A lane has no room, and waiting was not asked for or not possible.
    Full(E),
    /// The router has shut down, or is about to.
    Closed(E),
}

impl<E> PublishError<E> {
    /// What was to be published.
    pub fn into_payload(self) -> E {
        match self {
            PublishError::Full(payload) | PublishError::Closed(payload) => payload,
        }
    }

    /// Whether it may work later.
    pub fn is_full(&self) -> bool {
        matches!(self, PublishError::Full(_))
    }

    /// Whether it will never work again.
    pub fn is_closed(&self) -> bool {
        matches!(self, PublishError::Closed(_))
    }
}

const NO_BUDGET: &str = "actors need a budget of at least one event";
const FULL: &str = "a lane is full";
const CLOSED: &str = "the router is closed";

impl<E> fmt::Debug for PublishError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PublishError::Full(_) => "Full(..)",
            PublishError::Closed(_) => "Closed(..)",
        })
    }
}

impl<E> fmt::Display for PublishError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PublishError::Full(_) => FULL,
            PublishError::Closed(_) => CLOSED,
        })
    }
}

impl<E> Error for PublishError<E> {}

/// Why a batch was not published to its end. What was taken from the iterator and not published comes back, in order, and
/// of those that follow as many as make it 32.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PublishBatchError<E> {
    /// A lane has no room, and this thread runs actors, so it does not wait.
    Full {
        /// What was published before.
        published: BatchPublished,
        /// What was not published: the next 32, or as many as there were.
        unsent: Vec<(Topic, E)>,
    },
    /// The router has shut down, or is about to.
    Closed {
        /// What was published before.
        published: BatchPublished,
        /// What was not published: the next 32, or as many as there were.
        unsent: Vec<(Topic, E)>,
    },
}

impl<E> PublishBatchError<E> {
    /// What was published before.
    pub fn published(&self) -> BatchPublished {
        match self {
            PublishBatchError::Full { published, .. }
            | PublishBatchError::Closed { published, .. } => *published,
        }
    }

    /// What was not published: the next 32, or as many as there were.
    pub fn into_unsent(self) -> Vec<(Topic, E)> {
        match self {
            PublishBatchError::Full { unsent, .. } | PublishBatchError::Closed { unsent, .. } => {
                unsent
            }
        }
    }
}

impl<E> fmt::Debug for PublishBatchError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, published, unsent) = match self {
            PublishBatchError::Full { published, unsent } => ("Full", published, unsent),
            PublishBatchError::Closed { published, unsent } => ("Closed", published, unsent),
        };
        f.debug_struct(name)
            .field("published", published)
            .field("unsent", &unsent.len())
            .finish()
    }
}

impl<E> fmt::Display for PublishBatchError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PublishBatchError::Full { .. } => FULL,
            PublishBatchError::Closed { .. } => CLOSED,
        })
    }
}

impl<E> Error for PublishBatchError<E> {}

/// Why a flush did not come to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FlushError {
    /// This thread runs actors, or polls a [`Shard`](crate::Shard) of the router: it would wait for itself.
    ActorThread,
    /// The time is up.
    Timeout,
}

impl fmt::Display for FlushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FlushError::ActorThread => "a thread that runs actors cannot wait for them",
            FlushError::Timeout => "the events were not all handled in time",
        })
    }
}

impl Error for FlushError {}

/// Why a [`Shard`](crate::Shard) was not polled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PollError {
    /// The router has shut down; the shard has handled everything and stopped its actors.
    Closed,
    /// An actor is being called on this thread, and calls never nest.
    Nested,
}

impl fmt::Display for PollError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PollError::Closed => "the shard has come to its end",
            PollError::Nested => "an actor cannot poll a shard in its call",
        })
    }
}

impl Error for PollError {}

/// Why a receiver got no event, though it could wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecvError {
    /// The subscription has ended, and all that the receiver held is taken.
    Closed,
    /// There is nothing now, and a thread that runs actors does not wait.
    ActorThread,
}

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RecvError::Closed => ENDED,
            RecvError::ActorThread => NO_WAITING,
        })
    }
}

impl Error for RecvError {}

/// Why a receiver got no event at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TryRecvError {
    /// There is nothing now.
    Empty,
    /// The subscription has ended, and all that the receiver held is taken.
    Closed,
}

impl fmt::Display for TryRecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TryRecvError::Empty => "there is no event now",
            TryRecvError::Closed => ENDED,
        })
    }
}

impl Error for TryRecvError {}

/// Why a receiver got no event in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecvTimeoutError {
    /// The time is up.
    Timeout,
    /// The subscription has ended, and all that the receiver held is taken.
    Closed,
    /// There is nothing now, and a thread that runs actors does not wait.
    ActorThread,
}

impl fmt::Display for RecvTimeoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RecvTimeoutError::Timeout => "no event came in time",
            RecvTimeoutError::Closed => ENDED,
            RecvTimeoutError::ActorThread => NO_WAITING,
        })
    }
}

impl Error for RecvTimeoutError {}

const ENDED: &str = "the subscription has ended";
const NO_WAITING: &str = "a thread that runs actors does not wait for events";
