//! Three executors with one face.

use crate::common::guarded;
use std::pin::Pin;
use std::time::Duration;

#[derive(Debug, Clone, Copy)]
pub(crate) enum Executor {
    /// Tokio on the calling thread alone.
    Alone,
    /// Tokio with two workers, which tasks move between.
    Workers,
    Smol,
}

/// Timers are due at the next tick only, which is long.
const TIMER_EVERY: usize = 64;

pub(crate) type Task<T> = Pin<Box<dyn Future<Output = T> + Send>>;

impl Executor {
    /// Runs `body` as a task of the executor, under the hang guard.
    #[track_caller]
    fn run<F>(self, body: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        use tokio::runtime::Builder;
        guarded(move || match self {
            Executor::Alone => {
                let runtime = Builder::new_current_thread().enable_time().build().unwrap();
                runtime.block_on(self.spawn_in(body))
            }
            Executor::Workers => {
                let mut builder = Builder::new_multi_thread();
                let runtime = builder.worker_threads(2).enable_time().build().unwrap();
                runtime.block_on(self.spawn_in(body))
            }
            Executor::Smol => smol::block_on(self.spawn_in(body)),
        });
    }

    async fn spawn_in<F: Future<Output = ()> + Send + 'static>(self, body: F) {
        self.spawn(body).await;
    }

    /// Begins a task; what it gives waits for its end.
    pub(crate) fn spawn<T, F>(self, task: F) -> Task<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        match self {
            Executor::Smol => Box::pin(smol::spawn(task)),
            Executor::Alone | Executor::Workers => {
                let task = tokio::spawn(task);
                Box::pin(async { task.await.unwrap() })
            }
        }
    }

    /// Polls `future` and drops it if it is still pending after a turn of the executor, or after a timer that is due.
    pub(crate) async fn give_up<T>(
        self,
        turn: usize,
        future: impl Future<Output = T>,
    ) -> Option<T> {
        match self {
            Executor::Smol if !turn.is_multiple_of(TIMER_EVERY) => {
                smol::future::or(async { Some(future.await) }, async {
                    smol::future::yield_now().await;
                    None
                })
                .await
            }
            Executor::Smol => {
                smol::future::or(async { Some(future.await) }, async {
                    smol::Timer::after(Duration::ZERO).await;
                    None
                })
                .await
            }
            _ if !turn.is_multiple_of(TIMER_EVERY) => tokio::select! {
                biased;
                output = future => Some(output),
                () = tokio::task::yield_now() => None,
            },
            _ => tokio::time::timeout(Duration::ZERO, future).await.ok(),
        }
    }
}

/// Runs a test under each executor, and says under which one it failed.
pub(crate) fn under_all<F>(test: impl Fn(Executor) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    for executor in [Executor::Alone, Executor::Workers, Executor::Smol] {
        eprintln!("under {executor:?}");
        executor.run(test(executor));
    }
}
