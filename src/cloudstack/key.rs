//! The keys that CloudStack's brokers route by: five words between dots.

use super::error::{BindingKeyError, KeyError};
use super::spelling::name_of;
use crate::{Field, Filter, ResourceId, Topic, TopicError};
use std::fmt;

/// The longest key that AMQP 0-9-1 carries, in bytes. The keys of long names are longer: see [`Topic::routing_key`].
pub const MAX_AMQP_KEY_BYTES: usize = 255;

/// What stands in the place of a category or an event type that an event does not have. A [`Topic`] always has both, so one
/// that has this for a name is taken for one without.
pub const UNSET: &str = "-";

/// The five fields of an event's address, any of which may be missing, as CloudStack's constructor of events takes them and
/// as its keys have them.
///
/// `Display` writes the routing key: each `.` in a field becomes `-`, and a field that is missing, empty or `*` becomes `*`.
///
/// # Examples
///
/// ```
/// use laneway::cloudstack::RoutingKey;
///
/// let key = RoutingKey {
///     source: Some("management-server"),
///     category: Some("ActionEvent"),
///     event_type: Some("ACCOUNT.DELETE"),
///     resource_type: Some("Account"),
///     resource: None,
/// };
/// assert_eq!(key.to_string(), "management-server.ActionEvent.ACCOUNT-DELETE.Account.*");
///
/// let words = RoutingKey::parse("management-server.ActionEvent.ACCOUNT-DELETE.Account.*")?;
/// assert_eq!(words.event_type, Some("ACCOUNT-DELETE"));
/// let topic = key.register()?;
/// assert_eq!(words.topic(), topic);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RoutingKey<'a> {
    /// Who publishes.
    pub source: Option<&'a str>,
    /// One of the [categories](super::EventCategory), or another.
    pub category: Option<&'a str>,
    /// What happened.
    pub event_type: Option<&'a str>,
    /// The kind of thing it happened to.
    pub resource_type: Option<&'a str>,
    /// The thing it happened to, usually a UUID.
    pub resource: Option<&'a str>,
}

impl<'a> RoutingKey<'a> {
    /// Splits a routing key into its words, which are not changed: `VM-START` may have been `VM.START`.
    ///
    /// # Errors
    ///
    /// [`KeyError`] unless it is five words, each `*` or without a star.
    pub fn parse(key: &'a str) -> Result<Self, KeyError> {
        RoutingKey::from_words(key.split('.'))
    }

    /// Like `parse`, where a `#` stands for as many words as are missing.
    fn parse_binding(key: &'a str) -> Result<Self, KeyError> {
        let given = key.split('.').count();
        match key.split('.').filter(|&word| word == "#").count() {
            0 => RoutingKey::parse(key),
            1 if given <= WORDS + 1 => {
                RoutingKey::from_words(key.split('.').flat_map(|word| match word {
                    "#" => std::iter::repeat_n("*", WORDS + 1 - given),
                    word => std::iter::repeat_n(word, 1),
                }))
            }
            1 => Err(KeyError::Words { words: given - 1 }),
            _ => Err(KeyError::Hashes),
        }
    }

    fn from_words(words: impl Iterator<Item = &'a str> + Clone) -> Result<Self, KeyError> {
        let mut fields = [None; WORDS];
        let mut count = 0;
        for word in words {
            if let Some(field) = fields.get_mut(count) {
                *field = match word {
                    "*" => None,
                    "" => return Err(KeyError::Empty { word: count + 1 }),
                    word if word.contains('*') => {
                        return Err(KeyError::Star { word: count + 1 });
                    }
                    word => Some(word),
                };
            }
            count += 1;
        }
        if count != WORDS {
            return Err(KeyError::Words { words: count });
        }
        let [source, category, event_type, resource_type, resource] = fields;
        Ok(RoutingKey {
            source,
            category,
            event_type,
            resource_type,
            resource,
        })
    }

