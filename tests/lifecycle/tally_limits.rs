//! Names from outside do not fill the memory, and many nodes do not make checks slow.

use crate::common::guarded;
use crate::tally::{server, with_clock};
use laneway::lifecycle::{LifecycleEvent, Stage, Tally};
use std::time::Duration;

fn startup(component: &str, identity: &str, version: &str) -> LifecycleEvent {
    let event = LifecycleEvent::startup(component, version).identity(identity);
    event.timestamp(0).build().unwrap()
}

fn limited() -> Tally {
    let builder = Tally::builder().max_components(3).max_labels(4);
    builder.max_nodes(1000).build().unwrap()
}

#[test]
fn components() {
    let tally = limited();
    for number in 0..10_000 {
        tally.record(&startup(&format!("c{number}"), "n1", "1"));
        tally.record_error(&format!("e{number}"));
    }
    let snapshot = tally.snapshot();
    let names: Vec<_> = snapshot
        .components
        .iter()
        .map(|counts| &*counts.component)
        .collect();
    assert_eq!(names, ["c0", "c1", "e0", "other"]);
    let other = snapshot.component("other").unwrap();
    assert_eq!((other.good_events, other.process_errors), (9998, 9999));
    // As many as there is room for, beside those of c0 and c1.
    assert_eq!(other.nodes, 998);
    let lines = tally.prometheus().lines().count();
    assert!(lines < 100, "{lines}");
}

#[test]
fn components_past_the_limit_have_nodes_of_their_own() {
    let tally = Tally::builder().max_components(1).build().unwrap();
    for (component, version) in [("a", "1"), ("b", "1"), ("c", "2")] {
        tally.record(&startup(component, "n1", version));
    }
    let others = || tally.snapshot().component("other").unwrap().nodes;
    assert_eq!(others(), 2);
    let shutdown = LifecycleEvent::shutdown("b").identity("n1");
    tally.record(&shutdown.timestamp(1).build().unwrap());
    assert_eq!(others(), 1);
}

#[test]
fn versions() {
    let tally = limited();
    for number in 0..100 {
        tally.record(&startup(
            "server",
            &format!("n{number}"),
            &format!("v{}", number % 50),
        ));
    }
    for number in 0..10 {
        tally.record(&startup("server", &format!("n{number}"), "popular"));
    }
    // Those that most nodes run have a place of their own.
    let versions = server(&tally).versions;
    assert_eq!(versions.len(), 5);
    assert!(versions.contains(&("popular".into(), 10)));
    assert_eq!(versions.iter().map(|(_, nodes)| nodes).sum::<u64>(), 100);
    assert_eq!(server(&tally).nodes, 100);
    // One node that changes its version for ever leaves nothing behind.
    let one = limited();
    for number in 0..10_000 {
        one.record(&startup("server", "n1", &number.to_string()));
    }
    assert_eq!(server(&one).versions, [("9999".into(), 1)]);
}

#[test]
fn a_version_that_is_called_other() {
    let tally = limited();
    for number in 0..20 {
        tally.record(&startup("server", &format!("n{number}"), "other"));
        tally.record(&startup(
            "server",
            &format!("m{number}"),
            &number.to_string(),
        ));
    }
    let versions = server(&tally).versions;
    assert_eq!(
        versions
            .iter()
            .filter(|(version, _)| version == "other")
            .count(),
        1
    );
    assert_eq!(versions.iter().map(|(_, nodes)| nodes).sum::<u64>(), 40);
}

#[test]
fn governors() {
    let tally = limited();
    for number in 0..10_000 {
        let event = LifecycleEvent::governor("server", format!("g{number}"), Stage::Exit);
        tally.record(&event.identity("n1").build().unwrap());
    }
    let governors = server(&tally).governors;
    assert_eq!(governors.len(), 5);
    let other = governors.iter().find(|counts| counts.governor == "other");
    assert_eq!(other.unwrap().count(Stage::Exit), 9996);
}

#[test]
fn nodes() {
    let tally = limited();
    for number in 0..3000 {
        tally.record(&startup("server", &format!("n{number}"), "1"));
    }
    assert_eq!(server(&tally).nodes, 1000);
    assert_eq!(tally.snapshot().nodes_untracked, 2000);
    assert_eq!(server(&tally).good_events, 3000);
    // Also the memory of those that are gone.
    let tally = limited();
    for number in 0..3000 {
        let event = LifecycleEvent::shutdown("server").identity(format!("n{number}"));
        tally.record(&event.build().unwrap());
    }
    tally.record(&startup("server", "late", "1"));
    assert_eq!(
        (server(&tally).nodes, tally.snapshot().nodes_untracked),
        (0, 1)
    );
}

/// As many checks as nodes: if a check looked at each node, this would take 2.5 billion looks.
#[test]
fn a_check_costs_what_expires() {
    guarded(|| {
        let (tally, clock) = with_clock(|builder| builder.check_every(Duration::ZERO));
        let events: Vec<_> = (0..50_000)
            .map(|number| startup("server", &format!("n{number}"), "1"))
            .collect();
        events.iter().for_each(|event| tally.record(event));
        for event in &events {
            clock.advance(Duration::from_millis(50));
            tally.record(event);
        }
        assert_eq!(server(&tally).nodes, 50_000);
        clock.advance(Duration::from_secs(79 * 60));
        assert_eq!(
            server(&tally).nodes,
            server(&tally).good_events - 50_000 - server(&tally).nodes_expired
        );
        clock.advance(Duration::from_secs(60 * 60));
        assert_eq!(
            (server(&tally).nodes, server(&tally).nodes_expired),
            (0, 50_000)
        );
    });
}
