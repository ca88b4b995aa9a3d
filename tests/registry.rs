//! What the process-wide registry counts. One test, since its tests could not run side by side.

use laneway::{Topic, registry_stats};
use std::collections::HashSet;
use std::sync::Barrier;

#[test]
fn the_registry_keeps_count() {
    the_registry_counts_what_is_new();
    what_fails_leaves_no_trace();
    strangers_fill_neither_names_nor_text();
    four_threads_agree_on_every_topic();
}

fn the_registry_counts_what_is_new() {
    let before = registry_stats();
    for _ in 0..3 {
        Topic::new("counted", "COUNTED.A.B").unwrap();
        Topic::new("counted", "COUNTED.A").unwrap();
    }
    let after = registry_stats();
    assert_eq!(after.classes - before.classes, 2);
    assert_eq!(after.names - before.names, 4);
    let texts = ["counted", "COUNTED.A.B", "COUNTED.A", "COUNTED"];
    let bytes: usize = texts.iter().map(|text| text.len() + 2).sum();
    assert_eq!(after.text_bytes - before.text_bytes, bytes);
    assert_eq!(after.looked_up_classes, before.looked_up_classes);
}

fn what_fails_leaves_no_trace() {
    let before = registry_stats();
    for wrong in ["", "*", "TRACE.*", &"x".repeat(257)] {
        assert!(Topic::new("traceless", wrong).is_err());
        assert!(
            Topic::builder("traceless", "TRACE")
                .source(wrong)
                .build()
                .is_err()
        );
    }
    assert_eq!(registry_stats(), before);
}

fn strangers_fill_neither_names_nor_text() {
    Topic::new("compute", "VM.START").unwrap();
    let before = registry_stats();
    for number in 0..100_000 {
        Topic::lookup("compute", &format!("VM.MADE.UP.{number}"), None, None);
        Topic::lookup(
            &format!("made up {number}"),
            "VM.START",
            Some("x"),
            Some(""),
        );
    }
    let after = registry_stats();
    assert_eq!(
        (after.names, after.text_bytes),
        (before.names, before.text_bytes)
    );
    assert_eq!(after.classes, before.classes);
    assert!(after.looked_up_classes - before.looked_up_classes <= 2);
}

fn four_threads_agree_on_every_topic() {
    const THREADS: usize = 4;
    const NAMES: usize = 3_000;
    let barrier = Barrier::new(THREADS);
    let before = registry_stats();
    let register = |thread: usize| {
        barrier.wait();
        let mut topics = vec![None; NAMES];
        // Each thread begins elsewhere, so that each is first for some names and late for others.
        for step in 0..NAMES {
            let number = (step + thread * NAMES / 8) % NAMES;
            let event_type = format!("CROWD.{}.{number}", number / 10);
            let topic = Topic::new("crowd", &event_type).unwrap();
            assert_eq!(topic.event_type(), event_type);
            topics[number] = Some(topic);
        }
        topics.into_iter().map(Option::unwrap).collect()
    };
    let register = &register;
    let topics: Vec<Vec<Topic>> = std::thread::scope(|scope| {
        let threads = [0, 1, 2, 3].map(|thread| scope.spawn(move || register(thread)));
        threads.map(|thread| thread.join().unwrap()).into()
    });
    assert!(topics.iter().all(|own| *own == topics[0]));
    assert_eq!(topics[0].iter().collect::<HashSet<_>>().len(), NAMES);
    let after = registry_stats();
    assert_eq!(after.classes - before.classes, NAMES);
    assert_eq!(after.names - before.names, NAMES + NAMES / 10 + 2);
}
