//! Actors, handles and routers in their last moments.

use super::*;

thread_local! {
    static KEPT: RefCell<Option<Kept>> = const { RefCell::new(None) };
}

/// Gives up its handle with its thread.
struct Kept {
    router: Option<Router<u32>>,
    gone: Latch,
}

impl Drop for Kept {
    fn drop(&mut self) {
        drop(self.router.take());
        self.gone.open();
    }
}

/// Runs a test in a process of its own, so that one that ends the process fails alone.
fn in_a_process_of_its_own(test: &str, body: fn()) {
    const INSIDE: &str = "LANEWAY_INSIDE_ITS_OWN_PROCESS";
    if std::env::var_os(INSIDE).is_some() {
        return guarded(body);
    }
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(INSIDE, "1")
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{}\n{out}\n{err}", output.status);
    assert!(out.contains("1 passed"), "{test} is not the test's name");
}

// A shard's thread stopped being an actor thread when its loop ended, before the destructors of its thread-locals.
//
// A handler keeps a handle of its router in a thread-local. The main thread shuts down and drops its own handle. The
// shard's loop ends; the thread-local's destructor drops the last handle, which joins the shards' threads: its own
// among them. That panics, and a panic in such a destructor aborts the process.
#[test]
fn the_last_handle_may_be_dropped_by_a_thread_local_of_a_shard() {
    in_a_process_of_its_own(
        "ending::the_last_handle_may_be_dropped_by_a_thread_local_of_a_shard",
        || {
            let router = router_with::<u32>(1);
            let topic = topic("KEPT");
            let (hold, gone, weak) = (Hold::default(), Latch::default(), router.downgrade());
            let handler = {
                let (hold, gone, weak) = (hold.clone(), gone.clone(), weak.clone());
                move |_: &Event<u32>| {
                    let (router, gone) = (weak.upgrade(), gone.clone());
                    KEPT.set(Some(Kept { router, gone }));
                    hold.stop_here();
                }
            };
            router.subscribe(Filter::exact(topic), handler).unwrap();
            router.publish(topic, 0).unwrap();
            hold.wait_for_arrival();
            // Begins closing, and leaves the last handle to the shard.
            assert!(!router.shutdown(Duration::ZERO).is_complete());
            drop(router);
            assert!(weak.upgrade().is_some());
            hold.release();
            gone.wait();
            assert!(weak.upgrade().is_none());
        },
    );
}

/// Ends as its events say, and then stays in its last call until it is let go.
struct Ending {
    last_call: Hold,
    is_over: Arc<AtomicBool>,
}

#[derive(Clone, Copy, Debug)]
enum End {
    Stop,
    Panic,
    ByAnotherThread,
    ByAnActor,
    Shutdown,
}

impl Actor<End> for Ending {
    fn handle(&mut self, event: &Event<End>, ctx: &mut Context<'_, End>) {
        match event.payload() {
            End::Stop => ctx.stop(),
            other => panic!("asked for: {other:?}"),
        }
    }

    fn stopped(&mut self, _: StopReason) {
        self.last_call.stop_here();
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Release);
    }
}

