//! The sources of `laneway`, not a copy of them, compiled against shuttle through `sync.rs`, and whole routers in many
//! random schedules.

#![allow(
    clippy::all,
    dead_code,
    unfulfilled_lint_expectations,
    unreachable_pub,
    unused_imports,
    reason = "a crate's sources without its public face"
)]

include!("../../loom-tests/src/sources.rs");

#[cfg(test)]
mod models;
