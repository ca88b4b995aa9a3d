//! 3.3: what was asked of the original and not delivered.

use crate::common::{Log, guarded, topic, vectors, wait_until};
use crate::support::{router, ticks};
use laneway::manager::Subscribers;
use laneway::manager::collectors::vic::{BaseEvent, EventKind, EventType};
use laneway::manager::collectors::{
    Collector, Collectors, Failure, Gap, Missed, PageCursor, PageError, State, Stop, Stopped,
    Target,
};
use laneway::{Event, Filter, Topic};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

fn some_events() -> [BaseEvent; 4] {
    let now = SystemTime::now();
    [
        BaseEvent::vm("VmPoweredOnEvent", 1, "vm:1", "", now).unwrap(),
        BaseEvent::vm("VmRemovedEvent", 2, "vm:2", "", now).unwrap(),
        BaseEvent::state("poweredOn", "3", "vm:1", now).unwrap(),
        BaseEvent::container(EventKind::PoweredOn, "4", "c1", now),
    ]
}

/// vmware/vic#2252: to all events; a review of #3271: to one kind of event, whatever its type.
#[test]
fn subscribers_to_all_to_a_family_to_a_kind_and_to_one_thing() {
    guarded(|| {
        let router = router::<BaseEvent>();
        let subscribers = Subscribers::new(&router);
        let subscribe = |name, filter| {
            let log = Log::<String>::default();
            let ids = log.clone();
            let handler = move |event: &Event<BaseEvent>| ids.push(event.payload().id.clone());
            subscribers.subscribe(filter, name, handler).unwrap();
            log
        };
        let all = subscribe("all", Filter::any());
        let vsphere = subscribe("family", Filter::any().category("vsphere.*"));
        let vms = subscribe("type", Filter::any().category(EventType::Vm.name()));
        let kind = Filter::any().event_type(EventKind::PoweredOn.name());
        let powered_on = subscribe("kind", kind);
        let one = subscribe("thing", Filter::any().resource("vm:1"));
        for event in some_events() {
            router.publish(event.topic(), event).unwrap();
        }
        router.flush().unwrap();
        assert_eq!(all.all(), ["1", "2", "3", "4"]);
        assert_eq!(vsphere.all(), ["1", "2", "3"]);
        assert_eq!(vms.all(), ["1", "2"]);
        assert_eq!(powered_on.all(), ["1", "3", "4"]);
        assert_eq!(one.all(), ["1", "3"]);
        assert_eq!(subscribers.count(), 5);
    });
}

/// vmware/vic#4092 and others: events missed when a container starts and stops quickly. From subscribing on, each comes, and
/// in order.
#[test]
fn nothing_is_missed_of_quick_starts_and_stops() {
    guarded(|| {
        let router = router::<BaseEvent>();
        let subscribers = Subscribers::new(&router);
        let log = Log::default();
        let containers = Filter::any().category(EventType::Container.name());
        subscribers
            .subscribe(containers, "exec", log.handler())
            .unwrap();
        let now = SystemTime::now();
        let events: Vec<BaseEvent> = (0..500)
            .flat_map(|n| {
                let of = |kind| BaseEvent::container(kind, n.to_string(), "c1", now);
                [of(EventKind::Started), of(EventKind::Stopped)]
            })
            .collect();
        for event in &events {
            router.publish(event.topic(), event.clone()).unwrap();
        }
        router.flush().unwrap();
        assert_eq!(log.all(), events);
    });
}

/// A source that is read in pages of its latest events, the newest first.
#[derive(Clone, Default)]
struct Source(Arc<Mutex<VecDeque<u64>>>);

impl Source {
    fn happen(&self, ids: impl IntoIterator<Item = u64>) {
        let mut page = self.0.lock().unwrap();
        for id in ids {
            page.push_front(id);
            page.truncate(5);
        }
    }

    fn page(&self) -> Vec<u64> {
        self.0.lock().unwrap().iter().copied().collect()
    }
}

/// Reads it, and saves where it is: here, in what stands for a file.
struct Pages {
    source: Source,
    saved: Arc<Mutex<Option<u64>>>,
}

fn gaps() -> Topic {
    topic("GAP")
}

impl Collector<u64> for Pages {
    fn name(&self) -> &str {
        "pages"
    }

    fn run(&mut self, target: &mut Target<u64>, stop: &Stop) -> Result<(), Failure> {
        let saved = *self.saved.lock().unwrap();
        let mut cursor = saved.map_or(PageCursor::new(), PageCursor::at);
        loop {
            let page = self.source.page();
            let unseen = cursor.unseen(&page, |id| *id)?;
            if let Some(Gap {
                missed: Missed::AtMost(missed),
                ..
            }) = unseen.gap()
            {
                target.publish(gaps(), missed)?;
            }
            for id in unseen {
                target.publish(ticks(), *id)?;
                cursor.pass(*id);
                *self.saved.lock().unwrap() = cursor.position();
            }
            if stop.wait(Duration::from_millis(1)) {
                return Ok(());
            }
        }
    }
}

