//! G3: a subscription gets an event at most once, however many of its filters match.

mod common;

use common::{Log, Random, any_of, guarded, setups, sweep, topic};
use laneway::{Actor, Batch, Context, Event, Filter, Router, Topic};

fn started() -> Topic {
    Topic::builder("compute", "VM.START")
        .source("ms1")
        .resource_type("VirtualMachine")
        .resource(7)
        .build()
        .unwrap()
}

/// Filters that all match `started()`, each in its own way.
fn overlapping() -> Vec<Filter> {
    vec![
        Filter::any(),
        Filter::exact(started()),
        Filter::any().category("compute"),
        Filter::any().event_type("VM.*"),
        Filter::any().event_type("VM.START"),
        Filter::any().event_type("VM.START").source("ms1"),
        Filter::any().resource_type("VirtualMachine"),
        Filter::any().resource(7),
        Filter::any().resource(7).event_type("VM.*"),
        Filter::any().resource(7).category("compute").source("ms1"),
    ]
}

/// Subscribes to any of the filters at once. What arrives goes to the log.
fn listen(router: &Router<u64>, filters: &[Filter]) -> Log<u64> {
    let log = Log::default();
    let builder = any_of(router.subscription(), filters);
    builder.handler(log.handler()).unwrap();
    log
}

#[test]
fn several_filters_that_match_bring_an_event_once() {
    guarded(|| {
        sweep(|setup| {
            let router = setup.router();
            let all = overlapping();
            let pairs = all
                .iter()
                .flat_map(|a| all.iter().map(|b| [a.clone(), b.clone()]));
            let logs: Vec<_> = pairs.map(|pair| listen(&router, &pair)).collect();
            let whole = listen(&router, &all);
            for number in 0..10 {
                router.publish(started(), number).unwrap();
            }
            router.flush().unwrap();
            let once: Vec<u64> = (0..10).collect();
            for log in logs.iter().chain([&whole]) {
                assert_eq!(log.all(), once);
            }
        });
    });
}

#[test]
fn a_filter_that_is_given_twice_counts_once() {
    guarded(|| {
        let router = Router::new();
        for filter in overlapping() {
            let log = listen(&router, &[filter.clone(), filter.clone(), filter]);
            router.publish(started(), 1).unwrap();
            router.flush().unwrap();
            assert_eq!(log.all(), [1]);
        }
    });
}

#[test]
fn each_subscription_to_the_same_filter_gets_its_own() {
    guarded(|| {
        let router = Router::builder().shards(2).build().unwrap();
        let all = overlapping();
        let logs: Vec<_> = (0..10).map(|_| listen(&router, &all)).collect();
        router.publish(started(), 1).unwrap();
        router.flush().unwrap();
        for log in logs {
            assert_eq!(log.all(), [1]);
        }
    });
}

#[test]
fn whichever_filter_matches_brings_an_event_once() {
    guarded(|| {
        let router = Router::new();
        let narrow = [
            Filter::any().resource(7),
            Filter::any().event_type("VM.STOP"),
        ];
        let log = listen(&router, &narrow);
        let wide = listen(&router, &overlapping());
        router.publish(started(), 1).unwrap();
        router.publish(started().with_resource(8), 2).unwrap();
        router.publish(topic("OTHER").with_resource(7), 3).unwrap();
        router.publish(topic("OTHER"), 4).unwrap();
        router.flush().unwrap();
        assert_eq!(log.all(), [1, 3]);
        assert_eq!(wide.all(), [1, 2, 3, 4]);
    });
}

/// Notes which batch an event came in.
struct Batches(Log<Vec<u64>>);

impl Actor<u64> for Batches {
    fn handle(&mut self, _: &Event<u64>, _: &mut Context<'_, u64>) {
        unreachable!("it takes batches");
    }

    fn handle_batch(&mut self, batch: Batch<'_, u64>, _: &mut Context<'_, u64>) {
        self.0.push(batch.map(|event| *event.payload()).collect());
    }
}

#[test]
fn a_batch_has_an_event_once_too() {
    guarded(|| {
        let by_resource = Filter::any().resource(7);
        let by_both = Filter::any().resource(7).category("compute");
        let by_class = Filter::any().event_type("VM.*");
        let every: Vec<u64> = (0..100).collect();
        let even: Vec<u64> = (0..100).step_by(2).collect();
        for (filters, expected) in [
            ([by_resource.clone(), by_both.clone()], &even),
            ([by_resource, by_class.clone()], &every),
            ([by_class, by_both], &every),
        ] {
            let router = Router::new();
            let log = Log::default();
            let builder = any_of(router.subscription(), &filters);
            builder.actor(Batches(log.clone())).unwrap();
            let items = (0..100).map(|number| (started().with_resource(7 - number % 2), number));
            router.publisher().publish_batch(items).unwrap();
            router.flush().unwrap();
            assert_eq!(&log.all().concat(), expected);
        }
    });
}

fn random_filter(random: &mut Random) -> Filter {
    let mut filter = Filter::any();
    if random.flip() {
        filter = filter.category(random.pick(&["compute", "network", "*"]));
    }
    if random.flip() {
        let types = [
            "VM.*",
            "VM.START",
            "VM.STOP",
            "VM.SNAPSHOT.*",
            "VM.SNAPSHOT.CREATE",
        ];
        filter = filter.event_type(random.pick(&types));
    }
    if random.below(4) == 0 {
        filter = filter.source(random.pick(&["ms1", "ms2", "ms.*"]));
    }
    if random.below(3) == 0 {
        filter = filter.resource(random.below(3) as u64);
    }
    filter
}

fn random_topic(random: &mut Random) -> Topic {
    let category = random.pick(&["compute", "network", "storage"]);
    let types = [
        "VM",
        "VM.START",
        "VM.STOP",
        "VM.SNAPSHOT.CREATE",
        "DISK.ATTACH",
    ];
    let mut builder = Topic::builder(category, random.pick(&types));
    if random.flip() {
        builder = builder.source(random.pick(&["ms1", "ms2", "ms.one"]));
    }
    if random.flip() {
        builder = builder.resource(random.below(4) as u64);
    }
    builder.build().unwrap()
}

#[test]
fn random_filters_get_each_event_once_if_one_of_them_matches() {
    guarded(|| {
        let mut random = Random::new();
        for setup in setups() {
            let router = setup.router();
            let subscriptions: Vec<(Vec<Filter>, Log<u64>)> = (0..40)
                .map(|_| {
                    let count = 1 + random.below(4);
                    let filters: Vec<_> = (0..count).map(|_| random_filter(&mut random)).collect();
                    let log = listen(&router, &filters);
                    (filters, log)
                })
                .collect();
            let topics: Vec<Topic> = (0..300).map(|_| random_topic(&mut random)).collect();
            let mut publisher = router.publisher();
            for (number, &topic) in topics.iter().enumerate() {
                publisher.publish(topic, number as u64).unwrap();
            }
            router.flush().unwrap();
            for (filters, log) in subscriptions {
                let wants = |topic: &Topic| filters.iter().any(|filter| filter.matches(*topic));
                let numbered = (0..).zip(&topics);
                let expected =
                    numbered.filter_map(|(number, topic)| wants(topic).then_some(number));
                assert_eq!(
                    log.all(),
                    expected.collect::<Vec<u64>>(),
                    "{filters:?} in {setup:?}"
                );
            }
        }
    });
}
