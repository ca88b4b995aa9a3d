//! Where events go whose last attempt has failed.

use crate::cloudevents::CloudEvent;
use crate::contain::contain;
use crate::manager::cancel::lock;
use crate::manager::event_manager::Inner;
use crate::manager::function::{FunctionError, RunError};
use crate::manager::run::Job;
use crate::manager::spec::DeadLetter;
use crate::manager::store::sync_folder;
use serde::Serialize;
use serde_json::value::RawValue;
use std::fs::OpenOptions;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// What a sink for dead letters gets: an event that no attempt succeeded with.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Failure {
    /// The event.
    pub event: CloudEvent,
    /// The subscription's name.
    pub subscription: String,
    /// The function's name.
    pub function: String,
    /// How often it was tried.
    pub attempts: u32,
    /// Why the last attempt failed.
    pub error: RunError,
}

/// Takes dead letters.
pub(in crate::manager) type Sink = dyn Fn(&Failure) -> Result<(), FunctionError> + Send + Sync;

/// How a failure is written.
#[derive(Serialize)]
struct Letter<'a> {
    subscription: &'a str,
    function: &'a str,
    attempts: u32,
    error: LetterError<'a>,
    event: &'a RawValue,
}

#[derive(Serialize)]
struct LetterError<'a> {
    kind: &'a str,
    message: &'a str,
}

/// A file of dead letters takes no more than this.
const MAX_FILE_BYTES: u64 = 1 << 30;

impl Inner {
    /// Sends an event where its subscription's dead letters go; none if they go nowhere.
    pub(super) fn bury(&self, job: &Job, attempts: u32, error: &RunError) -> Option<bool> {
        let letter = job.spec.dead_letter_policy()?;
        let written = || write(job, attempts, error);
        let buried = match letter {
            DeadLetter::Event(event_type) => written()
                .map(|json| self.publish_result(event_type, job, json))
                .map_err(|error| error.to_string()),
            DeadLetter::File(path) => written()
                .and_then(|mut line| {
                    line.push('\n');
                    let _one_at_a_time = lock(&self.letters);
                    append(path, line.as_bytes())
                })
                .map(|()| true)
                .map_err(|error| error.to_string()),
            DeadLetter::Sink(name) => self.hand_over(name, job, attempts, error),
        };
        let name = job.spec.name();
        let is_buried = buried.unwrap_or_else(|error| {
            tracing::error!(subscription = name, %error, "a dead letter is lost");
            false
        });
        Some(is_buried)
    }

    fn hand_over(
        &self,
        name: &str,
        job: &Job,
        attempts: u32,
        error: &RunError,
    ) -> Result<bool, String> {
        let sink = lock(&self.sinks).get(name).cloned();
        let sink = sink.ok_or_else(|| format!("sink `{name}` is not known"))?;
        let failure = Failure {
            event: job.event.clone(),
            subscription: job.spec.name().into(),
            function: job.spec.function_name().into(),
            attempts,
            error: error.clone(),
        };
        let mut taken = Err("the sink panicked".to_owned());
        contain(|| taken = sink(&failure).map_err(|error| error.to_string()));
        // It may have been removed meanwhile, and its Drop is user code.
        contain(|| drop(sink));
        taken.map(|()| true)
    }
}

fn write(job: &Job, attempts: u32, error: &RunError) -> io::Result<String> {
    let event = RawValue::from_string(job.event.to_json())?;
    let letter = Letter {
        subscription: job.spec.name(),
        function: job.spec.function_name(),
        attempts,
        error: LetterError {
            kind: error.word(),
            message: &error.to_string(),
        },
        event: &event,
    };
    Ok(serde_json::to_string(&letter)?)
}

/// Adds a line, behind one that a crash has cut too.
fn append(path: &Path, line: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .read(true)
        .open(path)?;
    let length = file.metadata()?.len();
    if length.saturating_add(line.len() as u64) > MAX_FILE_BYTES {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let mut last = *b"\n";
    if length > 0 {
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
    }
    if last != *b"\n" {
        file.write_all(b"\n")?;
    }
    file.write_all(line)?;
    file.sync_data()?;
    match length {
        // Its name is new, as far as anybody knows.
        0 => sync_folder(path),
        _ => Ok(()),
    }
}
