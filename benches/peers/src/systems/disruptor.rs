//! disruptor: a ring whose consumer is a thread that spins without a pause.
//!
//! No fan-out: each consumer would be such a thread, so eight of them need eight CPUs.

use crate::stage::{self, Check, Finish, Message, Payload};
use disruptor::{BusySpin, Producer, build_multi_producer, build_single_producer};
use std::array;
use std::thread;
use std::time::Duration;

pub(crate) fn one_by_one<P: Payload>(events: usize) -> Duration {
    let finish = Finish::new();
    let topic = stage::topic();
    let producer = single::<P>(events, &finish);
    stage::time([producer], events, &finish, 1, |producer, numbers| {
        for n in numbers {
            producer.publish(|slot| *slot = Message::new(topic, n));
        }
    })
}

pub(crate) fn in_batches<P: Payload>(events: usize, of: usize) -> Duration {
    let finish = Finish::new();
    let topic = stage::topic();
    let producer = single::<P>(events, &finish);
    stage::time([producer], events, &finish, 1, |producer, numbers| {
        for first in numbers.clone().step_by(of) {
            let batch = first..numbers.end.min(first + of as u64);
            producer.batch_publish((batch.end - batch.start) as usize, |slots| {
                for (slot, n) in slots.zip(batch) {
                    *slot = Message::new(topic, n);
                }
            });
        }
    })
}

/// `events` is what all publishers publish together.
pub(crate) fn gather<P: Payload, const PUBLISHERS: usize>(events: usize) -> Duration {
    let finish = Finish::new();
    let topic = stage::topic();
    let events = events / PUBLISHERS;
    let producer = build_multi_producer(stage::CAPACITY, empty::<P>, BusySpin)
        .handle_events_and_state_with(take, receiver::<PUBLISHERS>(events, &finish))
        .build();
    let producers: [_; PUBLISHERS] = array::from_fn(|_| producer.clone());
    stage::time(producers, events, &finish, 1, |producer, numbers| {
        for n in numbers {
            // Its own `publish` spins, while the publisher that has claimed the next slot may need this CPU.
            while (producer.try_publish(|slot| *slot = Message::new(topic, n))).is_err() {
                thread::yield_now();
            }
        }
    })
}

/// A ring with one publisher and one receiver.
fn single<P: Payload>(events: usize, finish: &Finish) -> impl Producer<Message<P>> + Send + use<P> {
    build_single_producer(stage::CAPACITY, empty::<P>, BusySpin)
        .handle_events_and_state_with(take, receiver::<1>(events, finish))
        .build()
}

fn empty<P: Payload>() -> Message<P> {
    Message::new(stage::topic(), 0)
}

/// Pins its thread itself: `pin_at_core` knows only the CPUs of the thread that calls it.
fn receiver<const PUBLISHERS: usize>(
    events: usize,
    finish: &Finish,
) -> impl FnOnce() -> Check<PUBLISHERS> + Send + use<PUBLISHERS> {
    let check = Check::of_publishers(events, finish);
    move || {
        stage::pin(stage::receiving_cpu());
        check
    }
}

fn take<P: Payload, const PUBLISHERS: usize>(
    check: &mut Check<PUBLISHERS>,
    message: &Message<P>,
    _sequence: i64,
    _end_of_batch: bool,
) {
    check.take(&message.payload);
}
