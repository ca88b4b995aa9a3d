//! Where a collector publishes to.

use super::stop::Stop;
use crate::{PublishError, Published, Publisher, Topic};
use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

/// Where one collector publishes to: a [`Publisher`] of its own that closes when the collector is told to stop.
///
/// So a collector that is told to stop never hangs here, and one that does not look at its [`Stop`] ends at its next event.
///
/// ```
/// use laneway::manager::collectors::{Stop, Target};
/// use laneway::{Router, Topic};
///
/// // As the registry does it, for a test of a collector.
/// let router = Router::<u32>::new();
/// let stop = Stop::new();
/// let mut target = Target::new(router.publisher(), &stop);
/// let topic = Topic::new("disk", "seen")?;
/// target.publish(topic, 1)?;
/// stop.stop();
/// assert_eq!(target.publish(topic, 2).unwrap_err().into_payload(), 2);
/// assert_eq!(target.published(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Target<E> {
    publisher: Publisher<E>,
    stop: Stop,
    published: Arc<AtomicU64>,
    closed: bool,
}

impl<E: Clone + Send + 'static> Target<E> {
    /// Publishes through `publisher` until `stop` is told.
    pub fn new(publisher: Publisher<E>, stop: &Stop) -> Self {
        Self::counting(publisher, stop, Arc::default())
    }

    pub(super) fn counting(
        publisher: Publisher<E>,
        stop: &Stop,
        published: Arc<AtomicU64>,
    ) -> Self {
        Target {
            publisher,
            stop: stop.clone(),
            published,
            closed: false,
        }
    }

    /// Publishes, and waits for room if a lane is full.
    ///
    /// Costs what [`Publisher::publish`] costs and an uncontended lock; where it has to wait, a clone of the payload more.
    ///
    /// # Errors
    ///
    /// [`PublishError::Closed`] with the payload once the collector is told to stop or the router shuts down, also while
    /// waiting. The event was not published.
    ///
    /// # Blocking
    ///
    /// While a lane is full, and no longer than until the collector is told to stop.
    pub fn publish(&mut self, topic: Topic, payload: E) -> Result<Published, PublishError<E>> {
        let tried = self.try_publish(topic, payload);
        let Err(PublishError::Full(payload)) = tried else {
            return tried;
        };
        let waker = self.stop.waker();
        let mut context = Context::from_waker(&waker);
        // A clone goes in: dropped while it waits, it is gone, and the payload is to come back.
        let mut publishing = pin!(self.publisher.publish_async(topic, payload.clone()));
        let result = loop {
            match publishing.as_mut().poll(&mut context) {
                Poll::Ready(result) => break result,
                Poll::Pending if self.stop.wait_for_wake(Duration::MAX) => {
                    break Err(PublishError::Closed(payload));
                }
                Poll::Pending => {}
            }
        };
        // Waiting took the collector's own wake-ups too: it is to look again.
        waker.wake_by_ref();
        self.count(result)
    }

    /// Publishes if there is room. Never waits.
    ///
    /// # Errors
    ///
    /// [`PublishError::Full`], or [`PublishError::Closed`] as [`publish`](Self::publish) has it; with the payload.
    pub fn try_publish(&mut self, topic: Topic, payload: E) -> Result<Published, PublishError<E>> {
        if self.stop.is_stopped() {
            return Err(PublishError::Closed(payload));
        }
        let result = self.publisher.try_publish(topic, payload);
        self.count(result)
    }

    /// Whether somebody listens to `topic` now: see [`Publisher::is_interested`].
    pub fn is_interested(&mut self, topic: Topic) -> bool {
        self.publisher.is_interested(topic)
    }

    /// Events accepted from this collector so far, those that nobody listens to included.
    pub fn published(&self) -> u64 {
        self.published.load(Ordering::Relaxed)
    }

    /// What it was made with.
    pub(super) fn into_publisher(self) -> Publisher<E> {
        self.publisher
    }

    /// Whether the router is known to have shut down.
    pub(super) fn is_router_closed(&self) -> bool {
        self.closed
    }

    fn count(
        &mut self,
        result: Result<Published, PublishError<E>>,
    ) -> Result<Published, PublishError<E>> {
        match &result {
            Ok(_) => drop(self.published.fetch_add(1, Ordering::Relaxed)),
            Err(error) => self.closed |= error.is_closed() && !self.stop.is_stopped(),
        }
        result
    }
}

impl<E> fmt::Debug for Target<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target")
            .field("published", &self.published)
            .field("stop", &self.stop)
            .finish_non_exhaustive()
    }
}
