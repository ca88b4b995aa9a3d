//! An actor with a thread of its own: what a shard does with its actors, for one, at the end of a lane.
//!
//! Between calls, in this order, it lets those go who wait for that, and then looks whether it may make another call. Who
//! suspends the subscription or ends it says so first and waits second, so whoever is let go has been heard.

use crate::actor::{Actor, StopReason};
use crate::batch::{Progress, Source};
use crate::publisher::local;
use crate::receiver::remote::{Inbox, Look};
use crate::router::hub::Hub;
use crate::shard::callee::Callee;
use crate::shard::supervise::{Supervision, retire};
use crate::sleep::{Patience, this_thread};
use crate::stats::Kind;
use crate::subscription::{Control, FarMeter, Record};
use crate::sync::park;
use std::sync::Arc;

/// Many for one virtual call; few enough that a lane of the default capacity is given back in pieces.
const RUN: usize = 64;

/// What the thread of a dedicated actor starts with.
pub(crate) struct Dedicated<E> {
    actor: Box<dyn Actor<E>>,
    supervision: Supervision<E>,
    inbox: Inbox<E>,
    record: Arc<Record>,
    hub: Arc<Hub<E>>,
    meter: FarMeter,
}

impl<E: Send + 'static> Dedicated<E> {
    pub(crate) fn new(
        actor: Box<dyn Actor<E>>,
        supervision: Supervision<E>,
        inbox: Inbox<E>,
        record: Arc<Record>,
        hub: Arc<Hub<E>>,
    ) -> Self {
        let totals = Arc::clone(&hub.ports[usize::from(record.shard)].far);
        Dedicated {
            actor,
            supervision,
            inbox,
            meter: FarMeter::new(Arc::clone(&record), totals),
            record,
            hub,
        }
    }

    /// The thread of the actor, until its subscription has ended and what it was given is handled or counted.
    pub(crate) fn run(mut self) {
        local::never_wait();
        let waker = this_thread();
        let mut patience = Patience::default();
        self.with(|callee, _| callee.start());
        loop {
            self.inbox.acknowledge();
            if self.record.state.has_ended() {
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
                Look::Run(_) => {
                    self.deliver();
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
        self.record.state.suspended().is_some()
    }

    /// Takes the actor apart from its inbox for `body`.
    fn with<R>(&mut self, body: impl FnOnce(&mut Callee<'_, E>, &mut Inbox<E>) -> R) -> R {
        let mut callee = Callee {
            actor: &mut self.actor,
            supervision: &mut self.supervision,
            record: &self.record,
            hub: &self.hub,
            count: &|kind, count| self.meter.add(kind, count),
            // It is here to take its time.
            mark: &|_| (),
        };
        body(&mut callee, &mut self.inbox)
    }

    /// Hands the run that was found to the actor, and gives back what is dealt with. The rest is found again.
    fn deliver(&mut self) {
        let panics = self.with(|callee, inbox| {
            let missed = inbox.take_missed();
            if missed > 0 {
                callee.lagged(missed);
            }
            let settled = callee.hand(Source::Run(inbox.run()), &Progress::default());
            inbox.release(settled)
        });
        self.meter.add(Kind::Panics, panics);
    }

    /// The last call and the actor's Drop. After that, what was not handled is counted, and those go who wait for the end.
    fn finish(self) {
        let Dedicated {
            mut actor,
            mut inbox,
            record,
            hub,
            meter,
            ..
        } = self;
        // The shard leaves it to this side to say so: the actor is to handle what is in its lane first.
        record.state.end(StopReason::Shutdown);
        let reason = record.state.reason().unwrap_or(StopReason::Shutdown);
        meter.add(Kind::Panics, retire(&mut actor, reason));
        let left = inbox.leave();
        meter.add(Kind::Stopped, left.lost);
        if reason == StopReason::Shutdown {
            // It was suspended.
            let port = &hub.ports[usize::from(record.shard)];
            port.meter.dropped_last.add(left.lost);
        }
        drop(inbox);
        drop(left);
        // If it ended by itself, nobody has taken it off the table. Only now: until then, who unsubscribes it is among those
        // that were let go just above.
        hub.abandon(record.id);
    }
}
