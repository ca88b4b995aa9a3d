//! External commands as functions.

use crate::cloudevents::CloudEvent;
use crate::manager::cancel::Cancel;
use crate::manager::function::{Captured, DEFAULT_OUTPUT, FunctionContext, Ran, RunError};
use crate::manager::process::{End, Group, Stream};
use crate::manager::rule::{self, Check};
use std::collections::BTreeMap;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

/// An external command that gets an event as JSON on its standard input. What it prints is its result.
///
/// It has the program's environment, and in addition what [`env`](Self::env) and the subscription's secrets say, in
/// `UPPER_SNAKE` case. It runs in a process group of its own, which is killed when the command ends or its time is up: children
/// that it left behind end with it, unless they moved to another group. An exit code other than 0 is a failure.
///
/// # Examples
///
/// ```
/// use laneway::manager::{Command, Function};
/// use std::time::Duration;
///
/// let count = Command::new("wc").arg("-c").timeout(Duration::from_secs(5)).output_limit(1024);
/// let function = Function::command(count);
/// # let _ = function;
/// ```
#[derive(Clone, Debug)]
pub struct Command {
    program: String,
    args: Vec<String>,
    env: BTreeMap<String, String>,
    timeout: Duration,
    output_limit: usize,
}

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
const MAX_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);
const MAX_OUTPUT: u64 = 16 << 20;

impl Command {
    /// A program: a path, or a name that is looked for in `PATH`.
    pub fn new(program: impl Into<String>) -> Self {
        Command {
            program: program.into(),
            args: Vec::new(),
            env: BTreeMap::new(),
            timeout: DEFAULT_TIMEOUT,
            output_limit: DEFAULT_OUTPUT,
        }
    }

    /// One more argument.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<String>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// A variable of its environment.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.insert(name.into(), value.into());
        self
    }

    /// How long it may take: by default 30 s, at most a day.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How many bytes of each of its outputs are kept, by default 64 KiB and at most 16 MiB. The rest is read and dropped, and
    /// the result says so.
    #[must_use]
    pub fn output_limit(mut self, bytes: usize) -> Self {
        self.output_limit = bytes;
        self
    }

    pub(super) fn check(&self) -> Check {
        rule::length("program", &self.program, rule::MAX_VALUE)?;
        rule::entries("arguments", self.args.len())?;
        (self.args.iter()).try_for_each(|arg| rule::value("argument", arg, 1 << 17))?;
        rule::entries("environment", self.env.len())?;
        for (name, value) in &self.env {
            rule::word_name("environment variable", name)?;
            rule::value("environment value", value, 1 << 17)?;
        }
        rule::range(
            "timeout in seconds",
            self.timeout.as_secs(),
            0,
            MAX_TIMEOUT.as_secs(),
        )?;
        rule::range("output limit", self.output_limit as u64, 0, MAX_OUTPUT)
    }

    pub(super) fn run(
        &self,
        event: &CloudEvent,
        context: &FunctionContext<'_>,
        cancel: &Cancel,
    ) -> Ran {
        let (mut out, mut err) = (Captured::default(), Captured::default());
        let output = |stream, bytes: &[u8]| match stream {
            Stream::Out => out.add(bytes, self.output_limit),
            Stream::Err => err.add(bytes, self.output_limit),
        };
        let ended = self.execute(event, context, cancel, output);
        let exit_code = match &ended {
            Ok(End::Exited(status)) => status.code(),
            _ => None,
        };
        let result = match ended {
            Ok(End::Exited(status)) => outcome(status),
            Ok(End::TimedOut) => Err(RunError::TimedOut(self.timeout)),
            Ok(End::Cancelled) => Err(RunError::Cancelled),
            Err(error) => Err(RunError::System(format!("`{}`: {error}", self.program))),
        };
        Ran {
            result,
            out,
            err,
            exit_code,
        }
    }

    fn execute(
        &self,
        event: &CloudEvent,
        context: &FunctionContext<'_>,
        cancel: &Cancel,
        output: impl FnMut(Stream, &[u8]),
    ) -> io::Result<End> {
        let deadline = Instant::now().checked_add(self.timeout);
        let mut command = std::process::Command::new(&self.program);
        command.args(&self.args).envs(&self.env);
        command.envs(
            context
                .secrets()
                .iter()
                .map(|(key, value)| (rule::variable(key), value)),
        );
        let input = event.to_json();
        Group::spawn(&mut command, true)?.run(input.as_bytes(), deadline, cancel, output)
    }
}

/// What an exit status says.
pub(in crate::manager) fn outcome(status: ExitStatus) -> Result<(), RunError> {
    match (status.code(), status.signal()) {
        (Some(0), _) => Ok(()),
        (Some(code), _) => Err(RunError::Exit(code)),
        (None, signal) => Err(RunError::Signal(signal.unwrap_or_default())),
    }
}
