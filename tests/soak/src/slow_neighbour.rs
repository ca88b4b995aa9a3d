//! Row 8: an actor that sleeps on its own thread and a receiver nobody reads hurt only themselves, under every policy but
//! `Block`; an actor that sleeps on a shard is named.

use crate::common::{Count, FOREVER, Hold, assert_adds_up, holding, on_shard, topic, wait_until};
use crate::stage::{Held, Load, Stage, lock};
use hdrhistogram::Histogram;
use laneway::{Event, Filter, Overflow, Pinning, Router, Subscription};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

pub(crate) const LOAD: Load = Load {
    name: "slow-neighbour",
    rows: "8",
    invariant: "the fast ones get all in order; with each policy the median of their p99 ≤ 2 × that of the same run without slow ones; who sleeps on a shard is named",
    run,
};

const FAST: usize = 15;
const CAPACITY: usize = 64;
/// From so many rounds on, noise evens out and the p99 is judged.
const ENOUGH: usize = 100;
/// In one phase, and between two events: so few that nothing waits for long anyway.
const EVENTS: u64 = 1000;
const PAUSE: Duration = Duration::from_micros(20);
/// How long the slow one sleeps over each event.
const NAP: Duration = Duration::from_millis(2);

/// Its number, and when it was published.
type Stamped = (u64, Instant);

/// The last of the fast ones notes how long events took.
fn add_fast(
    stage: &Stage,
    router: &Router<Stamped>,
) -> (Vec<Subscription>, Arc<Mutex<Histogram<u64>>>) {
    let latency = Arc::new(Mutex::new(Histogram::new(3).expect("three digits")));
    let all = (0..FAST).map(|index| {
        let (verdict, mut next) = (stage.verdict.clone(), 0);
        let latency = (index == FAST - 1).then(|| Arc::clone(&latency));
        let handler = move |event: &Event<Stamped>| {
            let (number, at) = *event.payload();
            verdict.check(number == next, || {
                format!("{number} came instead of {next}")
            });
            next = number + 1;
            if let Some(latency) = &latency {
                let nanos = at.elapsed().as_nanos() as u64;
                lock(latency).record(nanos).expect("it resizes");
            }
        };
        on_shard(router, 0, Filter::any()).handler(handler).unwrap()
    });
    (all.collect(), latency)
}

/// Publishes one phase. Says the fast ones' p99 in nanoseconds.
fn phase(router: &Router<Stamped>, from: u64, latency: &Mutex<Histogram<u64>>) -> u64 {
    lock(latency).reset();
    let topics: [_; 8] = std::array::from_fn(|id| topic("DATA").with_resource(id as u64));
    let mut publisher = router.publisher();
    for number in from..from + EVENTS {
        let at = Instant::now();
        publisher
            .publish(topics[number as usize % 8], (number, at))
            .unwrap();
        while at.elapsed() < PAUSE {
            std::hint::spin_loop();
        }
    }
    router.flush().unwrap();
    let latency = lock(latency);
    assert_eq!(latency.len(), EVENTS);
    latency.value_at_quantile(0.99)
}

const POLICIES: [Overflow; 3] = [
    Overflow::DropNewest,
    Overflow::DropOldest,
    Overflow::KeepLatest,
];

/// The p99 of each phase beside slow ones with one policy, and of those between them.
#[derive(Default)]
struct Phases {
    without: Vec<u64>,
    with: Vec<u64>,
}

impl Phases {
    fn ratio(&self) -> f64 {
        let median = |of: &[u64]| {
            let mut of = of.to_vec();
            of.sort_unstable();
            of.get(of.len() / 2).map_or(f64::NAN, |&nanos| nanos as f64)
        };
        median(&self.with) / median(&self.without)
    }
}

/// With the policy that fares worst.
fn worst(phases: &[Phases; 3]) -> f64 {
    phases.iter().map(Phases::ratio).fold(0.0, f64::max)
}

