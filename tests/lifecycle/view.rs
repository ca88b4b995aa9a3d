//! The printer.

use crate::common::guarded;
use laneway::Router;
use laneway::lifecycle::{EventType, Format, LifecycleEvent, Stage, View};
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

/// An output that somebody else can look at.
#[derive(Clone, Default)]
pub(crate) struct Page(Arc<Mutex<Vec<u8>>>);

impl Page {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn events() -> [LifecycleEvent; 3] {
    [
        LifecycleEvent::startup("server", "1").format(Format::CloudEvent),
        LifecycleEvent::shutdown("server"),
        LifecycleEvent::governor("broker", "PUPPET", Stage::Enter),
    ]
    .map(|event| {
        event
            .id("1")
            .identity("n1")
            .timestamp(86_399)
            .build()
            .unwrap()
    })
}

/// What the view prints of the events that pass on a router.
fn routed(view: impl FnOnce(Page) -> View<Page>) -> String {
    let page = Page::default();
    let view = view(page.clone());
    guarded(move || {
        let router = Router::<LifecycleEvent>::new();
        router.spawn(view.filter(), view).unwrap();
        for event in events() {
            router.publish(event.topic(), event).unwrap();
        }
        router.flush().unwrap();
    });
    page.text()
}

#[test]
fn text_lines() {
    let all = "23:59:59 [startup] n1: server version 1\n\
               23:59:59 [shutdown] n1: server\n\
               23:59:59 [governor] n1: obtained slot on PUPPET\n";
    assert_eq!(routed(View::new), all);
}

#[test]
fn json_lines() {
    let expected = events().map(|event| event.to_json() + "\n").concat();
    assert_eq!(routed(|page| View::new(page).json_lines()), expected);
    assert!(expected.starts_with("{\"specversion\""));
}

#[test]
fn filtered() {
    let shutdown = "23:59:59 [shutdown] n1: server\n";
    let page = routed(|page| View::new(page).event_type(EventType::Shutdown));
    assert_eq!(page, shutdown);
    let page = routed(|page| {
        View::new(page)
            .component("server")
            .event_type(EventType::Shutdown)
    });
    assert_eq!(page, shutdown);
    assert_eq!(routed(|page| View::new(page).component("serve")), "");
    let page = routed(|page| View::new(page).component("broker"));
    assert_eq!(page, "23:59:59 [governor] n1: obtained slot on PUPPET\n");
}

#[test]
fn it_filters_by_itself_too() {
    let page = Page::default();
    let mut view = View::new(page.clone()).component("broker");
    let shown = events().map(|event| view.show(&event).unwrap());
    assert_eq!(shown, [false, false, true]);
    assert_eq!(page.text(), "");
    view.flush().unwrap();
    assert_eq!(page.text().lines().count(), 1);
}

#[test]
fn nothing_on_the_terminal_is_obeyed() {
    let page = Page::default();
    let mut view = View::new(page.clone());
    let event = LifecycleEvent::shutdown("ser\nver")
        .identity("\u{1b}[2Jé")
        .timestamp(0);
    view.show(&event.build().unwrap()).unwrap();
    drop(view);
    assert_eq!(page.text(), "00:00:00 [shutdown] \\u{1b}[2Jé: ser\\nver\n");
}

#[test]
fn an_output_that_fails_ends_it() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    guarded(|| {
        let router = Router::<LifecycleEvent>::new();
        let view = View::new(Full);
        let subscription = router.spawn(view.filter(), view).unwrap();
        for event in events() {
            router.publish(event.topic(), event).unwrap();
        }
        router.flush().unwrap();
        assert!(subscription.has_ended());
        assert_eq!(subscription.stats().panics, 0);
    });
}
