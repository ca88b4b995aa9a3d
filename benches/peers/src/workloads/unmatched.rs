//! What does an event cost that nobody wants?

use crate::rounds::Workload;
use crate::stage::{self, Payload, Usual};
use crate::systems;
use laneway::{Filter, Published, Topic};
use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tracing::{Event, Level, Metadata, Subscriber, span};

/// A loop over `$events` numbers, written out: a closure's arguments would be laid down in memory for each.
macro_rules! unmatched_loop {
    ($events:ident, |$publisher:ident, $topic:ident, $number:ident| $is_unmatched:expr) => {{
        let router = systems::laneway::builder::<Usual>()
            .build()
            .expect("a router");
        let wanted = Filter::exact(Topic::new("bench", "another").expect("a valid topic"));
        router.subscribe(wanted, |_| ()).expect("a subscription");
        let mut $publisher = router.publisher();
        let $topic = stage::topic();
        let mut all = true;
        let start = Instant::now();
        for number in 0..$events as u64 {
            let $number = black_box(number);
            all &= $is_unmatched;
        }
        let took = start.elapsed();
        assert!(all, "nobody wants it");
        took
    }};
}

pub(crate) fn unmatched() -> Workload {
    Workload::new("unmatched", 1)
        .of_events("laneway", |events| {
            unmatched_loop!(events, |publisher, topic, number| {
                publisher.publish(topic, Usual::new(number)) == Ok(Published::Unmatched)
            })
        })
        .of_events("laneway, publish_with", |events| {
            unmatched_loop!(events, |publisher, topic, number| {
                publisher.publish_with(topic, || Usual::new(number)) == Ok(Published::Unmatched)
            })
        })
        .of_events("laneway, is_interested", |events| {
            unmatched_loop!(events, |publisher, topic, _number| {
                !publisher.is_interested(topic)
            })
        })
        .of_events("tracing", tracing)
}

/// A trace event where only `INFO` and above is wanted.
fn tracing(events: usize) -> Duration {
    // It is set once, for the whole process. The others do not mind: none of them traces each event.
    let _ = tracing::subscriber::set_global_default(Informed);
    let before = SEEN.load(Ordering::Relaxed);
    tracing::info!(number = 0, "bench");
    let start = Instant::now();
    for number in 0..events as u64 {
        let payload = Usual::new(black_box(number));
        tracing::trace!(number = payload.number(), "bench");
    }
    let took = start.elapsed();
    let seen = SEEN.load(Ordering::Relaxed) - before;
    assert_eq!(seen, 1, "the one that is wanted");
    took
}

static SEEN: AtomicUsize = AtomicUsize::new(0);

/// Counts what comes from here and is not below `INFO`.
struct Informed;

impl Subscriber for Informed {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= &Level::INFO
    }

    fn max_level_hint(&self) -> Option<tracing::level_filters::LevelFilter> {
        Some(tracing::level_filters::LevelFilter::INFO)
    }

    fn event(&self, event: &Event<'_>) {
        if event.metadata().target() == module_path!() {
            SEEN.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}
