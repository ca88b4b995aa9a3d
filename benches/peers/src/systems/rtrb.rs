//! rtrb: a bare ring between two threads, with neither topics nor filters. The limit of what can be.

use crate::stage::{self, Check, Finish, Message, Payload};
use rtrb::{Producer, PushError, RingBuffer};
use std::hint::spin_loop;
use std::thread;
use std::time::{Duration, Instant};

/// What lies in the ring.
pub(crate) trait Slot: Copy + Send + 'static {
    type Payload: Payload;
    fn new(message: Message<Self::Payload>) -> Self;
    fn payload(&self) -> &Self::Payload;
}

impl<P: Payload> Slot for Message<P> {
    type Payload = P;

    fn new(message: Message<P>) -> Self {
        message
    }

    fn payload(&self) -> &P {
        &self.payload
    }
}

/// A message on a cache line of its own.
#[derive(Clone, Copy)]
#[repr(align(64))]
pub(crate) struct Line<P>(Message<P>);

impl<P: Payload> Slot for Line<P> {
    type Payload = P;

    fn new(message: Message<P>) -> Self {
        Line(message)
    }

    fn payload(&self) -> &P {
        &self.0.payload
    }
}

pub(crate) fn one_by_one<S: Slot>(events: usize) -> Duration {
    deliver::<S>(events, |tx| {
        let topic = stage::topic();
        for n in 0..events as u64 {
            let mut slot = S::new(Message::new(topic, n));
            while let Err(PushError::Full(back)) = tx.push(slot) {
                slot = back;
                spin_loop();
            }
        }
    })
}

/// Publishes whole batches once there is room for them.
pub(crate) fn in_batches<S: Slot>(events: usize, of: usize) -> Duration {
    deliver::<S>(events, |tx| {
        let topic = stage::topic();
        for first in (0..events).step_by(of) {
            let batch = first..(first + of).min(events);
            let slots = loop {
                match tx.write_chunk_uninit(batch.len()) {
                    Ok(slots) => break slots,
                    Err(_) => spin_loop(),
                }
            };
            slots.fill_from_iter(batch.map(|n| S::new(Message::new(topic, n as u64))));
        }
    })
}

fn deliver<S: Slot>(events: usize, publish: impl FnOnce(&mut Producer<S>)) -> Duration {
    let finish = Finish::new();
    let (mut tx, mut rx) = RingBuffer::<S>::new(stage::CAPACITY);
    let mut check = Check::new(events, &finish);
    let receiver = thread::spawn(move || {
        stage::pin(stage::receiving_cpu());
        loop {
            match rx.pop() {
                Ok(slot) if check.take(slot.payload()) => break,
                Ok(_) => {}
                Err(_) => spin_loop(),
            }
        }
    });
    let start = Instant::now();
    publish(&mut tx);
    finish.wait(1);
    let took = start.elapsed();
    receiver.join().expect("the receiver ended");
    took
}
