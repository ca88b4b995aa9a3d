//! G8: a call that occupies its thread is counted, named and traced, while it runs.
//!
//! One test at a time: they look at the threads and the traces of the whole process.

mod common;

use common::{FOREVER, Hold, block_shard, guarded, on_shard, topic, wait_until};
use laneway::{Actor, Context, Event, Filter, Router, Subscription, Topic, WeakRouter};
use std::fmt;
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::time::Duration;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Level, Metadata};

/// Far longer than what a call of these tests takes that is not held, even if its thread has to wait for a CPU.
const STALL_AFTER: Duration = Duration::from_millis(200);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The warnings so far, each as its fields.
static WARNINGS: Mutex<Vec<String>> = Mutex::new(Vec::new());
/// What the next warning calls.
static ON_WARNING: Mutex<Option<Box<dyn FnOnce() + Send>>> = Mutex::new(None);

/// Notes warnings.
struct Notes;

struct Fields(String);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0 += &format!("{}={value:?} ", field.name());
    }
}

impl tracing::Subscriber for Notes {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::WARN
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut fields = Fields(String::new());
        event.record(&mut fields);
        let hook = lock(&ON_WARNING).take();
        if let Some(hook) = hook {
            hook();
        }
        lock(&WARNINGS).push(fields.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// How many warnings speak of this subscription by its id, its name and its shard.
fn warnings_about(subscription: &Subscription) -> usize {
    let id = format!("subscription={} ", subscription.id());
    let shard = format!("shard={} ", subscription.shard());
    let name = (subscription.name()).map_or(String::new(), |name| format!("name={name:?} "));
    let about = |text: &&String| [&id, &shard, &name].iter().all(|part| text.contains(*part));
    lock(&WARNINGS).iter().filter(about).count()
}

/// A guarded test while no other is running.
fn alone(body: impl FnOnce() + Send + 'static) {
    static TURN: Mutex<()> = Mutex::new(());
    static INSTALL: Once = Once::new();
    let _turn = lock(&TURN);
    INSTALL.call_once(|| tracing::subscriber::set_global_default(Notes).unwrap());
    lock(&WARNINGS).clear();
    guarded(body);
}

fn router(shards: usize, stall_after: Duration) -> Router<usize> {
    Router::builder()
        .shards(shards)
        .stall_after(stall_after)
        .build()
        .unwrap()
}

/// An actor on a shard that stops at the hold which its event has the number of.
fn add_slow(
    router: &Router<usize>,
    shard: usize,
    topic: Topic,
    name: &str,
    holds: &[Hold],
) -> Subscription {
    let holds = holds.to_vec();
    on_shard(router, shard, Filter::exact(topic))
        .named(name)
        .handler(move |event| holds[*event.payload()].stop_here())
        .unwrap()
}

fn stalls(subscription: &Subscription) -> u64 {
    subscription.stats().stalls
}

#[test]
fn row_08_a_long_call_is_counted_once_and_named_while_it_runs() {
    alone(|| {
        let router = router(2, STALL_AFTER);
        let (first, second) = (topic("FIRST"), topic("SECOND"));
        let holds = [(); 3].map(|()| Hold::default());
        let slow = add_slow(&router, 0, first, "slow", &holds);
        let quick = router.subscribe(Filter::exact(first), |_| ()).unwrap();
        let elsewhere = add_slow(&router, 1, second, "elsewhere", &holds);
        assert_eq!(quick.shard(), 0);

        router.publish(first, 0).unwrap();
        holds[0].wait_for_arrival();
        wait_until(|| stalls(&slow) == 1 && warnings_about(&slow) == 1);
        // Until this one is counted, the first has been looked at for as long once more.
        router.publish(second, 1).unwrap();
        holds[1].wait_for_arrival();
        wait_until(|| stalls(&elsewhere) == 1 && warnings_about(&elsewhere) == 1);
        assert_eq!((stalls(&slow), warnings_about(&slow)), (1, 1));
        let shards = router.stats().shards;
        assert_eq!([shards[0].stalls, shards[1].stalls], [1, 1]);
        holds[0].release();
        holds[1].release();
        router.flush().unwrap();

        router.publish(first, 2).unwrap();
        holds[2].wait_for_arrival();
        wait_until(|| stalls(&slow) == 2 && warnings_about(&slow) == 2);
        holds[2].release();
        router.flush().unwrap();
        let stats = router.stats();
        assert_eq!((stats.shards[0].stalls, stats.total().stalls), (2, 3));
        assert_eq!((stalls(&quick), warnings_about(&quick)), (0, 0));
        assert_eq!(quick.stats().handled, 2);
        let listed = router.subscriptions();
        let listed = listed.iter().find(|info| info.id == slow.id());
        assert_eq!(listed.map(|info| info.stats.stalls), Some(2));
    });
}

#[test]
fn a_call_of_one_millisecond_stalls_by_default() {
    alone(|| {
        let router = Router::<usize>::new();
        let hold = Hold::default();
        let topic = topic("DEFAULT");
        let slow = add_slow(&router, 0, topic, "slow", std::slice::from_ref(&hold));
        router.publish(topic, 0).unwrap();
        wait_until(|| stalls(&slow) == 1);
        hold.release();
        assert!(warnings_about(&slow) <= 1);
    });
}

/// Takes long to start.
struct SlowStarter(Hold);

impl Actor<usize> for SlowStarter {
    fn handle(&mut self, _: &Event<usize>, _: &mut Context<'_, usize>) {}

    fn started(&mut self, _: &mut Context<'_, usize>) {
        self.0.stop_here();
    }
}

#[test]
fn an_actor_that_takes_long_to_start_is_counted() {
    alone(|| {
        let router = router(1, STALL_AFTER);
        let hold = Hold::default();
        let topic = topic("START");
        let slow = router
            .spawn(Filter::exact(topic), SlowStarter(hold.clone()))
            .unwrap();
        wait_until(|| stalls(&slow) == 1 && warnings_about(&slow) == 1);
        hold.release();
        router.publish(topic, 0).unwrap();
        router.flush().unwrap();
        let stats = slow.stats();
        assert_eq!((stats.stalls, stats.handled), (1, 1));
    });
}

/// Its seat is another's next: nobody else is blamed.
#[test]
fn the_call_of_an_actor_that_was_unsubscribed_counts_for_its_shard() {
    alone(|| {
        let router = router(1, STALL_AFTER);
        let hold = Hold::default();
        let topic = topic("GONE");
        let (leave, other) = (hold.clone(), router.clone());
        let slow = router
            .subscription()
            .filter(Filter::exact(topic))
            .handler_ctx(move |_, ctx| {
                other.unsubscribe(ctx.subscription_id()).unwrap();
                leave.stop_here();
            })
            .unwrap();
        let bystander = router.subscribe(Filter::exact(topic), |_| ()).unwrap();
        router.publish(topic, 0).unwrap();
        wait_until(|| router.stats().total().stalls == 1 && lock(&WARNINGS).len() == 1);
        assert_eq!((stalls(&slow), stalls(&bystander)), (0, 0));
        assert_eq!(warnings_about(&slow), 0);
        hold.release();
        // When this returns, the handler is dropped, and with it its handle of the router.
        assert!(slow.unsubscribe().is_err());
    });
}

/// On the watching thread, which runs user code then as well, nothing waits.
#[test]
fn who_gets_the_trace_may_shut_the_router_down() {
    alone(|| {
        let router = router(1, STALL_AFTER);
        let hold = Hold::default();
        let topic = topic("CLOSED");
        let slow = add_slow(&router, 0, topic, "slow", std::slice::from_ref(&hold));
        let weak: WeakRouter<usize> = router.downgrade();
        *lock(&ON_WARNING) = Some(Box::new(move || {
            let router = weak.upgrade().unwrap();
            assert!(router.flush().is_err());
            assert!(!router.shutdown(FOREVER).is_complete());
        }));
        router.publish(topic, 0).unwrap();
        wait_until(|| warnings_about(&slow) == 1);
        assert!(router.publish(topic, 0).is_err());
        hold.release();
        assert!(router.shutdown(FOREVER).is_complete());
    });
}

#[cfg(target_os = "linux")]
mod threads {
    use super::*;
    use std::fs;
    use std::path::{Path, PathBuf};
    use std::thread;

    /// The watching threads of this process.
    fn watchers() -> Vec<PathBuf> {
        let tasks = fs::read_dir("/proc/self/task").unwrap();
        let paths = tasks.map(|task| task.unwrap().path());
        let is_watcher = |path: &PathBuf| {
            // A thread may end between the two looks.
            let name = fs::read_to_string(path.join("comm")).unwrap_or_default();
            name.trim_end() == "laneway-watch"
        };
        paths.filter(is_watcher).collect()
    }

    /// A thread that was joined is on the system's list for a moment more.
    fn wait_for_watchers(count: usize) {
        wait_until(|| watchers().len() == count);
    }

    #[test]
    fn a_detector_that_is_turned_off_has_no_thread_and_counts_nothing() {
        alone(|| {
            let off = router(1, Duration::MAX);
            // Long enough for any call, and no overflow.
            let on = router(1, Duration::MAX - Duration::from_nanos(1));
            let holds = [block_shard(&off, 0, 0), block_shard(&on, 0, 0)];
            wait_for_watchers(1);
            holds.iter().for_each(Hold::release);
            for router in [&off, &on] {
                router.flush().unwrap();
                assert_eq!(router.stats().total().stalls, 0);
            }
            drop(on);
            wait_for_watchers(0);
            assert!(off.shutdown(FOREVER).is_complete());
        });
    }

    #[test]
    fn the_thread_ends_with_its_router() {
        alone(|| {
            for stall_after in [Duration::ZERO, Duration::from_millis(1), STALL_AFTER] {
                let router = router(2, stall_after);
                wait_for_watchers(1);
                assert!(router.shutdown(FOREVER).is_complete());
                wait_for_watchers(0);

                drop(super::router(2, stall_after));
                wait_for_watchers(0);
            }
        });
    }

    #[test]
    fn the_thread_ends_where_nobody_waits_for_it() {
        alone(|| {
            // The last handle goes on the router's own thread.
            let router = router(1, STALL_AFTER);
            let (topic, mut last) = (topic("LAST"), Some(router.clone()));
            router
                .subscribe(Filter::exact(topic), move |_| drop(last.take()))
                .unwrap();
            let mut publisher = router.publisher();
            wait_for_watchers(1);
            drop(router);
            publisher.publish(topic, 0).unwrap();
            wait_for_watchers(0);

            // The shutdown does not wait until a call is over.
            let router = super::router(1, STALL_AFTER);
            let hold = block_shard(&router, 0, 0);
            assert!(!router.shutdown(Duration::ZERO).is_complete());
            wait_for_watchers(1);
            drop(router);
            hold.release();
            wait_for_watchers(0);
        });
    }

    /// How often a thread has gone to sleep.
    fn sleeps(task: &Path) -> String {
        let status = fs::read_to_string(task.join("status")).unwrap();
        let line = |line: &&str| line.starts_with("voluntary_ctxt_switches");
        status.lines().find(line).unwrap().to_owned()
    }

    #[test]
    fn the_thread_sleeps_while_all_shards_do_and_wakes_up_with_them() {
        alone(|| {
            let router = router(2, Duration::from_millis(1));
            let holds = [(); 3].map(|()| Hold::default());
            let topic = topic("ASLEEP");
            let slow = add_slow(&router, 1, topic, "slow", &holds);
            wait_for_watchers(1);
            let task = watchers().pop().unwrap();
            for (number, hold) in holds.iter().enumerate() {
                // Where it looks on, it goes to sleep again and again.
                wait_until(|| {
                    let before = sleeps(&task);
                    (0..20_000).for_each(|_| thread::yield_now());
                    sleeps(&task) == before
                });
                router.publish(topic, number).unwrap();
                hold.wait_for_arrival();
                wait_until(|| stalls(&slow) == number as u64 + 1);
                hold.release();
                router.flush().unwrap();
            }
            assert_eq!((stalls(&slow), warnings_about(&slow)), (3, 3));
        });
    }
}
