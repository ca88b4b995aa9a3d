//! This process's own counters, from the standard library alone: what there is to sample on any system.

use super::{Row, Source, Value, row};
use crate::reading::{Labels, topics};
use std::error::Error;
use std::io;
use std::time::Instant;

pub(super) struct Process {
    row: Option<Row<2>>,
    started: Instant,
    rounds: u64,
}

impl Process {
    pub(super) fn open(host: &str, labels: &Labels) -> Result<Self, Box<dyn Error>> {
        let topics = topics(host, "process", ["process.uptime_ns", "process.rounds"])?;
        let id = std::process::id();
        Ok(Process {
            row: row(&topics, u64::from(id), id.to_string(), labels),
            started: Instant::now(),
            rounds: 0,
        })
    }
}

impl Source for Process {
    fn read(&mut self, values: &mut Vec<Value>) -> io::Result<()> {
        self.rounds += 1;
        let uptime_ns = self.started.elapsed().as_nanos() as u64;
        let topics = self.row.iter().flatten().copied();
        values.extend(topics.zip([uptime_ns, self.rounds]));
        Ok(())
    }
}
