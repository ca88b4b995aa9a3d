//! Row 12: user code that panics wherever it can hurts nobody else, and each panic is counted.

use crate::common::{FOREVER, Random, assert_adds_up, assert_all_add_up, on_shard, topic};
use crate::stage::{Held, Load, Stage, Verdict, lock};
use laneway::{
    Actor, Context, Event, Filter, OnPanic, Overflow, Pinning, Published, Router, StopReason,
    Subscription,
};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

pub(crate) const LOAD: Load = Load {
    name: "panics",
    rows: "12",
    invariant: "panics counted == injected, but for payloads that dedicated actors leave behind; bystanders on every shard get all in order; sums hold; every thread joins",
    run,
};

/// Where user code panics.
#[derive(Clone, Copy, Debug)]
enum Place {
    Handle,
    Lagged,
    Predicate,
    Factory,
    Started,
    Stopped,
    ActorDrop,
    PayloadDrop,
    PayloadClone,
}

const PLACES: usize = Place::PayloadClone as usize + 1;

/// Decides who panics, and counts.
struct Faults {
    injected: [AtomicU64; PLACES],
    asked: AtomicU64,
    seed: u64,
    /// One of so many.
    rate: u64,
}

/// A panic payload that panics when it is dropped. Without size, so that what is leaked of these is no memory.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        resume_unwind(Box::new(()));
    }
}

impl Faults {
    /// Panics now and then, without a message, and not while another panic passes through.
    fn maybe(&self, place: Place) {
        if thread::panicking() {
            return;
        }
        let asked = self.asked.fetch_add(1, Ordering::Relaxed);
        let mut random = Random::from_seed(self.seed ^ asked);
        let (panics, is_bomb) = (random.next().is_multiple_of(self.rate), random.flip());
        // It would speak of its seed in a panic.
        drop(random);
        if panics {
            self.injected[place as usize].fetch_add(1, Ordering::Relaxed);
            match is_bomb {
                true => resume_unwind(Box::new(Bomb)),
                false => resume_unwind(Box::new("asked for")),
            }
        }
    }
}

struct Fragile {
    number: u64,
    faults: Arc<Faults>,
}

impl Clone for Fragile {
    fn clone(&self) -> Self {
        self.faults.maybe(Place::PayloadClone);
        Fragile {
            number: self.number,
            faults: Arc::clone(&self.faults),
        }
    }
}

impl Drop for Fragile {
    fn drop(&mut self) {
        self.faults.maybe(Place::PayloadDrop);
    }
}

struct Victim(Arc<Faults>);

impl Actor<Fragile> for Victim {
    fn handle(&mut self, _: &Event<Fragile>, _: &mut Context<'_, Fragile>) {
        self.0.maybe(Place::Handle);
    }

    fn lagged(&mut self, _: u64, _: &mut Context<'_, Fragile>) {
        self.0.maybe(Place::Lagged);
    }

    fn started(&mut self, _: &mut Context<'_, Fragile>) {
        self.0.maybe(Place::Started);
    }

    fn stopped(&mut self, _: StopReason) {
        self.0.maybe(Place::Stopped);
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        self.0.maybe(Place::ActorDrop);
    }
}

/// What one on each shard saw: how many, and the last.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<(u64, u64)>>);

fn bystander(seen: &Seen, verdict: &Verdict) -> impl FnMut(&Event<Fragile>) + Send + 'static {
    let (seen, verdict) = (seen.clone(), verdict.clone());
    move |event| {
        let number = event.payload().number;
        let (count, last) = &mut *lock(&seen.0);
        verdict.check(number > *last, || format!("{number} came after {last}"));
        (*count, *last) = (*count + 1, number);
    }
}

fn add_victim(
    router: &Router<Fragile>,
    shards: usize,
    random: &mut Random,
    faults: &Arc<Faults>,
    may_be_dedicated: bool,
) -> Subscription {
    let overflow = random.pick(&[
        Overflow::Block,
        Overflow::DropNewest,
        Overflow::DropOldest,
        Overflow::KeepLatest,
    ]);
    let builder = on_shard(
        router,
        random.below(shards),
        Filter::exact(topic("FRAGILE")),
    )
    .mailbox(1 + random.below(20), overflow)
    .budget(1 + random.below(20) as u32)
    .on_panic(random.pick(&[OnPanic::Stop, OnPanic::Resume]));
    let (asked, made) = (Arc::clone(faults), Arc::clone(faults));
    let builder = match random.flip() {
        true => builder.when(move |_| {
            asked.maybe(Place::Predicate);
            true
        }),
        false => builder,
    };
    match random.below(5) {
        0 if may_be_dedicated => builder.dedicated(Victim(made)),
        1 | 2 => builder
            .restarts(usize::MAX, Duration::MAX)
            .actor_with(move || {
                made.maybe(Place::Factory);
                Victim(Arc::clone(&made))
            }),
        _ => builder.actor(Victim(made)),
    }
    .unwrap()
}

