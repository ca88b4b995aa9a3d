//! What is printed.

use crate::actors::{Outcomes, Series};
use crate::check::Ledger;
use crate::reading::is_level;
use crate::sampler::Sampler;
use laneway::ResourceId;
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::io::{self, ErrorKind, Write};
use std::time::{Duration, Instant};

/// How many alerts are listed.
const MAX_ALERTS: usize = 8;

/// Prints to the standard output. That its reader has seen enough, as in `| head`, is no error.
pub(crate) fn print(text: &str) -> Result<(), Box<dyn Error>> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Prints a line to the standard error, which `eprintln` would panic without.
pub(crate) fn complain(line: &str) {
    let _ = writeln!(io::stderr(), "telemetry: {line}");
}

/// What a run came to.
pub(crate) struct Summary<'a> {
    pub(crate) started: Instant,
    pub(crate) sampled_for: Duration,
    /// Until everything was handled.
    pub(crate) elapsed: Duration,
    pub(crate) sampler: &'a Sampler,
    pub(crate) ledger: &'a Ledger,
    pub(crate) outcomes: &'a Outcomes,
    pub(crate) faults: &'a [String],
}

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(frame) = &self.outcomes.screen.frame {
            write!(f, "{frame}")?;
        }
        writeln!(f)?;
        self.sources(f)?;
        self.types(f)?;
        self.actors(f)?;
        self.alerts(f)?;
        self.verdict(f)
    }
}

impl Summary<'_> {
    /// What the kernel gives, and how much of the time went into asking it.
    fn sources(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<28} {:>9} {:>12} {:>9} {:>7}",
            "SOURCE", "READS", "READINGS", "US/READ", "TIME"
        )?;
        for meter in self.sampler.meters() {
            let us = meter.spent.as_secs_f64() * 1e6 / meter.reads.max(1) as f64;
            let share = meter.spent.as_secs_f64() * 100.0 / self.sampled_for.as_secs_f64();
            let (name, reads, values) = (meter.name, meter.reads, meter.values);
            writeln!(
                f,
                "{name:<28} {reads:>9} {values:>12} {us:>9.1} {share:>5.1} %"
            )?;
        }
        Ok(())
    }

    /// Percentiles are of the values of levels, and of the rates per second of counters.
    fn types(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let statistics = &self.outcomes.statistics;
        let mut types: BTreeMap<&str, Vec<&Series>> = BTreeMap::new();
        for (topic, series) in &statistics.series {
            types.entry(topic.event_type()).or_default().push(series);
        }
        writeln!(
            f,
            "\n{:<18} {:>6} {:>10} {:>13} {:>13} {:>16} {:>16} {:>17}",
            "TYPE", "SERIES", "READINGS", "P50", "P99", "LEAST", "GREATEST", "SUM OF LAST"
        )?;
        for (event_type, all) in types {
            let count: u64 = all.iter().map(|series| series.count).sum();
            let least = all.iter().map(|series| series.least).min().unwrap_or(0);
            let greatest = all.iter().map(|series| series.greatest).max().unwrap_or(0);
            let last: u128 = all.iter().map(|series| u128::from(series.last)).sum();
            let percentile = |percent| match statistics.spreads.get(event_type) {
                // Too short a run for a rate.
                Some(spread) if !spread.is_empty() => {
                    let unit = if is_level(event_type) { "  " } else { "/s" };
                    let value = spread.lowest_equivalent(spread.value_at_percentile(percent));
                    format!("{value}{unit}")
                }
                _ => "-  ".into(),
            };
            let (p50, p99, series) = (percentile(50.0), percentile(99.0), all.len());
            writeln!(
                f,
                "{event_type:<18} {series:>6} {count:>10} {p50:>13} {p99:>13} {least:>16} {greatest:>16} {last:>17}"
            )?;
        }
        Ok(())
    }

    fn actors(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let outcomes = self.outcomes;
        let series = outcomes.statistics.series.len();
        let types = outcomes.statistics.spreads.len();
        let alerts = outcomes.alert.published.len();
        let recorder = &outcomes.recorder;
        let (lines, path) = (recorder.lines, recorder.path.display());
        let left_out = match recorder.left_out {
            0 => String::new(),
            more => format!(", {more} more left out: see --record-limit"),
        };
        let shown = outcomes.screen.frames;
        let did = [
            format!("{series} series of {types} types"),
            format!("{alerts} alerts published, {} lost", outcomes.alert.lost),
            format!("{lines} lines in {path}{left_out}"),
            format!("{shown} tables"),
        ];
        writeln!(
            f,
            "\n{:<12} {:>5} {:>12} {:>12}",
            "ACTOR", "SHARD", "GOT", "PER SECOND"
        )?;
        let accounts = self.ledger.accounts.iter().zip(outcomes.taken());
        for ((account, got), did) in accounts.zip(did) {
            let (name, shard) = (account.name(), account.info.shard);
            let rate = got as f64 / self.elapsed.as_secs_f64();
            writeln!(f, "{name:<12} {shard:>5} {got:>12} {rate:>12.0}  {did}")?;
        }
        Ok(())
    }

    fn alerts(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let alerts = &self.outcomes.alert.published;
        if !alerts.is_empty() {
            writeln!(f)?;
        }
        for (topic, reading) in alerts.iter().take(MAX_ALERTS) {
            let after = reading.at.saturating_duration_since(self.started);
            let cpu = topic.resource().map_or(0, ResourceId::as_u128);
            let (event_type, percent) = (topic.event_type(), reading.value);
            writeln!(
                f,
                "{:6.2} s  {event_type} {cpu} at {percent} %",
                after.as_secs_f64()
            )?;
        }
        match alerts.len().saturating_sub(MAX_ALERTS) {
            0 => Ok(()),
            more => writeln!(f, "          and {more} more"),
        }
    }

    fn verdict(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let latency = &self.outcomes.statistics.latency_ns;
        let us = |ns: u64| ns as f64 / 1e3;
        write!(f, "\nfrom publishing to handling, in us:")?;
        for (name, percent) in [("p50", 50.0), ("p90", 90.0), ("p99", 99.0), ("p99.9", 99.9)] {
            write!(
                f,
                "  {name} {:.1}",
                us(latency.value_at_percentile(percent))
            )?;
        }
        writeln!(f, "  max {:.1}", us(latency.max()))?;

        let published = self.ledger.published();
        let deliveries = self.ledger.stats.total().handled;
        let seconds = self.elapsed.as_secs_f64();
        let (rate, all) = (published as f64 / seconds, deliveries as f64 / seconds);
        writeln!(
            f,
            "{published} readings in {seconds:.2} s: {rate:.0} a second, {all:.0} deliveries a second"
        )?;

        if self.faults.is_empty() {
            return writeln!(
                f,
                "everything adds up: publisher, actors, subscriptions and shards agree"
            );
        }
        for fault in self.faults {
            writeln!(f, "FAILED: {fault}")?;
        }
        Ok(())
    }
}
