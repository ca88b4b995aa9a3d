//! Creating, reading, updating and deleting driver types and drivers.

use crate::manager::cancel::lock;
use crate::manager::drive::DriverEntry;
use crate::manager::error::ManagerError;
use crate::manager::event_manager::{Inner, MAX_DRIVERS, Manager, Phase, busy, exists, not_found};
use crate::manager::spec::{DriverSpec, DriverType};
use crate::manager::status::{DriverInfo, Kind, Status};
use std::collections::BTreeMap;
use std::sync::{Arc, MutexGuard};
use std::time::{Duration, Instant};

impl Manager {
    /// Adds a driver type.
    ///
    /// # Errors
    ///
    /// [`ManagerError::Invalid`], [`ManagerError::AlreadyExists`], [`ManagerError::TooMany`], [`ManagerError::Store`],
    /// [`ManagerError::Closed`].
    ///
    /// # Blocking
    ///
    /// For as long as the disk takes, if there is a store; so for all changes here.
    pub fn create_driver_type(&self, driver_type: DriverType) -> Result<(), ManagerError> {
        let _phase = self.inner.enter()?;
        driver_type.check()?;
        let name = driver_type.name().to_owned();
        let mut store = lock(&self.inner.store);
        let known = &store.kept().driver_types;
        if known.contains_key(&name) {
            return Err(exists(Kind::DriverType, &name));
        }
        if known.len() >= MAX_DRIVERS {
            return Err(too_many(Kind::DriverType));
        }
        store.change(|kept| {
            kept.driver_types.insert(name, driver_type);
        })
    }

    /// A driver type.
    ///
    /// # Errors
    ///
    /// [`ManagerError::NotFound`].
    pub fn driver_type(&self, name: &str) -> Result<DriverType, ManagerError> {
        let known = self.inner.kept_driver_type(name);
        known.ok_or_else(|| not_found(Kind::DriverType, name))
    }

    /// All driver types, by name.
    pub fn driver_types(&self) -> Vec<DriverType> {
        let store = lock(&self.inner.store);
        store.kept().driver_types.values().cloned().collect()
    }

    /// Changes the driver type of this name. Its drivers are started again.
    ///
    /// # Errors
    ///
    /// [`ManagerError::Invalid`], [`ManagerError::NotFound`], [`ManagerError::Store`], [`ManagerError::Closed`], and
    /// [`ManagerError::Busy`] if one of its drivers is being changed or deleted.
    pub fn update_driver_type(&self, driver_type: DriverType) -> Result<(), ManagerError> {
        let _phase = self.inner.enter()?;
        driver_type.check()?;
        let name = driver_type.name().to_owned();
        let drivers = lock(&self.inner.drivers);
        self.driver_type(&name)?;
        let of_type = of_type(&drivers, &name);
        for (driver, info) in &of_type {
            self.inner.check_idle(driver, info)?;
        }
        lock(&self.inner.store).change(|kept| {
            kept.driver_types.insert(name, driver_type);
        })?;
        for (driver, _) in of_type {
            drivers[&driver].restart(None);
        }
        Ok(())
    }

    /// Ends a driver type that no driver is of.
    ///
    /// # Errors
    ///
    /// [`ManagerError::NotFound`], [`ManagerError::InUse`], [`ManagerError::Store`], [`ManagerError::Closed`].
    pub fn delete_driver_type(&self, name: &str) -> Result<DriverType, ManagerError> {
        let _phase = self.inner.enter()?;
        let drivers = lock(&self.inner.drivers);
        let gone = self.driver_type(name)?;
        if let Some((by, _)) = of_type(&drivers, name).into_iter().next() {
            return Err(ManagerError::InUse {
                kind: Kind::DriverType,
                name: name.into(),
                by,
            });
        }
        lock(&self.inner.store).change(|kept| {
            kept.driver_types.remove(name);
        })?;
        Ok(gone)
    }

    /// Adds a driver of a known type, and starts it on a thread of its own if the manager has started. It is kept when this
    /// returns; its status says how far it is.
    ///
    /// # Errors
    ///
    /// [`ManagerError::Invalid`], [`ManagerError::NotFound`] for the type, [`ManagerError::AlreadyExists`],
    /// [`ManagerError::TooMany`], [`ManagerError::Store`], [`ManagerError::Closed`]. [`ManagerError::System`] if there is no
    /// thread for it: it is kept then, and in [`Status::Error`] until it is updated.
    ///
    /// # Examples
    ///
    /// ```
    /// use laneway::manager::{DriverSpec, DriverType, Kind, Manager, ManagerError};
    ///
    /// let manager = Manager::new()?;
    /// let error = manager.create_driver(DriverSpec::new("fast", "ticker")).unwrap_err();
    /// assert!(matches!(error, ManagerError::NotFound { kind: Kind::DriverType, .. }));
    ///
    /// manager.create_driver_type(DriverType::command("ticker", "/usr/lib/drivers/ticker", []))?;
    /// manager.create_driver(DriverSpec::new("fast", "ticker").config("milliseconds", "20"))?;
    /// # Ok::<(), ManagerError>(())
    /// ```
    pub fn create_driver(&self, spec: DriverSpec) -> Result<DriverInfo, ManagerError> {
        let phase = self.inner.enter()?;
        spec.check()?;
        let name = spec.name().to_owned();
        let mut drivers = lock(&self.inner.drivers);
        self.driver_type(spec.driver_type())?;
        if drivers.contains_key(&name) {
            return Err(exists(Kind::Driver, &name));
        }
        if drivers.len() >= MAX_DRIVERS {
            return Err(too_many(Kind::Driver));
        }
        self.inner.keep_driver(&spec)?;
        let driver = DriverEntry::new(spec);
        drivers.insert(name, Arc::clone(&driver));
        if *phase == Phase::New {
            return Ok(driver.info());
        }
        self.start_driver(&driver)
    }

