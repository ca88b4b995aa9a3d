//! Bugs that were found and mended, each with a test that fails where it is back, and above it what went wrong.
//!
//! Those that need a subscriber to traces for the whole process are in `regressions_tracing.rs`.

mod common;

use common::{
    Count, Hold, LIMIT, Latch, Log, Random, SpinBarrier, block_shard, guarded, on_shard, rounds,
    topic,
};
use laneway::{
    Actor, Context, Event, Filter, FlushError, PublishBatchError, PublishError, Published, Router,
    StopReason, Subscription, Topic, UnsubscribeError,
};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// The system's allocator. It counts thread by thread, since tests run side by side, and lets a test stop a thread at
/// one of its calls: where the scheduler might as well have stopped it.
struct Watched;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
    static BYTES: Cell<isize> = const { Cell::new(0) };
    static PREEMPTION: Cell<Option<(usize, &'static Preemption)>> = const { Cell::new(None) };
}

// SAFETY: all calls go to the system's allocator as they are; what comes before neither allocates nor unwinds.
unsafe impl GlobalAlloc for Watched {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Preemption::count_down();
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        BYTES.set(BYTES.get() + layout.size() as isize);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        Preemption::count_down();
        BYTES.set(BYTES.get() - layout.size() as isize);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Watched = Watched;

/// Stops a thread at one of its calls of the allocator, until another has done what it wants to do meanwhile.
struct Preemption {
    stopped: AtomicBool,
    resumed: AtomicBool,
}

impl Preemption {
    const fn new() -> Self {
        Preemption {
            stopped: AtomicBool::new(false),
            resumed: AtomicBool::new(false),
        }
    }

    /// Runs `first` on a thread of its own and stops it at each of its calls of the allocator in turn, while
    /// `meanwhile` runs here. `check` gets the results of both. Begins anew with `setup` each time.
    fn at_each_call<S, A, B>(
        &'static self,
        mut setup: impl FnMut() -> S,
        first: impl Fn(&S) -> A + Sync,
        mut meanwhile: impl FnMut(&S) -> B,
        mut check: impl FnMut(S, A, B),
    ) where
        S: Sync,
        A: Send,
    {
        let mut was_stopped = true;
        let mut calls = 0;
        while was_stopped {
            let stage = setup();
            self.stopped.store(false, Ordering::Release);
            self.resumed.store(false, Ordering::Release);
            let (result, met) = thread::scope(|scope| {
                let first = scope.spawn(|| {
                    PREEMPTION.set(Some((calls, self)));
                    let result = first(&stage);
                    let unmet = PREEMPTION.take().is_some();
                    self.stopped.store(true, Ordering::Release);
                    (result, unmet)
                });
                common::wait_until(|| self.stopped.load(Ordering::Acquire));
                let met = meanwhile(&stage);
                self.resumed.store(true, Ordering::Release);
                let (result, unmet) = first.join().unwrap();
                was_stopped = !unmet;
                (result, met)
            });
            check(stage, result, met);
            calls += 1;
        }
        assert!(calls > 1, "there was no call to stop at");
    }

    fn count_down() {
        match PREEMPTION.get() {
            None => {}
            Some((0, preemption)) => {
                PREEMPTION.set(None);
                preemption.stop_here();
            }
            Some((calls, preemption)) => PREEMPTION.set(Some((calls - 1, preemption))),
        }
    }

    /// Not for ever: the other may need a lock that is held here.
    fn stop_here(&self) {
        self.stopped.store(true, Ordering::Release);
        for _ in 0..PREEMPTION_YIELDS {
            if self.resumed.load(Ordering::Acquire) {
                break;
            }
            thread::yield_now();
        }
    }
}

const PREEMPTION_YIELDS: usize = 10_000;

/// How often the calling thread allocates in `body`.
fn allocations(body: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.get();
    body();
    ALLOCATIONS.get() - before
}

/// How many bytes the calling thread allocates in so many calls of `round`, and does not free. A few calls come first,
/// for what grows once.
fn bytes_kept(count: usize, mut round: impl FnMut()) -> isize {
    (0..100).for_each(|_| round());
    let before = BYTES.get();
    (0..count).for_each(|_| round());
    BYTES.get() - before
}

/// Far less than a word for each round would come to.
const SLACK: isize = 4 << 10;
const MANY_ROUNDS: usize = 10_000;

fn router_with<E: Clone + Send + 'static>(shards: usize) -> Router<E> {
    Router::builder().shards(shards).build().unwrap()
}

