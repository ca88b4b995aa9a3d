//! How a router is set up.

use crate::error::BuildError;
use crate::interest::MAX_SHARDS;
use crate::lane;
use crate::router::Router;
use crate::router::affinity;
use crate::shard::manual::Shard;
use std::marker::PhantomData;
use std::time::Duration;

/// What a shard does when it finds nothing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Wait {
    /// Looks again at once. The lowest latency; each shard occupies a CPU for good.
    Spin,
    /// Spins a little, then lets other threads run between looks.
    Yield,
    /// Spins, yields, then sleeps until a publisher wakes it. The default.
    #[default]
    Park,
}

/// Which CPUs the shards' threads are bound to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Pinning {
    /// Each to one of the process's allowed CPUs, those first that the fewest shards of this process are bound to. With as
    /// many shards as CPUs or more, none is bound. The default.
    #[default]
    Auto,
    /// Shard `i` to the CPU with the number at place `i`, from the start again if there are fewer. A CPU that cannot be had
    /// is reported as a tracing warning, and its shard runs unbound.
    Cores(Vec<usize>),
    /// None.
    Off,
}

/// What a running router needs to know of its setup.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(crate) shards: usize,
    pub(crate) wait: Wait,
    pub(crate) lane_capacity: usize,
    pub(crate) max_subscriptions: usize,
    pub(crate) budget: u32,
    pub(crate) shutdown_timeout: Duration,
    pub(crate) stall_after: Duration,
}

/// Sets up a [`Router`]: see [`Router::builder`].
///
/// ```
/// use laneway::{Pinning, Router, Wait};
///
/// let router = Router::<u64>::builder()
///     .shards(2)
///     .pinning(Pinning::Off)
///     .wait(Wait::Yield)
///     .lane_capacity(64)
///     .build()?;
/// assert_eq!(router.stats().shards.len(), 2);
/// # Ok::<(), laneway::BuildError>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until `build`"]
pub struct RouterBuilder<E> {
    shards: Option<usize>,
    pinning: Pinning,
    wait: Wait,
    lane_capacity: Option<usize>,
    max_subscriptions: usize,
    budget: u32,
    shutdown_timeout: Duration,
    stall_after: Duration,
    events: PhantomData<fn() -> E>,
}

/// Four full lanes of the default capacity.
const DEFAULT_BUDGET: u32 = 1024;
/// The most subscriptions a router can be set up for.
const MAX_SUBSCRIPTIONS: usize = 1 << 30;
/// The most slots a lane can be set up for.
const MAX_LANE_CAPACITY: usize = 1 << 24;

