//! What a crash left at the end of a file.

use super::log::{beside, sync_folder};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// A part of a line that was found at the end of a file, and moved to another.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Torn {
    /// How long it is.
    pub bytes: u64,
    /// The file it was appended to, as a line of its own.
    pub moved_to: PathBuf,
}

/// Makes the file end with its last whole line.
///
/// The part is on the disk elsewhere before it is cut off here. After a crash in between it is found, and moved, again.
pub(super) fn resume(mut file: &File, path: &Path) -> io::Result<Option<Torn>> {
    let length = file.metadata()?.len();
    let whole = end_of_lines(file, length)?;
    if whole == length {
        return Ok(None);
    }
    let moved_to = beside(path, ".torn");
    let mut aside = File::options().append(true).create(true).open(&moved_to)?;
    file.seek(SeekFrom::Start(whole))?;
    io::copy(&mut file.take(length - whole), &mut aside)?;
    aside.write_all(b"\n")?;
    aside.sync_all()?;
    sync_folder(path)?;
    file.set_len(whole)?;
    file.sync_all()?;
    Ok(Some(Torn {
        bytes: length - whole,
        moved_to,
    }))
}

/// Where the last line break ends.
fn end_of_lines(mut file: &File, length: u64) -> io::Result<u64> {
    let mut block = [0; 8192];
    let mut end = length;
    while end > 0 {
        let start = end.saturating_sub(block.len() as u64);
        let block = &mut block[..(end - start) as usize];
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(block)?;
        if let Some(at) = block.iter().rposition(|&byte| byte == b'\n') {
            return Ok(start + at as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}
