//! Payloads that publish when they are cloned or dropped.

use super::*;

/// Publishes when it is cloned or dropped, if it is told to.
struct Nested {
    number: u32,
    in_clone: Option<Echo>,
    in_drop: Option<Echo>,
}

struct Echo {
    router: Router<Nested>,
    topic: Topic,
    numbers: std::ops::Range<u32>,
}

impl Echo {
    fn publish(&self) {
        for number in self.numbers.clone() {
            let published = self.router.publish(self.topic, Nested::plain(number));
            assert!(published.is_ok());
        }
    }
}

impl Nested {
    fn plain(number: u32) -> Self {
        Nested {
            number,
            in_clone: None,
            in_drop: None,
        }
    }

    fn in_clone(echo: Echo) -> Self {
        Nested {
            number: 0,
            in_clone: Some(echo),
            in_drop: None,
        }
    }

    fn in_drop(echo: Echo) -> Self {
        Nested {
            number: 0,
            in_clone: None,
            in_drop: Some(echo),
        }
    }
}

impl Clone for Nested {
    fn clone(&self) -> Self {
        self.in_clone.iter().for_each(Echo::publish);
        Nested::plain(self.number)
    }
}

impl Drop for Nested {
    fn drop(&mut self) {
        self.in_drop.iter().for_each(Echo::publish);
    }
}

/// A router with two shards, a topic that both listen to, one that nobody listens to, and one whose numbers are noted.
struct Nesting {
    router: Router<Nested>,
    everybody: Topic,
    nobody: Topic,
    noted: Topic,
    log: Log<u32>,
}

impl Nesting {
    /// How often 200 rounds allocate, after the first few.
    fn allocations_once_warm(&self, round: impl Fn()) -> usize {
        let publish = |rounds: usize| {
            let mut sum = 0;
            for _ in 0..rounds {
                sum += allocations(&round);
                // There is always room: waiting for it may allocate.
                self.router.flush().unwrap();
            }
            sum
        };
        publish(10);
        publish(200)
    }

    fn new() -> Self {
        let router = router_with::<Nested>(2);
        let (everybody, nobody, noted) = (topic("OUTER"), topic("UNMATCHED"), topic("INNER"));
        let log = Log::default();
        for shard in 0..2 {
            on_shard(&router, shard, Filter::exact(everybody))
                .handler(|_| ())
                .unwrap();
        }
        let entries = log.clone();
        on_shard(&router, 0, Filter::exact(noted))
            .handler(move |event| entries.push(event.payload().number))
            .unwrap();
        Nesting {
            router,
            everybody,
            nobody,
            noted,
            log,
        }
    }

    /// What publishes these numbers.
    fn echo(&self, numbers: std::ops::Range<u32>) -> Echo {
        Echo {
            router: self.router.clone(),
            topic: self.noted,
            numbers,
        }
    }

    fn publish(&self, topic: Topic, payload: Nested) {
        assert!(self.router.publish(topic, payload).is_ok());
    }
}

// What a payload published in its Clone or Drop went through a lane of its own.
//
// Thread A publishes an event to two shards; its payload is cloned, and the clone publishes 1, 2 and 3 with
// `router.publish`, as the thread has before and does after. Its own outlet was in use, so these three got another,
// made for each. The shard looks at the thread's own lane first and handles 4 before 1. The same for a payload that
// nobody listens to and that publishes in its Drop.
#[test]
fn what_a_payload_publishes_in_clone_or_drop_keeps_its_place() {
    guarded(|| {
        let stage = Nesting::new();
        let publish = |number| stage.publish(stage.noted, Nested::plain(number));
        // The thread's own lane is there, and the first that the shard looks at.
        publish(0);
        stage.router.flush().unwrap();
        let hold = block_shard(&stage.router, 0, Nested::plain(0));
        stage.publish(stage.everybody, Nested::in_clone(stage.echo(1..4)));
        publish(4);
        stage.publish(stage.nobody, Nested::in_drop(stage.echo(5..8)));
        publish(8);
        let lanes = stage.router.stats().shards[0].lanes;
        hold.release();
        stage.router.flush().unwrap();
        assert!(stage.log.take().into_iter().eq(0..9));
        assert_eq!(lanes, 1, "one thread is one publisher");
    });
}

// As above: each of those outlets was made for one call, and its lane with it.
#[test]
fn what_a_payload_publishes_in_clone_or_drop_allocates_nothing() {
    guarded(|| {
        let stage = Nesting::new();
        let round = || {
            stage.publish(stage.everybody, Nested::in_clone(stage.echo(0..2)));
            stage.publish(stage.nobody, Nested::in_drop(stage.echo(0..2)));
        };
        assert_eq!(stage.allocations_once_warm(round), 0);
    });
}

/// A payload whose Clone publishes to several shards took the one spare vector for clones, and made a new one each time.
#[test]
fn what_a_payload_publishes_to_several_shards_in_clone_allocates_nothing() {
    guarded(|| {
        let stage = Nesting::new();
        let round = || {
            let mut echo = stage.echo(0..2);
            echo.topic = stage.everybody;
            stage.publish(stage.everybody, Nested::in_clone(echo));
        };
        assert_eq!(stage.allocations_once_warm(round), 0);
    });
}
