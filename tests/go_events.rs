//! docker/go-events, item by item: its interface, its tests, what its users asked for, and what is wrong with it.
//!
//! The numbers of the sections are those of the list of facts about that system.

mod common;

use common::{Count, Hold, Log, Random, guarded, rounds, topic, vectors, wait_until};
use laneway::sink::{
    Breaker, Broadcast, CloseReport, DeadLetter, ExponentialBackoff, ManualClock, Proceed, Sink,
    SinkError, SinkErrorKind, SinkMetrics, Strategy, WhenFull, channel, sink_fn,
};
use laneway::{Event, Filter, Router};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// Time enough, under the hang guard.
const LONG: Duration = Duration::from_secs(50);
const SHORT: Duration = Duration::from_millis(20);
const HOUR: Duration = Duration::from_secs(3600);

fn event(number: u32) -> Event<u32> {
    Event::new(topic("EVENT"), number)
}

fn payloads(events: &[Event<u32>]) -> Vec<u32> {
    events.iter().map(|event| *event.payload()).collect()
}

/// Notes what it gets, and says when it is closed.
#[derive(Clone, Default)]
struct Recorder {
    events: Log<u32>,
    closed: Count,
}

impl Sink<u32> for Recorder {
    fn write(&mut self, event: &Event<u32>) -> Result<(), SinkError> {
        if self.closed.get() > 0 {
            return Err(SinkError::Closed);
        }
        self.events.push(*event.payload());
        Ok(())
    }

    fn close(&mut self, _: Duration) -> CloseReport<u32> {
        self.closed.add();
        CloseReport::default()
    }
}

/// Writes these from threads of their own, all at once.
fn write_at_once<S: Sink<u32> + Clone>(sink: &S, numbers: std::ops::Range<u32>) {
    let all: Vec<u32> = numbers.collect();
    thread::scope(|scope| {
        for part in all.chunks(all.len().div_ceil(16)) {
            let mut sink = sink.clone();
            scope.spawn(move || {
                for number in part {
                    sink.write(&event(*number)).unwrap();
                }
            });
        }
    });
}

/// Their check of each sink: closing works, again too, and writing after that does not.
fn check_close(mut sink: impl Sink<u32>) {
    assert!(sink.close(LONG).is_complete());
    assert!(sink.close(LONG).is_complete());
    assert!(matches!(sink.write(&event(0)), Err(SinkError::Closed)));
}

fn vector(dir: &Path, name: &str) -> serde_json::Value {
    let text = std::fs::read_to_string(dir.join(name)).unwrap();
    serde_json::from_str(&text).unwrap()
}

// ---------------------------------------------------------------------------------------------------------------------
// 1.1 The interface.

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

// ---------------------------------------------------------------------------------------------------------------------
// 1.2 Their tests.

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

// ---------------------------------------------------------------------------------------------------------------------
// 1.3 Asked for there, and here.

/// #31: a queue of a size, and an error when it is full.
#[test]
fn wish_a_sized_queue() {
    guarded(|| {
        let hold = Hold::default();
        let holds = hold.clone();
        let mut queue = sink_fn(move |_: &Event<u32>| {
            holds.stop_here();
            Ok(())
        })
        .queue(1);
        queue.write(&event(0)).unwrap();
        hold.wait_for_arrival();
        queue.write(&event(1)).unwrap();
        assert!(matches!(
            queue.write(&event(2)),
            Err(SinkError::Full { capacity: 1 })
        ));
        hold.release();
    });
}

/// #27, swarmkit #2285: a sink that takes too long.
#[test]
fn wish_a_timeout() {
    guarded(|| {
        let hold = Hold::default();
        let holds = hold.clone();
        let mut sink = sink_fn(move |_: &Event<u32>| {
            holds.stop_here();
            Ok(())
        })
        .timeout(SHORT);
        assert!(matches!(
            sink.write(&event(0)),
            Err(SinkError::TimedOut { .. })
        ));
        hold.release();
    });
}

/// #26: drop on an error, or close on an error. A few lines each.
#[test]
fn wish_error_handling() {
    let failing = || sink_fn(|_: &Event<u32>| Err(SinkError::failed("no")));
    let mut drops = failing();
    let mut drop_on_error = sink_fn(move |event: &Event<u32>| drops.write(event).or(Ok(())));
    drop_on_error.write(&event(1)).unwrap();

    let mut closes = failing();
    let mut close_on_error = sink_fn(move |event: &Event<u32>| {
        closes.write(event).map_err(|_| {
            let _ = closes.close(Duration::ZERO);
            SinkError::Closed
        })
    });
    for _ in 0..2 {
        assert!(matches!(
            close_on_error.write(&event(1)),
            Err(SinkError::Closed)
        ));
    }
}

