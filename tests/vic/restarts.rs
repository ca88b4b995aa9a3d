//! Collectors that fail, under a clock that stands still unless the test moves it.

use crate::common::{Count, Log, guarded, wait_until};
use crate::support::{Script, Step, StoppedClock, info, router, scripted, ticks, wait_for_state};
use laneway::manager::collectors::{Clock, Collectors, Restarts, State, Stopped};
use laneway::{Filter, Router};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

fn setup(restarts: Restarts) -> (Router<u64>, Collectors<u64>, StoppedClock, Script) {
    let (router, clock) = (router(), StoppedClock::new());
    let collectors = Collectors::new(&router)
        .restarts(restarts)
        .clock(clock.clone());
    let (collector, script) = scripted("c");
    collectors.register(collector).unwrap();
    collectors.start("c").unwrap();
    (router, collectors, clock, script)
}

fn is_waiting(state: &State) -> bool {
    matches!(state, State::Waiting { .. })
}

fn is_failed(state: &State) -> bool {
    matches!(state, State::Failed { .. })
}

#[test]
fn waits_double_up_to_a_bound_and_attempts_are_limited() {
    guarded(|| {
        let restarts = Restarts::default().limit(6).base(SECOND).max(8 * SECOND);
        let (_router, collectors, clock, script) = setup(restarts);
        for (number, bound) in (1..).zip([1, 2, 4, 8, 8, 8]) {
            let begun = clock.now();
            script.then(Step::Fail("no luck"));
            let waiting = wait_for_state(&collectors, "c", is_waiting);
            let State::Waiting { attempt, until } = waiting.state else {
                unreachable!("it was waited for");
            };
            assert_eq!((attempt, waiting.failures), (number, u64::from(number)));
            let (wait, bound) = (until - begun, bound * SECOND);
            assert_eq!(restarts.bound(number), bound);
            assert!(
                (bound / 2..=bound).contains(&wait),
                "{wait:?} before attempt {number}"
            );
            // Not a moment too early.
            clock.advance(wait - Duration::from_nanos(1));
            assert!(is_waiting(&info(&collectors, "c").state));
            clock.advance(Duration::from_nanos(1));
            wait_for_state(&collectors, "c", |state| *state == State::Running);
        }
        script.then(Step::Fail("no luck at all"));
        let failed = wait_for_state(&collectors, "c", is_failed);
        assert_eq!((failed.runs, failed.failures, failed.panics), (7, 7, 0));
        let reason = "no luck at all".to_owned();
        assert_eq!(failed.state, State::Failed { reason });
        // Stopping what failed changes nothing; starting it forgets the attempts.
        assert_eq!(collectors.stop("c"), Ok(Stopped::Idle));
        collectors.start("c").unwrap();
        script.then(Step::Fail("again"));
        let waiting = wait_for_state(&collectors, "c", is_waiting);
        assert!(matches!(waiting.state, State::Waiting { attempt: 1, .. }));
    });
}

#[test]
fn a_panic_is_a_failure_and_the_collector_goes_on() {
    guarded(|| {
        let (router, collectors, clock, script) = setup(Restarts::default());
        let log = Log::default();
        router
            .subscribe(Filter::exact(ticks()), log.handler())
            .unwrap();
        script
            .then(Step::Publish(1))
            .then(Step::Panic("on purpose"));
        let waiting = wait_for_state(&collectors, "c", is_waiting);
        assert_eq!((waiting.failures, waiting.panics), (1, 1));
        assert_eq!(
            waiting.last_failure.as_deref(),
            Some("it panicked: on purpose")
        );
        script.then(Step::Publish(2));
        clock.advance(SECOND);
        wait_until(|| log.len() == 2);
        assert_eq!(log.all(), [1, 2]);
        assert_eq!(script.log.all(), ["runs", "stopped", "runs"]);
    });
}

