//! Filters: what each pattern matches, which texts are none, and how a filter reads.

use laneway::{Field, Filter, FilterError, Topic};
use std::collections::HashSet;

const LONGEST: usize = 256;

fn event(event_type: &str) -> Topic {
    Topic::new("compute", event_type).unwrap()
}

fn full_topic() -> Topic {
    let builder = Topic::builder("compute", "VM.START").source("ms1");
    builder
        .resource_type("VirtualMachine")
        .resource(7)
        .build()
        .unwrap()
}

type Setter = fn(Filter, String) -> Filter;

/// The setters for text, in the order of the fields.
const SETTERS: [(Field, Setter); 4] = [
    (Field::Category, Filter::category),
    (Field::EventType, Filter::event_type),
    (Field::Source, Filter::source),
    (Field::ResourceType, Filter::resource_type),
];

#[test]
fn a_prefix_matches_what_follows_its_dot() {
    let filter = Filter::any().event_type("VM.*");
    for matching in ["VM.START", "VM.SNAPSHOT.CREATE", "VM.", "VM..", "VM. "] {
        assert!(filter.matches(event(matching)), "{matching}");
    }
    for other in [
        "VM",
        "VMX.START",
        "vm.START",
        "X.VM.START",
        ".VM.START",
        "V",
    ] {
        assert!(!filter.matches(event(other)), "{other}");
    }
}

#[test]
fn a_name_matches_itself_only() {
    let filter = Filter::any().event_type("VM.START");
    assert!(filter.matches(event("VM.START")));
    for other in ["VM.START.", "VM.STAR", "VM", "VM.START.LATE", "vm.start"] {
        assert!(!filter.matches(event(other)), "{other}");
    }
}

#[test]
fn every_field_has_its_say() {
    let topic = full_topic();
    let filter = Filter::exact(topic);
    assert!(filter.matches(topic));
    for (_, set) in SETTERS {
        assert!(!set(filter.clone(), "other".to_owned()).matches(topic));
        assert!(set(filter.clone(), "*".to_owned()).matches(topic));
    }
    assert!(!filter.clone().resource(8).matches(topic));
}

#[test]
fn absent_fields_match_only_what_is_not_asked_for() {
    let bare = event("VM.START");
    assert!(Filter::any().source("*").resource_type("*").matches(bare));
    assert!(!Filter::any().source("ms1").matches(bare));
    assert!(!Filter::any().source("ms1.*").matches(bare));
    assert!(!Filter::any().resource_type("Disk").matches(bare));
    assert!(!Filter::any().resource(0).matches(bare));
    assert!(Filter::any().resource(0).matches(bare.with_resource(0)));
}

#[test]
fn a_star_is_the_same_as_not_set() {
    let stars = SETTERS
        .into_iter()
        .fold(Filter::any(), |filter, (_, set)| set(filter, "*".into()));
    assert_eq!(stars, Filter::any());
    assert_eq!(stars, Filter::default());
    assert_eq!(Filter::any().source("ms1").source("*"), Filter::any());
    let set: HashSet<Filter> = [stars, Filter::any(), Filter::any().source("x")].into();
    assert_eq!(set.len(), 2);
}

#[test]
fn exact_takes_over_what_the_topic_has() {
    let all = Filter::any()
        .category("compute")
        .event_type("VM.START")
        .source("ms1");
    let all = all.resource_type("VirtualMachine").resource(7);
    assert_eq!(Filter::exact(full_topic()), all);

    let bare = Filter::exact(event("VM.START"));
    assert_eq!(
        bare,
        Filter::any().category("compute").event_type("VM.START")
    );
    assert!(bare.matches(full_topic()));
}

#[test]
fn looked_up_topics_match_by_prefix() {
    event("LOOK.UP.LEAF");
    let topic = Topic::lookup("compute", "LOOK.UP.STRANGE", None, None);
    for matching in ["LOOK.*", "LOOK.UP.*", "*"] {
        assert!(
            Filter::any().event_type(matching).matches(topic),
            "{matching}"
        );
    }
    for other in [
        "LOOK.UP.STRANGE",
        "LOOK.UP.STRANGE.*",
        "LOOK.UP.LEAF.*",
        "LOOK.UP",
        "LOO.*",
    ] {
        assert!(!Filter::any().event_type(other).matches(topic), "{other}");
    }
    assert!(Filter::exact(topic).matches(topic));
    assert_eq!(
        Filter::exact(topic),
        Filter::any().category("compute").event_type("LOOK.UP.*")
    );

    let unknown = Topic::lookup("never seen", "", Some("*"), None);
    assert_eq!(Filter::exact(unknown), Filter::any());
    assert!(Filter::any().matches(unknown));
    assert!(!Filter::any().category("never seen").matches(unknown));
}

#[test]
fn each_wrong_pattern_has_its_error() {
    let long = "x".repeat(LONGEST + 1);
    let long_prefix = format!("{long}.*");
    let bytes = LONGEST + 1;
    for (wrong, error) in [
        (
            "",
            (|field, _| FilterError::Empty { field }) as fn(Field, usize) -> FilterError,
        ),
        (".*", |field, _| FilterError::Empty { field }),
        (&long, |field, bytes| FilterError::TooLong { field, bytes }),
        (&long_prefix, |field, bytes| FilterError::TooLong {
            field,
            bytes,
        }),
        ("**", |field, _| FilterError::Star { field }),
        ("VM*", |field, _| FilterError::Star { field }),
        ("*.VM", |field, _| FilterError::Star { field }),
        ("VM.*.START", |field, _| FilterError::Star { field }),
        ("VM.*.*", |field, _| FilterError::Star { field }),
        ("*.*", |field, _| FilterError::Star { field }),
    ] {
        for (field, set) in SETTERS {
            let filter = set(Filter::any(), wrong.to_owned());
            assert_eq!(filter.check(), Err(error(field, bytes)), "{wrong}");
            assert!(!filter.matches(full_topic()), "{wrong}");
        }
    }
    let longest = "x".repeat(LONGEST);
    assert_eq!(Filter::any().source(&longest).check(), Ok(()));
    assert_eq!(Filter::any().source(longest + ".*").check(), Ok(()));
    assert_eq!(Filter::any().source("a..*").check(), Ok(()));
}

#[test]
fn the_first_wrong_field_is_reported() {
    let filter = Filter::any().resource_type("").event_type("*x").source("");
    let error = filter.check().unwrap_err();
    assert_eq!(
        error,
        FilterError::Star {
            field: Field::EventType
        }
    );
    assert_eq!(
        error.to_string(),
        "the event type of a filter has a `*` other than in `*` or `<prefix>.*`"
    );
}

#[test]
fn filters_print_what_is_set() {
    assert_eq!(Filter::any().to_string(), "any");
    let filter = Filter::any().category("compute").event_type("VM.*");
    assert_eq!(filter.to_string(), "category=compute event_type=VM.*");
    let filter = Filter::any().source("a").resource_type("b").resource(1);
    assert_eq!(
        filter.to_string(),
        "source=a resource_type=b resource=00000000-0000-0000-0000-000000000001"
    );
    let resource = Filter::any().resource(1).to_string();
    assert_eq!(resource, "resource=00000000-0000-0000-0000-000000000001");
}
