//! Subscriptions that come and go while others publish.

use super::journal::Journal;
use super::{assert_sums, check, end, join, router, topic};
use crate::event::Event;
use crate::filter::Filter;
use crate::router::Router;
use crate::subscription::Subscription;
use crate::topic::Topic;
use shuttle::thread;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Actors `n` and events `n` of the same parity want each other; those of a multiple of 4 want the resource as well.
fn topic_of(event: u64) -> Topic {
    topic(["EVEN.A", "ODD.A"][(event % 2) as usize]).with_resource(event % 4)
}

fn filter_of(actor: usize) -> Filter {
    match actor % 4 {
        0 => Filter::exact(topic_of(0)),
        1 => Filter::any().event_type("ODD.*"),
        2 => Filter::any().event_type("EVEN.A"),
        _ => Filter::any().category("model").event_type("ODD.A"),
    }
}

fn wants(actor: usize, event: u64) -> bool {
    filter_of(actor).matches(topic_of(event))
}

fn subscribe(router: &Router<u64>, journal: &Journal, actor: usize) -> Subscription {
    let noted = journal.clone();
    let builder = router
        .subscription()
        .filter(filter_of(actor))
        .shard(actor / 2 % 2);
    journal.subscribe(actor, || {
        builder
            .handler(move |event| noted.deliver(actor, *event.payload()))
            .unwrap()
    })
}

fn publishing(
    router: &Router<u64>,
    journal: &Journal,
    events: std::ops::Range<u64>,
) -> thread::JoinHandle<Vec<Subscription>> {
    let (router, journal) = (router.clone(), journal.clone());
    thread::spawn(move || {
        let mut publisher = router.publisher();
        for event in events {
            journal.publish(event, || publisher.publish(topic_of(event), event).unwrap());
        }
        Vec::new()
    })
}

/// Two publish while two put one generation of actors in the place of another: each delivery is of a generation that lived
/// at some time of the publish, and who lived all the time has the event.
#[test]
fn row_02_deliveries_are_of_generations_that_lived_during_the_publish() {
    check(
        &[
            ("bell_no_wake", "random:55810532693208"),
            ("since_ignored", "random:196224047268288"),
        ],
        || {
            let router = router(2, 2);
            let journal = Journal::default();
            // The later events of each publisher go to every shard, whoever has come or gone.
            let mut steady = Vec::new();
            for (resource, shard) in [(2, 0), (2, 1), (3, 0), (3, 1)] {
                let builder = router.subscription().shard(shard);
                let builder = builder.filter(Filter::any().resource(resource));
                steady.push(builder.handler(|_| ()).unwrap());
            }
            let publishers = [
                publishing(&router, &journal, 0..4),
                publishing(&router, &journal, 4..8),
            ];
            let changers = (0..2).map(|changer| {
                let (router, journal) = (router.clone(), journal.clone());
                thread::spawn(move || {
                    let mut all: Vec<Subscription> = Vec::new();
                    for generation in 0..3 {
                        let actor = changer * 3 + generation;
                        let next = subscribe(&router, &journal, actor);
                        if let Some(last) = all.last() {
                            let flush = || router.flush().unwrap();
                            let unsubscribe = || last.unsubscribe().unwrap();
                            match changer {
                                0 => journal.unsubscribe(actor - 1, unsubscribe),
                                _ => journal.flush_and_unsubscribe(actor - 1, flush, unsubscribe),
                            }
                        }
                        all.push(next);
                    }
                    all
                })
            });
            let changers: Vec<_> = changers.collect();
            let all = join(publishers.into_iter().chain(changers)).concat();
            end(&router);
            let all = [all, steady].concat();
            journal.check(wants);
            assert_sums(&router, &all);
        },
    );
}

/// G5: three threads publish, subscribe and publish again, beside one that publishes all the time.
#[test]
fn row_03_a_subscription_sees_exactly_what_is_published_after_it() {
    check(
        &[
            ("bell_no_wake", "pct:120863862490958"),
            ("cold_no_recheck", "pct:222960094517325"),
            ("cold_no_ring", "random:222328609877360"),
            ("commands_too_early", "pct:80823109769399"),
            ("since_ignored", "random:122603740609245"),
        ],
        || {
            let router = router(2, 2);
            let journal = Journal::default();
            let subscribers = (0..3).map(|actor| {
                let (router, journal) = (router.clone(), journal.clone());
                // Somebody listens already, so that what comes before lies in lanes.
                let all = router.subscription().filter(Filter::any()).shard(actor % 2);
                let listener = all.handler(|_| ()).unwrap();
                thread::spawn(move || {
                    let first = 4 + 4 * actor as u64;
                    let publish = |event| {
                        let publish = || router.publish(topic_of(event), event).unwrap();
                        journal.publish(event, publish);
                    };
                    (first..first + 2).for_each(publish);
                    let subscription = subscribe(&router, &journal, actor);
                    (first + 2..first + 4).for_each(publish);
                    vec![listener, subscription]
                })
            });
            let subscribers: Vec<_> = subscribers.collect();
            let publisher = publishing(&router, &journal, 0..4);
            let all = join(subscribers.into_iter().chain([publisher])).concat();
            end(&router);
            let delivered = journal.check(wants);
            assert!(delivered >= 3, "each has some of its own");
            assert_sums(&router, &all);
        },
    );
}

