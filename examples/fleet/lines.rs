//! The lines of an input, one at a time in the same memory.

use std::io::{self, BufRead, Read};

pub(crate) struct Lines<R> {
    input: R,
    buffer: Vec<u8>,
    number: u64,
}

pub(crate) enum Line<'a> {
    /// Without its end.
    Whole(&'a [u8]),
    /// It was passed over.
    TooLong,
}

impl<R: BufRead> Lines<R> {
    /// Bytes in a line. More are not kept.
    pub(crate) const LIMIT: usize = 1 << 20;

    pub(crate) fn new(input: R) -> Self {
        Lines {
            input,
            buffer: Vec::new(),
            number: 0,
        }
    }

    /// The number of the line that was last returned, from 1.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    pub(crate) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        self.buffer.clear();
        // One more than the limit, for the end of the line.
        let mut limited = self.input.by_ref().take(Self::LIMIT as u64 + 1);
        if limited.read_until(b'\n', &mut self.buffer)? == 0 {
            return Ok(None);
        }
        self.number += 1;
        if self.buffer.last() == Some(&b'\n') {
            self.buffer.pop();
        } else if self.buffer.len() > Self::LIMIT {
            self.input.skip_until(b'\n')?;
            return Ok(Some(Line::TooLong));
        }
        Ok(Some(Line::Whole(&self.buffer)))
    }
}
