//! Rows 14 and 15: routers that are shut down in whatever state they are in, with publishers at work and waiting for room.

use crate::common::{FOREVER, Hold, Random, Tally, Tracked, block_on, on_shard, topic, wait_until};
use crate::stage::{Held, Load, Stage, joined};
use laneway::{
    Actor, Batch, Context, Event, Filter, OnPanic, Overflow, Pinning, PublishError, Published,
    Publisher, Receiver, Router, ShutdownReport, Subscription, Suspend, Topic, Wait,
};
use std::array::from_fn;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

pub(crate) const LOAD: Load = Load {
    name: "shutdown",
    rows: "14, 15",
    invariant: "Ok == handled + discarded + dropped, and what was left of it == the report; Closed gives the event back; created == dropped; all threads join",
    run,
};

type Payload = Tracked<u64>;

/// Each is for one subscription, from before the first publish to the end.
const LINES: usize = 6;

fn line(index: usize) -> Topic {
    topic("LINE").with_resource(index as u64)
}

/// How the router comes to its end.
#[derive(Clone, Copy, Debug)]
enum Way {
    Shutdown,
    TwoAtOnce,
    /// Does not wait at first.
    Late,
    Handler,
    Drop,
    /// The last handle goes in a handler.
    DropInHandler,
}

const WAYS: [Way; 6] = [
    Way::Shutdown,
    Way::TwoAtOnce,
    Way::Late,
    Way::Handler,
    Way::Drop,
    Way::DropInHandler,
];

/// Accepted by line; and given back.
#[derive(Default)]
struct Accepted {
    lines: [AtomicU64; LINES],
    closed: AtomicU64,
    full: AtomicU64,
}

impl Accepted {
    /// Notes what became of a publish. False: the router is closed.
    fn note(
        &self,
        index: usize,
        number: u64,
        result: Result<Published, PublishError<Payload>>,
    ) -> bool {
        let error = match result {
            Ok(published) => {
                assert_eq!(published, Published::Routed);
                self.lines[index].fetch_add(1, Ordering::Relaxed);
                return true;
            }
            Err(error) => error,
        };
        let is_closed = error.is_closed();
        let count = if is_closed { &self.closed } else { &self.full };
        count.fetch_add(1, Ordering::Relaxed);
        assert_eq!(
            error.into_payload().value,
            number,
            "another event came back"
        );
        !is_closed
    }
}

/// What an actor of a line does.
struct Worker {
    index: usize,
    accepted: Arc<Accepted>,
    tally: Arc<Tally>,
    /// Leaves the first of each batch.
    leaves: bool,
    forwards: bool,
}

impl Actor<Payload> for Worker {
    fn handle(&mut self, event: &Event<Payload>, ctx: &mut Context<'_, Payload>) {
        let left = event.payload().value;
        if self.forwards && left > 0 && left < 4 {
            let next = (self.index + 1) % LINES;
            let payload = self.tally.track(left - 1);
            let result = ctx.publish(line(next), payload);
            self.accepted.note(next, left - 1, result);
        }
    }

    fn handle_batch(&mut self, batch: Batch<'_, Payload>, ctx: &mut Context<'_, Payload>) {
        for event in batch.skip(usize::from(self.leaves)) {
            self.handle(event, ctx);
        }
    }
}

/// One subscription of a line, and who reads it if it is a receiver.
struct Line {
    subscription: Subscription,
    reading: Option<JoinHandle<u64>>,
    unread: Option<Receiver<Payload>>,
}

fn read_all(mut receiver: Receiver<Payload>) -> u64 {
    let mut taken = 0;
    while receiver.recv().is_ok() {
        taken += 1;
    }
    taken
}

const POLICIES: [Overflow; 4] = [
    Overflow::DropNewest,
    Overflow::DropOldest,
    Overflow::KeepLatest,
    Overflow::Block,
];

