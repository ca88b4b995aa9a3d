//! One subscription of any kind, and what it got.

use super::track::Track;
use super::traffic::{Numbered, TOPICS, Traffic, topic_at};
use crate::common::{Random, any_of, assert_adds_up, wait_until};
use crate::stage::{joined, lock};
use laneway::{
    Actor, Context, Event, Filter, Overflow, Placement, Receiver, Router, Subscription,
    SubscriptionStats, Suspend,
};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

type Shared = Arc<Mutex<Track>>;

/// Notes what comes, and is slow now and then.
struct Noting {
    track: Shared,
    random: Random,
}

fn dawdle(random: &mut Random) {
    if random.below(64) == 0 {
        (0..random.below(2000)).for_each(|_| std::hint::spin_loop());
    }
}

impl Actor<Numbered> for Noting {
    fn handle(&mut self, event: &Event<Numbered>, _: &mut Context<'_, Numbered>) {
        lock(&self.track).take(event);
        dawdle(&mut self.random);
    }

    fn lagged(&mut self, missed: u64, _: &mut Context<'_, Numbered>) {
        lock(&self.track).lagged(missed);
    }
}

/// Reads to the end.
fn read(mut receiver: Receiver<Numbered>, track: &Shared, mut random: Random) {
    while let Ok(event) = receiver.recv() {
        let mut track = lock(track);
        track.lagged(receiver.take_missed());
        track.take(&event);
        drop(track);
        dawdle(&mut random);
    }
    lock(track).lagged(receiver.take_missed());
}

pub(crate) struct Subscriber {
    subscription: Subscription,
    track: Shared,
    discards: bool,
    reading: Option<JoinHandle<()>>,
}

/// Of all shapes. Some match nothing that is published.
fn filters(random: &mut Random) -> Vec<Filter> {
    (0..1 + random.below(3))
        .map(|_| match random.below(8) {
            0 => Filter::any(),
            1 => Filter::any().category("soak").event_type("VM.*"),
            2 => Filter::any().source("here"),
            3 => Filter::any().resource(random.next() % 3),
            4 => Filter::any().event_type("DISK").source("elsewhere"),
            _ => Filter::exact(topic_at(random.below(TOPICS))),
        })
        .collect()
}

impl Subscriber {
    pub(crate) fn new(
        router: &Router<Numbered>,
        traffic: &Arc<Traffic>,
        random: &mut Random,
    ) -> Self {
        let filters = filters(random);
        let wanted =
            (traffic.topics()).map(|topic| filters.iter().any(|filter| filter.matches(topic)));
        let overflow = random.pick(&[
            Overflow::Block,
            Overflow::DropNewest,
            Overflow::DropOldest,
            Overflow::KeepLatest,
        ]);
        let discards = random.below(4) == 0;
        let track = Track::new(traffic, wanted, overflow, discards);
        let track = Arc::new(Mutex::new(track));
        let noting = Noting {
            track: Arc::clone(&track),
            random: random.fork(),
        };
        let builder = any_of(router.subscription(), &filters)
            .place(random.pick(&[Placement::Spread, Placement::Colocate]))
            .mailbox(
                1 + random.below(random.clone().pick(&[2, 64, 2000])),
                overflow,
            )
            .budget(1 + random.below(random.clone().pick(&[2, 64, 2000])) as u32);
        let mut reading = None;
        let subscription = match random.below(6) {
            0 => builder.dedicated(noting).unwrap(),
            1 => {
                let receiver = builder.receiver().unwrap();
                let subscription = receiver.subscription().clone();
                let (track, random) = (Arc::clone(&track), random.fork());
                reading = Some(thread::spawn(move || read(receiver, &track, random)));
                subscription
            }
            _ => builder.actor(noting).unwrap(),
        };
        lock(&track).is_subscribed();
        Subscriber {
            subscription,
            track,
            discards,
            reading,
        }
    }

    pub(crate) fn stats(&self) -> SubscriptionStats {
        self.subscription.stats()
    }

    /// Suspends it for a moment.
    pub(crate) fn pause(&self, random: &mut Random) {
        let how = match self.discards && random.flip() {
            true => Suspend::Discard,
            false => Suspend::Queue,
        };
        self.subscription.suspend(how).unwrap();
        // A receiver may still be looking at what it took before.
        let is_called = self.reading.is_none();
        lock(&self.track).is_barred = is_called;
        (0..random.below(10_000)).for_each(|_| std::hint::spin_loop());
        lock(&self.track).is_barred = false;
        self.subscription.resume().unwrap();
    }

    /// When nothing waits any more.
    pub(crate) fn assert_accounted(&self) {
        // What a receiver has taken is noted a moment later.
        wait_until(|| self.stats().handled == lock(&self.track).handled);
        lock(&self.track).assert_accounted(self.stats());
    }

    /// Unsubscribes it, and looks at what it got.
    pub(crate) fn end(self) -> Subscription {
        self.subscription.unsubscribe().unwrap();
        if let Some(reading) = self.reading {
            joined(reading);
        }
        let mut track = lock(&self.track);
        track.is_barred = true;
        track.assert_whole();
        let stats = self.subscription.stats();
        assert_adds_up(stats);
        assert_eq!(
            (stats.handled, stats.queued),
            (track.handled, 0),
            "{stats:?}"
        );
        let lost = stats.dropped;
        let reported = lost.newest + lost.oldest + lost.replaced;
        assert!(
            track.missed <= reported,
            "{} reported: {stats:?}",
            track.missed
        );
        drop(track);
        self.subscription
    }
}
