//! A rule: a CPU that is busier than it should be. It publishes an alert when that begins, and when it ends.

use crate::reading::{ALERT, Reading};
use laneway::{Actor, Context, Event, Published, ResourceId, StopReason, Topic, TopicError};
use std::collections::HashMap;
use std::mem;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

/// The least time between two samples that are compared: 25 ticks of most kernels.
const SAMPLE: Duration = Duration::from_millis(250);

/// What is said of a CPU when all else has been.
const LAST_OF_A_SAMPLE: &str = "cpu.idle";

pub(crate) struct Alert {
    limit_percent: u64,
    busy: Topic,
    calm: Topic,
    cpus: HashMap<ResourceId, Cpu>,
    outcome: AlertOutcome,
    done: Sender<AlertOutcome>,
}

#[derive(Default)]
pub(crate) struct AlertOutcome {
    pub(crate) taken: u64,
    /// In order; the values are percent busy.
    pub(crate) published: Vec<(Topic, Reading)>,
    /// Alerts that found no room.
    pub(crate) lost: u64,
}

#[derive(Default)]
struct Cpu {
    /// The last value of each type.
    ticks: Vec<(&'static str, u64)>,
    /// The sample to compare with.
    base: Option<Sample>,
    is_busy: bool,
}

#[derive(Clone, Copy)]
struct Sample {
    at: Instant,
    busy: u64,
    idle: u64,
}

impl Alert {
    pub(crate) fn new(
        host: &str,
        limit_percent: u64,
    ) -> Result<(Alert, Receiver<AlertOutcome>), TopicError> {
        let (done, outcome) = channel();
        let topic = |event_type| {
            Topic::builder(ALERT, event_type)
                .source(host)
                .resource_type("cpu")
                .build()
        };
        let alert = Alert {
            limit_percent,
            busy: topic("cpu.busy")?,
            calm: topic("cpu.calm")?,
            cpus: HashMap::new(),
            outcome: AlertOutcome::default(),
            done,
        };
        Ok((alert, outcome))
    }
}

impl Cpu {
    fn note(&mut self, event_type: &'static str, value: u64) {
        match self
            .ticks
            .iter_mut()
            .find(|(known, _)| *known == event_type)
        {
            Some((_, ticks)) => *ticks = value,
            None => self.ticks.push((event_type, value)),
        }
    }

    fn sample(&self, at: Instant) -> Sample {
        let is_idle = |event_type| matches!(event_type, "cpu.idle" | "cpu.iowait");
        let (mut busy, mut idle) = (0, 0);
        for &(event_type, ticks) in &self.ticks {
            *(if is_idle(event_type) {
                &mut idle
            } else {
                &mut busy
            }) += ticks;
        }
        Sample { at, busy, idle }
    }

    /// Percent busy since the sample before, if that is long enough ago.
    fn load(&mut self, at: Instant) -> Option<u64> {
        if let Some(base) = self.base
            && at.saturating_duration_since(base.at) < SAMPLE
        {
            return None;
        }
        let now = self.sample(at);
        let base = self.base.replace(now)?;
        let busy = now.busy.saturating_sub(base.busy);
        let all = busy + now.idle.saturating_sub(base.idle);
        (busy * 100).checked_div(all)
    }
}

impl Actor<Reading> for Alert {
    fn handle(&mut self, event: &Event<Reading>, ctx: &mut Context<'_, Reading>) {
        self.outcome.taken += 1;
        let Some(resource) = event.topic().resource() else {
            return;
        };
        let reading = *event.payload();
        let event_type = event.topic().event_type();
        let cpu = self.cpus.entry(resource).or_default();
        cpu.note(event_type, reading.value);
        if event_type != LAST_OF_A_SAMPLE {
            return;
        }
        let Some(percent) = cpu.load(reading.at) else {
            return;
        };
        // Only the edges.
        let is_busy = percent > self.limit_percent;
        if mem::replace(&mut cpu.is_busy, is_busy) == is_busy {
            return;
        }
        let topic = if is_busy { self.busy } else { self.calm }.with_resource(resource);
        let alert = Reading {
            value: percent,
            at: Instant::now(),
        };
        // An actor never waits: what finds no room comes back as an error, and the actor says what is to become of it.
        match ctx.publish(topic, alert) {
            Ok(Published::Routed) => self.outcome.published.push((topic, alert)),
            Ok(Published::Unmatched) => {}
            Err(_) => self.outcome.lost += 1,
        }
    }

    fn stopped(&mut self, _: StopReason) {
        let _ = self.done.send(mem::take(&mut self.outcome));
    }
}
