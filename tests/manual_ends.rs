//! How shards that their owner drives come to an end, and who waits for what meanwhile.

mod common;

use common::{
    Count, FOREVER, Latch, Log, Tally, Tracked, guarded, on_shard, rounds, topic, wait_until,
};
use laneway::{
    Actor, Context, Event, Filter, FlushError, PollError, PublishBatchError, PublishError,
    Published, Router, Shard, StopReason, SubscribeError,
};
use std::cell::RefCell;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

fn two<E: Clone + Send + 'static>(lane_capacity: usize) -> (Router<E>, Vec<Shard<E>>) {
    let builder = Router::builder().shards(2).lane_capacity(lane_capacity);
    builder.manual().expect("a valid setup")
}

/// Polls each shard to its end. Says how many events they handled.
fn drain<E: Clone + Send + 'static>(shards: &mut [Shard<E>]) -> usize {
    let mut handled = 0;
    loop {
        let polls: Vec<_> = shards.iter_mut().map(|shard| shard.poll(7)).collect();
        if polls.iter().all(|poll| *poll == Err(PollError::Closed)) {
            return handled;
        }
        handled += polls.into_iter().flatten().sum::<usize>();
    }
}

/// Notes how it ends; panics there if it shall.
struct Ending(Log<StopReason>, bool);