/// What an actor went through.
#[derive(Clone, Default)]
struct Life {
    started: Count,
    stopped: Log<StopReason>,
    dropped: Count,
}

impl Life {
    fn numbers(&self) -> (usize, Vec<StopReason>, usize) {
        (self.started.get(), self.stopped.all(), self.dropped.get())
    }
}

/// Notes what it goes through.
struct Witness(Life);

impl<E: Send + 'static> Actor<E> for Witness {
    fn handle(&mut self, _: &Event<E>, _: &mut Context<'_, E>) {}

    fn started(&mut self, _: &mut Context<'_, E>) {
        self.0.started.add();
    }

    fn stopped(&mut self, reason: StopReason) {
        self.0.stopped.push(reason);
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.0.dropped.add();
    }
}

// An unsubscribing took the interest off the table under the lock, and queued the removal of the actor after it.
//
// Thread A unsubscribes the only actor with a resource under a pattern: the table forgets the pattern. The shard gets
// an event of the class and makes its route, which has no pattern. Thread B subscribes another actor under the same
// pattern: the shard counts one pattern more, and as it still counts A's, does not forget the route. Thread A queues
// the removal: the count goes down to one, and the route stays. What was published for B's actor never came.
#[test]
fn a_subscription_behind_an_unsubscribing_of_its_pattern_gets_everything() {
    static PREEMPTION: Preemption = Preemption::new();
    struct Stage {
        router: Router<u32>,
        old: Subscription,
        everything: Log<u32>,
    }
    guarded(|| {
        let topic = topic("PATTERN");
        let under_pattern = |resource| Filter::any().category("test").resource(resource);
        let setup = || {
            let (router, everything) = (router_with::<u32>(1), Log::default());
            router
                .subscribe(Filter::any(), everything.handler())
                .unwrap();
            let old = router.subscribe(under_pattern(1), |_| ()).unwrap();
            router.flush().unwrap();
            Stage {
                router,
                old,
                everything,
            }
        };
        PREEMPTION.at_each_call(
            setup,
            |stage| stage.old.unsubscribe().unwrap(),
            |stage| {
                stage.router.publish(topic.with_resource(9), 0).unwrap();
                common::wait_until(|| stage.everything.len() == 1);
                let seen = Log::default();
                stage
                    .router
                    .subscribe(under_pattern(2), seen.handler())
                    .unwrap();
                seen
            },
            |stage, (), seen: Log<u32>| {
                for number in 1..4 {
                    stage
                        .router
                        .publish(topic.with_resource(2), number)
                        .unwrap();
                }
                stage.router.flush().unwrap();
                assert_eq!(stage.everything.all(), [0, 1, 2, 3]);
                assert_eq!(seen.all(), [1, 2, 3]);
            },
        );
    });
}

thread_local! {
    static KEPT: RefCell<Option<Kept>> = const { RefCell::new(None) };
}

/// Gives up its handle with its thread.
struct Kept {
    router: Option<Router<u32>>,
    gone: Latch,
}

impl Drop for Kept {
    fn drop(&mut self) {
        drop(self.router.take());
        self.gone.open();
    }
}

/// Runs a test in a process of its own, so that one that ends the process fails alone.
fn in_a_process_of_its_own(test: &str, body: fn()) {
    const INSIDE: &str = "LANEWAY_INSIDE_ITS_OWN_PROCESS";
    if std::env::var_os(INSIDE).is_some() {
        return guarded(body);
    }
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(INSIDE, "1")
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{}\n{out}\n{err}", output.status);
    assert!(out.contains("1 passed"), "{test} is not the test's name");
}

