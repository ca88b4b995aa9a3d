//! Receivers: events that are taken instead of being handed to an actor.

mod common;

use common::{FOREVER, Log, Tally, guarded, on_shard, topic, wait_until};
use futures_core::{FusedStream, Stream};
use laneway::{
    Filter, Overflow, Published, Receiver, RecvError, RecvTimeoutError, Router, Subscription,
    TryRecvError,
};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

const fn is_send_and_unpin<T: Send + Unpin>() {}

const _: () = is_send_and_unpin::<Receiver<Cell<u32>>>();
const _: () = is_send_and_unpin::<Receiver<std::marker::PhantomPinned>>();

/// G7, as the owner sees it between calls.
#[track_caller]
fn assert_adds_up(subscription: &Subscription) {
    let stats = subscription.stats();
    let sum = stats.handled + stats.dropped.total() + stats.discarded + stats.queued;
    assert_eq!(stats.matched, sum, "{stats:?}");
}

fn payloads(receiver: &mut Receiver<u32>) -> Vec<u32> {
    std::iter::from_fn(|| receiver.try_recv().ok())
        .map(|event| event.into_payload())
        .collect()
}

/// A router and a receiver of all that goes to the topic.
fn receiving() -> (Router<u32>, Receiver<u32>) {
    let router = Router::new();
    let receiver = router.receiver(Filter::exact(topic("A"))).unwrap();
    (router, receiver)
}

fn with_mailbox(
    capacity: usize,
    overflow: Overflow,
    filter: Filter,
) -> (Router<u32>, Receiver<u32>) {
    let router = Router::new();
    let builder = router.subscription().filter(filter);
    let receiver = builder.mailbox(capacity, overflow).receiver().unwrap();
    (router, receiver)
}

fn publish_all(router: &Router<u32>, payloads: impl IntoIterator<Item = u32>) {
    for payload in payloads {
        router.publish(topic("A"), payload).unwrap();
    }
    router.flush().unwrap();
}

/// Unparks its thread.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

#[test]
fn events_come_in_order_and_count_when_they_are_taken() {
    guarded(|| {
        let (router, mut receiver) = receiving();
        publish_all(&router, 0..100);
        let stats = receiver.subscription().stats();
        assert_eq!((stats.matched, stats.queued), (100, 100));
        for payload in 0..100 {
            let event = receiver.recv().unwrap();
            assert_eq!(event.topic(), topic("A"));
            assert_eq!(event.into_payload(), payload);
            assert_adds_up(receiver.subscription());
        }
        let stats = receiver.subscription().stats();
        assert_eq!((stats.handled, stats.queued), (100, 0));
        assert_eq!(router.stats().total().handled, 100);
    });
}

#[test]
fn try_recv_never_waits() {
    guarded(|| {
        let (router, mut receiver) = receiving();
        assert_eq!(receiver.try_recv().unwrap_err(), TryRecvError::Empty);
        publish_all(&router, [7]);
        assert_eq!(receiver.try_recv().unwrap().into_payload(), 7);
        assert_eq!(receiver.try_recv().unwrap_err(), TryRecvError::Empty);
        router.shutdown(FOREVER);
        assert_eq!(receiver.try_recv().unwrap_err(), TryRecvError::Closed);
    });
}

#[test]
fn waiting_ends_with_an_event() {
    guarded(|| {
        let (router, mut receiver) = receiving();
        let waiting = thread::spawn(move || {
            let first = receiver.recv().unwrap().into_payload();
            let second = receiver.recv_timeout(Duration::MAX).unwrap().into_payload();
            (first, second, receiver)
        });
        router.publish(topic("A"), 1).unwrap();
        router.publish(topic("A"), 2).unwrap();
        let (first, second, _receiver) = waiting.join().unwrap();
        assert_eq!((first, second), (1, 2));
    });
}

/// Ping-pong, so that each side waits again and again, and each wake-up counts.
#[test]
fn row_10_no_wake_up_is_lost() {
    guarded(|| {
        let router = Router::<u32>::new();
        let mut pings = router.receiver(Filter::exact(topic("PING"))).unwrap();
        let mut pongs = router.receiver(Filter::exact(topic("PONG"))).unwrap();
        let rounds = common::rounds(20_000) as u32;
        let answering = {
            let router = router.clone();
            thread::spawn(move || {
                for ping in pings.iter().take(rounds as usize) {
                    router.publish(topic("PONG"), ping.into_payload()).unwrap();
                }
            })
        };
        for round in 0..rounds {
            router.publish(topic("PING"), round).unwrap();
            assert_eq!(pongs.recv().unwrap().into_payload(), round);
        }
        answering.join().unwrap();
    });
}

