//! Brings user code at any place of a shard to do something.

use super::*;

/// Where user code runs on a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Handle,
    Started,
    Stopped,
    Lagged,
    Predicate,
    Factory,
    FactoryAgain,
    StartedAgain,
    ActorDrop,
    PredicateDrop,
    PayloadDrop,
    PayloadDropInMailbox,
}

pub(super) const PLACES: [Place; 12] = [
    Place::Handle,
    Place::Started,
    Place::Stopped,
    Place::Lagged,
    Place::Predicate,
    Place::Factory,
    Place::FactoryAgain,
    Place::StartedAgain,
    Place::ActorDrop,
    Place::PredicateDrop,
    Place::PayloadDrop,
    Place::PayloadDropInMailbox,
];

impl Place {
    /// Whether the subscription has ended by then, or ends there.
    pub(super) fn is_last(self) -> bool {
        matches!(
            self,
            Place::Stopped | Place::ActorDrop | Place::PredicateDrop
        )
    }
}

/// What is done at a place, once.
pub(super) type Deed = Arc<Mutex<Option<Box<dyn FnOnce() + Send>>>>;

#[derive(Clone)]
pub(super) struct Script {
    pub(super) place: Place,
    pub(super) deed: Deed,
    pub(super) done: Latch,
}

impl Script {
    fn at(&self, place: Place) {
        if place != self.place {
            return;
        }
        // Taken out first: what it does may come back here.
        let deed = self.deed.lock().unwrap().take();
        if let Some(deed) = deed {
            deed();
            self.done.open();
        }
    }
}

#[derive(Clone)]
pub(super) struct Payload {
    pub(super) number: u64,
    pub(super) script: Option<Script>,
}

impl Drop for Payload {
    fn drop(&mut self) {
        if let Some(script) = &self.script {
            script.at(Place::PayloadDrop);
            script.at(Place::PayloadDropInMailbox);
        }
    }
}

pub(super) const PLAIN: Payload = Payload {
    number: 0,
    script: None,
};

pub(super) struct Scripted(Script);

impl Actor<Payload> for Scripted {
    fn handle(&mut self, event: &Event<Payload>, _: &mut Context<'_, Payload>) {
        self.0.at(Place::Handle);
        let again = matches!(self.0.place, Place::FactoryAgain | Place::StartedAgain);
        assert!(!again || event.payload().number != 1, "asked for");
    }

    fn started(&mut self, _: &mut Context<'_, Payload>) {
        self.0.at(Place::Started);
    }

    fn lagged(&mut self, _: u64, _: &mut Context<'_, Payload>) {
        self.0.at(Place::Lagged);
    }

    fn stopped(&mut self, _: StopReason) {
        self.0.at(Place::Stopped);
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.0.at(Place::ActorDrop);
    }
}

struct AtDrop(Script);

impl Drop for AtDrop {
    fn drop(&mut self) {
        self.0.at(Place::PredicateDrop);
    }
}

/// A router with a subscription that comes past a place, and does something there.
struct Stage {
    router: Router<Payload>,
    target: Target,
    /// Somebody on the same shard and somebody on another.
    others: [Subscription; 2],
    script: Script,
}

pub(super) fn actor_topic() -> Topic {
    topic("SCRIPTED")
}

impl Stage {
    fn new(router: Router<Payload>, place: Place) -> Stage {
        let last = router.stats().shards.len() - 1;
        let others = [0, last].map(|shard| {
            let builder = on_shard(&router, shard, Filter::exact(topic("OTHER")));
            builder.handler(|_| ()).unwrap()
        });
        Stage {
            router,
            target: Target::default(),
            others,
            script: Script {
                place,
                deed: Deed::default(),
                done: Latch::default(),
            },
        }
    }

    /// Brings it about, and waits until the deed is done.
    fn play(
        self,
        deed: impl FnOnce(WeakRouter<Payload>, Subscription, [Subscription; 2]) + Send + 'static,
    ) {
        let Stage {
            router,
            target,
            others,
            script,
        } = self;
        let (weak, me, place) = (router.downgrade(), target.clone(), script.place);
        *script.deed.lock().unwrap() = Some(Box::new(move || deed(weak, me.get().clone(), others)));
        // The shard is held meanwhile, so that the target is set before anything is called.
        let hold = block_shard(&router, 0, PLAIN);
        let subscription = subscribe(&router, &script);
        target.set(&subscription);
        hold.release();
        let done = script.done.clone();
        // Whatever is done may close the router, or end the subscription.
        let flush = || {
            let _ = router.flush();
        };
        let publish = |payload| drop(router.publisher().publish(actor_topic(), payload));
        let payload = |number, script| Payload { number, script };
        match place {
            Place::PayloadDrop => publish(payload(0, Some(script))),
            Place::PayloadDropInMailbox => {
                subscription.suspend(Suspend::Queue).unwrap();
                publish(payload(0, Some(script)));
                flush();
                subscription.resume().unwrap();
            }
            Place::Lagged => {
                subscription.suspend(Suspend::Queue).unwrap();
                (0..6).for_each(|number| publish(payload(number, None)));
                flush();
                subscription.resume().unwrap();
            }
            _ if place.is_last() => {
                // One that ends before its shard takes it is never made.
                flush();
                subscription.unsubscribe().unwrap();
            }
            _ => (0..3).for_each(|number| publish(payload(number, None))),
        }
        done.wait();
        flush();
        let report = router.shutdown(common::FOREVER);
        assert!(report.is_complete(), "{place:?}: {report:?}");
        assert_all_add_up(&router, 0);
        assert_eq!(subscription.stats().queued, 0);
        let again = matches!(place, Place::FactoryAgain | Place::StartedAgain);
        assert_eq!(router.stats().total().panics, u64::from(again), "{place:?}");
    }
}

pub(super) fn subscribe(router: &Router<Payload>, script: &Script) -> Subscription {
    let builder = on_shard(router, 0, Filter::exact(actor_topic()));
    let builder = builder.mailbox(2, Overflow::DropOldest);
    let at_drop = AtDrop(script.clone());
    let builder = builder.when(move |_| {
        at_drop.0.at(Place::Predicate);
        true
    });
    let (script, mut made) = (script.clone(), 0);
    let factory = move || {
        script.at(match made {
            0 => Place::Factory,
            _ => Place::FactoryAgain,
        });
        made += 1;
        if made > 1 {
            script.at(Place::StartedAgain);
        }
        Scripted(script.clone())
    };
    builder.actor_with(factory).unwrap()
}

pub(super) fn everywhere(
    deed: impl Fn(Place, WeakRouter<Payload>, Subscription, [Subscription; 2]) + Clone + Send + 'static,
) {
    guarded(move || {
        for place in PLACES {
            sweep(|setup| {
                let deed = deed.clone();
                let stage = Stage::new(setup.router(), place);
                stage.play(move |router, me, others| deed(place, router, me, others));
            });
        }
    });
}
