//! The header mapping of the HTTP binding.

use laneway::cloudevents::{
    AttributeFault, BATCH_MEDIA_TYPE, CloudEvent, Data, HttpError, MEDIA_TYPE,
};

const HEADERS: [(&str, &str); 4] = [
    ("ce-specversion", "1.0"),
    ("ce-id", "1"),
    ("ce-source", "/s"),
    ("ce-type", "a.b"),
];

fn receive(more: &[(&str, &str)], body: &[u8]) -> Result<CloudEvent, HttpError> {
    CloudEvent::from_http(HEADERS.iter().chain(more).copied(), body)
}

#[test]
fn values_are_percent_encoded_as_the_binding_says() {
    let text = "Euro € 😀 \"50%\" ~!";
    let event = CloudEvent::builder("1", "/s", "a.b")
        .subject(text)
        .build()
        .unwrap();
    let headers = event.to_http_headers().unwrap();
    let subject = headers
        .iter()
        .find(|(name, _)| name == "ce-subject")
        .unwrap();
    assert_eq!(
        subject.1,
        "Euro%20%E2%82%AC%20%F0%9F%98%80%20%2250%25%22%20~!"
    );
    assert_eq!(CloudEvent::from_http(headers, b""), Ok(event));
}

#[test]
fn older_and_needless_encodings_are_read() {
    for (value, text) in [
        ("%41%c3%a9", "Aé"),
        (r#""a \"b\" \\ %20""#, r#"a "b" \  "#),
        ("  x  ", "x"),
        ("100%", "100%"),
        ("%2", "%2"),
        ("%zz", "%zz"),
        ("%2525", "%25"),
        ("é", "é"),
    ] {
        let event = receive(&[("CE-Subject", value)], b"").unwrap();
        assert_eq!(event.subject(), Some(text), "{value}");
    }
    for wrong in ["%C0%A0", "%ff", "\"a", "\"a\"b\"", "\"a\\\""] {
        assert_eq!(
            receive(&[("ce-subject", wrong)], b""),
            Err(HttpError::Header("ce-subject".into())),
            "{wrong}"
        );
    }
    let error = receive(&[("ce-subject", "%0A")], b"").unwrap_err();
    assert!(
        matches!(error, HttpError::Attribute(error) if error.fault() == AttributeFault::Character)
    );
}

#[test]
fn headers_that_cannot_be_are_refused() {
    for (header, name, fault) in [
        (("Ce-Id", "2"), "id", AttributeFault::Duplicate),
        (
            ("ce-specversion", "1.0"),
            "specversion",
            AttributeFault::Duplicate,
        ),
        (
            ("ce-datacontenttype", "text/plain"),
            "datacontenttype",
            AttributeFault::Name,
        ),
        (("ce-a_b", "x"), "a_b", AttributeFault::Name),
        (("ce-data", "x"), "data", AttributeFault::Name),
        (("ce-time", "now"), "time", AttributeFault::Timestamp),
    ] {
        let Err(HttpError::Attribute(error)) = receive(&[header], b"") else {
            panic!("{header:?}")
        };
        assert_eq!((error.name(), error.fault()), (name, fault), "{header:?}");
    }
    for missing in 0..HEADERS.len() {
        let mut headers = HEADERS.to_vec();
        headers.remove(missing);
        let Err(HttpError::Attribute(error)) = CloudEvent::from_http(headers, b"") else {
            panic!()
        };
        assert_eq!(error.fault(), AttributeFault::Missing);
    }
    let old = CloudEvent::from_http([("ce-specversion", "0.3")], b"");
    assert_eq!(old, Err(HttpError::Version("0.3".into())));
}

#[test]
fn the_content_type_says_what_the_body_is() {
    let data = |content_type, body: &[u8]| {
        let event = receive(&[("Content-Type", content_type)], body).unwrap();
        assert_eq!(event.data().unwrap().bytes(), body.trim_ascii());
        CloudEvent::from_json(event.to_json())
            .unwrap()
            .data()
            .map(|data| match data {
                Data::Json(_) => "json",
                Data::Text(_) => "text",
                Data::Binary(_) => "binary",
            })
    };
    assert_eq!(
        data("application/json; charset=utf-8", b" [1] "),
        Some("json")
    );
    assert_eq!(data("application/json", b"[1"), Some("binary"));
    assert_eq!(data("application/json", b"\xFF"), Some("binary"));
    assert_eq!(data("text/plain", b"x"), Some("text"));
    assert_eq!(data("application/xml", b"<a/>"), Some("text"));
    assert_eq!(data("image/png", b"x"), Some("binary"));
    assert_eq!(receive(&[], b"").unwrap().data(), None);
    for content_type in ["application/json", "text/plain", "image/png"] {
        let event = receive(&[("content-type", content_type)], b"").unwrap();
        assert_eq!(
            (event.data(), event.datacontenttype()),
            (None, Some(content_type))
        );
    }
    assert_eq!(
        receive(&[], b"[1]").unwrap().data(),
        Some(Data::Binary(b"[1]"[..].into()))
    );
}

#[test]
fn implied_json_is_said() {
    let event = crate::with(r#""data":"I'm just a string""#).unwrap();
    let headers = event.to_http_headers().unwrap();
    assert!(headers.contains(&("content-type".into(), "application/json".into())));
    let over = CloudEvent::from_http(headers, event.data().unwrap().bytes()).unwrap();
    assert_eq!(over.data(), event.data());
}

#[test]
fn structured_mode_is_one_event_in_json() {
    let event = CloudEvent::builder("1", "/s", "a.b")
        .json("[1]")
        .build()
        .unwrap();
    let json = event.to_json();
    let structured = [
        (
            "Content-Type",
            "Application/CloudEvents+json; charset=UTF-8",
        ),
        ("ce-id", "other"),
        ("ce-id", "twice"),
        ("ce-a_b", "\"x"),
    ];
    assert_eq!(
        CloudEvent::from_http(structured, json.as_bytes()),
        Ok(event)
    );
    assert!(matches!(
        CloudEvent::from_http([("content-type", MEDIA_TYPE)], b"{}"),
        Err(HttpError::Body(_))
    ));
    let others = [
        "application/cloudevents+avro",
        "application/cloudevents+json-seq",
    ];
    for other in others.into_iter().chain([BATCH_MEDIA_TYPE]) {
        let error = CloudEvent::from_http([("content-type", other)], json.as_bytes());
        assert_eq!(error, Err(HttpError::Format(other.into())));
    }
}
