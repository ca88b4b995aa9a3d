//! A bus: a name, a way to publish, and subscribers that have UUIDs.

use super::compatible::Compatible;
use super::error::{BusError, UnsubscribeError};
use crate::sync::{Mutex, Thread, current, park_timeout};
use crate::{
    Actor, Event, Filter, OnPanic, PublishError, Published, Router, SubscribeError, Subscription,
    SubscriptionBuilder, Topic,
};
use std::collections::HashMap;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// What an [`EventDistributor`](super::EventDistributor) publishes to: an [`EventBus`], or the way to a broker.
///
/// ```
/// use laneway::cloudstack::{Bus, BusError};
/// use laneway::{Published, Topic};
///
/// /// Prints what it gets.
/// struct Printer;
///
/// impl Bus<String> for Printer {
///     fn name(&self) -> &str {
///         "printer"
///     }
///
///     fn publish(&self, topic: Topic, payload: &String) -> Result<Published, BusError> {
///         println!("{}: {payload}", topic.routing_key());
///         Ok(Published::Routed)
///     }
/// }
/// # assert!(Printer.publish(Topic::new("a", "b").unwrap(), &String::new()).is_ok());
/// ```
pub trait Bus<E>: Send + Sync {
    /// Tells it from other buses. Always the same.
    fn name(&self) -> &str;

    /// Takes an event. It should not wait long: buses of a distributor take their turns.
    ///
    /// # Errors
    ///
    /// [`BusError`] if it did not take it.
    fn publish(&self, topic: Topic, payload: &E) -> Result<Published, BusError>;
}

/// What [`EventDistributor::remove`](super::EventDistributor::remove) gives can be added again.
impl<E> Bus<E> for Box<dyn Bus<E>> {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn publish(&self, topic: Topic, payload: &E) -> Result<Published, BusError> {
        (**self).publish(topic, payload)
    }
}

/// A named bus inside the process: a [`Router`], and subscribers that are known by UUIDs. Cheap to clone.
///
/// Subscribers run on the router's shards, never on the thread that publishes, and one that panics stays subscribed and costs
/// the others nothing. Each bus has its own subscribers, also where two share a router; then both publish to both. Dropping a
/// bus keeps its subscribers for as long as the router runs; one that holds a clone of the bus keeps the router running, so
/// to publish in answer use [`Context::publish`](crate::Context::publish).
///
/// # Examples
///
/// ```
/// use laneway::Router;
/// use laneway::cloudstack::{EventBus, EventCategory, UnsubscribeError};
///
/// let bus = EventBus::new("internal", Router::<String>::new());
/// let id = bus.subscribe(EventCategory::ACTION.filter(), |event| println!("{event:?}"))?;
/// assert_eq!(bus.total_subscribers(), 1);
///
/// let topic = EventCategory::ACTION.topic("VM.START").build()?;
/// bus.publish(topic, "web-1".into())?;
/// bus.router().flush()?;
///
/// bus.unsubscribe(id)?;
/// assert_eq!(bus.unsubscribe(id), Err(UnsubscribeError::NoSubscribers));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct EventBus<E> {
    name: Arc<str>,
    router: Router<E>,
    patience: Duration,
    /// Ended ones stay until the table would grow.
    subscribers: Arc<Mutex<HashMap<Uuid, Subscription>>>,
}

