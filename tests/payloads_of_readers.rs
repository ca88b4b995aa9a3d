//! Row 16 for mailboxes, receivers and dedicated actors: payloads of every size arrive as they were sent, in order, also
//! where they wait, and also where the thread that reads has a small stack.

mod common;

use common::{Log, block_on, guarded, on_shard, topic, wait_until};
use laneway::{Event, Filter, Overflow, Router, Subscription, Suspend};
use std::thread;

const EVENTS: u64 = 40;

const POLICIES: [Overflow; 4] = [
    Overflow::Block,
    Overflow::DropNewest,
    Overflow::DropOldest,
    Overflow::KeepLatest,
];

/// Its number, once its contents are found to be those of that number.
type Check<E> = fn(&E) -> u64;

/// All are looked at on one topic each, so that `KeepLatest` has something to keep.
fn publish<E: Clone + Send + 'static>(router: &Router<E>, make: fn(u64) -> E) {
    let mut publisher = router.publisher();
    for number in 0..EVENTS {
        let topic = topic("PAYLOAD").with_resource(number);
        let published = match number % 3 {
            0 => publisher.publish(topic, make(number)),
            1 => block_on(publisher.publish_async(topic, make(number))),
            _ => router.publish(topic, make(number)),
        };
        assert!(published.is_ok());
    }
}

/// Rising, for each of the two publishers; whole, where nothing was lost.
#[track_caller]
fn assert_arrived(numbers: Vec<u64>, subscription: &Subscription, what: &str) {
    let stats = subscription.stats();
    assert_eq!(stats.matched, EVENTS, "{what}: {stats:?}");
    assert_eq!(stats.handled, numbers.len() as u64, "{what}: {stats:?}");
    assert_eq!(
        stats.handled + stats.dropped.total(),
        EVENTS,
        "{what}: {stats:?}"
    );
    assert_eq!(stats.panics, 0, "{what}");
    for of_thread in [true, false] {
        let of_one = numbers.iter().filter(|it| (**it % 3 == 2) == of_thread);
        assert!(of_one.is_sorted_by(|a, b| a < b), "{what}: {numbers:?}");
    }
}

/// Through a mailbox of a shard actor that is held, a dedicated actor and two receivers, under each policy.
fn arrive_intact<E>(make: fn(u64) -> E, check: Check<E>)
where
    E: Clone + Send + 'static,
{
    guarded(move || {
        for (index, overflow) in POLICIES.into_iter().enumerate() {
            // Now and then there are more than the mailbox takes; what blocks has room for all.
            let capacity = [EVENTS as usize, 16, 16, 16][index];
            let router = Router::<E>::builder().shards(2).build().unwrap();
            let all = |shard| {
                let builder = on_shard(&router, shard, Filter::any().event_type("PAYLOAD"));
                builder.mailbox(capacity, overflow).budget(3)
            };
            let noting = |log: &Log<u64>| {
                let log = log.clone();
                move |event: &Event<E>| log.push(check(event.payload()))
            };
            let (held, dedicated) = (Log::default(), Log::default());
            let held_subscription = all(0).handler(noting(&held)).unwrap();
            held_subscription.suspend(Suspend::Queue).unwrap();
            let dedicated_subscription = all(0).dedicated(noting(&dedicated)).unwrap();
            let mut receivers = [all(0).receiver().unwrap(), all(1).receiver().unwrap()];
            publish(&router, make);
            router.flush().unwrap();
            held_subscription.resume().unwrap();
            router.flush().unwrap();

            let what = format!("{overflow:?}");
            wait_until(|| dedicated_subscription.stats().queued == 0);
            assert_arrived(held.all(), &held_subscription, &what);
            assert_arrived(dedicated.all(), &dedicated_subscription, &what);
            for receiver in &mut receivers {
                receiver.subscription().clone().unsubscribe().unwrap();
                let numbers: Vec<_> = receiver.iter().map(|it| check(it.payload())).collect();
                assert!(numbers.len() >= 16.min(capacity), "{what}");
                assert_arrived(numbers, receiver.subscription(), &what);
            }
        }
    });
}

