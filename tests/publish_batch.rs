//! What becomes of a batch whose iterator does more than give events.

mod common;

use common::{Log, guarded, on_shard, topic};
use laneway::{Filter, PublishBatchError, Router};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// With one actor for `all` on each shard, and one for `first` on the first.
fn router() -> (Router<u64>, Log<u64>) {
    let router = Router::<u64>::builder().shards(2).build().unwrap();
    let log = Log::default();
    for shard in 0..2 {
        on_shard(&router, shard, Filter::exact(topic("ALL")))
            .handler(log.handler())
            .unwrap();
    }
    on_shard(&router, 0, Filter::exact(topic("FIRST")))
        .handler(log.handler())
        .unwrap();
    (router, log)
}

/// What is not published when the router closes comes back, each event once and in order, wherever it would have gone.
#[test]
fn closing_in_the_middle_gives_back_what_is_not_published() {
    guarded(|| {
        for written in 0..40_u64 {
            let (router, log) = router();
            let mut publisher = router.publisher();
            let topics = [topic("FIRST"), topic("ALL"), topic("NOBODY"), topic("ALL")];
            let items: Vec<_> = (0..80).map(|n| (topics[n as usize % 4], n)).collect();
            let mut rest = items.iter().copied();
            let closing = rest.by_ref().inspect(|(_, n)| {
                if *n == written {
                    router.shutdown(common::FOREVER);
                }
            });
            let PublishBatchError::Closed { published, unsent } =
                publisher.publish_batch(closing).unwrap_err()
            else {
                panic!("it was closed");
            };
            let gone = published.routed + published.unmatched;
            // Those that nobody wanted went one by one, the others in parts.
            let wanted = |items: &[_]| -> Vec<_> {
                let wanted = items.iter().filter(|(topic, _)| *topic != topics[2]);
                wanted.copied().collect()
            };
            let mut expected = wanted(&items[..]);
            expected.drain(..published.routed);
            let unsent_wanted = wanted(&unsent);
            assert_eq!(unsent_wanted, expected[..unsent_wanted.len()]);
            assert!(unsent.len() <= 32 && gone <= written as usize + 1);
            // What was shown was handled, on one shard or on both.
            let mut seen = log.all();
            seen.sort_unstable();
            seen.dedup();
            let shown = wanted(&items[..]).into_iter().map(|(_, n)| n);
            assert!(seen.into_iter().eq(shown.take(published.routed)));
        }
    });
}

#[test]
fn what_an_iterator_gave_before_it_panicked_is_published() {
    guarded(|| {
        for good in 0..40_u64 {
            let (router, log) = router();
            let mut publisher = router.publisher();
            for _ in 0..2 {
                let items = (0..).map(|n| {
                    assert!(n < good, "asked for");
                    (topic("FIRST"), n)
                });
                let publish = AssertUnwindSafe(|| publisher.publish_batch(items));
                assert!(catch_unwind(publish).is_err());
            }
            router.flush().unwrap();
            assert!(log.all().into_iter().eq((0..good).chain(0..good)));
        }
    });
}

/// An event belongs to whoever had subscribed when it came out of the iterator.
#[test]
fn a_subscription_made_between_two_events_gets_the_second() {
    guarded(|| {
        let (router, _) = router();
        let late = Log::default();
        let items = (0..3).inspect(|n| {
            if *n == 1 {
                on_shard(&router, 1, Filter::exact(topic("FIRST")))
                    .handler(late.handler())
                    .unwrap();
            }
        });
        let items = items.map(|n| (topic("FIRST"), n));
        assert_eq!(router.publisher().publish_batch(items).unwrap().routed, 3);
        router.flush().unwrap();
        assert_eq!(late.all(), [1, 2]);
    });
}
