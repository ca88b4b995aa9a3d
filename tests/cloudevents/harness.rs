//! What holds for any input whatever: shared by the property tests and the fuzz target.

use laneway::cloudevents::{
    Attributes, CloudEvent, Envelope, EventFilter, JsonEvents, SpecVersion, TopicMap,
    from_json_batch, to_json_batch,
};

const VERSIONS: [SpecVersion; 5] = [
    SpecVersion::V0_1Kebab,
    SpecVersion::V0_1,
    SpecVersion::V0_2,
    SpecVersion::V0_3,
    SpecVersion::V1_0,
];

/// Reads a document in every way there is.
pub(crate) fn any_document(document: &[u8]) {
    match CloudEvent::from_json(document) {
        Ok(event) => {
            let text = std::str::from_utf8(document).expect("it was read");
            serde_json::from_str::<&serde_json::value::RawValue>(text).expect("only JSON is read");
            if let Ok(tree) = serde_json::from_str::<serde_json::Value>(text)
                && event.spec_version() == SpecVersion::V1_0
            {
                let subject = event.subject().map_or(serde_json::Value::Null, Into::into);
                assert_eq!(
                    (&tree["id"], &tree["subject"]),
                    (&event.id().into(), &subject)
                );
            }
            let envelope = Envelope::parse(document).expect("both read the same");
            assert_eq!(CloudEvent::from(&envelope), event);
            any_event(&event);
        }
        Err(error) => {
            assert_eq!(
                Envelope::parse(document).expect_err("both read the same"),
                error
            );
            assert!(error.offset() <= document.len());
            let lines = document[..error.offset()]
                .iter()
                .filter(|&&byte| byte == b'\n')
                .count();
            assert_eq!(error.line(), lines + 1);
        }
    }
    if let Ok(events) = from_json_batch(document) {
        assert_eq!(
            from_json_batch(to_json_batch(&events)).as_ref(),
            Ok(&events)
        );
    }
    let events = JsonEvents::new(document).take(document.len() + 2).count();
    assert!(events <= document.len().max(1), "it comes to an end");
    let _ = EventFilter::from_json(document);
}

/// Writes an event in every way there is, and reads it again.
pub(crate) fn any_event(event: &CloudEvent) {
    let json = event.to_json();
    let again = CloudEvent::from_json(&json).unwrap_or_else(|error| panic!("{error} in {json}"));
    assert_eq!(&again, event);
    assert_eq!(again.to_json(), json);
    let rebuilt = event.to_builder().build();
    if event.spec_version() >= SpecVersion::V0_3 {
        assert_eq!(rebuilt.as_ref(), Ok(event));
    }
    for version in VERSIONS {
        let Ok(other) = event.to_version(version) else {
            continue;
        };
        assert_eq!(CloudEvent::from_json(other.to_json()).as_ref(), Ok(&other));
        assert_eq!(other.id(), event.id());
    }
    if let Ok(headers) = event.to_http_headers() {
        let data = event.data();
        let body = data.as_ref().map_or(&[][..], |data| data.bytes());
        let over = CloudEvent::from_http(headers, body).expect("what was written can be read");
        for (name, value) in event.attributes() {
            let arrived = over.attribute(name);
            assert_eq!(arrived.expect("it was sent").text(), value.text());
        }
        assert_eq!(
            over.data().as_ref().map_or(&[][..], |data| data.bytes()),
            body
        );
    }
    let topic = TopicMap::new().topic(event);
    assert_eq!(topic, TopicMap::new().topic(&again));
}
