//! G9: what becomes of an actor whose calls panic: it is stopped, goes on, or is replaced by a fresh one.

#[path = "../common/mod.rs"]
mod common;
mod restarts;
mod storm;

use common::{
    Count, Log, Random, Tally, Tracked, assert_adds_up, assert_all_add_up, guarded,
    inside_a_handler, on_shard, rounds, setups, sweep, topic, wait_until,
};
use laneway::{
    Actor, Batch, Context, Event, Filter, OnPanic, Overflow, Published, Router, StopReason,
    SubscribeError, Subscription, SubscriptionBuilder, Suspend, Topic,
};
use std::panic::panic_any;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What happened, in order. Actors are counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Made(usize),
    Started(usize),
    Handled(usize, u64),
    Lagged(usize, u64),
    Stopped(usize, StopReason),
    Dropped(usize),
}
use Step::*;

/// Which calls panic, as a question about each step.
type Faults = fn(Step) -> bool;

/// Notes each step, and panics where it is told to.
struct Noted {
    number: usize,
    steps: Log<Step>,
    faults: Faults,
}

impl Noted {
    fn note(&self, step: Step) {
        self.steps.push(step);
        assert!(!(self.faults)(step), "asked for");
    }
}

impl Actor<u64> for Noted {
    fn handle(&mut self, event: &Event<u64>, _: &mut Context<'_, u64>) {
        self.note(Handled(self.number, *event.payload()));
    }

    fn started(&mut self, _: &mut Context<'_, u64>) {
        self.note(Started(self.number));
    }

    fn lagged(&mut self, missed: u64, _: &mut Context<'_, u64>) {
        self.note(Lagged(self.number, missed));
    }

    fn stopped(&mut self, reason: StopReason) {
        self.note(Stopped(self.number, reason));
    }
}

impl Drop for Noted {
    fn drop(&mut self) {
        self.note(Dropped(self.number));
    }
}

/// Makes actors that note their steps.
fn factory(steps: &Log<Step>, faults: Faults) -> impl FnMut() -> Noted + Send + use<> + 'static {
    let (steps, mut made) = (steps.clone(), 0);
    move || {
        let number = made;
        made += 1;
        steps.push(Made(number));
        assert!(!faults(Made(number)), "asked for");
        let steps = steps.clone();
        Noted {
            number,
            steps,
            faults,
        }
    }
}

fn one_shard() -> Router<u64> {
    Router::builder().shards(1).build().unwrap()
}

/// Lets these lie in a lane of shard 0 before any is handled, and waits until all are.
fn publish_together(router: &Router<u64>, topic: Topic, numbers: std::ops::Range<u64>) {
    inside_a_handler(router, 0, move |_, ctx| {
        for number in numbers {
            assert!(ctx.publish(topic, number).is_ok());
        }
    });
    router.flush().unwrap();
    router.flush().unwrap();
}

/// The ways to an actor: straight from the lane, and with something to ask or a budget that is soon used up.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Path {
    Straight,
    Asked,
    Mailbox,
}

const PATHS: [Path; 3] = [Path::Straight, Path::Asked, Path::Mailbox];

fn builder(router: &Router<u64>, topic: Topic, path: Path) -> SubscriptionBuilder<'_, u64> {
    let builder = on_shard(router, 0, Filter::exact(topic));
    match path {
        Path::Straight => builder,
        Path::Asked => builder.when(|_| true),
        Path::Mailbox => builder.budget(3),
    }
}

#[test]
fn by_default_it_is_stopped_and_what_waits_is_dropped_and_counted() {
    guarded(|| {
        for path in PATHS {
            sweep(|setup| {
                let router: Router<u64> = setup.router();
                let (topic, steps) = (topic("STOP"), Log::default());
                let faults: Faults = |step| step == Handled(0, 4);
                let actor = factory(&steps, faults)();
                let subscription = builder(&router, topic, path).actor(actor).unwrap();
                publish_together(&router, topic, 0..20);
                let handled = (0..5).map(|number| Handled(0, number));
                let last = [Stopped(0, StopReason::Panicked), Dropped(0)];
                let expected = [Made(0), Started(0)].into_iter().chain(handled).chain(last);
                assert!(steps.all().into_iter().eq(expected), "{:?}", steps.all());
                let stats = subscription.stats();
                assert_eq!((stats.panics, stats.handled, stats.queued), (1, 5, 0));
                assert_eq!(stats.dropped.stopped, stats.dropped.total());
                assert_eq!(stats.dropped.stopped, stats.matched - 5, "{path:?}");
                assert!(subscription.has_ended());
                assert_eq!(router.publish(topic, 20), Ok(Published::Unmatched));
                assert_all_add_up(&router, 0);
            });
        }
    });
}

