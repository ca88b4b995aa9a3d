//! What does it cost to find who wants an event, among a thousand filters and a million?
//!
//! The filters are spread over all 32 combinations of set fields, as evenly as the names allow; the one that sets nothing
//! is among them. A class then matches up to 16 patterns with resources, one for each choice of the four text fields beside
//! the resource: 14 on average with 1k filters, 15.9 with more. A table with a key for each pattern and resource would be
//! probed as often; laneway looks the resource up once and holds what it finds against these patterns.

use crate::random::{Random, mixed};
use crate::rounds::Workload;
use crate::systems;
use arc_swap::{ArcSwap, Cache};
use laneway::{Filter, Publisher, Router, Topic, Wait};
use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::HashMap;
use std::hint::black_box;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// How many classes are asked for again and again. They are registered one after the other, so that each has a place of
/// its own in a publisher's cache, which has as many.
const KNOWN_CLASSES: usize = 64;

/// The most classes that are asked for in turn. Whatever their number, several share each place of the cache, so that none
/// of them is there.
const NEW_CLASSES: usize = 4096;

/// Topics that are looked up in all filters to see that the router says the same.
const SAMPLE: usize = 32;

/// Filters and topics. The numbers are powers of two.
#[derive(Clone, Copy)]
struct Population {
    filters: usize,
    /// Names for each of the four text fields.
    names: u64,
    resources: u64,
}

pub(crate) fn all() -> Vec<Workload> {
    let of = |filters, names, resources| Population {
        filters,
        names,
        resources,
    };
    let small = of(1_000, 8, 64);
    vec![
        workload("match-1k", "match-1k-new", small).of_events("linear scan", scan(small)),
        workload("match-100k", "match-100k-new", of(100_000, 8, 8192)),
        workload("match-1m", "match-1m-new", of(1_000_000, 16, 65536)),
    ]
}

fn workload(name: &'static str, new: &'static str, population: Population) -> Workload {
    // Made by the first run, and dropped with the workload.
    let table: Rc<RefCell<Option<Table>>> = Rc::default();
    let again = Rc::clone(&table);
    let mut entries = None;
    Workload::new(name, 1)
        .of_events("laneway", move |events| {
            let mut table = table.borrow_mut();
            let table = table.get_or_insert_with(|| Table::new(population));
            table.look_up(events, KNOWN_CLASSES)
        })
        .of_events_as(new, "laneway", move |events| {
            let mut table = again.borrow_mut();
            let table = table.get_or_insert_with(|| Table::new(population));
            table.look_up(events, NEW_CLASSES)
        })
        .of_events("arc-swap Cache::load", load)
        .of_events("ahash hit", move |events| {
            hit(
                events,
                entries.get_or_insert_with(|| map(population.filters)),
            )
        })
}

/// A router with all the filters.
struct Table {
    population: Population,
    /// One of each class.
    topics: Vec<Topic>,
    publisher: Publisher<u64>,
    _router: Router<u64>,
}

impl Table {
    fn new(population: Population) -> Self {
        let topics = population.topics();
        let router = systems::laneway::builder::<u64>()
            .wait(Wait::Park)
            .build()
            .expect("a router");
        let mut publisher = router.publisher();
        let mut random = Random::new(1);
        let mut sample: Vec<_> = (0..SAMPLE)
            .map(|_| {
                let topic = topics[random.next() as usize % topics.len()];
                (
                    topic.with_resource(random.below(population.resources)),
                    false,
                )
            })
            .collect();
        let mut mixed = false;
        for (combination, count) in population.combinations() {
            for number in 0..count {
                let filter = population.filter(combination, number);
                for (topic, wanted) in &mut sample {
                    *wanted |= filter.matches(*topic);
                }
                router.subscribe(filter, |_| ()).expect("room");
            }
            for (topic, wanted) in &sample {
                assert_eq!(publisher.is_interested(*topic), *wanted, "{topic}");
            }
            let wanted = sample.iter().filter(|(_, wanted)| *wanted).count();
            mixed |= (SAMPLE / 8..SAMPLE * 7 / 8).contains(&wanted);
        }
        assert!(mixed, "one of the checks had both kinds of topics");
        assert_eq!(router.stats().subscriptions, population.filters);
        Table {
            population,
            topics,
            publisher,
            _router: router,
        }
    }

    /// The first `classes` in turn, each with some resource.
    fn look_up(&mut self, events: usize, classes: usize) -> Duration {
        let mut random = Random::new(2);
        let mut wanted = 0;
        let start = Instant::now();
        let classes = classes.min(self.topics.len());
        for topic in self.topics[..classes].iter().cycle().take(events) {
            let topic = topic.with_resource(random.below(self.population.resources));
            wanted += usize::from(self.publisher.is_interested(topic));
        }
        let took = start.elapsed();
        assert_eq!(wanted, events, "one filter matches everything");
        took
    }
}

/// The resource is the fifth field.
const RESOURCE: usize = 4;

