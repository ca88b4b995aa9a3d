//! G12: shutting down handles every event whose publish was `Ok`, and gives back every other.

mod common;

use common::{
    Count, FOREVER, Hold, Log, Random, Setup, SpinBarrier, Tally, Tracked, block_shard, guarded,
    on_shard, rounds, setups, sweep, topic, wait_until,
};
use laneway::{
    Actor, Context, Event, Filter, PublishBatchError, PublishError, Published, Publisher, Router,
    StopReason, Topic,
};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

type Payload = Tracked<usize>;

/// The ways of publishing.
enum Source {
    Waiting(Publisher<Payload>),
    Trying(Publisher<Payload>),
    Batching(Publisher<Payload>),
    Thread(Router<Payload>),
}

impl Source {
    /// Publishes until the router is closed. Says how many events were accepted.
    fn run(mut self, topic: Topic, tally: &Arc<Tally>) -> usize {
        let mut accepted = 0;
        loop {
            let payload = tally.track(accepted);
            let result = match &mut self {
                Source::Waiting(publisher) => publisher.publish(topic, payload),
                Source::Trying(publisher) => publisher.try_publish(topic, payload),
                Source::Thread(router) => router.publish(topic, payload),
                Source::Batching(publisher) => return batch(publisher, topic, tally),
            };
            let Err(error) = result else {
                accepted += 1;
                continue;
            };
            let is_full = error.is_full();
            assert_eq!(error.into_payload().value, accepted);
            if !is_full {
                return accepted;
            }
            assert!(matches!(self, Source::Trying(_)));
            thread::yield_now();
        }
    }
}

fn batch(publisher: &mut Publisher<Payload>, topic: Topic, tally: &Arc<Tally>) -> usize {
    let mut accepted = 0;
    loop {
        let mut items = (accepted..accepted + 50).map(|number| (topic, tally.track(number)));
        match publisher.publish_batch(items.by_ref()) {
            Ok(published) => accepted += published.routed,
            Err(error) => {
                assert!(matches!(error, PublishBatchError::Closed { .. }));
                let end = accepted + 50;
                accepted += error.published().routed;
                let unsent = error.into_unsent().into_iter().chain(items);
                assert!(unsent.map(|(_, payload)| payload.value).eq(accepted..end));
                return accepted;
            }
        }
    }
}

/// Closes a router under publishers at work: all that any of them got accepted must be handled, and nothing else.
fn close_under_load(
    setup: Setup,
    random: &mut Random,
    sources: impl FnOnce(&Router<Payload>) -> Vec<Source>,
    close: impl FnOnce(Router<Payload>),
) {
    let (topic, tally) = (topic("LOAD"), Tally::new());
    let router: Router<Payload> = setup.router();
    let handled: Vec<_> = (0..setup.shards).map(|_| Count::default()).collect();
    for (shard, handled) in handled.iter().enumerate() {
        on_shard(&router, shard, Filter::exact(topic))
            .handler(handled.handler())
            .unwrap();
    }
    let sources = sources(&router);
    let start = SpinBarrier::new(sources.len() + 1);
    let workers: Vec<_> = (sources.into_iter())
        .map(|source| {
            let (start, tally) = (Arc::clone(&start), Arc::clone(&tally));
            thread::spawn(move || {
                start.wait();
                source.run(topic, &tally)
            })
        })
        .collect();
    let pause = random.below(300);
    start.wait();
    wait_until(|| handled[0].get() >= pause);
    close(router);
    let accepted: usize = workers
        .into_iter()
        .map(|worker| worker.join().unwrap())
        .sum();
    for handled in handled {
        assert_eq!(handled.get(), accepted, "in {setup:?}");
    }
    tally.assert_balanced();
}

