//! Publishing from tasks: waiting for room without blocking the thread.

use crate::error::PublishError;
use crate::publisher::local::{ThreadsOwn, is_actor_thread};
use crate::publisher::outlet::Outlet;
use crate::publisher::waiting::Waiting;
use crate::publisher::{Own, Published, Publisher, Way, publish};
use crate::router::Router;
use crate::router::hub::Hub;
use crate::sleep::Waiter;
use crate::topic::Topic;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

impl<E: Clone + Send + 'static> Router<E> {
    /// Publishes through the publisher of whichever thread polls, and waits for room without blocking it.
    ///
    /// Nothing happens before the first poll. Dropped before it resolves, nothing was published, and the payload is dropped.
    /// It works under any executor.
    ///
    /// The event takes its place in the order of the thread that polls when there is room. So two awaits, one after the
    /// other, keep their order as long as the task stays on one thread; a task that moves between them has published
    /// through two publishers, whose events may overtake each other. Where order matters and tasks move, use
    /// [`Publisher::publish_async`]. Futures that wait at the same time, also on one thread, get room in any order.
    ///
    /// With room it costs what [`publish`](Router::publish) costs, and resolves in the first poll: a task that publishes in
    /// a loop yields only where it has to wait. A poll that has to wait allocates, takes a lock and pays a barrier.
    ///
    /// # Errors
    ///
    /// [`PublishError::Closed`] with the payload once the router shuts down, also while waiting. Polled on a thread that runs
    /// actors this does not wait: [`PublishError::Full`] with the payload.
    ///
    /// # Panics
    ///
    /// If polled again after it resolved.
    ///
    /// ```
    /// # use laneway::{Filter, Published, PublishError, Router, Topic};
    /// async fn announce(router: &Router<u32>, topic: Topic) -> Result<Published, PublishError<u32>> {
    ///     router.publish_async(topic, 1).await?;
    ///     router.publish_async(topic, 2).await
    /// }
    /// # use std::{future::Future, pin::pin, task};
    /// # let router = Router::<u32>::new();
    /// # let topic = Topic::new("compute", "VM.START")?;
    /// # router.subscribe(Filter::exact(topic), |_| ())?;
    /// # let announcing = pin!(announce(&router, topic));
    /// # let polled = announcing.poll(&mut task::Context::from_waker(task::Waker::noop()));
    /// # assert_eq!(polled, task::Poll::Ready(Ok(Published::Routed)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn publish_async(&self, topic: Topic, payload: E) -> PublishAsync<'_, E> {
        PublishAsync::new(Through::Thread(self.hub()), topic, payload)
    }
}

impl<E: Clone + Send + 'static> Publisher<E> {
    /// Publishes as [`publish`](Self::publish) does, and waits for room without blocking the thread.
    ///
    /// Nothing happens before the first poll. Dropped before it resolves, nothing was published, and the payload is dropped.
    ///
    /// What this publisher publishes stays in order, whichever threads poll: that is what it has over
    /// [`Router::publish_async`], beside the look-up that it saves.
    ///
    /// # Errors
    ///
    /// As [`Router::publish_async`].
    ///
    /// # Panics
    ///
    /// If polled again after it resolved.
    ///
    /// ```
    /// # use laneway::{Filter, PublishError, Publisher, Router, Topic};
    /// async fn count(mut publisher: Publisher<u32>, topic: Topic) -> Result<(), PublishError<u32>> {
    ///     for n in 0..100 {
    ///         publisher.publish_async(topic, n).await?;
    ///     }
    ///     Ok(())
    /// }
    /// # use std::{future::Future, pin::pin, task};
    /// # let router = Router::<u32>::new();
    /// # let topic = Topic::new("compute", "VM.START")?;
    /// # router.subscribe(Filter::exact(topic), |_| ())?;
    /// # let counting = pin!(count(router.publisher(), topic));
    /// # let polled = counting.poll(&mut task::Context::from_waker(task::Waker::noop()));
    /// # assert_eq!(polled, task::Poll::Ready(Ok(())));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn publish_async(&mut self, topic: Topic, payload: E) -> PublishAsync<'_, E> {
        PublishAsync::new(Through::Own(self.way()), topic, payload)
    }
}

/// An event on its way in: what [`Router::publish_async`] and [`Publisher::publish_async`] give.
#[must_use = "nothing is published unless this is awaited"]
pub struct PublishAsync<'a, E> {
    through: Through<'a, E>,
    topic: Topic,
    /// `None` once resolved.
    payload: Option<E>,
    /// While pending, where a wake-up will come from.
    waiting: Option<Waiting<E>>,
}

/// Whose outlet it goes through.
enum Through<'a, E> {
    /// That of the thread that polls.
    Thread(&'a Arc<Hub<E>>),
    Own(Own<'a, E>),
}

impl<'a, E> PublishAsync<'a, E> {
    fn new(through: Through<'a, E>, topic: Topic, payload: E) -> Self {
        PublishAsync {
            through,
            topic,
            payload: Some(payload),
            waiting: None,
        }
    }
}

impl<E: Clone + Send + 'static> Future for PublishAsync<'_, E> {
    type Output = Result<Published, PublishError<E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let payload = this.payload.take().expect("polled after it resolved");
        // Where it waits is found anew: it may be another thread that polls now, or another task.
        this.waiting = None;
        let polling = Polling {
            through: &mut this.through,
            waker: cx.waker(),
            waiting: &mut this.waiting,
        };
        match publish(polling, this.topic, &mut Some(payload), true) {
            Err(PublishError::Full(payload)) if this.waiting.is_some() => {
                this.payload = Some(payload);
                Poll::Pending
            }
            resolved => Poll::Ready(resolved),
        }
    }
}

/// Nothing in it is pinned: the payload is moved into a lane.
impl<E> Unpin for PublishAsync<'_, E> {}

/// The way of one poll: where a thread would wait for room, it leaves the waker and gives up.
struct Polling<'p, 'a, E> {
    through: &'p mut Through<'a, E>,
    waker: &'p Waker,
    waiting: &'p mut Option<Waiting<E>>,
}

impl<E: Send + 'static> Way<E> for Polling<'_, '_, E> {
    fn with<R>(&mut self, body: impl FnOnce(&mut Outlet<E>, &Hub<E>) -> R) -> R {
        match &mut *self.through {
            Through::Thread(hub) => ThreadsOwn(hub).with(body),
            Through::Own(own) => own.with(body),
        }
    }

    fn wait_for_room(&mut self, topic: Topic) -> bool {
        if is_actor_thread() {
            return false;
        }
        // Cloned here: it is user code, which must not run in the outlet.
        let mut waiting = Waiting::new(Waiter::new(self.waker.clone()));
        let waits = self.with(|outlet, hub| {
            let found = outlet.look(hub, topic);
            found.is_some_and(|(shards, _)| waiting.arm(outlet, hub, shards))
        });
        if waits {
            *self.waiting = Some(waiting);
        }
        !waits
    }
}

impl<E> fmt::Debug for PublishAsync<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublishAsync")
            .field("topic", &self.topic)
            .field("is_waiting", &self.waiting.is_some())
            .finish_non_exhaustive()
    }
}
