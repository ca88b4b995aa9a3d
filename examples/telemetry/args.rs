//! The command line.

use std::ffi::OsString;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

pub(crate) const HELP: &str = "\
Samples this machine's telemetry as fast as it can, and routes it to four actors.

Usage: telemetry [OPTIONS]

Options:
      --seconds N      Sample for so long; fractions are fine [default: 5]
      --record PATH    Record to this file, one JSON object on a line
                       [default: laneway-telemetry.ndjson in the directory for temporary files]
      --record-all     Record every reading, not only those that differ from the one before
      --record-limit MIB
                       Leave out what would make the file larger than this [default: 256]
      --alert PERCENT  Raise an alert when a CPU is busier than this [default: 90]
      --shards N       Run the actors on so many threads [default: half of the CPUs]
      --once           Read everything once, print a table, and exit
  -h, --help           Print this

The exit code is 0 if everything that was published has arrived, 1 if not or if the system refused
something, and 2 if the arguments make no sense.
";

pub(crate) enum Command {
    Help,
    Once,
    Run(Args),
}

pub(crate) struct Args {
    pub(crate) duration: Duration,
    pub(crate) record: PathBuf,
    pub(crate) record_all: bool,
    pub(crate) record_limit_bytes: u64,
    pub(crate) alert_percent: u64,
    pub(crate) shards: Option<usize>,
}

/// So that any number that is accepted can be added to the clock.
const MAX_SECONDS: f64 = 1e9;

impl Args {
    pub(crate) fn parse(words: impl Iterator<Item = OsString>) -> Result<Command, String> {
        let mut args = Args {
            duration: Duration::from_secs(5),
            record: std::env::temp_dir().join("laneway-telemetry.ndjson"),
            record_all: false,
            record_limit_bytes: 256 << 20,
            alert_percent: 90,
            shards: None,
        };
        let mut once = false;
        let mut words = words;
        while let Some(word) = words.next() {
            let name = word.to_string_lossy().into_owned();
            let mut value = || words.next().ok_or(format!("{name} needs a value"));
            match &*name {
                "--seconds" => args.duration = seconds(&value()?)?,
                "--record" => args.record = value()?.into(),
                "--record-all" => args.record_all = true,
                "--record-limit" => {
                    args.record_limit_bytes = number(&name, &value()?, 0..=1 << 30)? << 20;
                }
                "--alert" => args.alert_percent = number(&name, &value()?, 0..=100)?,
                "--shards" => args.shards = Some(number(&name, &value()?, 1..=64)? as usize),
                "--once" => once = true,
                "-h" | "--help" => return Ok(Command::Help),
                _ => return Err(format!("unknown argument {name:?}")),
            }
        }
        Ok(if once {
            Command::Once
        } else {
            Command::Run(args)
        })
    }
}

fn seconds(text: &OsString) -> Result<Duration, String> {
    let number = text.to_str().and_then(|text| text.parse().ok());
    number
        .filter(|seconds| *seconds > 0.0 && *seconds <= MAX_SECONDS)
        .map(Duration::from_secs_f64)
        .ok_or(format!("--seconds {text:?} is not a number above 0"))
}

fn number(name: &str, text: &OsString, range: RangeInclusive<u64>) -> Result<u64, String> {
    let number = text.to_str().and_then(|text| text.parse().ok());
    number
        .filter(|number| range.contains(number))
        .ok_or(format!(
            "{name} {text:?} is not a whole number from {} to {}",
            range.start(),
            range.end()
        ))
}
