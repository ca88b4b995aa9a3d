//! The way to one shard: its bell, its commands, its lanes.

use crate::contain::contain;
use crate::countdown::Done;
use crate::lane::{self, Probe, Producer};
use crate::publisher::local;
use crate::shard::command::Command;
use crate::sleep::{Bell, COMMAND, LANE_BITS, Reader, call};
use crate::stats::{self, FarCounts, Meter, ShardStats};
use crate::sync::{AtomicU32, AtomicUsize, Mutex, Ordering, Padded, Queue, global};
use std::sync::Arc;

/// What others know of a shard. They never touch the shard itself.
pub(crate) struct Port<E> {
    pub(crate) bell: Arc<Bell>,
    commands: Queue<Command<E>>,
    /// Those who wait for a flush that has not begun.
    flushes: Mutex<Vec<Done>>,
    next_bit: AtomicU32,
    /// Its lanes, for statistics. The shard takes out those that are gone.
    probes: Mutex<Vec<Probe<E>>>,
    pub(crate) meter: Meter,
    /// What is done on other threads for its subscriptions.
    pub(crate) far: Arc<FarCounts>,
    /// Events in the shard's spill. Written by the shard's thread.
    pub(crate) spilled: Padded<AtomicUsize>,
    /// Events in mailboxes on the shard. Written by the shard's thread.
    pub(crate) waiting: AtomicUsize,
    /// The number of the thread that last polled a shard without a thread of its own; else 0.
    driver: global::AtomicU64,
}

impl<E> Port<E> {
    pub(crate) fn new() -> Self {
        Port {
            bell: Arc::new(Bell::new()),
            commands: Queue::new(),
            flushes: Mutex::new(Vec::new()),
            next_bit: AtomicU32::new(0),
            probes: Mutex::new(Vec::new()),
            meter: Meter::default(),
            far: Arc::default(),
            spilled: Padded(AtomicUsize::new(0)),
            waiting: AtomicUsize::new(0),
            driver: global::AtomicU64::new(0),
        }
    }

    /// Until [`exit`](Self::exit), or another thread says so, who waits for this shard on the calling thread waits for itself.
    pub(crate) fn drive_here(&self) {
        // ORDERING: Relaxed: a thread asks for its own number only, and what it stored itself it sees. Who takes a shard over
        // got it from the thread before, by something that synchronizes.
        self.driver.store(local::thread_number(), Ordering::Relaxed);
    }

    pub(crate) fn is_driven_here(&self) -> bool {
        // ORDERING: Relaxed: see `drive_here`.
        self.driver.load(Ordering::Relaxed) == local::thread_number()
    }

    /// Makes a lane to the shard and tells the shard.
    pub(crate) fn connect(&self, capacity: usize) -> Producer<E> {
        let bit = self.next_bit.fetch_add(1, Ordering::Relaxed) % LANE_BITS;
        let reader = Reader::shard(Arc::clone(&self.bell), bit);
        let (producer, consumer) = lane::lane(capacity, 0, reader);
        self.probes.lock().push(producer.probe());
        self.send(Command::Attach(consumer));
        producer
    }

    /// After a push: the shard will take it. If it has exited, what is queued is dropped here, which tells those who wait.
    pub(crate) fn call(&self) {
        if !self.bell.ring(COMMAND) {
            self.drop_queued();
        }
    }

    /// Queues a command. [`call`](Self::call) must follow.
    pub(crate) fn push(&self, command: Command<E>) {
        self.commands.push(command);
    }

    pub(crate) fn send(&self, command: Command<E>) {
        self.push(command);
        self.call();
    }

    /// How many commands are queued: what comes later rings again.
    pub(crate) fn queued(&self) -> usize {
        self.commands.len()
    }

    pub(crate) fn next_command(&self) -> Option<Command<E>> {
        self.commands.pop()
    }

    /// `done` when all that is in the lanes by then is handled. At most one for each thread that waits: those that were
    /// given up go when the next one comes.
    pub(crate) fn flush(&self, done: Done) {
        {
            let mut flushes = self.flushes.lock();
            flushes.retain(|flush| !flush.is_abandoned());
            flushes.push(done);
        }
        self.call();
    }

    pub(crate) fn take_flushes(&self) -> Vec<Done> {
        std::mem::take(&mut self.flushes.lock())
    }

    /// Wakes all publishers that wait for room, to look whether the router closed.
    pub(crate) fn wake_publishers(&self) {
        let waiters = {
            let probes = self.probes.lock();
            probes.iter().flat_map(|lane| lane.room().take()).collect()
        };
        call(waiters);
    }

    /// Lanes have come to their end. Others whose publishers are gone may still hold events.
    pub(crate) fn forget_lanes(&self) {
        let finished = |probe: &Probe<E>| probe.is_gone() && probe.depth() == 0;
        self.probes.lock().retain(|probe| !finished(probe));
    }

    /// The shard's last act. Whoever pushed before it and rings after it drops the queue as well; between them, all goes.
    pub(crate) fn exit(&self) {
        // ORDERING: Relaxed: see `drive_here`.
        self.driver.store(0, Ordering::Relaxed);
        self.bell.exit();
        self.drop_queued();
    }

    fn drop_queued(&self) {
        // Lanes and waiters; actors are all taken before a shard exits.
        while let Some(command) = self.commands.pop() {
            contain(|| drop(command));
        }
        drop(self.take_flushes());
        // After a shard died these may be the last owners of lanes with events in them, whose Drop is user code.
        let probes = std::mem::take(&mut *self.probes.lock());
        contain(|| drop(probes));
    }

    /// Events that were accepted and are not handled.
    pub(crate) fn unhandled(&self) -> usize {
        let ShardStats { depth, spilled, .. } = self.stats();
        let waiting = self.waiting.load(Ordering::Relaxed);
        depth + spilled + waiting + self.meter.lost.get() as usize
    }

    /// What waited for suspended actors in the end.
    pub(crate) fn dropped_last(&self) -> usize {
        self.meter.dropped_last.get() as usize
    }

    pub(crate) fn stats(&self) -> ShardStats {
        let (lanes, depth) = {
            let probes = self.probes.lock();
            // A lane counts as long as its publisher lives, and what lies in it until it is handled.
            let lanes = probes.iter().filter(|probe| !probe.is_gone()).count();
            (lanes, probes.iter().map(Probe::depth).sum())
        };
        let meter = &self.meter;
        let counts = stats::shard_total(&meter.counts, &self.far);
        ShardStats {
            lanes,
            depth,
            spilled: self.spilled.load(Ordering::Relaxed),
            events: meter.events.get(),
            runs: meter.runs.get(),
            matched: counts.matched,
            handled: counts.handled,
            discarded: counts.discarded,
            dropped: counts.dropped,
            panics: counts.panics,
            restarts: counts.restarts,
            stalls: counts.stalls,
            batches: meter.batches.get(),
            commands: meter.commands.get(),
            parks: meter.parks.get(),
            wakes: self.bell.wakes(),
            depth_high: meter.depth_high.get() as usize,
            spilled_high: meter.spilled_high.get() as usize,
        }
    }
}
