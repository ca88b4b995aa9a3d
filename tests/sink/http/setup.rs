//! What a webhook may be told before it posts anything.

use super::{answering, encode, sink};
use crate::common::guarded;
use crate::harness::event;
use laneway::sink::{HeaderNames, HttpSetupError, HttpSink, Sink};
use std::time::Duration;

#[test]
fn bad_urls_have_their_errors() {
    let open = |url: &str| HttpSink::<u32>::with_encoder(url, encode).unwrap_err();
    let no_url = [
        "",
        "http://",
        "http://a b/",
        "http://[::1",
        "http://h:99999/",
    ];
    for url in no_url {
        assert!(
            matches!(
                open(url),
                HttpSetupError::Url { .. } | HttpSetupError::Scheme { .. }
            ),
            "{url:?}: {:?}",
            open(url)
        );
    }
    for url in ["ftp://h/", "/path", "h", "file:///etc/passwd"] {
        let error = open(url);
        assert!(
            matches!(
                error,
                HttpSetupError::Scheme { .. } | HttpSetupError::Url { .. }
            ),
            "{url}: {error:?}"
        );
    }
    assert_eq!(open("http://user:secret@h/"), HttpSetupError::UserInfo);
    let secure = HttpSink::<u32>::with_encoder("https://h/", encode);
    if cfg!(feature = "sink-https") {
        assert!(secure.is_ok());
    } else {
        assert_eq!(secure.unwrap_err(), HttpSetupError::NoTls);
    }
}

#[test]
fn bad_settings_have_their_errors() {
    let sink = || HttpSink::<u32>::with_encoder("http://127.0.0.1:1/", encode).unwrap();
    assert_eq!(
        sink().header("a b", "c").unwrap_err(),
        HttpSetupError::HeaderName { name: "a b".into() }
    );
    assert_eq!(
        sink().header("a", "b\r\nc: d").unwrap_err(),
        HttpSetupError::HeaderValue { name: "a".into() }
    );
    assert!(sink().content_type("a\nb").is_err());
    let names = HeaderNames {
        id: "",
        ..HeaderNames::DEFAULT
    };
    assert!(sink().header_names(names).is_err());
    assert_eq!(
        sink().timeout_after(Duration::ZERO).unwrap_err(),
        HttpSetupError::Timeout
    );
}

#[test]
fn fault_a_content_type_set_as_a_header_was_sent_twice() {
    guarded(|| {
        let server = answering([]);
        let mut sink = sink(&server).header("content-type", "text/plain").unwrap();
        sink.write(&event(1)).unwrap();
        let request = server.requests.take().remove(0);
        assert_eq!(request.header("Content-Type"), Some("text/plain"));
    });
}

#[test]
fn fault_headers_that_frame_a_request_could_be_set() {
    let sink = || HttpSink::<u32>::with_encoder("http://127.0.0.1:1/", encode).unwrap();
    for name in ["Content-Length", "transfer-encoding", "Host"] {
        let reserved = HttpSetupError::HeaderReserved { name: name.into() };
        assert_eq!(sink().header(name, "7").unwrap_err(), reserved);
        let names = HeaderNames {
            id: name,
            ..HeaderNames::DEFAULT
        };
        assert_eq!(sink().header_names(names).unwrap_err(), reserved);
    }
}
