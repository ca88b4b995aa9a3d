//! 3.1: what the original's manager, subscribers, events and collectors can do.

use crate::common::{Log, guarded, vectors, wait_until};
use crate::support::{Step, info, router, scripted, ticks};
use laneway::manager::Subscribers;
use laneway::manager::collectors::vic::{BaseEvent, EventKind, EventType, VicError};
use laneway::manager::collectors::{Collectors, Monitored, StartError, State, Stopped};
use laneway::{Event, Filter, Overflow, Suspend};
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

fn created() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_517_133_600)
}

#[test]
fn a_collector_is_registered_listed_started_stopped_and_replaced_by_name() {
    guarded(|| {
        let router = router::<u64>();
        let log = Log::default();
        router.subscribe(Filter::any(), log.handler()).unwrap();
        let collectors = Collectors::new(&router);
        assert!(collectors.list().is_empty());
        let (collector, script) = scripted("a");
        assert_eq!(collectors.register(collector), Ok(false));
        assert_eq!(info(&collectors, "a").state, State::Stopped);

        collectors.start("a").unwrap();
        script.then(Step::Publish(1)).then(Step::Publish(2));
        wait_until(|| log.len() == 2);
        wait_until(|| info(&collectors, "a").published == 2);
        assert_eq!(info(&collectors, "a").state, State::Running);
        assert_eq!(collectors.stop("a"), Ok(Stopped::Ended));
        assert_eq!(log.take(), [1, 2]);

        // The same name replaces, and is at rest until it is started.
        let (other, other_script) = scripted("a");
        assert_eq!(collectors.register(other), Ok(true));
        assert_eq!(script.log.all(), ["runs", "stopped", "dropped"]);
        assert_eq!(collectors.list().len(), 1);
        assert_eq!(info(&collectors, "a").published, 0);
        collectors.start("a").unwrap();
        other_script.then(Step::Publish(3));
        wait_until(|| log.len() == 1);
        collectors.remove("a").unwrap();
        assert!(collectors.list().is_empty());
        assert_eq!(other_script.log.all(), ["runs", "stopped", "dropped"]);
    });
}

#[test]
fn objects_are_monitored_and_one_can_be_required() {
    guarded(|| {
        let router = router::<u64>();
        let collectors = Collectors::new(&router);
        let (mut collector, _script) = scripted("a");
        collector.monitored = Some(Monitored::at_least_one());
        collectors.register(collector).unwrap();
        let nothing = StartError::NothingMonitored { name: "a".into() };
        assert_eq!(collectors.start("a"), Err(nothing.clone()));
        collectors.monitor("a", "vm:101").unwrap();
        collectors.monitor("a", "host:1").unwrap();
        let monitored = info(&collectors, "a").monitored.unwrap();
        assert_eq!(monitored, ["host:1", "vm:101"]);
        collectors.start("a").unwrap();
        collectors.unmonitor("a", "vm:101").unwrap();
        collectors.unmonitor("a", "host:1").unwrap();
        assert_eq!(collectors.restart("a"), Err(nothing));
        assert_eq!(info(&collectors, "a").state, State::Stopped);
    });
}

#[test]
fn subscribers_have_a_topic_a_name_and_can_be_suspended() {
    guarded(|| {
        let router = router::<u64>();
        let subscribers = Subscribers::new(&router).mailbox(1000, Overflow::DropOldest);
        let filter = Filter::exact(ticks());
        let subscriber = subscribers
            .subscribe(filter.clone(), "exec", |_| ())
            .unwrap();
        assert_eq!((subscriber.filter(), subscriber.name()), (&filter, "exec"));
        assert!(!subscriber.is_suspended());
        subscriber.suspend(Suspend::Discard).unwrap();
        assert!(subscriber.is_suspended());
        router.publish(ticks(), 1).unwrap();
        router.flush().unwrap();
        assert_eq!((subscriber.discarded(), subscriber.dropped()), (1, 0));
        subscriber.resume().unwrap();
        assert!(!subscriber.is_suspended());
    });
}

/// The way in which the original's exec layer fills its cache: hold the events, read everything, go on with the events.
#[test]
fn suspend_sync_resume() {
    guarded(|| {
        let router = router::<u64>();
        let subscribers = Subscribers::new(&router);
        let cache = Log::default();
        let subscriber = subscribers
            .subscribe(Filter::exact(ticks()), "exec", cache.handler())
            .unwrap();
        subscriber.suspend(Suspend::Queue).unwrap();
        for number in 10..20 {
            router.publish(ticks(), number).unwrap();
        }
        // While it is held, nothing comes between what is read here.
        cache.push(0);
        router.flush().unwrap();
        assert_eq!(cache.all(), [0]);
        subscriber.resume().unwrap();
        router.flush().unwrap();
        assert_eq!(
            cache.all(),
            [[0].as_slice(), &(10..20).collect::<Vec<_>>()].concat()
        );
    });
}

