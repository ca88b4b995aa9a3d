//! What a router's shutdown waits for: its threads, and the shards that their owner drives.

use crate::countdown::Countdown;
use crate::subscription::Record;
use crate::sync::{JoinHandle, Mutex};
use std::sync::Arc;
use std::time::Instant;

/// Those that have not ended, or whose thread is not joined yet. More can come at any time.
pub(crate) struct Workers(Mutex<Vec<Worker>>);

struct Worker {
    name: String,
    /// Over when it has done all that the router asked of it.
    exit: Countdown,
    /// `None` where the thread is somebody else's.
    thread: Option<JoinHandle<()>>,
    /// Of a dedicated actor.
    record: Option<Arc<Record>>,
}

impl Workers {
    pub(crate) fn new() -> Self {
        Workers(Mutex::new(Vec::new()))
    }

    /// Whoever is here is waited for. A worker may come before its thread.
    pub(crate) fn add(&self, name: String, exit: Countdown) {
        let mut workers = self.0.lock();
        // Dedicated actors may come and go.
        workers.retain(|worker| worker.record.is_none() || !worker.exit.is_over());
        workers.push(Worker {
            name,
            exit,
            thread: None,
            record: None,
        });
    }

    /// The thread of the worker with this `exit`.
    pub(crate) fn start(
        &self,
        exit: &Countdown,
        thread: JoinHandle<()>,
        record: Option<Arc<Record>>,
    ) {
        let mut workers = self.0.lock();
        if let Some(worker) = workers.iter_mut().find(|worker| worker.exit.is_same(exit)) {
            worker.thread = Some(thread);
            worker.record = record;
        }
    }

    /// It never came to be.
    pub(crate) fn remove(&self, exit: &Countdown) {
        self.0.lock().retain(|worker| !worker.exit.is_same(exit));
    }

    /// Waits until all have ended, or `deadline`.
    pub(crate) fn wait(&self, deadline: Option<Instant>) {
        let next = || {
            let workers = self.0.lock();
            let mut exits = workers.iter().map(|worker| &worker.exit);
            exits.find(|exit| !exit.is_over()).cloned()
        };
        while let Some(exit) = next()
            && exit.wait(deadline)
        {}
    }

    /// Takes out those that have ended. Says how many, the names of those that are left, and how many events wait for them
    /// in mailboxes of their own.
    ///
    /// With `joins` it joins their threads, which is waiting; else those with a thread are left, too.
    pub(crate) fn collect(&self, joins: bool) -> (usize, Vec<String>, usize) {
        let mut ended = Vec::new();
        let (mut left, mut queued) = (Vec::new(), 0);
        self.0.lock().retain_mut(|worker| {
            let takes = worker.exit.is_over() && (joins || worker.thread.is_none());
            if takes {
                ended.push(worker.thread.take());
            } else {
                left.push(worker.name.clone());
                queued +=
                    (worker.record.as_ref()).map_or(0, |record| record.stats().queued as usize);
            }
            !takes
        });
        // Its loop is left, and what remains is the thread's own end. One that panicked has not done its work.
        let joined = ended.into_iter().filter_map(|thread| match thread {
            Some(thread) => thread.join().ok(),
            None => Some(()),
        });
        (joined.count(), left, queued)
    }
}
