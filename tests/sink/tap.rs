//! Counting, and what filters let through.

use crate::common::Log;
use crate::harness::{LONG, Note, Probe, event, written};
use laneway::sink::{Sink, SinkError, SinkErrorKind, SinkMetrics};
use laneway::{Event, Field, Filter, FilterError, Topic};
use std::time::Duration;

fn fault(number: u32) -> Result<(), SinkError> {
    let error = |number| match SinkErrorKind::ALL[number] {
        SinkErrorKind::Closed => SinkError::Closed,
        SinkErrorKind::Full => SinkError::Full { capacity: 1 },
        SinkErrorKind::TimedOut => SinkError::TimedOut {
            after: Duration::ZERO,
        },
        SinkErrorKind::Refused => SinkError::refused("no"),
        SinkErrorKind::Failed => SinkError::failed("no"),
        SinkErrorKind::Panicked => SinkError::Panicked {
            message: "no".into(),
        },
        SinkErrorKind::Cancelled => SinkError::Cancelled { last: None },
        SinkErrorKind::GaveUp => SinkError::GaveUp {
            attempts: 1,
            after: Duration::ZERO,
            last: Some(Box::new(SinkError::failed("no"))),
        },
        SinkErrorKind::Partly => SinkError::Partly {
            written: 1,
            failures: Vec::new(),
        },
        _ => SinkError::DeadLetter {
            error: Box::new(SinkError::failed("no")),
            dead_letter: Box::new(SinkError::failed("no")),
        },
    };
    match number {
        10.. => Ok(()),
        number => Err(error(number as usize)),
    }
}

#[test]
fn each_kind_of_failure_has_its_counter() {
    let (log, metrics, seen) = (Log::<Note>::default(), SinkMetrics::new(), Log::default());
    let noted = seen.clone();
    let mut sink = Probe::failing(&log, fault)
        .tap(&metrics)
        .on_write(move |event, result, _| noted.push((*event.payload(), result.is_ok())));
    for number in 0..13 {
        let result = sink.write(&event(number));
        if let Err(error) = result {
            assert_eq!(error.kind(), SinkErrorKind::ALL[number as usize]);
            assert!(!error.to_string().is_empty());
            // Only these three may work the next time.
            let may = matches!(
                error.kind(),
                SinkErrorKind::Full | SinkErrorKind::TimedOut | SinkErrorKind::Failed
            );
            assert_eq!(error.is_retryable(), may, "{error}");
        }
    }
    let stats = metrics.snapshot();
    assert_eq!((stats.writes, stats.written, stats.failed()), (13, 3, 10));
    assert!(
        SinkErrorKind::ALL
            .iter()
            .all(|kind| stats.failures(*kind) == 1)
    );
    let timed: u64 = stats.latencies().map(|(_, count)| count).sum();
    assert_eq!(timed, 13);
    assert!(stats.latencies().map(|(end, _)| end).is_sorted());
    assert_eq!(seen.len(), 13);
}

#[test]
fn one_handle_counts_for_several() {
    let (log, metrics) = (Log::default(), SinkMetrics::new());
    for number in 0..2 {
        let mut sink = Probe::new(&log).tap(&metrics);
        sink.write(&event(number)).unwrap();
        assert!(sink.close(LONG).is_complete());
    }
    assert_eq!(metrics.clone().snapshot().written, 2);
}

#[test]
fn a_filter_lets_through_what_it_accepts() {
    let log = Log::default();
    let mut sink = Probe::new(&log).filter(|event: &Event<u32>| event.payload().is_multiple_of(2));
    for number in 0..100 {
        sink.write(&event(number)).unwrap();
    }
    assert_eq!(written(&log).len(), 50);
    assert!(sink.close(LONG).is_complete());
    // Also for what it would not have let through.
    assert!(matches!(sink.write(&event(1)), Err(SinkError::Closed)));
    assert_eq!(log.all().last(), Some(&Note::Closed));
}

#[test]
fn by_topic() {
    let log = Log::default();
    let filter = Filter::any().event_type("SINK.*");
    let mut sink = Probe::new(&log).matching(filter).unwrap();
    for (number, event_type) in ["SINK", "SINK.A", "OTHER.A"].into_iter().enumerate() {
        let topic = Topic::new("test", event_type).unwrap();
        sink.write(&Event::new(topic, number as u32)).unwrap();
    }
    assert_eq!(written(&log), [1]);
    let error = Probe::new(&log).matching(Filter::any().category("")).err();
    assert_eq!(
        error,
        Some(FilterError::Empty {
            field: Field::Category
        })
    );
}
