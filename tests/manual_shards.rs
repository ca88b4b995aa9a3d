//! The guarantees on shards that one thread drives: no race decides here, so each is seen exactly.

mod common;

use common::{Log, Random, Tally, any_of, guarded, on_shard, topic};
use laneway::{
    Actor, BuildError, Context, Event, Filter, PollError, PublishError, Published, Router, Shard,
    StopReason, SubscribeError, Topic,
};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::{Arc, Mutex};

/// The system's allocator, counted for each thread alone: other tests run beside this one.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: all calls go to the system's allocator as they are; counting neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn two<E: Clone + Send + 'static>(lane_capacity: usize) -> (Router<E>, Vec<Shard<E>>) {
    let builder = Router::builder().shards(2).lane_capacity(lane_capacity);
    builder.manual().expect("a valid setup")
}

/// Polls in turn until nothing is left. Says how many events were handled.
fn settle<E: Clone + Send + 'static>(router: &Router<E>, shards: &mut [Shard<E>]) -> usize {
    let mut handled = 0;
    loop {
        for shard in &mut *shards {
            handled += shard.poll(usize::MAX).unwrap();
        }
        let total = router.stats().total();
        if total.depth + total.spilled == 0 {
            return handled;
        }
    }
}

/// Notes what it gets and how it ends.
struct Diary(Log<String>);

impl Actor<u64> for Diary {
    fn started(&mut self, _: &mut Context<'_, u64>) {
        self.0.push("started".into());
    }

    fn handle(&mut self, event: &Event<u64>, _: &mut Context<'_, u64>) {
        self.0.push(event.payload().to_string());
    }

    fn stopped(&mut self, reason: StopReason) {
        self.0.push(format!("{reason:?}"));
    }
}

impl Drop for Diary {
    fn drop(&mut self) {
        self.0.push("dropped".into());
    }
}

#[test]
fn g01_a_frame_allocates_nothing_once_all_is_warm() {
    let (router, mut shards) = two::<u64>(64);
    let (first, second) = (topic("FIRST"), topic("SECOND"));
    on_shard(&router, 0, Filter::exact(first))
        .handler_ctx(move |event, ctx| {
            assert!(ctx.publish(second, *event.payload()).is_ok());
        })
        .unwrap();
    for shard in 0..2 {
        let filter = Filter::any().category("test");
        on_shard(&router, shard, filter).handler(|_| ()).unwrap();
    }
    let mut publisher = router.publisher();
    let mut frame = |number: u64| {
        publisher.publish(first, number).unwrap();
        router.publish(second, number).unwrap();
        shards
            .iter_mut()
            .map(|shard| shard.poll(100).unwrap())
            .sum::<usize>()
    };
    (0..2000).for_each(|number| assert!(frame(number) > 0));
    let before = ALLOCATIONS.get();
    let handled: usize = (0..2000).map(frame).sum();
    assert_eq!(ALLOCATIONS.get() - before, 0);
    // Three events, each on two shards.
    assert_eq!(handled, 2000 * 6);
}

#[test]
fn g02_g03_one_slot_for_each_shard_and_once_for_each_subscription() {
    let (router, mut shards) = two(64);
    let (topic, tally, log) = (topic("ONCE"), Tally::new(), Log::default());
    let both = [Filter::exact(topic), Filter::any().category("test")];
    for actor in 0..10 {
        let log = log.clone();
        let handler = move |_: &Event<_>| log.push(actor);
        any_of(router.subscription(), &both)
            .shard(actor % 2)
            .handler(handler)
            .unwrap();
    }
    router.publish(topic, tally.track(0)).unwrap();
    assert_eq!(tally.clones(), 1);
    assert_eq!(settle(&router, &mut shards), 2);
    assert_eq!(log.all(), [0, 2, 4, 6, 8, 1, 3, 5, 7, 9]);
    tally.assert_balanced();
}

#[test]
fn g04_each_publisher_is_in_order_and_small_budgets_go_round() {
    let (router, mut shards) = two(64);
    let (topic, log) = (topic("FIFO"), Log::default());
    router
        .subscribe(Filter::exact(topic), log.handler())
        .unwrap();
    let mut publishers = [router.publisher(), router.publisher()];
    for number in 0..3 {
        for (place, publisher) in publishers.iter_mut().enumerate() {
            publisher.publish(topic, (place, number)).unwrap();
        }
        router.publish(topic, (2, number)).unwrap();
    }
    for _ in 0..9 {
        assert_eq!(shards[0].poll(1), Ok(1));
    }
    assert_eq!(shards[0].poll(1), Ok(0));
    let seen = log.all();
    for place in 0..3 {
        let of_one = seen.iter().filter(|(from, _)| *from == place);
        assert!(of_one.map(|(_, number)| *number).eq(0..3), "{seen:?}");
    }
    for round in seen.chunks(3) {
        assert!(
            round.iter().all(|(_, number)| *number == round[0].1),
            "{seen:?}"
        );
    }
}