// A shard's thread stopped being an actor thread when its loop ended, before the destructors of its thread-locals.
//
// A handler keeps a handle of its router in a thread-local. The main thread shuts down and drops its own handle. The
// shard's loop ends; the thread-local's destructor drops the last handle, which joins the shards' threads: its own
// among them. That panics, and a panic in such a destructor aborts the process.
#[test]
fn the_last_handle_may_be_dropped_by_a_thread_local_of_a_shard() {
    in_a_process_of_its_own(
        "the_last_handle_may_be_dropped_by_a_thread_local_of_a_shard",
        || {
            let router = router_with::<u32>(1);
            let topic = topic("KEPT");
            let (hold, gone, weak) = (Hold::default(), Latch::default(), router.downgrade());
            let handler = {
                let (hold, gone, weak) = (hold.clone(), gone.clone(), weak.clone());
                move |_: &Event<u32>| {
                    let (router, gone) = (weak.upgrade(), gone.clone());
                    KEPT.set(Some(Kept { router, gone }));
                    hold.stop_here();
                }
            };
            router.subscribe(Filter::exact(topic), handler).unwrap();
            router.publish(topic, 0).unwrap();
            hold.wait_for_arrival();
            // Begins closing, and leaves the last handle to the shard.
            assert!(!router.shutdown(Duration::ZERO).is_complete());
            drop(router);
            assert!(weak.upgrade().is_some());
            hold.release();
            gone.wait();
            assert!(weak.upgrade().is_none());
        },
    );
}

// Lanes whose publisher was gone were left out of the depth, and with it of what a shutdown reports as unhandled.
//
// A publisher sends a hundred events to a shard that is busy, and is dropped. Somebody shuts down with a deadline that
// passes: nothing unhandled, said the report.
#[test]
fn what_a_dropped_publisher_left_counts_as_waiting() {
    guarded(|| {
        let router = router_with::<u32>(1);
        let (topic, seen) = (topic("LEFT"), Count::default());
        router
            .subscribe(Filter::exact(topic), seen.handler())
            .unwrap();
        let hold = block_shard(&router, 0, 0);
        let before = router.stats().total().depth;
        let mut publisher = router.publisher();
        for number in 0..100 {
            publisher.publish(topic, number).unwrap();
        }
        assert_eq!(router.stats().total().depth, before + 100);
        drop(publisher);
        assert_eq!(router.stats().total().depth, before + 100);

        let report = router.shutdown(Duration::ZERO);
        assert_eq!(report.unhandled, before + 100);
        assert_eq!(report.detached.len(), 1);
        assert!(!report.is_complete());

        hold.release();
        let report = router.shutdown(LIMIT);
        assert!(report.is_complete(), "{report:?}");
        assert_eq!(seen.get(), 100);
        assert_eq!(router.stats().total().depth, 0);
    });
}

// Flushes that were given up stayed in the queue of a shard that did not get to them.
//
// A handler takes long. A thread that supervises flushes again and again with a short timeout: each time one more
// command was queued, and one more counter of those waited for stayed alive.
#[test]
fn flushes_that_are_given_up_leave_nothing_behind() {
    guarded(|| {
        let router = router_with::<u32>(1);
        let hold = block_shard(&router, 0, 0);
        let kept = bytes_kept(MANY_ROUNDS, || {
            let flushed = router.flush_timeout(Duration::ZERO);
            assert_eq!(flushed, Err(FlushError::Timeout));
        });
        assert!(kept < SLACK, "{kept} bytes of flushes");
        let before = router.stats().total().commands;
        hold.release();
        router.flush().unwrap();
        let commands = router.stats().total().commands - before;
        assert!(commands < 10, "{commands} commands came of one thread");
    });
}

// As above, for shutdowns: each that timed out stayed in the list of those to be woken.
#[test]
fn shutdowns_that_time_out_leave_nothing_behind() {
    guarded(|| {
        let router = router_with::<u32>(1);
        let hold = block_shard(&router, 0, 0);
        let kept = bytes_kept(MANY_ROUNDS, || {
            assert_eq!(router.shutdown(Duration::ZERO).joined, 0);
        });
        assert!(kept < SLACK, "{kept} bytes of shutdowns");
        hold.release();
        assert!(router.shutdown(LIMIT).is_complete());
    });
}

