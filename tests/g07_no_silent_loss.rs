//! G7: what is lost is counted, and told at the gap. Rows 7 and 9.

mod common;

use common::{Log, Random, assert_sums, guarded, on_shard, rounds, topic, within};
use laneway::{
    Actor, Context, Event, Filter, Overflow, Pinning, Router, Subscription, SubscriptionStats,
    Suspend, Topic, Wait,
};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

const POLICIES: [Overflow; 4] = [
    Overflow::Block,
    Overflow::DropNewest,
    Overflow::DropOldest,
    Overflow::KeepLatest,
];

/// Which publisher, and its how many-eth event.
type Numbered = (usize, u64);

/// The publisher of the last event of all.
const LAST: usize = usize::MAX;

/// What an actor saw, summed up.
#[derive(Debug, Default)]
struct Sums {
    events: u64,
    lagged: u64,
    /// The last one from each publisher, or from each publisher under each topic.
    last: HashMap<(usize, Option<Topic>), u64>,
    /// Numbers that were passed over in [`last`](Self::last).
    gaps: u64,
    saw_last: bool,
}

/// Works a little and sums up.
struct Auditor {
    sums: Arc<Mutex<Sums>>,
    /// The order holds in each topic only.
    by_topic: bool,
    /// The gap that was told, and must be in front of the next event.
    gap: u64,
    /// There is one publisher and one topic, so gaps are known.
    knows_gaps: bool,
    work: u32,
}

impl Auditor {
    fn new(overflow: Overflow) -> (Self, Arc<Mutex<Sums>>) {
        let sums = Arc::<Mutex<Sums>>::default();
        let auditor = Auditor {
            sums: Arc::clone(&sums),
            by_topic: overflow == Overflow::KeepLatest,
            gap: 0,
            knows_gaps: false,
            work: 100,
        };
        (auditor, sums)
    }
}

impl Actor<Numbered> for Auditor {
    fn handle(&mut self, event: &Event<Numbered>, _: &mut Context<'_, Numbered>) {
        for _ in 0..self.work {
            std::hint::spin_loop();
        }
        let mut sums = self.sums.lock().unwrap();
        sums.events += 1;
        let gap = std::mem::take(&mut self.gap);
        let (publisher, number) = *event.payload();
        if publisher == LAST {
            sums.saw_last = true;
            return;
        }
        let key = (publisher, self.by_topic.then(|| event.topic()));
        let before = sums.last.insert(key, number);
        assert!(before < Some(number), "{number} came behind {before:?}");
        let passed = number - before.map_or(0, |before| before + 1);
        sums.gaps += passed;
        if self.knows_gaps {
            assert_eq!(passed, gap, "in front of {number}");
        }
    }

    fn lagged(&mut self, missed: u64, _: &mut Context<'_, Numbered>) {
        assert!(missed > 0);
        // Suspended between this and the event, it may miss that one too.
        assert!(self.gap == 0 || !self.knows_gaps, "a gap is told once");
        self.gap += missed;
        self.sums.lock().unwrap().lagged += missed;
    }
}

fn told(stats: &SubscriptionStats) -> u64 {
    stats.dropped.newest + stats.dropped.oldest + stats.dropped.replaced
}

fn router(shards: usize, wait: Wait, lane_capacity: usize) -> Router<Numbered> {
    let builder = Router::builder().shards(shards).pinning(Pinning::Off);
    builder
        .wait(wait)
        .lane_capacity(lane_capacity)
        .build()
        .unwrap()
}

/// Row 7: each policy by itself, one publisher, far faster than the actor.
#[test]
fn row_07_every_lost_event_is_counted_and_told_at_its_gap() {
    within(Duration::from_secs(300), || {
        let mut random = Random::new();
        let events = rounds(100_000) as u64;
        for overflow in POLICIES {
            for (capacity, budget) in [(1, 1), (16, 4), (1024, 64)] {
                let router = router(1, random.pick(&[Wait::Park, Wait::Yield]), 64);
                let (mut auditor, sums) = Auditor::new(overflow);
                auditor.knows_gaps = true;
                let subscription = (router.subscription().filter(Filter::any()))
                    .mailbox(capacity, overflow)
                    .budget(budget)
                    .actor(auditor)
                    .unwrap();
                let mut publisher = router.publisher();
                for number in 0..events {
                    publisher.publish(topic("T"), (0, number)).unwrap();
                }
                router.flush().unwrap();
                // It comes to an empty mailbox, so that no gap stays untold.
                publisher.publish(topic("T"), (LAST, 0)).unwrap();
                router.flush().unwrap();
                let stats = subscription.stats();
                let sums = sums.lock().unwrap();
                let what = format!("{overflow:?} {capacity} {budget}: {stats:?}");
                assert!(sums.saw_last, "{what}");
                assert_eq!(stats.matched, events + 1, "{what}");
                assert_eq!(sums.events, stats.handled, "{what}");
                assert_eq!(sums.lagged, stats.dropped.total(), "{what}");
                assert_eq!(told(&stats), stats.dropped.total(), "{what}");
                // Of one topic there is always one that waits: the last of all fills no gap.
                let first = sums.last.values().max().map_or(0, |last| last + 1);
                assert_eq!(
                    sums.gaps + (events - first),
                    stats.dropped.total(),
                    "{what}"
                );
                match overflow {
                    Overflow::Block => assert_eq!(stats.dropped.total(), 0, "{what}"),
                    Overflow::DropNewest => assert_eq!(stats.dropped.newest, told(&stats)),
                    Overflow::DropOldest => assert_eq!(stats.dropped.oldest, told(&stats)),
                    _ => assert_eq!(stats.dropped.replaced, told(&stats), "{what}"),
                }
                assert_sums(&router, &[subscription]);
            }
        }
    });
}

