//! Channels: nothing is written after the end, and nothing before it is lost.

use crate::common::{SpinBarrier, guarded, rounds};
use crate::harness::{LONG, event, numbers};
use laneway::sink::{Sink, SinkError, WhenFull, channel};
use std::thread;
use std::time::Duration;

#[test]
fn all_that_was_accepted_is_read_and_nothing_is_accepted_after_closing() {
    guarded(|| {
        for _ in 0..rounds(200) {
            let (sink, mut reader) = channel::<u32>(4);
            let barrier = SpinBarrier::new(4);
            let writers: Vec<_> = (0..3)
                .map(|writer| {
                    let (mut sink, barrier) = (sink.clone(), barrier.clone());
                    thread::spawn(move || {
                        barrier.wait();
                        let accepted = (0..20).take_while(|number| {
                            match sink.write(&event(writer * 100 + number)) {
                                Ok(()) => true,
                                Err(SinkError::Closed) => false,
                                Err(error) => panic!("{error}"),
                            }
                        });
                        let accepted = accepted.count() as u32;
                        // Once closed, closed for ever.
                        if accepted < 20 {
                            assert!(matches!(sink.write(&event(0)), Err(SinkError::Closed)));
                        }
                        (writer, accepted)
                    })
                })
                .collect();
            let mut closer = sink;
            let closing = thread::spawn(move || {
                barrier.wait();
                thread::yield_now();
                assert!(closer.close(LONG).is_complete());
                assert!(matches!(closer.write(&event(1)), Err(SinkError::Closed)));
            });
            let read: Vec<_> = reader.iter().map(|event| event.into_payload()).collect();
            closing.join().unwrap();
            for writer in writers {
                let (writer, accepted) = writer.join().unwrap();
                let own = read.iter().copied().filter(|number| number / 100 == writer);
                let expected: Vec<_> = (0..accepted).map(|number| writer * 100 + number).collect();
                assert_eq!(own.collect::<Vec<_>>(), expected);
            }
        }
    });
}

#[test]
fn the_reader_gets_the_end() {
    guarded(|| {
        let (mut sink, mut reader) = channel(4);
        assert!(reader.try_recv().is_none());
        let timeout = reader.recv_timeout(Duration::from_millis(1));
        let error = timeout.unwrap_err();
        assert_eq!(error.after, Duration::from_millis(1));
        // It spoke of a write.
        assert_eq!(error.to_string(), "no event came within 1ms");
        sink.write(&event(1)).unwrap();
        let waiting = thread::spawn(move || {
            let all: Vec<_> = reader.iter().collect();
            assert!(matches!(reader.recv_timeout(LONG), Ok(None)));
            assert!(reader.recv().is_none());
            numbers(&all)
        });
        let other = sink.clone();
        drop(sink);
        drop(other);
        assert_eq!(waiting.join().unwrap(), [1], "the last sink is gone");
    });
}

#[test]
fn without_a_reader_it_is_closed_and_gives_back_what_it_holds() {
    guarded(|| {
        let (mut sink, mut reader) = channel(4);
        for number in 0..3 {
            sink.write(&event(number)).unwrap();
        }
        assert!(reader.recv().is_some());
        drop(reader);
        assert!(matches!(sink.write(&event(9)), Err(SinkError::Closed)));
        assert_eq!(numbers(&sink.close(LONG).left), [1, 2]);
        assert!(sink.close(LONG).is_complete());
    });
}

#[test]
fn a_full_one_does_as_it_is_told() {
    guarded(|| {
        let (sink, mut reader) = channel(2);
        let mut sink = sink.when_full(WhenFull::Refuse);
        let results = [0, 1, 2].map(|number| sink.write(&event(number)).is_ok());
        assert_eq!(results, [true, true, false]);
        let mut sink = sink.when_full(WhenFull::DropOldest);
        sink.write(&event(3)).unwrap();
        assert_eq!(sink.dropped(), 1);
        assert_eq!(reader.try_recv().unwrap().into_payload(), 1);
    });
}

#[test]
fn a_writer_that_waits_for_room_sees_the_reader_go() {
    guarded(|| {
        let (mut sink, reader) = channel(1);
        sink.write(&event(1)).unwrap();
        let writing = thread::spawn(move || sink.write(&event(2)));
        drop(reader);
        assert!(matches!(writing.join().unwrap(), Err(SinkError::Closed)));
    });
}

#[test]
fn fault_what_was_in_a_channel_was_lost_while_its_reader_went() {
    guarded(|| {
        // The reader is dropped: it closes the channel; the sink sees that and is closed; then the reader is gone. What was
        // in the channel was in no report.
        for _ in 0..rounds(5000) {
            let (mut sink, reader) = channel::<u32>(1 << 20);
            let barrier = SpinBarrier::new(2);
            let other = barrier.clone();
            let going = thread::spawn(move || {
                other.wait();
                drop(reader);
            });
            barrier.wait();
            let accepted = (0..).take_while(|number| sink.write(&event(*number)).is_ok());
            let accepted = accepted.count();
            assert_eq!(sink.close(LONG).left.len(), accepted);
            going.join().unwrap();
        }
    });
}
