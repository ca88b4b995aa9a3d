//! Which events are for a subscription now, and which of its router subscriptions brings them.
//!
//! # How an update loses nothing and doubles nothing
//!
//! A subscription of the manager has *routes*: subscriptions of the router, each with a filter that never changes. Usually
//! there is one. An event goes to the function if
//!
//! 1. its attributes are what the subscription asks for *now*, and
//! 2. it came by the *first* of the routes whose filters match its topic.
//!
//! Both are looked at under one lock, in the handler of a route. An update from a filter F to a filter G does this:
//!
//! 1. If no route's filter covers G, a new route with G is subscribed, behind the others.
//! 2. The router is flushed: what was published before the update began is handed over under F.
//! 3. Under the lock, G takes the place of F, with its function and all else. This is the moment of the update.
//! 4. Routes that can bring nothing more are unsubscribed: those that do not overlap G, and those behind one that covers G.
//!
//! Take an event, and let R be the first route that matches it. Rule 2 gives it to R and to no other route, so it is not
//! doubled. Is it lost? If F matches it, then there was a route for it before the update, and it is R, since new routes come
//! last; R lives on if G matches it too. So it is handed over once, before 3 under F or after 3 under G. If only G matches it,
//! it is handed over if it comes after 3, and it does if it is published after the update returned; if only F does, before 3,
//! and it is if it was published before the update began (step 2). Taking a route away changes which route is the first for
//! events that neither G matches nor anybody asks for until the next update, whose step 2 comes first.
//!
//! Rule 1 asks the attributes and not the topic, as a topic knows only names that were registered when it was looked up: of an
//! event whose topic is older than an update, G's filter may know nothing. Rule 2 asks the topic, as the router does. Routes are in
//! the order in which their names were registered, so a topic that a later route matches knows the names of the earlier ones.
//!
//! This holds whoever publishes on the router, through the manager or not, and no publisher is held up.

use crate::cloudevents::{Attributes, CloudEvent, Value};
use crate::manager::spec::SubscriptionSpec;
use crate::{Event, Filter, Subscription};
use std::sync::Arc;

/// More than this is a filter that was widened again and again in both of its fields.
pub(super) const MAX_ROUTES: usize = 64;

/// A subscription of the router.
#[derive(Debug)]
pub(super) struct Route {
    number: u64,
    spec: Arc<SubscriptionSpec>,
    filter: Filter,
    /// None until the router has given it.
    subscription: Option<Subscription>,
}

/// What a subscription wants, and by which ways it comes.
#[derive(Debug)]
pub(in crate::manager) struct Plan {
    pub(super) spec: Arc<SubscriptionSpec>,
    routes: Vec<Route>,
    next: u64,
    /// False before it is kept, and after it is deleted.
    pub(super) is_active: bool,
}

impl Plan {
    pub(in crate::manager) fn new(spec: Arc<SubscriptionSpec>) -> Self {
        Plan {
            spec,
            routes: Vec::new(),
            next: 0,
            is_active: false,
        }
    }

    /// Whether an event that came by a route goes to the function.
    pub(super) fn takes(&self, route: u64, event: &Event<CloudEvent>) -> bool {
        let mut routes = self.routes.iter();
        self.is_active
            && wants(self.spec.patterns(), event.payload())
            && routes
                .find(|route| route.filter.matches(event.topic()))
                .is_some_and(|first| first.number == route)
    }

    /// Whether a new route is needed for events like these.
    pub(super) fn needs_route(&self, spec: &SubscriptionSpec) -> bool {
        !(self.routes.iter()).any(|route| covers(route.spec.patterns(), spec.patterns()))
    }

    /// Adds a route at the end, and says its number; none if there are too many.
    pub(super) fn add_route(&mut self, spec: &Arc<SubscriptionSpec>) -> Option<u64> {
        if self.routes.len() >= MAX_ROUTES {
            return None;
        }
        let number = self.next;
        self.next += 1;
        self.routes.push(Route {
            number,
            spec: Arc::clone(spec),
            filter: spec.filter(),
            subscription: None,
        });
        Some(number)
    }

    /// Gives the subscription back if its route is gone.
    pub(super) fn subscribed(
        &mut self,
        number: u64,
        subscription: Subscription,
    ) -> Option<Subscription> {
        let mut routes = self.routes.iter_mut();
        match routes.find(|route| route.number == number) {
            Some(route) => route.subscription.replace(subscription),
            None => Some(subscription),
        }
    }

