//! Random chains of sinks: whatever they are made of and whatever fails, each event is written, kept, or told of.

use crate::common::{Log, guarded};
use crate::harness::{LONG, Note, Probe, event, numbers, written};
use laneway::Event;
use laneway::sink::{
    Breaker, Broadcast, DeadLetter, ExponentialBackoff, ManualClock, Sink, SinkError, SinkMetrics,
    WhenFull, channel, events_only,
};
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Once;
use std::time::Duration;

/// What the innermost sink does, in turn.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Works,
    Fails,
    Refuses,
    Panics,
}

#[derive(Debug, Clone, Copy)]
enum Layer {
    Retry { attempts: u32 },
    Break { threshold: u32 },
    Tap,
    Filter,
    Timeout,
    Queue { capacity: usize },
    Broadcast,
    Shared,
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        4 => Just(Fate::Works),
        3 => Just(Fate::Fails),
        1 => Just(Fate::Refuses),
        1 => Just(Fate::Panics),
    ]
}

fn layer() -> impl Strategy<Value = Layer> {
    prop_oneof![
        (1..5_u32).prop_map(|attempts| Layer::Retry { attempts }),
        (1..4_u32).prop_map(|threshold| Layer::Break { threshold }),
        Just(Layer::Tap),
        Just(Layer::Filter),
        Just(Layer::Timeout),
        (1..8_usize).prop_map(|capacity| Layer::Queue { capacity }),
        Just(Layer::Broadcast),
        Just(Layer::Shared),
    ]
}

fn wrap(sink: Box<dyn Sink<u32>>, layer: Layer, letters: &Log<Note>) -> Box<dyn Sink<u32>> {
    let clock = ManualClock::new();
    match layer {
        Layer::Retry { attempts } => {
            let retry = sink.retry(ExponentialBackoff::default());
            Box::new(retry.max_attempts(attempts).clock(clock))
        }
        Layer::Break { threshold } => {
            let retry = sink.retry(Breaker::new(threshold, Duration::from_secs(9)));
            Box::new(retry.clock(clock))
        }
        Layer::Tap => Box::new(sink.tap(&SinkMetrics::new())),
        Layer::Filter => Box::new(sink.filter(|_: &Event<u32>| true)),
        Layer::Timeout => Box::new(sink.timeout(LONG)),
        Layer::Queue { capacity } => {
            // What it hands on, its writer hears no more of.
            let kept = sink.dead_letter(events_only(Probe::new(letters)));
            Box::new(
                kept.queue(capacity)
                    .when_full(WhenFull::Block(Duration::MAX)),
            )
        }
        Layer::Broadcast => Box::new(Broadcast::new().with("one", sink)),
        Layer::Shared => Box::new(sink.shared()),
    }
}

/// Fails as told, over and over.
fn fated(log: &Log<Note>, fates: Vec<Fate>) -> Probe {
    let mut turn = fates.into_iter().cycle();
    Probe::failing(log, move |_| match turn.next() {
        None | Some(Fate::Works) => Ok(()),
        Some(Fate::Fails) => Err(SinkError::failed("planted")),
        Some(Fate::Refuses) => Err(SinkError::refused("planted")),
        Some(Fate::Panics) => panic!("planted"),
    })
}

/// What is planted is not to be printed thousands of times.
fn hush() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if info.payload().downcast_ref() != Some(&"planted") {
                hook(info);
            }
        }));
    });
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: crate::common::rounds(200) as u32,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Written, a dead letter, left when it was closed, or an error for its writer: exactly one of these.
    #[test]
    fn every_event_is_accounted_for(
        layers in vec(layer(), 0..5),
        fates in vec(fate(), 1..8),
        count in 1..30_u32,
    ) {
        let told = guarded(move || {
            hush();
            let (log, letters) = (Log::default(), Log::default());
            let mut sink: Box<dyn Sink<u32>> = Box::new(fated(&log, fates).shared());
            for layer in layers {
                sink = wrap(sink, layer, &letters);
            }
            let mut told: BTreeMap<u32, Vec<&str>> = BTreeMap::new();
            for number in 0..count {
                if sink.write(&event(number)).is_err() {
                    told.entry(number).or_default().push("error");
                }
            }
            let report = sink.close(LONG);
            assert!(report.failures.is_empty() && report.in_flight == 0, "{report:?}");
            for number in numbers(&report.left) {
                told.entry(number).or_default().push("left");
            }
            for number in written(&log) {
                told.entry(number).or_default().push("written");
            }
            for number in written(&letters) {
                told.entry(number).or_default().push("dead letter");
            }
            told
        });
        for number in 0..count {
            let ends = told.get(&number).map_or(0, Vec::len);
            prop_assert_eq!(ends, 1, "{}: {:?}", number, told.get(&number));
        }
    }

    /// A queue keeps the order of its writer, through any policy.
    #[test]
    fn a_queue_keeps_order(capacity in 1..10_usize, count in 0..100_u32, drops in any::<bool>()) {
        let (written, stats) = guarded(move || {
            let log = Log::default();
            let policy = if drops { WhenFull::DropOldest } else { WhenFull::Refuse };
            let mut queue = Probe::new(&log).queue(capacity).when_full(policy);
            for number in 0..count {
                let _ = queue.write(&event(number));
            }
            assert!(queue.close(LONG).is_complete());
            (written(&log), queue.stats())
        });
        prop_assert!(written.is_sorted_by(|a, b| a < b));
        prop_assert_eq!(written.len() as u64, stats.accepted - stats.dropped);
        prop_assert_eq!(u64::from(count), stats.accepted + stats.refused);
        if drops && count > 0 {
            prop_assert_eq!(written.last(), Some(&(count - 1)), "the newest stays");
        }
    }

    /// The bound is what the formula says, wherever that fits.
    #[test]
    fn the_bound_is_the_formula(base in 0..10_000_u64, factor in 0..10_000_u64, max in 0..100_000_u64, n in 0..40_u32) {
        let [base_ms, factor_ms, max_ms] = [base, factor, max].map(Duration::from_millis);
        let backoff = ExponentialBackoff::new(base_ms, factor_ms, max_ms);
        let exact = match n {
            0 => 0,
            n => (u128::from(base) + u128::from(factor) * (1_u128 << (n - 1))).min(u128::from(max)),
        };
        prop_assert_eq!(backoff.bound(n).as_millis(), exact);
    }

    /// Dead letters go through a channel with their reasons.
    #[test]
    fn refused_events_are_letters(refused in vec(any::<bool>(), 0..50)) {
        let fates = refused.clone();
        let letters = guarded(move || {
            let (letters, mut reader) = channel::<DeadLetter<u32>>(64);
            let fault = move |number: u32| match fates[number as usize] {
                true => Err(SinkError::refused("no")),
                false => Ok(()),
            };
            let mut sink = Probe::failing(&Log::default(), fault).dead_letter(letters);
            for number in 0..refused.len() as u32 {
                sink.write(&event(number)).unwrap();
            }
            assert!(sink.close(LONG).is_complete());
            let letters = reader.iter().map(|letter| *letter.payload().event.payload() as usize);
            let letters: Vec<_> = letters.collect();
            let expected = (0..refused.len()).filter(|number| refused[*number]);
            assert_eq!(letters, expected.collect::<Vec<_>>());
            letters.len()
        });
        prop_assert!(letters <= 50);
    }
}
