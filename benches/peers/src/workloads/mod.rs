//! The questions, each with the systems that are asked.

mod churn;
mod delivery;
mod latency;
mod matching;
mod sleepers;
pub(crate) mod subscribe;
mod unmatched;
mod wake;

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
    all.push(churn::churn());
    all.push(sleepers::sleepers());
    all.push(latency::latency());
    all.push(latency::under_load());
    all.push(wake::wake());
    all.push(unmatched::unmatched());
    all
}