/// #25, #24: a listener on a sink, for metrics.
#[test]
fn wish_a_tap() {
    let (metrics, seen) = (SinkMetrics::new(), Log::default());
    let noted = seen.clone();
    let mut sink = Recorder::default()
        .filter(|_: &Event<u32>| true)
        .tap(&metrics)
        .on_write(move |event, result, _| noted.push((*event.payload(), result.is_ok())));
    sink.write(&event(1)).unwrap();
    assert_eq!(metrics.snapshot().written, 1);
    assert_eq!(seen.all(), [(1, true)]);
}

/// #39: what a queue could not write. It goes to a dead-letter sink, with the reason.
#[test]
fn wish_a_channel_of_write_errors() {
    guarded(|| {
        let (letters, mut reader) = channel(16);
        let failing = sink_fn(|_: &Event<u32>| Err(SinkError::refused("no such tenant")));
        let mut queue = failing.dead_letter(letters).queue(16);
        queue.write(&event(7)).unwrap();
        let letter = reader.recv().unwrap().into_payload();
        assert_eq!(*letter.event.payload(), 7);
        assert_eq!(letter.error.kind(), SinkErrorKind::Refused);
        assert!(queue.close(LONG).is_complete());
    });
}

/// #14, #16, swarmkit #2619: closing a queue hangs when its sink does.
#[test]
fn wish_a_close_that_ends() {
    guarded(|| {
        let hold = Hold::default();
        let holds = hold.clone();
        let mut queue = sink_fn(move |_: &Event<u32>| {
            holds.stop_here();
            Ok(())
        })
        .queue(16)
        .named("hung");
        for number in 0..3 {
            queue.write(&event(number)).unwrap();
        }
        hold.wait_for_arrival();
        let report = queue.close(SHORT);
        assert_eq!((payloads(&report.left), report.in_flight), (vec![1, 2], 1));
        assert_eq!(report.detached, ["hung"]);
        hold.release();
    });
}

/// swarmkit #3267, distribution #324 and #2422: queues and retries without limits eat memory. Each has a number here, and
/// gives up by attempts and by age.
#[test]
fn wish_limits() {
    let clock = ManualClock::new();
    let sink = || sink_fn(|_: &Event<u32>| Err(SinkError::failed("no")));
    let retry = || sink().retry(ExponentialBackoff::default().random(|| u64::MAX));
    let mut by_attempts = retry().max_attempts(2).clock(clock.clone());
    let mut by_age = retry()
        .max_age(Duration::from_secs(60))
        .max_attempts(u32::MAX)
        .clock(clock);
    let error = by_attempts.write(&event(1)).unwrap_err();
    assert!(matches!(error, SinkError::GaveUp { attempts: 2, .. }));
    let error = by_age.write(&event(1)).unwrap_err();
    // 2, 3, 5, 9, 17 and 20 s are 56 s.
    assert!(
        matches!(error, SinkError::GaveUp { attempts: 7, .. }),
        "{error}"
    );
}

/// containerd #1105 and #13646, moby #42314: a sink that blocks stops the broadcaster, its writers and its publishers.
#[test]
fn wish_that_a_blocking_sink_blocks_nobody() {
    guarded(|| {
        let hold = Hold::default();
        let holds = hold.clone();
        let stuck = sink_fn(move |_: &Event<u32>| {
            holds.stop_here();
            Ok(())
        });
        let fine = Recorder::default();
        let mut broadcast = Broadcast::queued(16)
            .with("stuck", stuck)
            .with("fine", fine.clone());
        for number in 0..10 {
            broadcast.write(&event(number)).unwrap();
        }
        wait_until(|| fine.events.len() == 10);
        hold.release();
    });
}

/// libnetwork #1787 and #1958, swarmkit #1398 and #2215: consumers leak, as the channel is never closed. Here its reader gets
/// the end when the last sink is gone, and what drops its handle closes.
#[test]
fn wish_that_nothing_leaks() {
    guarded(|| {
        let (sink, mut reader) = channel::<u32>(4);
        let reading = thread::spawn(move || reader.iter().count());
        let mut broadcast = Broadcast::queued(4).with("reader", sink);
        broadcast.write(&event(1)).unwrap();
        drop(broadcast);
        assert_eq!(reading.join().unwrap(), 1);
    });
}

// ---------------------------------------------------------------------------------------------------------------------
// 1.4 What is wrong there.

