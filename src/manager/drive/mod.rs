//! Drivers at work: each has a thread, which runs it, watches it, and starts it again.

mod context;
#[cfg(target_os = "linux")]
mod external;
#[cfg(target_os = "linux")]
mod frames;

pub use context::DriverContext;

use crate::backoff::{self, Jitter};
use crate::contain::contain;
use crate::manager::cancel::{Cancel, lock};
use crate::manager::event_manager::Inner;
use crate::manager::function::FunctionError;
use crate::manager::spec::{DriverSpec, Image};
use crate::manager::status::{DriverInfo, Status};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Runs the drivers of an in-process type.
pub(super) type DriverKind = dyn Fn(&DriverContext<'_>) -> Result<(), FunctionError> + Send + Sync;

/// A driver of the manager.
#[derive(Debug)]
pub(super) struct DriverEntry {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    spec: Arc<DriverSpec>,
    status: Status,
    reason: Option<String>,
    emitted: u64,
    refused: u64,
    restarts: u64,
    order: Order,
    /// Something it lacked may be there now.
    is_poked: bool,
    /// Ends the attempt that is going on.
    cancel: Option<Arc<Cancel>>,
    thread: Option<JoinHandle<()>>,
}

impl State {
    fn info(&self) -> DriverInfo {
        DriverInfo {
            spec: (*self.spec).clone(),
            status: self.status,
            reason: self.reason.clone(),
            emitted: self.emitted,
            refused: self.refused,
            restarts: self.restarts,
        }
    }
}

/// What its thread is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Run,
    /// With a new spec, or a new driver type.
    Restart,
    Stop,
}

impl DriverEntry {
    pub(super) fn new(spec: DriverSpec) -> Arc<Self> {
        Arc::new(DriverEntry {
            state: Mutex::new(State {
                spec: Arc::new(spec),
                status: Status::Initialized,
                reason: None,
                emitted: 0,
                refused: 0,
                restarts: 0,
                order: Order::Run,
                is_poked: false,
                cancel: None,
                thread: None,
            }),
            changed: Condvar::new(),
        })
    }

    pub(super) fn info(&self) -> DriverInfo {
        lock(&self.state).info()
    }

    /// Starts its thread, and says how it is before that does anything.
    pub(super) fn start(self: &Arc<Self>, inner: &Arc<Inner>) -> std::io::Result<DriverInfo> {
        let mut state = lock(&self.state);
        let name = format!("laneway-driver-{}", state.spec.name());
        let (entry, inner) = (Arc::clone(self), Arc::clone(inner));
        state.status = Status::Creating;
        let thread = std::thread::Builder::new()
            .name(name)
            .spawn(move || entry.supervise(&inner));
        match thread {
            Ok(thread) => state.thread = Some(thread),
            Err(error) => {
                state.status = Status::Error;
                state.reason = Some(error.to_string());
                return Err(error);
            }
        }
        Ok(state.info())
    }

    /// Whether it was started, and the system had a thread for it.
    pub(super) fn has_thread(&self) -> bool {
        lock(&self.state).thread.is_some()
    }

    /// Changes it while it is neither being changed nor deleted, and says how it is before its thread does anything.
    fn order(&self, order: Order, spec: Option<&DriverSpec>) -> DriverInfo {
        let mut state = lock(&self.state);
        if let Some(spec) = spec {
            state.spec = Arc::new(spec.clone());
        }
        // One that waits to be started has nothing to end.
        if state.thread.is_some() {
            state.order = order;
            state.status = match order {
                Order::Stop => Status::Deleting,
                _ => Status::Updating,
            };
        }
        if let Some(cancel) = &state.cancel {
            cancel.cancel();
        }
        self.changed.notify_all();
        state.info()
    }

    pub(super) fn restart(&self, spec: Option<&DriverSpec>) -> DriverInfo {
        self.order(Order::Restart, spec)
    }

    /// If it has a thread, that takes it off the list when it ends.
    pub(super) fn stop(&self) -> DriverInfo {
        self.order(Order::Stop, None)
    }

    /// Looks again at once if it failed.
    pub(super) fn poke(&self) {
        lock(&self.state).is_poked = true;
        self.changed.notify_all();
    }

    /// Its thread, to be joined.
    pub(super) fn take_thread(&self) -> Option<JoinHandle<()>> {
        lock(&self.state).thread.take()
    }

