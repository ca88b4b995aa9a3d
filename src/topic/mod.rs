//! The address of an event: the number of a class, and a resource id.

pub(crate) mod interner;
pub(crate) mod names;
pub(crate) mod registry;
pub(crate) mod resource;

use crate::error::TopicError;
use crate::topic::names::{ClassId, NameId};
use crate::topic::resource::ResourceId;
use std::fmt;

/// The address of an event: category, event type, and optionally source, resource type and resource.
///
/// The four text fields become one number when the topic is built, so a topic is a small plain value: 20 bytes, without
/// a lifetime, and the same for all routers of a process. Build topics once and keep them; what changes from event to
/// event is the resource, set by [`with_resource`](Topic::with_resource).
///
/// The names of topics are registered for the whole process and never given back. Their number is limited (see
/// [`registry_stats`](crate::registry_stats)); names that come from outside go through [`lookup`](Topic::lookup), which
/// registers none.
///
/// # Examples
///
/// ```
/// use laneway::Topic;
///
/// let started = Topic::builder("compute", "VM.START")
///     .source("ms1")
///     .resource_type("VirtualMachine")
///     .build()?;
/// let topic = started.with_resource(7);
/// assert_eq!(topic.event_type(), "VM.START");
/// assert_eq!(topic.resource(), Some(7.into()));
/// # Ok::<(), laneway::TopicError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[repr(C)]
pub struct Topic {
    /// The class, and `HAS_RESOURCE` on top of it.
    word: u32,
    /// Zero where `HAS_RESOURCE` is not set, so that comparing all bits compares topics.
    resource: ResourceId,
}

const HAS_RESOURCE: u32 = 1 << 31;

const _: () = assert!(size_of::<Topic>() == 20 && align_of::<Topic>() == 4);

impl Topic {
    /// A topic with a category and an event type.
    ///
    /// # Errors
    ///
    /// [`TopicError`] if a name is empty, longer than 256 bytes or contains a `*`, or if the registry is full.
    ///
    /// # Blocking and allocation
    ///
    /// None for a combination that was registered before: three hash look-ups. A new one takes the registry's lock.
    ///
    /// # Examples
    ///
    /// ```
    /// let topic = laneway::Topic::new("compute", "VM.START")?;
    /// assert_eq!(topic.category(), "compute");
    /// assert_eq!(topic.to_string(), "compute/VM.START");
    /// # Ok::<(), laneway::TopicError>(())
    /// ```
    pub fn new(
        category: impl AsRef<str>,
        event_type: impl AsRef<str>,
    ) -> Result<Topic, TopicError> {
        let texts = [
            Some(category.as_ref()),
            Some(event_type.as_ref()),
            None,
            None,
        ];
        registry::register(texts).map(Topic::of_class)
    }

    /// Begins a topic with more than a category and an event type.
    ///
    /// # Examples
    ///
    /// ```
    /// let topic = laneway::Topic::builder("compute", "VM.START").source("ms1").build()?;
    /// assert_eq!(topic.source(), Some("ms1"));
    /// # Ok::<(), laneway::TopicError>(())
    /// ```
    pub fn builder(category: impl Into<String>, event_type: impl Into<String>) -> TopicBuilder {
        TopicBuilder {
            category: category.into(),
            event_type: event_type.into(),
            source: None,
            resource_type: None,
            resource: None,
        }
    }

    /// A topic with names from outside, none of which it registers.
    ///
    /// A name that is not registered, by a topic or by a filter that was subscribed, stands as "some name under its
    /// longest registered prefix", and reads as that prefix and `.*`, or as `*`. The topic matches exactly those
    /// subscribed filters that would match the full names at this moment; it does not change when the names are
    /// registered later. Text that cannot be a name (empty, too long, with a star) is a name that is not registered.
    ///
    /// A combination of fields that is new takes one of 2^18 places for such topics. When they are used up, the topic
    /// is `*` in all four fields and matches only filters without text.
    ///
    /// # Blocking and allocation
    ///
    /// None for a combination that was there before, or when the places are used up. A new one takes the registry's
    /// lock. A text costs one hash look-up for each of its registered prefixes and one more, whatever its length.
    ///
    /// # Examples
    ///
    /// ```
    /// use laneway::{Filter, Topic};
    ///
    /// let known = Topic::new("compute", "VM.START")?;
    /// assert_eq!(Topic::lookup("compute", "VM.START", None, None), known);
    ///
    /// let strange = Topic::lookup("compute", "VM.EXPLODE", None, None);
    /// assert_eq!(strange.event_type(), "VM.*");
    /// assert!(Filter::any().event_type("VM.*").matches(strange));
    /// # Ok::<(), laneway::TopicError>(())
    /// ```
    pub fn lookup(
        category: &str,
        event_type: &str,
        source: Option<&str>,
        resource_type: Option<&str>,
    ) -> Topic {
        let texts = [Some(category), Some(event_type), source, resource_type];
        Topic::of_class(registry::lookup(texts))
    }