/// Row 7: all policies next to each other, in all shards, several publishers and topics.
#[test]
fn row_07_the_totals_of_all_policies_together_are_exact() {
    within(Duration::from_secs(300), || {
        let events = rounds(100_000) as u64 / 4;
        let router = router(2, Wait::Park, 64);
        let mut all = Vec::new();
        for shard in 0..2 {
            // One that blocks holds the lanes of all: few events would ever wait for the others, were it slow as well.
            for (overflow, budget) in POLICIES.into_iter().zip([256, 2, 2, 2]) {
                let (auditor, sums) = Auditor::new(overflow);
                let subscription = on_shard(&router, shard, Filter::any())
                    .mailbox(8, overflow)
                    .budget(budget)
                    .actor(auditor)
                    .unwrap();
                all.push((subscription, sums));
            }
        }
        let publishers: Vec<_> = (0..4)
            .map(|me| {
                let mut publisher = router.publisher();
                thread::spawn(move || {
                    for number in 0..events {
                        let topic = topic("T").with_resource(number % 50);
                        publisher.publish(topic, (me, number)).unwrap();
                    }
                })
            })
            .collect();
        for publisher in publishers {
            publisher.join().unwrap();
        }
        router.flush().unwrap();
        router.publish(topic("T"), (LAST, 0)).unwrap();
        router.flush().unwrap();
        for (subscription, sums) in &all {
            let (stats, sums) = (subscription.stats(), sums.lock().unwrap());
            assert_eq!(stats.matched, 4 * events + 1);
            assert_eq!(sums.events, stats.handled);
            assert_eq!(sums.lagged, stats.dropped.total());
        }
        let all: Vec<_> = all.into_iter().map(|(it, _)| it).collect();
        assert!(all.iter().any(|it| it.stats().dropped.total() > 0));
        assert_sums(&router, &all);
    });
}

/// One subscription of the random mixture.
struct Party {
    subscription: Subscription,
    sums: Arc<Mutex<Sums>>,
    filter: Filter,
    overflow: Overflow,
    /// Its predicate takes no number that this divides.
    divisor: u64,
    was_suspended: bool,
    /// It was suspended so that events are discarded.
    may_discard: bool,
    is_gone: bool,
}

impl Party {
    fn add(router: &Router<Numbered>, shard: usize, random: &mut Random) -> Self {
        let overflow = random.pick(&POLICIES);
        let filter = match random.below(3) {
            0 => Filter::any(),
            1 => Filter::any().event_type("A"),
            _ => Filter::any().resource(random.below(4) as u64),
        };
        let divisor = random.pick(&[2, 3, u64::MAX]);
        let (auditor, sums) = Auditor::new(overflow);
        let subscription = on_shard(router, shard, filter.clone())
            .filter(Filter::exact(topic("LAST")))
            .mailbox(1 + random.below(32), overflow)
            .budget(1 + random.below(8) as u32)
            .when(move |event| {
                let (publisher, number) = *event.payload();
                publisher == LAST || (number + 1) % divisor != 0
            })
            .actor(auditor)
            .unwrap();
        Party {
            subscription,
            sums,
            filter,
            overflow,
            divisor,
            was_suspended: false,
            may_discard: false,
            is_gone: false,
        }
    }

    fn wants(&self, topic: Topic, number: u64) -> bool {
        self.filter.matches(topic) && !(number + 1).is_multiple_of(self.divisor)
    }

    fn disturb(&mut self, random: &mut Random) {
        if self.is_gone {
            return;
        }
        match random.below(100) {
            0..20 => {
                self.subscription.suspend(Suspend::Queue).unwrap();
                self.was_suspended = true;
            }
            20..30 => {
                self.subscription.suspend(Suspend::Discard).unwrap();
                self.may_discard = true;
            }
            30..99 => self.subscription.resume().unwrap(),
            _ => {
                self.subscription.unsubscribe().unwrap();
                self.is_gone = true;
            }
        }
    }

