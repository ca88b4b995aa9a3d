//! Reading the kernel's text files over and over: opened once, one buffer, numbers straight from the bytes.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// An open file of /proc. The kernel writes its text anew for each read from the start.
pub(super) struct Text {
    file: File,
    buffer: Vec<u8>,
}

impl Text {
    pub(super) fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        Ok(Text {
            file: File::open(path)?,
            buffer: vec![0; 16 << 10],
        })
    }

    /// All of it.
    pub(super) fn read(&mut self) -> io::Result<&[u8]> {
        let mut len = 0;
        loop {
            if len == self.buffer.len() {
                self.buffer.resize(2 * len, 0);
            }
            // Long texts come in pieces, so only an empty read is the end.
            match self.file.read_at(&mut self.buffer[len..], len as u64) {
                Ok(0) => return Ok(&self.buffer[..len]),
                Ok(more) => len += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

pub(super) fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|&byte| byte == b'\n')
}

/// The decimal numbers among the words of `text`.
pub(super) fn numbers(text: &[u8]) -> impl Iterator<Item = u64> {
    text.split(u8::is_ascii_whitespace).filter_map(number)
}

fn number(word: &[u8]) -> Option<u64> {
    let digit = |value: u64, &byte: &u8| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    };
    (!word.is_empty()).then(|| word.iter().try_fold(0, digit))?
}