    /// Waits until its status is this one; false if the time is up before.
    pub(super) fn wait_for(&self, wanted: Status, deadline: Option<Instant>) -> bool {
        let mut state = lock(&self.state);
        while state.status != wanted {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            state = match left {
                Some(Duration::ZERO) => return false,
                Some(left) => {
                    let waited = self.changed.wait_timeout(state, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => (self.changed.wait(state)).unwrap_or_else(PoisonError::into_inner),
            };
        }
        true
    }

    fn count(&self, emitted: u64, refused: u64) {
        let mut state = lock(&self.state);
        state.emitted += emitted;
        state.refused += refused;
    }

    /// Why it refused something, while it goes on.
    fn complain(&self, reason: String) {
        lock(&self.state).reason = Some(reason);
    }

    fn supervise(self: Arc<Self>, inner: &Inner) {
        let mut failures = 0;
        while let Some((spec, cancel)) = self.begin(&mut failures) {
            let before = lock(&self.state).emitted;
            let reason = match &cancel {
                Some(cancel) => self.attempt(inner, &spec, cancel),
                None => "the system refused a pipe".into(),
            };
            if lock(&self.state).emitted > before {
                // It worked for a while.
                failures = 0;
            }
            failures = failures.saturating_add(1);
            let (base, max) = inner.config.driver_backoff;
            let bound = backoff::bound(Duration::ZERO, base, max, failures);
            self.rest(reason, backoff::below(bound, Jitter::new().next()));
        }
        inner.forget_driver(&self);
        self.end();
    }

    /// It is on no list any more, and has no thread or is at its end.
    pub(super) fn end(&self) -> DriverInfo {
        let mut state = lock(&self.state);
        state.status = Status::Deleted;
        self.changed.notify_all();
        state.info()
    }

    /// Begins an attempt; none if there is to be no other.
    fn begin(&self, failures: &mut u32) -> Option<(Arc<DriverSpec>, Option<Arc<Cancel>>)> {
        let cancel = Cancel::new().ok().map(Arc::new);
        let mut state = lock(&self.state);
        match state.order {
            Order::Stop => return None,
            Order::Restart => *failures = 0,
            Order::Run => {}
        }
        state.order = Order::Run;
        if *failures > 0 {
            state.restarts += 1;
        }
        (state.status, state.is_poked) = (Status::Creating, false);
        state.cancel.clone_from(&cancel);
        self.changed.notify_all();
        Some((Arc::clone(&state.spec), cancel))
    }

    /// It runs.
    fn ready(&self) {
        let mut state = lock(&self.state);
        if state.order == Order::Run {
            (state.status, state.reason) = (Status::Ready, None);
            self.changed.notify_all();
        }
    }

    /// Runs it until it ends, and says why.
    fn attempt(&self, inner: &Inner, spec: &DriverSpec, cancel: &Cancel) -> String {
        let Some(driver_type) = inner.kept_driver_type(spec.driver_type()) else {
            return format!("driver type `{}` is not known", spec.driver_type());
        };
        let secrets = match inner.secrets_of(spec.secrets()) {
            Ok(secrets) => secrets,
            Err(name) => return format!("secret `{name}` is not known"),
        };
        let context = DriverContext {
            inner,
            entry: self,
            spec,
            secrets: &secrets,
            cancel,
        };
        match driver_type.image() {
            Image::InProcess => match inner.driver_kind(driver_type.name()) {
                Some(kind) => {
                    let reason = self.run_in_process(&*kind, &context);
                    // It may have been removed meanwhile, and its Drop is user code.
                    contain(|| drop(kind));
                    reason
                }
                None => format!("driver kind `{}` is not registered", driver_type.name()),
            },
            #[cfg(target_os = "linux")]
            Image::Command { program, args } => external::run(program, args, &context),
            #[cfg(not(target_os = "linux"))]
            Image::Command { .. } => "commands are run on Linux only".into(),
        }
    }

    fn run_in_process(&self, kind: &DriverKind, context: &DriverContext<'_>) -> String {
        self.ready();
        let mut reason = "the driver panicked".to_owned();
        contain(|| {
            reason = match kind(context) {
                Ok(()) => "the driver ended".into(),
                Err(error) => error.to_string(),
            }
        });
        reason
    }

    /// Shows what went wrong and waits, unless it was told to end or begin anew.
    fn rest(&self, reason: String, wait: Duration) {
        let end = Instant::now().checked_add(wait);
        let mut state = lock(&self.state);
        if state.order != Order::Run {
            return;
        }
        (state.status, state.reason) = (Status::Error, Some(reason));
        self.changed.notify_all();
        while state.order == Order::Run && !state.is_poked {
            let left = end.map_or(Duration::MAX, |end| {
                end.saturating_duration_since(Instant::now())
            });
            if left.is_zero() {
                return;
            }
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