#[test]
fn waiting_ends_with_the_subscription() {
    guarded(|| {
        let (_router, mut receiver) = receiving();
        let subscription = receiver.subscription().clone();
        let waiting = thread::spawn(move || {
            assert_eq!(receiver.recv().unwrap_err(), RecvError::Closed);
            let error = receiver.recv_timeout(Duration::MAX).unwrap_err();
            assert_eq!(error, RecvTimeoutError::Closed);
        });
        subscription.unsubscribe().unwrap();
        waiting.join().unwrap();
    });
}

#[test]
fn a_timeout_may_be_anything() {
    guarded(|| {
        let (router, mut receiver) = receiving();
        for timeout in [Duration::ZERO, Duration::from_nanos(1)] {
            let error = receiver.recv_timeout(timeout).unwrap_err();
            assert_eq!(error, RecvTimeoutError::Timeout);
        }
        publish_all(&router, [1, 2]);
        let first = receiver.recv_timeout(Duration::ZERO).unwrap();
        let second = receiver.recv_timeout(Duration::MAX).unwrap();
        assert_eq!((first.into_payload(), second.into_payload()), (1, 2));
    });
}

#[test]
fn iterators_end_with_the_subscription() {
    guarded(|| {
        let (router, mut receiver) = receiving();
        publish_all(&router, 0..6);
        assert_eq!(receiver.iter().take(2).count(), 2);
        for event in &mut receiver {
            if event.into_payload() == 3 {
                break;
            }
        }
        router.shutdown(FOREVER);
        let mut rest = receiver.into_iter();
        assert_eq!(rest.next().unwrap().into_payload(), 4);
        assert_eq!(rest.next().unwrap().into_payload(), 5);
        assert!(rest.next().is_none());
        assert!(rest.next().is_none());
    });
}

#[test]
fn futures_wait_for_events_and_for_the_end() {
    guarded(|| {
        let (router, mut receiver) = receiving();
        let waiting = thread::spawn(move || {
            block_on(async move {
                let mut sum = 0;
                while let Ok(event) = receiver.recv_async().await {
                    sum += event.into_payload();
                }
                let error = receiver.recv_async().await.unwrap_err();
                (sum, error)
            })
        });
        for payload in 1..=100 {
            router.publish(topic("A"), payload).unwrap();
        }
        router.shutdown(FOREVER);
        assert_eq!(waiting.join().unwrap(), (5050, RecvError::Closed));
    });
}

#[test]
fn a_receiver_is_a_stream() {
    guarded(|| {
        let (router, mut receiver) = receiving();
        publish_all(&router, [1, 2]);
        let mut next = || {
            let stream = Pin::new(&mut receiver);
            let polled = stream.poll_next(&mut Context::from_waker(Waker::noop()));
            (polled.map(|event| event.map(|event| event.into_payload()))).is_ready()
        };
        assert_eq!([next(), next(), next()], [true, true, false]);
        assert!(!receiver.is_terminated());
        router.shutdown(FOREVER);
        let mut cx = Context::from_waker(Waker::noop());
        for _ in 0..2 {
            assert!(matches!(
                Pin::new(&mut receiver).poll_next(&mut cx),
                Poll::Ready(None)
            ));
            assert!(receiver.is_terminated());
        }
    });
}

/// Cancel safety: a future owns nothing.
#[test]
fn futures_that_are_given_up_lose_nothing() {
    const COUNT: u32 = 100_000;
    guarded(|| {
        let (router, mut receiver) = receiving();
        let publishing = thread::spawn(move || {
            let mut publisher = router.publisher();
            for payload in 0..COUNT {
                publisher.publish(topic("A"), payload).unwrap();
            }
            router
        });
        let mut expected = 0;
        let mut given_up = 0;
        while expected < COUNT || given_up < COUNT {
            let polled = {
                let future = pin!(receiver.recv_async());
                future.poll(&mut Context::from_waker(Waker::noop()))
            };
            match polled {
                Poll::Ready(event) => {
                    assert_eq!(event.unwrap().into_payload(), expected);
                    expected += 1;
                }
                Poll::Pending => given_up += 1,
            }
        }
        assert_adds_up(receiver.subscription());
        assert_eq!(receiver.subscription().stats().handled, u64::from(COUNT));
        drop(publishing.join().unwrap());
    });
}

#[test]
fn dropping_a_receiver_unsubscribes() {
    guarded(|| {
        let tally = Tally::new();
        let router = Router::new();
        let receiver = router.receiver(Filter::exact(topic("A"))).unwrap();
        for _ in 0..10 {
            router.publish(topic("A"), tally.track(())).unwrap();
        }
        router.flush().unwrap();
        let subscription = receiver.subscription().clone();
        drop(receiver);
        assert!(subscription.has_ended());
        assert!(router.subscriptions().is_empty());
        let published = router.publish(topic("A"), tally.track(())).unwrap();
        assert_eq!(published, Published::Unmatched);
        // Who drops it does not wait for the shard.
        wait_until(|| subscription.stats().queued == 0);
        assert_eq!(subscription.stats().dropped.stopped, 10);
        assert_adds_up(&subscription);
        router.shutdown(FOREVER);
        assert_eq!(router.stats().total().dropped.stopped, 10);
        tally.assert_balanced();
    });
}

