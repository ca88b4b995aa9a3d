//! The JSON format: what is scanned, read and written by hand.
//!
//! A general reader builds a value for each member, or looks at each text twice: once for its end and once for what it says.
//! This one goes over the bytes once, keeps what is borrowed borrowed, and leaves data as it is written.

pub(super) mod read;
pub(super) mod scan;
pub(super) mod string;
pub(super) mod token;
pub(super) mod write;
