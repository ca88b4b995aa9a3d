//! Functions: what events are given to.

#[cfg(target_os = "linux")]
mod command;
mod context;

#[cfg(target_os = "linux")]
pub use command::Command;
pub use context::FunctionContext;

#[cfg(target_os = "linux")]
pub(super) use command::outcome;

use crate::cloudevents::CloudEvent;
use crate::contain::contain;
use crate::manager::cancel::Cancel;
use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::time::Duration;

/// What a function in the program returns if it fails.
pub type FunctionError = Box<dyn Error + Send + Sync>;

type Native =
    dyn Fn(&CloudEvent, &FunctionContext<'_>) -> Result<Vec<u8>, FunctionError> + Send + Sync;

/// What is called with an event: a closure of the program, or an external [`Command`].
///
/// Runs on a worker thread of the manager, never on a thread that runs actors. Several runs may go on at once, if the
/// subscription says so or several subscriptions use it.
///
/// # Examples
///
/// ```
/// use laneway::cloudevents::CloudEvent;
/// use laneway::manager::{Function, FunctionContext};
///
/// let greet = Function::new(|event: &CloudEvent, ctx: &FunctionContext<'_>| {
///     Ok(format!("{} for {}, attempt {}", event.event_type(), ctx.subscription(), ctx.attempt()))
/// });
/// assert_eq!(format!("{greet:?}"), "Function(closure)");
/// ```
pub struct Function(Body);

enum Body {
    Native(Box<Native>),
    #[cfg(target_os = "linux")]
    Command(Command),
}

/// What a run came to.
pub(super) struct Ran {
    pub(super) result: Result<(), RunError>,
    pub(super) out: Captured,
    pub(super) err: Captured,
    /// Of a command that ended by itself.
    pub(super) exit_code: Option<i32>,
}

/// The beginning of an output.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Captured {
    pub(super) bytes: Vec<u8>,
    pub(super) is_truncated: bool,
}

impl Captured {
    pub(super) fn add(&mut self, bytes: &[u8], limit: usize) {
        let room = limit.saturating_sub(self.bytes.len());
        self.is_truncated |= bytes.len() > room;
        self.bytes
            .extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    pub(super) fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.bytes)
    }
}

/// The most of a closure's result that is kept for the result event: what a command has by default.
pub(super) const DEFAULT_OUTPUT: usize = 64 * 1024;

impl Function {
    /// A closure. What it returns is the output that the result event has; `()` is none.
    ///
    /// It cannot be stopped: one that hangs holds its worker, and is named when the manager closes.
    pub fn new<T, F>(function: F) -> Self
    where
        T: Into<Output>,
        F: Fn(&CloudEvent, &FunctionContext<'_>) -> Result<T, FunctionError>
            + Send
            + Sync
            + 'static,
    {
        Function(Body::Native(Box::new(move |event, context| {
            function(event, context).map(|output| output.into().0)
        })))
    }

    /// An external command, which gets the event as JSON on its standard input.
    #[cfg(target_os = "linux")]
    pub fn command(command: Command) -> Self {
        Function(Body::Command(command))
    }

    pub(super) fn check(&self) -> crate::manager::rule::Check {
        match &self.0 {
            Body::Native(_) => Ok(()),
            #[cfg(target_os = "linux")]
            Body::Command(command) => command.check(),
        }
    }

    pub(super) fn run(
        &self,
        event: &CloudEvent,
        context: &FunctionContext<'_>,
        cancel: &Cancel,
    ) -> Ran {
        match &self.0 {
            Body::Native(function) => {
                let _ = cancel;
                run_native(&**function, event, context)
            }
            #[cfg(target_os = "linux")]
            Body::Command(command) => command.run(event, context, cancel),
        }
    }
}

fn run_native(function: &Native, event: &CloudEvent, context: &FunctionContext<'_>) -> Ran {
    let mut ran = Ran {
        result: Err(RunError::Panicked),
        out: Captured::default(),
        err: Captured::default(),
        exit_code: None,
    };
    contain(|| match function(event, context) {
        Ok(output) => {
            ran.out.add(&output, DEFAULT_OUTPUT);
            ran.result = Ok(());
        }
        Err(error) => ran.result = Err(RunError::Failed(error.to_string())),
    });
    ran
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut function = f.debug_tuple("Function");
        match &self.0 {
            Body::Native(_) => function.field(&format_args!("closure")),
            #[cfg(target_os = "linux")]
            Body::Command(command) => function.field(command),
        };
        function.finish()
    }
}

/// The output of a function: bytes, text, JSON, or nothing.
///
/// # Examples
///
/// ```
/// use laneway::manager::Output;
///
/// assert_eq!(Output::from("text"), Output::from(b"text".to_vec()));
/// assert_eq!(Output::from(()), Output::default());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output(Vec<u8>);

impl From<()> for Output {
    fn from((): ()) -> Self {
        Output::default()
    }
}

impl From<Vec<u8>> for Output {
    fn from(bytes: Vec<u8>) -> Self {
        Output(bytes)
    }
}

impl From<String> for Output {
    fn from(text: String) -> Self {
        Output(text.into())
    }
}

impl From<&str> for Output {
    fn from(text: &str) -> Self {
        Output(text.into())
    }
}

impl From<serde_json::Value> for Output {
    fn from(value: serde_json::Value) -> Self {
        Output(value.to_string().into())
    }
}

/// Why a run failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RunError {
    /// There is no function of this name.
    NoFunction(String),
    /// There is no secret of this name.
    NoSecret(String),
    /// The function returned this error.
    Failed(String),
    /// The function panicked.
    Panicked,
    /// The command could not be started or watched.
    System(String),
    /// The command ended with this code.
    Exit(i32),
    /// The command was ended by this signal.
    Signal(i32),
    /// The command took longer, and was killed with its children.
    TimedOut(Duration),
    /// The manager closed, and killed the command with its children.
    Cancelled,
}

impl RunError {
    /// A word for the kind of error, for programs.
    pub fn word(&self) -> &'static str {
        match self {
            RunError::NoFunction(_) => "no-function",
            RunError::NoSecret(_) => "no-secret",
            RunError::Failed(_) => "error",
            RunError::Panicked => "panic",
            RunError::System(_) => "system",
            RunError::Exit(_) => "exit",
            RunError::Signal(_) => "signal",
            RunError::TimedOut(_) => "timeout",
            RunError::Cancelled => "cancelled",
        }
    }

    /// The exit code of a command.
    pub fn exit_code(&self) -> Option<i32> {
        match self {
            RunError::Exit(code) => Some(*code),
            _ => None,
        }
    }
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RunError::NoFunction(name) => write!(f, "function `{name}` is not known"),
            RunError::NoSecret(name) => write!(f, "secret `{name}` is not known"),
            RunError::Failed(error) => f.write_str(error),
            RunError::Panicked => f.write_str("the function panicked"),
            RunError::System(error) => f.write_str(error),
            RunError::Exit(code) => write!(f, "exit code {code}"),
            RunError::Signal(signal) => write!(f, "ended by signal {signal}"),
            RunError::TimedOut(limit) => write!(f, "not done in {limit:?}"),
            RunError::Cancelled => f.write_str("the manager closed"),
        }
    }
}

impl Error for RunError {}
