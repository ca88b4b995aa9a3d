//! Taking events instead of being called with them.

pub(crate) mod dedicated;
pub(crate) mod remote;

mod iter;

pub use self::iter::{ReceiverIntoIter, ReceiverIter};

use crate::error::{RecvError, RecvTimeoutError, TryRecvError};
use crate::event::Event;
use crate::receiver::remote::Inbox;
use crate::router::hub::Hub;
use crate::sleep::{Patience, this_thread};
use crate::stats::Kind;
use crate::subscription::{FarMeter, Subscription};
use crate::sync::{park, park_timeout};
use futures_core::{FusedStream, Stream};
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// A subscription whose events are taken, on any thread or in any async runtime, instead of being handed to an actor.
///
/// Its mailbox is on a shard, and holds what is not taken yet, under the subscription's overflow policy. What the receiver
/// yields comes in the order of each publisher. A receiver that is slow delays no other subscriber; with
/// [`Overflow::Block`](crate::Overflow::Block) it holds its publishers up.
///
/// After [`unsubscribe`](Subscription::unsubscribe) or the router's shutdown it yields what it holds, and then says
/// `Closed`, for ever. While the subscription is suspended it yields nothing. Dropping it unsubscribes without waiting; it
/// does not keep the router running.
///
/// Taking an event costs a look at one lane slot and a few plain stores. Waiting for one costs a system call or two, on
/// both sides.
///
/// ```
/// use laneway::{Filter, Router, Topic, TryRecvError};
///
/// let router = Router::<u32>::new();
/// let topic = Topic::new("compute", "VM.START")?;
/// let mut receiver = router.receiver(Filter::exact(topic))?;
/// router.publish(topic, 7)?;
/// assert_eq!(receiver.recv()?.into_payload(), 7);
/// receiver.subscription().unsubscribe()?;
/// assert_eq!(receiver.try_recv().unwrap_err(), TryRecvError::Closed);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Receiver<E> {
    inbox: Inbox<E>,
    subscription: Subscription,
    meter: FarMeter,
    hub: Arc<Hub<E>>,
    /// The end was seen.
    closed: bool,
}

// Events are moved out, never pinned in place.
impl<E> Unpin for Receiver<E> {}

impl<E> Receiver<E> {
    pub(crate) fn new(inbox: Inbox<E>, subscription: Subscription, hub: Arc<Hub<E>>) -> Self {
        let totals = Arc::clone(&hub.ports[subscription.shard()].far);
        Receiver {
            inbox,
            meter: FarMeter::new(Arc::clone(subscription.record()), totals),
            subscription,
            hub,
            closed: false,
        }
    }

