//! Row 10: single messages to shards, actors and readers that are just falling asleep. An event nobody is woken for waits for
//! ever: nothing else comes that would wake them.

use crate::common::{FOREVER, Random, assert_sums, block_on, on_shard, topic};
use crate::stage::{Held, Load, Stage, Verdict, joined};
use laneway::{Actor, Context, Event, Filter, Pinning, Published, Receiver, Router, Topic};
use std::thread;
use std::time::{Duration, Instant};

pub(crate) const LOAD: Load = Load {
    name: "ping-pong",
    rows: "10",
    invariant: "each single event comes back through all its stations, whoever was falling asleep; no hang",
    run,
};

/// Of each player in a round.
const PINGS: u64 = 1000;
const PLAYERS: usize = 2;
const STATIONS: usize = 3;

/// The time between two pings, which follows how long a shard takes to fall asleep: the pings that find one asleep make it
/// shorter and the others longer, so that many come just then.
struct Pause {
    length: Duration,
    wakes: u64,
}

impl Pause {
    const SHORTEST: Duration = Duration::from_micros(1);
    const LONGEST: Duration = Duration::from_micros(500);

    fn new() -> Self {
        Pause {
            length: Duration::from_micros(50),
            wakes: 0,
        }
    }

    fn pass(&mut self, router: &Router<u64>) {
        let wakes = router.stats().total().wakes;
        let step = if wakes > self.wakes { 15 } else { 17 };
        self.wakes = wakes;
        self.length = (self.length * step / 16).clamp(Self::SHORTEST, Self::LONGEST);
        let begun = Instant::now();
        while begun.elapsed() < self.length {
            thread::yield_now();
        }
    }
}

/// The last place of a player is its own.
fn place(player: usize, place: usize) -> Topic {
    topic("PING").with_resource((player * (STATIONS + 1) + place) as u64)
}

/// Sends on what comes.
struct Station {
    next: Topic,
    verdict: Verdict,
}

impl Actor<u64> for Station {
    fn handle(&mut self, event: &Event<u64>, ctx: &mut Context<'_, u64>) {
        let sent = ctx.publish(self.next, *event.payload());
        (self.verdict).check(sent == Ok(Published::Routed), || {
            format!("{sent:?} on the way")
        });
    }
}

/// Sends one event after the other, each when the last has come back.
fn play(router: &Router<u64>, to: Topic, mut answers: Receiver<u64>, mut random: Random) {
    let mut publisher = router.publisher();
    let (way, is_async) = (random.below(4), random.flip());
    let mut pause = Pause::new();
    for number in 0..PINGS {
        pause.pass(router);
        let sent = match way {
            0 => router.publish(to, number),
            1 => publisher.try_publish(to, number),
            2 => block_on(publisher.publish_async(to, number)),
            _ => publisher.publish(to, number),
        };
        assert_eq!(sent, Ok(Published::Routed));
        let answer = match is_async {
            true => block_on(answers.recv_async()),
            false => answers.recv(),
        };
        assert_eq!(answer.map(Event::into_payload), Ok(number));
    }
}

/// Says how many pings came back, and how often a shard was woken.
fn one_round(stage: &mut Stage) -> [u64; 2] {
    let random = &mut stage.random;
    let shards = 1 + random.below(2);
    let router = Router::<u64>::builder()
        .shards(shards)
        .lane_capacity(random.pick(&[1, 256]))
        .pinning(Pinning::Off)
        .shutdown_timeout(FOREVER)
        .build()
        .unwrap();
    let players = 1 + random.below(PLAYERS);
    let (mut all, mut playing) = (Vec::new(), Vec::new());
    for player in 0..players {
        let stations = random.below(STATIONS + 1);
        for at in 0..stations {
            let station = Station {
                next: place(player, at + 1),
                verdict: stage.verdict.clone(),
            };
            let filter = Filter::exact(place(player, at));
            let builder = on_shard(&router, random.below(shards), filter);
            let station = match random.below(3) {
                0 => builder.dedicated(station),
                _ => builder.actor(station),
            };
            all.push(station.unwrap());
        }
        let filter = Filter::exact(place(player, stations));
        let answers = on_shard(&router, random.below(shards), filter);
        let answers = answers.receiver().unwrap();
        all.push(answers.subscription().clone());
        let (router, random) = (router.clone(), random.fork());
        let play = move || play(&router, place(player, 0), answers, random);
        playing.push(play);
    }
    stage.step(format!("{players} players, {} stations", all.len()));
    stage.watch(&router);
    let playing: Vec<_> = playing.into_iter().map(thread::spawn).collect();
    playing.into_iter().for_each(joined);
    router.flush().unwrap();
    router.flush().unwrap();
    assert_sums(&router, &all);
    let handled: u64 = all.iter().map(|station| station.stats().handled).sum();
    assert_eq!(handled, PINGS * all.len() as u64);
    let wakes = router.stats().total().wakes;
    assert!(router.shutdown(FOREVER).is_complete());
    [players as u64 * PINGS, wakes]
}

fn run(stage: &mut Stage) -> Held {
    let (mut rounds, mut pings, mut wakes) = (0, 0, 0);
    while stage.goes_on() {
        let [came_back, woken] = one_round(stage);
        pings += came_back;
        wakes += woken;
        rounds += 1;
    }
    Held {
        load: format!("{rounds} routers, {pings} single events there and back"),
        faults: format!("shards were asleep and woken {wakes} times"),
    }
}
