//! Driver types and drivers: what they are, and how they live.

use crate::common::{Hold, LIMIT, Latch, guarded};
use crate::support::{event, idle, note_as, started};
use laneway::manager::{
    DriverInfo, DriverSpec, DriverType, Kind, Manager, ManagerError, Status, SubscriptionSpec,
};
use std::time::Duration;

/// A manager whose drivers come back at once.
pub(crate) fn quick() -> Manager {
    let millisecond = Duration::from_millis(1);
    let manager = Manager::builder()
        .workers(2)
        .driver_backoff(millisecond, millisecond)
        .build()
        .unwrap();
    manager.start().unwrap();
    manager
}

/// Waits until a driver is as it should be.
#[track_caller]
pub(crate) fn wait_for(
    manager: &Manager,
    name: &str,
    mut is_so: impl FnMut(&DriverInfo) -> bool,
) -> DriverInfo {
    let mut last = None;
    crate::common::wait_until(|| {
        let info = manager.driver(name).unwrap();
        let so = is_so(&info);
        last = Some(info);
        so
    });
    last.unwrap()
}

#[test]
fn driver_types_are_created_read_updated_and_deleted() {
    guarded(|| {
        let manager = started();
        let ticker = DriverType::command("ticker", "true", []).tag("by", "us");
        manager.create_driver_type(ticker.clone()).unwrap();
        assert!(matches!(
            manager.create_driver_type(ticker.clone()),
            Err(ManagerError::AlreadyExists {
                kind: Kind::DriverType,
                ..
            })
        ));
        assert_eq!(manager.driver_type("ticker").unwrap(), ticker);
        let other = DriverType::in_process("ticker");
        manager.update_driver_type(other.clone()).unwrap();
        assert_eq!(manager.driver_types(), [other]);
        manager
            .create_driver(DriverSpec::new("d", "ticker"))
            .unwrap();
        let in_use = manager.delete_driver_type("ticker").unwrap_err();
        assert_eq!(
            in_use.to_string(),
            "the driver type `ticker` is in use by `d`"
        );
        manager.delete_driver("d").unwrap();
        assert!(manager.wait_driver("d", Status::Deleted, LIMIT).unwrap());
        crate::common::wait_until(|| manager.drivers().is_empty());
        manager.delete_driver_type("ticker").unwrap();
        let unknown = |error| {
            matches!(
                error,
                ManagerError::NotFound {
                    kind: Kind::DriverType,
                    ..
                }
            )
        };
        assert!(unknown(manager.driver_type("ticker").unwrap_err()));
        assert!(unknown(manager.delete_driver_type("ticker").unwrap_err()));
        assert!(unknown(manager.update_driver_type(ticker).unwrap_err()));
    });
}

#[test]
fn a_driver_needs_a_known_type() {
    guarded(|| {
        let manager = started();
        let error = manager
            .create_driver(DriverSpec::new("d", "t"))
            .unwrap_err();
        assert_eq!(error.to_string(), "there is no driver type `t`");
        assert!(manager.drivers().is_empty());
        manager
            .create_driver_type(DriverType::in_process("t"))
            .unwrap();
        manager.create_driver(DriverSpec::new("d", "t")).unwrap();
        let again = manager.create_driver(DriverSpec::new("d", "t"));
        assert!(matches!(again, Err(ManagerError::AlreadyExists { .. })));
        let error = manager
            .update_driver(DriverSpec::new("d", "u"))
            .unwrap_err();
        assert_eq!(error.to_string(), "there is no driver type `u`");
        let error = manager
            .update_driver(DriverSpec::new("e", "t"))
            .unwrap_err();
        assert_eq!(error.to_string(), "there is no driver `e`");
        assert!(manager.driver("e").is_err() && manager.delete_driver("e").is_err());
    });
}

#[test]
fn a_ticker_brings_events_until_it_is_deleted() {
    guarded(|| {
        let manager = started();
        let seen = note_as(&manager, "f");
        manager
            .create_subscription(SubscriptionSpec::new("s", "tick", "f"))
            .unwrap();
        manager
            .create_driver_type(DriverType::in_process("ticker"))
            .unwrap();
        let info = manager
            .create_driver(DriverSpec::new("fast", "ticker").config("prefix", "n"))
            .unwrap();
        assert_eq!(info.status, Status::Creating);
        // The program has not said yet what a ticker is.
        let failed = wait_for(&manager, "fast", |info| info.status == Status::Error);
        assert_eq!(
            failed.reason.unwrap(),
            "driver kind `ticker` is not registered"
        );
        let ended = Latch::default();
        let end = ended.clone();
        manager
            .add_driver_kind("ticker", move |ctx| {
                let mut ticks = 0..;
                while ctx.wait(Duration::from_millis(1)) {
                    let id = format!("{}{}", ctx.options()["prefix"], ticks.next().unwrap());
                    ctx.emit(event(&id, "tick"))?;
                }
                assert!(ctx.is_stopping() && ctx.name() == "fast");
                end.open();
                Ok(())
            })
            .unwrap();
        assert!(manager.wait_driver("fast", Status::Ready, LIMIT).unwrap());
        crate::common::wait_until(|| seen.len() >= 3);
        assert_eq!(
            manager.delete_driver("fast").unwrap().status,
            Status::Deleting
        );
        ended.wait();
        crate::common::wait_until(|| manager.drivers().is_empty());
        idle(&manager);
        assert_eq!(seen.take()[..3], ["n0", "n1", "n2"]);
    });
}

