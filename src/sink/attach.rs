//! Sinks as subscribers of a router.

use super::cancel::CancelToken;
use super::error::SinkError;
use super::report::CloseReport;
use super::tap::{SinkMetrics, SinkStats};
use super::traits::Sink;
use super::{CLOSE_DEADLINE, lock};
use crate::actor::{Actor, Context, StopReason};
use crate::contain::contain;
use crate::error::SubscribeError;
use crate::event::Event;
use crate::shard::mailbox::Overflow;
use crate::subscription::Subscription;
use crate::subscription::builder::SubscriptionBuilder;
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

impl<E: Clone + Send + 'static> SubscriptionBuilder<'_, E> {
    /// Subscribes a [sink](crate::sink::Sink), on a thread of its own: however slow it is, it delays no shard.
    ///
    /// Unless a [`mailbox`](Self::mailbox) is chosen, one that is full drops the newest events, so that a slow sink holds up no
    /// publisher either; `dropped.newest` in the subscription's [`stats`](Subscription::stats) counts them, and
    /// [`Overflow::Block`] instead loses none. (Dropping the newest keeps the handover in runs, and the gap in one place.)
    ///
    /// Writes that fail are traced: a streak of them when it begins and each time it has doubled. To count them, or to have
    /// what was left when the sink was closed, use [`attach`](Self::attach). A panic of the sink is the actor's, see
    /// [`on_panic`](Self::on_panic); one behind a [`queue`](crate::sink::Sink::queue) is contained there. A sink that says it is
    /// closed ends the subscription.
    ///
    /// When the subscription ends, what the sink waits for is ended, and the sink is closed with five seconds. The router's
    /// shutdown waits for that within its own deadline; but it drains the mailbox first, at the pace of the sink. So put a
    /// [`queue`](crate::sink::Sink::queue) in front of what may take long, such as a retry: closing that ends it in time.
    ///
    /// # Errors
    ///
    /// As [`dedicated`](Self::dedicated).
    ///
    /// ```
    /// use laneway::sink::channel;
    /// use laneway::{Filter, Router, Topic};
    ///
    /// let router = Router::<u32>::new();
    /// let topic = Topic::new("compute", "VM.START")?;
    /// let (sink, mut reader) = channel(16);
    /// let subscription = router.subscription().filter(Filter::exact(topic)).sink(sink)?;
    /// router.publish(topic, 7)?;
    /// assert_eq!(reader.recv().unwrap().into_payload(), 7);
    /// subscription.unsubscribe()?;
    /// assert!(reader.recv().is_none(), "the sink is closed");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn sink(self, sink: impl Sink<E>) -> Result<Subscription, SubscribeError> {
        let attached = self.attach(sink, CLOSE_DEADLINE)?;
        Ok(attached.subscription)
    }

    /// Subscribes a sink as [`sink`](Self::sink) does, to be closed within `close_within`, and gives a handle with its counters
    /// and the report of its closing.
    ///
    /// # Errors
    ///
    /// As [`sink`](Self::sink).
    ///
    /// ```
    /// use laneway::sink::{SinkError, SinkErrorKind, sink_fn};
    /// use laneway::{Event, Filter, Router, Topic};
    /// use std::time::Duration;
    ///
    /// let router = Router::<u32>::new();
    /// let topic = Topic::new("compute", "VM.START")?;
    /// let refusing = sink_fn(|_: &Event<u32>| Err(SinkError::refused("no such tenant")));
    /// let attached = router
    ///     .subscription()
    ///     .filter(Filter::exact(topic))
    ///     .attach(refusing, Duration::from_secs(1))?;
    /// router.publish(topic, 7)?;
    /// router.flush()?;
    /// attached.unsubscribe()?;
    /// assert_eq!(attached.sink_stats().failures(SinkErrorKind::Refused), 1);
    /// assert!(attached.close_report().unwrap().is_complete());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn attach(
        self,
        sink: impl Sink<E>,
        close_within: Duration,
    ) -> Result<Attached<E>, SubscribeError> {
        let state = Arc::new(State::default());
        let actor = SinkActor::new(Box::new(sink), close_within, Arc::clone(&state));
        let subscription = self
            .default_overflow(Overflow::DropNewest)
            .dedicated(actor)?;
        // Until now it could not have ended but by itself.
        let _ = state.subscription.set(subscription.clone());
        Ok(Attached {
            subscription,
            state,
        })
    }
}

