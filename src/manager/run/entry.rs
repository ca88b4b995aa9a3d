//! One subscription: its plan, its queue, its counters.

use crate::cloudevents::CloudEvent;
use crate::manager::cancel::lock;
use crate::manager::error::ManagerError;
use crate::manager::run::outcome::RESULTS;
use crate::manager::run::{Job, Plan, Pool};
use crate::manager::spec::SubscriptionSpec;
use crate::manager::status::{RunStats, Status, SubscriptionInfo};
use crate::{Event, Router, Subscription};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A subscription of the manager.
#[derive(Debug)]
pub(in crate::manager) struct Entry {
    state: Mutex<State>,
    /// Where this manager's results come from.
    source: Arc<str>,
}

#[derive(Debug)]
struct State {
    plan: Plan,
    status: Status,
    reason: Option<String>,
    queue: VecDeque<Job>,
    /// It is in the pool's queue, once.
    is_scheduled: bool,
    running: usize,
    stats: RunStats,
}

impl State {
    /// A place in the pool's queue, if there is something to do.
    fn schedule(&mut self) -> bool {
        let now = !self.is_scheduled
            && !self.queue.is_empty()
            && self.running < self.plan.spec.most_running();
        self.is_scheduled |= now;
        now
    }
}

/// How a run ended for its event.
pub(super) enum Settled {
    Succeeded,
    Failed,
    /// It is tried again, later.
    Again,
}

impl Entry {
    pub(in crate::manager) fn new(spec: Arc<SubscriptionSpec>, source: Arc<str>) -> Arc<Self> {
        Arc::new(Entry {
            state: Mutex::new(State {
                plan: Plan::new(spec),
                status: Status::Initialized,
                reason: None,
                queue: VecDeque::new(),
                is_scheduled: false,
                running: 0,
                stats: RunStats::default(),
            }),
            source,
        })
    }

    pub(in crate::manager) fn spec(&self) -> Arc<SubscriptionSpec> {
        Arc::clone(&lock(&self.state).plan.spec)
    }

    pub(in crate::manager) fn info(&self) -> SubscriptionInfo {
        let state = lock(&self.state);
        SubscriptionInfo {
            spec: (*state.plan.spec).clone(),
            status: state.status,
            reason: state.reason.clone(),
            stats: state.stats,
        }
    }

    pub(in crate::manager) fn status(&self) -> Status {
        lock(&self.state).status
    }

    pub(in crate::manager) fn set_status(&self, status: Status, reason: Option<String>) {
        let mut state = lock(&self.state);
        (state.status, state.reason) = (status, reason);
    }

    /// Sets the status where it is settled, and leaves it where something is going on.
    pub(in crate::manager) fn settle(&self, reason: Option<String>) {
        let mut state = lock(&self.state);
        if matches!(state.status, Status::Ready | Status::Error) {
            state.status = reason.as_ref().map_or(Status::Ready, |_| Status::Error);
            state.reason = reason;
        }
    }

    /// Makes the status `status`, unless it is one in which nothing may begin.
    pub(in crate::manager) fn begin(&self, status: Status) -> Result<(), Status> {
        let mut state = lock(&self.state);
        match state.status {
            busy @ (Status::Creating | Status::Updating | Status::Deleting | Status::Deleted) => {
                Err(busy)
            }
            _ => {
                state.status = status;
                Ok(())
            }
        }
    }

    /// Subscribes a route for events like these, if there is none: see [`Plan`]. Gives its number.
    pub(in crate::manager) fn open_route(
        self: &Arc<Self>,
        spec: &Arc<SubscriptionSpec>,
        router: &Router<CloudEvent>,
        pool: &Arc<Pool>,
    ) -> Result<Option<u64>, ManagerError> {
        let number = {
            let mut state = lock(&self.state);
            if !state.plan.needs_route(spec) {
                return Ok(None);
            }
            state
                .plan
                .add_route(spec)
                .ok_or(ManagerError::TooManyRoutes)?
        };
        let (entry, pool) = (Arc::clone(self), Arc::clone(pool));
        let subscribed = router.subscribe(spec.filter(), move |event| {
            entry.offer(number, event, &pool);
        });
        let mut state = lock(&self.state);
        match subscribed {
            Ok(subscription) => {
                // Whoever closes the entry meanwhile finds a route without a subscription to end.
                let late = state.plan.subscribed(number, subscription);
                drop(state);
                end(late);
                Ok(Some(number))
            }
            Err(error) => {
                state.plan.remove_route(number);
                Err(error.into())
            }
        }
    }

    pub(in crate::manager) fn close_route(&self, number: u64) {
        let route = lock(&self.state).plan.remove_route(number);
        end(route);
    }

    pub(super) fn is_active(&self) -> bool {
        lock(&self.state).plan.is_active
    }

    pub(in crate::manager) fn activate(&self) {
        lock(&self.state).plan.is_active = true;
    }

    /// The moment of an update.
    pub(in crate::manager) fn replace(self: &Arc<Self>, spec: Arc<SubscriptionSpec>, pool: &Pool) {
        let (gone, is_runnable) = {
            let mut state = lock(&self.state);
            let gone = state.plan.replace(spec);
            (gone, state.schedule())
        };
        if is_runnable {
            pool.schedule(Arc::clone(self));
        }
        end(gone);
    }

