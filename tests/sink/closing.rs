//! Closing: by the deadline, whatever hangs, and nothing is forgotten.

use crate::common::{Hold, Log, guarded, wait_until};
use crate::harness::{
    Endpoint, LONG, Note, Patient, Probe, closings, event, holding, numbers, written,
};
use laneway::sink::{
    Breaker, Broadcast, CancelToken, CloseReport, ExponentialBackoff, Sink, SinkError, WhenFull,
};
use std::thread;
use std::time::Duration;

const SHORT: Duration = Duration::from_millis(20);

/// So long that a test that waits for it hangs.
const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn a_retry_over_a_dead_endpoint_is_cut_short_and_its_events_are_left() {
    guarded(|| {
        let (log, dead) = (Log::default(), Endpoint::default());
        let mut queue = dead.sink(&log).retry(Breaker::new(1, HOUR)).queue(100);
        for number in 0..10 {
            queue.write(&event(number)).unwrap();
        }
        wait_until(|| dead.attempts() > 0);
        let report = queue.close(SHORT);
        assert_eq!(numbers(&report.left), (0..10).collect::<Vec<_>>());
        assert!(report.detached.is_empty(), "{report:?}");
        assert_eq!((report.in_flight, dead.attempts()), (0, 1));
        // The sink below was closed, too.
        assert_eq!(log.all(), [Note::Closed]);
    });
}

#[test]
fn the_deadline_is_for_flushing() {
    guarded(|| {
        let (log, endpoint) = (Log::default(), Endpoint::default());
        let backoff = ExponentialBackoff::new(Duration::ZERO, SHORT, SHORT);
        let retry = endpoint.sink(&log).retry(backoff).max_attempts(u32::MAX);
        let mut queue = retry.queue(100);
        for number in 0..10 {
            queue.write(&event(number)).unwrap();
        }
        wait_until(|| endpoint.attempts() > 2);
        let closing = thread::spawn(move || queue.close(LONG));
        endpoint.repair();
        assert!(closing.join().unwrap().is_complete());
        assert_eq!(written(&log), (0..10).collect::<Vec<_>>());
    });
}

#[test]
fn a_thread_that_does_not_come_back_is_named() {
    guarded(|| {
        let (log, hold) = (Log::default(), Hold::default());
        let mut queue = holding(&log, &hold).queue(10).named("stuck");
        for number in 0..3 {
            queue.write(&event(number)).unwrap();
        }
        hold.wait_for_arrival();
        let report = queue.close(SHORT);
        assert_eq!(numbers(&report.left), [1, 2]);
        assert_eq!(
            (report.in_flight, &*report.detached),
            (1, &["stuck".into()][..])
        );
        // Whoever asks again waits for the end, and it comes.
        hold.release();
        let report = queue.close(LONG);
        assert!(report.is_complete(), "{report:?}");
        assert_eq!(log.all(), [Note::Written(0), Note::Closed]);
    });
}

#[test]
fn a_second_close_waits_for_the_same_end() {
    guarded(|| {
        let (log, hold) = (Log::default(), Hold::default());
        let mut queue = holding(&log, &hold).queue(10);
        for number in 0..3 {
            queue.write(&event(number)).unwrap();
        }
        hold.wait_for_arrival();
        let closing: Vec<_> = (0..4)
            .map(|_| {
                let (mut queue, log) = (queue.clone(), log.clone());
                thread::spawn(move || {
                    let report = queue.close(LONG);
                    // All of them return after the end.
                    assert_eq!(closings(&log), 1);
                    report
                })
            })
            .collect();
        hold.release();
        for closing in closing {
            assert!(closing.join().unwrap().is_complete());
        }
        assert_eq!(written(&log), [0, 1, 2]);
        assert_eq!(closings(&log), 1);
    });
}

#[test]
fn of_several_that_close_one_gets_what_is_left() {
    guarded(|| {
        let (log, dead) = (Log::default(), Endpoint::default());
        let mut queue = dead.sink(&log).retry(Breaker::new(1, HOUR)).queue(100);
        for number in 0..10 {
            queue.write(&event(number)).unwrap();
        }
        let closing: Vec<_> = (0..4)
            .map(|_| {
                let mut queue = queue.clone();
                thread::spawn(move || queue.close(SHORT))
            })
            .collect();
        let reports = closing.into_iter().map(|closing| closing.join().unwrap());
        let left: Vec<u32> = reports.flat_map(|report| numbers(&report.left)).collect();
        assert_eq!(left, (0..10).collect::<Vec<_>>());
    });
}

