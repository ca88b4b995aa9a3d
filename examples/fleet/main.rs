//! What a fleet of Choria components is up to, from their lifecycle events: one JSON object on a line, in either format.
//!
//! ```text
//! cargo run --release --features lifecycle --example fleet -- --help
//! cargo run --release --features lifecycle --example fleet -- --generate 100000 --bad 1 > events.ndjson
//! cargo run --release --features lifecycle --example fleet -- events.ndjson
//! ```
//!
//! * `fleet.rs`: the whole use of the router
//! * `lines.rs`: lines of bounded length; `generate.rs`: made-up events; `live.rs`: the table that is drawn anew; `args.rs`

mod args;
mod fleet;
mod generate;
mod lines;
mod live;

use crate::args::{Args, Command};
use std::error::Error;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, IsTerminal, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    let is_terminal = io::stdout().is_terminal();
    let done = match Args::parse(std::env::args_os().skip(1), is_terminal) {
        Ok(Command::Help) => print(args::HELP),
        Ok(Command::Generate {
            events,
            bad_percent,
        }) => {
            let mut out = BufWriter::new(io::stdout().lock());
            generate::write(events, bad_percent, &mut out).and_then(|()| out.flush())
        }
        Ok(Command::Run(args)) => return run(&args),
        Err(problem) => {
            complain(&format!("{problem}; try --help"));
            return ExitCode::from(2);
        }
    };
    match done {
        // Whoever reads it may have had enough.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            complain(&error.to_string());
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}

fn run(args: &Args) -> ExitCode {
    match tally(args) {
        Ok(bad_lines) if bad_lines > 0 && args.is_strict => ExitCode::FAILURE,
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

fn tally(args: &Args) -> Result<u64, Box<dyn Error>> {
    let input: Box<dyn BufRead> = match &args.input {
        None => Box::new(io::stdin().lock()),
        Some(path) => {
            let file = File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
            Box::new(BufReader::with_capacity(1 << 16, file))
        }
    };
    let outcome = fleet::run(args, input, Box::new(io::stdout()), &mut io::stderr())?;
    match print(&outcome.report) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error.into()),
        _ => complain(&outcome.summary()),
    }
    Ok(outcome.bad_lines)
}

fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush())
}

/// There is nobody to tell that this failed.
fn complain(text: &str) {
    let _ = writeln!(io::stderr(), "fleet: {text}");
}
