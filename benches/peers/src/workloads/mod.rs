//! The questions, each with the systems that are asked.

mod delivery;
mod matching;
mod unmatched;

use crate::rounds::Workload;

pub(crate) fn all() -> Vec<Workload> {
    let mut all = vec![
        delivery::handoff(),
        delivery::handoff_small(),
        delivery::handoff_batch(),
    ];
    all.extend(delivery::fanouts());
    all.extend(matching::all());
    all.push(unmatched::unmatched());
    all
}
