//! What the program gives the manager: functions, driver kinds, secrets, sinks.

use crate::manager::cancel::lock;
use crate::manager::drive::{DriverContext, DriverKind};
use crate::manager::error::ManagerError;
use crate::manager::event_manager::{Inner, MAX_NAMED, Manager, exists, not_found};
use crate::manager::function::{Function, FunctionError};
use crate::manager::rule;
use crate::manager::run::{Entry, Failure};
use crate::manager::status::Kind;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};

impl Manager {
    /// Registers a function under a name of letters, digits, `_` and `-`. Subscriptions that waited for it become ready.
    ///
    /// # Errors
    ///
    /// [`ManagerError::Invalid`], [`ManagerError::AlreadyExists`], [`ManagerError::TooMany`].
    ///
    /// # Examples
    ///
    /// ```
    /// use laneway::manager::{Function, Manager, ManagerError};
    ///
    /// let manager = Manager::new()?;
    /// manager.add_function("log", Function::new(|event, _| Ok(println!("{event:?}"))))?;
    /// let again = manager.add_function("log", Function::new(|_, _| Ok(())));
    /// assert!(matches!(again, Err(ManagerError::AlreadyExists { .. })));
    /// # Ok::<(), ManagerError>(())
    /// ```
    pub fn add_function(
        &self,
        name: impl Into<String>,
        function: Function,
    ) -> Result<(), ManagerError> {
        let name = name.into();
        rule::function_name(&name)?;
        function.check()?;
        add(
            &self.inner.functions,
            Kind::Function,
            name,
            Arc::new(function),
        )?;
        self.inner.settle_all();
        Ok(())
    }

    /// Takes a function back. Subscriptions that name it are in error until there is one again.
    ///
    /// # Errors
    ///
    /// [`ManagerError::NotFound`].
    pub fn remove_function(&self, name: &str) -> Result<(), ManagerError> {
        remove(&self.inner.functions, Kind::Function, name)?;
        self.inner.settle_all();
        Ok(())
    }

    /// The names of all functions, sorted.
    pub fn functions(&self) -> Vec<String> {
        names(lock(&self.inner.functions))
    }

    /// Registers a secret: keys and values that functions and drivers get if their subscription or driver names it. It is never
    /// written to the store.
    ///
    /// # Errors
    ///
    /// [`ManagerError::Invalid`], [`ManagerError::AlreadyExists`], [`ManagerError::TooMany`].
    pub fn add_secret<K, V>(
        &self,
        name: impl Into<String>,
        values: impl IntoIterator<Item = (K, V)>,
    ) -> Result<(), ManagerError>
    where
        K: Into<String>,
        V: Into<String>,
    {
        let name = name.into();
        rule::word_name("secret name", &name)?;
        let values = values.into_iter();
        let values: BTreeMap<String, String> = values
            .map(|(key, value)| (key.into(), value.into()))
            .collect();
        rule::entries("secret", values.len())?;
        for (key, value) in &values {
            rule::word_name("secret key", key)?;
            // Without the value in the error.
            rule::value("secret value", value, rule::MAX_VALUE)
                .map_err(|error| error.without_value())?;
        }
        add(&self.inner.secrets, Kind::Secret, name, values)?;
        self.inner.settle_all();
        Ok(())
    }

    /// Takes a secret back.
    ///
    /// # Errors
    ///
    /// [`ManagerError::NotFound`].
    pub fn remove_secret(&self, name: &str) -> Result<(), ManagerError> {
        remove(&self.inner.secrets, Kind::Secret, name)?;
        self.inner.settle_all();
        Ok(())
    }

    /// The names of all secrets, sorted.
    pub fn secrets(&self) -> Vec<String> {
        names(lock(&self.inner.secrets))
    }

    /// Registers a sink for [dead letters](crate::manager::DeadLetter::Sink). It is called on a worker's thread.
    ///
    /// # Errors
    ///
    /// [`ManagerError::Invalid`], [`ManagerError::AlreadyExists`], [`ManagerError::TooMany`].
    pub fn add_sink(
        &self,
        name: impl Into<String>,
        sink: impl Fn(&Failure) -> Result<(), FunctionError> + Send + Sync + 'static,
    ) -> Result<(), ManagerError> {
        let name = name.into();
        rule::word_name("sink name", &name)?;
        add(&self.inner.sinks, Kind::Sink, name, Arc::new(sink) as _)?;
        self.inner.settle_all();
        Ok(())
    }

    /// Takes a sink back.
    ///
    /// # Errors
    ///
    /// [`ManagerError::NotFound`].
    pub fn remove_sink(&self, name: &str) -> Result<(), ManagerError> {
        remove(&self.inner.sinks, Kind::Sink, name)?;
        self.inner.settle_all();
        Ok(())
    }

