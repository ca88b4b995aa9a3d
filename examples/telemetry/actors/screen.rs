//! A table of the machine, drawn anew five times a second if there is a terminal, and kept for the end if not.

use super::painter::Painter;
use crate::reading::{ALERT, Labels, Reading};
use laneway::{Actor, Context, Event, ResourceId, StopReason, Topic};
use std::collections::{BTreeMap, HashMap};
use std::fmt::{self, Write as _};
use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

const PERIOD: Duration = Duration::from_millis(200);

/// How many lines of a kind there are at most: a table that is higher than the terminal cannot be drawn over.
const MAX_CPUS: usize = 8;
const MAX_NICS: usize = 4;
const MAX_THREADS: usize = 5;

pub(crate) struct Screen {
    host: String,
    labels: Labels,
    series: HashMap<Topic, Series>,
    last_alert: Option<(Topic, Reading)>,
    /// When it was drawn last.
    drawn: Instant,
    taken: u64,
    taken_when_drawn: u64,
    frame: String,
    frames: u64,
    painter: Option<Painter>,
    done: Sender<ScreenOutcome>,
}

/// One line of the table is made of one or more of these.
#[derive(Clone, Copy)]
struct Series {
    last: Reading,
    /// As it was when the table was drawn.
    drawn: Reading,
}

pub(crate) struct ScreenOutcome {
    pub(crate) taken: u64,
    pub(crate) frames: u64,
    /// The last table, if it is not on the terminal already.
    pub(crate) frame: Option<String>,
    painter: Option<Painter>,
}

impl ScreenOutcome {
    /// Waits until the last table is on the terminal, so that what is printed next comes after it. Not for the actor to
    /// do: actors do not wait.
    pub(crate) fn settle(&mut self) {
        if let Some(painter) = self.painter.take() {
            painter.finish();
        }
    }
}

impl Screen {
    pub(crate) fn new(
        host: &str,
        labels: &Labels,
        is_live: bool,
    ) -> io::Result<(Screen, Receiver<ScreenOutcome>)> {
        let (done, outcome) = channel();
        let screen = Screen {
            host: host.into(),
            labels: labels.clone(),
            series: HashMap::new(),
            last_alert: None,
            drawn: Instant::now(),
            taken: 0,
            taken_when_drawn: 0,
            frame: String::new(),
            frames: 0,
            painter: is_live.then(Painter::start).transpose()?,
            done,
        };
        Ok((screen, outcome))
    }

    fn draw(&mut self) {
        let time = self.drawn.elapsed();
        self.frame = self.table(time).expect("strings take anything");
        self.frames += 1;
        self.drawn += time;
        self.taken_when_drawn = self.taken;
        for series in self.series.values_mut() {
            series.drawn = series.last;
        }
        if let Some(painter) = &self.painter {
            painter.show(&self.frame);
        }
    }

    /// What there is to see, and what changed in this time.
    fn table(&self, time: Duration) -> Result<String, fmt::Error> {
        let mut cpus: BTreeMap<ResourceId, (f64, f64)> = BTreeMap::new();
        let mut uptime_ns = 0;
        let mut memory = (0, 0);
        let mut nics: BTreeMap<String, (f64, f64)> = BTreeMap::new();
        let mut threads = Vec::new();
        for (&topic, series) in &self.series {
            let growth = series.growth();
            let Some(resource) = topic.resource() else {
                continue;
            };
            match topic.event_type() {
                "cpu.idle" | "cpu.iowait" => cpus.entry(resource).or_default().1 += growth,
                cpu if cpu.starts_with("cpu.") => cpus.entry(resource).or_default().0 += growth,
                "mem.total" => memory.0 = series.last.value,
                "mem.available" => memory.1 = series.last.value,
                "process.uptime_ns" => uptime_ns = series.last.value,
                "net.rx_bytes" => nics.entry(self.labels.plain(topic)).or_default().0 = growth,
                "net.tx_bytes" => nics.entry(self.labels.plain(topic)).or_default().1 = growth,
                "thread.run_ns" if growth > 0.0 => threads.push((growth, topic)),
                _ => {}
            }
        }
        threads.sort_by(|(a, _), (b, _)| b.total_cmp(a));

        let mut text = String::new();
        let (host, uptime) = (&self.host, uptime_ns as f64 / 1e9);
        let seconds = time.as_secs_f64().max(1e-9);
        let rate = (self.taken - self.taken_when_drawn) as f64 / seconds;
        writeln!(
            text,
            "{host:.40}: up {uptime:.1} s, {rate:.0} readings a second"
        )?;
        for (resource, (busy, idle)) in cpus.iter().take(MAX_CPUS) {
            let (cpu, share) = (resource.as_u128(), busy / (busy + idle).max(1.0));
            writeln!(text, "cpu {cpu:<18} {}", Bar(share))?;
        }
        let (total, available) = memory;
        if total > 0 {
            let share = 1.0 - available as f64 / total as f64;
            let gib = total as f64 / f64::from(1 << 30);
            writeln!(text, "memory {:15} {} of {gib:.1} GiB", "", Bar(share))?;
        }
        for (nic, (rx, tx)) in nics.iter().take(MAX_NICS) {
            let (rx, tx) = (rx / seconds / 1e3, tx / seconds / 1e3);
            writeln!(
                text,
                "nic {nic:<18.18} rx {rx:10.1} kB/s  tx {tx:10.1} kB/s"
            )?;
        }
        for &(run_ns, topic) in threads.iter().take(MAX_THREADS) {
            let (thread, share) = (self.labels.plain(topic), run_ns / 1e9 / seconds);
            writeln!(text, "thread {thread:<15.15} {}", Bar(share))?;
        }
        if let Some((topic, Reading { value, .. })) = self.last_alert {
            let (alert, cpu) = (topic.event_type(), self.labels.plain(topic));
            writeln!(text, "alert: {alert} {cpu} at {value} %")?;
        }
        Ok(text)
    }
}

/// A share from 0 to 1.
struct Bar(f64);

impl fmt::Display for Bar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let full = (self.0.clamp(0.0, 1.0) * 20.0).round() as usize;
        write!(f, "[{:-<20}] {:4.0} %", "#".repeat(full), self.0 * 100.0)
    }
}

impl Series {
    fn growth(&self) -> f64 {
        self.last.value.saturating_sub(self.drawn.value) as f64
    }
}

impl Actor<Reading> for Screen {
    fn started(&mut self, _: &mut Context<'_, Reading>) {
        self.drawn = Instant::now();
    }

    fn handle(&mut self, event: &Event<Reading>, _: &mut Context<'_, Reading>) {
        self.taken += 1;
        let (topic, last) = (event.topic(), *event.payload());
        if topic.category() == ALERT {
            self.last_alert = Some((topic, last));
            return;
        }
        let first = Series { last, drawn: last };
        self.series.entry(topic).or_insert(first).last = last;
        // The readings are the clock: without any there is nothing new to draw.
        if last.at.saturating_duration_since(self.drawn) >= PERIOD {
            self.draw();
        }
    }

    fn stopped(&mut self, _: StopReason) {
        if self.frame.is_empty() {
            self.draw();
        }
        let frame = std::mem::take(&mut self.frame);
        let _ = self.done.send(ScreenOutcome {
            taken: self.taken,
            frames: self.frames,
            frame: self.painter.is_none().then_some(frame),
            painter: self.painter.take(),
        });
    }
}
