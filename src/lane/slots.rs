//! The memory of a ring.

use super::stamp_of;
use crate::event::Event;
use crate::sync::{AccessChecks, AtomicU32, mutant};
use crate::topic::Topic;
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::cell::UnsafeCell;
use std::marker::PhantomData;
use std::ptr::NonNull;

/// Slots no larger than their events need, and none across more lines than it must.
pub(super) struct Slots<E> {
    /// Slots of `STRIDE` bytes; each holds an `Event<E>` whose stamp is always initialized.
    base: NonNull<u8>,
    /// One less than the count of slots, a power of two.
    mask: usize,
    /// Beside the slots, since it is written only when it changes.
    epochs: Box<[UnsafeCell<u64>]>,
    pub(super) checks: AccessChecks,
    event: PhantomData<Event<E>>,
}

// SAFETY: the contents of a slot belong to one end at a time, and go over by the stamp and the head, see `Ring`. That the
// ends are on different threads needs `E: Send`, and no more: a `&Event` is only ever given out by the reader's end.
unsafe impl<E: Send> Send for Slots<E> {}
// SAFETY: as above.
unsafe impl<E: Send> Sync for Slots<E> {}

impl<E> Slots<E> {
    pub(super) const STRIDE: usize = {
        let size = size_of::<Event<E>>();
        if size <= 64 {
            size.next_power_of_two()
        } else {
            size.next_multiple_of(64)
        }
    };
    const ALIGN: usize = if align_of::<Event<E>>() > 128 {
        align_of::<Event<E>>()
    } else {
        128
    };

    /// Empty slots for the events from position `first` on.
    pub(super) fn new(count: usize, first: u64) -> Self {
        assert!(count.is_power_of_two());
        let layout = Self::layout(count);
        // SAFETY: the layout's size is not zero: an event has at least its topic.
        let base = unsafe { alloc(layout) };
        let Some(base) = NonNull::new(base) else {
            handle_alloc_error(layout)
        };
        let slots = Slots {
            base,
            mask: count - 1,
            epochs: (0..count).map(|_| UnsafeCell::new(0)).collect(),
            checks: AccessChecks::new(count),
            event: PhantomData,
        };
        for before in 1..=count as u64 {
            let position = first.wrapping_sub(before);
            let (slot, stamp) = (slots.slot(slots.index(position)), stamp_of(position));
            // SAFETY: in bounds, aligned, and nobody else knows the memory yet.
            unsafe { (&raw mut (*slot.as_ptr()).stamp).write(AtomicU32::new(stamp)) };
        }
        slots
    }

    #[inline(always)]
    pub(super) fn count(&self) -> usize {
        self.mask + 1
    }

    /// The slot of the event at a position.
    #[inline(always)]
    pub(super) fn index(&self, position: u64) -> usize {
        position as usize & self.mask
    }

    fn layout(count: usize) -> Layout {
        let size = Self::STRIDE
            .checked_mul(count)
            .expect("a lane fits in memory");
        Layout::from_size_align(size, Self::ALIGN).expect("a lane fits in memory")
    }

    #[inline(always)]
    pub(super) fn slot(&self, index: usize) -> NonNull<Event<E>> {
        debug_assert!(index < self.count());
        // SAFETY: `count() * STRIDE` bytes are one allocation, and all callers keep `index < count()`.
        unsafe { self.base.add(index * Self::STRIDE) }.cast()
    }

    #[inline(always)]
    pub(super) fn stamp(&self, index: usize) -> &AtomicU32 {
        // SAFETY: initialized in `new`, only ever accessed as an atomic, and no reference to the whole slot exists that
        // would claim it for itself: `Event` has it as an atomic too.
        unsafe { &(*self.slot(index).as_ptr()).stamp }
    }

    /// # Safety
    ///
    /// The slot is the caller's, and what was in it is dropped.
    #[inline(always)]
    pub(super) unsafe fn write(&self, index: usize, topic: Topic, payload: E) {
        self.checks.write(index);
        let slot = self.slot(index).as_ptr();
        // SAFETY: in bounds and aligned; the caller owns the slot. Field by field: the stamp is not ours to overwrite.
        unsafe { (&raw mut (*slot).topic).write(topic) };
        // SAFETY: as above.
        unsafe { (&raw mut (*slot).payload).write(payload) };
    }

    /// # Safety
    ///
    /// The slot is written, and is not given back while the reference lives.
    #[inline(always)]
    pub(super) unsafe fn event(&self, index: usize) -> &Event<E> {
        self.checks.read(index);
        // SAFETY: all three fields are initialized, and nobody writes but to the stamp, which is atomic.
        unsafe { self.slot(index).as_ref() }
    }

    /// # Safety
    ///
    /// The slot is written and not dropped since, and no reference to its event is left.
    #[inline(always)]
    pub(super) unsafe fn drop_event(&self, index: usize) {
        if mutant!("payload_comes_first") {
            // SAFETY: as below, but that the payload need not lie there.
            return unsafe { self.slot(index).cast::<E>().drop_in_place() };
        }
        // SAFETY: as the caller says; the stamp needs no drop.
        unsafe { (&raw mut (*self.slot(index).as_ptr()).payload).drop_in_place() };
    }

    /// # Safety
    ///
    /// The slot is written, and from now on counts as dropped.
    pub(super) unsafe fn take_event(&self, index: usize) -> Event<E> {
        self.checks.read(index);
        let slot = self.slot(index).as_ptr();
        // SAFETY: the field is initialized, and the caller lets nobody read or drop it again.
        let payload = unsafe { (&raw const (*slot).payload).read() };
        // SAFETY: the field is initialized, and plain data.
        Event::new(unsafe { (*slot).topic }, payload)
    }

    /// # Safety
    ///
    /// The slot is the caller's.
    pub(super) unsafe fn write_epoch(&self, index: usize, epoch: u64) {
        // SAFETY: the epoch goes with its slot.
        unsafe { *self.epochs[index].get() = epoch };
    }

    /// # Safety
    ///
    /// The slot is written and marked.
    pub(super) unsafe fn read_epoch(&self, index: usize) -> u64 {
        // SAFETY: the epoch goes with its slot.
        unsafe { *self.epochs[index].get() }
    }
}

impl<E> Drop for Slots<E> {
    fn drop(&mut self) {
        // Under loom a stamp owns memory; the real ones are plain words.
        for index in 0..self.count() {
            // SAFETY: initialized in `new` and dropped only here.
            unsafe { (&raw mut (*self.slot(index).as_ptr()).stamp).drop_in_place() };
        }
        // SAFETY: allocated in `new` with the same layout.
        unsafe { dealloc(self.base.as_ptr(), Self::layout(self.count())) };
    }
}
