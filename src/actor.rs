//! What subscribers are: actors, and the context and reasons they are called with.

use crate::batch::Batch;
use crate::error::PublishError;
use crate::event::Event;
use crate::publisher::local::ThreadsOwn;
use crate::publisher::{Published, publish};
use crate::router::WeakRouter;
use crate::router::hub::Hub;
use crate::subscription::{Record, SubscriptionId};
use crate::topic::Topic;
use std::fmt;
use std::sync::Arc;

/// A subscriber: state that events are handed to, one call at a time, on the thread of its shard.
///
/// Closures that take `&Event<E>` are actors; so are boxed actors. Implement the trait to see [`started`](Self::started)
/// and [`stopped`](Self::stopped), to publish in answer, or to take events in runs.
///
/// Calls never overlap and never nest. A call that panics ends its actor and nobody else, see
/// [`StopReason::Panicked`]. A call that takes long delays the other actors of its shard.
///
/// ```
/// use laneway::{Actor, Context, Event, Filter, Router, Topic};
///
/// /// Answers each ping with a pong.
/// struct Ponger(Topic);
///
/// impl Actor<u64> for Ponger {
///     fn handle(&mut self, ping: &Event<u64>, ctx: &mut Context<'_, u64>) {
///         if ctx.publish(self.0, *ping.payload()).is_err() {
///             ctx.stop();
///         }
///     }
/// }
///
/// let router = Router::<u64>::new();
/// let ping = Topic::new("net", "ping")?;
/// router.spawn(Filter::exact(ping), Ponger(Topic::new("net", "pong")?))?;
/// router.publish(ping, 1)?;
/// router.flush()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Actor<E>: Send + 'static {
    /// Takes one event.
    fn handle(&mut self, event: &Event<E>, ctx: &mut Context<'_, E>);

    /// Takes a run of events of one class, in order. By default each goes to [`handle`](Self::handle).
    ///
    /// One virtual call brings a whole run, so this is where work that is shared among events belongs. Events not taken
    /// from the batch when this returns count as discarded.
    fn handle_batch(&mut self, batch: Batch<'_, E>, ctx: &mut Context<'_, E>) {
        batch.for_each(|event| self.handle(event, ctx));
    }

    /// The first call, on the shard, before any event.
    fn started(&mut self, ctx: &mut Context<'_, E>) {
        let _ = ctx;
    }

    /// Comes before an event with a gap in front of it: `missed` events since the one before did not fit its mailbox.
    ///
    /// A gap that no event follows is told to nobody, and shows in the subscription's counters alone.
    fn lagged(&mut self, missed: u64, ctx: &mut Context<'_, E>) {
        let _ = (missed, ctx);
    }

    /// The last call, before the actor is dropped.
    fn stopped(&mut self, reason: StopReason) {
        let _ = reason;
    }
}

impl<E, F> Actor<E> for F
where
    F: FnMut(&Event<E>) + Send + 'static,
{
    fn handle(&mut self, event: &Event<E>, _: &mut Context<'_, E>) {
        self(event);
    }
}

impl<E: 'static> Actor<E> for Box<dyn Actor<E>> {
    fn handle(&mut self, event: &Event<E>, ctx: &mut Context<'_, E>) {
        (**self).handle(event, ctx);
    }

    fn handle_batch(&mut self, batch: Batch<'_, E>, ctx: &mut Context<'_, E>) {
        (**self).handle_batch(batch, ctx);
    }

    fn started(&mut self, ctx: &mut Context<'_, E>) {
        (**self).started(ctx);
    }

    fn lagged(&mut self, missed: u64, ctx: &mut Context<'_, E>) {
        (**self).lagged(missed, ctx);
    }

    fn stopped(&mut self, reason: StopReason) {
        (**self).stopped(reason);
    }
}

/// A closure that wants its context: what `handler_ctx` makes of it.
pub(crate) struct WithContext<F>(pub(crate) F);

impl<E, F> Actor<E> for WithContext<F>
where
    F: FnMut(&Event<E>, &mut Context<'_, E>) + Send + 'static,
{
    fn handle(&mut self, event: &Event<E>, ctx: &mut Context<'_, E>) {
        (self.0)(event, ctx);
    }
}

/// Why an actor got its last call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StopReason {
    /// Its subscription was ended from outside.
    Unsubscribed,
    /// It asked for it: [`Context::stop`].
    Stopped,
    /// One of its calls panicked.
    Panicked,
    /// The router shut down.
    Shutdown,
}

/// What an actor can do while it is called.
pub struct Context<'a, E> {
    pub(crate) hub: &'a Arc<Hub<E>>,
    pub(crate) record: &'a Record,
}

impl<E: Clone + Send + 'static> Context<'_, E> {
    /// Publishes from inside an actor. Never waits: a target without room gives [`PublishError::Full`] with the payload.
    ///
    /// What does not fit the lane to a target shard is kept in order in a bounded queue of this shard, so `Full` means
    /// that the target is behind by a lane and that queue. On one shard, events of all its actors leave in the order in
    /// which they were published, [`Router::publish`](crate::Router::publish) from a handler included.
    ///
    /// # Errors
    ///
    /// [`PublishError::Full`], or [`PublishError::Closed`] once the router shuts down; both with the payload.
    pub fn publish(&mut self, topic: Topic, payload: E) -> Result<Published, PublishError<E>> {
        publish(ThreadsOwn(self.hub), topic, &mut Some(payload), false)
    }

    /// The router, weakly: an actor that held it strongly would keep it from shutting down when dropped.
    pub fn router(&self) -> WeakRouter<E> {
        self.hub.router()
    }
}

impl<E> Context<'_, E> {
    /// Ends this subscription: no further call but [`Actor::stopped`]. Events not taken yet are discarded.
    pub fn stop(&mut self) {
        self.record.state.end(StopReason::Stopped);
    }

    /// The subscription this actor was called for.
    pub fn subscription_id(&self) -> SubscriptionId {
        self.record.id
    }
}

impl<E> fmt::Debug for Context<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("subscription", &self.record.id)
            .finish_non_exhaustive()
    }
}