impl Population {
    /// Each combination of fields with how many filters set just these. Those that match nearly everything come last.
    fn combinations(self) -> Vec<(usize, u64)> {
        let mut all: Vec<_> = (0..1 << 5).map(|combination| (combination, 0)).collect();
        all.sort_by_key(|&(combination, _)| self.distinct(combination));
        let mut left = self.filters as u64;
        for place in 0..all.len() {
            let share = left.div_ceil((all.len() - place) as u64);
            let (combination, count) = &mut all[place];
            *count = share.min(self.distinct(*combination));
            left -= *count;
        }
        assert_eq!(left, 0, "there are enough resources");
        all.sort_by_key(|&(combination, _)| {
            let without_resource = combination >> RESOURCE == 0;
            (without_resource, Reverse(combination.count_ones()))
        });
        all
    }

    /// How many filters there can be with these fields.
    fn distinct(self, combination: usize) -> u64 {
        let sizes = self.sizes(combination);
        sizes.into_iter().product()
    }

    fn sizes(self, combination: usize) -> [u64; 5] {
        std::array::from_fn(|field| match (combination >> field & 1 == 1, field) {
            (false, _) => 1,
            (true, RESOURCE) => self.resources,
            (true, _) => self.names,
        })
    }

    /// One that no other number gives.
    fn filter(self, combination: usize, number: u64) -> Filter {
        // The sizes are powers of two, and so an odd factor leaves different numbers different.
        let mut rest = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) % self.distinct(combination);
        let sizes = self.sizes(combination);
        let digits = sizes.map(|size| {
            let digit = rest % size;
            rest /= size;
            digit
        });
        let mut filter = Filter::any();
        for (field, digit) in digits.into_iter().enumerate() {
            if combination >> field & 1 == 0 {
                continue;
            }
            filter = match field {
                0 => filter.category(self.name(0, digit)),
                1 => filter.event_type(self.name(1, digit)),
                2 => filter.source(self.name(2, digit)),
                3 => filter.resource_type(self.name(3, digit)),
                _ => filter.resource(digit),
            };
        }
        filter
    }

    fn name(self, field: usize, digit: u64) -> String {
        format!("match-{}-{field}-{digit}", self.filters)
    }

    /// Different classes in no order.
    fn topics(self) -> Vec<Topic> {
        let classes = self.names.pow(4);
        (0..classes.min(NEW_CLASSES as u64))
            .map(|number| {
                let mut rest = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) % classes;
                let names: [String; 4] = std::array::from_fn(|field| {
                    let digit = rest % self.names;
                    rest /= self.names;
                    self.name(field, digit)
                });
                let [category, event_type, source, resource_type] = names;
                Topic::builder(category, event_type)
                    .source(source)
                    .resource_type(resource_type)
                    .build()
                    .expect("a valid topic")
            })
            .collect()
    }
}

/// What a publisher pays at least to see whether the table has changed.
fn load(events: usize) -> Duration {
    let shared = ArcSwap::from_pointee(1);
    let mut cache = Cache::new(&shared);
    let start = Instant::now();
    let sum: usize = (0..events).map(|_| **black_box(&mut cache).load()).sum();
    let took = start.elapsed();
    assert_eq!(sum, events);
    took
}

type Map = HashMap<u128, u64, ahash::RandomState>;

fn map(entries: usize) -> Map {
    let mut map = Map::with_hasher(ahash::RandomState::new());
    map.extend((0..entries as u64).map(|number| (key(number), number)));
    map
}

fn key(number: u64) -> u128 {
    u128::from(mixed(number)) << 64 | u128::from(mixed(!number))
}

fn hit(events: usize, map: &Map) -> Duration {
    let mut random = Random::new(3);
    let entries = map.len() as u64;
    let mut wrong = 0;
    let start = Instant::now();
    for _ in 0..events {
        let number = random.next() % entries;
        wrong += usize::from(map.get(&key(number)) != Some(&number));
    }
    let took = start.elapsed();
    assert_eq!(wrong, 0);
    took
}

/// Asks each filter.
fn scan(population: Population) -> impl FnMut(usize) -> Duration {
    let mut made = None;
    move |events| {
        let (filters, topics) = made.get_or_insert_with(|| {
            let filters: Vec<_> = (population.combinations().into_iter())
                .flat_map(|(combination, count)| (0..count).map(move |n| (combination, n)))
                .map(|(combination, number)| population.filter(combination, number))
                .collect();
            (filters, population.topics())
        });
        let mut random = Random::new(2);
        let mut least = usize::MAX;
        let start = Instant::now();
        for topic in topics[..KNOWN_CLASSES].iter().cycle().take(events) {
            let topic = topic.with_resource(random.below(population.resources));
            let wanted = filters.iter().filter(|filter| filter.matches(topic));
            least = least.min(wanted.count());
        }
        let took = start.elapsed();
        assert!(least > 0, "one filter matches everything");
        took
    }
}
