//! Random filters and topics: the table must say what `Filter::matches` says.

use super::{Ledger, MAX_SHARDS, ShardSet};
use crate::filter::Filter;
use crate::topic::Topic;
use std::time::{SystemTime, UNIX_EPOCH};

const ROUNDS: usize = 250;
const SUBSCRIPTIONS: usize = 40;
const TOPICS: usize = 80;

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((word ^ word >> 31) % limit as u64) as usize
    }

    fn one_in(&mut self, limit: usize) -> bool {
        self.below(limit) == 0
    }

    /// Few letters and few segments, so that names often share a prefix; some segments are empty.
    fn name(&mut self) -> String {
        let first = self.below(3);
        let mut name = ["o", "p", "op"][first].to_owned();
        for _ in 0..self.below(4) {
            name.push('.');
            name.push_str(["a", "b", "ab", ""][self.below(4)]);
        }
        name
    }

    fn filter(&mut self) -> Filter {
        let set = [
            Filter::category,
            Filter::event_type,
            Filter::source,
            Filter::resource_type,
        ];
        let mut filter = Filter::any();
        for set in set {
            filter = match self.below(4) {
                0 => set(filter, self.name()),
                1 => set(filter, self.name() + ".*"),
                _ => filter,
            };
        }
        if self.one_in(3) {
            filter.resource(self.below(4) as u64)
        } else {
            filter
        }
    }

    fn topic(&mut self) -> Topic {
        let [category, event_type] = [self.name(), self.name()];
        let [source, resource_type] = [(); 2].map(|()| (!self.one_in(3)).then(|| self.name()));
        let topic = if self.one_in(2) {
            // Nobody registers these: at some depth, each leaves the names that there are.
            let strange = |name: String| name + ".strange.name";
            let category = if self.one_in(2) {
                strange(category)
            } else {
                category
            };
            let source = if self.one_in(2) {
                source.map(strange)
            } else {
                source
            };
            Topic::lookup(
                &category,
                &event_type,
                source.as_deref(),
                resource_type.as_deref(),
            )
        } else {
            let mut builder = Topic::builder(category, event_type);
            if let Some(source) = source {
                builder = builder.source(source);
            }
            if let Some(resource_type) = resource_type {
                builder = builder.resource_type(resource_type);
            }
            builder.build().unwrap()
        };
        if self.one_in(2) {
            topic.with_resource(self.below(4) as u64)
        } else {
            topic
        }
    }
}

#[test]
fn the_table_says_what_the_filters_say() {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let seed = now.as_nanos() as u64;
    let mut random = Random(seed);
    let mut matched = 0;
    for round in 0..ROUNDS {
        let mut ledger = Ledger::new();
        let mut subscriptions: Vec<(Filter, usize)> = Vec::new();
        for _ in 0..SUBSCRIPTIONS {
            let filter = match subscriptions.last() {
                Some((last, _)) if random.one_in(4) => last.clone(),
                _ => random.filter(),
            };
            let shard = random.below(MAX_SHARDS.min(8));
            ledger.add(&[filter.compile().unwrap()], shard);
            subscriptions.push((filter, shard));
            if random.one_in(4) {
                let at = random.below(subscriptions.len());
                let (filter, shard) = subscriptions.swap_remove(at);
                ledger.remove(&[filter.compile().unwrap()], shard);
            }
        }
        for _ in 0..TOPICS {
            let topic = random.topic();
            let mut expected = ShardSet::EMPTY;
            for (filter, shard) in &subscriptions {
                if filter.matches(topic) {
                    expected.insert(*shard);
                }
            }
            let found = ledger.table().match_topic(topic);
            assert_eq!(
                found, expected,
                "seed {seed}, round {round}, {topic}: {subscriptions:?}"
            );
            matched += usize::from(!found.is_empty());
        }
        for (filter, shard) in subscriptions {
            ledger.remove(&[filter.compile().unwrap()], shard);
        }
        assert!(ledger.is_empty(), "seed {seed}, round {round}: {ledger:?}");
    }
    // Topics that match nothing would prove little.
    assert!(
        matched > ROUNDS * TOPICS / 10,
        "seed {seed}: {matched} matches"
    );
}

/// More patterns than are kept in a list, and back: each step must leave what the others want.
#[test]
fn a_resource_is_wanted_under_any_number_of_patterns() {
    let filter = |number| {
        let filter = Filter::any().source(format!("wanted.{number}"));
        filter.resource(number / 100)
    };
    let topic = |number: u64| {
        let topic = Topic::builder("wanted", "wanted").source(format!("wanted.{number}"));
        topic.build().unwrap().with_resource(number / 100)
    };
    let mut ledger = Ledger::new();
    let add = |ledger: &mut Ledger, filter: &Filter, shard| {
        ledger.add(&[filter.compile().unwrap()], shard).is_some()
    };
    for number in 0..200 {
        assert!(add(&mut ledger, &filter(number), number as usize % 7));
    }
    // A class that matches several patterns.
    let all = Filter::any().category("wanted").resource(1);
    assert!(add(&mut ledger, &all, 9));
    for left in (0..200).rev() {
        for number in 0..200 {
            let mut expected = ShardSet::EMPTY;
            if number <= left {
                expected.insert(number as usize % 7);
            }
            if number >= 100 {
                expected.insert(9);
            }
            let found = ledger.table().match_topic(topic(number));
            assert_eq!(found, expected, "{number} of {left}");
        }
        let key = filter(left).compile().unwrap();
        assert!(ledger.remove(&[key], left as usize % 7).is_some());
    }
    assert!(ledger.remove(&[all.compile().unwrap()], 9).is_some());
    assert!(ledger.is_empty());
}
