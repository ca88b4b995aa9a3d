//! Matching as CloudStack's bus inside the process does it.

use super::key::{UNSET, set};
use crate::{Event, Filter, ResourceId, SubscriptionBuilder, Topic};
use std::collections::HashMap;

/// A topic that matches by CloudStack's rules, for subscribers that come from there. Routers do not match so.
///
/// | | a [`Filter`] | this |
/// |---|---|---|
/// | capitals | count | do not |
/// | `.` and `-` | differ | are the same |
/// | a field that the filter names and the event does not have | does not match | matches |
/// | `VM.*` | `VM.START`, `VM.STOP` and so on | nothing: there are no prefixes |
/// | `""` | an error | anything, as `*` |
/// | what it costs | nothing that grows with the number of subscribers | a predicate for each event of the router |
/// | names that [`Topic::lookup`] did not find | match the filters that their text would | match where the field is open |
///
/// Resources are compared as ids, so ones that are no UUIDs must be written alike. Events from brokers reach it by
/// [`Topic::from_routing_key`], which finds the names that it asks for, as they are written here.
///
/// # Examples
///
/// ```
/// use laneway::Topic;
/// use laneway::cloudstack::Compatible;
///
/// let topic = Compatible::any().event_type("vm-start").resource_type("VirtualMachine");
/// assert!(topic.matches(Topic::new("ActionEvent", "VM.START")?));
/// assert!(!topic.matches(Topic::new("ActionEvent", "VM.STOP")?));
/// # Ok::<(), laneway::TopicError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[must_use = "it does nothing until it is subscribed"]
pub struct Compatible {
    category: Option<Box<str>>,
    event_type: Option<Box<str>>,
    source: Option<Box<str>>,
    resource_type: Option<Box<str>>,
    resource: Option<ResourceId>,
}

/// How many combinations of names a predicate remembers.
const REMEMBERED: usize = 4096;

impl Compatible {
    /// What matches everything.
    pub fn any() -> Self {
        Compatible::default()
    }

    /// Sets the category. Here and below, `""` and `*` are anything.
    pub fn category(mut self, category: impl AsRef<str>) -> Self {
        self.category = set(Some(category.as_ref())).map(Into::into);
        self
    }

    /// Sets the event type.
    pub fn event_type(mut self, event_type: impl AsRef<str>) -> Self {
        self.event_type = set(Some(event_type.as_ref())).map(Into::into);
        self
    }

    /// Sets the source.
    pub fn source(mut self, source: impl AsRef<str>) -> Self {
        self.source = set(Some(source.as_ref())).map(Into::into);
        self
    }

    /// Sets the resource type.
    pub fn resource_type(mut self, resource_type: impl AsRef<str>) -> Self {
        self.resource_type = set(Some(resource_type.as_ref())).map(Into::into);
        self
    }

    /// Sets the resource, usually the text of a UUID.
    pub fn resource(mut self, resource: impl AsRef<str>) -> Self {
        self.resource = set(Some(resource.as_ref())).map(Into::into);
        self
    }

    /// Whether an event with this topic is for it. Allocates nothing.
    pub fn matches(&self, topic: Topic) -> bool {
        self.matches_names(topic) && self.matches_resource(topic)
    }

    fn matches_names(&self, topic: Topic) -> bool {
        let required = |name| Some(name).filter(|&name| name != UNSET);
        let pairs = [
            (&self.category, required(topic.category())),
            (&self.event_type, required(topic.event_type())),
            (&self.source, topic.source()),
            (&self.resource_type, topic.resource_type()),
        ];
        pairs.into_iter().all(|pair| match pair {
            // A name that was looked up and not found ends in a star: nobody knows what it is.
            (Some(asked), Some(name)) => !name.ends_with('*') && alike(asked, name),
            _ => true,
        })
    }

    fn matches_resource(&self, topic: Topic) -> bool {
        match (self.resource, topic.resource()) {
            (Some(asked), Some(resource)) => asked == resource,
            _ => true,
        }
    }

    /// Sets up a subscription for it. Use [`predicate`](Self::predicate) if the builder has one already.
    ///
    /// Since fields that an event does not have match too, no index narrows the search: the filter is [`Filter::any`], and
    /// the rest a predicate on the shard.
    ///
    /// ```
    /// use laneway::cloudstack::Compatible;
    /// use laneway::{Router, Topic};
    ///
    /// let router = Router::<u32>::new();
    /// let starts = Compatible::any().event_type("vm-start");
    /// let subscription = starts.attach(router.subscription()).handler(|event| println!("{event:?}"))?;
    /// router.publish(Topic::new("ActionEvent", "VM.START")?, 1)?;
    /// router.publish(Topic::new("ActionEvent", "VM.STOP")?, 2)?;
    /// router.flush()?;
    /// assert_eq!(subscription.stats().matched, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn attach<'a, E: Clone + Send + 'static>(
        &self,
        builder: SubscriptionBuilder<'a, E>,
    ) -> SubscriptionBuilder<'a, E> {
        let mut matches = self.predicate();
        builder
            .filter(Filter::any())
            .filter(self.names())
            .when(move |event: &Event<E>| matches(event.topic()))
    }

    /// A filter that adds nothing to [`Filter::any`] but registers the names, so that topics from outside have them.
    fn names(&self) -> Filter {
        let fields = [
            &self.category,
            &self.event_type,
            &self.source,
            &self.resource_type,
        ];
        let [category, event_type, source, resource_type] = fields.map(|field| {
            let name = field.as_deref().filter(|&name| {
                // What cannot be a name of a topic is no reason not to subscribe; it matches what lacks the field.
                crate::topic::names::check_name(name).is_ok()
            });
            name.unwrap_or("*")
        });
        let names = Filter::any().category(category).event_type(event_type);
        names.source(source).resource_type(resource_type)
    }

    /// [`matches`](Self::matches) that remembers what it found for the first 4096 combinations of names, which saves most of
    /// the work.
    pub fn predicate(&self) -> impl FnMut(Topic) -> bool + Send + 'static {
        let this = self.clone();
        let mut remembered = HashMap::new();
        move |topic| {
            let class = topic.without_resource();
            let names = match remembered.get(&class) {
                Some(&names) => names,
                None => {
                    let names = this.matches_names(class);
                    if remembered.len() < REMEMBERED {
                        remembered.insert(class, names);
                    }
                    names
                }
            };
            names && this.matches_resource(topic)
        }
    }
}

/// Whether two names are the same but for capitals, dots and dashes.
fn alike(one: &str, other: &str) -> bool {
    let plain = |text| {
        let chars = str::chars(text).map(|c| if c == '.' { '-' } else { c });
        chars.flat_map(char::to_lowercase)
    };
    plain(one).eq(plain(other))
}
