//! Documents that are no events: an error that says where, and never more than that.

use crate::common::guarded;
use crate::harness::any_document;
use crate::{REQUIRED, with};
use laneway::cloudevents::{
    AttributeFault, CloudEvent, Data, ParseError, ParseErrorKind, from_json_batch,
};

const EVENT: &str = r#"{"specversion":"1.0","id":"\u0041é","source":"/s","type":"a.b","time":"2018-04-05T17:31:00.5-08:00",
 "x":-5,"y":true,"z":null,"datacontenttype":"application/json","data":{"a":[1,2.5e-3,"\ud83d\ude00",null,{"b":{}}],"c":false}}"#;

fn fault(error: &ParseError) -> (&str, AttributeFault) {
    match error.kind() {
        ParseErrorKind::Attribute(error) => (error.name(), error.fault()),
        other => panic!("{other:?}"),
    }
}

/// That the members are refused for this, at the place where `at` begins.
#[track_caller]
fn refused(members: &str, at: &str, name: &str, expected: AttributeFault) {
    let error = with(members).expect_err(members);
    assert_eq!(fault(&error), (name, expected), "{members}");
    let document = format!("{{{REQUIRED},{members}}}");
    assert_eq!(
        error.offset(),
        document.rfind(at).unwrap(),
        "{members}: {error}"
    );
}

#[test]
fn documents_that_end_early_say_so() {
    assert!(CloudEvent::from_json(EVENT).is_ok());
    for end in 0..EVENT.len() {
        let part = &EVENT.as_bytes()[..end];
        let error = CloudEvent::from_json(part).expect_err("it is not whole");
        let cut_character = std::str::from_utf8(part).is_err();
        if cut_character {
            assert_eq!(error.kind(), &ParseErrorKind::Utf8);
        } else {
            assert_eq!(
                (error.kind(), error.offset()),
                (&ParseErrorKind::UnexpectedEnd, end)
            );
        }
        any_document(part);
    }
}

#[test]
fn one_wrong_byte_anywhere_is_no_panic() {
    for place in 0..EVENT.len() {
        for byte in [
            0, b'"', b'\\', b'{', b']', b',', b'9', b'u', 0x7F, 0x80, 0xFF,
        ] {
            let mut document = EVENT.as_bytes().to_vec();
            document[place] = byte;
            any_document(&document);
        }
    }
}

