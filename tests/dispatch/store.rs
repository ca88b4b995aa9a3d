//! What survives a restart, and what is refused.

use crate::common::{LIMIT, guarded};
use crate::support::{Folder, event, idle, note_as};
use laneway::manager::{
    DeadLetter, DriverSpec, DriverType, Manager, ManagerError, Retry, Status, StoreError,
    SubscriptionSpec,
};
use std::fs;
use std::path::Path;
use std::time::Duration;

pub(crate) fn open(path: &Path) -> Result<Manager, ManagerError> {
    Manager::builder().workers(1).store(path).build()
}

fn refused(path: &Path) -> StoreError {
    match open(path).unwrap_err() {
        ManagerError::Store(error) => error,
        error => panic!("{error}"),
    }
}

fn full_spec() -> SubscriptionSpec {
    SubscriptionSpec::new("s", "a.*", "f")
        .source("/s")
        .source_type("kind")
        .secret("key")
        .tag("k", "v \"é\"")
        .retry(Retry::attempts(7).base(Duration::from_millis(3)))
        .dead_letter(DeadLetter::File("/tmp/é".into()))
        .capacity(5)
        .concurrency(2)
}

#[test]
fn subscriptions_drivers_and_types_come_back() {
    guarded(|| {
        let folder = Folder::new();
        let path = folder.file("state.json");
        let plain = SubscriptionSpec::new("plain", "a", "f");
        let types = [
            DriverType::command("cmd", "/bin/x", ["-a", "b c"]).tag("t", "u"),
            DriverType::in_process("ticker"),
        ];
        let driver = DriverSpec::new("d", "ticker")
            .config("k", "v")
            .secret("key");
        {
            let manager = open(&path).unwrap();
            manager.start().unwrap();
            manager.create_subscription(full_spec()).unwrap();
            manager.create_subscription(plain.clone()).unwrap();
            manager
                .create_subscription(plain.clone().function("g"))
                .unwrap_err();
            for driver_type in types.clone() {
                manager.create_driver_type(driver_type).unwrap();
            }
            manager.create_driver(driver.clone()).unwrap();
            manager
                .create_subscription(SubscriptionSpec::new("gone", "a", "f"))
                .unwrap();
            manager.delete_subscription("gone").unwrap();
            manager
                .update_subscription(plain.clone().event_type("b"))
                .unwrap();
        }
        let manager = open(&path).unwrap();
        let specs: Vec<_> = manager
            .subscriptions()
            .into_iter()
            .map(|info| info.spec)
            .collect();
        assert_eq!(specs, [plain.event_type("b"), full_spec()]);
        assert_eq!(manager.driver_types(), types);
        assert_eq!(manager.drivers()[0].spec, driver);
        assert_eq!(manager.drivers()[0].status, Status::Initialized);
        assert_eq!(
            manager.subscription("s").unwrap().status,
            Status::Initialized
        );
    });
}

/// #497: subscriptions were not restored.
#[test]
fn what_came_back_works_once_its_functions_are_registered_again() {
    guarded(|| {
        let folder = Folder::new();
        let path = folder.file("state.json");
        {
            let manager = open(&path).unwrap();
            manager
                .create_subscription(SubscriptionSpec::new("s", "tick", "f"))
                .unwrap();
            manager
                .create_driver_type(DriverType::in_process("ticker"))
                .unwrap();
            manager
                .create_driver(DriverSpec::new("d", "ticker"))
                .unwrap();
        }
        let manager = open(&path).unwrap();
        manager.start().unwrap();
        let info = manager.subscription("s").unwrap();
        assert_eq!(
            (info.status, &*info.reason.unwrap()),
            (Status::Error, "function `f` is not known")
        );
        assert!(manager.wait_driver("d", Status::Error, LIMIT).unwrap());
        let seen = note_as(&manager, "f");
        assert_eq!(manager.subscription("s").unwrap().status, Status::Ready);
        manager
            .add_driver_kind("ticker", |ctx| {
                ctx.emit(event("1", "tick"))?;
                while ctx.wait(Duration::MAX) {}
                Ok(())
            })
            .unwrap();
        crate::common::wait_until(|| seen.len() == 1);
    });
}

#[test]
fn a_store_is_open_in_one_manager_at_a_time() {
    guarded(|| {
        let folder = Folder::new();
        let path = folder.file("state.json");
        let first = open(&path).unwrap();
        assert!(matches!(refused(&path), StoreError::Locked(_)));
        // By another name too.
        let dotted = folder.file(".").join("state.json");
        assert!(matches!(refused(&dotted), StoreError::Locked(_)));
        assert!(first.close(LIMIT).is_complete());
        open(&path).unwrap();
    });
}

