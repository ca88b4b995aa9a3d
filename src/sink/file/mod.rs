//! Lines in a file, and in the files before it.

mod error;
mod log;
mod resume;

pub use error::{FileError, FileOperation};
pub use resume::Torn;

use super::encode::{Encode, Encoder, encode_line};
use super::error::{BoxError, SinkError};
use super::report::CloseReport;
use super::traits::Sink;
use crate::contain::contain;
use crate::event::Event;
use log::Log;
use std::fmt;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Writes events into a file, one JSON document a line (NDJSON), and begins another when it is full.
///
/// * **Rotation.** A line that would make the file longer than [`max_bytes`](FileSinkBuilder::max_bytes) goes to a new one; the old
///   one becomes `<path>.1`, that before it `<path>.2`, up to the [number to keep](FileSinkBuilder::keep).
/// * **Crashes.** A file holds whole lines. What was written of a line when the disk was full is cut off again. What a
///   crash left of one is found by the next sink that opens the file, moved to `<path>.torn` and reported by
///   [`torn`](Self::torn).
/// * **Disks.** When a line is on the disk, and not just handed to the system, is up to [`Fsync`]. A line whose sync failed
///   is in the file, so who tries it again has it twice.
/// * **Others.** The file is locked: opening it a second time is [`FileError::InUse`].
///
/// Errors of the file system are [`SinkError::Failed`] with a [`FileError`], which may pass; an event without an encoding
/// in one line is [`SinkError::Refused`]. [`close`](Sink::close) syncs, unless told never to, and so does dropping it, which only
/// traces an error.
///
/// ```
/// use laneway::sink::{FileSink, Fsync, Sink};
/// use laneway::{Event, Topic};
/// use std::time::Duration;
///
/// # let folder = std::env::temp_dir().join(format!("laneway-doc-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// # let path = folder.join("events.ndjson");
/// let mut sink = FileSink::builder(&path)
///     .max_bytes(64 << 20)
///     .keep(4)
///     .fsync(Fsync::Interval(Duration::from_secs(1)))
///     .open_with(|event: &Event<u32>, out| {
///         out.extend(format!(r#"{{"number":{}}}"#, event.payload()).bytes());
///         Ok(())
///     })?;
/// sink.write(&Event::new(Topic::new("compute", "VM.START")?, 7))?;
/// assert!(sink.close(Duration::from_secs(1)).is_complete());
/// assert_eq!(std::fs::read_to_string(&path)?, "{\"number\":7}\n");
/// # std::fs::remove_dir_all(folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct FileSink<E> {
    log: Log,
    torn: Option<Torn>,
    encoder: Encoder<E>,
    line: Vec<u8>,
    /// How long a line may be.
    limit: u64,
    is_closed: bool,
}

/// When the system is asked to put lines on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Fsync {
    /// Never: a crash of the process loses nothing, one of the machine what the system had not written yet. The default.
    #[default]
    Never,
    /// After so many lines; the last ones when the sink is closed.
    Every(u32),
    /// With the first line that comes so long after the last time, and when the sink is closed.
    Interval(Duration),
    /// After each line, before its write is `Ok`.
    Always,
}

/// The counters of a [`FileSink`] since it was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileStats {
    /// Lines written.
    pub lines: u64,
    /// Bytes written.
    pub bytes: u64,
    /// Files that were full.
    pub rotations: u64,
    /// How often the system was asked to put lines on the disk, and has.
    pub syncs: u64,
}

/// Sets up a [`FileSink`].
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until it is opened"]
pub struct FileSinkBuilder<E> {
    path: PathBuf,
    max_bytes: u64,
    keep: u32,
    fsync: Fsync,
    events: PhantomData<fn(E)>,
}

/// As many files as a rotation renames one by one.
const MAX_KEPT: u32 = 1000;

impl<E> FileSink<E> {
    /// Begins to set one up.
    pub fn builder(path: impl AsRef<Path>) -> FileSinkBuilder<E> {
        FileSinkBuilder {
            path: path.as_ref().into(),
            max_bytes: 64 << 20,
            keep: 8,
            fsync: Fsync::default(),
            events: PhantomData,
        }
    }

