//! G2: a publish takes one lane slot for each shard with an interested actor, and one clone less than that, however
//! many actors there are.

mod common;

use common::{Tally, Tracked, block_shard, guarded, on_shard, sweep, topic};
use laneway::{Filter, PublishError, Published, Router, Topic, Wait};
use std::sync::Arc;

type Payload = Tracked<u32>;

fn router(shards: usize) -> Router<Payload> {
    Router::builder().shards(shards).build().unwrap()
}

fn add_actors(router: &Router<Payload>, topic: Topic, shard: usize, count: usize) {
    for _ in 0..count {
        on_shard(router, shard, Filter::exact(topic))
            .handler(|_| ())
            .unwrap();
    }
}

/// Publishes in every way there is. Says how many events that were.
fn publish_in_all_ways(router: &Router<Payload>, topic: Topic, tally: &Arc<Tally>) -> usize {
    let mut publisher = router.publisher();
    publisher.publish(topic, tally.track(0)).unwrap();
    publisher.publish_with(topic, || tally.track(1)).unwrap();
    while publisher.try_publish(topic, tally.track(2)).is_err() {
        // A refusal cost no clone either, so that trying again does not change the count.
        std::thread::yield_now();
    }
    let batch = (0..40).map(|number| (topic, tally.track(number)));
    let published = publisher.publish_batch(batch).unwrap();
    assert_eq!((published.routed, published.unmatched), (40, 0));
    router.publish(topic, tally.track(3)).unwrap();
    publish_from_a_handler(router, topic, tally);
    45
}

fn publish_from_a_handler(router: &Router<Payload>, topic: Topic, tally: &Arc<Tally>) {
    let question = common::topic("QUESTION");
    let tally = Arc::clone(tally);
    let answerer = router
        .subscription()
        .filter(Filter::exact(question))
        .handler_ctx(move |_, ctx| {
            let published = ctx.publish(topic, tally.track(4));
            assert!(matches!(published, Ok(Published::Routed)));
        })
        .unwrap();
    // Counted apart, so that the question does not count as one of the events.
    let uncounted = Tally::new();
    router.publish(question, uncounted.track(0)).unwrap();
    router.flush().unwrap();
    answerer.unsubscribe().unwrap();
    assert_eq!(uncounted.clones(), 0);
}

#[test]
fn any_number_of_actors_on_one_shard_costs_no_clone() {
    guarded(|| {
        for actors in [1, 2, 7, 8, 64] {
            let router = router(1);
            let (topic, tally) = (topic("SHARED"), Tally::new());
            add_actors(&router, topic, 0, actors);
            let events = publish_in_all_ways(&router, topic, &tally);
            router.flush().unwrap();
            assert_eq!(tally.clones(), 0, "{actors} actors");
            let shard = router.stats().shards[0];
            // The question to the handler is one event more, for one actor.
            assert_eq!(shard.events, events as u64 + 1);
            assert_eq!(shard.handled, (events * actors) as u64 + 1);
            tally.assert_balanced();
        }
    });
}

#[test]
fn each_further_interested_shard_costs_one_clone() {
    guarded(|| {
        sweep(|setup| {
            for interested in 1..=setup.shards {
                let router: Router<Payload> = setup.router();
                let (topic, tally) = (topic("SPREAD"), Tally::new());
                for shard in 0..interested {
                    add_actors(&router, topic, shard, 1 + shard);
                }
                let events = publish_in_all_ways(&router, topic, &tally);
                router.flush().unwrap();
                assert_eq!(tally.clones(), events * (interested - 1));
                let questions = 1;
                let total = router.stats().total();
                assert_eq!(total.events, (events * interested + questions) as u64);
                tally.assert_balanced();
            }
        });
    });
}