/// The actor is in its last call, and somebody unsubscribes it. Says what that gave, and whether all was over by then.
fn unsubscribe_in_the_last_call(
    end: End,
    unsubscribe: impl FnOnce(&Router<End>, Subscription) -> Result<(), UnsubscribeError>
    + Send
    + 'static,
) {
    let router = router_with::<End>(2);
    let (topic, helpers) = (topic("ENDING"), topic("HELPERS"));
    let (last_call, is_over) = (Hold::default(), Arc::new(AtomicBool::new(false)));
    let subscription = on_shard(&router, 0, Filter::exact(topic))
        .actor(Ending {
            last_call: last_call.clone(),
            is_over: Arc::clone(&is_over),
        })
        .unwrap();
    let id = subscription.id();
    let first = match end {
        End::Stop | End::Panic => {
            router.publish(topic, end).unwrap();
            None
        }
        End::ByAnotherThread => {
            let subscription = subscription.clone();
            Some(thread::spawn(move || subscription.unsubscribe()))
        }
        End::ByAnActor => {
            let subscription = subscription.clone();
            on_shard(&router, 1, Filter::exact(helpers))
                .handler(move |_| subscription.unsubscribe().unwrap())
                .unwrap();
            router.publish(helpers, end).unwrap();
            None
        }
        End::Shutdown => {
            assert!(!router.shutdown(Duration::ZERO).is_complete());
            None
        }
    };
    last_call.wait_for_arrival();
    let second = {
        let (router, is_over) = (router.clone(), Arc::clone(&is_over));
        thread::spawn(move || {
            let result = unsubscribe(&router, subscription);
            (result, is_over.load(Ordering::Acquire))
        })
    };
    // Time enough to return too early.
    for _ in 0..2000 {
        if second.is_finished() {
            break;
        }
        thread::yield_now();
    }
    last_call.release();
    let (result, was_over) = second.join().unwrap();
    assert_eq!(result, Err(UnsubscribeError::Unknown(id)), "{end:?}");
    assert!(was_over, "{end:?}: it returned before the actor's Drop");
    if let Some(first) = first {
        first.join().unwrap().unwrap();
    }
}

// Unsubscribing returned at once if the subscription had ended already, with its actor still in its last call.
//
// The shard runs `stopped`, since the actor stopped, panicked, was unsubscribed by thread A, or its router shuts down.
// What the actor holds is still in use. Thread B unsubscribes, is told that there is no such subscription, and takes
// the resource apart.
#[test]
fn unsubscribing_what_ended_waits_for_its_last_call() {
    guarded(|| {
        for end in [
            End::Stop,
            End::Panic,
            End::ByAnotherThread,
            End::ByAnActor,
            End::Shutdown,
        ] {
            unsubscribe_in_the_last_call(end, |_, subscription| subscription.unsubscribe());
            unsubscribe_in_the_last_call(end, |router, subscription| {
                router.unsubscribe(subscription.id())
            });
            unsubscribe_in_the_last_call(end, |_, subscription| {
                let gone = Err(UnsubscribeError::Unknown(subscription.id()));
                drop(subscription.guard());
                gone
            });
        }
    });
}

// Shutting down took each actor out of its routes one by one, and each time looked at all that were left.
//
// A hundred thousand actors have one filter. The default deadline passed, and their thread was detached.
#[test]
fn many_actors_of_one_filter_are_stopped_by_the_default_deadline() {
    // So many that the square of it takes longer than that, in each build.
    let count = if cfg!(debug_assertions) {
        30_000
    } else {
        200_000
    };
    guarded(move || {
        let router = router_with::<u32>(1);
        let topic = topic("CROWD");
        let life = Life::default();
        for _ in 0..count {
            router
                .spawn(Filter::exact(topic), Witness(life.clone()))
                .unwrap();
        }
        router.flush().unwrap();
        let report = router.shutdown(Duration::from_secs(5));
        assert!(report.is_complete(), "{report:?}");
        let (started, stopped, dropped) = life.numbers();
        assert_eq!((started, stopped.len(), dropped), (count, count, count));
    });
}

/// Subscribes the next of its kind in its first call, until the router is closed.
struct Chain {
    witness: Witness,
    accepted: Log<Attempt>,
}

/// An actor that somebody tried to subscribe: what it went through, and whether it was accepted.
#[derive(Clone)]
struct Attempt {
    life: Life,
    accepted: bool,
}

impl Attempt {
    #[track_caller]
    fn assert_complete(&self) {
        let expected = match self.accepted {
            true => (1, vec![StopReason::Shutdown], 1),
            false => (0, vec![], 1),
        };
        assert_eq!(self.life.numbers(), expected);
    }
}

