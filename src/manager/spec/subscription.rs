//! A subscription as data.

use crate::Filter;
use crate::manager::rule::{self, Check, InvalidField, Rule};
use crate::manager::spec::{DeadLetter, Retry};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Which events go to which function.
///
/// It is built without errors, so that it reads well; [`check`](Self::check) says which rule it breaks, and so do
/// [`create_subscription`](crate::manager::Manager::create_subscription) and the update.
///
/// # Examples
///
/// ```
/// use laneway::manager::{DeadLetter, Retry, SubscriptionSpec};
///
/// let spec = SubscriptionSpec::new("on-power", "vm.power.*", "notify")
///     .source_type("vcenter")
///     .secret("mail")
///     .tag("team", "ops")
///     .retry(Retry::attempts(3))
///     .dead_letter(DeadLetter::Event("vm.power.lost".into()));
/// assert!(spec.check().is_ok());
/// assert_eq!((spec.retry_policy(), spec.most_pending()), (&Retry::attempts(3), 1024));
///
/// let wrong = SubscriptionSpec::new("on-power", "vm/power", "notify").check().unwrap_err();
/// assert_eq!(wrong.field(), "event type");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubscriptionSpec {
    name: String,
    event_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source_type: Option<String>,
    function: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    secrets: Vec<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    tags: BTreeMap<String, String>,
    #[serde(default)]
    retry: Retry,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dead_letter: Option<DeadLetter>,
    capacity: usize,
    concurrency: usize,
}

const DEFAULT_CAPACITY: usize = 1024;
const MAX_CAPACITY: u64 = 1 << 20;

impl SubscriptionSpec {
    /// Events of a type, or of all types under `<prefix>.*`, or of any type with `*`, to a function.
    pub fn new(
        name: impl Into<String>,
        event_type: impl Into<String>,
        function: impl Into<String>,
    ) -> Self {
        SubscriptionSpec {
            name: name.into(),
            event_type: event_type.into(),
            source: None,
            source_type: None,
            function: function.into(),
            secrets: Vec::new(),
            tags: BTreeMap::new(),
            retry: Retry::default(),
            dead_letter: None,
            capacity: DEFAULT_CAPACITY,
            concurrency: 1,
        }
    }

    /// Another function.
    #[must_use]
    pub fn function(mut self, function: impl Into<String>) -> Self {
        self.function = function.into();
        self
    }

    /// Other events: see [`new`](Self::new).
    #[must_use]
    pub fn event_type(mut self, event_type: impl Into<String>) -> Self {
        self.event_type = event_type.into();
        self
    }

    /// Only events of this source.
    #[must_use]
    pub fn source(mut self, source: impl Into<String>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Only events of this type of source, which Dispatch's first events had: the attribute `sourcetype`.
    #[must_use]
    pub fn source_type(mut self, source_type: impl Into<String>) -> Self {
        self.source_type = Some(source_type.into());
        self
    }

    /// Hands a secret to the function, by its name: see [`Manager::add_secret`](crate::manager::Manager::add_secret).
    #[must_use]
    pub fn secret(mut self, name: impl Into<String>) -> Self {
        self.secrets.push(name.into());
        self
    }

    /// A tag, for people and for lists.
    #[must_use]
    pub fn tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.tags.insert(key.into(), value.into());
        self
    }

    /// How often to try. By default once.
    #[must_use]
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// What becomes of events that failed. By default they are counted, and a `function.failed` event says why.
    #[must_use]
    pub fn dead_letter(mut self, dead_letter: DeadLetter) -> Self {
        self.dead_letter = Some(dead_letter);
        self
    }

    /// How many events may wait, run and wait for another attempt, 1 to 2^20; those beyond are counted as dropped. By default
    /// 1024.
    #[must_use]
    pub fn capacity(mut self, events: usize) -> Self {
        self.capacity = events;
        self
    }

    /// How many runs go on at once, 1 to 1024. By default one, so that events come in order (but for those that are tried
    /// again) and one function that hangs holds one worker.
    #[must_use]
    pub fn concurrency(mut self, runs: usize) -> Self {
        self.concurrency = runs;
        self
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The function's name.
    pub fn function_name(&self) -> &str {
        &self.function
    }

    /// The event type or pattern.
    pub fn event_type_pattern(&self) -> &str {
        &self.event_type
    }

    /// The source that its events come from, if it asks for one.
    pub fn wanted_source(&self) -> Option<&str> {
        self.source.as_deref()
    }

    /// The type of source that its events come from, if it asks for one.
    pub fn wanted_source_type(&self) -> Option<&str> {
        self.source_type.as_deref()
    }

    /// The names of its secrets.
    pub fn secrets(&self) -> &[String] {
        &self.secrets
    }

    /// Its tags.
    pub fn tags(&self) -> &BTreeMap<String, String> {
        &self.tags
    }

    /// How often it is tried.
    pub fn retry_policy(&self) -> &Retry {
        &self.retry
    }

    /// What becomes of events that failed, if it asks for something.
    pub fn dead_letter_policy(&self) -> Option<&DeadLetter> {
        self.dead_letter.as_ref()
    }

    /// The sink for its dead letters, if they go to one.
    pub(in crate::manager) fn sink(&self) -> Option<&str> {
        match &self.dead_letter {
            Some(DeadLetter::Sink(name)) => Some(name),
            _ => None,
        }
    }

    /// How many events may wait, run and wait for another attempt.
    pub fn most_pending(&self) -> usize {
        self.capacity
    }

    /// How many runs go on at once.
    pub fn most_running(&self) -> usize {
        self.concurrency
    }

    /// Whether all rules hold.
    ///
    /// # Errors
    ///
    /// The first field that breaks one.
    pub fn check(&self) -> Check {
        rule::subscription_name(&self.name)?;
        rule::event_type_pattern(&self.event_type)?;
        rule::function_name(&self.function)?;
        for (field, text) in [("source", &self.source), ("source type", &self.source_type)] {
            text.as_deref()
                .map_or(Ok(()), |text| rule::length(field, text, rule::MAX_NAME))?;
        }
        (self.filter().check())
            .map_err(|error| InvalidField::new("source", "", Rule::Filter(error)))?;
        rule::entries("secrets", self.secrets.len())?;
        (self.secrets.iter()).try_for_each(|name| rule::word_name("secret name", name))?;
        rule::entries("tags", self.tags.len())?;
        for (key, value) in &self.tags {
            rule::length("tag", key, rule::MAX_NAME)?;
            rule::value("tag", value, rule::MAX_VALUE)?;
        }
        self.retry.check()?;
        self.dead_letter
            .as_ref()
            .map_or(Ok(()), DeadLetter::check)?;
        rule::range("capacity", self.capacity as u64, 1, MAX_CAPACITY)?;
        rule::range("concurrency", self.concurrency as u64, 1, 1024)
    }

    pub(in crate::manager) fn filter(&self) -> Filter {
        let mut filter = Filter::any().event_type(&self.event_type);
        if let Some(source) = &self.source {
            filter = filter.source(source);
        }
        if let Some(source_type) = &self.source_type {
            filter = filter.resource_type(source_type);
        }
        filter
    }

    /// The texts of [`filter`](Self::filter), to compare filters.
    pub(in crate::manager) fn patterns(&self) -> [&str; 3] {
        [
            &self.event_type,
            self.source.as_deref().unwrap_or("*"),
            self.source_type.as_deref().unwrap_or("*"),
        ]
    }
}
