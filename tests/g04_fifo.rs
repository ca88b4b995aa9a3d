//! G4: a subscription gets the events of one publisher in the order in which they were published.

mod common;

use common::{Log, Random, any_of, block_shard, guarded, on_shard, setups, sweep, topic};
use laneway::{Context, Event, Filter, Publisher, Router, Topic, Wait};
use std::thread;

/// Which publisher, and its how many-eth event.
type Numbered = (usize, u64);

const EVENTS: u64 = 400;

fn topics() -> Vec<Topic> {
    let types = ["VM.START", "VM.STOP", "DISK.ATTACH"].map(topic);
    let resources = |topic: Topic| (0..3_u64).map(move |id| topic.with_resource(id));
    types
        .into_iter()
        .chain(types.into_iter().flat_map(resources))
        .collect()
}

/// Filters that see different parts of what is published, by class, by resource and by both.
fn filters() -> Vec<Vec<Filter>> {
    vec![
        vec![Filter::any().category("test")],
        vec![Filter::any().event_type("VM.*")],
        vec![Filter::any().event_type("VM.START").resource(1)],
        vec![Filter::any().resource(0), Filter::any().resource(2)],
        vec![
            Filter::any().event_type("DISK.ATTACH"),
            Filter::any().resource(1),
        ],
    ]
}

/// Publishes the topics in order, each time in another way.
fn publish_in_mixed_ways(
    publisher: &mut Publisher<Numbered>,
    me: usize,
    topics: &[Topic],
    random: &mut Random,
) {
    let mut left = (0..)
        .zip(topics)
        .map(|(number, &topic)| (topic, (me, number)))
        .peekable();
    while left.peek().is_some() {
        if random.below(4) == 0 {
            let count = 1 + random.below(50);
            publisher.publish_batch(left.by_ref().take(count)).unwrap();
            continue;
        }
        let Some((topic, payload)) = left.next() else {
            break;
        };
        match random.below(3) {
            0 => drop(publisher.publish(topic, payload).unwrap()),
            1 => drop(publisher.publish_with(topic, || payload).unwrap()),
            _ => {
                while publisher.try_publish(topic, payload).is_err() {
                    thread::yield_now();
                }
            }
        }
    }
}

#[test]
fn row_09_each_subscription_sees_each_publisher_in_order_and_whole() {
    guarded(|| {
        let mut random = Random::new();
        for setup in setups() {
            let router: Router<Numbered> = setup.router();
            let mut subscriptions = Vec::new();
            for shard in 0..setup.shards {
                for filters in filters() {
                    let log = Log::default();
                    let builder = any_of(router.subscription().shard(shard), &filters);
                    builder.handler(log.handler()).unwrap();
                    subscriptions.push((filters, log));
                }
            }
            let all_topics = topics();
            let publishers: Vec<_> = (0..4)
                .map(|me| {
                    let (router, mut random) = (router.clone(), random.fork());
                    let mine: Vec<Topic> = (0..EVENTS).map(|_| random.pick(&all_topics)).collect();
                    thread::spawn(move || {
                        if me % 2 == 0 {
                            let mut publisher = router.publisher();
                            publish_in_mixed_ways(&mut publisher, me, &mine, &mut random);
                        } else {
                            for (number, &topic) in (0..).zip(&mine) {
                                // Each time through another handle: it is the thread that counts.
                                router.clone().publish(topic, (me, number)).unwrap();
                            }
                        }
                        mine
                    })
                })
                .collect();
            let published: Vec<_> = publishers
                .into_iter()
                .map(|it| it.join().unwrap())
                .collect();
            router.flush().unwrap();
            for (filters, log) in subscriptions {
                let seen = log.all();
                for (publisher, topics) in published.iter().enumerate() {
                    let wanted = |topic: &Topic| filters.iter().any(|one| one.matches(*topic));
                    let expected = (0..).zip(topics).filter(|(_, topic)| wanted(topic));
                    let expected: Vec<u64> = expected.map(|(number, _)| number).collect();
                    let from_it = seen.iter().filter(|(from, _)| *from == publisher);
                    let from_it: Vec<u64> = from_it.map(|(_, number)| *number).collect();
                    assert_eq!(from_it, expected, "{publisher} to {filters:?} in {setup:?}");
                }
            }
        }
    });
}

/// Subscribes a handler that publishes `count` events in answer to each, in both ways that a handler has.
fn add_relay(router: &Router<u64>, shard: usize, from: Topic, to: Topic, count: u64) {
    let mut next = 0;
    on_shard(router, shard, Filter::exact(from))
        .handler_ctx(move |_: &Event<u64>, ctx: &mut Context<'_, u64>| {
            for _ in 0..count {
                let published = match ctx.router().upgrade() {
                    Some(router) if next % 2 == 0 => router.publish(to, next),
                    _ => ctx.publish(to, next),
                };
                assert!(published.is_ok(), "{published:?}");
                next += 1;
            }
        })
        .unwrap();
}

