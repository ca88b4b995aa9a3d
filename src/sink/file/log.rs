//! The file that is written to: whole lines or nothing, and a new one when it is full.

use super::error::{FileError, FileOperation};
use super::resume::{Torn, resume};
use super::{FileStats, Fsync};
use crate::contain::contain;
use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

pub(super) struct Log {
    path: PathBuf,
    /// `None` where the old one was moved away, and a new one could not be made yet.
    file: Option<File>,
    /// The end of its last whole line.
    size: u64,
    /// There may be a part of a line behind that.
    is_torn: bool,
    /// A crash may forget its name.
    is_unnamed: bool,
    max_bytes: u64,
    keep: u32,
    fsync: Fsync,
    unsynced: u32,
    last_sync: Instant,
    pub(super) stats: FileStats,
}

impl Log {
    pub(super) fn open(
        path: PathBuf,
        max_bytes: u64,
        keep: u32,
        fsync: Fsync,
    ) -> Result<(Self, Option<Torn>), FileError> {
        let (file, path) = open(&path)?;
        let failed = |error| FileError::new(FileOperation::Recover, &path, error);
        let torn = resume(&file, &path).map_err(failed)?;
        let size = file.metadata().map_err(failed)?.len();
        let mut log = Log {
            file: Some(file),
            size,
            is_torn: false,
            is_unnamed: true,
            max_bytes,
            keep,
            fsync,
            unsynced: 0,
            last_sync: Instant::now(),
            stats: FileStats::default(),
            path,
        };
        let named = log.sync_name();
        named.map_err(|error| log.error(FileOperation::Recover, error))?;
        Ok((log, torn))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a whole line, or nothing.
    pub(super) fn append(&mut self, line: &[u8]) -> Result<(), FileError> {
        let length = line.len() as u64;
        if self.file.is_none() || (self.size > 0 && self.size + length > self.max_bytes) {
            let rotated = self.rotate();
            rotated.map_err(|error| self.error(FileOperation::Rotate, error))?;
        }
        let named = self.sync_name();
        named.map_err(|error| self.error(FileOperation::Rotate, error))?;
        let written = self.write(line);
        written.map_err(|error| self.error(FileOperation::Write, error))?;
        self.size += length;
        self.stats.lines += 1;
        self.stats.bytes += length;
        self.unsynced += 1;
        let is_due = match self.fsync {
            Fsync::Never => false,
            Fsync::Every(lines) => self.unsynced >= lines,
            Fsync::Interval(time) => self.last_sync.elapsed() >= time,
            Fsync::Always => true,
        };
        if is_due { self.sync() } else { Ok(()) }
    }

    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        let Some(file) = &mut self.file else {
            return Err(ErrorKind::NotFound.into());
        };
        if self.is_torn {
            file.set_len(self.size)?;
            self.is_torn = false;
        }
        let mut rest = line;
        while !rest.is_empty() {
            let error = match file.write(rest) {
                Ok(0) => ErrorKind::WriteZero.into(),
                Ok(written) => {
                    rest = &rest[written..];
                    continue;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => error,
            };
            // If it cannot be taken back now, it is before anything else is written.
            self.is_torn = rest.len() < line.len() && file.set_len(self.size).is_err();
            return Err(error);
        }
        Ok(())
    }

    /// On the disk, as far as the system can tell.
    pub(super) fn sync(&mut self) -> Result<(), FileError> {
        let named = self.sync_name();
        named.map_err(|error| self.error(FileOperation::Sync, error))?;
        let Some(file) = &self.file else {
            return Ok(());
        };
        if self.unsynced > 0 {
            let synced = file.sync_data();
            synced.map_err(|error| self.error(FileOperation::Sync, error))?;
            self.stats.syncs += 1;
            self.unsynced = 0;
        }
        self.last_sync = Instant::now();
        Ok(())
    }

    /// Lets others have the file.
    pub(super) fn release(&mut self) {
        if let Some(file) = self.file.take() {
            // Closing it would do, but for a process that is being forked meanwhile, and has it until it executes something else.
            let _ = file.unlock();
        }
    }

    pub(super) fn syncs_at_end(&self) -> bool {
        self.fsync != Fsync::Never
    }

    fn rotate(&mut self) -> io::Result<()> {
        if let Some(file) = &self.file {
            if self.is_torn {
                file.set_len(self.size)?;
                self.is_torn = false;
            }
            if self.fsync != Fsync::Never && self.unsynced > 0 {
                file.sync_data()?;
                self.stats.syncs += 1;
            }
            self.move_away()?;
            self.file = None;
            self.unsynced = 0;
            self.stats.rotations += 1;
        }
        // Nobody else's: who made one meanwhile has it locked.
        let file = (File::options().read(true).append(true))
            .create_new(true)
            .open(&self.path)?;
        lock(&file, &self.path).map_err(io::Error::other)?;
        self.size = 0;
        self.file = Some(file);
        self.is_unnamed = true;
        Ok(())
    }

    /// Moves the files on by one, up to the first gap, so that a crash in the midst of it costs no file.
    fn move_away(&self) -> io::Result<()> {
        if self.keep == 0 {
            return fs::remove_file(&self.path);
        }
        let exists = |number: &u32| fs::symlink_metadata(self.numbered(*number)).is_ok();
        let gap = (1..=self.keep)
            .find(|number| !exists(number))
            .unwrap_or(self.keep);
        for number in (1..gap).rev() {
            fs::rename(self.numbered(number), self.numbered(number + 1))?;
        }
        fs::rename(&self.path, self.numbered(1))
    }

    fn numbered(&self, number: u32) -> PathBuf {
        beside(&self.path, &format!(".{number}"))
    }

    /// What fails here is tried again before anything is written.
    fn sync_name(&mut self) -> io::Result<()> {
        if self.is_unnamed && self.fsync != Fsync::Never {
            sync_folder(&self.path)?;
        }
        self.is_unnamed = false;
        Ok(())
    }

    fn error(&self, operation: FileOperation, source: io::Error) -> FileError {
        FileError::new(operation, &self.path, source)
    }
}

impl Drop for Log {
    /// One that was closed is released already.
    fn drop(&mut self) {
        if self.file.is_some()
            && self.syncs_at_end()
            && let Err(error) = self.sync()
        {
            contain(|| tracing::warn!(%error, "a file was dropped before it was on the disk"));
        }
        self.release();
    }
}

/// How often a file is opened that somebody moves away each time.
const ATTEMPTS: u32 = 16;

/// Opens a file that nobody else has, and says where it is: a path that holds when the current folder is another.
fn open(path: &Path) -> Result<(File, PathBuf), FileError> {
    let failed = |error| FileError::new(FileOperation::Open, path, error);
    // A rotation would move a device away.
    if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        return Err(FileError::NotAFile { path: path.into() });
    }
    for _ in 0..ATTEMPTS {
        let opened = File::options()
            .read(true)
            .append(true)
            .create(true)
            .open(path);
        let file = opened.map_err(failed)?;
        lock(&file, path)?;
        match fs::canonicalize(path).and_then(|place| Ok((is_at(&file, &place)?, place))) {
            Ok((true, place)) => return Ok((file, place)),
            // Whoever had it moved it away before it was locked here.
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
        }
    }
    Err(FileError::InUse { path: path.into() })
}

#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let (file, found) = (file.metadata()?, fs::metadata(path)?);
    Ok((file.dev(), file.ino()) == (found.dev(), found.ino()))
}

/// Other systems do not say.
#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> io::Result<bool> {
    Ok(true)
}

/// So that a crash forgets no name of a file in the folder of this one.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    let Some(folder) = path.parent().filter(|_| cfg!(unix)) else {
        return Ok(());
    };
    match File::open(folder).and_then(|folder| folder.sync_all()) {
        // Some file systems cannot.
        Err(error) if error.kind() == ErrorKind::InvalidInput => Ok(()),
        result => result,
    }
}

/// The path with something behind its name.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut path = OsString::from(path);
    path.push(suffix);
    path.into()
}

fn lock(file: &File, path: &Path) -> Result<(), FileError> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(FileError::InUse { path: path.into() }),
        // Some file systems cannot; then it is the user's business.
        Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => Ok(()),
        Err(TryLockError::Error(error)) => Err(FileError::new(FileOperation::Open, path, error)),
    }
}
