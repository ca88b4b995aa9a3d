//! Row 1: who gets an event is who `Filter::matches` says, whatever is subscribed, and once. Shared by the property test and
//! the fuzz target.

use laneway::{Filter, PollError, Published, Publisher, Router, Shard, Subscription, Topic};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Few, so that they often meet: they share prefixes, and some have segments that are empty. The first ones most often, so
/// that filters with all fields set have their matches too.
const NAMES: [&str; 16] = [
    "o.a", "o.a", "o.a", "o.a.b", "o.a.b", "o", "o", "o.a.b.a", "o.a.", "o.ab", "o.", "o..a", "op",
    "op.a", "p.a", "p..",
];

/// Below each name, filters may register so many more while the process runs; topics look up twice as many.
const LATE_NAMES: u8 = 32;

const SHARDS: usize = 3;
const MOST_SUBSCRIPTIONS: usize = 16;
/// Half of them through the thread's own publisher, whose lanes have 32 places.
const MOST_PENDING: usize = 60;

type Setter = fn(Filter, String) -> Filter;

const SETTERS: [Setter; 4] = [
    Filter::category,
    Filter::event_type,
    Filter::source,
    Filter::resource_type,
];

/// What a script has shown.
#[derive(Default)]
pub(crate) struct Coverage {
    pub(crate) topics: usize,
    pub(crate) matched: usize,
    pub(crate) looked_up: usize,
    /// One bit for each combination of the five fields that a filter with a delivery has set.
    pub(crate) combinations: u32,
}

/// Bytes, read as a script: subscribe, unsubscribe, publish, poll. Ends where they end.
pub(crate) fn run(script: &[u8]) -> Coverage {
    let (router, shards) = (Router::builder().shards(SHARDS))
        .manual()
        .expect("in range");
    let publisher = router.publisher();
    let mut stage = Stage {
        router,
        shards,
        publisher,
        live: Vec::new(),
        next: 0,
        pending: Vec::new(),
        delivered: Arc::default(),
        coverage: Coverage::default(),
    };
    let mut script = Script(script);
    while let Some(step) = script.next() {
        match step % 16 {
            0..=2 => stage.subscribe(&mut script),
            3 => stage.unsubscribe(&mut script),
            4 => stage.poll(),
            _ => stage.publish(&mut script),
        }
    }
    stage.finish()
}

/// What is left of the bytes; 0 for ever behind the end.
struct Script<'a>(&'a [u8]);

impl Script<'_> {
    fn next(&mut self) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }

    fn byte(&mut self) -> u8 {
        self.next().unwrap_or_default()
    }

    /// A name, and 0 to 15 for how to use it.
    fn name(&mut self) -> (&'static str, u8) {
        let byte = self.byte();
        (NAMES[usize::from(byte % 16)], byte / 16)
    }

    fn filter(&mut self) -> (Filter, u32) {
        let fields = self.byte() % 32;
        let mut filter = Filter::any();
        for (place, set) in SETTERS.into_iter().enumerate() {
            if fields & 1 << place == 0 {
                continue;
            }
            let (name, how) = self.name();
            filter = set(
                filter,
                match how {
                    0..11 => format!("{name}.*"),
                    11..15 => name.to_owned(),
                    _ => format!("{name}.{}", self.byte() % LATE_NAMES),
                },
            );
        }
        if fields & 1 << 4 != 0 {
            filter = filter.resource(u64::from(self.byte() % 3));
        }
        (filter, 1 << fields)
    }

    /// A topic, and whether some name of it may be unknown.
    fn topic(&mut self) -> (Topic, bool) {
        let how = self.byte();
        let mut is_strange = false;
        let mut text = |is_there: bool| {
            is_there.then(|| {
                let (name, last) = self.name();
                match last {
                    0..13 => name.to_owned(),
                    _ => {
                        is_strange = true;
                        format!("{name}.{}", self.byte() % (2 * LATE_NAMES))
                    }
                }
            })
        };
        let texts = [true, true, how & 1 == 0, how & 2 == 0].map(&mut text);
        let [category, event_type, source, resource_type] = texts.each_ref().map(Option::as_deref);
        let category = category.expect("it is there");
        let event_type = event_type.expect("it is there");
        let topic = if is_strange || how & 4 == 0 {
            Topic::lookup(category, event_type, source, resource_type)
        } else {
            let mut builder = Topic::builder(category, event_type);
            if let Some(source) = source {
                builder = builder.source(source);
            }
            if let Some(resource_type) = resource_type {
                builder = builder.resource_type(resource_type);
            }
            builder.build().expect("few names and valid ones")
        };
        if how & 8 == 0 {
            (topic, is_strange)
        } else {
            (topic.with_resource(u64::from(how / 16 % 3)), is_strange)
        }
    }
}