#[test]
fn g05_what_is_published_after_and_nothing_before() {
    let (router, mut shards) = two(64);
    let (topic, early, late) = (topic("SINCE"), Log::default(), Log::default());
    let subscribe = |log: &Log<u64>| router.subscribe(Filter::exact(topic), log.handler());
    subscribe(&early).unwrap();
    router.publish(topic, 1).unwrap();
    subscribe(&late).unwrap();
    router.publish(topic, 2).unwrap();
    assert_eq!(settle(&router, &mut shards), 2);
    assert_eq!((early.all(), late.all()), (vec![1, 2], vec![2]));
}

#[test]
fn g06_unsubscribing_between_polls_ends_the_calls_at_once_and_the_actor_in_the_next_poll() {
    guarded(|| {
        let (router, mut shards) = two(64);
        let (topic, log) = (topic("GONE"), Log::default());
        let subscription = router
            .spawn(Filter::exact(topic), Diary(log.clone()))
            .unwrap();
        router.publish(topic, 1).unwrap();
        settle(&router, &mut shards);
        router.publish(topic, 2).unwrap();
        subscription.unsubscribe().unwrap();
        assert_eq!(log.take(), ["started", "1"]);
        assert_eq!(shards[0].poll(0), Ok(0));
        assert_eq!(log.take(), ["Unsubscribed", "dropped"]);
        settle(&router, &mut shards);
        assert_eq!(log.len(), 0);
    });
}

#[test]
fn g09_a_panic_ends_its_actor_and_the_others_get_everything() {
    let (router, mut shards) = two(64);
    let (topic, log) = (topic("PANIC"), Log::default());
    let filter = Filter::exact(topic);
    let bad = router.subscribe(filter.clone(), |event| assert_ne!(*event.payload(), 1));
    let good = router.spawn(filter, Diary(log.clone())).unwrap();
    for number in 0..4 {
        router.publish(topic, number).unwrap();
    }
    assert_eq!(settle(&router, &mut shards), 4);
    assert_eq!(log.all(), ["started", "0", "1", "2", "3"]);
    assert!(bad.unwrap().has_ended() && !good.has_ended());
    assert_eq!(router.stats().total().panics, 1);
}

#[test]
fn g10_a_cycle_through_lanes_of_one_makes_progress_or_says_full() {
    guarded(|| {
        let (router, mut shards) = two(1);
        let places: [Topic; 2] = [0, 1].map(|n: u64| topic("CYCLE").with_resource(n));
        let results = Log::default();
        for place in 0..2 {
            let (other, results) = (places[1 - place], results.clone());
            on_shard(&router, place, Filter::exact(places[place]))
                .handler_ctx(move |event, ctx| {
                    // Twice as much as came, until nobody has room.
                    for _ in 0..2 {
                        if *event.payload() > 0 {
                            results.push(ctx.publish(other, event.payload() - 1));
                        }
                    }
                })
                .unwrap();
        }
        router.publish(places[0], 8_u64).unwrap();
        assert_eq!(settle(&router, &mut shards), (1 << 9) - 1);
        assert!(
            results
                .take()
                .iter()
                .all(|result| *result == Ok(Published::Routed))
        );

        router.publish(places[0], 20).unwrap();
        let handled = settle(&router, &mut shards);
        let results = results.take();
        let accepted = results.iter().filter(|result| result.is_ok()).count();
        assert_eq!(handled, accepted + 1);
        assert!(accepted < results.len(), "the limit was reached");
        assert!(
            results
                .iter()
                .flat_map(|r| r.as_ref().err())
                .all(PublishError::is_full)
        );
    });
}

#[test]
fn g11_lanes_and_seats_are_bounded() {
    guarded(|| {
        let builder = Router::builder().shards(1).lane_capacity(4);
        let (router, mut shards) = builder.max_subscriptions(1).manual().unwrap();
        let topic = topic("BOUND");
        let filter = Filter::exact(topic);
        let subscription = router.subscribe(filter.clone(), |_| ()).unwrap();
        shards[0].poll(0).unwrap();
        let mut publisher = router.publisher();
        for number in 0..4 {
            publisher.publish(topic, number).unwrap();
        }
        // It would wait for this thread.
        assert_eq!(publisher.publish(topic, 4), Err(PublishError::Full(4)));
        assert_eq!(shards[0].poll(usize::MAX), Ok(4));
        assert_eq!(publisher.publish(topic, 4), Ok(Published::Routed));

        let again = || router.subscribe(filter.clone(), |_| ());
        subscription.unsubscribe().unwrap();
        assert_eq!(again().unwrap_err(), SubscribeError::TooMany { limit: 1 });
        shards[0].poll(0).unwrap();
        assert!(again().is_ok());
    });
}

