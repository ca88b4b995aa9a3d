//! Sinks as subscribers of a router.

use crate::common::{FOREVER, Hold, Log, assert_adds_up, guarded, topic, wait_until};
use crate::harness::{Endpoint, LONG, Note, Probe, closings, holding, numbers, written};
use laneway::sink::{Breaker, Broadcast, Sink, SinkError, SinkErrorKind, channel};
use laneway::{Filter, Overflow, Router, SubscribeError, Topic};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

fn router() -> (Router<u32>, Topic) {
    (Router::builder().shards(1).build().unwrap(), topic("SINK"))
}

#[test]
fn a_sink_gets_the_events_of_its_filters_in_order_and_is_closed_at_the_end() {
    guarded(|| {
        let (router, topic) = router();
        let log = Log::default();
        let subscription = router
            .subscription()
            .named("archive")
            .filter(Filter::exact(topic))
            .mailbox(64, Overflow::Block)
            .sink(Probe::new(&log))
            .unwrap();
        assert_eq!(subscription.name(), Some("archive"));
        for number in 0..1000 {
            router.publish(topic, number).unwrap();
        }
        router.flush().unwrap();
        assert_eq!(written(&log), (0..1000).collect::<Vec<_>>());
        assert_eq!(closings(&log), 0);
        subscription.unsubscribe().unwrap();
        // A barrier: it is closed now.
        assert_eq!(closings(&log), 1);
        assert_adds_up(subscription.stats());
    });
}

#[test]
fn a_slow_sink_delays_neither_its_shard_nor_its_publishers() {
    guarded(|| {
        let (router, topic) = router();
        let (log, hold) = (Log::default(), Hold::default());
        let others = Log::default();
        let attached = router
            .subscription()
            .filter(Filter::exact(topic))
            .attach(holding(&log, &hold), LONG)
            .unwrap();
        router
            .subscribe(Filter::exact(topic), others.handler())
            .unwrap();
        router.publish(topic, 0).unwrap();
        hold.wait_for_arrival();
        for number in 1..10_000 {
            router.publish(topic, number).unwrap();
        }
        // The other actor of the shard has got all of them.
        wait_until(|| others.len() == 10_000);
        hold.release();
        router.flush().unwrap();
        let stats = attached.stats();
        assert_adds_up(stats);
        // What did not fit are the newest, and it is counted.
        assert!(
            stats.dropped.newest > 0 && stats.dropped.oldest == 0,
            "{stats:?}"
        );
        let written = written(&log);
        assert!(written.is_sorted());
        assert_eq!(written.len() as u64, stats.handled);
        assert_eq!(attached.sink_stats().written, stats.handled);
        // An event behind the gap brings the number of those that were lost.
        router.publish(topic, 10_000).unwrap();
        router.flush().unwrap();
        assert_eq!(attached.sink_stats().missed, stats.dropped.total());
    });
}

#[test]
fn a_mailbox_that_blocks_loses_nothing() {
    guarded(|| {
        let (router, topic) = router();
        let log = Log::default();
        let queue = Probe::new(&log).queue(4);
        let subscription = router
            .subscription()
            .filter(Filter::exact(topic))
            .mailbox(8, Overflow::Block)
            .sink(queue.when_full(laneway::sink::WhenFull::Block(LONG)))
            .unwrap();
        for number in 0..2000 {
            router.publish(topic, number).unwrap();
        }
        subscription.unsubscribe().ok();
        router.shutdown(FOREVER);
        let stats = subscription.stats();
        assert_adds_up(stats);
        let written = written(&log);
        assert_eq!(written, (0..written.len() as u32).collect::<Vec<_>>());
        assert_eq!(written.len() as u64, stats.handled);
    });
}

#[test]
fn failures_are_counted_by_kind() {
    guarded(|| {
        let (router, topic) = router();
        let log = Log::default();
        let fault = |number| match number % 3 {
            0 => Ok(()),
            1 => Err(SinkError::refused("no")),
            _ => Err(SinkError::failed("no")),
        };
        let attached = router
            .subscription()
            .filter(Filter::exact(topic))
            .mailbox(100, Overflow::Block)
            .attach(Probe::failing(&log, fault), LONG)
            .unwrap();
        for number in 0..30 {
            router.publish(topic, number).unwrap();
        }
        router.flush().unwrap();
        let stats = attached.sink_stats();
        assert_eq!((stats.writes, stats.written), (30, 10));
        assert_eq!(stats.failures(SinkErrorKind::Refused), 10);
        assert_eq!(stats.failures(SinkErrorKind::Failed), 10);
        assert_eq!(attached.stats().handled, 30);
        assert!(attached.close_report().is_none(), "it is not closed");
    });
}

