//! `tests/soak.sh MINUTES`: loads with faults, held for as long as one likes, and a table of what held.
//!
//! Every load checks what it says while it runs and at its end. Its random choices follow from the seed; what threads make of
//! them does not.

#[path = "../../common/mod.rs"]
mod common;
mod crowd;
mod cycles;
mod fairness;
mod memory;
mod mixed;
mod panics;
mod ping_pong;
mod shutdown;
mod slow_neighbour;
mod stage;

use common::Random;
use stage::{Load, hold};
use std::process::ExitCode;
use std::time::Duration;

/// That of the memory first: what others leave to the allocator would hide what it looks for.
const LOADS: [Load; 9] = [
    memory::LOAD,
    mixed::LOAD,
    ping_pong::LOAD,
    slow_neighbour::LOAD,
    panics::LOAD,
    shutdown::LOAD,
    fairness::LOAD,
    cycles::LOAD,
    crowd::LOAD,
];

const HELP: &str = "\
Holds a router under load and faults, and prints a table of what held.

  --minutes N        for about so long, divided among the loads (1; 0.5 is possible)
  --seed N           the random choices of an earlier run
  --only LOAD        only loads whose name begins so (may be given again)
  --list             the loads";

const MINUTE: Duration = Duration::from_secs(60);

struct Args {
    total: Duration,
    seed: u64,
    only: Vec<String>,
}

fn args() -> Result<Args, lexopt::Error> {
    use lexopt::prelude::*;
    let mut args = Args {
        total: MINUTE,
        seed: Random::new().seed(),
        only: Vec::new(),
    };
    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next()? {
        match arg {
            Long("minutes") => {
                let minutes: f64 = parser.value()?.parse()?;
                let total = Duration::try_from_secs_f64(60.0 * minutes);
                args.total = total.map_err(|error| error.to_string())?;
            }
            Long("seed") => args.seed = parser.value()?.parse()?,
            Long("only") => args.only.push(parser.value()?.string()?),
            Long("list") => {
                LOADS.iter().for_each(|load| println!("{}", load.name));
                std::process::exit(0);
            }
            Long("help") | Short('h') => {
                println!("{HELP}");
                std::process::exit(0);
            }
            _ => return Err(arg.unexpected()),
        }
    }
    Ok(args)
}

fn main() -> ExitCode {
    let args = match args() {
        Ok(args) => args,
        Err(error) => {
            eprintln!("{error}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    let is_wanted = |load: &&Load| {
        args.only.is_empty() || args.only.iter().any(|name| load.name.starts_with(name))
    };
    let loads: Vec<&Load> = LOADS.iter().filter(is_wanted).collect();
    if loads.is_empty() {
        eprintln!("no such load: --list names them");
        return ExitCode::from(2);
    }
    let each = args.total / loads.len() as u32;
    println!(
        "seed {}, {:.1} s for each of {} loads, {} CPUs\n",
        args.seed,
        each.as_secs_f64(),
        loads.len(),
        common::cpus()
    );
    println!("| row | load held | faults injected | invariant | result |");
    println!("|---|---|---|---|---|");
    let failed: Vec<&str> = (loads.iter())
        .filter(|load| !hold(load, each, args.seed))
        .map(|load| load.name)
        .collect();
    if failed.is_empty() {
        return ExitCode::SUCCESS;
    }
    let again = format!("--seed {} --only {}", args.seed, failed.join(" --only "));
    println!("\nto see this again: {again}");
    ExitCode::FAILURE
}
