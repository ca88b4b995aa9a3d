//! An explicit publisher: one thread's way into a router, with lanes of its own.

pub(crate) mod local;
pub(crate) mod outlet;
pub(crate) mod publish_async;
pub(crate) mod waiting;

use crate::error::{PublishBatchError, PublishError};
use crate::interest::Known;
use crate::publisher::outlet::{Opening, Outlet, Refusal};
use crate::publisher::waiting::wait_for_room;
use crate::router::hub::Hub;
use crate::topic::Topic;
use std::cell::Cell;
use std::fmt;
use std::iter;
use std::marker::PhantomData;
use std::sync::Arc;

/// What became of an event that was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Published {
    /// It lies in the lane of each shard with an interested actor.
    Routed,
    /// Nobody listens to its topic: nothing was queued, and the payload is dropped.
    Unmatched,
}

/// What became of a batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct BatchPublished {
    /// Events that lie in the lane of each shard with an interested actor.
    pub routed: usize,
    /// Events nobody listens to.
    pub unmatched: usize,
}

/// How many items come back of a batch that was not published to its end.
const MAX_UNSENT: usize = 32;

/// One thread's way into a router. It can move to another thread, but is used by one at a time.
///
/// It has a lane to each shard it has published to, and its events come out of each lane in the order in which they went
/// in. Dropping it loses nothing. It does not keep the router running: once the last [`Router`](crate::Router) is dropped,
/// publishing gives [`PublishError::Closed`].
///
/// ```
/// use laneway::{Filter, Published, Router, Topic};
///
/// let router = Router::<u32>::new();
/// let topic = Topic::new("compute", "VM.START")?;
/// let mut publisher = router.publisher();
/// assert_eq!(publisher.publish(topic, 1)?, Published::Unmatched);
///
/// router.subscribe(Filter::exact(topic), |event| assert_eq!(*event.payload(), 2))?;
/// assert_eq!(publisher.publish(topic, 2)?, Published::Routed);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Publisher<E> {
    hub: Arc<Hub<E>>,
    outlet: Outlet<E>,
    not_sync: PhantomData<Cell<()>>,
}

impl<E: Clone + Send + 'static> Publisher<E> {
    pub(crate) fn new(hub: Arc<Hub<E>>) -> Self {
        Publisher {
            outlet: Outlet::new(&hub, hub.config.lane_capacity),
            hub,
            not_sync: PhantomData,
        }
    }

    /// Publishes, and waits for room if a lane is full.
    ///
    /// The cost is one lane slot for each shard with an interested actor, however many actors those have, and one clone of
    /// the payload less than that. The first publish to a shard makes the lane; after that nothing is allocated.
    ///
    /// # Errors
    ///
    /// [`PublishError::Closed`] with the payload once the router shuts down, also while waiting. On a thread that runs
    /// actors this does not wait: [`PublishError::Full`] with the payload.
    ///
    /// # Blocking
    ///
    /// While a target lane is full: it spins, yields, then sleeps until the shard has taken half of the lane.
    #[inline]
    pub fn publish(&mut self, topic: Topic, payload: E) -> Result<Published, PublishError<E>> {
        self.publish_shortly(topic, payload, true)
    }

    /// Publishes if there is room in all lanes, to all of them or to none. Never waits.
    ///
    /// # Errors
    ///
    /// [`PublishError::Full`] or [`PublishError::Closed`], with the payload.
    #[inline]
    pub fn try_publish(&mut self, topic: Topic, payload: E) -> Result<Published, PublishError<E>> {
        self.publish_shortly(topic, payload, false)
    }

    /// The short way is compiled into the caller: a call would save registers, and stores are what a publisher waits for. For
    /// that way topic and payload stay in registers where they are. So they go on to the long one as scalars and in a place of
    /// its own: passed by reference, both would be laid down first, and picking them up again waits for all stores before.
    #[inline(always)]
    fn publish_shortly(
        &mut self,
        topic: Topic,
        payload: E,
        waits: bool,
    ) -> Result<Published, PublishError<E>> {
        match self.outlet.open(&self.hub, topic) {
            Opening::Nobody => Ok(Published::Unmatched),
            Opening::Lane(lane) => {
                lane.push(topic, payload);
                Ok(Published::Routed)
            }
            Opening::Other => {
                let (word, high, low) = topic.into_parts();
                self.publish_slowly(word, high, low, &mut Some(payload), waits)
            }
        }
    }

    #[inline(never)]
    fn publish_slowly(
        &mut self,
        word: u32,
        high: u64,
        low: u64,
        payload: &mut Option<E>,
        waits: bool,
    ) -> Result<Published, PublishError<E>> {
        let topic = Topic::from_parts(word, high, low);
        publish(self.way(), topic, payload, waits)
    }

    #[inline]
    pub(crate) fn way(&mut self) -> Own<'_, E> {
        Own {
            hub: &self.hub,
            outlet: &mut self.outlet,
        }
    }

    /// Builds the payload only if somebody listens, and publishes it as [`publish`](Self::publish) does.
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish); on a closed router the payload is built to be handed back.
    #[inline]
    pub fn publish_with(
        &mut self,
        topic: Topic,
        payload: impl FnOnce() -> E,
    ) -> Result<Published, PublishError<E>> {
        if !self.is_interested(topic) && !self.hub.is_closed() {
            return Ok(Published::Unmatched);
        }
        self.publish(topic, payload())
    }

    /// Publishes all items in order, and waits for room as [`publish`](Self::publish) does.
    ///
    /// It is a loop over `publish`, compiled as one: holding events back to show them together was tried and is slower, since
    /// the shard then waits while the next ones are written. If the iterator panics, what it gave before is published.
    ///
    /// # Errors
    ///
    /// When the router closes, or a lane is full on a thread that runs actors. The error has the next items, up to 32 of
    /// them. To keep those behind them, pass the iterator by reference: `iter.by_ref()`.
    ///
    /// ```
    /// # use laneway::{Filter, Router, Topic};
    /// # let router = Router::<u32>::new();
    /// # let topic = Topic::new("compute", "VM.START")?;
    /// # router.subscribe(Filter::exact(topic), |_| ())?;
    /// let published = router.publisher().publish_batch((0..100).map(|n| (topic, n)))?;
    /// assert_eq!(published.routed, 100);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn publish_batch(
        &mut self,
        items: impl IntoIterator<Item = (Topic, E)>,
    ) -> Result<BatchPublished, PublishBatchError<E>> {
        let mut items = items.into_iter().fuse();
        let mut published = BatchPublished::default();
        while let Some((topic, payload)) = items.next() {
            let error = match self.publish(topic, payload) {
                Ok(Published::Routed) => {
                    published.routed += 1;
                    continue;
                }
                Ok(Published::Unmatched) => {
                    published.unmatched += 1;
                    continue;
                }
                Err(error) => error,
            };
            let is_closed = matches!(error, PublishError::Closed(_));
            let first = (topic, error.into_payload());
            let unsent = iter::once(first).chain(items).take(MAX_UNSENT).collect();
            return Err(if is_closed {
                PublishBatchError::Closed { published, unsent }
            } else {
                PublishBatchError::Full { published, unsent }
            });
        }
        Ok(published)
    }

    /// Whether somebody listens to `topic` now. The answer can be old when it arrives. On a closed router nobody does.
    #[inline]
    pub fn is_interested(&mut self, topic: Topic) -> bool {
        match self.outlet.known(&self.hub, topic) {
            Known::Unwanted => false,
            Known::Wanted(_) => true,
            Known::Nothing => {
                let (word, high, low) = topic.into_parts();
                self.look(word, high, low)
            }
        }
    }

    #[inline(never)]
    fn look(&mut self, word: u32, high: u64, low: u64) -> bool {
        let topic = Topic::from_parts(word, high, low);
        let found = self.outlet.shards(&self.hub, topic);
        found.is_some_and(|(shards, _)| !shards.is_empty())
    }

    /// Makes the lanes that publishing to `topic` needs, so that the first publish does not allocate.
    pub fn warm(&mut self, topic: Topic) {
        self.outlet.warm(&self.hub, topic);
    }
}

