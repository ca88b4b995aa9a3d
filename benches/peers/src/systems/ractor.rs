//! ractor's output port: a task that sends to the actors that have subscribed.
//!
//! It is the port of the feature `output-port-v2`; the other one loses what its subscribers are too slow for.

use super::tasks;
use crate::stage::{self, Check, Finish, Message, Usual};
use ractor::{Actor, ActorProcessingErr, ActorRef, OutputPort};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// Nothing bounds what is in flight, and a publisher is faster than its receivers: so it waits for them when so many
/// events, or so many deliveries, are not yet handled.
const MAX_EVENTS: usize = 4096;
const MAX_DELIVERIES: usize = 1 << 18;

/// A receiver says that it has handled so many events.
const STEP: usize = 64;

struct Receiver;

struct State {
    check: Check,
    handled: usize,
    steps: Arc<AtomicUsize>,
}

impl Actor for Receiver {
    type Msg = Message<Usual>;
    type State = State;
    type Arguments = State;

    async fn pre_start(
        &self,
        _: ActorRef<Message<Usual>>,
        state: State,
    ) -> Result<State, ActorProcessingErr> {
        Ok(state)
    }

    async fn handle(
        &self,
        _: ActorRef<Message<Usual>>,
        message: Message<Usual>,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        state.check.take(&message.payload);
        state.handled += 1;
        if state.handled.is_multiple_of(STEP) {
            state.steps.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }
}

pub(crate) fn deliver(events: usize, receivers: usize) -> Duration {
    let steps = Arc::new(AtomicUsize::new(0));
    let set_up = async |finish: &Finish| {
        let port = OutputPort::default();
        for _ in 0..receivers {
            let state = State {
                check: Check::new(events, finish),
                handled: 0,
                steps: steps.clone(),
            };
            let spawned = Actor::spawn(None, Receiver, state).await;
            let (receiver, _) = spawned.expect("the actor starts");
            port.subscribe(receiver, Some);
        }
        port
    };
    let window = MAX_EVENTS.min(MAX_DELIVERIES / receivers);
    tasks::deliver(events, receivers, set_up, |port, numbers| {
        let topic = stage::topic();
        let mut room = window;
        for (published, n) in numbers.enumerate() {
            while room == 0 {
                let handled = steps.load(Ordering::Relaxed) * STEP / receivers;
                room = (handled + window).saturating_sub(published);
                if room == 0 {
                    thread::yield_now();
                }
            }
            port.send(Message::<Usual>::new(topic, n));
            room -= 1;
        }
    })
}
