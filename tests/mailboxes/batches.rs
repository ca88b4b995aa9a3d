//! Batches from a mailbox: what is in one, and what becomes of the rest of it.

use super::common::{Hold, Log, assert_sums, guarded, holding, on_shard, topic};
use super::{handled, queued, router, setup, with_mailbox};
use laneway::{
    Actor, Batch, Context, Event, Filter, OnPanic, Overflow, Router, Subscription, Suspend, Wait,
};
use std::sync::{Arc, OnceLock};

/// Notes each batch as a list, and each gap as the largest number and its own.
struct Batches {
    log: Log<Vec<u64>>,
    /// Of each batch it takes so many.
    takes: usize,
}

impl Actor<u64> for Batches {
    fn handle(&mut self, _: &Event<u64>, _: &mut Context<'_, u64>) {
        unreachable!("it takes batches");
    }

    fn handle_batch(&mut self, batch: Batch<'_, u64>, _: &mut Context<'_, u64>) {
        let mut types = Vec::new();
        let taken = batch.take(self.takes).map(|event| {
            types.push(event.topic().event_type());
            *event.payload()
        });
        self.log.push(taken.collect());
        types.dedup();
        assert_eq!(types.len(), 1, "one class in a batch");
    }

    fn lagged(&mut self, missed: u64, _: &mut Context<'_, u64>) {
        self.log.push(vec![u64::MAX, missed]);
    }
}

/// Lets events of these types wait, and gives back the batches in which they are handed over, and how many were discarded.
fn batches(types: &[&str], takes: usize, budget: u32) -> (Vec<Vec<u64>>, u64) {
    let router = router();
    let log = Log::default();
    let actor = Batches {
        log: log.clone(),
        takes,
    };
    let builder = with_mailbox(&router, Filter::any(), 1000, Overflow::Block).budget(budget);
    let subscription = builder.actor(actor).unwrap();
    subscription.suspend(Suspend::Queue).unwrap();
    for (number, event_type) in (0..).zip(types) {
        router.publish(topic(event_type), number).unwrap();
    }
    router.flush().unwrap();
    subscription.resume().unwrap();
    router.flush().unwrap();
    let discarded = subscription.stats().discarded;
    assert_sums(&router, &[subscription]);
    (log.all(), discarded)
}

#[test]
fn a_batch_has_one_class() {
    guarded(|| {
        let types = ["A", "A", "B", "B", "B", "A"];
        let (seen, discarded) = batches(&types, usize::MAX, 1024);
        assert_eq!(seen, [vec![0, 1], vec![2, 3, 4], vec![5]]);
        assert_eq!(discarded, 0);
    });
}

#[test]
fn a_batch_is_no_longer_than_a_run_or_the_budget() {
    guarded(|| {
        let (seen, _) = batches(&["A"; 100], usize::MAX, 1024);
        assert_eq!(seen, [Vec::from_iter(0..64), Vec::from_iter(64..100)]);
        let (seen, _) = batches(&["A"; 7], usize::MAX, 3);
        assert_eq!(seen, [vec![0, 1, 2], vec![3, 4, 5], vec![6]]);
        // What is left of a turn goes to the next class.
        let types = ["A", "A", "B", "B", "B", "A"];
        let (seen, _) = batches(&types, usize::MAX, 3);
        assert_eq!(seen, [vec![0, 1], vec![2], vec![3, 4], vec![5]]);
    });
}

#[test]
fn what_a_batch_handler_leaves_is_discarded() {
    guarded(|| {
        let (seen, discarded) = batches(&["A"; 10], 3, 1024);
        assert_eq!((seen, discarded), (vec![vec![0, 1, 2]], 7));
        let (seen, discarded) = batches(&["A", "A", "A", "B", "B"], 1, 1024);
        assert_eq!((seen, discarded), (vec![vec![0], vec![3]], 3));
        let (seen, discarded) = batches(&["A"; 10], 3, 5);
        assert_eq!((seen, discarded), (vec![vec![0, 1, 2], vec![5, 6, 7]], 4));
    });
}

