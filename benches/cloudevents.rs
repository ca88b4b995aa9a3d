//! Reading and writing an event of 430 bytes, here and by the official SDK, turn by turn in one run.
//! `cargo bench --features cloudevents --bench cloudevents`
//!
//! Both sides end with an event of their own that owns all it says. The SDK keeps data as a tree, and this crate as it is
//! written and checked: whoever wants the tree pays for it here too. That is what `parse + tree` shows.

use laneway::cloudevents::{CloudEvent, Data, Envelope, TopicMap};
use std::hint::black_box;
use std::time::Instant;

const EVENT: &str = r#"{"specversion":"1.0","id":"b4620ea5-8e9d-42d5-a566-6ad2f7873d63","source":"https://example.com/datacenters/7/hosts/12","type":"com.example.compute.vm.started","subject":"vm/1f6e","datacontenttype":"application/json","time":"2018-04-05T17:31:00.818Z","sequence":5,"traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01","data":{"name":"web-12","cores":4,"memory":17179869184,"tags":["web","blue"],"ready":true}}"#;

const TURNS: usize = 201;
const CALLS: u32 = 500;

type Contender<'a> = (&'static str, Box<dyn FnMut() + 'a>);

/// What one turn of a contender takes, in nanoseconds a call.
fn turn(calls: u32, contender: &mut dyn FnMut()) -> f64 {
    let start = Instant::now();
    (0..calls).for_each(|_| contender());
    start.elapsed().as_secs_f64() * 1e9 / f64::from(calls)
}

fn main() {
    let (turns, calls) = if std::env::args().any(|arg| arg == "--test") {
        (1, 1)
    } else {
        (TURNS, CALLS)
    };
    let ours = CloudEvent::from_json(EVENT).expect("an event");
    let theirs: cloudevents::Event = serde_json::from_str(EVENT).expect("an event");
    // A rival that says something else is no rival.
    let again: serde_json::Value = serde_json::from_str(&ours.to_json()).expect("JSON");
    assert_eq!(serde_json::to_value(&theirs).expect("JSON"), again);
    assert_eq!(ours.to_json(), EVENT);

    let map = TopicMap::new();
    let mut json = String::new();
    let mut contenders: [Contender<'_>; 7] = [
        (
            "parse, sdk",
            Box::new(|| {
                let event: cloudevents::Event =
                    serde_json::from_str(black_box(EVENT)).expect("an event");
                black_box(event);
            }),
        ),
        (
            "parse",
            Box::new(|| {
                black_box(CloudEvent::from_json(black_box(EVENT)).expect("an event"));
            }),
        ),
        (
            "parse + tree",
            Box::new(|| {
                let event = CloudEvent::from_json(black_box(EVENT)).expect("an event");
                let Some(Data::Json(data)) = event.data() else {
                    unreachable!("it has data")
                };
                let tree: serde_json::Value = serde_json::from_str(&data).expect("JSON");
                black_box((&event, tree));
            }),
        ),
        (
            "envelope + topic",
            Box::new(|| {
                let envelope = Envelope::parse(black_box(EVENT.as_bytes())).expect("an event");
                black_box(map.topic(&envelope));
            }),
        ),
        (
            "write, sdk",
            Box::new(|| {
                black_box(serde_json::to_string(black_box(&theirs)).expect("JSON"));
            }),
        ),
        (
            "write",
            Box::new(|| {
                black_box(black_box(&ours).to_json());
            }),
        ),
        (
            "write, buffer kept",
            Box::new(|| {
                json.clear();
                black_box(&ours).write_json(&mut json);
                black_box(&json);
            }),
        ),
    ];
    let mut times = vec![Vec::with_capacity(turns); contenders.len()];
    for _ in 0..turns {
        for (times, (_, contender)) in times.iter_mut().zip(&mut contenders) {
            times.push(turn(calls, contender));
        }
    }
    println!(
        "{} bytes, median of {turns} turns of {calls} calls",
        EVENT.len()
    );
    let medians: Vec<f64> = times
        .iter_mut()
        .map(|times| {
            times.sort_by(f64::total_cmp);
            times[times.len() / 2]
        })
        .collect();
    for (at, ((name, _), median)) in contenders.iter().zip(&medians).enumerate() {
        let rival = medians[if at < 4 { 0 } else { 4 }];
        println!("{name:20} {median:8.0} ns   {:5.2} x", rival / median);
    }
}
