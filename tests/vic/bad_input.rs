//! What is refused, and by which rule.

use crate::support::{router, scripted};
use laneway::manager::collectors::{
    Collectors, MonitorError, Monitored, NameError, RegisterError, StartError, StopError,
};
use laneway::manager::{NamedError, Subscribers};
use laneway::{Field, Filter, FilterError, SubscribeError};
use std::error::Error;

fn bad_names() -> [(String, NameError); 3] {
    [
        (String::new(), NameError::Empty),
        ("x".repeat(257), NameError::TooLong { bytes: 257 }),
        ("a\0b".into(), NameError::Control),
    ]
}

#[test]
fn names() {
    let router = router::<u64>();
    let (collectors, subscribers) = (Collectors::new(&router), Subscribers::new(&router));
    for (name, rule) in bad_names() {
        let error = collectors.register(scripted(&name).0).unwrap_err();
        assert_eq!(error, RegisterError::Name(rule));
        assert_eq!(error.source().unwrap().to_string(), rule.to_string());
        let error = subscribers
            .subscribe(Filter::any(), &name, |_| ())
            .unwrap_err();
        assert_eq!(error, NamedError::Name(rule));
    }
    assert!(collectors.list().is_empty());
    assert_eq!(subscribers.count(), 0);
    assert_eq!(collectors.register(scripted(&"x".repeat(256)).0), Ok(false));
    assert!(collectors.start(&"x".repeat(256)).is_ok());
}

#[test]
fn unknown_names() {
    let router = router::<u64>();
    let collectors = Collectors::new(&router);
    let name = || "nobody".to_owned();
    assert_eq!(
        collectors.start("nobody"),
        Err(StartError::Unknown { name: name() })
    );
    assert_eq!(
        collectors.restart("nobody"),
        Err(StartError::Unknown { name: name() })
    );
    assert_eq!(
        collectors.stop("nobody"),
        Err(StopError::Unknown { name: name() })
    );
    assert_eq!(
        collectors.remove("nobody"),
        Err(StopError::Unknown { name: name() })
    );
    assert!(collectors.get("nobody").is_none());
    let unknown = MonitorError::UnknownCollector { name: name() };
    assert_eq!(collectors.monitor("nobody", "x"), Err(unknown.clone()));
    assert_eq!(collectors.unmonitor("nobody", "x"), Err(unknown));
}

#[test]
fn filters() {
    let router = router::<u64>();
    let subscribers = Subscribers::new(&router);
    let bad = Filter::any().event_type("VM*");
    let error = subscribers.subscribe(bad.clone(), "s", |_| ()).unwrap_err();
    let star = FilterError::Star {
        field: Field::EventType,
    };
    assert_eq!(error, NamedError::Subscribe(SubscribeError::Filter(star)));
    assert!(error.source().is_some());
    assert_eq!(subscribers.count(), 0);
    let unknown = NamedError::Unknown {
        filter: bad.clone(),
        name: "s".into(),
    };
    assert_eq!(subscribers.unsubscribe(&bad, "s"), Err(unknown));
    let none = Subscribers::new(&router).mailbox(0, laneway::Overflow::Block);
    let error = none.subscribe(Filter::any(), "s", |_| ()).unwrap_err();
    let capacity = SubscribeError::MailboxCapacity { events: 0 };
    assert_eq!(error, NamedError::Subscribe(capacity));
}

#[test]
fn objects() {
    let router = router::<u64>();
    let collectors = Collectors::new(&router);
    collectors.register(scripted("plain").0).unwrap();
    let not_monitoring = MonitorError::NotMonitoring {
        name: "plain".into(),
    };
    assert_eq!(collectors.monitor("plain", "x"), Err(not_monitoring));

    let (mut collector, _script) = scripted("c");
    let set = Monitored::new().limit(2).checked_by(|object| {
        let is_vm = object.starts_with("vm:");
        is_vm.then_some(()).ok_or("it is no virtual machine".into())
    });
    assert!(!set.needs_one());
    collector.monitored = Some(set);
    collectors.register(collector).unwrap();
    let monitor = |object: &str| collectors.monitor("c", object);
    assert_eq!(monitor(""), Err(MonitorError::Empty));
    assert_eq!(
        monitor(&"x".repeat(4097)),
        Err(MonitorError::TooLong { bytes: 4097 })
    );
    let (object, reason) = ("host:1".into(), "it is no virtual machine".into());
    assert_eq!(
        monitor("host:1"),
        Err(MonitorError::Refused { object, reason })
    );
    assert_eq!(monitor("vm:1"), Ok(()));
    assert_eq!(
        monitor("vm:1"),
        Err(MonitorError::Present {
            object: "vm:1".into()
        })
    );
    assert_eq!(monitor("vm:2"), Ok(()));
    assert_eq!(monitor("vm:3"), Err(MonitorError::TooMany { limit: 2 }));
    let unknown = MonitorError::Unknown {
        object: "vm:3".into(),
    };
    assert_eq!(collectors.unmonitor("c", "vm:3"), Err(unknown));
}

#[test]
fn too_many_collectors() {
    let router = router::<u64>();
    let collectors = Collectors::new(&router);
    for number in 0..1024 {
        collectors
            .register(scripted(&number.to_string()).0)
            .unwrap();
    }
    let too_many = RegisterError::TooMany { limit: 1024 };
    assert_eq!(collectors.register(scripted("one more").0), Err(too_many));
    assert_eq!(collectors.register(scripted("7").0), Ok(true));
}

#[test]
fn a_router_that_is_gone() {
    let router = router::<u64>();
    let collectors = Collectors::new(&router);
    collectors.register(scripted("c").0).unwrap();
    drop(router);
    assert_eq!(collectors.start("c"), Err(StartError::Closed));
}
