//! `cargo run --release -p laneway-peers`: laneway beside what one would use instead, in one run, interleaved.
//!
//! Only the ratios count: on a small virtual machine the distance between two cores changes from run to run and within
//! one. Like all benchmarks, these are deeply flawed: one machine, synthetic work, systems that promise different things.

mod systems;

use std::collections::BTreeMap;
use systems::{Message, System};

/// Rounds of each pair of workload and system. All run once before any runs again.
const ROUNDS: usize = 5;

fn main() {
    let quick = std::env::args().any(|arg| arg == "--quick");
    let events = if quick { 200_000 } else { 2_000_000 };
    let cpus = systems::allowed_cpus();
    println!("CPUs {cpus:?}, {ROUNDS} rounds, medians (min..max), ns an event");
    let workloads = [
        ("handoff", 1, events),
        ("fanout-8", 8, events / 4),
        ("fanout-64", 64, events / 16),
    ];
    for (workload, receivers, events) in workloads {
        let mut results: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        for round in 0..=ROUNDS {
            for System { name, run, most } in systems::ALL {
                if receivers > *most {
                    continue;
                }
                let took = run(events, receivers, &cpus);
                // The first round only warms up.
                if round > 0 {
                    let each = took.as_nanos() as f64 / events as f64;
                    results.entry(name).or_default().push(each);
                }
            }
        }
        println!(
            "\n{workload} ({events} events of {} bytes)",
            size_of::<Message>()
        );
        let ours = median(results.get_mut("laneway").expect("it is in the list"));
        for (name, mut each) in results {
            let middle = median(&mut each);
            println!(
                "  {name:<24}{middle:>10.1}  ({:.1}..{:.1})  {:>6.2} x ours",
                each[0],
                each[each.len() - 1],
                middle / ours
            );
        }
    }
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