#[test]
fn after_unsubscribing_it_yields_what_it_holds() {
    guarded(|| {
        let (router, mut receiver) = receiving();
        publish_all(&router, 0..5);
        receiver.subscription().unsubscribe().unwrap();
        assert_eq!(router.publish(topic("A"), 5).unwrap(), Published::Unmatched);
        assert_eq!(payloads(&mut receiver), [0, 1, 2, 3, 4]);
        assert_adds_up(receiver.subscription());
        assert_eq!(receiver.subscription().stats().handled, 5);
        for _ in 0..2 {
            assert_eq!(receiver.recv().unwrap_err(), RecvError::Closed);
            assert_eq!(receiver.try_recv().unwrap_err(), TryRecvError::Closed);
        }
    });
}

/// It holds more than the shard commits ahead, and the router is gone.
#[test]
fn after_the_router_it_yields_what_it_holds() {
    guarded(|| {
        let (router, mut receiver) =
            with_mailbox(8, Overflow::DropOldest, Filter::exact(topic("A")));
        publish_all(&router, 0..8);
        drop(router);
        assert_eq!(payloads(&mut receiver), (0..8).collect::<Vec<_>>());
        assert_eq!(receiver.try_recv().unwrap_err(), TryRecvError::Closed);
        assert_eq!(receiver.take_missed(), 0);
        assert_adds_up(receiver.subscription());
    });
}

#[test]
fn a_full_mailbox_that_drops_the_newest_reports_the_gap() {
    guarded(|| {
        let (router, mut receiver) =
            with_mailbox(2, Overflow::DropNewest, Filter::exact(topic("A")));
        publish_all(&router, 0..5);
        assert_eq!(receiver.subscription().stats().dropped.newest, 3);
        assert_eq!(payloads(&mut receiver), [0, 1]);
        assert_eq!(receiver.take_missed(), 0, "nothing was lost before these");
        publish_all(&router, 5..10);
        assert_eq!(receiver.recv().unwrap().into_payload(), 5);
        assert_eq!(receiver.take_missed(), 3, "the gap is before the 5");
        assert_eq!(receiver.take_missed(), 0, "and reported once");
        assert_eq!(receiver.recv().unwrap().into_payload(), 6);
        router.shutdown(FOREVER);
        assert_eq!(receiver.recv().unwrap_err(), RecvError::Closed);
        assert_eq!(receiver.take_missed(), 3, "those after the last");
        assert_adds_up(receiver.subscription());
    });
}

#[test]
fn a_full_mailbox_that_drops_the_oldest_has_the_newest() {
    guarded(|| {
        let (router, mut receiver) =
            with_mailbox(3, Overflow::DropOldest, Filter::exact(topic("A")));
        publish_all(&router, 0..10);
        let stats = receiver.subscription().stats();
        assert_eq!((stats.queued, stats.dropped.oldest), (3, 7));
        let (mut next, mut missed) = (0, 0);
        for _ in 0..3 {
            let payload = receiver.recv().unwrap().into_payload();
            let gap = receiver.take_missed();
            assert_eq!(u64::from(payload), next + gap, "the gap is where it was");
            next = u64::from(payload) + 1;
            missed += gap;
        }
        assert_eq!((next, missed), (10, 7));
        assert_eq!(receiver.try_recv().unwrap_err(), TryRecvError::Empty);
        assert_adds_up(receiver.subscription());
    });
}

#[test]
fn the_latest_of_each_topic_is_kept() {
    guarded(|| {
        let (router, mut receiver) =
            with_mailbox(8, Overflow::KeepLatest, Filter::any().category("test"));
        for payload in 0..10 {
            for event_type in ["A", "B"] {
                router.publish(topic(event_type), payload).unwrap();
            }
        }
        router.flush().unwrap();
        let mut last = [None; 2];
        let mut taken = 0;
        // The shard brings what comes next when one is taken, so only waiting is sure to find it.
        while receiver.subscription().stats().queued > 0 {
            let event = receiver.recv().unwrap();
            let place = usize::from(event.topic() == topic("B"));
            let payload = event.into_payload();
            assert!(last[place] < Some(payload), "in order for each topic");
            last[place] = Some(payload);
            taken += 1;
        }
        assert_eq!(last, [Some(9), Some(9)]);
        // One may have been committed before its successor came.
        assert!(taken <= 3, "{taken}");
        let stats = receiver.subscription().stats();
        assert_eq!((stats.handled, stats.dropped.replaced), (taken, 20 - taken));
        assert_adds_up(receiver.subscription());
    });
}