#[test]
fn a_driver_that_is_being_changed_or_deleted_is_busy() {
    guarded(|| {
        let manager = quick();
        let hold = Hold::default();
        let mut first = Some(hold.clone());
        manager
            .create_driver_type(DriverType::in_process("slow"))
            .unwrap();
        let holds = std::sync::Mutex::new(first.take());
        manager
            .add_driver_kind("slow", move |ctx| {
                // The first one takes its time to end.
                let hold = holds.lock().unwrap().take();
                while ctx.wait(Duration::MAX) {}
                if let Some(hold) = hold {
                    hold.stop_here();
                }
                Ok(())
            })
            .unwrap();
        let spec = DriverSpec::new("d", "slow");
        manager.create_driver(spec.clone()).unwrap();
        assert!(manager.wait_driver("d", Status::Ready, LIMIT).unwrap());
        let new = spec.clone().config("k", "v");
        assert_eq!(
            manager.update_driver(new.clone()).unwrap().status,
            Status::Updating
        );
        hold.wait_for_arrival();
        let is_busy = |error| {
            matches!(
                error,
                ManagerError::Busy {
                    status: Status::Updating,
                    ..
                }
            )
        };
        assert!(is_busy(manager.update_driver(spec.clone()).unwrap_err()));
        assert!(is_busy(manager.delete_driver("d").unwrap_err()));
        let of_type = DriverType::in_process("slow");
        assert!(is_busy(manager.update_driver_type(of_type).unwrap_err()));
        hold.release();
        assert!(manager.wait_driver("d", Status::Ready, LIMIT).unwrap());
        assert_eq!(manager.driver("d").unwrap().spec, new);
        assert_eq!(manager.driver("d").unwrap().restarts, 0);
        manager.delete_driver("d").unwrap();
        crate::common::wait_until(|| manager.drivers().is_empty());
    });
}

#[test]
fn a_driver_that_panics_or_fails_is_started_again_and_says_why() {
    guarded(|| {
        let manager = quick();
        manager
            .create_driver_type(DriverType::in_process("bad"))
            .unwrap();
        let calls = std::sync::atomic::AtomicUsize::new(0);
        manager
            .add_driver_kind("bad", move |ctx| {
                match calls.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
                    0 => panic!("the first one panics"),
                    1 => Err("the second one fails".into()),
                    2 => Ok(()),
                    _ => {
                        ctx.emit(event("1", "a/b")).unwrap_err();
                        while ctx.wait(Duration::MAX) {}
                        Ok(())
                    }
                }
            })
            .unwrap();
        manager.create_driver(DriverSpec::new("d", "bad")).unwrap();
        let info = wait_for(&manager, "d", |info| info.refused == 1);
        assert_eq!((info.status, info.restarts), (Status::Ready, 3));
        // One that runs goes on without its kind, and is not started again.
        manager.remove_driver_kind("bad").unwrap();
        manager.remove_driver_kind("bad").unwrap_err();
        assert_eq!(manager.driver("d").unwrap().status, Status::Ready);
        manager.update_driver(DriverSpec::new("d", "bad")).unwrap();
        assert!(manager.wait_driver("d", Status::Error, LIMIT).unwrap());
    });
}

#[cfg(target_os = "linux")]
mod external {
    use super::*;
    use crate::support::{Folder, wait_until_gone};

    fn sh(name: &str, script: &str) -> DriverType {
        // `$0` is the name, and what comes behind it are the options.
        DriverType::command(name, "sh", ["-c", script, name])
    }

    #[test]
    fn a_bad_command_goes_from_creating_to_error_and_says_why() {
        guarded(|| {
            let manager = quick();
            let no_such = DriverType::command("t", "/does/not/exist", []);
            manager.create_driver_type(no_such).unwrap();
            let info = manager.create_driver(DriverSpec::new("d", "t")).unwrap();
            assert_eq!(info.status, Status::Creating);
            assert!(manager.wait_driver("d", Status::Error, LIMIT).unwrap());
            let reason = wait_for(&manager, "d", |info| info.status == Status::Error).reason;
            assert!(reason.unwrap().contains("/does/not/exist"));
            // It gets better when the type does.
            crate::common::wait_until(|| {
                manager
                    .update_driver_type(sh("t", "exec sleep 3600"))
                    .is_ok()
            });
            assert!(manager.wait_driver("d", Status::Ready, LIMIT).unwrap());
        });
    }

