//! As much of an executor as the tests need.

use super::guard::wait_until;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// A waker that notes that it was called.
#[derive(Debug, Default)]
pub(crate) struct Alarm(AtomicBool);

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}

impl Alarm {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    pub(crate) fn waker(self: &Arc<Self>) -> Waker {
        Waker::from(Arc::clone(self))
    }

    pub(crate) fn is_rung(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    /// Whether it was rung since the last time.
    fn turn_off(&self) -> bool {
        self.0.swap(false, Ordering::AcqRel)
    }
}

pub(crate) fn poll<F: Future + Unpin>(future: &mut F, waker: &Waker) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(waker))
}

/// Polls once, and never again.
pub(crate) fn poll_once<F: Future>(future: F) -> Poll<F::Output> {
    poll(&mut pin!(future), Waker::noop())
}

/// Runs all of them on this thread, and polls each only when it was woken.
#[track_caller]
pub(crate) fn run_all<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut tasks: Vec<_> = futures
        .into_iter()
        .map(|future| (Box::pin(future), Alarm::new(), None))
        .collect();
    for (_, alarm, _) in &tasks {
        alarm.waker().wake();
    }
    let mut left = tasks.len();
    wait_until(|| {
        for (future, alarm, output) in &mut tasks {
            if output.is_none()
                && alarm.turn_off()
                && let Poll::Ready(value) = poll(future, &alarm.waker())
            {
                *output = Some(value);
                left -= 1;
            }
        }
        left == 0
    });
    tasks.into_iter().filter_map(|task| task.2).collect()
}

#[track_caller]
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    run_all([future]).pop().expect("it is done")
}

/// Comes back to the executor once.
pub(crate) async fn yield_once() {
    let mut yielded = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
