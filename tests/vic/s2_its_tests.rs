//! 3.2: what the original's own tests assert.

use crate::common::{Log, guarded, topic, wait_until};
use crate::support::{Step, info, router, scripted};
use laneway::manager::Subscribers;
use laneway::manager::collectors::vic::{BaseEvent, EventKind, EventType};
use laneway::manager::collectors::{Collectors, PageCursor};
use laneway::{Filter, Overflow, Router, Suspend};
use std::time::SystemTime;

/// The original's mailbox: 1000 events, the oldest of which go first.
fn original(router: &Router<u64>) -> Subscribers<u64> {
    Subscribers::new(router).mailbox(1000, Overflow::DropOldest)
}

#[test]
fn the_topic_of_a_vm_event_is_its_type() {
    let event = BaseEvent::vm("VmPoweredOnEvent", 1, "vm:101", "", SystemTime::now()).unwrap();
    assert_eq!(event.event_type.name(), "vsphere.VMEvent");
    assert_eq!(event.topic().category(), "vsphere.VMEvent");
}

#[test]
fn subscribing_and_unsubscribing_is_counted_by_topic() {
    let router = router::<u64>();
    let subscribers = original(&router);
    let vms = Filter::any().category(EventType::Vm.name());
    for name in ["one", "two", "three"] {
        subscribers.subscribe(vms.clone(), name, |_| ()).unwrap();
    }
    assert_eq!((subscribers.list().len(), subscribers.count()), (1, 3));
    subscribers.unsubscribe(&vms, "one").unwrap();
    assert_eq!((subscribers.list().len(), subscribers.count()), (1, 2));
    subscribers.unsubscribe(&vms, "two").unwrap();
    assert_eq!((subscribers.list().len(), subscribers.count()), (1, 1));
    // What it did not do: an emptied topic is gone.
    subscribers.unsubscribe(&vms, "three").unwrap();
    assert_eq!((subscribers.list().len(), subscribers.count()), (0, 0));
    assert!(router.subscriptions().is_empty());
}

#[test]
fn suspend_queue_delivers_all_after_resume_and_none_twice() {
    guarded(|| {
        let router = router::<u64>();
        let (subscribers, log, at) = (original(&router), Log::default(), topic("SUSPEND_QUEUE"));
        let subscriber = subscribers
            .subscribe(Filter::exact(at), "tester", log.handler())
            .unwrap();
        for number in 0..100 {
            if number == 50 {
                subscriber.suspend(Suspend::Queue).unwrap();
            }
            router.publish(at, number).unwrap();
        }
        router.flush().unwrap();
        assert!(log.len() <= 50);
        subscriber.resume().unwrap();
        router.flush().unwrap();
        assert_eq!(log.all(), (0..100).collect::<Vec<_>>());
        assert_eq!((subscriber.discarded(), subscriber.dropped()), (0, 0));
    });
}

#[test]
fn suspend_discard_discards_and_counts() {
    guarded(|| {
        let router = router::<u64>();
        let (subscribers, log, at) = (original(&router), Log::default(), topic("SUSPEND_DISCARD"));
        let subscriber = subscribers
            .subscribe(Filter::exact(at), "tester", log.handler())
            .unwrap();
        for number in 0..100 {
            if number == 50 {
                subscriber.suspend(Suspend::Discard).unwrap();
            }
            router.publish(at, number).unwrap();
        }
        router.flush().unwrap();
        assert_eq!((subscriber.discarded(), subscriber.dropped()), (50, 0));
        subscriber.resume().unwrap();
        router.flush().unwrap();
        // What was queued before is delivered, what came meanwhile is not.
        assert_eq!(log.all(), (0..50).collect::<Vec<_>>());
    });
}

#[test]
fn of_1001_events_in_suspension_the_first_is_dropped() {
    guarded(|| {
        let router = router::<u64>();
        let (subscribers, log, at) = (original(&router), Log::default(), topic("OVERFLOW"));
        let subscriber = subscribers
            .subscribe(Filter::exact(at), "tester", log.handler())
            .unwrap();
        subscriber.suspend(Suspend::Queue).unwrap();
        for number in 0..1001 {
            router.publish(at, number).unwrap();
        }
        router.flush().unwrap();
        subscriber.resume().unwrap();
        router.flush().unwrap();
        assert_eq!(log.all(), (1..1001).collect::<Vec<_>>());
        assert_eq!((subscriber.dropped(), subscriber.discarded()), (1, 0));
        let stats = subscriber.stats();
        assert_eq!(
            (stats.matched, stats.handled, stats.queued),
            (1001, 1000, 0)
        );
    });
}

#[test]
fn a_page_of_three_makes_three_events() {
    guarded(|| {
        let router = router::<u64>();
        let log = Log::default();
        router.subscribe(Filter::any(), log.handler()).unwrap();
        let collectors = Collectors::new(&router);
        let (collector, script) = scripted("vSphere Event Collector");
        collectors.register(collector).unwrap();
        assert_eq!(collectors.list()[0].name, "vSphere Event Collector");
        collectors.start("vSphere Event Collector").unwrap();
        let unseen = PageCursor::new().unseen(&[3, 2, 1], |id| *id).unwrap();
        for id in unseen {
            script.then(Step::Publish(*id));
        }
        wait_until(|| log.len() == 3);
        assert_eq!(log.all(), [1, 2, 3]);
        wait_until(|| info(&collectors, "vSphere Event Collector").published == 3);
    });
}

#[test]
fn the_fields_of_a_vm_event() {
    let created = SystemTime::UNIX_EPOCH;
    let event = BaseEvent::vm("VmPoweredOnEvent", 12, "vm:101", "it runs", created).unwrap();
    assert_eq!(event.event_type, EventType::Vm);
    assert_eq!(event.event, EventKind::PoweredOn);
    assert_eq!(
        (&*event.id, &*event.detail, &*event.reference),
        ("12", "it runs", "vm:101")
    );
    assert_eq!(event.created.to_system_time(), Some(created));
}

#[test]
fn a_container_event_is_seen() {
    guarded(|| {
        let router = router::<BaseEvent>();
        let subscribers = Subscribers::new(&router);
        let log = Log::default();
        let containers = Filter::any().category(EventType::Container.name());
        subscribers
            .subscribe(containers, "PLE-1", log.handler())
            .unwrap();
        let event = BaseEvent::container(EventKind::Started, "op-1", "c1", SystemTime::now());
        router.publish(event.topic(), event.clone()).unwrap();
        wait_until(|| log.len() == 1);
        assert_eq!(log.all(), [event]);
    });
}
