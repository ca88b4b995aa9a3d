//! Subscriptions that end while they are suspended, and publishers that wait for them.

use super::*;

/// One event fills the lane, one the mailbox, and a third has nowhere to go.
#[test]
fn a_publisher_that_waits_for_a_suspended_actor_goes_on_when_that_ends() {
    #[derive(Clone, Copy, Debug, PartialEq)]
    enum End {
        Resume,
        Unsubscribe,
        Shutdown,
    }
    guarded(|| {
        for end in [End::Resume, End::Unsubscribe, End::Shutdown] {
            let builder = Router::<u64>::builder().shards(1).lane_capacity(1);
            let router = builder.build().unwrap();
            let (topic, log) = (topic("WAITS"), Log::default());
            let builder = on_shard(&router, 0, Filter::exact(topic));
            let builder = builder.mailbox(1, Overflow::Block);
            let subscription = builder.handler(log.handler()).unwrap();
            subscription.suspend(Suspend::Queue).unwrap();
            let mut publisher = router.publisher();
            publisher.publish(topic, 0).unwrap();
            wait_until(|| subscription.stats().queued == 1);
            publisher.publish(topic, 1).unwrap();
            assert_eq!(publisher.try_publish(topic, 2), Err(PublishError::Full(2)));
            let waiting = thread::spawn(move || publisher.publish(topic, 2));
            thread::yield_now();
            assert!(!waiting.is_finished());
            match end {
                End::Resume => subscription.resume().unwrap(),
                End::Unsubscribe => subscription.unsubscribe().unwrap(),
                End::Shutdown => assert!(router.shutdown(common::FOREVER).is_complete()),
            }
            let published = waiting.join().unwrap();
            match end {
                End::Resume => assert_eq!(published, Ok(Published::Routed)),
                // It may find room as soon as the lane is read, or look at the table again.
                End::Unsubscribe => assert!(published.is_ok()),
                End::Shutdown => assert_eq!(published, Err(PublishError::Closed(2))),
            }
            let _ = router.flush_timeout(common::LIMIT);
            let stats = subscription.stats();
            assert_adds_up(stats);
            assert_eq!(stats.queued, 0);
            match end {
                End::Resume => assert_eq!(log.all(), [0, 1, 2]),
                End::Unsubscribe => assert_eq!((stats.matched, stats.dropped.stopped), (1, 1)),
                End::Shutdown => assert_eq!((stats.matched, stats.dropped.stopped), (2, 2)),
            }
            assert_eq!(end == End::Resume, log.len() > 0);
        }
    });
}

#[test]
fn what_has_ended_cannot_be_suspended_or_resumed() {
    guarded(|| {
        let topic = topic("ENDED");
        let check = |subscription: &Subscription| {
            let unknown = Err(UnsubscribeError::Unknown(subscription.id()));
            for how in BOTH {
                assert_eq!(subscription.suspend(how), unknown);
            }
            assert_eq!(subscription.resume(), unknown);
        };
        let router = Router::<u64>::new();
        let (_, unsubscribed) = logged(&router, topic);
        unsubscribed.suspend(Suspend::Queue).unwrap();
        unsubscribed.unsubscribe().unwrap();
        check(&unsubscribed);
        let stops = router.subscription().filter(Filter::exact(topic));
        let stopped = stops.handler_ctx(|_, ctx| ctx.stop()).unwrap();
        let panicked = router.subscribe(Filter::exact(topic), |_| panic!("asked for"));
        router.publish(topic, 0).unwrap();
        router.flush().unwrap();
        check(&stopped);
        check(&panicked.unwrap());
        let (_, last) = logged(&router, topic);
        router.shutdown(common::FOREVER);
        check(&last);
        drop(router);
        check(&last);
    });
}

#[test]
fn what_waits_for_one_that_ends_is_dropped_and_counted() {
    guarded(|| {
        sweep(|setup| {
            for shuts_down in [false, true] {
                let router: Router<u64> = setup.router();
                let topic = topic("GONE");
                let (log, subscription) = logged(&router, topic);
                subscription.suspend(Suspend::Queue).unwrap();
                publish(&router, topic, 0..50);
                subscription.suspend(Suspend::Discard).unwrap();
                publish(&router, topic, 50..60);
                router.flush().unwrap();
                match shuts_down {
                    true => assert!(router.shutdown(common::FOREVER).is_complete()),
                    false => subscription.unsubscribe().unwrap(),
                }
                let stats = subscription.stats();
                assert_eq!((stats.matched, stats.queued, log.len()), (60, 0, 0));
                assert_eq!((stats.discarded, stats.dropped.stopped), (10, 50));
                assert_all_add_up(&router, 0);
            }
        });
    });
}

/// What it waits for is the shard's last act as well.
#[test]
fn it_returns_while_the_router_shuts_down() {
    guarded(|| {
        for round in 0..rounds(400) {
            let router = Router::<u64>::builder().shards(1).build().unwrap();
            let topic = topic("CLOSING");
            let (_, subscription) = logged(&router, topic);
            let start = SpinBarrier::new(2);
            let other = {
                let (router, start) = (router.clone(), Arc::clone(&start));
                thread::spawn(move || {
                    start.wait();
                    assert!(router.shutdown(common::FOREVER).is_complete());
                })
            };
            start.wait();
            while subscription.suspend(BOTH[round % 2]).is_ok() {
                // Refused at some time, or lost with its shard; either way it counts nowhere or is dropped.
                let _ = router.publish(topic, 0);
                let _ = subscription.resume();
            }
            other.join().unwrap();
            let stats = subscription.stats();
            assert_adds_up(stats);
            assert_eq!(stats.queued, 0);
        }
    });
}
