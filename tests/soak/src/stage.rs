//! Where loads run: for how long, what they do at the moment, and what they found wrong. One that stands still ends the
//! process.

use crate::common::Random;
use laneway::Router;
use std::fmt::Display;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// One load of the table.
pub(crate) struct Load {
    pub(crate) name: &'static str,
    /// Of the matrix.
    pub(crate) rows: &'static str,
    pub(crate) invariant: &'static str,
    pub(crate) run: fn(&mut Stage) -> Held,
}

/// How much of it there was.
#[derive(Default)]
pub(crate) struct Held {
    pub(crate) load: String,
    pub(crate) faults: String,
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a thread of a load returned. Its panic goes on here.
pub(crate) fn joined<T>(thread: JoinHandle<T>) -> T {
    thread.join().unwrap_or_else(|panic| resume_unwind(panic))
}

/// What was found wrong first. Handlers note it here: a panic of theirs would be contained.
#[derive(Clone, Debug, Default)]
pub(crate) struct Verdict(Arc<OnceLock<String>>);

impl Verdict {
    pub(crate) fn check(&self, holds: bool, otherwise: impl FnOnce() -> String) {
        if !holds {
            let _ = self.0.set(otherwise());
        }
    }

    pub(crate) fn is_good(&self) -> bool {
        self.0.get().is_none()
    }
}

/// For the watchdog.
#[derive(Default)]
struct Progress {
    steps: AtomicUsize,
    /// What it is at, and more about that.
    at: Mutex<String>,
    more: Mutex<Option<Box<dyn Fn() -> String + Send>>>,
}

/// What a load is given.
pub(crate) struct Stage {
    pub(crate) random: Random,
    pub(crate) verdict: Verdict,
    begun: Instant,
    share: Duration,
    progress: Arc<Progress>,
}

impl Stage {
    /// Whether there is time for one more round.
    pub(crate) fn goes_on(&self) -> bool {
        self.spent() < 1.0 && self.verdict.is_good()
    }

    /// Of its time, 1.0 at the end.
    fn spent(&self) -> f64 {
        self.begun.elapsed().as_secs_f64() / self.share.as_secs_f64()
    }

    /// Tells the watchdog what comes next. It must be over within [`PATIENCE`].
    pub(crate) fn step(&self, what: impl Display) {
        *lock(&self.progress.at) = what.to_string();
        self.progress.steps.fetch_add(1, Ordering::Relaxed);
    }

    /// The router that the watchdog is to describe if it stands still.
    pub(crate) fn watch<E: Clone + Send + 'static>(&self, router: &Router<E>) {
        let router = router.downgrade();
        *lock(&self.progress.more) = Some(Box::new(move || {
            let Some(router) = router.upgrade() else {
                return "its router is gone".into();
            };
            let stats = router.stats();
            let subscriptions = router.subscriptions();
            // Whoever upgraded it last would shut it down and wait.
            std::mem::forget(router);
            let waiting = |info: &laneway::SubscriptionInfo| info.stats.queued > 0;
            let waiting: Vec<_> = subscriptions.into_iter().filter(waiting).collect();
            format!("{stats:#?}\nwhere events wait: {waiting:#?}")
        }));
    }
}

/// Of a step. None takes more than a few seconds.
const PATIENCE: Duration = Duration::from_secs(30);

/// A machine that stood still meanwhile is no hang.
const SLICE: Duration = Duration::from_millis(20);

/// Prints its line of the table.
fn report(load: &Load, held: &Held, result: &str) {
    let Load {
        name,
        rows,
        invariant,
        ..
    } = load;
    let Held { load, faults } = held;
    println!("| {rows} | {name}: {load} | {faults} | {invariant} | {result} |");
}

/// Runs a load for its share of the time. Says whether it held.
pub(crate) fn hold(load: &Load, share: Duration, seed: u64) -> bool {
    let verdict = Verdict::default();
    let progress = Arc::<Progress>::default();
    let mut stage = Stage {
        random: Random::from_seed(seed),
        verdict: verdict.clone(),
        begun: Instant::now(),
        share,
        progress: Arc::clone(&progress),
    };
    let run = load.run;
    let running = thread::Builder::new()
        .name(load.name.into())
        .spawn(move || run(&mut stage))
        .expect("a thread for the load");
    let (mut seen, mut waited) = (0, Duration::ZERO);
    while !running.is_finished() {
        thread::sleep(SLICE);
        waited += SLICE;
        let now = progress.steps.load(Ordering::Relaxed);
        if now != seen {
            (seen, waited) = (now, Duration::ZERO);
        }
        if waited >= PATIENCE {
            report(load, &Held::default(), "STANDS STILL");
            stand_still(load, seed, &verdict, &progress);
        }
    }
    let (held, panic) = match running.join() {
        Ok(held) => (held, None),
        Err(panic) => {
            let message = (panic.downcast_ref::<String>().map(String::as_str))
                .or(panic.downcast_ref::<&str>().copied())
                .unwrap_or("a panic");
            let failure = format!("{message} (at {})", lock(&progress.at));
            (Held::default(), Some(failure))
        }
    };
    let failure = verdict.0.get().cloned().or(panic);
    let Some(failure) = failure else {
        report(load, &held, "held");
        return true;
    };
    // On one line, and in one cell.
    let cell = failure.replace(['\n', '|'], " ");
    report(load, &held, &format!("FAILED: {cell}"));
    false
}

/// Says all that is known of a hang. Threads that stand still cannot be ended, but with the process.
fn stand_still(load: &Load, seed: u64, verdict: &Verdict, progress: &Progress) -> ! {
    println!("\n{} stands still at {}", load.name, lock(&progress.at));
    println!("to see this again: --seed {seed} --only {}", load.name);
    if let Some(why) = verdict.0.get() {
        println!("before that: {why}");
    }
    if let Some(more) = lock(&progress.more).take() {
        // Whatever stands still may hold what this needs.
        let telling = thread::spawn(move || println!("{}", more()));
        let begun = Instant::now();
        while !telling.is_finished() && begun.elapsed() < PATIENCE / 10 {
            thread::sleep(SLICE);
        }
    }
    std::process::abort()
}