#[test]
fn a_run_that_lasted_begins_the_count_anew() {
    guarded(|| {
        let restarts = Restarts::default().limit(1).settled_after(SECOND);
        let (_router, collectors, clock, script) = setup(restarts);
        for _ in 0..5 {
            wait_for_state(&collectors, "c", |state| *state == State::Running);
            wait_until(|| script.log.take().contains(&"runs"));
            clock.advance(SECOND);
            script.then(Step::Fail("now and then"));
            let waiting = wait_for_state(&collectors, "c", is_waiting);
            assert!(matches!(waiting.state, State::Waiting { attempt: 1, .. }));
            clock.advance(SECOND);
        }
    });
}

#[test]
fn stopping_one_that_waits_is_prompt() {
    guarded(|| {
        let (_router, collectors, _clock, script) = setup(Restarts::default());
        script.then(Step::Fail("once"));
        wait_for_state(&collectors, "c", is_waiting);
        assert_eq!(collectors.stop("c"), Ok(Stopped::Ended));
        let info = info(&collectors, "c");
        assert_eq!((info.state, info.runs), (State::Stopped, 1));
    });
}

#[test]
fn one_that_is_done_is_not_run_again() {
    guarded(|| {
        let (_router, collectors, _clock, script) = setup(Restarts::default());
        script.then(Step::Finish);
        let info = wait_for_state(&collectors, "c", |state| *state == State::Stopped);
        assert_eq!((info.runs, info.failures), (1, 0));
        // Its thread has nothing more to do, and is joined.
        collectors.start("c").unwrap();
    });
}

#[test]
fn a_closed_router_is_the_end() {
    guarded(|| {
        let (router, collectors, _clock, script) = setup(Restarts::default().limit(u32::MAX));
        router.shutdown(Duration::MAX);
        script.then(Step::Publish(1));
        let failed = wait_for_state(&collectors, "c", is_failed);
        assert_eq!(failed.failures, 1);
        assert_eq!(failed.last_failure.as_deref(), Some("the router is closed"));
    });
}

#[test]
fn one_that_fails_hurts_no_other() {
    guarded(|| {
        let (router, collectors, clock, script) = setup(Restarts::default());
        let count = Count::default();
        router.subscribe(Filter::any(), count.handler()).unwrap();
        let (other, healthy) = scripted("healthy");
        collectors.register(other).unwrap();
        collectors.start("healthy").unwrap();
        for number in 0..5 {
            script.then(Step::Fail("no luck"));
            wait_for_state(&collectors, "c", is_waiting);
            healthy.then(Step::Publish(number));
            wait_until(|| count.get() == number as usize + 1);
            clock.advance(60 * SECOND);
            wait_for_state(&collectors, "c", |state| *state == State::Running);
        }
        assert_eq!(info(&collectors, "healthy").failures, 0);
    });
}

#[test]
fn bounds_never_wrap() {
    let tiny = Restarts::default()
        .base(Duration::from_nanos(1))
        .max(Duration::MAX);
    let mut last = Duration::ZERO;
    for attempt in (1..200).chain([1000, u32::MAX]) {
        assert!(tiny.bound(attempt) >= last, "attempt {attempt}");
        last = tiny.bound(attempt);
    }
    assert_eq!(tiny.bound(57), Duration::from_nanos(1 << 56));
    assert_eq!(
        Restarts::default().base(Duration::ZERO).bound(u32::MAX),
        Duration::ZERO
    );
    assert_eq!(
        Restarts::default().max(Duration::ZERO).bound(1),
        Duration::ZERO
    );
}

/// With waits of no length at all: the next run begins at once.
#[test]
fn restarts_without_waits() {
    guarded(|| {
        let (_router, collectors, _clock, script) = setup(Restarts::default().base(Duration::ZERO));
        for _ in 0..8 {
            script.then(Step::Fail("at once"));
        }
        wait_until(|| info(&collectors, "c").runs == 9);
        assert_eq!(info(&collectors, "c").failures, 8);
    });
}
