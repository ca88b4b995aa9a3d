//! Interleaved rounds: every system runs once before any runs again, and the first round only warms up.

use crate::ping;
use indicatif::{ProgressBar, ProgressStyle};
use std::time::Duration;

/// How often a run is done that takes seconds.
const HEAVY_ROUNDS: usize = 3;

/// How much is done for a figure.
#[derive(Clone, Copy)]
pub(crate) struct Effort {
    pub(crate) rounds: usize,
    /// How long one run of one system should take.
    pub(crate) run: Duration,
    /// Smaller sizes where the size is not in the workload's name.
    pub(crate) quick: bool,
}

pub(crate) struct Workload {
    pub(crate) name: &'static str,
    /// Who gets each event.
    pub(crate) deliveries: usize,
    pub(crate) contestants: Vec<Contestant>,
}

/// One system under one workload.
pub(crate) struct Contestant {
    pub(crate) system: &'static str,
    run: Box<dyn FnMut(Effort) -> Vec<Figure>>,
}

/// What one run showed.
pub(crate) struct Figure {
    /// The workload's name, or one that begins with it where a run shows more than one thing.
    pub(crate) measure: &'static str,
    pub(crate) value: f64,
    pub(crate) unit: Unit,
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Unit {
    Ns,
    Bytes,
}

impl Workload {
    pub(crate) fn new(name: &'static str, deliveries: usize) -> Self {
        Workload {
            name,
            deliveries,
            contestants: Vec::new(),
        }
    }

    /// With a system that finds its figures itself.
    pub(crate) fn with(
        mut self,
        system: &'static str,
        run: impl FnMut(Effort) -> Vec<Figure> + 'static,
    ) -> Self {
        let run = Box::new(run);
        self.contestants.push(Contestant { system, run });
        self
    }

    /// With a system that can do any number of events, and says how long they took. The number is found in its first run.
    pub(crate) fn of_events(
        self,
        system: &'static str,
        run: impl FnMut(usize) -> Duration + 'static,
    ) -> Self {
        let measure = self.name;
        self.of_events_as(measure, system, run)
    }

    /// As [`of_events`](Self::of_events), but it shows another measure.
    pub(crate) fn of_events_as(
        self,
        measure: &'static str,
        system: &'static str,
        mut run: impl FnMut(usize) -> Duration + 'static,
    ) -> Self {
        self.of_valid_events(measure, system, move |events| (run(events), true))
    }

    /// With a system that may find that a run was not what it should be, and says false then: it shows nothing.
    pub(crate) fn of_valid_events(
        self,
        measure: &'static str,
        system: &'static str,
        mut run: impl FnMut(usize) -> (Duration, bool) + 'static,
    ) -> Self {
        let mut found = None;
        self.with(system, move |effort| {
            let events =
                *found.get_or_insert_with(|| calibrate(|events| run(events).0, effort.run));
            let (took, is_valid) = run(events);
            if !is_valid {
                eprintln!("{measure}, {system}: a run that was disturbed does not count");
                return Vec::new();
            }
            vec![Figure::ns(measure, took.as_nanos() as f64 / events as f64)]
        })
    }

    /// With a system whose runs are so long that one for a quick look, and `HEAVY_ROUNDS` otherwise, must do. None of them
    /// warms up.
    pub(crate) fn heavy(
        self,
        system: &'static str,
        mut run: impl FnMut(Effort) -> Vec<Figure> + 'static,
    ) -> Self {
        let mut round = 0;
        self.with(system, move |effort| {
            let rounds = if effort.quick { 1 } else { HEAVY_ROUNDS };
            round += 1;
            // The figures of the first round are not looked at.
            if (2..2 + rounds).contains(&round) {
                run(effort)
            } else {
                Vec::new()
            }
        })
    }
}

impl Figure {
    pub(crate) fn ns(measure: &'static str, value: f64) -> Self {
        let unit = Unit::Ns;
        Figure {
            measure,
            value,
            unit,
        }
    }

    pub(crate) fn bytes(measure: &'static str, value: f64) -> Self {
        let unit = Unit::Bytes;
        Figure {
            measure,
            value,
            unit,
        }
    }
}

/// How many events take so long.
fn calibrate(mut run: impl FnMut(usize) -> Duration, target: Duration) -> usize {
    let mut events = 1_000;
    loop {
        let took = run(events);
        let times = target.as_secs_f64() / took.as_secs_f64().max(1e-9);
        // A short run says little about a long one: it is made of beginning and end.
        if times < 4.0 {
            return ((events as f64 * times) as usize).max(1_000);
        }
        events = (events as f64 * times.min(10.0)) as usize;
    }
}

/// The figures of one system for one measure, one for each round, smallest first.
pub(crate) struct Series {
    pub(crate) measure: &'static str,
    pub(crate) system: &'static str,
    pub(crate) deliveries: usize,
    pub(crate) unit: Unit,
    values: Vec<f64>,
}

impl Series {
    pub(crate) fn median(&self) -> f64 {
        self.values[self.values.len() / 2]
    }

    pub(crate) fn least(&self) -> f64 {
        self.values[0]
    }

    pub(crate) fn most(&self) -> f64 {
        self.values[self.values.len() - 1]
    }
}

pub(crate) struct Results {
    pub(crate) rounds: usize,
    /// What a cache line takes from one CPU to the other, before each round.
    pub(crate) ping: Series,
    pub(crate) series: Vec<Series>,
}

impl Results {
    pub(crate) fn find(&self, measure: &str, system: &str) -> Option<&Series> {
        self.series
            .iter()
            .find(|series| series.measure == measure && series.system == system)
    }
}

pub(crate) fn measure(workloads: Vec<Workload>, effort: Effort) -> Results {
    let runs: usize = workloads.iter().map(|w| w.contestants.len()).sum();
    // Drawn between runs only: a thread that draws would disturb them.
    let bar = ProgressBar::new((runs * (effort.rounds + 1)) as u64).with_style(
        ProgressStyle::with_template("{bar:40} {pos}/{len} {elapsed} {msg}").expect("a template"),
    );
    let mut pings = vec![ping::ping()];
    let mut series: Vec<Series> = Vec::new();
    for mut workload in workloads {
        for round in 0..=effort.rounds {
            pings.push(ping::ping());
            for contestant in &mut workload.contestants {
                bar.set_message(format!("{}: {}", workload.name, contestant.system));
                bar.tick();
                let figures = (contestant.run)(effort);
                bar.inc(1);
                if round > 0 {
                    for figure in figures {
                        record(&mut series, contestant.system, workload.deliveries, figure);
                    }
                }
            }
        }
    }
    bar.finish_and_clear();
    let mut ping = Series {
        measure: "ping",
        system: "cache line",
        deliveries: 1,
        unit: Unit::Ns,
        values: pings,
    };
    for series in series.iter_mut().chain([&mut ping]) {
        series.values.sort_by(f64::total_cmp);
    }
    Results {
        rounds: effort.rounds,
        ping,
        series,
    }
}

fn record(all: &mut Vec<Series>, system: &'static str, deliveries: usize, figure: Figure) {
    let known = all
        .iter_mut()
        .find(|series| series.measure == figure.measure && series.system == system);
    match known {
        Some(series) => series.values.push(figure.value),
        None => {
            // Beside the others of its measure.
            let last = all.iter().rposition(|one| one.measure == figure.measure);
            let series = Series {
                measure: figure.measure,
                system,
                deliveries,
                unit: figure.unit,
                values: vec![figure.value],
            };
            all.insert(last.map_or(all.len(), |last| last + 1), series);
        }
    }
}
