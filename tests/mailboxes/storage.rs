//! An event that waits in many mailboxes is there once, and dropped once.

use super::common::{Log, Random, Tally, Tracked, assert_sums, guarded, rounds, topic};
use super::{DROPPING, router, with_mailbox};
use laneway::{Actor, Context, Event, Filter, Overflow, Router, Subscription, Suspend};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

type Payload = Tracked<u64>;

fn add_suspended(router: &Router<Payload>, capacity: usize, overflow: Overflow) -> Subscription {
    let builder = with_mailbox(router, Filter::any(), capacity, overflow);
    let subscription = builder.handler(|_| ()).unwrap();
    subscription.suspend(Suspend::Queue).unwrap();
    subscription
}

#[test]
fn an_event_lives_as_long_as_it_waits_anywhere() {
    guarded(|| {
        let tally = Tally::new();
        let router = router();
        let [newest, oldest, latest] = DROPPING.map(|one| add_suspended(&router, 1, one));
        let all_of_it = add_suspended(&router, 10, Overflow::Block);
        let also = add_suspended(&router, 10, Overflow::Block);
        for number in 0..3 {
            router.publish(topic("T"), tally.track(number)).unwrap();
        }
        router.flush().unwrap();
        assert_eq!((tally.clones(), tally.drops()), (0, 0));
        // 0 also waits with `newest`, 2 with `oldest` and `latest`, 1 with those two alone.
        all_of_it.unsubscribe().unwrap();
        assert_eq!(tally.drops(), 0);
        also.resume().unwrap();
        router.flush().unwrap();
        assert_eq!(tally.drops(), 1);
        newest.resume().unwrap();
        router.flush().unwrap();
        assert_eq!(tally.drops(), 2);
        oldest.unsubscribe().unwrap();
        assert_eq!(tally.drops(), 2);
        latest.resume().unwrap();
        router.flush().unwrap();
        assert_eq!(tally.drops(), 3);
        assert_eq!(all_of_it.stats().dropped.stopped, 3);
        assert_sums(&router, &[newest, oldest, latest, all_of_it, also]);
        tally.assert_balanced();
    });
}

#[test]
fn what_no_mailbox_wants_is_dropped_at_once() {
    guarded(|| {
        for overflow in DROPPING {
            let tally = Tally::new();
            let router = router();
            let all = [(); 3].map(|()| add_suspended(&router, 1, overflow));
            for number in 0..300 {
                router.publish(topic("T"), tally.track(number)).unwrap();
            }
            router.flush().unwrap();
            assert_eq!((tally.clones(), tally.drops()), (0, 299), "{overflow:?}");
            for one in &all {
                one.resume().unwrap();
            }
            router.flush().unwrap();
            assert_sums(&router, &all);
            tally.assert_balanced();
        }
    });
}

/// Row 15, for mailboxes: whatever happens to what waits, it is dropped once.
#[test]
fn all_is_dropped_once_at_random() {
    guarded(|| {
        let mut random = Random::new();
        for _ in 0..rounds(100) {
            let tally = Tally::new();
            let router = Router::builder().shards(2).build().unwrap();
            let mut all: Vec<Subscription> = (0..8)
                .map(|shard| {
                    let overflow = random.pick(&DROPPING);
                    let budget = 1 + random.below(4) as u32;
                    with_mailbox(&router, Filter::any(), 1 + random.below(8), overflow)
                        .shard(shard % 2)
                        .budget(budget)
                        .handler(|_| ())
                        .unwrap()
                })
                .collect();
            for number in 0..300 {
                let id = random.below(5) as u64;
                let payload = tally.track(number);
                router
                    .publish(topic("T").with_resource(id), payload)
                    .unwrap();
                let one = random.pick(&all);
                match random.below(60) {
                    0..4 => drop(one.suspend(Suspend::Queue)),
                    4..6 => drop(one.suspend(Suspend::Discard)),
                    6..10 => drop(one.resume()),
                    10 => drop(one.unsubscribe()),
                    _ => {}
                }
            }
            if random.flip() {
                for one in &all {
                    let _ = one.resume();
                }
            }
            let report = router.shutdown(super::FOREVER);
            assert!(report.is_complete(), "{report:?}");
            assert_sums(&router, &all);
            all.clear();
            drop(router);
            tally.assert_balanced();
        }
    });
}

/// Panics when it is dropped, if it is asked to.
#[derive(Clone)]
struct Bomb {
    number: u64,
    is_armed: bool,
    drops: Arc<AtomicUsize>,
}

impl Drop for Bomb {
    fn drop(&mut self) {
        self.drops.fetch_add(1, Ordering::Release);
        assert!(!self.is_armed, "as it should");
    }
}

struct Numbers(Log<(u64, u64)>, u64);

impl Actor<Bomb> for Numbers {
    fn handle(&mut self, event: &Event<Bomb>, _: &mut Context<'_, Bomb>) {
        let missed = std::mem::take(&mut self.1);
        self.0.push((missed, event.payload().number));
    }

    fn lagged(&mut self, missed: u64, _: &mut Context<'_, Bomb>) {
        self.1 += missed;
    }
}

#[test]
fn a_payload_that_panics_as_it_is_dropped_hurts_nobody() {
    guarded(|| {
        for overflow in [Overflow::DropOldest, Overflow::KeepLatest] {
            let drops = Arc::new(AtomicUsize::new(0));
            let bomb = |number, is_armed| Bomb {
                number,
                is_armed,
                drops: Arc::clone(&drops),
            };
            let router = router();
            let log = Log::default();
            let builder = with_mailbox(&router, Filter::any(), 1, overflow);
            let subscription = builder.actor(Numbers(log.clone(), 0)).unwrap();
            subscription.suspend(Suspend::Queue).unwrap();
            // The first two are evicted, the third is handled and the fourth waits when its actor ends.
            for number in 0..3 {
                router.publish(topic("T"), bomb(number, true)).unwrap();
                router.flush().unwrap();
            }
            assert_eq!(subscription.stats().panics, 2, "{overflow:?}");
            subscription.resume().unwrap();
            router.flush().unwrap();
            assert_eq!(log.all(), [(2, 2)]);
            assert_eq!(subscription.stats().panics, 3);
            router.publish(topic("T"), bomb(3, false)).unwrap();
            router.flush().unwrap();
            subscription.suspend(Suspend::Queue).unwrap();
            router.publish(topic("T"), bomb(4, true)).unwrap();
            router.flush().unwrap();
            subscription.unsubscribe().unwrap();
            assert_eq!(log.all(), [(2, 2), (0, 3)]);
            assert_eq!(subscription.stats().panics, 4);
            assert_eq!(subscription.stats().dropped.stopped, 1);
            assert_eq!(router.stats().total().panics, 4);
            assert_eq!(drops.load(Ordering::Acquire), 5);
            assert_sums(&router, &[subscription]);
        }
    });
}
