//! An allocator that counts, and that stops threads where the scheduler might have.

use crate::common;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// The system's allocator. It counts thread by thread, since tests run side by side, and lets a test stop a thread at
/// one of its calls: where the scheduler might as well have stopped it.
pub(crate) struct Watched;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
    static BYTES: Cell<isize> = const { Cell::new(0) };
    static PREEMPTION: Cell<Option<(usize, &'static Preemption)>> = const { Cell::new(None) };
}

// SAFETY: all calls go to the system's allocator as they are; what comes before neither allocates nor unwinds.
unsafe impl GlobalAlloc for Watched {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Preemption::count_down();
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        BYTES.set(BYTES.get() + layout.size() as isize);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        Preemption::count_down();
        BYTES.set(BYTES.get() - layout.size() as isize);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Watched = Watched;

/// Stops a thread at one of its calls of the allocator, until another has done what it wants to do meanwhile.
pub(crate) struct Preemption {
    stopped: AtomicBool,
    resumed: AtomicBool,
}

impl Preemption {
    pub(crate) const fn new() -> Self {
        Preemption {
            stopped: AtomicBool::new(false),
            resumed: AtomicBool::new(false),
        }
    }

    /// Runs `first` on a thread of its own and stops it at each of its calls of the allocator in turn, while
    /// `meanwhile` runs here. `check` gets the results of both. Begins anew with `setup` each time.
    pub(crate) fn at_each_call<S, A, B>(
        &'static self,
        mut setup: impl FnMut() -> S,
        first: impl Fn(&S) -> A + Sync,
        mut meanwhile: impl FnMut(&S) -> B,
        mut check: impl FnMut(S, A, B),
    ) where
        S: Sync,
        A: Send,
    {
        let mut was_stopped = true;
        let mut calls = 0;
        while was_stopped {
            let stage = setup();
            self.stopped.store(false, Ordering::Release);
            self.resumed.store(false, Ordering::Release);
            let (result, met) = thread::scope(|scope| {
                let first = scope.spawn(|| {
                    PREEMPTION.set(Some((calls, self)));
                    let result = first(&stage);
                    let unmet = PREEMPTION.take().is_some();
                    self.stopped.store(true, Ordering::Release);
                    (result, unmet)
                });
                common::wait_until(|| self.stopped.load(Ordering::Acquire));
                let met = meanwhile(&stage);
                self.resumed.store(true, Ordering::Release);
                let (result, unmet) = first.join().unwrap();
                was_stopped = !unmet;
                (result, met)
            });
            check(stage, result, met);
            calls += 1;
        }
        assert!(calls > 1, "there was no call to stop at");
    }

    fn count_down() {
        match PREEMPTION.get() {
            None => {}
            Some((0, preemption)) => {
                PREEMPTION.set(None);
                preemption.stop_here();
            }
            Some((calls, preemption)) => PREEMPTION.set(Some((calls - 1, preemption))),
        }
    }

    /// Not for ever: the other may need a lock that is held here.
    fn stop_here(&self) {
        self.stopped.store(true, Ordering::Release);
        for _ in 0..PREEMPTION_YIELDS {
            if self.resumed.load(Ordering::Acquire) {
                break;
            }
            thread::yield_now();
        }
    }
}

const PREEMPTION_YIELDS: usize = 10_000;

/// How often the calling thread allocates in `body`.
pub(crate) fn allocations(body: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.get();
    body();
    ALLOCATIONS.get() - before
}

/// How many bytes the calling thread allocates in so many calls of `round`, and does not free. A few calls come first,
/// for what grows once.
pub(crate) fn bytes_kept(count: usize, mut round: impl FnMut()) -> isize {
    (0..100).for_each(|_| round());
    let before = BYTES.get();
    (0..count).for_each(|_| round());
    BYTES.get() - before
}

/// Far less than a word for each round would come to.
pub(crate) const SLACK: isize = 4 << 10;
pub(crate) const MANY_ROUNDS: usize = 10_000;
