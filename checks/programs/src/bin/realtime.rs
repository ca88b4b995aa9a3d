//! Publishes to shards that are awake, from a function that RealtimeSanitizer watches. `checks/realtime.sh` runs it.
#![cfg_attr(laneway_realtime, feature(sanitize))]

use laneway::{Filter, PublishError, Publisher, Router, Topic, Wait};
use std::error::Error;
use std::hint;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::thread::{self, Thread};

const EVENTS: u64 = 100_000;
const SHARDS: usize = 2;

/// Parked whenever it can be: the planted wake-up is a system call now and then.
static SLEEPER: LazyLock<Thread> = LazyLock::new(|| {
    thread::spawn(|| {
        loop {
            thread::park()
        }
    })
    .thread()
    .clone()
});

fn main() -> Result<(), Box<dyn Error>> {
    // `Spin` keeps the shards awake: waking a sleeping one is a system call by design.
    let router = Router::<Arc<u64>>::builder()
        .shards(SHARDS)
        .wait(Wait::Spin)
        .build()?;
    let topic = Topic::new("check", "REALTIME")?;
    let sum = Arc::new(AtomicU64::new(0));
    for shard in 0..SHARDS {
        let sum = Arc::clone(&sum);
        let subscription = router.subscription().filter(Filter::exact(topic));
        subscription.shard(shard).handler(move |event| {
            sum.fetch_add(**event.payload(), Ordering::Relaxed);
        })?;
    }

    let mut publisher = router.publisher();
    // The first publish to several shards makes room for the copies, also after `warm`.
    publisher.publish(topic, Arc::new(0))?;
    LazyLock::force(&SLEEPER);
    let (mut routed, mut refused) = (0, 0_u64);
    while routed < EVENTS {
        let resource = topic.with_resource(routed % 1000);
        // One more holder, so that the sanitizer is not shown the payload's own free where the publisher drops one.
        let payload = Arc::new(routed);
        match try_publish(&mut publisher, resource, Arc::clone(&payload)) {
            Ok(()) => routed += 1,
            Err(PublishError::Full(_)) => {
                refused += 1;
                thread::yield_now();
            }
            Err(error) => return Err(error.into()),
        }
    }
    router.flush()?;
    let expected = SHARDS as u64 * (EVENTS * (EVENTS - 1) / 2);
    assert_eq!(sum.load(Ordering::Relaxed), expected);
    println!("{routed} events published, {refused} refused for want of room");
    Ok(())
}

#[cfg_attr(laneway_realtime, sanitize(realtime = "nonblocking"))]
#[inline(never)]
fn try_publish(
    publisher: &mut Publisher<Arc<u64>>,
    topic: Topic,
    payload: Arc<u64>,
) -> Result<(), PublishError<Arc<u64>>> {
    if cfg!(laneway_mutant = "publish_calls_malloc") {
        hint::black_box(Box::new(topic));
    }
    if cfg!(laneway_mutant = "publish_calls_futex") {
        SLEEPER.unpark();
    }
    publisher.try_publish(topic, payload).map(drop)
}