/// A sink that is [attached](SubscriptionBuilder::attach) to a router. Derefs to its [`Subscription`].
#[derive(Clone)]
pub struct Attached<E> {
    subscription: Subscription,
    state: Arc<State<E>>,
}

struct State<E> {
    metrics: SinkMetrics,
    subscription: OnceLock<Subscription>,
    closed: Mutex<Option<CloseReport<E>>>,
}

impl<E> Default for State<E> {
    fn default() -> Self {
        State {
            metrics: SinkMetrics::default(),
            subscription: OnceLock::new(),
            closed: Mutex::new(None),
        }
    }
}

impl<E> State<E> {
    fn has_ended(&self) -> bool {
        let subscription = self.subscription.get();
        subscription.is_some_and(Subscription::has_ended)
    }
}

impl<E> Attached<E> {
    /// What was written and what failed. [`Subscription::stats`] has what came, and what was dropped before the sink saw it.
    pub fn sink_stats(&self) -> SinkStats {
        self.state.metrics.snapshot()
    }

    /// What closing the sink gave, with the events that it left: once, after the subscription has ended.
    pub fn close_report(&self) -> Option<CloseReport<E>> {
        lock(&self.state.closed).take()
    }
}

impl<E> Deref for Attached<E> {
    type Target = Subscription;

    fn deref(&self) -> &Subscription {
        &self.subscription
    }
}

impl<E> fmt::Debug for Attached<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attached")
            .field("subscription", &self.subscription)
            .field("metrics", &self.state.metrics)
            .finish_non_exhaustive()
    }
}

/// The sink as an actor.
struct SinkActor<E> {
    sink: Box<dyn Sink<E>>,
    close_within: Duration,
    state: Arc<State<E>>,
    /// Failures in a row.
    streak: u64,
    /// What it was handed when it was to end.
    unwritten: Vec<Event<E>>,
}

impl<E: Send + 'static> SinkActor<E> {
    fn new(mut sink: Box<dyn Sink<E>>, close_within: Duration, state: Arc<State<E>>) -> Self {
        // Nobody tells this thread that its subscription has ended while it waits in the sink.
        let weak = Arc::downgrade(&state);
        sink.attach(&CancelToken::watching(move || {
            weak.upgrade().is_some_and(|state| state.has_ended())
        }));
        SinkActor {
            sink,
            close_within,
            state,
            streak: 0,
            unwritten: Vec::new(),
        }
    }
}

impl<E: Clone + Send + 'static> Actor<E> for SinkActor<E> {
    fn handle(&mut self, event: &Event<E>, ctx: &mut Context<'_, E>) {
        let begun = Instant::now();
        let result = self.sink.write(event);
        self.state.metrics.count(&result, begun.elapsed());
        let Err(error) = result else {
            self.streak = 0;
            return;
        };
        self.streak += 1;
        if self.streak.is_power_of_two() {
            let (subscription, failed) = (ctx.subscription_id(), self.streak);
            tracing::warn!(?subscription, failed, %error, "a sink did not write events");
        }
        // It is closed, or about to be.
        let is_over = matches!(error, SinkError::Cancelled { .. } | SinkError::Closed);
        // A part of it may have been closed by others; that goes on, and must not fill the memory.
        if is_over || (error.is_cut_short() && self.state.has_ended()) {
            self.unwritten.push(event.clone());
        }
        if is_over {
            ctx.stop();
        }
    }

    fn lagged(&mut self, missed: u64, ctx: &mut Context<'_, E>) {
        self.state.metrics.miss(missed);
        let subscription = ctx.subscription_id();
        tracing::warn!(?subscription, missed, "a sink is too slow for its events");
    }

    fn stopped(&mut self, _: StopReason) {
        let mut report = self.sink.close(self.close_within);
        report.left.splice(0..0, self.unwritten.drain(..));
        if !report.is_complete() {
            contain(|| tracing::warn!(?report, "a sink was closed with events in it"));
        }
        *lock(&self.state.closed) = Some(report);
    }
}
