//! Filter dialects: what passes, what is refused, and that the router's own filters let nothing of it slip.

use crate::common::{Log, Random, guarded, rounds};
use laneway::cloudevents::{Category, CloudEvent, EventFilter, ParseErrorKind, TopicMap};
use laneway::{Filter, Router};

fn filter(json: &str) -> EventFilter {
    EventFilter::from_json(json).unwrap_or_else(|error| panic!("{error}: {json}"))
}

#[test]
fn filters_that_say_nothing_or_too_much_are_refused() {
    use ParseErrorKind::{Dialect, EmptyFilter, Expected, TooDeep};
    for (json, kind) in [
        (r#"{"sql":"TRUE"}"#, Dialect("sql".into())),
        (
            r#"[{"exact":{"type":"a"}},{"like":{}}]"#,
            Dialect("like".into()),
        ),
        ("{}", EmptyFilter),
        (r#"{"exact":{}}"#, EmptyFilter),
        (r#"{"any":[]}"#, EmptyFilter),
        (r#"{"all":[]}"#, EmptyFilter),
        (r#"{"not":{}}"#, EmptyFilter),
        (
            r#"{"exact":{"type":"a"},"prefix":{"type":"a"}}"#,
            Expected("one dialect"),
        ),
        (r#"{"not":[]}"#, Expected("a filter")),
        (r#"{"any":{}}"#, Expected("an array of filters")),
        (r#"{"exact":"a"}"#, Expected("an object of attributes")),
        ("5", Expected("an object")),
        (r#"[] 5"#, Expected("the end")),
    ] {
        let error = EventFilter::from_json(json).expect_err(json);
        assert_eq!(error.kind(), &kind, "{json}");
    }
    for attributes in [
        r#""type":"""#,
        r#""Type":"a""#,
        r#""type":5"#,
        r#""type":"a","type":"b""#,
        r#""data":"a""#,
        r#""a":"\n""#,
    ] {
        let error = EventFilter::from_json(format!(r#"{{"exact":{{{attributes}}}}}"#)).unwrap_err();
        assert!(
            matches!(error.kind(), ParseErrorKind::Attribute(_)),
            "{attributes}"
        );
    }
    let deep = format!(
        "{}{{\"exact\":{{\"id\":\"1\"}}}}{}",
        r#"{"not":"#.repeat(10_000),
        "}".repeat(10_000)
    );
    assert_eq!(EventFilter::from_json(deep).unwrap_err().kind(), &TooDeep);
}

#[test]
fn what_topics_can_express_becomes_filters() {
    let any = Filter::any;
    let map = TopicMap::new().resource_type_from("kind");
    let category = Category::Attribute {
        name: "tenant".into(),
        otherwise: "none".into(),
    };
    let by_tenant = TopicMap::new().category(category);
    for (json, map, filters, is_exact) in [
        (
            r#"{"exact":{"type":"a.b"}}"#,
            &map,
            vec![any().event_type("a.b")],
            true,
        ),
        (
            r#"{"exact":{"type":"a.b","source":"/s"}}"#,
            &map,
            vec![any().event_type("a.b").source("/s")],
            true,
        ),
        (
            r#"{"prefix":{"type":"a.b."}}"#,
            &map,
            vec![any().event_type("a.b.*")],
            true,
        ),
        (
            r#"{"prefix":{"type":"a.b.c"}}"#,
            &map,
            vec![any().event_type("a.b.*")],
            false,
        ),
        (r#"{"prefix":{"type":"a"}}"#, &map, vec![any()], false),
        (r#"{"prefix":{"type":"."}}"#, &map, vec![any()], false),
        (r#"{"suffix":{"type":".b"}}"#, &map, vec![any()], false),
        (
            r#"{"exact":{"type":"a.*"}}"#,
            &map,
            vec![any().event_type("a.*")],
            false,
        ),
        (
            r#"{"exact":{"kind":"k"}}"#,
            &map,
            vec![any().resource_type("k")],
            true,
        ),
        (
            r#"{"exact":{"subject":"x"}}"#,
            &map,
            vec![any().resource("x")],
            false,
        ),
        (r#"{"exact":{"id":"x"}}"#, &map, vec![any()], false),
        (
            r#"{"exact":{"tenant":"t"}}"#,
            &by_tenant,
            vec![any().category("t")],
            false,
        ),
        (
            r#"{"any":[{"exact":{"type":"a"}},{"exact":{"source":"b"}}]}"#,
            &map,
            vec![any().event_type("a"), any().source("b")],
            true,
        ),
        (
            r#"{"any":[{"exact":{"type":"a"}},{"exact":{"type":"a"}}]}"#,
            &map,
            vec![any().event_type("a")],
            true,
        ),
        (
            r#"[{"prefix":{"type":"a."}},{"exact":{"type":"a.b"}}]"#,
            &map,
            vec![any().event_type("a.b")],
            true,
        ),
        (
            r#"[{"prefix":{"type":"a."}},{"not":{"exact":{"type":"a.b"}}}]"#,
            &map,
            vec![any().event_type("a.*")],
            false,
        ),
        (
            r#"[{"exact":{"type":"a"}},{"exact":{"type":"b"}}]"#,
            &map,
            vec![any()],
            false,
        ),
        ("[]", &map, vec![any()], true),
    ] {
        let plan = filter(json).plan(map);
        assert_eq!((plan.filters, plan.is_exact), (filters, is_exact), "{json}");
    }
    let many: Vec<_> = (0..65)
        .map(|number| format!(r#"{{"exact":{{"type":"t{number}"}}}}"#))
        .collect();
    let plan = filter(&format!(r#"{{"any":[{}]}}"#, many.join(","))).plan(&map);
    assert_eq!((plan.filters, plan.is_exact), (vec![any()], false));
}

const TEXTS: [&str; 12] = [
    "a",
    "a.b",
    "a.b.",
    "a..b",
    "a.b.c",
    "ab.c",
    "b",
    ".a",
    "a.*",
    "*",
    "6BA7B810-9DAD-11D1-80B4-00C04FD430C8",
    "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
];
const NAMES: [&str; 7] = [
    "type",
    "source",
    "subject",
    "id",
    "tenant",
    "kind",
    "specversion",
];

fn random_filter(random: &mut Random, depth: usize) -> String {
    let several = |random: &mut Random| {
        let count = 1 + random.below(3);
        let filters: Vec<_> = (0..count)
            .map(|_| random_filter(random, depth - 1))
            .collect();
        filters.join(",")
    };
    match random.below(if depth == 0 { 5 } else { 9 }) {
        5 | 6 => format!(r#"{{"all":[{}]}}"#, several(random)),
        7 => format!(r#"{{"any":[{}]}}"#, several(random)),
        8 => format!(r#"{{"not":{}}}"#, random_filter(random, depth - 1)),
        leaf => {
            let dialect = ["exact", "exact", "prefix", "prefix", "suffix"][leaf];
            let (name, text) = (random.pick(&NAMES), random.pick(&TEXTS));
            format!(r#"{{"{dialect}":{{"{name}":"{text}"}}}}"#)
        }
    }
}

fn random_event(random: &mut Random) -> CloudEvent {
    // Longer than a name can be, now and then.
    let long = random.below(20) == 0;
    let text = |random: &mut Random| random.pick(&TEXTS).repeat(if long { 80 } else { 1 });
    let (id, source, kind) = (text(random), text(random), text(random));
    let mut builder = CloudEvent::builder(&id, &source, &kind);
    for name in ["subject", "tenant", "kind"] {
        if random.flip() {
            builder = builder.extension(name, text(random));
        }
    }
    builder.build().unwrap()
}

#[test]
fn filters_with_their_predicate_let_through_what_the_plain_predicate_does() {
    guarded(|| {
        let mut random = Random::new();
        let category = Category::Attribute {
            name: "tenant".into(),
            otherwise: "a".into(),
        };
        let maps = [
            TopicMap::new(),
            TopicMap::new()
                .category(category)
                .resource_type_from("kind"),
            TopicMap::new()
                .resource_from("id")
                .resource_type_from("type"),
        ];
        let mut counts = [0, 0];
        for round in 0..rounds(60) {
            let map = &maps[round % maps.len()];
            let router: Router<CloudEvent> = Router::builder().shards(1).build().unwrap();
            let subscribed: Vec<_> = (0..10)
                .map(|_| {
                    let depth = random.below(4);
                    let filter = filter(&random_filter(&mut random, depth));
                    let log = Log::default();
                    let handler = {
                        let log = log.clone();
                        move |event: &laneway::Event<CloudEvent>| {
                            log.push(event.payload().to_json())
                        }
                    };
                    filter
                        .subscribe(router.subscription(), map)
                        .handler(handler)
                        .unwrap();
                    (filter, log)
                })
                .collect();
            let events: Vec<_> = (0..50).map(|_| random_event(&mut random)).collect();
            let mut publisher = router.publisher();
            for event in &events {
                publisher.publish(map.topic(event), event.clone()).unwrap();
            }
            router.flush().unwrap();
            for (filter, log) in subscribed {
                let passing = events.iter().filter(|event| filter.matches(event));
                let expected: Vec<_> = passing.map(CloudEvent::to_json).collect();
                counts[0] += expected.len();
                counts[1] += events.len() - expected.len();
                assert_eq!(log.take(), expected, "{filter:?} {:?}", filter.plan(map));
            }
        }
        assert!(counts.into_iter().all(|count| count > 100), "{counts:?}");
    });
}
