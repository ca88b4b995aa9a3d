//! Choria lifecycle events, against the original's data and tests, and against what it got wrong.

#[path = "../common/mod.rs"]
mod common;

mod bad_input;
mod building;
mod export;
mod fleet;
mod harness;
mod properties;
mod routing;
mod tally;
mod tally_limits;
mod tally_model;
mod texts;
mod vectors;
mod view;
