//! Row 15: whatever a router is made of when it ends, each payload and each actor that was made is dropped, and once.

mod common;

use common::{
    FOREVER, Random, Tally, Tracked, block_on, guarded, poll_once, rounds, topic, wait_until,
    within,
};
use laneway::{
    Actor, Batch, Context, Event, Filter, Overflow, Placement, Publisher, Receiver, Router, Shard,
    Subscription, Suspend, Topic,
};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

type Payload = Tracked<Box<u64>>;

const TOPICS: usize = 4;

fn topics() -> [Topic; TOPICS] {
    std::array::from_fn(|id| topic("DROPS").with_resource(id as u64))
}

/// A counted actor that leaves part of its batches, publishes, ends itself and panics, as told.
struct Erratic {
    itself: Tracked<u8>,
    calls: usize,
    tally: Arc<Tally>,
}

impl Actor<Payload> for Erratic {
    fn handle(&mut self, event: &Event<Payload>, ctx: &mut Context<'_, Payload>) {
        self.calls += 1;
        match self.itself.value {
            0 if self.calls == 20 => ctx.stop(),
            1 if self.calls == 20 => std::panic::resume_unwind(Box::new("asked for")),
            2 if self.calls < 50 => {
                let payload = self.tally.track(Box::new(*event.payload().value + 1));
                drop(ctx.publish(topics()[self.calls % TOPICS], payload));
            }
            _ => {}
        }
    }

    fn handle_batch(&mut self, batch: Batch<'_, Payload>, ctx: &mut Context<'_, Payload>) {
        let leaves = usize::from(self.itself.value == 3);
        for event in batch.skip(leaves) {
            self.handle(event, ctx);
        }
    }
}

/// What a round has made, and may drop in any order.
#[derive(Default)]
struct Things {
    router: Vec<Router<Payload>>,
    shards: Vec<Shard<Payload>>,
    publishers: Vec<Publisher<Payload>>,
    receivers: Vec<Receiver<Payload>>,
    subscriptions: Vec<Subscription>,
}

fn subscribe(router: &Router<Payload>, tally: &Arc<Tally>, random: &mut Random, all: &mut Things) {
    let overflow = random.pick(&[
        Overflow::Block,
        Overflow::DropNewest,
        Overflow::DropOldest,
        Overflow::KeepLatest,
    ]);
    let builder = router.subscription().place(Placement::Spread);
    let builder = match random.flip() {
        true => builder.filter(Filter::any()),
        false => builder.filter(Filter::exact(random.pick(&topics()))),
    };
    let builder = builder.budget(1 + random.below(4) as u32);
    let builder = builder.mailbox(1 + random.below(100), overflow);
    // It is dropped with its subscription.
    let kept = tally.track(Box::new(0));
    let builder = match random.below(4) {
        0 => builder.when(move |event| *event.payload().value % 2 == *kept.value),
        _ => builder,
    };
    let counted = Arc::clone(tally);
    let which = random.below(5) as u8;
    let make = move || Erratic {
        itself: counted.track(which),
        calls: 0,
        tally: Arc::clone(&counted),
    };
    let subscription = match random.below(4) {
        0 => builder.actor(make()),
        1 => builder.actor_with(make),
        2 => builder.dedicated(make()),
        _ => builder.receiver().map(|receiver| {
            let subscription = receiver.subscription().clone();
            all.receivers.push(receiver);
            subscription
        }),
    };
    all.subscriptions.extend(subscription);
}

fn publish(tally: &Arc<Tally>, random: &mut Random, all: &mut Things) {
    let topic = random.pick(&topics());
    let payload = tally.track(Box::new(random.next() % 8));
    let publisher = &mut all.publishers[0];
    match random.below(3) {
        0 => drop(poll_once(all.router[0].publish_async(topic, payload))),
        1 => drop(poll_once(publisher.publish_async(topic, payload))),
        _ => drop(publisher.try_publish(topic, payload)),
    }
}

