//! Four programs to begin from.
//!
//! # A slow subscriber
//!
//! What decides is whether it needs every event. A display does not: it wants the newest value of each thing, when it gets
//! to it. A thread of its own keeps its shard free, and [`KeepLatest`](crate::Overflow::KeepLatest) replaces what it has
//! not seen. The average beside it is fast, so it is a closure on a shard and gets everything.
//!
//! ```
//! use laneway::{Actor, Context, Event, Filter, Overflow, Router, Topic};
//! use std::thread;
//! use std::time::Duration;
//!
//! struct Display;
//!
//! impl Actor<f64> for Display {
//!     fn handle(&mut self, event: &Event<f64>, _: &mut Context<'_, f64>) {
//!         thread::sleep(Duration::from_millis(1)); // a terminal, a disk, a network
//!         println!("{}: {}", event.topic(), event.payload());
//!     }
//!
//!     fn lagged(&mut self, missed: u64, _: &mut Context<'_, f64>) {
//!         println!("({missed} older values)");
//!     }
//! }
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let router = Router::<f64>::new();
//!     let load = Topic::new("machine", "LOAD")?;
//!     let display = router
//!         .subscription()
//!         .named("display")
//!         .filter(Filter::exact(load))
//!         .mailbox(64, Overflow::KeepLatest) // room for 64 topics, so none drops another
//!         .dedicated(Display)?;
//!     let mut sum = 0.0;
//!     let average = router.subscribe(Filter::exact(load), move |event| sum += event.payload())?;
//!
//!     for sample in 0..10_000_u64 {
//!         router.publish(load.with_resource(sample % 4), sample as f64)?;
//!     }
//!     router.flush()?;
//!     assert_eq!(average.stats().handled, 10_000);
//!     let shown = display.stats();
//!     assert_eq!(shown.handled + shown.dropped.replaced, 10_000);
//!     Ok(())
//! }
//! ```
//!
//! One that needs every event, but comes in bursts: a mailbox with room for a burst, and `Block`. One that may lose some
//! but wants them in order: `DropNewest`, and a look at [`lagged`](crate::Actor::lagged).
//!
//! # An async service
//!
//! Requests come as events, and answers go out as events. Neither end blocks the runtime's threads, and any runtime will
//! do: `block_on` and `spawn` stand for those of yours. The service owns its [`Publisher`](crate::Publisher), so its
//! answers stay in order on whichever thread it is polled.
//!
//! ```
//! use laneway::{Filter, PublishError, Publisher, Receiver, Router, Topic};
//! # use std::{future::Future, pin::pin, sync::Arc, task::{Context, Poll, Wake, Waker}, thread};
//! # struct Unpark(thread::Thread);
//! # impl Wake for Unpark {
//! #     fn wake(self: Arc<Self>) {
//! #         self.0.unpark();
//! #     }
//! # }
//! # fn block_on<F: Future>(future: F) -> F::Output {
//! #     let (mut future, waker) = (pin!(future), Waker::from(Arc::new(Unpark(thread::current()))));
//! #     loop {
//! #         match future.as_mut().poll(&mut Context::from_waker(&waker)) {
//! #             Poll::Ready(output) => return output,
//! #             Poll::Pending => thread::park(),
//! #         }
//! #     }
//! # }
//! # fn spawn<F>(future: F) -> thread::JoinHandle<F::Output>
//! # where
//! #     F: Future<Output: Send> + Send + 'static,
//! # {
//! #     thread::spawn(|| block_on(future))
//! # }
//!
//! /// Ends with its subscription, or with the router.
//! async fn serve(
//!     mut requests: Receiver<u64>,
//!     mut answers: Publisher<u64>,
//!     answered: Topic,
//! ) -> Result<(), PublishError<u64>> {
//!     while let Ok(request) = requests.recv_async().await {
//!         // Whose request it was goes along.
//!         let topic = request.topic().resource().map_or(answered, |id| answered.with_resource(id));
//!         answers.publish_async(topic, request.payload() * 2).await?;
//!     }
//!     Ok(())
//! }
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let router = Router::<u64>::new();
//!     let asked = Topic::new("doubling", "ASKED")?;
//!     let answered = Topic::new("doubling", "ANSWERED")?;
//!     let requests = router.receiver(Filter::exact(asked))?;
//!     let service = requests.subscription().clone();
//!     let serving = spawn(serve(requests, router.publisher(), answered));
//!
//!     // A client: first it listens, then it asks.
//!     let mut inbox = router.receiver(Filter::exact(answered).resource(7))?;
//!     block_on(async {
//!         router.publish_async(asked.with_resource(7), 21).await?;
//!         assert_eq!(inbox.recv_async().await?.into_payload(), 42);
//!         Ok::<(), Box<dyn std::error::Error>>(())
//!     })?;
//!
//!     service.unsubscribe()?;
//!     serving.join().unwrap()?;
//!     Ok(())
//! }
//! ```
//!
//! A service whose answers bring it new requests [can wait for itself](super::limits#cycles-through-threads-of-your-own).
//!
//! # Many short-lived publishers
//!
//! A publisher costs memory and some locks when it first publishes to a shard, and the shard polls its lane while it is
//! busy. Two ways not to pay that for every request:
//!
//! * Threads that publish little use [`Router::publish`](crate::Router::publish): lanes of at most 32 slots, made when the
//!   thread first publishes, and gone with it.
//! * Tasks, or threads that come and go by the thousand, borrow one from a pool. Its lanes are made once. What is published
//!   through it is in order, whoever had it.
//!
//! ```
//! use laneway::{Filter, Publisher, Router, Topic};
//! use std::{sync::Mutex, thread};
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let router = Router::<u64>::new();
//!     let began = Topic::new("request", "BEGAN")?;
//!     let ended = Topic::new("request", "ENDED")?;
//!     let journal = router.subscribe(Filter::any().category("request"), |event| println!("{event:?}"))?;
//!
//!     let pool: Mutex<Vec<Publisher<u64>>> = Mutex::new((0..4).map(|_| router.publisher()).collect());
//!     let borrow = || pool.lock().unwrap().pop().unwrap_or_else(|| router.publisher());
//!     thread::scope(|scope| {
//!         for id in 0..100_u64 {
//!             let (pool, borrow) = (&pool, &borrow);
//!             scope.spawn(move || {
//!                 let mut publisher = borrow();
//!                 for topic in [began, ended] {
//!                     assert!(publisher.publish(topic.with_resource(id), id).is_ok());
//!                 }
//!                 pool.lock().unwrap().push(publisher);
//!             });
//!         }
//!     });
//!     // And one that says a single thing.
//!     let handle = router.clone();
//!     thread::spawn(move || handle.publish(ended, 100)).join().unwrap()?;
//!
//!     router.flush()?;
//!     assert_eq!(journal.stats().handled, 201);
//!     Ok(())
//! }
//! ```
//!
//! # An engine loop
//!
//! The engine owns its thread, so the router gets none. Systems publish with
//! [`try_publish`](crate::Publisher::try_publish), which never waits; the shards get their part of the frame by a budget of
//! events, and what is left waits for the next frame. At the end the router is closed and the shards are polled until they
//! say so.
//!
//! ```
//! use laneway::{Filter, Router, Topic};
//! use std::time::Duration;
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let (router, mut shards) = Router::<f32>::builder().shards(1).lane_capacity(1024).manual()?;
//!     let bounced = Topic::new("physics", "BOUNCED")?;
//!     let sound = Topic::new("audio", "SOUND")?;
//!     // One system answers another. What has no room in a frame is not heard.
//!     router.subscription().filter(Filter::exact(bounced)).handler_ctx(move |speed, ctx| {
//!         let _ = ctx.publish(sound, speed.payload().abs());
//!     })?;
//!     let mut loudest = 0.0_f32;
//!     router.subscribe(Filter::exact(sound), move |volume| loudest = loudest.max(*volume.payload()))?;
//!
//!     let mut physics = router.publisher();
//!     physics.warm(bounced); // so that the first frame takes no longer than the others
//!     let (mut lost, mut handled) = (0, 0);
//!     for frame in 0..60 {
//!         for ball in 0..100_u64 {
//!             let speed = (frame - 30) as f32;
//!             lost += usize::from(physics.try_publish(bounced.with_resource(ball), speed).is_err());
//!         }
//!         handled += shards[0].poll(500)?;
//!         // Here it draws, and waits for the next frame.
//!     }
//!
//!     // This thread polls, so this closes the router and returns.
//!     router.shutdown(Duration::ZERO);
//!     while let Ok(count) = shards[0].poll(500) {
//!         handled += count;
//!     }
//!     println!("{handled} events handled, {lost} found no room");
//!     Ok(())
//! }
//! ```
//!
//! With several shards, poll them in turn until each has said so: what is left on one may be for another.
//!
//! Next: [`limits`](super::limits).