    fn start_driver(&self, driver: &Arc<DriverEntry>) -> Result<DriverInfo, ManagerError> {
        let info = driver.start(&self.inner)?;
        if self.inner.is_closing() {
            // It closed in a handler, where it could not wait for this.
            driver.stop();
            return Err(ManagerError::Closed);
        }
        Ok(info)
    }

    /// A driver as it is now.
    ///
    /// # Errors
    ///
    /// [`ManagerError::NotFound`].
    pub fn driver(&self, name: &str) -> Result<DriverInfo, ManagerError> {
        Ok(find(&lock(&self.inner.drivers), name)?.info())
    }

    /// All drivers, by name.
    pub fn drivers(&self) -> Vec<DriverInfo> {
        let drivers = lock(&self.inner.drivers);
        drivers.values().map(|driver| driver.info()).collect()
    }

    /// Changes the driver of this name, as a whole. It is [`Status::Updating`] until what ran has ended, and is then started with
    /// its new options. So is one that there was no thread for.
    ///
    /// # Errors
    ///
    /// [`ManagerError::Invalid`], [`ManagerError::NotFound`] for it and for its type, [`ManagerError::Busy`],
    /// [`ManagerError::Store`], [`ManagerError::Closed`], and [`ManagerError::System`] as
    /// [`create_driver`](Self::create_driver) has it.
    pub fn update_driver(&self, spec: DriverSpec) -> Result<DriverInfo, ManagerError> {
        let phase = self.inner.enter()?;
        spec.check()?;
        let drivers = lock(&self.inner.drivers);
        let driver = find(&drivers, spec.name())?;
        self.driver_type(spec.driver_type())?;
        self.inner.check_idle(spec.name(), &driver.info())?;
        self.inner.keep_driver(&spec)?;
        let info = driver.restart(Some(&spec));
        if *phase == Phase::New || driver.has_thread() {
            return Ok(info);
        }
        self.start_driver(driver)
    }

    /// Ends a driver. When this returns it is not kept any more; it is [`Status::Deleting`] until what ran has ended, and then
    /// gone.
    ///
    /// # Errors
    ///
    /// [`ManagerError::NotFound`], [`ManagerError::Busy`], [`ManagerError::Store`], [`ManagerError::Closed`].
    pub fn delete_driver(&self, name: &str) -> Result<DriverInfo, ManagerError> {
        let _phase = self.inner.enter()?;
        let mut drivers = lock(&self.inner.drivers);
        let driver = Arc::clone(find(&drivers, name)?);
        self.inner.check_idle(name, &driver.info())?;
        lock(&self.inner.store).change(|kept| {
            kept.drivers.remove(name);
        })?;
        if driver.has_thread() {
            return Ok(driver.stop());
        }
        drivers.remove(name);
        Ok(driver.end())
    }

    /// Waits until a driver has a status, and says whether it has; [`Status::Deleted`] also if there is none of this name.
    ///
    /// # Errors
    ///
    /// [`ManagerError::NotFound`].
    ///
    /// # Blocking
    ///
    /// Up to `timeout`.
    pub fn wait_driver(
        &self,
        name: &str,
        status: Status,
        timeout: Duration,
    ) -> Result<bool, ManagerError> {
        let found = find(&lock(&self.inner.drivers), name).cloned();
        match found {
            Ok(driver) => Ok(driver.wait_for(status, Instant::now().checked_add(timeout))),
            Err(_) if status == Status::Deleted => Ok(true),
            Err(error) => Err(error),
        }
    }
}

type Drivers = BTreeMap<String, Arc<DriverEntry>>;

fn find<'a>(drivers: &'a Drivers, name: &str) -> Result<&'a Arc<DriverEntry>, ManagerError> {
    let driver = drivers.get(name);
    driver.ok_or_else(|| not_found(Kind::Driver, name))
}

fn of_type(drivers: &MutexGuard<'_, Drivers>, driver_type: &str) -> Vec<(String, DriverInfo)> {
    let all = drivers.iter();
    let infos = all.map(|(name, driver)| (name.clone(), driver.info()));
    infos
        .filter(|(_, info)| info.spec.driver_type() == driver_type)
        .collect()
}

fn too_many(kind: Kind) -> ManagerError {
    let limit = MAX_DRIVERS;
    ManagerError::TooMany { kind, limit }
}

impl Inner {
    fn check_idle(&self, name: &str, info: &DriverInfo) -> Result<(), ManagerError> {
        match info.status {
            status if status.is_busy() => Err(busy(Kind::Driver, name, status)),
            _ => Ok(()),
        }
    }

    fn keep_driver(&self, spec: &DriverSpec) -> Result<(), ManagerError> {
        let mut store = lock(&self.store);
        store.change(|kept| {
            kept.drivers.insert(spec.name().into(), spec.clone());
        })
    }

    pub(in crate::manager) fn kept_driver_type(&self, name: &str) -> Option<DriverType> {
        lock(&self.store).kept().driver_types.get(name).cloned()
    }

    /// Takes a driver that has ended off the list.
    pub(in crate::manager) fn forget_driver(&self, ended: &Arc<DriverEntry>) {
        lock(&self.drivers).retain(|_, driver| !Arc::ptr_eq(driver, ended));
    }
}
