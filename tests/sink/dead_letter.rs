//! What becomes of events that cannot be written.

use crate::common::{Log, guarded, wait_until};
use crate::harness::{Endpoint, LONG, Note, Probe, event, numbers, written};
use laneway::Event;
use laneway::sink::{
    Breaker, DeadLetter, ExponentialBackoff, ManualClock, Sink, SinkError, channel, events_only,
    sink_fn,
};
use std::error::Error;
use std::time::Duration;

#[test]
fn an_event_that_is_given_up_is_kept_with_its_last_error() {
    guarded(|| {
        let (log, endpoint) = (Log::default(), Endpoint::default());
        let (letters, mut reader) = channel::<DeadLetter<u32>>(16);
        let mut queue = endpoint
            .sink(&log)
            .retry(ExponentialBackoff::default())
            .max_attempts(3)
            .clock(ManualClock::new())
            .dead_letter(letters)
            .queue(16);
        for number in 0..4 {
            queue.write(&event(number)).unwrap();
        }
        assert!(queue.close(LONG).is_complete());
        let letters: Vec<_> = reader.iter().map(Event::into_payload).collect();
        assert_eq!(letters.len(), 4);
        for (number, letter) in letters.iter().enumerate() {
            assert_eq!(*letter.event.payload() as usize, number);
            assert_eq!(letter.event.topic(), event(0).topic());
            assert!(matches!(
                *letter.error,
                SinkError::GaveUp { attempts: 3, .. }
            ));
            let last = letter.error.source().unwrap();
            assert_eq!(last.to_string(), "the write failed: unreachable");
        }
        assert_eq!(queue.stats().written, 4, "they are taken care of");
    });
}

#[test]
fn what_no_one_takes_is_an_error_with_both_reasons() {
    let mut sink = Probe::failing(&Log::default(), |_| Err(SinkError::refused("first")))
        .dead_letter(sink_fn(|_: &Event<DeadLetter<u32>>| {
            Err(SinkError::failed("second"))
        }));
    let error = sink.write(&event(1)).unwrap_err();
    assert!(!error.is_retryable());
    let text = error.to_string();
    assert!(text.contains("first") && text.contains("second"), "{text}");
    let SinkError::DeadLetter { error, dead_letter } = error else {
        panic!("{error}");
    };
    assert!(matches!(*error, SinkError::Refused(_)));
    assert!(matches!(*dead_letter, SinkError::Failed { .. }));
}

#[test]
fn a_closed_or_closing_sink_makes_no_dead_letters() {
    let log = Log::default();
    let mut sink = Probe::failing(&Log::default(), |number| {
        Err(match number {
            1 => SinkError::Closed,
            _ => SinkError::Cancelled { last: None },
        })
    })
    .dead_letter(events_only(Probe::new(&log)));
    assert!(matches!(sink.write(&event(1)), Err(SinkError::Closed)));
    assert!(matches!(
        sink.write(&event(2)),
        Err(SinkError::Cancelled { .. })
    ));
    assert!(log.all().is_empty());
}

#[test]
fn closing_closes_both_and_reports_letters_as_their_events() {
    guarded(|| {
        let log = Log::default();
        let stuck = crate::common::Hold::default();
        let letters = crate::harness::holding(&log, &stuck).queue(10);
        let mut sink = Probe::failing(&log, |_| Err(SinkError::refused("no")))
            .dead_letter(events_only(letters));
        for number in 0..3 {
            sink.write(&event(number)).unwrap();
        }
        stuck.wait_for_arrival();
        let report = sink.close(Duration::from_millis(20));
        assert_eq!((report.in_flight, numbers(&report.left)), (1, vec![1, 2]));
        stuck.release();
        drop(sink);
        assert!(written(&log).len() <= 1);
        assert!(log.all().contains(&Note::Closed));
    });
}

#[test]
fn fault_a_dead_letter_that_was_cut_short_was_lost() {
    guarded(|| {
        // An event is refused; its dead letter is retried; the queue in front is closed meanwhile.
        let (log, dead) = (Log::default(), Endpoint::default());
        let letters = dead.sink(&log).retry(Breaker::new(1, LONG));
        let mut queue = Probe::failing(&log, |_| Err(SinkError::refused("no")))
            .dead_letter(events_only(letters))
            .queue(10);
        queue.write(&event(7)).unwrap();
        wait_until(|| dead.attempts() > 0);
        let report = queue.close(Duration::ZERO);
        assert_eq!(numbers(&report.left), [7], "{report:?}");
        assert_eq!(queue.stats().failed, 0);
    });
}
