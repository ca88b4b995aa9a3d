//! Channels: one for each receiver, which is what one would do without a router.

use crate::stage::{self, Check, Finish, Message, Payload};
use std::thread;
use std::time::{Duration, Instant};

/// A bounded channel with many senders, whose `send` and `recv` block.
pub(crate) trait Channel {
    type Sender<T: Send + 'static>: Clone + Send + 'static;
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

pub(crate) fn deliver<C: Channel, P: Payload>(events: usize, receivers: usize) -> Duration {
    let finish = Finish::new();
    let (senders, threads): (Vec<_>, Vec<_>) = (0..receivers)
        .map(|_| {
            let (sender, receiver) = C::bounded::<Message<P>>(stage::CAPACITY);
            let mut check = Check::new(events, &finish);
            let thread = thread::spawn(move || {
                stage::pin(stage::receiving_cpu());
                while !check.take(&C::recv(&receiver).payload) {}
            });
            (sender, thread)
        })
        .unzip();
    let topic = stage::topic();
    let start = Instant::now();
    for n in 0..events as u64 {
        let message = Message::<P>::new(topic, n);
        for sender in &senders {
            C::send(sender, message);
        }
    }
    finish.wait(receivers);
    let took = start.elapsed();
    for thread in threads {
        thread.join().expect("the receiver ended");
    }
    took
}
