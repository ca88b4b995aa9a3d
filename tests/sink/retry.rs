//! Retries: breaker, backoff, give-up rules, hints. On a clock that tests move.

use crate::common::{Log, Random, guarded};
use crate::harness::{Endpoint, Note, Probe, event, written};
use laneway::sink::{
    Breaker, BreakerState, CancelToken, Clock, ExponentialBackoff, ManualClock, Proceed, Sink,
    SinkError, SinkErrorKind, Strategy,
};
use std::time::{Duration, Instant};

const SECOND: Duration = Duration::from_secs(1);

/// Fails so often, and works then.
fn flaky(log: &Log<Note>, failures: usize) -> Probe {
    let mut left = failures;
    Probe::failing(log, move |_| {
        if left == 0 {
            return Ok(());
        }
        left -= 1;
        Err(SinkError::failed("unreachable"))
    })
}

/// Waits all of the bound.
fn full_backoff() -> ExponentialBackoff {
    ExponentialBackoff::default().random(|| u64::MAX)
}

#[test]
fn it_tries_again_at_the_pace_of_its_strategy() {
    let (log, clock) = (Log::default(), ManualClock::new());
    let backoff = ExponentialBackoff::default().random(|| 1 << 63);
    let mut sink = flaky(&log, 4).retry(backoff).clock(clock.clone());
    sink.write(&event(7)).unwrap();
    assert_eq!(written(&log), [7]);
    // Half of the bounds.
    let halves = [1000, 1500, 2500, 4500].map(Duration::from_millis);
    assert_eq!(clock.waits(), halves);
    // It begins anew.
    sink.write(&event(8)).unwrap();
    assert_eq!(clock.waits().len(), 4);
}

#[test]
fn it_gives_up_after_its_attempts_and_says_so() {
    let (log, clock) = (Log::default(), ManualClock::new());
    let endpoint = Endpoint::default();
    let retry = endpoint.sink(&log).retry(full_backoff());
    let mut sink = retry.max_attempts(3).clock(clock.clone());
    let error = sink.write(&event(1)).unwrap_err();
    let SinkError::GaveUp {
        attempts: 3,
        after,
        last: Some(last),
    } = &error
    else {
        panic!("{error:?}");
    };
    assert_eq!(*after, clock.waits().iter().sum());
    assert_eq!(last.to_string(), "the write failed: unreachable");
    assert!(!error.is_retryable());
    assert_eq!(endpoint.attempts(), 3);
    assert!(written(&log).is_empty());
}

#[test]
fn ten_attempts_are_the_default() {
    let (log, endpoint) = (Log::default(), Endpoint::default());
    let mut sink = endpoint
        .sink(&log)
        .retry(full_backoff())
        .clock(ManualClock::new());
    assert!(sink.write(&event(1)).is_err());
    assert_eq!(endpoint.attempts(), 10);
}

#[test]
fn it_gives_up_where_the_next_attempt_would_come_too_late() {
    let (log, clock, endpoint) = (Log::default(), ManualClock::new(), Endpoint::default());
    // Up to 2, 3, 5 s: the fourth attempt would be after 10 s.
    let retry = endpoint.sink(&log).retry(full_backoff());
    let mut sink = retry.max_age(9 * SECOND).clock(clock.clone());
    let error = sink.write(&event(1)).unwrap_err();
    assert!(
        matches!(error, SinkError::GaveUp { attempts: 3, .. }),
        "{error}"
    );
    assert!(
        clock.waits().iter().sum::<Duration>() <= 9 * SECOND,
        "no useless wait"
    );
}

#[test]
fn an_open_breaker_makes_no_attempt_that_would_come_too_late() {
    let (log, clock, endpoint) = (Log::default(), ManualClock::new(), Endpoint::default());
    let breaker = Breaker::new(1, 60 * SECOND);
    let retry = endpoint.sink(&log).retry(breaker).max_attempts(1);
    let mut sink = retry.max_age(SECOND).clock(clock.clone());
    assert!(sink.write(&event(1)).is_err());
    let error = sink.write(&event(2)).unwrap_err();
    let none = matches!(
        error,
        SinkError::GaveUp {
            attempts: 0,
            last: None,
            ..
        }
    );
    assert!(none, "{error:?}");
    assert_eq!(endpoint.attempts(), 1);
}

#[test]
fn what_cannot_be_retried_is_not() {
    let (log, clock) = (Log::default(), ManualClock::new());
    let mut attempts = 0;
    let refusing = Probe::failing(&log, move |number| {
        attempts += 1;
        assert_eq!(attempts, number, "one attempt for each");
        Err(match number {
            1 => SinkError::refused("no such tenant"),
            2 => SinkError::Closed,
            _ => SinkError::Cancelled { last: None },
        })
    });
    let mut sink = refusing.retry(full_backoff()).clock(clock.clone());
    let kinds = [1, 2, 3].map(|number| sink.write(&event(number)).unwrap_err().kind());
    assert_eq!(
        kinds,
        [
            SinkErrorKind::Refused,
            SinkErrorKind::Closed,
            SinkErrorKind::Cancelled
        ]
    );
    assert!(clock.waits().is_empty());
}

