//! A shard without a thread: whoever holds it decides when its actors run.

use crate::contain::contain;
use crate::countdown::Done;
use crate::error::PollError;
use crate::publisher::local::{self, Acting};
use crate::publisher::outlet::Outlet;
use crate::router::hub::Hub;
use crate::shard;
use std::fmt;
use std::sync::Arc;

/// A shard that its owner drives, for engine loops and deterministic tests: see
/// [`RouterBuilder::manual`](crate::RouterBuilder::manual).
///
/// Its actors run in [`poll`](Self::poll) and nowhere else, on the thread that calls it. It can move to another thread
/// between polls.
///
/// # The thread that polls
///
/// During a poll its thread is one that runs actors, and never waits. Between polls it may wait for anything but this router:
/// what would be done is done in its own next poll. So until it has polled the shard to its end, or another thread has polled
/// the shard, there publishing without room gives [`PublishError::Full`](crate::PublishError::Full), flushing
/// [`FlushError::ActorThread`](crate::FlushError::ActorThread); unsubscribing does not wait (no further call begins, and
/// [`Actor::stopped`](crate::Actor::stopped) and Drop run in the next poll); and shutting down closes the router and returns.
///
/// Before its first poll that thread is the one that built the router. Where the shards are moved to another, that one
/// should have polled them, be it with `poll(0)`, before the first one waits for anything.
///
/// # Dropping it
///
/// Once it has come to its end that does nothing. Before, it closes the router, which cannot keep its promises without one of
/// its shards: what lies in the shard's lanes is dropped and counts as
/// [`unhandled`](crate::ShutdownReport::unhandled), its actors end with
/// [`StopReason::Shutdown`](crate::StopReason::Shutdown), and who waits for it goes on. It waits for publishers that are about
/// to write into its lanes, which takes no time unless one of their threads is kept from running; up to a tenth of a second.
///
/// ```
/// use laneway::{Filter, PollError, Router, Topic};
/// use std::time::Duration;
///
/// let (router, mut shards) = Router::<u32>::builder().shards(1).manual()?;
/// let damage = Topic::new("game", "damage")?;
/// router.subscribe(Filter::exact(damage), |event| println!("{} damage", event.payload()))?;
///
/// for frame in 0..3 {
///     router.publish(damage, frame)?;
///     assert_eq!(shards[0].poll(100)?, 1);
/// }
/// // It would wait for this thread, so it closes and returns.
/// router.shutdown(Duration::ZERO);
/// assert_eq!(shards[0].poll(100)?, 0);
/// assert_eq!(shards[0].poll(100), Err(PollError::Closed));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Shard<E: Clone + Send + 'static> {
    hub: Arc<Hub<E>>,
    index: usize,
    /// `None` once it has ended.
    work: Option<Work<E>>,
}

struct Work<E> {
    shard: shard::Shard<E>,
    /// In the thread's list during a poll, and here between polls.
    outlet: Option<Box<Outlet<E>>>,
    /// The last thing to go.
    _done: Done,
}

impl<E: Clone + Send + 'static> Shard<E> {
    pub(crate) fn new(hub: Arc<Hub<E>>, index: usize, done: Done) -> Self {
        // Until somebody else polls it, that is for this thread to do.
        hub.ports[index].drive_here();
        let work = Work {
            shard: shard::Shard::new(Arc::clone(&hub), index),
            outlet: Some(Box::new(Outlet::of_shard(&hub, index))),
            _done: done,
        };
        Shard {
            hub,
            index,
            work: Some(work),
        }
    }

    /// Takes commands, then handles up to `budget` events, and says how many it handled.
    ///
    /// It looks at each lane once, and takes no more from it than lay there by then; so it comes to an end whatever the budget
    /// and however fast others publish. Where the budget does not reach round all lanes, the next poll begins with the next
    /// lane. With a budget of 0 it only takes commands: it starts and ends actors.
    ///
    /// A poll goes by nothing but what was published and asked for before and during it, not by time: the same calls in the
    /// same order, all on one thread, make the same calls of actors in the same order. (The default number of shards differs
    /// between machines; [`shards`](crate::RouterBuilder::shards) says it.)
    ///
    /// After the router has shut down, polls handle what was accepted. The one that finds nothing left stops the actors
    /// and is the last. While another shard has something left for this one there is none such: poll them in turn.
    ///
    /// # Errors
    ///
    /// [`PollError::Closed`] after the last poll. [`PollError::Nested`] in a call of an actor, of whatever router, where
    /// another would nest in it; and in the destructor of a thread-local that outlives this crate's.
    ///
    /// # Blocking
    ///
    /// For as long as the actors take. It allocates nothing in steady state.
    ///
    /// ```
    /// # use laneway::{Filter, Router, Topic};
    /// # let (router, mut shards) = Router::<u32>::builder().shards(1).manual()?;
    /// # let topic = Topic::new("compute", "VM.START")?;
    /// router.subscribe(Filter::exact(topic), |_| ())?;
    /// for number in 0..5 {
    ///     router.publish(topic, number)?;
    /// }
    /// assert_eq!(shards[0].poll(3)?, 3);
    /// assert_eq!(shards[0].poll(3)?, 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn poll(&mut self, budget: usize) -> Result<usize, PollError> {
        if local::is_actor_thread() {
            return Err(PollError::Nested);
        }
        let Some(work) = &mut self.work else {
            return Err(PollError::Closed);
        };
        let _acting = Acting::begin();
        let Some(lent) = local::lend(&self.hub, &mut work.outlet) else {
            return Err(PollError::Nested);
        };
        self.hub.ports[self.index].drive_here();
        let handled = work.shard.poll(budget);
        let is_over = work.shard.is_over();
        if is_over {
            work.shard.finish();
        }
        drop(lent);
        if is_over {
            self.end();
        }
        Ok(handled)
    }

    /// Its number among the router's shards, counted from 0: what [`SubscriptionBuilder::shard`] takes.
    ///
    /// [`SubscriptionBuilder::shard`]: crate::SubscriptionBuilder::shard
    ///
    /// ```
    /// # use laneway::Router;
    /// let (_router, shards) = Router::<u32>::builder().shards(2).manual()?;
    /// assert_eq!(shards[1].index(), 1);
    /// # Ok::<(), laneway::BuildError>(())
    /// ```
    pub fn index(&self) -> usize {
        self.index
    }

    /// As a shard's thread ends: the actors are gone by now.
    fn end(&mut self) {
        if let Some(mut work) = self.work.take() {
            let outlet = work.outlet.take();
            contain(|| drop(outlet));
            self.hub.ports[self.index].exit();
        }
    }
}

impl<E: Clone + Send + 'static> Drop for Shard<E> {
    fn drop(&mut self) {
        let Some(work) = &mut self.work else {
            return;
        };
        let _acting = Acting::begin();
        self.hub.close();
        // First, since what it spilled to itself has claims in its own lanes. Nothing more comes: the router is closed.
        let outlet = work.outlet.as_mut();
        let spill = outlet.map(|outlet| outlet.take_spill(&self.hub, |_| true));
        let lent = local::lend(&self.hub, &mut work.outlet);
        work.shard.lose(spill.unwrap_or_default());
        work.shard.discard();
        work.shard.finish();
        drop(lent);
        self.end();
        let (shard, lost) = (self.index, self.hub.ports[self.index].unhandled());
        contain(|| tracing::warn!(shard, lost, "a shard was dropped before its end"));
    }
}

impl<E: Clone + Send + 'static> fmt::Debug for Shard<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shard")
            .field("index", &self.index)
            .field("ended", &self.work.is_none())
            .finish_non_exhaustive()
    }
}