// A closed router made a lane for each new publisher in `publish_batch` and `warm`, which look for room before they
// look whether it closed.
//
// The shards are gone. A thread goes on making publishers and sending batches through them. Each batch is refused, and
// its lane stayed in the list that the shard would have cleaned.
#[test]
fn a_closed_router_makes_no_lanes() {
    let no_lane_of = |router: &Router<u32>, topic: Topic| {
        let lanes = || router.stats().total().lanes;
        let before = lanes();
        let mut round = || {
            let mut publisher = router.publisher();
            publisher.warm(topic);
            let refused = publisher.publish_batch([(topic, 1), (topic, 2)]);
            let Err(PublishBatchError::Closed { unsent, .. }) = refused else {
                panic!("{refused:?}");
            };
            assert_eq!(unsent, [(topic, 1), (topic, 2)]);
            let refused = publisher.publish(topic, 3);
            assert_eq!(refused, Err(PublishError::Closed(3)));
            assert_eq!(router.publish(topic, 3), Err(PublishError::Closed(3)));
            assert_eq!(lanes(), before);
        };
        let kept = bytes_kept(MANY_ROUNDS / 10, &mut round);
        assert!(kept < SLACK, "{kept} bytes of publishers");
        assert_eq!(lanes(), before);
    };
    guarded(move || {
        let router = router_with::<u32>(2);
        let topic = topic("CLOSED");
        for shard in 0..2 {
            on_shard(&router, shard, Filter::exact(topic))
                .handler(|_| ())
                .unwrap();
        }
        // While the shards drain, and when they are gone.
        let holds = [0, 1].map(|shard| block_shard(&router, shard, 0));
        assert!(!router.shutdown(Duration::ZERO).is_complete());
        no_lane_of(&router, topic);
        holds.iter().for_each(Hold::release);
        assert!(router.shutdown(LIMIT).is_complete());
        no_lane_of(&router, topic);
        assert_eq!(router.stats().total().lanes, 0);
    });
}

/// Ends as its events say, and then stays in its last call until it is let go.
struct Ending {
    last_call: Hold,
    is_over: Arc<AtomicBool>,
}

#[derive(Clone, Copy, Debug)]
enum End {
    Stop,
    Panic,
    ByAnotherThread,
    ByAnActor,
    Shutdown,
}

impl Actor<End> for Ending {
    fn handle(&mut self, event: &Event<End>, ctx: &mut Context<'_, End>) {
        match event.payload() {
            End::Stop => ctx.stop(),
            other => panic!("asked for: {other:?}"),
        }
    }

    fn stopped(&mut self, _: StopReason) {
        self.last_call.stop_here();
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Release);
    }
}

/// The actor is in its last call, and somebody unsubscribes it. Says what that gave, and whether all was over by then.
fn unsubscribe_in_the_last_call(
    end: End,
    unsubscribe: impl FnOnce(&Router<End>, Subscription) -> Result<(), UnsubscribeError>
    + Send
    + 'static,
) {
    let router = router_with::<End>(2);
    let (topic, helpers) = (topic("ENDING"), topic("HELPERS"));
    let (last_call, is_over) = (Hold::default(), Arc::new(AtomicBool::new(false)));
    let subscription = on_shard(&router, 0, Filter::exact(topic))
        .actor(Ending {
            last_call: last_call.clone(),
            is_over: Arc::clone(&is_over),
        })
        .unwrap();
    let id = subscription.id();
    let first = match end {
        End::Stop | End::Panic => {
            router.publish(topic, end).unwrap();
            None
        }
        End::ByAnotherThread => {
            let subscription = subscription.clone();
            Some(thread::spawn(move || subscription.unsubscribe()))
        }
        End::ByAnActor => {
            let subscription = subscription.clone();
            on_shard(&router, 1, Filter::exact(helpers))
                .handler(move |_| subscription.unsubscribe().unwrap())
                .unwrap();
            router.publish(helpers, end).unwrap();
            None
        }
        End::Shutdown => {
            assert!(!router.shutdown(Duration::ZERO).is_complete());
            None
        }
    };
    last_call.wait_for_arrival();
    let second = {
        let (router, is_over) = (router.clone(), Arc::clone(&is_over));
        thread::spawn(move || {
            let result = unsubscribe(&router, subscription);
            (result, is_over.load(Ordering::Acquire))
        })
    };
    // Time enough to return too early.
    for _ in 0..2000 {
        if second.is_finished() {
            break;
        }
        thread::yield_now();
    }
    last_call.release();
    let (result, was_over) = second.join().unwrap();
    assert_eq!(result, Err(UnsubscribeError::Unknown(id)), "{end:?}");
    assert!(was_over, "{end:?}: it returned before the actor's Drop");
    if let Some(first) = first {
        first.join().unwrap().unwrap();
    }
}