#[test]
fn what_the_other_side_asks_for_is_heeded_within_a_limit() {
    let (log, clock) = (Log::default(), ManualClock::new());
    let mut hints = [Some(30), None, Some(1_000_000)].into_iter();
    let asking = Probe::failing(&log, move |_| match hints.next() {
        None => Ok(()),
        Some(seconds) => Err(SinkError::Failed {
            source: "busy".into(),
            retry_after: seconds.map(Duration::from_secs),
        }),
    });
    let backoff = ExponentialBackoff::new(Duration::ZERO, SECOND, SECOND).random(|| 1 << 63);
    let mut sink = asking.retry(backoff).clock(clock.clone());
    sink.write(&event(1)).unwrap();
    assert_eq!(clock.waits(), [30 * SECOND, SECOND / 2, 600 * SECOND]);
}

#[test]
fn an_endless_hint_is_no_panic() {
    let clock = ManualClock::new();
    let mut once = true;
    let sink = Probe::failing(&Log::default(), move |_| {
        if std::mem::take(&mut once) {
            return Err(SinkError::Failed {
                source: "busy".into(),
                retry_after: Some(Duration::MAX),
            });
        }
        Ok(())
    });
    let retry = sink.retry(full_backoff()).max_retry_after(Duration::MAX);
    retry.clock(clock).write(&event(1)).unwrap();
}

#[test]
fn a_cancelled_wait_gives_the_last_error() {
    /// Cancels instead of waiting.
    struct Impatient;
    impl Clock for Impatient {
        fn now(&self) -> Instant {
            Instant::now()
        }
        fn wait(&self, _: Duration, cancel: &CancelToken) {
            cancel.cancel();
        }
    }
    let retry = flaky(&Log::default(), 9).retry(full_backoff());
    let error = retry.clock(Impatient).write(&event(1)).unwrap_err();
    assert!(
        matches!(error, SinkError::Cancelled { last: Some(_) }),
        "{error}"
    );
}

#[test]
fn after_closing_there_is_no_attempt() {
    let (log, endpoint) = (Log::default(), Endpoint::default());
    let mut sink = endpoint.sink(&log).retry(full_backoff());
    assert!(sink.close(SECOND).is_complete());
    assert!(matches!(sink.write(&event(1)), Err(SinkError::Closed)));
    assert_eq!(log.all(), [Note::Closed], "and what is inside is closed");
    assert_eq!(endpoint.attempts(), 0);
}

#[test]
fn a_breaker_opens_probes_and_closes() {
    let clock = ManualClock::new();
    let mut breaker = Breaker::new(3, SECOND);
    let error = SinkError::failed("unreachable");
    for _ in 0..2 {
        assert_eq!(breaker.proceed(clock.now()), Proceed::Now);
        breaker.failed(clock.now(), &error);
    }
    assert_eq!(breaker.state(clock.now()), BreakerState::Closed);
    breaker.failed(clock.now(), &error);
    assert_eq!(breaker.state(clock.now()), BreakerState::Open);
    assert_eq!(breaker.proceed(clock.now()), Proceed::AskIn(SECOND));
    clock.advance(SECOND);
    assert_eq!(breaker.state(clock.now()), BreakerState::HalfOpen);

    // One probe, among all that share it.
    let mut other = breaker.clone();
    assert_eq!(breaker.proceed(clock.now()), Proceed::Now);
    assert!(matches!(other.proceed(clock.now()), Proceed::AskIn(_)));
    assert!(matches!(breaker.proceed(clock.now()), Proceed::AskIn(_)));
    // It fails: open again, at once.
    breaker.failed(clock.now(), &error);
    assert_eq!(other.proceed(clock.now()), Proceed::AskIn(SECOND));
    clock.advance(SECOND);
    assert_eq!(other.proceed(clock.now()), Proceed::Now);
    other.succeeded();
    assert_eq!(breaker.state(clock.now()), BreakerState::Closed);
    assert_eq!(breaker.proceed(clock.now()), Proceed::Now);
    assert_eq!(breaker.proceed(clock.now()), Proceed::Now);
}

#[test]
fn a_probe_that_tells_nothing_counts_as_lost() {
    let clock = ManualClock::new();
    let mut breaker = Breaker::new(0, SECOND);
    breaker.failed(clock.now(), &SinkError::failed("unreachable"));
    clock.advance(SECOND);
    assert_eq!(breaker.proceed(clock.now()), Proceed::Now);
    clock.advance(SECOND / 2);
    assert!(matches!(breaker.proceed(clock.now()), Proceed::AskIn(_)));
    clock.advance(SECOND / 2);
    assert_eq!(breaker.proceed(clock.now()), Proceed::Now, "the next one");
}

