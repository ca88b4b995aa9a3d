//! The terminal, on a thread of its own.

use std::io::{self, Write as _};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

/// Paints one frame over the other.
///
/// A terminal can be slow, or be held by its user. An actor that waits for it holds up its whole shard, and with it the
/// publishers; so it leaves its frames here and goes on.
pub(super) struct Painter {
    frames: SyncSender<String>,
    thread: JoinHandle<()>,
}

impl Painter {
    pub(super) fn start() -> io::Result<Painter> {
        let (frames, to_paint) = sync_channel(1);
        let thread = thread::Builder::new().name("painter".into());
        let thread = thread.spawn(move || paint(&to_paint))?;
        Ok(Painter { frames, thread })
    }

    /// Unless the one before is not painted yet: then this one is skipped.
    pub(super) fn show(&self, frame: &str) {
        let _ = self.frames.try_send(frame.into());
    }

    /// Waits for the last frame.
    pub(super) fn finish(self) {
        drop(self.frames);
        let _ = self.thread.join();
    }
}

/// Until there are no more frames, or no terminal.
fn paint(frames: &Receiver<String>) {
    let mut height = 0;
    for frame in frames {
        // Back to the first line of the frame before.
        let mut text = if height > 0 {
            format!("\x1b[{height}A")
        } else {
            String::new()
        };
        height = frame.lines().count();
        for line in frame.lines() {
            // Without what is left of a longer line.
            text += line;
            text += "\x1b[K\n";
        }
        // And of a longer frame.
        text += "\x1b[J";
        let mut terminal = io::stdout().lock();
        let written = terminal.write_all(text.as_bytes());
        if written.and_then(|()| terminal.flush()).is_err() {
            return;
        }
    }
}
