//! A collector that fails in each of its runs, once by a panic.

use crate::Payload;
use laneway::manager::collectors::{Collector, Failure, Stop, Target};
use std::time::Duration;

pub(crate) struct Flaky {
    runs: u32,
}

impl Flaky {
    pub(crate) fn new() -> Self {
        Flaky { runs: 0 }
    }
}

impl Collector<Payload> for Flaky {
    fn name(&self) -> &str {
        "flaky"
    }

    fn run(&mut self, _: &mut Target<Payload>, stop: &Stop) -> Result<(), Failure> {
        self.runs += 1;
        if stop.wait(Duration::from_millis(50)) {
            return Ok(());
        }
        if self.runs == 2 {
            panic!("a bug in its second run, on purpose");
        }
        Err(format!("no answer in run {}", self.runs).into())
    }
}
