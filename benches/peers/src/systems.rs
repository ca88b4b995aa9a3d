//! Each system, doing the same: one publisher hands `events` messages to each of `receivers`, on pinned threads.
//!
//! A run checks what arrived, and takes from the first publish until the last receiver has the last message.

use laneway::{Event, Filter, Pinning, Router, Topic, Wait};
use std::hint::spin_loop;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// The same information for all: a topic and 24 bytes.
#[derive(Clone, Copy)]
pub(crate) struct Message {
    #[expect(
        dead_code,
        reason = "it travels; nobody looks at it, as little as laneway's handlers do"
    )]
    topic: Topic,
    payload: [u64; 3],
}

pub(crate) struct System {
    pub(crate) name: &'static str,
    pub(crate) run: fn(usize, usize, &[usize]) -> Duration,
    /// More receivers than this it does not have.
    pub(crate) most: usize,
}

pub(crate) const ALL: &[System] = &[
    System {
        name: "laneway",
        run: laneway,
        most: usize::MAX,
    },
    System {
        name: "laneway (batches of 32)",
        run: laneway_batch,
        most: usize::MAX,
    },
    System {
        name: "rtrb",
        run: rtrb,
        most: 1,
    },
    System {
        name: "kanal",
        run: kanal,
        most: usize::MAX,
    },
    System {
        name: "tokio broadcast",
        run: tokio_broadcast,
        most: usize::MAX,
    },
];

const CAPACITY: usize = 256;

pub(crate) fn allowed_cpus() -> Vec<usize> {
    let mask = rustix::thread::sched_getaffinity(None).expect("the mask can be read");
    (0..rustix::thread::CpuSet::MAX_CPU)
        .filter(|&cpu| mask.is_set(cpu))
        .collect()
}

fn pin(cpu: usize) {
    let mut mask = rustix::thread::CpuSet::new();
    mask.set(cpu);
    rustix::thread::sched_setaffinity(None, &mask).expect("the CPU is allowed");
}

/// Counts receivers that have everything.
struct Finish(AtomicUsize);

impl Finish {
    fn new() -> Arc<Self> {
        Arc::new(Finish(AtomicUsize::new(0)))
    }

    fn wait(&self, receivers: usize) {
        while self.0.load(Ordering::Acquire) < receivers {
            spin_loop();
        }
    }
}

/// What each receiver does with a message: check that it is the next one.
struct Check {
    next: u64,
    events: u64,
    finish: Arc<Finish>,
}

impl Check {
    fn new(events: usize, finish: &Arc<Finish>) -> Self {
        Check {
            next: 0,
            events: events as u64,
            finish: Arc::clone(finish),
        }
    }

    /// True: that was the last one.
    fn take(&mut self, payload: &[u64; 3]) -> bool {
        assert_eq!(payload[0], self.next, "lost or out of order");
        self.next += 1;
        let done = self.next == self.events;
        if done {
            self.finish.0.fetch_add(1, Ordering::Release);
        }
        done
    }
}

fn topic() -> Topic {
    Topic::new("bench", "event").expect("a valid topic")
}

fn laneway(events: usize, receivers: usize, cpus: &[usize]) -> Duration {
    with_router(events, receivers, cpus, |publisher, topic, events| {
        for n in 0..events {
            publisher.publish(topic, [n as u64; 3]).expect("open");
        }
    })
}

fn laneway_batch(events: usize, receivers: usize, cpus: &[usize]) -> Duration {
    with_router(events, receivers, cpus, |publisher, topic, events| {
        let batch = (0..events).map(|n| (topic, [n as u64; 3]));
        publisher.publish_batch(batch).expect("open");
    })
}

