//! Drivers that are processes.

use crate::cloudevents::JsonEvents;
use crate::manager::drive::DriverContext;
use crate::manager::drive::frames::Frames;
use crate::manager::function::outcome;
use crate::manager::process::{End, Group, Stream};
use crate::manager::rule;
use std::process::Command;

/// The end of what it says on standard error, which is the reason if it fails.
const MAX_COMPLAINT: usize = 1024;

/// Runs the process until it ends or is told to, and says why it ended.
pub(super) fn run(program: &str, args: &[String], context: &DriverContext<'_>) -> String {
    let options = context.options().iter();
    let mut command = Command::new(program);
    command
        .args(args)
        .args(options.map(|(key, value)| format!("--{key}={value}")))
        .envs((context.secrets().iter()).map(|(key, value)| (rule::variable(key), value)));
    let group = match Group::spawn(&mut command, false) {
        Ok(group) => group,
        Err(error) => return format!("`{program}`: {error}"),
    };
    context.ready();
    let mut frames = Frames::default();
    let mut complaint = Vec::new();
    let ended = group.run(&[], None, context.cancel, |stream, bytes| match stream {
        Stream::Out => frames.feed(bytes, |frame| take(frame, context)),
        Stream::Err => {
            complaint.extend_from_slice(bytes);
            let surplus = complaint.len().saturating_sub(MAX_COMPLAINT);
            complaint.drain(..surplus);
        }
    });
    if frames.has_rest() {
        context.refuse("the output ends within an event".into());
    }
    let why = match ended {
        Ok(End::Exited(status)) => match outcome(status) {
            Ok(()) => "the driver ended".into(),
            Err(error) => error.to_string(),
        },
        Ok(End::Cancelled | End::TimedOut) => "the driver was stopped".into(),
        Err(error) => format!("`{program}`: {error}"),
    };
    match String::from_utf8_lossy(&complaint).trim() {
        "" => why,
        complaint => format!("{why}: {complaint}"),
    }
}

/// An event, or a batch, or what is neither.
fn take(frame: Result<&[u8], &'static str>, context: &DriverContext<'_>) {
    let events = match frame {
        Ok(json) => JsonEvents::new(json).collect::<Result<Vec<_>, _>>(),
        Err(reason) => return context.refuse(reason.into()),
    };
    match events {
        Ok(events) => context.emit_all(events),
        Err(error) => context.refuse(error.to_string()),
    }
}