impl<E: Clone + Send + 'static> RouterBuilder<E> {
    pub(crate) fn new() -> Self {
        RouterBuilder {
            shards: None,
            pinning: Pinning::default(),
            wait: Wait::default(),
            lane_capacity: None,
            max_subscriptions: 1 << 20,
            budget: DEFAULT_BUDGET,
            shutdown_timeout: Duration::from_secs(5),
            stall_after: Duration::from_millis(1),
            events: PhantomData,
        }
    }

    /// How many shards, each a thread if it is not [`manual`](Self::manual): 1 to 64. By default half of the CPUs the process may use, at least one.
    pub fn shards(self, count: usize) -> Self {
        RouterBuilder {
            shards: Some(count),
            ..self
        }
    }

    /// Which CPUs the shards are bound to. By default [`Pinning::Auto`].
    pub fn pinning(self, pinning: Pinning) -> Self {
        RouterBuilder { pinning, ..self }
    }

    /// What a shard does when it finds nothing to do. By default [`Wait::Park`].
    pub fn wait(self, wait: Wait) -> Self {
        RouterBuilder { wait, ..self }
    }

    /// How many events each lane holds: 1 to 2^24. By default 256, and a smaller power of two for payloads with which that
    /// would take more than 256 KiB. A lane has memory for the next power of two.
    ///
    /// Each publisher has a lane to each shard it has published to. The implicit publishers behind
    /// [`Router::publish`] have lanes of this, and at most 32.
    pub fn lane_capacity(self, events: usize) -> Self {
        RouterBuilder {
            lane_capacity: Some(events),
            ..self
        }
    }

    /// How many subscriptions there can be at a time: 1 to 2^30. By default 2^20.
    pub fn max_subscriptions(self, count: usize) -> Self {
        RouterBuilder {
            max_subscriptions: count,
            ..self
        }
    }

    /// How many events an actor is handed in one turn of its shard before the others have theirs: at least 1. By default
    /// 1024. More wait in its mailbox. [`SubscriptionBuilder::budget`](crate::SubscriptionBuilder::budget) sets it for one.
    ///
    /// An actor waits for at most this many events of each other actor of its shard.
    pub fn budget(self, events: u32) -> Self {
        RouterBuilder {
            budget: events,
            ..self
        }
    }

    /// How long dropping the last handle waits for the shards to finish. By default 5 s.
    pub fn shutdown_timeout(self, timeout: Duration) -> Self {
        RouterBuilder {
            shutdown_timeout: timeout,
            ..self
        }
    }

    /// From when on a call stalls its shard. By default 1 ms; [`Duration::MAX`] turns the detector off.
    ///
    /// A call is one of an actor's `started`, `lagged` or [`handle_batch`](crate::Actor::handle_batch), so up to 64 calls
    /// of a handler that takes single events; or its predicate's look at a run. One that takes longer is counted in its
    /// subscription's and its shard's `stalls` and reported as a tracing warning with both names, while it still runs. An
    /// actor that was unsubscribed during the call counts for its shard alone.
    ///
    /// A thread of the router's own, `laneway-watch`, looks every half of this time, but not more often than each 5 ms nor less
    /// often than each 100 ms, and at a call that it has just seen once more after this time; each pause may be 4 ms longer. So
    /// no shorter call counts, and one may escape that is longer by less than such a pause. It sleeps while all shards do.
    /// Costs a shard one store for each call. [What it does not see](crate::docs::limits#stalls-that-the-detector-does-not-see).
    ///
    /// ```
    /// use laneway::{Filter, Router, Topic};
    /// use std::time::{Duration, Instant};
    ///
    /// let stall_after = Duration::from_millis(2);
    /// let router = Router::<u32>::builder().stall_after(stall_after).build()?;
    /// let topic = Topic::new("compute", "VM.START")?;
    /// let slow = router.subscribe(Filter::exact(topic), move |_| {
    ///     let begun = Instant::now();
    ///     while begun.elapsed() < 20 * stall_after {}
    /// })?;
    /// router.publish(topic, 1)?;
    /// router.flush()?;
    /// println!("{} of its calls took too long", slow.stats().stalls);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn stall_after(self, duration: Duration) -> Self {
        RouterBuilder {
            stall_after: duration,
            ..self
        }
    }

    /// Starts the shards.
    ///
    /// # Errors
    ///
    /// A number out of its range, or a thread that the system refuses.
    pub fn build(self) -> Result<Router<E>, BuildError> {
        let config = self.config()?;
        let claims = affinity::plan(&self.pinning, config.shards);
        Router::start(config, claims)
    }

    /// Starts no threads: the caller drives the shards, by [`Shard::poll`]. For loops that own their threads, and for tests
    /// in which everything happens in a certain order.
    ///
    /// The shards come in the order of their numbers. Pinning and waiting are about threads, so both are ignored here.
    /// There is no stall detector. Everything else is as with threads, but nothing happens where nobody polls; what the
    /// polling thread can wait for is told at [`Shard`].
    ///
    /// # Errors
    ///
    /// A number out of its range.
    ///
    /// ```
    /// use laneway::{Filter, Router, Topic};
    ///
    /// let (router, mut shards) = Router::<u64>::builder().shards(2).manual()?;
    /// let tick = Topic::new("engine", "tick")?;
    /// router.subscribe(Filter::exact(tick), |event| println!("tick {}", event.payload()))?;
    /// router.publish(tick, 1)?;
    /// let mut handled = 0;
    /// for shard in &mut shards {
    ///     handled += shard.poll(1000)?;
    /// }
    /// assert_eq!(handled, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn manual(self) -> Result<(Router<E>, Vec<Shard<E>>), BuildError> {
        Ok(Router::manual(self.config()?))
    }

    /// The setup, if its numbers are in range.
    fn config(&self) -> Result<Config, BuildError> {
        let cpus = affinity::allowed_cpus();
        let by_default = (cpus.len() / 2).clamp(1, MAX_SHARDS);
        let shards = self.shards.unwrap_or(by_default);
        if !(1..=MAX_SHARDS).contains(&shards) {
            return Err(BuildError::Shards { shards });
        }
        let lane_capacity = self
            .lane_capacity
            .unwrap_or_else(lane::default_capacity::<E>);
        if !(1..=MAX_LANE_CAPACITY).contains(&lane_capacity) {
            return Err(BuildError::LaneCapacity {
                events: lane_capacity,
            });
        }
        if !(1..=MAX_SUBSCRIPTIONS).contains(&self.max_subscriptions) {
            return Err(BuildError::MaxSubscriptions {
                count: self.max_subscriptions,
            });
        }
        if self.budget == 0 {
            return Err(BuildError::Budget);
        }
        Ok(Config {
            shards,
            wait: self.wait,
            lane_capacity,
            max_subscriptions: self.max_subscriptions,
            budget: self.budget,
            shutdown_timeout: self.shutdown_timeout,
            stall_after: self.stall_after,
        })
    }
}