impl<E: Clone + Send + 'static> EventBus<E> {
    /// How long [`Bus::publish`] waits for room, unless [`patience`](Self::patience) says something else.
    pub const DEFAULT_PATIENCE: Duration = Duration::from_millis(100);

    /// A bus over a router, which may have other users.
    pub fn new(name: impl Into<String>, router: Router<E>) -> Self {
        EventBus {
            name: name.into().into(),
            router,
            patience: EventBus::<E>::DEFAULT_PATIENCE,
            subscribers: Arc::new(Mutex::new(HashMap::new())),
        }
    }

    /// Sets how long [`Bus::publish`] waits for room: the longest that a bus whose subscribers hang holds up a distributor.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its router: to flush, to shut down, to see its counters.
    pub fn router(&self) -> &Router<E> {
        &self.router
    }

    /// Publishes, and waits for room: [`Router::publish`]. No subscriber runs on this thread.
    ///
    /// As a [`Bus`], it does not wait for longer than its [`patience`](Self::patience).
    ///
    /// # Errors
    ///
    /// [`PublishError`] with the event, if the router is closed, or full on a thread that runs actors.
    ///
    /// # Blocking
    ///
    /// As [`Router::publish`]: while a subscriber's mailbox is full and blocks, or its shard is behind by a lane.
    pub fn publish(&self, topic: Topic, payload: E) -> Result<Published, PublishError<E>> {
        self.router.publish(topic, payload)
    }

    /// Subscribes a closure to what matches `filter`, and gives the UUID to unsubscribe it by, which is random.
    ///
    /// When this returns, every matching event that is published is for it, and none that was published before.
    ///
    /// # Errors
    ///
    /// As [`Router::subscribe`].
    pub fn subscribe(
        &self,
        filter: Filter,
        handler: impl FnMut(&Event<E>) + Send + 'static,
    ) -> Result<Uuid, SubscribeError> {
        self.subscribe_with(|builder| builder.filter(filter).handler(handler))
    }

    /// Subscribes an actor to what matches `filter`.
    ///
    /// # Errors
    ///
    /// As [`Router::subscribe`].
    pub fn spawn(&self, filter: Filter, actor: impl Actor<E>) -> Result<Uuid, SubscribeError> {
        self.subscribe_with(|builder| builder.filter(filter).actor(actor))
    }

    /// Subscribes a closure to what matches by CloudStack's own rules, see [`Compatible`].
    ///
    /// # Errors
    ///
    /// As [`Router::subscribe`].
    pub fn subscribe_compatible(
        &self,
        topic: &Compatible,
        handler: impl FnMut(&Event<E>) + Send + 'static,
    ) -> Result<Uuid, SubscribeError> {
        self.subscribe_with(|builder| topic.attach(builder).handler(handler))
    }

    /// Subscribes in any way there is: with several filters, a mailbox, a thread of its own.
    ///
    /// The builder is set up to go on after a panic ([`OnPanic::Resume`]).
    ///
    /// # Errors
    ///
    /// What `set_up` gives.
    ///
    /// ```
    /// use laneway::cloudstack::EventBus;
    /// use laneway::{Filter, Overflow, Router};
    ///
    /// let bus = EventBus::new("internal", Router::<String>::new());
    /// let id = bus.subscribe_with(|builder| {
    ///     builder
    ///         .named("archive")
    ///         .filter(Filter::any())
    ///         .mailbox(4096, Overflow::DropOldest)
    ///         .dedicated(|event: &laneway::Event<String>| println!("{event:?}"))
    /// })?;
    /// assert_eq!(bus.subscriber(id).unwrap().name(), Some("archive"));
    /// # Ok::<(), laneway::SubscribeError>(())
    /// ```
    pub fn subscribe_with(
        &self,
        set_up: impl FnOnce(SubscriptionBuilder<'_, E>) -> Result<Subscription, SubscribeError>,
    ) -> Result<Uuid, SubscribeError> {
        let subscription = set_up(self.router.subscription().on_panic(OnPanic::Resume))?;
        let id = Uuid::new_v4();
        let mut subscribers = self.subscribers.lock();
        if subscribers.len() == subscribers.capacity() {
            subscribers.retain(|_, subscription| !subscription.has_ended());
        }
        subscribers.insert(id, subscription);
        Ok(id)
    }

    /// Ends a subscription. When this returns, no call of the subscriber is running or will begin, as
    /// [`Subscription::unsubscribe`] has it.
    ///
    /// # Errors
    ///
    /// [`UnsubscribeError`] for the nil UUID, if there are no subscribers, or none with this id.
    ///
    /// # Blocking
    ///
    /// Waits for the subscriber's shard, unless this thread runs actors.
    pub fn unsubscribe(&self, id: Uuid) -> Result<(), UnsubscribeError> {
        if id.is_nil() {
            return Err(UnsubscribeError::Nil);
        }
        // Unlocked before it waits: the subscriber may be about to use the bus. And removed after: who else unsubscribes it
        // meanwhile has to wait too.
        let found = self.subscribers.lock().get(&id).cloned();
        let has_ended = found.map(|subscription| subscription.unsubscribe());
        self.subscribers.lock().remove(&id);
        if let Some(Ok(())) = has_ended {
            return Ok(());
        }
        Err(match self.total_subscribers() {
            0 => UnsubscribeError::NoSubscribers,
            _ => UnsubscribeError::Unknown(id),
        })
    }

    /// The subscription with this id, for its counters or to suspend it.
    pub fn subscriber(&self, id: Uuid) -> Option<Subscription> {
        let subscribers = self.subscribers.lock();
        let found = subscribers.get(&id);
        found
            .filter(|subscription| !subscription.has_ended())
            .cloned()
    }

    /// How many subscribers there are. Looks at each of them.
    pub fn total_subscribers(&self) -> usize {
        let subscribers = self.subscribers.lock();
        let live = subscribers.values().filter(|one| !one.has_ended());
        live.count()
    }
}

