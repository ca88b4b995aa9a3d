//! G5: a subscription sees exactly the events that are published after it.

mod common;

use common::{
    Count, Hold, Log, Random, SpinBarrier, block_shard, guarded, holding, on_shard, rounds, setups,
    sweep, topic,
};
use laneway::{Actor, Context, Event, Filter, Publisher, Router, Topic, Wait};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

fn published_topic() -> Topic {
    topic("VM.START").with_resource(7)
}

/// Filters that match the topic, in each way that the interest table keeps apart.
fn filters() -> Vec<Filter> {
    vec![
        Filter::any(),
        Filter::exact(published_topic()),
        Filter::any().event_type("VM.*"),
        Filter::any().category("test").event_type("VM.START"),
        Filter::any().resource(7),
        Filter::any().resource(7).category("test"),
    ]
}

/// The ways of publishing, taken in turn.
fn publish(router: &Router<u64>, publisher: &mut Publisher<u64>, way: usize, number: u64) {
    let topic = published_topic();
    match way % 4 {
        0 => drop(publisher.publish(topic, number).unwrap()),
        1 => drop(publisher.publish_with(topic, || number).unwrap()),
        2 => drop(publisher.publish_batch([(topic, number)]).unwrap()),
        _ => drop(router.publish(topic, number).unwrap()),
    }
}

/// One subscription after the other; each must see the middle one of three events, and nothing else.
fn alternate(router: &Router<u64>, shards: usize, rounds: usize, random: &mut Random) {
    let filters = filters();
    let mut publisher = router.publisher();
    for round in 0..rounds {
        let log = Log::default();
        let (before, after) = (random.below(4), random.below(4));
        publish(router, &mut publisher, before, 1);
        let subscription = on_shard(router, random.below(shards), random.pick(&filters))
            .handler(log.handler())
            .unwrap();
        publish(router, &mut publisher, after, 2);
        router.flush().unwrap();
        subscription.unsubscribe().unwrap();
        publish(router, &mut publisher, before, 3);
        assert_eq!(log.all(), [2], "in round {round}");
    }
}

#[test]
fn row_03_what_comes_after_is_seen_and_what_came_before_is_not() {
    guarded(|| {
        let mut random = Random::new();
        let all = setups();
        for setup in &all {
            let router = setup.router();
            // Somebody else is always interested, so that what came before is queued and not just unmatched.
            for shard in 0..setup.shards {
                on_shard(&router, shard, Filter::any())
                    .handler(|_| ())
                    .unwrap();
            }
            alternate(
                &router,
                setup.shards,
                rounds(10_000) / all.len(),
                &mut random,
            );
        }
    });
}

#[test]
fn a_publisher_sees_each_change_of_what_is_wanted() {
    guarded(|| {
        let mut random = Random::new();
        let all = setups();
        for setup in &all {
            // Nobody else: with each round, interest goes from none to some and back.
            alternate(
                &setup.router(),
                setup.shards,
                rounds(10_000) / all.len(),
                &mut random,
            );
        }
    });
}

#[test]
fn what_is_still_queued_at_subscribing_is_not_seen() {
    guarded(|| {
        sweep(|setup| {
            let room = setup.lane_capacity.min(8);
            for filter in filters() {
                let router: Router<u64> = setup.router();
                let topic = published_topic();
                let hold = Hold::default();
                router
                    .subscribe(Filter::exact(topic), holding(&hold))
                    .unwrap();
                let mut publisher = router.publisher();
                for _ in 0..room {
                    publisher.publish(topic, 1).unwrap();
                }
                hold.wait_for_arrival();
                let log = Log::default();
                on_shard(&router, 0, filter).handler(log.handler()).unwrap();
                // A lane that is full takes no more before the handler goes on.
                let mut second = router.publisher();
                second.publish(topic, 2).unwrap();
                hold.release();
                publisher.publish(topic, 3).unwrap();
                router.flush().unwrap();
                let mut seen = log.all();
                seen.sort_unstable();
                assert_eq!(seen, [2, 3]);
            }
        });
    });
}

