//! How a subscription is set up.

use crate::actor::{Actor, Context, WithContext};
use crate::error::SubscribeError;
use crate::event::Event;
use crate::filter::Filter;
use crate::hub::Plan;
use crate::router::Router;
use crate::subscription::Subscription;
use std::fmt;

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
/// use laneway::{Filter, Placement, Router, Topic};
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
}

impl<'a, E: Clone + Send + 'static> SubscriptionBuilder<'a, E> {
    pub(crate) fn new(router: &'a Router<E>) -> Self {
        SubscriptionBuilder {
            router,
            plan: Plan {
                filters: Vec::new(),
                name: None,
                placement: Placement::default(),
            },
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
    /// topics, or a router that has shut down. The actor is dropped.
    ///
    /// # Blocking
    ///
    /// Takes the router's registry lock for a table update; never waits for a shard.
    pub fn actor(self, actor: impl Actor<E>) -> Result<Subscription, SubscribeError> {
        self.router.enter(self.plan, Box::new(actor))
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