#[test]
fn row_14_what_was_accepted_is_handled_and_the_rest_comes_back() {
    guarded(|| {
        let mut random = Random::new();
        let all = setups();
        for setup in all.iter().cycle().take(rounds(1000)) {
            let sources = |router: &Router<Payload>| {
                vec![
                    Source::Waiting(router.publisher()),
                    Source::Trying(router.publisher()),
                    Source::Batching(router.publisher()),
                    Source::Thread(router.clone()),
                ]
            };
            close_under_load(*setup, &mut random, sources, |router| {
                let report = router.shutdown(FOREVER);
                assert!(report.is_complete(), "{report:?}");
                assert_eq!((report.joined, report.unhandled), (setup.shards, 0));
                assert_eq!(router.stats().total().depth, 0);
            });
        }
    });
}

/// A publisher may know that nobody listens; that the router closed it must see all the same.
#[test]
fn a_closed_router_refuses_also_what_nobody_listens_to() {
    guarded(|| {
        for ends_before in [true, false] {
            let router = Router::new();
            let mut publisher = router.publisher();
            let nobodys = topic("NOBODY");
            assert_eq!(publisher.publish(nobodys, 0), Ok(Published::Unmatched));
            let subscription = router.subscribe(Filter::exact(nobodys), |_| ()).unwrap();
            assert_eq!(publisher.publish(nobodys, 1), Ok(Published::Routed));
            if ends_before {
                subscription.unsubscribe().unwrap();
                assert_eq!(publisher.publish(nobodys, 2), Ok(Published::Unmatched));
            }
            assert!(router.shutdown(FOREVER).is_complete());
            assert_eq!(publisher.publish(nobodys, 3), Err(PublishError::Closed(3)));
            assert_eq!(
                publisher.try_publish(nobodys, 4),
                Err(PublishError::Closed(4))
            );
            let built = publisher.publish_with(nobodys, || 5);
            assert_eq!(built, Err(PublishError::Closed(5)));
            assert_eq!(router.publish(nobodys, 6), Err(PublishError::Closed(6)));
            assert!(!publisher.is_interested(nobodys));
        }
    });
}

#[test]
fn dropping_the_last_handle_drains_as_well() {
    guarded(|| {
        let mut random = Random::new();
        let all = setups();
        for setup in all.iter().cycle().take(rounds(200)) {
            let sources = |router: &Router<Payload>| {
                vec![
                    Source::Waiting(router.publisher()),
                    Source::Trying(router.publisher()),
                    Source::Batching(router.publisher()),
                ]
            };
            close_under_load(*setup, &mut random, sources, |router| {
                let another = router.clone();
                drop(router);
                assert!(
                    another
                        .publish(topic("NOBODY"), Tally::new().track(0))
                        .is_ok()
                );
                drop(another);
            });
        }
    });
}

#[test]
fn row_14_two_threads_that_shut_down_at_once_both_see_it_done() {
    guarded(|| {
        let mut random = Random::new();
        let all = setups();
        for setup in all.iter().cycle().take(rounds(100)) {
            let sources = |router: &Router<Payload>| vec![Source::Waiting(router.publisher())];
            close_under_load(*setup, &mut random, sources, |router| {
                let other = router.clone();
                let other = thread::spawn(move || other.shutdown(FOREVER));
                let reports = [router.shutdown(FOREVER), other.join().unwrap()];
                assert!(
                    reports.iter().all(|report| report.is_complete()),
                    "{reports:?}"
                );
                let joined: usize = reports.iter().map(|report| report.joined).sum();
                assert_eq!(joined, setup.shards);
            });
        }
    });
}

