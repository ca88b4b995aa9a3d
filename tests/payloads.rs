//! Payloads of every size and kind arrive as they were sent, are dropped once, and may do as they please.

mod common;

use common::{Log, Tally, Tracked, guarded, on_shard, sweep, topic};
use laneway::{Context, Event, Filter, Published, Router};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;

/// Sends numbered payloads to two shards in all ways, and checks them where they arrive.
fn arrive_intact<E>(make: fn(u64) -> E, check: fn(&E, u64))
where
    E: Clone + Send + 'static,
{
    sweep(|setup| {
        let router: Router<E> = setup.router();
        let topic = topic("PAYLOAD");
        let subscriptions: Vec<_> = (0..setup.shards.min(2))
            .map(|shard| {
                let mut next = 0;
                let check = move |event: &Event<E>| {
                    check(event.payload(), next);
                    next += 1;
                };
                on_shard(&router, shard, Filter::exact(topic))
                    .handler(check)
                    .unwrap()
            })
            .collect();
        let mut publisher = router.publisher();
        for number in 0..10 {
            assert!(matches!(
                publisher.publish(topic, make(number)),
                Ok(Published::Routed)
            ));
        }
        publisher
            .publish_batch((10..60).map(|number| (topic, make(number))))
            .unwrap();
        while publisher.try_publish(topic, make(60)).is_err() {
            thread::yield_now();
        }
        router.flush().unwrap();
        for subscription in subscriptions {
            let stats = subscription.stats();
            assert_eq!((stats.handled, stats.panics), (61, 0), "{setup:?}");
        }
    });
}

#[test]
fn row_16_nothing_at_all() {
    guarded(|| arrive_intact(|_| (), |(), _| ()));
}

#[test]
fn row_16_one_byte() {
    guarded(|| {
        arrive_intact(
            |number| number as u8,
            |byte, number| assert_eq!(*byte, number as u8),
        )
    });
}

#[test]
fn text_of_any_length() {
    let text = |number: u64| "x".repeat(number as usize * 100);
    guarded(move || {
        arrive_intact(text, |text, number| {
            assert_eq!(text.len() as u64, number * 100)
        })
    });
}

#[test]
fn four_kibibytes_and_a_half() {
    let check = |bytes: &[u8; 4608], number| assert!(bytes.iter().all(|it| *it == number as u8));
    guarded(move || arrive_intact(|number| [number as u8; 4608], check));
}

const LARGE: usize = 64 << 10;

#[test]
fn row_16_sixty_four_kibibytes() {
    let check = |bytes: &[u8; LARGE], number| assert!(bytes.iter().all(|it| *it == number as u8));
    guarded(move || arrive_intact(|number| [number as u8; LARGE], check));
}

/// Aligned to more than a pair of cache lines.
#[derive(Clone)]
#[repr(align(256))]
struct Aligned(u64);

#[test]
fn row_16_more_alignment_than_a_cache_line_has() {
    let check = |payload: &Aligned, number| {
        assert_eq!(payload.0, number);
        assert_eq!((&raw const *payload).addr() % 256, 0);
    };
    guarded(move || arrive_intact(Aligned, check));
}

#[test]
fn something_that_cannot_be_shared_between_threads() {
    let check = |cell: &Cell<u64>, number| assert_eq!(cell.replace(0), number);
    guarded(move || arrive_intact(Cell::new, check));
}

/// Unoptimized code has a copy of its own for each call that a payload passes.
const SMALL_STACK: usize = if cfg!(debug_assertions) {
    1 << 20
} else {
    64 << 10
};

#[test]
fn row_16_eight_kibibytes_from_a_thread_with_a_small_stack() {
    guarded(|| {
        let (topic, log) = (topic("SMALL"), Log::default());
        let router = Router::<[u8; 8 << 10]>::builder()
            .shards(2)
            .build()
            .unwrap();
        for shard in 0..2 {
            let noted = log.clone();
            let builder = on_shard(&router, shard, Filter::exact(topic));
            let note = move |event: &Event<[u8; 8 << 10]>| noted.push(event.payload()[4000]);
            builder.handler(note).unwrap();
        }
        let publish_from = |stack: usize, publish: Box<dyn FnOnce() -> bool + Send>| {
            let worker = thread::Builder::new()
                .stack_size(stack)
                .spawn(publish)
                .unwrap();
            assert!(worker.join().unwrap());
        };
        let mut publisher = router.publisher();
        publish_from(
            SMALL_STACK,
            Box::new(move || publisher.publish(topic, [7; 8 << 10]).is_ok()),
        );
        let handle = router.clone();
        // A thread's own publisher takes a copy or two more.
        publish_from(
            2 * SMALL_STACK,
            Box::new(move || handle.publish(topic, [8; 8 << 10]).is_ok()),
        );
        router.flush().unwrap();
        let mut seen = log.all();
        seen.sort_unstable();
        assert_eq!(seen, [7, 7, 8, 8]);
    });
}

