//! Predicates: what they do, and their Drop.

use super::common::{Count, Log, Target, guarded, inside_a_handler, on_shard, topic};
use laneway::{Event, Filter, Router};

// A predicate that ended its own subscription was asked about the rest of its run.
#[test]
fn one_that_ends_its_own_subscription_is_not_asked_again() {
    guarded(|| {
        let router = Router::<u64>::builder().shards(1).build().unwrap();
        let (topic, asked, me) = (topic("ENDS"), Log::default(), Target::default());
        let (noted, target) = (asked.clone(), me.clone());
        let predicate = move |event: &Event<u64>| {
            noted.push(*event.payload());
            if *event.payload() == 2 {
                target.unsubscribe().unwrap();
            }
            true
        };
        let builder = on_shard(&router, 0, Filter::exact(topic)).when(predicate);
        me.set(&builder.handler(|_| ()).unwrap());
        inside_a_handler(&router, 0, move |_, ctx| {
            for number in 0..8 {
                ctx.publish(topic, number).unwrap();
            }
        });
        router.flush().unwrap();
        router.flush().unwrap();
        assert_eq!(asked.all(), [0, 1, 2]);
    });
}

/// Panics when it is dropped.
struct Bomb(Count);

impl Drop for Bomb {
    fn drop(&mut self) {
        self.0.add();
        panic!("asked for");
    }
}

// A panic in the Drop of a predicate was not counted.
#[test]
fn a_panic_in_the_drop_of_a_predicate_counts() {
    guarded(|| {
        let router = Router::<u64>::builder().shards(1).build().unwrap();
        let bomb = Bomb(Count::default());
        let builder = on_shard(&router, 0, Filter::any());
        let builder = builder.when(move |_| bomb.0.get() == 0);
        let subscription = builder.handler(|_| ()).unwrap();
        subscription.unsubscribe().unwrap();
        assert_eq!(subscription.stats().panics, 1);
    });
}

// Two of them at once ended the process: the second one was dropped while the first one's panic unwound.
#[test]
fn panics_in_the_drop_of_a_predicate_and_of_a_factory_are_contained() {
    guarded(|| {
        let router = Router::<u64>::builder().shards(1).build().unwrap();
        let (one, two) = (Bomb(Count::default()), Bomb(Count::default()));
        let drops = [one.0.clone(), two.0.clone()];
        let builder = on_shard(&router, 0, Filter::any());
        let builder = builder.when(move |_| one.0.get() == 0);
        let subscription = builder
            .actor_with(move || {
                let _ = &two;
                |_: &Event<u64>| ()
            })
            .unwrap();
        subscription.unsubscribe().unwrap();
        assert_eq!(drops.map(|count| count.get()), [1, 1]);
        assert_eq!(subscription.stats().panics, 2);
    });
}
