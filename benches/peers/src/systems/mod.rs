//! Each system, doing the same: publishers hand messages to receivers, on pinned threads.
//!
//! A run checks what arrives, and takes from the first publish until the last receiver has the last message.

pub(crate) mod beside;
pub(crate) mod broadcast;
pub(crate) mod channel;
pub(crate) mod disruptor;
pub(crate) mod kameo;
pub(crate) mod laneway;
pub(crate) mod one_way;
pub(crate) mod ractor;
pub(crate) mod rtrb;
mod tasks;
