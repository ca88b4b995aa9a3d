//! What a subscriber asks for: patterns over the four text fields, and a resource.

use crate::error::{Field, FilterError, TopicError};
use crate::topic::Topic;
use crate::topic::names::{Fault, Fields, NameId, check_name};
use crate::topic::registry;
use crate::topic::resource::ResourceId;
use std::fmt;

/// Which events a subscription wants: a pattern for each of the fields of a [`Topic`].
///
/// A text field takes one of three patterns:
///
/// * `"VM.START"` matches that name.
/// * `"VM.*"` matches the names that start with `VM.`, such as `VM.START` and `VM.SNAPSHOT.CREATE`, but not `VM`.
/// * `"*"` matches anything, as does a field that is not set; also topics in which the field is absent.
///
/// Filters are built without errors. [`check`](Filter::check) says what is wrong with one, subscribing reports the
/// same, and a filter with an error matches nothing. The names of a filter are registered when it is subscribed.
///
/// # Examples
///
/// ```
/// use laneway::{Filter, Topic};
///
/// let filter = Filter::any().category("compute").event_type("VM.*");
/// assert!(filter.matches(Topic::new("compute", "VM.START")?));
/// assert!(filter.matches(Topic::new("compute", "VM.SNAPSHOT.CREATE")?.with_resource(7)));
/// assert!(!filter.matches(Topic::new("compute", "VM")?));
/// # Ok::<(), laneway::TopicError>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq, Hash)]
#[must_use = "a filter does nothing until it is subscribed"]
pub struct Filter {
    /// In the order of [`Field::ALL`]. Never `"*"`, which is the same as not set.
    texts: [Option<Box<str>>; 4],
    pub(crate) resource: Option<ResourceId>,
}

impl Filter {
    /// The filter that matches every event.
    ///
    /// # Examples
    ///
    /// ```
    /// use laneway::{Filter, Topic};
    ///
    /// assert!(Filter::any().matches(Topic::new("compute", "VM.START")?));
    /// # Ok::<(), laneway::TopicError>(())
    /// ```
    pub fn any() -> Filter {
        Filter::default()
    }

    /// The filter with all fields that `topic` has set, its resource included.
    ///
    /// Fields that the topic leaves out are not set, so events that have them match too. A name that
    /// [`Topic::lookup`] did not find is the prefix pattern it stands for.
    ///
    /// # Examples
    ///
    /// ```
    /// use laneway::{Filter, Topic};
    ///
    /// let topic = Topic::new("compute", "VM.START")?;
    /// let filter = Filter::exact(topic);
    /// assert_eq!(filter, Filter::any().category("compute").event_type("VM.START"));
    /// assert!(filter.matches(topic.with_resource(7)));
    /// # Ok::<(), laneway::TopicError>(())
    /// ```
    pub fn exact(topic: Topic) -> Filter {
        Filter {
            texts: texts_of(topic).map(|text| text.and_then(normal)),
            resource: topic.resource(),
        }
    }

    /// Sets the pattern for the category.
    ///
    /// # Examples
    ///
    /// ```
    /// use laneway::{Filter, Topic};
    ///
    /// let filter = Filter::any().category("compute");
    /// assert!(!filter.matches(Topic::new("network", "IP.ASSIGN")?));
    /// # Ok::<(), laneway::TopicError>(())
    /// ```
    pub fn category(self, pattern: impl Into<String>) -> Filter {
        self.with(0, pattern.into())
    }

    /// Sets the pattern for the event type.
    ///
    /// # Examples
    ///
    /// ```
    /// use laneway::{Filter, Topic};
    ///
    /// let filter = Filter::any().event_type("VM.*");
    /// assert!(filter.matches(Topic::new("compute", "VM.START")?));
    /// # Ok::<(), laneway::TopicError>(())
    /// ```
    pub fn event_type(self, pattern: impl Into<String>) -> Filter {
        self.with(1, pattern.into())
    }

