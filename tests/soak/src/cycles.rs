//! Row 11: rings of actors that send to the next and to themselves, through lanes with room for one event: they make progress
//! or hear `Full`, and stand still only when nothing is left.

use crate::common::{FOREVER, Random, assert_adds_up, on_shard, topic, wait_until};
use crate::stage::{Held, Load, Stage, Verdict};
use laneway::{Context, Event, Filter, Overflow, Pinning, PublishError, Published, Router, Topic};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) const LOAD: Load = Load {
    name: "cycles",
    rows: "11",
    invariant: "every event that was accepted is handled, or dropped and counted; a Full gives it back; no hang",
    run,
};

const MEMBERS: usize = 8;

/// Published and not refused. Raised before it is published: it is never behind what is handled.
#[derive(Default)]
struct Counts {
    sent: AtomicU64,
    refused: AtomicU64,
}

impl Counts {
    fn send(
        &self,
        verdict: &Verdict,
        publish: impl FnOnce() -> Result<Published, PublishError<u64>>,
    ) {
        self.sent.fetch_add(1, Ordering::Relaxed);
        match publish() {
            Ok(published) => {
                verdict.check(published == Published::Routed, || "nobody there".into())
            }
            Err(error) => {
                verdict.check(error.is_full(), || format!("{error:?} inside a ring"));
                self.sent.fetch_sub(1, Ordering::Relaxed);
                self.refused.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

/// Passes an even number on, less two, and sends itself one that goes no further.
fn member(
    me: Topic,
    next: Topic,
    counts: Arc<Counts>,
    verdict: Verdict,
) -> impl FnMut(&Event<u64>, &mut Context<'_, u64>) + Send + 'static {
    move |event, ctx| {
        let left = *event.payload();
        if left % 2 == 0 && left > 0 {
            counts.send(&verdict, || ctx.publish(me, 1));
            counts.send(&verdict, || ctx.publish(next, left - 2));
        }
    }
}

/// So that closures with a context can be dedicated, too.
struct Member<F>(F);

impl<F> laneway::Actor<u64> for Member<F>
where
    F: FnMut(&Event<u64>, &mut Context<'_, u64>) + Send + 'static,
{
    fn handle(&mut self, event: &Event<u64>, ctx: &mut Context<'_, u64>) {
        (self.0)(event, ctx);
    }
}

/// Runs a ring until nothing is left in it. Says how much was handled, refused and dropped.
fn one_ring(stage: &Stage, random: &mut Random) -> [u64; 3] {
    let shards = 1 + random.below(3);
    let lane_capacity = random.pick(&[1, 1, 2, 16]);
    let dedicated = random.below(4);
    let events = 1 + random.below(64);
    stage.step(format!(
        "{events} events around, {shards} shards, lanes of {lane_capacity}, {dedicated}/4 dedicated"
    ));
    let router = Router::<u64>::builder()
        .shards(shards)
        .lane_capacity(lane_capacity)
        .pinning(Pinning::Off)
        .shutdown_timeout(FOREVER)
        .build()
        .unwrap();
    stage.watch(&router);
    let places: Vec<Topic> = (0..MEMBERS)
        .map(|place| topic("RING").with_resource(place as u64))
        .collect();
    let counts = Arc::<Counts>::default();
    let members: Vec<_> = (0..MEMBERS)
        .map(|place| {
            let (me, next) = (places[place], places[(place + 1) % MEMBERS]);
            let overflow = random.pick(&[
                Overflow::Block,
                Overflow::Block,
                Overflow::DropNewest,
                Overflow::DropOldest,
                Overflow::KeepLatest,
            ]);
            let builder = on_shard(&router, random.below(shards), Filter::exact(me))
                .mailbox(1 + random.below(4), overflow)
                .budget(1 + random.below(4) as u32);
            let member = member(me, next, Arc::clone(&counts), stage.verdict.clone());
            match random.below(4) < dedicated {
                true => builder.dedicated(Member(member)).unwrap(),
                false => builder.handler_ctx(member).unwrap(),
            }
        })
        .collect();
    let mut publisher = router.publisher();
    let hops = 2 * random.below(2000) as u64;
    for event in 0..events {
        counts.send(&stage.verdict, || {
            publisher.publish(places[event % MEMBERS], hops)
        });
    }
    let gone = || -> [u64; 2] {
        let all = members.iter().map(|member| member.stats());
        all.fold([0; 2], |[handled, dropped], stats| {
            [handled + stats.handled, dropped + stats.dropped.total()]
        })
    };
    // What an actor sends counts before that actor's event is handled: they meet when nothing is under way. Read in this order.
    // ORDERING: plain counters: what `stats` says of an actor, its thread released and we acquire, with all it counted before.
    wait_until(|| {
        let gone = gone().into_iter().sum::<u64>();
        gone == counts.sent.load(Ordering::Relaxed)
    });
    let [handled, dropped] = gone();
    router.flush().unwrap();
    for member in &members {
        assert_adds_up(member.stats());
        assert_eq!(member.stats().queued, 0);
    }
    assert_eq!(gone(), [handled, dropped], "something came out of nothing");
    let total = router.stats().total();
    assert_eq!((total.depth, total.spilled, total.panics), (0, 0, 0));
    assert!(router.shutdown(FOREVER).is_complete());
    [handled, counts.refused.load(Ordering::Relaxed), dropped]
}

fn run(stage: &mut Stage) -> Held {
    let (mut rings, mut sums) = (0, [0; 3]);
    let mut random = stage.random.clone();
    while stage.goes_on() {
        let ring = one_ring(stage, &mut random);
        (0..3).for_each(|index| sums[index] += ring[index]);
        rings += 1;
    }
    let [handled, refused, dropped] = sums;
    Held {
        load: format!("{rings} rings of {MEMBERS} actors, {handled} events handled"),
        faults: format!("{refused} refused as Full, {dropped} dropped by full mailboxes"),
    }
}
