//! How a subscription is set up.

use crate::actor::{Actor, Context, WithContext};
use crate::error::SubscribeError;
use crate::event::Event;
use crate::filter::Filter;
use crate::lane;
use crate::receiver::Receiver;
use crate::receiver::dedicated::Dedicated;
use crate::receiver::remote::{Outbox, remote};
use crate::router::Router;
use crate::router::hub::Plan;
use crate::shard::mailbox::{DEFAULT_CAPACITY, Mailbox, Overflow};
use crate::shard::supervise::{Nobody, OnPanic, Restarts, Supervision};
use crate::shard::{Care, Predicate, Setup};
use crate::subscription::Subscription;
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Which shard an actor goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Placement {
    /// Where the same filter has actors already, so that a publish reaches few shards; otherwise the shard with the fewest
    /// subscriptions. The default. With several filters one in common is enough, so actors that share a broad filter
    /// gather on one shard: spread those that do much work.
    #[default]
    Colocate,
    /// The shard with the fewest subscriptions.
    Spread,
    /// This one, counted from 0.
    Shard(usize),
}

/// Sets up a subscription: see [`Router::subscription`].
///
/// ```
/// use laneway::{Filter, Placement, Router};
///
/// let router = Router::<u32>::new();
/// let subscription = router
///     .subscription()
///     .named("starts and stops")
///     .filter(Filter::any().event_type("VM.START"))
///     .filter(Filter::any().event_type("VM.STOP"))
///     .place(Placement::Spread)
///     .handler_ctx(|event, ctx| {
///         if *event.payload() == 0 {
///             ctx.stop();
///         }
///     })?;
/// assert_eq!(subscription.name(), Some("starts and stops"));
/// # Ok::<(), laneway::SubscribeError>(())
/// ```
#[must_use = "a builder does nothing until it is given a handler or an actor"]
pub struct SubscriptionBuilder<'a, E> {
    router: &'a Router<E>,
    plan: Plan,
    when: Option<Predicate<E>>,
    capacity: usize,
    /// `None` until somebody chooses.
    overflow: Option<Overflow>,
    budget: Option<u32>,
    on_panic: OnPanic,
    restarts: (usize, Duration),
}

const MAX_MAILBOX: usize = 1 << 24;

/// Fresh actors before an actor's panics end its subscription, and the time in which they count.
const DEFAULT_RESTARTS: (usize, Duration) = (8, Duration::from_secs(60));