#[test]
fn a_batch_ends_before_a_gap() {
    guarded(|| {
        let router = router();
        let log = Log::default();
        let actor = Batches {
            log: log.clone(),
            takes: usize::MAX,
        };
        let builder = with_mailbox(&router, Filter::any(), 8, Overflow::KeepLatest);
        let subscription = builder.actor(actor).unwrap();
        subscription.suspend(Suspend::Queue).unwrap();
        for (number, resource) in (0..).zip([0_u64, 1, 2, 3, 2, 2]) {
            let topic = topic("A").with_resource(resource);
            router.publish(topic, number).unwrap();
        }
        router.flush().unwrap();
        subscription.resume().unwrap();
        router.flush().unwrap();
        assert_eq!(log.all(), [vec![0, 1], vec![u64::MAX, 2], vec![5, 3]]);
        assert_sums(&router, &[subscription]);
    });
}

/// An actor that does something to its own subscription at each event whose number is a multiple of 10. It notes them all.
fn add_with_itself(
    router: &Router<u64>,
    budget: u32,
    act: fn(&Subscription),
) -> (Subscription, Log<u64>) {
    let log = Log::default();
    let itself: Arc<OnceLock<Subscription>> = Arc::default();
    let builder = with_mailbox(router, Filter::exact(topic("T")), 1000, Overflow::Block);
    let (seen, me) = (log.clone(), Arc::clone(&itself));
    let subscription = builder
        .budget(budget)
        .handler(move |event: &Event<u64>| {
            seen.push(*event.payload());
            if event.payload().is_multiple_of(10) {
                act(me.get().expect("it is set before anything is published"));
            }
        })
        .unwrap();
    itself.set(subscription.clone()).unwrap();
    (subscription, log)
}

fn publish(router: &Router<u64>, count: u64) {
    for number in 1..=count {
        router.publish(topic("T"), number).unwrap();
    }
    router.flush().unwrap();
}

#[test]
fn suspension_in_the_middle_of_a_batch_keeps_the_rest() {
    guarded(|| {
        for budget in [1, 7, 1024] {
            let router = router();
            let suspend = |me: &Subscription| me.suspend(Suspend::Queue).unwrap();
            let (subscription, log) = add_with_itself(&router, budget, suspend);
            // First straight from the lane, or from the mailbox if the budget says so; then from the mailbox.
            publish(&router, 95);
            for tens in 1..10 {
                assert_eq!(handled(&subscription), tens * 10, "budget {budget}");
                assert_eq!(queued(&subscription), 95 - tens * 10);
                subscription.resume().unwrap();
                router.flush().unwrap();
            }
            assert!(log.all().into_iter().eq(1..=95));
            assert_sums(&router, &[subscription]);
        }
    });
}

#[test]
fn a_neighbour_can_suspend_it_in_the_middle_of_a_run() {
    guarded(|| {
        let router = router();
        let (subscription, log) = add_with_itself(&router, 1024, |_| ());
        let other = subscription.clone();
        let neighbour = on_shard(&router, 0, Filter::exact(topic("STOP")))
            .handler(move |_| other.suspend(Suspend::Queue).unwrap())
            .unwrap();
        let mut publisher = router.publisher();
        let mixed = (1..=20).map(|number| match number {
            8 => (topic("STOP"), number),
            _ => (topic("T"), number),
        });
        publisher.publish_batch(mixed).unwrap();
        router.flush().unwrap();
        assert_eq!((handled(&subscription), queued(&subscription)), (7, 12));
        subscription.resume().unwrap();
        router.flush().unwrap();
        assert!(log.all().into_iter().eq((1..=20).filter(|&it| it != 8)));
        assert_sums(&router, &[subscription, neighbour]);
    });
}

