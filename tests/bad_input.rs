//! Bad input of every kind is a typed error that says what and why. Nothing panics, and nothing is lost.

mod common;

use common::{FOREVER, LIMIT, Log, Tally, block_shard, guarded, on_shard, topic};
use laneway::{
    BuildError, Field, Filter, FilterError, FlushError, Placement, PublishBatchError, PublishError,
    Published, Router, SubscribeError, Topic, TopicError, UnsubscribeError,
};
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// What an error says, its causes included.
fn says(error: &dyn Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {}", says(cause)),
        None => error.to_string(),
    }
}

#[test]
fn names_of_topics_that_are_none_are_refused_with_the_field_and_the_reason() {
    let long = "x".repeat(257);
    let build = |texts: [&str; 4]| {
        let builder = Topic::builder(texts[0], texts[1]);
        builder.source(texts[2]).resource_type(texts[3]).build()
    };
    let fields = [
        Field::Category,
        Field::EventType,
        Field::Source,
        Field::ResourceType,
    ];
    for (place, field) in fields.into_iter().enumerate() {
        let with = |text| {
            let mut texts = ["a", "b", "c", "d"];
            texts[place] = text;
            build(texts)
        };
        assert_eq!(with(""), Err(TopicError::Empty { field }));
        assert_eq!(with(&long), Err(TopicError::TooLong { field, bytes: 257 }));
        for star in ["*", "VM.*", "V*M", "*.VM", "**"] {
            assert_eq!(with(star), Err(TopicError::Star { field }));
        }
        assert!(with(&long[1..]).is_ok());
        let error = with(&long).unwrap_err();
        assert_eq!(
            says(&error),
            format!("the {field} of a topic has 257 bytes, and at most 256 are allowed")
        );
    }
}

#[test]
fn filters_that_are_none_are_refused_with_the_field_and_the_reason() {
    guarded(|| {
        let router = Router::<u64>::new();
        let refused = |filter: Filter| {
            let told = filter.check().unwrap_err();
            let error = router.subscribe(filter, |_| ()).unwrap_err();
            assert_eq!(error, SubscribeError::Filter(told.clone()));
            assert_eq!(says(&error), format!("a filter is invalid: {told}"));
            told
        };
        let field = Field::EventType;
        for empty in ["", ".*"] {
            let told = refused(Filter::any().event_type(empty));
            assert_eq!(told, FilterError::Empty { field });
        }
        let long = refused(Filter::any().event_type("x".repeat(300) + ".*"));
        assert_eq!(long, FilterError::TooLong { field, bytes: 300 });
        for star in ["VM*", "*.START", "VM.*.CREATE", "**", "VM.**"] {
            let told = refused(Filter::any().event_type(star));
            assert_eq!(told, FilterError::Star { field }, "{star}");
        }
        // One that is wrong among others that are right.
        let builder = router
            .subscription()
            .filter(Filter::any())
            .filter(Filter::any().source("*x"));
        let error = builder.handler(|_| ()).unwrap_err();
        let field = Field::Source;
        assert_eq!(error, SubscribeError::Filter(FilterError::Star { field }));
        assert_eq!(router.stats().subscriptions, 0);
        assert_eq!(router.publish(topic("ANY"), 0), Ok(Published::Unmatched));
    });
}

#[test]
fn a_router_cannot_be_set_up_outside_of_its_ranges() {
    let builder = Router::<u64>::builder;
    for shards in [0, 65, usize::MAX] {
        let error = builder().shards(shards).build().unwrap_err();
        assert!(matches!(error, BuildError::Shards { shards: told } if told == shards));
        let expected = format!("{shards} shards were asked for, and 1 to 64 are possible");
        assert_eq!(says(&error), expected);
    }
    for events in [0, (1 << 24) + 1, usize::MAX] {
        let error = builder().lane_capacity(events).build().unwrap_err();
        assert!(matches!(error, BuildError::LaneCapacity { events: told } if told == events));
        assert!(says(&error).contains(&events.to_string()));
    }
    for count in [0, (1 << 30) + 1, usize::MAX] {
        let error = builder().max_subscriptions(count).build().unwrap_err();
        assert!(matches!(error, BuildError::MaxSubscriptions { count: told } if told == count));
        assert!(says(&error).contains(&count.to_string()));
    }
    let most = builder()
        .shards(64)
        .lane_capacity(1 << 24)
        .max_subscriptions(1 << 30);
    let router = most.shutdown_timeout(Duration::MAX).build().unwrap();
    assert_eq!(router.stats().shards.len(), 64);
}

