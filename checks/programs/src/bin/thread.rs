//! Hands events from thread to thread while ThreadSanitizer looks. `checks/thread.sh` runs it.
//!
//! The shard is polled by hand and never sleeps, and nothing closes before all is handled: those protocols rest on fences,
//! which the sanitizer does not know.

use laneway::{Filter, PublishError, Router, Topic};
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

const EVENTS: u64 = 20_000;
const PUBLISHERS: u64 = 2;

fn main() -> Result<(), Box<dyn Error>> {
    // Few slots, so that each is soon written again: the sanitizer forgets old accesses.
    let (router, mut shards) = Router::<Box<u64>>::builder()
        .shards(1)
        .lane_capacity(4)
        .manual()?;
    let mut shard = shards.remove(0);
    let topic = Topic::new("check", "THREAD")?;

    let done = Arc::new(AtomicBool::new(false));
    let (mut count, mut sum) = (0, 0);
    let all_seen = Arc::clone(&done);
    router.subscribe(Filter::exact(topic), move |event| {
        count += 1;
        sum += **event.payload();
        if count == PUBLISHERS * EVENTS {
            assert_eq!(sum, PUBLISHERS * (EVENTS * (EVENTS - 1) / 2));
            all_seen.store(true, Ordering::Release);
        }
    })?;

    thread::scope(|scope| {
        let publishers: Vec<_> = (0..PUBLISHERS).map(|_| router.publisher()).collect();
        for mut publisher in publishers {
            scope.spawn(move || {
                for number in 0..EVENTS {
                    let mut payload = Box::new(number);
                    while let Err(error) = publisher.try_publish(topic, payload) {
                        assert!(matches!(error, PublishError::Full(_)));
                        payload = error.into_payload();
                        thread::yield_now();
                    }
                }
            });
        }
        while !done.load(Ordering::Acquire) {
            shard.poll(64).expect("this thread polls nothing else");
        }
    });
    println!("{} events handed over", PUBLISHERS * EVENTS);
    Ok(())
}