impl<E: Clone + Send + 'static> Bus<E> for EventBus<E> {
    fn name(&self) -> &str {
        &self.name
    }

    /// Publishes a clone, and waits for room for no longer than the bus's patience; not at all on a thread that runs actors.
    fn publish(&self, topic: Topic, payload: &E) -> Result<Published, BusError> {
        let mut publishing = self.router.publish_async(topic, payload.clone());
        let mut poll =
            |waker: &Waker| Pin::new(&mut publishing).poll(&mut Context::from_waker(waker));
        let mut polled = poll(Waker::noop());
        if polled.is_pending() {
            let waker = Waker::from(Arc::new(Unpark(current())));
            let deadline = Instant::now().checked_add(self.patience);
            polled = poll(&waker);
            while polled.is_pending() {
                let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
                if left.is_some_and(|left| left.is_zero()) {
                    return Err(BusError::Full);
                }
                park_timeout(left.unwrap_or(Duration::MAX));
                polled = poll(&waker);
            }
        }
        match polled {
            Poll::Ready(Ok(published)) => Ok(published),
            Poll::Ready(Err(PublishError::Closed(_))) => Err(BusError::Closed),
            Poll::Ready(Err(_)) | Poll::Pending => Err(BusError::Full),
        }
    }
}

/// Wakes the thread that waits for room.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

impl<E> Clone for EventBus<E> {
    fn clone(&self) -> Self {
        EventBus {
            name: Arc::clone(&self.name),
            router: self.router.clone(),
            patience: self.patience,
            subscribers: Arc::clone(&self.subscribers),
        }
    }
}

impl<E> fmt::Debug for EventBus<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventBus")
            .field("name", &self.name)
            .field("router", &self.router)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ended_subscribers_leave_the_table() {
        let bus = EventBus::new("internal", Router::<u32>::new());
        for _ in 0..1000 {
            let builder = |builder: SubscriptionBuilder<'_, u32>| {
                let subscription = builder.filter(Filter::any()).handler(|_| ())?;
                // As one does that ends of itself.
                subscription.unsubscribe().expect("it lives");
                Ok(subscription)
            };
            bus.subscribe_with(builder).unwrap();
        }
        assert!(bus.subscribers.lock().len() < 10);
        assert_eq!(bus.total_subscribers(), 0);
    }
}