#[test]
fn a_queue_behind_a_queue_gives_back_what_both_hold() {
    guarded(|| {
        let (log, dead) = (Log::default(), Endpoint::default());
        let inner = dead.sink(&log).retry(Breaker::new(1, HOUR)).queue(2);
        let mut outer = inner.when_full(WhenFull::Block(Duration::MAX)).queue(100);
        for number in 0..10 {
            outer.write(&event(number)).unwrap();
        }
        // One is retried, two wait inside, one waits for room, the others outside.
        wait_until(|| dead.attempts() > 0 && outer.stats().waiting == 6);
        let report = outer.close(SHORT);
        let mut left = numbers(&report.left);
        left.sort();
        assert_eq!(left, (0..10).collect::<Vec<_>>(), "{report:?}");
    });
}

#[test]
fn a_queue_behind_a_queue_that_hangs_gives_back_what_it_holds() {
    guarded(|| {
        let (log, hold) = (Log::default(), Hold::default());
        let inner = holding(&log, &hold).queue(10).named("inner");
        let mut outer = inner.queue(10).named("outer");
        for number in 0..5 {
            outer.write(&event(number)).unwrap();
        }
        hold.wait_for_arrival();
        wait_until(|| outer.stats().written == 5);
        let report = outer.close(SHORT);
        assert_eq!(numbers(&report.left), [1, 2, 3, 4]);
        assert_eq!(report.detached, ["inner"], "the outer one has ended");
        assert_eq!(report.in_flight, 1);
        hold.release();
    });
}

/// Notes what it is told about its end.
struct Ending(Log<Option<Duration>>);

impl Sink<u32> for Ending {
    fn write(&mut self, _: &laneway::Event<u32>) -> Result<(), SinkError> {
        Ok(())
    }

    fn begin_close(&mut self) {
        self.0.push(None);
    }

    fn close(&mut self, deadline: Duration) -> CloseReport<u32> {
        self.0.push(Some(deadline));
        CloseReport::default()
    }
}

#[test]
fn fault_a_sink_behind_a_queue_was_closed_before_its_deadline_was_known() {
    guarded(|| {
        // Begin to close the queue, which is soon empty; close it with an hour. The sink behind it had five seconds.
        let log = Log::default();
        let mut queue = Ending(log.clone()).queue(10);
        queue.write(&event(1)).unwrap();
        queue.begin_close();
        wait_until(|| log.len() > 0);
        assert!(queue.close(HOUR).is_complete());
        let [None, Some(deadline)] = log.all()[..] else {
            panic!("{:?}", log.all());
        };
        assert!(deadline > HOUR / 2, "{deadline:?}");
    });
}

#[test]
fn fault_what_an_inner_queue_held_was_in_no_report() {
    guarded(|| {
        // Begin to close a queue in front of a retrying one; close it with less than five seconds. The inner one went on
        // retrying, and nobody was told what it held.
        let (log, dead) = (Log::default(), Endpoint::default());
        let inner = dead.sink(&log).retry(Breaker::new(1, HOUR)).queue(10);
        let mut outer = inner.clone().queue(10);
        for number in 0..3 {
            outer.write(&event(number)).unwrap();
        }
        wait_until(|| inner.stats().accepted == 3);
        outer.begin_close();
        let mut writer = inner;
        wait_until(|| matches!(writer.write(&event(9)), Err(SinkError::Closed)));
        let report = outer.close(SHORT);
        let left = numbers(&report.left);
        assert!(left.starts_with(&[0, 1, 2]), "{report:?}");
        assert!(report.detached.is_empty(), "{report:?}");
    });
}

#[test]
fn dropping_a_broadcast_closes_its_sinks_at_the_same_time() {
    guarded(|| {
        let logs: [Log<Note>; 3] = Default::default();
        let mut broadcast = Broadcast::queued(4);
        for (index, log) in logs.iter().enumerate() {
            broadcast = broadcast.with(index.to_string(), Probe::new(log));
        }
        broadcast.write(&event(1)).unwrap();
        let other = broadcast.clone();
        drop(broadcast);
        assert_eq!(closings(&logs[0]), 0);
        drop(other);
        for log in &logs {
            assert_eq!(log.all(), [Note::Written(1), Note::Closed]);
        }
    });
}

#[test]
fn a_retry_that_is_cancelled_makes_no_attempt() {
    let (log, endpoint) = (Log::default(), Endpoint::default());
    let mut sink = endpoint.sink(&log).retry(ExponentialBackoff::default());
    let token = CancelToken::new();
    sink.attach(&token);
    token.cancel();
    let error = sink.write(&event(1)).unwrap_err();
    assert!(matches!(error, SinkError::Cancelled { last: None }));
    assert_eq!(endpoint.attempts(), 0);
}