// Unsubscribing returned at once if the subscription had ended already, with its actor still in its last call.
//
// The shard runs `stopped`, since the actor stopped, panicked, was unsubscribed by thread A, or its router shuts down.
// What the actor holds is still in use. Thread B unsubscribes, is told that there is no such subscription, and takes
// the resource apart.
#[test]
fn unsubscribing_what_ended_waits_for_its_last_call() {
    guarded(|| {
        for end in [
            End::Stop,
            End::Panic,
            End::ByAnotherThread,
            End::ByAnActor,
            End::Shutdown,
        ] {
            unsubscribe_in_the_last_call(end, |_, subscription| subscription.unsubscribe());
            unsubscribe_in_the_last_call(end, |router, subscription| {
                router.unsubscribe(subscription.id())
            });
            unsubscribe_in_the_last_call(end, |_, subscription| {
                let gone = Err(UnsubscribeError::Unknown(subscription.id()));
                drop(subscription.guard());
                gone
            });
        }
    });
}

/// Publishes when it is cloned or dropped, if it is told to.
struct Nested {
    number: u32,
    in_clone: Option<Echo>,
    in_drop: Option<Echo>,
}

struct Echo {
    router: Router<Nested>,
    topic: Topic,
    numbers: std::ops::Range<u32>,
}

impl Echo {
    fn publish(&self) {
        for number in self.numbers.clone() {
            let published = self.router.publish(self.topic, Nested::plain(number));
            assert!(published.is_ok());
        }
    }
}

impl Nested {
    fn plain(number: u32) -> Self {
        Nested {
            number,
            in_clone: None,
            in_drop: None,
        }
    }

    fn in_clone(echo: Echo) -> Self {
        Nested {
            number: 0,
            in_clone: Some(echo),
            in_drop: None,
        }
    }

    fn in_drop(echo: Echo) -> Self {
        Nested {
            number: 0,
            in_clone: None,
            in_drop: Some(echo),
        }
    }
}

impl Clone for Nested {
    fn clone(&self) -> Self {
        self.in_clone.iter().for_each(Echo::publish);
        Nested::plain(self.number)
    }
}

impl Drop for Nested {
    fn drop(&mut self) {
        self.in_drop.iter().for_each(Echo::publish);
    }
}

/// A router with two shards, a topic that both listen to, one that nobody listens to, and one whose numbers are noted.
struct Nesting {
    router: Router<Nested>,
    everybody: Topic,
    nobody: Topic,
    noted: Topic,
    log: Log<u32>,
}

impl Nesting {
    fn new() -> Self {
        let router = router_with::<Nested>(2);
        let (everybody, nobody, noted) = (topic("OUTER"), topic("UNMATCHED"), topic("INNER"));
        let log = Log::default();
        for shard in 0..2 {
            on_shard(&router, shard, Filter::exact(everybody))
                .handler(|_| ())
                .unwrap();
        }
        let entries = log.clone();
        on_shard(&router, 0, Filter::exact(noted))
            .handler(move |event| entries.push(event.payload().number))
            .unwrap();
        Nesting {
            router,
            everybody,
            nobody,
            noted,
            log,
        }
    }

    /// What publishes these numbers.
    fn echo(&self, numbers: std::ops::Range<u32>) -> Echo {
        Echo {
            router: self.router.clone(),
            topic: self.noted,
            numbers,
        }
    }

    fn publish(&self, topic: Topic, payload: Nested) {
        assert!(self.router.publish(topic, payload).is_ok());
    }
}