    /// This topic about the given resource.
    ///
    /// Cannot fail, and is made for the hot path: a few moves, unless the resource id is made from text here.
    ///
    /// # Examples
    ///
    /// ```
    /// let started = laneway::Topic::new("compute", "VM.START")?;
    /// assert_eq!(started.with_resource(1).resource(), Some(1.into()));
    /// assert_eq!(started.resource(), None);
    /// # Ok::<(), laneway::TopicError>(())
    /// ```
    #[inline]
    #[must_use]
    pub fn with_resource(self, resource: impl Into<ResourceId>) -> Topic {
        Topic {
            word: self.word | HAS_RESOURCE,
            resource: resource.into(),
        }
    }

    /// The same topic without a resource: what events about different resources have in common, for example as a key.
    ///
    /// # Examples
    ///
    /// ```
    /// let started = laneway::Topic::new("compute", "VM.START")?;
    /// assert_eq!(started.with_resource(1).without_resource(), started);
    /// # Ok::<(), laneway::TopicError>(())
    /// ```
    #[inline]
    #[must_use]
    pub fn without_resource(self) -> Topic {
        Topic {
            word: self.word & !HAS_RESOURCE,
            resource: ResourceId::from_u128(0),
        }
    }

    /// The category: a few dependent loads, no lock.
    ///
    /// # Examples
    ///
    /// ```
    /// let topic = laneway::Topic::new("compute", "VM.START")?;
    /// assert_eq!(topic.category(), "compute");
    /// # Ok::<(), laneway::TopicError>(())
    /// ```
    pub fn category(self) -> &'static str {
        registry::text_of(self.names()[0])
    }

    /// The event type: a few dependent loads, no lock.
    ///
    /// # Examples
    ///
    /// ```
    /// let topic = laneway::Topic::new("compute", "VM.START")?;
    /// assert_eq!(topic.event_type(), "VM.START");
    /// # Ok::<(), laneway::TopicError>(())
    /// ```
    pub fn event_type(self) -> &'static str {
        registry::text_of(self.names()[1])
    }

    /// The source, if it is set: a few dependent loads, no lock.
    ///
    /// # Examples
    ///
    /// ```
    /// let topic = laneway::Topic::builder("compute", "VM.START").source("ms1").build()?;
    /// assert_eq!(topic.source(), Some("ms1"));
    /// # Ok::<(), laneway::TopicError>(())
    /// ```
    pub fn source(self) -> Option<&'static str> {
        text_if_set(self.names()[2])
    }

    /// The resource type, if it is set: a few dependent loads, no lock.
    ///
    /// # Examples
    ///
    /// ```
    /// let topic = laneway::Topic::builder("compute", "VM.START").resource_type("Disk").build()?;
    /// assert_eq!(topic.resource_type(), Some("Disk"));
    /// # Ok::<(), laneway::TopicError>(())
    /// ```
    pub fn resource_type(self) -> Option<&'static str> {
        text_if_set(self.names()[3])
    }

    /// The resource, if it is set.
    ///
    /// # Examples
    ///
    /// ```
    /// let topic = laneway::Topic::new("compute", "VM.START")?.with_resource(1);
    /// assert_eq!(topic.resource(), Some(1.into()));
    /// # Ok::<(), laneway::TopicError>(())
    /// ```
    #[inline]
    pub fn resource(self) -> Option<ResourceId> {
        self.has_resource().then_some(self.resource)
    }

    /// The number of the four text fields.
    #[inline]
    pub(crate) fn class(self) -> ClassId {
        ClassId(self.word & !HAS_RESOURCE)
    }

    /// The class, and whether there is a resource: what the events of a run have in common.
    #[inline(always)]
    pub(crate) fn kind(self) -> u32 {
        self.word
    }

    fn of_class(class: ClassId) -> Topic {
        debug_assert!(
            class.0 < HAS_RESOURCE,
            "far more than the registry's limits"
        );
        Topic {
            word: class.0,
            resource: ResourceId::from_u128(0),
        }
    }

    #[inline(always)]
    pub(crate) fn has_resource(self) -> bool {
        self.word & HAS_RESOURCE != 0
    }

    /// As scalars, which are passed in registers.
    #[inline(always)]
    pub(crate) fn into_parts(self) -> (u32, u64, u64) {
        let (high, low) = self.resource.into_halves();
        (self.word, high, low)
    }

    #[inline(always)]
    pub(crate) fn from_parts(word: u32, high: u64, low: u64) -> Self {
        let resource = ResourceId::from_halves(high, low);
        Topic { word, resource }
    }

    fn names(self) -> [NameId; 4] {
        registry::class(self.class())
    }
}