#[test]
fn actors_that_come_and_go_meanwhile_lose_no_payload() {
    guarded(|| {
        let mut random = Random::new();
        let all = setups();
        for setup in all.iter().cycle().take(rounds(100)) {
            let (topic, tally) = (topic("CHURN"), Tally::new());
            let router: Router<Payload> = setup.router();
            let start = SpinBarrier::new(3);
            let publisher = {
                let (mut publisher, tally) = (router.publisher(), Arc::clone(&tally));
                let start = Arc::clone(&start);
                thread::spawn(move || {
                    start.wait();
                    while publisher.publish(topic, tally.track(0)).is_ok() {}
                })
            };
            let subscriber = {
                let (router, start, mut random) =
                    (router.clone(), Arc::clone(&start), random.fork());
                let shards = setup.shards;
                thread::spawn(move || {
                    start.wait();
                    let mut live = Vec::new();
                    loop {
                        let builder = router.subscription().filter(Filter::exact(topic));
                        match builder.shard(random.below(shards)).handler(|_| ()) {
                            Ok(subscription) => live.push(subscription),
                            Err(error) => break assert_eq!(error, laneway::SubscribeError::Closed),
                        }
                        if live.len() > 3 {
                            // Unknown if the shutdown was faster.
                            let _ = live.swap_remove(random.below(4)).unsubscribe();
                        }
                    }
                })
            };
            start.wait();
            let pause = random.below(300) as u64;
            wait_until(|| router.stats().total().events >= pause);
            let report = router.shutdown(FOREVER);
            assert!(report.is_complete(), "{report:?}");
            publisher.join().unwrap();
            subscriber.join().unwrap();
            assert_eq!(router.subscriptions().len(), 0);
            tally.assert_balanced();
        }
    });
}

#[test]
fn what_waits_in_a_shards_queue_is_handled_too() {
    guarded(|| {
        for capacity in [1, 2, 256] {
            let builder = Router::<u64>::builder().shards(2).lane_capacity(capacity);
            let router = builder.build().unwrap();
            let (question, answer) = (topic("QUESTION"), topic("ANSWER"));
            let log = Log::default();
            on_shard(&router, 1, Filter::exact(answer))
                .handler(log.handler())
                .unwrap();
            on_shard(&router, 0, Filter::exact(question))
                .handler_ctx(move |_, ctx| {
                    for number in 0..500 {
                        assert_eq!(ctx.publish(answer, number), Ok(Published::Routed));
                    }
                })
                .unwrap();
            let hold = block_shard(&router, 1, 0);
            router.publish(question, 0).unwrap();
            wait_until(|| router.stats().shards[0].spilled == 500 - capacity);
            let other = router.clone();
            let closing = thread::spawn(move || other.shutdown(FOREVER));
            wait_until(|| router.publish(topic("NOBODY"), 0).is_err());
            hold.release();
            let report = closing.join().unwrap();
            assert_eq!((report.joined, report.is_complete()), (2, true));
            assert!(log.all().into_iter().eq(0..500));
        }
    });
}

#[test]
fn row_14_publishers_that_wait_for_room_get_their_event_back() {
    guarded(|| {
        sweep(|setup| {
            let router: Router<u64> = setup.router();
            let topic = topic("FULL");
            let handled = Log::default();
            router
                .subscribe(Filter::exact(topic), handled.handler())
                .unwrap();
            let hold = block_shard(&router, 0, 0);
            let depth = || router.stats().shards[0].depth;
            let before = depth();
            let mut publisher = router.publisher();
            while publisher.try_publish(topic, 1).is_ok() {}
            let waiting = [true, false].map(|alone| {
                let mut publisher = router.publisher();
                thread::spawn(move || {
                    while publisher.try_publish(topic, 2).is_ok() {}
                    match alone {
                        true => publisher.publish(topic, 3).unwrap_err(),
                        false => {
                            let error = publisher.publish_batch([(topic, 3)]).unwrap_err();
                            assert!(matches!(error, PublishBatchError::Closed { .. }));
                            let (_, payload) = error.into_unsent().pop().unwrap();
                            PublishError::Closed(payload)
                        }
                    }
                })
            });
            wait_until(|| depth() - before == 3 * setup.lane_capacity);
            let other = router.clone();
            let closing = thread::spawn(move || other.shutdown(FOREVER));
            wait_until(|| publisher.try_publish(topic, 4) == Err(PublishError::Closed(4)));
            hold.release();
            for publisher in waiting {
                assert_eq!(publisher.join().unwrap(), PublishError::Closed(3));
            }
            assert!(closing.join().unwrap().is_complete());
            assert_eq!(handled.len(), 3 * setup.lane_capacity);
        });
    });
}

