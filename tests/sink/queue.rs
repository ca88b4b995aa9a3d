//! The queue: order, bounds, policies, counters, panics.

use crate::common::{Hold, Log, Tally, Tracked, guarded, topic, wait_until};
use crate::harness::{LONG, Note, Probe, closings, event, holding, numbers, written};
use laneway::Event;
use laneway::sink::{Queue, Sink, SinkError, WhenFull, sink_fn};
use std::thread;
use std::time::Duration;

/// The thread holds event 0, and the queue is empty.
fn held(capacity: usize, when_full: WhenFull) -> (Queue<u32>, Log<Note>, Hold) {
    let (log, hold) = (Log::default(), Hold::default());
    let mut queue = holding(&log, &hold).queue(capacity).when_full(when_full);
    queue.write(&event(0)).unwrap();
    hold.wait_for_arrival();
    (queue, log, hold)
}

fn assert_sums(queue: &Queue<u32>) {
    let stats = queue.stats();
    let known = stats.written + stats.failed + stats.dropped;
    let held = (stats.waiting + stats.in_flight) as u64;
    assert_eq!(stats.accepted, known + held, "{stats:?}");
}

#[test]
fn events_come_in_order_and_closing_writes_them_all() {
    guarded(|| {
        let log = Log::default();
        let mut queue = Probe::new(&log).queue(1000);
        for number in 0..1000 {
            queue.write(&event(number)).unwrap();
        }
        let report = queue.close(LONG);
        assert!(report.is_complete(), "{report:?}");
        assert_eq!(written(&log), (0..1000).collect::<Vec<_>>());
        assert_eq!(log.all().last(), Some(&Note::Closed));
        assert_eq!(queue.stats().written, 1000);
        assert_sums(&queue);
    });
}

#[test]
fn writing_does_not_wait_for_the_sink() {
    guarded(|| {
        let (mut queue, log, hold) = held(10, WhenFull::Refuse);
        for number in 1..=10 {
            queue.write(&event(number)).unwrap();
        }
        assert!(written(&log).is_empty());
        assert_eq!((queue.stats().waiting, queue.stats().in_flight), (10, 1));
        hold.release();
        assert!(queue.close(LONG).is_complete());
        assert_eq!(written(&log), (0..=10).collect::<Vec<_>>());
    });
}

#[test]
fn a_full_queue_refuses() {
    guarded(|| {
        let (mut queue, log, hold) = held(2, WhenFull::Refuse);
        queue.write(&event(1)).unwrap();
        queue.write(&event(2)).unwrap();
        let error = queue.write(&event(3)).unwrap_err();
        assert!(matches!(error, SinkError::Full { capacity: 2 }));
        assert!(error.is_retryable());
        hold.release();
        assert!(queue.close(LONG).is_complete());
        assert_eq!(written(&log), [0, 1, 2]);
        assert_eq!(queue.stats().refused, 1);
        assert_sums(&queue);
    });
}

#[test]
fn a_full_queue_drops_the_oldest_and_counts_it() {
    guarded(|| {
        let (mut queue, log, hold) = held(2, WhenFull::DropOldest);
        for number in 1..=5 {
            queue.write(&event(number)).unwrap();
        }
        assert_eq!(queue.stats().dropped, 3);
        hold.release();
        assert!(queue.close(LONG).is_complete());
        assert_eq!(written(&log), [0, 4, 5]);
        assert_sums(&queue);
    });
}

#[test]
fn a_full_queue_blocks_up_to_its_limit() {
    guarded(|| {
        let (mut queue, _, hold) = held(1, WhenFull::Block(Duration::from_millis(20)));
        queue.write(&event(1)).unwrap();
        assert!(matches!(
            queue.write(&event(2)),
            Err(SinkError::Full { .. })
        ));
        hold.release();
        assert!(queue.close(LONG).is_complete());
        assert_sums(&queue);
    });
}

#[test]
fn who_blocks_gets_the_room_that_comes() {
    guarded(|| {
        let (mut queue, log, hold) = held(1, WhenFull::Block(Duration::MAX));
        queue.write(&event(1)).unwrap();
        let mut writer = queue.clone();
        let writing = thread::spawn(move || writer.write(&event(2)));
        hold.release();
        writing.join().unwrap().unwrap();
        assert!(queue.close(LONG).is_complete());
        assert_eq!(written(&log), [0, 1, 2]);
    });
}

#[test]
fn who_blocks_sees_it_closed() {
    guarded(|| {
        let (mut queue, log, hold) = held(1, WhenFull::Block(Duration::MAX));
        queue.write(&event(1)).unwrap();
        let mut writer = queue.clone();
        let writing = thread::spawn(move || writer.write(&event(2)));
        let mut closer = queue.clone();
        let closing = thread::spawn(move || closer.close(LONG));
        // Either it came too late, or it waited and was told.
        assert!(matches!(writing.join().unwrap(), Err(SinkError::Closed)));
        hold.release();
        assert!(closing.join().unwrap().is_complete());
        assert_eq!(written(&log), [0, 1]);
        assert!(matches!(queue.write(&event(3)), Err(SinkError::Closed)));
    });
}

