//! Names that strangers make up never fill the registry, which is the whole process's: so this test has one of its own.

mod common;

use common::guarded;
use laneway::cloudevents::{Attributes, TopicMap, Value};
use laneway::{Filter, Router, registry_stats};

/// An event as far as topics go.
struct Made {
    kind: String,
    subject: String,
}

impl Attributes for Made {
    fn attribute(&self, name: &str) -> Option<Value<'_>> {
        match name {
            "type" | "source" => Some(self.kind.as_str().into()),
            "subject" => Some(self.subject.as_str().into()),
            _ => None,
        }
    }
}

#[test]
fn a_million_made_up_types_leave_the_registry_as_it_was_and_reach_those_who_take_any() {
    guarded(|| {
        const EVENTS: usize = 1_000_000;
        let router: Router<u64> = Router::builder().shards(1).build().unwrap();
        let wildcard = router
            .subscribe(Filter::any().event_type("made.up.*"), |_| ())
            .unwrap();
        let everything = router.subscribe(Filter::any(), |_| ()).unwrap();
        let other = router
            .subscribe(Filter::any().event_type("made.other.*"), |_| ())
            .unwrap();
        let map = TopicMap::new();
        let made = |number: usize| Made {
            kind: format!("made.up.x{number}.y{number}"),
            subject: format!("subject {number}"),
        };
        // The one combination of registered names that all of them stand for.
        map.topic(&made(EVENTS));
        let before = registry_stats();
        let mut publisher = router.publisher();
        for number in 0..EVENTS {
            publisher
                .publish(map.topic(&made(number)), number as u64)
                .unwrap();
        }
        router.flush().unwrap();
        assert_eq!(registry_stats(), before);
        assert_eq!(wildcard.stats().handled, EVENTS as u64);
        assert_eq!(everything.stats().handled, EVENTS as u64);
        assert_eq!(other.stats().matched, 0);
    });
}
