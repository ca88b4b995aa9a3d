//! What survives a restart: one file, replaced as a whole.
//!
//! # Why no acknowledged change is lost
//!
//! A change is written like this, and acknowledged after the last step:
//!
//! 1. the whole state, with the change in it, goes to `<file>.tmp` in the same folder, which is synced;
//! 2. `<file>.tmp` is renamed to `<file>`, which replaces it at once or not at all;
//! 3. the folder is synced, so that the new name survives a power failure.
//!
//! A crash before 2 leaves the old state, one after it the new one; before the end of 3 the change was not acknowledged, and
//! either is right. A left-over `<file>.tmp` is never read, and written over by the next change. Two managers are kept apart
//! by a lock on `<file>.lock`, which the system takes back when a process dies.

use crate::manager::error::{ManagerError, StoreError};
use crate::manager::rule::{InvalidField, MAX_NAME};
use crate::manager::spec::{DriverSpec, DriverType, SubscriptionSpec};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

const FORMAT: &str = "laneway-manager";
const VERSION: u64 = 1;

/// More than the most of everything takes.
const MAX_BYTES: u64 = 1 << 30;

/// What is kept, by name.
#[derive(Clone, Debug, Default)]
pub(super) struct Kept {
    pub(super) driver_types: BTreeMap<String, DriverType>,
    pub(super) drivers: BTreeMap<String, DriverSpec>,
    pub(super) subscriptions: BTreeMap<String, SubscriptionSpec>,
}

/// How [`Kept`] is written.
#[derive(Serialize)]
struct Written<'a> {
    format: &'a str,
    version: u64,
    driver_types: Vec<&'a DriverType>,
    drivers: Vec<&'a DriverSpec>,
    subscriptions: Vec<&'a SubscriptionSpec>,
}

/// Read first, whatever else there is.
#[derive(Deserialize)]
struct Header {
    format: String,
    version: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(rename = "format")]
    _format: String,
    #[serde(rename = "version")]
    _version: u64,
    #[serde(deserialize_with = "named")]
    driver_types: BTreeMap<String, DriverType>,
    #[serde(deserialize_with = "named")]
    drivers: BTreeMap<String, DriverSpec>,
    #[serde(deserialize_with = "named")]
    subscriptions: BTreeMap<String, SubscriptionSpec>,
}

/// What has a name and rules.
trait Record {
    fn name(&self) -> &str;
    fn check(&self) -> Result<(), InvalidField>;
}

macro_rules! record {
    ($($kind:ty),+) => {$(
        impl Record for $kind {
            fn name(&self) -> &str {
                self.name()
            }
            fn check(&self) -> Result<(), InvalidField> {
                self.check()
            }
        }
    )+};
}
record!(DriverType, DriverSpec, SubscriptionSpec);

/// A record that keeps its rules: checked where it is read, so that the error has its place.
struct Checked<T>(T);

impl<'de, T: Record + Deserialize<'de>> Deserialize<'de> for Checked<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let record = T::deserialize(from)?;
        record.check().map_err(D::Error::custom)?;
        Ok(Checked(record))
    }
}

fn named<'de, D, T>(from: D) -> Result<BTreeMap<String, T>, D::Error>
where
    D: Deserializer<'de>,
    T: Record + Deserialize<'de>,
{
    let mut all = BTreeMap::new();
    for Checked(record) in Vec::<Checked<T>>::deserialize(from)? {
        let name: String = record.name().into();
        if all.insert(name.clone(), record).is_some() {
            let shown: String = name.chars().take(MAX_NAME).collect();
            return Err(D::Error::custom(format_args!("`{shown}` is there twice")));
        }
    }
    Ok(all)
}

/// The open file. One thread at a time writes.
#[derive(Debug)]
pub(super) struct Store {
    /// Empty without a file.
    path: PathBuf,
    /// Held for as long as the store is open. None without a file, which keeps nothing.
    lock: Option<File>,
    /// Others may have the file by now.
    is_closed: bool,
    kept: Kept,
}

impl Store {
    /// Keeps what it is told for as long as it lives.
    pub(super) fn in_memory() -> Self {
        Store {
            path: PathBuf::new(),
            lock: None,
            is_closed: false,
            kept: Kept::default(),
        }
    }

    /// Lets others open the file. Nothing is changed after this.
    pub(super) fn close(&mut self) {
        self.is_closed = true;
        if let Some(lock) = self.lock.take() {
            // Closing the file is not enough: a process that another thread is about to start has it too, until it runs.
            let _ = lock.unlock();
        }
    }

