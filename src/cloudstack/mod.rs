//! The event bus of Apache CloudStack, on this router: its keys and bodies, subscriptions by UUID, several buses at once.
//!
//! # Buses
//!
//! An [`EventBus`] is a [`Router`](crate::Router) with a name, whose subscribers have UUIDs. An [`EventDistributor`] publishes
//! to several buses, also to ones that others write, and says which of them failed:
//!
//! ```
//! use laneway::cloudstack::{Bus, BusError, EventBus, EventCategory, EventDistributor};
//! use laneway::{Published, Router, Topic};
//!
//! /// A broker that cannot be reached.
//! struct Down;
//!
//! impl Bus<String> for Down {
//!     fn name(&self) -> &str {
//!         "rabbitmq"
//!     }
//!
//!     fn publish(&self, _: Topic, _: &String) -> Result<Published, BusError> {
//!         Err(BusError::other("connection refused"))
//!     }
//! }
//!
//! let internal = EventBus::new("internal", Router::new());
//! let id = internal.subscribe(EventCategory::ACTION.filter(), |event| println!("{event:?}"))?;
//!
//! let mut distributor = EventDistributor::new();
//! distributor.add(internal.clone())?;
//! distributor.add(Down)?;
//!
//! let topic = EventCategory::ACTION.topic("VM.START").build()?;
//! let failures = distributor.publish(topic, &"web-1".into());
//! assert_eq!(failures["rabbitmq"].to_string(), "connection refused");
//! assert!(!failures.contains_key("internal"));
//! internal.unsubscribe(id)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Keys
//!
//! Brokers route by five words, `source.category.type.resourceType.resourceUUID`, in which names have `-` for `.`.
//! [`Topic::routing_key`](crate::Topic::routing_key) and [`Filter::binding_key`](crate::Filter::binding_key) write them.
//! On the way back nobody can tell `VM.START` from `VM-START`, so the program's own names decide: a word is the registered name
//! that is written so, and without one the usual spelling, see [`RoutingKey::topic`].
//!
//! # Bodies
//!
//! [`ActionBody`], [`AlertBody`], [`UsageBody`], [`StateBody`] and [`JobBody`], one for each category, are read from JSON and
//! written as CloudStack writes them; [`EventRecord`] is an event as it prints it. Nothing is required, and members that nobody knows are kept. A body has at
//! most [`MAX_BODY_BYTES`] and nests at most 128 deep. [`PublishSwitches`] are the settings that turn categories off.
//!
//! # Matching
//!
//! Subscribers get what matches their [`Filter`](crate::Filter). [`Compatible`] matches as CloudStack's bus inside the process
//! does; nothing uses it unless it is asked for. It has a table of the differences. [`WebhookFilters`] are the rules by which
//! CloudStack's webhooks choose event types.
//!
//! # What is different here
//!
//! | there | here |
//! |---|---|
//! | no subscription at RabbitMQ can be removed: it is looked up under another id than it was stored | an id is made once, and is what [`EventBus::unsubscribe`] looks up |
//! | a channel and a declaration for each event, left open after an error | there is nothing to open: the router's lanes stay |
//! | a broker that blocks freezes the threads that publish | a bus has a [patience](EventBus::patience), and then says `Full` |
//! | queues of subscribers stay behind after a crash | they are in the process, and go with it |
//! | subscribers that a broken connection left unbound | there is no connection between a bus and its subscribers |
//! | an event is acknowledged before it is handled, and lost if that fails | it stays queued until its handler returns, and counts as panicked over if that fails |
//! | one bus at a time | an [`EventDistributor`] |
//! | publishing runs all subscribers on the thread that publishes | they run on shards |
//! | a subscriber that throws keeps the event from the others and reaches the publisher | a panic is contained; the subscriber goes on with the next event |
//! | unsubscribing while publishing fails on a subscriber that is no more | routes change between runs only, and `unsubscribe` waits for the last call |
//! | each publish compares texts with every subscriber's | names are numbers; even [`Compatible`] compares texts once for a combination of names |
//! | all instances share their subscribers | each bus has its own |
//! | two kinds of buses match differently | all buses of routers match by [`Filter`](crate::Filter); `Compatible` is a choice of the subscriber |
//! | an event from RabbitMQ has `VM-START` for `VM.START` | [`Topic::from_routing_key`](crate::Topic::from_routing_key) gives the name back |
//! | events of a transaction are published before it is committed | an [`EventTransaction`] holds them back |
//! | Kafka cannot be subscribed to, and says nothing | a [`Bus`] only publishes; what can be subscribed to is an [`EventBus`] |
//! | a missing topic, subscriber or event is an error at run time | it cannot be written |
//!
//! # The map of the house
//!
//! | what | where |
//! |---|---|
//! | addresses | [`EventCategory`], [`Categories`], [`RoutingKey`], [`MANAGEMENT_SERVER`] |
//! | publishing and subscribing | [`EventBus`], [`Bus`], [`EventDistributor`], [`EventTransaction`], [`PublishSwitches`] |
//! | what events carry | [`ActionBody`], [`AlertBody`], [`UsageBody`], [`StateBody`], [`JobBody`], [`EventRecord`], [`EventTime`] |
//! | choosing events | [`Filter`](crate::Filter), [`Compatible`], [`WebhookFilters`] |

mod body;
mod bus;
mod category;
mod compatible;
mod distributor;
mod error;
mod key;
mod spelling;
mod switches;
mod transaction;
mod webhook;

pub use body::{
    ActionBody, ActionStatus, AlertBody, EventRecord, EventTime, JobBody, MAX_BODY_BYTES,
    StateBody, TransitionStatus, UsageBody,
};
pub use bus::{Bus, EventBus};
pub use category::{Categories, EventCategory, MANAGEMENT_SERVER};
pub use compatible::Compatible;
pub use distributor::EventDistributor;
pub use error::{
    AddBusError, BindingKeyError, BodyError, BusError, CategoryError, CommitError, KeyError,
    SwitchError, TimeError, TransactionFull, UnsubscribeError, WebhookFilterError,
};
pub use key::{MAX_AMQP_KEY_BYTES, RoutingKey, UNSET};
pub use switches::PublishSwitches;
pub use transaction::EventTransaction;
pub use webhook::{Match, WebhookFilters};
