//! Channels: one for each receiver, which is what one would do without a router.

use crate::stage::{self, Check, Finish, Message, Payload};
use crossfire::{MTx, Rx, Tx, mpsc, spsc};
use std::array;
use std::thread;
use std::time::Duration;

/// A bounded channel whose `send` and `recv` block.
pub(crate) trait Channel {
    type Sender<T: Send + 'static>: Send + 'static;
    type Receiver<T: Send + 'static>: Send + 'static;

    fn bounded<T: Send + 'static>(capacity: usize) -> (Self::Sender<T>, Self::Receiver<T>);
    fn send<T: Send + 'static>(sender: &Self::Sender<T>, message: T);
    fn recv<T: Send + 'static>(receiver: &Self::Receiver<T>) -> T;
}

pub(crate) enum Kanal {}

impl Channel for Kanal {
    type Sender<T: Send + 'static> = kanal::Sender<T>;
    type Receiver<T: Send + 'static> = kanal::Receiver<T>;

    fn bounded<T: Send + 'static>(capacity: usize) -> (kanal::Sender<T>, kanal::Receiver<T>) {
        kanal::bounded(capacity)
    }

    fn send<T: Send + 'static>(sender: &kanal::Sender<T>, message: T) {
        sender.send(message).expect("the receiver lives");
    }

    fn recv<T: Send + 'static>(receiver: &kanal::Receiver<T>) -> T {
        receiver.recv().expect("the sender lives")
    }
}

pub(crate) enum Crossbeam {}

impl Channel for Crossbeam {
    type Sender<T: Send + 'static> = crossbeam_channel::Sender<T>;
    type Receiver<T: Send + 'static> = crossbeam_channel::Receiver<T>;

    fn bounded<T: Send + 'static>(
        capacity: usize,
    ) -> (crossbeam_channel::Sender<T>, crossbeam_channel::Receiver<T>) {
        crossbeam_channel::bounded(capacity)
    }

    fn send<T: Send + 'static>(sender: &crossbeam_channel::Sender<T>, message: T) {
        sender.send(message).expect("the receiver lives");
    }

    fn recv<T: Send + 'static>(receiver: &crossbeam_channel::Receiver<T>) -> T {
        receiver.recv().expect("the sender lives")
    }
}

pub(crate) enum Flume {}

impl Channel for Flume {
    type Sender<T: Send + 'static> = flume::Sender<T>;
    type Receiver<T: Send + 'static> = flume::Receiver<T>;

    fn bounded<T: Send + 'static>(capacity: usize) -> (flume::Sender<T>, flume::Receiver<T>) {
        flume::bounded(capacity)
    }

    fn send<T: Send + 'static>(sender: &flume::Sender<T>, message: T) {
        sender.send(message).expect("the receiver lives");
    }

    fn recv<T: Send + 'static>(receiver: &flume::Receiver<T>) -> T {
        receiver.recv().expect("the sender lives")
    }
}

/// crossfire for one sender, which it does faster.
pub(crate) enum Crossfire {}

impl Channel for Crossfire {
    type Sender<T: Send + 'static> = Tx<spsc::Array<T>>;
    type Receiver<T: Send + 'static> = Rx<spsc::Array<T>>;

    fn bounded<T: Send + 'static>(capacity: usize) -> (Tx<spsc::Array<T>>, Rx<spsc::Array<T>>) {
        spsc::bounded_blocking(capacity)
    }

    fn send<T: Send + 'static>(sender: &Tx<spsc::Array<T>>, message: T) {
        sender.send(message).expect("the receiver lives");
    }

    fn recv<T: Send + 'static>(receiver: &Rx<spsc::Array<T>>) -> T {
        receiver.recv().expect("the sender lives")
    }
}

/// crossfire for many senders.
pub(crate) enum CrossfireShared {}

impl Channel for CrossfireShared {
    type Sender<T: Send + 'static> = MTx<mpsc::Array<T>>;
    type Receiver<T: Send + 'static> = Rx<mpsc::Array<T>>;

    fn bounded<T: Send + 'static>(capacity: usize) -> (MTx<mpsc::Array<T>>, Rx<mpsc::Array<T>>) {
        mpsc::bounded_blocking(capacity)
    }

    fn send<T: Send + 'static>(sender: &MTx<mpsc::Array<T>>, message: T) {
        sender.send(message).expect("the receiver lives");
    }

    fn recv<T: Send + 'static>(receiver: &Rx<mpsc::Array<T>>) -> T {
        receiver.recv().expect("the sender lives")
    }
}

/// One publisher, and a channel for each receiver.
pub(crate) fn deliver<C: Channel, P: Payload>(events: usize, receivers: usize) -> Duration {
    let (senders, receivers) = (0..receivers).map(|_| C::bounded(stage::CAPACITY)).unzip();
    run::<C, P, 1>(events, [senders], receivers)
}

/// Many publishers, and one channel for the receiver. `events` is what all of them publish together.
pub(crate) fn gather<C: Channel, P: Payload, const PUBLISHERS: usize>(events: usize) -> Duration
where
    C::Sender<Message<P>>: Clone,
{
    let (sender, receiver) = C::bounded(stage::CAPACITY);
    let publishers = array::from_fn(|_| vec![sender.clone()]);
    run::<C, P, PUBLISHERS>(events / PUBLISHERS, publishers, vec![receiver])
}

/// Each publisher has a sender for each receiver.
fn run<C: Channel, P: Payload, const PUBLISHERS: usize>(
    events: usize,
    publishers: [Vec<C::Sender<Message<P>>>; PUBLISHERS],
    receivers: Vec<C::Receiver<Message<P>>>,
) -> Duration {
    let finish = Finish::new();
    let threads: Vec<_> = receivers
        .into_iter()
        .map(|receiver| {
            let mut check = Check::<PUBLISHERS>::of_publishers(events, &finish);
            thread::spawn(move || {
                stage::pin(stage::receiving_cpu());
                while !check.take(&C::recv(&receiver).payload) {}
            })
        })
        .collect();
    let topic = stage::topic();
    let took = stage::time(
        publishers,
        events,
        &finish,
        threads.len(),
        |senders, numbers| {
            for n in numbers {
                let message = Message::<P>::new(topic, n);
                for sender in senders.iter() {
                    C::send(sender, message);
                }
            }
        },
    );
    for thread in threads {
        thread.join().expect("the receiver ended");
    }
    took
}