impl<E> Actor<E> for Ending {
    fn handle(&mut self, _: &Event<E>, _: &mut Context<'_, E>) {}

    fn stopped(&mut self, reason: StopReason) {
        self.0.push(reason);
        assert!(!self.1, "as the test says");
    }
}

#[test]
fn g12_shutting_down_handles_what_was_accepted_and_gives_back_the_rest() {
    guarded(|| {
        let (router, mut shards) = two(64);
        let (topic, tally, handled) = (topic("DRAIN"), Tally::new(), Count::default());
        let (filter, reasons) = (Filter::exact(topic), Log::default());
        for shard in 0..2 {
            on_shard(&router, shard, filter.clone())
                .handler(handled.handler())
                .unwrap();
            let ending = Ending(reasons.clone(), false);
            on_shard(&router, shard, filter.clone())
                .actor(ending)
                .unwrap();
        }
        let mut publisher = router.publisher();
        for number in 0..20 {
            publisher.publish(topic, tally.track(number)).unwrap();
        }
        shards
            .iter_mut()
            .for_each(|shard| assert_eq!(shard.poll(5), Ok(5)));
        // It would wait for this thread.
        let report = router.shutdown(FOREVER);
        assert_eq!((report.joined, report.unhandled), (0, 30));
        assert_eq!(report.detached, ["laneway-0", "laneway-1"]);
        let error = publisher.publish(topic, tally.track(20)).unwrap_err();
        assert!(error.is_closed() && error.into_payload().value == 20);
        let refused = router.subscribe(filter, |_| ());
        assert_eq!(refused.unwrap_err(), SubscribeError::Closed);

        assert_eq!(drain(&mut shards), 30);
        assert_eq!(handled.get(), 40);
        assert_eq!(reasons.all(), [StopReason::Shutdown; 2]);
        let report = router.shutdown(FOREVER);
        assert_eq!((report.joined, report.is_complete()), (2, true));
        tally.assert_balanced();
    });
}

#[test]
fn the_poll_that_finds_nothing_left_is_the_last() {
    let (router, mut shards) = two::<u64>(64);
    let (topic, reasons) = (topic("LAST"), Log::default());
    router
        .spawn(Filter::exact(topic), Ending(reasons.clone(), false))
        .unwrap();
    router.publish(topic, 0).unwrap();
    shards[0].poll(0).unwrap();
    router.shutdown(Duration::ZERO);
    assert_eq!(shards[0].poll(0), Ok(0));
    assert_eq!(reasons.len(), 0);
    assert_eq!(shards[0].poll(usize::MAX), Ok(1));
    assert_eq!(reasons.len(), 1);
    assert_eq!(shards[0].poll(usize::MAX), Err(PollError::Closed));
}

#[test]
fn dropping_the_last_handle_where_the_shards_are_polled_closes_and_returns() {
    guarded(|| {
        let builder = Router::builder().shards(2).shutdown_timeout(FOREVER);
        let (router, mut shards) = builder.manual().unwrap();
        let (topic, handled) = (topic("HANDLE"), Count::default());
        router
            .subscribe(Filter::exact(topic), handled.handler())
            .unwrap();
        shards
            .iter_mut()
            .for_each(|shard| assert_eq!(shard.poll(0), Ok(0)));
        router.publish(topic, 0).unwrap();
        drop(router);
        assert_eq!(handled.get(), 0);
        assert_eq!(drain(&mut shards), 1);
        assert_eq!(handled.get(), 1);
    });
}

#[test]
fn the_thread_that_polls_waits_for_nothing_of_this_router() {
    guarded(|| {
        let (router, mut shards) = two(4);
        let (topic, reasons) = (topic("POLLS"), Log::default());
        let filter = Filter::exact(topic);
        let subscription = router
            .spawn(filter, Ending(reasons.clone(), false))
            .unwrap();
        shards
            .iter_mut()
            .for_each(|shard| assert_eq!(shard.poll(0), Ok(0)));
        let mut publisher = router.publisher();
        let error = publisher
            .publish_batch((0..9).map(|n| (topic, n)))
            .unwrap_err();
        assert!(
            matches!(&error, PublishBatchError::Full { published, .. } if published.routed == 4)
        );
        assert_eq!(error.into_unsent().len(), 5);
        (0..4).for_each(|n| assert_eq!(router.publish(topic, n), Ok(Published::Routed)));
        assert_eq!(router.publish(topic, 4), Err(PublishError::Full(4)));
        assert_eq!(router.flush(), Err(FlushError::ActorThread));

        // Once another thread has polled them, this one waits as any does.
        let taken_over = Latch::default();
        let driver = {
            let taken_over = taken_over.clone();
            thread::spawn(move || {
                for shard in &mut shards {
                    shard.poll(0).unwrap();
                }
                taken_over.open();
                drain(&mut shards)
            })
        };
        taken_over.wait();
        router.flush().unwrap();
        (0..100).for_each(|n| assert_eq!(router.publish(topic, n), Ok(Published::Routed)));
        router.flush().unwrap();
        assert_eq!(subscription.stats().handled, 108);
        subscription.unsubscribe().unwrap();
        assert_eq!(reasons.all(), [StopReason::Unsubscribed]);
        let report = router.shutdown(FOREVER);
        assert_eq!((report.joined, report.is_complete()), (2, true));
        assert_eq!(driver.join().unwrap(), 108);
    });
}

#[test]
fn shutting_down_elsewhere_waits_for_the_deadline_and_names_who_is_late() {
    guarded(|| {
        let (router, mut shards) = two::<u64>(64);
        assert_eq!(router.shutdown(Duration::ZERO).detached.len(), 2);
        drain(&mut shards[1..]);
        let report = router.shutdown(Duration::from_millis(1));
        assert_eq!(
            (report.joined, report.detached),
            (1, vec!["laneway-0".to_owned()])
        );
        let waiting = thread::spawn(move || router.shutdown(FOREVER));
        drain(&mut shards[..1]);
        assert_eq!(waiting.join().unwrap().joined, 1);
    });
}

#[test]
fn a_threads_own_publisher_is_the_same_before_and_after_a_poll() {
    let (router, mut shards) = two::<u64>(64);
    let (topic, log) = (topic("OWN"), Log::default());
    let weak = router.downgrade();
    let (seen, echo) = (log.clone(), topic.with_resource(1));
    let handler = move |event: &Event<u64>, ctx: &mut Context<'_, u64>| {
        seen.push(*event.payload());
        if event.topic() != echo {
            // Both ways are the shard's own, so they stay in order.
            weak.upgrade()
                .unwrap()
                .publish(echo, event.payload() + 10)
                .unwrap();
            ctx.publish(echo, event.payload() + 20).unwrap();
        }
    };
    let filter = Filter::any().category("test").event_type("OWN");
    on_shard(&router, 0, filter).handler_ctx(handler).unwrap();
    for number in 0..3 {
        router.publish(topic, number).unwrap();
        while shards[0].poll(1).unwrap() > 0 {}
        // This thread's, and the shard's.
        assert_eq!(router.stats().shards[0].lanes, 2);
    }
    assert_eq!(log.all(), [0, 10, 20, 1, 11, 21, 2, 12, 22]);
}