#[test]
fn row_19_cpus_that_are_not_there_are_no_reason_to_fail() {
    guarded(|| {
        for cores in [
            vec![],
            vec![0],
            vec![1 << 20],
            vec![usize::MAX, 0, 1023, 1024],
        ] {
            let pinning = laneway::Pinning::Cores(cores);
            let router = Router::<u64>::builder()
                .shards(3)
                .pinning(pinning)
                .build()
                .unwrap();
            let log = Log::default();
            router.subscribe(Filter::any(), log.handler()).unwrap();
            router.publish(topic("PINNED"), 1).unwrap();
            router.flush().unwrap();
            assert_eq!(log.all(), [1]);
        }
    });
}

#[test]
fn a_subscription_without_a_place_a_name_or_a_filter_is_refused_and_its_actor_dropped() {
    guarded(|| {
        let router = Router::<u64>::builder().shards(2).build().unwrap();
        let held = Arc::new(());
        let handler = || {
            let held = Arc::clone(&held);
            move |_: &laneway::Event<u64>| assert!(Arc::strong_count(&held) > 0)
        };
        let builder = || router.subscription().named("taken");
        let first = builder().filter(Filter::any()).handler(handler()).unwrap();

        let error = builder()
            .filter(Filter::any())
            .handler(handler())
            .unwrap_err();
        assert_eq!(error, SubscribeError::DuplicateName("taken".into()));
        assert_eq!(says(&error), "there is a subscription named \"taken\"");
        let error = router.subscription().handler(handler()).unwrap_err();
        assert_eq!(error, SubscribeError::NoFilter);
        assert_eq!(says(&error), "a subscription needs a filter");
        for shard in [2, 64, usize::MAX] {
            let builder = router.subscription().filter(Filter::any());
            let error = builder
                .place(Placement::Shard(shard))
                .handler(handler())
                .unwrap_err();
            assert_eq!(error, SubscribeError::UnknownShard { shard, shards: 2 });
            let expected = format!("there is no shard {shard}: they are numbered from 0 to 1");
            assert_eq!(says(&error), expected);
        }
        // Only the first actor is left, and its name is free once it is gone.
        assert_eq!(Arc::strong_count(&held), 2);
        assert_eq!(router.subscriptions().len(), 1);
        first.unsubscribe().unwrap();
        assert_eq!(Arc::strong_count(&held), 1);
        builder().filter(Filter::any()).handler(handler()).unwrap();
    });
}

#[test]
fn one_subscription_more_than_allowed_is_refused() {
    guarded(|| {
        let router = Router::<u64>::builder()
            .max_subscriptions(2)
            .build()
            .unwrap();
        let subscribe = || router.subscribe(Filter::any(), |_| ());
        let kept = [subscribe().unwrap(), subscribe().unwrap()];
        let error = subscribe().unwrap_err();
        assert_eq!(error, SubscribeError::TooMany { limit: 2 });
        assert_eq!(
            says(&error),
            "there are 2 subscriptions, as many as there may be"
        );
        kept[0].unsubscribe().unwrap();
        subscribe().unwrap();
    });
}

#[test]
fn row_06_what_is_not_subscribed_cannot_be_unsubscribed() {
    guarded(|| {
        let (router, other) = (Router::<u64>::new(), Router::<u64>::new());
        let log = Log::default();
        let kept = router.subscribe(Filter::any(), log.handler()).unwrap();
        let gone = router.subscribe(Filter::any(), |_| ()).unwrap();
        gone.unsubscribe().unwrap();
        let unknown = UnsubscribeError::Unknown(gone.id());
        for result in [gone.unsubscribe(), router.unsubscribe(gone.id())] {
            assert_eq!(result.unwrap_err(), unknown);
        }
        assert_eq!(
            says(&unknown),
            format!("there is no subscription {}", gone.id())
        );
        // Ids are never given twice, so one of another router means nobody here.
        let foreign = other.unsubscribe(kept.id()).unwrap_err();
        assert_eq!(foreign, UnsubscribeError::Unknown(kept.id()));
        router.publish(topic("KEPT"), 1).unwrap();
        router.flush().unwrap();
        assert_eq!(log.all(), [1]);
        drop(router);
        assert_eq!(
            kept.unsubscribe(),
            Err(UnsubscribeError::Unknown(kept.id()))
        );
        drop(kept.guard());
    });
}