#[test]
fn two_strategies_must_agree() {
    let clock = ManualClock::new();
    let mut both = (Breaker::new(2, 10 * SECOND), full_backoff());
    let error = SinkError::failed("unreachable");
    assert_eq!(both.proceed(clock.now()), Proceed::Now);
    both.failed(clock.now(), &error);
    let Proceed::After(delay) = both.proceed(clock.now()) else {
        panic!("the backoff alone");
    };
    assert!(delay < 2 * SECOND);
    both.failed(clock.now(), &error);
    assert_eq!(both.proceed(clock.now()), Proceed::AskIn(10 * SECOND));
    both.succeeded();
    assert_eq!(both.proceed(clock.now()), Proceed::Now);
}

#[test]
fn writers_take_turns_at_a_half_open_breaker() {
    guarded(|| {
        let (log, endpoint) = (Log::default(), Endpoint::default());
        let breaker = Breaker::new(1, Duration::from_millis(5));
        let threads: Vec<_> = (0..4)
            .map(|number| {
                let sink = endpoint.sink(&log).retry(breaker.clone());
                let mut sink = sink.max_attempts(u32::MAX);
                std::thread::spawn(move || sink.write(&event(number)))
            })
            .collect();
        crate::common::wait_until(|| endpoint.attempts() > 8);
        endpoint.repair();
        for thread in threads {
            thread.join().unwrap().unwrap();
        }
        let mut all = written(&log);
        all.sort();
        assert_eq!(all, [0, 1, 2, 3]);
    });
}

#[test]
fn the_bound_never_wraps_and_never_falls() {
    let zero_base = ExponentialBackoff::new(Duration::ZERO, SECOND, 20 * SECOND);
    let huge = ExponentialBackoff::new(Duration::MAX, Duration::MAX, Duration::MAX);
    let constant = ExponentialBackoff::new(SECOND, Duration::ZERO, 20 * SECOND);
    for backoff in [&ExponentialBackoff::default(), &zero_base, &huge, &constant] {
        let mut before = Duration::ZERO;
        let ends = [63, 64, 65, 127, 128, 129, 1000, u32::MAX - 1, u32::MAX];
        for failures in (0..60).chain(ends) {
            let bound = backoff.bound(failures);
            assert!(bound >= before, "{backoff:?} at {failures}");
            before = bound;
        }
    }
    assert_eq!(zero_base.bound(56), 20 * SECOND);
    assert_eq!(huge.bound(1), Duration::MAX);
    assert_eq!(constant.bound(u32::MAX), SECOND);
}

#[test]
fn waits_are_uniform_below_the_bound() {
    let mut random = Random::new();
    let mut backoff = ExponentialBackoff::default().random(move || random.next());
    let now = Instant::now();
    backoff.failed(now, &SinkError::failed("unreachable"));
    let samples = 10_000;
    let mut buckets = [0_u32; 10];
    for _ in 0..samples {
        let Proceed::After(delay) = backoff.proceed(now) else {
            continue;
        };
        assert!(delay < 2 * SECOND);
        buckets[(delay.as_millis() / 200) as usize] += 1;
    }
    // Fifteen standard deviations of 30.
    assert!(
        buckets.iter().all(|count| (550..1450).contains(count)),
        "{buckets:?}"
    );
}

#[test]
fn the_ends_of_the_random_numbers() {
    let now = Instant::now();
    let proceed = |random: u64| {
        let mut backoff = ExponentialBackoff::default().random(move || random);
        backoff.failed(now, &SinkError::failed("unreachable"));
        backoff.proceed(now)
    };
    assert_eq!(proceed(0), Proceed::Now);
    assert_eq!(
        proceed(u64::MAX),
        Proceed::After(2 * SECOND - Duration::from_nanos(1))
    );
    // Far beyond what nanoseconds in 64 bits can say.
    let mut huge =
        ExponentialBackoff::new(Duration::MAX, SECOND, Duration::MAX).random(|| u64::MAX);
    huge.failed(now, &SinkError::failed("unreachable"));
    assert!(matches!(huge.proceed(now), Proceed::After(delay) if delay > SECOND));
}

#[test]
fn fault_a_refused_probe_kept_its_place() {
    // The breaker opens; the probe's event is refused; the next event waited for a whole backoff.
    for in_a_pair in [false, true] {
        let (log, clock) = (Log::default(), ManualClock::new());
        let sink = Probe::failing(&log, |number| match number {
            0 => Err(SinkError::failed("unreachable")),
            1 => Err(SinkError::refused("no")),
            _ => Ok(()),
        });
        let breaker = Breaker::new(1, 60 * SECOND);
        let retry = if in_a_pair {
            sink.retry((breaker, ExponentialBackoff::default().random(|| 0)))
        } else {
            sink.retry(breaker)
        };
        let mut sink = retry.max_attempts(1).clock(clock.clone());
        for number in 0..2 {
            assert!(sink.write(&event(number)).is_err());
        }
        assert_eq!(clock.waits(), [60 * SECOND], "for the probe");
        sink.write(&event(2)).unwrap();
        assert_eq!(clock.waits().len(), 1);
    }
}