    /// Sets the pattern for the source.
    ///
    /// # Examples
    ///
    /// ```
    /// use laneway::{Filter, Topic};
    ///
    /// let filter = Filter::any().source("ms1");
    /// assert!(!filter.matches(Topic::new("compute", "VM.START")?));
    /// # Ok::<(), laneway::TopicError>(())
    /// ```
    pub fn source(self, pattern: impl Into<String>) -> Filter {
        self.with(2, pattern.into())
    }

    /// Sets the pattern for the resource type.
    ///
    /// # Examples
    ///
    /// ```
    /// use laneway::{Filter, Topic};
    ///
    /// let filter = Filter::any().resource_type("Disk");
    /// let topic = Topic::builder("storage", "ATTACH").resource_type("Disk").build()?;
    /// assert!(filter.matches(topic));
    /// # Ok::<(), laneway::TopicError>(())
    /// ```
    pub fn resource_type(self, pattern: impl Into<String>) -> Filter {
        self.with(3, pattern.into())
    }

    /// Sets the resource. There are no patterns for resources.
    ///
    /// # Examples
    ///
    /// ```
    /// use laneway::{Filter, Topic};
    ///
    /// let topic = Topic::new("compute", "VM.START")?;
    /// let filter = Filter::any().resource(7);
    /// assert!(filter.matches(topic.with_resource(7)));
    /// assert!(!filter.matches(topic));
    /// # Ok::<(), laneway::TopicError>(())
    /// ```
    pub fn resource(mut self, resource: impl Into<ResourceId>) -> Filter {
        self.resource = Some(resource.into());
        self
    }

    /// Says what is wrong with the filter, if anything.
    ///
    /// # Errors
    ///
    /// [`FilterError`] for the first field that is empty, too long, or has a star in a place that has no meaning.
    ///
    /// # Examples
    ///
    /// ```
    /// use laneway::{Field, Filter, FilterError};
    ///
    /// assert_eq!(Filter::any().event_type("VM.*").check(), Ok(()));
    /// let error = FilterError::Empty { field: Field::Source };
    /// assert_eq!(Filter::any().source(".*").check(), Err(error));
    /// ```
    pub fn check(&self) -> Result<(), FilterError> {
        for (field, text) in self.patterns() {
            check_name(text.strip_suffix(".*").unwrap_or(text)).map_err(|fault| match fault {
                Fault::Empty => FilterError::Empty { field },
                Fault::TooLong { bytes } => FilterError::TooLong { field, bytes },
                Fault::Star => FilterError::Star { field },
            })?;
        }
        Ok(())
    }

    /// Whether an event with this topic is for the filter.
    ///
    /// This is the meaning of filters, spelled out: it compares text with text, and routers are tested against it. They
    /// find their subscribers in another way, whose cost does not grow with the number of filters.
    ///
    /// # Examples
    ///
    /// ```
    /// use laneway::{Filter, Topic};
    ///
    /// let filter = Filter::any().event_type("VM.*");
    /// assert!(filter.matches(Topic::new("compute", "VM.START")?));
    /// assert!(!filter.matches(Topic::new("compute", "VMX.START")?));
    /// # Ok::<(), laneway::TopicError>(())
    /// ```
    pub fn matches(&self, topic: Topic) -> bool {
        let text_matches = |(pattern, text): (&Option<Box<str>>, Option<&str>)| match pattern {
            None => true,
            Some(pattern) => text.is_some_and(|text| match pattern.strip_suffix('*') {
                // With its dot. A looked-up name under `P` reads `P.*`, and so starts with what `P` and those above it
                // ask for.
                Some(prefix) => text.starts_with(prefix),
                None => text == &**pattern,
            }),
        };
        self.check().is_ok()
            && self.texts.iter().zip(texts_of(topic)).all(text_matches)
            && (self.resource.is_none() || self.resource == topic.resource())
    }

