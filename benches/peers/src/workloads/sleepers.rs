//! What do events cost beside many shards that sleep and are woken all the time?

use crate::rounds::Workload;
use crate::stage;
use crate::systems::beside::{self, Paced};
use laneway::{Filter, Pinning, Router, Topic, Wait};
use std::sync::Once;
use std::thread;
use std::time::Duration;

const SLEEPERS: usize = 16;

/// Each of them is woken as often.
const PACE: Duration = Duration::from_millis(1);

pub(crate) fn sleepers() -> Workload {
    Workload::new("sleepers", 1)
        .of_valid_events("sleepers", "laneway", |events| {
            beside::handoff(events, |_| (), |()| true)
        })
        .of_valid_events("sleepers", "laneway, 16 sleepers", |events| {
            beside::handoff(events, |_| Sleepers::start(), Sleepers::stop)
        })
}

/// A router whose shards have one subscription each, and the thread that publishes to them in turn.
struct Sleepers {
    router: Router<u64>,
    publisher: Paced,
    /// The subscriptions woke them, too.
    wakes_before: u64,
}

impl Sleepers {
    fn start() -> Self {
        // Its threads run where the one that builds it may run.
        let router = thread::spawn(|| {
            stage::unpin();
            Router::<u64>::builder()
                .shards(SLEEPERS)
                .wait(Wait::Park)
                .pinning(Pinning::Off)
                .build()
                .expect("a router")
        });
        let router = router.join().expect("a router");
        let topics: Vec<_> = (0..SLEEPERS)
            .map(|shard| {
                let event_type = format!("sleeper-{shard}");
                let topic = Topic::new("bench", event_type).expect("a valid topic");
                let subscription = router.subscription().filter(Filter::exact(topic));
                (subscription.shard(shard).handler(|_| ())).expect("a subscription");
                topic
            })
            .collect();
        let mut publisher = router.publisher();
        for topic in &topics {
            publisher.warm(*topic);
        }
        router.flush().expect("not an actor thread");
        let wakes_before = router.stats().total().wakes;
        let publisher = Paced::start(PACE / SLEEPERS as u32, move |turn| {
            let topic = topics[turn as usize % SLEEPERS];
            publisher.publish(topic, turn).expect("open");
        });
        Sleepers {
            router,
            publisher,
            wakes_before,
        }
    }

    /// False: they were not published to as often as they should.
    fn stop(self) -> bool {
        let (published, in_time) = self.publisher.stop();
        self.router.flush().expect("not an actor thread");
        let total = self.router.stats().total();
        assert_eq!(total.handled, published, "nothing is lost");
        let wakes = total.wakes - self.wakes_before;
        // A shard that yields to busy threads needs long until it sleeps, and then is awake for the next event already. It
        // disturbs no less, so such a run counts, but it should be known.
        if published > 1000 && wakes < published / 2 {
            SAID.call_once(|| eprintln!("sleepers: {published} events woke {wakes}"));
        }
        in_time
    }
}

static SAID: Once = Once::new();