#[test]
fn a_poll_handles_no_more_than_its_budget_and_what_lay_there() {
    let (router, mut shards) = two::<u64>(64);
    let (topic, log) = (topic("BUDGET"), Log::default());
    let diary = Diary(log.clone());
    router.spawn(Filter::exact(topic), diary).unwrap();
    for number in 0..5 {
        router.publish(topic, number).unwrap();
    }
    for (budget, handled) in [(0, 0), (1, 1), (3, 3), (3, 1), (3, 0)] {
        assert_eq!(shards[0].poll(budget), Ok(handled));
        let shard = router.stats().shards[0];
        assert_eq!(log.len() as u64, 1 + shard.events);
    }
    // One that feeds itself does not keep a poll from its end.
    let own = topic.with_resource(1);
    let echo = move |event: &Event<u64>, ctx: &mut Context<'_, u64>| {
        ctx.publish(own, *event.payload()).unwrap();
    };
    on_shard(&router, 1, Filter::exact(own))
        .handler_ctx(echo)
        .unwrap();
    router.publish(own, 0).unwrap();
    for _ in 0..10 {
        assert!((1..=2).contains(&shards[1].poll(usize::MAX).unwrap()));
    }
}

#[test]
fn numbers_out_of_range_are_refused() {
    for count in [0, 65] {
        let result = Router::<u64>::builder().shards(count).manual();
        assert!(matches!(result, Err(BuildError::Shards { shards }) if shards == count));
    }
    assert!(two::<u64>(1).1.iter().map(Shard::index).eq(0..2));
}

#[test]
fn a_poll_in_a_call_is_refused_on_any_shard() {
    guarded(|| {
        let (router, mut shards) = two::<u64>(64);
        let (topic, log) = (topic("NESTED"), Log::default());
        let other = Arc::new(Mutex::new(shards.pop().unwrap()));
        let (inside, results) = (Arc::clone(&other), log.clone());
        let poll = move |_: &Event<u64>| results.push(inside.lock().unwrap().poll(1));
        on_shard(&router, 0, Filter::exact(topic))
            .handler(poll.clone())
            .unwrap();
        router.publish(topic, 0).unwrap();
        assert_eq!(shards[0].poll(1), Ok(1));

        let threads = Router::builder().shards(1).build().unwrap();
        threads.subscribe(Filter::exact(topic), poll).unwrap();
        threads.publish(topic, 0).unwrap();
        // Other routers are waited for as ever.
        threads.flush().unwrap();
        assert_eq!(log.all(), [Err(PollError::Nested); 2]);
        assert_eq!(other.lock().unwrap().poll(1), Ok(0));
    });
}

/// Runs a script of everything that follows from `seed`, and says which calls it came to.
fn run_script(random: &mut Random) -> Vec<(usize, u64)> {
    let (router, mut shards) = two::<u64>(2);
    let places: [Topic; 6] = std::array::from_fn(|n| {
        let names = ["A.ONE", "A.TWO", "B"];
        topic(names[n % 3]).with_resource(n as u64)
    });
    let filters = [
        Filter::any(),
        Filter::any().event_type("A.*"),
        Filter::any().event_type("B"),
        Filter::exact(places[0]),
        Filter::exact(places[4]),
    ];
    let mut publishers = [router.publisher(), router.publisher()];
    let (trace, mut subscriptions) = (Log::default(), Vec::new());
    for step in 0..2000 {
        let place = random.pick(&places);
        match random.below(20) {
            0 => {
                let (trace, kind) = (trace.clone(), random.below(40) as u64);
                let builder = any_of(
                    router.subscription(),
                    &[random.pick(&filters), random.pick(&filters)],
                );
                let subscription = builder.handler_ctx(move |event, ctx| {
                    let payload = *event.payload();
                    trace.push((step, payload));
                    match payload % 40 {
                        n if n == kind => ctx.stop(),
                        n if n == kind + 1 => panic!("as the script says"),
                        n if n % 3 == 0 => drop(ctx.publish(place, payload / 2)),
                        _ => {}
                    }
                });
                subscriptions.push(subscription.unwrap());
            }
            1 if !subscriptions.is_empty() => {
                let place = random.below(subscriptions.len());
                let _ = subscriptions.swap_remove(place).unsubscribe();
            }
            2..=8 => drop(publishers[random.below(2)].publish(place, step as u64)),
            9..=11 => drop(router.publish(place, step as u64)),
            _ => drop(shards[random.below(2)].poll(random.below(8)).unwrap()),
        }
    }
    trace.take()
}

#[test]
fn the_same_script_makes_the_same_calls() {
    guarded(|| {
        let mut random = Random::new();
        for _ in 0..3 {
            let mut again = random.fork();
            let first = run_script(&mut again.clone());
            assert!(first.len() > 100);
            assert_eq!(first, run_script(&mut again));
        }
    });
}
