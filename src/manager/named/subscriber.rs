//! The handle of a named subscription.

use crate::manager::collectors::NameError;
use crate::{
    Filter, SubscribeError, Subscription, SubscriptionId, SubscriptionStats, Suspend,
    UnsubscribeError,
};
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A subscription under a filter and a name, which can be held for a while: see [`Subscribers`](super::Subscribers). Cheap to clone; dropping it changes nothing.
#[derive(Clone)]
pub struct Subscriber(Arc<Named>);

struct Named {
    subscription: Subscription,
    filter: Filter,
    name: String,
    suspended: AtomicBool,
}

impl Subscriber {
    pub(super) fn new(subscription: Subscription, filter: Filter, name: String) -> Self {
        Subscriber(Arc::new(Named {
            subscription,
            filter,
            name,
            suspended: AtomicBool::new(false),
        }))
    }

    pub(super) fn subscription(&self) -> &Subscription {
        &self.0.subscription
    }

    /// What it listens to.
    pub fn filter(&self) -> &Filter {
        &self.0.filter
    }

    /// The name of the caller.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The id of its subscription, which stays when the handler is replaced.
    pub fn id(&self) -> SubscriptionId {
        self.0.subscription.id()
    }

    /// Holds it: see [`Subscription::suspend`].
    ///
    /// ```
    /// # use laneway::manager::Subscribers;
    /// # use laneway::{Filter, Router, Suspend};
    /// # let router = Router::<u32>::new();
    /// # let subscribers = Subscribers::new(&router);
    /// let cache = subscribers.subscribe(Filter::any(), "cache", |event| println!("{event:?}"))?;
    /// cache.suspend(Suspend::Queue)?;
    /// // Fill it here. What happens meanwhile waits, and comes on top of that:
    /// cache.resume()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Subscription::suspend`].
    ///
    /// # Blocking
    ///
    /// As [`Subscription::suspend`].
    pub fn suspend(&self, how: Suspend) -> Result<(), UnsubscribeError> {
        self.0.subscription.suspend(how)?;
        self.0.suspended.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Goes on: see [`Subscription::resume`].
    ///
    /// # Errors
    ///
    /// As [`Subscription::resume`].
    pub fn resume(&self) -> Result<(), UnsubscribeError> {
        self.0.subscription.resume()?;
        self.0.suspended.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// Whether it was suspended last, or resumed. Of two threads that do both at once, either may be the last.
    pub fn is_suspended(&self) -> bool {
        self.0.suspended.load(Ordering::Relaxed)
    }

    /// Whether it has ended.
    pub fn has_ended(&self) -> bool {
        self.0.subscription.has_ended()
    }

    /// Events that came while it was suspended with [`Suspend::Discard`].
    pub fn discarded(&self) -> u64 {
        self.stats().discarded
    }

    /// Events that its mailbox dropped, for any reason.
    pub fn dropped(&self) -> u64 {
        self.stats().dropped.total()
    }

    /// Its counters, over all its handlers.
    pub fn stats(&self) -> SubscriptionStats {
        self.0.subscription.stats()
    }
}

impl fmt::Debug for Subscriber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscriber")
            .field("name", &self.0.name)
            .field("filter", &self.0.filter)
            .field("subscription", &self.0.subscription)
            .finish_non_exhaustive()
    }
}

/// Why a named subscription is as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NamedError {
    /// The name breaks a rule.
    Name(NameError),
    /// The router refuses the subscription.
    Subscribe(SubscribeError),
    /// There is none under this filter and name.
    Unknown {
        /// The filter.
        filter: Filter,
        /// The name.
        name: String,
    },
}

impl fmt::Display for NamedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NamedError::Name(_) => f.write_str("the name of a subscription is invalid"),
            NamedError::Subscribe(_) => f.write_str("the router refuses the subscription"),
            NamedError::Unknown { filter, name } => {
                write!(f, "{name:?} has no subscription to {filter:?}")
            }
        }
    }
}

impl Error for NamedError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            NamedError::Name(error) => Some(error),
            NamedError::Subscribe(error) => Some(error),
            NamedError::Unknown { .. } => None,
        }
    }
}