#[test]
fn dropping_a_shard_closes_the_router_and_lets_everybody_go() {
    guarded(|| {
        let (router, mut shards) = two(1);
        let (topic, tally, reasons) = (topic("DROPPED"), Tally::new(), Log::default());
        let filter = Filter::exact(topic);
        let spawn = |panics| {
            let actor = Ending(reasons.clone(), panics);
            on_shard(&router, 0, filter.clone()).actor(actor).unwrap()
        };
        let ends = spawn(true);
        shards[0].poll(0).unwrap();
        // Not taken by the shard yet.
        spawn(false);
        let mut publisher = router.publisher();
        publisher.publish(topic, tally.track(0)).unwrap();

        let others = [
            thread::spawn({
                let (router, tally) = (router.clone(), Arc::clone(&tally));
                move || {
                    router.publish(topic, tally.track(0)).unwrap();
                    // There is no room, so it waits, or it comes later.
                    let error = router.publish(topic, tally.track(1)).unwrap_err();
                    assert!(error.is_closed());
                }
            }),
            thread::spawn({
                let router = router.clone();
                move || router.flush().unwrap()
            }),
            thread::spawn(move || drop(ends.unsubscribe())),
        ];
        wait_until(|| router.stats().shards[0].depth == 2);
        wait_until(|| router.subscriptions().len() == 1);
        drop(shards.remove(0));
        assert_eq!(reasons.len(), 2);
        assert!(
            publisher
                .publish(topic, tally.track(2))
                .unwrap_err()
                .is_closed()
        );
        drain(&mut shards);
        others.into_iter().for_each(|other| other.join().unwrap());
        let report = router.shutdown(FOREVER);
        assert_eq!((report.joined, report.unhandled), (2, 2));
        assert!(report.detached.is_empty() && !report.is_complete());
        // Though the publisher lives on.
        tally.assert_balanced();
        drop(publisher);
    });
}

/// Panics when it is dropped.
#[derive(Clone)]
struct Bomb(#[expect(dead_code, reason = "only its drop counts")] Tracked<()>);

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("as the test says");
    }
}

#[test]
fn what_waits_for_room_in_a_dropped_shard_is_dropped_too() {
    guarded(|| {
        let (router, mut shards) = two(1);
        let (source, target, tally) = (topic("SOURCE"), topic("TARGET"), Tally::new());
        on_shard(&router, 1, Filter::exact(target))
            .handler(|_| ())
            .unwrap();
        let made = Arc::clone(&tally);
        on_shard(&router, 0, Filter::exact(source))
            .handler_ctx(move |_, ctx| {
                for _ in 0..10 {
                    let published = ctx.publish(target, Bomb(made.track(())));
                    assert!(matches!(published, Ok(Published::Routed)));
                }
            })
            .unwrap();
        assert!(router.publish(source, Bomb(tally.track(()))).is_ok());
        assert_eq!(shards[0].poll(1).unwrap(), 1);
        assert_eq!(router.stats().shards[0].spilled, 9);
        drop(shards.pop());
        assert_eq!(drain(&mut shards), 0);
        let report = router.shutdown(FOREVER);
        assert_eq!((report.joined, report.unhandled), (2, 10));
        assert_eq!(router.stats().total().panics, 11);
        tally.assert_balanced();
    });
}