/// G6: two publish while three others unsubscribe, one of them an actor that another has just ended.
#[test]
fn row_04_no_call_comes_after_unsubscribing() {
    /// Says when it is called and dropped.
    struct Watched {
        actor: usize,
        journal: Journal,
        is_running: Arc<AtomicBool>,
        is_dropped: Arc<AtomicBool>,
    }
    impl Drop for Watched {
        fn drop(&mut self) {
            self.is_dropped.store(true, Ordering::Relaxed);
        }
    }
    check(
        &[
            ("bell_no_wake", "pct:183684298832342"),
            ("removed_too_early", "random:280887362781752"),
        ],
        || {
            let router = router(2, 2);
            let journal = Journal::default();
            let leavers = (0..3).map(|actor| {
                let [is_running, is_dropped] = [(); 2].map(|()| Arc::<AtomicBool>::default());
                let watched = Watched {
                    actor,
                    journal: journal.clone(),
                    is_running: Arc::clone(&is_running),
                    is_dropped: Arc::clone(&is_dropped),
                };
                let builder = router
                    .subscription()
                    .filter(filter_of(actor))
                    .shard(actor % 2);
                let handler = move |event: &Event<u64>| {
                    watched.is_running.store(true, Ordering::Relaxed);
                    shuttle::thread::yield_now();
                    watched.journal.deliver(watched.actor, *event.payload());
                    watched.is_running.store(false, Ordering::Relaxed);
                };
                let subscription = journal.subscribe(actor, || builder.handler(handler).unwrap());
                let (router, journal) = (router.clone(), journal.clone());
                thread::spawn(move || {
                    // One goes through the handle, the others through their id.
                    journal.unsubscribe(actor, || match actor {
                        0 => subscription.unsubscribe().unwrap(),
                        _ => router.unsubscribe(subscription.id()).unwrap(),
                    });
                    assert!(!is_running.load(Ordering::Relaxed), "a call is running");
                    assert!(
                        is_dropped.load(Ordering::Relaxed),
                        "the actor is not dropped"
                    );
                    assert!(subscription.unsubscribe().is_err());
                    vec![subscription]
                })
            });
            let leavers: Vec<_> = leavers.collect();
            let publishers = [
                publishing(&router, &journal, 0..4),
                publishing(&router, &journal, 4..8),
            ];
            let all = join(publishers.into_iter().chain(leavers)).concat();
            router.flush().unwrap();
            assert_sums(&router, &all);
            end(&router);
            journal.check(wants);
        },
    );
}

/// Four threads subscribe and unsubscribe what partly is the same, while one publishes: what is left is what was added and
/// not removed, and in the end nothing.
#[test]
fn row_05_what_is_left_is_what_was_added_and_not_removed() {
    check(
        &[
            ("bell_no_wake", "random:219787517832324"),
            ("cold_no_ring", "random:80991427986403"),
            ("since_ignored", "random:230072042333486"),
        ],
        || {
            let router = router(2, 2);
            let journal = Journal::default();
            let changers = (0..4).map(|changer| {
                let (router, journal) = (router.clone(), journal.clone());
                thread::spawn(move || {
                    let actors = 2 * changer..2 * changer + 2;
                    let all: Vec<_> = actors
                        .clone()
                        .map(|actor| subscribe(&router, &journal, actor))
                        .collect();
                    journal.unsubscribe(actors.start, || all[0].unsubscribe().unwrap());
                    all
                })
            });
            let changers: Vec<_> = changers.collect();
            let publisher = publishing(&router, &journal, 0..4);
            let all = join(changers.into_iter().chain([publisher])).concat();
            assert_eq!(router.subscriptions().len(), 8 - 4);
            for event in 0..4 {
                let live = (1..8).step_by(2).filter(|actor| wants(*actor, event));
                assert_eq!(router.explain(topic_of(event)).len(), live.count());
            }
            let mut publisher = router.publisher();
            router.flush().unwrap();
            for subscription in all.iter().skip(1).step_by(2) {
                subscription.unsubscribe().unwrap();
            }
            assert_eq!(router.subscriptions().len(), 0);
            assert!((0..4).all(|event| !publisher.is_interested(topic_of(event))));
            drop(publisher);
            end(&router);
            assert_sums(&router, &all);
            // The last four went after all was published.
            journal.check(wants);
        },
    );
}