/// What there was in one round.
struct Round {
    by_place: [u64; PLACES],
    accepted: u64,
    uncounted: u64,
}

/// One router, its victims and what they do.
fn one_round(stage: &mut Stage) -> Round {
    let verdict = stage.verdict.clone();
    let random = &mut stage.random;
    let shards = 1 + random.below(3);
    let has_dedicated = random.flip();
    let faults = Arc::new(Faults {
        injected: Default::default(),
        asked: AtomicU64::new(0),
        seed: random.next(),
        rate: random.pick(&[3, 30, 300]),
    });
    let router = Router::<Fragile>::builder()
        .shards(shards)
        .lane_capacity(random.pick(&[1, 8, 256]))
        .pinning(Pinning::Off)
        .shutdown_timeout(FOREVER)
        .build()
        .unwrap();
    let bystanders: Vec<_> = (0..shards)
        .map(|shard| {
            let seen = Seen::default();
            on_shard(&router, shard, Filter::exact(topic("FRAGILE")))
                .handler(bystander(&seen, &verdict))
                .unwrap();
            seen
        })
        .collect();
    let mut publisher = router.publisher();
    let mut victims: Vec<Subscription> = Vec::new();
    // On the publisher's thread a panic is the publisher's: it sees it, and the router does not count it.
    let (mut accepted, mut own) = (0, 0);
    for number in 1..=2000 {
        if random.below(20) == 0 {
            victims.push(add_victim(&router, shards, random, &faults, has_dedicated));
        }
        if !victims.is_empty() && random.below(40) == 0 {
            // It may have ended by itself.
            let _ = random.pick(&victims[..]).unsubscribe();
        }
        let payload = Fragile {
            number,
            faults: Arc::clone(&faults),
        };
        let publish = AssertUnwindSafe(|| publisher.publish(topic("FRAGILE"), payload));
        match catch_unwind(publish) {
            Ok(published) => {
                assert!(matches!(published, Ok(Published::Routed)));
                accepted += 1;
            }
            Err(panic) => {
                own += 1;
                // It may be one that panics again.
                if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
                    std::mem::forget(again);
                }
            }
        }
    }
    router.flush().unwrap();
    let dedicated_live = victims.iter().filter(|victim| !victim.has_ended()).count();
    for seen in &bystanders {
        assert_eq!(lock(&seen.0).0, accepted, "a bystander missed some");
    }
    drop(publisher);
    let report = router.shutdown(FOREVER);
    assert!(report.is_complete(), "{report:?}");
    assert!(
        (shards..=shards + dedicated_live).contains(&report.joined),
        "{report:?}"
    );
    for victim in &victims {
        assert_adds_up(victim.stats());
        assert_eq!(victim.stats().queued, 0);
    }
    assert_all_add_up(&router, 0);
    let by_place = (faults.injected.each_ref()).map(|count| count.load(Ordering::Relaxed));
    let injected: u64 = by_place.iter().sum();
    let counted = router.stats().total().panics + own;
    // Payloads that an actor on a thread of its own leaves behind are dropped uncounted: their panics are contained, but not
    // counted either.
    let uncounted = match has_dedicated {
        true => by_place[Place::PayloadDrop as usize],
        false => 0,
    };
    assert!(
        (injected - uncounted..=injected).contains(&counted),
        "{counted} counted, {own} of them the publisher's own; {by_place:?}"
    );
    Round {
        by_place,
        accepted,
        uncounted: injected - counted,
    }
}

fn run(stage: &mut Stage) -> Held {
    let (mut rounds, mut all, mut events, mut uncounted) = (0, [0; PLACES], 0, 0);
    while stage.goes_on() {
        stage.step(format!("round {rounds}"));
        let round = one_round(stage);
        (0..PLACES).for_each(|place| all[place] += round.by_place[place]);
        events += round.accepted;
        uncounted += round.uncounted;
        rounds += 1;
    }
    let [
        handle,
        lagged,
        predicate,
        factory,
        started,
        stopped,
        actor,
        payload,
        clone,
    ] = all;
    Held {
        load: format!("{rounds} routers, {events} events"),
        faults: format!(
            "panics: {handle} in handle, {lagged} lagged, {predicate} predicates, {factory} factories, {started} started, \
             {stopped} stopped, {actor} Drop, {payload} payload Drop ({uncounted} uncounted, left behind by dedicated actors), {clone} payload Clone"
        ),
    }
}
