//! What do events cost while others subscribe and unsubscribe?

use crate::rounds::Workload;
use crate::stage::{self, Usual};
use crate::systems::beside::{self, Paced};
use laneway::{Filter, Router, Subscription, Topic};
use std::collections::VecDeque;
use std::time::Duration;

/// In groups: 10,000 of both a second.
const PACE: Duration = Duration::from_millis(1);
const GROUP: u64 = 10;

const CLASSES: usize = 64;

type Start = fn(&Router<Usual>) -> Paced;

pub(crate) fn churn() -> Workload {
    let mut workload = Workload::new("churn", 1).of_valid_events("churn", "laneway", |events| {
        beside::handoff(events, |_| (), |()| true)
    });
    let disturbed: [(_, Start); 3] = [
        ("laneway, resource filters", resource_filters),
        ("laneway, class filters", class_filters),
        ("laneway, a thread that only wakes", |_| {
            Paced::start(PACE, |_| ())
        }),
    ];
    for (system, start) in disturbed {
        workload = workload.of_valid_events("churn", system, move |events| {
            beside::handoff(events, start, |paced| paced.stop().1)
        });
    }
    workload
}

/// The first is the one that is measured.
fn topics() -> Vec<Topic> {
    let others = (1..CLASSES).map(|n| {
        let event_type = format!("churn-{n}");
        Topic::new("bench", event_type).expect("a valid topic")
    });
    [stage::topic()].into_iter().chain(others).collect()
}

/// Each class has two such subscriptions at any time, so that none becomes or ceases to be one with resources.
fn resource_filters(router: &Router<Usual>) -> Paced {
    let topics = topics();
    let router = router.clone();
    let mut next = 0;
    let mut subscribe = move || {
        let topic = topics[next as usize % CLASSES].with_resource(next);
        next += 1;
        some(&router, Filter::exact(topic))
    };
    let mut live: VecDeque<_> = (0..2 * CLASSES).map(|_| subscribe()).collect();
    Paced::start(PACE, move |_| {
        for _ in 0..GROUP {
            live.push_back(subscribe());
            let oldest = live.pop_front().expect("just pushed");
            oldest.unsubscribe().expect("it lives");
        }
    })
}

/// All but the one that is measured have no other subscription, so each call changes what publishers remember of classes.
fn class_filters(router: &Router<Usual>) -> Paced {
    let topics = topics();
    let router = router.clone();
    Paced::start(PACE, move |turn| {
        for n in turn * GROUP..(turn + 1) * GROUP {
            let filter = Filter::exact(topics[n as usize % CLASSES]);
            some(&router, filter).unsubscribe().expect("it lives");
        }
    })
}

fn some(router: &Router<Usual>, filter: Filter) -> Subscription {
    router.subscribe(filter, |_| ()).expect("room")
}
