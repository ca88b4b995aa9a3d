//! Writes events to a file, one JSON object on a line.

use crate::args::Args;
use crate::reading::{ALERT, Labels, Reading};
use laneway::{Actor, Context, Event, StopReason, Topic};
use std::collections::HashMap;
use std::fmt::{self, Write as _};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// A shard's actors share a thread, so writes to the file should be few.
const BUFFER: usize = 256 << 10;

pub(crate) struct Recorder {
    file: BufWriter<File>,
    path: PathBuf,
    /// Whether to write readings that are as before: most are, at thousands a second.
    all: bool,
    /// How many bytes more the file may take.
    left_bytes: u64,
    labels: Labels,
    series: HashMap<Topic, Series>,
    /// The line that is being made.
    line: String,
    /// Two clocks at one moment: readings have the time of one, people of the other.
    epoch: (Instant, SystemTime),
    outcome: RecorderOutcome,
    done: Sender<RecorderOutcome>,
}

struct Series {
    /// The beginning of its lines: what comes from the topic.
    head: String,
    /// What need not be written again.
    last: Option<u64>,
}

#[derive(Default)]
pub(crate) struct RecorderOutcome {
    pub(crate) taken: u64,
    pub(crate) lines: u64,
    /// Lines left out, so that the file does not get too large.
    pub(crate) left_out: u64,
    pub(crate) path: PathBuf,
    error: Option<io::Error>,
}

impl RecorderOutcome {
    /// Why the file is not complete.
    pub(crate) fn fault(&self) -> Option<String> {
        let error = self.error.as_ref()?;
        Some(format!("cannot write {}: {error}", self.path.display()))
    }
}

impl Recorder {
    pub(crate) fn create(
        args: &Args,
        labels: &Labels,
    ) -> Result<(Recorder, Receiver<RecorderOutcome>), String> {
        let file = File::create(&args.record).map_err(|error| {
            let path = args.record.display();
            format!("cannot create {path}: {error}; --record takes another path")
        })?;
        let (done, outcome) = channel();
        let recorder = Recorder {
            file: BufWriter::with_capacity(BUFFER, file),
            path: args.record.clone(),
            all: args.record_all,
            left_bytes: args.record_limit_bytes,
            labels: labels.clone(),
            series: HashMap::new(),
            line: String::new(),
            epoch: (Instant::now(), SystemTime::now()),
            outcome: RecorderOutcome::default(),
            done,
        };
        Ok((recorder, outcome))
    }

    fn write(&mut self, event: &Event<Reading>) -> io::Result<()> {
        let (topic, reading) = (event.topic(), event.payload());
        let series = self.series.entry(topic).or_insert_with(|| Series {
            head: Head(topic, &self.labels.of(topic)).to_string(),
            last: None,
        });
        let known = series.last.replace(reading.value);
        if known == Some(reading.value) && !self.all && topic.category() != ALERT {
            return Ok(());
        }
        let (instant, time) = self.epoch;
        let time = time + reading.at.saturating_duration_since(instant);
        let unix_us = time
            .duration_since(UNIX_EPOCH)
            .map_or(0, |time| time.as_micros());
        let (head, value, line) = (&series.head, reading.value, &mut self.line);
        line.clear();
        writeln!(line, r#"{head},"value":{value},"unix_us":{unix_us}}}"#)
            .expect("strings take anything");
        match self.left_bytes.checked_sub(line.len() as u64) {
            Some(left) => self.left_bytes = left,
            None => {
                self.outcome.left_out += 1;
                return Ok(());
            }
        }
        self.outcome.lines += 1;
        self.file.write_all(line.as_bytes())
    }
}

impl Actor<Reading> for Recorder {
    fn handle(&mut self, event: &Event<Reading>, ctx: &mut Context<'_, Reading>) {
        self.outcome.taken += 1;
        if let Err(error) = self.write(event) {
            self.outcome.error = Some(error);
            // There is nothing left for it to do. The others go on.
            ctx.stop();
        }
    }

    /// The last call, so the place to flush: a `BufWriter` that is dropped keeps its errors to itself.
    fn stopped(&mut self, _: StopReason) {
        let flushed = self.file.flush();
        let mut outcome = std::mem::take(&mut self.outcome);
        outcome.path = std::mem::take(&mut self.path);
        outcome.error = outcome.error.or(flushed.err());
        let _ = self.done.send(outcome);
    }
}

/// The beginning of a JSON object: the topic's fields.
struct Head<'a>(Topic, &'a str);

impl fmt::Display for Head<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Head(topic, label) = *self;
        let fields = [
            ("category", Some(topic.category())),
            ("type", Some(topic.event_type())),
            ("source", topic.source()),
            ("resource_type", topic.resource_type()),
            ("resource", topic.resource().map(|_| label)),
        ];
        let mut before = '{';
        for (name, text) in fields {
            if let Some(text) = text {
                write!(f, "{before}\"{name}\":{}", Quoted(text))?;
                before = ',';
            }
        }
        Ok(())
    }
}

/// Text as JSON writes it.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for c in self.0.chars() {
            match c {
                '"' | '\\' => write!(f, "\\{c}")?,
                // Threads choose their names, so there may be anything.
                '\0'..='\x1f' | '\x7f' => write!(f, "\\u{:04x}", u32::from(c))?,
                _ => f.write_char(c)?,
            }
        }
        f.write_char('"')
    }
}