#[test]
fn row_14_past_the_deadline_a_stuck_thread_is_named_and_finishes_later() {
    guarded(|| {
        for by_drop in [false, true] {
            let builder = Router::<u64>::builder().shards(2);
            let router = builder.shutdown_timeout(Duration::ZERO).build().unwrap();
            let (topic, log) = (topic("LATE"), Log::default());
            on_shard(&router, 1, Filter::exact(topic))
                .handler(log.handler())
                .unwrap();
            let hold = block_shard(&router, 1, 0);
            let mut publisher = router.publisher();
            for number in 0..5 {
                publisher.publish(topic, number).unwrap();
            }
            // The other shard ends meanwhile; how soon is not for this test to say.
            let mut joined = 0;
            wait_until(|| {
                let report = router.shutdown(Duration::ZERO);
                joined += report.joined;
                assert!(!report.is_complete());
                assert!(report.detached.contains(&"laneway-1".to_owned()));
                assert!(report.unhandled >= 5, "{report:?}");
                joined == 1 && report.detached.len() == 1
            });
            assert_eq!(publisher.publish(topic, 5), Err(PublishError::Closed(5)));
            assert_eq!(log.len(), 0);
            if by_drop {
                drop(router);
                hold.release();
                wait_until(|| log.len() == 5);
            } else {
                hold.release();
                let report = router.shutdown(FOREVER);
                assert_eq!((report.joined, report.is_complete()), (1, true));
            }
            assert!(log.all().into_iter().eq(0..5));
        }
    });
}

/// Tries to publish in its last call.
struct LastWord(Router<u64>, Log<StopReason>, Topic);

impl Actor<u64> for LastWord {
    fn handle(&mut self, _: &Event<u64>, _: &mut Context<'_, u64>) {}

    fn stopped(&mut self, reason: StopReason) {
        self.1.push(reason);
        assert_eq!(self.0.publish(self.2, 7), Err(PublishError::Closed(7)));
        assert!(self.0.flush().is_err());
        self.1.push(reason);
    }
}

#[test]
fn every_actor_gets_its_last_call_once_and_can_publish_no_more() {
    guarded(|| {
        sweep(|setup| {
            let router: Router<u64> = setup.router();
            let (topic, log) = (topic("LAST"), Log::default());
            for shard in 0..setup.shards {
                let last_word = LastWord(router.clone(), log.clone(), topic);
                on_shard(&router, shard, Filter::exact(topic))
                    .actor(last_word)
                    .unwrap();
            }
            assert!(router.shutdown(FOREVER).is_complete());
            assert_eq!(log.all(), vec![StopReason::Shutdown; 2 * setup.shards]);
            // There is nothing left to do, and that is done at once.
            assert!(router.shutdown(Duration::ZERO).is_complete());
            assert_eq!(router.flush(), Ok(()));
        });
    });
}

#[test]
fn row_14_a_handler_that_shuts_down_under_load_loses_nothing() {
    guarded(|| {
        let mut random = Random::new();
        for setup in setups() {
            let sources = |router: &Router<Payload>| {
                vec![
                    Source::Waiting(router.publisher()),
                    Source::Batching(router.publisher()),
                ]
            };
            close_under_load(setup, &mut random, sources, |router| {
                let (quit, hold) = (topic("QUIT"), Hold::default());
                let (weak, at) = (router.downgrade(), hold.clone());
                let handler = move |_: &Event<Payload>| {
                    let router = weak.upgrade().expect("it is held outside");
                    assert!(!router.shutdown(FOREVER).is_complete());
                    at.stop_here();
                };
                router.subscribe(Filter::exact(quit), handler).unwrap();
                assert!(router.publish(quit, Tally::new().track(0)).is_ok());
                hold.wait_for_arrival();
                hold.release();
                assert!(router.shutdown(FOREVER).is_complete());
            });
        }
    });
}
