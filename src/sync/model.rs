//! What stands in the place of the real atomics, threads and queues where a model checker looks.

use std::collections::VecDeque;
use std::task::Waker;
use std::time::Duration;

#[cfg(not(laneway_shuttle))]
use loom as checker;
#[cfg(laneway_shuttle)]
use shuttle as checker;

pub(crate) use checker::hint::spin_loop;
pub(crate) use checker::sync::Arc as LaneArc;
pub(crate) use checker::sync::MutexGuard;
pub(crate) use checker::sync::atomic::{
    AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, fence,
};
pub(crate) use checker::thread::{JoinHandle, Thread, current, park, yield_now};
pub(crate) use checker::thread_local;

#[cfg(not(laneway_shuttle))]
#[derive(Debug)]
pub(crate) struct AtomicWaker(loom::future::AtomicWaker);

#[cfg(not(laneway_shuttle))]
impl AtomicWaker {
    pub(crate) fn new() -> Self {
        AtomicWaker(loom::future::AtomicWaker::new())
    }
    pub(crate) fn register(&self, waker: &Waker) {
        self.0.register_by_ref(waker);
    }
    pub(crate) fn wake(&self) {
        self.0.wake();
    }
    pub(crate) fn take(&self) -> Option<Waker> {
        self.0.take_waker()
    }
}

/// Shuttle has none: a locked one, which is linearizable as the real one is.
#[cfg(laneway_shuttle)]
#[derive(Debug)]
pub(crate) struct AtomicWaker(Mutex<Option<Waker>>);

#[cfg(laneway_shuttle)]
impl AtomicWaker {
    pub(crate) fn new() -> Self {
        AtomicWaker(Mutex::new(None))
    }
    pub(crate) fn register(&self, waker: &Waker) {
        let before = self.0.lock().replace(waker.clone());
        drop(before);
    }
    pub(crate) fn wake(&self) {
        if let Some(waker) = self.take() {
            waker.wake();
        }
    }
    pub(crate) fn take(&self) -> Option<Waker> {
        self.0.lock().take()
    }
}

/// Loom checks that accesses do not race. Shuttle does not look.
#[cfg(not(laneway_shuttle))]
type Place = loom::cell::UnsafeCell<()>;
#[cfg(laneway_shuttle)]
type Place = Unchecked;

#[cfg(laneway_shuttle)]
#[derive(Debug)]
struct Unchecked;

#[cfg(laneway_shuttle)]
impl Unchecked {
    fn new((): ()) -> Self {
        Unchecked
    }
    fn with(&self, _: impl FnOnce(())) {}
    fn with_mut(&self, _: impl FnOnce(())) {}
}

#[derive(Debug)]
pub(crate) struct AccessChecks(Box<[Place]>);

impl AccessChecks {
    pub(crate) fn new(places: usize) -> Self {
        AccessChecks((0..places).map(|_| Place::new(())).collect())
    }
    pub(crate) fn read(&self, place: usize) {
        self.0[place].with(|_| ());
    }
    pub(crate) fn write(&self, place: usize) {
        self.0[place].with_mut(|_| ());
    }
    pub(crate) fn from(&self, first: usize) -> Accesses<'_> {
        Accesses {
            checks: self,
            first,
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Accesses<'a> {
    checks: &'a AccessChecks,
    first: usize,
}

impl Accesses<'_> {
    pub(crate) fn read(self, offset: usize) {
        self.checks.read(self.first + offset);
    }
}

#[derive(Debug)]
pub(crate) struct Mutex<T>(checker::sync::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Mutex(checker::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap()
    }
}

#[derive(Debug)]
pub(crate) struct Swap<T>(std::sync::Arc<Mutex<std::sync::Arc<T>>>);

impl<T> Swap<T> {
    pub(crate) fn new(value: T) -> Self {
        Swap(std::sync::Arc::new(Mutex::new(std::sync::Arc::new(value))))
    }

    pub(crate) fn swap(&self, value: std::sync::Arc<T>) -> std::sync::Arc<T> {
        std::mem::replace(&mut self.0.lock(), value)
    }

    pub(crate) fn cached(&self) -> Cached<T> {
        Cached {
            swap: std::sync::Arc::clone(&self.0),
            value: self.0.lock().clone(),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Cached<T> {
    swap: std::sync::Arc<Mutex<std::sync::Arc<T>>>,
    value: std::sync::Arc<T>,
}

impl<T> Cached<T> {
    pub(crate) fn load(&mut self) -> &std::sync::Arc<T> {
        self.value = self.swap.lock().clone();
        &self.value
    }
}

#[derive(Debug)]
pub(crate) struct Queue<T>(Mutex<VecDeque<T>>);

impl<T> Queue<T> {
    pub(crate) fn new() -> Self {
        Queue(Mutex::new(VecDeque::new()))
    }

    pub(crate) fn push(&self, value: T) {
        self.0.lock().push_back(value);
    }

    pub(crate) fn pop(&self) -> Option<T> {
        self.0.lock().pop_front()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.lock().len()
    }
}

pub(crate) fn spawn<F>(_name: String, body: F) -> std::io::Result<JoinHandle<()>>
where
    F: FnOnce() + Send + 'static,
{
    Ok(checker::thread::spawn(body))
}

/// Neither knows time: a timed wait is a chance for others to run.
pub(crate) fn park_timeout(_timeout: Duration) {
    yield_now();
}

pub(crate) fn wait_loosely(_slack: Duration) {}

#[derive(Debug, Default)]
pub(crate) struct Pace;

impl Pace {
    pub(crate) fn due(&mut self, _period: Duration) -> bool {
        true
    }
}

pub(crate) fn fence_light() {
    if !super::mutant!("no_light_fence") {
        fence(super::Ordering::SeqCst);
    }
}

pub(crate) fn fence_heavy() {
    if !super::mutant!("no_heavy_fence") {
        fence(super::Ordering::SeqCst);
    }
}

pub(crate) fn prepare_fences() {}