    /// Takes back a route that was never used: an update that failed.
    pub(super) fn remove_route(&mut self, number: u64) -> Option<Subscription> {
        let at = self
            .routes
            .iter()
            .position(|route| route.number == number)?;
        self.routes.remove(at).subscription
    }

    /// The moment of an update; gives the routes that are not needed any more.
    pub(super) fn replace(&mut self, spec: Arc<SubscriptionSpec>) -> Vec<Subscription> {
        self.spec = spec;
        let wanted = self.spec.patterns();
        let mut is_covered = false;
        let (kept, gone) = std::mem::take(&mut self.routes)
            .into_iter()
            .partition::<Vec<_>, _>(|route| {
                let is_needed = !is_covered && overlap(route.spec.patterns(), wanted);
                is_covered |= covers(route.spec.patterns(), wanted);
                is_needed
            });
        self.routes = kept;
        gone.into_iter()
            .filter_map(|route| route.subscription)
            .collect()
    }

    /// The end.
    pub(super) fn close(&mut self) -> Vec<Subscription> {
        self.is_active = false;
        let routes = self.routes.drain(..);
        routes.filter_map(|route| route.subscription).collect()
    }

    /// Whether the subscription asks for the results of functions by name, and does not just get them with all others.
    pub(super) fn asks_for(&self, namespace: &str) -> bool {
        let pattern = self.spec.event_type_pattern();
        pattern.starts_with(namespace)
    }
}

/// Whether the attributes of an event are as the patterns say.
fn wants(patterns: [&str; 3], event: &CloudEvent) -> bool {
    let source_type = event.attribute("sourcetype");
    let source_type = source_type.as_ref().map(Value::text);
    // No name, so that `*` alone matches it.
    let source_type = source_type.as_deref().unwrap_or_default();
    covers(patterns, [event.event_type(), event.source(), source_type])
}

/// Whether all that `narrow` matches, `wide` does.
fn covers(wide: [&str; 3], narrow: [&str; 3]) -> bool {
    wide.iter().zip(narrow).all(|(wide, narrow)| {
        *wide == "*"
            || *wide == narrow
            || wide
                .strip_suffix('*')
                .is_some_and(|prefix| narrow.starts_with(prefix))
    })
}

/// Whether something matches both. Of two patterns that overlap, one covers the other.
fn overlap(a: [&str; 3], b: [&str; 3]) -> bool {
    let one = |a: &str, b: &str| covers([a; 3], [b; 3]) || covers([b; 3], [a; 3]);
    a.iter().zip(b).all(|(a, b)| one(a, b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Topic;

    const PATTERNS: [&str; 8] = ["*", "a.*", "a.b", "a.b.*", "a.b.c", "ab", "a", "ab.*"];
    const NAMES: [&str; 7] = ["a", "ab", "a.b", "a.b.c", "a.c", "ab.c", "c"];

    #[test]
    fn covering_and_overlapping_is_what_filters_do() {
        for name in NAMES {
            Topic::new("plan", name).expect("a valid name");
        }
        let matched = |pattern: &str| {
            let filter = Filter::any().event_type(pattern);
            NAMES.map(|name| filter.matches(Topic::new("plan", name).expect("a valid name")))
        };
        for wide in PATTERNS {
            for narrow in PATTERNS {
                let (all, some) = (matched(wide), matched(narrow));
                let both = || all.iter().zip(some);
                // Each pattern matches one of the names, so what covers shows in them.
                let is_covered = both().all(|(wide, narrow)| *wide || !narrow);
                if covers([wide; 3], [narrow; 3]) {
                    assert!(is_covered, "{wide} {narrow}");
                }
                let do_overlap = both().any(|(wide, narrow)| *wide && narrow);
                assert_eq!(
                    overlap([wide; 3], [narrow; 3]),
                    do_overlap,
                    "{wide} {narrow}"
                );
            }
        }
        assert!(covers(["*", "*", "*"], ["a.b", "s", "*"]));
        assert!(!covers(["a.b", "s", "*"], ["a.b", "*", "*"]));
        assert!(!overlap(["a.b", "s", "*"], ["a.b", "t", "*"]));
        assert!(overlap(["a.b", "*", "t"], ["a.*", "s", "*"]));
    }
}
