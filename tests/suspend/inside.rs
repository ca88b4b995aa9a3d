//! Suspended by handlers: themselves, their neighbours, and those of other shards.

use super::*;

/// Suspends itself at a number, and then does what it is told.
struct Sleeper {
    me: Target,
    at: u64,
    how: Suspend,
    and_then: AndThen,
    log: Log<u64>,
    stopped: Log<StopReason>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum AndThen {
    Return,
    Stop,
    Panic,
}

impl Actor<u64> for Sleeper {
    fn handle(&mut self, event: &Event<u64>, ctx: &mut Context<'_, u64>) {
        self.log.push(*event.payload());
        if *event.payload() == self.at {
            self.me.suspend(self.how);
            match self.and_then {
                AndThen::Return => {}
                AndThen::Stop => ctx.stop(),
                AndThen::Panic => panic!("asked for"),
            }
        }
    }

    fn stopped(&mut self, reason: StopReason) {
        self.stopped.push(reason);
    }
}

#[test]
fn an_actor_that_suspends_itself_is_not_called_again_and_the_rest_of_its_batch_waits() {
    guarded(|| {
        for (how, and_then, long_way) in [
            (Suspend::Queue, AndThen::Return, false),
            (Suspend::Queue, AndThen::Return, true),
            (Suspend::Discard, AndThen::Return, false),
            (Suspend::Queue, AndThen::Panic, false),
            (Suspend::Discard, AndThen::Panic, true),
        ] {
            sweep(|setup| {
                let router: Router<u64> = setup.router();
                let (topic, log, me) = (topic("SELF"), Log::default(), Target::default());
                let builder = on_shard(&router, 0, Filter::exact(topic)).on_panic(OnPanic::Resume);
                let builder = if long_way {
                    builder.when(|_| true)
                } else {
                    builder
                };
                let sleeper = Sleeper {
                    me: me.clone(),
                    at: 2,
                    how,
                    and_then,
                    log: log.clone(),
                    stopped: Log::default(),
                };
                let subscription = builder.actor(sleeper).unwrap();
                me.set(&subscription);
                // On its own shard, so that all of it lies in the lane when the first is handled.
                inside_a_handler(&router, 0, move |_, ctx| {
                    for number in 0..20 {
                        ctx.publish(topic, number).unwrap();
                    }
                });
                router.flush().unwrap();
                router.flush().unwrap();
                assert_eq!(log.all(), [0, 1, 2]);
                // All of it was published before.
                let stats = subscription.stats();
                assert_eq!(
                    (stats.handled, stats.queued),
                    (3, 17),
                    "{how:?} {and_then:?}"
                );
                subscription.resume().unwrap();
                router.flush().unwrap();
                assert!(log.all().into_iter().eq(0..20));
                let stats = subscription.stats();
                assert_eq!(stats.panics, u64::from(and_then == AndThen::Panic));
                assert_eq!((stats.handled, stats.matched), (20, 20));
            });
        }
    });
}

#[test]
fn one_that_suspends_itself_and_stops_has_ended() {
    guarded(|| {
        sweep(|setup| {
            let router: Router<u64> = setup.router();
            let (topic, log, me) = (topic("STOPS"), Log::default(), Target::default());
            let stopped = Log::default();
            let sleeper = Sleeper {
                me: me.clone(),
                at: 1,
                how: Suspend::Queue,
                and_then: AndThen::Stop,
                log: log.clone(),
                stopped: stopped.clone(),
            };
            let subscription = router.spawn(Filter::exact(topic), sleeper).unwrap();
            me.set(&subscription);
            for number in 0..20 {
                router.publish(topic, number).unwrap();
            }
            router.flush().unwrap();
            wait_until(|| stopped.len() == 1);
            assert_eq!(stopped.all(), [StopReason::Stopped]);
            assert!(subscription.resume().is_err());
            assert_eq!(log.all(), [0, 1]);
            let stats = subscription.stats();
            assert_adds_up(stats);
            assert_eq!(stats.queued, 0);
        });
    });
}

#[test]
fn a_handler_suspends_its_neighbours_at_once() {
    guarded(|| {
        for how in BOTH {
            for long_way in [false, true] {
                let router = Router::<u64>::builder().shards(1).build().unwrap();
                let topic = topic("NEIGHBOURS");
                let targets = [Target::default(), Target::default()];
                let logs = [Log::default(), Log::default()];
                let subscribe = |which: usize| {
                    let builder = router.subscription().filter(Filter::exact(topic));
                    let builder = if long_way {
                        builder.when(|_| true)
                    } else {
                        builder
                    };
                    let subscription = builder.handler(logs[which].handler()).unwrap();
                    targets[which].set(&subscription);
                };
                // One that comes before the one who does it, and one that comes after.
                subscribe(0);
                let (others, seen) = (targets.clone(), logs.clone());
                let at_that_time = Log::default();
                let times = at_that_time.clone();
                let meddler = move |event: &Event<u64>| {
                    if *event.payload() == 2 {
                        others.iter().for_each(|other| other.suspend(how));
                        times.push([seen[0].len(), seen[1].len()]);
                    }
                };
                router.subscribe(Filter::exact(topic), meddler).unwrap();
                subscribe(1);
                inside_a_handler(&router, 0, move |_, ctx| {
                    for number in 0..20 {
                        ctx.publish(topic, number).unwrap();
                    }
                });
                router.flush().unwrap();
                router.flush().unwrap();
                let lengths = [logs[0].len(), logs[1].len()];
                assert_eq!(at_that_time.all(), [lengths]);
                assert!(lengths[1] <= 2, "it was not suspended at once");
                for (target, log) in targets.iter().zip(&logs) {
                    assert_eq!(target.get().stats().queued, 20 - log.len() as u64);
                    target.resume();
                }
                router.flush().unwrap();
                for log in &logs {
                    assert!(log.all().into_iter().eq(0..20));
                }
            }
        }
    });
}

/// Row 11.
#[test]
fn two_shards_that_suspend_each_other_do_not_wait_for_each_other() {
    guarded(|| {
        for _ in 0..rounds(400) {
            let router = Router::<u64>::builder().shards(2).build().unwrap();
            let topic = topic("DUEL");
            let targets = [Target::default(), Target::default()];
            let meeting = SpinBarrier::new(2);
            let logs = [Log::default(), Log::default()];
            for shard in [0, 1] {
                let (other, meeting) = (targets[1 - shard].clone(), Arc::clone(&meeting));
                let mut note = logs[shard].handler();
                let handler = move |event: &Event<u64>| {
                    note(event);
                    if *event.payload() == 0 {
                        meeting.wait();
                        other.suspend(Suspend::Queue);
                        meeting.wait();
                    }
                };
                let duellist = on_shard(&router, shard, Filter::exact(topic)).handler(handler);
                targets[shard].set(&duellist.unwrap());
            }
            for number in 0..20 {
                router.publish(topic, number).unwrap();
            }
            router.flush().unwrap();
            for (target, log) in targets.iter().zip(&logs) {
                assert_eq!(log.all(), [0]);
                assert_eq!(target.get().stats().queued, 19);
                target.resume();
            }
            router.flush().unwrap();
            for (target, log) in targets.iter().zip(&logs) {
                assert!(log.all().into_iter().eq(0..20));
                assert_adds_up(target.get().stats());
            }
        }
    });
}

#[test]
fn a_handler_suspends_one_of_another_shard_without_waiting_for_it() {
    guarded(|| {
        for how in BOTH {
            let router = Router::<u64>::builder().shards(2).build().unwrap();
            let (slow, hold) = (topic("SLOW"), Hold::default());
            let target = Target::default();
            let builder = on_shard(&router, 1, Filter::exact(slow));
            target.set(&builder.handler(holding(&hold)).unwrap());
            router.publish(slow, 0).unwrap();
            hold.wait_for_arrival();
            let other = target.clone();
            // Returns while the other shard is still inside the actor.
            inside_shard(&router, 0, 0, move |_, _| other.suspend(how));
            router.publish(slow, 1).unwrap();
            hold.release();
            router.flush().unwrap();
            let stats = target.get().stats();
            assert_eq!(stats.handled, 1);
            assert_eq!(
                (stats.queued, stats.discarded),
                match how {
                    Suspend::Queue => (1, 0),
                    Suspend::Discard => (0, 1),
                }
            );
        }
    });
}

#[test]
fn a_flush_does_not_wait_for_one_that_suspends_itself_meanwhile() {
    guarded(|| {
        for _ in 0..rounds(200) {
            let router = Router::<u64>::builder().shards(1).build().unwrap();
            let (topic, log, me) = (topic("FLUSHED"), Log::default(), Target::default());
            // So slow that the flush begins before it suspends itself, in most of the rounds.
            let builder = on_shard(&router, 0, Filter::exact(topic)).budget(1);
            let sleeper = Sleeper {
                me: me.clone(),
                at: 150,
                how: Suspend::Queue,
                and_then: AndThen::Return,
                log: log.clone(),
                stopped: Log::default(),
            };
            me.set(&builder.actor(sleeper).unwrap());
            let mut publisher = router.publisher();
            publisher
                .publish_batch((0..200).map(|number| (topic, number)))
                .unwrap();
            router.flush().unwrap();
            assert!(log.all().into_iter().eq(0..=150));
            assert_eq!(me.get().stats().queued, 49);
            me.resume();
            router.flush().unwrap();
            assert!(log.all().into_iter().eq(0..200));
        }
    });
}