impl Actor<u32> for Chain {
    fn handle(&mut self, _: &Event<u32>, _: &mut Context<'_, u32>) {}

    fn started(&mut self, ctx: &mut Context<'_, u32>) {
        Actor::<u32>::started(&mut self.witness, ctx);
        if let Some(router) = ctx.router().upgrade() {
            Chain::subscribe(&router, &self.accepted);
        }
    }

    fn stopped(&mut self, reason: StopReason) {
        Actor::<u32>::stopped(&mut self.witness, reason);
    }
}

impl Chain {
    fn subscribe(router: &Router<u32>, attempts: &Log<Attempt>) {
        let life = Life::default();
        let next = Chain {
            witness: Witness(life.clone()),
            accepted: attempts.clone(),
        };
        let filter = Filter::exact(topic("CHAIN"));
        let accepted = router.spawn(filter, next).is_ok();
        attempts.push(Attempt { life, accepted });
    }
}

// An actor that was accepted just before closing was dropped without its first and its last call.
//
// Thread A subscribes: the actor is in the queue, and A is preempted before it rings the shard's bell. Thread B closes
// the router, and before it rings, the shard sees that the router closed, that its lanes are empty and its bell silent,
// and exits. A rings, finds that the shard has exited and drops the queue.
//
// That takes two threads stopped within a few instructions each, so a test seldom meets it. What this one sees for sure
// is that whoever comes to the closing is either refused or has a whole life.
#[test]
fn an_actor_accepted_just_before_closing_is_started_and_stopped() {
    const THREADS: usize = 3;
    guarded(|| {
        let mut random = Random::new();
        for round in 0..rounds(400) {
            let router = router_with::<u32>(1 + round % 2);
            let (topic, attempts) = (topic("LATE"), Log::default());
            let start = SpinBarrier::new(THREADS + 1);
            let subscribers: Vec<_> = (0..THREADS)
                .map(|index| {
                    let (router, start) = (router.clone(), Arc::clone(&start));
                    let attempts = attempts.clone();
                    thread::spawn(move || {
                        start.wait();
                        // Not without end: on a busy machine the closing may come late.
                        for _ in 0..100 {
                            let life = Life::default();
                            let actor = Witness(life.clone());
                            let filter = Filter::exact(topic.with_resource(index as u64));
                            let accepted = router.spawn(filter, actor).is_ok();
                            attempts.push(Attempt { life, accepted });
                            if !accepted {
                                break;
                            }
                        }
                    })
                })
                .collect();
            if round % 4 == 0 {
                Chain::subscribe(&router, &attempts);
            }
            start.wait();
            (0..random.below(200)).for_each(|_| std::hint::spin_loop());
            let report = router.shutdown(LIMIT);
            assert!(report.is_complete(), "{report:?}");
            for subscriber in subscribers {
                subscriber.join().unwrap();
            }
            attempts.all().iter().for_each(Attempt::assert_complete);
        }
    });
}

/// Unsubscribing what had ended waited for all shards, also those that had nothing to do with it.
#[test]
fn unsubscribing_what_ended_waits_for_its_own_shard_alone() {
    guarded(|| {
        let router = router_with::<u32>(2);
        let subscription = on_shard(&router, 0, Filter::exact(topic("ENDED")))
            .handler(|_| ())
            .unwrap();
        subscription.unsubscribe().unwrap();
        let hold = block_shard(&router, 1, 0);
        assert!(subscription.unsubscribe().is_err());
        hold.release();
    });
}

// A publisher that waited for room was woken by its shard alone, also for the closing.
//
// The shard is in a handler that does not return. Somebody shuts down, and gets the thread's name. The publisher slept on
// until the handler returned, instead of getting its event back.
#[test]
fn a_waiting_publisher_gets_its_event_back_although_the_shard_is_stuck() {
    guarded(|| {
        let router = Router::<u32>::builder()
            .shards(1)
            .lane_capacity(1)
            .build()
            .unwrap();
        let (topic, hold) = (topic("STUCK"), Hold::default());
        router
            .subscribe(Filter::exact(topic), common::holding(&hold))
            .unwrap();
        let mut publisher = router.publisher();
        publisher.publish(topic, 0).unwrap();
        hold.wait_for_arrival();
        let waiting = thread::spawn(move || publisher.publish(topic, 1));
        // Whether it sleeps by now or not, it must come back.
        (0..1000).for_each(|_| thread::yield_now());
        assert_eq!(router.shutdown(Duration::ZERO).detached.len(), 1);
        assert_eq!(waiting.join().unwrap(), Err(PublishError::Closed(1)));
        hold.release();
    });
}
