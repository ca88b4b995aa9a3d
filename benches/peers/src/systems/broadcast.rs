//! tokio's broadcast channel: one ring, which every receiver reads.

use super::tasks;
use crate::stage::{self, Check, Message, Payload};
use std::hint::spin_loop;
use std::thread;
use std::time::Duration;
use tokio::sync::broadcast::Sender;

pub(crate) fn deliver<P: Payload>(events: usize, receivers: usize) -> Duration {
    let set_up = async |finish: &_| {
        let sender = Sender::<Message<P>>::new(stage::CAPACITY);
        for _ in 0..receivers {
            let mut receiver = sender.subscribe();
            let mut check = Check::new(events, finish);
            tokio::spawn(async move {
                while !check.take(&receiver.recv().await.expect("not lagging").payload) {}
            });
        }
        sender
    };
    tasks::deliver(events, receivers, set_up, |sender, numbers| {
        let topic = stage::topic();
        let mut room = 0;
        for n in numbers {
            if room == 0 {
                room = wait_for_room(sender);
            }
            let message = Message::new(topic, n);
            assert!(sender.send(message).is_ok(), "the receivers are gone");
            room -= 1;
        }
    })
}

/// It would overwrite what is not yet received. Looks seldom, because `len` takes the receivers' locks.
fn wait_for_room<T>(sender: &Sender<T>) -> usize {
    for round in 0.. {
        let room = stage::CAPACITY - sender.len();
        if room > 0 {
            return room;
        }
        if round < 100 {
            for _ in 0..32 {
                spin_loop();
            }
        } else {
            thread::yield_now();
        }
    }
    unreachable!("it looks until there is room")
}
