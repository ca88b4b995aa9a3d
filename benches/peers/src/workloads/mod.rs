//! The questions, each with the systems that are asked.

mod delivery;
mod unmatched;

use crate::rounds::Workload;

pub(crate) fn all() -> Vec<Workload> {
    let mut all = vec![
        delivery::handoff(),
        delivery::handoff_small(),
        delivery::handoff_batch(),
    ];
    all.extend(delivery::fanouts());
    all.push(unmatched::unmatched());
    all
}
