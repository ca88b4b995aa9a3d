//! G9: a panic of user code ends its actor, and nobody else notices.

mod common;

use common::{Count, Log, Random, guarded, on_shard, rounds, setups, sweep, topic};
use laneway::{
    Actor, Batch, Context, Event, Filter, Published, Router, StopReason, Subscription, Topic,
};
use std::panic::panic_any;

/// Where user code can panic on a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Handle,
    /// Before anything is taken from the batch.
    HandleBatch,
    /// In the middle of a batch.
    WithinBatch,
    Started,
    Stopped,
    Drop,
    /// In `handle`, with a panic payload that panics again when it is dropped.
    PanicPayload,
    /// In `handle`, then in `stopped`, then in Drop.
    Everywhere,
}

const PLACES: [Place; 8] = [
    Place::Handle,
    Place::HandleBatch,
    Place::WithinBatch,
    Place::Started,
    Place::Stopped,
    Place::Drop,
    Place::PanicPayload,
    Place::Everywhere,
];

impl Place {
    /// How many panics one actor comes to.
    fn panics(self) -> u64 {
        if self == Place::Everywhere { 3 } else { 1 }
    }

    /// Whether an event sets it off. If not, unsubscribing does, or being started.
    fn needs_an_event(self) -> bool {
        !matches!(self, Place::Started | Place::Stopped | Place::Drop)
    }
}

/// Panics at its place.
struct Faulty {
    place: Place,
    stopped: Log<StopReason>,
}

/// A panic payload that panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic_any(SecondBomb);
    }
}

/// And so does what it panics with.
struct SecondBomb;

impl Drop for SecondBomb {
    fn drop(&mut self) {
        panic!("and that is the last one");
    }
}

impl Actor<u64> for Faulty {
    fn handle(&mut self, event: &Event<u64>, _: &mut Context<'_, u64>) {
        match self.place {
            Place::Handle | Place::Everywhere => panic!("asked for by {event:?}"),
            Place::PanicPayload => panic_any(Bomb),
            _ => {}
        }
    }

    fn handle_batch(&mut self, mut batch: Batch<'_, u64>, ctx: &mut Context<'_, u64>) {
        assert_ne!(self.place, Place::HandleBatch, "asked for");
        if self.place == Place::WithinBatch {
            batch.next();
            panic!("asked for");
        }
        batch.for_each(|event| self.handle(event, ctx));
    }

    fn started(&mut self, _: &mut Context<'_, u64>) {
        assert_ne!(self.place, Place::Started, "asked for");
    }

    fn stopped(&mut self, reason: StopReason) {
        self.stopped.push(reason);
        let panics = matches!(self.place, Place::Stopped | Place::Everywhere);
        assert!(!panics, "asked for");
    }
}

impl Drop for Faulty {
    fn drop(&mut self) {
        let panics = matches!(self.place, Place::Drop | Place::Everywhere);
        assert!(!panics, "asked for");
    }
}

/// Subscribes an actor that panics, lets it do so, and looks at what is left of it.
fn let_it_panic(router: &Router<u64>, topic: Topic, shard: usize, place: Place) -> Subscription {
    let stopped = Log::default();
    let log = stopped.clone();
    let faulty = Faulty { place, stopped };
    let builder = router
        .subscription()
        .filter(Filter::exact(topic))
        .named("faulty");
    let subscription = builder.shard(shard).actor(faulty).unwrap();
    router
        .publisher()
        .publish_batch((0..20).map(|number| (topic, number)))
        .unwrap();
    router.flush().unwrap();
    let ended_by_itself = place.needs_an_event() || place == Place::Started;
    assert_eq!(
        subscription.unsubscribe().is_err(),
        ended_by_itself,
        "{place:?}"
    );
    let reason = match ended_by_itself {
        true => StopReason::Panicked,
        false => StopReason::Unsubscribed,
    };
    assert_eq!(log.all(), [reason], "{place:?}");

    let stats = subscription.stats();
    assert_eq!(stats.panics, place.panics(), "{place:?}");
    let counted = stats.handled + stats.discarded + stats.dropped.total() + stats.queued;
    assert_eq!((stats.matched, stats.queued), (counted, 0), "{place:?}");
    match place {
        Place::Started => assert_eq!(stats.matched, 0),
        // The batch is lost with its actor, and counted.
        Place::HandleBatch => {
            assert_eq!((stats.handled, stats.dropped.stopped), (0, stats.matched))
        }
        Place::Stopped | Place::Drop => assert_eq!((stats.handled, stats.dropped.stopped), (20, 0)),
        // The event that set it off counts as handled.
        _ => assert_eq!(
            (stats.handled, stats.dropped.stopped),
            (1, stats.matched - 1)
        ),
    }
    subscription
}