#[test]
fn a_shard_dropped_in_a_call_and_one_dropped_with_its_spill_end_as_well() {
    guarded(|| {
        let (router, mut shards) = two(1);
        let (topic, reasons, tally) = (topic("CALL"), Log::default(), Tally::new());
        on_shard(&router, 1, Filter::exact(topic))
            .actor(Ending(reasons.clone(), false))
            .unwrap();
        let (dropped, made) = (common::topic("DROPS"), Arc::clone(&tally));
        let mut victim = shards.pop();
        on_shard(&router, 0, Filter::exact(dropped))
            .handler_ctx(move |_, ctx| {
                assert!((0..5).all(|_| ctx.publish(topic, made.track(())).is_ok()));
                drop(victim.take());
                assert!(ctx.publish(topic, made.track(())).is_err());
            })
            .unwrap();
        router.publish(dropped, tally.track(())).unwrap();
        assert_eq!(shards[0].poll(1), Ok(1));
        assert_eq!(reasons.all(), [StopReason::Shutdown]);
        drop(shards);
        let report = router.shutdown(FOREVER);
        assert_eq!((report.joined, report.unhandled), (2, 5));
        tally.assert_balanced();
    });
}

/// Lives in a thread-local that is destroyed after the crate's own.
struct AtTheEnd(Shard<u64>, Log<Result<usize, PollError>>);

impl Drop for AtTheEnd {
    fn drop(&mut self) {
        self.1.push(self.0.poll(1));
    }
}

thread_local! {
    static AT_THE_END: RefCell<Option<AtTheEnd>> = const { RefCell::new(None) };
}

#[test]
fn a_shard_in_a_thread_local_ends_with_its_thread() {
    guarded(|| {
        let (router, mut shards) = two(64);
        let (topic, reasons, polls) = (topic("LOCAL"), Log::default(), Log::default());
        let ending = Ending(reasons.clone(), false);
        router.spawn(Filter::exact(topic), ending).unwrap();
        let at_the_end = AtTheEnd(shards.remove(0), polls.clone());
        let inside = router.clone();
        let owner = thread::spawn(move || {
            AT_THE_END.set(Some(at_the_end));
            // The last thread-local to be made is the first to go.
            inside.publish(topic, 0).unwrap();
        });
        owner.join().unwrap();
        assert_eq!(polls.all(), [Err(PollError::Nested)]);
        assert_eq!(reasons.all(), [StopReason::Shutdown]);
        drain(&mut shards);
        assert_eq!(router.shutdown(FOREVER).unhandled, 1);
    });
}

/// The bug: an event was accepted, and neither handled nor counted.
///
/// ```text
/// publisher                    who drops the shard
/// claims a place
/// sees that the router is open
///                              closes the router
///                              drops what lies in the lanes, and counts it
/// writes the event             (nobody looks any more)
/// ```
///
/// So the shard looks until all that is claimed is written, or given back.
#[test]
fn no_event_slips_past_a_shard_that_is_dropped() {
    guarded(|| {
        let topic = topic("SLIPS");
        for _ in 0..rounds(400) {
            let builder = Router::<u64>::builder().shards(1).lane_capacity(1 << 14);
            let (router, mut shards) = builder.manual().unwrap();
            let handled = Count::default();
            let filter = Filter::exact(topic);
            router.subscribe(filter, handled.handler()).unwrap();
            shards[0].poll(1).unwrap();
            let publishing = [(); 2].map(|()| {
                let mut publisher = router.publisher();
                thread::spawn(move || {
                    let accepted = (0..).take_while(|&n| publisher.try_publish(topic, n).is_ok());
                    accepted.count()
                })
            });
            let depth = || router.stats().shards[0].depth;
            wait_until(|| depth() > 0);
            shards[0].poll(64).unwrap();
            drop(shards);
            let accepted: usize = publishing.map(|thread| thread.join().unwrap()).iter().sum();
            let lost = router.shutdown(FOREVER).unhandled;
            assert_eq!(handled.get() + lost, accepted);
        }
    });
}
