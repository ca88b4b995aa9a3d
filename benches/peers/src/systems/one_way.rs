//! Each system as a way for single events from the publishers' place to the receivers' one.
//!
//! A way is a function that sends; dropping it ends the system, once the last event has arrived.

use crate::stage::{self, Message, Usual};
use crate::systems;
use disruptor::{BusySpin, Producer};
use laneway::{Event, Filter, Wait};
use std::hint::spin_loop;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

/// What is done with each event where it arrives.
pub(crate) trait Take: Send + 'static {
    /// True: that was the last one.
    fn take(&mut self, payload: &Usual) -> bool;
}

pub(crate) fn laneway(wait: Wait, mut take: impl Take) -> impl FnMut(Usual) {
    let topic = stage::topic();
    let router = systems::laneway::builder::<Usual>()
        .wait(wait)
        .build()
        .expect("a router");
    let handler = move |event: &Event<Usual>| {
        take.take(event.payload());
    };
    router
        .subscribe(Filter::exact(topic), handler)
        .expect("a subscription");
    let mut publisher = router.publisher();
    publisher.warm(topic);
    router.flush().expect("not an actor thread");
    move |payload| {
        let _lives = &router;
        publisher.publish(topic, payload).expect("open");
    }
}

pub(crate) fn disruptor(mut take: impl Take) -> impl FnMut(Usual) {
    let handler = move |(): &mut (), slot: &Message<Usual>, _: i64, _: bool| {
        take.take(&slot.payload);
    };
    let topic = stage::topic();
    let empty = move || Message::new(topic, 0);
    let mut producer = disruptor::build_single_producer(stage::CAPACITY, empty, BusySpin)
        .handle_events_and_state_with(handler, || stage::pin(stage::receiving_cpu()))
        .build();
    move |payload| producer.publish(|slot| *slot = Message { topic, payload })
}

pub(crate) fn rtrb(take: impl Take) -> impl FnMut(Usual) {
    let (mut tx, mut rx) = rtrb::RingBuffer::<Message<Usual>>::new(stage::CAPACITY);
    let thread = receive(take, move || rx.pop().ok());
    let topic = stage::topic();
    move |payload| {
        let _ends = &thread;
        let mut message = Message { topic, payload };
        while let Err(rtrb::PushError::Full(back)) = tx.push(message) {
            message = back;
            spin_loop();
        }
    }
}

/// The receiver spins.
pub(crate) fn kanal(take: impl Take) -> impl FnMut(Usual) {
    over_kanal(take, |rx| rx.try_recv().ok().flatten())
}

/// The receiver sleeps.
pub(crate) fn kanal_asleep(take: impl Take) -> impl FnMut(Usual) {
    over_kanal(take, |rx| rx.recv().ok())
}

fn over_kanal(
    take: impl Take,
    next: impl Fn(&kanal::Receiver<Message<Usual>>) -> Option<Message<Usual>> + Send + 'static,
) -> impl FnMut(Usual) {
    let (tx, rx) = kanal::bounded(stage::CAPACITY);
    let thread = receive(take, move || next(&rx));
    sender(thread, move |message| tx.send(message).is_ok())
}

/// The receiver spins.
pub(crate) fn crossbeam(take: impl Take) -> impl FnMut(Usual) {
    over_crossbeam(take, |rx| rx.try_recv().ok())
}

/// The receiver sleeps.
pub(crate) fn crossbeam_asleep(take: impl Take) -> impl FnMut(Usual) {
    over_crossbeam(take, |rx| rx.recv().ok())
}

fn over_crossbeam(
    take: impl Take,
    next: impl Fn(&crossbeam_channel::Receiver<Message<Usual>>) -> Option<Message<Usual>>
    + Send
    + 'static,
) -> impl FnMut(Usual) {
    let (tx, rx) = crossbeam_channel::bounded(stage::CAPACITY);
    let thread = receive(take, move || next(&rx));
    sender(thread, move |message| tx.send(message).is_ok())
}

/// The receiver sleeps.
pub(crate) fn tokio_asleep(take: impl Take) -> impl FnMut(Usual) {
    let (tx, mut rx) = tokio::sync::mpsc::channel(stage::CAPACITY);
    let thread = receive(take, move || rx.blocking_recv());
    sender(thread, move |message| tx.try_send(message).is_ok())
}

/// No system at all: a word of the event on a cache line. Only for one event at a time.
pub(crate) fn ping(take: impl Take) -> impl FnMut(Usual) {
    #[repr(align(128))]
    #[derive(Default)]
    struct Line(AtomicU64);

    let there = Arc::new(Line::default());
    let here = Arc::clone(&there);
    let topic = stage::topic();
    let mut seen = 0;
    let mut number = 0;
    let thread = receive(take, move || {
        let word = there.0.load(Ordering::Acquire);
        let is_new = word != seen;
        seen = word;
        let last = word & 1;
        is_new.then(|| {
            number += 1;
            let payload = [word >> 1, number - 1, last];
            Message { topic, payload }
        })
    });
    move |[stamp, _, last]| {
        let _ends = &thread;
        here.0.store(stamp << 1 | last, Ordering::Release);
    }
}

fn sender(thread: Ends, mut send: impl FnMut(Message<Usual>) -> bool) -> impl FnMut(Usual) {
    let topic = stage::topic();
    move |payload| {
        let _ends = &thread;
        assert!(send(Message { topic, payload }), "the receiver lives");
    }
}

/// A thread at the receivers' place. `next` may wait or not.
fn receive(
    mut take: impl Take,
    mut next: impl FnMut() -> Option<Message<Usual>> + Send + 'static,
) -> Ends {
    Ends(Some(thread::spawn(move || {
        stage::pin(stage::receiving_cpu());
        loop {
            match next() {
                Some(message) if take.take(&message.payload) => break,
                Some(_) => {}
                None => spin_loop(),
            }
        }
    })))
}

/// A thread that is waited for, unless the run has failed: then it may be without end.
struct Ends(Option<JoinHandle<()>>);

impl Drop for Ends {
    fn drop(&mut self) {
        if let Some(thread) = self.0.take()
            && !thread::panicking()
        {
            thread.join().expect("the receiver ended");
        }
    }
}
