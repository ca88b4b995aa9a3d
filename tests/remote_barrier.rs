//! G6 for receivers and dedicated actors: who has unsubscribed sees no further call, and an actor that is gone (row 4).

mod common;

use common::{
    Count, FOREVER, Random, SpinBarrier, guarded, on_shard, rounds, setups, topic, wait_until,
};
use laneway::{
    Actor, Context, Event, Filter, Overflow, Router, StopReason, Subscription, TryRecvError,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};

/// What is seen of one actor from outside.
#[derive(Debug, Default)]
struct Life {
    calls: AtomicUsize,
    in_call: AtomicBool,
    /// Somebody was told that it is over.
    is_over: AtomicBool,
    late_calls: AtomicUsize,
    stopped: AtomicUsize,
    dropped: AtomicUsize,
}

impl Life {
    /// To be asked by whoever was told that it is over.
    #[track_caller]
    fn assert_over(&self) {
        self.is_over.store(true, Ordering::SeqCst);
        assert!(!self.in_call.load(Ordering::SeqCst), "a call is running");
        assert_eq!(self.stopped.load(Ordering::SeqCst), 1, "stopped");
        assert_eq!(self.dropped.load(Ordering::SeqCst), 1, "dropped");
    }
}

struct Witness(Arc<Life>);

impl Witness {
    fn call(&self) {
        let life = &self.0;
        life.in_call.store(true, Ordering::SeqCst);
        life.calls.fetch_add(1, Ordering::SeqCst);
        if life.is_over.load(Ordering::SeqCst) {
            life.late_calls.fetch_add(1, Ordering::SeqCst);
        }
        thread::yield_now();
        life.in_call.store(false, Ordering::SeqCst);
    }
}

impl Actor<u64> for Witness {
    fn handle(&mut self, _: &Event<u64>, _: &mut Context<'_, u64>) {
        self.call();
    }

    fn started(&mut self, _: &mut Context<'_, u64>) {
        self.call();
    }

    fn lagged(&mut self, _: u64, _: &mut Context<'_, u64>) {
        self.call();
    }

    fn stopped(&mut self, _: StopReason) {
        self.call();
        // Long enough for who does not wait to be seen.
        thread::yield_now();
        self.0.stopped.fetch_add(1, Ordering::SeqCst);
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        thread::yield_now();
        self.0.dropped.fetch_add(1, Ordering::SeqCst);
    }
}

const POLICIES: [Overflow; 4] = [
    Overflow::Block,
    Overflow::DropNewest,
    Overflow::DropOldest,
    Overflow::KeepLatest,
];

fn dedicate(router: &Router<u64>, random: &mut Random, shards: usize) -> (Subscription, Arc<Life>) {
    let life = Arc::new(Life::default());
    let builder = on_shard(router, random.below(shards), Filter::exact(topic("BUSY")));
    let builder = builder.mailbox(1 + random.below(8), random.pick(&POLICIES));
    let actor = Witness(Arc::clone(&life));
    (builder.dedicated(actor).unwrap(), life)
}

/// Two threads that publish until they are told not to.
fn publish_on(router: &Router<u64>, stop: &Arc<AtomicBool>) -> [JoinHandle<()>; 2] {
    [0, 1].map(|_| {
        let (mut publisher, stop) = (router.publisher(), Arc::clone(stop));
        thread::spawn(move || {
            let mut number = 0;
            while !stop.load(Ordering::Relaxed) {
                publisher.publish(topic("BUSY"), number).unwrap();
                number += 1;
                thread::yield_now();
            }
        })
    })
}

#[track_caller]
fn assert_adds_up(subscription: &Subscription) {
    let stats = subscription.stats();
    let sum = stats.handled + stats.dropped.total() + stats.discarded;
    assert_eq!((stats.matched, stats.queued), (sum, 0), "{stats:?}");
}

#[test]
fn row_04_after_it_a_dedicated_actor_gets_no_call_and_is_gone() {
    guarded(|| {
        let mut random = Random::new();
        let setups: Vec<_> = setups().into_iter().step_by(2).collect();
        for setup in &setups {
            let router: Router<u64> = setup.router();
            let stop = Arc::new(AtomicBool::new(false));
            let publishing = publish_on(&router, &stop);
            let mut lives = Vec::new();
            for round in 0..rounds(2000) / setups.len() {
                let (subscription, life) = dedicate(&router, &mut random, setup.shards);
                if round % 2 == 0 {
                    wait_until(|| life.calls.load(Ordering::Relaxed) > random.below(8));
                }
                match round % 3 {
                    0 => subscription.unsubscribe().unwrap(),
                    1 => router.unsubscribe(subscription.id()).unwrap(),
                    _ => drop(subscription.clone().guard()),
                }
                life.assert_over();
                assert_adds_up(&subscription);
                lives.push(life);
            }
            stop.store(true, Ordering::Relaxed);
            for thread in publishing {
                thread.join().unwrap();
            }
            assert!(router.shutdown(FOREVER).is_complete());
            for life in lives {
                assert_eq!(life.late_calls.load(Ordering::SeqCst), 0, "{setup:?}");
                assert_eq!(Arc::strong_count(&life), 1);
            }
        }
    });
}

