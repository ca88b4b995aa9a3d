//! 5.1: the filters of webhooks.

use crate::common::{Log, guarded};
use laneway::cloudstack::{Match, WebhookFilterError, WebhookFilters};
use laneway::{Filter, Router, Topic};

fn exact(text: &str) -> Match {
    Match::Exact(text.into())
}

#[test]
fn the_four_ways_to_compare() {
    for (rule, yes, no) in [
        (exact("VM.START"), "VM.START", "VM.START2"),
        (Match::Prefix("VM.".into()), "VM.START", "NVM.START"),
        (Match::Suffix(".START".into()), "VM.START", "VM.STARTED"),
        (Match::Contains("SNAP".into()), "VM.SNAPSHOT", "VM.START"),
        (exact("VM.START"), "VM.START", "vm.start"),
    ] {
        let include = WebhookFilters::new().include(rule.clone()).unwrap();
        assert!(include.allow(yes) && !include.allow(no), "{rule:?}");
        let exclude = WebhookFilters::new().exclude(rule.clone()).unwrap();
        assert!(!exclude.allow(yes) && exclude.allow(no), "{rule:?}");
    }
}

#[test]
fn what_excludes_wins_and_one_that_includes_is_enough() {
    assert!(WebhookFilters::new().allow("ANYTHING"));
    let filters = WebhookFilters::new()
        .include(Match::Prefix("VM.".into()))
        .and_then(|filters| filters.include(Match::Prefix("VOLUME.".into())))
        .and_then(|filters| filters.exclude(Match::Suffix(".STOP".into())))
        .unwrap();
    for (event_type, allowed) in [
        ("VM.START", true),
        ("VOLUME.CREATE", true),
        ("VM.STOP", false),
        ("NETWORK.CREATE", false),
        ("NETWORK.STOP", false),
    ] {
        assert_eq!(filters.allow(event_type), allowed, "{event_type}");
    }
}

#[test]
fn bad_rules() {
    let empty = WebhookFilters::new().include(exact(""));
    assert_eq!(empty, Err(WebhookFilterError::Empty));
    let mut filters = WebhookFilters::new();
    for rule in 0..WebhookFilters::LIMIT {
        let text = exact(&rule.to_string());
        filters = match rule % 2 {
            0 => filters.include(text).unwrap(),
            _ => filters.exclude(text).unwrap(),
        };
    }
    assert_eq!(
        filters.clone().include(exact("x")),
        Err(WebhookFilterError::TooMany)
    );
    assert_eq!(
        filters.exclude(exact("x")),
        Err(WebhookFilterError::TooMany)
    );
}

#[test]
fn as_a_predicate() {
    guarded(|| {
        let router = Router::new();
        let log = Log::default();
        let filters = WebhookFilters::new()
            .exclude(Match::Contains("LOGIN".into()))
            .unwrap();
        router
            .subscription()
            .filter(Filter::any())
            .when(move |event| filters.allow_topic(event.topic()))
            .handler(log.handler())
            .unwrap();
        for (number, event_type) in ["USER.LOGIN", "USER.CREATE"].into_iter().enumerate() {
            let topic = Topic::new("ActionEvent", event_type).unwrap();
            router.publish(topic, number).unwrap();
        }
        router.flush().unwrap();
        assert_eq!(log.all(), [1]);
    });
}

/// Of a type that nobody registered only the beginning is known: it may be the one that is excluded.
#[test]
fn what_may_be_excluded_is() {
    let _known = Topic::new("ActionEvent", "WEBHOOK.X").unwrap();
    let unknown = |event_type| Topic::lookup("ActionEvent", event_type, None, None);
    let without = |rule| WebhookFilters::new().exclude(rule).unwrap();
    let only = |rule| WebhookFilters::new().include(rule).unwrap();
    let stop = unknown("WEBHOOK.STOP");
    assert_eq!(stop.event_type(), "WEBHOOK.*");
    for rule in [
        exact("WEBHOOK.STOP"),
        Match::Prefix("WEBHOOK.S".into()),
        Match::Prefix("WEB".into()),
        Match::Suffix("STOP".into()),
        Match::Contains("STOP".into()),
    ] {
        assert!(!without(rule.clone()).allow_topic(stop), "{rule:?}");
    }
    assert!(without(exact("VOLUME.STOP")).allow_topic(stop));
    assert!(without(Match::Prefix("VOLUME.".into())).allow_topic(stop));
    assert!(only(Match::Prefix("WEBHOOK.".into())).allow_topic(stop));
    assert!(!only(exact("WEBHOOK.STOP")).allow_topic(stop));
    assert!(!only(Match::Suffix("STOP".into())).allow_topic(stop));
}