#[test]
fn what_waits_in_the_mailbox_of_one_that_panics_is_dropped_and_counted() {
    guarded(|| {
        let (router, topic, steps) = (one_shard(), topic("WAITS"), Log::default());
        let actor = factory(&steps, |step| step == Handled(0, 1))();
        let subscription = router.spawn(Filter::exact(topic), actor).unwrap();
        subscription.suspend(Suspend::Queue).unwrap();
        publish_together(&router, topic, 0..20);
        assert_eq!(subscription.stats().queued, 20);
        subscription.resume().unwrap();
        wait_until(|| steps.all().contains(&Dropped(0)));
        router.flush().unwrap();
        let stats = subscription.stats();
        assert_adds_up(stats);
        assert_eq!((stats.handled, stats.dropped.stopped), (2, 18));
        assert_eq!((stats.panics, stats.queued), (1, 0));
        assert_eq!(router.publish(topic, 0), Ok(Published::Unmatched));
    });
}

#[test]
fn one_that_resumes_goes_on_with_the_next_event() {
    guarded(|| {
        for path in PATHS {
            sweep(|setup| {
                let router: Router<u64> = setup.router();
                let (topic, steps) = (topic("RESUME"), Log::default());
                // The first and the last of them too, and two in a row.
                let faults: Faults =
                    |step| matches!(step, Handled(_, 0 | 7 | 8 | 19) | Started(_) | Dropped(_));
                let actor = factory(&steps, faults)();
                let builder = builder(&router, topic, path).on_panic(OnPanic::Resume);
                let subscription = builder.actor(actor).unwrap();
                publish_together(&router, topic, 0..20);
                let handled = (0..20).map(|number| Handled(0, number));
                let expected = [Made(0), Started(0)].into_iter().chain(handled);
                assert!(steps.all().into_iter().eq(expected), "{:?}", steps.all());
                let stats = subscription.stats();
                assert_eq!((stats.matched, stats.handled), (20, 20), "{path:?}");
                assert_eq!((stats.panics, stats.restarts), (5, 0));
                subscription.unsubscribe().unwrap();
                let stats = subscription.stats();
                assert_eq!(stats.panics, 6);
                let last = [Stopped(0, StopReason::Unsubscribed), Dropped(0)];
                assert_eq!(steps.all()[22..], last);
                assert_all_add_up(&router, 0);
            });
        }
    });
}

/// Panics before it takes anything from its batch, as often as it is called.
struct Hopeless(Count);

impl Actor<u64> for Hopeless {
    fn handle(&mut self, _: &Event<u64>, _: &mut Context<'_, u64>) {
        unreachable!("nothing is taken");
    }

    fn handle_batch(&mut self, _: Batch<'_, u64>, _: &mut Context<'_, u64>) {
        self.0.add();
        panic!("asked for");
    }
}

#[test]
fn one_that_panics_before_it_takes_anything_does_not_get_the_same_batch_for_ever() {
    guarded(|| {
        for path in PATHS {
            let (router, topic, calls) = (one_shard(), topic("HOPELESS"), Count::default());
            let resume = builder(&router, topic, path).on_panic(OnPanic::Resume);
            let resumed = resume.actor(Hopeless(calls.clone())).unwrap();
            let restarted = builder(&router, topic, path);
            let count = calls.clone();
            let restarted = restarted.restarts(1000, Duration::MAX);
            let restarted = restarted
                .actor_with(move || Hopeless(count.clone()))
                .unwrap();
            let log = Log::default();
            router
                .subscribe(Filter::exact(topic), log.handler())
                .unwrap();
            publish_together(&router, topic, 0..20);
            for subscription in [&resumed, &restarted] {
                let stats = subscription.stats();
                assert_adds_up(stats);
                assert_eq!((stats.matched, stats.handled), (20, 20), "{path:?}");
                // Once for each event, and at most once more for each batch.
                assert!((20..=40).contains(&stats.panics), "{stats:?}");
            }
            let (resumed, restarted) = (resumed.stats(), restarted.stats());
            assert_eq!(
                (resumed.restarts, restarted.restarts),
                (0, restarted.panics)
            );
            assert_eq!(calls.get() as u64, resumed.panics + restarted.panics);
            assert!(log.all().into_iter().eq(0..20));
        }
    });
}

