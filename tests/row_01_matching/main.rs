//! Row 1: random filters and topics. What the table, the routes and `explain` say is what `Filter::matches` says.

#[path = "../common/mod.rs"]
mod common;
mod harness;

use common::{LIMIT, rounds, within};
use harness::Coverage;
use proptest::collection::vec;
use proptest::prelude::any;
use proptest::test_runner::{Config, TestRunner};
use std::cell::RefCell;

const TOPICS: usize = 100_000;
/// In words.
const SCRIPT: usize = 512;

#[test]
fn row_01_who_gets_an_event_is_who_filters_say() {
    // Not a race: it takes its time on a machine that is busy.
    within(5 * LIMIT, || {
        let total = RefCell::new(Coverage::default());
        let topics = rounds(TOPICS).max(TOPICS);
        // Some combinations are rare, and a run may take its time to come to all.
        let is_done = |total: &Coverage| {
            total.topics >= topics && (total.combinations == u32::MAX || total.topics >= 4 * topics)
        };
        while !is_done(&total.borrow()) {
            let config = Config {
                cases: 32,
                failure_persistence: None,
                max_shrink_time: 20_000,
                ..Config::default()
            };
            TestRunner::new(config)
                .run(&vec(any::<u64>(), SCRIPT), |words| {
                    let script: Vec<u8> =
                        words.iter().flat_map(|word| word.to_le_bytes()).collect();
                    let coverage = harness::run(&script);
                    let total = &mut *total.borrow_mut();
                    total.topics += coverage.topics;
                    total.matched += coverage.matched;
                    total.looked_up += coverage.looked_up;
                    total.combinations |= coverage.combinations;
                    Ok(())
                })
                .unwrap_or_else(|failure| panic!("{failure}"));
        }
        // What matches nothing would prove little.
        let total = total.into_inner();
        assert_eq!(
            total.combinations,
            u32::MAX,
            "all combinations of fields had a delivery"
        );
        assert!(total.matched > topics / 10, "{} matched", total.matched);
        assert!(
            total.looked_up > topics / 10,
            "{} were looked up",
            total.looked_up
        );
    });
}
