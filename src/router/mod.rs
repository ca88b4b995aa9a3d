//! The router: the handle that everything starts from, and its end.

pub(crate) mod affinity;
pub(crate) mod builder;
pub(crate) mod hub;
pub(crate) mod workers;

use crate::actor::Actor;
use crate::contain::contain;
use crate::countdown::{Countdown, Done};
use crate::error::{BuildError, FlushError, PublishError, SubscribeError, UnsubscribeError};
use crate::event::Event;
use crate::filter::Filter;
use crate::publisher::local::ThreadsOwn;
use crate::publisher::{Published, Publisher, publish};
use crate::receiver::Receiver;
use crate::receiver::dedicated::Dedicated;
use crate::router::affinity::Claim;
use crate::router::builder::{Config, RouterBuilder};
use crate::router::hub::{Hub, Plan};
use crate::router::workers::Workers;
use crate::shard::manual;
use crate::shard::port::Port;
use crate::shard::watch;
use crate::shard::{Setup, Shard};
use crate::stats::Stats;
use crate::subscription::builder::SubscriptionBuilder;
use crate::subscription::{Control, Explanation, Subscription, SubscriptionId, SubscriptionInfo};
use crate::sync::{JoinHandle, Mutex, panicking, prepare_fences, spawn};
use crate::topic::Topic;
use std::fmt;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

/// Routes events of type `E` from publishers to actors. This is its handle: cheap to clone, usable from any thread.
///
/// Dropping the last handle shuts the router down: it accepts nothing more, handles what it has accepted, and joins its
/// threads, for up to 5 s ([`RouterBuilder::shutdown_timeout`]). On a thread that runs actors it does not wait for that.
/// A thread that polls a [`Shard`](crate::Shard) of this router is one of those, here and wherever waiting is spoken of.
///
/// ```
/// use laneway::{Filter, Router, Topic};
///
/// let router = Router::<String>::new();
/// router.subscribe(Filter::any().event_type("VM.*"), |event| {
///     println!("{}: {}", event.topic(), event.payload());
/// })?;
/// router.publish(Topic::new("compute", "VM.START")?, "web-1".into())?;
/// router.flush()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Router<E>(Arc<Handle<E>>);

/// What lives as long as the last handle.
struct Handle<E> {
    hub: Arc<Hub<E>>,
    workers: Workers,
    /// The stall detector's thread, until it is joined. It ends when all shards have.
    watcher: Mutex<Option<JoinHandle<()>>>,
}

/// What [`Router::shutdown`] achieved by its deadline.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Threads that ended: all their lanes drained, all their actors stopped and dropped. Shards that their owner polls count
    /// as threads.
    pub joined: usize,
    /// The names of threads that were still at work, "laneway-0" for the first shard. They go on draining, and are detached
    /// with the last handle.
    pub detached: Vec<String>,
    /// Events that were accepted and still wait in the lanes, spills and mailboxes of those threads, or were lost with a
    /// [`Shard`](crate::Shard) that was dropped.
    pub unhandled: usize,
    /// Events that waited for actors that were suspended, or in the mailboxes of a [`Shard`](crate::Shard) that was dropped, and
    /// were dropped with them. An event counts once for each actor.
    pub dropped: usize,
}

impl ShutdownReport {
    /// Everything that was accepted is handled, but for what suspended actors kept waiting, and all threads ended.
    pub fn is_complete(&self) -> bool {
        self.detached.is_empty() && self.unhandled == 0
    }
}