/// Takes two events, then panics: the second is the one it panicked over.
#[test]
fn the_rest_of_a_batch_is_given_again_in_order() {
    struct Pairs(Log<u64>);
    impl Actor<u64> for Pairs {
        fn handle(&mut self, _: &Event<u64>, _: &mut Context<'_, u64>) {}
        fn handle_batch(&mut self, mut batch: Batch<'_, u64>, _: &mut Context<'_, u64>) {
            let all = batch.len();
            let log = &self.0;
            (batch.by_ref().take(2)).for_each(|event| log.push(*event.payload()));
            assert_eq!(batch.len(), all.saturating_sub(2));
            panic!("asked for");
        }
    }
    guarded(|| {
        for path in PATHS {
            let (router, topic, log) = (one_shard(), topic("PAIRS"), Log::default());
            let builder = builder(&router, topic, path).on_panic(OnPanic::Resume);
            let subscription = builder.actor(Pairs(log.clone())).unwrap();
            publish_together(&router, topic, 0..40);
            assert!(log.all().into_iter().eq(0..40), "{:?}", log.all());
            let stats = subscription.stats();
            assert_eq!((stats.handled, stats.discarded), (40, 0));
            assert!((20..40).contains(&stats.panics), "{stats:?}");
        }
    });
}

#[test]
fn a_panic_in_lagged_is_like_any_other() {
    guarded(|| {
        let faults: Faults = |step| matches!(step, Lagged(0, _));
        for policy in [OnPanic::Stop, OnPanic::Resume] {
            for restarts in [false, true] {
                let (router, topic, steps) = (one_shard(), topic("LAGGED"), Log::default());
                let builder = builder(&router, topic, Path::Straight).on_panic(policy);
                let builder = builder.mailbox(4, Overflow::DropOldest);
                let subscription = match restarts {
                    true => builder.actor_with(factory(&steps, faults)).unwrap(),
                    false => builder.actor(factory(&steps, faults)()).unwrap(),
                };
                subscription.suspend(Suspend::Queue).unwrap();
                publish_together(&router, topic, 0..10);
                subscription.resume().unwrap();
                router.flush().unwrap();
                let stats = subscription.stats();
                assert_adds_up(stats);
                assert_eq!((stats.panics, stats.dropped.oldest), (1, 6));
                let ends = policy == OnPanic::Stop && !restarts;
                assert_eq!(subscription.has_ended(), ends);
                assert_eq!(stats.restarts, u64::from(restarts));
                // Whoever goes on does so with what was behind the gap, which is told once.
                let handled = if ends { 0 } else { 4 };
                assert_eq!(
                    (stats.handled, stats.dropped.stopped),
                    (handled, 4 - handled)
                );
                let who = usize::from(restarts);
                let expected = (6..10).map(|event| Handled(who, event));
                let mut seen = steps.all();
                assert!(seen.contains(&Lagged(0, 6)));
                seen.retain(|step| matches!(step, Handled(..)));
                assert!(seen.into_iter().eq(expected.take(handled as usize)));
                let told = steps.all();
                let told = told.iter().filter(|step| matches!(step, Lagged(..)));
                assert_eq!(told.count(), 1);
            }
        }
    });
}

/// Stops itself in a call, and panics behind it.
struct Quits {
    in_started: bool,
    panics: bool,
    steps: Log<Step>,
}

impl Quits {
    fn quit(&self, ctx: &mut Context<'_, u64>) {
        ctx.stop();
        assert!(!self.panics, "asked for");
    }
}

impl Actor<u64> for Quits {
    fn handle(&mut self, event: &Event<u64>, ctx: &mut Context<'_, u64>) {
        self.steps.push(Handled(0, *event.payload()));
        self.quit(ctx);
    }

    fn started(&mut self, ctx: &mut Context<'_, u64>) {
        self.steps.push(Started(0));
        if self.in_started {
            self.quit(ctx);
        }
    }

    fn stopped(&mut self, reason: StopReason) {
        self.steps.push(Stopped(0, reason));
    }
}

impl Drop for Quits {
    fn drop(&mut self) {
        self.steps.push(Dropped(0));
    }
}

#[test]
fn one_that_stops_itself_is_not_replaced() {
    guarded(|| {
        for (path, in_started) in PATHS
            .into_iter()
            .flat_map(|path| [(path, true), (path, false)])
        {
            for (panics, restarts) in [(false, false), (false, true), (true, false), (true, true)] {
                let (router, topic, steps) = (one_shard(), topic("QUITS"), Log::default());
                let noted = steps.clone();
                let make = move || Quits {
                    in_started,
                    panics,
                    steps: noted.clone(),
                };
                let builder = builder(&router, topic, path);
                let subscription = match restarts {
                    true => builder.actor_with(make).unwrap(),
                    false => builder.actor(make()).unwrap(),
                };
                publish_together(&router, topic, 0..10);
                let stats = subscription.stats();
                assert_adds_up(stats);
                assert_eq!((stats.panics, stats.restarts), (panics.into(), 0));
                assert_eq!((stats.queued, stats.handled), (0, (!in_started).into()));
                let mut expected = vec![Started(0), Handled(0, 0)];
                expected.truncate(2 - usize::from(in_started));
                expected.extend([Stopped(0, StopReason::Stopped), Dropped(0)]);
                assert_eq!(steps.all(), expected);
                assert_eq!(router.publish(topic, 0), Ok(Published::Unmatched));
            }
        }
    });
}
