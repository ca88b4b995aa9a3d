//! What does finding who wants an event cost? With 0, 1000 and 100 000 distinct filters over all combinations of set fields.
//! `cargo bench --bench matching`
//!
//! Of the 32 combinations the one that sets nothing is left out: that filter wants everything, so nothing would be unmatched.

use criterion::{Criterion, criterion_group, criterion_main};
use laneway::{Filter, Router, Topic};
use std::hint::black_box;

/// Combinations of the five fields, by their bits.
const COMBINATIONS: u64 = 31;

/// Far more than a publisher remembers.
const MANY_CLASSES: u64 = 1024;

/// The filter with this number. 31 in a row have the same values, each in other fields.
fn filter(number: u64) -> Filter {
    let (value, combination) = (number / COMBINATIONS, number % COMBINATIONS + 1);
    let name = value.to_string();
    let setters = [
        Filter::category,
        Filter::event_type,
        Filter::source,
        Filter::resource_type,
    ];
    let mut filter = Filter::any();
    for (field, set) in setters.into_iter().enumerate() {
        if combination & 1 << field != 0 {
            filter = set(filter, name.clone());
        }
    }
    if combination & 1 << setters.len() != 0 {
        filter = filter.resource(value);
    }
    filter
}

/// The class that all filters with this value ask for, be it with a resource.
fn class(value: impl ToString) -> Topic {
    let name = value.to_string();
    Topic::builder(&name, &name)
        .source(&name)
        .resource_type(&name)
        .build()
        .expect("a valid topic")
}

fn matching(c: &mut Criterion) {
    for filters in [0, 1000, 100_000] {
        // Nobody polls: this is about publishers.
        let (router, _shards) = Router::<u64>::builder().shards(1).manual().expect("open");
        for number in 0..filters {
            router.subscribe(filter(number), |_| ()).expect("room");
        }
        let wanted = class(0);
        let nobody = class("nobody");
        let mut publisher = router.publisher();
        assert_eq!(publisher.is_interested(wanted), filters > 0);
        assert_eq!(
            publisher.is_interested(nobody.with_resource(0)),
            filters > 0
        );
        let unwanted = nobody.with_resource(u64::MAX);
        for topic in [nobody, unwanted] {
            assert!(!publisher.is_interested(topic), "{topic} is unmatched");
        }

        let mut group = c.benchmark_group(format!("{filters} filters"));
        for (what, topic) in [
            ("class seen before", wanted),
            (
                "class seen before, a resource wanted",
                wanted.with_resource(0),
            ),
            (
                "class seen before, another resource",
                wanted.with_resource(u64::MAX),
            ),
            ("unmatched", nobody),
            ("unmatched, with a resource", unwanted),
        ] {
            group.bench_function(what, |b| {
                b.iter(|| publisher.is_interested(black_box(topic)));
            });
        }
        let classes: Vec<_> = (0..MANY_CLASSES).map(class).collect();
        let mut next = classes.iter().cycle();
        group.bench_function("class not seen before", |b| {
            b.iter(|| next.next().map(|&topic| publisher.is_interested(topic)));
        });
        group.bench_function("publish to nobody", |b| {
            b.iter(|| publisher.publish(black_box(nobody), 0));
        });
        group.finish();
    }
}

criterion_group!(benches, matching);
criterion_main!(benches);
