//! Row 18: a quiet actor waits for a turn of each busy one, whatever waits for those.

use crate::common::{Count, FOREVER, Log, assert_sums, topic, wait_until};
use crate::stage::{Held, Load, Stage};
use laneway::{Event, Filter, Overflow, Pinning, Router, Suspend, Topic};

pub(crate) const LOAD: Load = Load {
    name: "fairness",
    rows: "18",
    invariant: "a quiet actor waits at most budget × actors calls, and 2 × budget × hot ones; all is handled",
    run,
};

const ACTORS: usize = 64;

fn number(index: usize) -> Topic {
    topic("QUIET").with_resource(index as u64)
}

/// The events for the quiet ones are published in the middle of the busy ones' calls, so all numbers are exact.
fn run(stage: &mut Stage) -> Held {
    let (mut rounds, mut calls_in_all, mut waits, mut worst) = (0_u64, 0, 0, 0.0_f64);
    while stage.goes_on() {
        let random = &mut stage.random;
        let hot = random.pick(&[1, 1, 2, 8, ACTORS - 1]);
        let budget = 1 + random.below(random.clone().pick(&[1, 8, 100]));
        let backlog = 16_000 / hot;
        let overflow = random.pick(&[
            Overflow::Block,
            Overflow::DropNewest,
            Overflow::DropOldest,
            Overflow::KeepLatest,
        ]);
        let every = 50 + random.below(200);
        stage.step(format!("{hot} hot actors, budget {budget}, {overflow:?}"));
        let router = Router::<u64>::builder()
            .shards(1)
            .pinning(Pinning::Off)
            .shutdown_timeout(FOREVER)
            .build()
            .unwrap();
        stage.watch(&router);
        let (calls, waited) = (Count::default(), Log::default());
        let mut all = Vec::new();
        for index in hot..ACTORS {
            let (calls, waited) = (calls.clone(), waited.clone());
            let quiet = move |event: &Event<u64>| {
                waited.push(calls.get() - *event.payload() as usize);
            };
            all.push(
                router
                    .subscribe(Filter::exact(number(index)), quiet)
                    .unwrap(),
            );
        }
        let hot_ones: Vec<_> = (0..hot)
            .map(|_| {
                let (calls, verdict) = (calls.clone(), stage.verdict.clone());
                let busy = (router.subscription())
                    .filter(Filter::exact(topic("HOT")))
                    .mailbox(backlog, overflow)
                    .budget(budget as u32)
                    .handler_ctx(move |_, ctx| {
                        calls.add();
                        let now = calls.get();
                        if now.is_multiple_of(every) {
                            let index = hot + now / every % (ACTORS - hot);
                            let sent = ctx.publish(number(index), now as u64);
                            verdict.check(sent.is_ok(), || format!("{sent:?} to a quiet actor"));
                        }
                    })
                    .unwrap();
                busy.suspend(Suspend::Queue).unwrap();
                busy
            })
            .collect();
        let mut publisher = router.publisher();
        for each in 0..backlog as u64 {
            // A topic of its own for each, for those that keep the latest.
            publisher
                .publish(topic("HOT").with_resource(each), 0)
                .unwrap();
        }
        router.flush().unwrap();
        hot_ones.iter().for_each(|hot| hot.resume().unwrap());
        wait_until(|| {
            hot_ones
                .iter()
                .all(|hot| hot.stats().handled == backlog as u64)
        });
        router.flush().unwrap();
        router.flush().unwrap();
        let waited = waited.all();
        assert_eq!(waited.len(), backlog * hot / every);
        let longest = waited.iter().copied().max().unwrap_or(0);
        let bound = budget * (2 * hot).min(ACTORS);
        assert!(
            longest <= bound,
            "{longest} calls, {hot} hot with a budget of {budget}, {overflow:?}"
        );
        worst = worst.max(longest as f64 / bound as f64);
        rounds += 1;
        calls_in_all += calls.get();
        waits += waited.len();
        all.extend(hot_ones);
        assert_sums(&router, &all);
    }
    Held {
        load: format!(
            "{rounds} rounds of {ACTORS} actors on a shard, {calls_in_all} calls of hot ones"
        ),
        faults: format!(
            "{waits} events for quiet ones among them; longest wait {worst:.2} of the bound"
        ),
    }
}
