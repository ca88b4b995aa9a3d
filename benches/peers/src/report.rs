//! The results as a table and as JSON.

use crate::demands;
use crate::rounds::{Results, Unit};
use serde_json::{Value, json};
use std::io;
use std::path::Path;

pub(crate) fn print(results: &Results) {
    let ping = &results.ping;
    println!(
        "{} rounds: medians (least..most); a cache line takes {:.0} ns ({:.0}..{:.0}) from CPU to CPU",
        results.rounds,
        ping.median(),
        ping.least(),
        ping.most()
    );
    let mut measure = "";
    let mut ours = f64::NAN;
    for series in &results.series {
        if series.measure != measure {
            measure = series.measure;
            let unit = match series.unit {
                Unit::Ns => "ns",
                Unit::Bytes => "bytes",
            };
            println!("\n{measure}, {unit}");
            // Each workload has laneway first.
            ours = series.median();
        }
        println!(
            "  {:<32}{:>10}  {:<22}{:>8} x",
            series.system,
            digits(series.median()),
            format!("({}..{})", digits(series.least()), digits(series.most())),
            digits(series.median() / ours)
        );
    }
    println!("\nwhat must hold:");
    for demand in demands::ALL {
        if let Some(part) = demand.part_of_limit(results) {
            let verdict = if part <= 1.0 {
                "holds"
            } else {
                "DOES NOT HOLD"
            };
            println!("  {:<64}{part:>6.2} of it  {verdict}", demand.text());
        }
    }
}

/// Three digits that say something.
pub(crate) fn digits(value: f64) -> String {
    match value {
        v if v < 10.0 => format!("{v:.2}"),
        v if v < 100.0 => format!("{v:.1}"),
        v => format!("{v:.0}"),
    }
}

pub(crate) fn write_json(results: &Results, path: &Path) -> io::Result<()> {
    let rows: Vec<Value> = results
        .series
        .iter()
        .map(|series| {
            let mut row = json!({
                "workload": series.measure,
                "system": series.system,
                "least": series.least(),
                "most": series.most(),
            });
            match series.unit {
                Unit::Ns => {
                    row["ns_per_event"] = series.median().into();
                    row["ns_per_delivery"] = (series.median() / series.deliveries as f64).into();
                }
                Unit::Bytes => row["bytes"] = series.median().into(),
            }
            row
        })
        .collect();
    let all = json!({ "ping_ns": results.ping.median(), "results": rows });
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir)?;
    }
    std::fs::write(path, format!("{all:#}\n"))
}