#[test]
fn row_12_others_get_everything_and_the_counters_add_up() {
    guarded(|| {
        sweep(|setup| {
            let router: Router<u64> = setup.router();
            let topic = topic("FAULTY");
            let bystanders: Vec<Log<u64>> = (0..setup.shards * 2)
                .map(|index| {
                    let log = Log::default();
                    on_shard(&router, index / 2, Filter::exact(topic))
                        .handler(log.handler())
                        .unwrap();
                    log
                })
                .collect();
            let mut panics = 0;
            for shard in 0..setup.shards {
                for place in PLACES {
                    let_it_panic(&router, topic, shard, place);
                    panics += place.panics();
                    // Each of them is whole, and in order.
                    for log in &bystanders {
                        assert!(log.take().into_iter().eq(0..20), "{place:?}");
                    }
                }
            }
            let total = router.stats().total();
            assert_eq!(total.panics, panics);
            assert_eq!(
                total.matched,
                total.handled + total.discarded + total.dropped.total()
            );
            assert_eq!(router.subscriptions().len(), bystanders.len());
            assert!(router.shutdown(common::FOREVER).is_complete());
        });
    });
}

#[test]
fn publishers_see_that_the_interest_is_gone() {
    guarded(|| {
        for place in PLACES {
            let router = Router::<u64>::builder().shards(2).build().unwrap();
            let topic = topic("GONE");
            let_it_panic(&router, topic, 1, place);
            let mut publisher = router.publisher();
            assert!(!publisher.is_interested(topic), "{place:?}");
            assert_eq!(publisher.publish(topic, 0), Ok(Published::Unmatched));
            assert!(router.subscriptions().is_empty());
            assert!(router.explain(topic).is_empty());
            // Its name and its seat are free: there can be another one.
            let_it_panic(&router, topic, 1, place);
        }
    });
}

#[test]
fn row_12_many_panics_among_many_events_are_each_counted() {
    guarded(|| {
        let mut random = Random::new();
        let setups = setups();
        let setup = random.pick(&setups);
        let router: Router<u64> = setup.router();
        let topic = topic("STORM");
        let bystander = Log::default();
        router
            .subscribe(Filter::exact(topic), bystander.handler())
            .unwrap();
        let mut panics = 0;
        let rounds = rounds(300);
        for _ in 0..rounds {
            let place = random.pick(&PLACES);
            let shard = random.below(setup.shards);
            let_it_panic(&router, topic, shard, place);
            panics += place.panics();
        }
        assert_eq!(router.stats().total().panics, panics);
        assert_eq!(bystander.len(), rounds * 20);
        assert!(router.shutdown(common::FOREVER).is_complete());
    });
}

/// A payload that panics when it is dropped, and counts that it was.
struct Fragile {
    panics: bool,
    drops: Count,
}

impl Clone for Fragile {
    fn clone(&self) -> Self {
        Fragile {
            panics: self.panics,
            drops: self.drops.clone(),
        }
    }
}

impl Drop for Fragile {
    fn drop(&mut self) {
        self.drops.add();
        assert!(!self.panics, "asked for");
    }
}

#[test]
fn row_12_a_payload_that_panics_in_drop_is_dropped_once_and_harms_nobody() {
    guarded(|| {
        sweep(|setup| {
            let router: Router<Fragile> = setup.router();
            let topic = topic("FRAGILE");
            let (drops, handled) = (Count::default(), Count::default());
            for shard in 0..setup.shards {
                on_shard(&router, shard, Filter::exact(topic))
                    .handler(handled.handler())
                    .unwrap();
            }
            let mut publisher = router.publisher();
            for number in 0..300 {
                let panics = number % 3 == 0;
                let payload = Fragile {
                    panics,
                    drops: drops.clone(),
                };
                assert!(matches!(
                    publisher.publish(topic, payload),
                    Ok(Published::Routed)
                ));
            }
            router.flush().unwrap();
            assert_eq!(handled.get(), 300 * setup.shards);
            assert_eq!(drops.get(), 300 * setup.shards);
            assert_eq!(router.stats().total().panics, 100 * setup.shards as u64);
            assert_eq!(router.subscriptions().len(), setup.shards);
            assert!(router.shutdown(common::FOREVER).is_complete());
        });
    });
}

#[test]
fn actors_that_panic_while_the_router_shuts_down_hold_nobody_up() {
    guarded(|| {
        sweep(|setup| {
            let router: Router<u64> = setup.router();
            let topic = topic("LAST");
            let stopped = Log::default();
            for shard in 0..setup.shards {
                for place in PLACES {
                    let faulty = Faulty {
                        place,
                        stopped: stopped.clone(),
                    };
                    on_shard(&router, shard, Filter::exact(topic))
                        .actor(faulty)
                        .unwrap();
                }
            }
            router.publish(topic, 0).unwrap();
            let report = router.shutdown(common::FOREVER);
            assert!(report.is_complete());
            assert_eq!(report.joined, setup.shards);
            assert_eq!(stopped.len(), setup.shards * PLACES.len());
            let panics: u64 = PLACES.iter().map(|place| place.panics()).sum();
            assert_eq!(router.stats().total().panics, panics * setup.shards as u64);
        });
    });
}