    /// Registers what runs the drivers of an [in-process driver type](crate::manager::DriverType::in_process), under the type's
    /// name. It is called on a thread of the driver's own, again whenever it returned or panicked, and until it is told to stop.
    ///
    /// # Errors
    ///
    /// [`ManagerError::Invalid`], [`ManagerError::AlreadyExists`], [`ManagerError::TooMany`].
    ///
    /// # Examples
    ///
    /// ```
    /// use laneway::cloudevents::CloudEvent;
    /// use laneway::manager::{DriverSpec, DriverType, Manager, Status};
    /// use std::time::Duration;
    ///
    /// let manager = Manager::new()?;
    /// manager.add_driver_kind("ticker", |ctx| {
    ///     let mut ticks = 0_u64..;
    ///     while ctx.wait(Duration::from_millis(1)) {
    ///         let id = ticks.next().unwrap_or_default().to_string();
    ///         ctx.emit(CloudEvent::builder(&id, "/ticker", "tick").build()?)?;
    ///     }
    ///     Ok(())
    /// })?;
    /// manager.create_driver_type(DriverType::in_process("ticker"))?;
    /// manager.create_driver(DriverSpec::new("fast", "ticker"))?;
    /// manager.start()?;
    /// assert!(manager.wait_driver("fast", Status::Ready, Duration::from_secs(5))?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn add_driver_kind(
        &self,
        driver_type: impl Into<String>,
        kind: impl Fn(&DriverContext<'_>) -> Result<(), FunctionError> + Send + Sync + 'static,
    ) -> Result<(), ManagerError> {
        let name = driver_type.into();
        rule::driver_type_name(&name)?;
        add(
            &self.inner.kinds,
            Kind::DriverKind,
            name,
            Arc::new(kind) as _,
        )?;
        self.inner.poke_drivers();
        Ok(())
    }

    /// Takes a driver kind back. Drivers that run go on; they are not started again.
    ///
    /// # Errors
    ///
    /// [`ManagerError::NotFound`].
    pub fn remove_driver_kind(&self, driver_type: &str) -> Result<(), ManagerError> {
        remove(&self.inner.kinds, Kind::DriverKind, driver_type)
    }
}

impl Inner {
    pub(in crate::manager) fn function(&self, name: &str) -> Option<Arc<Function>> {
        lock(&self.functions).get(name).cloned()
    }

    pub(in crate::manager) fn driver_kind(&self, name: &str) -> Option<Arc<DriverKind>> {
        lock(&self.kinds).get(name).cloned()
    }

    /// The keys and values of some secrets; or the name of one that is not there.
    pub(in crate::manager) fn secrets_of(
        &self,
        names: &[String],
    ) -> Result<BTreeMap<String, String>, String> {
        let known = lock(&self.secrets);
        let mut all = BTreeMap::new();
        for name in names {
            let values = known.get(name).ok_or_else(|| name.clone())?;
            all.extend(
                values
                    .iter()
                    .map(|(key, value)| (key.clone(), value.clone())),
            );
        }
        Ok(all)
    }

    /// Brings a subscription's status up to date.
    pub(super) fn settle(&self, entry: &Entry) {
        let _until_it_says_so = lock(&self.settling);
        let spec = entry.spec();
        let is_missing = |name: &&String| !lock(&self.secrets).contains_key(*name);
        let reason = if self.function(spec.function_name()).is_none() {
            Some(format!("function `{}` is not known", spec.function_name()))
        } else if let Some(name) = spec.secrets().iter().find(is_missing) {
            Some(format!("secret `{name}` is not known"))
        } else {
            spec.sink()
                .filter(|name| !lock(&self.sinks).contains_key(*name))
                .map(|name| format!("sink `{name}` is not known"))
        };
        entry.settle(reason);
    }

    fn settle_all(&self) {
        for entry in self.entries() {
            self.settle(&entry);
        }
        self.poke_drivers();
    }

    fn poke_drivers(&self) {
        for driver in lock(&self.drivers).values() {
            driver.poke();
        }
    }
}

fn add<T>(
    to: &Mutex<HashMap<String, T>>,
    kind: Kind,
    name: String,
    value: T,
) -> Result<(), ManagerError> {
    let mut all = lock(to);
    if all.contains_key(&name) {
        return Err(exists(kind, &name));
    }
    if all.len() >= MAX_NAMED {
        let limit = MAX_NAMED;
        return Err(ManagerError::TooMany { kind, limit });
    }
    all.insert(name, value);
    Ok(())
}

/// The value is user code, so it is dropped after unlocking.
fn remove<T>(from: &Mutex<HashMap<String, T>>, kind: Kind, name: &str) -> Result<(), ManagerError> {
    let removed = lock(from).remove(name);
    removed.map(drop).ok_or_else(|| not_found(kind, name))
}

fn names<T>(all: MutexGuard<'_, HashMap<String, T>>) -> Vec<String> {
    let mut names: Vec<_> = all.keys().cloned().collect();
    names.sort_unstable();
    names
}
