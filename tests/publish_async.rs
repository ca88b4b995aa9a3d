//! Publishing from tasks: they wait for room without blocking their thread, and whoever gives up leaves nothing behind.

mod common;

use common::{
    Alarm, Hold, Log, Tally, Tracked, block_on, block_shard, guarded, on_shard, poll, poll_once,
    rounds, run_all, sweep, topic, yield_once,
};
use laneway::{Filter, Pinning, PublishError, Published, Router, Topic};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Barrier};
use std::task::{Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

const ROUTED: Poll<Result<Published, PublishError<u64>>> = Poll::Ready(Ok(Published::Routed));

/// A router of one shard with lanes of this capacity.
fn router<E: Clone + Send + 'static>(lane_capacity: usize) -> Router<E> {
    let builder = Router::builder().shards(1).pinning(Pinning::Off);
    builder.lane_capacity(lane_capacity).build().unwrap()
}

/// Fills this thread's lane to a shard that is held, with 0, 1, 2... Says how many those are.
fn fill(router: &Router<u64>, topic: Topic) -> u64 {
    let mut count = 0;
    while poll_once(router.publish_async(topic, count)) == ROUTED {
        count += 1;
    }
    count
}

/// A router with lanes of this capacity whose shard is held, and this thread's lane to it full of events for the log.
struct Stage {
    router: Router<u64>,
    topic: Topic,
    hold: Hold,
    log: Log<u64>,
    count: u64,
}

fn stage(lane_capacity: usize) -> Stage {
    let (router, topic, log) = (router(lane_capacity), topic("EVENT"), Log::default());
    let subscribed = router.subscribe(Filter::exact(topic), log.handler());
    subscribed.unwrap();
    let hold = block_shard(&router, 0, 0);
    let count = fill(&router, topic);
    Stage {
        router,
        topic,
        hold,
        log,
        count,
    }
}

impl Stage {
    /// Lets the shard go on. Says what came out beyond what the lane was filled with.
    fn finish(self) -> Vec<u64> {
        self.hold.release();
        self.router.flush().unwrap();
        let mut seen = self.log.take();
        let rest = seen.split_off(self.count as usize);
        assert!(seen.into_iter().eq(0..self.count));
        rest
    }
}

#[test]
fn a_task_waits_for_room_and_goes_on_with_the_shard() {
    guarded(|| {
        sweep(|setup| {
            let (router, topic, log) = (setup.router(), topic("EVENT"), Log::default());
            let everywhere = 0..setup.shards;
            for shard in everywhere.clone() {
                on_shard(&router, shard, Filter::exact(topic))
                    .handler(log.handler())
                    .unwrap();
            }
            let holds: Vec<Hold> = everywhere
                .map(|shard| block_shard(&router, shard, 0))
                .collect();
            let count = fill(&router, topic);
            // What implicit publishers have at most is their own affair.
            assert!((1..=setup.lane_capacity as u64).contains(&count));
            let alarm = Alarm::new();
            let mut publishing = router.publish_async(topic, count);
            assert!(poll(&mut publishing, &alarm.waker()).is_pending());
            assert!(!alarm.is_rung());
            holds.iter().for_each(Hold::release);
            common::wait_until(|| alarm.is_rung());
            assert_eq!(block_on(publishing), Ok(Published::Routed));
            router.flush().unwrap();
            let mut seen = log.take();
            seen.sort_unstable();
            let each = |event| std::iter::repeat_n(event, setup.shards);
            assert!(seen.into_iter().eq((0..=count).flat_map(each)));
        });
    });
}

#[test]
fn many_tasks_of_one_thread_share_its_lane() {
    guarded(|| {
        sweep(|setup| {
            let (router, topic, log) = (setup.router(), topic("EVENT"), Log::default());
            router
                .subscribe(Filter::exact(topic), log.handler())
                .unwrap();
            let (tasks, each) = (64, rounds(8) as u64);
            let results = run_all((0..tasks).map(|task| {
                let router = &router;
                async move {
                    for event in 0..each {
                        router.publish_async(topic, (task, event)).await?;
                    }
                    Ok::<_, PublishError<_>>(())
                }
            }));
            assert_eq!(results, vec![Ok(()); tasks]);
            router.flush().unwrap();
            // Stable: so it shows each task's events in the order in which they came.
            let mut seen = log.take();
            seen.sort_by_key(|&(task, _)| task);
            let all = (0..tasks).flat_map(|task| (0..each).map(move |event| (task, event)));
            assert!(seen.into_iter().eq(all));
        });
    });
}