impl<'a, E: Clone + Send + 'static> SubscriptionBuilder<'a, E> {
    pub(crate) fn new(router: &'a Router<E>) -> Self {
        SubscriptionBuilder {
            router,
            plan: Plan {
                filters: Vec::new(),
                name: None,
                placement: Placement::default(),
            },
            when: None,
            capacity: DEFAULT_CAPACITY,
            overflow: None,
            budget: None,
            on_panic: OnPanic::default(),
            restarts: DEFAULT_RESTARTS,
        }
    }

    /// A name, unique among the router's live subscriptions. For people: in lists, traces and explanations.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.plan.name = Some(name.into());
        self
    }

    /// One more filter. The subscription gets what matches any of them, and each event once.
    pub fn filter(mut self, filter: Filter) -> Self {
        self.plan.filters.push(filter);
        self
    }

    /// Which shard the actor goes to. By default [`Placement::Colocate`].
    pub fn place(mut self, placement: Placement) -> Self {
        self.plan.placement = placement;
        self
    }

    /// Short for [`Placement::Shard`].
    pub fn shard(self, shard: usize) -> Self {
        self.place(Placement::Shard(shard))
    }

    /// Only events for which `predicate` says true. A second one replaces the first.
    ///
    /// It runs on the shard, once for each event that matches a filter, and what it refuses counts nowhere. Where it panics,
    /// the event is refused, and [`on_panic`](Self::on_panic) holds. Room in a mailbox that blocks is looked for before it is
    /// asked.
    ///
    /// ```
    /// # use laneway::{Filter, Router, Topic};
    /// # let router = Router::<u32>::new();
    /// # let topic = Topic::new("compute", "VM.START")?;
    /// let large = router
    ///     .subscription()
    ///     .filter(Filter::exact(topic))
    ///     .when(|event| *event.payload() >= 100)
    ///     .handler(|event| assert!(*event.payload() >= 100))?;
    /// router.publish(topic, 99)?;
    /// router.publish(topic, 100)?;
    /// router.flush()?;
    /// assert_eq!(large.stats().matched, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn when(mut self, predicate: impl FnMut(&Event<E>) -> bool + Send + 'static) -> Self {
        self.when = Some(Box::new(predicate));
        self
    }

    /// How many events may wait, 1 to 2^24, and what happens with more. By default 1024 and [`Overflow::Block`].
    ///
    /// Events wait while the actor is suspended, has used up its [`budget`](Self::budget) for the turn, or reads on another
    /// thread. Otherwise they are handed over as they lie in their lane, and nothing waits here.
    pub fn mailbox(mut self, capacity: usize, overflow: Overflow) -> Self {
        self.capacity = capacity;
        self.overflow = Some(overflow);
        self
    }

    /// What happens with more events than fit where [`mailbox`](Self::mailbox) was not called, instead of
    /// [`Overflow::Block`]. For what is built upon subscriptions.
    ///
    /// ```
    /// # use laneway::{Filter, Overflow, Router};
    /// # let router = Router::<u32>::new();
    /// router
    ///     .subscription()
    ///     .filter(Filter::any())
    ///     .default_overflow(Overflow::DropNewest)
    ///     .handler(|event| println!("{event:?}"))?;
    /// # Ok::<(), laneway::SubscribeError>(())
    /// ```
    pub fn default_overflow(mut self, overflow: Overflow) -> Self {
        self.overflow = self.overflow.or(Some(overflow));
        self
    }

    /// How many events it is handed in one turn of its shard: at least 1. By default as
    /// [`RouterBuilder::budget`](crate::RouterBuilder::budget) says.
    pub fn budget(mut self, events: u32) -> Self {
        self.budget = Some(events);
        self
    }

    /// What becomes of the actor when one of its calls panics. By default [`OnPanic::Stop`]. Not for
    /// [`actor_with`](Self::actor_with), whose actors are replaced.
    pub fn on_panic(mut self, policy: OnPanic) -> Self {
        self.on_panic = policy;
        self
    }

    /// For [`actor_with`](Self::actor_with): at most `limit` fresh actors within `window`; a panic beyond that ends the
    /// subscription. By default 8 within a minute.
    pub fn restarts(mut self, limit: usize, window: Duration) -> Self {
        self.restarts = (limit, window);
        self
    }

    /// Subscribes a closure.
    ///
    /// # Errors
    ///
    /// As [`actor`](Self::actor).
    pub fn handler<F>(self, handler: F) -> Result<Subscription, SubscribeError>
    where
        F: FnMut(&Event<E>) + Send + 'static,
    {
        self.actor(handler)
    }

    /// Subscribes a closure that gets its [`Context`].
    ///
    /// # Errors
    ///
    /// As [`actor`](Self::actor).
    pub fn handler_ctx<F>(self, handler: F) -> Result<Subscription, SubscribeError>
    where
        F: FnMut(&Event<E>, &mut Context<'_, E>) + Send + 'static,
    {
        self.actor(WithContext(handler))
    }

    /// Subscribes an actor. When this returns, every matching event that is published is for it, and none that was
    /// published before.
    ///
    /// # Errors
    ///
    /// No filter or an invalid one, a name in use, a shard that is not there, too many subscriptions, a full registry of
    /// topics, a capacity, budget or window out of range, or a router that has shut down. The actor is dropped.
    ///
    /// # Blocking
    ///
    /// Takes the router's registry lock for a table update; never waits for a shard.
    pub fn actor(self, actor: impl Actor<E>) -> Result<Subscription, SubscribeError> {
        let supervision = self.on_panic.into();
        self.enter(Box::new(actor), supervision, None)
    }

    /// Subscribes an actor that is replaced by a fresh one whenever a call of it panics, see [`restarts`](Self::restarts).
    ///
    /// `factory` runs on the shard: for the first actor as soon as the shard takes the subscription, then in place of each
    /// one that panicked, which gets its [`stopped`](Actor::stopped) and is dropped before. A fresh actor begins with
    /// [`started`](Actor::started) and goes on with the event behind the one that was panicked over.
    ///
    /// # Errors
    ///
    /// As [`actor`](Self::actor).
    ///
    /// ```
    /// # use laneway::{Filter, Router, Topic};
    /// # let router = Router::<u32>::new();
    /// # let topic = Topic::new("compute", "VM.START")?;
    /// let subscription = router.subscription().filter(Filter::exact(topic)).actor_with(|| {
    ///     let mut seen = 0;
    ///     move |_: &laneway::Event<u32>| {
    ///         seen += 1;
    ///         assert!(seen < 3, "too much for one");
    ///     }
    /// })?;
    /// for number in 0..4 {
    ///     router.publish(topic, number)?;
    /// }
    /// router.flush()?;
    /// assert_eq!(subscription.stats().restarts, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn actor_with<A: Actor<E>>(
        self,
        mut factory: impl FnMut() -> A + Send + 'static,
    ) -> Result<Subscription, SubscribeError> {
        let (limit, window) = self.restarts;
        if window.is_zero() {
            return Err(SubscribeError::RestartWindow);
        }
        let supervision = Supervision::Restart(Restarts {
            factory: Box::new(move || Box::new(factory())),
            limit,
            window,
            recent: VecDeque::new(),
        });
        self.enter(Box::new(Nobody), supervision, None)
    }

    /// Subscribes a [`Receiver`], whose events are taken instead of being handed over.
    ///
    /// Up to 256 events, fewer where they are large, lie ready for it; the rest of its [`mailbox`](Self::mailbox) is on the
    /// shard, and moves up as it takes them. With [`Overflow::DropOldest`] and [`Overflow::KeepLatest`] one event lies ready,
    /// and the policy is for the others.
    ///
    /// # Errors
    ///
    /// As [`actor`](Self::actor).
    ///
    /// ```
    /// # use laneway::{Filter, Overflow, Router, Topic};
    /// # let router = Router::<u32>::new();
    /// # let topic = Topic::new("compute", "VM.START")?;
    /// let mut receiver = router
    ///     .subscription()
    ///     .filter(Filter::exact(topic))
    ///     .mailbox(16, Overflow::DropNewest)
    ///     .receiver()?;
    /// router.publish(topic, 7)?;
    /// assert_eq!(receiver.recv()?.into_payload(), 7);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn receiver(self) -> Result<Receiver<E>, SubscribeError> {
        let router = self.router;
        let (outbox, inbox) = remote(self.ahead(), false);
        let supervision = self.on_panic.into();
        let subscription = self.enter(Box::new(Nobody), supervision, Some(outbox))?;
        Ok(Receiver::new(inbox, subscription, Arc::clone(router.hub())))
    }

    /// Subscribes an actor that gets a thread of its own, for handlers that block or take long.
    ///
    /// Its shard looks for room in its [`mailbox`](Self::mailbox) and nothing else, so it delays no other actor; but under
    /// [`Overflow::Block`], the default, a full mailbox holds up publishers. The thread is one that runs actors: publishing
    /// there gives `Full` instead of waiting. It ends with the subscription; shutting down waits for it. It gets its events from
    /// its shard: one that somebody drives by hand must be polled, and under a policy that drops the oldest it brings one event
    /// a poll.
    ///
    /// # Errors
    ///
    /// As [`actor`](Self::actor), and [`SubscribeError::Thread`] if the system refuses a thread.
    ///
    /// ```
    /// # use laneway::{Filter, Router, Topic};
    /// # let router = Router::<u32>::new();
    /// # let topic = Topic::new("compute", "VM.START")?;
    /// router
    ///     .subscription()
    ///     .named("archive")
    ///     .filter(Filter::exact(topic))
    ///     .dedicated(|event: &laneway::Event<u32>| {
    ///         // It may wait for a disk or a network here.
    ///         println!("{event:?}");
    ///     })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn dedicated(self, actor: impl Actor<E>) -> Result<Subscription, SubscribeError> {
        let (router, name) = (self.router, self.plan.name.clone());
        router.dedicate(name.as_deref(), || {
            let (outbox, inbox) = remote(self.ahead(), true);
            let supervision = self.on_panic.into();
            // The seat's own supervision is for the predicate.
            let for_predicate = self.on_panic.into();
            let subscription = self.enter(Box::new(Nobody), for_predicate, Some(outbox))?;
            let (record, hub) = (Arc::clone(subscription.record()), Arc::clone(router.hub()));
            let actor = Dedicated::new(Box::new(actor), supervision, inbox, record, hub);
            Ok((subscription, actor))
        })
    }

    /// How many events lie ready for a reader on another thread.
    fn ahead(&self) -> usize {
        match self.overflow.unwrap_or_default() {
            Overflow::Block | Overflow::DropNewest => {
                self.capacity.clamp(1, lane::default_capacity::<E>())
            }
            // What is ahead is out of the policy's reach.
            Overflow::DropOldest | Overflow::KeepLatest => 1,
        }
    }

    fn enter(
        self,
        actor: Box<dyn Actor<E>>,
        supervision: Supervision<E>,
        outbox: Option<Outbox<E>>,
    ) -> Result<Subscription, SubscribeError> {
        if !(1..=MAX_MAILBOX).contains(&self.capacity) {
            return Err(SubscribeError::MailboxCapacity {
                events: self.capacity,
            });
        }
        let budget = self.budget.unwrap_or(self.router.hub().config.budget);
        if budget == 0 {
            return Err(SubscribeError::Budget);
        }
        let mailbox = Mailbox::new(self.capacity, self.overflow.unwrap_or_default());
        let setup = Setup {
            actor,
            care: Care::new(self.when, mailbox, supervision, outbox),
            budget,
        };
        self.router.enter(self.plan, setup)
    }
}

impl<E> fmt::Debug for SubscriptionBuilder<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubscriptionBuilder")
            .field("name", &self.plan.name)
            .field("filters", &self.plan.filters)
            .field("placement", &self.plan.placement)
            .finish_non_exhaustive()
    }
}
