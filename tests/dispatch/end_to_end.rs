//! 4.3, their end-to-end tests.

use crate::common::{LIMIT, Log, guarded};
use crate::support::{event, idle, note_as, started, stats};
use laneway::manager::{DriverSpec, DriverType, Manager, ManagerError, Status, SubscriptionSpec};
use std::time::Duration;

#[test]
fn emitting_an_event_triggers_the_function() {
    guarded(|| {
        let manager = started();
        let seen = note_as(&manager, "hello");
        manager
            .create_subscription(SubscriptionSpec::new("sub", "test.event", "hello"))
            .unwrap();
        manager.emit(event("1", "test.event")).unwrap();
        manager.emit(event("2", "other.event")).unwrap();
        idle(&manager);
        assert_eq!(seen.take(), ["1"]);
    });
}

#[test]
fn updating_the_subscription_reroutes_while_events_are_emitted() {
    guarded(|| {
        let manager = started();
        let (first, second) = (note_as(&manager, "first"), note_as(&manager, "second"));
        let spec = SubscriptionSpec::new("sub", "test.event", "first");
        manager.create_subscription(spec.clone()).unwrap();
        manager.emit(event("1", "test.event")).unwrap();
        manager
            .update_subscription(spec.function("second"))
            .unwrap();
        manager.emit(event("2", "test.event")).unwrap();
        idle(&manager);
        assert_eq!(
            (first.take(), second.take()),
            (vec!["1".into()], vec!["2".into()])
        );
    });
}

#[test]
fn a_driver_makes_events_that_a_function_gets_and_ends_when_it_is_deleted() {
    guarded(|| {
        let manager = started();
        let seen = note_as(&manager, "hello");
        manager
            .create_subscription(SubscriptionSpec::new("sub", "ticker.*", "hello"))
            .unwrap();
        manager
            .add_driver_kind("ticker", |ctx| {
                let mut ids = 0..;
                while ctx.wait(Duration::from_millis(1)) {
                    ctx.emit(event(&ids.next().unwrap().to_string(), "ticker.tick"))?;
                }
                Ok(())
            })
            .unwrap();
        manager
            .create_driver_type(DriverType::in_process("ticker"))
            .unwrap();
        manager
            .create_driver(DriverSpec::new("test-ticker", "ticker"))
            .unwrap();
        assert!(
            manager
                .wait_driver("test-ticker", Status::Ready, LIMIT)
                .unwrap()
        );
        crate::common::wait_until(|| seen.len() >= 2);
        manager.delete_driver("test-ticker").unwrap();
        assert!(
            manager
                .wait_driver("test-ticker", Status::Deleted, LIMIT)
                .unwrap()
        );
        idle(&manager);
        let at_the_end = seen.len() as u64;
        assert_eq!(stats(&manager, "sub").succeeded, at_the_end);
    });
}

#[test]
fn upper_case_and_underscores_are_refused_in_names_of_drivers() {
    guarded(|| {
        let manager = started();
        manager
            .create_driver_type(DriverType::in_process("t"))
            .unwrap();
        for name in ["UPPER", "under_score"] {
            let refused = manager.create_driver(DriverSpec::new(name, "t"));
            assert!(matches!(refused, Err(ManagerError::Invalid(_))), "{name}");
        }
        assert!(manager.drivers().is_empty());
    });
}

/// The whole of it after a restart, as a user would see it.
#[test]
fn a_restart_brings_everything_back() {
    guarded(|| {
        let folder = crate::support::Folder::new();
        let path = folder.file("state.json");
        let seen: Log<String> = Log::default();
        for round in 0..3 {
            let manager = Manager::builder().store(&path).build().unwrap();
            manager
                .add_function("hello", crate::support::noting(&seen))
                .unwrap();
            if round == 0 {
                manager
                    .create_subscription(SubscriptionSpec::new("sub", "a.*", "hello"))
                    .unwrap();
            }
            manager.start().unwrap();
            assert_eq!(manager.subscription("sub").unwrap().status, Status::Ready);
            manager.emit(event(&round.to_string(), "a.b")).unwrap();
            assert!(manager.close(LIMIT).is_complete());
        }
        assert_eq!(seen.take(), ["0", "1", "2"]);
    });
}