fn with_router(
    events: usize,
    receivers: usize,
    cpus: &[usize],
    publish: impl FnOnce(&mut laneway::Publisher<[u64; 3]>, Topic, usize),
) -> Duration {
    let finish = Finish::new();
    pin(cpus[0]);
    let router = Router::<[u64; 3]>::builder()
        .shards(1)
        .pinning(Pinning::Cores(vec![cpus[cpus.len() - 1]]))
        .wait(Wait::Spin)
        .lane_capacity(CAPACITY)
        .build()
        .expect("a router");
    for _ in 0..receivers {
        let mut check = Check::new(events, &finish);
        let handler = move |event: &Event<[u64; 3]>| {
            check.take(event.payload());
        };
        router
            .subscribe(Filter::exact(topic()), handler)
            .expect("a subscription");
    }
    let mut publisher = router.publisher();
    publisher.warm(topic());
    router.flush().expect("not an actor thread");
    let start = Instant::now();
    publish(&mut publisher, topic(), events);
    finish.wait(receivers);
    start.elapsed()
}

fn rtrb(events: usize, _receivers: usize, cpus: &[usize]) -> Duration {
    let finish = Finish::new();
    pin(cpus[0]);
    let (mut tx, mut rx) = rtrb::RingBuffer::<Message>::new(CAPACITY);
    let mut check = Check::new(events, &finish);
    let cpu = cpus[cpus.len() - 1];
    let receiver = thread::spawn(move || {
        pin(cpu);
        loop {
            match rx.pop() {
                Ok(message) if check.take(&message.payload) => break,
                Ok(_) => {}
                Err(_) => spin_loop(),
            }
        }
    });
    let topic = topic();
    let start = Instant::now();
    for n in 0..events {
        let mut message = Message {
            topic,
            payload: [n as u64; 3],
        };
        while let Err(rtrb::PushError::Full(back)) = tx.push(message) {
            message = back;
            spin_loop();
        }
    }
    finish.wait(1);
    let took = start.elapsed();
    receiver.join().expect("the receiver ended");
    took
}

/// A channel for each receiver: what one would do without a router.
fn kanal(events: usize, receivers: usize, cpus: &[usize]) -> Duration {
    let finish = Finish::new();
    pin(cpus[0]);
    let cpu = cpus[cpus.len() - 1];
    let (channels, threads): (Vec<_>, Vec<_>) = (0..receivers)
        .map(|_| {
            let (tx, rx) = kanal::bounded::<Message>(CAPACITY);
            let mut check = Check::new(events, &finish);
            let receiver = thread::spawn(move || {
                pin(cpu);
                while !check.take(&rx.recv().expect("open").payload) {}
            });
            (tx, receiver)
        })
        .unzip();
    let topic = topic();
    let start = Instant::now();
    for n in 0..events {
        let message = Message {
            topic,
            payload: [n as u64; 3],
        };
        for tx in &channels {
            tx.send(message).expect("open");
        }
    }
    finish.wait(receivers);
    let took = start.elapsed();
    for receiver in threads {
        receiver.join().expect("the receiver ended");
    }
    took
}

/// It drops what a slow receiver misses, so the publisher waits where that would happen, as laneway does.
fn tokio_broadcast(events: usize, receivers: usize, cpus: &[usize]) -> Duration {
    let finish = Finish::new();
    pin(cpus[0]);
    let cpu = cpus[cpus.len() - 1];
    let (tx, _) = tokio::sync::broadcast::channel::<Message>(CAPACITY);
    let threads: Vec<_> = (0..receivers)
        .map(|_| {
            let mut rx = tx.subscribe();
            let mut check = Check::new(events, &finish);
            thread::spawn(move || {
                pin(cpu);
                while !check.take(&rx.blocking_recv().expect("nothing missed").payload) {}
            })
        })
        .collect();
    let topic = topic();
    let start = Instant::now();
    for n in 0..events {
        while tx.len() >= CAPACITY - 1 {
            thread::yield_now();
        }
        let message = Message {
            topic,
            payload: [n as u64; 3],
        };
        assert!(tx.send(message).is_ok(), "receivers live");
    }
    finish.wait(receivers);
    let took = start.elapsed();
    for receiver in threads {
        receiver.join().expect("the receiver ended");
    }
    took
}
