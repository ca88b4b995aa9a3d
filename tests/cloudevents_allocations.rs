//! What reading, cloning and routing an event allocates: counted on this thread, so in a process of its own.

use laneway::cloudevents::{CloudEvent, Envelope, TopicMap};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator, counted for each thread. What grows is counted as it is moved.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: all calls go to the system's allocator as they are; counting neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations<T>(call: impl FnOnce() -> T) -> (T, u64) {
    let before = ALLOCATIONS.get();
    let result = call();
    (result, ALLOCATIONS.get() - before)
}

const EVENT: &[u8] = br#"{"specversion":"1.0","id":"1","source":"/s","type":"a.b.c","subject":"x","sequence":5,
    "time":"2018-04-05T17:31:00Z","datacontenttype":"application/json","data":{"a":[1,2,{"b":null}]}}"#;

#[test]
fn looking_at_an_event_allocates_nothing_and_keeping_it_twice() {
    let map = TopicMap::new();
    map.topic(&Envelope::parse(EVENT).unwrap());
    let (envelope, count) = allocations(|| Envelope::parse(EVENT).unwrap());
    assert_eq!(count, 0, "reading");
    assert_eq!(allocations(|| map.topic(&envelope)).1, 0, "routing");
    let (event, count) = allocations(|| CloudEvent::from(&envelope));
    assert_eq!(count, 2, "keeping");
    assert_eq!(allocations(|| event.clone()).1, 0, "cloning");
    let mut json = String::with_capacity(4096);
    assert_eq!(allocations(|| event.write_json(&mut json)).1, 0, "writing");
    assert_eq!(allocations(|| event.to_json()).1, 1, "writing anew");
}