// What a payload published in its Clone or Drop went through a lane of its own.
//
// Thread A publishes an event to two shards; its payload is cloned, and the clone publishes 1, 2 and 3 with
// `router.publish`, as the thread has before and does after. Its own outlet was in use, so these three got another,
// made for each. The shard looks at the thread's own lane first and handles 4 before 1. The same for a payload that
// nobody listens to and that publishes in its Drop.
#[test]
fn what_a_payload_publishes_in_clone_or_drop_keeps_its_place() {
    guarded(|| {
        let stage = Nesting::new();
        let publish = |number| stage.publish(stage.noted, Nested::plain(number));
        // The thread's own lane is there, and the first that the shard looks at.
        publish(0);
        stage.router.flush().unwrap();
        let hold = block_shard(&stage.router, 0, Nested::plain(0));
        stage.publish(stage.everybody, Nested::in_clone(stage.echo(1..4)));
        publish(4);
        stage.publish(stage.nobody, Nested::in_drop(stage.echo(5..8)));
        publish(8);
        let lanes = stage.router.stats().shards[0].lanes;
        hold.release();
        stage.router.flush().unwrap();
        assert!(stage.log.take().into_iter().eq(0..9));
        assert_eq!(lanes, 1, "one thread is one publisher");
    });
}

// As above: each of those outlets was made for one call, and its lane with it.
#[test]
fn what_a_payload_publishes_in_clone_or_drop_allocates_nothing() {
    guarded(|| {
        let stage = Nesting::new();
        let round = || {
            stage.publish(stage.everybody, Nested::in_clone(stage.echo(0..2)));
            stage.publish(stage.nobody, Nested::in_drop(stage.echo(0..2)));
        };
        let publish = |rounds: usize| {
            let mut sum = 0;
            for _ in 0..rounds {
                sum += allocations(round);
                // There is always room: waiting for it may allocate.
                stage.router.flush().unwrap();
            }
            sum
        };
        publish(10);
        assert_eq!(publish(200), 0);
    });
}

// Picking the events of a run for actors by their resource compared each pick with all picks of the same event.
//
// Thousands of actors listen to one resource. Each event for it took the square of their number. Without optimization
// that is more than the guard allows; in any build, no filter too many may bring an event twice.
#[test]
fn many_actors_of_one_resource_get_each_event_once_and_in_order() {
    const ACTORS: usize = 10_000;
    const EVENTS: u32 = 100;
    guarded(|| {
        let router = router_with::<u32>(1);
        let many = topic("MANY.ONE");
        let ours = many.with_resource(1);
        let keyed = [
            Filter::any().resource(1),
            Filter::any().category("test").resource(1),
            Filter::any().event_type("MANY.*").resource(1),
            Filter::exact(ours),
        ];
        let logs: Vec<Log<u32>> = (0..ACTORS)
            .map(|actor| {
                let log = Log::default();
                // Three of the four, beginning anywhere; and some are for all resources besides.
                let mine = keyed.iter().cycle().skip(actor % 4).take(3).cloned();
                let all = (actor % 5 == 0).then(|| Filter::exact(many));
                let filters: Vec<Filter> = mine.chain(all).collect();
                common::any_of(router.subscription(), &filters)
                    .handler(log.handler())
                    .unwrap();
                log
            })
            .collect();
        let mut publisher = router.publisher();
        for number in 0..EVENTS {
            let resource = if number % 10 == 9 { 2 } else { 1 };
            publisher
                .publish(many.with_resource(resource), number)
                .unwrap();
        }
        router.flush().unwrap();
        for (actor, log) in logs.iter().enumerate() {
            let is_ours = |number: &u32| actor % 5 == 0 || number % 10 != 9;
            let expected = (0..EVENTS).filter(is_ours);
            assert!(log.take().into_iter().eq(expected), "actor {actor}");
        }
        assert!(router.shutdown(LIMIT).is_complete());
    });
}

// Shutting down took each actor out of its routes one by one, and each time looked at all that were left.
//
// A hundred thousand actors have one filter. The default deadline passed, and their thread was detached.
#[test]
fn many_actors_of_one_filter_are_stopped_by_the_default_deadline() {
    // So many that the square of it takes longer than that, in each build.
    let count = if cfg!(debug_assertions) {
        30_000
    } else {
        200_000
    };
    guarded(move || {
        let router = router_with::<u32>(1);
        let topic = topic("CROWD");
        let life = Life::default();
        for _ in 0..count {
            router
                .spawn(Filter::exact(topic), Witness(life.clone()))
                .unwrap();
        }
        router.flush().unwrap();
        let report = router.shutdown(Duration::from_secs(5));
        assert!(report.is_complete(), "{report:?}");
        let (started, stopped, dropped) = life.numbers();
        assert_eq!((started, stopped.len(), dropped), (count, count, count));
    });
}