    /// Takes the next event, and waits for it.
    ///
    /// # Errors
    ///
    /// [`RecvError::Closed`] at the end. On a thread that runs actors [`RecvError::ActorThread`] where it would wait.
    ///
    /// # Blocking
    ///
    /// Until there is an event or the subscription ends: it spins, yields and then parks.
    ///
    /// ```
    /// use laneway::{Filter, RecvError, Router, Topic};
    ///
    /// let router = Router::<u32>::new();
    /// let topic = Topic::new("compute", "VM.START")?;
    /// let mut receiver = router.receiver(Filter::exact(topic))?;
    /// router.publish(topic, 7)?;
    /// drop(router);
    /// assert_eq!(receiver.recv()?.into_payload(), 7);
    /// assert_eq!(receiver.recv().unwrap_err(), RecvError::Closed);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn recv(&mut self) -> Result<Event<E>, RecvError> {
        self.wait(None).map_err(|error| match error {
            RecvTimeoutError::ActorThread => RecvError::ActorThread,
            _ => RecvError::Closed,
        })
    }

    /// Takes the next event if there is one.
    ///
    /// Never waits for one to be published. Where the next one waits on the shard's side, it gives the shard up to some hundred
    /// microseconds to bring it: so what a [`flush`](crate::Router::flush) left in the mailbox can be taken one after the other.
    ///
    /// # Errors
    ///
    /// [`TryRecvError::Empty`] if there is none now, [`TryRecvError::Closed`] at the end.
    ///
    /// ```
    /// use laneway::{Filter, Router, TryRecvError};
    ///
    /// let router = Router::<u32>::new();
    /// let mut receiver = router.receiver(Filter::any())?;
    /// assert_eq!(receiver.try_recv().unwrap_err(), TryRecvError::Empty);
    /// # Ok::<(), laneway::SubscribeError>(())
    /// ```
    pub fn try_recv(&mut self) -> Result<Event<E>, TryRecvError> {
        let mut patience = Patience::default();
        loop {
            let taken = self.take();
            let comes = matches!(taken, Err(TryRecvError::Empty))
                && self.inbox.has_more()
                && !self.is_paused()
                && self.hub.may_wait();
            if !comes || !patience.wait() {
                return taken;
            }
        }
    }

    fn take(&mut self) -> Result<Event<E>, TryRecvError> {
        if self.closed {
            return Err(TryRecvError::Closed);
        }
        // At its end it yields what it holds, since nobody can resume it any more.
        if self.is_paused() && !self.inbox.is_closed() {
            return Err(TryRecvError::Empty);
        }
        let taken = self.inbox.take();
        match &taken {
            Ok(_) => self.meter.add(Kind::Handled, 1),
            Err(error) => self.closed = *error == TryRecvError::Closed,
        }
        taken
    }

    /// Takes the next event, and waits for it no longer than `timeout`; with `Duration::MAX` as long as
    /// [`recv`](Self::recv), with `Duration::ZERO` not at all.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv), and [`RecvTimeoutError::Timeout`].
    ///
    /// # Blocking
    ///
    /// As [`recv`](Self::recv), up to `timeout`.
    ///
    /// ```
    /// use laneway::{Filter, RecvTimeoutError, Router};
    /// use std::time::Duration;
    ///
    /// let router = Router::<u32>::new();
    /// let mut receiver = router.receiver(Filter::any())?;
    /// let error = receiver.recv_timeout(Duration::from_millis(1)).unwrap_err();
    /// assert_eq!(error, RecvTimeoutError::Timeout);
    /// # Ok::<(), laneway::SubscribeError>(())
    /// ```
    pub fn recv_timeout(&mut self, timeout: Duration) -> Result<Event<E>, RecvTimeoutError> {
        // A time that the clock cannot say never comes.
        self.wait(Instant::now().checked_add(timeout))
    }

    /// Takes the next event in async code. Never blocks the thread, so it works on threads that run actors too.
    ///
    /// The future owns no event: dropping it before it is ready loses nothing. It is ready with [`RecvError::Closed`] at
    /// the end.
    ///
    /// ```
    /// use laneway::{Filter, Router, Topic};
    /// use std::pin::pin;
    /// use std::task::{Context, Poll, Waker};
    ///
    /// let router = Router::<u32>::new();
    /// let topic = Topic::new("compute", "VM.START")?;
    /// let mut receiver = router.receiver(Filter::exact(topic))?;
    /// router.publish(topic, 7)?;
    /// router.flush()?;
    /// // What an executor does.
    /// let future = pin!(receiver.recv_async());
    /// let Poll::Ready(Ok(event)) = future.poll(&mut Context::from_waker(Waker::noop())) else {
    ///     panic!("the event is there after a flush");
    /// };
    /// assert_eq!(event.into_payload(), 7);
    /// # use std::future::Future;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn recv_async(&mut self) -> RecvAsync<'_, E> {
        RecvAsync(self)
    }

    /// The events, each waited for as [`recv`](Self::recv) does, until it gives an error.
    ///
    /// ```
    /// use laneway::{Filter, Router, Topic};
    ///
    /// let router = Router::<u32>::new();
    /// let topic = Topic::new("compute", "VM.START")?;
    /// let mut receiver = router.receiver(Filter::exact(topic))?;
    /// for payload in 0..3 {
    ///     router.publish(topic, payload)?;
    /// }
    /// drop(router);
    /// assert_eq!(receiver.iter().map(|event| event.into_payload()).sum::<u32>(), 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn iter(&mut self) -> ReceiverIter<'_, E> {
        ReceiverIter::new(self)
    }

    /// Its subscription: to suspend or end it, or to look at its counters.
    ///
    /// ```
    /// use laneway::{Filter, Router};
    ///
    /// let router = Router::<u32>::new();
    /// let receiver = router.receiver(Filter::any())?;
    /// assert_eq!(receiver.subscription().stats().queued, 0);
    /// # Ok::<(), laneway::SubscribeError>(())
    /// ```
    pub fn subscription(&self) -> &Subscription {
        &self.subscription
    }

    /// How many events were lost before the one last taken, because the mailbox was full, and not reported yet. At the end
    /// also those that were lost after the last.
    ///
    /// ```
    /// use laneway::{Filter, Router};
    ///
    /// let router = Router::<u32>::new();
    /// let mut receiver = router.receiver(Filter::any())?;
    /// assert_eq!(receiver.take_missed(), 0);
    /// # Ok::<(), laneway::SubscribeError>(())
    /// ```
    pub fn take_missed(&mut self) -> u64 {
        self.inbox.take_missed()
    }

    fn is_paused(&self) -> bool {
        self.meter.record().state.suspended().is_some()
    }

    /// False: there may be something already.
    fn arm(&self, waker: &Waker) -> bool {
        self.inbox.arm(waker, || self.is_paused())
    }

    fn wait(&mut self, deadline: Option<Instant>) -> Result<Event<E>, RecvTimeoutError> {
        let mut patience = Patience::default();
        let mut waker = None;
        loop {
            match self.take() {
                Ok(event) => return Ok(event),
                Err(TryRecvError::Closed) => return Err(RecvTimeoutError::Closed),
                Err(TryRecvError::Empty) => {}
            }
            let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return Err(RecvTimeoutError::Timeout);
            }
            if !self.hub.may_wait() {
                return Err(RecvTimeoutError::ActorThread);
            }
            if patience.wait() || !self.arm(waker.get_or_insert_with(this_thread)) {
                continue;
            }
            match left {
                None => park(),
                Some(left) => park_timeout(left),
            }
        }
    }

    /// What [`recv_async`](Self::recv_async) and the stream share. `None` is the end.
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Event<E>>> {
        loop {
            match self.take() {
                Ok(event) => return Poll::Ready(Some(event)),
                Err(TryRecvError::Closed) => return Poll::Ready(None),
                Err(TryRecvError::Empty) if self.arm(cx.waker()) => return Poll::Pending,
                Err(TryRecvError::Empty) => {}
            }
        }
    }
}

impl<E> Drop for Receiver<E> {
    fn drop(&mut self) {
        self.subscription.abandon();
        let left = self.inbox.leave();
        self.meter.add(Kind::Stopped, left.lost);
    }
}

impl<E> fmt::Debug for Receiver<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("subscription", &self.subscription)
            .field("closed", &self.closed)
            .finish_non_exhaustive()
    }
}

/// Never blocks; ends with the subscription.
impl<E> Stream for Receiver<E> {
    type Item = Event<E>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event<E>>> {
        self.get_mut().poll_event(cx)
    }
}

impl<E> FusedStream for Receiver<E> {
    fn is_terminated(&self) -> bool {
        self.closed
    }
}

/// The future of [`Receiver::recv_async`].
#[must_use = "futures do nothing unless polled"]
pub struct RecvAsync<'a, E>(&'a mut Receiver<E>);

impl<E> Future for RecvAsync<'_, E> {
    type Output = Result<Event<E>, RecvError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let taken = self.get_mut().0.poll_event(cx);
        taken.map(|event| event.ok_or(RecvError::Closed))
    }
}

impl<E> fmt::Debug for RecvAsync<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RecvAsync").field(&self.0).finish()
    }
}