fn add_line(router: &Router<Payload>, shards: usize, random: &mut Random, worker: Worker) -> Line {
    let kind = random.below(6);
    // Nobody would make room for one that waits for a reader there is not.
    let overflow = random.pick(if kind == 0 { &POLICIES[..3] } else { &POLICIES });
    let filter = Filter::exact(line(worker.index));
    let builder = on_shard(router, random.below(shards), filter)
        .mailbox(1 + random.below(50), overflow)
        .budget(1 + random.below(8) as u32);
    if kind < 2 {
        let receiver = builder.receiver().unwrap();
        let subscription = receiver.subscription().clone();
        let (reading, unread) = match kind {
            0 => (None, Some(receiver)),
            _ => (Some(thread::spawn(move || read_all(receiver))), None),
        };
        return Line {
            subscription,
            reading,
            unread,
        };
    }
    let subscription = match kind {
        2 => builder.dedicated(worker),
        _ => builder.actor(worker),
    }
    .unwrap();
    let _ = match random.below(6) {
        0 => subscription.suspend(Suspend::Queue),
        1 => subscription.suspend(Suspend::Discard),
        _ => Ok(()),
    };
    Line {
        subscription,
        reading: None,
        unread: None,
    }
}

/// Others that hear the same, and that stop, panic and go at random.
fn add_extra(router: &Router<Payload>, shards: usize, random: &mut Random) -> Subscription {
    let mut mine = random.fork();
    let builder = on_shard(
        router,
        random.below(shards),
        Filter::any().event_type("LINE"),
    )
    .mailbox(1 + random.below(50), random.pick(&POLICIES[..3]))
    .on_panic(random.pick(&[OnPanic::Stop, OnPanic::Resume]));
    let handler = move |_: &Event<Payload>, ctx: &mut Context<'_, Payload>| match mine.below(200) {
        0 => ctx.stop(),
        1 => resume_unwind(Box::new("asked for")),
        _ => {}
    };
    builder.handler_ctx(handler).unwrap()
}

/// Publishes until the router is closed.
fn publish(
    mut publisher: Publisher<Payload>,
    handle: Option<Router<Payload>>,
    mut random: Random,
    accepted: &Accepted,
    tally: &Arc<Tally>,
) {
    let way = random.below(4);
    loop {
        let (index, number) = (random.below(LINES), random.next() % 6);
        let (topic, payload) = (line(index), tally.track(number));
        let result = match (way, &handle) {
            (0, Some(router)) => router.publish(topic, payload),
            (1, _) => publisher.try_publish(topic, payload),
            (2, _) => block_on(publisher.publish_async(topic, payload)),
            _ => publisher.publish(topic, payload),
        };
        if matches!(result, Err(PublishError::Full(_))) {
            thread::yield_now();
        }
        if !accepted.note(index, number, result) {
            return;
        }
    }
}

/// Calls `body` on a shard, whatever waits in the lanes of others.
fn in_a_handler(
    router: &Router<Payload>,
    tally: &Arc<Tally>,
    body: impl FnOnce(Router<Payload>) + Send + 'static,
) {
    let close = topic("CLOSE");
    let mut body = Some(body);
    let mut handle = Some(router.clone());
    let handler = move |_: &Event<Payload>| {
        if let (Some(body), Some(router)) = (body.take(), handle.take()) {
            body(router);
        }
    };
    on_shard(router, 0, Filter::exact(close))
        .handler(handler)
        .unwrap();
    router.publisher().publish(close, tally.track(0)).unwrap();
}

fn close(router: Router<Payload>, way: Way, tally: &Arc<Tally>) -> Option<ShutdownReport> {
    match way {
        Way::Shutdown => {}
        Way::TwoAtOnce => {
            let other = router.clone();
            let other = thread::spawn(move || other.shutdown(FOREVER));
            let report = router.shutdown(FOREVER);
            assert!(report.is_complete(), "{report:?}");
            assert!(other.join().unwrap().is_complete());
        }
        Way::Late => drop(router.shutdown(Duration::ZERO)),
        Way::Handler => in_a_handler(&router, tally, |router| {
            router.shutdown(FOREVER);
        }),
        Way::Drop => {
            drop(router);
            return None;
        }
        Way::DropInHandler => {
            let hold = Hold::default();
            let inside = hold.clone();
            in_a_handler(&router, tally, move |last| {
                // Until the other handle is gone.
                inside.stop_here();
                drop(last);
            });
            hold.wait_for_arrival();
            drop(router);
            hold.release();
            return None;
        }
    }
    // A handler may be about to begin it; once it is over, this says the same as that did.
    Some(router.shutdown(FOREVER))
}

