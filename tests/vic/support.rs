//! Collectors whose every step a test decides, and a clock that stands still.

use crate::common::{Latch, Log, topic, wait_until};
use laneway::manager::collectors::{
    Clock, Collector, CollectorInfo, Collectors, Failure, Monitored, State, Stop, Target,
};
use laneway::{Pinning, Router, Topic};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::Waker;
use std::time::{Duration, Instant};

pub(crate) fn router<E: Clone + Send + 'static>() -> Router<E> {
    Router::builder()
        .shards(2)
        .pinning(Pinning::Off)
        .build()
        .unwrap()
}

pub(crate) fn ticks() -> Topic {
    topic("TICK")
}

/// What a scripted collector does next.
pub(crate) enum Step {
    Publish(u64),
    Fail(&'static str),
    Panic(&'static str),
    Finish,
    /// Does not look at its stop token until the latch opens.
    Ignore(Latch),
}

/// Does what it is told, and stops when told to.
pub(crate) struct Scripted {
    name: String,
    steps: Receiver<Step>,
    pub(crate) log: Log<&'static str>,
    pub(crate) monitored: Option<Monitored>,
    wake: Arc<Mutex<Option<Waker>>>,
}

/// The other end.
#[derive(Clone)]
pub(crate) struct Script {
    steps: Sender<Step>,
    wake: Arc<Mutex<Option<Waker>>>,
    pub(crate) log: Log<&'static str>,
}

impl Script {
    pub(crate) fn then(&self, step: Step) -> &Self {
        // Nobody is there any more: so be it.
        let _ = self.steps.send(step);
        if let Some(waker) = self.wake.lock().unwrap().take() {
            waker.wake();
        }
        self
    }
}

pub(crate) fn scripted(name: &str) -> (Scripted, Script) {
    let (steps, receiver) = channel();
    let (log, wake) = (Log::default(), Arc::default());
    let collector = Scripted {
        name: name.into(),
        steps: receiver,
        log: log.clone(),
        monitored: None,
        wake: Arc::clone(&wake),
    };
    (collector, Script { steps, wake, log })
}

impl Collector<u64> for Scripted {
    fn name(&self) -> &str {
        &self.name
    }

    fn run(&mut self, target: &mut Target<u64>, stop: &Stop) -> Result<(), Failure> {
        self.log.push("runs");
        loop {
            *self.wake.lock().unwrap() = Some(stop.waker());
            match self.steps.try_recv() {
                Ok(Step::Publish(number)) => drop(target.publish(ticks(), number)?),
                Ok(Step::Fail(reason)) => return Err(reason.into()),
                Ok(Step::Panic(reason)) => std::panic::panic_any(reason),
                Ok(Step::Finish) => return Ok(()),
                Ok(Step::Ignore(latch)) => {
                    self.log.push("ignores");
                    latch.wait();
                }
                Err(_) if stop.wait_for_wake(Duration::MAX) => return Ok(()),
                Err(_) => {}
            }
        }
    }

    fn stopped(&mut self) {
        self.log.push("stopped");
    }

    fn monitored(&self) -> Option<&Monitored> {
        self.monitored.as_ref()
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.log.push("dropped");
    }
}

pub(crate) fn info(collectors: &Collectors<u64>, name: &str) -> CollectorInfo {
    collectors.get(name).expect("it is registered")
}

#[track_caller]
pub(crate) fn wait_for_state(
    collectors: &Collectors<u64>,
    name: &str,
    is: impl Fn(&State) -> bool,
) -> CollectorInfo {
    wait_until(|| is(&info(collectors, name).state));
    info(collectors, name)
}

/// Time passes when the test says so.
#[derive(Clone)]
pub(crate) struct StoppedClock(Arc<Mutex<Hands>>);

struct Hands {
    now: Instant,
    waiting: Vec<Waker>,
}

impl StoppedClock {
    pub(crate) fn new() -> Self {
        StoppedClock(Arc::new(Mutex::new(Hands {
            now: Instant::now(),
            waiting: Vec::new(),
        })))
    }

    pub(crate) fn advance(&self, by: Duration) {
        let mut hands = self.0.lock().unwrap();
        hands.now += by;
        let waiting = std::mem::take(&mut hands.waiting);
        drop(hands);
        waiting.into_iter().for_each(Waker::wake);
    }
}

impl Clock for StoppedClock {
    fn now(&self) -> Instant {
        self.0.lock().unwrap().now
    }

    fn wait_until(&self, stop: &Stop, at: Instant) -> bool {
        loop {
            {
                let mut hands = self.0.lock().unwrap();
                if hands.now >= at {
                    return stop.is_stopped();
                }
                hands.waiting.push(stop.waker());
            }
            if stop.wait_for_wake(Duration::MAX) {
                return true;
            }
        }
    }
}
