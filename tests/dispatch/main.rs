//! The manager against the feature list of VMware Dispatch's event manager, in its order.

#[path = "../common/mod.rs"]
mod common;
mod support;

// 4.1: the rules for events and names.
mod rules;
// 4.2: the interfaces: parsing, emitting, transport, CRUD, driver configuration.
mod commands;
mod drivers;
mod interfaces;
mod runs;
// 4.3: their tests, the end-to-end ones too.
mod end_to_end;
mod their_tests;
// 4.4: what was asked for and not delivered.
mod crash;
mod rerouting;
mod store;
mod wishes;
// 4.5: their weaknesses.
mod weaknesses;

mod changes;
mod closing;
mod drops;
mod endings;
