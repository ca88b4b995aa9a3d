//! What a router promises, what each promise costs, and the test that shows it.
//!
//! "Before" and "after" are happens-before between threads, not the time on a clock. A [thread that runs
//! actors](super::concepts#thread-that-runs-actors) is a shard's, a dedicated actor's, or one that polls a shard. The tests
//! are in the repository's `tests/`; nanoseconds are those of `PERF.md`, on the machine that it describes.
//!
//! # G1: publishing takes no lock
//!
//! Once it is warm, publishing takes no lock and allocates nothing. It makes a system call only to wake a sleeping shard,
//! or if the caller chose to wait for room. *Warm* means: this publisher has its lanes to the shards in question
//! ([`warm`](crate::Publisher::warm) makes them early), and has published under this topic since subscriptions last
//! changed. What a payload's own Clone allocates is the user's.
//!
//! Costs a lane for each pair of publisher and shard: up to 256 KiB by default, and locks and memory while it is made. The
//! publisher that lets go of an old table last frees the parts that no newer one shares.
//!
//! Shown by `g01_allocation_free.rs`, and for system calls by `row_20_no_system_calls.rs`, which has a process traced; with a
//! nightly compiler, `checks/realtime.sh` lets RealtimeSanitizer look as well.
//!
//! # G2: its cost does not grow with the number of subscribers
//!
//! One publish writes one lane slot for each shard with an interested actor, and clones the payload once less than that. To
//! whom it goes on that shard is the shard's work: 0.4 ns for each actor, in runs.
//!
//! Costs an indirection, so the shard looks an event up a second time, once for each run of a class.
//!
//! Shown by `g02_cost_of_publishing.rs`.
//!
//! # G3: at most once
//!
//! A subscription gets an event at most once, however many of its filters match.
//!
//! Costs nothing while filters have no resource; for those with one the shard sorts what it picked from a run.
//!
//! Shown by `g03_at_most_once.rs`.
//!
//! # G4: in the order of each publisher
//!
//! What a subscription gets of one publisher, it gets in the order in which it was published; with
//! [`KeepLatest`](crate::Overflow::KeepLatest) that holds for each topic by itself. All calls of
//! [`Router::publish`](crate::Router::publish) on one thread are one publisher, and so are all actors of one shard.
//!
//! Costs freedom: an actor never moves to a shard that has less to do, and while something of a shard waits for room in a
//! lane, all that it publishes to that lane waits behind it.
//!
//! Shown by `g04_fifo.rs` and `g04_fifo_policies.rs`.
//!
//! # G5: exactly what is published after
//!
//! When `subscribe` has returned, every matching event whose publish happens after it is delivered, or counted as dropped
//! (G7, G12). An event whose publish returned before `subscribe` was called is not, even if it is still queued. Of what is
//! published meanwhile, a subscription sees all from some event on, of each publisher.
//!
//! Costs 0.3 ns an event, for a number that tells changes apart. Each change makes each publisher look at the table once
//! more.
//!
//! Shown by `g05_exactly_after.rs`, and by loom models of the commands.
//!
//! # G6: unsubscribing and suspending are barriers
//!
//! When they return, no call of that actor is running or will begin (suspended: until it is resumed). After `unsubscribe`
//! its [`stopped`](crate::Actor::stopped) and its Drop are complete as well. A receiver yields what it holds, and then
//! `Closed`.
//!
//! On threads that run actors they do not wait, since two that wait for each other would hang: there, no further call
//! begins on the own shard, and elsewhere from when that thread next takes commands.
//!
//! Costs the caller a wait, for the run that the shard is in or the call of a dedicated actor. Publishers pay nothing.
//!
//! Shown by `g06_unsubscribe_is_a_barrier.rs`, `remote_barrier.rs` and `suspend/`, and by loom models.
//!
//! # G7: nothing is lost silently
//!
//! In every snapshot of a subscription's counters `matched == handled + discarded + dropped.total() + queued`. An event is
//! queued until its handler returns or its reader takes it. An actor is told by [`lagged`](crate::Actor::lagged) in front
//! of the event that follows a gap, a receiver's owner by [`take_missed`](crate::Receiver::take_missed).
//!
//! `matched` counts behind the predicate. A gap with nothing behind it shows in the counters, and is told when the next
//! event comes: an actor that ends before is not told, while a receiver can ask at its end. An actor that ends, stopped,
//! panicked or unsubscribed, takes what waits with it, as `dropped.stopped`.
//!
//! ```
//! use laneway::{Filter, Overflow, Router, Topic};
//!
//! let router = Router::<u32>::new();
//! let topic = Topic::new("guarantees", "loss")?;
//! let mailbox = router.subscription().filter(Filter::exact(topic)).mailbox(4, Overflow::DropOldest);
//! let mut receiver = mailbox.receiver()?;
//! for number in 0..100 {
//!     router.publish(topic, number)?;
//! }
//! router.flush()?;
//! let stats = receiver.subscription().stats();
//! assert_eq!((stats.matched, stats.queued, stats.dropped.oldest), (100, 4, 96));
//! // The gap is told where it is, and where that is goes by when the reader's first event went ahead to it.
//! let (mut last, mut missed) = (0, 0);
//! for _ in 0..4 {
//!     last = receiver.recv()?.into_payload();
//!     missed += receiver.take_missed();
//! }
//! assert_eq!((last, missed), (99, 96));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Costs 0.4 ns an event: counters with one writer, written once a run.
//!
//! Shown by `g07_no_silent_loss.rs` and `mailboxes/`.
//!
//! # G8: who falls behind hurts only itself
//!
//! A full mailbox drops by its policy and is no concern of others, unless the policy is [`Block`](crate::Overflow::Block):
//! that loses nothing, and holds the lanes instead. An actor is handed at most its [`budget`](crate::RouterBuilder::budget)
//! in one turn of its shard, so a quiet one waits for at most that many events of each busy one.
//!
//! It is about events, not about time. A call that occupies its thread delays its shard; the stall detector counts and
//! names it.
//!
//! Costs a subtraction for each run and actor, a store for each call, and a thread that looks every 5 to 9 ms while shards are
//! awake.
//!
//! Shown by `g08_fairness.rs`, `g08_slow_readers.rs` and `g08_stalls.rs`.
//!
//! # G9: a panic stays inside its actor
//!
//! Caught on the router's threads are panics in handlers, predicates, factories, `started`, `lagged`, `stopped`, wakers,
//! subscribers to traces, and in Drop of actors and events. Those of a subscription's calls count as its `panics`. What
//! becomes of the actor is for [`OnPanic`](crate::OnPanic) or [`actor_with`](crate::SubscriptionBuilder::actor_with) to
//! say. A Clone that panics in a publish is its publisher's affair: no shard gets the event.
//!
//! Costs one catch for each run, 0.04 ns an event. [What cannot be caught](super::limits#panics-that-nobody-can-contain).
//!
//! Shown by `panics.rs` and `supervision/`.
//!
//! # G10: threads that run actors never wait
//!
//! Not for room, nor for another actor, nor for the effect of a command. Every way of publishing returns `Full` instead, so
//! no cycle of actors can deadlock, and a handler may subscribe, unsubscribe, shut down and drop the last handle.
//!
//! Costs a decision: a handler that publishes has to say what becomes of an event that has no room. What it publishes gets
//! 1024 places for each target shard beyond the lane.
//!
//! Shown by `g10_actor_threads_never_wait.rs` and `reentrancy/`.
//!
//! # G11: every queue is bounded
//!
//! | what | default | set by |
//! |---|---|---|
//! | a lane | 256 events, less for large ones | [`lane_capacity`](crate::RouterBuilder::lane_capacity) |
//! | a thread's own lane, for [`Router::publish`](crate::Router::publish) | the same, at most 32 | as above |
//! | what a shard's actors publish to one shard beyond its lane | 1024 events | fixed |
//! | a mailbox | 1024 events | [`mailbox`](crate::SubscriptionBuilder::mailbox) |
//! | subscriptions | 2^20 | [`max_subscriptions`](crate::RouterBuilder::max_subscriptions) |
//! | commands | some for each subscription, lane and waiting thread | fixed |
//!
//! Costs a refusal where something is full. Bounds are in events, not in bytes.
//!
//! Shown by `g11_bounded_memory.rs`, `g11_memory_returns.rs` and `registry_limits.rs`.
//!
//! # G12: shutting down drains
//!
//! Every event whose publish was `Ok` is handled, or counted in the [`ShutdownReport`](crate::ShutdownReport). Every other
//! publish gives `Closed` with its event, also one that was waiting for room. Never both. Threads are joined by the
//! deadline, or named in the report and left to finish. Dropping the last handle does the same, for up to
//! [`shutdown_timeout`](crate::RouterBuilder::shutdown_timeout).
//!
//! Receivers keep what waits for them, and yield it. What waits for a suspended actor is dropped and counted.
//!
//! Costs 0.6 ns an event, to claim a place before looking whether the router is closed.
//!
//! Shown by `g12_shutdown_drains.rs`, `g12_shutdown_of_readers.rs` and `g12_drops.rs`, and by loom models of closing.
//!
//! Next: [`recipes`](super::recipes).
