//! The pinned worker: it polls its lanes, finds the actors of each run, and calls them.
//!
//! Routes, seats and lanes are plain local data. A handler reaches none of them: what it asks for (to subscribe, to end
//! itself or others) comes back as a command, and commands are taken between runs. So no call nests in another, and what a
//! run borrows stays where it is.

pub(crate) mod callee;
pub(crate) mod command;
pub(crate) mod mailbox;
pub(crate) mod manual;
pub(crate) mod port;
pub(crate) mod supervise;
pub(crate) mod watch;

mod backlog;
mod care;
mod inlets;
mod long_way;
mod routes;
mod seats;

pub(crate) use self::care::{Care, Predicate};
pub(crate) use self::seats::{Seat, Setup};

use self::backlog::Mark;
use self::inlets::Inlets;
use self::routes::Routes;
use self::seats::Seats;
use crate::actor::StopReason;
use crate::batch::Pick;
use crate::contain::contain;
use crate::countdown::Done;
use crate::publisher::local;
use crate::publisher::outlet::Outlet;
use crate::router::builder::Wait;
use crate::router::hub::Hub;
use crate::shard::command::Command;
use crate::shard::mailbox::MAX_RUN;
use crate::shard::port::Port;
use crate::sleep::{COMMAND, Patience, Waiter};
use crate::stats::Kind;
use crate::sync::{Ordering, Pace, mutant, park_timeout, spin_loop, yield_now};
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

/// A heavy fence interrupts every running CPU and is serialized in the kernel: no more than one in this time and shard.
const FENCE_PERIOD: Duration = Duration::from_micros(50);

/// At least how many events of one lane are handled before the next lane has its turn: all that can be ready at a time, so
/// that a mailbox that keeps the latest conflates all of it.
const TURN: usize = 256;

/// A run is at most a part of its lane, so that a publisher gets room back long before it needs it: an eighth, or a quarter
/// where many actors share the cost of a run. Measured with one actor and a lane of 256: 16 ns an event in runs of 8, 10 in
/// runs of 32, 9 in runs of 64; with a lane of 64, 17 ns in runs of 8 and 35 in runs of 16. In any case between these:
const SHORT_RUN: usize = 8;
const LONG_RUN: usize = MAX_RUN;
/// From so many actors on a class on.
const MANY_ACTORS: usize = 8;

/// How often a spinning shard looks for events before it looks at everything else again.
const CLOSE_LOOKS: usize = if cfg!(laneway_loom) { 1 } else { 256 };

/// How often a shard that is dropped rests while some publisher is about to write: a tenth of a second.
const MAX_RESTS: u32 = 2000;

/// How many lanes may stay polled although they are empty.
const FREELY_POLLED: usize = 8;

pub(crate) struct Shard<E> {
    hub: Arc<Hub<E>>,
    index: usize,
    inlets: Inlets<E>,
    routes: Routes,
    seats: Seats<E>,
    flushes: Vec<Flush>,
    /// Scratch: which events of a run are for which resource-routed actor.
    picks: Vec<Pick>,
    /// Many actors had a part in the last run.
    is_crowded: bool,
    turn_limit: usize,
    /// The lane that was served last.
    last_lane: usize,
    patience: Patience,
    fences: Pace,
    /// Wakes this shard when a lane it waits to publish to has room.
    waker: Waiter,
}

/// Some wait until all that is in the lanes and the spill now has moved on.
struct Flush {
    /// Dropping these says so.
    waiting: Vec<Done>,
    /// Lane by lane, how many events must be given back.
    lanes: Vec<(u64, u64)>,
    /// See [`Outlet::spill_marks`].
    spill: Vec<u64>,
    /// Mailbox by mailbox, which event must be handled. Known once the lanes are past.
    mailboxes: Option<Vec<Mark>>,
}

