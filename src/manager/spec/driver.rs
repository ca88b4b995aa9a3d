//! Driver types and drivers as data.

use crate::manager::rule::{self, Check};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a driver of a type is made of.
///
/// # Examples
///
/// ```
/// use laneway::manager::{DriverType, Image};
///
/// let ticker = DriverType::command("ticker", "/usr/lib/drivers/ticker", ["--quiet"]);
/// assert!(matches!(ticker.image(), Image::Command { .. }));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Image {
    /// What the program registered for the type: see
    /// [`Manager::add_driver_kind`](crate::manager::Manager::add_driver_kind).
    InProcess,
    /// A program whose standard output is events in JSON.
    Command {
        /// The program: a path, or a name that is looked for in `PATH`.
        program: String,
        /// Its first arguments. Behind them come the driver's own, `--key=value`.
        args: Vec<String>,
    },
}

/// A kind of source of events.
///
/// # Examples
///
/// ```
/// use laneway::manager::{DriverType, Rule};
///
/// assert!(DriverType::in_process("vcenter").check().is_ok());
/// let error = DriverType::command("vcenter", "", []).check().unwrap_err();
/// assert_eq!((error.field(), error.rule()), ("image", &Rule::Required));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DriverType {
    name: String,
    image: Image,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    tags: BTreeMap<String, String>,
}

impl DriverType {
    /// A type whose drivers are run by the program itself.
    pub fn in_process(name: impl Into<String>) -> Self {
        DriverType {
            name: name.into(),
            image: Image::InProcess,
            tags: BTreeMap::new(),
        }
    }

    /// A type whose drivers are processes.
    pub fn command<'a>(
        name: impl Into<String>,
        program: impl Into<String>,
        args: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        DriverType {
            name: name.into(),
            image: Image::Command {
                program: program.into(),
                args: args.into_iter().map(Into::into).collect(),
            },
            tags: BTreeMap::new(),
        }
    }

    /// A tag, for people and for lists.
    #[must_use]
    pub fn tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.tags.insert(key.into(), value.into());
        self
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What its drivers are made of.
    pub fn image(&self) -> &Image {
        &self.image
    }

    /// Its tags.
    pub fn tags(&self) -> &BTreeMap<String, String> {
        &self.tags
    }

    /// Whether all rules hold.
    ///
    /// # Errors
    ///
    /// The first field that breaks one.
    pub fn check(&self) -> Check {
        rule::driver_type_name(&self.name)?;
        if let Image::Command { program, args } = &self.image {
            rule::length("image", program, rule::MAX_VALUE)?;
            rule::entries("arguments", args.len())?;
            (args.iter()).try_for_each(|arg| rule::value("argument", arg, rule::MAX_VALUE))?;
        }
        tags(&self.tags)
    }
}

/// A source of events: a driver type, and how this one is set up.
///
/// # Examples
///
/// ```
/// use laneway::manager::DriverSpec;
///
/// let driver = DriverSpec::new("dc-1", "vcenter").config("url", "https://dc-1").secret("dc-1-login");
/// assert!(driver.check().is_ok());
/// assert!(DriverSpec::new("Dc-1", "vcenter").check().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DriverSpec {
    name: String,
    driver_type: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    config: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    secrets: Vec<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    tags: BTreeMap<String, String>,
}

impl DriverSpec {
    /// A driver of a type.
    pub fn new(name: impl Into<String>, driver_type: impl Into<String>) -> Self {
        DriverSpec {
            name: name.into(),
            driver_type: driver_type.into(),
            config: BTreeMap::new(),
            secrets: Vec::new(),
            tags: BTreeMap::new(),
        }
    }

    /// An option. A command gets it as `--key=value`.
    #[must_use]
    pub fn config(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.config.insert(key.into(), value.into());
        self
    }

    /// A secret, by its name. A command gets its keys in the environment, in `UPPER_SNAKE` case.
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

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name of its type.
    pub fn driver_type(&self) -> &str {
        &self.driver_type
    }

    /// Its options.
    pub fn options(&self) -> &BTreeMap<String, String> {
        &self.config
    }

    /// The names of its secrets.
    pub fn secrets(&self) -> &[String] {
        &self.secrets
    }

    /// Its tags.
    pub fn tags(&self) -> &BTreeMap<String, String> {
        &self.tags
    }

    /// Whether all rules hold.
    ///
    /// # Errors
    ///
    /// The first field that breaks one.
    pub fn check(&self) -> Check {
        rule::driver_name(&self.name)?;
        rule::driver_type_name(&self.driver_type)?;
        rule::entries("config", self.config.len())?;
        for (key, value) in &self.config {
            rule::config_key(key)?;
            rule::value("config value", value, rule::MAX_VALUE)?;
        }
        rule::entries("secrets", self.secrets.len())?;
        (self.secrets.iter()).try_for_each(|name| rule::word_name("secret name", name))?;
        tags(&self.tags)
    }
}

fn tags(tags: &BTreeMap<String, String>) -> Check {
    rule::entries("tags", tags.len())?;
    tags.iter().try_for_each(|(key, value)| {
        rule::length("tag", key, rule::MAX_NAME)?;
        rule::value("tag", value, rule::MAX_VALUE)
    })
}