fn text_if_set(name: NameId) -> Option<&'static str> {
    (name != NameId::ABSENT).then(|| registry::text_of(name))
}

impl fmt::Display for Topic {
    /// `category/event type source=source resource type:resource`, without what is not set.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.category(), self.event_type())?;
        if let Some(source) = self.source() {
            write!(f, " source={source}")?;
        }
        match (self.resource_type(), self.resource()) {
            (Some(kind), Some(resource)) => write!(f, " {kind}:{resource}"),
            (Some(kind), None) => write!(f, " {kind}"),
            (None, Some(resource)) => write!(f, " {resource}"),
            (None, None) => Ok(()),
        }
    }
}

impl fmt::Debug for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Topic({self})")
    }
}

/// Builds a [`Topic`] with optional fields.
///
/// # Examples
///
/// ```
/// use laneway::Topic;
///
/// let topic = Topic::builder("compute", "VM.START").source("ms1").resource(7).build()?;
/// assert_eq!(topic.source(), Some("ms1"));
/// assert_eq!(topic.resource_type(), None);
/// # Ok::<(), laneway::TopicError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct TopicBuilder {
    category: String,
    event_type: String,
    source: Option<String>,
    resource_type: Option<String>,
    resource: Option<ResourceId>,
}

impl TopicBuilder {
    /// Sets who publishes. What has many values belongs in the resource.
    ///
    /// # Examples
    ///
    /// ```
    /// let topic = laneway::Topic::builder("compute", "VM.START").source("ms1").build()?;
    /// assert_eq!(topic.to_string(), "compute/VM.START source=ms1");
    /// # Ok::<(), laneway::TopicError>(())
    /// ```
    pub fn source(mut self, source: impl Into<String>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Sets the kind of the resource.
    ///
    /// # Examples
    ///
    /// ```
    /// let topic = laneway::Topic::builder("compute", "VM.START").resource_type("Disk").build()?;
    /// assert_eq!(topic.to_string(), "compute/VM.START Disk");
    /// # Ok::<(), laneway::TopicError>(())
    /// ```
    pub fn resource_type(mut self, resource_type: impl Into<String>) -> Self {
        self.resource_type = Some(resource_type.into());
        self
    }

    /// Sets the resource.
    ///
    /// # Examples
    ///
    /// ```
    /// let topic = laneway::Topic::builder("compute", "VM.START").resource(7).build()?;
    /// assert_eq!(topic.resource(), Some(7.into()));
    /// # Ok::<(), laneway::TopicError>(())
    /// ```
    pub fn resource(mut self, resource: impl Into<ResourceId>) -> Self {
        self.resource = Some(resource.into());
        self
    }

    /// Makes the topic, and registers its names if they are new.
    ///
    /// # Errors
    ///
    /// [`TopicError`] if a name is empty, longer than 256 bytes or contains a `*`, or if the registry is full.
    ///
    /// # Blocking and allocation
    ///
    /// None for a combination that was registered before. A new one takes the registry's lock.
    ///
    /// # Examples
    ///
    /// ```
    /// use laneway::{Field, Topic, TopicError};
    ///
    /// let error = Topic::builder("compute", "VM.START").source("").build().unwrap_err();
    /// assert_eq!(error, TopicError::Empty { field: Field::Source });
    /// ```
    pub fn build(self) -> Result<Topic, TopicError> {
        let source = self.source.as_deref();
        let resource_type = self.resource_type.as_deref();
        let texts = [
            Some(&*self.category),
            Some(&*self.event_type),
            source,
            resource_type,
        ];
        let topic = Topic::of_class(registry::register(texts)?);
        Ok(match self.resource {
            Some(resource) => topic.with_resource(resource),
            None => topic,
        })
    }
}
