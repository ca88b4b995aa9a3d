//! Topics and resource ids: what they hold, how they fail, and what names from outside become.

use laneway::{Field, Filter, ResourceId, Topic, TopicError};
use std::collections::HashSet;
use uuid::Uuid;

const UUID: &str = "67e55044-10b1-426f-9247-bb680e5fe0c8";

fn full_topic() -> Topic {
    let builder = Topic::builder("compute", "VM.START").source("ms1");
    builder
        .resource_type("VirtualMachine")
        .resource(UUID)
        .build()
        .unwrap()
}

#[test]
fn a_topic_gives_back_what_it_was_made_of() {
    let topic = full_topic();
    assert_eq!(topic.category(), "compute");
    assert_eq!(topic.event_type(), "VM.START");
    assert_eq!(topic.source(), Some("ms1"));
    assert_eq!(topic.resource_type(), Some("VirtualMachine"));
    assert_eq!(topic.resource(), Some(UUID.into()));

    let bare = Topic::new("compute", String::from("VM.START")).unwrap();
    assert_eq!(bare.category(), "compute");
    assert_eq!(
        (bare.source(), bare.resource_type(), bare.resource()),
        (None, None, None)
    );
}

#[test]
fn topics_are_equal_when_all_fields_are() {
    let topic = full_topic();
    assert_eq!(topic, full_topic());
    assert_ne!(topic, topic.with_resource(1));
    assert_eq!(topic.with_resource(1), full_topic().with_resource(1));

    let bare = Topic::new("compute", "VM.START").unwrap();
    assert_ne!(bare, bare.with_resource(0));
    assert_ne!(bare, Topic::new("VM.START", "compute").unwrap());
    let set: HashSet<Topic> = [topic, bare, full_topic(), bare.with_resource(0)].into();
    assert_eq!(set.len(), 3);
}

#[test]
fn a_topic_is_small() {
    assert_eq!((size_of::<Topic>(), align_of::<Topic>()), (20, 4));
    assert_eq!((size_of::<ResourceId>(), align_of::<ResourceId>()), (16, 4));
}

#[test]
fn topics_print_what_is_set() {
    let bare = Topic::new("compute", "VM.START").unwrap();
    assert_eq!(bare.to_string(), "compute/VM.START");
    assert_eq!(
        bare.with_resource(UUID).to_string(),
        format!("compute/VM.START {UUID}")
    );
    let full = format!("compute/VM.START source=ms1 VirtualMachine:{UUID}");
    assert_eq!(full_topic().to_string(), full);
    assert_eq!(format!("{:?}", full_topic()), format!("Topic({full})"));
}

#[test]
fn each_wrong_name_has_its_error() {
    let long = "x".repeat(257);
    for (wrong, error) in [
        (
            "",
            (|field| TopicError::Empty { field }) as fn(Field) -> TopicError,
        ),
        (&long, |field| TopicError::TooLong { field, bytes: 257 }),
        ("*", |field| TopicError::Star { field }),
        ("VM.*", |field| TopicError::Star { field }),
        ("V*M", |field| TopicError::Star { field }),
    ] {
        let builder = || Topic::builder("wrong", "wrong");
        assert_eq!(Topic::new(wrong, "wrong"), Err(error(Field::Category)));
        assert_eq!(Topic::new("wrong", wrong), Err(error(Field::EventType)));
        assert_eq!(builder().source(wrong).build(), Err(error(Field::Source)));
        assert_eq!(
            builder().resource_type(wrong).build(),
            Err(error(Field::ResourceType))
        );
    }
    assert!(Topic::new("compute", &long[1..]).is_ok());
    let error = Topic::new(&long, "wrong").unwrap_err();
    assert_eq!(
        error.to_string(),
        "the category of a topic has 257 bytes, and at most 256 are allowed"
    );
}

#[test]
fn lookup_finds_what_is_registered() {
    let topic = full_topic();
    let found = Topic::lookup("compute", "VM.START", Some("ms1"), Some("VirtualMachine"));
    assert_eq!(found.with_resource(UUID), topic);
}

#[test]
fn a_combination_that_is_looked_up_first_is_the_registered_one_later() {
    Topic::new("later", "LATER.A").unwrap();
    Topic::new("later.b", "LATER.B").unwrap();
    let looked_up = Topic::lookup("later.b", "LATER.A", None, None);
    assert_eq!(looked_up, Topic::new("later.b", "LATER.A").unwrap());
}

#[test]
fn a_strange_name_stands_under_its_longest_registered_prefix() {
    Topic::new("compute", "STRANGE.KNOWN.LEAF").unwrap();
    let long = format!("STRANGE.{}", "x".repeat(1_000_000));
    for (text, reads) in [
        ("STRANGE.KNOWN.OTHER", "STRANGE.KNOWN.*"),
        ("STRANGE.KNOWN.LEAF.MORE", "STRANGE.KNOWN.LEAF.*"),
        ("STRANGE.OTHER.LEAF", "STRANGE.*"),
        ("STRANGE.", "STRANGE.*"),
        ("STRANGE.*", "STRANGE.*"),
        (&long, "STRANGE.*"),
        ("STRANGER", "*"),
        (".strange", "*"),
        ("*", "*"),
        ("", "*"),
    ] {
        let topic = Topic::lookup("compute", text, None, Some(text));
        assert_eq!((topic.category(), topic.event_type()), ("compute", reads));
        assert_eq!((topic.source(), topic.resource_type()), (None, Some(reads)));
    }
}

#[test]
fn a_topic_that_was_looked_up_does_not_change_later() {
    let early = Topic::lookup("compute", "EARLY.BIRD", None, None);
    let registered = Topic::new("compute", "EARLY.BIRD").unwrap();
    assert_ne!(early, registered);
    assert_eq!(early.event_type(), "*");
    assert!(!Filter::any().event_type("EARLY.BIRD").matches(early));
    assert_eq!(
        Topic::lookup("compute", "EARLY.BIRD", None, None),
        registered
    );
}

#[test]
fn text_that_is_a_uuid_is_that_uuid() {
    let uuid = Uuid::parse_str(UUID).unwrap();
    let id = ResourceId::from(uuid);
    for text in [
        UUID.to_owned(),
        UUID.to_uppercase(),
        UUID.replace('-', ""),
        format!("{{{UUID}}}"),
        format!("urn:uuid:{UUID}"),
    ] {
        assert_eq!(ResourceId::from(&text), id);
        assert_eq!(ResourceId::from(text.as_str()), id);
        assert_eq!(ResourceId::from(text), id);
    }
    assert_eq!(id.to_string(), UUID);
    assert_eq!(format!("{id:?}"), format!("ResourceId({UUID})"));
    assert_eq!(Uuid::from(id), uuid);
}

#[test]
fn other_text_is_its_name_based_uuid() {
    let expected = Uuid::new_v5(&Uuid::NAMESPACE_OID, b"disk 7");
    assert_eq!(ResourceId::from("disk 7"), expected.into());
    assert_ne!(ResourceId::from("disk 7"), ResourceId::from("disk 8"));
    assert_ne!(ResourceId::from("7"), ResourceId::from(7));
}

#[test]
fn resource_ids_are_numbers() {
    let values = [0, 1, u128::from(u64::MAX), 1 << 64, 1 << 96 | 5, u128::MAX];
    for pair in values.windows(2) {
        assert!(ResourceId::from_u128(pair[0]) < ResourceId::from_u128(pair[1]));
    }
    for value in values {
        assert_eq!(ResourceId::from_u128(value).as_u128(), value);
    }
    assert_eq!(ResourceId::from(u64::MAX).as_u128(), values[2]);
}
