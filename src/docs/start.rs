//! From an empty file to a program with an actor, counters and an orderly end.
//!
//! # Three decisions
//!
//! **What is the payload?** A router carries one type. It has to be `Clone + Send + 'static`; an enum is usual where there
//! are several kinds of event. `Sync` is not needed. A large payload is better in an [`Arc`](std::sync::Arc): it is moved
//! into a lane, and cloned for each further one.
//!
//! **What are events addressed by?** The four text fields of a [`Topic`](crate::Topic) name what happened, and there should
//! be few different ones: they are registered for the whole process and never given back. The resource says to what it
//! happened, and there may be any number of those.
//!
//! **Who answers fast, and who does not?** Actors on a shard share its thread, so their calls should take microseconds.
//! Others take a thread of their own, or pull their events: see [`recipes`](super::recipes).
//!
//! # A first program
//!
//! ```
//! use laneway::{Actor, Context, Event, Filter, Router, StopReason, Topic};
//! use std::time::Duration;
//!
//! #[derive(Clone)]
//! enum Reading {
//!     Celsius(f64),
//!     Lost,
//! }
//!
//! /// State that needs no lock: calls of one actor never overlap.
//! #[derive(Default)]
//! struct Alarm {
//!     losses: u32,
//! }
//!
//! impl Actor<Reading> for Alarm {
//!     fn handle(&mut self, event: &Event<Reading>, _: &mut Context<'_, Reading>) {
//!         match event.payload() {
//!             Reading::Celsius(degrees) if *degrees > 80.0 => println!("{}: {degrees}", event.topic()),
//!             Reading::Celsius(_) => {}
//!             Reading::Lost => self.losses += 1,
//!         }
//!     }
//!
//!     fn stopped(&mut self, reason: StopReason) {
//!         println!("{} sensors were lost, {reason:?}", self.losses);
//!     }
//! }
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let router = Router::<Reading>::new();
//!     let alarm = router
//!         .subscription()
//!         .named("alarm")
//!         .filter(Filter::any().category("sensor"))
//!         .actor(Alarm::default())?;
//!
//!     // Once, at the start. From here on topics are small numbers.
//!     let measured = Topic::new("sensor", "MEASURED")?;
//!     let lost = Topic::new("sensor", "LOST")?;
//!
//!     // One for each thread that publishes much.
//!     let mut publisher = router.publisher();
//!     for room in 0..100_u64 {
//!         publisher.publish(measured.with_resource(room), Reading::Celsius(room as f64))?;
//!     }
//!     publisher.publish(lost.with_resource(7), Reading::Lost)?;
//!
//!     router.flush()?;
//!     assert_eq!(alarm.stats().handled, 101);
//!
//!     let report = router.shutdown(Duration::from_secs(1));
//!     assert!(report.is_complete());
//!     Ok(())
//! }
//! ```
//!
//! # What to do with the answers
//!
//! | publishing gives | it means | usual answer |
//! |---|---|---|
//! | `Ok(Routed)` | it lies in the lane of each shard with an interested actor | none |
//! | `Ok(Unmatched)` | nobody listens; the payload is dropped | none |
//! | `Err(Full(payload))` | from `try_publish`, or on a thread that runs actors: a lane has no room | count it and let go, or keep it for later |
//! | `Err(Closed(payload))` | the router has shut down | end the loop |
//!
//! [`Subscription`](crate::Subscription)s may be dropped at once: that keeps the actor. To tie an actor to a scope, keep
//! the [`guard`](crate::Subscription::guard). The router itself runs as long as one of its handles does.
//!
//! # When nothing arrives
//!
//! [`Router::explain`](crate::Router::explain) says who an event would go to, and by which filter.
//! [`Router::subscriptions`](crate::Router::subscriptions) has the counters of each subscription: `matched` says that
//! events got there, `queued` that they wait, `dropped` that they did not fit, `panics` that the actor may have ended.
//!
//! ```
//! use laneway::{Filter, Router, Topic};
//!
//! let router = Router::<u32>::new();
//! router.subscription().named("snapshots").filter(Filter::any().event_type("VM.SNAPSHOT.*")).handler(|_| ())?;
//! // The pattern asks for something behind the dot.
//! assert!(router.explain(Topic::new("compute", "VM.SNAPSHOT")?).is_empty());
//!
//! let why = router.explain(Topic::new("compute", "VM.SNAPSHOT.CREATE")?);
//! assert_eq!(why[0].name.as_deref(), Some("snapshots"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Testing what you build on it
//!
//! A handler is a function of an [`Event`](crate::Event), which [`Event::new`](crate::Event::new) makes without a router.
//! For several actors together, [`RouterBuilder::manual`](crate::RouterBuilder::manual) gives shards without threads: the
//! test polls them, and the same calls in the same order have the same outcome.
//!
//! ```
//! use laneway::{Filter, Router, Topic};
//!
//! let (router, mut shards) = Router::<u32>::builder().shards(1).manual()?;
//! let (asked, answered) = (Topic::new("quiz", "ASKED")?, Topic::new("quiz", "ANSWERED")?);
//! router.subscription().filter(Filter::exact(asked)).handler_ctx(move |question, ctx| {
//!     assert!(ctx.publish(answered, question.payload() * 2).is_ok());
//! })?;
//! let answers = router.subscribe(Filter::exact(answered), |answer| assert_eq!(*answer.payload(), 42))?;
//!
//! router.publish(asked, 21)?;
//! while shards[0].poll(100)? > 0 {}
//! assert_eq!(answers.stats().handled, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Next: [`concepts`](super::concepts).
