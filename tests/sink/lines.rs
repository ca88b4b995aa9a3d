//! Lines: to writers that fail, and of the event types of this crate.

use crate::common::topic;
use crate::harness::{LONG, event};
use laneway::Event;
use laneway::sink::{BoxError, Encode, LineError, Sink, SinkError, WriterSink};
use std::collections::VecDeque;
use std::io::{self, ErrorKind, Write};
use std::sync::{Arc, Mutex};

/// What one call of it does.
enum Step {
    /// Takes so many bytes.
    Take(usize),
    Fail(ErrorKind),
}

/// An output that does as it is told, and then takes everything.
#[derive(Clone, Default)]
struct Page(Arc<Mutex<(Vec<u8>, VecDeque<Step>)>>);

impl Page {
    fn telling(steps: impl IntoIterator<Item = Step>) -> Self {
        let page = Page::default();
        page.0.lock().unwrap().1 = steps.into_iter().collect();
        page
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().0.clone()).unwrap()
    }
}

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (page, steps) = &mut *self.0.lock().unwrap();
        let taken = match steps.pop_front() {
            Some(Step::Fail(kind)) => return Err(kind.into()),
            Some(Step::Take(count)) => count.min(bytes.len()),
            None => bytes.len(),
        };
        page.extend(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn sink(page: &Page) -> WriterSink<u32> {
    WriterSink::with_encoder(page.clone(), |event: &Event<u32>, out| {
        out.extend(format!(r#"{{"n":{}}}"#, event.payload()).bytes());
        Ok(())
    })
}

#[test]
fn a_line_that_was_torn_spoils_no_other() {
    let page = Page::telling([Step::Take(3), Step::Fail(ErrorKind::WouldBlock)]);
    let mut sink = sink(&page);
    let error = sink.write(&event(1)).unwrap_err();
    assert!(error.is_retryable());
    sink.write(&event(1)).unwrap();
    sink.write(&event(2)).unwrap();
    assert!(sink.close(LONG).is_complete());
    assert_eq!(page.text(), "{\"n\n{\"n\":1}\n{\"n\":2}\n");
    assert!(matches!(sink.write(&event(3)), Err(SinkError::Closed)));
}

#[test]
fn a_line_of_which_nothing_was_written_leaves_none() {
    let page = Page::telling([Step::Fail(ErrorKind::WouldBlock), Step::Take(0)]);
    let mut sink = sink(&page);
    for _ in 0..2 {
        assert!(sink.write(&event(1)).unwrap_err().is_retryable());
    }
    sink.write(&event(1)).unwrap();
    assert_eq!(page.text(), "{\"n\":1}\n");
}

#[test]
fn a_reader_that_is_gone_is_gone_for_ever() {
    let mut sink = sink(&Page::telling([Step::Fail(ErrorKind::BrokenPipe)]));
    assert!(matches!(sink.write(&event(1)), Err(SinkError::Closed)));
    assert!(matches!(sink.write(&event(1)), Err(SinkError::Closed)));
    assert!(sink.close(LONG).is_complete());
}

#[test]
fn an_event_that_is_no_line_is_refused_and_leaves_nothing() {
    let page = Page::default();
    let encode = |event: &Event<u32>, out: &mut Vec<u8>| -> Result<(), BoxError> {
        out.extend(b"{");
        match event.payload() {
            1 => out.extend(b"\n"),
            2 => return Err("no".into()),
            _ => {}
        }
        out.extend(b"}");
        Ok(())
    };
    let mut sink = WriterSink::with_encoder(page.clone(), encode);
    let SinkError::Refused(reason) = sink.write(&event(1)).unwrap_err() else {
        panic!("not refused");
    };
    assert_eq!(reason.downcast_ref(), Some(&LineError::LineBreak));
    assert!(matches!(sink.write(&event(2)), Err(SinkError::Refused(_))));
    sink.write(&event(3)).unwrap();
    assert_eq!(page.text(), "{}\n");
}

#[derive(Clone)]
struct Word(&'static str);

impl Encode for Word {
    fn encode(event: &Event<Self>, out: &mut Vec<u8>) -> Result<(), BoxError> {
        out.extend(format!("\"{}\"", event.payload().0).bytes());
        Ok(())
    }
}

#[test]
fn dead_letters_of_what_can_be_encoded_can_be_too() {
    let page = Page::default();
    let reason = "a \"quoted\" \\ reason\nin two\u{1}lines";
    let mut sink = laneway::sink::sink_fn(move |_: &Event<Word>| Err(SinkError::refused(reason)))
        .dead_letter(WriterSink::new(page.clone()));
    sink.write(&Event::new(topic("SINK"), Word("hello")))
        .unwrap();
    let line: serde_json::Value = serde_json::from_str(page.text().trim()).unwrap();
    assert_eq!(line["event"], "hello");
    assert_eq!(line["error"], format!("the event was refused: {reason}"));
    assert!(line["at"].as_u64().unwrap() > 1_600_000_000);
}

#[cfg(feature = "cloudevents")]
#[test]
fn cloud_events_know_how() {
    use laneway::cloudevents::CloudEvent;
    let page = Page::default();
    let cloud_event = CloudEvent::builder("7", "/dc/1", "vm.started")
        .build()
        .unwrap();
    let mut sink = WriterSink::new(page.clone());
    sink.write(&Event::new(topic("SINK"), cloud_event.clone()))
        .unwrap();
    let line = page.text();
    assert_eq!(CloudEvent::from_json(line.trim_end()).unwrap(), cloud_event);
    assert_eq!(
        CloudEvent::id(&Event::new(topic("SINK"), cloud_event).into_payload()),
        "7"
    );
}

#[cfg(feature = "lifecycle")]
#[test]
fn lifecycle_events_know_how() {
    use laneway::lifecycle::LifecycleEvent;
    let page = Page::default();
    let startup = LifecycleEvent::startup("server", "1")
        .identity("n1")
        .build()
        .unwrap();
    let mut sink = WriterSink::new(page.clone());
    sink.write(&Event::new(startup.topic(), startup.clone()))
        .unwrap();
    assert_eq!(LifecycleEvent::from_json(page.text()).unwrap(), startup);
}