impl<E: Clone + Send + 'static> Router<E> {
    /// A router with the defaults of [`builder`](Self::builder).
    ///
    /// # Panics
    ///
    /// If the system refuses a thread. [`RouterBuilder::build`] gives an error instead.
    #[expect(clippy::new_without_default, reason = "starting threads is no default")]
    pub fn new() -> Self {
        Self::builder().build().expect("the defaults are in range")
    }

    /// Sets up a router.
    pub fn builder() -> RouterBuilder<E> {
        RouterBuilder::new()
    }

    fn open(config: Config) -> Self {
        prepare_fences();
        let hub = Arc::new(Hub::new(config));
        let router = Router(Arc::new(Handle {
            hub: Arc::clone(&hub),
            workers: Workers::new(),
            watcher: Mutex::new(None),
        }));
        hub.set_router(router.downgrade());
        router
    }

    pub(crate) fn start(config: Config, claims: Vec<Option<Claim>>) -> Result<Self, BuildError> {
        let router = Self::open(config);
        for (shard, claim) in claims.into_iter().enumerate() {
            let name = thread_name(shard);
            let (exit, done) = Countdown::of_one();
            let worker = Worker {
                hub: Arc::clone(&router.0.hub),
                shard,
                _done: done,
            };
            let thread_name = name.clone();
            let thread = spawn(name.clone(), move || {
                if let Some(claim) = &claim {
                    claim.bind(&thread_name);
                }
                worker.run();
            })
            .map_err(BuildError::Thread)?;
            router.0.workers.add(name, exit.clone());
            router.0.workers.start(&exit, thread, None);
        }
        // Behind the shards: it ends when all of them have.
        *router.0.watcher.lock() = watch::start(&router.0.hub).map_err(BuildError::Thread)?;
        Ok(router)
    }

    pub(crate) fn manual(config: Config) -> (Self, Vec<manual::Shard<E>>) {
        let router = Self::open(config);
        let hub = &router.0.hub;
        let shards = (0..hub.ports.len()).map(|index| {
            let (exit, done) = Countdown::of_one();
            router.0.workers.add(thread_name(index), exit);
            manual::Shard::new(Arc::clone(hub), index, done)
        });
        let shards = shards.collect();
        (router, shards)
    }

    /// A publisher of its own, with its own lanes: the fastest way to publish.
    pub fn publisher(&self) -> Publisher<E> {
        Publisher::new(Arc::clone(&self.0.hub))
    }

    /// Publishes through the calling thread's own publisher, and waits for room.
    ///
    /// All calls of one thread are one publisher, so their events stay in order. Costs a thread-local look-up more than
    /// [`Publisher::publish`]; inside a handler it is what [`Context::publish`](crate::Context::publish) is.
    ///
    /// # Errors
    ///
    /// As [`Publisher::publish`].
    ///
    /// # Blocking
    ///
    /// As [`Publisher::publish`].
    pub fn publish(&self, topic: Topic, payload: E) -> Result<Published, PublishError<E>> {
        publish(ThreadsOwn(&self.0.hub), topic, &mut Some(payload), true)
    }

    /// Subscribes a closure to what matches `filter`.
    ///
    /// When this returns, every matching event that is published is for it, and none that was published before.
    ///
    /// # Errors
    ///
    /// An invalid filter, too many subscriptions, a full registry of topics, or a router that has shut down.
    pub fn subscribe(
        &self,
        filter: Filter,
        handler: impl FnMut(&Event<E>) + Send + 'static,
    ) -> Result<Subscription, SubscribeError> {
        self.subscription().filter(filter).handler(handler)
    }

    /// Subscribes an actor to what matches `filter`.
    ///
    /// # Errors
    ///
    /// As [`subscribe`](Self::subscribe).
    pub fn spawn(
        &self,
        filter: Filter,
        actor: impl Actor<E>,
    ) -> Result<Subscription, SubscribeError> {
        self.subscription().filter(filter).actor(actor)
    }

    /// Subscribes a [`Receiver`] to what matches `filter`.
    ///
    /// # Errors
    ///
    /// As [`subscribe`](Self::subscribe).
    pub fn receiver(&self, filter: Filter) -> Result<Receiver<E>, SubscribeError> {
        self.subscription().filter(filter).receiver()
    }

    /// Sets up a subscription: with a name, several filters, a place.
    pub fn subscription(&self) -> SubscriptionBuilder<'_, E> {
        SubscriptionBuilder::new(self)
    }

    pub(crate) fn hub(&self) -> &Arc<Hub<E>> {
        &self.0.hub
    }

    /// Subscribes a dedicated actor, which `subscribe` makes, and starts its thread.
    pub(crate) fn dedicate(
        &self,
        name: Option<&str>,
        subscribe: impl FnOnce() -> Result<(Subscription, Dedicated<E>), SubscribeError>,
    ) -> Result<Subscription, SubscribeError> {
        let Handle { hub, workers, .. } = &*self.0;
        let name = format!("laneway-{}", name.unwrap_or("actor"));
        let (exit, done) = Countdown::of_one();
        // First of all: once it is subscribed, whoever shuts the router down has to wait for it.
        workers.add(name.clone(), exit.clone());
        let started = subscribe().and_then(|(subscription, actor)| {
            let record = Arc::clone(subscription.record());
            hub.note_dedicated(record.id, exit.clone());
            let thread = spawn(name, move || {
                actor.run();
                drop(done);
            });
            match thread {
                Ok(thread) => workers.start(&exit, thread, Some(record)),
                Err(error) => {
                    subscription.abandon();
                    return Err(SubscribeError::Thread(error.kind()));
                }
            }
            Ok(subscription)
        });
        if started.is_err() {
            workers.remove(&exit);
        }
        started
    }

    pub(crate) fn enter(
        &self,
        plan: Plan,
        setup: Setup<E>,
    ) -> Result<Subscription, SubscribeError> {
        let record = self.0.hub.subscribe(plan, setup)?;
        let control: Weak<dyn Control> = Arc::downgrade(&self.0.hub) as _;
        Ok(Subscription::new(record, control))
    }
}

