//! What can go wrong: one type for each operation.

use super::transaction::EventTransaction;
use crate::{Field, FilterError};
use std::error::Error;
use std::fmt;
use uuid::Uuid;

/// Why a text is no routing key or binding key.
///
/// ```
/// use laneway::Topic;
/// use laneway::cloudstack::KeyError;
///
/// let error = Topic::from_routing_key("management-server.ActionEvent").unwrap_err();
/// assert_eq!(error, KeyError::Words { words: 2 });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyError {
    /// It has not five words.
    Words {
        /// How many it has, without a `#`.
        words: usize,
    },
    /// A word is empty.
    Empty {
        /// Which one, counted from 1.
        word: usize,
    },
    /// A word has a star and something else.
    Star {
        /// Which one, counted from 1.
        word: usize,
    },
    /// A binding key has more than one `#`, so nobody can tell which words it leaves out.
    Hashes,
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyError::Words { words } => write!(f, "a key has 5 words, and this one {words}"),
            KeyError::Empty { word } => write!(f, "word {word} of the key is empty"),
            KeyError::Star { word } => {
                write!(f, "word {word} of the key has a `*` and something else")
            }
            KeyError::Hashes => f.write_str("the key has more than one `#`"),
        }
    }
}

impl Error for KeyError {}

/// Why a filter has no binding key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BindingKeyError {
    /// A field is a prefix pattern, and the broker matches whole words.
    Prefix {
        /// The field with the pattern.
        field: Field,
    },
    /// A field is the name `#`, which the broker takes for any number of words.
    Hash {
        /// The field with the name.
        field: Field,
    },
    /// The filter is invalid.
    Filter(FilterError),
}

impl fmt::Display for BindingKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BindingKeyError::Prefix { field } => write!(
                f,
                "the {field} of the filter is a prefix pattern, and keys have whole words"
            ),
            BindingKeyError::Hash { field } => write!(
                f,
                "the {field} of the filter is `#`, which keys have for any words"
            ),
            BindingKeyError::Filter(_) => f.write_str("the filter is invalid"),
        }
    }
}

impl Error for BindingKeyError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            BindingKeyError::Filter(error) => Some(error),
            _ => None,
        }
    }
}

/// Why a category was not added.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CategoryError {
    /// The name is empty, longer than 256 bytes or has a star.
    InvalidName,
    /// There is one of this name.
    Duplicate {
        /// The name as it was added.
        name: String,
    },
    /// There are as many as there may be.
    TooMany,
}

impl fmt::Display for CategoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CategoryError::InvalidName => f.write_str("this cannot be the name of a category"),
            CategoryError::Duplicate { name } => write!(f, "there is a category {name}"),
            CategoryError::TooMany => {
                write!(f, "there are {} categories", super::Categories::LIMIT)
            }
        }
    }
}

impl Error for CategoryError {}

/// Why a bus did not take an event.
#[derive(Debug)]
#[non_exhaustive]
pub enum BusError {
    /// There was no room for it in time.
    Full,
    /// The bus is closed.
    Closed,
    /// The bus panicked.
    Panicked,
    /// What a bus of another kind has to say.
    Other(Box<dyn Error + Send + Sync>),
}

impl BusError {
    /// Of a bus of another kind.
    pub fn other(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        BusError::Other(error.into())
    }
}

impl fmt::Display for BusError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BusError::Full => f.write_str("the bus had no room in time"),
            BusError::Closed => f.write_str("the bus is closed"),
            BusError::Panicked => f.write_str("the bus panicked"),
            BusError::Other(error) => error.fmt(f),
        }
    }
}

impl Error for BusError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            BusError::Other(error) => error.source(),
            _ => None,
        }
    }
}

/// A bus did not take all events of a transaction.
#[non_exhaustive]
pub struct CommitError<E> {
    /// Why.
    pub error: BusError,
    /// How many it took before.
    pub published: usize,
    /// The events from the first on that it did not take.
    pub unsent: EventTransaction<E>,
}

