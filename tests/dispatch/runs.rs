//! Runs: their results, retries, dead letters, bounds.

use crate::common::{Hold, Log, guarded};
use crate::support::{
    Folder, assert_adds_up, data_of, event, hold_in, idle, note_as, result_of, started, stats,
};
use laneway::manager::{
    DeadLetter, EmitError, Function, Manager, Retry, RunError, SubscriptionSpec,
};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Attempts without waits.
fn at_once(attempts: u32) -> Retry {
    Retry::attempts(attempts).base(Duration::ZERO)
}

/// Fails so many times for each event, and then notes it.
fn failing(times: usize, log: &Log<String>) -> Function {
    let (log, calls) = (log.clone(), AtomicUsize::new(0));
    Function::new(move |event, ctx| {
        if calls.fetch_add(1, Ordering::Relaxed) < times {
            return Err(format!("attempt {} failed", ctx.attempt()).into());
        }
        log.push(format!("{} {}", event.id(), ctx.attempt()));
        Ok(())
    })
}

#[test]
fn the_result_of_a_run_is_an_event() {
    guarded(|| {
        let works = Function::new(|_, ctx| Ok(serde_json::json!({ "for": ctx.subscription() })));
        let result = result_of(works, event("7", "a"));
        assert_eq!(result["output"], r#"{"for":"s"}"#);
        assert_eq!(
            (&result["subscription"], &result["function"]),
            (&"s".into(), &"f".into())
        );
        assert_eq!(result["attempt"], 1);
        assert!(result["duration_us"].is_u64() && result["error"].is_null());
        let fails = Function::new(|_, _| Err::<(), _>("no luck".into()));
        let result = result_of(fails, event("7", "a"));
        assert_eq!(result["error"]["message"], "no luck");
        let panics = Function::new(|_, _| -> Result<(), _> { panic!("not contained") });
        let result = result_of(panics, event("7", "a"));
        assert_eq!(result["error"]["kind"], "panic");
        let large = result_of(
            Function::new(|_, _| Ok("x".repeat(1 << 20))),
            event("7", "a"),
        );
        assert_eq!(large["output_truncated"], true);
        assert_eq!(large["output"].as_str().unwrap().len(), 64 * 1024);
    });
}

#[test]
fn a_failed_event_is_tried_again_as_often_as_told() {
    guarded(|| {
        let manager = started();
        let (log, results) = (Log::default(), data_of(&manager, "function.failed").0);
        manager.add_function("f", failing(2, &log)).unwrap();
        let spec = SubscriptionSpec::new("s", "a", "f").retry(at_once(3));
        manager.create_subscription(spec).unwrap();
        manager.emit(event("1", "a")).unwrap();
        idle(&manager);
        assert_eq!(log.take(), ["1 3"]);
        let finals: Vec<_> = results
            .take()
            .iter()
            .map(|data| data["final"].clone())
            .collect();
        assert_eq!(finals, [false, false]);
        let stats = stats(&manager, "s");
        assert_eq!((stats.runs, stats.succeeded, stats.failed), (3, 1, 0));
        assert_adds_up(stats);
    });
}

#[test]
fn an_event_that_waits_for_another_attempt_holds_up_no_other() {
    guarded(|| {
        let manager = Manager::builder().workers(1).build().unwrap();
        manager.start().unwrap();
        let seen = Log::default();
        manager.add_function("f", failing(1, &seen)).unwrap();
        let hour = Duration::from_secs(3600);
        let spec = SubscriptionSpec::new("s", "a", "f")
            .retry(Retry::attempts(2).base(hour).max(hour))
            .dead_letter(DeadLetter::Sink("dead".into()));
        let dead = Log::default();
        let letters = dead.clone();
        manager
            .add_sink("dead", move |failure| {
                letters.push(failure.event.id().to_owned());
                Ok(())
            })
            .unwrap();
        manager.create_subscription(spec).unwrap();
        manager
            .emit_all([event("1", "a"), event("2", "a")])
            .unwrap();
        crate::common::wait_until(|| stats(&manager, "s").succeeded == 1);
        assert_eq!(stats(&manager, "s").pending, 1);
        // Closing does not wait an hour: it is a dead letter now.
        assert!(manager.close(crate::common::FOREVER).is_complete());
        assert_eq!(
            (seen.take(), dead.take()),
            (vec!["2 1".into()], vec!["1".into()])
        );
        let stats = stats(&manager, "s");
        assert_eq!((stats.failed, stats.dead_letters, stats.pending), (1, 1, 0));
        assert_adds_up(stats);
    });
}

#[test]
fn one_that_is_deleted_waits_for_no_other_attempt() {
    guarded(|| {
        let manager = started();
        let hold = Hold::default();
        let stop = hold.clone();
        let fails = Function::new(move |_, _| {
            stop.stop_here();
            Err::<(), _>("no".into())
        });
        manager.add_function("f", fails).unwrap();
        let hour = Duration::from_secs(3600);
        let retry = Retry::attempts(2).base(hour).max(hour);
        manager
            .create_subscription(SubscriptionSpec::new("s", "a", "f").retry(retry))
            .unwrap();
        manager.emit(event("1", "a")).unwrap();
        hold.wait_for_arrival();
        assert_eq!(manager.delete_subscription("s").unwrap().stats.pending, 1);
        hold.release();
        idle(&manager);
    });
}

#[test]
fn what_no_attempt_succeeds_with_is_a_dead_letter() {
    guarded(|| {
        let folder = Folder::new();
        let file = folder.file("dead.ndjson");
        let manager = started();
        manager
            .add_function("f", failing(usize::MAX, &Log::default()))
            .unwrap();
        let (events, _) = data_of(&manager, "dead.letter");
        let sunk = Log::default();
        let sinks = sunk.clone();
        manager
            .add_sink("sink", move |failure| {
                assert_eq!(failure.attempts, 2);
                sinks.push(failure.error.clone());
                Ok(())
            })
            .unwrap();
        // A line that a crash cut.
        std::fs::write(&file, "{\"cut").unwrap();
        for (name, letter) in [
            ("event", DeadLetter::Event("dead.letter".into())),
            ("file", DeadLetter::File(file.clone())),
            ("sink", DeadLetter::Sink("sink".into())),
        ] {
            let spec = SubscriptionSpec::new(name, "a", "f").retry(at_once(2));
            manager
                .create_subscription(spec.dead_letter(letter))
                .unwrap();
        }
        manager
            .emit_all([event("1", "a"), event("2", "a")])
            .unwrap();
        idle(&manager);
        for name in ["event", "file", "sink"] {
            let stats = stats(&manager, name);
            assert_eq!(
                (stats.failed, stats.dead_letters, stats.runs),
                (2, 2, 4),
                "{name}"
            );
            assert_adds_up(stats);
        }
        let check = |letter: &serde_json::Value, subscription: &str, id: &str| {
            assert_eq!(letter["subscription"], subscription);
            assert_eq!(letter["attempts"], 2);
            assert_eq!(letter["error"]["message"], "attempt 2 failed");
            assert_eq!(letter["event"]["id"], id);
        };
        let events = events.take();
        check(&events[0], "event", "1");
        check(&events[1], "event", "2");
        let text = std::fs::read_to_string(&file).unwrap();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!((lines.len(), lines[0]), (3, "{\"cut"));
        check(&serde_json::from_str(lines[1]).unwrap(), "file", "1");
        check(&serde_json::from_str(lines[2]).unwrap(), "file", "2");
        assert_eq!(sunk.take()[1], RunError::Failed("attempt 2 failed".into()));
    });
}

#[test]
fn a_dead_letter_that_cannot_be_sent_is_counted() {
    guarded(|| {
        let manager = started();
        manager
            .add_function("f", failing(usize::MAX, &Log::default()))
            .unwrap();
        manager
            .add_sink("bad", |_| panic!("nobody is spared"))
            .unwrap();
        for (name, letter) in [
            ("file", DeadLetter::File("/does/not/exist/dead".into())),
            ("sink", DeadLetter::Sink("bad".into())),
            ("gone", DeadLetter::Sink("unknown".into())),
        ] {
            let spec = SubscriptionSpec::new(name, "a", "f").dead_letter(letter);
            manager.create_subscription(spec).unwrap();
        }
        let gone = manager.subscription("gone").unwrap();
        assert_eq!(gone.reason.unwrap(), "sink `unknown` is not known");
        manager.emit(event("1", "a")).unwrap();
        idle(&manager);
        for name in ["file", "sink", "gone"] {
            let stats = stats(&manager, name);
            assert_eq!((stats.failed, stats.dead_letters_lost), (1, 1), "{name}");
        }
    });
}

#[test]
fn runs_are_bounded_and_what_does_not_fit_is_counted() {
    guarded(|| {
        let manager = started();
        let hold = hold_in(&manager, "f");
        let other = note_as(&manager, "other");
        let spec = SubscriptionSpec::new("s", "a", "f").capacity(3);
        manager.create_subscription(spec).unwrap();
        manager
            .create_subscription(SubscriptionSpec::new("quick", "a", "other"))
            .unwrap();
        for id in 0..10 {
            manager.emit(event(&id.to_string(), "a")).unwrap();
        }
        hold.wait_for_arrival();
        // Nobody else is held up.
        crate::common::wait_until(|| other.len() == 10);
        manager.router().flush().unwrap();
        let held = stats(&manager, "s");
        assert_eq!((held.received, held.dropped, held.pending), (10, 7, 3));
        hold.release();
        idle(&manager);
        let stats = stats(&manager, "s");
        assert_eq!((stats.succeeded, stats.dropped), (3, 7));
        assert_adds_up(stats);
    });
}

#[test]
fn as_many_runs_go_on_at_once_as_told_and_in_order_by_default() {
    guarded(|| {
        let manager = Manager::builder().workers(4).build().unwrap();
        manager.start().unwrap();
        let (now, most) = (
            AtomicUsize::new(0),
            std::sync::Arc::new(AtomicUsize::new(0)),
        );
        let highest = most.clone();
        manager
            .add_function(
                "count",
                Function::new(move |_, _| {
                    let running = now.fetch_add(1, Ordering::SeqCst) + 1;
                    highest.fetch_max(running, Ordering::SeqCst);
                    std::thread::yield_now();
                    now.fetch_sub(1, Ordering::SeqCst);
                    Ok(())
                }),
            )
            .unwrap();
        let order = note_as(&manager, "order");
        let spec = SubscriptionSpec::new("two", "a", "count").concurrency(2);
        manager.create_subscription(spec).unwrap();
        manager
            .create_subscription(SubscriptionSpec::new("one", "a", "order"))
            .unwrap();
        let ids: Vec<_> = (0..500).map(|id: u32| id.to_string()).collect();
        manager
            .emit_all(ids.iter().map(|id| event(id, "a")))
            .unwrap();
        idle(&manager);
        assert_eq!(order.take(), ids);
        assert!((1..=2).contains(&most.load(Ordering::SeqCst)));
        assert_eq!(stats(&manager, "two").succeeded, 500);
    });
}

#[test]
fn results_do_not_bring_themselves_about() {
    guarded(|| {
        let manager = started();
        let seen = note_as(&manager, "f");
        manager
            .create_subscription(SubscriptionSpec::new("all", "*", "f"))
            .unwrap();
        manager.emit(event("1", "a")).unwrap();
        idle(&manager);
        assert_eq!(seen.take(), ["1"]);
        // Of another source they are like any other event.
        manager.emit(event("2", "function.succeeded")).unwrap();
        idle(&manager);
        assert_eq!(seen.take(), ["2"]);
    });
}

#[test]
fn a_chain_of_results_ends() {
    guarded(|| {
        let manager = Manager::builder().max_depth(5).build().unwrap();
        manager.start().unwrap();
        let seen = note_as(&manager, "f");
        // By name, they come; and each brings another one.
        for (name, event_type) in [("first", "a"), ("loop", "function.*")] {
            let spec = SubscriptionSpec::new(name, event_type, "f");
            manager.create_subscription(spec).unwrap();
        }
        manager.emit(event("1", "a")).unwrap();
        idle(&manager);
        assert_eq!(seen.len(), 1 + 5);
        let stats = stats(&manager, "loop");
        assert_eq!((stats.succeeded, stats.results_lost), (5, 1));
    });
}

#[test]
fn a_chain_of_functions_that_emit_ends() {
    guarded(|| {
        let manager = Manager::builder().max_depth(3).build().unwrap();
        manager.start().unwrap();
        let errors = Log::default();
        let log = errors.clone();
        manager
            .add_function(
                "again",
                Function::new(move |event, ctx| {
                    ctx.emit(event).map(drop).map_err(|error| {
                        log.push(matches!(error, EmitError::TooDeep { limit: 3, .. }));
                        error.into()
                    })
                }),
            )
            .unwrap();
        manager
            .create_subscription(SubscriptionSpec::new("s", "a", "again"))
            .unwrap();
        manager.emit(event("1", "a")).unwrap();
        idle(&manager);
        assert_eq!(errors.take(), [true]);
        let stats = stats(&manager, "s");
        assert_eq!((stats.received, stats.succeeded, stats.failed), (4, 3, 1));
    });
}
