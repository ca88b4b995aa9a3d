//! The words that the rest of the documentation uses.
//!
//! # The way of an event
//!
//! ```text
//!  publisher's thread                                      shard's thread (pinned)
//!  topic ──► interest table ──► set of shards ──► lane ══► lane ──► route ──► actor.handle
//!            (copy-on-write      (a word)         SPSC     a run    (local)   (by reference,
//!             snapshot, cached)                   ring                         from the lane)
//! ```
//!
//! # Topic, class, resource
//!
//! A [`Topic`](crate::Topic) is what an event is addressed by. Its category, event type, source and resource type together
//! are its *class*: one number, given when the topic is built. Its resource is a [`ResourceId`](crate::ResourceId) of 128
//! bits, set from event to event by [`Topic::with_resource`](crate::Topic::with_resource) and registered nowhere. A number
//! is used as it is; text is hashed, so build an id from text once and keep it.
//!
//! Text that comes from outside goes through [`Topic::lookup`](crate::Topic::lookup), which registers no names. A name that
//! nobody knows is matched by its longest known prefix.
//!
//! # Filter
//!
//! A [`Filter`](crate::Filter) has a pattern for each text field, `NAME`, `PREFIX.*` or anything, and perhaps one resource.
//! A subscription may have several, and gets what matches any of them. What filters cannot say, a predicate can
//! ([`when`](crate::SubscriptionBuilder::when)): it sees the payload, runs on the shard, and is asked event by event.
//!
//! ```
//! use laneway::{Filter, Topic};
//!
//! let disks = Filter::any().event_type("DISK.*").resource_type("Disk");
//! let attached = Topic::builder("storage", "DISK.ATTACH").resource_type("Disk").build()?;
//! assert!(disks.matches(attached.with_resource(7)));
//! // A pattern asks for the field: where it is absent, only what is not asked for matches.
//! assert!(!disks.matches(Topic::new("storage", "DISK.ATTACH")?));
//! # Ok::<(), laneway::TopicError>(())
//! ```
//!
//! # Shard
//!
//! A shard is a worker: usually a thread bound to a CPU, up to 64 of them. It owns its actors and calls them one after the
//! other, so they need no locks, and one that takes long delays the others. Each actor stays on its shard. Which one that
//! is, [`Placement`](crate::Placement) says: by default the one where its filter already is, because a publish costs one
//! slot for each *shard* with an interested actor, however many actors that has.
//!
//! [`Wait`](crate::Wait) says what a shard does when there is nothing to do. A [`Shard`](crate::Shard) that somebody polls
//! has no thread and does nothing between polls.
//!
//! # Publisher and lane
//!
//! A [`Publisher`](crate::Publisher) is one thread's way in. To each shard that it has published to it has a *lane*: a ring
//! with one writer and one reader, 256 slots by default. [`Router::publish`](crate::Router::publish) uses a publisher that
//! the calling thread has without asking, with lanes of at most 32 slots. A full lane is how a shard that is behind shows:
//! then [`publish`](crate::Publisher::publish) waits, [`try_publish`](crate::Publisher::try_publish) says `Full`, and
//! [`publish_async`](crate::Publisher::publish_async) is pending.
//!
//! # Run and batch
//!
//! A shard takes events from a lane in *runs*: up to 64 in a row of one class. Each actor gets its part of a run in one
//! call, as a [`Batch`](crate::Batch). By default that goes on to [`handle`](crate::Actor::handle) event by event; who can
//! share work among events takes the batch.
//!
//! ```
//! use laneway::{Actor, Batch, Context, Event, Filter, Router, Topic};
//!
//! struct Sum(u64);
//!
//! impl Actor<u64> for Sum {
//!     fn handle(&mut self, event: &Event<u64>, _: &mut Context<'_, u64>) {
//!         self.0 += event.payload();
//!     }
//!
//!     fn handle_batch(&mut self, batch: Batch<'_, u64>, _: &mut Context<'_, u64>) {
//!         self.0 += batch.map(Event::payload).sum::<u64>();
//!     }
//! }
//!
//! let router = Router::<u64>::new();
//! let topic = Topic::new("concepts", "batch")?;
//! let sum = router.spawn(Filter::exact(topic), Sum(0))?;
//! router.publisher().publish_batch((0..1000).map(|number| (topic, number)))?;
//! router.flush()?;
//! let shard = router.stats().total();
//! assert_eq!((sum.stats().handled, shard.events), (1000, 1000));
//! println!("{} events in {} calls", shard.events, shard.batches);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Subscription: actor, dedicated actor, receiver
//!
//! A [`Subscription`](crate::Subscription) is one set of filters and who gets what matches:
//!
//! * an [`Actor`](crate::Actor), or a closure, on a shard;
//! * a dedicated actor ([`dedicated`](crate::SubscriptionBuilder::dedicated)), with a thread of its own;
//! * a [`Receiver`](crate::Receiver), from which a thread or a task takes events.
//!
//! The last two live on a shard as well, but there is nothing of them there but their mailbox.
//!
//! # Mailbox and overflow
//!
//! Events that cannot be handed over at once wait in the subscription's *mailbox*: when the actor is suspended, has used up
//! its budget for the turn, or reads on another thread. What happens when it is full is for [`Overflow`](crate::Overflow)
//! to say. An actor on a shard that keeps up has nothing in its mailbox.
//!
//! # Thread that runs actors
//!
//! A shard's thread, a dedicated actor's thread, and a thread that polls a [`Shard`](crate::Shard). All user code there
//! counts: handlers, predicates, factories, wakers, and Drop of actors and events. Such a thread never waits for the
//! router. There publishing says `Full` where elsewhere it would wait, [`flush`](crate::Router::flush) is an error, and
//! `unsubscribe`, `suspend` and `shutdown` begin and return.
//!
//! # Flush, unsubscribe, shutdown
//!
//! Three things wait for shards. [`flush`](crate::Router::flush) waits until all that was published before is handled, or
//! lies in its receiver's mailbox. [`unsubscribe`](crate::Subscription::unsubscribe) waits until one actor is gone.
//! [`shutdown`](crate::Router::shutdown) accepts nothing more, waits until everything accepted is handled, and joins the
//! threads.
//!
//! Next: [`guarantees`](super::guarantees).
