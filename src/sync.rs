//! The one place that names atomics, threads, `arc-swap` and `kanal`: the real ones, or those of a model checker.
//!
//! Under `cfg(laneway_loom)` (set by the `loom-tests` package alone) every operation here becomes visible to loom. Two
//! parts cannot be modelled and get a locked stand-in there: [`Swap`] (arc-swap) is a locked `Arc`, [`Queue`] (kanal) a
//! locked deque. Models that go through the interest table or the commands rest on those two being linearizable.
//!
//! The `shuttle-tests` package sets `cfg(laneway_shuttle)` besides, and shuttle stands where loom does. It takes every
//! ordering for `SeqCst`: it tries schedules of more threads than loom can, and loom tries the orderings.
//!
//! # The asymmetric barrier
//!
//! Three protocols of this crate are store-then-load races between a side that is hot and a side that is not: publishing
//! against falling asleep, freeing room against waiting for it, publishing against closing. The hot side calls
//! [`fence_light`], the other [`fence_heavy`]; for two threads that store, fence and then load each other's word, at least
//! one sees the other's store. Linux's expedited `membarrier` makes the light half free: it interrupts every running
//! thread of the process with a full barrier, so the light side needs only keep the compiler from reordering. Where that
//! is missing, both halves are `fence(SeqCst)`, which is also what loom checks.

#[cfg(laneway_loom)]
pub(crate) use model::*;
#[cfg(not(laneway_loom))]
pub(crate) use real::*;

pub(crate) use std::sync::atomic::Ordering;
pub(crate) use std::thread::{available_parallelism, panicking};

/// Statics and other process-wide state that no model looks at: always the real ones.
pub(crate) mod global {
    pub(crate) use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize};
    pub(crate) use std::sync::{Mutex, OnceLock};
}

/// Turns `$order` into `Relaxed`, or any expression into another, under the named mutant: what a loom model must catch.
macro_rules! mutant {
    ($name:literal) => {
        cfg!(laneway_mutant = $name)
    };
    ($name:literal, $order:ident) => {
        if cfg!(laneway_mutant = $name) {
            $crate::sync::Ordering::Relaxed
        } else {
            $crate::sync::Ordering::$order
        }
    };
}
pub(crate) use mutant;

#[cfg(not(laneway_loom))]
mod real {
    use std::marker::PhantomData;
    #[cfg(target_os = "linux")]
    use std::num::NonZeroU64;
    use std::sync::PoisonError;
    use std::time::{Duration, Instant};

    pub(crate) use std::hint::spin_loop;
    pub(crate) use std::sync::Arc as LaneArc;
    pub(crate) use std::sync::atomic::{
        AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, compiler_fence, fence,
    };
    pub(crate) use std::thread::{JoinHandle, Thread, current, park, yield_now};
    pub(crate) use std::thread_local;

    pub(crate) use atomic_waker::AtomicWaker;

    /// Lets loom check that accesses to numbered places do not race; nothing otherwise.
    #[derive(Debug)]
    pub(crate) struct AccessChecks;

