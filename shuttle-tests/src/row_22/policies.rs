//! Mailboxes of all policies, their sums, and the order of what comes out of them.

use super::{Log, assert_sums, check, end, join, router, topic};
use crate::actor::{Actor, Context};
use crate::event::Event;
use crate::filter::Filter;
use crate::router::Router;
use crate::shard::mailbox::Overflow;
use crate::subscription::{Subscription, Suspend};
use shuttle::thread;

const POLICIES: [Overflow; 4] = [
    Overflow::Block,
    Overflow::DropNewest,
    Overflow::DropOldest,
    Overflow::KeepLatest,
];

#[derive(Clone, Copy, Debug)]
enum Seen {
    Event(u64),
    Lagged(u64),
}

/// Notes its calls.
struct Witness(Log<Seen>);

impl Actor<u64> for Witness {
    fn handle(&mut self, event: &Event<u64>, _: &mut Context<'_, u64>) {
        // A call takes its time, and others run meanwhile.
        thread::yield_now();
        self.0.push(Seen::Event(*event.payload()));
    }

    fn lagged(&mut self, missed: u64, _: &mut Context<'_, u64>) {
        self.0.push(Seen::Lagged(missed));
    }
}

/// Publishes this many events, which name it and their place.
fn publishing(router: &Router<u64>, publisher: u64, count: u64) -> thread::JoinHandle<()> {
    let router = router.clone();
    thread::spawn(move || {
        let mut own = router.publisher();
        for number in 0..count {
            own.publish(topic("T"), 100 * publisher + number).unwrap();
        }
    })
}

/// What is told of gaps is what is lost before the last event that came, and each publisher's events are in order.
fn assert_told(log: &Log<Seen>, subscription: &Subscription) {
    let seen = log.take();
    let stats = subscription.stats();
    let told: u64 = seen
        .iter()
        .map(|seen| if let Seen::Lagged(n) = seen { *n } else { 0 })
        .sum();
    let dropped = stats.dropped.total() - stats.dropped.stopped;
    // What was lost behind the last one that came is in the counters alone.
    assert!(told <= dropped, "{seen:?} {stats:?}");
    let mut last = [None; 3];
    for seen in &seen {
        if let Seen::Event(payload) = seen {
            let (publisher, number) = ((payload / 100) as usize, payload % 100);
            assert!(last[publisher] < Some(number), "{seen:?}");
            last[publisher] = Some(number);
        }
    }
    let handled = seen
        .iter()
        .filter(|seen| matches!(seen, Seen::Event(_)))
        .count();
    assert_eq!(handled as u64, stats.handled);
}

/// G7: two publish to actors of all policies, whose mailboxes hold one event, while another suspends and resumes them.
#[test]
fn row_07_the_sums_of_all_policies_are_exact() {
    check(
        &[
            ("bell_no_wake", "pct:200444864843887"),
            ("cold_no_ring", "random:120118019228617"),
            ("held_stays_cold", "random:82395761760933"),
            ("paused_too_early", "pct:82695142799357"),
        ],
        || {
            let router = router(2, 2);
            let all: Vec<_> = (POLICIES.into_iter().enumerate())
                .map(|(place, overflow)| {
                    let log = Log::default();
                    let builder = router.subscription().filter(Filter::any());
                    let builder = builder.mailbox(1, overflow).budget(1).shard(place % 2);
                    (builder.actor(Witness(log.clone())).unwrap(), log)
                })
                .collect();
            let suspending = {
                let all = all.clone();
                thread::spawn(move || {
                    for (place, (subscription, log)) in all.iter().enumerate() {
                        let how = match place {
                            1 => Suspend::Discard,
                            _ => Suspend::Queue,
                        };
                        subscription.suspend(how).unwrap();
                        let before = log.len();
                        thread::yield_now();
                        assert_eq!(log.len(), before, "a call after the barrier");
                    }
                    for (subscription, _) in &all {
                        subscription.resume().unwrap();
                    }
                })
            };
            join([
                publishing(&router, 0, 3),
                publishing(&router, 1, 3),
                suspending,
            ]);
            router.flush().unwrap();
            for (subscription, log) in &all {
                let stats = subscription.stats();
                assert_eq!((stats.matched, stats.queued), (6, 0), "{stats:?}");
                assert_told(log, subscription);
            }
            assert_eq!(all[0].0.stats().handled, 6, "Block loses nothing");
            let all: Vec<_> = all
                .into_iter()
                .map(|(subscription, _)| subscription)
                .collect();
            assert_sums(&router, &all);
            end(&router);
        },
    );
}

/// G4: two publish to an actor on each shard, to a dedicated one and to a receiver.
#[test]
fn row_09_each_pair_of_publisher_and_actor_is_in_order() {
    check(
        &[
            ("bell_no_wake", "pct:239761677789282"),
            ("cold_no_recheck", "pct:53547618876976"),
            ("cold_no_ring", "pct:68837489330692"),
            ("full_outbox_not_armed", "pct:272640271459870"),
            ("held_stays_cold", "pct:19707869092913"),
        ],
        || {
            let router = router(2, 2);
            let begin = |capacity, overflow, shard| {
                let builder = router.subscription().filter(Filter::any()).shard(shard);
                builder.mailbox(capacity, overflow).budget(1)
            };
            let [first, second, third] = [(); 3].map(|()| Log::default());
            let all = [
                (
                    begin(1, Overflow::DropOldest, 0)
                        .actor(Witness(first.clone()))
                        .unwrap(),
                    first,
                ),
                (
                    begin(1, Overflow::Block, 1)
                        .actor(Witness(second.clone()))
                        .unwrap(),
                    second,
                ),
                (
                    begin(1, Overflow::Block, 0)
                        .dedicated(Witness(third.clone()))
                        .unwrap(),
                    third,
                ),
            ];
            let mut receiver = begin(2, Overflow::DropNewest, 1).receiver().unwrap();
            let received = receiver.subscription().clone();
            let log = Log::default();
            let reading = {
                let log = log.clone();
                thread::spawn(move || {
                    while let Ok(event) = receiver.recv() {
                        let missed = receiver.take_missed();
                        log.push(Seen::Lagged(missed));
                        log.push(Seen::Event(event.into_payload()));
                    }
                    log.push(Seen::Lagged(receiver.take_missed()));
                })
            };
            join([publishing(&router, 0, 3), publishing(&router, 1, 3)]);
            end(&router);
            join([reading]);
            let stats = received.stats();
            assert_eq!(stats.handled + stats.dropped.newest, 6, "{stats:?}");
            assert_told(&log, &received);
            for (subscription, log) in &all {
                assert_told(log, subscription);
            }
            for lossless in &all[1..] {
                assert_eq!(lossless.0.stats().handled, 6);
            }
            let [first, second, third] = all.map(|(subscription, _)| subscription);
            assert_sums(&router, &[first, second, third, received]);
        },
    );
}