/// Without loss: what does not fit comes back to the publisher.
#[test]
fn a_full_mailbox_that_blocks_holds_its_publishers_up() {
    guarded(|| {
        let (router, mut receiver) = with_mailbox(4, Overflow::Block, Filter::exact(topic("A")));
        let mut publisher = router.publisher();
        let accepted =
            (0..).take_while(|&payload| publisher.try_publish(topic("A"), payload).is_ok());
        let accepted = accepted.count() as u32;
        let publishing = thread::spawn(move || {
            for payload in accepted..accepted + 1000 {
                publisher.publish(topic("A"), payload).unwrap();
            }
        });
        for payload in 0..accepted + 1000 {
            assert_eq!(receiver.recv().unwrap().into_payload(), payload);
        }
        publishing.join().unwrap();
        let stats = receiver.subscription().stats();
        assert_eq!((stats.dropped.total(), stats.queued), (0, 0));
        assert_adds_up(receiver.subscription());
    });
}

/// G10: there it says so instead of waiting.
#[test]
fn threads_that_run_actors_do_not_wait_for_events() {
    guarded(|| {
        let (router, receiver) = receiving();
        let mut receiver = Some(receiver);
        let seen = Log::default();
        let noting = seen.clone();
        on_shard(&router, 0, Filter::exact(topic("ASK")))
            .handler(move |_| {
                let mut receiver = receiver.take().unwrap();
                noting.push(receiver.recv().unwrap_err() == RecvError::ActorThread);
                let error = receiver.recv_timeout(Duration::MAX).unwrap_err();
                noting.push(error == RecvTimeoutError::ActorThread);
                noting.push(receiver.try_recv().unwrap_err() == TryRecvError::Empty);
                noting.push(receiver.iter().next().is_none());
                // Its drop does not wait either.
                drop(receiver);
                noting.push(true);
            })
            .unwrap();
        router.publish(topic("ASK"), 0).unwrap();
        wait_until(|| seen.len() == 5);
        assert_eq!(seen.all(), [true; 5]);
        assert_eq!(router.shutdown(FOREVER).detached, [""; 0]);
    });
}

/// Its owner hears of it, and the receiver is as good as before.
#[test]
fn a_waker_that_panics_while_it_is_cloned_leaves_the_receiver_whole() {
    fn clone(_: *const ()) -> RawWaker {
        panic!("in a waker's clone");
    }
    static TABLE: RawWakerVTable = RawWakerVTable::new(clone, |_| (), |_| (), |_| ());
    guarded(|| {
        let (router, mut receiver) = receiving();
        // SAFETY: none of the functions touches the pointer.
        let waker = unsafe { Waker::from_raw(RawWaker::new(std::ptr::null(), &TABLE)) };
        let polled = catch_unwind(AssertUnwindSafe(|| {
            let future = pin!(receiver.recv_async());
            future.poll(&mut Context::from_waker(&waker)).is_ready()
        }));
        assert!(polled.is_err());
        let waiting = thread::spawn(move || receiver.recv().unwrap().into_payload());
        publish_all(&router, [1]);
        assert_eq!(waiting.join().unwrap(), 1);
    });
}

/// A waker is user code, and it is the shard that calls it.
#[test]
fn a_waker_that_panics_hurts_nobody() {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("in a waker");
        }
    }
    guarded(|| {
        let (router, mut receiver) = receiving();
        let waker = Waker::from(Arc::new(Panics));
        {
            let future = pin!(receiver.recv_async());
            assert!(future.poll(&mut Context::from_waker(&waker)).is_pending());
        }
        publish_all(&router, [1]);
        publish_all(&router, [2]);
        assert_eq!(payloads(&mut receiver), [1, 2]);
    });
}

/// What waits behind the one event that lies ready comes up while it is asked for.
#[test]
fn after_a_flush_everything_can_be_taken_without_waiting() {
    guarded(|| {
        for overflow in [Overflow::DropOldest, Overflow::KeepLatest, Overflow::Block] {
            let router = Router::<u32>::new();
            let mut receiver = (router.subscription().filter(Filter::exact(topic("A"))))
                .mailbox(2000, overflow)
                .receiver()
                .unwrap();
            let mut publisher = router.publisher();
            for payload in 0..1000 {
                let topic = topic("A").with_resource(u64::from(payload));
                publisher.publish(topic, payload).unwrap();
            }
            router.flush().unwrap();
            let mut taken = Vec::new();
            // It gives the shard a moment, and on a busy machine that may be too short.
            wait_until(|| {
                taken.extend(payloads(&mut receiver));
                taken.len() == 1000
            });
            assert_eq!(taken, (0..1000).collect::<Vec<_>>(), "{overflow:?}");
        }
    });
}
