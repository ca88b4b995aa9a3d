//! 1.3 Asked for there, and here.

use crate::common::{Hold, Log, guarded, wait_until};
use crate::{LONG, Recorder, SHORT, event, payloads};
use laneway::Event;
use laneway::sink::{
    Broadcast, ExponentialBackoff, ManualClock, Sink, SinkError, SinkErrorKind, SinkMetrics,
    channel, sink_fn,
};
use std::thread;
use std::time::Duration;

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