/// A closed sink makes the next one miss the event, and the last one get it twice.
#[test]
fn fault_a_closed_sink_during_a_broadcast() {
    let Some(dir) = vectors::dir("go-events") else {
        return;
    };
    for case in vector(&dir, "broadcast-closed-sink.json")
        .as_array()
        .unwrap()
    {
        let case = case.clone();
        guarded(move || {
            let names: Vec<&str> = case["sinks"].as_str().unwrap().split(',').collect();
            let closed = case["closed"].as_str().unwrap();
            let list =
                |key: &str| -> Vec<String> { serde_json::from_value(case[key].clone()).unwrap() };
            let delivered = Log::default();
            let mut broadcast = Broadcast::new();
            for name in &names {
                let (delivered, own, is_closed) =
                    (delivered.clone(), name.to_string(), *name == closed);
                broadcast = broadcast.with(
                    *name,
                    sink_fn(move |_: &Event<u32>| {
                        if is_closed {
                            return Err(SinkError::Closed);
                        }
                        delivered.push(own.clone());
                        Ok(())
                    }),
                );
            }
            let SinkError::Partly { failures, .. } = broadcast.write(&event(1)).unwrap_err() else {
                panic!("it is said which sink was closed");
            };
            assert_eq!(failures.len(), 1);
            assert_eq!(failures[0].sink, closed);
            assert_eq!(delivered.take(), list("delivered_correct"));
            assert_eq!(broadcast.names(), list("left"));
            broadcast.write(&event(2)).unwrap();
            assert_eq!(delivered.take(), list("left"));
        });
    }
}

/// The caller's own list of sinks is changed by a removal. Sinks are moved in here, so there is no such list; what is taken off
/// comes back.
#[test]
fn fault_the_callers_list_is_changed() {
    let recorder = Recorder::default();
    let broadcast = Broadcast::new().with("a", recorder.clone());
    let mut own = broadcast.remove("a").unwrap();
    own.write(&event(1)).unwrap();
    assert_eq!(recorder.events.all(), [1]);
}

/// One slow sink blocks adding and removing.
#[test]
fn fault_a_slow_sink_blocks_changes() {
    guarded(|| {
        let hold = Hold::default();
        let holds = hold.clone();
        let broadcast = Broadcast::new().with(
            "slow",
            sink_fn(move |_: &Event<u32>| {
                holds.stop_here();
                Ok(())
            }),
        );
        let mut writer = broadcast.clone();
        let writing = thread::spawn(move || writer.write(&event(1)));
        hold.wait_for_arrival();
        broadcast.add("other", Recorder::default()).unwrap();
        assert!(broadcast.remove("slow").is_some());
        hold.release();
        writing.join().unwrap().unwrap();
    });
}

/// A queue loses at Debug level, and dies of a panic: here both are counted, and traced as warnings.
#[test]
fn fault_a_silent_loss_in_the_queue() {
    guarded(|| {
        let mut queue = sink_fn(|event: &Event<u32>| match event.payload() {
            0 => panic!("planted"),
            1 => Err(SinkError::refused("no")),
            _ => Ok(()),
        })
        .queue(16)
        .when_full(WhenFull::DropOldest);
        for number in 0..4 {
            queue.write(&event(number)).unwrap();
        }
        assert!(queue.close(LONG).is_complete());
        let stats = queue.stats();
        assert_eq!((stats.accepted, stats.written), (4, 2));
        assert_eq!((stats.failed, stats.panics, stats.dropped), (2, 1, 0));
    });
}

/// Closing a queue over a retry over a dead endpoint never returns, as the retry is closed after the flush.
#[test]
fn fault_a_close_that_hangs_over_a_dead_endpoint() {
    guarded(|| {
        let (attempts, recorder) = (Count::default(), Recorder::default());
        let tried = attempts.clone();
        let mut behind = recorder.clone();
        let dead = sink_fn(move |_: &Event<u32>| {
            tried.add();
            behind
                .write(&event(99))
                .and(Err(SinkError::failed("unreachable")))
        });
        let retry = dead.retry(Breaker::new(1, HOUR)).max_attempts(u32::MAX);
        let mut queue = retry.queue(16);
        for number in 0..5 {
            queue.write(&event(number)).unwrap();
        }
        wait_until(|| attempts.get() == 1);
        let report = queue.close(SHORT);
        assert_eq!(payloads(&report.left), [0, 1, 2, 3, 4]);
        assert!(
            report.detached.is_empty(),
            "its thread has ended: {report:?}"
        );
    });
}

/// A second close at the same time returns before the flush is over.
#[test]
fn fault_a_second_close_that_does_not_wait() {
    guarded(|| {
        for _ in 0..rounds(20) {
            let recorder = Recorder::default();
            let mut queue = recorder.clone().queue(64);
            for number in 0..64 {
                queue.write(&event(number)).unwrap();
            }
            thread::scope(|scope| {
                for _ in 0..2 {
                    let (mut queue, recorder) = (queue.clone(), recorder.clone());
                    scope.spawn(move || {
                        assert!(queue.close(LONG).is_complete());
                        assert_eq!((recorder.events.len(), recorder.closed.get()), (64, 1));
                    });
                }
            });
        }
    });
}