    /// The patterns of the text fields that are set.
    pub(crate) fn patterns(&self) -> impl Iterator<Item = (Field, &str)> {
        let all = Field::ALL.into_iter().zip(&self.texts);
        all.filter_map(|(field, text)| Some((field, text.as_deref()?)))
    }

    /// The filter in numbers. Registers its names.
    pub(crate) fn compile(&self) -> Result<FilterKey, CompileError> {
        self.check().map_err(CompileError::Filter)?;
        let mut pattern = [NameId::ANY; 4];
        for (name, text) in pattern.iter_mut().zip(&self.texts) {
            let Some(text) = text else { continue };
            *name = match text.strip_suffix(".*") {
                Some(prefix) => registry::register_name(prefix).map(NameId::under),
                None => registry::register_name(text),
            }
            .map_err(CompileError::Registry)?;
        }
        Ok(FilterKey {
            pattern: Pattern(Fields(pattern)),
            resource: self.resource,
        })
    }

    fn with(mut self, field: usize, pattern: String) -> Filter {
        self.texts[field] = normal(&pattern);
        self
    }
}

/// The one form of patterns that mean the same.
fn normal(pattern: &str) -> Option<Box<str>> {
    (pattern != "*").then(|| pattern.into())
}

fn texts_of(topic: Topic) -> [Option<&'static str>; 4] {
    [
        Some(topic.category()),
        Some(topic.event_type()),
        topic.source(),
        topic.resource_type(),
    ]
}

/// The fields that are set, by name.
impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut filter = f.debug_struct("Filter");
        let names = ["category", "event_type", "source", "resource_type"];
        for (name, text) in names.into_iter().zip(&self.texts) {
            if let Some(text) = text {
                filter.field(name, text);
            }
        }
        if let Some(resource) = self.resource {
            filter.field("resource", &resource);
        }
        filter.finish()
    }
}

impl fmt::Display for Filter {
    /// `field=pattern` for each field that is set, or `any`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let labels = ["category", "event_type", "source", "resource_type"];
        let mut gap = "";
        for (label, text) in labels.into_iter().zip(&self.texts) {
            if let Some(text) = text {
                write!(f, "{gap}{label}={text}")?;
                gap = " ";
            }
        }
        match self.resource {
            Some(resource) => write!(f, "{gap}resource={resource}"),
            None if gap.is_empty() => f.write_str("any"),
            None => Ok(()),
        }
    }
}

/// The four text patterns of a filter in numbers: `ANY`, a name, or `UNDER` a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Pattern(pub(crate) Fields);

/// A checked filter in numbers. Filters that are equal have equal keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct FilterKey {
    pub(crate) pattern: Pattern,
    pub(crate) resource: Option<ResourceId>,
}

impl FilterKey {
    /// The filter that compiles to this key.
    pub(crate) fn to_filter(self) -> Filter {
        let Pattern(Fields(names)) = self.pattern;
        Filter {
            texts: names.map(|name| normal(registry::text_of(name))),
            resource: self.resource,
        }
    }
}

/// Why a filter has no key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CompileError {
    /// The filter is wrong.
    Filter(FilterError),
    /// The filter is right, but its names do not fit into the registry.
    Registry(TopicError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_go_back_to_their_filters() {
        for filter in [
            Filter::any(),
            Filter::any().category("key.a").resource(7),
            Filter::any().event_type("key.a.*").source("key.b"),
        ] {
            let key = filter.compile().unwrap();
            assert_eq!(key.to_filter(), filter);
            assert_eq!(key.to_filter().compile(), Ok(key));
        }
    }

    #[test]
    fn a_wrong_filter_does_not_compile() {
        let error = FilterError::Star {
            field: Field::Category,
        };
        let filter = Filter::any().category("*.a");
        assert_eq!(filter.compile(), Err(CompileError::Filter(error)));
    }
}