#[test]
fn an_actor_that_stops_within_a_batch_gets_no_more() {
    guarded(|| {
        let router = router();
        let log = Log::default();
        let seen = log.clone();
        let builder = with_mailbox(&router, Filter::any(), 1000, Overflow::Block);
        let subscription = builder
            .handler_ctx(move |event: &Event<u64>, ctx| {
                seen.push(*event.payload());
                if *event.payload() == 10 {
                    ctx.stop();
                }
            })
            .unwrap();
        subscription.suspend(Suspend::Queue).unwrap();
        publish(&router, 100);
        subscription.resume().unwrap();
        router.flush().unwrap();
        assert!(log.all().into_iter().eq(1..=10));
        let stats = subscription.stats();
        // It left the rest of its batch of 64; what was behind that it never saw.
        assert_eq!((stats.handled, stats.discarded), (10, 54));
        assert_eq!(stats.dropped.stopped, 36);
        assert_sums(&router, &[subscription]);
    });
}

#[test]
fn a_panic_within_a_batch_from_the_mailbox_costs_one_event_or_the_rest() {
    guarded(|| {
        for policy in [OnPanic::Resume, OnPanic::Stop] {
            let router = router();
            let log = Log::default();
            let seen = log.clone();
            let builder = with_mailbox(&router, Filter::any(), 1000, Overflow::Block);
            let subscription = builder
                .on_panic(policy)
                .handler(move |event: &Event<u64>| {
                    seen.push(*event.payload());
                    assert_ne!(*event.payload() % 10, 0, "as it should");
                })
                .unwrap();
            subscription.suspend(Suspend::Queue).unwrap();
            publish(&router, 100);
            subscription.resume().unwrap();
            router.flush().unwrap();
            let stats = subscription.stats();
            let last = match policy {
                OnPanic::Resume => 100,
                _ => 10,
            };
            assert!(log.all().into_iter().eq(1..=last), "{policy:?}");
            assert_eq!((stats.handled, stats.panics), (last, last / 10));
            assert_eq!(stats.dropped.stopped, 100 - last);
            assert_sums(&router, &[subscription]);
        }
    });
}

#[test]
fn what_goes_straight_to_an_actor_is_of_its_budget_too() {
    guarded(|| {
        // It polls on, so that the lane from the shard to itself keeps its place in front of the publisher's.
        let router: Router<u64> = setup().wait(Wait::Yield).build().unwrap();
        let log = Log::default();
        let (busy_log, quiet_log) = (log.clone(), log.clone());
        let builder = with_mailbox(&router, Filter::exact(topic("T")), 100, Overflow::Block);
        let busy = builder
            .budget(2)
            .handler_ctx(move |event: &Event<u64>, ctx| {
                busy_log.push(*event.payload());
                if *event.payload() == 1 {
                    ctx.publish(topic("QUIET"), 100).unwrap();
                }
            })
            .unwrap();
        let quiet = on_shard(&router, 0, Filter::exact(topic("QUIET")))
            .handler(move |event| quiet_log.push(*event.payload()))
            .unwrap();
        router.publish(topic("T"), 1).unwrap();
        router.flush().unwrap();
        router.flush().unwrap();
        assert_eq!(log.take(), [1, 100]);
        // The shard must see all of a batch at once: a turn that sees a part of it has a budget of its own.
        let hold = Hold::default();
        let held = on_shard(&router, 0, Filter::exact(topic("HOLD")))
            .handler(holding(&hold))
            .unwrap();
        let mut publisher = router.publisher();
        publisher.publish(topic("HOLD"), 0).unwrap();
        hold.wait_for_arrival();
        publisher
            .publish_batch((0..8).map(|number| (topic("T"), number)))
            .unwrap();
        hold.release();
        router.flush().unwrap();
        router.flush().unwrap();
        assert_eq!(log.all(), [0, 1, 100, 2, 3, 4, 5, 6, 7]);
        assert_sums(&router, &[busy, quiet, held]);
    });
}
