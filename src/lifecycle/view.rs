//! A printer for the events that pass.

use super::address::filter;
use super::event::LifecycleEvent;
use super::kind::EventType;
use super::time::TimeOfDay;
use crate::{Actor, Batch, Context, Event, Filter};
use std::fmt::Write as _;
use std::io::{self, BufWriter, Write};

/// Prints lifecycle events, one a line: all of them, or those of one type, one component or both.
///
/// A line is the time of the event in UTC and what the event prints as, with control characters escaped, since a terminal
/// would act on them; or, after [`json_lines`](Self::json_lines), the event in its own format.
///
/// As an [`Actor`] it writes a run of events at once and then flushes. It stops itself when its output fails. An output that
/// may block, such as a terminal, belongs on a thread of its own: `.dedicated(view)`.
///
/// ```
/// use laneway::lifecycle::{EventType, LifecycleEvent, View};
///
/// let mut out = Vec::new();
/// let mut view = View::new(&mut out).event_type(EventType::Alive);
/// view.show(&LifecycleEvent::alive("server", "1.2.3").identity("n1").timestamp(59).build()?)?;
/// view.show(&LifecycleEvent::shutdown("server").identity("n1").build()?)?;
/// drop(view);
/// assert_eq!(out, b"00:00:59 [alive] n1: server version 1.2.3\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct View<W: Write> {
    out: BufWriter<W>,
    event_type: Option<EventType>,
    component: Option<Box<str>>,
    is_json: bool,
    /// Kept for its memory.
    line: String,
}

impl<W: Write> View<W> {
    /// A view of all events, as text.
    pub fn new(out: W) -> Self {
        View {
            out: BufWriter::new(out),
            event_type: None,
            component: None,
            is_json: false,
            line: String::new(),
        }
    }

    /// Shows only events of this type.
    pub fn event_type(mut self, event_type: EventType) -> Self {
        self.event_type = Some(event_type);
        self
    }

    /// Shows only events of exactly this component.
    pub fn component(mut self, component: impl Into<String>) -> Self {
        self.component = Some(component.into().into_boxed_str());
        self
    }

    /// Writes JSON, each event in its own format.
    pub fn json_lines(mut self) -> Self {
        self.is_json = true;
        self
    }

    /// The filter to subscribe it with.
    pub fn filter(&self) -> Filter {
        filter(self.event_type, self.component.as_deref())
    }

    /// Prints an event, unless it is not one to show. Says whether it was.
    ///
    /// # Errors
    ///
    /// What the output says.
    pub fn show(&mut self, event: &LifecycleEvent) -> io::Result<bool> {
        let is_wanted = (self.event_type).is_none_or(|wanted| wanted == event.event_type())
            && (self.component.as_deref()).is_none_or(|wanted| wanted == event.component());
        if is_wanted {
            self.line.clear();
            if self.is_json {
                event.append_json(event.format(), &mut self.line);
            } else {
                print(event, &mut self.line);
            }
            self.line.push('\n');
            self.out.write_all(self.line.as_bytes())?;
        }
        Ok(is_wanted)
    }

    /// Passes on what was printed. Dropping the view does it too.
    ///
    /// # Errors
    ///
    /// What the output says.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn print(event: &LifecycleEvent, line: &mut String) {
    let time = TimeOfDay(event.timestamp());
    write!(line, "{time} {event}").expect("strings take anything");
    if line.contains(char::is_control) {
        let escaped = line.chars().fold(String::new(), |mut escaped, c| {
            match c.is_control() {
                true => escaped.extend(c.escape_default()),
                false => escaped.push(c),
            }
            escaped
        });
        *line = escaped;
    }
}

impl<W: Write + Send + 'static> Actor<LifecycleEvent> for View<W> {
    fn handle(&mut self, event: &Event<LifecycleEvent>, ctx: &mut Context<'_, LifecycleEvent>) {
        let shown = self.show(event.payload()).and_then(|_| self.flush());
        stop_if_failed(shown, ctx);
    }

    fn handle_batch(
        &mut self,
        mut batch: Batch<'_, LifecycleEvent>,
        ctx: &mut Context<'_, LifecycleEvent>,
    ) {
        let shown = batch.try_for_each(|event| self.show(event.payload()).map(|_| ()));
        stop_if_failed(shown.and_then(|()| self.flush()), ctx);
    }
}

fn stop_if_failed(result: io::Result<()>, ctx: &mut Context<'_, LifecycleEvent>) {
    if let Err(error) = result {
        tracing::warn!(%error, "a view of lifecycle events stops: its output failed");
        ctx.stop();
    }
}
