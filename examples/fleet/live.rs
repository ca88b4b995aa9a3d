//! The tally on the terminal, drawn anew five times a second by a thread that looks at it from outside.

use laneway::lifecycle::Tally;
use std::io::{self, Write};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

const PERIOD: Duration = Duration::from_millis(200);

/// A table that is higher than the terminal cannot be drawn over.
const MAX_LINES: usize = 20;

pub(crate) struct Live {
    end: Sender<()>,
    thread: JoinHandle<()>,
}

impl Live {
    pub(crate) fn start(tally: Tally, mut out: Box<dyn Write + Send>) -> io::Result<Live> {
        let (end, ended) = channel();
        let thread = thread::Builder::new().name("live".into()).spawn(move || {
            let mut height = 0;
            while let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(PERIOD) {
                match draw(&tally, &mut *out, height, MAX_LINES) {
                    Ok(drawn) => height = drawn,
                    Err(_) => return,
                }
            }
            let _ = draw(&tally, &mut *out, height, usize::MAX);
        })?;
        Ok(Live { end, thread })
    }

    /// Draws the last table, all of it.
    pub(crate) fn finish(self) {
        drop(self.end);
        let _ = self.thread.join();
    }
}

/// Over the table before, which had so many lines. Says how many this one has.
fn draw(tally: &Tally, out: &mut dyn Write, height: usize, limit: usize) -> io::Result<usize> {
    let table = tally.snapshot().to_string();
    // Lines that are too long are cut: wrapped, they would take more lines than are counted here.
    let mut frame = String::from("\x1b[?7l");
    if height > 0 {
        frame += &format!("\x1b[{height}A");
    }
    let mut lines = 0;
    for line in table.lines().take(limit) {
        lines += 1;
        // Without what is left of a longer line.
        frame += &format!("{line}\x1b[K\n");
    }
    frame += "\x1b[J\x1b[?7h";
    out.write_all(frame.as_bytes())?;
    out.flush()?;
    Ok(lines)
}