    /// The topic with these fields, for names from outside: it registers none, see [`Topic::lookup`].
    ///
    /// A word with dashes is the registered name that is written so, whichever of its dashes are dots there. If none is
    /// registered, all dashes of an event type are dots, and those of other fields are dashes, as CloudStack's names have it.
    /// If several are registered (`VM.START` and `VM-START`), it is the one that comes closer to that rule. A field with a dot
    /// is no word of a key, but a name, and stays as it is; so a program that knows better puts the name there, or gives the
    /// fields to `Topic::lookup`. A missing category or event type is [`UNSET`].
    ///
    /// # Blocking and allocation
    ///
    /// As `Topic::lookup`; a word with dashes allocates, and costs a hash look-up for each of them.
    pub fn topic(&self) -> Topic {
        // Where the registry has no room even for this, missing and unknown are the same.
        let _ = Topic::new(UNSET, UNSET);
        let name = |field, word| set(word).map(|word| name_of(field, word));
        let topic = Topic::lookup(
            &name(Field::Category, self.category).unwrap_or(UNSET.into()),
            &name(Field::EventType, self.event_type).unwrap_or(UNSET.into()),
            name(Field::Source, self.source).as_deref(),
            name(Field::ResourceType, self.resource_type).as_deref(),
        );
        self.about(topic)
    }

    /// The topic with exactly these fields, for names of the program's own: it registers them.
    ///
    /// # Errors
    ///
    /// As [`TopicBuilder::build`](crate::TopicBuilder::build).
    pub fn register(&self) -> Result<Topic, TopicError> {
        let mut builder = Topic::builder(
            set(self.category).unwrap_or(UNSET),
            set(self.event_type).unwrap_or(UNSET),
        );
        if let Some(source) = set(self.source) {
            builder = builder.source(source);
        }
        if let Some(resource_type) = set(self.resource_type) {
            builder = builder.resource_type(resource_type);
        }
        Ok(self.about(builder.build()?))
    }

    fn about(&self, topic: Topic) -> Topic {
        match set(self.resource) {
            Some(resource) => topic.with_resource(resource),
            None => topic,
        }
    }
}

/// How many words a key has.
const WORDS: usize = 5;

/// A field that says something.
pub(super) fn set(field: Option<&str>) -> Option<&str> {
    field.filter(|text| !matches!(*text, "" | "*"))
}

impl fmt::Display for RoutingKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = [
            self.source,
            self.category,
            self.event_type,
            self.resource_type,
            self.resource,
        ];
        for (at, field) in fields.into_iter().enumerate() {
            if at > 0 {
                f.write_str(".")?;
            }
            for (part, text) in set(field).unwrap_or("*").split('.').enumerate() {
                if part > 0 {
                    f.write_str("-")?;
                }
                f.write_str(text)?;
            }
        }
        Ok(())
    }
}

/// Keys of CloudStack's brokers, with the feature `cloudstack`.
impl Topic {
    /// The key that CloudStack's brokers route it by: `source.category.type.resourceType.resourceUUID`.
    ///
    /// Each `.` in a name becomes `-`, and the resource is written as a UUID. A field that is not set is `*`; so are
    /// [`UNSET`], and a name that [`lookup`](Topic::lookup) did not find, since nobody knows it here. AMQP carries keys of up
    /// to [`MAX_AMQP_KEY_BYTES`]; names of CloudStack's length stay far below.
    ///
    /// ```
    /// use laneway::Topic;
    ///
    /// let topic = Topic::builder("ActionEvent", "VM.START").source("management-server").build()?;
    /// assert_eq!(topic.routing_key(), "management-server.ActionEvent.VM-START.*.*");
    /// # Ok::<(), laneway::TopicError>(())
    /// ```
    pub fn routing_key(self) -> String {
        let known = |name: &&str| !name.ends_with('*');
        let required = |name| Some(name).filter(known).filter(|&name| name != UNSET);
        let resource = self.resource().map(|resource| resource.to_string());
        RoutingKey {
            source: self.source().filter(known),
            category: required(self.category()),
            event_type: required(self.event_type()),
            resource_type: self.resource_type().filter(known),
            resource: resource.as_deref(),
        }
        .to_string()
    }