impl<E: Clone + Send + 'static> Shard<E> {
    pub(crate) fn new(hub: Arc<Hub<E>>, index: usize) -> Self {
        Shard {
            inlets: Inlets::default(),
            routes: Routes::new(hub.interest()),
            seats: Seats::default(),
            flushes: Vec::new(),
            picks: Vec::new(),
            is_crowded: false,
            turn_limit: TURN.max(hub.config.lane_capacity),
            last_lane: 0,
            patience: Patience::default(),
            fences: Pace::default(),
            waker: Waiter::new(Waker::from(Arc::clone(&hub.ports[index].bell))),
            index,
            hub,
        }
    }

    /// The thread of a shard, until the router has shut down and all that was accepted is handled.
    pub(crate) fn run(mut self) {
        local::adopt(&self.hub, Outlet::of_shard(&self.hub, self.index));
        loop {
            let worked = self.turn();
            if self.is_over() {
                break;
            }
            if worked {
                self.patience.renew();
            } else {
                self.idle();
            }
        }
        self.finish();
        local::abandon(&self.hub);
        self.port().exit();
    }

    /// One step of a shard that somebody drives: commands, then up to `budget` events of what lies in the lanes now, or waits in
    /// mailboxes. Says how many it handled.
    ///
    /// No lane cools here, since that goes by time: what a poll does follows from what came before it.
    pub(crate) fn poll(&mut self, budget: usize) -> usize {
        if self.port().bell.is_ringing() {
            self.attend();
        }
        self.seats.next_turn();
        // What waits in mailboxes has its share.
        let mut left = budget - self.drain(budget.div_ceil(2));
        let lanes = self.inlets.polled();
        for _ in 0..lanes {
            if left == 0 {
                break;
            }
            // One after the other, also across polls: a busy lane does not take the whole of small budgets.
            self.last_lane = after(self.last_lane, lanes);
            let lane = self.inlets.lane(self.last_lane);
            let depth = lane.depth();
            lane.expect(depth);
            left -= self.serve(self.last_lane, depth.min(left));
        }
        self.remove_finished();
        left -= self.drain(left);
        self.unspill();
        if !self.flushes.is_empty() {
            self.settle_flushes();
        }
        budget - left
    }

    /// Whether the router is closed and everything that was accepted is handled.
    pub(crate) fn is_over(&mut self) -> bool {
        self.hub.is_sealed() && self.is_drained()
    }

    /// Drops what lies in the lanes, in place of handling it. The router must be closed.
    ///
    /// A publisher that has claimed a place writes its event at once, unless its thread is kept from running: this waits for
    /// that, but not for ever, since what another shard has spilled has a claim too.
    pub(crate) fn discard(&mut self) {
        let mut patience = Patience::default();
        let mut rests = 0;
        loop {
            // Lanes and actors that are on their way.
            self.obey_queued();
            let (lost, panics) = self.inlets.discard();
            self.port().meter.lost.add(lost);
            self.port().meter.counts[Kind::Panics].add(panics);
            if self.inlets.are_settled() || rests == MAX_RESTS {
                return;
            }
            if !patience.wait() {
                park_timeout(FENCE_PERIOD);
                rests += 1;
            }
        }
    }

    /// Drops what its actors published and no lane will take.
    #[cold]
    pub(crate) fn lose(&self, spill: Vec<E>) {
        let meter = &self.port().meter;
        meter.lost.add(spill.len());
        for payload in spill {
            let dropped = contain(|| drop(payload));
            meter.counts[Kind::Panics].add(usize::from(!dropped));
        }
    }

    fn port(&self) -> &Port<E> {
        &self.hub.ports[self.index]
    }

    /// One look at everything. Says whether there was anything to do.
    pub(crate) fn turn(&mut self) -> bool {
        let mut worked = self.port().bell.is_ringing() && self.attend();
        let turn = self.seats.next_turn();
        // A turn begins behind the lane that was served last: where an actor has room for a few events only, all lanes have
        // their part of it.
        let lanes = self.inlets.polled();
        let mut index = self.last_lane;
        for _ in 0..lanes {
            index = after(index, lanes);
            if self.serve(index, self.turn_limit) > 0 {
                self.last_lane = index;
                worked = true;
            }
        }
        self.remove_finished();
        worked |= self.drain(usize::MAX) > 0;
        worked |= self.unspill();
        if !self.flushes.is_empty() {
            self.settle_flushes();
        }
        if turn.is_multiple_of(1024) && self.inlets.polled() > FREELY_POLLED {
            self.cool_some();
        }
        worked
    }

    fn remove_finished(&mut self) {
        let lanes = self.inlets.polled();
        for index in (0..lanes).rev() {
            if self.inlets.is_finished(index) {
                self.inlets.remove(index);
            }
        }
        if self.inlets.polled() < lanes {
            // Once for all of them: it looks at every lane.
            self.port().forget_lanes();
        }
    }

    /// Answers the bell. A shard that was woken by a lane touches nothing more on its way to the event.
    fn attend(&mut self) -> bool {
        let signals = self.port().bell.answer();
        self.inlets.warm(signals);
        if signals & COMMAND != 0 {
            self.obey_queued();
        }
        true
    }

    /// Takes what is queued now: an actor that brings another in its first call must not keep the shard here.
    fn obey_queued(&mut self) {
        let commands = self.port().queued();
        for _ in 0..commands {
            if let Some(command) = self.port().next_command() {
                self.obey(command);
            }
        }
        self.port().meter.commands.add(commands);
        let flushes = self.port().take_flushes();
        if !flushes.is_empty() {
            self.flush(flushes);
        }
    }

    fn obey(&mut self, command: Command<E>) {
        match command {
            Command::Attach(lane) => self.inlets.attach(lane),
            Command::Spawn(seat) => {
                let record = Arc::clone(seat.record());
                let place = self.seats.insert(seat);
                self.routes.insert(&record.keys, place);
                record.seat.store(place, Ordering::Relaxed);
                let meter = &self.hub.ports[self.index].meter;
                self.seats.start(place, &self.hub, meter);
                self.reap();
            }
            Command::Remove { record, done } => {
                let done = (!mutant!("removed_too_early")).then_some(done);
                let place = record.seat.load(Ordering::Relaxed);
                self.remove(place, StopReason::Unsubscribed, done);
            }
            Command::Pause { record, done } => {
                let oldest = self.inlets.oldest_epoch();
                self.seats.pause(&record, done, oldest);
            }
            Command::Resume(record) => {
                let oldest = self.inlets.oldest_epoch();
                self.seats.resume(&record, oldest);
            }
            Command::Barrier(done) => drop(done),
        }
    }

    fn flush(&mut self, waiting: Vec<Done>) {
        // A lane may have signalled after the bell was answered: look at all.
        self.inlets.warm_nonempty();
        let spill = local::with_outlet(&self.hub, |outlet| outlet.spill_marks());
        self.flushes.push(Flush {
            waiting,
            lanes: self.inlets.ends(),
            spill,
            mailboxes: None,
        });
    }

    /// Handles up to `limit` events of one lane, and says how many.
    fn serve(&mut self, index: usize, limit: usize) -> usize {
        let mut left = limit;
        let mut is_held = false;
        while left > 0 {
            // First the end of what will be handled, then commands, then handling: see `hub.rs`.
            if mutant!("commands_too_early") && self.port().bell.is_ringing() {
                self.attend();
            }
            let lane = self.inlets.lane(index);
            let runs = if self.is_crowded { 4 } else { 8 };
            let part = (lane.capacity() / runs).clamp(SHORT_RUN, LONG_RUN);
            let found = lane.look(part.min(left));
            if found == 0 {
                break;
            }
            if !mutant!("commands_too_early") && self.port().bell.is_ringing() {
                self.attend();
            }
            let handled = self.dispatch(index);
            if handled == 0 {
                is_held = true;
                let panics = self.inlets.lane(index).hold();
                self.port().meter.counts[Kind::Panics].add(panics);
                break;
            }
            left -= handled;
        }
        let handled = limit - left;
        self.port().meter.depth_high.raise(handled);
        self.inlets.hold(index, is_held);
        self.inlets.note(index, handled > 0);
        handled
    }

    /// Hands a lane's run, or as much of it as there is room for, to all actors it is for, and gives its slots back. Says how
    /// many events that were.
    #[inline]
    fn dispatch(&mut self, index: usize) -> usize {
        let lane = self.inlets.lane(index);
        if self.seats.may_be_short() && !self.hub.is_sealed() {
            let (run, epoch) = (lane.run(), lane.epoch());
            self.routes.pick(run, &mut self.picks);
            let everyone = self.routes.of(run.class()).seats();
            let room = (self.seats).room(everyone, &self.picks, run.len(), epoch);
            if room == 0 {
                return 0;
            }
            lane.cut(room);
        }
        let (run, epoch) = (lane.run(), lane.epoch());
        let handled = run.len();
        let meter = &self.hub.ports[self.index].meter;
        meter.events.add(run.len());
        meter.runs.add(1);
        let route = self.routes.of(run.class());
        let everyone = route.seats();
        self.is_crowded = everyone.len() >= MANY_ACTORS;
        self.seats
            .deliver_to_all(everyone, run, epoch, &self.hub, meter);
        if route.is_keyed() {
            self.routes.pick(run, &mut self.picks);
            self.seats
                .deliver_picked(&self.picks, run, epoch, &self.hub, meter);
        }
        let kept = self.seats.store.take_claims();
        let panics = if kept == 0 {
            self.inlets.lane(index).release()
        } else {
            self.keep(index, kept)
        };
        if panics > 0 {
            self.port().meter.counts[Kind::Panics].add(panics);
        }
        self.reap();
        handled
    }

    /// Releases a run some events of which wait in mailboxes.
    #[inline(never)]
    fn keep(&mut self, index: usize, kept: u64) -> usize {
        let store = &mut self.seats.store;
        let panics = (self.inlets.lane(index)).release_but(kept, |offset, event| {
            store.put(offset, event);
        });
        self.seats.forward(&self.hub.ports[self.index].meter);
        self.note_waiting();
        panics
    }

    /// For others to see.
    fn note_waiting(&self) {
        let waiting = self.seats.store.len();
        self.port().waiting.store(waiting, Ordering::Relaxed);
    }

    /// Hands over what waits in mailboxes, at most `limit` events, and says how many.
    fn drain(&mut self, limit: usize) -> usize {
        if !self.seats.any_waiting() {
            return 0;
        }
        let meter = &self.hub.ports[self.index].meter;
        let handed = self.seats.drain(limit, &self.hub, meter);
        meter.call.end();
        self.reap();
        self.note_waiting();
        handed
    }

    /// Removes the actors that ended in the last run.
    #[inline]
    fn reap(&mut self) {
        while let Some(place) = self.seats.next_ended() {
            // If somebody else withdrew it, a `Remove` is on its way, and the seat waits for that.
            if self.hub.retire(self.seats.record(place)) {
                self.remove(place, StopReason::Stopped, None);
            }
        }
    }

    /// Frees a seat. `reason` is why, unless the actor has a reason of its own.
    fn remove(&mut self, place: u32, reason: StopReason, done: Option<Done>) {
        let record = Arc::clone(self.seats.record(place));
        if !(reason == StopReason::Shutdown && self.seats.is_dedicated(place)) {
            // A dedicated actor handles what it has been given, and then says so itself.
            record.state.end(reason);
        }
        self.routes.remove(&record.keys, place);
        let meter = &self.hub.ports[self.index].meter;
        let done = self.seats.remove(place, meter, done);
        self.note_waiting();
        self.hub.vacate();
        drop(done);
    }

    fn is_spilled(&self) -> bool {
        self.port().spilled.load(Ordering::Relaxed) > 0
    }

    fn unspill(&mut self) -> bool {
        if !self.is_spilled() {
            return false;
        }
        if self.hub.is_sealed() {
            // A shard that was given up makes no room any more.
            let gone = |shard: usize| self.hub.ports[shard].bell.has_exited();
            self.lose(local::with_outlet(&self.hub, |outlet| {
                outlet.take_spill(&self.hub, gone)
            }));
        }
        local::with_outlet(&self.hub, |outlet| outlet.unspill(&self.hub))
    }

    fn settle_flushes(&mut self) {
        let (inlets, seats, hub) = (&self.inlets, &mut self.seats, &self.hub);
        self.flushes.retain_mut(|flush| {
            flush.waiting.retain(|done| !done.is_abandoned());
            let over = inlets.are_past(&flush.lanes)
                && local::with_outlet(hub, |outlet| outlet.is_past(&flush.spill))
                && {
                    let mut marks = flush.mailboxes.take().unwrap_or_else(|| seats.marks());
                    let over = seats.are_past(&mut marks);
                    flush.mailboxes = Some(marks);
                    over
                };
            !over && !flush.waiting.is_empty()
        });
    }

    /// Stops polling lanes that were empty for long.
    #[cold]
    fn cool_some(&mut self) {
        if self.fences.due(FENCE_PERIOD) {
            self.inlets.cool_idle(1024);
        }
    }

    #[cold]
    fn idle(&mut self) {
        if self.hub.is_sealed() {
            // What is still to come is other threads' to finish, and takes them no longer than a commit, or what another
            // shard has spilled.
            if !self.patience.wait() {
                park_timeout(FENCE_PERIOD);
            }
            return;
        }
        match self.hub.config.wait {
            Wait::Spin if self.waits_for_events() => self.watch_lanes(),
            Wait::Spin => spin_loop(),
            Wait::Yield if self.patience.wait() => {}
            Wait::Yield => yield_now(),
            Wait::Park if self.patience.wait() => {}
            Wait::Park if self.fences.due(FENCE_PERIOD) => self.sleep(),
            Wait::Park => yield_now(),
        }
    }

    /// Whether there is nothing to do before an event comes or the bell rings.
    fn waits_for_events(&self) -> bool {
        !self.seats.any_waiting() && !self.is_spilled() && self.flushes.is_empty()
    }

    /// Looks for an event or a signal, and at nothing else: so it is found at once. No pause between two looks, which would take
    /// as long as ten of them.
    fn watch_lanes(&self) {
        for _ in 0..CLOSE_LOOKS {
            if self.port().bell.is_ringing() || self.inlets.any_ready() {
                return;
            }
        }
    }

    /// Sleeps until the bell rings, unless there is something to do.
    pub(crate) fn sleep(&mut self) {
        if self.may_sleep() && self.port().bell.sleep() {
            self.port().meter.parks.add(1);
            self.hub.watch.stir();
        }
        self.inlets.warm_held();
        self.patience.renew();
    }

    /// Sees to it that whatever brings something to do rings the bell. False: there is something already.
    pub(crate) fn may_sleep(&mut self) -> bool {
        let (hub, waker) = (&self.hub, &self.waker);
        if !self.inlets.cool_all()
            || self.is_spilled() && !local::with_outlet(hub, |outlet| outlet.arm_spill(waker))
            || !self.seats.arm(waker, !self.flushes.is_empty())
        {
            return false;
        }
        // A dedicated actor may have come to where a flush waits for it.
        let flushes = self.flushes.len();
        if flushes > 0 {
            self.settle_flushes();
        }
        self.flushes.len() == flushes
    }

    /// In closing: whether everything that was accepted is handled. See `lane/producer.rs`.
    pub(crate) fn is_drained(&mut self) -> bool {
        let settled = self.inlets.are_settled();
        // Publishers that got in before the closing have sent their lanes before that, and subscribers their actors, though
        // those may not have rung yet.
        let quiet = !self.port().bell.is_ringing() && self.port().queued() == 0;
        if !quiet {
            self.attend();
            self.obey_queued();
            return false;
        }
        settled && !self.is_spilled() && self.seats.are_drained()
    }

    /// The last words to all actors.
    pub(crate) fn finish(&mut self) {
        self.hub.retire_shard(self.index);
        self.routes.clear();
        let before = self.port().meter.counts[Kind::Stopped].get();
        for place in self.seats.taken() {
            self.remove(place, StopReason::Shutdown, None);
        }
        let meter = &self.port().meter;
        let dropped = meter.counts[Kind::Stopped].get() - before;
        meter.dropped_last.add(dropped as usize);
    }
}

/// The lane that follows.
#[inline]
fn after(index: usize, lanes: usize) -> usize {
    if index + 1 < lanes { index + 1 } else { 0 }
}