impl<E> fmt::Debug for CommitError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommitError")
            .field("error", &self.error)
            .field("published", &self.published)
            .field("unsent", &self.unsent)
            .finish()
    }
}

impl<E> fmt::Display for CommitError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (published, unsent) = (self.published, self.unsent.len());
        write!(f, "{published} events were published, and {unsent} not")
    }
}

impl<E> Error for CommitError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.error)
    }
}

/// A transaction has as many events as it may. The one that is too many comes back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TransactionFull<E>(pub E);

impl<E> fmt::Debug for TransactionFull<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TransactionFull(..)")
    }
}

impl<E> fmt::Display for TransactionFull<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limit = EventTransaction::<E>::LIMIT;
        write!(f, "the transaction has {limit} events")
    }
}

impl<E> Error for TransactionFull<E> {}

/// Why nobody was unsubscribed from a bus.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnsubscribeError {
    /// The id is the nil UUID.
    Nil,
    /// The bus has no subscribers.
    NoSubscribers,
    /// The bus has others, and none with this id: it never had, or that one has ended.
    Unknown(Uuid),
}

impl fmt::Display for UnsubscribeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UnsubscribeError::Nil => f.write_str("the id of a subscriber is not nil"),
            UnsubscribeError::NoSubscribers => f.write_str("the bus has no subscribers"),
            UnsubscribeError::Unknown(id) => write!(f, "the bus has no subscriber with id {id}"),
        }
    }
}

impl Error for UnsubscribeError {}

/// Why a bus was not added to a distributor.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddBusError {
    /// Its name is empty.
    NoName,
    /// There is one of this name.
    DuplicateName(String),
    /// There are as many as there may be.
    TooMany,
}

impl fmt::Display for AddBusError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AddBusError::NoName => f.write_str("a bus needs a name"),
            AddBusError::DuplicateName(name) => write!(f, "there is a bus named {name:?}"),
            AddBusError::TooMany => {
                write!(
                    f,
                    "there are {} buses",
                    super::distributor::EventDistributor::<()>::LIMIT
                )
            }
        }
    }
}

impl Error for AddBusError {}

/// A setting is neither `true` nor `false`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SwitchError {
    /// Its key.
    pub key: String,
}

impl fmt::Display for SwitchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is neither true nor false", self.key)
    }
}

impl Error for SwitchError {}

/// Why a rule was not added to the filters of a webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WebhookFilterError {
    /// Its text is empty.
    Empty,
    /// There are as many as there may be.
    TooMany,
}

impl fmt::Display for WebhookFilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WebhookFilterError::Empty => f.write_str("a rule needs a text"),
            WebhookFilterError::TooMany => {
                write!(f, "there are {} rules", super::WebhookFilters::LIMIT)
            }
        }
    }
}

impl Error for WebhookFilterError {}

/// Why a text is not the body of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BodyError {
    /// It is longer than [`MAX_BODY_BYTES`](super::MAX_BODY_BYTES).
    TooLong {
        /// How long it is.
        bytes: usize,
    },
    /// It is not a JSON object, or it nests too deep.
    Json {
        /// What is wrong, and where.
        reason: String,
    },
    /// A member is not what it has to be.
    Member {
        /// Its key.
        key: &'static str,
        /// What it has to be.
        expected: &'static str,
    },
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BodyError::TooLong { bytes } => {
                let limit = super::MAX_BODY_BYTES;
                write!(
                    f,
                    "the body has {bytes} bytes, and at most {limit} are allowed"
                )
            }
            BodyError::Json { reason } => write!(f, "the body is not a JSON object: {reason}"),
            BodyError::Member { key, expected } => write!(f, "{key} is not {expected}"),
        }
    }
}

impl Error for BodyError {}

/// A text is not a time as CloudStack writes it: `yyyy-MM-dd HH:mm:ss Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeError;

impl fmt::Display for TimeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a time such as 2024-05-17 08:30:05 +0530")
    }
}

impl Error for TimeError {}
