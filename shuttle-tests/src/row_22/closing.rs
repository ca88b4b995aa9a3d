//! The end of a router at the worst moment.

use super::{Log, assert_sums, check, join, router, topic};
use crate::error::PublishError;
use crate::filter::Filter;
use crate::router::Router;
use crate::shard::mailbox::Overflow;
use shuttle::thread::{self, JoinHandle};
use std::sync::Arc;
use std::time::Duration;

/// Publishes until it is refused, and says how many were accepted.
fn publishing(router: &Router<u64>, count: u64) -> JoinHandle<u64> {
    let router = router.clone();
    thread::spawn(move || {
        let mut own = router.publisher();
        for number in 0..count {
            match own.publish(topic("T"), number) {
                Ok(_) => {}
                Err(PublishError::Closed(payload)) => {
                    assert_eq!(payload, number, "it comes back");
                    return number;
                }
                Err(PublishError::Full(_)) => panic!("this thread waits for room"),
            }
        }
        count
    })
}

/// G12: two publishers that wait for room, and two that shut down.
#[test]
fn row_14_what_is_accepted_is_handled_when_two_shut_down_at_once() {
    check(
        &[
            ("bell_no_wake", "pct:222208999293642"),
            ("claims_ignore_closed", "pct:125492505735360"),
            ("claims_unseen", "pct:215094129256378"),
        ],
        || {
            let router = router(2, 1);
            let all = [0, 1].map(|shard| {
                let builder = router.subscription().filter(Filter::any()).shard(shard);
                let builder = builder.mailbox(1, Overflow::Block).budget(1);
                builder.handler(|_| shuttle::thread::yield_now()).unwrap()
            });
            let closers = [(); 2].map(|()| {
                let router = router.clone();
                thread::spawn(move || router.shutdown(Duration::MAX))
            });
            let accepted: u64 = join([publishing(&router, 3), publishing(&router, 3)])
                .iter()
                .sum();
            for report in join(closers) {
                assert!(report.is_complete(), "{report:?}");
            }
            for subscription in &all {
                assert_eq!(subscription.stats().handled, accepted);
            }
            assert_sums(&router, &all);
        },
    );
}

/// The same where a handler shuts down, which does not wait, and the last handle is dropped by another.
#[test]
fn row_14_what_is_accepted_is_handled_when_a_handler_shuts_down() {
    check(
        &[
            ("bell_no_wake", "pct:29810967174433"),
            ("claims_ignore_closed", "pct:231581180843093"),
            ("claims_unseen", "pct:226838226639903"),
            ("cold_no_recheck", "random:158604186560264"),
            ("cold_no_ring", "pct:153272679138287"),
        ],
        || {
            let router = router(2, 1);
            let all = [0, 1].map(|shard| {
                let weak = router.downgrade();
                let builder = router.subscription().filter(Filter::any()).shard(shard);
                builder
                    .handler(move |event| {
                        if *event.payload() == 1
                            && let Some(router) = weak.upgrade()
                        {
                            router.shutdown(Duration::MAX);
                        }
                    })
                    .unwrap()
            });
            let publishers = [(); 3].map(|()| publishing(&router, 3));
            let accepted: u64 = join(publishers).iter().sum();
            let report = router.shutdown(Duration::MAX);
            assert!(report.is_complete(), "{report:?}");
            for subscription in &all {
                assert_eq!(subscription.stats().handled, accepted);
            }
            assert_sums(&router, &all);
        },
    );
}

/// Row 15 besides: every payload is dropped once, and nobody keeps the table, whoever of two publishers, a changer and a
/// receiver goes last.
#[test]
fn row_15_what_was_made_is_dropped_and_nobody_keeps_the_table() {
    check(&[("bell_no_wake", "pct:222692901025906")], || {
        let payload = Arc::new(());
        let router = router::<Arc<()>>(2, 1);
        for shard in 0..2 {
            let builder = router.subscription().filter(Filter::any()).shard(shard);
            let builder = builder.mailbox(1, Overflow::DropOldest).budget(1);
            builder.handler(|_| ()).unwrap();
        }
        let mut receiver = router.receiver(Filter::any()).unwrap();
        let publishers = [false, true].map(|implicit| {
            let (router, payload) = (router.clone(), Arc::clone(&payload));
            thread::spawn(move || {
                let mut own = router.publisher();
                for _ in 0..3 {
                    // Whether it is accepted or comes back.
                    let _ = match implicit {
                        true => router.publish(topic("T"), Arc::clone(&payload)),
                        false => own.publish(topic("T"), Arc::clone(&payload)),
                    };
                }
            })
        });
        let changing = {
            let router = router.clone();
            thread::spawn(move || {
                if let Ok(one) = router.subscribe(Filter::any().resource(1), |_| ()) {
                    let _ = one.unsubscribe();
                }
                let _ = receiver.try_recv();
            })
        };
        let report = router.shutdown(Duration::MAX);
        assert!(report.is_complete(), "{report:?}");
        join(publishers);
        join([changing]);
        assert_eq!(Arc::strong_count(&payload), 1);
        let mut table = router.hub().interest().cached();
        // The ledger's, the current one, and this look at it.
        assert_eq!(Arc::strong_count(table.load()), 3);
    });
}
