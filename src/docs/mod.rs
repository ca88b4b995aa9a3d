//! The guide: how to use a router, what it promises, and where it is the wrong tool.
//!
//! There is no code here. In reading order:
//!
//! 1. [`start`]: from an empty file to a program with an actor, counters and an orderly end.
//! 2. [`concepts`]: the words that the rest of the documentation uses.
//! 3. [`guarantees`]: twelve promises, what each costs, and the test that shows it.
//! 4. [`recipes`]: four programs to begin from. A slow subscriber, an async service, many short-lived publishers, an engine
//!    loop.
//! 5. [`limits`]: what is not promised, what each policy costs, and what the tests cannot see. Worth reading before the
//!    first use in earnest.
//!
//! `PERF.md` in the repository has the measurements.

pub mod concepts;
pub mod guarantees;
pub mod limits;
pub mod recipes;
pub mod start;