/// Says how many events were accepted, given back, and left at the end.
fn one_round(stage: &mut Stage, way: Way) -> [u64; 4] {
    let random = &mut stage.random;
    let tally = Tally::new();
    let shards = 1 + random.below(3);
    let router = Router::<Payload>::builder()
        .shards(shards)
        .wait(random.pick(&[Wait::Park, Wait::Park, Wait::Yield]))
        .lane_capacity(random.pick(&[1, 4, 64]))
        .pinning(Pinning::Off)
        .shutdown_timeout(FOREVER)
        .build()
        .unwrap();
    let mut accepted = Arc::<Accepted>::default();
    let mut lines: Vec<Line> = (0..LINES)
        .map(|index| {
            let worker = Worker {
                index,
                accepted: Arc::clone(&accepted),
                tally: Arc::clone(&tally),
                leaves: random.below(4) == 0,
                forwards: random.flip(),
            };
            add_line(&router, shards, random, worker)
        })
        .collect();
    let is_dropped = matches!(way, Way::Drop | Way::DropInHandler);
    let publishers: Vec<_> = (0..1 + random.below(4))
        .map(|_| {
            let (publisher, random) = (router.publisher(), random.fork());
            let handle = (!is_dropped).then(|| router.clone());
            let (accepted, tally) = (Arc::clone(&accepted), Arc::clone(&tally));
            thread::spawn(move || publish(publisher, handle, random, &accepted, &tally))
        })
        .collect();
    // While they publish.
    let mut extras: Vec<Subscription> = Vec::new();
    for _ in 0..random.below(100) {
        match random.below(4) {
            0 => extras.push(add_extra(&router, shards, random)),
            1 if !extras.is_empty() => drop(random.pick(&extras).unsubscribe()),
            2 => thread::yield_now(),
            _ => (0..random.below(1000)).for_each(|_| std::hint::spin_loop()),
        }
    }
    let report = close(router, way, &tally);
    for publisher in publishers {
        joined(publisher);
    }
    // Dropping the router in a handler does not wait. Until its actors are gone, they may note what they have published.
    // Once they are, plain counters are enough: `get_mut` acquires what their references released.
    wait_until(|| Arc::get_mut(&mut accepted).is_some());
    let mut left = 0;
    for (index, line) in lines.iter_mut().enumerate() {
        let subscription = &line.subscription;
        let sent = accepted.lines[index].load(Ordering::Relaxed);
        let read = line.reading.take().map(joined);
        let read = read.or_else(|| line.unread.take().map(read_all));
        wait_until(|| subscription.stats().queued == 0 && subscription.stats().matched == sent);
        let stats = subscription.stats();
        assert_eq!(
            stats.handled + stats.discarded + stats.dropped.total(),
            sent,
            "{stats:?}"
        );
        assert!(
            read.is_none_or(|read| read == stats.handled),
            "{read:?} {stats:?}"
        );
        left += stats.dropped.stopped;
    }
    if let Some(report) = report {
        assert!(report.is_complete(), "{report:?}");
        assert_eq!(report.dropped as u64, left, "{report:?}");
    }
    drop((lines, extras));
    wait_until(|| tally.drops() >= tally.made() + tally.clones());
    tally.assert_balanced();
    let sums: [u64; LINES] = from_fn(|index| accepted.lines[index].load(Ordering::Relaxed));
    let [closed, full] =
        [&accepted.closed, &accepted.full].map(|count| count.load(Ordering::Relaxed));
    [sums.iter().sum(), closed, full, left]
}

fn run(stage: &mut Stage) -> Held {
    let (mut rounds, mut sums) = ([0; WAYS.len()], [0; 4]);
    for which in (0..WAYS.len()).cycle() {
        if !stage.goes_on() {
            break;
        }
        stage.step(format!("{:?}", WAYS[which]));
        let round = one_round(stage, WAYS[which]);
        (0..4).for_each(|index| sums[index] += round[index]);
        rounds[which] += 1;
    }
    let ([plain, twice, late, handler, dropped, inside], [accepted, closed, full, left]) =
        (rounds, sums);
    Held {
        load: format!(
            "{} routers, {accepted} events accepted",
            rounds.iter().sum::<u64>()
        ),
        faults: format!(
            "shut down {plain} times at once, {twice} by two, {late} without waiting, {handler} in a handler, {dropped} dropped, \
             {inside} dropped in a handler; {closed} events given back as Closed, {full} as Full, {left} left at suspended actors"
        ),
    }
}