struct Live {
    number: usize,
    filters: Vec<(Filter, u32)>,
    subscription: Subscription,
}

struct Stage {
    router: Router<usize>,
    shards: Vec<Shard<usize>>,
    /// One for the whole script: what it has cached must follow the changes.
    publisher: Publisher<usize>,
    live: Vec<Live>,
    /// The number of the next subscription.
    next: usize,
    /// What is not polled yet, and who is to have it.
    pending: Vec<BTreeSet<usize>>,
    /// Subscription and event, as handlers saw them.
    delivered: Arc<Mutex<Vec<(usize, usize)>>>,
    coverage: Coverage,
}

impl Stage {
    fn subscribe(&mut self, script: &mut Script<'_>) {
        if self.live.len() == MOST_SUBSCRIPTIONS {
            return self.unsubscribe(script);
        }
        let how = script.byte();
        let filters: Vec<_> = (0..=how % 3).map(|_| script.filter()).collect();
        let builder = filters
            .iter()
            .fold(self.router.subscription(), |builder, (filter, _)| {
                builder.filter(filter.clone())
            });
        let (number, delivered) = (self.next, Arc::clone(&self.delivered));
        self.next += 1;
        let subscription = builder
            .shard(usize::from(how / 3) % SHARDS)
            .handler(move |event| delivered.lock().unwrap().push((number, *event.payload())))
            .expect("few and valid");
        self.live.push(Live {
            number,
            filters,
            subscription,
        });
    }

    fn unsubscribe(&mut self, script: &mut Script<'_>) {
        if self.live.is_empty() {
            return;
        }
        let at = usize::from(script.byte()) % self.live.len();
        let Live {
            number,
            subscription,
            ..
        } = self.live.swap_remove(at);
        subscription.unsubscribe().expect("it lives");
        // No further call begins.
        for expected in &mut self.pending {
            expected.remove(&number);
        }
    }

    fn publish(&mut self, script: &mut Script<'_>) {
        let (topic, is_strange) = script.topic();
        let mut expected = BTreeSet::new();
        for live in &self.live {
            let mut matching = live
                .filters
                .iter()
                .filter(|(filter, _)| filter.matches(topic));
            if let Some((_, combination)) = matching.next() {
                expected.insert(live.number);
                self.coverage.combinations |= combination;
            }
        }
        self.coverage.topics += 1;
        self.coverage.matched += usize::from(!expected.is_empty());
        self.coverage.looked_up += usize::from(is_strange);

        let is_wanted = !expected.is_empty();
        assert_eq!(self.publisher.is_interested(topic), is_wanted, "{topic}");
        // It asks each filter in turn, and takes its time.
        if self.coverage.topics.is_multiple_of(8) {
            self.explain(topic, &expected);
        }

        let event = self.pending.len();
        // Every other event through the thread's own publisher.
        let published = match event % 2 {
            0 => self.publisher.publish(topic, event),
            _ => self.router.publish(topic, event),
        };
        let routed = matches!(published.expect("there is room"), Published::Routed);
        assert_eq!(routed, is_wanted, "{topic}");
        self.pending.push(expected);
        if self.pending.len() == MOST_PENDING {
            self.poll();
        }
    }

    fn explain(&self, topic: Topic, expected: &BTreeSet<usize>) {
        let explained = self.router.explain(topic);
        let live = |number: &usize| self.live.iter().find(|live| live.number == *number);
        let id = |number| live(number).expect("it lives").subscription.id();
        let mut ids: Vec<_> = expected.iter().map(id).collect();
        ids.sort_unstable();
        assert!(
            explained.iter().map(|one| one.id).eq(ids),
            "{topic}: {explained:?}"
        );
        assert!(
            explained.iter().all(|one| one.filter.matches(topic)),
            "{topic}: {explained:?}"
        );
    }

    fn poll(&mut self) {
        while self
            .shards
            .iter_mut()
            .any(|shard| shard.poll(1000).expect("it is open") > 0)
        {}
        let mut delivered = std::mem::take(&mut *self.delivered.lock().unwrap());
        delivered.sort_unstable();
        let mut expected: Vec<_> = (self.pending.iter().enumerate())
            .flat_map(|(event, who)| who.iter().map(move |number| (*number, event)))
            .collect();
        expected.sort_unstable();
        assert_eq!(delivered, expected, "who got what, and who should have");
        self.pending.clear();
    }

    fn finish(mut self) -> Coverage {
        self.poll();
        for live in &self.live {
            live.subscription.unsubscribe().expect("it lives");
        }
        assert!(self.router.subscriptions().is_empty());
        drop(self.publisher);
        // It would wait for this thread, which polls.
        self.router.shutdown(Duration::ZERO);
        for shard in &mut self.shards {
            while shard.poll(1000) != Err(PollError::Closed) {}
        }
        self.coverage
    }
}
