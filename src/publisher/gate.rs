//! The closing gate: after closing, nobody can commit an event that nobody will read.
//!
//! The race: a publisher sees "open", is preempted, and writes its slot after the shard's last look at the lane. The
//! event was accepted and is lost.
//!
//! Each publisher has a gate word, odd while it is between looking at `closed` and having committed. In order:
//!
//! ```text
//! publisher                         closer                         shard
//! P1 gate = odd                     C1 closed = true               S1 sealed == true ?
//! P2 light fence                    C2 heavy fence                 S2 gate is even ?
//! P3 closed ?  -> give it back      C3 sealed = true               S3 lane is empty ?  -> exit
//! P4 commit to the lane
//! P5 gate = even
//! ```
//!
//! P1–P3 against C1–C2 is a store-then-load pair with the asymmetric barrier between. So a publisher either sees `closed`
//! at P3 and commits nothing, or its P1 came before C2 and every shard that saw C3 sees an odd gate at S2, or a later
//! value. Having seen an even one, S2 acquires P5 and so the commit, which S3 then finds. A publisher that enters again
//! after that sees `closed`. One even look at each gate, any time after C3, is therefore enough.
//!
//! What a shard's own handlers publish may wait in the shard's spill after `publish` returned. That gate stays odd until
//! the spill is empty, so that the shards it goes to stay as well.

use crate::sync::{AtomicU64, LaneArc, Ordering, Padded, fence_light, mutant};

/// The publisher's end of a gate.
#[derive(Debug)]
pub(crate) struct Gate {
    /// A copy of the shared word; only this end writes it.
    word: u64,
    shared: GateView,
}

/// The end that shards watch.
#[derive(Debug, Clone)]
pub(crate) struct GateView(LaneArc<Padded<AtomicU64>>);

impl Gate {
    pub(crate) fn new() -> Self {
        Gate {
            word: 0,
            shared: GateView(LaneArc::new(Padded(AtomicU64::new(0)))),
        }
    }

    pub(crate) fn view(&self) -> GateView {
        self.shared.clone()
    }

    /// From here to [`leave`](Self::leave) no user code may run and nothing may wait: closing waits for it.
    #[inline]
    pub(crate) fn enter(&mut self) {
        debug_assert!(self.word.is_multiple_of(2), "entered twice");
        self.word = self.word.wrapping_add(1);
        // ORDERING: Relaxed store, then the light fence: a store-then-load pair with `closed = true; fence_heavy()`.
        self.shared.0.store(self.word, Ordering::Relaxed);
        fence_light();
    }

    #[inline]
    pub(crate) fn leave(&mut self) {
        self.word = self.word.wrapping_add(1);
        // ORDERING: Release pairs with the Acquire in `is_even`: who sees the gate even sees what was committed inside.
        self.shared
            .0
            .store(self.word, mutant!("gate_leave_relaxed", Release));
    }
}

impl GateView {
    /// True says: no commit that began before `closed` became visible is still under way.
    pub(crate) fn is_even(&self) -> bool {
        // ORDERING: Acquire pairs with the Release in `leave`.
        self.0.load(Ordering::Acquire).is_multiple_of(2)
    }
}