#[test]
fn each_payload_is_dropped_once_wherever_its_way_ends() {
    guarded(|| {
        sweep(|setup| {
            let (topic, tally) = (topic("DROPS"), Tally::new());
            let router: Router<Tracked<u32>> = setup.router();
            for shard in 0..setup.shards {
                on_shard(&router, shard, Filter::exact(topic))
                    .handler(|_| ())
                    .unwrap();
            }
            let mut publisher = router.publisher();
            for number in 0..50 {
                publisher.publish(topic, tally.track(number)).unwrap();
                publisher
                    .publish(common::topic("NOBODY"), tally.track(number))
                    .unwrap();
                drop(publisher.try_publish(topic, tally.track(number)));
            }
            router.flush().unwrap();
            tally.assert_balanced();
            // Those that nobody will handle: their actor goes, or the router does.
            for subscription in router.subscriptions().into_iter().skip(1) {
                publisher.publish(topic, tally.track(0)).unwrap();
                router.unsubscribe(subscription.id).unwrap();
            }
            publisher.publish(topic, tally.track(0)).unwrap();
            drop(router);
            drop(publisher.publish(topic, tally.track(0)));
            tally.assert_balanced();
        });
    });
}

#[test]
fn a_payload_that_is_taken_out_of_an_error_is_the_callers() {
    guarded(|| {
        let tally = Tally::new();
        let router = Router::new();
        router.shutdown(common::FOREVER);
        let error = router.publish(topic("CLOSED"), tally.track(5)).unwrap_err();
        assert_eq!(tally.drops(), 0);
        let payload = error.into_payload();
        assert_eq!((payload.value, tally.drops()), (5, 0));
        drop(payload);
        tally.assert_balanced();
    });
}

