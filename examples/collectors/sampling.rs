//! The sampler of the telemetry example as a collector.

use crate::Payload;
use crate::reading::{Labels, Reading};
use crate::sampler::{self, Sampler};
use laneway::manager::collectors::{Collector, Failure, Stop, Target};
use std::time::{Duration, Instant};

/// Reads what /proc says, again and again.
pub(crate) struct Sampling {
    interval: Duration,
    labels: Labels,
}

impl Sampling {
    pub(crate) fn every(interval: Duration) -> Self {
        Sampling {
            interval,
            labels: Labels::default(),
        }
    }
}

impl Collector<Payload> for Sampling {
    fn name(&self) -> &str {
        "sampler"
    }

    fn run(&mut self, target: &mut Target<Payload>, stop: &Stop) -> Result<(), Failure> {
        // Opened here, and so once more after a failure.
        let mut sampler = Sampler::open(&sampler::host_name(), &self.labels);
        while !stop.wait(self.interval) {
            for source in sampler.sources() {
                for (topic, value) in source.read() {
                    let at = Instant::now();
                    target.publish(topic, Payload::Reading(Reading { value, at }))?;
                }
            }
        }
        Ok(())
    }
}
