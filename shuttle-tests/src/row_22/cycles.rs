//! Actors that publish to each other.

use super::{Log, assert_sums, check, end, join, router, topic};
use crate::error::PublishError;
use crate::filter::Filter;
use crate::shard::mailbox::Overflow;
use shuttle::thread;

/// G10: a ring of three shards through lanes of one slot, and each actor sends to itself too. Two bring events from
/// outside. Each step is made, or says that there is no room.
#[test]
fn row_11_a_ring_makes_progress_or_says_full() {
    const ACTORS: [&str; 3] = ["RING.A", "RING.B", "RING.C"];
    check(
        &[
            ("bell_no_wake", "pct:33030933549186"),
            ("cold_no_recheck", "pct:278746615257247"),
            ("cold_no_ring", "pct:219855331535532"),
        ],
        || {
            let router = router(3, 1);
            let refused = Log::default();
            let all: Vec<_> = (0..ACTORS.len())
                .map(|place| {
                    let refused = refused.clone();
                    let [here, next] =
                        [place, place + 1].map(|at| topic(ACTORS[at % ACTORS.len()]));
                    let builder = router
                        .subscription()
                        .filter(Filter::exact(here))
                        .shard(place);
                    let builder = builder.mailbox(1, Overflow::Block).budget(1);
                    builder
                        .handler_ctx(move |event, ctx| {
                            let left = *event.payload();
                            if left == 0 {
                                return;
                            }
                            let to = if left % 3 == 0 { here } else { next };
                            match ctx.publish(to, left - 1) {
                                Ok(_) => {}
                                Err(
                                    PublishError::Full(payload) | PublishError::Closed(payload),
                                ) => {
                                    refused.push(payload);
                                }
                            }
                        })
                        .unwrap()
                })
                .collect();
            let publishers = (0..2).map(|publisher| {
                let router = router.clone();
                thread::spawn(move || {
                    let mut own = router.publisher();
                    for number in 0..2 {
                        own.publish(topic(ACTORS[publisher + number]), 4).unwrap();
                    }
                })
            });
            let publishers: Vec<_> = publishers.collect();
            join(publishers);
            // At least once for each hop.
            for _ in 0..5 {
                router.flush().unwrap();
            }
            // Each of four events makes five calls, unless it is refused on the way.
            let handled: u64 = all.iter().map(|one| one.stats().handled).sum();
            let cut: u64 = refused.take().iter().map(|left| left + 1).sum();
            assert_eq!(handled + cut, 4 * 5);
            assert_sums(&router, &all);
            end(&router);
        },
    );
}