#[test]
fn a_retry_in_a_broadcast_behind_a_queue_is_cut_short() {
    guarded(|| {
        let (log, other, dead) = (Log::default(), Log::default(), Endpoint::default());
        let mut queue = Broadcast::new()
            .with("dead", dead.sink(&log).retry(Breaker::new(1, HOUR)))
            .with("other", Probe::new(&other))
            .queue(10);
        queue.write(&event(1)).unwrap();
        wait_until(|| dead.attempts() > 0);
        let report = queue.close(SHORT);
        assert!(report.detached.is_empty(), "{report:?}");
        // Both are closed, and the other one has the event.
        assert_eq!(log.all(), [Note::Closed]);
        assert_eq!(other.all(), [Note::Written(1), Note::Closed]);
        // It is partly written, and whoever wants it at the other place has it.
        assert_eq!(numbers(&report.left), [1]);
    });
}

#[test]
fn closing_a_shared_sink_ends_the_wait_of_a_writer() {
    guarded(|| {
        let (log, dead) = (Log::default(), Endpoint::default());
        let mut shared = dead.sink(&log).retry(Breaker::new(1, HOUR)).shared();
        let mut writer = shared.clone();
        let writing = thread::spawn(move || writer.write(&event(1)));
        wait_until(|| dead.attempts() > 0);
        assert!(shared.close(SHORT).is_complete());
        let error = writing.join().unwrap().unwrap_err();
        assert!(
            matches!(error, SinkError::Cancelled { last: Some(_) }),
            "{error}"
        );
        assert!(matches!(shared.write(&event(2)), Err(SinkError::Closed)));
        assert_eq!(log.all(), [Note::Closed]);
    });
}

#[test]
fn a_shared_sink_that_hangs_is_reported_and_closed_by_its_writer() {
    guarded(|| {
        let (log, hold) = (Log::default(), Hold::default());
        let mut shared = holding(&log, &hold).shared();
        let mut writer = shared.clone();
        let writing = thread::spawn(move || writer.write(&event(1)));
        hold.wait_for_arrival();
        let report = shared.close(SHORT);
        assert_eq!(report.in_flight, 1);
        assert_eq!(closings(&log), 0);
        hold.release();
        writing.join().unwrap().unwrap();
        assert_eq!(log.all(), [Note::Written(1), Note::Closed]);
        assert!(shared.close(LONG).is_complete());
        assert_eq!(closings(&log), 1);
    });
}

/// Stops when it is closed.
struct Lingering(Hold);

impl Sink<u32> for Lingering {
    fn write(&mut self, _: &laneway::Event<u32>) -> Result<(), SinkError> {
        Ok(())
    }

    fn close(&mut self, _: Duration) -> CloseReport<u32> {
        self.0.stop_here();
        CloseReport::default()
    }
}

#[test]
fn fault_a_second_close_reported_a_write_that_was_none() {
    guarded(|| {
        // Close a shared sink, which takes long over that; close it again, with no time.
        let hold = Hold::default();
        let mut shared = Lingering(hold.clone()).shared();
        let mut other = shared.clone();
        let closing = thread::spawn(move || other.close(LONG));
        hold.wait_for_arrival();
        let report = shared.close(SHORT);
        assert_eq!((report.in_flight, report.failures.len()), (0, 1));
        hold.release();
        assert!(closing.join().unwrap().is_complete());
        assert!(shared.close(LONG).is_complete());
    });
}

#[test]
fn the_token_reaches_through_all_that_composes() {
    guarded(|| {
        let token = CancelToken::new();
        let hold = Hold::default();
        let patient = Patient {
            cancel: CancelToken::new(),
            hold: hold.clone(),
        };
        let metrics = laneway::sink::SinkMetrics::new();
        let dead = laneway::sink::events_only(Probe::new(&Log::default()));
        let mut sink = patient
            .filter(|_: &laneway::Event<u32>| true)
            .tap(&metrics)
            .retry(Breaker::new(1, HOUR))
            .dead_letter(dead)
            .broadcast("inner")
            .shared();
        sink.attach(&token);
        let mut boxed: Box<dyn Sink<u32>> = Box::new(sink);
        let writing = thread::spawn(move || boxed.write(&event(1)));
        hold.wait_for_arrival();
        token.cancel();
        let error = writing.join().unwrap().unwrap_err();
        let SinkError::Partly { failures, .. } = error else {
            panic!("{error}");
        };
        assert!(matches!(failures[0].error, SinkError::Cancelled { .. }));
    });
}

#[test]
fn a_report_says_what_it_holds() {
    let mut report = CloseReport::<u32>::default();
    assert!(report.is_complete());
    report.merge(CloseReport::failure("file", SinkError::failed("full")));
    assert!(!report.is_complete());
    let text = format!("{report:?}");
    assert!(text.contains("file"), "{text}");
}
