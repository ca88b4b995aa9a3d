//! Live telemetry of this machine, sampled as fast as the kernel answers, routed to four actors.
//!
//! ```text
//! cargo run --release --example telemetry -- --help
//! ```
//!
//! This file is the whole use of the router, from top to bottom. Beside it:
//!
//! * `reading.rs`: what is published, and the names of things
//! * `sampler.rs`, `sampler/`: where readings come from
//! * `actors/`: who gets them
//! * `check.rs`, `report.rs`, `once.rs`, `args.rs`: what is around it

mod actors;
mod args;
mod check;
mod once;
mod reading;
mod report;
mod sampler;

use crate::actors::{Alert, Outcomes, Recorder, Screen, Statistics};
use crate::args::{Args, Command};
use crate::check::Ledger;
use crate::reading::{ALERT, Labels, Reading, TELEMETRY};
use crate::sampler::Sampler;
use laneway::{Filter, Router};
use std::error::Error;
use std::io::{IsTerminal, stdout};
use std::process::ExitCode;
use std::time::{Duration, Instant};

fn main() -> ExitCode {
    let done = match Args::parse(std::env::args_os().skip(1)) {
        Ok(Command::Help) => report::print(args::HELP).map(|()| true),
        Ok(Command::Once) => once::table().and_then(|table| report::print(&table).map(|()| true)),
        Ok(Command::Run(args)) => run(&args),
        Err(problem) => {
            report::complain(&format!("{problem}; try --help"));
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            report::complain(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

/// Says whether everything added up.
fn run(args: &Args) -> Result<bool, Box<dyn Error>> {
    // A router for one type of payload. Its shards are threads that run actors; by default half as many as CPUs.
    let mut builder = Router::<Reading>::builder();
    if let Some(shards) = args.shards {
        builder = builder.shards(shards);
    }
    let router = builder.build()?;
    let host = sampler::host_name();
    let labels = Labels::default();

    // Four actors. Each gives its results to its outcome when it stops.
    let (statistics, statistics_outcome) = Statistics::new();
    let (alert, alert_outcome) = Alert::new(&host, args.alert_percent)?;
    let (recorder, recorder_outcome) = Recorder::create(args, &labels)?;
    let (screen, screen_outcome) = Screen::new(&host, &labels, stdout().is_terminal())?;

    // Their filters. A subscription with several gets what matches any of them, and each event once.
    let readings = || Filter::any().category(TELEMETRY);
    let alerts = || Filter::any().category(ALERT);
    let subscriptions = [
        router
            .subscription()
            .named("statistics")
            .filter(readings())
            .actor(statistics)?,
        router
            .subscription()
            .named("alert rule")
            .filter(readings().event_type("cpu.*"))
            .actor(alert)?,
        router
            .subscription()
            .named("recorder")
            .filter(readings())
            .filter(alerts())
            .actor(recorder)?,
        router
            .subscription()
            .named("screen")
            .filter(readings().event_type("cpu.*"))
            .filter(readings().event_type("mem.*"))
            .filter(readings().event_type("net.rx_bytes"))
            .filter(readings().event_type("net.tx_bytes"))
            .filter(readings().event_type("thread.run_ns"))
            .filter(readings().event_type("process.*"))
            .filter(alerts())
            .actor(screen)?,
    ];
    // For the check at the end: who listens to what, and on which shard.
    let plan = router.subscriptions();

    // Where readings come from. It builds its topics once, here; publishing is then a matter of small plain values.
    let mut sampler = Sampler::open(&host, &labels);

    // This thread's way in. It waits for room when the actors are behind, so nothing is lost and memory stays bounded.
    let mut publisher = router.publisher();
    let mut published = 0;
    let started = Instant::now();
    while started.elapsed() < args.duration {
        for source in sampler.sources() {
            // A batch goes to the shards in groups. Each reading gets its time as the publisher takes it.
            let stamped = source.read().map(|(topic, value)| {
                let at = Instant::now();
                (topic, Reading { value, at })
            });
            published += publisher.publish_batch(stamped)?.routed as u64;
        }
    }
    let sampled_for = started.elapsed();

    // Twice: the first waits for every reading, the second for the alerts that were published in answer to them.
    router.flush()?;
    router.flush()?;
    let elapsed = started.elapsed();

    // Nobody publishes any more, so these counters are of one moment.
    let mut ledger = Ledger::new(published, router.stats());
    for (info, subscription) in plan.into_iter().zip(&subscriptions) {
        ledger.add(info, subscription);
    }

    // Stops the actors, which hand over their results, and joins the shards.
    let shutdown = router.shutdown(Duration::from_secs(5));
    if !shutdown.is_complete() {
        return Err(format!("the router did not shut down in time: {shutdown:?}").into());
    }
    let mut outcomes = Outcomes {
        statistics: statistics_outcome.recv()?,
        alert: alert_outcome.recv()?,
        recorder: recorder_outcome.recv()?,
        screen: screen_outcome.recv()?,
    };
    outcomes.screen.settle();
    let mut faults: Vec<String> = outcomes.recorder.fault().into_iter().collect();
    faults.extend(ledger.faults(&outcomes));

    let summary = report::Summary {
        sampled_for,
        elapsed,
        started,
        sampler: &sampler,
        ledger: &ledger,
        outcomes: &outcomes,
        faults: &faults,
    };
    report::print(&summary.to_string())?;
    Ok(faults.is_empty())
}