/// A payload that publishes when it is cloned and when it is dropped.
struct Chatty(Arc<dyn Fn(&'static str) + Send + Sync>, bool);

impl Clone for Chatty {
    fn clone(&self) -> Self {
        (self.0)("CLONED");
        Chatty(Arc::clone(&self.0), self.1)
    }
}

impl Drop for Chatty {
    fn drop(&mut self) {
        if self.1 {
            (self.0)("DROPPED");
        }
    }
}

#[test]
fn a_payload_may_publish_while_it_is_cloned_and_dropped() {
    guarded(|| {
        let router = Router::<Chatty>::builder().shards(2).build().unwrap();
        let chat = topic("CHAT");
        for shard in 0..2 {
            on_shard(&router, shard, Filter::exact(chat))
                .handler(|_| ())
                .unwrap();
        }
        let seen = Log::default();
        let noted = seen.clone();
        let answers = Filter::any().event_type("CLONED");
        let builder = router.subscription().filter(answers);
        let builder = builder.filter(Filter::any().event_type("DROPPED"));
        builder
            .handler(move |event| noted.push(event.topic().event_type()))
            .unwrap();

        let weak = router.downgrade();
        let publish: Arc<dyn Fn(&'static str) + Send + Sync> = Arc::new(move |name| {
            let quiet = Chatty(Arc::new(|_| ()), false);
            if let Some(router) = weak.upgrade() {
                assert!(matches!(
                    router.publish(topic(name), quiet),
                    Ok(Published::Routed)
                ));
            }
        });
        router
            .publish(chat, Chatty(Arc::clone(&publish), true))
            .unwrap();
        assert!(
            router
                .publisher()
                .publish(chat, Chatty(publish, true))
                .is_ok()
        );
        router.flush().unwrap();
        router.flush().unwrap();
        let mut seen = seen.all();
        seen.sort_unstable();
        // Two events with one clone each, and all four dropped.
        assert_eq!(
            seen,
            [
                "CLONED", "CLONED", "DROPPED", "DROPPED", "DROPPED", "DROPPED"
            ]
        );
    });
}

/// What each shard took from its lanes.
fn events(router: &Router<Unclonable>) -> Vec<u64> {
    let stats = router.stats();
    stats.shards.iter().map(|shard| shard.events).collect()
}

/// A payload whose Clone panics if it is told to.
struct Unclonable(bool);

impl Clone for Unclonable {
    fn clone(&self) -> Self {
        assert!(!self.0, "asked for");
        Unclonable(self.0)
    }
}

#[test]
fn a_clone_that_panics_is_its_publishers_affair_and_reaches_no_shard() {
    guarded(|| {
        let router = Router::<Unclonable>::builder().shards(3).build().unwrap();
        let topic = topic("UNCLONABLE");
        for shard in 0..3 {
            on_shard(&router, shard, Filter::exact(topic))
                .handler(|_| ())
                .unwrap();
        }
        let mut publisher = router.publisher();
        for round in 1..=20 {
            let publish = AssertUnwindSafe(|| publisher.publish(topic, Unclonable(true)));
            assert!(catch_unwind(publish).is_err());
            let publish = AssertUnwindSafe(|| router.publish(topic, Unclonable(true)));
            assert!(catch_unwind(publish).is_err());
            let batch = [(topic, Unclonable(false)), (topic, Unclonable(true))];
            let publish = AssertUnwindSafe(|| publisher.publish_batch(batch));
            assert!(catch_unwind(publish).is_err());
            // The first of the batch is published. The publishers go on working.
            assert!(matches!(
                publisher.publish(topic, Unclonable(false)),
                Ok(Published::Routed)
            ));
            assert!(matches!(
                router.publish(topic, Unclonable(false)),
                Ok(Published::Routed)
            ));
            router.flush().unwrap();
            assert_eq!(events(&router), [3 * round; 3]);
        }
        assert!(router.shutdown(common::FOREVER).is_complete());
    });
}

#[test]
fn a_clone_that_panics_inside_a_handler_ends_that_actor() {
    guarded(|| {
        let router = Router::<Unclonable>::builder().shards(2).build().unwrap();
        let (question, answer) = (topic("QUESTION"), topic("ANSWER"));
        for shard in 0..2 {
            on_shard(&router, shard, Filter::exact(answer))
                .handler(|_| ())
                .unwrap();
        }
        let add_answerer = |panics: bool| {
            let builder = on_shard(&router, 0, Filter::exact(question));
            let answer_it = move |_: &Event<Unclonable>, ctx: &mut Context<'_, Unclonable>| {
                assert!(ctx.publish(answer, Unclonable(panics)).is_ok());
            };
            builder.handler_ctx(answer_it).unwrap()
        };
        let (faulty, sound) = (add_answerer(true), add_answerer(false));
        router.publish(question, Unclonable(false)).unwrap();
        router.flush().unwrap();
        router.flush().unwrap();
        assert!(faulty.has_ended() && !sound.has_ended());
        assert_eq!(faulty.stats().panics, 1);
        assert_eq!(events(&router), [2, 1]);
    });
}

#[test]
fn an_iterator_that_panics_loses_only_what_it_gave_and_was_not_published() {
    guarded(|| {
        let router = Router::<u64>::new();
        let topic = topic("ITERATOR");
        let log = Log::default();
        router
            .subscribe(Filter::exact(topic), log.handler())
            .unwrap();
        let mut publisher = router.publisher();
        let items = (0..100).map(|number| {
            assert_ne!(number, 70, "asked for");
            (topic, number)
        });
        assert!(catch_unwind(AssertUnwindSafe(|| publisher.publish_batch(items))).is_err());
        assert_eq!(publisher.publish(topic, 1000), Ok(Published::Routed));
        router.flush().unwrap();
        let mut seen = log.all();
        assert_eq!(seen.pop(), Some(1000));
        // Whole parts of the batch were published before, each event once and in order.
        assert!(seen.len() <= 70 && seen.iter().copied().eq(0..seen.len() as u64));
        let batch = (0..3).map(|number| (topic, number));
        assert_eq!(publisher.publish_batch(batch).unwrap().routed, 3);
    });
}
