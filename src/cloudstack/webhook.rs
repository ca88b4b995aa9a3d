//! Which event types a webhook is called for.

use super::error::WebhookFilterError;
use crate::Topic;

/// How a rule of [`WebhookFilters`] compares event types with its text. Capitals count.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Match {
    /// It is the text.
    Exact(String),
    /// It begins with the text.
    Prefix(String),
    /// It ends in the text.
    Suffix(String),
    /// The text is somewhere in it.
    Contains(String),
}

impl Match {
    fn text(&self) -> &str {
        match self {
            Match::Exact(text)
            | Match::Prefix(text)
            | Match::Suffix(text)
            | Match::Contains(text) => text,
        }
    }

    fn matches(&self, event_type: &str) -> bool {
        match self {
            Match::Exact(text) => event_type == text,
            Match::Prefix(text) => event_type.starts_with(&**text),
            Match::Suffix(text) => event_type.ends_with(&**text),
            Match::Contains(text) => event_type.contains(&**text),
        }
    }
}

/// The event types that a webhook is called for: none that a rule excludes; and if there are rules that include, only what
/// one of them does.
///
/// # Examples
///
/// ```
/// use laneway::cloudstack::{Match, WebhookFilters};
/// use laneway::{Filter, Router};
///
/// let filters = WebhookFilters::new()
///     .include(Match::Prefix("VM.".into()))?
///     .exclude(Match::Suffix(".STOP".into()))?;
/// assert!(filters.allow("VM.START"));
/// assert!(!filters.allow("VM.STOP"));
/// assert!(!filters.allow("VOLUME.CREATE"));
///
/// // As the predicate of a subscription:
/// let router = Router::<String>::new();
/// router
///     .subscription()
///     .filter(Filter::any().category("ActionEvent"))
///     .when(move |event| filters.allow_topic(event.topic()))
///     .handler(|event| println!("{event:?}"))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct WebhookFilters {
    include: Vec<Match>,
    exclude: Vec<Match>,
}

impl WebhookFilters {
    /// How many rules there can be.
    pub const LIMIT: usize = 256;

    /// No rules: every event type is allowed.
    pub fn new() -> Self {
        WebhookFilters::default()
    }

    /// One more rule of which at least one must hold.
    ///
    /// # Errors
    ///
    /// [`WebhookFilterError`] if its text is empty, or there are [`LIMIT`](Self::LIMIT) rules.
    pub fn include(mut self, rule: Match) -> Result<Self, WebhookFilterError> {
        self.check(&rule)?;
        self.include.push(rule);
        Ok(self)
    }

    /// One more rule of which none may hold.
    ///
    /// # Errors
    ///
    /// As [`include`](Self::include).
    pub fn exclude(mut self, rule: Match) -> Result<Self, WebhookFilterError> {
        self.check(&rule)?;
        self.exclude.push(rule);
        Ok(self)
    }

    fn check(&self, rule: &Match) -> Result<(), WebhookFilterError> {
        if rule.text().is_empty() {
            Err(WebhookFilterError::Empty)
        } else if self.include.len() + self.exclude.len() == WebhookFilters::LIMIT {
            Err(WebhookFilterError::TooMany)
        } else {
            Ok(())
        }
    }

    /// Whether the webhook is called for this event type.
    pub fn allow(&self, event_type: &str) -> bool {
        let holds = |rule: &Match| rule.matches(event_type);
        !self.exclude.iter().any(holds)
            && (self.include.is_empty() || self.include.iter().any(holds))
    }

    /// Whether the webhook is called for events with this topic.
    ///
    /// Of a type that [`Topic::lookup`] did not find, only the beginning is known. What a rule may exclude then is excluded, and
    /// what a rule that includes does not see for certain is not included.
    pub fn allow_topic(&self, topic: Topic) -> bool {
        let name = topic.event_type();
        let Some(known) = name.strip_suffix('*') else {
            return self.allow(name);
        };
        let may_hold = |rule: &Match| match rule {
            Match::Exact(text) => text.starts_with(known),
            Match::Prefix(text) => text.starts_with(known) || known.starts_with(&**text),
            Match::Suffix(_) | Match::Contains(_) => true,
        };
        let holds = |rule: &Match| match rule {
            Match::Prefix(_) | Match::Contains(_) => rule.matches(known),
            Match::Exact(_) | Match::Suffix(_) => false,
        };
        !self.exclude.iter().any(may_hold)
            && (self.include.is_empty() || self.include.iter().any(holds))
    }
}