#[test]
fn unsubscribing_ends_a_retry_and_gives_back_its_event() {
    guarded(|| {
        let (router, topic) = router();
        let (log, dead) = (Log::default(), Endpoint::default());
        let attached = router
            .subscription()
            .filter(Filter::exact(topic))
            .attach(dead.sink(&log).retry(Breaker::new(1, HOUR)), LONG)
            .unwrap();
        for number in 0..3 {
            router.publish(topic, number).unwrap();
        }
        wait_until(|| dead.attempts() == 1 && attached.stats().matched == 3);
        attached.unsubscribe().unwrap();
        let report = attached.close_report().unwrap();
        assert_eq!(numbers(&report.left), [0]);
        assert_eq!(log.all(), [Note::Closed]);
        // The others are gone with the subscription, and counted there.
        let stats = attached.stats();
        assert_adds_up(stats);
        let gone = stats.discarded + stats.dropped.stopped;
        assert_eq!((stats.handled, gone, stats.queued), (1, 2, 0), "{stats:?}");
        assert!(attached.close_report().is_none(), "once");
    });
}

#[test]
fn fault_an_event_cut_short_inside_a_broadcast_was_lost() {
    guarded(|| {
        // One of two sinks of an attached broadcast retries; the subscription ends meanwhile.
        let (router, topic) = router();
        let (log, dead) = (Log::default(), Endpoint::default());
        let broadcast = Broadcast::new()
            .with("dead", dead.sink(&log).retry(Breaker::new(1, HOUR)))
            .with("other", Probe::new(&log));
        let attached = router
            .subscription()
            .filter(Filter::exact(topic))
            .attach(broadcast, LONG)
            .unwrap();
        router.publish(topic, 7).unwrap();
        wait_until(|| dead.attempts() > 0);
        attached.unsubscribe().unwrap();
        assert_eq!(numbers(&attached.close_report().unwrap().left), [7]);
        assert_eq!(written(&log), [7], "the other one has it");
    });
}

#[test]
fn a_queue_over_a_dead_endpoint_holds_up_neither_unsubscribing_nor_shutdown() {
    guarded(|| {
        for shuts_down in [false, true] {
            let (router, topic) = router();
            let (log, dead) = (Log::default(), Endpoint::default());
            let queue = dead.sink(&log).retry(Breaker::new(1, HOUR)).queue(100);
            let attached = router
                .subscription()
                .filter(Filter::exact(topic))
                .attach(queue, Duration::from_millis(50))
                .unwrap();
            for number in 0..10 {
                router.publish(topic, number).unwrap();
            }
            router.flush().unwrap();
            wait_until(|| dead.attempts() == 1);
            if shuts_down {
                let report = router.shutdown(FOREVER);
                assert!(report.is_complete(), "{report:?}");
            } else {
                attached.unsubscribe().unwrap();
            }
            let report = attached.close_report().unwrap();
            assert_eq!(numbers(&report.left), (0..10).collect::<Vec<_>>());
        }
    });
}

#[test]
fn a_sink_that_is_closed_ends_its_subscription() {
    guarded(|| {
        let (router, topic) = router();
        let (sink, reader) = channel(4);
        let attached = router
            .subscription()
            .filter(Filter::exact(topic))
            .attach(sink, LONG)
            .unwrap();
        drop(reader);
        router.publish(topic, 1).unwrap();
        wait_until(|| attached.has_ended());
        wait_until(|| router.stats().subscriptions == 0);
        let report = attached.close_report().unwrap();
        assert_eq!(numbers(&report.left), [1]);
    });
}

#[test]
fn a_panic_is_the_actors_and_closes_the_sink() {
    guarded(|| {
        let (router, topic) = router();
        let log = Log::default();
        let attached = router
            .subscription()
            .filter(Filter::exact(topic))
            .attach(Probe::failing(&log, |_| panic!("planted")), LONG)
            .unwrap();
        router.publish(topic, 1).unwrap();
        wait_until(|| router.stats().subscriptions == 0);
        assert_eq!(attached.stats().panics, 1);
        assert_eq!(log.all(), [Note::Closed]);
    });
}

#[test]
fn what_is_wrong_with_the_subscription_is_an_error_and_drops_the_sink() {
    let (router, _) = router();
    let log = Log::default();
    let result = router.subscription().sink(Probe::new(&log).queue(1));
    assert!(
        matches!(result, Err(SubscribeError::NoFilter)),
        "{result:?}"
    );
    assert_eq!(closings(&log), 1);
}

#[test]
fn the_default_policy_gives_way_to_a_chosen_one() {
    guarded(|| {
        let (router, topic) = router();
        let hold = Hold::default();
        let subscription = router
            .subscription()
            .mailbox(2, Overflow::DropOldest)
            .filter(Filter::exact(topic))
            .sink(holding(&Log::default(), &hold))
            .unwrap();
        router.publish(topic, 0).unwrap();
        hold.wait_for_arrival();
        for number in 1..50 {
            router.publish(topic, number).unwrap();
        }
        wait_until(|| subscription.stats().matched == 50);
        let dropped = subscription.stats().dropped;
        assert!(dropped.oldest > 0 && dropped.newest == 0, "{dropped:?}");
        hold.release();
    });
}
