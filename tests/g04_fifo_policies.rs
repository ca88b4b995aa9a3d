//! G4 and G7 (row 9): whatever the policy and wherever it is read, what comes of one publisher comes in order, and what does
//! not come is reported and counted.

mod common;

use common::{FOREVER, Log, Random, guarded, on_shard, rounds, topic};
use laneway::{
    Actor, Context, Event, Filter, Overflow, Receiver, Router, Subscription, Suspend, Topic,
};
use std::array::from_fn;
use std::thread::{self, JoinHandle};

const PUBLISHERS: usize = 3;
const TOPICS: usize = 4;
/// Events of one publisher more, behind all others.
const LAST: u64 = 6;
const MAX_BUDGET: usize = 3;

/// Where an event stands among those of its publisher, and among those of that publisher and its topic.
#[derive(Debug, Clone, Copy)]
struct Numbered {
    publisher: usize,
    topic: usize,
    number: u64,
    of_topic: u64,
}

/// What an actor is told.
#[derive(Debug, Clone, Copy)]
enum Seen {
    Taken(Numbered),
    Missed(u64),
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Shard,
    Dedicated,
    Receiver,
}

/// One that reads, and its policy.
struct Reader {
    kind: Kind,
    overflow: Overflow,
    capacity: usize,
    subscription: Subscription,
    seen: Log<Seen>,
    reading: Option<JoinHandle<()>>,
}

struct Noting(Log<Seen>);

impl Actor<Numbered> for Noting {
    fn handle(&mut self, event: &Event<Numbered>, _: &mut Context<'_, Numbered>) {
        self.0.push(Seen::Taken(*event.payload()));
    }

    fn lagged(&mut self, missed: u64, _: &mut Context<'_, Numbered>) {
        self.0.push(Seen::Missed(missed));
    }
}

/// Reads to the end, and stands still now and then.
fn read(mut receiver: Receiver<Numbered>, seen: &Log<Seen>, mut random: Random) {
    loop {
        let event = receiver.recv();
        let missed = receiver.take_missed();
        if missed > 0 {
            seen.push(Seen::Missed(missed));
        }
        let Ok(event) = event else {
            return;
        };
        seen.push(Seen::Taken(event.into_payload()));
        for _ in 0..random.below(3) {
            thread::yield_now();
        }
    }
}

impl Reader {
    fn new(
        router: &Router<Numbered>,
        shard: usize,
        kind: Kind,
        overflow: Overflow,
        random: &mut Random,
    ) -> Self {
        let seen = Log::default();
        let builder = on_shard(router, shard, Filter::any().category("test"));
        let capacity = 1 + random.below(6);
        let builder = builder.mailbox(capacity, overflow);
        // Less than a run, so that events wait in the mailboxes of the shard as well.
        let builder = builder.budget(1 + random.below(MAX_BUDGET) as u32);
        let mut reading = None;
        let subscription = match kind {
            Kind::Shard => builder.actor(Noting(seen.clone())).unwrap(),
            Kind::Dedicated => builder.dedicated(Noting(seen.clone())).unwrap(),
            Kind::Receiver => {
                let receiver = builder.receiver().unwrap();
                let subscription = receiver.subscription().clone();
                let (noted, random) = (seen.clone(), random.fork());
                reading = Some(thread::spawn(move || read(receiver, &noted, random)));
                subscription
            }
        };
        Reader {
            kind,
            overflow,
            capacity,
            subscription,
            seen,
            reading,
        }
    }

    /// What waits is bounded, while the actor is suspended. Block takes what its budget was for, too.
    fn assert_bounded(&self) {
        let stats = self.subscription.stats();
        let most = self.capacity + MAX_BUDGET + 1;
        assert!(
            stats.queued <= most as u64,
            "{:?} {:?}: {stats:?}",
            self.kind,
            self.overflow
        );
    }

    /// The sequence rises for each publisher, or for each of its topics, and gaps are where they are reported.
    fn assert_in_order(&mut self, total: u64) {
        let who = format!("{:?} {:?}", self.kind, self.overflow);
        if let Some(reading) = self.reading.take() {
            reading.join().unwrap();
        }
        let by_topic = self.overflow == Overflow::KeepLatest;
        // By publisher and topic; or by publisher alone.
        let mut next = [[0; TOPICS]; PUBLISHERS + 1];
        let (mut taken, mut visible, mut missed) = (0, 0, 0);
        for seen in self.seen.take() {
            let event = match seen {
                Seen::Missed(count) => {
                    missed += count;
                    continue;
                }
                Seen::Taken(event) => event,
            };
            let (topic, number) = match by_topic {
                true => (event.topic, event.of_topic),
                false => (0, event.number),
            };
            let expected = &mut next[event.publisher][topic];
            assert!(number >= *expected, "{who}: {event:?} after {expected}");
            visible += number - *expected;
            *expected = number + 1;
            taken += 1;
            assert!(
                visible <= missed,
                "{who}: {visible} gaps, {missed} reported"
            );
        }
        let stats = self.subscription.stats();
        assert_eq!(
            (stats.matched, stats.queued),
            (total, 0),
            "{who}: {stats:?}"
        );
        assert_eq!(stats.handled, taken, "{who}: {stats:?}");
        assert_eq!((stats.discarded, stats.panics), (0, 0), "{who}: {stats:?}");
        assert_eq!(stats.dropped.total(), missed, "{who}: {stats:?}");
        assert_eq!(taken + missed, total, "{who}: {stats:?}");
        if self.overflow == Overflow::Block {
            assert_eq!(missed, 0, "{who}");
        }
    }
}

