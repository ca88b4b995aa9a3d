//! The command line.

use laneway::lifecycle::EventType;
use std::ffi::OsString;
use std::path::PathBuf;

pub(crate) const HELP: &str = "\
Tallies the lifecycle events of a fleet of Choria components, one JSON object on a line.

Usage: fleet [OPTIONS] [FILE]

Reads standard input if there is no FILE, or if it is -. Both formats may be mixed. Bad lines are reported on standard
error, with their number and the reason, and passed over.

Options:
      --live            Draw the tally as it grows, and once more at the end
                        [default: if standard output is a terminal]
      --no-live         Print the tally at the end only
      --prometheus      Print the tally in the text format that Prometheus scrapes, at the end only
      --view            Print each event as text, then the tally
      --view-json       Print each event as JSON, then the tally
      --type TYPE       View only events of this type, such as startup
      --component NAME  View only events of this component
      --strict          Exit with 1 if there were bad lines
      --generate N      Write N made-up events instead, some of them bad
      --bad PERCENT     How many of those are bad [default: 1]
  -h, --help            Print this

The exit code is 0, or 1 if reading or writing failed, or 2 if the arguments make no sense.
";

#[derive(Debug, PartialEq)]
pub(crate) enum Command {
    Help,
    Generate { events: u64, bad_percent: u64 },
    Run(Args),
}

#[derive(Debug, PartialEq)]
pub(crate) struct Args {
    /// Standard input if there is none.
    pub(crate) input: Option<PathBuf>,
    pub(crate) show: Show,
    pub(crate) event_type: Option<EventType>,
    pub(crate) component: Option<String>,
    pub(crate) is_prometheus: bool,
    pub(crate) is_strict: bool,
}

/// What there is to see before the end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Show {
    End,
    Live,
    Events { json: bool },
}

impl Args {
    pub(crate) fn parse(
        mut words: impl Iterator<Item = OsString>,
        is_terminal: bool,
    ) -> Result<Command, String> {
        let mut args = Args {
            input: None,
            show: Show::End,
            event_type: None,
            component: None,
            is_prometheus: false,
            is_strict: false,
        };
        let (mut show, mut files) = (None, 0);
        let (mut generate, mut bad_percent) = (None, None);
        while let Some(word) = words.next() {
            let name = word.to_string_lossy().into_owned();
            let mut value = || {
                let value = words.next().and_then(|value| value.into_string().ok());
                value.ok_or(format!("{name} needs a value"))
            };
            let mut view = |what| match show.replace(what) {
                Some(other) if other != what => {
                    Err(format!("{name} excludes what was asked for before it"))
                }
                _ => Ok(()),
            };
            match &*name {
                "--live" => view(Show::Live)?,
                "--no-live" => view(Show::End)?,
                "--view" => view(Show::Events { json: false })?,
                "--view-json" => view(Show::Events { json: true })?,
                "--prometheus" => args.is_prometheus = true,
                "--strict" => args.is_strict = true,
                "--type" => {
                    let event_type = value()?.parse();
                    args.event_type = Some(event_type.map_err(|error| format!("--type: {error}"))?);
                }
                "--component" => args.component = Some(value()?),
                "--generate" => generate = Some(number(&name, &value()?, u64::MAX)?),
                "--bad" => bad_percent = Some(number(&name, &value()?, 100)?),
                "-h" | "--help" => return Ok(Command::Help),
                option if option.starts_with('-') && option != "-" => {
                    return Err(format!("unknown argument {name:?}"));
                }
                file => {
                    files += 1;
                    args.input = (file != "-").then(|| word.into());
                }
            }
        }
        let is_view = matches!(show, Some(Show::Events { .. }));
        if files > 1 {
            return Err("there is more than one file".into());
        }
        if !is_view && (args.event_type.is_some() || args.component.is_some()) {
            return Err("--type and --component go with --view or --view-json".into());
        }
        if args.is_prometheus && show == Some(Show::Live) {
            return Err("--prometheus and --live exclude each other".into());
        }
        args.show = match show {
            Some(show) => show,
            None if is_terminal && !args.is_prometheus => Show::Live,
            None => Show::End,
        };
        match (generate, bad_percent) {
            (Some(events), bad_percent) => Ok(Command::Generate {
                events,
                bad_percent: bad_percent.unwrap_or(1),
            }),
            (None, Some(_)) => Err("--bad goes with --generate".into()),
            (None, None) => Ok(Command::Run(args)),
        }
    }
}

fn number(name: &str, text: &str, max: u64) -> Result<u64, String> {
    let number = text.parse().ok().filter(|number| *number <= max);
    number.ok_or(format!("{name} {text:?} is not a whole number up to {max}"))
}
