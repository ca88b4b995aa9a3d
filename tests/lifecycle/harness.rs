//! What must hold for any bytes whatever: for the property tests and the fuzz target alike.

use laneway::lifecycle::{EventType, Format, LifecycleEvent, MAX_TEXT_BYTES, ParseError};

/// Reads the bytes in each way there is. Says whether they were an event.
pub(crate) fn check(bytes: &[u8]) -> bool {
    let read = LifecycleEvent::from_json(bytes);
    if let Ok(event) = &read {
        assert_eq!(Format::detect(bytes), Some(event.format()));
        assert_eq!(
            LifecycleEvent::from_json_or_legacy(bytes)
                .as_ref()
                .map(visible),
            Ok(visible(event))
        );
    }
    let any = LifecycleEvent::from_json_or_legacy(bytes);
    for event_type in EventType::ALL {
        match LifecycleEvent::from_json_as(event_type, bytes) {
            Ok(event) => {
                assert_eq!(event.event_type(), event_type);
                assert_eq!(event.format(), Format::Choria);
                check_event(&event);
            }
            Err(error) => check_error(&error, bytes),
        }
    }
    if let Err(error) = &read {
        check_error(error, bytes);
    }
    match &any {
        Ok(event) => check_event(event),
        Err(error) => check_error(error, bytes),
    }
    any.is_ok()
}

/// Whether an event is written and read again as it was.
pub(crate) fn check_event(event: &LifecycleEvent) {
    assert!(!event.id().is_empty());
    for text in [event.id(), event.identity(), event.component()] {
        assert!(text.len() <= MAX_TEXT_BYTES);
    }
    let own = event.to_json();
    assert_eq!(LifecycleEvent::from_json(&own).as_ref(), Ok(event));
    for format in [Format::Choria, Format::CloudEvent] {
        let json = event.to_json_as(format);
        assert!(!json.bytes().any(|byte| byte < b' '), "{json}");
        let again = LifecycleEvent::from_json(&json).expect("what was written can be read");
        assert_eq!(again.format(), format);
        assert_eq!(again.to_json_as(event.format()), own);
        assert_eq!(again.to_string(), event.to_string());
        assert_eq!(again.target(), event.target());
    }
}

/// All but what is made up where it is absent.
fn visible(event: &LifecycleEvent) -> (EventType, Format, String) {
    (event.event_type(), event.format(), event.to_string())
}

fn check_error(error: &ParseError, bytes: &[u8]) {
    let text = error.to_string();
    assert!(
        !text.is_empty() && text.len() <= MAX_TEXT_BYTES + 256,
        "{text}"
    );
    if let Some(at) = error.position() {
        assert!(text.ends_with(&format!(" at line {} column {}", at.line, at.column)));
        let lines = 1 + bytes.iter().filter(|&&byte| byte == b'\n').count();
        assert!((1..=lines).contains(&at.line), "{error} in {lines} lines");
        let mut all = bytes.split(|&byte| byte == b'\n');
        let line = all.nth(at.line - 1).expect("one of those counted");
        assert!(
            (1..=line.len() + 1).contains(&at.column),
            "{error} in {}",
            line.len()
        );
    }
}
