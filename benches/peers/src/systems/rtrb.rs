//! rtrb: a bare ring between two threads, with neither topics nor filters. The limit of what can be.

use crate::stage::{self, Check, Finish, Message, Payload};
use rtrb::{Producer, PushError, RingBuffer};
use std::hint::spin_loop;
use std::ops::Range;
use std::thread;
use std::time::Duration;

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
    deliver(events, 1, check_each::<S>, push_each)
}

/// Publishes whole batches once there is room for them.
pub(crate) fn in_batches<S: Slot>(events: usize, of: usize) -> Duration {
    deliver(events, 1, check_each::<S>, |tx, numbers| {
        let topic = stage::topic();
        for first in numbers.clone().step_by(of) {
            let batch = first..numbers.end.min(first + of as u64);
            let slots = loop {
                match tx.write_chunk_uninit((batch.end - batch.start) as usize) {
                    Ok(slots) => break slots,
                    Err(_) => spin_loop(),
                }
            };
            slots.fill_from_iter(batch.map(|n| S::new(Message::new(topic, n))));
        }
    })
}

type Actor<S> = Box<dyn FnMut(&S) -> bool + Send>;

/// What a router does that dispatches event by event: a virtual call for each event and receiver.
pub(crate) fn call_each<S: Slot>(events: usize, receivers: usize) -> Duration {
    let receive = |events, finish: &Finish| {
        let mut actors: Vec<Actor<S>> = (0..receivers)
            .map(|_| Box::new(check_each(events, finish)) as Box<_>)
            .collect();
        move |slot: &S| {
            let mut done = false;
            for actor in &mut actors {
                done = actor(slot);
            }
            done
        }
    };
    deliver(events, receivers, receive, push_each)
}

fn push_each<S: Slot>(tx: &mut Producer<S>, numbers: Range<u64>) {
    let topic = stage::topic();
    for n in numbers {
        let mut slot = S::new(Message::new(topic, n));
        while let Err(PushError::Full(back)) = tx.push(slot) {
            slot = back;
            spin_loop();
        }
    }
}

/// A receiver; true: that was the last one.
fn check_each<S: Slot>(events: usize, finish: &Finish) -> impl FnMut(&S) -> bool + Send + use<S> {
    let mut check = Check::new(events, finish);
    move |slot| check.take(slot.payload())
}

fn deliver<S: Slot, R: FnMut(&S) -> bool + Send + 'static>(
    events: usize,
    receivers: usize,
    receive: impl FnOnce(usize, &Finish) -> R,
    publish: impl Fn(&mut Producer<S>, Range<u64>) + Sync,
) -> Duration {
    let finish = Finish::new();
    let (tx, mut rx) = RingBuffer::<S>::new(stage::CAPACITY);
    let mut receive = receive(events, &finish);
    let receiver = thread::spawn(move || {
        stage::pin(stage::receiving_cpu());
        loop {
            match rx.pop() {
                Ok(slot) if receive(&slot) => break,
                Ok(_) => {}
                Err(_) => spin_loop(),
            }
        }
    });
    let took = stage::time([tx], events, &finish, receivers, publish);
    receiver.join().expect("the receiver ended");
    took
}
