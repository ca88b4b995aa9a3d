//! The versions before 1.0, and from one to another.

use laneway::cloudevents::{AttributeFault, CloudEvent, Data, SpecVersion, Value};

fn read(json: &str) -> CloudEvent {
    CloudEvent::from_json(json).unwrap_or_else(|error| panic!("{error}: {json}"))
}

fn fault(json: &str) -> AttributeFault {
    use laneway::cloudevents::ParseErrorKind::Attribute;
    match CloudEvent::from_json(json).expect_err(json).kind() {
        Attribute(error) => error.fault(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn version_0_3_says_how_data_is_encoded() {
    let json =
        |rest: &str| format!(r#"{{"specversion":"0.3","id":"1","source":"/s","type":"a",{rest}}}"#);
    for encoding in ["base64", "BASE64"] {
        let event = read(&json(&format!(
            r#""datacontenttype":"application/json","datacontentencoding":"{encoding}","data":"WzFd""#
        )));
        assert_eq!(event.data(), Some(Data::Binary(b"[1]"[..].into())));
        assert!(
            event
                .to_json()
                .ends_with(r#","datacontentencoding":"base64","data":"WzFd"}"#)
        );
    }
    assert_eq!(
        fault(&json(r#""datacontentencoding":"gzip","data":"x""#)),
        AttributeFault::Encoding
    );
    let event = read(&json(r#""datacontentencoding":"base64","data":5"#));
    assert_eq!(event.data(), Some(Data::Json("5".into())));
    assert!(event.to_json().ends_with(r#","data":5}"#));
    assert_eq!(fault(&json(r#""1abc":5"#)), AttributeFault::Name);
    assert_eq!(
        fault(&json(r#""data_base64":"WzFd""#)),
        AttributeFault::Name
    );
    let event = read(&json(
        r#""map":{"a":[1]},"half":0.5,"schemaurl":"/x","sub":null"#,
    ));
    assert_eq!(
        event.extension("map"),
        Some(Value::Json(r#"{"a":[1]}"#.into()))
    );
    assert_eq!(
        (event.extension("half"), event.dataschema()),
        (Some(Value::Json("0.5".into())), Some("/x"))
    );
    assert_eq!(
        event.to_version(SpecVersion::V1_0).unwrap_err().fault(),
        AttributeFault::Type
    );
}

#[test]
fn version_0_1_has_extensions_of_its_own() {
    let json = |rest: &str| {
        format!(
            r#"{{"eventType":"a","cloudEventsVersion":"0.1","source":"/s","eventID":"1"{rest}}}"#
        )
    };
    let bag = json(r#","extensions":{"camelCase":{"a":1},"n":1.5,"t":"x"},"data":"x""#);
    let event = read(&bag);
    assert_eq!(
        event.extension("camelCase"),
        Some(Value::Json(r#"{"a":1}"#.into()))
    );
    assert_eq!(event.to_json(), bag);
    assert_eq!(fault(&json(r#","extensions":{}"#)), AttributeFault::Empty);
    assert_eq!(fault(&json(r#","extensions":[]"#)), AttributeFault::Type);
    assert_eq!(
        fault(&json(r#","extensions":{"a":1,"a":2}"#)),
        AttributeFault::Duplicate
    );
    assert_eq!(fault(&json(r#","unknown":1"#)), AttributeFault::Unknown);
    assert_eq!(
        fault(&json(r#","eventType":"b""#)),
        AttributeFault::Duplicate
    );
    assert_eq!(read(&json(r#","extensions":null"#)).extensions().len(), 0);
    // A string under a content type that is neither JSON nor text is base64.
    let binary = read(&json(r#","contentType":"image/png","data":"AP8=""#));
    assert_eq!(binary.data(), Some(Data::Binary(b"\x00\xFF"[..].into())));
    assert_eq!(
        binary.to_version(SpecVersion::V1_0).unwrap().data(),
        binary.data()
    );
}

const KEBAB: &str = r#"{"namespace":"n","event-type":"a.b","cloud-events-version":"0.1","source-type":"t","source-id":"any thing","event-id":"1"}"#;

#[test]
fn the_draft_has_the_rules_of_dispatch() {
    let event = read(KEBAB);
    assert_eq!(
        (event.to_json().as_str(), event.source()),
        (KEBAB, "any thing")
    );
    let changed = |from: &str, to: &str| KEBAB.replace(from, to);
    for (json, expected) in [
        (changed(r#""namespace":"n","#, ""), AttributeFault::Missing),
        (changed(r#":"n""#, r#":"""#), AttributeFault::Empty),
        (changed("a.b", "a/b"), AttributeFault::EventType),
        (changed("a.b", &"a".repeat(129)), AttributeFault::TooLong),
        (
            changed(r#":"t""#, &format!(r#":"{}""#, "é".repeat(33))),
            AttributeFault::TooLong,
        ),
        (
            changed("any thing", &"x".repeat(65)),
            AttributeFault::TooLong,
        ),
        (changed("}", r#","data":{}}"#), AttributeFault::Type),
        (
            changed("}", r##","schema-url":"#x"}"##),
            AttributeFault::Uri,
        ),
        (changed("}", r#","extensions":{}}"#), AttributeFault::Empty),
    ] {
        assert_eq!(fault(&json), expected, "{json}");
    }
    let long = changed("a.b", &"a".repeat(128));
    let wide = changed(r#":"t""#, &format!(r#":"{}""#, "é".repeat(32)));
    for fine in [
        long,
        wide,
        changed("}", r#","schema-url":"/x#y","event-time":"yesterday"}"#),
    ] {
        read(&fine);
    }
    // What is optional may be empty, and is absent then.
    let empty = read(&changed(
        "}",
        r#","content-type":"","schema-url":"","event-type-version":""}"#,
    ));
    assert_eq!(empty, read(KEBAB));
    let new = read(&changed("any thing", "/s"))
        .to_version(SpecVersion::V1_0)
        .unwrap();
    let expected = r#"{"specversion":"1.0","id":"1","source":"/s","type":"a.b","namespace":"n","sourcetype":"t"}"#;
    assert_eq!(new.to_json(), expected);
    assert_eq!(
        new.to_version(SpecVersion::V0_1Kebab).unwrap(),
        read(&changed("any thing", "/s"))
    );
}

#[test]
fn what_a_version_has_no_place_for_is_an_extension_there() {
    let event = CloudEvent::builder("1", "/s", "a.b")
        .subject("x")
        .json("[1]")
        .build()
        .unwrap();
    for version in [
        SpecVersion::V0_1Kebab,
        SpecVersion::V0_1,
        SpecVersion::V0_2,
        SpecVersion::V0_3,
    ] {
        let other = event.to_version(version).unwrap();
        assert_eq!(
            (other.subject(), other.spec_version()),
            (Some("x"), version)
        );
        let read = CloudEvent::from_json(other.to_json()).unwrap();
        assert_eq!(read, other);
        let back = read.to_version(SpecVersion::V1_0).unwrap();
        assert_eq!((back.subject(), back.data()), (Some("x"), event.data()));
    }
    let text = event
        .to_builder()
        .text("application/json", "not JSON")
        .build()
        .unwrap();
    assert_eq!(text.data(), Some(Data::Binary(b"not JSON"[..].into())));
    assert_eq!(
        text.to_version(SpecVersion::V0_1).unwrap_err().fault(),
        AttributeFault::Content
    );
}