#[test]
fn who_gives_up_publishes_nothing_and_leaves_no_waker() {
    guarded(|| {
        let (router, topic, tally) = (router(1), topic("EVENT"), Tally::new());
        let seen = Log::default();
        router
            .subscribe(Filter::exact(topic), {
                let seen = seen.clone();
                move |event: &laneway::Event<Tracked<u64>>| seen.push(event.payload().value)
            })
            .unwrap();
        // Never polled.
        drop(router.publish_async(topic, tally.track(0)));
        let hold = block_shard(&router, 0, tally.track(0));
        router.publish(topic, tally.track(1)).unwrap();
        let alarm = Alarm::new();
        let mut here = router.publish_async(topic, tally.track(2));
        let mut elsewhere = router.publish_async(topic, tally.track(3));
        for _ in 0..3 {
            assert!(poll(&mut here, &alarm.waker()).is_pending());
            assert!(poll(&mut elsewhere, &alarm.waker()).is_pending());
        }
        assert_eq!(Arc::strong_count(&alarm), 3, "one for each that waits");
        drop(here);
        assert_eq!(Arc::strong_count(&alarm), 2);
        thread::scope(|scope| scope.spawn(|| drop(elsewhere)).join().unwrap());
        assert_eq!(Arc::strong_count(&alarm), 1);
        hold.release();
        router.flush().unwrap();
        assert_eq!(seen.take(), [1]);
        assert!(!alarm.is_rung());
        drop(router);
        tally.assert_balanced();
    });
}

#[test]
fn the_waker_of_the_last_poll_is_called_and_no_other() {
    guarded(|| {
        let stage = stage(1);
        let alarms = [Alarm::new(), Alarm::new()];
        let mut publishing = stage.router.publish_async(stage.topic, 7);
        for alarm in &alarms {
            assert!(poll(&mut publishing, &alarm.waker()).is_pending());
        }
        assert_eq!(Arc::strong_count(&alarms[0]), 1);
        stage.hold.release();
        common::wait_until(|| alarms[1].is_rung());
        assert!(!alarms[0].is_rung());
        assert_eq!(block_on(publishing), Ok(Published::Routed));
        assert_eq!(stage.finish(), [7]);
    });
}

#[test]
fn one_future_of_a_task_gives_up_and_the_other_is_woken() {
    guarded(|| {
        let stage = stage(1);
        let alarm = Alarm::new();
        let waker = alarm.waker();
        let mut stays = stage.router.publish_async(stage.topic, 7);
        let mut goes = stage.router.publish_async(stage.topic, 8);
        assert!(poll(&mut stays, &waker).is_pending());
        assert!(poll(&mut goes, &waker).is_pending());
        drop(goes);
        stage.hold.release();
        common::wait_until(|| alarm.is_rung());
        assert_eq!(block_on(stays), Ok(Published::Routed));
        assert_eq!(stage.finish(), [7]);
    });
}

#[test]
fn closing_tells_tasks_that_wait() {
    guarded(|| {
        let stage = stage(2);
        let alarm = Alarm::new();
        let mut publisher = stage.router.publisher();
        publisher.publish(stage.topic, 7).unwrap();
        publisher.publish(stage.topic, 8).unwrap();
        let mut publishing = [
            stage.router.publish_async(stage.topic, 9),
            publisher.publish_async(stage.topic, 10),
        ];
        for future in &mut publishing {
            assert!(poll(future, &alarm.waker()).is_pending());
        }
        // The lanes stay full: the shard is in a call.
        stage.router.shutdown(Duration::ZERO);
        assert!(alarm.is_rung());
        let results = run_all(publishing);
        let expected = [9, 10].map(|payload| Err(PublishError::Closed(payload)));
        assert_eq!(results, expected);
        stage.hold.release();
    });
}

#[test]
fn actor_threads_do_not_wait() {
    guarded(|| {
        let (router, inside, target) = (router(1), topic("INSIDE"), topic("TARGET"));
        router.subscribe(Filter::exact(target), |_| ()).unwrap();
        let refused = Log::default();
        let refusals = refused.clone();
        let weak = router.downgrade();
        router
            .subscribe(Filter::exact(inside), move |_| {
                let router = weak.upgrade().unwrap();
                let mut publisher = router.publisher();
                // Never pending: there is room, or it is refused.
                let refuse = |mut publish: Box<dyn FnMut(u64) -> _>| {
                    let mut payload = 0;
                    while publish(payload) == ROUTED {
                        payload += 1;
                    }
                    refusals.push(publish(payload));
                };
                refuse(Box::new(|n| poll_once(router.publish_async(target, n))));
                refuse(Box::new(|n| poll_once(publisher.publish_async(target, n))));
            })
            .unwrap();
        router.publish(inside, 0).unwrap();
        router.flush().unwrap();
        let refused = refused.take();
        assert_eq!(refused.len(), 2);
        for refusal in refused {
            assert!(matches!(refusal, Poll::Ready(Err(PublishError::Full(_)))));
        }
    });
}

/// A waker that panics.
struct Faulty;

impl Wake for Faulty {
    fn wake(self: Arc<Self>) {
        panic!("asked for, in a waker");
    }
}