#[test]
fn each_interested_shard_has_one_slot_taken_and_the_others_none() {
    guarded(|| {
        let (topic, tally) = (topic("SLOTS"), Tally::new());
        let router = router(4);
        for (shard, actors) in [(0, 1), (2, 20)] {
            add_actors(&router, topic, shard, actors);
        }
        let holds = [0, 1, 2, 3].map(|shard| block_shard(&router, shard, tally.track(0)));
        let before = router.stats();
        let mut publisher = router.publisher();
        for number in 0..10 {
            publisher.publish(topic, tally.track(number)).unwrap();
        }
        let taken = |shard: usize| router.stats().shards[shard].depth - before.shards[shard].depth;
        assert_eq!([0, 1, 2, 3].map(taken), [10, 0, 10, 0]);
        holds.iter().for_each(|hold| hold.release());
        router.flush().unwrap();
        tally.assert_balanced();
    });
}

#[test]
fn an_event_for_nobody_takes_no_slot_and_is_dropped_at_once() {
    guarded(|| {
        let (topic, tally) = (topic("NOBODY"), Tally::new());
        let router = router(2);
        add_actors(&router, topic.with_resource(1), 0, 1);
        let mut publisher = router.publisher();
        let published = publisher.publish(topic.with_resource(2), tally.track(0));
        assert!(matches!(published, Ok(Published::Unmatched)));
        assert_eq!((tally.clones(), tally.drops()), (0, 1));
        let published = publisher.publish_with(topic, || unreachable!("nobody listens"));
        assert!(matches!(published, Ok(Published::Unmatched)));
        let batch = [1, 2, 3].map(|number| (topic, tally.track(number)));
        assert_eq!(publisher.publish_batch(batch).unwrap().unmatched, 3);
        assert_eq!((tally.clones(), tally.drops()), (0, 4));
        router.flush().unwrap();
        assert_eq!(router.stats().total().events, 0);
    });
}

#[test]
fn an_event_that_does_not_fit_costs_no_clone_and_reaches_no_shard() {
    guarded(|| {
        let (topic, tally) = (topic("FULL"), Tally::new());
        let builder = Router::<Payload>::builder().shards(3).lane_capacity(1);
        let router = builder.wait(Wait::Park).build().unwrap();
        for shard in 0..3 {
            add_actors(&router, topic, shard, 1);
        }
        let hold = block_shard(&router, 1, tally.track(0));
        let mut publisher = router.publisher();
        publisher.publish(topic, tally.track(1)).unwrap();
        assert_eq!(tally.clones(), 2);
        for number in 2..20 {
            // Shards 0 and 2 take their events, but shard 1 has one in its lane of one.
            let refused = publisher.try_publish(topic, tally.track(number));
            let Err(PublishError::Full(payload)) = refused else {
                panic!("{refused:?}");
            };
            assert_eq!(payload.value, number);
        }
        assert_eq!(tally.clones(), 2);
        hold.release();
        router.flush().unwrap();
        let stats = router.stats();
        let events = stats.shards.iter().map(|shard| shard.events);
        // Shard 1 had the event that blocked it as well.
        assert_eq!(events.collect::<Vec<_>>(), [1, 2, 1]);
        tally.assert_balanced();
    });
}

#[test]
fn with_64_shards_a_publish_reaches_all_that_are_interested() {
    guarded(|| {
        let (topic, tally) = (topic("WIDE"), Tally::new());
        let router = router(64);
        for shard in (0..64).filter(|shard| shard % 3 != 1) {
            add_actors(&router, topic, shard, 1);
        }
        let mut publisher = router.publisher();
        for number in 0..20 {
            publisher.publish(topic, tally.track(number)).unwrap();
        }
        router.flush().unwrap();
        for (shard, stats) in router.stats().shards.iter().enumerate() {
            let expected = if shard % 3 == 1 { 0 } else { 20 };
            assert_eq!((stats.events, stats.handled), (expected, expected));
        }
        assert_eq!(tally.clones(), 20 * 42);
        tally.assert_balanced();
    });
}
