//! Dedicated actors: they have a thread of their own, and may take their time.

mod common;

use common::{Count, FOREVER, Hold, Log, guarded, on_shard, topic, wait_until};
use laneway::{
    Actor, Context, Event, Filter, FlushError, Overflow, PublishError, Router, StopReason,
    Subscription,
};
use std::thread::{self, ThreadId};

/// What an actor lived through.
#[derive(Clone, Debug, PartialEq)]
enum Note {
    Started,
    Handled(u32),
    Lagged(u64),
    Stopped(StopReason),
    Dropped,
}
use Note::{Dropped, Handled, Lagged, Started, Stopped};

type Handler = Box<dyn FnMut(&Event<u32>, &mut Context<'_, u32>) + Send>;

/// Notes all its calls.
struct Noting {
    log: Log<Note>,
    handler: Handler,
}

impl Noting {
    fn new(
        log: &Log<Note>,
        handler: impl FnMut(&Event<u32>, &mut Context<'_, u32>) + Send + 'static,
    ) -> Self {
        Noting {
            log: log.clone(),
            handler: Box::new(handler),
        }
    }
}

impl Actor<u32> for Noting {
    fn handle(&mut self, event: &Event<u32>, ctx: &mut Context<'_, u32>) {
        self.log.push(Handled(*event.payload()));
        (self.handler)(event, ctx);
    }

    fn started(&mut self, _: &mut Context<'_, u32>) {
        self.log.push(Started);
    }

    fn lagged(&mut self, missed: u64, _: &mut Context<'_, u32>) {
        self.log.push(Lagged(missed));
    }

    fn stopped(&mut self, reason: StopReason) {
        self.log.push(Stopped(reason));
    }
}

impl Drop for Noting {
    fn drop(&mut self) {
        self.log.push(Dropped);
    }
}

fn dedicate(router: &Router<u32>, actor: Noting) -> Subscription {
    let builder = on_shard(router, 0, Filter::exact(topic("A")));
    builder.dedicated(actor).unwrap()
}

/// G7, as the owner sees it between calls.
#[track_caller]
fn assert_adds_up(subscription: &Subscription) {
    let stats = subscription.stats();
    let sum = stats.handled + stats.dropped.total() + stats.discarded + stats.queued;
    assert_eq!(stats.matched, sum, "{stats:?}");
}

fn publish_all(router: &Router<u32>, payloads: impl IntoIterator<Item = u32>) {
    for payload in payloads {
        router.publish(topic("A"), payload).unwrap();
    }
}

#[test]
fn a_handler_that_blocks_delays_nobody_else() {
    guarded(|| {
        let router = Router::<u32>::new();
        let hold = Hold::default();
        let log = Log::default();
        let mut stop = Some(hold.clone());
        let slow = Noting::new(&log, move |_, _| {
            if let Some(hold) = stop.take() {
                hold.stop_here();
            }
        });
        let slow = dedicate(&router, slow);
        let quick = Count::default();
        on_shard(&router, 0, Filter::exact(topic("A")))
            .handler(quick.handler())
            .unwrap();
        publish_all(&router, 0..100);
        hold.wait_for_arrival();
        wait_until(|| quick.get() == 100);
        assert_eq!(log.all(), [Started, Handled(0)]);
        assert_eq!(slow.stats().queued, 100);
        hold.release();
        wait_until(|| slow.stats().queued == 0);
        let expected: Vec<_> = [Started].into_iter().chain((0..100).map(Handled)).collect();
        assert_eq!(log.all(), expected, "in order");
        assert_adds_up(&slow);
        wait_until(|| router.stats().total().handled == 200);
    });
}

#[test]
fn it_has_a_thread_of_its_own_where_nothing_waits() {
    guarded(|| {
        let router = Router::<u32>::new();
        let threads = Log::<ThreadId>::default();
        let noting = threads.clone();
        on_shard(&router, 0, Filter::exact(topic("A")))
            .handler(move |_| noting.push(thread::current().id()))
            .unwrap();
        let noting = threads.clone();
        let asked = router.downgrade();
        let handler = move |_: &Event<u32>, ctx: &mut Context<'_, u32>| {
            noting.push(thread::current().id());
            let router = asked.upgrade().expect("the test has a handle");
            assert_eq!(router.flush(), Err(FlushError::ActorThread));
            // Itself: that would wait for this very call.
            router.unsubscribe(ctx.subscription_id()).unwrap();
        };
        let log = Log::default();
        let subscription = dedicate(&router, Noting::new(&log, handler));
        publish_all(&router, [1]);
        wait_until(|| log.all().contains(&Dropped) && threads.len() == 2);
        let threads = threads.all();
        assert_ne!(threads[0], threads[1]);
        assert_eq!(subscription.stats().panics, 0);
        let reason = Stopped(StopReason::Unsubscribed);
        assert_eq!(log.all(), [Started, Handled(1), reason, Dropped]);
        wait_until(|| router.subscriptions().len() == 1);
    });
}

#[test]
fn unsubscribing_waits_for_the_call_and_the_drop() {
    guarded(|| {
        let router = Router::<u32>::new();
        let hold = Hold::default();
        let log = Log::default();
        let stop = hold.clone();
        let subscription = dedicate(&router, Noting::new(&log, move |_, _| stop.stop_here()));
        publish_all(&router, 0..10);
        hold.wait_for_arrival();
        wait_until(|| subscription.stats().matched == 10);
        let leaving = {
            let (subscription, log) = (subscription.clone(), log.clone());
            thread::spawn(move || {
                subscription.unsubscribe().unwrap();
                log.all()
            })
        };
        wait_until(|| subscription.has_ended());
        assert_eq!(log.all(), [Started, Handled(0)]);
        hold.release();
        let seen = leaving.join().unwrap();
        let reason = Stopped(StopReason::Unsubscribed);
        assert_eq!(seen, [Started, Handled(0), reason, Dropped]);
        let stats = subscription.stats();
        // Those that were in its batch are discarded, others are dropped.
        assert_eq!(
            (stats.handled, stats.discarded + stats.dropped.stopped),
            (1, 9)
        );
        assert_adds_up(&subscription);
        assert_eq!(router.shutdown(FOREVER).detached, [""; 0]);
        let total = router.stats().total();
        assert_eq!(
            (total.discarded, total.dropped),
            (stats.discarded, stats.dropped)
        );
    });
}

#[test]
fn shutting_down_handles_what_was_accepted() {
    guarded(|| {
        let router = Router::<u32>::new();
        let log = Log::default();
        let subscription = dedicate(&router, Noting::new(&log, |_, _| thread::yield_now()));
        publish_all(&router, 0..1000);
        let report = router.shutdown(FOREVER);
        assert!(report.is_complete(), "{report:?}");
        let mut expected = vec![Started];
        expected.extend((0..1000).map(Handled));
        expected.extend([Stopped(StopReason::Shutdown), Dropped]);
        assert_eq!(log.all(), expected);
        let stats = subscription.stats();
        assert_eq!((stats.handled, stats.queued), (1000, 0));
        assert_adds_up(&subscription);
    });
}

#[test]
fn a_panic_ends_the_actor_and_nobody_else() {
    guarded(|| {
        let router = Router::<u32>::new();
        let log = Log::default();
        let hold = Hold::default();
        let stop = hold.clone();
        let actor = Noting::new(&log, move |event, _| {
            stop.stop_here();
            assert_ne!(*event.payload(), 2, "the third");
        });
        let subscription = dedicate(&router, actor);
        let other = Count::default();
        on_shard(&router, 0, Filter::exact(topic("A")))
            .handler(other.handler())
            .unwrap();
        publish_all(&router, 0..10);
        wait_until(|| other.get() == 10);
        hold.release();
        wait_until(|| log.all().contains(&Dropped));
        let reason = Stopped(StopReason::Panicked);
        assert_eq!(
            log.all(),
            [Started, Handled(0), Handled(1), Handled(2), reason, Dropped]
        );
        wait_until(|| router.subscriptions().len() == 1);
        publish_all(&router, [10]);
        wait_until(|| other.get() == 11);
        wait_until(|| subscription.stats().queued == 0);
        let stats = subscription.stats();
        assert_eq!((stats.handled, stats.dropped.stopped), (3, 7));
        assert_eq!(stats.panics, 1);
        assert_adds_up(&subscription);
        assert_eq!(router.stats().total().panics, 1);
    });
}

#[test]
fn it_hears_of_a_gap_where_the_gap_is() {
    guarded(|| {
        let router = Router::<u32>::new();
        let log = Log::default();
        let hold = Hold::default();
        let stop = hold.clone();
        let actor = Noting::new(&log, move |_, _| stop.stop_here());
        let subscription = on_shard(&router, 0, Filter::exact(topic("A")))
            .mailbox(4, Overflow::DropNewest)
            .dedicated(actor)
            .unwrap();
        publish_all(&router, [0]);
        hold.wait_for_arrival();
        publish_all(&router, 1..10);
        wait_until(|| subscription.stats().matched == 10);
        hold.release();
        wait_until(|| subscription.stats().queued == 0);
        publish_all(&router, [10]);
        wait_until(|| log.all().contains(&Handled(10)));
        let lost = subscription.stats().dropped.newest;
        let mut expected = vec![Started];
        expected.extend((0..10 - lost as u32).map(Handled));
        expected.extend([Lagged(lost), Handled(10)]);
        assert_eq!(log.all(), expected);
        assert!(lost >= 5, "a mailbox of 4 takes no more than 4");
        wait_until(|| subscription.stats().queued == 0);
        assert_adds_up(&subscription);
    });
}

#[test]
fn it_may_end_itself() {
    guarded(|| {
        let router = Router::<u32>::new();
        let log = Log::default();
        let actor = Noting::new(&log, |event, ctx| {
            if *event.payload() == 3 {
                ctx.stop();
            }
        });
        let subscription = dedicate(&router, actor);
        publish_all(&router, 0..10);
        wait_until(|| log.all().contains(&Dropped));
        let mut expected = vec![Started];
        expected.extend((0..4).map(Handled));
        expected.extend([Stopped(StopReason::Stopped), Dropped]);
        assert_eq!(log.all(), expected);
        wait_until(|| router.subscriptions().is_empty());
        assert!(subscription.has_ended());
        wait_until(|| subscription.stats().queued == 0);
        assert_adds_up(&subscription);
    });
}

/// G10: what finds no room comes back.
#[test]
fn it_publishes_from_its_handler() {
    guarded(|| {
        let router = Router::<u32>::new();
        let log = Log::default();
        let actor = Noting::new(&log, |event, ctx| {
            let mut answer = *event.payload();
            while let Err(error) = ctx.publish(topic("ANSWER"), answer) {
                assert!(matches!(error, PublishError::Full(_)));
                answer = error.into_payload();
                thread::yield_now();
            }
        });
        dedicate(&router, actor);
        let answers = Log::default();
        on_shard(&router, 0, Filter::exact(topic("ANSWER")))
            .handler(answers.handler())
            .unwrap();
        publish_all(&router, 0..1000);
        wait_until(|| answers.len() == 1000);
        assert_eq!(answers.all(), (0..1000).collect::<Vec<_>>());
    });
}

#[test]
fn each_publisher_s_events_stay_in_order() {
    const EACH: u32 = 10_000;
    guarded(|| {
        let router = Router::<u32>::new();
        let log = Log::default();
        let noting = log.clone();
        on_shard(&router, 0, Filter::exact(topic("A")))
            .dedicated(move |event: &Event<u32>| noting.push(*event.payload()))
            .unwrap();
        let publishing = [0, EACH].map(|first| {
            let mut publisher = router.publisher();
            thread::spawn(move || {
                for payload in first..first + EACH {
                    publisher.publish(topic("A"), payload).unwrap();
                }
            })
        });
        for thread in publishing {
            thread.join().unwrap();
        }
        assert!(router.shutdown(FOREVER).is_complete());
        let (low, high): (Vec<u32>, Vec<u32>) = log.all().into_iter().partition(|&p| p < EACH);
        assert_eq!(low, (0..EACH).collect::<Vec<_>>());
        assert_eq!(high, (EACH..2 * EACH).collect::<Vec<_>>());
    });
}
