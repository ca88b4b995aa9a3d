//! The limits of the process-wide registry. In a process of its own, since what is full stays full.

use laneway::{Filter, Topic, TopicError, registry_stats};

const LOOKED_UP_LIMIT: usize = 1 << 18;

/// Pairs of these are more than enough for either kind of class.
const NAMES: usize = 1100;

#[test]
fn a_full_registry_says_so_and_keeps_working() {
    let names: Vec<String> = (0..NAMES).map(|number| number.to_string()).collect();
    for name in &names {
        Topic::new(name, name).unwrap();
    }
    fill_text();
    fill_looked_up_classes(&names);
    fill_classes(&names);

    let before = registry_stats();
    assert!(Topic::new("a", "b").is_err());
    assert_eq!(registry_stats(), before);
}

fn fill_text() {
    let error = (0..).find_map(|number| Topic::new("0", format!("{number:0>256}")).err());
    let stats = registry_stats();
    assert_eq!(stats.text_limit, 64 << 20);
    assert_eq!(
        error,
        Some(TopicError::TooMuchText {
            limit: stats.text_limit
        })
    );
    assert!(stats.text_bytes <= stats.text_limit && stats.text_limit - stats.text_bytes < 258);
    assert!(Topic::new("1", "2").is_ok());
}

fn fill_looked_up_classes(names: &[String]) {
    // With a source that no registered topic has, so that none of these is there already.
    let lookup = |number: usize| {
        let (category, event_type) = (&names[number / NAMES], &names[number % NAMES]);
        Topic::lookup(category, event_type, Some("0"), None)
    };
    let first = lookup(0);
    for number in 1..LOOKED_UP_LIMIT {
        assert_eq!(lookup(number).source(), Some("0"));
    }
    assert_eq!(registry_stats().looked_up_classes, LOOKED_UP_LIMIT);

    let other = lookup(LOOKED_UP_LIMIT);
    assert_eq!((other.category(), other.source()), ("*", Some("*")));
    assert!(Filter::any().matches(other));
    assert!(!Filter::any().source("0").matches(other));
    assert_eq!(lookup(0), first);
    assert_eq!(registry_stats().looked_up_classes, LOOKED_UP_LIMIT);
}

fn fill_classes(names: &[String]) {
    let pair = |number: usize| (&names[number / NAMES], &names[number % NAMES]);
    let full = (0..NAMES * NAMES).find_map(|number| {
        let (category, event_type) = pair(number);
        Topic::new(category, event_type)
            .err()
            .map(|error| (number, error))
    });
    let stats = registry_stats();
    let (number, error) = full.unwrap();
    assert_eq!(
        error,
        TopicError::TooManyClasses {
            limit: stats.class_limit
        }
    );
    assert_eq!((stats.classes, stats.class_limit), (1 << 20, 1 << 20));

    let (category, event_type) = pair(number - 1);
    let last = Topic::new(category, event_type).unwrap();
    assert_eq!(
        (last.category(), last.event_type()),
        (&**category, &**event_type)
    );
    assert_eq!(Topic::lookup(category, event_type, None, None), last);
}
