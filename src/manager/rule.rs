//! The rules for names and fields, and what is said when one is broken.

use crate::FilterError;
use crate::cloudevents::AttributeFault;
use std::error::Error;
use std::fmt;

/// The longest name where Dispatch sets no limit, in characters.
pub(super) const MAX_NAME: usize = 256;
/// The longest name of a driver type.
pub(super) const MAX_TYPE_NAME: usize = 32;
/// The longest event type.
pub(super) const MAX_EVENT_TYPE: usize = 128;
/// The longest value: of a tag, a secret, an option of a driver, an argument.
pub(super) const MAX_VALUE: usize = 4096;
/// The most values of one kind that one object has.
pub(super) const MAX_ENTRIES: usize = 64;

/// What a field must be.
///
/// # Examples
///
/// ```
/// use laneway::manager::{DriverSpec, Rule};
///
/// let error = DriverSpec::new("My_Driver", "ticker").check().unwrap_err();
/// assert_eq!(error.rule(), &Rule::Pattern("^[a-z0-9][a-z0-9-]*$"));
/// assert_eq!(error.to_string(), "driver name `My_Driver` does not match ^[a-z0-9][a-z0-9-]*$");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rule {
    /// It must not be empty.
    Required,
    /// It must match this regular expression.
    Pattern(&'static str),
    /// It must have at most so many characters, or entries.
    AtMost(usize),
    /// It must be in this range.
    Range {
        /// The least.
        least: u64,
        /// The most.
        most: u64,
    },
    /// It must be what a filter of the router takes.
    Filter(FilterError),
    /// It must be what the attribute of an event is.
    Attribute(AttributeFault),
    /// It must not have a zero byte.
    NoZero,
    /// It must be absolute.
    Absolute,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rule::Required => f.write_str("is required"),
            Rule::Pattern(pattern) => write!(f, "does not match {pattern}"),
            Rule::AtMost(most) => write!(f, "is longer than {most}"),
            Rule::Range { least, most } => write!(f, "is not in {least} to {most}"),
            Rule::Filter(error) => write!(f, "is no filter: {error}"),
            Rule::Attribute(fault) => fault.fmt(f),
            Rule::NoZero => f.write_str("has a zero byte"),
            Rule::Absolute => f.write_str("is not an absolute path"),
        }
    }
}

/// A field that breaks a [`Rule`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidField {
    field: &'static str,
    value: Box<str>,
    rule: Rule,
}

impl InvalidField {
    pub(super) fn new(field: &'static str, value: &str, rule: Rule) -> Self {
        let shown = value.chars().take(64).collect::<String>();
        InvalidField {
            field,
            value: shown.into(),
            rule,
        }
    }

    /// The same, of a value that nobody is to see.
    pub(super) fn without_value(mut self) -> Self {
        self.value = Box::default();
        self
    }

    /// The field, such as `driver name`.
    pub fn field(&self) -> &'static str {
        self.field
    }

    /// Its first 64 characters.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// The rule that it breaks.
    pub fn rule(&self) -> &Rule {
        &self.rule
    }
}

impl fmt::Display for InvalidField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let InvalidField { field, value, rule } = self;
        if value.is_empty() {
            write!(f, "{field} {rule}")
        } else {
            write!(f, "{field} `{value}` {rule}")
        }
    }
}

impl Error for InvalidField {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.rule {
            Rule::Filter(error) => Some(error),
            _ => None,
        }
    }
}

pub(super) type Check = Result<(), InvalidField>;

/// Letters, digits and `_`, as regular expressions without Unicode have them.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn is_small(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

/// A name: its first byte, and the others, which may be `-` too.
fn named(
    field: &'static str,
    name: &str,
    most: usize,
    pattern: &'static str,
    first: fn(u8) -> bool,
    others: fn(u8) -> bool,
) -> Check {
    length(field, name, most)?;
    let mut bytes = name.bytes();
    let fits = bytes.next().is_some_and(first) && bytes.all(|byte| others(byte) || byte == b'-');
    let wrong = || InvalidField::new(field, name, Rule::Pattern(pattern));
    fits.then_some(()).ok_or_else(wrong)
}

pub(super) fn length(field: &'static str, text: &str, most: usize) -> Check {
    if text.is_empty() {
        return Err(InvalidField::new(field, text, Rule::Required));
    }
    value(field, text, most)
}

/// A text that may be empty.
pub(super) fn value(field: &'static str, text: &str, most: usize) -> Check {
    if text.chars().count() > most {
        return Err(InvalidField::new(field, text, Rule::AtMost(most)));
    }
    if text.contains('\0') {
        return Err(InvalidField::new(field, text, Rule::NoZero));
    }
    Ok(())
}

pub(super) fn entries(field: &'static str, count: usize) -> Check {
    let wrong = || InvalidField::new(field, "", Rule::AtMost(MAX_ENTRIES));
    (count <= MAX_ENTRIES).then_some(()).ok_or_else(wrong)
}

pub(super) fn range(field: &'static str, number: u64, least: u64, most: u64) -> Check {
    let rule = Rule::Range { least, most };
    let wrong = || InvalidField::new(field, &number.to_string(), rule);
    (least..=most)
        .contains(&number)
        .then_some(())
        .ok_or_else(wrong)
}

pub(super) fn subscription_name(name: &str) -> Check {
    let pattern = r"^[\w\d][\w\d-]*$";
    named(
        "subscription name",
        name,
        MAX_NAME,
        pattern,
        is_word,
        is_word,
    )
}

/// The rule for functions holds for what Dispatch says nothing of, too: secrets, sinks, tags.
pub(super) fn word_name(field: &'static str, name: &str) -> Check {
    let first = |byte| is_word(byte) || byte == b'-';
    named(field, name, MAX_NAME, r"^[\w\d-]+$", first, is_word)
}

pub(super) fn function_name(name: &str) -> Check {
    word_name("function name", name)
}

pub(super) fn driver_name(name: &str) -> Check {
    let pattern = "^[a-z0-9][a-z0-9-]*$";
    named("driver name", name, MAX_NAME, pattern, is_small, is_small)
}

pub(super) fn driver_type_name(name: &str) -> Check {
    let pattern = "^[a-z0-9][a-z0-9-]*$";
    named(
        "driver type name",
        name,
        MAX_TYPE_NAME,
        pattern,
        is_small,
        is_small,
    )
}

/// The key of an option, which becomes `--key=value`.
pub(super) fn config_key(key: &str) -> Check {
    named(
        "config key",
        key,
        MAX_NAME,
        r"^[\w\d][\w\d-]*$",
        is_word,
        is_word,
    )
}

pub(super) fn event_type(text: &str) -> Check {
    let field = "event type";
    length(field, text, MAX_EVENT_TYPE)?;
    let fits = text
        .bytes()
        .all(|byte| is_word(byte) || b".-".contains(&byte));
    let wrong = || InvalidField::new(field, text, Rule::Pattern(r"^[\w\d.-]+$"));
    fits.then_some(()).ok_or_else(wrong)
}

/// An event type; or `*`, or an event type and `.*`.
pub(super) fn event_type_pattern(text: &str) -> Check {
    if text == "*" {
        return Ok(());
    }
    event_type(text.strip_suffix(".*").unwrap_or(text))
}

/// `UPPER_SNAKE` of a key.
#[cfg(target_os = "linux")]
pub(super) fn variable(key: &str) -> String {
    key.to_ascii_uppercase().replace(['-', '.'], "_")
}
