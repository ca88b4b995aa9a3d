//! Which topic an event is published under.

use crate::cloudevents::value::{Attributes, Value};
use crate::{ResourceId, Topic};
use std::borrow::Cow;

/// Where the category of an event's topic comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Category {
    /// The same for all events.
    Fixed(Box<str>),
    /// So many of the first names in the event type, which has dots between them: of `com.github.push`, two are
    /// `com.github`. All of a shorter one.
    TypePrefix(usize),
    /// An extension, or another attribute; and what stands for events without it.
    Attribute {
        /// The attribute's name.
        name: Box<str>,
        /// The category where it is absent.
        otherwise: Box<str>,
    },
}

/// How events become topics: what of an event goes into which of a topic's five fields.
///
/// The event type is always the attribute `type`, and the source the attribute `source`. By default the category is the first
/// two names of the type, the subject is the resource, and there is no resource type.
///
/// Names come from outside, so topics are made by [`Topic::lookup`], which registers none: what nobody subscribed to by name
/// stands as "some other name", and reaches those whose filters match it anyway. However many names strangers make up, the
/// registry stays as it is.
///
/// # Examples
///
/// ```
/// use laneway::cloudevents::{CloudEvent, TopicMap};
/// use laneway::{Filter, Router};
///
/// let router = Router::<CloudEvent>::new();
/// router.subscribe(Filter::any().event_type("com.github.*"), |event| {
///     println!("{}", event.payload().event_type());
/// })?;
///
/// let map = TopicMap::new();
/// let event = CloudEvent::builder("1", "/s", "com.github.push").subject("repository/7").build()?;
/// let topic = map.topic(&event);
/// assert_eq!(topic.event_type(), "com.github.*");
/// assert_eq!(topic.resource(), Some("repository/7".into()));
/// router.publish(topic, event)?;
/// router.flush()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TopicMap {
    pub(super) category: Category,
    pub(super) resource_type: Option<Box<str>>,
    pub(super) resource: Option<Box<str>>,
}

impl Default for TopicMap {
    fn default() -> Self {
        TopicMap {
            category: Category::TypePrefix(2),
            resource_type: None,
            resource: Some("subject".into()),
        }
    }
}

impl TopicMap {
    /// The mapping described above.
    pub fn new() -> Self {
        TopicMap::default()
    }

    /// Sets where the category comes from.
    ///
    /// ```
    /// use laneway::cloudevents::{Category, CloudEvent, TopicMap};
    /// use laneway::Topic;
    ///
    /// let by_tenant = Category::Attribute { name: "tenant".into(), otherwise: "nobody".into() };
    /// let map = TopicMap::new().category(by_tenant);
    /// let known = Topic::new("nobody", "a.b")?;
    /// let event = CloudEvent::builder("1", "/s", "a.b").build()?;
    /// assert_eq!(map.topic(&event).category(), known.category());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn category(mut self, category: Category) -> Self {
        self.category = category;
        self
    }

    /// The attribute whose text is the resource type: for events of VMware Dispatch, `sourcetype`.
    #[must_use]
    pub fn resource_type_from(mut self, attribute: impl Into<String>) -> Self {
        self.resource_type = Some(attribute.into().into());
        self
    }

    /// The attribute whose text names the resource, in place of the subject.
    #[must_use]
    pub fn resource_from(mut self, attribute: impl Into<String>) -> Self {
        self.resource = Some(attribute.into().into());
        self
    }

    /// Topics without a resource: for events whose subjects nobody asks for.
    #[must_use]
    pub fn without_resource(mut self) -> Self {
        self.resource = None;
        self
    }

    /// The topic of an event. Registers no name.
    ///
    /// # Blocking and allocation
    ///
    /// As [`Topic::lookup`]: none, unless the combination of registered names is a new one. A subject that is not a UUID is
    /// hashed to one.
    pub fn topic(&self, event: &impl Attributes) -> Topic {
        let text = |name: &str| event.attribute(name).map(Value::into_text);
        let event_type = text("type").unwrap_or_default();
        let source = text("source");
        let category = match &self.category {
            Category::Fixed(category) => Cow::Borrowed(&**category),
            Category::TypePrefix(names) => Cow::Borrowed(prefix(&event_type, *names)),
            Category::Attribute { name, otherwise } => {
                text(name).unwrap_or(Cow::Borrowed(otherwise))
            }
        };
        let resource_type = self.resource_type.as_deref().and_then(text);
        let topic = Topic::lookup(
            &category,
            &event_type,
            source.as_deref(),
            resource_type.as_deref(),
        );
        match self.resource.as_deref().and_then(text) {
            Some(resource) => topic.with_resource(ResourceId::from(&*resource)),
            None => topic,
        }
    }
}

/// The first so many names of a text with dots between them.
fn prefix(text: &str, names: usize) -> &str {
    let mut dots = text.bytes().enumerate().filter(|&(_, byte)| byte == b'.');
    match names.checked_sub(1).map(|names| dots.nth(names)) {
        Some(Some((end, _))) => &text[..end],
        Some(None) => text,
        None => "",
    }
}
