//! Panics of all kinds at random.

use super::*;

/// What an event brings about.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    Handler,
    Predicate,
    PanicPayload,
    PayloadDrop,
    ThenStopped,
    ThenDrop,
    ThenStarted,
    ThenFactory,
}

const FAULTS: [Fault; 9] = [
    Fault::None,
    Fault::Handler,
    Fault::Predicate,
    Fault::PanicPayload,
    Fault::PayloadDrop,
    Fault::ThenStopped,
    Fault::ThenDrop,
    Fault::ThenStarted,
    Fault::ThenFactory,
];

#[derive(Clone)]
struct Injected {
    number: Tracked<u64>,
    fault: Fault,
}

impl Drop for Injected {
    fn drop(&mut self) {
        assert!(self.fault != Fault::PayloadDrop, "asked for");
    }
}

/// A panic payload that panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("asked for");
    }
}

/// What panics next, beside the handler.
#[derive(Clone)]
struct Later(Arc<Mutex<Fault>>);

impl Later {
    fn take(&self, fault: Fault) -> bool {
        let mut next = self.0.lock().unwrap();
        let is_it = *next == fault;
        if is_it {
            *next = Fault::None;
        }
        is_it
    }

    fn set(&self, fault: Fault) {
        *self.0.lock().unwrap() = fault;
    }
}

struct Victim {
    later: Later,
    seen: Log<u64>,
}

impl Actor<Injected> for Victim {
    fn handle(&mut self, event: &Event<Injected>, _: &mut Context<'_, Injected>) {
        let Injected { number, fault } = event.payload();
        self.seen.push(number.value);
        match fault {
            Fault::None | Fault::PayloadDrop => return,
            Fault::PanicPayload => panic_any(Bomb),
            Fault::Handler => panic!("asked for"),
            _ => {}
        }
        self.later.set(*fault);
        panic!("asked for");
    }

    fn started(&mut self, _: &mut Context<'_, Injected>) {
        let panics = self.later.take(Fault::ThenStarted);
        assert!(!panics, "asked for");
    }

    fn stopped(&mut self, _: StopReason) {
        let panics = self.later.take(Fault::ThenStopped);
        assert!(!panics, "asked for");
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        let panics = self.later.take(Fault::ThenDrop);
        assert!(!panics, "asked for");
    }
}

/// Row 12.
#[test]
fn row_12_random_panics_are_counted_one_by_one_and_others_get_everything() {
    guarded(|| {
        let mut random = Random::new();
        let all = setups();
        let events = rounds(10_000) as u64 / all.len() as u64;
        for setup in &all {
            let tally = Tally::new();
            let router: Router<Injected> = setup.router();
            let topic = topic("STORM");
            let mut victims = Vec::new();
            for shard in 0..setup.shards {
                let later = Later(Arc::new(Mutex::new(Fault::None)));
                let seen = Log::default();
                let log = seen.clone();
                let make = move || {
                    let panics = later.take(Fault::ThenFactory);
                    assert!(!panics, "asked for");
                    Victim {
                        later: later.clone(),
                        seen: log.clone(),
                    }
                };
                let subscription = on_shard(&router, shard, Filter::exact(topic))
                    .when(|event| {
                        let panics = event.payload().fault == Fault::Predicate;
                        assert!(!panics, "asked for");
                        true
                    })
                    .budget(1 + random.below(20) as u32)
                    .restarts(usize::MAX, Duration::MAX)
                    .actor_with(make)
                    .unwrap();
                let bystander = Count::default();
                on_shard(&router, shard, Filter::exact(topic))
                    .handler(bystander.handler())
                    .unwrap();
                victims.push((subscription, seen, bystander));
            }
            let mut publisher = router.publisher();
            // Per shard: of the subscription, and of payloads' Drop.
            let (mut panics, mut restarts, mut refused, mut drops) = (0, 0, 0, 0);
            for number in 0..events {
                let fault = random.pick(&FAULTS);
                match fault {
                    Fault::None => {}
                    Fault::Predicate => {
                        panics += 1;
                        refused += 1;
                    }
                    Fault::PayloadDrop => drops += 1,
                    Fault::Handler | Fault::PanicPayload => {
                        panics += 1;
                        restarts += 1;
                    }
                    Fault::ThenStarted | Fault::ThenFactory => {
                        panics += 2;
                        restarts += 2;
                    }
                    Fault::ThenStopped | Fault::ThenDrop => {
                        panics += 2;
                        restarts += 1;
                    }
                }
                let number = tally.track(number);
                let published = publisher.publish(topic, Injected { number, fault });
                assert!(matches!(published, Ok(Published::Routed)));
            }
            router.flush().unwrap();
            let shards = setup.shards as u64;
            for (subscription, seen, bystander) in &victims {
                let stats = subscription.stats();
                assert_adds_up(stats);
                assert_eq!((stats.restarts, stats.queued), (restarts, 0), "{setup:?}");
                assert_eq!(stats.handled, events - refused);
                assert_eq!(seen.len() as u64, events - refused);
                assert!(seen.all().is_sorted_by(|a, b| a < b));
                // A payload that waited in its mailbox is dropped there, and its panic is the subscription's.
                assert!((panics..=panics + drops).contains(&stats.panics));
                assert_eq!(bystander.get() as u64, events);
            }
            let total = router.stats().total();
            assert_eq!(total.panics, (panics + drops) * shards, "{setup:?}");
            assert_eq!(total.restarts, restarts * shards);
            assert_all_add_up(&router, 0);
            drop(publisher);
            assert!(router.shutdown(common::FOREVER).is_complete());
            tally.assert_balanced();
        }
    });
}
