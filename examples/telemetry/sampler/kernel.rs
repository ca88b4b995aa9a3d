//! What the kernel says about the whole machine: CPUs, memory and network interfaces.

use super::columns::Columns;
use super::text::{Text, lines, numbers};
use super::{Row, Source, Value, row};
use crate::reading::{Labels, topics};
use std::collections::HashMap;
use std::error::Error;
use std::io;

/// Ticks that each CPU has spent, by what on.
pub(super) struct Cpus {
    text: Text,
    topics: Row<8>,
    /// By number. `None`: not seen yet, or not sampled.
    rows: Vec<Option<Row<8>>>,
    columns: Columns<8>,
    labels: Labels,
}

/// A CPU number beyond this is not one.
const MAX_CPUS: usize = 8192;

impl Cpus {
    pub(super) const PATH: &str = "/proc/stat";

    pub(super) fn open(host: &str, labels: &Labels) -> Result<Self, Box<dyn Error>> {
        // Idle comes last: who adds the others up knows that a CPU's sample is complete.
        let types = [
            "cpu.user",
            "cpu.nice",
            "cpu.system",
            "cpu.iowait",
            "cpu.irq",
            "cpu.softirq",
            "cpu.steal",
            "cpu.idle",
        ];
        Ok(Cpus {
            text: Text::open(Self::PATH)?,
            topics: topics(host, "cpu", types)?,
            rows: Vec::new(),
            columns: Columns::new(),
            labels: labels.clone(),
        })
    }
}

impl Source for Cpus {
    fn read(&mut self, values: &mut Vec<Value>) -> io::Result<()> {
        // The first line sums up the others, and the lines about CPUs come before all else.
        let lines = lines(self.text.read()?).skip(1);
        for line in lines.map_while(|line| line.strip_prefix(b"cpu")) {
            let mut numbers = numbers(line);
            let Some(cpu) = numbers.next().map(|cpu| cpu as usize) else {
                continue;
            };
            if cpu >= MAX_CPUS {
                continue;
            }
            if cpu >= self.rows.len() {
                self.rows.resize(cpu + 1, None);
            }
            let place = &mut self.rows[cpu];
            if place.is_none() {
                *place = row(&self.topics, cpu as u64, cpu.to_string(), &self.labels);
            }
            let Some(topics) = place else { continue };
            let mut ticks = [0; 8];
            ticks
                .iter_mut()
                .zip(numbers)
                .for_each(|(tick, number)| *tick = number);
            // The order in the file.
            let [user, nice, system, idle, iowait, irq, softirq, steal] = ticks;
            let ordered = [user, nice, system, iowait, irq, softirq, steal, idle];
            self.columns.push(topics, ordered.into_iter());
        }
        self.columns.give(values);
        Ok(())
    }
}

/// Bytes of memory, by state.
pub(super) struct Memory {
    text: Text,
    /// In the order of `FIELDS`.
    topics: Row<{ FIELDS.len() }>,
}

/// What the kernel calls them, in its order, and what they are here. There are fifty more, and newer kernels add to
/// them: types are names that stay registered, so they are a fixed list.
const FIELDS: [(&[u8], &str); 10] = [
    (b"MemTotal:", "mem.total"),
    (b"MemFree:", "mem.free"),
    (b"MemAvailable:", "mem.available"),
    (b"Buffers:", "mem.buffers"),
    (b"Cached:", "mem.cached"),
    (b"Dirty:", "mem.dirty"),
    (b"AnonPages:", "mem.anonymous"),
    (b"Mapped:", "mem.mapped"),
    (b"Shmem:", "mem.shared"),
    (b"Slab:", "mem.slab"),
];

impl Memory {
    pub(super) const PATH: &str = "/proc/meminfo";

    pub(super) fn open(host: &str, labels: &Labels) -> Result<Self, Box<dyn Error>> {
        let topics = topics(host, "memory", FIELDS.map(|(_, event_type)| event_type))?;
        Ok(Memory {
            text: Text::open(Self::PATH)?,
            topics: row(&topics, "ram", "ram".into(), labels).unwrap_or(topics),
        })
    }
}

impl Source for Memory {
    fn read(&mut self, values: &mut Vec<Value>) -> io::Result<()> {
        let mut fields = FIELDS.iter().zip(&self.topics).peekable();
        for line in lines(self.text.read()?) {
            // Both are in one order, so each line is looked at once.
            let Some(&(&(field, _), &topic)) = fields.peek() else {
                break;
            };
            let Some(rest) = line.strip_prefix(field) else {
                continue;
            };
            fields.next();
            values.extend(numbers(rest).next().map(|kib| (topic, kib * 1024)));
        }
        Ok(())
    }
}

/// What went through each network interface since it is there.
pub(super) struct Nics {
    text: Text,
    topics: Row<8>,
    /// By name.
    rows: HashMap<Vec<u8>, Row<8>>,
    columns: Columns<8>,
    labels: Labels,
}

impl Nics {
    pub(super) const PATH: &str = "/proc/net/dev";

    pub(super) fn open(host: &str, labels: &Labels) -> Result<Self, Box<dyn Error>> {
        let types = [
            "net.rx_bytes",
            "net.rx_packets",
            "net.rx_errors",
            "net.rx_dropped",
            "net.tx_bytes",
            "net.tx_packets",
            "net.tx_errors",
            "net.tx_dropped",
        ];
        Ok(Nics {
            text: Text::open(Self::PATH)?,
            topics: topics(host, "nic", types)?,
            rows: HashMap::new(),
            columns: Columns::new(),
            labels: labels.clone(),
        })
    }
}

impl Source for Nics {
    fn read(&mut self, values: &mut Vec<Value>) -> io::Result<()> {
        // Two lines of headings.
        for line in lines(self.text.read()?).skip(2) {
            // The last colon: the name may have some, as in `eth0:1`.
            let Some(colon) = line.iter().rposition(|&byte| byte == b':') else {
                continue;
            };
            let name = line[..colon].trim_ascii_start();
            if !self.rows.contains_key(name) {
                let text = String::from_utf8_lossy(name).into_owned();
                let row = row(&self.topics, text.as_str(), text.clone(), &self.labels);
                self.rows.extend(row.map(|row| (name.to_vec(), row)));
            }
            if let Some(topics) = self.rows.get(name) {
                // Four of the eight numbers on either side.
                let chosen = numbers(&line[colon + 1..])
                    .enumerate()
                    .filter(|(place, _)| matches!(place, 0..4 | 8..12))
                    .map(|(_, number)| number);
                self.columns.push(topics, chosen);
            }
        }
        self.columns.give(values);
        Ok(())
    }
}