fn topics() -> [Topic; TOPICS] {
    from_fn(|id| topic("DATA").with_resource(id as u64))
}

/// Each of the three in another way.
fn publish(router: &Router<Numbered>, me: usize, count: u64, mut random: Random) -> JoinHandle<()> {
    let router = router.clone();
    thread::spawn(move || {
        let topics = topics();
        let mut of_topic = [0; TOPICS];
        let mut events = (0..count).map(move |number| {
            let topic = random.below(TOPICS);
            of_topic[topic] += 1;
            let payload = Numbered {
                publisher: me,
                topic,
                number,
                of_topic: of_topic[topic] - 1,
            };
            (topics[topic], payload)
        });
        let mut publisher = router.publisher();
        match me {
            0 => {
                for (topic, payload) in events {
                    publisher.publish(topic, payload).unwrap();
                }
            }
            1 => {
                for (topic, payload) in events {
                    router.publish(topic, payload).unwrap();
                }
            }
            _ => loop {
                let batch = publisher.publish_batch(events.by_ref().take(40)).unwrap();
                if batch.routed == 0 {
                    break;
                }
            },
        }
    })
}

/// Holds one and another for a while, until all is published.
fn suspend_at_random(readers: &[Reader], publishing: &[JoinHandle<()>], random: &mut Random) {
    while !publishing.iter().all(JoinHandle::is_finished) {
        let reader = &readers[random.below(readers.len())];
        reader.subscription.suspend(Suspend::Queue).unwrap();
        for _ in 0..random.below(50) {
            thread::yield_now();
        }
        // Elsewhere two counters are read while the events of a run pass.
        if reader.overflow == Overflow::Block {
            reader.assert_bounded();
        }
        reader.subscription.resume().unwrap();
    }
}

#[test]
fn row_09_each_subscription_sees_each_publisher_in_order_and_hears_of_each_gap() {
    guarded(|| {
        let mut random = Random::new();
        let events = rounds(1000) as u64;
        for shards in [1, 2, 3] {
            for lane_capacity in [1, 8, 64] {
                let builder = Router::builder()
                    .shards(shards)
                    .lane_capacity(lane_capacity);
                let router = builder.shutdown_timeout(FOREVER).build().unwrap();
                let mut readers = Vec::new();
                for kind in [Kind::Shard, Kind::Dedicated, Kind::Receiver] {
                    for overflow in [
                        Overflow::Block,
                        Overflow::DropNewest,
                        Overflow::DropOldest,
                        Overflow::KeepLatest,
                    ] {
                        let shard = random.below(shards);
                        readers.push(Reader::new(&router, shard, kind, overflow, &mut random));
                    }
                }
                let publishing: Vec<_> = (0..PUBLISHERS)
                    .map(|me| publish(&router, me, events, random.fork()))
                    .collect();
                suspend_at_random(&readers, &publishing, &mut random);
                for thread in publishing {
                    thread.join().unwrap();
                }
                router.flush().unwrap();
                // Receivers end with something in their mailboxes.
                for reader in &readers {
                    if reader.reading.is_some() && reader.overflow != Overflow::Block {
                        reader.subscription.suspend(Suspend::Queue).unwrap();
                    }
                }
                // A few more, so that actors hear of what was lost last.
                for number in 0..LAST {
                    let last = Numbered {
                        publisher: PUBLISHERS,
                        topic: 0,
                        number,
                        of_topic: number,
                    };
                    router.publish(topics()[0], last).unwrap();
                    router.flush().unwrap();
                }
                for reader in &readers {
                    if reader.reading.is_some() {
                        reader.subscription.unsubscribe().unwrap();
                    }
                }
                for reader in &mut readers {
                    reader.assert_in_order(PUBLISHERS as u64 * events + LAST);
                }
                assert!(router.shutdown(FOREVER).is_complete());
            }
        }
    });
}
