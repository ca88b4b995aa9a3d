//! Events have what their type requires, and nothing else.

use laneway::lifecycle::{
    BuildError, EventBuilder, EventType, Format, LifecycleEvent, MAX_TEXT_BYTES, Stage,
};

/// An event with all that its type has.
fn complete(event_type: EventType) -> EventBuilder {
    match event_type {
        EventType::Startup => LifecycleEvent::startup("server", "1"),
        EventType::Alive => LifecycleEvent::alive("server", "1"),
        EventType::Shutdown => LifecycleEvent::shutdown("server"),
        EventType::Provisioned => LifecycleEvent::provisioned("server"),
        EventType::Upgraded => LifecycleEvent::upgraded("server", "1", "2"),
        EventType::Governor => {
            LifecycleEvent::governor("server", "PUPPET", Stage::Exit).sequence(7)
        }
    }
    .identity("n1")
}

type Setter = fn(EventBuilder, &str) -> EventBuilder;

/// The fields that only some types have, and those types.
const FIELDS: [(&str, Setter, &[EventType]); 4] = [
    (
        "version",
        |event, text| event.version(text),
        &[EventType::Startup, EventType::Alive, EventType::Upgraded],
    ),
    (
        "new_version",
        |event, text| event.new_version(text),
        &[EventType::Upgraded],
    ),
    (
        "governor",
        |event, text| event.governor(text),
        &[EventType::Governor],
    ),
    (
        "event_type",
        |event, text| event.stage(text),
        &[EventType::Governor],
    ),
];

#[test]
fn options_set_fields() {
    for event_type in EventType::ALL {
        let event = complete(event_type).id("id").timestamp(5).build().unwrap();
        assert_eq!(event.event_type(), event_type);
        assert_eq!(
            (
                event.id(),
                event.identity(),
                event.component(),
                event.timestamp()
            ),
            ("id", "n1", "server", 5)
        );
        let governs = event_type == EventType::Governor;
        assert_eq!(event.governor_name(), governs.then_some("PUPPET"));
        assert_eq!(event.sequence(), governs.then_some(7));
        assert_eq!(event.stage(), governs.then_some(Stage::Exit));
        let [(_, _, versioned), (_, _, upgraded), ..] = FIELDS;
        assert_eq!(
            event.version(),
            versioned.contains(&event_type).then_some("1")
        );
        assert_eq!(
            event.new_version(),
            upgraded.contains(&event_type).then_some("2")
        );
        assert_eq!(event.format(), Format::Choria);
        let event = complete(event_type)
            .format(Format::CloudEvent)
            .build()
            .unwrap();
        assert!(event.to_json().starts_with(r#"{"specversion""#));
    }
}

#[test]
fn an_option_of_another_type_is_an_error() {
    for event_type in EventType::ALL {
        for (field, set, types) in FIELDS {
            let built = set(complete(event_type), "enter").build();
            match types.contains(&event_type) {
                true => assert!(built.is_ok(), "{built:?}"),
                false => assert_eq!(built, Err(BuildError::Foreign { event_type, field })),
            }
        }
        if event_type != EventType::Governor {
            let field = "sequence";
            let built = complete(event_type).sequence(1).build();
            assert_eq!(built, Err(BuildError::Foreign { event_type, field }));
        }
    }
}

#[test]
fn what_is_required_is_enforced() {
    for event_type in EventType::ALL {
        let missing = |field| Err(BuildError::Missing { event_type, field });
        assert_eq!(complete(event_type).id("").build(), missing("id"));
        assert_eq!(
            complete(event_type).identity("").build(),
            missing("identity")
        );
        assert_eq!(
            complete(event_type).component("").build(),
            missing("component")
        );
        let bare = || LifecycleEvent::builder(event_type);
        assert!(bare().component("c").build().is_err());
        assert!(bare().build().is_err());
        for (field, set, types) in FIELDS {
            if !types.contains(&event_type) {
                continue;
            }
            let empty = set(complete(event_type), "").build();
            match field {
                "event_type" => assert_eq!(empty, Err(BuildError::InvalidStage)),
                field => assert_eq!(empty, missing(field)),
            }
            let mut others = bare().identity("n1").component("server");
            for (other, set, types) in FIELDS {
                if other != field && types.contains(&event_type) {
                    others = set(others, "enter");
                }
            }
            assert_eq!(others.build(), missing(field));
        }
    }
}

#[test]
fn a_bad_stage_is_an_error() {
    let event = LifecycleEvent::governor("server", "PUPPET", "bogus").identity("n1");
    let error = event.build().unwrap_err();
    assert_eq!(error, BuildError::InvalidStage);
    assert_eq!(error.to_string(), "invalid stage");
}

#[test]
fn texts_are_limited() {
    let longest = "x".repeat(MAX_TEXT_BYTES);
    let event = LifecycleEvent::startup(&longest, &longest).identity(&longest);
    let event = event.id(&longest).build().unwrap();
    assert_eq!(
        LifecycleEvent::from_json(event.to_json()).as_ref(),
        Ok(&event)
    );
    let too_long = longest + "x";
    let bytes = too_long.len();
    for (field, event) in [
        ("id", complete(EventType::Shutdown).id(&too_long)),
        (
            "identity",
            complete(EventType::Shutdown).identity(&too_long),
        ),
        (
            "component",
            complete(EventType::Shutdown).component(&too_long),
        ),
        ("version", complete(EventType::Alive).version(&too_long)),
        (
            "governor",
            complete(EventType::Governor).governor(&too_long),
        ),
    ] {
        assert_eq!(event.build(), Err(BuildError::TooLong { field, bytes }));
    }
}

#[test]
fn ids_are_fresh_and_times_are_now() {
    let [a, b] = [0, 1].map(|_| complete(EventType::Shutdown).build().unwrap());
    assert_ne!(a.id(), b.id());
    assert!(uuid::Uuid::parse_str(a.id()).is_ok_and(|id| id.get_version_num() == 4));
    assert!(a.timestamp() > 1_700_000_000);
    // So that a router hands it on as it is.
    assert_eq!(size_of::<LifecycleEvent>(), size_of::<usize>());
    assert_eq!(a.clone(), a);
}