fn filled<const BYTES: usize>(number: u64) -> [u8; BYTES] {
    [number as u8; BYTES]
}

fn check_filled<const BYTES: usize>(bytes: &[u8; BYTES]) -> u64 {
    assert!(bytes.iter().all(|byte| *byte == bytes[0]));
    bytes[0].into()
}

/// It has no contents to check: numbers count what comes.
#[test]
fn row_16_nothing_at_all() {
    guarded(|| {
        for overflow in POLICIES {
            let router = Router::<()>::builder().shards(2).build().unwrap();
            let all = || {
                let builder = router.subscription().filter(Filter::any());
                builder.mailbox(EVENTS as usize, overflow).budget(3)
            };
            let held = all().handler(|_| ()).unwrap();
            held.suspend(Suspend::Queue).unwrap();
            let dedicated = all().dedicated(|_: &Event<()>| ()).unwrap();
            let mut receiver = all().receiver().unwrap();
            publish(&router, |_| ());
            router.flush().unwrap();
            held.resume().unwrap();
            router.flush().unwrap();
            for subscription in [&held, &dedicated] {
                assert_eq!(subscription.stats().handled, EVENTS, "{overflow:?}");
            }
            receiver.subscription().clone().unsubscribe().unwrap();
            assert_eq!(receiver.iter().count() as u64, EVENTS, "{overflow:?}");
        }
    });
}

#[test]
fn row_16_one_byte() {
    arrive_intact(filled::<1>, check_filled);
}

#[test]
fn row_16_eight_kibibytes() {
    arrive_intact(filled::<{ 8 << 10 }>, check_filled);
}

#[test]
fn row_16_sixty_four_kibibytes() {
    arrive_intact(filled::<{ 64 << 10 }>, check_filled);
}

#[test]
fn text_of_any_length() {
    arrive_intact(
        |number| "x".repeat(number as usize),
        |text| text.len() as u64,
    );
}

/// Aligned to more than a pair of cache lines.
#[derive(Clone)]
#[repr(align(256))]
struct Aligned(u64);

#[test]
fn row_16_more_alignment_than_a_cache_line_has() {
    arrive_intact(Aligned, |payload| {
        assert_eq!((&raw const *payload).addr() % 256, 0);
        payload.0
    });
}

/// Unoptimized code has a copy of its own for each call that a payload passes. Optimized, receiving takes less than 80 KiB,
/// this thread's own copies included, and more than 64.
const SMALL_STACK: usize = if cfg!(debug_assertions) {
    1 << 20
} else {
    80 << 10
};

#[test]
fn row_16_eight_kibibytes_are_received_on_a_small_stack() {
    guarded(|| {
        for overflow in POLICIES {
            let router = Router::<[u8; 8 << 10]>::new();
            let builder = router.subscription().filter(Filter::any());
            let mut receiver = builder.mailbox(16, overflow).receiver().unwrap();
            for number in 0..10 {
                let topic = topic("SMALL").with_resource(number);
                router.publish(topic, filled(number)).unwrap();
            }
            router.flush().unwrap();
            receiver.subscription().clone().unsubscribe().unwrap();
            let reading = thread::Builder::new()
                .stack_size(SMALL_STACK)
                .spawn(move || {
                    let first = check_filled(receiver.recv().unwrap().payload());
                    let second = block_on(receiver.recv_async()).unwrap();
                    let second = check_filled(second.payload());
                    let rest = receiver.iter().map(|event| check_filled(event.payload()));
                    [first, second].into_iter().chain(rest).collect::<Vec<_>>()
                });
            let numbers = reading.unwrap().join().unwrap();
            assert!(numbers.into_iter().eq(0..10), "{overflow:?}");
        }
    });
}