/// vmware/vic#2873: duplicates after a restart.
#[test]
fn after_a_restart_nothing_comes_twice_and_what_was_missed_is_told() {
    guarded(|| {
        let router = router::<u64>();
        let (seen, missed) = (Log::default(), Log::default());
        router
            .subscribe(Filter::exact(ticks()), seen.handler())
            .unwrap();
        router
            .subscribe(Filter::exact(gaps()), missed.handler())
            .unwrap();
        let (source, saved) = (Source::default(), Arc::default());
        let collectors = Collectors::new(&router);
        let register = || {
            let (source, saved) = (source.clone(), Arc::clone(&saved));
            collectors.register(Pages { source, saved }).unwrap();
            collectors.start("pages").unwrap();
        };
        source.happen(1..=3);
        register();
        wait_until(|| seen.len() == 3);
        // As after a restart of the whole: another collector, at the position that was saved.
        register();
        source.happen([4]);
        wait_until(|| seen.len() == 4);
        assert_eq!(collectors.stop("pages"), Ok(Stopped::Ended));
        source.happen(5..=12);
        register();
        wait_until(|| seen.len() == 9);
        router.flush().unwrap();
        assert_eq!(seen.all(), [1, 2, 3, 4, 8, 9, 10, 11, 12]);
        assert_eq!(missed.all(), [3]);
        assert_eq!(collectors.get("pages").unwrap().state, State::Running);
    });
}

fn unseen(last: Option<u64>, page: &[u64]) -> (Vec<u64>, Option<Gap>, Option<u64>) {
    let mut cursor = last.map_or(PageCursor::new(), PageCursor::at);
    let unseen = cursor.unseen(page, |id| *id).unwrap();
    let (delivered, gap) = (unseen.clone().copied().collect(), unseen.gap());
    unseen.for_each(|id| cursor.pass(*id));
    (delivered, gap, cursor.position())
}

/// The pages of the original, and the gap that it passed over (vmware/vic#6937: a page of 200 for a stream without end).
#[test]
fn pages_of_the_original() {
    let Some(vectors) = vectors::dir("vic") else {
        return;
    };
    let json = std::fs::read_to_string(vectors.join("page-dedupe-cases.json")).unwrap();
    let cases: serde_json::Value = serde_json::from_str(&json).unwrap();
    let mut with_gap = 0;
    for case in cases.as_array().unwrap() {
        let numbers = |key: &str| -> Vec<u64> {
            let list = case[key].as_array().unwrap().iter();
            list.map(|id| id.as_u64().unwrap()).collect()
        };
        // Theirs is -1 before the first event.
        let position = |key: &str| case[key].as_u64();
        let (delivered, gap, last) = unseen(position("last"), &numbers("page"));
        assert_eq!(delivered, numbers("delivered"), "{case}");
        assert_eq!(last, position("new_last"), "{case}");
        assert_eq!(gap.is_some(), case.get("note").is_some(), "{case}");
        if let Some(gap) = gap {
            with_gap += 1;
            let missed = Missed::AtMost(292);
            assert_eq!(gap, Gap { after: 5, missed }, "{case}");
        }
    }
    assert_eq!(with_gap, 1);
}

#[test]
fn pages_at_the_edges() {
    // Nothing lies between 5 and 6.
    assert_eq!(unseen(Some(5), &[7, 6]), (vec![6, 7], None, Some(7)));
    assert_eq!(unseen(Some(5), &[]), (vec![], None, Some(5)));
    // The last one is not there, but something older is: it was deleted, not missed.
    assert_eq!(unseen(Some(5), &[7, 4]), (vec![7], None, Some(7)));
    // The source counts anew.
    let missed = Missed::Unknown;
    let gap = Gap { after: 500, missed };
    assert_eq!(unseen(Some(500), &[2, 1]), (vec![1, 2], Some(gap), Some(2)));
    let far = Gap {
        after: 0,
        missed: Missed::AtMost(u64::MAX - 1),
    };
    assert_eq!(
        unseen(Some(0), &[u64::MAX]),
        (vec![u64::MAX], Some(far), Some(u64::MAX))
    );
    // One that is passed is not unseen, also in the middle of a page.
    let mut cursor = PageCursor::new();
    cursor.pass(2);
    let left: Vec<u64> = cursor
        .unseen(&[3, 2, 1], |id| *id)
        .unwrap()
        .copied()
        .collect();
    assert_eq!(left, [3]);
    let position = cursor.position().unwrap();
    assert_eq!(PageCursor::at(position), cursor);
}

/// vmware/govmomi#730: no duplicates, and a sane order.
#[test]
fn a_page_that_is_out_of_order_is_refused() {
    for (page, index) in [(vec![3, 3], 1), (vec![5, 4, 6], 2)] {
        let error = PageCursor::new().unseen(&page, |id| *id).unwrap_err();
        assert_eq!(error, PageError { index });
    }
}
