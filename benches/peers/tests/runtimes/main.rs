//! Receivers and `publish_async` under the executors that people use: nothing depends on which, and no thread of theirs is
//! blocked.

#[path = "../../../../tests/common/mod.rs"]
mod common;
mod executor;

use common::{Count, FOREVER, Log, Tally, Tracked, block_shard, rounds, topic};
use executor::under_all;
use futures_core::Stream;
use futures_core::stream::FusedStream;
use laneway::{Event, Filter, Overflow, PublishError, Receiver, RecvError, Router, Subscription};
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, mpsc};
use std::thread;

async fn next<E>(receiver: &mut Receiver<E>) -> Option<Event<E>> {
    poll_fn(|cx| Pin::new(&mut *receiver).poll_next(cx)).await
}

/// G7, as the owner sees it between calls.
#[track_caller]
fn assert_adds_up(subscription: &Subscription) {
    let stats = subscription.stats();
    let sum = stats.handled + stats.dropped.total() + stats.discarded + stats.queued;
    assert_eq!(stats.matched, sum, "{stats:?}");
}

/// One shard, and lanes of one event.
fn narrow<E: Clone + Send + 'static>() -> Router<E> {
    let builder = Router::builder().shards(1).lane_capacity(1);
    builder.shutdown_timeout(FOREVER).build().unwrap()
}

/// 10^5 futures that found nothing and were dropped, while events come between any two of them.
#[test]
fn futures_that_select_and_timeout_drop_lose_no_event() {
    const GIVEN_UP_FOR_EACH: usize = 5;
    under_all(|executor| async move {
        let events = rounds(100_000) / GIVEN_UP_FOR_EACH;
        let router = Router::<usize>::new();
        let mut receiver = router.receiver(Filter::exact(topic("A"))).unwrap();
        let mut publisher = router.publisher();
        let (go_on, allowed) = mpsc::channel();
        let publishing = thread::spawn(move || {
            for number in 0..events {
                publisher.publish(topic("A"), number).unwrap();
                if allowed.recv().is_err() {
                    assert_eq!(number + 1, events);
                }
            }
        });
        let (mut seen, mut turn, mut given_up) = (0, 0, 0);
        while seen < events {
            turn += 1;
            // A stream's future and a receiver's own.
            let event = if turn % 3 == 0 {
                executor.give_up(turn, next(&mut receiver)).await.flatten()
            } else {
                let taken = executor.give_up(turn, receiver.recv_async()).await;
                taken.map(Result::unwrap)
            };
            match event {
                Some(event) => {
                    assert_eq!(event.into_payload(), seen);
                    seen += 1;
                }
                None => {
                    given_up += 1;
                    if given_up % GIVEN_UP_FOR_EACH == 0 {
                        let _ = go_on.send(());
                    }
                }
            }
        }
        assert!(given_up >= GIVEN_UP_FOR_EACH * (events - 1));
        drop(go_on);
        publishing.join().unwrap();
        let stats = receiver.subscription().stats();
        assert_eq!(
            (stats.matched, stats.handled),
            (events as u64, events as u64)
        );
        assert_adds_up(receiver.subscription());
        assert!(router.shutdown(FOREVER).is_complete());
        assert_eq!(receiver.recv_async().await.unwrap_err(), RecvError::Closed);
    });
}

#[test]
fn a_stream_yields_all_and_ends() {
    under_all(|executor| async move {
        let router = Router::<u64>::new();
        let filter = Filter::exact(topic("A"));
        let builder = router.subscription().filter(filter);
        let mut receiver = builder.mailbox(8, Overflow::Block).receiver().unwrap();
        let reading = executor.spawn(async move {
            let mut seen = Vec::new();
            assert!(!receiver.is_terminated());
            while let Some(event) = next(&mut receiver).await {
                seen.push(event.into_payload());
            }
            assert!(receiver.is_terminated());
            assert!(next(&mut receiver).await.is_none(), "fused");
            assert_adds_up(receiver.subscription());
            seen
        });
        let publishing = thread::spawn(move || {
            for number in 0..5000 {
                router.publish(topic("A"), number).unwrap();
            }
            // Dropped, it drains.
        });
        assert!(reading.await.into_iter().eq(0..5000));
        publishing.join().unwrap();
    });
}

/// The shard is stuck, a task waits for room, and the others of its executor go on: one of them lets the shard go.
#[test]
fn a_task_that_waits_for_room_blocks_no_thread() {
    under_all(|executor| async move {
        let router = narrow::<u64>();
        let seen = Log::default();
        let filter = Filter::exact(topic("A"));
        router.subscribe(filter, seen.handler()).unwrap();
        let hold = block_shard(&router, 0, 0);
        let begun = Count::default();
        let waiting: Vec<_> = (0..4_u64)
            .map(|me| {
                // Half of them through the publisher of the thread that polls.
                let (router, mut own, begun) = (router.clone(), router.publisher(), begun.clone());
                executor.spawn(async move {
                    begun.add();
                    for number in 0..50 {
                        let payload = me * 100 + number;
                        let published = match me % 2 {
                            0 => own.publish_async(topic("A"), payload).await,
                            _ => router.publish_async(topic("A"), payload).await,
                        };
                        assert!(published.is_ok());
                    }
                })
            })
            .collect();
        let turning = executor.spawn(async move {
            // Each of them has filled its lane by then, or is about to.
            let mut turns = 0;
            while begun.get() < 4 || turns < 1000 {
                turns += 1;
                yield_now().await;
            }
            hold.release();
        });
        turning.await;
        for task in waiting {
            task.await;
        }
        let at_once = {
            let router = router.clone();
            thread::spawn(move || router.flush().unwrap())
        };
        at_once.join().unwrap();
        let seen = seen.all();
        assert_eq!(seen.len(), 200);
        for me in [0, 2] {
            let mine = seen.iter().filter(|payload| **payload / 100 == me);
            assert!(
                mine.copied().eq(me * 100..me * 100 + 50),
                "own publishers keep their order"
            );
        }
        assert!(router.shutdown(FOREVER).is_complete());
    });
}

