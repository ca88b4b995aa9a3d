//! VMware VIC's event manager: its API, its own tests, what was asked of it, and its faults, in this order. Behind them,
//! what collectors and named subscriptions promise beyond that.

#[path = "../common/mod.rs"]
mod common;

mod s1_api;
mod s2_its_tests;
mod s3_wishes;
mod s4_weaknesses;

mod bad_input;
mod files;
mod named;
mod registry;
mod restarts;
mod support;
mod target;
mod watcher;
