//! What can be wrong with a file.

use std::error::Error;
use std::fmt;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// What was being done with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileOperation {
    /// Opening it.
    Open,
    /// Looking for a torn line at its end, and moving that aside.
    Recover,
    /// Writing a line.
    Write,
    /// Asking the system to put it on the disk.
    Sync,
    /// Putting a new file in its place.
    Rotate,
}

impl fmt::Display for FileOperation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FileOperation::Open => "open",
            FileOperation::Recover => "recover",
            FileOperation::Write => "write to",
            FileOperation::Sync => "sync",
            FileOperation::Rotate => "rotate",
        })
    }
}

/// Why a [`FileSink`](super::FileSink) could not do what it should. In a [`SinkError`](super::super::SinkError), it is
/// the source of [`Failed`](super::super::SinkError::Failed).
///
/// ```
/// use laneway::sink::{FileError, FileOperation, FileSink};
///
/// let error = FileSink::<u32>::builder("/dev/null/no/events.ndjson")
///     .open_with(|_, _| Ok(()))
///     .unwrap_err();
/// assert!(matches!(error, FileError::Io { operation: FileOperation::Open, .. }));
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum FileError {
    /// The disk, or the user's share of it, is full.
    DiskFull {
        /// What was being done.
        operation: FileOperation,
        /// With which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The process may not do that, or the file system is read-only.
    PermissionDenied {
        /// What was being done.
        operation: FileOperation,
        /// With which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Another sink, perhaps of another process, has the file.
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// There is something else than a regular file: a folder, a device, a pipe.
    NotAFile {
        /// Where.
        path: PathBuf,
    },
    /// A setting is out of range.
    Setting {
        /// Which, and what is allowed.
        rule: &'static str,
    },
    /// Something else.
    Io {
        /// What was being done.
        operation: FileOperation,
        /// With which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl FileError {
    pub(super) fn new(operation: FileOperation, path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => FileError::DiskFull {
                operation,
                path,
                source,
            },
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
                FileError::PermissionDenied {
                    operation,
                    path,
                    source,
                }
            }
            _ => FileError::Io {
                operation,
                path,
                source,
            },
        }
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FileError::DiskFull {
                operation,
                path,
                source,
            }
            | FileError::PermissionDenied {
                operation,
                path,
                source,
            }
            | FileError::Io {
                operation,
                path,
                source,
            } => write!(f, "cannot {operation} {}: {source}", path.display()),
            FileError::InUse { path } => write!(f, "{} is in use", path.display()),
            FileError::NotAFile { path } => write!(f, "{} is no regular file", path.display()),
            FileError::Setting { rule } => f.write_str(rule),
        }
    }
}

impl Error for FileError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            FileError::DiskFull { source, .. }
            | FileError::PermissionDenied { source, .. }
            | FileError::Io { source, .. } => Some(source),
            FileError::InUse { .. } | FileError::NotAFile { .. } | FileError::Setting { .. } => {
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No disk is filled for that.
    #[test]
    fn what_the_system_says_has_its_error() {
        let of = |kind: ErrorKind| {
            FileError::new(FileOperation::Write, Path::new("events"), kind.into())
        };
        for kind in [ErrorKind::StorageFull, ErrorKind::QuotaExceeded] {
            assert!(matches!(of(kind), FileError::DiskFull { .. }));
        }
        for kind in [ErrorKind::PermissionDenied, ErrorKind::ReadOnlyFilesystem] {
            assert!(matches!(of(kind), FileError::PermissionDenied { .. }));
        }
        let full = of(ErrorKind::StorageFull).to_string();
        assert!(full.starts_with("cannot write to events: "), "{full}");
    }
}