/// No runtime's own, so that it goes under each.
async fn yield_now() {
    common::yield_once().await;
}

/// A mailbox of two events, read and written by tasks of one executor: whoever blocked its thread would hang both.
#[test]
fn tasks_that_publish_and_a_task_that_reads_share_an_executor() {
    const EACH: u64 = 2000;
    under_all(|executor| async move {
        let router = narrow::<(usize, u64)>();
        let filter = Filter::exact(topic("A"));
        let builder = router.subscription().filter(filter);
        let mut receiver = builder.mailbox(2, Overflow::Block).receiver().unwrap();
        let publishing: Vec<_> = (0..3)
            .map(|me| {
                let mut publisher = router.publisher();
                executor.spawn(async move {
                    for number in 0..EACH {
                        let published = publisher.publish_async(topic("A"), (me, number)).await;
                        published.unwrap();
                    }
                })
            })
            .collect();
        let mut expected = [0; 3];
        while expected != [EACH; 3] {
            let (from, number) = receiver.recv_async().await.unwrap().into_payload();
            assert_eq!(number, expected[from]);
            expected[from] += 1;
        }
        for task in publishing {
            task.await;
        }
        assert_adds_up(receiver.subscription());
        assert_eq!(receiver.subscription().stats().handled, 3 * EACH);
        assert!(router.shutdown(FOREVER).is_complete());
    });
}

#[test]
fn a_publish_that_is_given_up_was_not_published() {
    under_all(|executor| async move {
        let (router, tally) = (narrow::<Tracked<usize>>(), Tally::new());
        let handled = Log::default();
        let noted = handled.clone();
        let note = move |event: &Event<Tracked<usize>>| noted.push(event.payload().value);
        router.subscribe(Filter::exact(topic("A")), note).unwrap();
        let mut publisher = router.publisher();
        let mut accepted = Vec::new();
        let mut hold = None;
        for number in 0..rounds(10_000) {
            // A shard that is stuck now and then, so that most of them wait.
            if number % 64 == 0 {
                hold = Some(block_shard(&router, 0, tally.track(0)));
            }
            let payload = tally.track(number);
            let published = match number % 3 {
                0 => {
                    let publishing = router.publish_async(topic("A"), payload);
                    executor.give_up(number, publishing).await
                }
                _ => {
                    let publishing = publisher.publish_async(topic("A"), payload);
                    executor.give_up(number, publishing).await
                }
            };
            if let Some(published) = published {
                assert!(published.is_ok());
                accepted.push(number);
            }
            if number % 64 == 40
                && let Some(hold) = hold.take()
            {
                hold.release();
            }
        }
        if let Some(hold) = hold {
            hold.release();
        }
        let closing = thread::spawn(move || router.shutdown(FOREVER));
        assert!(closing.join().unwrap().is_complete());
        drop(publisher);
        let mut handled = handled.take();
        handled.sort_unstable();
        assert_eq!(handled, accepted);
        let given_up = rounds(10_000) - accepted.len();
        assert!(given_up > rounds(10_000) / 8, "{given_up} waited");
        tally.assert_balanced();
    });
}

/// Row 14, for tasks.
#[test]
fn closing_gives_tasks_their_events_back_and_ends_their_receivers() {
    under_all(|executor| async move {
        for round in 0..rounds(100) {
            let (router, tally) = (narrow::<Tracked<usize>>(), Tally::new());
            let filter = Filter::exact(topic("A"));
            let builder = router.subscription().filter(filter.clone());
            // Nobody reads it until the end, so that publishers wait.
            let mut unread = builder.mailbox(2, Overflow::Block).receiver().unwrap();
            let builder = router.subscription().filter(filter);
            let mut read = builder.mailbox(2, Overflow::DropOldest).receiver().unwrap();
            let publishing: Vec<_> = (0..3)
                .map(|me| {
                    let (router, tally) = (router.clone(), Arc::clone(&tally));
                    let mut publisher = router.publisher();
                    executor.spawn(async move {
                        let mut accepted = 0;
                        loop {
                            let payload = tally.track(accepted);
                            let published = match me {
                                0 => router.publish_async(topic("A"), payload).await,
                                _ => publisher.publish_async(topic("A"), payload).await,
                            };
                            match published {
                                Ok(_) => accepted += 1,
                                Err(PublishError::Closed(payload)) => {
                                    assert_eq!(payload.value, accepted);
                                    break accepted;
                                }
                                Err(error) => panic!("{error:?}"),
                            }
                        }
                    })
                })
                .collect();
            let reading = executor.spawn(async move {
                let mut read_until_closed = 0;
                while read.recv_async().await.is_ok() {
                    read_until_closed += 1;
                }
                assert_adds_up(read.subscription());
                let stats = read.subscription().stats();
                assert_eq!(stats.handled, read_until_closed);
                stats.matched
            });
            for _ in 0..round {
                yield_now().await;
            }
            let closing = thread::spawn(move || router.shutdown(FOREVER));
            let mut accepted = 0;
            for task in publishing {
                accepted += task.await;
            }
            assert!(closing.join().unwrap().is_complete());
            assert_eq!(reading.await, accepted as u64);
            let mut held = 0;
            while unread.recv_async().await.is_ok() {
                held += 1;
            }
            assert_eq!(held, accepted, "no loss under Block");
            assert_adds_up(unread.subscription());
            drop(unread);
            tally.assert_balanced();
        }
    });
}