#[test]
fn what_waits_in_a_shards_queue_is_as_old_as_its_publish() {
    guarded(|| {
        for wait in [Wait::Park, Wait::Yield] {
            let builder = Router::<u64>::builder()
                .shards(2)
                .lane_capacity(1)
                .wait(wait);
            let router = builder.build().unwrap();
            let (question, answer) = (topic("QUESTION"), topic("ANSWER"));
            on_shard(&router, 1, Filter::exact(answer))
                .handler(|_| ())
                .unwrap();
            on_shard(&router, 0, Filter::exact(question))
                .handler_ctx(move |event, ctx| {
                    for _ in 0..10 {
                        ctx.publish(answer, *event.payload()).unwrap();
                    }
                })
                .unwrap();
            let hold = block_shard(&router, 1, 0);
            let ask = |number: u64, waiting: usize| {
                router.publish(question, number).unwrap();
                common::wait_until(|| router.stats().shards[0].spilled == waiting);
            };
            ask(1, 9);
            let log = Log::default();
            on_shard(&router, 1, Filter::exact(answer))
                .handler(log.handler())
                .unwrap();
            ask(2, 19);
            hold.release();
            router.flush().unwrap();
            assert_eq!(log.all(), [2; 10]);
        }
    });
}

/// Publishes without end. An event's number is a ticket drawn before its publish began.
fn publish_tickets(
    router: &Router<u64>,
    me: usize,
    clock: &AtomicU64,
    published: &AtomicU64,
    stop: &AtomicBool,
) -> Vec<u64> {
    let mut publisher = router.publisher();
    let mut tickets = Vec::new();
    while !stop.load(Ordering::Acquire) {
        let ticket = clock.fetch_add(1, Ordering::AcqRel);
        tickets.push(ticket);
        publish(router, &mut publisher, me, ticket << 8 | me as u64);
        published.store(ticket + 1, Ordering::Release);
    }
    tickets
}

#[test]
fn row_03_beside_publishers_at_work_it_sees_all_from_one_event_on() {
    guarded(|| {
        for setup in setups() {
            let router: Router<u64> = setup.router();
            let everyone = router.subscription().filter(Filter::any());
            everyone.handler(|_| ()).unwrap();
            // Each ticket is drawn by a read-modify-write, so those of all threads are in one order of happens-before.
            let clock = Arc::new(AtomicU64::new(0));
            let stop = Arc::new(AtomicBool::new(false));
            // Each publishes in its own way, see `publish`.
            let published: [Arc<AtomicU64>; 3] = Default::default();
            let start = SpinBarrier::new(published.len() + 1);
            let publishers: Vec<_> = (published.iter().enumerate())
                .map(|(index, published)| {
                    let (router, clock) = (router.clone(), Arc::clone(&clock));
                    let (stop, published) = (Arc::clone(&stop), Arc::clone(published));
                    let start = Arc::clone(&start);
                    thread::spawn(move || {
                        start.wait();
                        publish_tickets(&router, index + 1, &clock, &published, &stop)
                    })
                })
                .collect();
            start.wait();

            let mut subscriptions = Vec::new();
            for round in 0..rounds(20) {
                let log: Log<u64> = Log::default();
                let before = [0, 1, 2].map(|index: usize| published[index].load(Ordering::Acquire));
                let subscription = on_shard(
                    &router,
                    round % setup.shards,
                    filters()[round % filters().len()].clone(),
                )
                .handler(log.handler())
                .unwrap();
                let after = clock.fetch_add(1, Ordering::AcqRel);
                // Until each publisher has come further.
                for published in &published {
                    common::wait_until(|| published.load(Ordering::Acquire) > after + 2);
                }
                router.flush().unwrap();
                subscription.unsubscribe().unwrap();
                subscriptions.push((before, after, log));
            }
            stop.store(true, Ordering::Release);
            let tickets: Vec<_> = publishers
                .into_iter()
                .map(|it| it.join().unwrap())
                .collect();

            for (before, after, log) in subscriptions {
                for (index, tickets) in tickets.iter().enumerate() {
                    let mine = log
                        .all()
                        .into_iter()
                        .filter(|it| it & 0xFF == index as u64 + 1);
                    let seen: Vec<u64> = mine.map(|it| it >> 8).collect();
                    let first = *seen.first().expect("each publisher came further");
                    assert!(first >= before[index], "an event of before was seen");
                    let must = *tickets.iter().find(|ticket| **ticket > after).unwrap();
                    assert!(
                        first <= must,
                        "an event of after was missed: {first} > {must}"
                    );
                    let place = tickets.binary_search(&first).unwrap();
                    let all = &tickets[place..][..seen.len()];
                    assert_eq!(seen, all, "none is missing in between, in {setup:?}");
                }
            }
        }
    });
}

