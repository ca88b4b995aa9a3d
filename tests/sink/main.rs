//! Sinks, and what composes: behaviour, faults, and properties over random ones.

#[path = "../common/mod.rs"]
mod common;

mod broadcast;
mod cancel;
mod channel;
mod closing;
mod crash;
mod dead_letter;
mod file;
mod harness;
#[cfg(feature = "sink-http")]
mod http;
mod lines;
mod properties;
mod queue;
mod retry;
mod router;
mod tap;
mod timeout;