/// A way to an outlet: an owned one, or the thread's.
pub(crate) trait Way<E> {
    /// Calls `body`, which runs no user code, with the outlet.
    fn with<R>(&mut self, body: impl FnOnce(&mut Outlet<E>, &Hub<E>) -> R) -> R;

    /// False: waiting would be waiting for oneself.
    fn wait_for_room(&mut self, topic: Topic) -> bool {
        self.with(|outlet, hub| {
            let waits = hub.may_wait();
            if waits {
                wait_for_room(outlet, hub, topic);
            }
            waits
        })
    }
}

/// A publisher's own outlet.
pub(crate) struct Own<'a, E> {
    pub(crate) hub: &'a Hub<E>,
    pub(crate) outlet: &'a mut Outlet<E>,
}

impl<E> Way<E> for Own<'_, E> {
    #[inline]
    fn with<R>(&mut self, body: impl FnOnce(&mut Outlet<E>, &Hub<E>) -> R) -> R {
        body(self.outlet, self.hub)
    }
}

/// Offers until the event is taken, and the payload with it, or that is out of question. The payload's Clone and Drop run
/// here, outside the outlet, so that they may publish too.
#[inline]
pub(crate) fn publish<E: Clone>(
    mut way: impl Way<E>,
    topic: Topic,
    payload: &mut Option<E>,
    waits: bool,
) -> Result<Published, PublishError<E>> {
    let mut copies = Vec::new();
    loop {
        let offered = way.with(|outlet, hub| outlet.offer(hub, topic, payload, &mut copies));
        let refusal = match offered {
            Ok(published) => return Ok(published),
            Err(refusal) => refusal,
        };
        let back = payload.as_ref().expect("it is taken when it is routed");
        match refusal {
            Refusal::NeedsCopies(missing) => copies.extend((0..missing).map(|_| back.clone())),
            Refusal::Full if waits && way.wait_for_room(topic) => {}
            Refusal::Full | Refusal::Closed => {
                let back = payload.take().expect("as above");
                return Err(match refusal {
                    Refusal::Closed => PublishError::Closed(back),
                    _ => PublishError::Full(back),
                });
            }
        }
    }
}

impl<E> fmt::Debug for Publisher<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publisher").finish_non_exhaustive()
    }
}