#[test]
fn row_10_what_comes_while_a_shard_falls_asleep_is_seen() {
    guarded(|| {
        let mut random = Random::new();
        let setups = setups();
        for setup in setups.iter().filter(|setup| setup.wait == Wait::Park) {
            let router: Router<u64> = setup.router();
            let handled = Count::default();
            for shard in 0..setup.shards {
                on_shard(&router, shard, Filter::any())
                    .handler(handled.handler())
                    .unwrap();
            }
            let mut publisher = router.publisher();
            for round in 1..=rounds(300) as u64 {
                // From none to long enough for a shard to give up looking.
                for _ in 0..random.below(20_000) {
                    std::hint::spin_loop();
                }
                publish(&router, &mut publisher, random.below(4), round);
                common::wait_until(|| handled.get() == round as usize * setup.shards);
            }
        }
    });
}

#[test]
fn row_03_of_many_that_come_and_go_at_once_each_sees_its_own() {
    guarded(|| {
        for shards in [1, 2] {
            let router = Router::<u64>::builder().shards(shards).build().unwrap();
            let workers: Vec<_> = (0..4)
                .map(|me| {
                    let router = router.clone();
                    thread::spawn(move || {
                        let (shared, own) = (topic("SHARED"), topic(&format!("OWN.{me}")));
                        let topics = [shared, own].map(|topic| topic.with_resource(me));
                        // Some of them are the others' as well, in whole or in part.
                        let filters = [
                            Filter::any().resource(me),
                            Filter::any().resource(me).category("test"),
                            Filter::any().event_type("*"),
                            Filter::any().category("test"),
                        ];
                        let mut publisher = router.publisher();
                        for round in 0..rounds(1000) {
                            let log = Log::default();
                            let filter = filters[round % filters.len()].clone();
                            let (mine, place) = ((me << 32) + round as u64, round % shards);
                            let subscription = on_shard(&router, place, filter)
                                .handler(log.handler())
                                .unwrap();
                            publisher.publish(topics[round % 3 % 2], mine).unwrap();
                            router.flush().unwrap();
                            subscription.unsubscribe().unwrap();
                            // The others' events may be among them.
                            let times = log.all().iter().filter(|seen| **seen == mine).count();
                            assert_eq!(times, 1, "of {me} in round {round}");
                        }
                    })
                })
                .collect();
            workers
                .into_iter()
                .for_each(|worker| worker.join().unwrap());
            assert_eq!(router.stats().subscriptions, 0);
            // Nobody is left in the table either.
            let nobody = router.publish(topic("SHARED"), 0);
            assert_eq!(nobody, Ok(laneway::Published::Unmatched));
        }
    });
}

/// Publishes to its own subscription as it starts.
struct Starter(Log<u64>);

impl Actor<u64> for Starter {
    fn started(&mut self, ctx: &mut Context<'_, u64>) {
        for number in 0..10 {
            ctx.publish(published_topic(), number).unwrap();
        }
    }

    fn handle(&mut self, event: &Event<u64>, _: &mut Context<'_, u64>) {
        self.0.push(*event.payload());
    }
}

#[test]
fn what_an_actor_publishes_as_it_starts_is_seen() {
    guarded(|| {
        sweep(|setup| {
            for filter in filters() {
                let router: Router<u64> = setup.router();
                let log = Log::default();
                router.spawn(filter, Starter(log.clone())).unwrap();
                router.flush().unwrap();
                assert!(log.all().into_iter().eq(0..10));
            }
        });
    });
}
