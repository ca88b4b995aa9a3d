//! One round of readings as a table, for scripts.

use crate::reading::{Labels, Reading};
use crate::sampler::{self, Sampler};
use laneway::{Filter, Router};
use std::error::Error;
use std::fmt::Write;
use std::sync::mpsc::channel;
use std::time::Instant;

/// A line of headings, then a line for each reading.
pub(crate) fn table() -> Result<String, Box<dyn Error>> {
    let router = Router::<Reading>::new();
    let labels = Labels::default();
    let mut sampler = Sampler::open(&sampler::host_name(), &labels);

    // A closure is an actor too. What it holds is dropped with it, which ends the loop below.
    let (sender, arrived) = channel();
    let collector = router.subscribe(Filter::any(), move |event| {
        let _ = sender.send((event.topic(), event.payload().value));
    })?;
    for source in sampler.sources() {
        for (topic, value) in source.read() {
            // From any thread, without a publisher of one's own.
            let at = Instant::now();
            router.publish(topic, Reading { value, at })?;
        }
    }
    router.flush()?;
    collector.unsubscribe()?;

    let mut table = format!("{:<18} {:<8} {:>20} RESOURCE\n", "TYPE", "KIND", "VALUE");
    for (topic, value) in arrived {
        let (event_type, kind) = (topic.event_type(), topic.resource_type().unwrap_or("-"));
        let resource = labels.plain(topic);
        writeln!(table, "{event_type:<18} {kind:<8} {value:>20} {resource}")?;
    }
    Ok(table)
}