#[test]
fn after_a_shutdown_every_way_of_publishing_gives_the_payload_back() {
    guarded(|| {
        let (listened, nobody) = (topic("LISTENED"), topic("NOBODY"));
        let tally = Tally::new();
        let router = Router::builder().shards(2).build().unwrap();
        for shard in 0..2 {
            on_shard(&router, shard, Filter::exact(listened))
                .handler(|_| ())
                .unwrap();
        }
        // One that has its lanes, and one that has none.
        let mut publishers = [router.publisher(), router.publisher()];
        publishers[0].publish(listened, tally.track(0)).unwrap();
        assert!(router.shutdown(FOREVER).is_complete());
        let closed = |result: Result<Published, PublishError<common::Tracked<u32>>>| {
            let error = result.unwrap_err();
            assert_eq!(says(&error), "the router is closed");
            assert!(error.is_closed() && !error.is_full());
            assert_eq!(error.into_payload().value, 7);
        };
        // Whether anybody listened or not: closed comes first.
        for topic in [listened, nobody] {
            closed(router.publish(topic, tally.track(7)));
            for publisher in &mut publishers {
                closed(publisher.publish(topic, tally.track(7)));
                closed(publisher.try_publish(topic, tally.track(7)));
                let built = AtomicBool::new(false);
                closed(publisher.publish_with(topic, || {
                    built.store(true, Ordering::Relaxed);
                    tally.track(7)
                }));
                assert!(built.load(Ordering::Relaxed));
                let batch = (0..100).map(|number| (topic, tally.track(number)));
                let mut batch = batch.collect::<Vec<_>>().into_iter();
                let error = publisher.publish_batch(batch.by_ref()).unwrap_err();
                assert!(matches!(error, PublishBatchError::Closed { .. }));
                assert_eq!(says(&error), "the router is closed");
                let published = error.published();
                assert_eq!((published.routed, published.unmatched), (0, 0));
                let back = error.into_unsent().into_iter().chain(batch);
                assert!(back.map(|(_, payload)| payload.value).eq(0..100));
            }
        }
        drop((publishers, router));
        tally.assert_balanced();
    });
}

#[test]
fn after_a_shutdown_nothing_else_can_be_asked_for() {
    guarded(|| {
        let router = Router::<u64>::new();
        let subscription = router.subscribe(Filter::any(), |_| ()).unwrap();
        router.shutdown(FOREVER);
        let error = router.subscribe(Filter::any(), |_| ()).unwrap_err();
        assert_eq!(error, SubscribeError::Closed);
        assert_eq!(says(&error), "the router is closed");
        assert!(subscription.has_ended());
        assert!(subscription.unsubscribe().is_err());
        assert_eq!(router.flush(), Ok(()));
        assert!(router.subscriptions().is_empty());
        assert!(router.explain(topic("ANY")).is_empty());
        let mut publisher = router.publisher();
        publisher.warm(topic("ANY"));
        assert!(publisher.publish(topic("ANY"), 0).is_err());
    });
}

#[test]
fn a_flush_that_cannot_wait_says_why() {
    guarded(|| {
        let router = Router::<u64>::new();
        let results = Log::default();
        let (noted, weak) = (results.clone(), router.downgrade());
        let flush = move |_: &laneway::Event<u64>| {
            let router = weak.upgrade().expect("it is held outside");
            noted.push([router.flush(), router.flush_timeout(Duration::MAX)]);
        };
        let inside = router.subscribe(Filter::any(), flush).unwrap();
        router.publish(topic("INSIDE"), 0).unwrap();
        router.flush_timeout(Duration::MAX).unwrap();
        assert_eq!(results.all(), [[Err(FlushError::ActorThread); 2]]);
        inside.unsubscribe().unwrap();

        let hold = block_shard(&router, 0, 0);
        for timeout in [Duration::ZERO, Duration::from_millis(1)] {
            assert_eq!(router.flush_timeout(timeout), Err(FlushError::Timeout));
        }
        hold.release();
        assert_eq!(router.flush_timeout(LIMIT), Ok(()));
        let inside = says(&FlushError::ActorThread);
        assert_eq!(inside, "a thread that runs actors cannot wait for them");
        let late = says(&FlushError::Timeout);
        assert_eq!(late, "the events were not all handled in time");
    });
}
