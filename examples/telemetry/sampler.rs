//! Where readings come from: a list of sources, each read as a whole.

#[cfg(target_os = "linux")]
mod columns;
#[cfg(target_os = "linux")]
mod kernel;
mod process;
#[cfg(target_os = "linux")]
mod text;
#[cfg(target_os = "linux")]
mod threads;

use crate::reading::Labels;
use crate::report::complain;
use laneway::{ResourceId, Topic};
use std::error::Error;
use std::io;
use std::time::{Duration, Instant};
use std::vec::Drain;

/// A value, and the topic to publish it under.
pub(crate) type Value = (Topic, u64);

/// The topics of one thing.
type Row<const N: usize> = [Topic; N];

/// The topics of a new thing. `None`: there are too many.
fn row<const N: usize>(
    topics: &Row<N>,
    resource: impl Into<ResourceId>,
    label: String,
    labels: &Labels,
) -> Option<Row<N>> {
    let resource = resource.into();
    let row = topics.map(|topic| topic.with_resource(resource));
    labels.enter(row[0], label).then_some(row)
}

/// Something that can be read again and again.
trait Source {
    /// Appends what it says now.
    ///
    /// # Errors
    ///
    /// Ends the source: it is not read again.
    fn read(&mut self, values: &mut Vec<Value>) -> io::Result<()>;
}

/// A source with a buffer for its values and a record of what reading it costs.
pub(crate) struct Metered {
    pub(crate) name: &'static str,
    pub(crate) reads: u64,
    pub(crate) values: u64,
    pub(crate) spent: Duration,
    source: Option<Box<dyn Source>>,
    buffer: Vec<Value>,
}

impl Metered {
    fn new(name: &'static str, source: Box<dyn Source>) -> Self {
        Metered {
            name,
            reads: 0,
            values: 0,
            spent: Duration::ZERO,
            source: Some(source),
            buffer: Vec::new(),
        }
    }

    /// What the source says now; nothing once it has failed.
    pub(crate) fn read(&mut self) -> Drain<'_, Value> {
        let begun = Instant::now();
        if let Some(source) = &mut self.source {
            match source.read(&mut self.buffer) {
                Ok(()) => self.reads += 1,
                Err(error) => {
                    complain(&format!("no more of {}: {error}", self.name));
                    self.source = None;
                }
            }
        }
        self.spent += begun.elapsed();
        self.values += self.buffer.len() as u64;
        self.buffer.drain(..)
    }
}

/// All sources of this machine.
pub(crate) struct Sampler(Vec<Metered>);

impl Sampler {
    /// Opens what there is. What is missing, as much is in a container, is skipped with a line.
    pub(crate) fn open(host: &str, labels: &Labels) -> Sampler {
        let mut sampler = Sampler(Vec::new());
        #[cfg(target_os = "linux")]
        {
            use self::kernel::{Cpus, Memory, Nics};
            use self::threads::Threads;
            sampler.add(Cpus::PATH, Cpus::open(host, labels));
            sampler.add(Memory::PATH, Memory::open(host, labels));
            sampler.add(Nics::PATH, Nics::open(host, labels));
            sampler.add(Threads::PATH, Threads::open(host, labels));
        }
        sampler.add("process", process::Process::open(host, labels));
        sampler
    }

    fn add(&mut self, name: &'static str, opened: Result<impl Source + 'static, Box<dyn Error>>) {
        match opened {
            Ok(source) => self.0.push(Metered::new(name, Box::new(source))),
            Err(error) => complain(&format!("skipped {name}: {error}")),
        }
    }

    pub(crate) fn sources(&mut self) -> &mut [Metered] {
        &mut self.0
    }

    pub(crate) fn meters(&self) -> &[Metered] {
        &self.0
    }
}

/// The name of this machine, fit for a topic's source.
pub(crate) fn host_name() -> String {
    let kernel = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let variables = ["HOSTNAME", "COMPUTERNAME"];
    kernel
        .into_iter()
        .chain(
            variables
                .into_iter()
                .filter_map(|name| std::env::var(name).ok()),
        )
        .map(|name| name.trim().to_owned())
        // What a topic would refuse.
        .find(|name| !name.is_empty() && !name.contains('*') && name.len() <= 256)
        .unwrap_or_else(|| "localhost".into())
}
