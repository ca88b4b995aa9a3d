//! Rows 2, 5, 7 and 9: publishers of all kinds, subscribers of all kinds and policies, and threads that subscribe, unsubscribe,
//! suspend and resume all the time. What each subscription got is accounted for to the event.

mod subscriber;
mod track;
mod traffic;

use self::subscriber::Subscriber;
use self::traffic::{Numbered, TOPICS, Traffic};
use crate::common::{FOREVER, Random, assert_sums, wait_until};
use crate::stage::{Held, Load, Stage, joined};
use laneway::{Dropped, Pinning, Published, Router, Subscription, Wait};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

pub(crate) const LOAD: Load = Load {
    name: "mixed",
    rows: "2, 5, 7, 9",
    invariant: "per subscription matched == handled + discarded + dropped + queued == events published while it was there; \
                FIFO; gaps == reported; no call after unsubscribing or while suspended; count == adds − removes",
    run,
};

const ROUND: Duration = Duration::from_millis(700);
const CHANGERS: usize = 3;
/// Of each changer at a time.
const MOST: usize = 6;

/// What changers did.
#[derive(Default, Clone, Copy)]
struct Changes {
    subscribed: u64,
    unsubscribed: u64,
    suspended: u64,
}

/// Changes its own subscribers until told to stop. Those that live go on; the others are accounted for.
fn change(
    router: &Router<Numbered>,
    traffic: &Arc<Traffic>,
    mut random: Random,
) -> (Vec<Subscriber>, Vec<Subscription>, Changes) {
    let (mut live, mut ended, mut changes) =
        (Vec::<Subscriber>::new(), Vec::new(), Changes::default());
    while !traffic.is_over() {
        if live.is_empty() || live.len() < MOST && random.flip() {
            live.push(Subscriber::new(router, traffic, &mut random));
            changes.subscribed += 1;
        } else if random.below(4) == 0 {
            let leaving = live.swap_remove(random.below(live.len()));
            ended.push(leaving.end());
            changes.unsubscribed += 1;
        } else {
            let which = random.below(live.len());
            live[which].pause(&mut random);
            changes.suspended += 1;
        }
        // Room for publishers, on few CPUs.
        thread::sleep(Duration::from_micros(random.below(300) as u64));
    }
    (live, ended, changes)
}

/// One more of each topic, when nothing waits: with it comes what was lost before it.
fn publish_the_last(router: &Router<Numbered>, live: &[Subscriber]) {
    let mut publisher = router.publisher();
    for event in traffic::last_ones() {
        publisher
            .publish(traffic::topic_at(event.topic()), event)
            .unwrap();
        settle(router, live);
    }
}

fn settle(router: &Router<Numbered>, live: &[Subscriber]) {
    router.flush().unwrap();
    wait_until(|| live.iter().all(|one| one.stats().queued == 0));
}

fn one_round(stage: &mut Stage) -> (Changes, u64, u64, Dropped) {
    let random = &mut stage.random;
    let router = Router::<Numbered>::builder()
        .shards(1 + random.below(3))
        .wait(random.pick(&[Wait::Park, Wait::Park, Wait::Yield]))
        .lane_capacity(random.pick(&[1, 8, 256]))
        .pinning(Pinning::Off)
        .shutdown_timeout(FOREVER)
        .build()
        .unwrap();
    let traffic = Traffic::new(random, stage.verdict.clone());
    stage.step(format!("a round of {traffic:?}"));
    let random = &mut stage.random;
    let changing: Vec<_> = (0..CHANGERS)
        .map(|_| {
            let (router, traffic, random) = (router.clone(), Arc::clone(&traffic), random.fork());
            thread::spawn(move || change(&router, &traffic, random))
        })
        .collect();
    let publishing: Vec<_> = (0..traffic.publishers())
        .map(|me| {
            let (router, traffic, random) = (router.clone(), Arc::clone(&traffic), random.fork());
            thread::spawn(move || traffic.publish(me, &router, random))
        })
        .collect();
    stage.watch(&router);
    let begun = Instant::now();
    while begun.elapsed() < ROUND && stage.verdict.is_good() {
        thread::sleep(ROUND / 50);
    }
    traffic.end();
    let (mut live, mut all, mut changes) = (Vec::new(), Vec::new(), Changes::default());
    let published = publishing.into_iter().map(joined).sum();
    for thread in changing {
        let (lives, ended, changed) = joined(thread);
        live.extend(lives);
        all.extend(ended);
        changes.subscribed += changed.subscribed;
        changes.unsubscribed += changed.unsubscribed;
        changes.suspended += changed.suspended;
    }
    stage.step("the end of a round");
    settle(&router, &live);
    publish_the_last(&router, &live);
    assert_eq!(
        router.subscriptions().len() as u64,
        changes.subscribed - changes.unsubscribed
    );
    live.iter().for_each(|one| one.assert_accounted());
    changes.unsubscribed += live.len() as u64;
    all.extend(live.into_iter().map(Subscriber::end));
    // The table is empty.
    let mut publisher = router.publisher();
    for index in 0..TOPICS {
        let topic = traffic::topic_at(index);
        assert!(!publisher.is_interested(topic));
        let last = traffic::last_ones().next().expect("one for each topic");
        assert_eq!(publisher.publish(topic, last), Ok(Published::Unmatched));
    }
    assert_eq!(router.subscriptions().len(), 0);
    router.flush().unwrap();
    assert_sums(&router, &all);
    let total = router.stats().total();
    assert!(router.shutdown(FOREVER).is_complete());
    (changes, published, total.handled, total.dropped)
}

fn run(stage: &mut Stage) -> Held {
    let (mut changes, mut published, mut handled) = (Changes::default(), 0, 0);
    let (mut dropped, mut rounds) = (Dropped::default(), 0);
    while stage.goes_on() {
        let (changed, sent, done, lost) = one_round(stage);
        changes.subscribed += changed.subscribed;
        changes.unsubscribed += changed.unsubscribed;
        changes.suspended += changed.suspended;
        published += sent;
        handled += done;
        dropped = dropped + lost;
        rounds += 1;
    }
    let Changes {
        subscribed,
        unsubscribed,
        suspended,
    } = changes;
    Held {
        load: format!("{rounds} routers, {published} events published, {handled} handled"),
        faults: format!(
            "{subscribed} subscribed, {unsubscribed} unsubscribed, {suspended} suspended and resumed; dropped {} newest, {} oldest, \
             {} replaced, {} with their actor",
            dropped.newest, dropped.oldest, dropped.replaced, dropped.stopped
        ),
    }
}
