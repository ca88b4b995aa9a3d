//! Row 2: the interest table changes all the time while others publish. Each actor has, of each publisher, exactly the events
//! from one to another, and both ends lie where they must: within its subscribing, and within its unsubscribing.

mod common;

use common::{Random, SpinBarrier, guarded, on_shard, rounds, topic};
use laneway::{Event, Filter, Router, Subscription, Topic};
use std::array::from_fn;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

const PUBLISHERS: usize = 4;
const CHANGERS: usize = 2;
const SHARDS: usize = 2;

/// The publisher, and its how many-eth event, counted from 1.
type Numbered = (usize, u64);

/// How far each publisher is: how many publishes it has begun, and how many have returned.
#[derive(Default)]
struct Progress {
    begun: [AtomicU64; PUBLISHERS],
    done: [AtomicU64; PUBLISHERS],
    stop: AtomicBool,
}

fn all(counters: &[AtomicU64; PUBLISHERS]) -> [u64; PUBLISHERS] {
    from_fn(|at| counters[at].load(Ordering::SeqCst))
}

fn topic_of((publisher, number): Numbered) -> Topic {
    let kind = number % 4;
    topic(["VM.START", "VM.STOP"][publisher % 2]).with_resource(kind)
}

/// A filter that all events match, in one of the ways that the table keeps apart, and one that nobody else has.
fn filters(random: &mut Random) -> Vec<Filter> {
    let mut filters = match random.below(4) {
        0 => vec![Filter::any()],
        1 => vec![Filter::any().category("test").event_type("VM.*")],
        2 => (["VM.START", "VM.STOP"].map(|kind| Filter::any().event_type(kind))).to_vec(),
        _ => (0..4u64).map(|kind| Filter::any().resource(kind)).collect(),
    };
    // So the table changes even where another has the same filter.
    filters.push(Filter::any().resource(1000 + random.next() % (1 << 40)));
    filters
}

/// What an actor has of each publisher: the first and the last.
#[derive(Clone, Copy, Default, Debug)]
struct Seen([Option<(u64, u64)>; PUBLISHERS]);

/// One generation, from before its subscribing to after its end.
fn live_and_die(
    router: &Router<Numbered>,
    progress: &Progress,
    random: &mut Random,
) -> Subscription {
    let seen = Arc::new(Mutex::new((Seen::default(), None)));
    let noted = Arc::clone(&seen);
    let handler = move |event: &Event<Numbered>| {
        let (publisher, number) = *event.payload();
        let (Seen(seen), gap) = &mut *noted.lock().unwrap();
        let (first, last) = seen[publisher].unwrap_or((number, number - 1));
        // The next one, and once.
        if number != last + 1 {
            gap.get_or_insert((publisher, last, number));
        }
        seen[publisher] = Some((first, number));
    };
    let shard = random.below(SHARDS);
    let builder = router.subscription().shard(shard);
    let builder = common::any_of(builder, &filters(random));

    let too_early = all(&progress.done);
    let subscription = builder.handler(handler).unwrap();
    let may_be_first = all(&progress.begun).map(|begun| begun + 1);
    (0..random.below(200)).for_each(|_| thread::yield_now());
    let must_be_there = all(&progress.done);
    router.flush().unwrap();
    subscription.unsubscribe().unwrap();
    let too_late = all(&progress.begun).map(|begun| begun + 1);

    let (Seen(seen), gap) = *seen.lock().unwrap();
    assert_eq!(
        gap, None,
        "publisher, the last before the gap and the one behind it"
    );
    for publisher in 0..PUBLISHERS {
        let must = may_be_first[publisher]..=must_be_there[publisher];
        match seen[publisher] {
            None => assert!(must.is_empty(), "{publisher}: nothing of {must:?}"),
            Some((first, last)) => {
                let may = too_early[publisher] + 1..too_late[publisher];
                assert!(may.contains(&first), "{publisher}: {first} of {may:?}");
                assert!(may.contains(&last), "{publisher}: {last} of {may:?}");
                if !must.is_empty() {
                    assert!(first <= *must.start(), "{publisher}: {first} {must:?}");
                    assert!(last >= *must.end(), "{publisher}: {last} {must:?}");
                }
            }
        }
    }
    subscription
}

#[test]
fn row_02_each_generation_has_exactly_what_is_published_while_it_lives() {
    guarded(|| {
        let mut random = Random::new();
        let router = Router::builder().shards(SHARDS).build().unwrap();
        // Somebody always listens, so that events reach a shard that one has just left.
        on_shard(&router, 0, Filter::any().resource(0))
            .handler(|_| ())
            .unwrap();
        let progress = Arc::<Progress>::default();
        let start = SpinBarrier::new(PUBLISHERS + CHANGERS);
        let publishers: Vec<_> = (0..PUBLISHERS)
            .map(|me| {
                let (router, progress) = (router.clone(), Arc::clone(&progress));
                let start = Arc::clone(&start);
                thread::spawn(move || {
                    let mut publisher = router.publisher();
                    start.wait();
                    let mut number = 0;
                    while !progress.stop.load(Ordering::Relaxed) {
                        number += 1;
                        progress.begun[me].store(number, Ordering::SeqCst);
                        let topic = topic_of((me, number));
                        match me % 2 {
                            0 => drop(publisher.publish(topic, (me, number)).unwrap()),
                            _ => drop(router.publish(topic, (me, number)).unwrap()),
                        }
                        progress.done[me].store(number, Ordering::SeqCst);
                    }
                })
            })
            .collect();
        let changers: Vec<_> = (0..CHANGERS)
            .map(|_| {
                let (router, progress) = (router.clone(), Arc::clone(&progress));
                let (start, mut random) = (Arc::clone(&start), random.fork());
                thread::spawn(move || {
                    start.wait();
                    for _ in 0..rounds(150) {
                        let ended = live_and_die(&router, &progress, &mut random);
                        common::assert_adds_up(ended.stats());
                    }
                })
            })
            .collect();
        let changed: Vec<_> = changers.into_iter().map(|changer| changer.join()).collect();
        progress.stop.store(true, Ordering::Relaxed);
        for publisher in publishers {
            publisher.join().unwrap();
        }
        for changed in changed {
            changed.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        }
        router.flush().unwrap();
        common::assert_all_add_up(&router, 0);
    });
}
