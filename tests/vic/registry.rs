//! Threads that are slow to end, that die, and that stop themselves; and all of it at once.

use crate::common::{Latch, Log, guarded, rounds, wait_until};
use crate::support::{Step, info, router, scripted, ticks, wait_for_state};
use laneway::Filter;
use laneway::manager::collectors::{
    Clock, Collector, Collectors, Failure, RegisterError, StartError, State, Stop, StopError,
    Stopped, Target,
};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

#[test]
fn one_that_does_not_end_keeps_its_place() {
    guarded(|| {
        let router = router::<u64>();
        let log = Log::default();
        router
            .subscribe(Filter::exact(ticks()), log.handler())
            .unwrap();
        let collectors = Collectors::new(&router).stop_timeout(Duration::from_millis(100));
        let (collector, script) = scripted("c");
        let latch = Latch::default();
        collectors.register(collector).unwrap();
        collectors.start("c").unwrap();
        script
            .then(Step::Ignore(latch.clone()))
            .then(Step::Publish(1));
        wait_until(|| script.log.all().contains(&"ignores"));

        let name = || "c".to_owned();
        assert_eq!(
            collectors.stop("c"),
            Err(StopError::StillRunning { name: name() })
        );
        assert_eq!(info(&collectors, "c").state, State::Stopping);
        let (other, other_script) = scripted("c");
        let still_running = RegisterError::StillRunning { name: name() };
        assert_eq!(collectors.register(other), Err(still_running));
        assert_eq!(other_script.log.all(), ["dropped"]);
        assert_eq!(
            collectors.start("c"),
            Err(StartError::Running { name: name() })
        );
        assert_eq!(
            collectors.restart("c"),
            Err(StartError::Running { name: name() })
        );
        assert_eq!(
            collectors.remove("c"),
            Err(StopError::StillRunning { name: name() })
        );
        assert_eq!(collectors.stop_all(Duration::ZERO).late, ["c"]);

        // What it would publish after it was told does not come.
        latch.open();
        wait_for_state(&collectors, "c", |state| *state == State::Stopped);
        assert_eq!(collectors.register(scripted("c").0), Ok(true));
        router.flush().unwrap();
        assert_eq!(log.len(), 0);
        assert_eq!(script.log.all(), ["runs", "ignores", "stopped", "dropped"]);
    });
}

#[test]
fn dropping_the_registry_leaves_one_that_does_not_end() {
    guarded(|| {
        let router = router::<u64>();
        let collectors = Collectors::new(&router).stop_timeout(Duration::from_millis(10));
        let (collector, script) = scripted("c");
        let latch = Latch::default();
        collectors.register(collector).unwrap();
        collectors.start("c").unwrap();
        script.then(Step::Ignore(latch.clone()));
        wait_until(|| script.log.all().contains(&"ignores"));
        drop(collectors);
        assert!(!script.log.all().contains(&"dropped"));
        latch.open();
        wait_until(|| script.log.all().contains(&"dropped"));
    });
}

/// Stops itself, by the registry.
struct Selfish(Weak<Collectors<u64>>, Log<String>);

impl Collector<u64> for Selfish {
    fn name(&self) -> &str {
        "selfish"
    }

    fn run(&mut self, _: &mut Target<u64>, stop: &Stop) -> Result<(), Failure> {
        let collectors = self.0.upgrade().ok_or("it is gone")?;
        self.1.push(format!("{:?}", collectors.restart("selfish")));
        self.1.push(format!("{:?}", collectors.stop("selfish")));
        stop.wait(Duration::MAX);
        // The last one may be this: it does not wait for itself.
        drop(collectors);
        Ok(())
    }
}

#[test]
fn a_collector_that_stops_itself_does_not_wait() {
    guarded(|| {
        let router = router::<u64>();
        let collectors = Arc::new(Collectors::new(&router));
        let log = Log::default();
        let selfish = Selfish(Arc::downgrade(&collectors), log.clone());
        collectors.register(selfish).unwrap();
        collectors.start("selfish").unwrap();
        wait_until(|| log.len() == 2);
        drop(collectors);
        let running = StartError::Running {
            name: "selfish".into(),
        };
        let expected = [
            format!("{:?}", Err::<(), _>(running)),
            format!("{:?}", Ok::<_, StopError>(Stopped::Told)),
        ];
        assert_eq!(log.all(), expected);
    });
}

#[test]
fn the_thread_has_the_collector_s_name() {
    struct Name(Log<Option<String>>);
    impl Collector<u64> for Name {
        fn name(&self) -> &str {
            "me"
        }
        fn run(&mut self, _: &mut Target<u64>, _: &Stop) -> Result<(), Failure> {
            self.0.push(std::thread::current().name().map(Into::into));
            Ok(())
        }
    }
    guarded(|| {
        let router = router::<u64>();
        let (collectors, log) = (Collectors::new(&router), Log::default());
        collectors.register(Name(log.clone())).unwrap();
        collectors.start("me").unwrap();
        wait_until(|| log.len() == 1);
        assert_eq!(log.all(), [Some("collector-me".to_owned())]);
    });
}

/// Panics wherever it can.
struct Hostile;

impl Collector<u64> for Hostile {
    fn name(&self) -> &str {
        "hostile"
    }

