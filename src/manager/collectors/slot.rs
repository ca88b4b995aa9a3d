//! The place of one name in the registry: its collector, at rest or on its thread.

use super::backoff::Restarts;
use super::clock::Clock;
use super::error::StartError;
use super::kept::Kept;
use super::monitored::Monitored;
use super::stop::Stop;
use super::target::Target;
use super::worker::{Ends, Exit, Pair, Shared, Worker};
use crate::contain::contain;
use crate::{Publisher, Router};
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

pub(super) struct Slot<E> {
    pub(super) name: Arc<str>,
    pub(super) shared: Arc<Shared>,
    /// Held while one is started, replaced or removed, so that these come one after the other. Those who only tell it to stop,
    /// or list it, go without.
    seat: Mutex<Seat<E>>,
}

enum Seat<E> {
    /// With the publisher of the name, once there is one.
    Idle(Kept<E>, Option<Publisher<E>>),
    /// Started; it may have ended since.
    Out(JoinHandle<Pair<E>>),
    /// The thread died with it.
    Lost,
    /// The name was removed from the registry.
    Removed,
}

/// What starting takes from the registry.
pub(super) struct Start<E> {
    pub(super) router: Router<E>,
    pub(super) restarts: Restarts,
    pub(super) clock: Arc<dyn Clock>,
}

/// How long to wait for a collector to end. `None`: not at all, also not for others who wait.
pub(super) type Patience = Option<Duration>;

/// What replacing a collector came to.
pub(super) enum Replaced<E> {
    Yes,
    /// It has not ended in time.
    StillRunning,
    /// The slot is no more, and the new collector comes back.
    Removed(Kept<E>),
}