#[test]
fn the_same_name_twice_is_refused() {
    use AttributeFault::Duplicate;
    refused(r#""id":"2""#, r#""id":"2""#, "id", Duplicate);
    refused(
        r#""subject":null,"subject":"x""#,
        r#""subject":"x""#,
        "subject",
        Duplicate,
    );
    refused(
        r#""ext":1,"z":2,"\u0065xt":null"#,
        r#""\u0065xt""#,
        "ext",
        Duplicate,
    );
    refused(r#""data":1,"data":1"#, r#""data":1"#, "data", Duplicate);
    refused(
        r#""data":null,"data_base64":"QQ==""#,
        r#""data":null"#,
        "data",
        Duplicate,
    );
    refused(
        r#""specversion":"1.0""#,
        r#""specversion":"1.0""#,
        "specversion",
        Duplicate,
    );
    let many: Vec<_> = (0..50_000)
        .map(|number| format!(r#""x{number}":1"#))
        .collect();
    let many = many.join(",");
    assert_eq!(with(&many).unwrap().extensions().len(), 50_000);
    refused(
        &format!(r#"{many},"x7":null"#),
        r#""x7":null"#,
        "x7",
        Duplicate,
    );
}

#[test]
fn values_of_the_wrong_type_are_refused() {
    use AttributeFault::{Integer, Name, Type};
    refused(r#""subject":5"#, "5", "subject", Type);
    refused(r#""time":{}"#, "{}", "time", Type);
    refused(r#""ext":[1]"#, "[1]", "ext", Type);
    refused(r#""ext":{"a":1}"#, r#"{"a"#, "ext", Type);
    refused(r#""ext":2147483648"#, "2147483648", "ext", Integer);
    refused(r#""ext":1.0"#, "1.0", "ext", Integer);
    refused(r#""ext":1e3"#, "1e3", "ext", Integer);
    refused(r#""data_base64":5"#, "5}", "data_base64", Type);
    for name in ["Ext", "e_x", "e-x", "", "é", "data_base65"] {
        refused(
            &format!(r#""{name}":1"#),
            &format!(r#""{name}":1"#),
            name,
            Name,
        );
    }
    for extreme in [i32::MIN, i32::MAX, 0] {
        let event = with(&format!(r#""ext":{extreme}"#)).unwrap();
        assert_eq!(event.extension("ext"), Some(extreme.into()));
    }
}

#[test]
fn texts_have_only_the_characters_of_the_string_type() {
    let escapes = [
        r"\u0000",
        r"\n",
        r"\u001f",
        r"\u007f",
        r"\u0085",
        r"\u009f",
        r"\ufdd0",
        r"\uffff",
        r"\ud83f\udffe",
    ];
    for escape in escapes {
        refused(
            &format!(r#""subject":"{escape}""#),
            &format!("\"{escape}"),
            "subject",
            AttributeFault::Character,
        );
    }
    for raw in ["\u{7F}", "\u{80}", "\u{FDEF}", "\u{FFFE}", "\u{10FFFF}"] {
        refused(
            &format!(r#""ext":"{raw}""#),
            &format!("\"{raw}"),
            "ext",
            AttributeFault::Character,
        );
    }
    for lone in [
        r"\ud800",
        r"\udc00",
        r"\ud800\ud800",
        r"\ud800x",
        r"\udc00\ud800",
    ] {
        refused(
            &format!(r#""subject":"{lone}""#),
            lone,
            "subject",
            AttributeFault::Character,
        );
    }
    for raw in ["\0", "\n", "\u{1F}"] {
        let error = with(&format!(r#""subject":"{raw}""#)).unwrap_err();
        assert_eq!(error.kind(), &ParseErrorKind::ControlCharacter);
    }
    let fine = with(r#""subject":" \u00a0\ud83d\ude00\ud800\udc00\"\\\/\u0041""#).unwrap();
    assert_eq!(fine.subject(), Some(" \u{A0}😀\u{10000}\"\\/A"));
}

#[test]
fn required_attributes_are_there_and_say_something() {
    for name in ["specversion", "id", "source", "type"] {
        for value in ["", "null"] {
            let mut members = vec![
                r#""id":"1""#,
                r#""source":"/s""#,
                r#""type":"a""#,
                r#""specversion":"1.0""#,
            ];
            members.retain(|member| !member.contains(name));
            let null = format!(r#""{name}":{value}"#);
            if !value.is_empty() {
                members.push(&null);
            }
            let error = CloudEvent::from_json(format!("{{{}}}", members.join(","))).unwrap_err();
            assert_eq!(fault(&error), (name, AttributeFault::Missing));
        }
    }
    for (member, expected) in [
        (r#""subject":"""#, AttributeFault::Empty),
        (r#""dataschema":"/relative""#, AttributeFault::Uri),
        (
            r#""time":"2018-02-30T00:00:00Z""#,
            AttributeFault::Timestamp,
        ),
        (r#""datacontenttype":"json""#, AttributeFault::MediaType),
    ] {
        assert_eq!(fault(&with(member).unwrap_err()).1, expected, "{member}");
    }
    for source in ["a b", "http://[", "%zz", "a\\\\b", "1a:b"] {
        let json = format!(r#"{{"specversion":"1.0","id":"1","source":"{source}","type":"a"}}"#);
        assert_eq!(
            fault(&CloudEvent::from_json(json).unwrap_err()).1,
            AttributeFault::UriReference,
            "{source}"
        );
    }
    for version in ["0.4", "1.1", "2.0", ""] {
        let json = format!(r#"{{"specversion":"{version}","id":"1"}}"#);
        let error = CloudEvent::from_json(json).unwrap_err();
        assert_eq!(error.kind(), &ParseErrorKind::Version(version.into()));
    }
}

#[test]
fn deep_nesting_is_an_error_or_bounded() {
    guarded(|| {
        for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
            let nested =
                |depth: usize| format!(r#""data":{}1{}"#, open.repeat(depth), close.repeat(depth));
            with(&nested(127)).unwrap();
            for depth in [128, 10_000, 1_000_000] {
                assert_eq!(
                    with(&nested(depth)).unwrap_err().kind(),
                    &ParseErrorKind::TooDeep
                );
            }
            let error = with(&format!(r#""data":{}"#, open.repeat(10_000))).unwrap_err();
            assert_eq!(error.kind(), &ParseErrorKind::TooDeep);
            assert_eq!(error.offset(), REQUIRED.len() + 9 + 127 * open.len());
        }
    });
}

#[test]
fn long_strings_are_read() {
    let long = "x\\n".repeat(1 << 19);
    let event = with(&format!(
        r#""ext":"{}","datacontenttype":"text/plain","data":"{long}""#,
        "é".repeat(1 << 19)
    ))
    .unwrap();
    assert_eq!(event.extension("ext").unwrap().text().len(), 1 << 20);
    assert_eq!(event.data().unwrap().bytes().len(), 1 << 20);
    any_document(event.to_json().as_bytes());
    let open = format!(r#""ext":"{}"#, "x".repeat(1 << 20));
    assert!(CloudEvent::from_json(format!("{{{REQUIRED},{open}")).is_err());
}

#[test]
fn events_in_events_are_data() {
    let mut json = format!("{{{REQUIRED}}}");
    for _ in 0..100 {
        json = format!(
            r#"{{{REQUIRED},"datacontenttype":"application/cloudevents+json","data":{json}}}"#
        );
        let event = CloudEvent::from_json(&json).unwrap();
        let Some(Data::Json(inner)) = event.data() else {
            panic!("{event:?}")
        };
        assert!(CloudEvent::from_json(&*inner).is_ok());
        // Binary mode cannot tell it from the event inside.
        assert_eq!(
            event.to_http_headers().unwrap_err().fault(),
            AttributeFault::Content
        );
    }
    any_document(json.as_bytes());
}

#[test]
fn errors_in_a_batch_say_where_in_the_batch() {
    let batch = format!("[{{{REQUIRED}}},\n {{{REQUIRED},\"id\":\"2\"}}]");
    let error = from_json_batch(&batch).unwrap_err();
    assert_eq!(
        (error.line(), error.offset()),
        (2, batch.rfind("\"id\"").unwrap())
    );
    for wrong in ["", "[", "[,]", "[{}]", "[null]", "{}", "[] []"] {
        assert!(from_json_batch(wrong).is_err(), "{wrong}");
    }
    for number in ["01", "-", "1.", ".5", "1e", "+1", "0x1", "NaN"] {
        assert!(with(&format!(r#""data":{number}"#)).is_err(), "{number}");
    }
}
