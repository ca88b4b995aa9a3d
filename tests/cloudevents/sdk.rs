//! To and from the official SDK.

use crate::with;
use cloudevents::{AttributesReader, Event, EventBuilder, EventBuilderV03, EventBuilderV10};
use laneway::cloudevents::{AttributeFault, CloudEvent, Data, SpecVersion};

#[test]
fn events_go_there_and_back() {
    for members in [
        r#""subject":"x""#,
        r#""ext":5,"flag":true,"word":"y","time":"2018-04-05T17:31:00.5Z","dataschema":"http://a.b/c""#,
        r#""datacontenttype":"application/json","data":{"a":[1,null]}"#,
        r#""datacontenttype":"text/plain","data":"[1]""#,
        r#""datacontenttype":"image/png","data_base64":"AP8=""#,
        r#""data":null"#,
    ] {
        let ours = with(members).unwrap();
        let theirs = Event::try_from(&ours).unwrap();
        let read: Event = serde_json::from_str(&ours.to_json()).unwrap();
        assert_eq!(
            serde_json::to_value(&theirs).unwrap(),
            serde_json::to_value(&read).unwrap(),
            "{members}"
        );
        let back = CloudEvent::try_from(&theirs).unwrap();
        if ours.time().is_none() {
            assert_eq!(back, ours, "{members}");
        }
        assert_eq!(
            back.time().map(|time| time.seconds()),
            ours.time().map(|time| time.seconds())
        );
    }
}

#[test]
fn what_only_one_side_allows_is_an_error() {
    let build = |source: &str, number: i64| {
        let builder = EventBuilderV10::new().id("1").ty("a.b").source(source);
        let event = builder.extension("ext", number).build().unwrap();
        CloudEvent::try_from(&event).map_err(|error| error.fault())
    };
    assert!(build("/s", 1).is_ok());
    assert_eq!(build("/s", 1 << 31), Err(AttributeFault::Integer));
    assert_eq!(build("a b", 1), Err(AttributeFault::UriReference));
    let lone = with(r#""data":"\ud800""#).unwrap();
    assert_eq!(
        Event::try_from(&lone).unwrap_err().fault(),
        AttributeFault::Json
    );
}

#[test]
fn version_0_3_stays_0_3_from_there() {
    let builder = EventBuilderV03::new()
        .id("1")
        .ty("a.b")
        .source("/s")
        .subject("x");
    let theirs = builder
        .data_with_schema("text/plain", "http://a.b/c", "hello")
        .build()
        .unwrap();
    let ours = CloudEvent::try_from(&theirs).unwrap();
    assert_eq!(
        (ours.spec_version(), ours.dataschema()),
        (SpecVersion::V0_3, Some("http://a.b/c"))
    );
    assert_eq!(ours.data(), Some(Data::Text("hello".into())));
    let back = Event::try_from(&ours).unwrap();
    assert_eq!(back.subject(), Some("x"));
}
