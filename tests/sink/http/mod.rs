//! Webhooks, against a server on this machine.

mod server;
mod setup;

use crate::common::{Log, guarded, topic, wait_until};
use crate::harness::{LONG, event, numbers};
use laneway::sink::{
    BoxError, Encode, ExponentialBackoff, HeaderNames, HttpError, HttpSink, ManualClock, Sink,
    SinkError,
};
use laneway::{Event, Topic};
use server::{Answer, Request, Server, status, with_headers};
use std::borrow::Cow;
use std::time::Duration;

fn encode(event: &Event<u32>, out: &mut Vec<u8>) -> Result<(), BoxError> {
    out.extend(format!(r#"{{"number":{}}}"#, event.payload()).bytes());
    Ok(())
}

fn sink(server: &Server) -> HttpSink<u32> {
    HttpSink::with_encoder(&server.url, encode).unwrap()
}

/// A server that gives these statuses, and then 200.
fn answering(statuses: impl IntoIterator<Item = Answer, IntoIter: Send + 'static>) -> Server {
    let mut answers = statuses.into_iter();
    Server::new(move |_| answers.next().unwrap_or_else(|| status(200)))
}

fn http_error(error: &SinkError) -> &HttpError {
    let source = match error {
        SinkError::Refused(source) | SinkError::Failed { source, .. } => source,
        other => panic!("{other:?}"),
    };
    source.downcast_ref().expect("an error of the webhook")
}

#[test]
fn it_posts_the_event_and_says_what_it_is() {
    guarded(|| {
        let server = answering([]);
        let mut sink = sink(&server)
            .header("X-Tenant", "seven")
            .unwrap()
            .event_id(|event| Some(format!("id-{}", event.payload()).into()));
        sink.write(&event(7)).unwrap();
        sink.write(&event(8)).unwrap();
        let requests = server.requests.all();
        let first: &Request = &requests[0];
        assert_eq!(first.line, "POST /hook?a=b HTTP/1.1");
        assert_eq!(first.body, br#"{"number":7}"#);
        let expected = [
            ("Content-Type", Some("application/json")),
            ("X-Event-Type", Some("SINK")),
            ("X-Event-ID", Some("id-7")),
            ("X-Tenant", Some("seven")),
            ("X-Signature", None),
            (
                "User-Agent",
                Some(concat!("laneway/", env!("CARGO_PKG_VERSION"))),
            ),
        ];
        for (name, value) in expected {
            assert_eq!(first.header(name), value, "{name}");
        }
        assert_eq!(requests[1].header("X-Event-ID"), Some("id-8"));
        assert_eq!(requests[1].connection, 0, "the connection is used again");
        assert!(sink.close(LONG).is_complete());
        assert!(matches!(sink.write(&event(9)), Err(SinkError::Closed)));
    });
}

#[test]
fn the_signature_is_that_of_cloudstack() {
    guarded(|| {
        let server = answering([]);
        // RFC 4231, test case 2, in base64.
        let mut sink = HttpSink::with_encoder(&server.url, |_: &Event<u32>, out| {
            out.extend(b"what do ya want for nothing?");
            Ok(())
        })
        .unwrap()
        .secret("Jefe")
        .header_names(HeaderNames::CLOUDSTACK)
        .unwrap()
        .event_id(|_| Some("7".into()));
        sink.write(&event(1)).unwrap();
        let request = server.requests.take().remove(0);
        let signature = "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=";
        assert_eq!(request.header("X-CS-Signature"), Some(signature));
        assert_eq!(request.header("X-CS-Event"), Some("SINK"));
        assert_eq!(request.header("X-CS-Event-ID"), Some("7"));
        assert_eq!(request.header("X-Event-ID"), None);
    });
}

#[test]
fn what_becomes_of_each_answer() {
    guarded(|| {
        // Also those that only look like success.
        let refused = [
            300, 301, 302, 304, 307, 400, 401, 403, 404, 409, 410, 413, 422,
        ];
        let failed = [408, 429, 500, 502, 503, 504, 599];
        let accepted = [200, 201, 202, 204, 299];
        let all = accepted.iter().chain(&refused).chain(&failed).copied();
        let server = answering(all.clone().map(status).collect::<Vec<_>>());
        let mut sink = sink(&server);
        for status in all {
            let result = sink.write(&event(1));
            if accepted.contains(&status) {
                assert!(result.is_ok(), "{status}: {result:?}");
                continue;
            }
            let error = result.unwrap_err();
            assert_eq!(error.is_retryable(), failed.contains(&status), "{status}");
            let HttpError::Status { status: said, .. } = http_error(&error) else {
                panic!("{error:?}");
            };
            assert_eq!(*said, status);
        }
    });
}

#[test]
fn redirects_are_not_followed() {
    guarded(|| {
        let other = answering([]);
        let location = format!("Location: {}\r\n", other.url);
        let server = answering([with_headers(307, &location), with_headers(302, &location)]);
        for _ in 0..2 {
            assert!(!sink(&server).write(&event(1)).unwrap_err().is_retryable());
        }
        assert_eq!((server.requests.len(), other.requests.len()), (2, 0));
    });
}

#[test]
fn success_can_be_200_alone() {
    guarded(|| {
        let server = answering([status(204), status(200)]);
        let mut sink = sink(&server).accept(|status| status == 200);
        let error = sink.write(&event(1)).unwrap_err();
        assert!(
            matches!(error, SinkError::Refused(_)),
            "it was taken: no second time"
        );
        sink.write(&event(1)).unwrap();
    });
}

#[test]
fn the_servers_wish_to_be_left_alone_is_heeded() {
    guarded(|| {
        let server = answering([
            with_headers(429, "Retry-After: 7\r\n"),
            with_headers(503, "Retry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\n"),
            with_headers(503, "Retry-After: soon\r\n"),
            with_headers(200, "Retry-After: 9\r\n"),
        ]);
        let clock = ManualClock::new();
        let none = ExponentialBackoff::new(Duration::ZERO, Duration::ZERO, Duration::ZERO);
        let mut sink = sink(&server).retry(none).clock(clock.clone());
        sink.write(&event(1)).unwrap();
        assert_eq!(server.requests.len(), 4);
        assert_eq!(clock.waits().len(), 1);
        assert!(clock.waits()[0].as_secs_f64() > 6.9);
    });
}

#[test]
fn what_the_server_says_is_in_the_error_up_to_a_limit() {
    guarded(|| {
        let long = "no\r\nsuch\ttenant".to_owned() + &"!".repeat(100_000);
        let head = format!("HTTP/1.1 404 X\r\nContent-Length: {}\r\n\r\n", long.len());
        let server = answering([Answer::Text(head + &long)]);
        let mut sink = sink(&server);
        let error = sink.write(&event(1)).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("404: no  such tenant!!!"), "{text}");
        assert!(text.len() < 300 && !text.contains('\n'), "{text}");
        sink.write(&event(2)).unwrap();
    });
}

#[test]
fn a_server_that_hangs_up_or_is_not_there_can_be_tried_again() {
    guarded(|| {
        let server = answering([Answer::HangUp, Answer::Text("nonsense\r\n\r\n".into())]);
        for _ in 0..2 {
            let error = sink(&server).write(&event(1)).unwrap_err();
            assert!(error.is_retryable(), "{error}");
            assert!(matches!(http_error(&error), HttpError::Transport { .. }));
        }
        let url = server.url.clone();
        drop(server);
        let mut sink = HttpSink::with_encoder(&url, encode).unwrap();
        let error = sink.write(&event(1)).unwrap_err();
        assert!(error.is_retryable(), "{error}");
    });
}

#[test]
fn a_server_that_says_nothing_times_out() {
    guarded(|| {
        let server = Server::new(|_| Answer::Silence);
        let limit = Duration::from_millis(50);
        let mut sink = sink(&server).timeout_after(limit).unwrap();
        let error = sink.write(&event(1)).unwrap_err();
        assert!(
            matches!(error, SinkError::TimedOut { after } if after == limit),
            "{error:?}"
        );
    });
}

#[test]
fn closing_a_queue_ends_a_request_that_hangs_and_gives_back_its_event() {
    guarded(|| {
        let server = Server::new(|_| Answer::Silence);
        let sink = sink(&server)
            .timeout_after(Duration::from_secs(3600))
            .unwrap();
        let mut queue = sink.retry(ExponentialBackoff::default()).queue(16);
        for number in 0..3 {
            queue.write(&event(number)).unwrap();
        }
        wait_until(|| server.requests.len() == 1);
        let report = queue.close(Duration::from_millis(20));
        assert!(report.detached.is_empty(), "{report:?}");
        assert_eq!(numbers(&report.left), [0, 1, 2]);
    });
}

#[test]
fn an_event_comes_through_when_the_server_does() {
    guarded(|| {
        let server = answering([status(503), Answer::HangUp, status(500)]);
        let backoff = ExponentialBackoff::new(Duration::ZERO, LONG, LONG);
        let (clock, log) = (ManualClock::new(), Log::default());
        let noted = log.clone();
        let mut queue = sink(&server)
            .event_id(|event| Some(event.payload().to_string().into()))
            .tap(&laneway::sink::SinkMetrics::new())
            .on_write(move |_, result, _| noted.push(result.is_ok()))
            .retry(backoff)
            .clock(clock)
            .queue(16);
        queue.write(&event(7)).unwrap();
        queue.write(&event(8)).unwrap();
        assert!(queue.close(LONG).is_complete());
        assert_eq!(log.all(), [false, false, false, true, true]);
        let ids: Vec<_> = server
            .requests
            .all()
            .iter()
            .map(|request| request.header("X-Event-ID").unwrap().to_owned())
            .collect();
        // The same id for each attempt.
        assert_eq!(ids, ["7", "7", "7", "7", "8"]);
    });
}

#[test]
fn an_event_cannot_smuggle_headers() {
    guarded(|| {
        let server = answering([]);
        let mut sink = sink(&server).event_id(|_| Some("7\r\nX-Admin: yes".into()));
        let error = sink.write(&event(1)).unwrap_err();
        let SinkError::Refused(reason) = &error else {
            panic!("{error:?}");
        };
        let reason = reason.downcast_ref::<HttpError>();
        assert!(matches!(reason, Some(HttpError::Header { name }) if name == "X-Event-ID"));
        let smuggling = Topic::new("test", "A\r\nB").unwrap();
        assert!(
            !sink
                .write(&Event::new(smuggling, 1))
                .unwrap_err()
                .is_retryable()
        );
        assert_eq!(server.requests.len(), 0);
    });
}

#[test]
fn traces_show_no_secret() {
    let sink = HttpSink::<u32>::with_encoder("http://127.0.0.1:1/path?token=hidden", encode);
    let sink = sink
        .unwrap()
        .secret("hidden")
        .header("Authorization", "hidden");
    let text = format!("{:?}", sink.unwrap());
    assert!(
        text.contains("127.0.0.1:1") && !text.contains("hidden"),
        "{text}"
    );
}

#[derive(Clone)]
struct Named(&'static str);

impl Encode for Named {
    const CONTENT_TYPE: &'static str = "application/vnd.named+json";

    fn encode(event: &Event<Self>, out: &mut Vec<u8>) -> Result<(), BoxError> {
        match event.payload().0 {
            "" => Err("a name is needed".into()),
            name => {
                out.extend(format!("\"{name}\"").bytes());
                Ok(())
            }
        }
    }

    fn id(event: &Event<Self>) -> Option<Cow<'_, str>> {
        Some(event.payload().0.into())
    }
}

#[test]
fn payloads_that_know_their_encoding_say_what_they_are() {
    guarded(|| {
        let server = answering([]);
        let mut sink = HttpSink::<Named>::new(&server.url).unwrap();
        sink.write(&Event::new(topic("SINK"), Named("a"))).unwrap();
        let request = server.requests.take().remove(0);
        assert_eq!(
            request.header("Content-Type"),
            Some("application/vnd.named+json")
        );
        assert_eq!(request.header("X-Event-ID"), Some("a"));
        assert_eq!(request.body, b"\"a\"");
        let error = sink
            .write(&Event::new(topic("SINK"), Named("")))
            .unwrap_err();
        assert_eq!(error.to_string(), "the event was refused: a name is needed");
        assert_eq!(server.requests.len(), 0);
    });
}
