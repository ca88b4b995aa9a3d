//! User code that panics when it is dropped, on a thread of the manager: it has removed it while it ran.

use crate::common::{Hold, LIMIT, SpinBarrier, guarded};
use crate::drivers::wait_for;
use crate::support::{assert_adds_up, event, idle, stats};
use laneway::manager::{
    DeadLetter, DriverSpec, DriverType, Function, Manager, Status, SubscriptionSpec,
};
use std::time::Duration;

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("dropped");
    }
}

fn started() -> Manager {
    let manager = Manager::builder().workers(1).build().unwrap();
    manager.start().unwrap();
    manager
}

/// What a closure owns that stops at the hold.
fn armed(hold: &Hold) -> impl Fn() + Send + Sync + 'static {
    let (hold, bomb) = (hold.clone(), Bomb);
    move || {
        let _ = &bomb;
        hold.stop_here();
    }
}

/// The last handle of a function, or of a sink, went on the worker: it died, and its event was pending for ever.
#[test]
fn a_worker_survives_what_it_drops() {
    guarded(|| {
        let manager = started();
        let (function, sink) = (Hold::default(), Hold::default());
        let stop = armed(&function);
        let body = move |_: &_, _: &laneway::manager::FunctionContext<'_>| {
            stop();
            Ok(())
        };
        manager.add_function("f", Function::new(body)).unwrap();
        let spec = SubscriptionSpec::new("s", "a", "f").dead_letter(DeadLetter::Sink("k".into()));
        manager.create_subscription(spec).unwrap();
        manager.emit(event("1", "a")).unwrap();
        function.wait_for_arrival();
        manager.remove_function("f").unwrap();
        function.release();
        idle(&manager);
        assert_eq!(stats(&manager, "s").succeeded, 1);

        let stop = armed(&sink);
        let body = move |_: &laneway::manager::Failure| {
            stop();
            Ok(())
        };
        manager.add_sink("k", body).unwrap();
        manager.emit(event("2", "a")).unwrap();
        sink.wait_for_arrival();
        manager.remove_sink("k").unwrap();
        sink.release();
        idle(&manager);
        let stats = stats(&manager, "s");
        assert_eq!((stats.failed, stats.dead_letters), (1, 1));
        assert_adds_up(stats);
        assert!(manager.close(LIMIT).is_complete());
    });
}

/// The same for a driver's thread.
#[test]
fn a_driver_survives_what_it_drops() {
    guarded(|| {
        let manager = started();
        let hold = Hold::default();
        let stop = armed(&hold);
        let kind = move |_: &laneway::manager::DriverContext<'_>| {
            stop();
            Ok(())
        };
        manager.add_driver_kind("t", kind).unwrap();
        manager
            .create_driver_type(DriverType::in_process("t"))
            .unwrap();
        manager.create_driver(DriverSpec::new("d", "t")).unwrap();
        hold.wait_for_arrival();
        manager.remove_driver_kind("t").unwrap();
        hold.release();
        let reason = "driver kind `t` is not registered";
        wait_for(&manager, "d", |info| info.reason.as_deref() == Some(reason));
        manager.delete_driver("d").unwrap();
        assert!(manager.wait_driver("d", Status::Deleted, LIMIT).unwrap());
    });
}

/// Who waited for the end of a driver that had not started waited for ever.
#[test]
fn deleting_a_driver_that_never_ran_wakes_those_who_wait_for_it() {
    guarded(|| {
        let manager = Manager::new().unwrap();
        manager
            .create_driver_type(DriverType::in_process("t"))
            .unwrap();
        for _ in 0..50 {
            manager.create_driver(DriverSpec::new("d", "t")).unwrap();
            std::thread::scope(|scope| {
                let both = SpinBarrier::new(2);
                let (waits, manager) = (both.clone(), &manager);
                let wait = scope.spawn(move || {
                    waits.wait();
                    manager.wait_driver("d", Status::Deleted, Duration::MAX)
                });
                both.wait();
                // Most often the other one is first.
                std::thread::yield_now();
                let gone = manager.delete_driver("d").unwrap();
                assert_eq!(gone.status, Status::Deleted);
                assert!(wait.join().unwrap().unwrap());
            });
        }
    });
}

/// The system has no thread for a driver: it stayed in error, as neither a start nor an update started it.
#[cfg(target_os = "linux")]
#[test]
fn a_driver_there_was_no_thread_for_is_started_by_an_update() {
    use crate::support::rerun;
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    const TOLD: &str = "LANEWAY_NO_THREAD";
    let name = "drops::a_driver_there_was_no_thread_for_is_started_by_an_update";
    if std::env::var_os(TOLD).is_none() {
        // The limit is for a whole process.
        let done = guarded_status(rerun(name, TOLD, "1"));
        assert!(done.success(), "{done}");
        return;
    }
    let manager = started();
    manager
        .create_driver_type(DriverType::in_process("t"))
        .unwrap();
    let spec = DriverSpec::new("d", "t");
    let before = getrlimit(Resource::As);
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let size = status.lines().find_map(|line| line.strip_prefix("VmSize:"));
    let size: u64 = size
        .unwrap()
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .unwrap();
    // Memory for what is small, and none for the stack of another thread.
    let current = Some((size + 1024) << 10);
    setrlimit(Resource::As, Rlimit { current, ..before }).unwrap();
    let refused = manager.create_driver(spec.clone()).is_err();
    setrlimit(Resource::As, before).unwrap();
    assert!(refused);
    assert_eq!(manager.driver("d").unwrap().status, Status::Error);
    manager.update_driver(spec).unwrap();
    let reason = "driver kind `t` is not registered";
    wait_for(&manager, "d", |info| info.reason.as_deref() == Some(reason));
}

#[cfg(target_os = "linux")]
fn guarded_status(mut command: std::process::Command) -> std::process::ExitStatus {
    crate::common::within(LIMIT, move || command.status().unwrap())
}
