//! Receivers that are tasks or actors of tokio: all on one thread, whose runtime needs no locks between workers.

use crate::stage::{self, Finish};
use std::ops::Range;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use tokio::sync::oneshot;

/// Sets the receivers up on a runtime at their place; `publish` gets what `set_up` returns.
pub(super) fn deliver<T: Send>(
    events: usize,
    receivers: usize,
    set_up: impl AsyncFnOnce(&Finish) -> T + Send,
    publish: impl Fn(&mut T, Range<u64>) + Sync,
) -> Duration {
    let finish = Finish::new();
    let (ready, is_ready) = mpsc::channel();
    let (stop, stopped) = oneshot::channel::<()>();
    thread::scope(|scope| {
        scope.spawn(|| {
            stage::pin(stage::receiving_cpu());
            let runtime = tokio::runtime::Builder::new_current_thread().build();
            runtime.expect("a runtime").block_on(async {
                let publisher = set_up(&finish).await;
                ready.send(publisher).expect("the publisher waits for it");
                // An error: `stop` is gone, which is how it stops.
                let _ = stopped.await;
            });
        });
        let publisher = is_ready.recv().expect("the receivers are set up");
        let took = stage::time([publisher], events, &finish, receivers, publish);
        drop(stop);
        took
    })
}
