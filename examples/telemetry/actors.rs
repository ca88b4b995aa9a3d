//! The four actors, and what they hand over when they stop.

mod alert;
mod painter;
mod recorder;
mod screen;
mod statistics;

pub(crate) use self::alert::{Alert, AlertOutcome};
pub(crate) use self::recorder::{Recorder, RecorderOutcome};
pub(crate) use self::screen::{Screen, ScreenOutcome};
pub(crate) use self::statistics::{Series, Statistics, StatisticsOutcome};

use laneway::Topic;

/// What all of them came to.
pub(crate) struct Outcomes {
    pub(crate) statistics: StatisticsOutcome,
    pub(crate) alert: AlertOutcome,
    pub(crate) recorder: RecorderOutcome,
    pub(crate) screen: ScreenOutcome,
}

impl Outcomes {
    /// How many events each counted, in the order of their subscriptions.
    pub(crate) fn taken(&self) -> [u64; 4] {
        [
            self.statistics.taken,
            self.alert.taken,
            self.recorder.taken,
            self.screen.taken,
        ]
    }

    /// How many events there were of each topic: the readings as the statistics got them, and the alerts as the rule
    /// published them.
    pub(crate) fn topics(&self) -> Vec<(Topic, u64)> {
        let series = &self.statistics.series;
        let readings = series.iter().map(|(&topic, series)| (topic, series.count));
        let alerts = self.alert.published.iter();
        readings
            .chain(alerts.map(|(topic, _)| (*topic, 1)))
            .collect()
    }
}
