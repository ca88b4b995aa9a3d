//! Many who change the same things at once.

use crate::common::{LIMIT, Random, rounds, within};
use crate::store::open;
use crate::support::{Folder, assert_adds_up, event, idle, note_as};
use laneway::manager::{DriverSpec, DriverType, ManagerError, Status, SubscriptionSpec};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// What may be said to somebody who was not the first.
fn is_fair<T>(result: &Result<T, ManagerError>) -> bool {
    matches!(
        result,
        Ok(_)
            | Err(ManagerError::AlreadyExists { .. }
                | ManagerError::NotFound { .. }
                | ManagerError::Busy { .. })
    )
}

#[test]
fn changes_from_all_sides_leave_one_state() {
    let changes = rounds(100);
    let mut seeds = Random::new();
    within(LIMIT * 2, move || {
        let folder = Folder::new();
        let path = folder.file("state.json");
        let manager = open(&path).unwrap();
        manager.start().unwrap();
        note_as(&manager, "f");
        manager
            .add_driver_kind("t", |ctx| {
                while ctx.wait(Duration::from_millis(1)) {
                    ctx.emit(event("1", "a.b"))?;
                }
                Ok(())
            })
            .unwrap();
        manager
            .create_driver_type(DriverType::in_process("t"))
            .unwrap();
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let (manager, over) = (&manager, &over);
            scope.spawn(move || {
                while !over.load(Ordering::Acquire) {
                    manager.emit(event("1", "a.b")).unwrap();
                    std::thread::yield_now();
                }
            });
            let changers: Vec<_> = (0..3)
                .map(|_| {
                    let mut random = seeds.fork();
                    scope.spawn(move || {
                        for _ in 0..changes {
                            let name = random.pick(&["s0", "s1"]);
                            let event_type = random.pick(&["a.b", "a.*", "*", "c"]);
                            let spec = SubscriptionSpec::new(name, event_type, "f");
                            let driver = random.pick(&["d0", "d1"]);
                            let of_type = DriverSpec::new(driver, "t");
                            let of_type = of_type.config("n", random.below(9).to_string());
                            assert!(match random.below(6) {
                                0 => is_fair(&manager.create_subscription(spec)),
                                1 => is_fair(&manager.update_subscription(spec)),
                                2 => is_fair(&manager.delete_subscription(name)),
                                3 => is_fair(&manager.create_driver(of_type)),
                                4 => is_fair(&manager.update_driver(of_type)),
                                _ => is_fair(&manager.delete_driver(driver)),
                            });
                        }
                    })
                })
                .collect();
            let ended: Vec<_> = changers.into_iter().map(|changer| changer.join()).collect();
            over.store(true, Ordering::Release);
            assert!(ended.iter().all(Result::is_ok));
        });
        // Drivers that are still being changed come to their end.
        crate::common::wait_until(|| {
            let drivers = manager.drivers();
            drivers.iter().all(|driver| driver.status == Status::Ready)
        });
        let live = manager.subscriptions();
        for info in &live {
            assert_eq!(info.status, Status::Ready);
        }
        let drivers: Vec<_> = manager
            .drivers()
            .into_iter()
            .map(|info| info.spec)
            .collect();
        assert!(manager.close(LIMIT).is_complete());
        for info in manager.subscriptions() {
            assert_adds_up(info.stats);
            assert_eq!(info.stats.pending, 0);
        }
        let again = open(&path).unwrap();
        let kept: Vec<_> = again
            .subscriptions()
            .into_iter()
            .map(|info| info.spec)
            .collect();
        let live: Vec<_> = live.into_iter().map(|info| info.spec).collect();
        assert_eq!(kept, live);
        let kept: Vec<_> = again.drivers().into_iter().map(|info| info.spec).collect();
        assert_eq!(kept, drivers);
        again.start().unwrap();
        for spec in live {
            again.delete_subscription(spec.name()).unwrap();
        }
        idle(&again);
        assert!(again.router().subscriptions().is_empty());
    });
}
