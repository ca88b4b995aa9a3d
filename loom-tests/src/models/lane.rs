use super::{check, topic};
use crate::lane::{Consumer, Producer, lane};
use crate::sleep::{Bell, Reader};
use loom::thread;
use std::sync::Arc;

fn make<E>(capacity: usize) -> (Producer<E>, Consumer<E>) {
    // A few events before what a stamp has of the position wraps.
    let reader = Reader::shard(Arc::new(Bell::new()), 0);
    lane(capacity, (1 << 31) - 2, reader)
}

fn take_all(lane: &mut Consumer<u32>, seen: &mut Vec<u32>) {
    while lane.look(8) > 0 {
        let run = lane.run();
        seen.extend(
            (0..run.len())
                .filter_map(|at| run.get(at))
                .map(|event| event.payload),
        );
        lane.release();
    }
}

/// mutants: lane_stamp_relaxed lane_head_relaxed
#[test]
fn row_23_events_come_out_as_they_went_in_over_the_wrap() {
    check(3, || {
        let (mut publisher, mut shard) = make::<u32>(2);
        let publishing = thread::spawn(move || {
            for n in 0..3 {
                while !publisher.has_room() {
                    thread::yield_now();
                }
                publisher.push(topic(), n, u64::from(n / 2));
            }
        });
        let mut seen = Vec::new();
        while seen.len() < 3 {
            take_all(&mut shard, &mut seen);
            thread::yield_now();
        }
        assert_eq!(seen, [0, 1, 2]);
        publishing.join().unwrap();
    });
}

/// mutants: lane_gone_relaxed
#[test]
fn a_lane_that_is_gone_has_shown_all_its_events() {
    check(3, || {
        let (mut publisher, shard) = make::<u32>(2);
        let publishing = thread::spawn(move || publisher.push(topic(), 7, 0));
        if shard.is_gone() {
            assert!(!shard.is_empty(), "gone, and its event is not there");
        }
        publishing.join().unwrap();
    });
}

/// A look takes more than one event only behind one that did not come to the end: each of them is written by then.
///
/// mutants: lane_stamp_relaxed
#[test]
fn all_events_of_a_run_are_written() {
    check(3, || {
        let (mut publisher, mut shard) = make::<u32>(4);
        assert!(publisher.has_room());
        // Up to the last slot: a run ends there in any case.
        for n in 0..2 {
            publisher.push(topic(), n, 0);
            assert_eq!(shard.look(8), 1);
            shard.release();
        }
        publisher.push(topic(), 2, 0);
        let publishing = thread::spawn(move || publisher.push(topic(), 3, 0));
        let mut seen = Vec::new();
        while seen.len() < 2 {
            take_all(&mut shard, &mut seen);
            thread::yield_now();
        }
        assert_eq!(seen, [2, 3]);
        publishing.join().unwrap();
    });
}

/// mutants: lane_leaks_unread
#[test]
fn row_24_unread_events_are_dropped_once_whoever_goes_last() {
    check(3, || {
        let (mut publisher, mut shard) = make::<Arc<()>>(2);
        let payload = Arc::new(());
        let copies = [Arc::clone(&payload), Arc::clone(&payload)];
        let publishing = thread::spawn(move || {
            for copy in copies {
                publisher.push(topic(), copy, 0);
            }
        });
        if shard.look(1) > 0 {
            shard.release();
        }
        drop(shard);
        publishing.join().unwrap();
        assert_eq!(Arc::strong_count(&payload), 1);
    });
}

/// The epoch beside the slot belongs to the event in it, from the first look on.
///
/// mutants: lane_stamp_relaxed
#[test]
fn the_epoch_comes_with_its_event() {
    check(3, || {
        let (mut publisher, mut shard) = make::<u32>(1);
        let publishing = thread::spawn(move || {
            for n in 1..3 {
                while !publisher.has_room() {
                    thread::yield_now();
                }
                publisher.push(topic(), n, u64::from(n));
            }
        });
        for n in 1..3 {
            while shard.look(8) == 0 {
                thread::yield_now();
            }
            assert_eq!(shard.epoch(), n);
            shard.release();
        }
        publishing.join().unwrap();
    });
}
