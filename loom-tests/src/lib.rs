//! The sources of `laneway`, not a copy of them, compiled against loom through `sync.rs`, and their models.
//!
//! `cargo test -p laneway-loom-tests --release` runs the models; `loom-tests/mutants.sh` shows that each of them fails when
//! the code is broken in the way it is there to notice.

//!
//! Two things to know when writing one. Loom shows a thread no value from before its last yield. And it looks for
//! alternatives to the last access of an atomic only: a load just before a read-modify-write of the same word hides the
//! schedules that the latter should open. So the code under test has one such operation where it can.

#![allow(
    clippy::all,
    dead_code,
    unfulfilled_lint_expectations,
    unreachable_pub,
    unused_imports,
    reason = "a crate's sources without its public face"
)]

include!("sources.rs");

#[cfg(test)]
mod models;
