//! 1.1 The interface.

use crate::common::{Hold, guarded, vectors};
use crate::{HOUR, LONG, Recorder, SHORT, check_close, event, vector};
use laneway::Event;
use laneway::sink::{
    Breaker, Broadcast, DeadLetter, ExponentialBackoff, ManualClock, Proceed, Sink, SinkError,
    SinkMetrics, Strategy, channel, sink_fn,
};
use std::time::{Duration, Instant};

/// Sink: write and close. No error: committed; an error: the caller may try again, and here can see whether that is of use.
#[test]
fn api_sink() {
    let mut sink = sink_fn(|event: &Event<u32>| match event.payload() {
        0 => Ok(()),
        1 => Err(SinkError::failed("later, perhaps")),
        _ => Err(SinkError::refused("never")),
    });
    let results = [0, 1, 2].map(|number| sink.write(&event(number)));
    let may_try_again = results.map(|result| result.map_err(|error| error.is_retryable()));
    assert_eq!(may_try_again, [Ok(()), Err(true), Err(false)]);
    check_close(sink);
}

/// ErrSinkClosed is terminal; here it is a variant, and wrapping it does not hide it.
#[test]
fn api_closed_is_a_variant() {
    let wrapped = sink_fn(|_: &Event<u32>| Err(SinkError::Closed))
        .tap(&SinkMetrics::new())
        .retry(ExponentialBackoff::default())
        .dead_letter(sink_fn(|_: &Event<DeadLetter<u32>>| Ok(())));
    let mut shared = wrapped.shared();
    assert!(matches!(shared.write(&event(1)), Err(SinkError::Closed)));
}

/// Broadcaster: add, remove, write, close, and which sinks it has.
#[test]
fn api_broadcaster() {
    guarded(|| {
        let [a, b] = [Recorder::default(), Recorder::default()];
        let mut broadcast = Broadcast::new().with("a", a.clone());
        broadcast.write(&event(1)).unwrap();
        broadcast.add("b", b.clone()).unwrap();
        broadcast.write(&event(2)).unwrap();
        // Adding one of the same name is an error and changes nothing; theirs ignores it.
        assert!(broadcast.add("b", Recorder::default()).is_err());
        assert_eq!(broadcast.names(), ["a", "b"]);
        let removed = broadcast.remove("a");
        assert!(removed.is_some() && broadcast.remove("a").is_none());
        broadcast.write(&event(3)).unwrap();
        assert_eq!((a.events.all(), b.events.all()), (vec![1, 2], vec![2, 3]));
        assert!(broadcast.close(LONG).is_complete());
        // What was removed is not closed with it.
        assert_eq!((a.closed.get(), b.closed.get()), (0, 1));
        assert!(broadcast.add("c", Recorder::default()).is_err());
        check_close(broadcast);
    });
}

/// Queue: writing does not block, closing writes what is queued and closes the sink behind it. Here it is bounded.
#[test]
fn api_queue() {
    guarded(|| {
        let hold = Hold::default();
        let (mut behind, holds) = (Recorder::default(), hold.clone());
        let recorder = behind.clone();
        let mut queue = sink_fn(move |event: &Event<u32>| {
            holds.stop_here();
            behind.write(event)
        })
        .queue(100);
        for number in 0..100 {
            queue.write(&event(number)).unwrap();
        }
        assert!(recorder.events.all().is_empty());
        hold.release();
        assert!(queue.close(LONG).is_complete());
        assert_eq!(recorder.events.all(), (0..100).collect::<Vec<_>>());
        check_close(queue);
    });
}

/// Channel: its reader takes events; here it also gets the end.
#[test]
fn api_channel() {
    guarded(|| {
        let (mut sink, mut reader) = channel(1);
        sink.write(&event(1)).unwrap();
        assert_eq!(reader.recv().unwrap().into_payload(), 1);
        check_close(sink);
        assert!(reader.recv().is_none());
    });
}

/// Filter: what does not match is dropped, which is no error.
#[test]
fn api_filter() {
    let recorder = Recorder::default();
    let mut filtered = recorder
        .clone()
        .filter(|event: &Event<u32>| *event.payload() > 1);
    filtered.write(&event(1)).unwrap();
    filtered.write(&event(2)).unwrap();
    assert_eq!(recorder.events.all(), [2]);
    check_close(filtered);
    assert_eq!(recorder.closed.get(), 2, "it is passed on each time");
}

/// RetryingSink: asks its strategy before each attempt; closing it closes the sink inside, as theirs only says.
#[test]
fn api_retrying_sink() {
    let (recorder, clock) = (Recorder::default(), ManualClock::new());
    let mut inner = recorder.clone();
    let mut failures = 2;
    let flaky = sink_fn(move |event: &Event<u32>| {
        if failures > 0 {
            failures -= 1;
            return Err(SinkError::failed("not now"));
        }
        inner.write(event)
    });
    let mut retry = flaky.retry(Breaker::new(1, SHORT)).clock(clock.clone());
    retry.write(&event(7)).unwrap();
    assert_eq!(recorder.events.all(), [7]);
    assert_eq!(clock.waits(), [SHORT, SHORT]);
    check_close(recorder.clone().retry(Breaker::new(1, SHORT)));
    assert_eq!(recorder.closed.get(), 2);
}

/// RetryStrategy: before an attempt, after a failure, after a success. One's own will do.
#[test]
fn api_strategy() {
    struct Every(Duration);
    impl Strategy for Every {
        fn proceed(&mut self, _: Instant) -> Proceed {
            Proceed::After(self.0)
        }
        fn failed(&mut self, _: Instant, _: &SinkError) {
            self.0 *= 2;
        }
        fn succeeded(&mut self) {}
    }
    let clock = ManualClock::new();
    let mut failing = sink_fn(|_: &Event<u32>| Err(SinkError::failed("no")))
        .retry(Every(SHORT))
        .max_attempts(3)
        .clock(clock.clone());
    assert!(failing.write(&event(1)).is_err());
    assert_eq!(clock.waits(), [SHORT, 2 * SHORT, 4 * SHORT]);
}

/// Breaker: below the threshold no wait, then until the last failure is so long ago; a success resets it.
#[test]
fn api_breaker() {
    let (clock, error) = (ManualClock::new(), SinkError::failed("no"));
    let now = || laneway::sink::Clock::now(&clock);
    let mut breaker = Breaker::new(3, HOUR);
    for _ in 0..3 {
        assert_eq!(breaker.proceed(now()), Proceed::Now);
        breaker.failed(now(), &error);
    }
    clock.advance(HOUR / 4);
    assert_eq!(breaker.proceed(now()), Proceed::AskIn(HOUR - HOUR / 4));
    breaker.succeeded();
    assert_eq!(breaker.proceed(now()), Proceed::Now);
}

/// ExponentialBackoff: the bounds of the default, as measured on theirs.
#[test]
fn api_exponential_backoff() {
    let Some(dir) = vectors::dir("go-events") else {
        return;
    };
    let vector = vector(&dir, "backoff-bounds.json");
    let nanos = |value: &serde_json::Value| Duration::from_nanos(value.as_u64().unwrap());
    let [base, factor, max] =
        ["Base_ns", "Factor_ns", "Max_ns"].map(|name| nanos(&vector["default"][name]));
    for backoff in [
        ExponentialBackoff::default(),
        ExponentialBackoff::new(base, factor, max),
    ] {
        for (failures, bound) in vector["upper_bound_by_failures_ns"].as_object().unwrap() {
            let failures = failures.parse().unwrap();
            assert_eq!(backoff.bound(failures), nanos(bound), "after {failures}");
        }
    }
}
