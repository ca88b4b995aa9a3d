//! 1.2 Their tests.

use crate::common::{Random, guarded};
use crate::{LONG, Recorder, check_close, event, write_at_once};
use laneway::Event;
use laneway::sink::{
    Breaker, Broadcast, ExponentialBackoff, ManualClock, Proceed, Sink, SinkError, Strategy,
    channel, sink_fn,
};
use std::thread;
use std::time::{Duration, Instant};

/// Ten sinks, each added twice; 1000 writes at once; each has exactly 1000. After removing all, one more reaches none. Added
/// again, all are closed.
#[test]
fn test_broadcaster() {
    guarded(|| {
        let sinks: Vec<Recorder> = (0..10).map(|_| Recorder::default()).collect();
        let mut broadcast = Broadcast::new();
        let add_all = |broadcast: &Broadcast<u32>| {
            for (name, sink) in sinks.iter().enumerate() {
                broadcast.add(name.to_string(), sink.clone()).unwrap();
                let again = broadcast.add(name.to_string(), Recorder::default());
                assert!(again.is_err());
            }
        };
        add_all(&broadcast);
        write_at_once(&broadcast, 0..1000);
        for sink in &sinks {
            let mut events = sink.events.all();
            events.sort();
            assert_eq!(events, (0..1000).collect::<Vec<_>>());
        }
        let removed: Vec<_> = broadcast
            .names()
            .iter()
            .map(|name| broadcast.remove(name))
            .collect();
        broadcast.write(&event(1000)).unwrap();
        assert!(sinks.iter().all(|sink| sink.events.len() == 1000));
        add_all(&broadcast);
        check_close(broadcast);
        assert!(sinks.iter().all(|sink| sink.closed.get() == 1));
        drop(removed);
    });
}

/// 100 writes at once are all received; after closing, 100 writes are all refused. Theirs has no buffer; the smallest
/// here holds one event.
#[test]
fn test_channel() {
    guarded(|| {
        let (sink, mut reader) = channel(1);
        let reading = thread::spawn(move || {
            let mut all: Vec<_> = reader.iter().map(Event::into_payload).collect();
            all.sort();
            all
        });
        write_at_once(&sink, 0..100);
        let mut closed = sink.clone();
        assert!(closed.close(LONG).is_complete());
        for number in 0..100 {
            assert!(matches!(
                closed.write(&event(number)),
                Err(SinkError::Closed)
            ));
        }
        assert_eq!(reading.join().unwrap(), (0..100).collect::<Vec<_>>());
        check_close(sink);
    });
}

/// Of 0 to 99, the even ones: 50.
#[test]
fn test_filter() {
    let recorder = Recorder::default();
    let even = |event: &Event<u32>| event.payload().is_multiple_of(2);
    let mut sink = recorder.clone().filter(even);
    for number in 0..100 {
        sink.write(&event(number)).unwrap();
    }
    assert_eq!(recorder.events.len(), 50);
    check_close(sink);
}

/// 1000 writes at once to a slow sink: closing writes them all, and closes the sink.
#[test]
fn test_queue() {
    guarded(|| {
        let recorder = Recorder::default();
        let mut slow = recorder.clone();
        let queue = sink_fn(move |event: &Event<u32>| {
            // Slower than those who write, without a clock.
            (0..20).for_each(|_| thread::yield_now());
            slow.write(event)
        })
        .queue(1000);
        write_at_once(&queue, 0..1000);
        let mut closing = queue.clone();
        assert!(closing.close(LONG).is_complete());
        let mut events = recorder.events.all();
        events.sort();
        assert_eq!(events, (0..1000).collect::<Vec<_>>());
        check_close(queue);
    });
}

/// 100 writes at once; the sink fails always, then nine times in ten: all writes succeed. With each of the two strategies.
#[test]
fn test_retrying_sink() {
    fn check(strategy: impl Strategy) {
        let recorder = Recorder::default();
        let mut behind = recorder.clone();
        let (mut random, mut attempts) = (Random::new(), 0);
        let flaky = sink_fn(move |event: &Event<u32>| {
            attempts += 1;
            if attempts <= 50 || random.below(10) > 0 {
                return Err(SinkError::failed("planted"));
            }
            behind.write(event)
        });
        let retry = flaky.retry(strategy).max_attempts(u32::MAX);
        let sink = retry.clock(ManualClock::new()).shared();
        write_at_once(&sink, 0..100);
        let mut events = recorder.events.all();
        events.sort();
        assert_eq!(events, (0..100).collect::<Vec<_>>());
        check_close(sink);
    }
    let millis = Duration::from_millis;
    guarded(move || {
        check(Breaker::new(3, millis(10)));
        check(ExponentialBackoff::new(millis(1), millis(1), millis(5)));
        check((
            Breaker::new(3, millis(10)),
            ExponentialBackoff::new(millis(1), millis(1), millis(5)),
        ));
    });
}

/// A fresh one does not wait; after 1 to 10 failures, 1000 samples each stay below the bound; after a success it is fresh.
#[test]
fn test_exponential_backoff() {
    let (mut backoff, now) = (ExponentialBackoff::default(), Instant::now());
    assert_eq!(backoff.proceed(now), Proceed::Now);
    for failures in 1..=10 {
        backoff.failed(now, &SinkError::failed("no"));
        assert_eq!(backoff.failures(), failures);
        let mut longest = Duration::ZERO;
        for _ in 0..1000 {
            if let Proceed::After(delay) = backoff.proceed(now) {
                assert!(delay < backoff.bound(failures));
                longest = longest.max(delay);
            }
        }
        // It uses what it may: by chance it would not once in 10^40 times.
        assert!(longest > backoff.bound(failures) * 9 / 10);
    }
    backoff.succeeded();
    assert_eq!(backoff.proceed(now), Proceed::Now);
}