    /// The topic of a routing key that came from outside. Short for [`RoutingKey::parse`] and [`RoutingKey::topic`], which
    /// says how dashes are read.
    ///
    /// # Errors
    ///
    /// [`KeyError`] unless it is five words, each `*` or without a star.
    ///
    /// ```
    /// use laneway::Topic;
    ///
    /// let known = Topic::builder("ActionEvent", "VM.START").source("management-server").build()?;
    /// let topic = Topic::from_routing_key("management-server.ActionEvent.VM-START.*.*")?;
    /// assert_eq!(topic, known);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_routing_key(key: &str) -> Result<Topic, KeyError> {
        RoutingKey::parse(key).map(|key| key.topic())
    }
}

/// Keys of CloudStack's brokers, with the feature `cloudstack`.
impl Filter {
    /// The key to bind a queue with at CloudStack's brokers, for the events that match this.
    ///
    /// It is less exact than the filter, since the broker does not tell `VM.START` from `VM-START`.
    ///
    /// # Errors
    ///
    /// [`BindingKeyError`] for a prefix pattern such as `VM.*`, which has no binding key, a name that is `#`, and an invalid
    /// filter.
    ///
    /// ```
    /// use laneway::cloudstack::BindingKeyError;
    /// use laneway::{Field, Filter};
    ///
    /// let filter = Filter::any().category("ActionEvent").event_type("VM.START");
    /// assert_eq!(filter.binding_key()?, "*.ActionEvent.VM-START.*.*");
    ///
    /// let error = Filter::any().event_type("VM.*").binding_key().unwrap_err();
    /// assert_eq!(error, BindingKeyError::Prefix { field: Field::EventType });
    /// # Ok::<(), BindingKeyError>(())
    /// ```
    pub fn binding_key(&self) -> Result<String, BindingKeyError> {
        self.check().map_err(BindingKeyError::Filter)?;
        let mut key = RoutingKey::default();
        for (field, pattern) in self.patterns() {
            // Keys have a star where an event has none of these two.
            if pattern == UNSET && matches!(field, Field::Category | Field::EventType) {
                continue;
            }
            if pattern.ends_with('*') {
                return Err(BindingKeyError::Prefix { field });
            }
            if pattern == "#" {
                return Err(BindingKeyError::Hash { field });
            }
            *key.field_mut(field) = Some(pattern);
        }
        let resource = self.resource.map(|resource| resource.to_string());
        key.resource = resource.as_deref();
        Ok(key.to_string())
    }

    /// The filter for a binding key. Dashes are read as [`RoutingKey::topic`] does; `#` stands for all words that are missing.
    ///
    /// # Errors
    ///
    /// [`KeyError`] unless it is five words, each `*` or without a star, or fewer and one `#`.
    ///
    /// ```
    /// use laneway::Filter;
    ///
    /// let filter = Filter::from_binding_key("*.ActionEvent.#")?;
    /// assert_eq!(filter, Filter::any().category("ActionEvent"));
    /// # Ok::<(), laneway::cloudstack::KeyError>(())
    /// ```
    pub fn from_binding_key(key: &str) -> Result<Filter, KeyError> {
        let key = RoutingKey::parse_binding(key)?;
        let name = |field, word: Option<&str>| {
            word.map_or("*".into(), |word| name_of(field, word).into_owned())
        };
        let mut filter = Filter::any()
            .source(name(Field::Source, key.source))
            .category(name(Field::Category, key.category))
            .event_type(name(Field::EventType, key.event_type))
            .resource_type(name(Field::ResourceType, key.resource_type));
        filter.resource = key.resource.map(ResourceId::from);
        Ok(filter)
    }
}

impl<'a> RoutingKey<'a> {
    fn field_mut(&mut self, field: Field) -> &mut Option<&'a str> {
        match field {
            Field::Category => &mut self.category,
            Field::EventType => &mut self.event_type,
            Field::Source => &mut self.source,
            Field::ResourceType => &mut self.resource_type,
        }
    }
}