impl<E: Send + 'static> Router<E> {
    /// Ends a subscription: see [`Subscription::unsubscribe`].
    ///
    /// # Errors
    ///
    /// [`UnsubscribeError::Unknown`] if there is no such subscription on this router, or no more.
    ///
    /// # Blocking
    ///
    /// Waits for the subscription's shard to take the command. If there is no such subscription, it waits for all shards: it
    /// may be in its last call on any of them.
    pub fn unsubscribe(&self, id: SubscriptionId) -> Result<(), UnsubscribeError> {
        self.0.hub.unsubscribe(id, None)
    }

    /// All live subscriptions, by id.
    pub fn subscriptions(&self) -> Vec<SubscriptionInfo> {
        self.0.hub.subscriptions()
    }

    /// Which subscriptions an event with this topic is for now, and why. For people: it asks each filter in turn.
    pub fn explain(&self, topic: Topic) -> Vec<Explanation> {
        self.0.hub.explain(topic)
    }

    /// Waits until every event that was published before has been handled.
    ///
    /// Not transitive: what handlers publish in answer is not waited for, unless it was published before. Where handlers
    /// publish to others that publish in turn, flush once for each hop.
    ///
    /// # Errors
    ///
    /// [`FlushError::ActorThread`] on a thread that runs actors: it would wait for itself.
    ///
    /// # Blocking
    ///
    /// For as long as the shards take; [`flush_timeout`](Self::flush_timeout) limits it.
    pub fn flush(&self) -> Result<(), FlushError> {
        self.0.hub.flush(None)
    }

    /// Like [`flush`](Self::flush), for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As `flush`, and [`FlushError::Timeout`].
    pub fn flush_timeout(&self, timeout: Duration) -> Result<(), FlushError> {
        self.0.hub.flush(deadline(timeout))
    }

    /// The router's counters.
    pub fn stats(&self) -> Stats {
        self.0.hub.stats()
    }

    /// Closes the router, and waits for its shards to handle what was accepted, stop their actors and end.
    ///
    /// From the moment this begins, publishing gives [`PublishError::Closed`] with the payload, to those that wait for room
    /// as well, and subscribing [`SubscribeError::Closed`]. Each event for which publishing returned `Ok` is handled, also
    /// after the deadline: a thread that is late is detached and goes on. Receivers get what waits for them. What waits for an
    /// actor that is suspended is dropped and counted, in the report as well.
    ///
    /// Calling it again waits again. On a thread that runs actors it begins closing and does not wait.
    ///
    /// # Blocking
    ///
    /// Up to `deadline`, and for as long as destructors of thread-locals on the shards' threads take.
    pub fn shutdown(&self, deadline: Duration) -> ShutdownReport {
        self.0.shutdown(deadline)
    }

    /// A handle that does not keep the router running.
    pub fn downgrade(&self) -> WeakRouter<E> {
        WeakRouter(Arc::downgrade(&self.0))
    }
}