    /// What a crash had left at the end of the file when it was opened.
    pub fn torn(&self) -> Option<&Torn> {
        self.torn.as_ref()
    }

    /// The file it writes to, from the root, without links.
    pub fn path(&self) -> &Path {
        self.log.path()
    }

    /// Its counters.
    pub fn stats(&self) -> FileStats {
        self.log.stats
    }
}

impl<E: Encode> FileSink<E> {
    /// Opens a file, or makes it, for events that know their encoding, with the defaults of the [builder](Self::builder).
    ///
    /// # Errors
    ///
    /// As [`FileSinkBuilder::open_with`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, FileError> {
        Self::builder(path).open()
    }
}

impl<E> FileSinkBuilder<E> {
    /// How long a file may become. A line that is longer is refused. By default 64 MiB.
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// How many full files are kept beside the one that is written to, at most 1000; the oldest is removed. By default 8. Files
    /// that an earlier setting kept beyond that stay.
    pub fn keep(mut self, files: u32) -> Self {
        self.keep = files;
        self
    }

    /// When lines are put on the disk. By default [`Fsync::Never`].
    pub fn fsync(mut self, fsync: Fsync) -> Self {
        self.fsync = fsync;
        self
    }

    /// Opens the file, or makes it, for events that know their encoding.
    ///
    /// # Errors
    ///
    /// As [`open_with`](Self::open_with).
    pub fn open(self) -> Result<FileSink<E>, FileError>
    where
        E: Encode,
    {
        self.open_with(E::encode)
    }

    /// Opens the file, or makes it, with a closure that appends an event's document: JSON in one line.
    ///
    /// # Errors
    ///
    /// A setting out of range, something else than a regular file, a file in use, and what the system says.
    pub fn open_with<F>(self, encode: F) -> Result<FileSink<E>, FileError>
    where
        F: FnMut(&Event<E>, &mut Vec<u8>) -> Result<(), BoxError> + Send + 'static,
    {
        let rules = [
            (self.max_bytes > 0, "a file may be at least one byte long"),
            (self.keep <= MAX_KEPT, "at most 1000 full files are kept"),
            (
                self.fsync != Fsync::Every(0),
                "files are synced after at least one line",
            ),
        ];
        if let Some((_, rule)) = rules.into_iter().find(|(is_kept, _)| !is_kept) {
            return Err(FileError::Setting { rule });
        }
        let (log, torn) = Log::open(self.path, self.max_bytes, self.keep, self.fsync)?;
        if let Some(torn) = &torn {
            let path = log.path();
            contain(|| tracing::warn!(?path, ?torn, "a file ended within a line"));
        }
        Ok(FileSink {
            log,
            torn,
            encoder: Box::new(encode),
            line: Vec::new(),
            limit: self.max_bytes,
            is_closed: false,
        })
    }
}

impl<E: 'static> Sink<E> for FileSink<E> {
    /// # Blocking
    ///
    /// For the file system, and with [`Fsync`] for the disk.
    fn write(&mut self, event: &Event<E>) -> Result<(), SinkError> {
        if self.is_closed {
            return Err(SinkError::Closed);
        }
        encode_line(&mut self.encoder, event, &mut self.line, self.limit)
            .map_err(SinkError::Refused)?;
        self.log.append(&self.line).map_err(SinkError::failed)
    }

    fn close(&mut self, _: Duration) -> CloseReport<E> {
        let is_first = !std::mem::replace(&mut self.is_closed, true);
        let synced = if is_first && self.log.syncs_at_end() {
            self.log.sync()
        } else {
            Ok(())
        };
        self.log.release();
        match synced {
            Ok(()) => CloseReport::default(),
            Err(error) => {
                let name = self.log.path().display().to_string();
                CloseReport::failure(name, SinkError::failed(error))
            }
        }
    }
}

impl<E> fmt::Debug for FileSink<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileSink")
            .field("path", &self.log.path())
            .field("stats", &self.log.stats)
            .finish_non_exhaustive()
    }
}