/// What `race` does with a subscription, from two threads at once. Each looks when its own call has returned.
fn two_at_once(race: fn(&Router<u64>, &Subscription) -> bool) {
    guarded(move || {
        let mut random = Random::new();
        let router = Router::<u64>::builder().shards(2).build().unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let publishing = publish_on(&router, &stop);
        for round in 0..rounds(1000) {
            let (subscription, life) = dedicate(&router, &mut random, 2);
            if round % 2 == 0 {
                wait_until(|| life.calls.load(Ordering::Relaxed) > 0);
            }
            let start = SpinBarrier::new(2);
            let others = [0, 1].map(|_| {
                let (router, subscription) = (router.clone(), subscription.clone());
                let (life, start) = (Arc::clone(&life), Arc::clone(&start));
                thread::spawn(move || {
                    start.wait();
                    let is_first = race(&router, &subscription);
                    life.assert_over();
                    is_first
                })
            });
            let firsts = others.map(|other| other.join().expect("its actor is gone"));
            assert_eq!(
                firsts.into_iter().filter(|first| *first).count(),
                1,
                "round {round}"
            );
        }
        stop.store(true, Ordering::Relaxed);
        for thread in publishing {
            thread.join().unwrap();
        }
    });
}

#[test]
fn two_threads_that_unsubscribe_a_dedicated_actor_both_see_it_gone() {
    two_at_once(|_, subscription| subscription.unsubscribe().is_ok());
}

#[test]
fn two_threads_that_unsubscribe_a_dedicated_actor_by_its_id_both_see_it_gone() {
    two_at_once(|router, subscription| router.unsubscribe(subscription.id()).is_ok());
}

/// The error says that its last call is over.
#[test]
fn the_end_of_a_dedicated_actor_that_stops_itself_is_waited_for_too() {
    guarded(|| {
        let router = Router::<u64>::builder().shards(2).build().unwrap();
        for _ in 0..rounds(1000) {
            let life = Arc::new(Life::default());
            struct Quitter(Witness);
            impl Actor<u64> for Quitter {
                fn handle(&mut self, _: &Event<u64>, ctx: &mut Context<'_, u64>) {
                    ctx.stop();
                }
                fn stopped(&mut self, reason: StopReason) {
                    Actor::<u64>::stopped(&mut self.0, reason);
                }
            }
            let filter = Filter::exact(topic("QUIT"));
            let builder = router.subscription().filter(filter);
            let actor = Quitter(Witness(Arc::clone(&life)));
            let subscription = builder.dedicated(actor).unwrap();
            router.publish(topic("QUIT"), 0).unwrap();
            wait_until(|| subscription.has_ended());
            let _ = subscription.unsubscribe();
            life.assert_over();
        }
        assert!(router.shutdown(FOREVER).is_complete());
    });
}

/// After the return a receiver has what it will ever have: what was published later does not come.
#[test]
fn row_04_a_receiver_yields_what_it_holds_and_nothing_later() {
    guarded(|| {
        let mut random = Random::new();
        for setup in setups().into_iter().step_by(2) {
            let router: Router<u64> = setup.router();
            let published = Arc::new(AtomicUsize::new(0));
            let stop = Arc::new(AtomicBool::new(false));
            let publishing = {
                let (mut publisher, published) = (router.publisher(), Arc::clone(&published));
                let stop = Arc::clone(&stop);
                thread::spawn(move || {
                    while !stop.load(Ordering::Relaxed) {
                        let next = published.load(Ordering::Relaxed) as u64;
                        // Counted before: an event with a higher number is a later one.
                        published.fetch_add(1, Ordering::SeqCst);
                        publisher.publish(topic("BUSY"), next).unwrap();
                        thread::yield_now();
                    }
                })
            };
            for round in 0..rounds(400) / 8 {
                let shard = random.below(setup.shards);
                let builder = on_shard(&router, shard, Filter::exact(topic("BUSY")));
                // It is read by nobody until it has ended, so a publisher may wait for room in it.
                let (capacity, policy) = (1 + random.below(8), random.pick(&POLICIES));
                let mut receiver = builder.mailbox(capacity, policy).receiver().unwrap();
                let subscription = receiver.subscription().clone();
                if round % 2 == 0 {
                    wait_until(|| subscription.stats().matched > 0);
                }
                subscription.unsubscribe().unwrap();
                let end = published.load(Ordering::SeqCst) as u64;
                let matched = subscription.stats().matched;
                let mut last = None;
                let error = loop {
                    match receiver.try_recv() {
                        Ok(event) => {
                            let number = event.into_payload();
                            assert!(number < end && last < Some(number), "{number} of {end}");
                            last = Some(number);
                        }
                        Err(error) => break error,
                    }
                };
                assert_eq!(error, TryRecvError::Closed, "there is no more to come");
                assert_eq!(subscription.stats().matched, matched);
                assert_adds_up(&subscription);
            }
            stop.store(true, Ordering::Relaxed);
            publishing.join().unwrap();
            assert!(router.shutdown(FOREVER).is_complete());
        }
    });
}

/// The wait is for the actor that goes, not for those beside it.
#[test]
fn it_waits_for_no_other_dedicated_actor() {
    guarded(|| {
        let router = Router::<u64>::builder().shards(1).build().unwrap();
        let hold = common::Hold::default();
        let builder = on_shard(&router, 0, Filter::exact(topic("BUSY")));
        builder.dedicated(common::holding(&hold)).unwrap();
        let quick = Count::default();
        let builder = on_shard(&router, 0, Filter::exact(topic("BUSY")));
        let subscription = builder.dedicated(quick.handler()).unwrap();
        router.publish(topic("BUSY"), 0).unwrap();
        hold.wait_for_arrival();
        wait_until(|| quick.get() == 1);
        subscription.unsubscribe().unwrap();
        assert!(subscription.unsubscribe().is_err());
        hold.release();
        assert!(router.shutdown(FOREVER).is_complete());
    });
}
