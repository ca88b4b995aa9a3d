//! What must hold, as ratios within one run.

use crate::rounds::Results;

/// `ours` takes at most the sum of `limit`: so many times what each of these systems takes for `limit_measure`.
pub(crate) struct Demand {
    pub(crate) measure: &'static str,
    pub(crate) ours: &'static str,
    pub(crate) limit: &'static [(f64, &'static str)],
    /// The same as `measure`, if nothing else is said.
    pub(crate) limit_measure: &'static str,
}

const fn demand(
    measure: &'static str,
    ours: &'static str,
    limit: &'static [(f64, &'static str)],
) -> Demand {
    Demand {
        measure,
        ours,
        limit,
        limit_measure: measure,
    }
}

/// One probe for each of the 16 combinations of fields that set the resource.
const KNOWN_CLASS: &[(f64, &str)] = &[(3.0, "arc-swap Cache::load"), (16.0, "ahash hit")];

/// One probe for each of the 32 combinations of fields.
const NEW_CLASS: &[(f64, &str)] = &[(1.5 * 32.0, "ahash hit")];

pub(crate) const ALL: &[Demand] = &[
    demand("handoff", "laneway", &[(1.0, "rtrb")]),
    demand("handoff", "laneway", &[(1.0 / 2.5, "kanal")]),
    demand("handoff", "laneway", &[(1.0 / 4.0, "tokio broadcast")]),
    demand("handoff", "laneway", &[(1.1, "disruptor")]),
    demand("handoff-small", "laneway", &[(1.0 / 1.3, "rtrb, 64 bytes")]),
    demand("handoff-small", "laneway", &[(1.0, "rtrb")]),
    demand("handoff-batch", "laneway", &[(1.2, "disruptor")]),
    demand("fanout-8", "laneway", &[(1.0 / 4.0, "tokio broadcast")]),
    demand("fanout-64", "laneway", &[(1.0 / 10.0, "tokio broadcast")]),
    demand("fanout-64", "laneway", &[(1.0 / 50.0, "kanal")]),
    demand("fanout-1024", "laneway", &[(1.0 / 10.0, "tokio broadcast")]),
    demand("fanout-1024", "laneway", &[(0.5, "a call each")]),
    demand("publishers-4", "laneway", &[(0.5, "kanal")]),
    demand("publishers-4", "laneway", &[(0.5, "crossfire")]),
    demand("unmatched", "laneway", &[(2.0, "tracing")]),
    demand("unmatched-other", "laneway", &[(2.0, "tracing")]),
    demand("match-1k", "laneway", KNOWN_CLASS),
    demand("match-100k", "laneway", KNOWN_CLASS),
    demand("match-1m", "laneway", KNOWN_CLASS),
    demand("match-1k-new", "laneway", NEW_CLASS).beside("match-1k"),
    demand("match-100k-new", "laneway", NEW_CLASS).beside("match-100k"),
    demand("match-1m-new", "laneway", NEW_CLASS).beside("match-1m"),
    demand("match-1k", "laneway", &[(1.0 / 20.0, "linear scan")]),
    demand("match-1k-new", "laneway", &[(1.0 / 20.0, "linear scan")]).beside("match-1k"),
    demand("match-100k", "laneway", &[(2.0, "laneway")]).beside("match-1k"),
    demand("subscribe-1m", "laneway", &[(3.0, "imbl insert")]),
    demand("subscribe-1m-bytes", "laneway", &[(1.0, "limit")]),
    demand("latency-p50", "laneway", &[(1.6, "ping")]),
    demand("latency-p50", "laneway", &[(1.0, "disruptor")]),
    demand("latency-p99", "laneway", &[(1.0, "disruptor")]),
    demand("latency-p99.9", "laneway", &[(1.0, "disruptor")]),
    demand("latency-load-p99", "laneway", &[(1.0, "disruptor")]),
    demand("wake-publish", "laneway", &[(1.0, "crossbeam-channel")]),
    demand("wake-through", "laneway", &[(1.0, "crossbeam-channel")]),
    demand(
        "churn",
        "laneway, resource filters",
        &[(1.0 / 0.85, "laneway")],
    ),
    demand(
        "churn",
        "laneway, class filters",
        &[(1.0 / 0.85, "laneway")],
    ),
    demand(
        "sleepers",
        "laneway, 16 sleepers",
        &[(1.0 / 0.8, "laneway")],
    ),
];

impl Demand {
    /// What the others take for another measure.
    const fn beside(self, limit_measure: &'static str) -> Demand {
        Demand {
            limit_measure,
            ..self
        }
    }

    /// What ours took, as a part of the limit; `None`: not measured in this run.
    pub(crate) fn part_of_limit(&self, results: &Results) -> Option<f64> {
        let ours = results.find(self.measure, self.ours)?.median();
        let mut limit = 0.0;
        for (times, system) in self.limit {
            limit += times * results.find(self.limit_measure, system)?.median();
        }
        Some(ours / limit)
    }

    pub(crate) fn text(&self) -> String {
        let limit: Vec<_> = self
            .limit
            .iter()
            .map(|(times, system)| format!("{times:.2} x {system}"))
            .collect();
        let of = if self.limit_measure == self.measure {
            String::new()
        } else {
            format!(" of {}", self.limit_measure)
        };
        let limit = limit.join(" + ");
        format!("{}: {} <= {limit}{of}", self.measure, self.ours)
    }
}
