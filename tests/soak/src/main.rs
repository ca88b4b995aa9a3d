//! `tests/soak.sh MINUTES`: loads with faults, held for as long as one likes, and a table of what held.
//!
//! Every load checks what it says while it runs and at its end. Its random choices follow from the seed; what threads make of
//! them does not.

#[path = "../../common/mod.rs"]
mod common;
mod cycles;
mod fairness;
mod memory;
mod mixed;
mod panics;
mod shutdown;
mod slow_neighbour;
mod stage;

use common::Random;
use stage::{Load, Outcome, hold};
use std::process::ExitCode;
use std::time::Duration;

/// That of the memory first: what others leave to the allocator would hide what it looks for.
const LOADS: [Load; 7] = [
    memory::LOAD,
    mixed::LOAD,
    slow_neighbour::LOAD,
    panics::LOAD,
    shutdown::LOAD,
    fairness::LOAD,
    cycles::LOAD,
];

const HELP: &str = "\
Holds a router under load and faults, and prints a table of what held.

  --seconds N        for so long, divided among the loads (60)
  --seed N           the random choices of an earlier run
  --only LOAD        only loads whose name begins so (may be given again)
  --list             the loads";

struct Args {
    seconds: u64,
    seed: u64,
    only: Vec<String>,
}

fn args() -> Result<Args, lexopt::Error> {
    use lexopt::prelude::*;
    let mut args = Args {
        seconds: 60,
        seed: Random::new().seed(),
        only: Vec::new(),
    };
    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next()? {
        match arg {
            Long("seconds") => args.seconds = parser.value()?.parse()?,
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
    let each = Duration::from_secs(args.seconds) / loads.len() as u32;
    println!(
        "seed {}, {} s for each load\n",
        args.seed,
        each.as_secs_f32()
    );
    println!("| row | load held | faults injected | invariant | result |");
    println!("|---|---|---|---|---|");
    let mut first_failure = None;
    for load in loads {
        let Outcome { held, failure } = hold(load, each, args.seed);
        let result = if failure.is_some() { "FAILED" } else { "held" };
        println!(
            "| {} | {}: {} | {} | {} | {result} |",
            load.rows, load.name, held.load, held.faults, load.invariant
        );
        first_failure = first_failure.or(failure.map(|failure| (load.name, failure)));
    }
    match first_failure {
        None => ExitCode::SUCCESS,
        Some((name, failure)) => {
            eprintln!("\nfailed first: {name}: {failure}");
            eprintln!("to see this again: --seed {} --only {name}", args.seed);
            ExitCode::FAILURE
        }
    }
}
