//! G6: when unsubscribing returns, no call of the actor is running or will begin, and `stopped` and Drop are complete.
//! On threads that run actors it does not wait.

mod common;

use common::{
    Hold, Log, Random, SpinBarrier, Target, guarded, on_shard, rounds, setups, sweep, topic,
    wait_until,
};
use laneway::{Actor, Context, Event, Filter, Router, StopReason, UnsubscribeError};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

/// What an actor went through.
#[derive(Debug, Default)]
struct Life {
    calls: AtomicUsize,
    is_over: AtomicBool,
    late_calls: AtomicUsize,
    stopped: Log<StopReason>,
    dropped: AtomicUsize,
}

/// Notes what it goes through.
struct Witness(Arc<Life>);

impl Witness {
    fn note_call(&self) {
        self.0.calls.fetch_add(1, Ordering::Relaxed);
        if self.0.is_over.load(Ordering::Relaxed) {
            self.0.late_calls.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Actor<u64> for Witness {
    fn handle(&mut self, _: &Event<u64>, _: &mut Context<'_, u64>) {
        self.note_call();
    }

    fn stopped(&mut self, reason: StopReason) {
        self.note_call();
        self.0.stopped.push(reason);
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.note_call();
        self.0.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

impl Life {
    /// To be called when unsubscribing has returned.
    #[track_caller]
    fn assert_over(&self, reason: StopReason) {
        self.is_over.store(true, Ordering::Relaxed);
        assert_eq!(self.stopped.all(), [reason]);
        assert_eq!(self.dropped.load(Ordering::Relaxed), 1);
    }
}

#[test]
fn row_04_after_it_no_call_comes_however_much_is_published() {
    guarded(|| {
        let mut random = Random::new();
        let all = setups();
        for setup in &all {
            let router: Router<u64> = setup.router();
            let topic = topic("BUSY");
            let stop = Arc::new(AtomicBool::new(false));
            let start = SpinBarrier::new(3);
            let publishers = [true, false].map(|explicit| {
                let (router, stop, start) = (router.clone(), Arc::clone(&stop), Arc::clone(&start));
                thread::spawn(move || {
                    let mut publisher = router.publisher();
                    start.wait();
                    while !stop.load(Ordering::Relaxed) {
                        for number in 0..8 {
                            let published = match explicit {
                                true => publisher.publish(topic, number),
                                false => router.publish(topic, number),
                            };
                            assert!(published.is_ok());
                        }
                        // There are more threads than CPUs; without this a round is a turn of the scheduler.
                        thread::yield_now();
                    }
                })
            });
            start.wait();
            let mut lives = Vec::new();
            for round in 0..rounds(10_000) / all.len() {
                let life = Arc::new(Life::default());
                let subscription =
                    on_shard(&router, random.below(setup.shards), Filter::exact(topic))
                        .actor(Witness(Arc::clone(&life)))
                        .unwrap();
                if round % 4 == 0 {
                    wait_until(|| life.calls.load(Ordering::Relaxed) > 0);
                }
                match round % 3 {
                    0 => subscription.unsubscribe().unwrap(),
                    1 => router.unsubscribe(subscription.id()).unwrap(),
                    _ => drop(subscription.guard()),
                }
                life.assert_over(StopReason::Unsubscribed);
                lives.push(life);
            }
            stop.store(true, Ordering::Relaxed);
            publishers
                .into_iter()
                .for_each(|publisher| publisher.join().unwrap());
            router.flush().unwrap();
            for life in lives {
                assert_eq!(life.late_calls.load(Ordering::Relaxed), 0, "{setup:?}");
                assert_eq!(Arc::strong_count(&life), 1);
            }
        }
    });
}

#[test]
fn row_04_it_waits_for_the_call_that_is_running() {
    guarded(|| {
        for wait in [laneway::Wait::Park, laneway::Wait::Yield] {
            let router = Router::<u64>::builder().wait(wait).build().unwrap();
            let topic = topic("SLOW");
            let (hold, done) = (Hold::default(), Arc::new(AtomicBool::new(false)));
            let subscription = {
                let (hold, done) = (hold.clone(), Arc::clone(&done));
                let handler = move |_: &Event<u64>| {
                    hold.stop_here();
                    done.store(true, Ordering::Relaxed);
                };
                router.subscribe(Filter::exact(topic), handler).unwrap()
            };
            router.publish(topic, 0).unwrap();
            hold.wait_for_arrival();
            let waiting = {
                let done = Arc::clone(&done);
                thread::spawn(move || {
                    subscription.unsubscribe().unwrap();
                    // Read by the thread that waited, as its user would.
                    done.load(Ordering::Relaxed)
                })
            };
            // From here on the interest is gone: it waits for the handler, or is about to.
            let mut publisher = router.publisher();
            wait_until(|| !publisher.is_interested(topic));
            assert!(!waiting.is_finished());
            hold.release();
            assert!(
                waiting.join().unwrap(),
                "it returned before the handler did"
            );
        }
    });
}

#[test]
fn row_04_of_many_who_unsubscribe_one_succeeds() {
    guarded(|| {
        for _ in 0..rounds(500) {
            let router = Router::<u64>::new();
            let life = Arc::new(Life::default());
            let witness = Witness(Arc::clone(&life));
            let subscription = router.spawn(Filter::any(), witness).unwrap();
            let start = SpinBarrier::new(3);
            let racers: Vec<_> = (0..3)
                .map(|_| {
                    let (subscription, start) = (subscription.clone(), Arc::clone(&start));
                    let life = Arc::clone(&life);
                    thread::spawn(move || {
                        start.wait();
                        let result = subscription.unsubscribe();
                        // For those who were too late it is over as well.
                        life.assert_over(StopReason::Unsubscribed);
                        result
                    })
                })
                .collect();
            let results: Vec<_> = racers
                .into_iter()
                .map(|racer| racer.join().unwrap())
                .collect();
            let unknown = Err(UnsubscribeError::Unknown(subscription.id()));
            assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
            assert_eq!(
                results.iter().filter(|result| **result == unknown).count(),
                2
            );
        }
    });
}

/// Stops at its first event, and takes its time with the last call.
struct Lingerer(Hold, Witness);

impl Actor<u64> for Lingerer {
    fn handle(&mut self, _: &Event<u64>, ctx: &mut Context<'_, u64>) {
        ctx.stop();
    }

    fn stopped(&mut self, reason: StopReason) {
        self.0.stop_here();
        self.1.stopped(reason);
    }
}

#[test]
fn the_last_call_of_an_actor_that_ends_by_itself_is_waited_for_too() {
    guarded(|| {
        for by_guard in [false, true] {
            let router = Router::<u64>::builder().shards(2).build().unwrap();
            let topic = topic("LINGER");
            let (hold, life) = (Hold::default(), Arc::new(Life::default()));
            let lingerer = Lingerer(hold.clone(), Witness(Arc::clone(&life)));
            let subscription = router.spawn(Filter::exact(topic), lingerer).unwrap();
            router.publish(topic, 0).unwrap();
            hold.wait_for_arrival();
            let waiting = thread::spawn(move || {
                match by_guard {
                    true => drop(subscription.guard()),
                    false => assert!(subscription.unsubscribe().is_err()),
                }
                life.assert_over(StopReason::Stopped);
            });
            assert!(!waiting.is_finished());
            hold.release();
            waiting.join().unwrap();
        }
    });
}

#[test]
fn a_handler_that_ends_its_own_subscription_is_not_called_again() {
    guarded(|| {
        sweep(|setup| {
            let router: Router<u64> = setup.router();
            let topic = topic("SELF");
            let (me, log, stopped) = (Target::default(), Log::default(), Log::default());
            struct Leaver(Target, Log<u64>, Log<StopReason>);
            impl Actor<u64> for Leaver {
                fn handle(&mut self, event: &Event<u64>, _: &mut Context<'_, u64>) {
                    self.1.push(*event.payload());
                    if *event.payload() == 3 {
                        self.0.unsubscribe().unwrap();
                        assert!(self.0.unsubscribe().is_err());
                        // No call nests in another: the last one comes after this.
                        assert_eq!(self.2.len(), 0);
                    }
                }
                fn stopped(&mut self, reason: StopReason) {
                    self.2.push(reason);
                }
            }
            let leaver = Leaver(me.clone(), log.clone(), stopped.clone());
            let subscription = router.spawn(Filter::exact(topic), leaver).unwrap();
            me.set(&subscription);
            router
                .publisher()
                .publish_batch((0..50).map(|number| (topic, number)))
                .unwrap();
            router.flush().unwrap();
            assert_eq!(log.all(), [0, 1, 2, 3]);
            assert_eq!(stopped.all(), [StopReason::Unsubscribed]);
            assert!(subscription.has_ended());
        });
    });
}

#[test]
fn a_handler_that_ends_one_of_its_own_shard_does_so_at_once() {
    guarded(|| {
        sweep(|setup| {
            let router: Router<u64> = setup.router();
            let topic = topic("NEIGHBOUR");
            let shard = setup.shards - 1;
            let life = Arc::new(Life::default());
            let target = Target::default();
            let killer = {
                let (target, life) = (target.clone(), Arc::clone(&life));
                move |event: &Event<u64>| {
                    if *event.payload() == 5 {
                        target.unsubscribe().unwrap();
                        life.is_over.store(true, Ordering::Relaxed);
                    }
                }
            };
            on_shard(&router, shard, Filter::exact(topic))
                .handler(killer)
                .unwrap();
            let victim = Witness(Arc::clone(&life));
            let builder = on_shard(&router, shard, Filter::exact(topic));
            target.set(&builder.actor(victim).unwrap());
            let mut publisher = router.publisher();
            for number in 0..50 {
                publisher.publish(topic, number).unwrap();
            }
            router.flush().unwrap();
            wait_until(|| life.dropped.load(Ordering::Relaxed) == 1);
            // Only `stopped` and Drop may come after.
            assert_eq!(life.late_calls.load(Ordering::Relaxed), 2);
            assert_eq!(life.stopped.all(), [StopReason::Unsubscribed]);
        });
    });
}

#[test]
fn two_shards_that_end_each_others_actors_do_not_wait_for_each_other() {
    guarded(|| {
        for round in 0..rounds(2000) {
            let router = Router::<u64>::builder().shards(2).build().unwrap();
            let topic = topic("DUEL");
            let targets = [Target::default(), Target::default()];
            let meeting = SpinBarrier::new(2);
            let lives = [0, 1].map(|_| Arc::new(Life::default()));
            let duellists = [0, 1].map(|shard| {
                let (other, meeting) = (targets[1 - shard].clone(), Arc::clone(&meeting));
                let witness = Witness(Arc::clone(&lives[shard]));
                let mut has_shot = false;
                on_shard(&router, shard, Filter::exact(topic))
                    .handler(move |_: &Event<u64>| {
                        witness.note_call();
                        if !has_shot {
                            has_shot = true;
                            meeting.wait();
                            other.unsubscribe().unwrap();
                        }
                    })
                    .unwrap()
            });
            targets[0].set(&duellists[0]);
            targets[1].set(&duellists[1]);
            router.publish(topic, round as u64).unwrap();
            for life in &lives {
                wait_until(|| life.dropped.load(Ordering::Relaxed) == 1);
            }
            assert_eq!(router.subscriptions().len(), 0);
        }
    });
}

#[test]
fn a_handler_ends_one_of_another_shard_without_waiting_for_it() {
    guarded(|| {
        let router = Router::<u64>::builder().shards(2).build().unwrap();
        let (topic, slow) = (topic("FAR"), topic("SLOW"));
        let hold = Hold::default();
        let target = Target::default();
        let builder = on_shard(&router, 1, Filter::exact(slow));
        target.set(&builder.handler(common::holding(&hold)).unwrap());
        router.publish(slow, 0).unwrap();
        hold.wait_for_arrival();

        let returned = Log::default();
        let (killer, results) = (target.clone(), returned.clone());
        on_shard(&router, 0, Filter::exact(topic))
            .handler(move |_| results.push(killer.unsubscribe()))
            .unwrap();
        router.publish(topic, 0).unwrap();
        // While the other shard is still inside the actor.
        wait_until(|| returned.len() == 1);
        assert_eq!(returned.all(), [Ok(())]);
        hold.release();
        router.flush().unwrap();
        assert!(target.unsubscribe().is_err());
    });
}