    fn run(&mut self, _: &mut Target<u64>, _: &Stop) -> Result<(), Failure> {
        #[derive(Debug)]
        struct Unspeakable;
        impl std::fmt::Display for Unspeakable {
            fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                panic!("in Display, on purpose")
            }
        }
        impl std::error::Error for Unspeakable {}
        Err(Unspeakable.into())
    }

    fn stopped(&mut self) {
        panic!("in stopped, on purpose");
    }
}

impl Drop for Hostile {
    fn drop(&mut self) {
        panic!("in Drop, on purpose");
    }
}

#[test]
fn panics_stay_inside_the_collector() {
    guarded(|| {
        let router = router::<u64>();
        let never = laneway::manager::collectors::Restarts::never();
        let collectors = Collectors::new(&router).restarts(never);
        collectors.register(Hostile).unwrap();
        collectors.start("hostile").unwrap();
        let failed = wait_for_state(&collectors, "hostile", |state| {
            matches!(state, State::Failed { .. })
        });
        assert_eq!((failed.failures, failed.panics), (1, 1));
        assert_eq!(collectors.register(scripted("hostile").0), Ok(true));
        assert_eq!(info(&collectors, "hostile").state, State::Stopped);
    });
}

/// Where a thread is left behind, the collector is dropped on it.
#[test]
fn a_drop_that_panics_on_a_thread_that_was_left_behind_is_contained() {
    struct Late(Latch, Latch, Latch);
    impl Collector<u64> for Late {
        fn name(&self) -> &str {
            "late"
        }
        fn run(&mut self, _: &mut Target<u64>, _: &Stop) -> Result<(), Failure> {
            self.0.open();
            self.1.wait();
            Ok(())
        }
    }
    impl Drop for Late {
        fn drop(&mut self) {
            self.2.open();
            panic!("in Drop, on purpose");
        }
    }
    guarded(|| {
        let router = router::<u64>();
        let (runs, ends, dropped) = <(Latch, Latch, Latch)>::default();
        let collectors = Collectors::new(&router).stop_timeout(Duration::ZERO);
        let late = Late(runs.clone(), ends.clone(), dropped.clone());
        collectors.register(late).unwrap();
        collectors.start("late").unwrap();
        runs.wait();
        drop(collectors);
        assert!(!dropped.is_open());
        ends.open();
        dropped.wait();
        // One that was never started is dropped with the registry.
        let collectors = Collectors::new(&router);
        collectors.register(Hostile).unwrap();
        drop(collectors);
    });
}

/// A clock that panics takes the thread with it, and the collector.
#[test]
fn a_collector_that_is_lost_can_be_registered_anew() {
    struct Broken;
    impl Clock for Broken {
        fn now(&self) -> Instant {
            panic!("on purpose")
        }
        fn wait_until(&self, _: &Stop, _: Instant) -> bool {
            panic!("on purpose")
        }
    }
    guarded(|| {
        let router = router::<u64>();
        let collectors = Collectors::new(&router).clock(Broken);
        let (collector, script) = scripted("c");
        collectors.register(collector).unwrap();
        collectors.start("c").unwrap();
        let died = State::Failed {
            reason: "its thread died".into(),
        };
        wait_for_state(&collectors, "c", |state| *state == died);
        let lost = StartError::Lost { name: "c".into() };
        assert_eq!(collectors.start("c"), Err(lost));
        assert_eq!(script.log.all(), ["dropped"]);
        assert_eq!(collectors.register(scripted("c").0), Ok(true));
        assert_eq!(collectors.start("c"), Ok(()));
    });
}

/// Replaced over and over while it publishes: what one published comes before what the next one did.
#[test]
fn no_event_of_the_old_comes_after_the_new_began() {
    struct Numbered(u64);
    impl Collector<u64> for Numbered {
        fn name(&self) -> &str {
            "numbered"
        }
        fn run(&mut self, target: &mut Target<u64>, _: &Stop) -> Result<(), Failure> {
            loop {
                target.publish(ticks(), self.0)?;
            }
        }
    }
    guarded(|| {
        let router = router::<u64>();
        let log = Log::default();
        router
            .subscribe(Filter::exact(ticks()), log.handler())
            .unwrap();
        let collectors = Collectors::new(&router);
        for number in 0..rounds(50) as u64 {
            collectors.register(Numbered(number)).unwrap();
            collectors.start("numbered").unwrap();
            wait_until(|| info(&collectors, "numbered").published > 0);
        }
        drop(collectors);
        router.flush().unwrap();
        assert!(log.all().windows(2).all(|pair| pair[0] <= pair[1]));
    });
}

#[test]
fn everything_at_once_ends() {
    guarded(|| {
        let router = router::<u64>();
        let collectors = Collectors::new(&router);
        std::thread::scope(|scope| {
            for thread in 0..4_u64 {
                let collectors = &collectors;
                scope.spawn(move || {
                    for round in 0..rounds(100) as u64 {
                        // Any of these may lose against another thread: what counts is that each comes to an end.
                        match (thread + round) % 5 {
                            0 => drop(collectors.register(scripted("c").0)),
                            1 => drop(collectors.start("c")),
                            2 => drop(collectors.stop("c")),
                            3 => drop(collectors.restart("c")),
                            _ => drop(collectors.remove("c")),
                        }
                        drop(collectors.list());
                    }
                });
            }
        });
        collectors.register(scripted("c").0).unwrap();
        collectors.start("c").unwrap();
        assert_eq!(info(&collectors, "c").state, State::Running);
        assert_eq!(collectors.stop("c"), Ok(Stopped::Ended));
    });
}
