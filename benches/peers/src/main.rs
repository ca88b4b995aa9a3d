//! `cargo run --release -p laneway-peers`: laneway beside what one would use instead, in one run, interleaved.
//!
//! Only the ratios count: on a small virtual machine the distance between two cores changes from run to run and within
//! one. Like all benchmarks, these are deeply flawed: one machine, synthetic work, systems that promise different things.

mod demands;
mod ping;
mod plot;
mod random;
mod report;
mod rounds;
mod stage;
mod stopwatch;
mod systems;
mod workloads;

use std::path::PathBuf;
use std::time::Duration;

const HELP: &str = "\
Every workload on laneway and on its rivals, interleaved. Prints a table, writes target/peers.json.
What takes seconds (subscribe-1m) is done three times, once with --quick.

  --quick            less than a minute, for a look; figures of less worth
  --only WORKLOAD    only workloads whose name begins so (may be given again)
  --plot DIR         charts of the results as SVG files
  --list             the workloads and their systems";

struct Args {
    quick: bool,
    list: bool,
    only: Vec<String>,
    plot: Option<PathBuf>,
}

fn args() -> Result<Args, lexopt::Error> {
    use lexopt::prelude::*;
    let mut args = Args {
        quick: false,
        list: false,
        only: Vec::new(),
        plot: None,
    };
    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next()? {
        match arg {
            Long("quick") => args.quick = true,
            Long("list") => args.list = true,
            Long("only") => args.only.push(parser.value()?.string()?),
            Long("plot") => args.plot = Some(parser.value()?.into()),
            // Not in the help: the program calls itself.
            Long(workloads::subscribe::CHILD) => {
                let count = parser.value()?.parse()?;
                println!("{}", workloads::subscribe::bytes_each(count));
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

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args = args().map_err(|error| format!("{error}\n\n{HELP}"))?;
    let effort = if args.quick {
        rounds::Effort {
            rounds: 3,
            run: Duration::from_millis(25),
            quick: true,
        }
    } else {
        rounds::Effort {
            rounds: 5,
            run: Duration::from_millis(250),
            quick: false,
        }
    };
    let mut workloads = workloads::all();
    workloads.retain(|workload| {
        args.only.is_empty() || args.only.iter().any(|name| workload.name.starts_with(name))
    });
    if args.list {
        for workload in &workloads {
            let mut systems: Vec<_> = workload.contestants.iter().map(|one| one.system).collect();
            // One that is asked for two measures stands there twice.
            systems.dedup();
            println!("{}: {}", workload.name, systems.join(", "));
        }
        return Ok(());
    }
    // A check that fails on another thread would leave this one waiting for ever.
    let print_panic = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        print_panic(panic);
        std::process::exit(101);
    }));
    // It looks how many CPUs there are: before this thread is left with one.
    crossfire::detect_backoff_cfg();
    stage::take_places();
    let results = rounds::measure(workloads, effort);
    report::print(&results);
    if args.quick && results.find("subscribe-1m", "laneway").is_some() {
        println!("\n{}", workloads::subscribe::quick_note());
    }
    report::write_json(&results, "target/peers.json".as_ref())?;
    if let Some(dir) = args.plot {
        plot::write(&results, &dir)?;
    }
    Ok(())
}
