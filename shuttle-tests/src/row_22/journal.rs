//! When what began and returned, and what follows from that: the oracle of rows 2 to 4.

use super::Log;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// From before a call to after it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    from: u64,
    to: u64,
}

/// The end of an actor.
#[derive(Clone, Copy, Debug)]
struct End {
    /// What was published before this is handled.
    flushed: u64,
    unsubscribing: Span,
}

#[derive(Clone, Default)]
pub(super) struct Journal {
    clock: Arc<AtomicU64>,
    published: Log<(u64, Span)>,
    subscribed: Log<(usize, Span)>,
    ended: Log<(usize, End)>,
    delivered: Log<(usize, u64)>,
}

/// Events are numbered by fours, one four for each publisher, in the order in which they are published.
const EACH: u64 = 4;

impl Journal {
    fn now(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::Relaxed)
    }

    fn span<T>(&self, call: impl FnOnce() -> T) -> (Span, T) {
        let from = self.now();
        let result = call();
        let to = self.now();
        (Span { from, to }, result)
    }

    pub(super) fn publish<T>(&self, event: u64, call: impl FnOnce() -> T) -> T {
        let (span, result) = self.span(call);
        self.published.push((event, span));
        result
    }

    pub(super) fn subscribe<T>(&self, actor: usize, call: impl FnOnce() -> T) -> T {
        let (span, result) = self.span(call);
        self.subscribed.push((actor, span));
        result
    }

    /// Here what is queued may be lost.
    pub(super) fn unsubscribe(&self, actor: usize, call: impl FnOnce()) {
        let (unsubscribing, ()) = self.span(call);
        self.ended.push((
            actor,
            End {
                flushed: 0,
                unsubscribing,
            },
        ));
    }

    /// Here it is handled before.
    pub(super) fn flush_and_unsubscribe(
        &self,
        actor: usize,
        flush: impl FnOnce(),
        call: impl FnOnce(),
    ) {
        let flushed = self.now();
        flush();
        let (unsubscribing, ()) = self.span(call);
        self.ended.push((
            actor,
            End {
                flushed,
                unsubscribing,
            },
        ));
    }

    pub(super) fn deliver(&self, actor: usize, event: u64) {
        self.delivered.push((actor, event));
    }

    /// Once all is handled. Each delivery is of an actor that lived at some time of the publish and wants the event; who lived
    /// all the time has it; nobody has it twice; and of each publisher an actor has all from one event to another. Says how
    /// many there were.
    pub(super) fn check(&self, wants: impl Fn(usize, u64) -> bool) -> usize {
        let mut published = self.published.take();
        published.sort_unstable_by_key(|(event, _)| *event);
        let ended = self.ended.take();
        let delivered = self.delivered.take();
        let never = Span {
            from: u64::MAX,
            to: u64::MAX,
        };
        for (actor, subscribing) in self.subscribed.take() {
            let end = ended.iter().find(|(other, _)| *other == actor);
            let end = end.map_or(
                End {
                    flushed: u64::MAX,
                    unsubscribing: never,
                },
                |(_, end)| *end,
            );
            // Publisher by publisher, who has its events.
            let mut has = vec![Vec::new(); 8];
            for &(event, publishing) in &published {
                let times = delivered
                    .iter()
                    .filter(|&&one| one == (actor, event))
                    .count();
                let may =
                    publishing.to > subscribing.from && publishing.from < end.unsubscribing.to;
                let must = publishing.from > subscribing.to && publishing.to < end.flushed;
                let (least, most) = match wants(actor, event) {
                    true => (usize::from(must), usize::from(may)),
                    false => (0, 0),
                };
                assert!(
                    (least..=most).contains(&times),
                    "{actor} has {event} {times} times, and should have it {least} to {most} times: published \
                     {publishing:?}, subscribed {subscribing:?}, ended {end:?}"
                );
                if wants(actor, event) {
                    has[(event / EACH) as usize].push(times == 1);
                }
            }
            for has in has {
                let parts = has.chunk_by(|a, b| a == b).filter(|part| part[0]).count();
                assert!(parts <= 1, "{actor} has a gap: {has:?}");
            }
        }
        delivered.len()
    }
}
