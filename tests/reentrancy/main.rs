//! G10: whatever user code on a shard asks of its router has a defined result, and nothing hangs (rows 11 and 13).

#[path = "../common/mod.rs"]
mod common;
mod cycles;
mod stage;

use common::{
    Count, Latch, Log, Random, Target, assert_all_add_up, block_shard, guarded, inside_a_handler,
    inside_shard, on_shard, rounds, sweep, topic, wait_until,
};
use laneway::{
    Actor, Context, Event, Filter, FlushError, OnPanic, Overflow, PublishError, Published, Router,
    StopReason, SubscribeError, Subscription, Suspend, Topic, UnsubscribeError, WeakRouter,
};
use stage::{PLACES, PLAIN, Payload, Place, Script, actor_topic, everywhere, subscribe};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

#[test]
fn row_13_it_may_publish_and_subscribe_but_not_flush() {
    everywhere(|place, router, _, _| {
        let router = router.upgrade().unwrap();
        assert_eq!(router.flush(), Err(FlushError::ActorThread), "{place:?}");
        let flushed = router.flush_timeout(Duration::MAX);
        assert_eq!(flushed, Err(FlushError::ActorThread));
        let (new, count) = (topic("NEW"), Count::default());
        let subscriptions = [(); 3].map(|()| router.subscribe(Filter::exact(new), count.handler()));
        for subscription in &subscriptions {
            assert!(subscription.is_ok(), "{place:?}");
        }
        let published = router.publish(new, PLAIN);
        assert!(matches!(published, Ok(Published::Routed)), "{place:?}");
        assert!(matches!(
            router.publish(topic("NOBODY"), PLAIN),
            Ok(Published::Unmatched)
        ));
        let [first, second, _] = subscriptions;
        assert_eq!(first.unwrap().unsubscribe(), Ok(()));
        second.unwrap().suspend(Suspend::Queue).unwrap();
        assert!(router.subscriptions().iter().any(|info| info.shard == 0));
        assert!(!router.explain(new).is_empty());
    });
}

#[test]
fn row_13_it_may_end_itself() {
    everywhere(|place, _, me, _| {
        let unknown = Err(UnsubscribeError::Unknown(me.id()));
        // What has ended by then is unknown.
        let first = if place.is_last() {
            unknown.clone()
        } else {
            Ok(())
        };
        assert_eq!(me.unsubscribe(), first, "{place:?}");
        assert!(me.has_ended());
        assert_eq!(me.unsubscribe(), unknown);
        assert_eq!(me.suspend(Suspend::Queue), unknown);
        assert_eq!(me.resume(), unknown);
    });
}

#[test]
fn row_13_it_may_suspend_and_resume_itself() {
    everywhere(|place, _, me, _| {
        let unknown = Err(UnsubscribeError::Unknown(me.id()));
        let expected = if place.is_last() { unknown } else { Ok(()) };
        for how in [Suspend::Queue, Suspend::Discard, Suspend::Queue] {
            assert_eq!(me.suspend(how), expected, "{place:?}");
        }
        assert_eq!(me.resume(), expected);
    });
}

/// What is suspended when the router shuts down is dropped and counted.
#[test]
fn row_13_it_may_stay_suspended() {
    everywhere(|_, _, me, _| {
        let _ = me.suspend(Suspend::Queue);
    });
}

#[test]
fn row_13_it_may_end_and_suspend_others() {
    everywhere(|place, router, _, others| {
        for other in &others {
            assert_eq!(other.suspend(Suspend::Queue), Ok(()), "{place:?}");
        }
        let router = router.upgrade().unwrap();
        assert!(router.publish(topic("OTHER"), PLAIN).is_ok());
        for other in &others {
            assert_eq!(other.resume(), Ok(()));
            assert_eq!(other.suspend(Suspend::Discard), Ok(()));
            assert_eq!(router.unsubscribe(other.id()), Ok(()), "{place:?}");
            assert_eq!(other.resume(), Err(UnsubscribeError::Unknown(other.id())));
        }
        let published = router.publish(topic("OTHER"), PLAIN);
        assert!(matches!(published, Ok(Published::Unmatched)));
    });
}

#[test]
fn row_13_it_may_shut_the_router_down() {
    everywhere(|place, router, me, _| {
        let router = router.upgrade().unwrap();
        let report = router.shutdown(common::FOREVER);
        // It waits for nobody: the shard it is on least of all.
        assert_eq!(report.joined, 0, "{place:?}");
        assert_eq!(report.detached.len(), router.stats().shards.len());
        let refused = router.publish(topic("OTHER"), PLAIN);
        assert!(matches!(refused, Err(PublishError::Closed(_))));
        let refused = router.subscribe(Filter::any(), |_| ());
        assert!(matches!(refused, Err(SubscribeError::Closed)));
        let _ = me.suspend(Suspend::Queue);
        let _ = me.resume();
        let _ = me.unsubscribe();
    });
}

/// The last handle of a router goes with the payload of an event, an actor, a predicate, a factory.
#[test]
fn row_13_it_may_drop_the_last_handle() {
    guarded(|| {
        for place in PLACES {
            sweep(|setup| {
                let router: Router<Payload> = setup.router();
                let (weak, gone) = (router.downgrade(), Latch::default());
                let handle = Arc::new(Mutex::new(None::<Router<Payload>>));
                let (last, dropped) = (Arc::clone(&handle), gone.clone());
                let is_held = Arc::new(AtomicBool::new(false));
                let held = Arc::clone(&is_held);
                let deed = move || {
                    wait_until(|| held.load(Ordering::Acquire));
                    let router = last.lock().unwrap().take();
                    assert!(router.is_some());
                    drop(router);
                    dropped.open();
                };
                let script = Script {
                    place,
                    deed: Arc::new(Mutex::new(Some(Box::new(deed)))),
                    done: Latch::default(),
                };
                let subscription = subscribe(&router, &script);
                let mut publisher = router.publisher();
                let done = script.done.clone();
                let mut publish = |number, script| {
                    // Closed at some time.
                    drop(publisher.try_publish(actor_topic(), Payload { number, script }));
                };
                match place {
                    Place::Lagged | Place::PayloadDropInMailbox => {
                        subscription.suspend(Suspend::Queue).unwrap();
                        for number in 0..6 {
                            publish(number, Some(script.clone()));
                            router.flush().unwrap();
                            if place == Place::PayloadDropInMailbox {
                                break;
                            }
                        }
                        drop(script);
                        subscription.resume().unwrap();
                    }
                    Place::PayloadDrop => publish(0, Some(script)),
                    _ if place.is_last() => {}
                    Place::FactoryAgain | Place::StartedAgain => publish(1, None),
                    _ => publish(0, None),
                }
                if place.is_last() {
                    router.flush().unwrap();
                    // It is ended by somebody who does not wait.
                    let ended = subscription.clone();
                    let unsubscribe = move |_: &Event<_>, _: &mut Context<'_, _>| {
                        ended.unsubscribe().unwrap();
                    };
                    inside_a_handler(&router, PLAIN, unsubscribe);
                }
                *handle.lock().unwrap() = Some(router);
                is_held.store(true, Ordering::Release);
                gone.wait();
                done.wait();
                assert!(weak.upgrade().is_none(), "{place:?}");
                let refused = publisher.publish(actor_topic(), PLAIN);
                assert!(matches!(refused, Err(PublishError::Closed(_))));
                wait_until(|| subscription.has_ended() && subscription.stats().queued == 0);
            });
        }
    });
}
