//! What is kept of an event, and what events are equal.

use crate::with;
use laneway::cloudevents::{Attributes, CloudEvent, Data, Envelope, SpecVersion, Timestamp, Value};
use std::time::{Duration, SystemTime};

#[test]
fn a_null_is_absent_but_for_data() {
    let event = with(r#""subject":null,"ext":null,"data_base64":null"#).unwrap();
    assert_eq!(
        (event.subject(), event.extension("ext"), event.data()),
        (None, None, None)
    );
    let event = with(r#""data":null"#).unwrap();
    assert_eq!(event.data(), Some(Data::Json("null".into())));
    assert!(event.to_json().ends_with(r#","data":null}"#));
}

#[test]
fn the_content_type_decides_what_a_string_is() {
    let data = |content_type: &str| {
        let event = with(&format!(
            r#""datacontenttype":{content_type},"data":"\u0041""#
        ))
        .unwrap();
        assert_eq!(CloudEvent::from_json(event.to_json()), Ok(event.clone()));
        event.data().unwrap().bytes().to_vec()
    };
    for json in [
        "null",
        r#""application/json""#,
        r#""TEXT/JSON ; a=b""#,
        r#""a/b+JSON;charset=utf-8""#,
    ] {
        assert_eq!(data(json), br#""\u0041""#, "{json}");
    }
    for text in [
        r#""text/plain""#,
        r#""application/jsonp""#,
        r#""application/x+json2""#,
        r#""json/plain""#,
    ] {
        assert_eq!(data(text), b"A", "{text}");
    }
    let object = with(r#""datacontenttype":"text/xml","data":{ "a" : 1 }"#).unwrap();
    assert_eq!(object.data(), Some(Data::Json(r#"{ "a" : 1 }"#.into())));
    let bytes = with(r#""datacontenttype":"application/json","data_base64":"AP8=""#).unwrap();
    assert_eq!(bytes.data(), Some(Data::Binary(b"\x00\xFF"[..].into())));
    for wrong in ["AP8", "AP8-", "AP9=", "A P8=", "!"] {
        assert!(
            with(&format!(r#""data_base64":"{wrong}""#)).is_err(),
            "{wrong}"
        );
    }
}

#[test]
fn times_keep_their_words() {
    for (text, seconds, nanoseconds) in [
        ("1970-01-01T00:00:00Z", 0, 0),
        ("1969-12-31T23:59:59.5Z", -1, 500_000_000),
        ("2018-04-05T17:31:00.818-08:00", 1_522_978_260, 818_000_000),
        (
            "2018-04-05t17:31:00.123456789123456789z",
            1_522_949_460,
            123_456_789,
        ),
        ("2016-12-31T23:59:60Z", 1_483_228_800, 0),
        ("2017-01-01T05:29:60+05:30", 1_483_228_800, 0),
        ("0000-03-01T00:00:00Z", -62_162_035_200, 0),
        ("9999-12-31T23:59:59+00:00", 253_402_300_799, 0),
        ("2024-02-29T00:00:00-00:00", 1_709_164_800, 0),
    ] {
        let event = with(&format!(r#""time":"{text}""#)).unwrap();
        let time = event.time().unwrap();
        assert_eq!(
            (time.seconds(), time.nanoseconds()),
            (seconds, nanoseconds),
            "{text}"
        );
        assert!(event.to_json().contains(text));
        let system = time.to_system_time().unwrap();
        let again = Timestamp::from(system);
        assert_eq!(
            (again.seconds(), again.nanoseconds()),
            (seconds, nanoseconds),
            "{again}"
        );
        assert_eq!(Timestamp::parse(again.as_str()), Ok(again.clone()));
    }
    for wrong in [
        "",
        "2018-04-05",
        "2018-04-05T17:31Z",
        "2018-04-05 17:31:00Z",
        "2018-04-05T17:31:00",
        "2018-04-05T17:31:00.Z",
        "2018-04-05T24:00:00Z",
        "2018-04-05T17:60:00Z",
        "2018-04-05T17:31:60Z",
        "2018-13-05T17:31:00Z",
        "2018-00-05T17:31:00Z",
        "2018-04-31T17:31:00Z",
        "1900-02-29T17:31:00Z",
        "2018-04-05T17:31:00+24:00",
        "2018-04-05T17:31:00+0100",
        "+018-04-05T17:31:00Z",
        "2018-04-05T17:31:00Zx",
    ] {
        assert!(Timestamp::parse(wrong).is_err(), "{wrong}");
    }
    let far = SystemTime::UNIX_EPOCH
        .checked_add(Duration::from_secs(1 << 40))
        .unwrap();
    assert_eq!(Timestamp::from(far).as_str(), "9999-12-31T23:59:59Z");
}

#[test]
fn every_type_of_the_specification_is_written_as_its_text() {
    let typed = CloudEvent::builder("1", "/s", "a.b")
        .extension("boolean", true)
        .extension("integer", i32::MIN)
        .extension("string", "x")
        .extension("binary", Value::Binary(b"\x00"[..].into()))
        .extension("uri", Value::Uri("urn:a".into()))
        .extension("uriref", Value::UriReference("../a".into()))
        .extension(
            "timestamp",
            Timestamp::parse("2018-04-05T17:31:00Z").unwrap(),
        )
        .build()
        .unwrap();
    let text = r#""binary":"AA==","boolean":true,"integer":-2147483648,"string":"x","timestamp":"2018-04-05T17:31:00Z","uri":"urn:a","uriref":"../a""#;
    assert_eq!(typed.to_json(), with(text).unwrap().to_json());
    assert_eq!(with(text).unwrap(), typed);
    assert_eq!(
        typed.extension("binary"),
        Some(Value::Binary(b"\x00"[..].into()))
    );
    assert_eq!(typed.attribute("uri"), Some(Value::Uri("urn:a".into())));
    assert_eq!(
        typed.attribute("source"),
        Some(Value::UriReference("/s".into()))
    );
    assert_eq!(typed.attribute("specversion"), Some("1.0".into()));
    assert_eq!(typed.attribute("data"), None);
}

#[test]
fn equal_are_events_that_say_the_same_in_any_order() {
    let one = with(r#""x":1,"y":"a","subject":"s""#).unwrap();
    assert_eq!(
        with(r#""subject":"s","y":"\u0061","x":1,"z":null"#),
        Ok(one.clone())
    );
    for other in [
        r#""x":1,"y":"a""#,
        r#""x":"1","y":"a","subject":"s""#,
        r#""x":1,"y":"a","subject":"s","data":1"#,
    ] {
        assert_ne!(with(other), Ok(one.clone()), "{other}");
    }
    assert_eq!(one.to_builder().build().as_ref(), Ok(&one));
    assert_ne!(one.to_version(SpecVersion::V0_3).as_ref(), Ok(&one));
}

#[test]
fn an_envelope_borrows_what_is_written_plainly() {
    let json = format!(
        r#"{{{},"subject":"p","ext":"q","data":[1]}}"#,
        crate::REQUIRED
    );
    let envelope = Envelope::parse(json.as_bytes()).unwrap();
    let within = json.as_bytes().as_ptr_range();
    for text in [
        envelope.id(),
        envelope.source(),
        envelope.event_type(),
        envelope.subject().unwrap(),
    ] {
        assert!(within.contains(&text.as_ptr()));
    }
    assert_eq!(envelope.attribute("ext"), Some("q".into()));
    assert_eq!(envelope.data(), Some(Data::Json("[1]".into())));
}
