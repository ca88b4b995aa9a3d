//! 5.1: the five categories, an open list, and the settings that turn them off.

use laneway::cloudstack::{
    Categories, CategoryError, EventCategory, MANAGEMENT_SERVER, PublishSwitches, SwitchError,
};
use laneway::{Filter, Topic};

#[test]
fn the_five() {
    let names = EventCategory::ALL.map(EventCategory::name);
    assert_eq!(
        names,
        [
            "ActionEvent",
            "AlertEvent",
            "UsageEvent",
            "ResourceStateEvent",
            "AsyncJobEvent"
        ]
    );
    for category in EventCategory::ALL {
        for name in [
            category.to_string(),
            category.name().to_lowercase(),
            category.name().to_uppercase(),
        ] {
            assert_eq!(EventCategory::get(&name), Some(category));
        }
    }
    for stranger in ["", "Action Event", "ActionEvents", "Action"] {
        assert_eq!(EventCategory::get(stranger), None);
    }
}

#[test]
fn topics_and_filters_of_a_category() {
    let topic = EventCategory::USAGE.topic("VM.START").build().unwrap();
    assert_eq!(topic.source(), Some(MANAGEMENT_SERVER));
    assert!(EventCategory::USAGE.filter().matches(topic));
    assert!(!EventCategory::ALERT.filter().matches(topic));
    let own = EventCategory::new("AuditEvent");
    assert_eq!(Topic::new(own, "LOGIN").unwrap().category(), own.name());
    assert_eq!(Filter::any().category(own), own.filter());
}

#[test]
fn the_list_is_open_and_bounded() {
    let mut known = Categories::default();
    assert_eq!(known.iter().count(), 5);
    assert_eq!(known.get("asyncjobevent"), Some("AsyncJobEvent"));
    assert_eq!(known.get("audit"), None);
    known.add("Audit").unwrap();
    assert_eq!(known.get("AUDIT"), Some("Audit"));
    let name = "ActionEvent".to_owned();
    assert_eq!(
        known.add("ACTIONEVENT"),
        Err(CategoryError::Duplicate { name })
    );
    for bad in ["", "*", "a.*", &"x".repeat(257)] {
        assert_eq!(known.add(bad), Err(CategoryError::InvalidName), "{bad}");
    }
    while known.iter().count() < Categories::LIMIT {
        known.add(&format!("own{}", known.iter().count())).unwrap();
    }
    assert_eq!(known.add("one more"), Err(CategoryError::TooMany));
}

#[test]
fn settings_turn_categories_off() {
    let keys = ["action", "alert", "usage", "resource.state", "async.job"];
    for (key, category) in keys.into_iter().zip(EventCategory::ALL) {
        let key = format!("publish.{key}.events");
        let switches = PublishSwitches::from_settings([(&*key, "FALSE ")]).unwrap();
        for other in EventCategory::ALL {
            assert_eq!(switches.allow(other.name()), other != category);
            assert_eq!(
                switches.allow(&other.name().to_lowercase()),
                other != category
            );
        }
        assert!(switches.allow("AuditEvent"));
        let topic = category.topic("SWITCHED").build().unwrap();
        assert!(!switches.allow_topic(topic));
        assert_eq!(
            PublishSwitches::from_settings([(&*key, "maybe")]),
            Err(SwitchError { key: key.clone() })
        );
        let last = [(&*key, "false"), ("other", "maybe"), (&*key, "true")];
        assert_eq!(
            PublishSwitches::from_settings(last),
            Ok(PublishSwitches::default())
        );
    }
}
