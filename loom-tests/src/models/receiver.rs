//! From a shard to a receiver or a dedicated actor, without a shard: its part is played by one of the model's threads.
//!
//! Readers are on threads of their own where a wake-up may come late: loom takes one for the end of a `join`.

use super::{check, hub, topic};
use crate::actor::{Actor, Context};
use crate::countdown::Countdown;
use crate::event::Event;
use crate::receiver::Receiver;
use crate::receiver::dedicated::Dedicated;
use crate::receiver::remote::{Outbox, remote};
use crate::router::hub::Hub;
use crate::shard::supervise::Supervision;
use crate::sleep::this_thread;
use crate::stats::Kind;
use crate::subscription::{Record, Subscription, SubscriptionId, Suspend};
use crate::sync::{AtomicBool, AtomicUsize, Ordering, fence_heavy};
use loom::thread;
use std::pin::pin;
use std::sync::{Arc, Weak};
use std::task::{Poll, Waker};

fn record() -> Arc<Record> {
    let id = SubscriptionId::next();
    Arc::new(Record::new(id, 0, Default::default(), None, true))
}

fn receiver(ahead: usize, record: &Arc<Record>) -> (Outbox<u32>, Receiver<u32>) {
    let (outbox, inbox) = remote(ahead, false);
    let subscription = Subscription::new(Arc::clone(record), Weak::<Hub<u32>>::new());
    let receiver = Receiver::new(inbox, subscription, hub(2));
    (outbox, receiver)
}

fn event(payload: u32) -> Event<u32> {
    Event::new(topic(), payload)
}

/// mutants: cold_no_recheck no_heavy_fence no_light_fence reader_no_wake lane_stamp_relaxed
#[test]
fn a_receiver_never_sleeps_over_an_event() {
    check(3, || {
        let (mut outbox, mut receiver) = receiver(2, &record());
        let reader = thread::spawn(move || {
            for payload in 1..3 {
                assert_eq!(receiver.recv().unwrap().into_payload(), payload);
            }
        });
        for payload in 1..3 {
            outbox.push(event(payload), 0);
            outbox.signal();
        }
        reader.join().unwrap();
        // Not before: its end wakes as well.
        drop(outbox);
    });
}

/// A future that is given up leaves its lane cold. The next to wait pays no fence, if nobody called meanwhile.
///
/// mutants: no_heavy_fence reader_no_wake
#[test]
fn a_future_that_is_dropped_takes_no_wake_up_with_it() {
    check(3, || {
        let (mut outbox, mut receiver) = receiver(1, &record());
        let reader = thread::spawn(move || {
            let polled = {
                let future = pin!(receiver.recv_async());
                future.poll(&mut std::task::Context::from_waker(Waker::noop()))
            };
            let event = match polled {
                Poll::Ready(event) => event.unwrap(),
                Poll::Pending => receiver.recv().unwrap(),
            };
            assert_eq!(event.into_payload(), 1);
        });
        outbox.push(event(1), 0);
        outbox.signal();
        reader.join().unwrap();
        drop(outbox);
    });
}

/// mutants: reader_no_wake
#[test]
fn a_receiver_wakes_when_it_is_resumed() {
    check(3, || {
        let record = record();
        let (mut outbox, mut receiver) = receiver(1, &record);
        record.state.suspend(Some(Suspend::Queue));
        outbox.push(event(1), 0);
        outbox.signal();
        let reader = thread::spawn(move || {
            assert_eq!(receiver.recv().unwrap().into_payload(), 1);
        });
        record.state.suspend(None);
        outbox.wake();
        reader.join().unwrap();
        drop(outbox);
    });
}

/// A shard with more than it may commit ahead hears of each event that is taken, since it may be the last one.
///
/// mutants: remote_wakes_at_half room_no_light_fence no_heavy_fence
#[test]
fn a_shard_that_waits_for_room_gets_it() {
    check(3, || {
        let (mut outbox, mut receiver) = receiver(4, &record());
        for payload in 0..4 {
            outbox.push(event(payload), 0);
        }
        let shard = thread::spawn(move || {
            let waker = this_thread();
            loop {
                outbox.arm(&waker);
                fence_heavy();
                if outbox.room() > 0 {
                    break;
                }
                thread::park();
            }
            outbox.push(event(4), 0);
            outbox
        });
        assert_eq!(receiver.recv().unwrap().into_payload(), 0);
        shard.join().unwrap();
        for payload in 1..5 {
            assert_eq!(receiver.recv().unwrap().into_payload(), payload);
        }
    });
}