#[test]
fn failures_are_counted() {
    guarded(|| {
        let log = Log::default();
        let odd_fail = |number| match number % 2 {
            0 => Ok(()),
            _ => Err(SinkError::refused("odd")),
        };
        let mut queue = Probe::failing(&log, odd_fail).queue(100);
        for number in 0..100 {
            queue.write(&event(number)).unwrap();
        }
        assert!(queue.close(LONG).is_complete());
        let stats = queue.stats();
        assert_eq!((stats.written, stats.failed, stats.panics), (50, 50, 0));
        assert_sums(&queue);
    });
}

#[test]
fn a_panic_costs_the_event_it_came_over() {
    guarded(|| {
        let log = Log::default();
        let panics_over_3 = |number| {
            assert_ne!(number, 3, "planted");
            Ok(())
        };
        let mut queue = Probe::failing(&log, panics_over_3).queue(10);
        for number in 0..6 {
            queue.write(&event(number)).unwrap();
        }
        assert!(queue.close(LONG).is_complete());
        assert_eq!(written(&log), [0, 1, 2, 4, 5]);
        let stats = queue.stats();
        assert_eq!((stats.failed, stats.panics), (1, 1));
    });
}

#[test]
fn a_panic_in_closing_is_in_the_report() {
    struct Explosive;
    impl Sink<u32> for Explosive {
        fn write(&mut self, _: &Event<u32>) -> Result<(), SinkError> {
            Ok(())
        }
        fn close(&mut self, _: Duration) -> laneway::sink::CloseReport<u32> {
            panic!("planted")
        }
    }
    guarded(|| {
        let mut queue = Explosive.queue(1).named("explosive");
        queue.write(&event(1)).unwrap();
        let report = queue.close(LONG);
        assert_eq!(report.failures[0].sink, "explosive");
        let error = &report.failures[0].error;
        assert!(matches!(error, SinkError::Panicked { message } if message == "planted"));
    });
}

#[test]
fn a_sink_that_is_closed_for_ever_ends_the_queue_and_loses_nothing() {
    guarded(|| {
        let log = Log::default();
        let only_two = |number| match number {
            0 | 1 => Ok(()),
            _ => Err(SinkError::Closed),
        };
        let mut queue = Probe::failing(&log, only_two).queue(10);
        let mut accepted = 0;
        for number in 0..10 {
            match queue.write(&event(number)) {
                Ok(()) => accepted += 1,
                Err(error) => assert!(matches!(error, SinkError::Closed)),
            }
        }
        wait_until(|| matches!(queue.write(&event(99)), Err(SinkError::Closed)));
        let left = queue.close(LONG).left;
        let all: Vec<u32> = [written(&log), numbers(&left)].concat();
        // 99 may have come in before the end was seen.
        assert!(all.len() >= accepted, "{all:?}");
        assert_eq!(all[..accepted], (0..accepted as u32).collect::<Vec<_>>());
    });
}

#[test]
fn the_thread_is_named_and_starts_with_the_first_write() {
    guarded(|| {
        let names = Log::default();
        let noted = names.clone();
        let mut queue = sink_fn(move |_: &Event<u32>| {
            noted.push(thread::current().name().map(String::from));
            Ok(())
        })
        .queue(1)
        .named("archive");
        queue.write(&event(1)).unwrap();
        assert!(queue.close(LONG).is_complete());
        assert_eq!(names.all(), [Some("archive".into())]);
    });
}

#[test]
fn dropping_the_last_handle_closes() {
    guarded(|| {
        let log = Log::default();
        let mut queue = Probe::new(&log).queue(10);
        let mut other = queue.clone();
        queue.write(&event(1)).unwrap();
        drop(queue);
        other.write(&event(2)).unwrap();
        assert_eq!(closings(&log), 0);
        drop(other);
        assert_eq!(
            log.all(),
            [Note::Written(1), Note::Written(2), Note::Closed]
        );
    });
}

#[test]
fn one_that_was_never_written_to_closes_its_sink() {
    guarded(|| {
        let log = Log::default();
        let mut queue = Probe::new(&log).queue(10);
        assert!(queue.close(Duration::ZERO).is_complete());
        assert_eq!(closings(&log), 1);
        assert!(matches!(queue.write(&event(1)), Err(SinkError::Closed)));
        assert!(queue.close(Duration::ZERO).is_complete());
        drop(queue);
        drop(Probe::new(&log).queue(10));
        assert_eq!(closings(&log), 2);
    });
}

#[test]
fn every_clone_of_an_event_is_dropped() {
    guarded(|| {
        let tally = Tally::new();
        let mut queue = sink_fn(
            |event: &Event<Tracked<u32>>| match event.payload().value % 3 {
                0 => Ok(()),
                1 => Err(SinkError::refused("no")),
                _ => panic!("planted"),
            },
        )
        .queue(4)
        .when_full(WhenFull::DropOldest);
        for number in 0..30 {
            let event = Event::new(topic("SINK"), tally.track(number));
            queue.write(&event).unwrap();
        }
        drop(queue.close(LONG));
        drop(queue);
        tally.assert_balanced();
    });
}

#[test]
#[should_panic(expected = "a queue holds 1 to 2^24 events, not 0")]
fn a_queue_for_nothing_is_a_mistake() {
    let _ = Probe::new(&Log::default()).queue(0);
}
