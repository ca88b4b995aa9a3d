//! An actor with a thread of its own: what a shard does with its actors, for one, at the end of a lane.
//!
//! Between calls, in this order, it lets those go who wait for that, and then looks whether it may make another call. Who
//! suspends the subscription or ends it says so first and waits second, so whoever is let go has been heard.

use crate::actor::{Actor, Context, StopReason};
use crate::batch::{Batch, Picks};
use crate::contain::contain;
use crate::hub::Hub;
use crate::local;
use crate::remote::{Inbox, Look};
use crate::sleep::{Patience, thread_waker};
use crate::subscription::{Control, FarMeter, Record};
use crate::sync::park;
use std::cell::Cell;
use std::sync::Arc;

/// Many for one virtual call; few enough that a lane of the default capacity is given back in pieces.
const RUN: usize = 64;

/// What the thread of a dedicated actor starts with.
pub(crate) struct Dedicated<E> {
    actor: Box<dyn Actor<E>>,
    inbox: Inbox<E>,
    record: Arc<Record>,
    hub: Arc<Hub<E>>,
    meter: FarMeter,
}

impl<E: Send + 'static> Dedicated<E> {
    /// To be made before the shard gets the other end of `inbox`.
    pub(crate) fn new(
        actor: Box<dyn Actor<E>>,
        inbox: Inbox<E>,
        record: Arc<Record>,
        hub: Arc<Hub<E>>,
    ) -> Self {
        inbox.makes_calls();
        let totals = Arc::clone(&hub.ports[usize::from(record.shard)].far);
        Dedicated {
            actor,
            inbox,
            meter: FarMeter::new(Arc::clone(&record), totals),
            record,
            hub,
        }
    }

    /// The thread of the actor, until its subscription has ended and what it was given is handled or counted.
    pub(crate) fn run(mut self) {
        local::run_actors();
        let waker = thread_waker();
        let mut patience = Patience::default();
        self.start();
        loop {
            self.inbox.acknowledge();
            if self.record.hot.has_ended() {
                break;
            }
            // Asked first: a lane that is closed shows what became of a suspension before.
            let is_closed = self.inbox.is_closed();
            let found = match self.is_paused() {
                // Nobody can resume it any more.
                true if is_closed => break,
                true => Look::Empty,
                false => self.inbox.look(RUN),
            };
            match found {
                Look::Run(found) => {
                    self.deliver(found);
                    patience.renew();
                }
                Look::Empty => {
                    if !patience.wait() && self.inbox.arm(&waker, || self.is_paused()) {
                        park();
                    }
                }
                Look::Ended => break,
            }
        }
        self.finish();
    }

    fn is_paused(&self) -> bool {
        self.record.hot.suspended().is_some()
    }

    /// The first call, unless somebody has ended the subscription before it.
    fn start(&mut self) {
        if self.record.hot.has_ended() {
            return;
        }
        let mut context = Context {
            hub: &self.hub,
            record: &self.record,
        };
        if !contain(|| self.actor.started(&mut context)) {
            self.panicked();
        }
    }

    /// Hands the run that was found to the actor, and gives back what it took.
    fn deliver(&mut self, found: usize) {
        let missed = self.inbox.take_missed();
        let taken = Cell::new(0);
        let hot = &self.record.hot;
        let mut context = Context {
            hub: &self.hub,
            record: &self.record,
        };
        let whole = contain(|| {
            if missed > 0 {
                self.actor.lagged(missed, &mut context);
            }
            let batch = Batch {
                run: self.inbox.run(),
                picks: Picks::All,
                taken: &taken,
                hot,
            };
            self.actor.handle_batch(batch, &mut context);
        });
        let handled = taken.get();
        self.meter.handled(handled);
        // What it left is given again after a suspension, and counted as lost after the end.
        let done = if whole && !hot.is_halted() {
            self.meter.discarded(found - handled);
            found
        } else {
            handled
        };
        let panics = self.inbox.release(done);
        self.meter.panicked(panics);
        if !whole {
            self.panicked();
        }
    }

    /// Says whether the actor goes on.
    #[cold]
    fn panicked(&mut self) -> bool {
        self.meter.panicked(1);
        self.record.hot.end(StopReason::Panicked);
        let record = &self.record;
        // What is subscribed to traces is user code too.
        contain(|| {
            tracing::error!(subscription = %record.id, name = ?record.name, "an actor panicked and is stopped");
        });
        false
    }

    /// The last call and the actor's Drop. After that, what was not handled is counted, and those go who wait for the end.
    fn finish(self) {
        let Dedicated {
            mut actor,
            mut inbox,
            record,
            hub,
            meter,
        } = self;
        // The shard leaves it to this side to say so: the actor is to handle what is in its lane first.
        record.hot.end(StopReason::Shutdown);
        let reason = record.hot.reason().unwrap_or(StopReason::Shutdown);
        let stopped = contain(|| actor.stopped(reason));
        let dropped = contain(|| drop(actor));
        meter.panicked(usize::from(!stopped) + usize::from(!dropped));
        let left = inbox.leave();
        meter.stopped(left.lost);
        drop(inbox);
        drop(left);
        // If it ended by itself, nobody has taken it off the table. Only now: until then, who unsubscribes it is among those
        // that were let go just above.
        hub.abandon(record.id);
    }
}