#[test]
fn a_file_that_is_no_store_is_refused_with_the_place_and_left_as_it_is() {
    guarded(|| {
        let folder = Folder::new();
        let path = folder.file("state.json");
        {
            let manager = open(&path).unwrap();
            manager.create_subscription(full_spec()).unwrap();
            manager
                .create_driver_type(DriverType::in_process("t"))
                .unwrap();
            manager.create_driver(DriverSpec::new("d", "t")).unwrap();
        }
        let good = fs::read_to_string(&path).unwrap();
        let corrupt = |text: &str| {
            fs::write(&path, text).unwrap();
            let error = refused(&path);
            assert_eq!(
                fs::read_to_string(&path).unwrap(),
                text,
                "it is left as it is"
            );
            let StoreError::Corrupt {
                line,
                column,
                reason,
                ..
            } = error
            else {
                panic!("{error}")
            };
            (line, column, reason)
        };
        // Torn anywhere, but for the newline at its end.
        for end in (0..good.trim_end().len()).filter(|end| good.is_char_boundary(*end)) {
            let (line, _, _) = corrupt(&good[..end]);
            assert!(line <= 1 + good[..end].matches('\n').count());
        }
        let changed = |from: &str, to: &str| {
            assert!(good.contains(from), "{from}");
            corrupt(&good.replacen(from, to, 1))
        };
        let line_of = |text: &str| 1 + good[..good.find(text).unwrap()].matches('\n').count();
        let (line, column, reason) = changed("\"a.*\"", "a.*");
        assert_eq!((line, &*reason), (line_of("\"a.*\""), "expected value"));
        assert!(column > 1);
        let (line, _, reason) = changed("\"a.*\"", "\"a/*\"");
        assert!(
            line >= line_of("\"a.*\"") && reason.contains("event type `a/*`"),
            "{reason}"
        );
        assert!(
            changed("\"function\"", "\"funktion\"")
                .2
                .contains("funktion")
        );
        assert!(
            changed("\"driver_type\": \"t\"", "\"driver_type\": \"u\"")
                .2
                .contains("driver `d`")
        );
        assert!(
            changed("laneway-manager", "something")
                .2
                .contains("laneway-manager")
        );
        let twice = r#"{"name":"x","image":"in_process"},{"name":"x","image":"in_process"},"#;
        let text = good.replacen(
            "\"driver_types\": [",
            &["\"driver_types\": [", twice].concat(),
            1,
        );
        assert!(corrupt(&text).2.contains("`x` is there twice"));

        fs::write(&path, good.replacen("\"version\": 1", "\"version\": 2", 1)).unwrap();
        assert!(matches!(
            refused(&path),
            StoreError::Version { found: 2, .. }
        ));
        fs::write(&path, &good).unwrap();
        open(&path).unwrap();
    });
}

#[test]
fn what_a_crash_left_half_written_is_never_read() {
    guarded(|| {
        let folder = Folder::new();
        let path = folder.file("state.json");
        open(&path)
            .unwrap()
            .create_subscription(full_spec())
            .unwrap();
        fs::write(folder.file("state.json.tmp"), "{\"format\":\"lane").unwrap();
        let manager = open(&path).unwrap();
        assert_eq!(manager.subscriptions().len(), 1);
        manager.delete_subscription("s").unwrap();
        drop(manager);
        assert!(open(&path).unwrap().subscriptions().is_empty());
    });
}

#[test]
fn a_change_that_cannot_be_kept_is_not_made() {
    guarded(|| {
        let folder = Folder::new();
        let path = folder.file("state.json");
        let manager = open(&path).unwrap();
        manager.start().unwrap();
        let seen = note_as(&manager, "f");
        let spec = SubscriptionSpec::new("s", "a", "f");
        manager.create_subscription(spec.clone()).unwrap();
        manager
            .create_driver_type(DriverType::in_process("t"))
            .unwrap();
        // A folder is where the new state would be written.
        fs::create_dir(folder.file("state.json.tmp")).unwrap();
        let is_store = |error| matches!(error, ManagerError::Store(StoreError::Io { .. }));
        assert!(is_store(
            manager
                .create_subscription(SubscriptionSpec::new("r", "a", "f"))
                .unwrap_err()
        ));
        assert!(is_store(
            manager
                .update_subscription(spec.clone().event_type("b"))
                .unwrap_err()
        ));
        assert!(is_store(manager.delete_subscription("s").unwrap_err()));
        assert!(is_store(
            manager
                .create_driver(DriverSpec::new("d", "t"))
                .unwrap_err()
        ));
        assert!(is_store(manager.delete_driver_type("t").unwrap_err()));
        assert!(manager.drivers().is_empty());
        let info = manager.subscription("s").unwrap();
        assert_eq!((info.spec, info.status), (spec.clone(), Status::Ready));
        assert_eq!(manager.router().subscriptions().len(), 1);
        manager
            .emit_all([event("1", "a"), event("2", "b")])
            .unwrap();
        idle(&manager);
        assert_eq!(seen.take(), ["1"]);
        fs::remove_dir(folder.file("state.json.tmp")).unwrap();
        manager.update_subscription(spec.event_type("b")).unwrap();
        drop(manager);
        let spec = open(&path).unwrap().subscription("s").unwrap().spec;
        assert_eq!(spec.event_type_pattern(), "b");
    });
}

#[test]
fn secrets_are_not_written() {
    guarded(|| {
        let folder = Folder::new();
        let path = folder.file("state.json");
        let manager = open(&path).unwrap();
        manager.add_secret("key", [("token", "hunter2")]).unwrap();
        manager.create_subscription(full_spec()).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains("key") && !text.contains("hunter2"));
        assert!(!format!("{manager:?}").contains("hunter2"));
    });
}

#[cfg(unix)]
#[test]
fn who_may_read_it_stays_as_it_was() {
    use std::os::unix::fs::PermissionsExt;
    guarded(|| {
        let folder = Folder::new();
        let path = folder.file("state.json");
        let manager = open(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        manager.create_subscription(full_spec()).unwrap();
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
    });
}

#[test]
fn a_folder_that_is_not_there_is_an_error() {
    guarded(|| {
        let folder = Folder::new();
        let error = refused(&folder.file("none/state.json"));
        assert!(
            matches!(error, StoreError::Io { action: "open", .. }),
            "{error}"
        );
    });
}