#[test]
fn events_have_the_original_s_json() {
    let vm = BaseEvent::vm(
        "VmPoweredOnEvent",
        1,
        "vm:101",
        "jojo the idiot circus boy",
        created(),
    );
    let container = BaseEvent::container(EventKind::PoweredOff, "op-1", "123439", created());
    assert_eq!(
        container.to_json(),
        r#"{"Type":"events.ContainerEvent","Event":"PoweredOff","ID":"op-1","Detail":"Container 123439 PoweredOff","Ref":"123439","CreatedTime":"2018-01-28T10:00:00Z"}"#
    );
    let Some(vectors) = vectors::dir("vic") else {
        return;
    };
    for (file, event) in [
        ("vm-event.json", vm.unwrap()),
        ("container-event.json", container),
    ] {
        let json = std::fs::read_to_string(vectors.join(file)).unwrap();
        assert_eq!(BaseEvent::from_json(&json).unwrap(), event, "{file}");
        assert_eq!(event.to_json(), json.trim_end(), "{file}");
    }
}

/// GET events: a line for each event of a container and for nothing else.
#[test]
fn a_stream_of_container_events() {
    guarded(|| {
        let router = router::<BaseEvent>();
        let subscribers = Subscribers::new(&router);
        let lines = Log::<String>::default();
        let body = lines.clone();
        let write = move |event: &Event<BaseEvent>| body.push(event.payload().to_json());
        let containers = Filter::any().category(EventType::Container.name());
        subscribers.subscribe(containers, "PLE-1", write).unwrap();
        let started = BaseEvent::container(EventKind::Started, "1", "c\n1", created());
        for event in [
            BaseEvent::state("suspended", "0", "vm:1", created()).unwrap(),
            started.clone(),
        ] {
            router.publish(event.topic(), event).unwrap();
        }
        router.flush().unwrap();
        let lines = lines.all();
        assert_eq!(lines.len(), 1);
        assert!(!lines[0].contains('\n'));
        assert_eq!(BaseEvent::from_json(&lines[0]), Ok(started));
    });
}

#[test]
fn events_that_cannot_be_read_say_why() {
    let good = BaseEvent::container(EventKind::Created, "1", "c", created()).to_json();
    let with = |from: &str, to: &str| BaseEvent::from_json(&good.replace(from, to)).unwrap_err();
    assert_eq!(
        with("Created\"", "Eaten\""),
        VicError::UnknownKind("Eaten".into())
    );
    assert_eq!(
        with("events.ContainerEvent", "events.Other"),
        VicError::UnknownType("events.Other".into())
    );
    assert_eq!(with("\"Ref\"", "\"ref\""), VicError::Missing { key: "Ref" });
    assert_eq!(with("\"1\"", "1"), VicError::NotText { key: "ID" });
    assert_eq!(
        with("2018-01", "2018-13"),
        VicError::Time("2018-13-28T10:00:00Z".into())
    );
    assert!(matches!(with("{", "["), VicError::Json(_)));
    let long = "x".repeat(1 << 17);
    assert_eq!(
        BaseEvent::from_json(&long),
        Err(VicError::TooLong { bytes: 1 << 17 })
    );
}

#[test]
fn there_are_fourteen_kinds_and_three_types() {
    let names: Vec<&str> = EventKind::ALL.iter().map(|kind| kind.name()).collect();
    assert_eq!(
        names,
        [
            "Created",
            "Failed",
            "Migrated",
            "MigratedByDrs",
            "PoweredOff",
            "PoweredOn",
            "Reconfigured",
            "Relocated",
            "Removed",
            "Resumed",
            "Shutdown",
            "Started",
            "Stopped",
            "Suspended",
        ]
    );
    for kind in EventKind::ALL {
        assert_eq!(kind.name().parse(), Ok(kind));
    }
    let types: Vec<&str> = EventType::ALL.iter().map(|kind| kind.name()).collect();
    assert_eq!(
        types,
        [
            "events.ContainerEvent",
            "vsphere.VMEvent",
            "vsphere.StateEvent"
        ]
    );
}

#[test]
fn nine_types_of_vsphere_are_mapped() {
    let Some(vectors) = vectors::dir("vic") else {
        return;
    };
    let json = std::fs::read_to_string(vectors.join("type-map.json")).unwrap();
    let map: BTreeMap<String, serde_json::Value> =
        serde_json::from_str::<serde_json::Map<_, _>>(&json)
            .unwrap()
            .into_iter()
            .collect();
    assert_eq!(map.len(), 9);
    for (vsphere, kind) in map {
        let expected = kind.as_str().unwrap().parse().unwrap();
        assert_eq!(EventKind::of_vsphere(&vsphere), Some(expected), "{vsphere}");
    }
}

#[test]
fn power_states_make_state_events() {
    for (state, kind) in [
        ("poweredOn", EventKind::PoweredOn),
        ("poweredOff", EventKind::PoweredOff),
        ("suspended", EventKind::Suspended),
    ] {
        let event = BaseEvent::state(state, "7", "vm:1", created()).unwrap();
        assert_eq!((event.event_type, event.event), (EventType::State, kind));
        assert_eq!(event.detail, format!("Created from power state {state}"));
    }
}
