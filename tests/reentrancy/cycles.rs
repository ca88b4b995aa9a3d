//! Cycles of actors (row 11), and actors that do everything to each other.

use super::*;

/// Row 11: each of eight actors sends to the next one and to itself, through lanes with room for one.
#[test]
fn row_11_a_ring_over_two_shards_with_lanes_of_one_slot_goes_on() {
    guarded(|| {
        for overflow in [Overflow::Block, Overflow::DropNewest] {
            let builder = Router::<u64>::builder().shards(2).lane_capacity(1);
            let router = builder.build().unwrap();
            let places: Vec<Topic> = (0..8)
                .map(|place| topic("RING").with_resource(place))
                .collect();
            let (finished, refused) = (Count::default(), Count::default());
            for place in 0..8 {
                let (me, next) = (places[place], places[(place + 1) % 8]);
                let (finished, refused) = (finished.clone(), refused.clone());
                // Self-sends are odd, and go no further.
                let handler = move |event: &Event<u64>, ctx: &mut Context<'_, u64>| {
                    let left = *event.payload();
                    if left % 2 == 1 {
                        return;
                    }
                    match left {
                        0 => finished.add(),
                        _ => {
                            for (topic, payload) in [(me, 1), (next, left - 2)] {
                                match ctx.publish(topic, payload) {
                                    Ok(published) => assert_eq!(published, Published::Routed),
                                    Err(PublishError::Full(_)) => refused.add(),
                                    // It shuts down.
                                    Err(_) => return,
                                }
                            }
                        }
                    }
                };
                on_shard(&router, place % 2, Filter::exact(me))
                    .mailbox(1, overflow)
                    .budget(1)
                    .handler_ctx(handler)
                    .unwrap();
            }
            let (events, hops) = (16, rounds(4000) as u64 / 4);
            for event in 0..events {
                router.publish(places[event % 8], 2 * hops).unwrap();
            }
            match overflow {
                // 32 events at most are under way: nothing is refused, and nothing lost.
                Overflow::Block => {
                    wait_until(|| finished.get() == events);
                    router.flush().unwrap();
                    assert_eq!(refused.get(), 0);
                    let handled = events as u64 * (2 * hops + 1);
                    wait_until(|| router.stats().total().handled == handled);
                }
                _ => assert!(router.shutdown(common::FOREVER).is_complete()),
            }
            router.shutdown(common::FOREVER);
            let total = router.stats().total();
            assert_eq!((total.panics, total.depth, total.spilled), (0, 0, 0));
            assert_all_add_up(&router, 0);
        }
    });
}

/// Row 11: what an actor sends to itself while it is suspended has a bound.
#[test]
fn row_11_a_self_send_of_one_that_is_suspended_is_refused_some_time() {
    guarded(|| {
        sweep(|setup| {
            let router: Router<u64> = setup.router();
            let (topic, log, me) = (topic("SELF"), Log::default(), Target::default());
            let subscription = on_shard(&router, 0, Filter::exact(topic))
                .mailbox(4, Overflow::Block)
                .handler(log.handler())
                .unwrap();
            me.set(&subscription);
            let mut accepted = 0;
            let target = me.clone();
            let (first, mut more) = (Log::default(), true);
            let noted = first.clone();
            inside_shard(&router, 0, 0, move |_, ctx| {
                target.suspend(Suspend::Queue);
                let mut accepted = 0;
                while ctx.publish(topic, accepted).is_ok() {
                    accepted += 1;
                }
                noted.push(accepted);
            });
            accepted += first.take()[0];
            // As it takes some into its mailbox there is room for a few more, and then for no more.
            while more {
                let (noted, start) = (first.clone(), accepted);
                wait_until(|| subscription.stats().queued >= 4);
                inside_shard(&router, 0, 0, move |_, ctx| {
                    let mut accepted = start;
                    while ctx.publish(topic, accepted).is_ok() {
                        accepted += 1;
                    }
                    noted.push(accepted);
                });
                let now = first.take()[0];
                more = now > accepted;
                accepted = now;
            }
            me.resume();
            wait_until(|| log.len() as u64 == accepted);
            assert!(log.all().into_iter().eq(0..accepted));
        });
    });
}

/// Row 13: handlers that do to each other whatever there is to do, at random.
#[test]
fn row_13_actors_that_do_everything_to_each_other_at_random_hang_nowhere() {
    guarded(|| {
        let mut random = Random::new();
        let mut handled = 0;
        for _ in 0..rounds(40) {
            let shards = 1 + random.below(3);
            let builder = Router::<u64>::builder()
                .shards(shards)
                .lane_capacity(1 + random.below(4));
            let router = builder.build().unwrap();
            let topic = topic("CHAOS");
            let targets: Arc<Vec<Target>> = Arc::new((0..6).map(|_| Target::default()).collect());
            let extra = Count::default();
            for target in targets.iter() {
                let mut mine = random.fork();
                let (all, extra) = (Arc::clone(&targets), extra.clone());
                let handler = move |event: &Event<u64>, ctx: &mut Context<'_, u64>| {
                    let other = all[mine.below(all.len())].get();
                    match mine.below(40) {
                        0 => drop(other.unsubscribe()),
                        1..5 => drop(other.suspend(Suspend::Queue)),
                        5..8 => drop(other.suspend(Suspend::Discard)),
                        8..20 => drop(other.resume()),
                        20..24 => {
                            let Some(router) = ctx.router().upgrade() else {
                                return;
                            };
                            let new = on_shard(&router, mine.below(shards), Filter::any());
                            let new = new.budget(1).handler(extra.handler());
                            // Refused while the router shuts down.
                            match new {
                                Ok(new) if mine.flip() => drop(new.unsubscribe()),
                                Ok(new) => drop(new.guard()),
                                Err(error) => assert!(matches!(error, SubscribeError::Closed)),
                            }
                        }
                        24 => panic!("asked for"),
                        25 => ctx.stop(),
                        _ if *event.payload() > 0 => {
                            drop(ctx.publish(topic, event.payload() - 1));
                        }
                        _ => {}
                    }
                };
                let builder = on_shard(&router, random.below(shards), Filter::exact(topic));
                let builder = builder
                    .on_panic(OnPanic::Resume)
                    .budget(1 + random.below(8) as u32);
                let policy = random.pick(&[
                    Overflow::Block,
                    Overflow::DropNewest,
                    Overflow::DropOldest,
                    Overflow::KeepLatest,
                ]);
                let builder = builder.mailbox(1 + random.below(20), policy);
                let builder = if random.flip() {
                    builder.when(|_| true)
                } else {
                    builder
                };
                target.set(&builder.handler_ctx(handler).unwrap());
            }
            let mut publisher = router.publisher();
            for number in 0..300 {
                // No room, as long as somebody who listens is suspended.
                while let Err(PublishError::Full(_)) = publisher.try_publish(topic, number % 50) {
                    for target in targets.iter() {
                        let _ = target.get().resume();
                    }
                    thread::yield_now();
                }
            }
            handled += router.stats().total().handled;
            assert!(router.shutdown(common::FOREVER).is_complete());
            assert_all_add_up(&router, 0);
            for target in targets.iter() {
                common::assert_adds_up(target.get().stats());
                assert_eq!(target.get().stats().queued, 0);
            }
        }
        assert!(handled > 0);
    });
}
