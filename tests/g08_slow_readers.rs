//! G8 (row 8): an actor that waits in its own thread and a receiver that nobody reads hurt only themselves, under every
//! policy but `Block`. That a shard actor which occupies its thread is named is for `g08_stalls.rs` to test.

mod common;

use common::{Count, FOREVER, Hold, Latch, Log, guarded, on_shard, topic, wait_until, within};
use laneway::{Actor, Context, Event, Filter, Overflow, Receiver, Router, Subscription, Topic};
use std::thread;
use std::time::Duration;

/// Which publisher, and its how many-eth event.
type Numbered = (usize, u64);

const PUBLISHERS: usize = 2;
const FAST: usize = 15;
const CAPACITY: usize = 64;

fn topics() -> [Topic; 8] {
    std::array::from_fn(|id| topic("DATA").with_resource(id as u64))
}

/// Counts what comes out of order or not at all.
fn checking(wrong: &Count) -> impl FnMut(&Event<Numbered>) + Send + 'static {
    let (wrong, mut next) = (wrong.clone(), [0; PUBLISHERS]);
    move |event| {
        let (from, number) = *event.payload();
        if number != next[from] {
            wrong.add();
        }
        next[from] += 1;
    }
}

/// Waits in its first call, and sums up what it hears of.
struct Slow {
    hold: Option<Hold>,
    handled: Count,
    missed: Log<u64>,
}

impl Actor<Numbered> for Slow {
    fn handle(&mut self, _: &Event<Numbered>, _: &mut Context<'_, Numbered>) {
        if let Some(hold) = self.hold.take() {
            hold.stop_here();
        }
        self.handled.add();
    }

    fn lagged(&mut self, missed: u64, _: &mut Context<'_, Numbered>) {
        self.missed.push(missed);
    }
}

/// What a receiver held, and how many events it says it missed.
fn read(receiver: &mut Receiver<Numbered>) -> (u64, u64) {
    let (mut taken, mut missed) = (0, 0);
    while receiver.try_recv().is_ok() {
        taken += 1;
        missed += receiver.take_missed();
    }
    (taken, missed + receiver.take_missed())
}

/// All of `total` is accounted for: `handled` and `missed` were counted outside.
#[track_caller]
fn assert_accounted(subscription: &Subscription, total: u64, handled: u64, missed: u64) {
    let stats = subscription.stats();
    assert_eq!((stats.matched, stats.queued), (total, 0), "{stats:?}");
    assert_eq!((stats.handled, stats.discarded), (handled, 0), "{stats:?}");
    assert_eq!(stats.dropped.total(), missed, "{stats:?}");
    assert_eq!(handled + missed, total, "{stats:?}");
}

fn slow_ones_hurt_only_themselves(events: u64) {
    for overflow in [
        Overflow::DropNewest,
        Overflow::DropOldest,
        Overflow::KeepLatest,
    ] {
        let builder = Router::<Numbered>::builder().shards(2).lane_capacity(32);
        let router = builder.shutdown_timeout(FOREVER).build().unwrap();
        let filter = Filter::any().event_type("DATA");
        let wrong = Count::default();
        let fast: Vec<_> = (0..FAST)
            .map(|number| {
                let builder = on_shard(&router, number % 2, filter.clone());
                builder.handler(checking(&wrong)).unwrap()
            })
            .collect();
        let (hold, handled, missed) = (Hold::default(), Count::default(), Log::default());
        let slow = Slow {
            hold: Some(hold.clone()),
            handled: handled.clone(),
            missed: missed.clone(),
        };
        let builder = on_shard(&router, 0, filter.clone()).mailbox(CAPACITY, overflow);
        let slow = builder.dedicated(slow).unwrap();
        let builder = on_shard(&router, 1, filter).mailbox(CAPACITY, overflow);
        let mut unread = builder.receiver().unwrap();

        let publishing: Vec<_> = (0..PUBLISHERS)
            .map(|me| {
                let mut publisher = router.publisher();
                thread::spawn(move || {
                    for (number, topic) in (0..events).zip(topics().into_iter().cycle()) {
                        publisher.publish(topic, (me, number)).unwrap();
                    }
                })
            })
            .collect();
        hold.wait_for_arrival();
        for thread in publishing {
            thread.join().unwrap();
        }
        // Nobody has let the slow ones go.
        let total = events * PUBLISHERS as u64;
        for fast in &fast {
            wait_until(|| fast.stats().handled == total);
            assert_accounted(fast, total, total, 0);
        }
        assert_eq!(wrong.get(), 0);
        assert_eq!(handled.get(), 0);
        for subscription in [&slow, unread.subscription()] {
            wait_until(|| subscription.stats().matched == total);
            let stats = subscription.stats();
            // Under the other policies one event lies ready beside the mailbox.
            let most = CAPACITY as u64 + u64::from(overflow != Overflow::DropNewest);
            assert!((1..=most).contains(&stats.queued), "{stats:?}");
            assert_eq!(stats.handled, 0);
        }

        hold.release();
        wait_until(|| slow.stats().queued == 0);
        // One more, so that it hears of what was lost at the end.
        router.publish(topics()[0], (0, events)).unwrap();
        router.flush().unwrap();
        let total = total + 1;
        let missed = missed.all().iter().sum();
        assert_accounted(&slow, total, handled.get() as u64, missed);
        unread.subscription().clone().unsubscribe().unwrap();
        let (taken, missed) = read(&mut unread);
        assert_accounted(unread.subscription(), total, taken, missed);
        assert!(router.shutdown(FOREVER).is_complete());
    }
}

#[test]
fn row_08_slow_readers_hurt_only_themselves() {
    guarded(|| slow_ones_hurt_only_themselves(50_000));
}

#[test]
#[ignore = "a soak"]
fn slow_readers_hurt_only_themselves_for_long() {
    within(Duration::from_secs(1200), || {
        slow_ones_hurt_only_themselves(2_000_000)
    });
}

/// Nor do slow dedicated actors hurt each other, or commands to their shard.
#[test]
fn beside_stuck_readers_a_shard_takes_commands() {
    guarded(|| {
        let router = Router::<Numbered>::builder().shards(1).build().unwrap();
        let door = Latch::default();
        let stuck: Vec<_> = (0..8)
            .map(|_| {
                let door = door.clone();
                let builder = on_shard(&router, 0, Filter::any()).mailbox(1, Overflow::DropOldest);
                builder.dedicated(move |_: &Event<_>| door.wait()).unwrap()
            })
            .collect();
        for number in 0..1000 {
            router.publish(topics()[0], (0, number)).unwrap();
            let count = Count::default();
            let comes_and_goes = on_shard(&router, 0, Filter::any());
            let comes_and_goes = comes_and_goes.handler(count.handler()).unwrap();
            router.publish(topics()[0], (1, number)).unwrap();
            wait_until(|| count.get() == 1);
            comes_and_goes.unsubscribe().unwrap();
        }
        assert!(stuck.iter().all(|stuck| stuck.stats().handled == 0));
        door.open();
        for stuck in &stuck {
            wait_until(|| stuck.stats().queued == 0);
            let stats = stuck.stats();
            assert_eq!(
                (stats.matched, stats.handled + stats.dropped.total()),
                (2000, 2000)
            );
        }
        assert!(router.shutdown(FOREVER).is_complete());
    });
}