    /// Takes nothing more, and discards what waits. Gives its routes, to be ended.
    pub(in crate::manager) fn close(&self, pool: &Pool) -> Vec<Subscription> {
        let (routes, discarded) = {
            let mut state = lock(&self.state);
            let waiting = state.queue.len();
            state.queue.clear();
            state.stats.discarded += waiting as u64;
            state.stats.pending -= waiting as u64;
            (state.plan.close(), waiting)
        };
        let delayed = pool.discard(self);
        if delayed > 0 {
            let mut state = lock(&self.state);
            state.stats.discarded += delayed as u64;
            state.stats.pending -= delayed as u64;
        }
        pool.settled(discarded + delayed);
        routes
    }

    /// The handler of a route, on a shard: never waits for more than a short lock.
    fn offer(self: &Arc<Self>, route: u64, event: &Event<CloudEvent>, pool: &Pool) {
        let mut state = lock(&self.state);
        if !state.plan.takes(route, event) || self.is_unasked_result(&state, event) {
            return;
        }
        state.stats.received += 1;
        if state.stats.pending >= state.plan.spec.most_pending() as u64 {
            state.stats.dropped += 1;
            return;
        }
        state.stats.pending += 1;
        let spec = Arc::clone(&state.plan.spec);
        state.queue.push_back(Job {
            event: event.payload().clone(),
            spec,
            failures: 0,
            error: None,
        });
        pool.accepted();
        if state.schedule() {
            pool.schedule(Arc::clone(self));
        }
    }

    /// Results of functions do not come with `*`: they would bring themselves about.
    fn is_unasked_result(&self, state: &State, event: &Event<CloudEvent>) -> bool {
        let event = event.payload();
        event.event_type().starts_with(RESULTS)
            && event.source() == &*self.source
            && !state.plan.asks_for(RESULTS)
    }

    /// For a worker that took this entry from the pool's queue: something to run.
    pub(super) fn take(self: &Arc<Self>, pool: &Pool) -> Option<Job> {
        let mut state = lock(&self.state);
        state.is_scheduled = false;
        let job = state.queue.pop_front()?;
        state.running += 1;
        if state.schedule() {
            pool.schedule(Arc::clone(self));
        }
        Some(job)
    }

    /// What became of a job that was taken.
    pub(super) fn settle_job(
        self: &Arc<Self>,
        how: Settled,
        pool: &Pool,
        note: impl FnOnce(&mut RunStats),
    ) {
        let mut state = lock(&self.state);
        state.running -= 1;
        note(&mut state.stats);
        let is_over = match how {
            Settled::Succeeded => {
                state.stats.succeeded += 1;
                true
            }
            Settled::Failed => {
                state.stats.failed += 1;
                true
            }
            Settled::Again => false,
        };
        if is_over {
            state.stats.pending -= 1;
        }
        if state.schedule() {
            pool.schedule(Arc::clone(self));
        }
        drop(state);
        pool.settled(is_over.into());
    }

    pub(super) fn note(&self, note: impl FnOnce(&mut RunStats)) {
        note(&mut lock(&self.state).stats);
    }

    /// Waits with a job until its next attempt; gives it back if there is to be none.
    pub(super) fn delay(self: &Arc<Self>, job: Job, pool: &Pool, time: Duration) -> Option<Job> {
        // Held meanwhile, so that closing comes before, or finds the job.
        let state = lock(&self.state);
        match state.plan.is_active {
            true => pool.delay(self, job, time),
            false => Some(job),
        }
    }

    /// A job whose wait is over.
    pub(super) fn again(self: &Arc<Self>, job: Job, pool: &Pool) {
        let mut state = lock(&self.state);
        if !state.plan.is_active {
            state.stats.discarded += 1;
            state.stats.pending -= 1;
            drop(state);
            pool.settled(1);
            return;
        }
        state.queue.push_front(job);
        if state.schedule() {
            pool.schedule(Arc::clone(self));
        }
    }
}

/// Ends subscriptions of the router. One that has ended already, with its router, is as good.
pub(in crate::manager) fn end(subscriptions: impl IntoIterator<Item = Subscription>) {
    for subscription in subscriptions {
        let _ = subscription.unsubscribe();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manager::cancel::Cancel;

    /// A run fails and asks whether its subscription is there; while its result waits for room, the subscription is deleted;
    /// then the event was parked for its next attempt, where nobody discarded it.
    #[test]
    fn nothing_is_parked_behind_a_deletion() {
        let pool = Pool::new(Cancel::new().unwrap());
        let spec = Arc::new(SubscriptionSpec::new("s", "a", "f"));
        let entry = Entry::new(Arc::clone(&spec), "test".into());
        let job = Job {
            event: CloudEvent::builder("1", "/s", "a").build().unwrap(),
            spec,
            failures: 1,
            error: None,
        };
        entry.activate();
        entry.close(&pool);
        let hour = Duration::from_secs(3600);
        assert!(entry.delay(job, &pool, hour).is_some());
        assert_eq!(pool.discard(&entry), 0);
    }
}