// A publisher remembers what classes matched, in places that classes share. A class that pushed another out of its
// place allocated again if more than two of its patterns had resources.
//
// Four actors listen to a resource under different patterns. A publisher sends events of two classes that share a
// place in turns: each of them took an allocation.
#[test]
fn classes_that_push_each_other_out_allocate_nothing() {
    guarded(|| {
        let router = router_with::<u32>(1);
        for filter in [
            Filter::any().resource(1),
            Filter::any().category("collide").resource(1),
            Filter::any().event_type("COLLIDE.*").resource(1),
            Filter::any()
                .category("collide")
                .event_type("COLLIDE.*")
                .resource(1),
        ] {
            router.subscribe(filter, |_| ()).unwrap();
        }
        // More than there are places, so that some share one, whatever classes other tests make meanwhile.
        let topics: Vec<Topic> = (0..200)
            .map(|number| Topic::new("collide", format!("COLLIDE.{number}")).unwrap())
            .map(|topic| topic.with_resource(1))
            .collect();
        let mut publisher = router.publisher();
        let mut publish_all = || {
            let allocations = allocations(|| {
                for &topic in &topics {
                    assert_eq!(publisher.publish(topic, 0), Ok(Published::Routed));
                }
            });
            // There is always room: waiting for it may allocate.
            router.flush().unwrap();
            allocations
        };
        publish_all();
        for _ in 0..10 {
            assert_eq!(publish_all(), 0);
        }
    });
}

// Publishing a batch asked the iterator for more after it had said that there is no more.
//
// The end of the batch came within a part of 32. For the next part the iterator was polled again, and one that begins
// again after its end, as a channel's `try_iter` does, brought events that belong to the next batch.
#[test]
fn a_batch_ends_with_its_iterator() {
    guarded(|| {
        let router = router_with::<u32>(1);
        let (topic, seen) = (topic("ENDS"), Log::default());
        router
            .subscribe(Filter::exact(topic), seen.handler())
            .unwrap();
        let mut publisher = router.publisher();
        for count in [0, 1, 31, 32, 33, 64, 100] {
            let (mut next, mut polls_after_the_end) = (0, 0);
            let items = std::iter::from_fn(|| {
                next += 1;
                if next <= count {
                    return Some((topic, next));
                }
                polls_after_the_end += usize::from(next > count + 1);
                (next == count + 2).then_some((topic, u32::MAX))
            });
            let published = publisher.publish_batch(items).unwrap();
            assert_eq!((published.routed, published.unmatched), (count as usize, 0));
            assert_eq!(polls_after_the_end, 0, "after {count} items");
            router.flush().unwrap();
            assert!(seen.take().into_iter().eq(1..=count));
        }
    });
}

/// Subscribes the next of its kind in its first call, until the router is closed.
struct Chain {
    witness: Witness,
    accepted: Log<Attempt>,
}

/// An actor that somebody tried to subscribe: what it went through, and whether it was accepted.
#[derive(Clone)]
struct Attempt {
    life: Life,
    accepted: bool,
}

impl Attempt {
    #[track_caller]
    fn assert_complete(&self) {
        let expected = match self.accepted {
            true => (1, vec![StopReason::Shutdown], 1),
            false => (0, vec![], 1),
        };
        assert_eq!(self.life.numbers(), expected);
    }
}