    /// `published`: what each publisher published, in order.
    fn check(&self, published: &[Vec<Topic>]) {
        let (stats, sums) = (self.subscription.stats(), self.sums.lock().unwrap());
        let what = format!(
            "{:?} for {:?}, gone: {}: {stats:?}",
            self.overflow, self.filter, self.is_gone
        );
        let wanted = |topics: &Vec<Topic>| {
            let each = (0..).zip(topics);
            each.filter(|(number, topic)| self.wants(**topic, *number))
                .count() as u64
        };
        let due: u64 = published.iter().map(wanted).sum();
        assert_eq!(sums.events, stats.handled, "{what}");
        if self.is_gone {
            assert!(stats.matched <= due, "{what}");
            assert!(sums.lagged <= told(&stats), "{what}");
        } else {
            // And the last one.
            assert_eq!(stats.matched, due + 1, "{what}");
            assert!(sums.saw_last, "{what}");
            assert_eq!(sums.lagged, told(&stats), "{what}");
            assert_eq!(stats.dropped.stopped, 0, "{what}");
        }
        // What a call leaves of its batch because the actor was ended meanwhile counts as discarded, too.
        if !self.may_discard && !self.is_gone {
            assert_eq!(stats.discarded, 0, "{what}");
        }
        if self.overflow == Overflow::Block {
            assert_eq!(told(&stats), 0, "{what}");
        }
    }
}

/// Rows 7 and 9: policies, capacities, budgets and predicates at random, while subscriptions are suspended, resumed and ended.
#[test]
fn row_07_a_random_mixture_loses_nothing_but_what_it_reports() {
    within(Duration::from_secs(300), || {
        let mut random = Random::new();
        let topics: Vec<Topic> = (0..8_u64)
            .map(|id| topic(["A", "B"][id as usize % 2]).with_resource(id / 2))
            .collect();
        for round in 0..rounds(20) {
            let lane_capacity = random.pick(&[1, 8, 256]);
            let wait = random.pick(&[Wait::Park, Wait::Yield]);
            let router = router(2, wait, lane_capacity);
            let mut all: Vec<Party> = (0..12)
                .map(|index| Party::add(&router, index % 2, &mut random))
                .collect();
            let publishers: Vec<_> = (0..2)
                .map(|me| {
                    let mut publisher = router.publisher();
                    let mine: Vec<Topic> = (0..2000).map(|_| random.pick(&topics)).collect();
                    thread::spawn(move || {
                        for (number, &topic) in (0..).zip(&mine) {
                            publisher.publish(topic, (me, number)).unwrap();
                        }
                        mine
                    })
                })
                .collect();
            while !publishers.iter().all(thread::JoinHandle::is_finished) {
                let index = random.below(all.len());
                all[index].disturb(&mut random);
            }
            for party in all.iter().filter(|party| !party.is_gone) {
                party.subscription.resume().unwrap();
            }
            let published: Vec<_> = (publishers.into_iter())
                .map(|it| it.join().unwrap())
                .collect();
            router.flush().unwrap();
            router.publish(topic("LAST"), (LAST, 0)).unwrap();
            router.flush().unwrap();
            for party in &all {
                party.check(&published);
            }
            let all: Vec<_> = all.into_iter().map(|party| party.subscription).collect();
            assert_sums(&router, &all);
            if round % 2 == 0 {
                assert!(router.shutdown(Duration::MAX).is_complete());
                assert_sums(&router, &all);
            }
        }
    });
}

/// In each snapshot that its owner takes, not only in the last.
#[test]
fn row_07_every_snapshot_adds_up() {
    guarded(|| {
        for overflow in POLICIES {
            let router = router(1, Wait::Yield, 64);
            let log = Log::default();
            let subscription = (router.subscription().filter(Filter::any()))
                .mailbox(4, overflow)
                .budget(2)
                .handler(log.handler())
                .unwrap();
            let worker = {
                let mut publisher = router.publisher();
                thread::spawn(move || {
                    for number in 0..20_000 {
                        publisher.publish(topic("T"), (0, number)).unwrap();
                    }
                })
            };
            let (mut before, mut snapshots) = (SubscriptionStats::default(), 0);
            while !worker.is_finished() || snapshots == 0 {
                let now = subscription.stats();
                let settled = now.handled + now.discarded + now.dropped.total();
                assert_eq!(now.matched, settled + now.queued, "{overflow:?}");
                assert!(before.matched <= now.matched && before.handled <= now.handled);
                // As many as may wait, those of a run under way, and those that came between two readings.
                assert!(now.queued <= now.matched);
                (before, snapshots) = (now, snapshots + 1);
            }
            worker.join().unwrap();
            router.flush().unwrap();
            assert_eq!(log.len() as u64, subscription.stats().handled);
            assert_sums(&router, &[subscription]);
        }
    });
}
