//! What runs beside a router and what is kept by name: collectors that publish, and subscriptions that can be replaced.
//!
//! * [`collectors`]: sources of events on threads of their own, started, stopped, replaced and restarted by name.
//! * [`Subscribers`]: subscriptions under a topic and a name, where subscribing again replaces the handler.

pub mod collectors;
mod named;

pub use named::{NamedError, Subscriber, Subscribers};
