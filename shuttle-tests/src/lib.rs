//! The sources of `laneway`, not a copy of them, compiled against shuttle through `sync.rs`, and whole routers in many
//! random schedules (row 22).
//!
//! `cargo test -p laneway-shuttle-tests --release row_22` runs the models; `shuttle-tests/mutants.sh` shows that the recorded
//! seeds find the mutants that they found.
//!
//! Shuttle takes every ordering for `SeqCst` and explores schedules, of six threads and more; loom explores the orderings
//! too, and all schedules, of two or three. What holds here says nothing about a fence that is missing.

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
mod row_22;
