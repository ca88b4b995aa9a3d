//! An engine that owns its thread. Sixty times a second it moves a swarm of particles by a fixed step, its systems publish
//! what happened, and the shards get their share of the frame. `cargo run --release --example engine`

use hdrhistogram::Histogram;
use laneway::{Filter, Router, Topic};
use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const HELP: &str = "\
Runs an engine loop at 60 Hz whose systems talk through a router on the engine's own thread.

Usage: engine [--seconds N]

      --seconds N   Run for so long; fractions are fine [default: 2]
  -h, --help        Print this
";

const STEP: Duration = Duration::from_nanos(1_000_000_000 / 60);
/// Events that each shard may handle in a frame. What is left waits for the next.
const BUDGET: usize = 1000;
const PARTICLES: usize = 500;
const WALL: f32 = 10.0;

struct Particle {
    place: f32,
    speed: f32,
}

impl Particle {
    /// Says whether it bounced off a wall.
    fn step(&mut self) -> bool {
        self.place += self.speed * STEP.as_secs_f32();
        let bounces = self.place.abs() > WALL;
        if bounces {
            self.place = self.place.clamp(-WALL, WALL);
            self.speed = -self.speed;
        }
        bounces
    }
}

fn main() -> ExitCode {
    let duration = match parse(std::env::args().skip(1)) {
        Ok(Some(duration)) => duration,
        Ok(None) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(message) => {
            eprintln!("{message}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    if let Err(error) = run(duration) {
        eprintln!("{error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// `None`: help is wanted.
fn parse(mut words: impl Iterator<Item = String>) -> Result<Option<Duration>, String> {
    let mut seconds = 2.0;
    while let Some(word) = words.next() {
        match &*word {
            "-h" | "--help" => return Ok(None),
            "--seconds" => {
                let value = words.next().unwrap_or_default();
                seconds = (value.parse().ok())
                    .filter(|seconds| *seconds > 0.0 && *seconds <= 1e6)
                    .ok_or(format!("--seconds {value:?} is not a number above 0"))?;
            }
            _ => return Err(format!("unknown argument {word:?}")),
        }
    }
    Ok(Some(Duration::from_secs_f64(seconds)))
}

fn run(duration: Duration) -> Result<(), Box<dyn Error>> {
    let (router, mut shards) = (Router::<f32>::builder().shards(2))
        .lane_capacity(1024)
        .manual()?;
    let moved = Topic::new("physics", "particle.moved")?;
    let bounced = Topic::new("physics", "particle.bounced")?;
    let sound = Topic::new("audio", "sound")?;
    let accepted = Arc::new(AtomicU64::new(0));

    // The tracker and the mixer share a shard. On the other one the audio system answers each bounce with a sound.
    let on_shard = |shard, topic| (router.subscription().shard(shard)).filter(Filter::exact(topic));
    let mut fastest = 0.0_f32;
    on_shard(0, moved).handler(move |speed| fastest = fastest.max(speed.payload().abs()))?;
    let mut loudest = 0.0_f32;
    on_shard(0, sound).handler(move |volume| loudest = loudest.max(*volume.payload()))?;
    let sounds = Arc::clone(&accepted);
    on_shard(1, bounced).handler_ctx(move |speed, ctx| {
        if ctx.publish(sound, speed.payload().abs()).is_ok() {
            sounds.fetch_add(1, Ordering::Relaxed);
        }
    })?;

    let mut swarm: Vec<Particle> = (1..=PARTICLES)
        .map(|number| (0.0, number as f32 / 10.0))
        .map(|(place, speed)| Particle { place, speed })
        .collect();
    let mut publisher = router.publisher();
    let (mut handled, mut full) = (0, 0);
    let mut frame_us = Histogram::<u64>::new(3)?;
    let start = Instant::now();
    let mut next = start;
    while start.elapsed() < duration {
        let begun = Instant::now();
        for particle in &mut swarm {
            let topic = if particle.step() { bounced } else { moved };
            // What has no room is counted and let go.
            match publisher.try_publish(topic, particle.speed) {
                Ok(_) => drop(accepted.fetch_add(1, Ordering::Relaxed)),
                Err(_) => full += 1,
            }
        }
        for shard in &mut shards {
            handled += shard.poll(BUDGET)?;
        }
        frame_us.record(begun.elapsed().as_micros() as u64)?;
        next += STEP;
        thread::sleep(next.saturating_duration_since(Instant::now()));
    }

    // This thread polls, so shutting down does not wait here: it closes the router, and the shards are polled to their end.
    router.shutdown(Duration::ZERO);
    while !shards.is_empty() {
        shards.retain_mut(|shard| shard.poll(BUDGET).map(|count| handled += count).is_ok());
    }

    let [p50, p99, max] = [0.5, 0.99, 1.0].map(|share| frame_us.value_at_quantile(share));
    let frames = frame_us.len();
    println!("{frames} frames: p50 {p50} us, p99 {p99} us, max {max} us");
    let accepted = accepted.load(Ordering::Relaxed);
    println!("{handled} events handled of {accepted} accepted; {full} found no room");
    (handled as u64 == accepted && router.stats().total().handled == accepted)
        .then_some(())
        .ok_or("not everything that was accepted was handled".into())
}
