//! Whatever comes from outside: a typed error that says where, and bounded work.

use crate::harness;
use laneway::lifecycle::{EventType, Format, LifecycleEvent, MAX_TEXT_BYTES, ParseError, Position};

const PLAIN: &str = r#"{"protocol":"io.choria.lifecycle.v1.governor","id":"é\u00e9","identity":"n1","component":"server","timestamp":1,"governor":"G","sequence":1,"event_type":"enter"}"#;

fn error(text: impl AsRef<[u8]>) -> ParseError {
    harness::check(text.as_ref());
    LifecycleEvent::from_json(text).unwrap_err()
}

fn at(line: usize, column: usize) -> Position {
    Position { line, column }
}

fn envelope(data: &str) -> String {
    format!(r#"{{"specversion":"1.0","source":"io.choria.lifecycle","data":{data}}}"#)
}

/// An event of a governor with one more key in front.
fn with(key: &str, value: &str) -> String {
    let rest = PLAIN.strip_prefix('{').unwrap();
    format!("{{\"{key}\":{value},{rest}")
}

#[test]
fn a_text_cut_anywhere() {
    for whole in [PLAIN.to_owned(), envelope(PLAIN)] {
        assert!(harness::check(whole.as_bytes()));
        for end in 0..whole.len() {
            let error = error(&whole.as_bytes()[..end]);
            match error {
                ParseError::Json { at, .. } => assert_eq!(at, self::at(1, end.max(1))),
                // In the middle of a character.
                ParseError::Encoding { at } => assert_eq!(at, self::at(1, end)),
                other => panic!("{other}"),
            }
        }
    }
}

#[test]
fn each_byte_changed() {
    for whole in [PLAIN.to_owned(), envelope(PLAIN)] {
        for place in 0..whole.len() {
            for byte in [0, b'"', b'\\', b'{', b'}', b'\n', 0x80, 0xff, b'0', b','] {
                let mut bytes = whole.clone().into_bytes();
                bytes[place] = byte;
                harness::check(&bytes);
            }
        }
    }
}

#[test]
fn a_key_that_is_there_twice() {
    for key in ["protocol", "id", "timestamp", "event_type"] {
        let error = error(with(key, "null"));
        let ParseError::Json { reason, .. } = &error else {
            panic!("{error}");
        };
        assert_eq!(**reason, format!("duplicate field `{key}`"));
        // And inside, where it counts too, with its place in the whole.
        let inside = envelope(&with(key, "null"));
        let inner = LifecycleEvent::from_json(&inside).unwrap_err();
        let shift = inside
            .find("{\"p")
            .or(inside.find(&format!("{{\"{key}")))
            .unwrap();
        assert!(inner.position().unwrap().column > shift, "{inner}");
    }
    // Of what nobody reads there may be more.
    assert!(harness::check(with("x", "1,\"x\":1").as_bytes()));
}

#[test]
fn a_value_of_another_type() {
    for (key, expected) in [
        ("protocol", "a string"),
        ("id", "a string"),
        ("identity", "a string"),
        ("component", "a string"),
        ("governor", "a string"),
        ("event_type", "a string"),
        ("timestamp", "a whole number of 64 bits"),
        ("sequence", "a whole number of 64 bits without a sign"),
    ] {
        let value: serde_json::Value = serde_json::from_str(PLAIN).unwrap();
        for bad in [
            "true",
            "[]",
            "{}",
            "1.5",
            "1e3",
            "99999999999999999999",
            "\"text\"",
            "7",
        ] {
            let is_number = expected != "a string";
            if bad == "\"text\"" && !is_number || bad == "7" && is_number {
                continue;
            }
            let old = format!("\"{key}\":{}", value[key]);
            let text = PLAIN
                .replace("\\u00e9", "é")
                .replace(&old, &format!("\"{key}\":{bad}"));
            let column = text.find(&format!("\"{key}\":")).unwrap() + key.len() + 4;
            let error = error(&text);
            let expected = ParseError::WrongType {
                field: key,
                expected,
                at: at(1, column),
            };
            assert_eq!(error, expected);
        }
    }
    assert!(matches!(
        error(envelope("[]")),
        ParseError::WrongType { field: "data", .. }
    ));
    assert!(matches!(
        error(envelope("\"x\"")),
        ParseError::WrongType { field: "data", .. }
    ));
    for whole in ["[]", "\"x\"", "5", "null", "true"] {
        assert!(matches!(error(whole), ParseError::Json { .. }), "{whole}");
    }
}

#[test]
fn null_is_absent() {
    assert_eq!(error(r#"{"protocol":null}"#), ParseError::UnsupportedFormat);
    assert_eq!(error(envelope("null")), ParseError::UnsupportedFormat);
    let text =
        r#"{"protocol":"io.choria.lifecycle.v1.alive","id":null,"timestamp":null,"version":null}"#;
    let event = LifecycleEvent::from_json(text).unwrap();
    assert_eq!(event.version(), Some(""));
    assert!(event.timestamp() > 0 && !event.id().is_empty());
}

#[test]
fn characters_that_no_text_may_have() {
    assert_eq!(
        error("{\n\"id\":\"a\u{1}\"}").to_string(),
        "control character (\\u0000-\\u001F) found while parsing a string at line 2 column 7"
    );
    // Half of a pair, in a key and in a value.
    let text = PLAIN.replace("\\u00e9", "\\ud800");
    let at = error(&text).position().unwrap();
    assert!(at.column > text.find("\\ud800").unwrap() && at.column < text.len() / 2);
    assert!(matches!(
        error(with("\\ud800", "1")),
        ParseError::Json { .. }
    ));
    assert_eq!(
        error(b"{\n \"\xff\"}").to_string(),
        "not UTF-8 at line 2 column 3"
    );
    assert_eq!(
        error(format!("{PLAIN} x")).to_string(),
        format!("trailing characters at line 1 column {}", PLAIN.len() + 2)
    );
    assert!(matches!(
        error(format!("\u{feff}{PLAIN}")),
        ParseError::Json { .. }
    ));
}

#[test]
fn texts_of_a_mebibyte() {
    let long = "x".repeat(1 << 20);
    for key in ["id", "identity", "component", "governor", "protocol"] {
        let value: serde_json::Value = serde_json::from_str(PLAIN).unwrap();
        let old = format!("\"{key}\":{}", value[key]);
        let plain = PLAIN.replace("\\u00e9", "é");
        let error = error(plain.replace(&old, &format!("\"{key}\":\"{long}\"")));
        let is_named = matches!(error, ParseError::TooLong { field, bytes, .. } if field == key && bytes == 1 << 20);
        assert!(is_named, "{error}");
    }
    // Escaped, it is six times as long as it counts.
    let fits = "\\u0041".repeat(MAX_TEXT_BYTES);
    assert!(harness::check(PLAIN.replace("é\\u00e9", &fits).as_bytes()));
    assert!(matches!(
        error(PLAIN.replace("é", &fits)),
        ParseError::TooLong { .. }
    ));
    // Where nobody reads it, it is passed over.
    assert!(harness::check(with("x", &format!("\"{long}\"")).as_bytes()));
}

#[test]
fn values_that_nest() {
    let deep = "[".repeat(10_000) + &"]".repeat(10_000);
    let objects = r#"{"a":"#.repeat(10_000) + "1" + &"}".repeat(10_000);
    for value in [&deep, &objects] {
        for text in [
            with("x", value),
            envelope(&with("x", value)),
            (*value).clone(),
        ] {
            let error = error(&text);
            assert!(matches!(error, ParseError::Json { .. }), "{error}");
            assert!(error.position().unwrap().column < 2_000, "{error}");
        }
        // Where another type is due, and cut off.
        let text = PLAIN.replace("\"n1\"", value);
        assert!(matches!(
            error(&text),
            ParseError::WrongType {
                field: "identity",
                ..
            }
        ));
        let text = &text[..text.len() / 2];
        assert!(matches!(error(text), ParseError::Json { .. }));
    }
    let shallow = "[".repeat(100) + &"]".repeat(100);
    assert!(harness::check(with("x", &shallow).as_bytes()));
}

#[test]
fn an_envelope_in_an_envelope() {
    let mut text = PLAIN.to_owned();
    for depth in 0..1_000 {
        text = envelope(&text);
        match depth {
            0 => assert!(harness::check(text.as_bytes())),
            _ if depth < 3 || depth == 999 => {
                let expected = at(1, text[1..].find('{').unwrap() + 2);
                assert_eq!(error(&text), ParseError::Nested { at: expected });
            }
            _ => {}
        }
    }
}

#[test]
fn the_original_s_texts() {
    for (text, expected) in [
        ("{}", "unsupported event format"),
        (r#"{"protocol":"fail"}"#, "unsupported event format"),
        (
            r#"{"protocol":"io.choria.lifecycle.v1.x"}"#,
            "unknown protocol 'io.choria.lifecycle.v1.x' received",
        ),
        (
            r#"{"protocol":"io.choria.lifecycle.v1.a.b"}"#,
            "unknown protocol 'io.choria.lifecycle.v1.a.b' received",
        ),
        (
            r#"{"protocol":"io.choria.lifecycle.v2.alive"}"#,
            "invalid protocol 'io.choria.lifecycle.v2.alive'",
        ),
        (
            r#"{"protocol":"io.choria.lifecycle.v1.governor"}"#,
            "governor name is not set",
        ),
        (
            r#"{"protocol":"io.choria.lifecycle.v1.governor","governor":"G","event_type":"x"}"#,
            "invalid stage 'x'",
        ),
    ] {
        assert_eq!(error(text).to_string(), expected);
        assert_eq!(error(text).position(), None);
        if text != "{}" {
            assert_eq!(error(envelope(text)).to_string(), expected);
        }
    }
    for event_type in EventType::ALL {
        let error = LifecycleEvent::from_json_as(event_type, r#"{"protocol":"x"}"#);
        assert_eq!(error.unwrap_err().to_string(), "invalid protocol 'x'");
    }
}

#[test]
fn protocols_of_old() {
    for event_type in EventType::ALL {
        let old = format!("choria:lifecycle:{}:1", event_type.name());
        let text = PLAIN.replace("io.choria.lifecycle.v1.governor", &old);
        let text = text.replacen('{', "{\"version\":\"1\",\"new_version\":\"2\",", 1);
        assert_eq!(Format::detect(&text), None);
        assert_eq!(error(&text), ParseError::UnsupportedFormat);
        assert_eq!(error(envelope(&text)), ParseError::UnsupportedFormat);
        let event = LifecycleEvent::from_json_as(event_type, &text).unwrap();
        assert_eq!(
            LifecycleEvent::from_json_or_legacy(&text).as_ref(),
            Ok(&event)
        );
        assert_eq!(event.event_type(), event_type);
        assert!(event.to_json().contains(event_type.protocol()));
        let inside = LifecycleEvent::from_json_or_legacy(envelope(&text)).unwrap();
        assert_eq!(inside.format(), Format::CloudEvent);
        assert_eq!(inside.to_json_as(Format::Choria), event.to_json());
    }
    let unknown = r#"{"protocol":"choria:lifecycle:startup:2"}"#;
    let error = LifecycleEvent::from_json_or_legacy(unknown).unwrap_err();
    assert_eq!(error, ParseError::UnsupportedFormat);
}

#[test]
fn the_protocol_decides_before_the_envelope() {
    let both = with(
        "specversion",
        r#""1.0","source":"io.choria.lifecycle","data":5"#,
    );
    assert_eq!(Format::detect(&both), Some(Format::Choria));
    assert!(harness::check(both.as_bytes()));
    for (specversion, source) in [("0.3", "io.choria.lifecycle"), ("1.0", "somebody/else")] {
        let text =
            format!(r#"{{"specversion":"{specversion}","source":"{source}","data":{PLAIN}}}"#);
        assert_eq!(error(text), ParseError::UnsupportedFormat);
    }
    // What the envelope says beside that does not matter.
    let text = format!(
        r#"{{"specversion":"1.0","source":"io.choria.lifecycle","id":7,"type":[],"data":{PLAIN}}}"#
    );
    assert!(harness::check(text.as_bytes()));
}