#[test]
fn a_waker_that_panics_hurts_neither_the_shard_nor_those_behind_it() {
    guarded(|| {
        let stage = stage(1);
        let alarm = Alarm::new();
        let faulty = Waker::from(Arc::new(Faulty));
        let mut publishing = [7, 8].map(|n| stage.router.publish_async(stage.topic, n));
        assert!(poll(&mut publishing[0], &faulty).is_pending());
        assert!(poll(&mut publishing[1], &alarm.waker()).is_pending());
        stage.hold.release();
        common::wait_until(|| alarm.is_rung());
        stage.router.flush().unwrap();
        assert_eq!(stage.router.stats().total().panics, 1);
        assert_eq!(run_all(publishing), vec![Ok(Published::Routed); 2]);
        assert_eq!(stage.finish(), [7, 8]);
    });
}

#[test]
fn closing_gets_past_a_waker_that_panics() {
    guarded(|| {
        let stage = stage(1);
        let alarm = Alarm::new();
        let faulty = Waker::from(Arc::new(Faulty));
        let mut publishing = [7, 8].map(|n| stage.router.publish_async(stage.topic, n));
        assert!(poll(&mut publishing[0], &faulty).is_pending());
        assert!(poll(&mut publishing[1], &alarm.waker()).is_pending());
        stage.router.shutdown(Duration::ZERO);
        assert!(alarm.is_rung());
        drop(publishing);
        stage.hold.release();
    });
}

#[test]
fn a_publisher_keeps_its_order_while_its_task_moves() {
    type Task = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

    /// Polls what comes in, and passes it on while it is not done.
    fn work(inbox: &Receiver<Task>, next: Sender<Task>) {
        for mut task in inbox {
            let alarm = Alarm::new();
            if poll(&mut task, &alarm.waker()).is_ready() {
                return;
            }
            common::wait_until(|| alarm.is_rung());
            next.send(task).unwrap();
        }
    }

    guarded(|| {
        sweep(|setup| {
            let (router, topic, log) = (setup.router(), topic("EVENT"), Log::default());
            router
                .subscribe(Filter::exact(topic), log.handler())
                .unwrap();
            let count = rounds(500);
            let mut publisher = router.publisher();
            let task: Task = Box::pin(async move {
                for event in 0..count {
                    publisher.publish_async(topic, event).await.unwrap();
                    yield_once().await;
                }
            });
            let (to_left, left) = channel();
            let (to_right, right) = channel();
            to_left.send(task).unwrap();
            // Whoever is done drops its sender, and so the other ends as well.
            let workers = [
                thread::spawn(move || work(&left, to_right)),
                thread::spawn(move || work(&right, to_left)),
            ];
            for worker in workers {
                worker.join().unwrap();
            }
            router.flush().unwrap();
            assert!(log.take().into_iter().eq(0..count));
        });
    });
}

#[test]
fn a_thread_blocks_in_the_lane_where_its_task_waits() {
    guarded(|| {
        for _ in 0..rounds(50) {
            let stage = stage(1);
            let alarm = Alarm::new();
            let mut publishing = stage.router.publish_async(stage.topic, 7);
            assert!(poll(&mut publishing, &alarm.waker()).is_pending());
            let together = Barrier::new(2);
            thread::scope(|scope| {
                scope.spawn(|| {
                    together.wait();
                    stage.hold.release();
                    // Woken in the other thread's lane, and published in this one's.
                    common::wait_until(|| alarm.is_rung());
                    assert_eq!(block_on(publishing), Ok(Published::Routed));
                });
                together.wait();
                let published = stage.router.publish(stage.topic, 8);
                assert_eq!(published, Ok(Published::Routed));
            });
            let mut rest = stage.finish();
            rest.sort_unstable();
            assert_eq!(rest, [7, 8]);
        }
    });
}

#[test]
fn who_waits_is_woken_though_others_take_each_slot_that_comes_free() {
    guarded(|| {
        let (router, topics) = (router(4), ["LEFT", "RIGHT"].map(topic));
        let (permit, permits) = channel();
        let permits = Arc::new(std::sync::Mutex::new(permits));
        let builder = common::any_of(router.subscription(), &topics.map(Filter::exact));
        builder
            .handler(move |_| permits.lock().unwrap().recv().unwrap_or(()))
            .unwrap();
        // By turns, so that each event is a run of its own and gives its slot back alone.
        let mut next = topics.into_iter().cycle();
        let mut take_a_slot = || {
            let topic = next.next().unwrap();
            common::wait_until(|| poll_once(router.publish_async(topic, 0)) == ROUTED);
        };
        (0..4).for_each(|_| take_a_slot());
        let alarm = Alarm::new();
        let mut waiting = router.publish_async(topics[0], 0);
        assert!(poll(&mut waiting, &alarm.waker()).is_pending());
        for _ in 0..2 {
            permit.send(()).unwrap();
            take_a_slot();
        }
        common::wait_until(|| alarm.is_rung());
        assert!(poll(&mut waiting, Waker::noop()).is_pending(), "too late");
        drop((waiting, permit));
        router.flush().unwrap();
    });
}