impl Actor<u32> for Chain {
    fn handle(&mut self, _: &Event<u32>, _: &mut Context<'_, u32>) {}

    fn started(&mut self, ctx: &mut Context<'_, u32>) {
        Actor::<u32>::started(&mut self.witness, ctx);
        if let Some(router) = ctx.router().upgrade() {
            Chain::subscribe(&router, &self.accepted);
        }
    }

    fn stopped(&mut self, reason: StopReason) {
        Actor::<u32>::stopped(&mut self.witness, reason);
    }
}

impl Chain {
    fn subscribe(router: &Router<u32>, attempts: &Log<Attempt>) {
        let life = Life::default();
        let next = Chain {
            witness: Witness(life.clone()),
            accepted: attempts.clone(),
        };
        let filter = Filter::exact(topic("CHAIN"));
        let accepted = router.spawn(filter, next).is_ok();
        attempts.push(Attempt { life, accepted });
    }
}

// An actor that was accepted just before closing was dropped without its first and its last call.
//
// Thread A subscribes: the actor is in the queue, and A is preempted before it rings the shard's bell. Thread B closes
// the router, and before it rings, the shard sees that the router closed, that its lanes are empty and its bell silent,
// and exits. A rings, finds that the shard has exited and drops the queue.
//
// That takes two threads stopped within a few instructions each, so a test seldom meets it. What this one sees for sure
// is that whoever comes to the closing is either refused or has a whole life.
#[test]
fn an_actor_accepted_just_before_closing_is_started_and_stopped() {
    const THREADS: usize = 3;
    guarded(|| {
        let mut random = Random::new();
        for round in 0..rounds(400) {
            let router = router_with::<u32>(1 + round % 2);
            let (topic, attempts) = (topic("LATE"), Log::default());
            let start = SpinBarrier::new(THREADS + 1);
            let subscribers: Vec<_> = (0..THREADS)
                .map(|index| {
                    let (router, start) = (router.clone(), Arc::clone(&start));
                    let attempts = attempts.clone();
                    thread::spawn(move || {
                        start.wait();
                        // Not without end: on a busy machine the closing may come late.
                        for _ in 0..100 {
                            let life = Life::default();
                            let actor = Witness(life.clone());
                            let filter = Filter::exact(topic.with_resource(index as u64));
                            let accepted = router.spawn(filter, actor).is_ok();
                            attempts.push(Attempt { life, accepted });
                            if !accepted {
                                break;
                            }
                        }
                    })
                })
                .collect();
            if round % 4 == 0 {
                Chain::subscribe(&router, &attempts);
            }
            start.wait();
            (0..random.below(200)).for_each(|_| std::hint::spin_loop());
            let report = router.shutdown(LIMIT);
            assert!(report.is_complete(), "{report:?}");
            for subscriber in subscribers {
                subscriber.join().unwrap();
            }
            attempts.all().iter().for_each(Attempt::assert_complete);
        }
    });
}

/// The depth of a lane whose publisher is gone was forgotten as soon as another lane of its shard came to its end.
#[test]
fn what_a_dropped_publisher_left_counts_although_another_lane_ended() {
    guarded(|| {
        let router = router_with::<u32>(1);
        let (topic, inner) = (topic("LEFT"), Hold::default());
        router
            .subscribe(Filter::exact(topic), common::holding(&inner))
            .unwrap();
        // Its publisher is gone as well: this lane ends first.
        let hold = block_shard(&router, 0, 0);
        let mut publisher = router.publisher();
        for number in 0..100 {
            publisher.publish(topic, number).unwrap();
        }
        drop(publisher);
        let before = router.stats().total().depth;
        hold.release();
        inner.wait_for_arrival();
        let depth = router.stats().total().depth;
        let report = router.shutdown(Duration::ZERO);
        inner.release();
        assert_eq!((before, depth, report.unhandled), (101, 100, 100));
    });
}

/// A payload whose Clone publishes to several shards took the one spare vector for clones, and made a new one each time.
#[test]
fn what_a_payload_publishes_to_several_shards_in_clone_allocates_nothing() {
    guarded(|| {
        let stage = Nesting::new();
        let round = || {
            let mut echo = stage.echo(0..2);
            echo.topic = stage.everybody;
            stage.publish(stage.everybody, Nested::in_clone(echo));
        };
        let publish = |rounds: usize| {
            let mut sum = 0;
            for _ in 0..rounds {
                sum += allocations(round);
                stage.router.flush().unwrap();
            }
            sum
        };
        publish(10);
        assert_eq!(publish(200), 0);
    });
}

/// Unsubscribing what had ended waited for all shards, also those that had nothing to do with it.
#[test]
fn unsubscribing_what_ended_waits_for_its_own_shard_alone() {
    guarded(|| {
        let router = router_with::<u32>(2);
        let subscription = on_shard(&router, 0, Filter::exact(topic("ENDED")))
            .handler(|_| ())
            .unwrap();
        subscription.unsubscribe().unwrap();
        let hold = block_shard(&router, 1, 0);
        assert!(subscription.unsubscribe().is_err());
        hold.release();
    });
}
