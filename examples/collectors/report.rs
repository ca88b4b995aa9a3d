//! What is printed.

use crate::Payload;
use laneway::Event;
use laneway::manager::collectors::{CollectorInfo, State};
use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Prints a line to the standard error.
pub(crate) fn complain(line: &str) {
    let _ = writeln!(io::stderr(), "collectors: {line}");
}

/// Prints the list of collectors.
pub(crate) fn section(title: &str, collectors: &[CollectorInfo]) {
    println!("\n{title}:");
    println!(
        "  {:<8} {:>4} {:>8} {:>9}  STATE",
        "NAME", "RUNS", "FAILURES", "PUBLISHED"
    );
    for info in collectors {
        let state = match &info.state {
            State::Waiting { attempt, until } => {
                let wait = until.saturating_duration_since(Instant::now());
                format!("waits {wait:.0?} for attempt {attempt}")
            }
            State::Failed { reason } => format!("failed: {reason}"),
            state => format!("{state:?}").to_lowercase(),
        };
        println!(
            "  {:<8} {:>4} {:>8} {:>9}  {state}",
            info.name, info.runs, info.failures, info.published
        );
    }
}

/// How many readings there were of each kind.
#[derive(Clone, Default)]
pub(crate) struct Kinds(Arc<Mutex<BTreeMap<&'static str, u64>>>);

impl Kinds {
    pub(crate) fn handler(&self) -> impl FnMut(&Event<Payload>) + Send + 'static {
        let kinds = self.clone();
        move |event| {
            if let Payload::Reading(reading) = event.payload() {
                debug_assert!(reading.at <= Instant::now());
                *kinds
                    .counts()
                    .entry(event.topic().event_type())
                    .or_default() += 1;
            }
        }
    }

    pub(crate) fn total(&self) -> u64 {
        self.counts().values().sum()
    }

    fn counts(&self) -> MutexGuard<'_, BTreeMap<&'static str, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Display for Kinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (total, kinds) = (self.total(), self.counts().len());
        write!(f, "{total} of {kinds} kinds for the second")
    }
}