    #[test]
    fn what_it_prints_is_emitted_and_what_is_no_event_is_refused_alone() {
        guarded(|| {
            let manager = quick();
            let seen = note_as(&manager, "f");
            manager
                .create_subscription(SubscriptionSpec::new("s", "*", "f"))
                .unwrap();
            let script = r#"
                e() { printf '{"specversion":"1.0","id":"%s","source":"/d","type":"%s"}' "$1" "$2"; }
                e 1 a; e 2 a; echo
                echo '[';  e 3 a; echo ','; e 4 a; echo ']'
                echo 'not an event'
                echo '[';  e 5 a; echo ','; e 6 'a/b'; echo ']'
                e 7 'a/b'; e 8 a
                exec sleep 3600"#;
            manager.create_driver_type(sh("t", script)).unwrap();
            manager.create_driver(DriverSpec::new("d", "t")).unwrap();
            let info = wait_for(&manager, "d", |info| info.emitted == 5);
            assert_eq!((info.refused, info.status), (3, Status::Ready));
            idle(&manager);
            assert_eq!(seen.take(), ["1", "2", "3", "4", "8"]);
        });
    }

    #[test]
    fn options_are_arguments_and_secrets_are_variables() {
        guarded(|| {
            let manager = quick();
            let seen = note_as(&manager, "f");
            manager
                .create_subscription(SubscriptionSpec::new("s", "*", "f"))
                .unwrap();
            manager.add_secret("login", [("user-name", "u1")]).unwrap();
            let script = r#"
                printf '{"specversion":"1.0","id":"%s %s %s","source":"/d","type":"a"}\n' "$1" "$2" "$USER_NAME"
                exec sleep 3600"#;
            manager.create_driver_type(sh("t", script)).unwrap();
            let spec = DriverSpec::new("d", "t")
                .config("url", "http://x")
                .config("a", "b c");
            manager.create_driver(spec.secret("login")).unwrap();
            wait_for(&manager, "d", |info| info.emitted == 1);
            idle(&manager);
            assert_eq!(seen.take(), ["--a=b c --url=http://x u1"]);
        });
    }

    #[test]
    fn it_is_started_again_when_it_ends_and_killed_when_it_is_deleted() {
        guarded(|| {
            let folder = Folder::new();
            let once = folder.file("once");
            let manager = quick();
            let script = r#"
                if [ ! -e "${1#--file=}" ]; then : > "${1#--file=}"; echo broken >&2; exit 7; fi
                sleep 3600 &
                printf '{"specversion":"1.0","id":"%s-%s","source":"/d","type":"pids"}\n' $$ $!
                wait"#;
            let pids = note_as(&manager, "f");
            manager
                .create_subscription(SubscriptionSpec::new("s", "pids", "f"))
                .unwrap();
            manager.create_driver_type(sh("t", script)).unwrap();
            let file = once.to_str().unwrap();
            let spec = DriverSpec::new("d", "t").config("file", file);
            manager.create_driver(spec.clone()).unwrap();
            let info = wait_for(&manager, "d", |info| info.emitted == 1);
            assert_eq!((info.status, info.restarts), (Status::Ready, 1));
            // An update starts it anew, a delete ends it; its children go with it both times.
            manager.update_driver(spec.config("more", "1")).unwrap();
            wait_for(&manager, "d", |info| info.emitted == 2);
            manager.delete_driver("d").unwrap();
            crate::common::wait_until(|| manager.drivers().is_empty());
            idle(&manager);
            let pids = pids.take();
            assert_eq!(pids.len(), 2);
            for pid in pids.iter().flat_map(|pair| pair.split('-')) {
                wait_until_gone(pid);
            }
        });
    }

    #[test]
    fn the_reason_has_the_exit_code_and_what_it_complained_of() {
        guarded(|| {
            // It stays in error long enough to be seen.
            let minute = Duration::from_secs(60);
            let manager = Manager::builder()
                .driver_backoff(minute, minute)
                .build()
                .unwrap();
            manager.start().unwrap();
            manager
                .create_driver_type(sh("t", "echo no such host >&2; exit 7"))
                .unwrap();
            manager.create_driver(DriverSpec::new("d", "t")).unwrap();
            assert!(manager.wait_driver("d", Status::Error, LIMIT).unwrap());
            let info = manager.driver("d").unwrap();
            assert_eq!(info.reason.unwrap(), "exit code 7: no such host");
        });
    }
}
