//! One event, several sinks.

use crate::common::{Hold, Log, guarded, wait_until};
use crate::harness::{LONG, Note, Probe, closings, event, holding, numbers, written};
use laneway::Event;
use laneway::sink::{Broadcast, BroadcastError, Sink, SinkError, SinkErrorKind, sink_fn};
use std::thread;
use std::time::Duration;

fn failures(result: Result<(), SinkError>) -> Vec<(String, SinkErrorKind)> {
    match result {
        Ok(()) => Vec::new(),
        Err(SinkError::Partly { failures, .. }) => failures
            .into_iter()
            .map(|failure| (failure.sink, failure.error.kind()))
            .collect(),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn a_failure_costs_nobody_else_an_event_and_is_reported_by_name() {
    guarded(|| {
        let logs: [Log<Note>; 3] = Default::default();
        let mut broadcast = Broadcast::new()
            .with("a", Probe::new(&logs[0]))
            .with(
                "bad",
                Probe::failing(&logs[1], |_| Err(SinkError::failed("no"))),
            )
            .with("panics", sink_fn(|_: &Event<u32>| panic!("planted")))
            .with("c", Probe::new(&logs[2]));
        for number in 0..3 {
            let failed = failures(broadcast.write(&event(number)));
            let expected = [
                ("bad".into(), SinkErrorKind::Failed),
                ("panics".into(), SinkErrorKind::Panicked),
            ];
            assert_eq!(failed, expected);
        }
        for log in [&logs[0], &logs[2]] {
            assert_eq!(written(log), [0, 1, 2]);
        }
    });
}

#[test]
fn a_closed_sink_is_named_once_and_taken_off() {
    guarded(|| {
        let log = Log::default();
        let mut broadcast = Broadcast::new()
            .with("gone", sink_fn(|_: &Event<u32>| Err(SinkError::Closed)))
            .with("here", Probe::new(&log));
        let failed = failures(broadcast.write(&event(1)));
        assert_eq!(failed, [("gone".into(), SinkErrorKind::Closed)]);
        broadcast.write(&event(2)).unwrap();
        assert_eq!(broadcast.names(), ["here"]);
        assert_eq!(written(&log), [1, 2]);
    });
}

#[test]
fn fault_what_a_closed_sink_held_was_in_no_report() {
    guarded(|| {
        // Write three events to a queue whose sink is closed, by a broadcast that is closed after it has noticed.
        let hold = Hold::default();
        let stop = hold.clone();
        let mut broadcast = Broadcast::queued(10).with(
            "gone",
            sink_fn(move |_: &Event<u32>| {
                stop.stop_here();
                Err(SinkError::Closed)
            }),
        );
        for number in 0..3 {
            broadcast.write(&event(number)).unwrap();
        }
        hold.wait_for_arrival();
        hold.release();
        wait_until(|| {
            let _ = broadcast.write(&event(9));
            broadcast.names().is_empty()
        });
        let reports = broadcast.close_each(LONG);
        let [(name, report)] = &reports[..] else {
            panic!("{reports:?}");
        };
        assert_eq!(name, "gone");
        assert!(numbers(&report.left).starts_with(&[0, 1, 2]), "{report:?}");
    });
}

#[test]
fn sinks_come_and_go_while_another_hangs() {
    guarded(|| {
        let (log, hold) = (Log::default(), Hold::default());
        let broadcast = Broadcast::new().with("slow", holding(&log, &hold));
        let mut writer = broadcast.clone();
        let writing = thread::spawn(move || writer.write(&event(1)));
        hold.wait_for_arrival();
        // None of these waits for the write.
        broadcast.add("late", Probe::new(&log)).unwrap();
        assert!(broadcast.remove("late").is_some());
        assert!(broadcast.remove("late").is_none());
        let mut slow = broadcast.remove("slow").unwrap();
        assert!(broadcast.names().is_empty());
        hold.release();
        writing.join().unwrap().unwrap();
        // What was taken off is the caller's.
        slow.write(&event(2)).unwrap();
        assert!(slow.close(LONG).is_complete());
        assert_eq!(written(&log), [1, 2]);
    });
}

#[test]
fn with_queues_a_slow_one_costs_the_others_no_time() {
    guarded(|| {
        let (slow, fast, hold) = (Log::default(), Log::default(), Hold::default());
        let mut broadcast = Broadcast::queued(4)
            .with("slow", holding(&slow, &hold))
            .with("fast", Probe::new(&fast));
        broadcast.write(&event(0)).unwrap();
        hold.wait_for_arrival();
        for number in 1..=4 {
            broadcast.write(&event(number)).unwrap();
            wait_until(|| written(&fast).len() == number as usize + 1);
        }
        // The slow one loses what finds its queue full, and that is said.
        let failed = failures(broadcast.write(&event(5)));
        assert_eq!(failed, [("slow".into(), SinkErrorKind::Full)]);
        hold.release();
        let report = broadcast.close(LONG);
        assert!(report.is_complete(), "{report:?}");
        assert_eq!(written(&slow), [0, 1, 2, 3, 4]);
        assert_eq!(written(&fast), [0, 1, 2, 3, 4, 5]);
    });
}

#[test]
fn closing_closes_all_and_reports_each() {
    guarded(|| {
        let (log, hold) = (Log::default(), Hold::default());
        let mut broadcast = Broadcast::queued(4)
            .with("stuck", holding(&Log::default(), &hold))
            .with("fine", Probe::new(&log));
        for number in 0..3 {
            broadcast.write(&event(number)).unwrap();
        }
        hold.wait_for_arrival();
        let reports = broadcast.close_each(Duration::from_millis(20));
        let [(stuck, first), (fine, second)] = &reports[..] else {
            panic!("{reports:?}");
        };
        assert_eq!((&**stuck, &**fine), ("stuck", "fine"));
        assert_eq!((first.in_flight, numbers(&first.left)), (1, vec![1, 2]));
        assert_eq!(first.detached, ["stuck"]);
        assert!(second.is_complete());
        assert_eq!(written(&log), [0, 1, 2]);
        assert_eq!(closings(&log), 1);
        hold.release();

        assert!(matches!(broadcast.write(&event(9)), Err(SinkError::Closed)));
        let added = broadcast.add("late", Probe::new(&log));
        assert_eq!(added, Err(BroadcastError::Closed));
        assert!(broadcast.close(LONG).is_complete(), "a second time");
    });
}

#[test]
fn closing_does_not_wait_for_a_sink_that_hangs() {
    guarded(|| {
        let (log, hold) = (Log::default(), Hold::default());
        let mut broadcast = Broadcast::new()
            .with("stuck", holding(&Log::default(), &hold))
            .with("fine", Probe::new(&log));
        let mut writer = broadcast.clone();
        let writing = thread::spawn(move || writer.write(&event(1)));
        hold.wait_for_arrival();
        let report = broadcast.close(Duration::from_millis(20));
        assert!(report.in_flight >= 1, "{report:?}");
        assert_eq!(closings(&log), 1, "the other one is closed");
        hold.release();
        let failed = failures(writing.join().unwrap());
        assert_eq!(
            failed,
            [("fine".into(), SinkErrorKind::Closed)],
            "nothing is silent"
        );
    });
}

#[test]
fn names_are_unique() {
    let broadcast = Broadcast::new().with("a", Probe::new(&Log::default()));
    let again = broadcast.add("a", Probe::new(&Log::default()));
    assert_eq!(again, Err(BroadcastError::NameInUse { name: "a".into() }));
    assert_eq!(broadcast.names(), ["a"]);
}

#[test]
fn all_sinks_see_the_same_order() {
    guarded(|| {
        let logs: [Log<Note>; 3] = Default::default();
        let mut broadcast = Broadcast::new();
        for (index, log) in logs.iter().enumerate() {
            broadcast = broadcast.with(index.to_string(), Probe::new(log));
        }
        thread::scope(|scope| {
            for writer in 0..4 {
                let mut broadcast = broadcast.clone();
                scope.spawn(move || {
                    for number in 0..50 {
                        broadcast.write(&event(writer * 100 + number)).unwrap();
                    }
                });
            }
        });
        let first = written(&logs[0]);
        assert_eq!(first.len(), 200);
        assert!(logs.iter().all(|log| written(log) == first));
        for writer in 0..4 {
            let own = first.iter().filter(|number| **number / 100 == writer);
            assert!(own.is_sorted(), "each writer's order holds");
        }
    });
}

#[test]
fn without_sinks_writing_is_ok() {
    let mut broadcast = Broadcast::<u32>::default();
    broadcast.write(&event(1)).unwrap();
    assert!(broadcast.close(LONG).is_complete());
}
