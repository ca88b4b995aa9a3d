//! What does an event cost that nobody wants? Where nobody listens to anything, and where somebody listens to something else.

use crate::rounds::Workload;
use crate::stage::{self, Payload, Usual};
use crate::systems;
use laneway::{Filter, Published, Publisher, Router, Topic};
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Metadata, Subscriber, callsite, span};

/// A loop over `$events` numbers, written out: a closure's arguments would be laid down in memory for each.
macro_rules! unmatched_loop {
    ($to_others:expr, $events:ident, |$publisher:ident, $topic:ident, $number:ident| $is_unmatched:expr) => {{
        let (router, mut $publisher) = publisher($to_others);
        let $topic = stage::topic();
        let start = Instant::now();
        for number in 0..$events as u64 {
            let $number = black_box(number);
            assert!($is_unmatched, "nobody wants it");
        }
        let took = start.elapsed();
        subscribe_and_publish(&router, &mut $publisher);
        took
    }};
}

/// Now somebody wants it.
fn subscribe_and_publish(router: &Router<Usual>, publisher: &mut Publisher<Usual>) {
    let topic = stage::topic();
    let wanted = Filter::exact(topic);
    router.subscribe(wanted, |_| ()).expect("a subscription");
    let published = publisher.publish(topic, Usual::new(0));
    assert_eq!(published, Ok(Published::Routed));
}

/// Of a router on which somebody listens to something else, or nobody to anything.
fn publisher(to_others: bool) -> (Router<Usual>, Publisher<Usual>) {
    let router = systems::laneway::builder().build().expect("a router");
    if to_others {
        let other = Filter::exact(Topic::new("bench", "another").expect("a valid topic"));
        router.subscribe(other, |_| ()).expect("a subscription");
    }
    let publisher = router.publisher();
    (router, publisher)
}

pub(crate) fn unmatched() -> Workload {
    let mut workload = Workload::new("unmatched", 1);
    for (measure, to_others) in [("unmatched", false), ("unmatched-other", true)] {
        workload = workload
            .of_events_as(measure, "laneway", move |events| {
                unmatched_loop!(to_others, events, |publisher, topic, number| {
                    publisher.publish(topic, Usual::new(number)) == Ok(Published::Unmatched)
                })
            })
            .of_events_as(measure, "laneway, publish_with", move |events| {
                unmatched_loop!(to_others, events, |publisher, topic, number| {
                    publisher.publish_with(topic, || Usual::new(number)) == Ok(Published::Unmatched)
                })
            })
            .of_events_as(measure, "laneway, is_interested", move |events| {
                unmatched_loop!(to_others, events, |publisher, topic, _number| {
                    !publisher.is_interested(topic)
                })
            })
            .of_events_as(measure, "tracing", move |events| tracing(events, to_others));
    }
    workload
}

/// A trace event. What is wanted is `INFO` and above, and the traces of another target or none at all.
fn tracing(events: usize, of_others: bool) -> Duration {
    // It is set once, for the whole process. The other workloads do not mind: none of them traces each event.
    let _ = tracing::subscriber::set_global_default(Informed);
    OTHERS_ARE_TRACED.store(of_others, Ordering::Relaxed);
    callsite::rebuild_interest_cache();
    let before = SEEN.load(Ordering::Relaxed);
    tracing::info!(number = 0, "bench");
    tracing::trace!(target: OTHER, number = 0, "bench");
    let start = Instant::now();
    for number in 0..events as u64 {
        let payload = Usual::new(black_box(number));
        tracing::trace!(number = payload.number(), "bench");
    }
    let took = start.elapsed();
    let seen = SEEN.load(Ordering::Relaxed) - before;
    assert_eq!(seen, 1 + usize::from(of_others), "those that are wanted");
    took
}

/// A target whose traces may be wanted.
const OTHER: &str = "bench::another";

static OTHERS_ARE_TRACED: AtomicBool = AtomicBool::new(false);
static SEEN: AtomicUsize = AtomicUsize::new(0);

/// Counts what comes from here.
struct Informed;

impl Subscriber for Informed {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let is_traced = metadata.target() == OTHER && OTHERS_ARE_TRACED.load(Ordering::Relaxed);
        is_traced || metadata.level() <= &Level::INFO
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(if OTHERS_ARE_TRACED.load(Ordering::Relaxed) {
            LevelFilter::TRACE
        } else {
            LevelFilter::INFO
        })
    }

    fn event(&self, event: &Event<'_>) {
        if [module_path!(), OTHER].contains(&event.metadata().target()) {
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
