//! The whole use of the router, from lines to counts.

use super::args::{Args, Show};
use super::lines::{Line, Lines};
use super::live::Live;
use laneway::Router;
use laneway::lifecycle::{LifecycleEvent, Tally, View};
use std::error::Error;
use std::io::{BufRead, Write};
use std::time::{Duration, Instant};

pub(crate) struct Outcome {
    pub(crate) events: u64,
    pub(crate) bad_lines: u64,
    /// What to print at the end.
    pub(crate) report: String,
    time: Duration,
}

impl Outcome {
    pub(crate) fn summary(&self) -> String {
        let seconds = self.time.as_secs_f64();
        let rate = (self.events + self.bad_lines) as f64 / seconds.max(1e-9);
        let (events, bad_lines) = (self.events, self.bad_lines);
        format!(
            "{events} events and {bad_lines} bad lines in {seconds:.2} s, {rate:.0} lines a second"
        )
    }
}

/// Reads all lines, and writes the bad ones' numbers and reasons to `errors`.
pub(crate) fn run(
    args: &Args,
    input: impl BufRead,
    out: Box<dyn Write + Send>,
    errors: &mut dyn Write,
) -> Result<Outcome, Box<dyn Error>> {
    let started = Instant::now();
    let router = Router::<LifecycleEvent>::new();

    // Two actors: one counts, the other prints if it is asked to. Printing may block, so it gets a thread of its own, and
    // its mailbox holds up the reading of lines rather than growing.
    let tally = Tally::builder().build()?;
    router
        .subscription()
        .named("tally")
        .filter(tally.filter())
        .actor(tally.clone())?;
    let mut live = None;
    match args.show {
        Show::End => {}
        Show::Live => live = Some(Live::start(tally.clone(), out)?),
        Show::Events { json } => {
            let mut view = View::new(out);
            if let Some(event_type) = args.event_type {
                view = view.event_type(event_type);
            }
            if let Some(component) = &args.component {
                view = view.component(component);
            }
            if json {
                view = view.json_lines();
            }
            router
                .subscription()
                .named("view")
                .filter(view.filter())
                .dedicated(view)?;
        }
    }

    let (mut events, mut bad_lines) = (0, 0);
    let mut publisher = router.publisher();
    let mut lines = Lines::new(input);
    while let Some(line) = lines.next()? {
        let read = match line {
            Line::Whole(text) if text.trim_ascii().is_empty() => continue,
            Line::Whole(text) => {
                LifecycleEvent::from_json_or_legacy(text).map_err(|error| error.to_string())
            }
            Line::TooLong => Err(format!("longer than {} bytes", Lines::<&[u8]>::LIMIT)),
        };
        match read {
            Ok(event) => {
                publisher.publish(event.topic(), event)?;
                events += 1;
            }
            Err(reason) => {
                bad_lines += 1;
                tally.record_error("unknown");
                writeln!(errors, "line {}: {}", lines.number(), one_line(&reason))?;
            }
        }
    }

    router.flush()?;
    let shutdown = router.shutdown(Duration::from_secs(60));
    if !shutdown.is_complete() {
        return Err(format!("the router did not shut down in time: {shutdown:?}").into());
    }
    if let Some(live) = live {
        live.finish();
    }
    Ok(Outcome {
        events,
        bad_lines,
        report: match args.is_prometheus {
            true => tally.prometheus(),
            false if args.show == Show::Live => String::new(),
            false => tally.snapshot().to_string(),
        },
        time: started.elapsed(),
    })
}

/// What came from outside must neither break lines nor steer a terminal.
fn one_line(reason: &str) -> String {
    let mut line = String::with_capacity(reason.len());
    for c in reason.chars() {
        match c.is_control() {
            true => line.extend(c.escape_default()),
            false => line.push(c),
        }
    }
    line
}
