//! A limit to how long a write may take.

use crate::common::{Hold, Log, guarded, wait_until};
use crate::harness::{LONG, Note, Patient, Probe, event, holding, written};
use laneway::sink::{CancelToken, Sink, SinkError};
use std::thread;
use std::time::Duration;

const SHORT: Duration = Duration::from_millis(20);

#[test]
fn in_time_the_result_is_the_sinks() {
    guarded(|| {
        let log = Log::default();
        let mut sink = Probe::failing(&log, |number| match number {
            1 => Ok(()),
            2 => Err(SinkError::refused("no")),
            3 => panic!("planted"),
            _ => Err(SinkError::Closed),
        })
        .timeout(LONG);
        sink.write(&event(1)).unwrap();
        assert!(matches!(sink.write(&event(2)), Err(SinkError::Refused(_))));
        assert!(matches!(
            sink.write(&event(3)),
            Err(SinkError::Panicked { .. })
        ));
        assert!(matches!(sink.write(&event(4)), Err(SinkError::Closed)));
        assert!(sink.close(LONG).is_complete());
        assert!(matches!(sink.write(&event(5)), Err(SinkError::Closed)));
        assert_eq!(log.all(), [Note::Written(1), Note::Closed]);
        assert_eq!(sink.late(), 0);
    });
}

#[test]
fn a_slow_write_times_out_and_goes_on_and_the_next_ones_are_not_begun() {
    guarded(|| {
        let (log, hold) = (Log::default(), Hold::default());
        let mut sink = holding(&log, &hold).timeout(SHORT);
        let error = sink.write(&event(1)).unwrap_err();
        assert!(matches!(error, SinkError::TimedOut { after: SHORT }) && error.is_retryable());
        assert!(matches!(
            sink.write(&event(2)),
            Err(SinkError::TimedOut { .. })
        ));
        assert!(matches!(
            sink.write(&event(3)),
            Err(SinkError::TimedOut { .. })
        ));
        hold.release();
        wait_until(|| sink.late() == 1);
        // There is room again, and nothing of what timed out came in between. It may time out on a slow machine.
        wait_until(|| sink.write(&event(4)).is_ok());
        assert!(sink.close(LONG).is_complete());
        let written = written(&log);
        assert_eq!(written[0], 1);
        assert!(
            written[1..].iter().all(|number| *number == 4),
            "{written:?}"
        );
    });
}

#[test]
fn closing_reports_a_write_that_hangs() {
    guarded(|| {
        let (log, hold) = (Log::default(), Hold::default());
        let mut sink = holding(&log, &hold).timeout(SHORT);
        assert!(sink.write(&event(1)).is_err());
        let report = sink.close(SHORT);
        assert_eq!((report.in_flight, report.left.len()), (1, 0));
        hold.release();
        assert!(sink.close(LONG).is_complete());
    });
}

#[test]
fn closing_ends_what_the_sink_waits_for() {
    guarded(|| {
        let patient = Patient {
            cancel: CancelToken::new(),
            hold: Hold::default(),
        };
        let mut sink = patient.timeout(SHORT);
        assert!(matches!(
            sink.write(&event(1)),
            Err(SinkError::TimedOut { .. })
        ));
        let report = sink.close(SHORT);
        assert!(report.detached.is_empty(), "{report:?}");
    });
}

#[test]
fn the_token_ends_the_wait_of_the_writer() {
    guarded(|| {
        let (log, hold) = (Log::default(), Hold::default());
        let mut sink = holding(&log, &hold).timeout(Duration::MAX);
        let token = CancelToken::new();
        sink.attach(&token);
        let writing = thread::spawn(move || (sink.write(&event(1)), sink));
        hold.wait_for_arrival();
        token.cancel();
        let (result, sink) = writing.join().unwrap();
        assert!(matches!(result, Err(SinkError::Cancelled { .. })));
        hold.release();
        drop(sink);
    });
}