/// A shard actor that sleeps is counted under its name, and nobody else is.
fn the_sleeper_is_named() {
    let router = Router::<Stamped>::builder()
        .shards(1)
        .pinning(Pinning::Off)
        // Far longer than a call that waits for a CPU.
        .stall_after(Duration::from_millis(200))
        .shutdown_timeout(FOREVER)
        .build()
        .unwrap();
    let hold = Hold::default();
    let builder = on_shard(&router, 0, Filter::any()).named("sleeper");
    let sleeper = builder.handler(holding(&hold)).unwrap();
    let other = on_shard(&router, 0, Filter::any()).handler(|_| ()).unwrap();
    router.publish(topic("DATA"), (0, Instant::now())).unwrap();
    hold.wait_for_arrival();
    // It is named while it sleeps.
    wait_until(|| sleeper.stats().stalls == 1);
    hold.release();
    router.flush().unwrap();
    assert_eq!((sleeper.stats().stalls, other.stats().stalls), (1, 0));
    let named = router
        .subscriptions()
        .into_iter()
        .find(|info| info.stats.stalls > 0);
    assert_eq!(named.and_then(|info| info.name).as_deref(), Some("sleeper"));
}

fn run(stage: &mut Stage) -> Held {
    let mut phases = <[Phases; 3]>::default();
    let (mut naps, mut lost, mut named) = (0, 0, 0);
    while stage.goes_on() {
        stage.step("a sleeper on a shard");
        the_sleeper_is_named();
        named += 1;
        let router = Router::<Stamped>::builder()
            .shards(1)
            .pinning(Pinning::Off)
            .shutdown_timeout(FOREVER)
            .build()
            .unwrap();
        stage.watch(&router);
        let (fast, latency) = add_fast(stage, &router);
        let mut sent = 0;
        for (overflow, phases) in POLICIES.into_iter().zip(&mut phases) {
            stage.step(format!("slow ones with {overflow:?}"));
            phases.without.push(phase(&router, sent, &latency));
            let napped = Count::default();
            let counted = napped.clone();
            let builder = on_shard(&router, 0, Filter::any()).mailbox(CAPACITY, overflow);
            let slow = builder.dedicated(move |_: &Event<Stamped>| {
                counted.add();
                thread::sleep(NAP);
            });
            let slow = slow.unwrap();
            let builder = on_shard(&router, 0, Filter::any()).mailbox(CAPACITY, overflow);
            let unread = builder.receiver().unwrap();
            phases.with.push(phase(&router, sent + EVENTS, &latency));
            sent += 2 * EVENTS;
            for behind in [&slow, unread.subscription()] {
                let stats = behind.stats();
                assert_eq!(stats.matched, EVENTS);
                // Under some policies one event lies ready beside the mailbox.
                assert!(stats.queued <= CAPACITY as u64 + 1, "{stats:?}");
                assert!(
                    stats.dropped.total() > 0,
                    "it was to fall behind: {stats:?}"
                );
                lost += stats.dropped.total();
            }
            slow.unsubscribe().unwrap();
            assert_adds_up(slow.stats());
            assert_eq!(slow.stats().handled, napped.get() as u64);
            naps += napped.get();
            drop(unread);
        }
        for fast in fast {
            let stats = fast.stats();
            assert_eq!((stats.matched, stats.handled), (sent, sent), "{stats:?}");
        }
        assert!(router.shutdown(FOREVER).is_complete());
    }
    let ratio = worst(&phases);
    let pairs: usize = phases.iter().map(|phases| phases.with.len()).sum();
    let is_judged = named >= ENOUGH;
    (stage.verdict).check(!is_judged || ratio <= 2.0, || {
        format!("the p99 rises {ratio:.2} times")
    });
    Held {
        load: format!(
            "{pairs} pairs of phases, {EVENTS} events to {FAST} fast actors each; p99 ratio {ratio:.2} with the worst policy{}",
            if is_judged {
                ""
            } else {
                ", not judged in so short a time"
            }
        ),
        faults: format!(
            "{naps} naps of {NAP:?}, {lost} events lost to slow ones, {named} sleepers on a shard"
        ),
    }
}
