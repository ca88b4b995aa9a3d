//! Row 19: the same comes of the same events on any number of shards, with threads or without, and from many more publishers
//! than there are CPUs.

mod common;

use common::{FOREVER, Log, child, guarded, topic, wait_until};
use laneway::{
    BuildError, Event, Filter, Overflow, Pinning, Placement, Receiver, Router, Subscription, Topic,
};
use std::thread;

/// Which publisher, and its how many-eth event.
type Numbered = (usize, u64);

/// Less than the lanes of a thread's own publisher take, so that a thread that polls can publish them all before.
const EACH: u64 = 30;

fn publishers() -> usize {
    8 * thread::available_parallelism().map_or(1, usize::from)
}

fn topics() -> [Topic; 4] {
    std::array::from_fn(|id| {
        let topic = topic(["VM.START", "VM.STOP"][id % 2]);
        topic.with_resource(id as u64)
    })
}

/// What each subscription got, in an order that does not depend on how publishers interleave.
type Outcome = Vec<Vec<Numbered>>;

struct Members {
    actors: Vec<(Subscription, Log<Numbered>)>,
    receivers: Vec<Receiver<Numbered>>,
}

impl Members {
    /// Of each kind, over each policy: the mailboxes have room for all, so none of them loses any, and `KeepLatest` is left
    /// out since what it replaces depends on who is faster.
    fn new(router: &Router<Numbered>) -> Self {
        let room = publishers() * EACH as usize;
        let filters = [
            Filter::any(),
            Filter::any().event_type("VM.*"),
            Filter::any().event_type("VM.START"),
            Filter::any().resource(2),
            Filter::exact(topics()[3]),
        ];
        let (mut actors, mut receivers) = (Vec::new(), Vec::new());
        for filter in filters {
            for overflow in [Overflow::Block, Overflow::DropNewest, Overflow::DropOldest] {
                let builder = || {
                    let builder = router.subscription().filter(filter.clone());
                    let builder = builder.place(Placement::Spread).budget(7);
                    builder.mailbox(room, overflow)
                };
                let log = Log::default();
                actors.push((builder().handler(log.handler()).unwrap(), log));
                let log = Log::<Numbered>::default();
                let noted = log.clone();
                let note = move |event: &Event<Numbered>| noted.push(*event.payload());
                actors.push((builder().dedicated(note).unwrap(), log));
                receivers.push(builder().receiver().unwrap());
            }
        }
        Members { actors, receivers }
    }

    /// After the router has shut down.
    fn outcome(self) -> Outcome {
        let mut outcome = Vec::new();
        let of_actors = self.actors.into_iter();
        let of_actors = of_actors.map(|(subscription, log)| (subscription, log.all()));
        let of_receivers = self.receivers.into_iter().map(|mut receiver| {
            let events = receiver.iter().map(|event| event.into_payload()).collect();
            (receiver.subscription().clone(), events)
        });
        for (subscription, events) in of_actors.chain(of_receivers) {
            let mut events: Vec<Numbered> = events;
            let stats = subscription.stats();
            assert_eq!(stats.handled, events.len() as u64);
            assert_eq!(
                (stats.matched, stats.queued),
                (stats.handled, 0),
                "{stats:?}"
            );
            // Stable: what is out of order within a publisher stays so.
            events.sort_by_key(|(publisher, _)| *publisher);
            outcome.push(events);
        }
        outcome
    }
}

fn publish(router: &Router<Numbered>, me: usize) {
    let topics = topics();
    let mut publisher = router.publisher();
    for number in 0..EACH {
        let topic = topics[(number as usize + me) % topics.len()];
        let published = match me % 2 {
            0 => publisher.publish(topic, (me, number)),
            _ => router.publish(topic, (me, number)),
        };
        published.unwrap();
    }
}

