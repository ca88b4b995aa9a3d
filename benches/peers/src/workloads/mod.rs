//! The questions, each with the systems that are asked.

mod delivery;
mod matching;
pub(crate) mod subscribe;
mod unmatched;

use crate::rounds::Workload;

pub(crate) fn all() -> Vec<Workload> {
    let mut all = vec![
        delivery::handoff(),
        delivery::handoff_small(),
        delivery::handoff_batch(),
    ];
    all.extend(delivery::fanouts());
    all.push(delivery::publishers_4());
    all.extend(matching::all());
    all.push(subscribe::subscribe());
    all.push(unmatched::unmatched());
    all
}