/// Retries claim to take turns, without a lock. Here a sink is written to by `&mut`, and shared by what locks.
#[test]
fn fault_retries_that_overlap() {
    guarded(|| {
        let inside = Count::default();
        let (entered, mut left) = (inside.clone(), 0);
        let sink = sink_fn(move |_: &Event<u32>| {
            entered.add();
            thread::yield_now();
            left += 1;
            assert_eq!(entered.get(), left, "somebody else is here");
            Ok(())
        });
        let retry = sink.retry(ExponentialBackoff::default()).shared();
        write_at_once(&retry, 0..200);
        assert_eq!(inside.get(), 200);
    });
}

/// A retry that gives up reports success.
#[test]
fn fault_a_drop_that_is_called_success() {
    let mut sink = sink_fn(|_: &Event<u32>| Err(SinkError::failed("no")))
        .retry(ExponentialBackoff::default())
        .max_attempts(1);
    assert!(sink.write(&event(1)).is_err());
}

/// From the 56th failure on the bound falls back to the base; with a base of zero it panics.
#[test]
fn fault_a_bound_that_wraps() {
    let Some(dir) = vectors::dir("go-events") else {
        return;
    };
    let vector = vector(&dir, "backoff-bounds.json");
    let (default, second) = (ExponentialBackoff::default(), Duration::from_secs(1));
    for (failures, original) in vector["overflow_in_original"].as_object().unwrap() {
        let Ok(failures) = failures.parse() else {
            continue;
        };
        assert_eq!(default.bound(failures), 20 * second);
        let original = Duration::from_nanos(original.as_u64().unwrap());
        assert_eq!(default.bound(failures) == original, failures < 56);
    }
    let now = Instant::now();
    let mut no_base = ExponentialBackoff::new(Duration::ZERO, second / 1000, 20 * second);
    for failures in 1..200 {
        no_base.failed(now, &SinkError::failed("no"));
        let is_below = match no_base.proceed(now) {
            Proceed::After(delay) => delay < 20 * second,
            other => other == Proceed::Now,
        };
        assert!(is_below);
        assert!(failures < 16 || no_base.bound(failures) == 20 * second);
    }
}

/// Their buffered channel, closed, accepts an event now and then, which nobody reads.
#[test]
fn fault_a_write_after_close() {
    guarded(|| {
        for _ in 0..rounds(500) {
            let (mut sink, mut reader) = channel(8);
            let mut closer = sink.clone();
            let closing = thread::spawn(move || closer.close(LONG).is_complete());
            let accepted = (0..8)
                .take_while(|number| sink.write(&event(*number)).is_ok())
                .count();
            assert!(closing.join().unwrap());
            assert!(matches!(sink.write(&event(9)), Err(SinkError::Closed)));
            assert_eq!(reader.iter().count(), accepted, "accepted is read");
        }
    });
}

/// Their filter's flag is shared by threads without a lock. Here two threads cannot write to one filter: that does not compile,
/// and sharing it is explicit.
#[test]
fn fault_an_unsynchronised_flag() {
    guarded(|| {
        let recorder = Recorder::default();
        let shared = recorder.clone().filter(|_: &Event<u32>| true).shared();
        write_at_once(&shared, 0..100);
        check_close(shared);
        assert_eq!(recorder.events.len(), 100);
    });
}

/// Their documentation says that a base of 1 s means less than 1 s; the code waits up to 2 s. Here the bound can be asked for.
#[test]
fn fault_a_bound_that_is_not_as_documented() {
    let second = Duration::from_secs(1);
    assert_eq!(ExponentialBackoff::default().bound(1), 2 * second);
}

/// On a router, a stalled sink freezes nothing: see `tests/sink/router.rs`. Their broadcaster is the router's place there.
#[test]
fn the_whole_of_it_on_a_router() {
    guarded(|| {
        let router = Router::<u32>::new();
        let recorder = Recorder::default();
        let topic = topic("EVENT");
        let queue = recorder
            .clone()
            .retry(ExponentialBackoff::default())
            .queue(1024);
        let subscription = router
            .subscription()
            .filter(Filter::exact(topic))
            .sink(queue)
            .unwrap();
        for number in 0..100 {
            router.publish(topic, number).unwrap();
        }
        router.flush().unwrap();
        subscription.unsubscribe().unwrap();
        assert_eq!(recorder.events.all(), (0..100).collect::<Vec<_>>());
        assert_eq!(recorder.closed.get(), 1);
    });
}
