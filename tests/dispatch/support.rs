//! What these tests share.

use crate::common::{Hold, LIMIT, Log, wait_until};
use laneway::cloudevents::{CloudEvent, Data};
use laneway::manager::{Function, Manager, RunStats, SubscriptionSpec};
use laneway::{Filter, Subscription};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

pub(crate) fn event(id: &str, event_type: &str) -> CloudEvent {
    from("/s", id, event_type)
}

pub(crate) fn from(source: &str, id: &str, event_type: &str) -> CloudEvent {
    CloudEvent::builder(id, source, event_type)
        .build()
        .expect("a valid event")
}

/// A manager that has started, with two workers.
pub(crate) fn started() -> Manager {
    let manager = Manager::builder().workers(2).build().unwrap();
    manager.start().unwrap();
    manager
}

#[track_caller]
pub(crate) fn idle(manager: &Manager) {
    assert!(manager.wait_idle(LIMIT), "it does not come to rest");
}

/// A function that notes the ids of events.
pub(crate) fn noting(log: &Log<String>) -> Function {
    let log = log.clone();
    Function::new(move |event, _| {
        log.push(event.id().to_owned());
        Ok(())
    })
}

/// Notes ids under a name, with a function of this name.
pub(crate) fn note_as(manager: &Manager, name: &str) -> Log<String> {
    let log = Log::default();
    manager.add_function(name, noting(&log)).unwrap();
    log
}

/// A function of this name in which each run stops.
pub(crate) fn hold_in(manager: &Manager, name: &str) -> Hold {
    let hold = Hold::default();
    let stop = hold.clone();
    let function = Function::new(move |_, _| {
        stop.stop_here();
        Ok(())
    });
    manager.add_function(name, function).unwrap();
    hold
}

pub(crate) fn stats(manager: &Manager, subscription: &str) -> RunStats {
    manager.subscription(subscription).unwrap().stats
}

/// Whether each event of a subscription is accounted for.
#[track_caller]
pub(crate) fn assert_adds_up(stats: RunStats) {
    let RunStats {
        received,
        succeeded,
        failed,
        dropped,
        discarded,
        pending,
        ..
    } = stats;
    assert_eq!(
        received,
        succeeded + failed + dropped + discarded + pending,
        "{stats:?}"
    );
}

/// The data of events of a type, as they come over the router.
pub(crate) fn data_of(manager: &Manager, event_type: &str) -> (Log<Value>, Subscription) {
    let log = Log::default();
    let notes = log.clone();
    let subscription = manager
        .router()
        .subscribe(Filter::any().event_type(event_type), move |event| {
            let Some(Data::Json(json)) = event.payload().data() else {
                panic!("no JSON in {event:?}")
            };
            notes.push(serde_json::from_str(&json).unwrap());
        })
        .unwrap();
    (log, subscription)
}

/// Runs one event through a function, and gives the data of the result.
pub(crate) fn result_of(function: Function, event: CloudEvent) -> Value {
    let manager = started();
    manager.add_function("f", function).unwrap();
    let spec = SubscriptionSpec::new("s", event.event_type(), "f");
    manager.create_subscription(spec).unwrap();
    let (results, _) = data_of(&manager, "function.*");
    manager.emit(event).unwrap();
    idle(&manager);
    let mut results = results.take();
    assert_eq!(results.len(), 1, "{results:?}");
    results.remove(0)
}

/// A folder that goes with the test.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("laneway-dispatch-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        Folder(folder)
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Runs one test of this binary in a process of its own, which is told so by a variable.
pub(crate) fn rerun(test: &str, variable: &str, value: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(variable, value);
    command
}

/// Whether a process is no more, and its parent has taken note.
pub(crate) fn is_gone(process: &str) -> bool {
    assert!(process.parse::<u32>().is_ok(), "`{process}` is no process");
    !Path::new("/proc").join(process).exists()
}

#[track_caller]
pub(crate) fn wait_until_gone(process: &str) {
    wait_until(|| is_gone(process));
}