    /// Opens a store, or makes an empty one where there is no file.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        // As it is now: the process may change its folder.
        let path = &std::path::absolute(path).map_err(|error| failed("find", path, error))?;
        let lock_path = beside(path, ".lock");
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock_path)
            .map_err(|error| failed("open", &lock_path, error))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreError::Locked(path.into())),
            Err(TryLockError::Error(error)) => return Err(failed("lock", &lock_path, error)),
        }
        let mut store = Store {
            path: path.into(),
            lock: Some(lock),
            is_closed: false,
            kept: Kept::default(),
        };
        match store.read() {
            Ok(kept) => store.kept = kept,
            Err(StoreError::Io { error, .. }) if error.kind() == io::ErrorKind::NotFound => {
                store.write(&store.kept)?;
            }
            Err(error) => return Err(error),
        }
        Ok(store)
    }

    pub(super) fn kept(&self) -> &Kept {
        &self.kept
    }

    /// Makes a change that survives from when this returns.
    pub(super) fn change(&mut self, change: impl FnOnce(&mut Kept)) -> Result<(), ManagerError> {
        if self.is_closed {
            return Err(ManagerError::Closed);
        }
        let mut kept = self.kept.clone();
        change(&mut kept);
        if self.lock.is_some() {
            self.write(&kept)?;
        }
        self.kept = kept;
        Ok(())
    }

    fn read(&self) -> Result<Kept, StoreError> {
        let path = &self.path;
        let reading = |error| failed("read", path, error);
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(reading)?;
        (file.take(MAX_BYTES + 1).read_to_end(&mut bytes)).map_err(reading)?;
        if bytes.len() as u64 > MAX_BYTES {
            return Err(self.too_large());
        }
        let corrupt = |line, column, reason| StoreError::Corrupt {
            path: path.clone(),
            line,
            column,
            reason,
        };
        let placed = |error: serde_json::Error| {
            let text = error.to_string();
            let reason = text.split(" at line ").next().unwrap_or_default();
            corrupt(error.line(), error.column(), reason.into())
        };
        let header: Header = serde_json::from_slice(&bytes).map_err(placed)?;
        if header.format != FORMAT {
            return Err(corrupt(1, 1, format!("the format is not {FORMAT}")));
        }
        if header.version != VERSION {
            return Err(StoreError::Version {
                path: path.clone(),
                found: header.version,
            });
        }
        let document: Document = serde_json::from_slice(&bytes).map_err(placed)?;
        for driver in document.drivers.values() {
            if !document.driver_types.contains_key(driver.driver_type()) {
                let reason = format!("driver `{}` has no driver type", driver.name());
                return Err(corrupt(1, 1, reason));
            }
        }
        Ok(Kept {
            driver_types: document.driver_types,
            drivers: document.drivers,
            subscriptions: document.subscriptions,
        })
    }

    fn too_large(&self) -> StoreError {
        StoreError::TooLarge {
            path: self.path.clone(),
            limit: MAX_BYTES,
        }
    }

    fn write(&self, kept: &Kept) -> Result<(), StoreError> {
        let written = Written {
            format: FORMAT,
            version: VERSION,
            driver_types: kept.driver_types.values().collect(),
            drivers: kept.drivers.values().collect(),
            subscriptions: kept.subscriptions.values().collect(),
        };
        let mut bytes = serde_json::to_vec_pretty(&written)
            .map_err(|error| failed("write", &self.path, error.into()))?;
        bytes.push(b'\n');
        if bytes.len() as u64 > MAX_BYTES {
            // It could not be read again.
            return Err(self.too_large());
        }
        let new = beside(&self.path, ".tmp");
        let writing = |error| failed("write", &new, error);
        let mut file = File::create(&new).map_err(writing)?;
        if let Ok(old) = std::fs::metadata(&self.path) {
            // Who may read it is not ours to change.
            file.set_permissions(old.permissions()).map_err(writing)?;
        }
        file.write_all(&bytes).map_err(writing)?;
        file.sync_all().map_err(writing)?;
        std::fs::rename(&new, &self.path).map_err(|error| failed("replace", &self.path, error))?;
        sync_folder(&self.path).map_err(|error| failed("sync the folder of", &self.path, error))
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.close();
    }
}

/// Makes the name of a file last. Only Unix has folders that can be synced.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    if !cfg!(unix) {
        return Ok(());
    }
    // An absolute path to a file has a folder.
    let folder = path.parent().unwrap_or(path);
    File::open(folder)?.sync_all()
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(end);
    name.into()
}

fn failed(action: &'static str, path: &Path, error: io::Error) -> StoreError {
    StoreError::Io {
        action,
        path: path.into(),
        error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A change waits for another one to be synced, `close(ZERO)` does not wait for the change and comes first: it was
    /// acknowledged, and never written.
    #[test]
    fn a_change_behind_the_end_is_refused() {
        let name = format!("laneway-store-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("state.json");
        for mut store in [Store::in_memory(), Store::open(&path).unwrap()] {
            let insert = |kept: &mut Kept| {
                let new = DriverType::in_process("t");
                kept.driver_types.insert("t".into(), new);
            };
            store.close();
            assert!(matches!(store.change(insert), Err(ManagerError::Closed)));
            assert!(store.kept().driver_types.is_empty());
        }
        std::fs::remove_dir_all(folder).unwrap();
    }
}
