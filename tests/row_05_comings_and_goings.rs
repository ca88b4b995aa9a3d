//! Row 5: many threads subscribe and unsubscribe at once. What is left is what was added and not removed, and nothing in the
//! end.

mod common;

use common::{Random, SpinBarrier, guarded, on_shard, rounds};
use laneway::{Filter, Published, Router, Subscription, Topic};
use std::thread;

const THREADS: usize = 8;
const SHARDS: usize = 3;
/// How many of its own a thread has at most.
const MOST: usize = 8;

fn topics() -> [Topic; 8] {
    std::array::from_fn(|place| {
        let topic = Topic::new(["a", "b"][place % 2], ["X.Y", "X.Z"][place / 2 % 2]);
        topic.unwrap().with_resource(place as u64 / 4)
    })
}

fn filter(random: &mut Random) -> Filter {
    let topic = random.pick(&topics());
    match random.below(6) {
        0 => Filter::exact(topic),
        1 => Filter::any(),
        2 => Filter::any().event_type("X.*"),
        3 => Filter::any().category(topic.category()),
        4 => Filter::any().resource(random.below(2) as u64),
        // One that nobody else has.
        _ => Filter::any().resource(random.next()),
    }
}

/// Adds and removes at random, about `count` each. Gives back what it left, and how many it added and removed.
fn change(
    router: &Router<u64>,
    random: &mut Random,
    count: usize,
) -> (Vec<Subscription>, usize, usize) {
    let (mut live, mut added, mut removed) = (Vec::new(), 0, 0);
    while added + removed < 2 * count {
        if live.len() < MOST && (live.is_empty() || random.flip()) {
            let builder = on_shard(router, random.below(SHARDS), filter(random));
            // Sometimes it is there twice.
            let builder = match random.below(4) {
                0 => builder.filter(filter(random)),
                _ => builder,
            };
            live.push(builder.handler(|_| ()).unwrap());
            added += 1;
        } else {
            let one: Subscription = live.swap_remove(random.below(live.len()));
            match random.flip() {
                true => one.unsubscribe().unwrap(),
                false => router.unsubscribe(one.id()).unwrap(),
            }
            assert!(one.unsubscribe().is_err(), "it was there once");
            removed += 1;
        }
    }
    (live, added, removed)
}

#[test]
fn row_05_what_is_left_is_what_was_added_and_not_removed() {
    guarded(|| {
        let mut random = Random::new();
        let router = Router::builder().shards(SHARDS).build().unwrap();
        // Somebody publishes meanwhile, so that the shards have routes to keep.
        let mut publisher = router.publisher();
        let start = SpinBarrier::new(THREADS);
        let changers: Vec<_> = (0..THREADS)
            .map(|_| {
                let (router, start) = (router.clone(), start.clone());
                let mut random = random.fork();
                thread::spawn(move || {
                    start.wait();
                    change(&router, &mut random, rounds(10_000))
                })
            })
            .collect();
        while !changers.iter().all(|changer| changer.is_finished()) {
            let topic = random.pick(&topics());
            publisher.publish(topic, 0).unwrap();
            thread::yield_now();
        }
        let (mut live, mut added, mut removed) = (Vec::new(), 0, 0);
        for changer in changers {
            let (left, more, fewer) = changer.join().unwrap();
            live.extend(left);
            added += more;
            removed += fewer;
        }
        assert_eq!(live.len(), added - removed);
        assert_eq!(router.subscriptions().len(), added - removed);
        assert_eq!(router.stats().subscriptions, added - removed);
        for topic in topics() {
            // The table knows what is left, and no more.
            let explained = router.explain(topic).len();
            assert_eq!(publisher.is_interested(topic), explained > 0, "{topic}");
        }
        for subscription in live {
            subscription.unsubscribe().unwrap();
        }
        assert!(router.subscriptions().is_empty());
        assert_eq!(router.stats().subscriptions, 0);
        for topic in topics() {
            assert!(!publisher.is_interested(topic), "{topic}");
            assert_eq!(publisher.publish(topic, 0), Ok(Published::Unmatched));
        }
        common::assert_all_add_up(&router, 0);
    });
}
