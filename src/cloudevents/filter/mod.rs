//! The filter dialects of the CloudEvents Subscriptions API.

mod cover;
mod parse;

use crate::cloudevents::topic::TopicMap;
use crate::cloudevents::value::Attributes;
use crate::{Filter, SubscriptionBuilder};
use std::sync::Arc;

/// Which events a subscriber wants, as the CloudEvents Subscriptions API says it.
///
/// | dialect | what passes |
/// |---|---|
/// | `exact` | events with all these attributes, of exactly these texts |
/// | `prefix`, `suffix` | the same, for how texts begin or end |
/// | `all`, `any` | what passes all, or any, of some filters |
/// | `not` | what does not pass a filter |
///
/// Comparing is by the canonical text of an attribute, byte by byte. An attribute that an event does not have compares with
/// nothing. `sql` is not known yet; other dialects neither, and are refused.
///
/// A router finds subscribers by topic, not by attribute. [`subscribe`](Self::subscribe) turns what topics can express into
/// [filters](Filter), so that publishers and shards pass over other events without looking at them, and the rest into a
/// predicate.
///
/// # Examples
///
/// ```
/// use laneway::Router;
/// use laneway::cloudevents::{CloudEvent, EventFilter, TopicMap};
///
/// let filter = EventFilter::from_json(
///     r#"[{"prefix": {"type": "com.github."}}, {"not": {"suffix": {"source": "/test"}}}]"#,
/// )?;
/// let (router, map) = (Router::<CloudEvent>::new(), TopicMap::new());
/// let pushes = filter.subscribe(router.subscription(), &map).handler(|event| {
///     println!("{}", event.payload().id());
/// })?;
/// for source in ["/real", "/test"] {
///     let event = CloudEvent::builder("1", source, "com.github.push").build()?;
///     router.publish(map.topic(&event), event)?;
/// }
/// router.flush()?;
/// assert_eq!(pushes.stats().handled, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventFilter(Arc<Dialect>);

/// A filter in one of the dialects. `sql` will be one more.
#[derive(Debug, PartialEq, Eq)]
enum Dialect {
    Compare(Comparison, Wanted),
    All(Box<[EventFilter]>),
    Any(Box<[EventFilter]>),
    Not(EventFilter),
}

/// Names of attributes and what their texts are compared with.
type Wanted = Box<[(Box<str>, Box<str>)]>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Exact,
    Prefix,
    Suffix,
}

/// What a router needs to know of an [`EventFilter`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Plan {
    /// Together they match the topic of each event that passes, and perhaps of others. Never empty.
    pub filters: Vec<Filter>,
    /// Whether they match no other, so that no predicate is needed.
    pub is_exact: bool,
}

impl EventFilter {
    /// Whether the event passes.
    ///
    /// ```
    /// use laneway::cloudevents::{CloudEvent, EventFilter};
    ///
    /// let filter = EventFilter::from_json(r#"{"any": [{"exact": {"id": "1"}}, {"exact": {"subject": "x"}}]}"#)?;
    /// assert!(filter.matches(&CloudEvent::builder("1", "/s", "a.b").build()?));
    /// assert!(!filter.matches(&CloudEvent::builder("2", "/s", "a.b").build()?));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn matches(&self, event: &impl Attributes) -> bool {
        match &*self.0 {
            Dialect::Compare(comparison, wanted) => wanted.iter().all(|(name, wanted)| {
                event
                    .attribute(name)
                    .is_some_and(|value| comparison.holds(&value.text(), wanted))
            }),
            Dialect::All(filters) => filters.iter().all(|filter| filter.matches(event)),
            Dialect::Any(filters) => filters.iter().any(|filter| filter.matches(event)),
            Dialect::Not(filter) => !filter.matches(event),
        }
    }

    /// What of this a router can express, where `map` makes the topics.
    ///
    /// An exact type, source, resource type or resource, and a prefix that ends with a dot, become fields of filters. A prefix
    /// that ends elsewhere becomes the one up to its last dot, and needs the predicate too.
    ///
    /// ```
    /// use laneway::Filter;
    /// use laneway::cloudevents::{EventFilter, TopicMap};
    ///
    /// let filter = EventFilter::from_json(r#"{"prefix": {"type": "com.github."}}"#)?;
    /// let plan = filter.plan(&TopicMap::new());
    /// assert_eq!(plan.filters, [Filter::any().event_type("com.github.*")]);
    /// assert!(plan.is_exact);
    /// # Ok::<(), laneway::cloudevents::ParseError>(())
    /// ```
    pub fn plan(&self, map: &TopicMap) -> Plan {
        cover::plan(self, map)
    }

    /// Gives a subscription the filters of the [plan](Self::plan), and a predicate unless they are exact.
    ///
    /// Events must be published under topics that `map` makes, and made after this subscription is there: a topic that was
    /// looked up before does not have the names that the filters register.
    pub fn subscribe<'a, E>(
        &self,
        subscription: SubscriptionBuilder<'a, E>,
        map: &TopicMap,
    ) -> SubscriptionBuilder<'a, E>
    where
        E: Attributes + Clone + Send + 'static,
    {
        let plan = self.plan(map);
        let subscription = plan
            .filters
            .into_iter()
            .fold(subscription, SubscriptionBuilder::filter);
        if plan.is_exact {
            return subscription;
        }
        let filter = self.clone();
        subscription.when(move |event| filter.matches(event.payload()))
    }

    fn of(dialect: Dialect) -> Self {
        EventFilter(Arc::new(dialect))
    }
}

impl Comparison {
    fn holds(self, text: &str, wanted: &str) -> bool {
        match self {
            Comparison::Exact => text == wanted,
            Comparison::Prefix => text.starts_with(wanted),
            Comparison::Suffix => text.ends_with(wanted),
        }
    }
}