/// When it will be in `duration`. `None`: later than the clock can say.
fn deadline(duration: Duration) -> Option<Instant> {
    Instant::now().checked_add(duration)
}

fn thread_name(shard: usize) -> String {
    format!("laneway-{shard}")
}

/// What a shard's thread starts with.
struct Worker<E> {
    hub: Arc<Hub<E>>,
    shard: usize,
    /// The last thing to go.
    _done: Done,
}

impl<E: Clone + Send + 'static> Worker<E> {
    fn run(self) {
        Shard::new(Arc::clone(&self.hub), self.shard).run();
    }
}

impl<E> Drop for Worker<E> {
    /// All user code is contained, so a panic that gets here is a fault of this crate. Publishers must not wait for a shard
    /// that is no more: they see the router closed.
    fn drop(&mut self) {
        if panicking() {
            self.hub.close();
            self.hub.ports[self.shard].exit();
            contain(|| tracing::error!(shard = self.shard, "a shard died"));
        }
        self.hub.watch.wake();
    }
}

impl<E> Handle<E> {
    fn shutdown(&self, timeout: Duration) -> ShutdownReport {
        self.hub.close();
        let waits = self.hub.may_wait();
        if waits {
            self.workers.wait(deadline(timeout));
        }
        let (joined, detached, queued) = self.workers.collect(waits);
        if waits
            && detached.is_empty()
            && let Some(watcher) = self.watcher.lock().take()
        {
            let _ = watcher.join();
        }
        let report = ShutdownReport {
            joined,
            detached,
            unhandled: queued + self.hub.ports.iter().map(Port::unhandled).sum::<usize>(),
            dropped: self.hub.ports.iter().map(Port::dropped_last).sum(),
        };
        if waits && !report.is_complete() {
            contain(|| tracing::warn!(?report, "not everything ended by the deadline"));
        }
        report
    }
}

impl<E> Drop for Handle<E> {
    fn drop(&mut self) {
        self.shutdown(self.hub.config.shutdown_timeout);
    }
}

impl<E> Clone for Router<E> {
    fn clone(&self) -> Self {
        Router(Arc::clone(&self.0))
    }
}

impl<E> fmt::Debug for Router<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Router").field(&self.0.hub).finish()
    }
}

/// A handle that does not keep its router running.
///
/// ```
/// use laneway::Router;
///
/// let router = Router::<u8>::new();
/// let weak = router.downgrade();
/// assert!(weak.upgrade().is_some());
/// drop(router);
/// assert!(weak.upgrade().is_none());
/// ```
pub struct WeakRouter<E>(Weak<Handle<E>>);

impl<E> WeakRouter<E> {
    /// The router, if a handle is left.
    pub fn upgrade(&self) -> Option<Router<E>> {
        self.0.upgrade().map(Router)
    }
}

impl<E> Default for WeakRouter<E> {
    /// One that belongs to no router.
    fn default() -> Self {
        WeakRouter(Weak::new())
    }
}

impl<E> Clone for WeakRouter<E> {
    fn clone(&self) -> Self {
        WeakRouter(Weak::clone(&self.0))
    }
}

impl<E> fmt::Debug for WeakRouter<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakRouter").finish_non_exhaustive()
    }
}
