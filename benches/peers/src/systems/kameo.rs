//! kameo's broker: an actor with the topics, which sends to the actors that have subscribed.
//!
//! Everything is bounded, and `Guaranteed` waits for room, so nothing is lost.

use super::tasks;
use crate::stage::{self, Check, Message, Usual};
use glob::Pattern;
use kameo::Actor;
use kameo::actor::Spawn;
use kameo::mailbox;
use kameo::message::Context;
use kameo_actors::DeliveryStrategy;
use kameo_actors::broker::{Broker, Publish, Subscribe};
use std::time::Duration;

const TOPIC: &str = "bench/event";

#[derive(Actor)]
struct Receiver(Check);

impl kameo::message::Message<Message<Usual>> for Receiver {
    type Reply = ();

    async fn handle(&mut self, message: Message<Usual>, _: &mut Context<Self, ()>) {
        self.0.take(&message.payload);
    }
}

pub(crate) fn deliver(events: usize, receivers: usize) -> Duration {
    let set_up = async |finish: &_| {
        let broker = Broker::<Message<Usual>>::new(DeliveryStrategy::Guaranteed);
        let broker = Broker::spawn_with_mailbox(broker, mailbox::bounded(stage::CAPACITY));
        for _ in 0..receivers {
            let receiver = Receiver(Check::new(events, finish));
            let receiver =
                Receiver::spawn_with_mailbox(receiver, mailbox::bounded(stage::CAPACITY));
            let subscribe = Subscribe {
                topic: Pattern::new(TOPIC).expect("a valid pattern"),
                recipient: receiver.recipient(),
            };
            // Its answer is waited for: it has subscribed.
            broker.ask(subscribe).await.expect("the broker lives");
        }
        broker
    };
    tasks::deliver(events, receivers, set_up, |broker, numbers| {
        let topic = stage::topic();
        for n in numbers {
            let publish = Publish {
                topic: TOPIC.to_owned(),
                message: Message::<Usual>::new(topic, n),
            };
            let sent = broker.tell(publish).blocking_send();
            sent.expect("the broker lives");
        }
    })
}