    impl AccessChecks {
        pub(crate) fn new(_places: usize) -> Self {
            AccessChecks
        }
        #[inline(always)]
        pub(crate) fn read(&self, _place: usize) {}
        #[inline(always)]
        pub(crate) fn write(&self, _place: usize) {}
        #[inline(always)]
        pub(crate) fn from(&self, _first: usize) -> Accesses<'_> {
            Accesses(PhantomData)
        }
    }

    /// The places from a certain one on.
    #[derive(Debug, Clone, Copy)]
    pub(crate) struct Accesses<'a>(PhantomData<&'a ()>);

    impl Accesses<'_> {
        #[inline(always)]
        pub(crate) fn read(self, _offset: usize) {}
    }

    /// A mutex whose lock outlives a panic of its holder: no user code runs while one of ours is held.
    #[derive(Debug, Default)]
    pub(crate) struct Mutex<T>(std::sync::Mutex<T>);

    pub(crate) type MutexGuard<'a, T> = std::sync::MutexGuard<'a, T>;

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Mutex(std::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }

    /// An `Arc` that is replaced as a whole, and read without a lock through a [`Cached`].
    #[derive(Debug)]
    pub(crate) struct Swap<T>(std::sync::Arc<arc_swap::ArcSwap<T>>);

    impl<T> Swap<T> {
        pub(crate) fn new(value: T) -> Self {
            Swap(std::sync::Arc::new(arc_swap::ArcSwap::from_pointee(value)))
        }

        /// Puts `value` in place and returns the old one, for the caller to drop where that may take long.
        pub(crate) fn swap(&self, value: std::sync::Arc<T>) -> std::sync::Arc<T> {
            self.0.swap(value)
        }

        pub(crate) fn cached(&self) -> Cached<T> {
            Cached(arc_swap::Cache::new(std::sync::Arc::clone(&self.0)))
        }
    }

    /// One reader's copy of a [`Swap`]: reading it is one load and a comparison while nothing changed.
    #[derive(Debug)]
    pub(crate) struct Cached<T>(
        arc_swap::Cache<std::sync::Arc<arc_swap::ArcSwap<T>>, std::sync::Arc<T>>,
    );

    impl<T> Cached<T> {
        #[inline]
        pub(crate) fn load(&mut self) -> &std::sync::Arc<T> {
            self.0.load()
        }
    }

    /// An unbounded queue for commands. What goes in is bounded by the protocol of its users, never by the queue.
    #[derive(Debug)]
    pub(crate) struct Queue<T> {
        sender: kanal::Sender<T>,
        receiver: kanal::Receiver<T>,
    }

    impl<T> Queue<T> {
        pub(crate) fn new() -> Self {
            let (sender, receiver) = kanal::unbounded();
            Queue { sender, receiver }
        }

        /// Never waits and never fails: both ends live in this value, so the channel is never closed.
        pub(crate) fn push(&self, value: T) {
            let sent = self.sender.send(value);
            debug_assert!(sent.is_ok(), "the receiver lives as long as the sender");
        }

        pub(crate) fn pop(&self) -> Option<T> {
            self.receiver.try_recv().ok().flatten()
        }

        pub(crate) fn len(&self) -> usize {
            self.receiver.len()
        }
    }

    pub(crate) fn spawn<F>(name: String, body: F) -> std::io::Result<JoinHandle<()>>
    where
        F: FnOnce() + Send + 'static,
    {
        std::thread::Builder::new().name(name).spawn(body)
    }

    pub(crate) fn park_timeout(timeout: Duration) {
        std::thread::park_timeout(timeout);
    }

    /// From now on this thread's timed waits may take so much longer, for the system to end them along with a timer
    /// interrupt that comes anyway. Linux only; elsewhere the system decides.
    pub(crate) fn wait_loosely(slack: Duration) {
        #[cfg(target_os = "linux")]
        {
            let slack = u64::try_from(slack.as_nanos())
                .ok()
                .and_then(NonZeroU64::new);
            // Not granted, waits are as precise as before, and only cost more.
            let _ = rustix::thread::set_current_timer_slack(slack);
        }
        #[cfg(not(target_os = "linux"))]
        let _ = slack;
    }

    /// Says when `period` has passed since it last said so.
    #[derive(Debug, Default)]
    pub(crate) struct Pace(Option<Instant>);

    impl Pace {
        pub(crate) fn due(&mut self, period: Duration) -> bool {
            let now = Instant::now();
            let due = self.0.is_none_or(|last| now.duration_since(last) >= period);
            if due {
                self.0 = Some(now);
            }
            due
        }
    }

    /// The free half of the asymmetric barrier: see the module's documentation.
    #[inline(always)]
    pub(crate) fn fence_light() {
        if membarrier::available() {
            compiler_fence(super::Ordering::SeqCst);
        } else {
            fence(super::Ordering::SeqCst);
        }
    }

    /// The expensive half of the asymmetric barrier: about a microsecond, and an interrupt on each running CPU.
    #[cold]
    #[inline(never)]
    pub(crate) fn fence_heavy() {
        fence(super::Ordering::SeqCst);
        if membarrier::available() {
            membarrier::run();
        }
    }

    /// Asks the kernel once whether the barrier exists. Called before the first thread that could need it.
    pub(crate) fn prepare_fences() {
        membarrier::register();
    }

    #[cfg(target_os = "linux")]
    mod membarrier {
        use super::super::Ordering;
        use super::{AtomicBool, fence};
        use rustix::io::Errno;
        use rustix::thread::{MembarrierCommand, membarrier};
        use std::sync::Once;

        /// False until registration succeeded, then true for ever. See [`register`] for why the change is safe.
        static AVAILABLE: AtomicBool = AtomicBool::new(false);
        static REGISTER: Once = Once::new();

        #[inline(always)]
        pub(crate) fn available() -> bool {
            // ORDERING: Relaxed suffices. `register` runs before the first router exists, so every thread that comes to a
            // fence got its router after the store and sees it.
            AVAILABLE.load(Ordering::Relaxed)
        }

        pub(crate) fn register() {
            REGISTER.call_once(|| {
                let registered = membarrier(MembarrierCommand::RegisterPrivateExpedited).is_ok()
                    && membarrier(MembarrierCommand::PrivateExpedited).is_ok();
                AVAILABLE.store(registered, Ordering::Relaxed);
                fence(Ordering::SeqCst);
            });
            if !available() {
                tracing::info!("no expedited membarrier here: publishing pays two full fences");
            }
        }

        pub(crate) fn run() {
            // After the registration this cannot fail but for a kernel that takes the right away (a new seccomp filter).
            // Going on without the barrier would lose wake-ups silently, so that is not survivable.
            loop {
                match membarrier(MembarrierCommand::PrivateExpedited) {
                    Ok(()) => return,
                    // The kernel had no memory for its list of CPUs.
                    Err(Errno::NOMEM) => std::thread::yield_now(),
                    Err(_) => std::process::abort(),
                }
            }
        }
    }

    #[cfg(not(target_os = "linux"))]
    mod membarrier {
        #[inline(always)]
        pub(crate) fn available() -> bool {
            false
        }
        pub(crate) fn register() {}
        pub(crate) fn run() {}
    }
}

#[cfg(laneway_loom)]
#[path = "sync/model.rs"]
mod model;

/// A value on cache lines of its own. 128 bytes: the adjacent-line prefetcher of x86 pulls lines in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Padded<T>(pub(crate) T);

impl<T> std::ops::Deref for Padded<T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        &self.0
    }
}