impl<E: Clone + Send + 'static> Slot<E> {
    pub(super) fn new(name: Arc<str>, collector: Kept<E>, monitored: Option<Monitored>) -> Self {
        Slot {
            name,
            shared: Arc::new(Shared::new(monitored)),
            seat: Mutex::new(Seat::Idle(collector, None)),
        }
    }

    /// Stops the collector and puts another in its place.
    pub(super) fn replace(
        &self,
        collector: Kept<E>,
        monitored: Option<Monitored>,
        patience: Patience,
    ) -> Replaced<E> {
        let Some(mut seat) = self.lock(patience) else {
            return Replaced::StillRunning;
        };
        if let Seat::Removed = *seat {
            return Replaced::Removed(collector);
        }
        if !self.bring_home(&mut seat, patience, true) {
            return Replaced::StillRunning;
        }
        self.shared.begin_anew(monitored);
        let mut old = mem::replace(&mut *seat, Seat::Lost);
        let publisher = match &mut old {
            Seat::Idle(_, publisher) => publisher.take(),
            _ => None,
        };
        *seat = Seat::Idle(collector, publisher);
        // Its Drop is user code.
        drop(seat);
        drop(old);
        Replaced::Yes
    }

    /// Stops the collector and drops it. False: it has not ended in time.
    pub(super) fn remove(&self, patience: Patience) -> bool {
        let Some(mut seat) = self.lock(patience) else {
            return false;
        };
        // Also where nobody waits for it, as stopping it does.
        let _ = self.shared.tell();
        let is_home = self.bring_home(&mut seat, patience, true);
        if is_home {
            let old = mem::replace(&mut *seat, Seat::Removed);
            drop(seat);
            drop(old);
        }
        is_home
    }

    /// Starts the collector; one that has not ended is stopped first if `stop` says so.
    pub(super) fn start(
        &self,
        start: Start<E>,
        patience: Patience,
        stop: bool,
    ) -> Result<(), StartError> {
        let name = || String::from(&*self.name);
        let is_running = || StartError::Running { name: name() };
        let mut seat = self.lock(patience).ok_or_else(is_running)?;
        if !self.bring_home(&mut seat, patience, stop) {
            return Err(is_running());
        }
        let monitored = self.shared.lock().monitored.clone();
        let has_none = |set: &Monitored| set.needs_one() && set.list().is_empty();
        if monitored.as_ref().is_some_and(has_none) {
            return Err(StartError::NothingMonitored { name: name() });
        }
        match mem::replace(&mut *seat, Seat::Lost) {
            Seat::Idle(collector, publisher) => {
                let publisher = publisher.unwrap_or_else(|| start.router.publisher());
                let (next, result) = self.spawn((collector, publisher), start, monitored);
                *seat = next;
                result
            }
            Seat::Removed => {
                *seat = Seat::Removed;
                Err(StartError::Unknown { name: name() })
            }
            Seat::Lost | Seat::Out(_) => Err(StartError::Lost { name: name() }),
        }
    }

    /// Where the collector is then: on its thread, or back if there is none for it.
    fn spawn(
        &self,
        (collector, publisher): Pair<E>,
        start: Start<E>,
        monitored: Option<Monitored>,
    ) -> (Seat<E>, Result<(), StartError>) {
        let (stop, exited) = (Stop::new(), Stop::new());
        if let Some(monitored) = monitored {
            monitored.wake_on_change(stop.waker());
        }
        let published = Arc::clone(&self.shared.lock().published);
        let worker = Worker {
            name: Arc::clone(&self.name),
            collector,
            target: Target::counting(publisher, &stop, published),
            stop: stop.clone(),
            restarts: start.restarts,
            clock: start.clock,
            shared: Arc::clone(&self.shared),
        };
        // What the thread would take with it if it does not come to be.
        let parcel = Arc::new(Mutex::new(Some(worker)));
        let take = |parcel: &Mutex<Option<Worker<E>>>| {
            let mut parcel = parcel.lock().unwrap_or_else(PoisonError::into_inner);
            parcel.take().expect("only one of two takes it")
        };
        let exit = Exit {
            shared: Arc::clone(&self.shared),
            exited: exited.clone(),
        };
        let (arrived, shared) = (Arc::clone(&parcel), Arc::clone(&self.shared));
        // The thread waits for this before anything else: who stops it must find its ends, and itself on its own thread.
        let mut status = self.shared.lock();
        let builder = thread::Builder::new().name(format!("collector-{}", self.name));
        let spawned = builder.spawn(move || {
            let _exit = exit;
            drop(shared.lock());
            take(&arrived).run()
        });
        match spawned {
            Ok(thread) => {
                let id = thread.thread().id();
                status.ends = Some(Ends {
                    stop,
                    exited,
                    thread: id,
                });
                status.state = super::State::Running;
                (Seat::Out(thread), Ok(()))
            }
            Err(error) => {
                drop(status);
                let (collector, publisher) = take(&parcel).into_pair();
                let seat = Seat::Idle(collector, Some(publisher));
                (seat, Err(StartError::Thread(error.kind())))
            }
        }
    }

    /// Takes the collector back from a thread that has ended, as far as nobody else is about to.
    pub(super) fn reap(&self) {
        if let Some(mut seat) = self.lock(None) {
            self.bring_home(&mut seat, None, false);
        }
    }

    /// Joins the collector's thread if it has ended, or has nothing more to do but that; `stop` tells it to, where it
    /// can be waited for: who is refused has not stopped it either. False: it has not.
    fn bring_home(&self, seat: &mut Seat<E>, patience: Patience, stop: bool) -> bool {
        let Seat::Out(_) = seat else {
            return true;
        };
        let (at_work, ends_soon) = if stop && patience.is_some() {
            (self.shared.tell(), true)
        } else {
            (self.shared.at_work(), self.shared.is_done())
        };
        let ended = at_work.is_none_or(|ends| ends_soon && ends.have_ended(patience));
        if ended && let Seat::Out(thread) = mem::replace(seat, Seat::Lost) {
            match thread.join() {
                Ok((collector, publisher)) => *seat = Seat::Idle(collector, Some(publisher)),
                Err(payload) => drop(contain(move || drop(payload))),
            }
        }
        ended
    }

    /// `None`: others are at it, and this thread does not wait.
    fn lock(&self, patience: Patience) -> Option<MutexGuard<'_, Seat<E>>> {
        if patience.is_some() {
            return Some(self.seat.lock().unwrap_or_else(PoisonError::into_inner));
        }
        match self.seat.try_lock() {
            Ok(seat) => Some(seat),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}
