//! CloudStack's event bus: its interface, its tests, what its users asked for, and what it got wrong.

#[path = "../common/mod.rs"]
mod common;

mod bodies;
mod bus;
mod categories;
mod compatible;
mod distributor;
mod keys;
mod own_tests;
mod properties;
mod transactions;
mod vectors;
mod weaknesses;
mod webhooks;
mod wishes;