#[test]
fn all_that_the_handlers_of_a_shard_publish_is_in_order() {
    guarded(|| {
        sweep(|setup| {
            let router: Router<u64> = setup.router();
            let (question, answer) = (topic("QUESTION"), topic("ANSWER"));
            add_relay(&router, 0, question, answer, 3);
            let logs: Vec<_> = (0..setup.shards)
                .map(|shard| {
                    let log = Log::default();
                    on_shard(&router, shard, Filter::exact(answer))
                        .handler(log.handler())
                        .unwrap();
                    log
                })
                .collect();
            // Few enough that a shard that is late never makes the relay's queue overflow.
            let mut publisher = router.publisher();
            for _ in 0..300 {
                publisher.publish(question, 0).unwrap();
            }
            // The first waits for the questions, the second for the answers.
            router.flush().unwrap();
            router.flush().unwrap();
            for log in logs {
                assert!(log.all().into_iter().eq(0..900));
            }
        });
    });
}

#[test]
fn two_actors_of_one_shard_are_one_publisher() {
    guarded(|| {
        let builder = Router::<u64>::builder().shards(2).lane_capacity(2);
        let router = builder.build().unwrap();
        let (question, answer) = (topic("QUESTION"), topic("ANSWER"));
        let mine = Log::default();
        for _ in 0..2 {
            let order = mine.clone();
            on_shard(&router, 0, Filter::exact(question))
                .handler_ctx(move |_, ctx| {
                    let number = order.len() as u64;
                    order.push(number);
                    ctx.publish(answer, number).unwrap();
                })
                .unwrap();
        }
        let seen = Log::default();
        on_shard(&router, 1, Filter::exact(answer))
            .handler(seen.handler())
            .unwrap();
        for _ in 0..200 {
            router.publish(question, 0).unwrap();
        }
        router.flush().unwrap();
        router.flush().unwrap();
        assert_eq!(mine.len(), 400);
        assert_eq!(seen.all(), mine.all());
    });
}

#[test]
fn what_waits_for_a_lane_with_one_slot_keeps_its_order() {
    guarded(|| {
        for wait in [Wait::Park, Wait::Yield] {
            let builder = Router::<u64>::builder()
                .shards(2)
                .lane_capacity(1)
                .wait(wait);
            let router = builder.build().unwrap();
            let (question, answer) = (topic("QUESTION"), topic("ANSWER"));
            add_relay(&router, 0, question, answer, 300);
            let log = Log::default();
            on_shard(&router, 1, Filter::exact(answer))
                .handler(log.handler())
                .unwrap();

            let hold = block_shard(&router, 1, 0);
            router.publish(question, 0).unwrap();
            common::wait_until(|| router.stats().shards[0].spilled == 299);
            // These join the end of what waits.
            router.publish(question, 0).unwrap();
            common::wait_until(|| router.stats().shards[0].spilled == 599);
            hold.release();
            router.flush().unwrap();
            assert!(log.all().into_iter().eq(0..600));
            assert_eq!(router.stats().total().spilled, 0);
        }
    });
}

#[test]
fn what_a_shard_publishes_to_itself_keeps_its_order() {
    guarded(|| {
        sweep(|setup| {
            let router: Router<u64> = setup.router();
            let (question, answer) = (topic("QUESTION"), topic("ANSWER"));
            add_relay(&router, 0, question, answer, 300);
            let log = Log::default();
            on_shard(&router, 0, Filter::exact(answer))
                .handler(log.handler())
                .unwrap();
            for _ in 0..3 {
                router.publish(question, 0).unwrap();
            }
            router.flush().unwrap();
            router.flush().unwrap();
            assert!(log.all().into_iter().eq(0..900));
        });
    });
}

#[test]
fn a_publisher_that_moves_between_threads_stays_in_order() {
    guarded(|| {
        sweep(|setup| {
            let router: Router<u64> = setup.router();
            let topic = topic("MOVING");
            let log = Log::default();
            router
                .subscribe(Filter::exact(topic), log.handler())
                .unwrap();
            let mut publisher = router.publisher();
            for turn in 0..20 {
                let worker = thread::spawn(move || {
                    for number in turn * 10..(turn + 1) * 10 {
                        publisher.publish(topic, number).unwrap();
                    }
                    publisher
                });
                publisher = worker.join().unwrap();
            }
            drop(publisher);
            router.flush().unwrap();
            assert!(log.all().into_iter().eq(0..200));
        });
    });
}
