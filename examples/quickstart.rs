//! The smallest whole program: one actor, three events.

use laneway::{Filter, Router, Topic};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let router = Router::<u64>::new();

    // An actor for every event whose type begins with "VM.", whatever its source or resource.
    router.subscribe(Filter::any().event_type("VM.*"), |event| {
        println!("{} took {} ms", event.topic(), event.payload());
    })?;

    // Topics are built once; resource ids are cheap to set on the way.
    let started = Topic::builder("compute", "VM.START")
        .source("api")
        .build()?;
    let mut publisher = router.publisher();
    for vm in 1..=3_u64 {
        publisher.publish(started.with_resource(vm), vm * 10)?;
    }

    router.flush()?; // all three are handled now
    Ok(())
}