/// mutants: remote_gone_last remote_forgets_rest reader_no_wake lane_gone_relaxed
#[test]
fn what_a_receiver_holds_at_the_end_comes_once_and_in_order() {
    check(3, || {
        let (mut outbox, mut receiver) = receiver(1, &record());
        let shard = thread::spawn(move || {
            outbox.push(event(1), 0);
            let rest = [(3, event(2)), (3, event(3))];
            let (lost, _) = outbox.close(rest, 5, None);
            assert_eq!(lost, 0);
        });
        let mut seen = Vec::new();
        while let Ok(event) = receiver.recv() {
            seen.push((receiver.take_missed(), event.into_payload()));
        }
        assert_eq!(seen, [(0, 1), (3, 2), (0, 3)]);
        assert_eq!(receiver.take_missed(), 2);
        assert!(receiver.recv().is_err());
        shard.join().unwrap();
    });
}

/// The seat and its reader go at once: what nobody takes is counted on one side.
///
/// mutants: remote_both_count
#[test]
fn what_is_lost_is_counted_once() {
    check(3, || {
        let record = record();
        let (mut outbox, mut receiver) = receiver(2, &record);
        let shard = thread::spawn(move || {
            outbox.push(event(1), 0);
            outbox.push(event(2), 0);
            outbox.close([(0, event(3))], 0, None).0
        });
        let taken = usize::from(receiver.try_recv().is_ok());
        drop(receiver);
        let lost = shard.join().unwrap();
        let far = record.far().unwrap();
        assert_eq!(far[Kind::Handled].get(), taken as u64);
        let counted = lost as u64 + far[Kind::Stopped].get();
        assert_eq!(counted + taken as u64, 3);
    });
}

/// Says when a call of it begins and ends.
struct Caller {
    calls: Arc<AtomicUsize>,
    is_running: Arc<AtomicBool>,
}

impl Actor<u32> for Caller {
    fn handle(&mut self, _: &Event<u32>, _: &mut Context<'_, u32>) {
        self.is_running.store(true, Ordering::Relaxed);
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.is_running.store(false, Ordering::Relaxed);
    }
}

/// G6: the barrier of a suspension lets go when no call is running, and none begins until the actor is resumed.
///
/// mutants: remote_barrier_at_once
#[test]
fn suspending_a_dedicated_actor_is_a_barrier() {
    check(2, || {
        let record = record();
        let (mut outbox, inbox) = remote(2, true);
        let calls = Arc::new(AtomicUsize::new(0));
        let is_running = Arc::new(AtomicBool::new(false));
        let actor = Box::new(Caller {
            calls: Arc::clone(&calls),
            is_running: Arc::clone(&is_running),
        });
        let dedicated =
            Dedicated::new(actor, Supervision::Stop, inbox, Arc::clone(&record), hub(2));
        outbox.push(event(1), 0);
        let thread = thread::spawn(move || dedicated.run());
        record.state.suspend(Some(Suspend::Queue));
        let (countdown, mut all) = Countdown::new(1);
        outbox.barrier(all.pop().unwrap());
        countdown.wait(None);
        assert!(!is_running.load(Ordering::Relaxed), "a call is running");
        let before = calls.load(Ordering::Relaxed);
        outbox.push(event(2), 0);
        outbox.signal();
        assert_eq!(calls.load(Ordering::Relaxed), before, "a call began");
        record.state.suspend(None);
        outbox.wake();
        outbox.close([], 0, None);
        thread.join().unwrap();
        assert_eq!(calls.load(Ordering::Relaxed), 2, "both came in the end");
        let far = record.far().unwrap();
        assert_eq!((far[Kind::Handled].get(), far[Kind::Stopped].get()), (2, 0));
    });
}

/// G6: who unsubscribes is let go when the actor is dropped and everything is counted, whoever comes to the end first.
///
/// mutants: remote_done_too_early
#[test]
fn unsubscribing_a_dedicated_actor_is_a_barrier() {
    check(2, || {
        let record = record();
        let (mut outbox, inbox) = remote(1, true);
        let calls = Arc::new(AtomicUsize::new(0));
        let actor = Box::new(Caller {
            calls: Arc::clone(&calls),
            is_running: Arc::default(),
        });
        let dedicated =
            Dedicated::new(actor, Supervision::Stop, inbox, Arc::clone(&record), hub(2));
        outbox.push(event(1), 0);
        let thread = thread::spawn(move || dedicated.run());
        record.state.end(crate::actor::StopReason::Unsubscribed);
        let (countdown, mut all) = Countdown::new(1);
        let (lost, done) = outbox.close([(0, event(2))], 0, all.pop());
        drop(done);
        countdown.wait(None);
        assert_eq!(Arc::strong_count(&calls), 1, "the actor is not dropped");
        let far = record.far().unwrap();
        let kinds = [Kind::Handled, Kind::Discarded, Kind::Stopped];
        let counted = kinds.map(|kind| far[kind].get()).iter().sum::<u64>() + lost as u64;
        assert_eq!(counted, 2);
        thread.join().unwrap();
    });
}