fn on_threads(shards: usize) -> Outcome {
    let builder = Router::builder().shards(shards).pinning(Pinning::Off);
    let builder = builder.lane_capacity(4).shutdown_timeout(FOREVER);
    let router = builder.build().unwrap();
    let members = Members::new(&router);
    let publishing: Vec<_> = (0..publishers())
        .map(|me| {
            let router = router.clone();
            thread::spawn(move || publish(&router, me))
        })
        .collect();
    for thread in publishing {
        thread.join().unwrap();
    }
    let report = router.shutdown(FOREVER);
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(router.stats().shards.len(), shards);
    members.outcome()
}

fn without_threads(count: usize) -> Outcome {
    let builder = Router::builder().shards(count).lane_capacity(256);
    let (router, mut shards) = builder.manual().unwrap();
    assert_eq!(shards.len(), count);
    let members = Members::new(&router);
    for me in 0..publishers() {
        publish(&router, me);
        while shards.iter_mut().any(|shard| shard.poll(5).unwrap() > 0) {}
    }
    let actors: Vec<_> = (members.actors.iter())
        .map(|(subscription, _)| subscription.clone())
        .collect();
    // A dedicated actor has one event ready at a time, where its mailbox drops the oldest.
    wait_until(|| {
        for shard in &mut shards {
            shard.poll(100).unwrap();
        }
        actors.iter().all(|actor| actor.stats().queued == 0)
    });
    router.shutdown(FOREVER);
    // In turn: each may have something left for another.
    while !shards.is_empty() {
        shards.retain_mut(|shard| shard.poll(5).is_ok());
    }
    wait_until(|| actors.iter().all(Subscription::has_ended));
    members.outcome()
}

#[test]
fn row_19_the_same_comes_of_the_same_events_on_any_number_of_shards() {
    guarded(|| {
        let expected = on_threads(1);
        let everything = &expected[0];
        assert_eq!(everything.len(), publishers() * EACH as usize);
        for (index, (publisher, number)) in everything.iter().enumerate() {
            let position = (index / EACH as usize, index as u64 % EACH);
            assert_eq!((*publisher, *number), position, "whole and in order");
        }
        for shards in [2, 3, 64] {
            assert!(on_threads(shards) == expected, "{shards} shards");
        }
        for shards in [1, 2, 64] {
            assert!(
                without_threads(shards) == expected,
                "{shards} shards that are polled"
            );
        }
    });
}

#[test]
fn row_19_no_shard_at_all_and_one_too_many_are_refused() {
    for shards in [0, 65, usize::MAX] {
        let error = Router::<u8>::builder().shards(shards).build().unwrap_err();
        assert!(matches!(error, BuildError::Shards { shards: told } if told == shards));
        let error = Router::<u8>::builder().shards(shards).manual().unwrap_err();
        assert!(matches!(error, BuildError::Shards { shards: told } if told == shards));
    }
}

#[test]
fn row_19_a_mask_of_one_cpu_is_enough() {
    child::run_on_one_cpu("row_19_the_same_comes_of_the_same_events_on_any_number_of_shards");
}

/// Also pinned, to CPUs that may not be there, and with the defaults.
#[test]
fn row_19_routers_start_under_a_mask_of_one_cpu() {
    if !child::is_inside() {
        return child::run_on_one_cpu("row_19_routers_start_under_a_mask_of_one_cpu");
    }
    guarded(|| {
        let cpus = thread::available_parallelism().unwrap();
        assert_eq!(cpus.get(), 1, "it is under the mask");
        for pinning in [Pinning::Auto, Pinning::Cores(vec![0, 900, 4000])] {
            for shards in [1, 4] {
                let builder = Router::builder().shards(shards).pinning(pinning.clone());
                let router = builder.shutdown_timeout(FOREVER).build().unwrap();
                let log = Log::default();
                router.subscribe(Filter::any(), log.handler()).unwrap();
                router.publish(topic("PINNED"), 1).unwrap();
                router.flush().unwrap();
                assert_eq!(log.all(), [1]);
            }
        }
        assert_eq!(Router::<u8>::new().stats().shards.len(), 1);
    });
}