fn change(random: &mut Random, all: &mut Things) {
    if all.subscriptions.is_empty() {
        return;
    }
    let subscription = random.pick(&all.subscriptions);
    // Those that have ended refuse it.
    let _ = match random.below(5) {
        0 => subscription.suspend(Suspend::Queue),
        1 => subscription.suspend(Suspend::Discard),
        2 | 3 => subscription.resume(),
        _ => subscription.unsubscribe(),
    };
}

fn one_round(random: &mut Random) {
    let tally = Tally::new();
    let shards = 1 + random.below(3);
    let builder = Router::builder().shards(shards).shutdown_timeout(FOREVER);
    let builder = builder.lane_capacity(random.pick(&[1, 4, 64]));
    let mut all = Things::default();
    let is_manual = random.flip();
    let router = match is_manual {
        true => {
            let (router, shards) = builder.manual().unwrap();
            all.shards = shards;
            router
        }
        false => builder.build().unwrap(),
    };
    all.publishers.push(router.publisher());
    all.router.push(router);
    for _ in 0..20 + random.below(200) {
        match random.below(20) {
            0 | 1 => {
                let router = all.router[0].clone();
                subscribe(&router, &tally, random, &mut all);
            }
            2 => change(random, &mut all),
            3 => {
                if let Some(receiver) = all.receivers.first_mut() {
                    drop(receiver.try_recv());
                }
            }
            4 if random.below(8) == 0 => drop(all.receivers.pop()),
            5 | 6 => {
                for shard in &mut all.shards {
                    let _ = shard.poll(random.below(50));
                }
            }
            _ => publish(&tally, random, &mut all),
        }
    }
    // Somebody waits for room, or for an event, when it ends.
    let waiting = (!is_manual && random.flip()).then(|| {
        let mut publisher = all.router[0].publisher();
        let tally = Arc::clone(&tally);
        thread::spawn(move || {
            while block_on(publisher.publish_async(topics()[0], tally.track(Box::new(0)))).is_ok() {
            }
        })
    });
    if waiting.is_some() || random.flip() {
        // With manual shards it only closes.
        all.router[0].shutdown(FOREVER);
    }
    for shard in &mut all.shards {
        if random.flip() {
            while shard.poll(3).is_ok_and(|handled| handled > 0) {}
        }
    }
    // What is left goes in any order; manual shards with what lies in their lanes.
    let mut drops: Vec<Box<dyn FnOnce()>> = vec![
        Box::new(move || drop(all.router)),
        Box::new(move || drop(all.publishers)),
        Box::new(move || drop(all.subscriptions)),
    ];
    let mut shards = all.shards;
    while !shards.is_empty() {
        let shard = shards.swap_remove(random.below(shards.len()));
        drops.push(Box::new(move || drop(shard)));
    }
    for mut receiver in all.receivers {
        let reads = random.flip();
        drops.push(Box::new(move || {
            while reads && receiver.try_recv().is_ok() {}
            drop(receiver);
        }));
    }
    while !drops.is_empty() {
        drops.swap_remove(random.below(drops.len()))();
    }
    if let Some(waiting) = waiting {
        waiting.join().unwrap();
    }
    if is_manual {
        // Who polls the shards does not wait for dedicated actors.
        wait_until(|| tally.drops() >= tally.made() + tally.clones());
    }
    tally.assert_balanced();
}

#[test]
fn row_15_all_that_was_made_is_dropped_once() {
    guarded(|| {
        let mut random = Random::new();
        for _ in 0..rounds(1000) {
            one_round(&mut random);
        }
    });
}

#[test]
#[ignore = "a soak"]
fn all_that_was_made_is_dropped_once_for_long() {
    within(Duration::from_secs(3600), || {
        let mut random = Random::new();
        for _ in 0..100_000 {
            one_round(&mut random);
        }
    });
}
