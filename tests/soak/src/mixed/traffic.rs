//! What is published: numbered events, whose topic follows from their number, so that anybody can say what is missing.

use crate::common::{Random, block_on};
use crate::stage::Verdict;
use laneway::{PublishBatchError, PublishError, Router, Topic};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

pub(crate) const PUBLISHERS: usize = 4;
pub(crate) const TOPICS: usize = 8;
const BATCH: u64 = 20;
/// Events published when all others are through have numbers from here.
pub(crate) const LAST: u64 = 1 << 60;

/// By publisher, and in the publisher's order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Numbered {
    pub(crate) publisher: usize,
    pub(crate) number: u64,
}

impl Numbered {
    /// The index of its topic.
    pub(crate) fn topic(self) -> usize {
        if self.number >= LAST {
            return (self.number - LAST) as usize % TOPICS;
        }
        // Long runs of one topic and short ones.
        let block = (self.number >> 4, self.publisher);
        let mut random = Random::from_seed(block.0 << 3 | block.1 as u64);
        match random.flip() {
            true => random.below(TOPICS),
            false => Random::from_seed(self.number ^ random.next()).below(TOPICS),
        }
    }
}

/// Two types under a prefix and one that is not, with and without a source and resources.
pub(crate) fn topic_at(index: usize) -> Topic {
    let event_type = ["VM.START", "VM.STOP", "DISK"][index % 3];
    let builder = Topic::builder("soak", event_type);
    let builder = if index < 4 {
        builder.source("here")
    } else {
        builder
    };
    let topic = builder.build().expect("valid names");
    if index.is_multiple_of(2) {
        topic.with_resource(index as u64 / 4)
    } else {
        topic
    }
}

pub(crate) fn last_ones() -> impl Iterator<Item = Numbered> {
    (0..TOPICS as u64).map(|index| Numbered {
        publisher: 0,
        number: LAST + index,
    })
}

/// How far a publisher is.
#[derive(Debug, Default)]
struct Position {
    /// Events before this have been begun, and so have no others.
    begun: AtomicU64,
    /// Publishing events before this is over.
    done: AtomicU64,
}

#[derive(Debug)]
pub(crate) struct Traffic {
    positions: Vec<Position>,
    topics: [Topic; TOPICS],
    over: AtomicBool,
    pub(crate) verdict: Verdict,
}

/// For each publisher, the number of an event.
pub(crate) type Numbers = [u64; PUBLISHERS];

impl Traffic {
    pub(crate) fn new(random: &mut Random, verdict: Verdict) -> Arc<Self> {
        let publishers = 1 + random.below(PUBLISHERS);
        Arc::new(Traffic {
            positions: (0..publishers).map(|_| Position::default()).collect(),
            topics: std::array::from_fn(topic_at),
            over: AtomicBool::new(false),
            verdict,
        })
    }

    pub(crate) fn publishers(&self) -> usize {
        self.positions.len()
    }

    pub(crate) fn topics(&self) -> &[Topic; TOPICS] {
        &self.topics
    }

    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed) || !self.verdict.is_good()
    }

    pub(crate) fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    fn numbers(&self, of: impl Fn(&Position) -> &AtomicU64) -> Numbers {
        let mut numbers = [0; PUBLISHERS];
        for (number, position) in numbers.iter_mut().zip(&self.positions) {
            // ORDERING: AcqRel on a write that changes nothing: what the publisher begins after it has seen what came before
            // this on our side, and what it did before is seen here.
            *number = of(position).fetch_add(0, Ordering::AcqRel);
        }
        numbers
    }

    /// Events from these numbers on are published after what comes before this.
    pub(crate) fn begun(&self) -> Numbers {
        self.numbers(|position| &position.begun)
    }

    /// Events before these numbers were published before what comes after this.
    pub(crate) fn done(&self) -> Numbers {
        self.numbers(|position| &position.done)
    }

    /// Publishes in one of the ways there are until the round is over. Says how many events.
    pub(crate) fn publish(&self, me: usize, router: &Router<Numbered>, mut random: Random) -> u64 {
        let mut publisher = router.publisher();
        let way = random.below(5);
        let position = &self.positions[me];
        let mut next = 0;
        while !self.is_over() {
            let count = if way == 0 {
                1 + random.next() % BATCH
            } else {
                1
            };
            // ORDERING: AcqRel, pairs with `numbers`.
            position.begun.fetch_add(count, Ordering::AcqRel);
            let event = |number| Numbered {
                publisher: me,
                number,
            };
            let addressed = |number| (self.topics[event(number).topic()], event(number));
            let (topic, first) = addressed(next);
            let published = match way {
                0 => match publisher.publish_batch((next..next + count).map(addressed)) {
                    Ok(_) => Ok(()),
                    Err(PublishBatchError::Closed { .. }) => Err("closed"),
                    Err(_) => Err("full, though it may wait"),
                },
                1 => loop {
                    match publisher.try_publish(topic, first) {
                        Err(PublishError::Full(_)) => thread::yield_now(),
                        result => break result.map(drop).map_err(|_| "closed"),
                    }
                },
                2 => router
                    .publish(topic, first)
                    .map(drop)
                    .map_err(|_| "refused"),
                3 => block_on(publisher.publish_async(topic, first))
                    .map(drop)
                    .map_err(|_| "refused"),
                _ => publisher
                    .publish(topic, first)
                    .map(drop)
                    .map_err(|_| "refused"),
            };
            self.verdict
                .check(published.is_ok(), || format!("{published:?} in way {way}"));
            // ORDERING: AcqRel, pairs with `numbers`.
            position.done.fetch_add(count, Ordering::AcqRel);
            next += count;
            if random.below(2000) == 0 {
                // So that shards and lanes fall asleep, too.
                thread::sleep(std::time::Duration::from_micros(random.next() % 500));
            }
        }
        next
    }
}
