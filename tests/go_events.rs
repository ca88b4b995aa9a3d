//! docker/go-events, item by item: its interface, its tests, what its users asked for, and what is wrong with it.
//!
//! The numbers of the sections are those of the list of facts about that system.

mod common;

// In the order of that list.
#[path = "go_events/interface.rs"]
mod interface;
#[path = "go_events/their_tests.rs"]
mod their_tests;

#[path = "go_events/wishes.rs"]
mod wishes;

#[path = "go_events/weaknesses.rs"]
mod weaknesses;

use crate::common::{Count, Log, topic};
use laneway::Event;
use laneway::sink::{CloseReport, Sink, SinkError};
use std::path::Path;
use std::thread;
use std::time::Duration;

/// Time enough, under the hang guard.
const LONG: Duration = Duration::from_secs(50);
const SHORT: Duration = Duration::from_millis(20);
const HOUR: Duration = Duration::from_secs(3600);

fn event(number: u32) -> Event<u32> {
    Event::new(topic("EVENT"), number)
}

fn payloads(events: &[Event<u32>]) -> Vec<u32> {
    events.iter().map(|event| *event.payload()).collect()
}

/// Notes what it gets, and says when it is closed.
#[derive(Clone, Default)]
struct Recorder {
    events: Log<u32>,
    closed: Count,
}

impl Sink<u32> for Recorder {
    fn write(&mut self, event: &Event<u32>) -> Result<(), SinkError> {
        if self.closed.get() > 0 {
            return Err(SinkError::Closed);
        }
        self.events.push(*event.payload());
        Ok(())
    }

    fn close(&mut self, _: Duration) -> CloseReport<u32> {
        self.closed.add();
        CloseReport::default()
    }
}

/// Writes these from threads of their own, all at once.
fn write_at_once<S: Sink<u32> + Clone>(sink: &S, numbers: std::ops::Range<u32>) {
    let all: Vec<u32> = numbers.collect();
    thread::scope(|scope| {
        for part in all.chunks(all.len().div_ceil(16)) {
            let mut sink = sink.clone();
            scope.spawn(move || {
                for number in part {
                    sink.write(&event(*number)).unwrap();
                }
            });
        }
    });
}

/// Their check of each sink: closing works, again too, and writing after that does not.
fn check_close(mut sink: impl Sink<u32>) {
    assert!(sink.close(LONG).is_complete());
    assert!(sink.close(LONG).is_complete());
    assert!(matches!(sink.write(&event(0)), Err(SinkError::Closed)));
}

fn vector(dir: &Path, name: &str) -> serde_json::Value {
    let text = std::fs::read_to_string(dir.join(name)).unwrap();
    serde_json::from_str(&text).unwrap()
}
