//! Row 17: subscriptions and publishers that come and go leave nothing behind.

use crate::common::{Count, FOREVER, Random, on_shard, topic};
use crate::stage::{Held, Load, Stage, joined};
use laneway::{Filter, Overflow, Pinning, Router};
use std::thread;

pub(crate) const LOAD: Load = Load {
    name: "memory",
    rows: "17",
    invariant: "median resident memory of the last quarter at most 2% + 1 MiB above that of the second; slots and lanes return",
    run,
};

const SHARDS: usize = 2;
const PAGE_KIB: u64 = 4;
/// Threads that subscribe and unsubscribe side by side.
const NAMES: [&str; 4] = ["one", "another", "the third", "the last"];
/// Of each in a round.
const CYCLES: usize = 250;
/// So few say something of memory.
const LEAST_ROUNDS: usize = 16;

/// As the system sees it, in KiB. `None` where it does not tell.
fn resident_kib() -> Option<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split(' ').nth(1)?.parse().ok()?;
    Some(pages * PAGE_KIB)
}

#[derive(Default)]
struct Cycled {
    subscriptions: u64,
    publishers: u64,
    threads: u64,
}

/// One after the other, of all kinds, some of them with events under way when they end.
fn subscriptions_come_and_go(router: &Router<u64>, mut random: Random, name: &str) {
    let mut publisher = router.publisher();
    for _ in 0..CYCLES {
        let own = topic("MEMORY").with_resource(random.next() % 10_000);
        let filter = random.pick(&[Filter::exact(own), Filter::any().category("test")]);
        let overflow = random.pick(&[
            Overflow::DropNewest,
            Overflow::DropOldest,
            Overflow::KeepLatest,
        ]);
        let builder = on_shard(router, random.below(SHARDS), filter).mailbox(4, overflow);
        let publishes = random.below(4) == 0;
        let mut publish = || {
            if publishes {
                publisher.publish(own, 1).unwrap();
            }
        };
        match random.below(64) {
            0 => {
                let subscription = builder.dedicated(|_: &_| ()).unwrap();
                publish();
                subscription.unsubscribe().unwrap();
            }
            1..8 => {
                let receiver = builder.receiver().unwrap();
                publish();
                drop(receiver);
            }
            8..16 => {
                let subscription = builder.named(name).handler(|_| ()).unwrap();
                publish();
                subscription.unsubscribe().unwrap();
            }
            16..24 => {
                let itself = builder.handler_ctx(|_, ctx| ctx.stop()).unwrap();
                publisher.publish(own, 1).unwrap();
                router.flush().unwrap();
                assert!(itself.has_ended());
            }
            _ => {
                let subscription = builder.handler(|_| ()).unwrap();
                publish();
                subscription.unsubscribe().unwrap();
            }
        }
    }
}

/// Some for a few events each, some threads with their own.
fn publishers_come_and_go(router: &Router<u64>, random: &mut Random, threads: usize) {
    let number = random.next();
    for _ in 0..4 * threads {
        router.publisher().publish(topic("MEMORY"), number).unwrap();
    }
    let sending: Vec<_> = (0..threads)
        .map(|_| {
            let router = router.clone();
            thread::spawn(move || router.publish(topic("MEMORY"), number).map(drop))
        })
        .collect();
    for thread in sending {
        joined(thread).unwrap();
    }
}

fn median(of: &[u64]) -> u64 {
    let mut of = of.to_vec();
    of.sort_unstable();
    of.get(of.len() / 2).copied().unwrap_or(0)
}

fn run(stage: &mut Stage) -> Held {
    let router = Router::<u64>::builder()
        .shards(SHARDS)
        .pinning(Pinning::Off)
        // What a round may leave to be cleared away, so that places that do not return are missed soon.
        .max_subscriptions(SHARDS + NAMES.len() * CYCLES)
        .shutdown_timeout(FOREVER)
        .build()
        .unwrap();
    stage.watch(&router);
    let stays = Count::default();
    for shard in 0..SHARDS {
        let any = Filter::any().category("test");
        on_shard(&router, shard, any)
            .handler(stays.handler())
            .unwrap();
    }
    let mut random = stage.random.clone();
    let mut cycled = Cycled::default();
    let mut samples: Vec<u64> = Vec::new();
    let mut rounds = 0;
    while stage.goes_on() || rounds < LEAST_ROUNDS {
        stage.step(format!("{} cycles", cycled.subscriptions));
        let cycling = NAMES.map(|name| {
            let (router, random) = (router.clone(), random.fork());
            thread::spawn(move || subscriptions_come_and_go(&router, random, name))
        });
        cycling.into_iter().for_each(joined);
        publishers_come_and_go(&router, &mut random, 8);
        rounds += 1;
        cycled.subscriptions += (NAMES.len() * CYCLES) as u64;
        cycled.publishers += 4 * 8;
        cycled.threads += 8;
        // Receivers that were dropped end by and by; the second time there is nothing left of them.
        router.flush().unwrap();
        router.flush().unwrap();
        let stats = router.stats();
        assert_eq!(stats.subscriptions, SHARDS, "slots return");
        assert_eq!(stats.total().lanes, 0, "lanes return");
        samples.extend(resident_kib());
    }
    let quarter = samples.len() / 4;
    let before = median(&samples[quarter..2 * quarter]);
    let after = median(&samples[3 * quarter..]);
    assert!(
        after <= before + before / 50 + 1024,
        "resident memory grows: {before} KiB in the second quarter, {after} KiB in the last"
    );
    let resident = match samples.is_empty() {
        true => "resident memory unknown on this system".to_owned(),
        false => format!("{before} KiB resident in the second quarter, {after} KiB in the last"),
    };
    let Cycled {
        subscriptions,
        publishers,
        threads,
    } = cycled;
    Held {
        load: format!(
            "{subscriptions} subscriptions came and went, {publishers} publishers, {threads} threads"
        ),
        faults: format!("a quarter ended with events under way; {resident}"),
    }
}
