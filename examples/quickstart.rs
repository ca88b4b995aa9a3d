//! The smallest whole program: one actor, one event.

use laneway::{Filter, Router, Topic};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let router = Router::<u64>::new();
    // An actor for every event whose type begins with "VM.".
    router.subscribe(Filter::any().event_type("VM.*"), |event| {
        println!("{} took {} ms", event.topic(), event.payload());
    })?;
    // Topics are built once; resource ids are set on the way.
    let started = Topic::new("compute", "VM.START")?;
    let mut publisher = router.publisher();
    publisher.publish(started.with_resource(7_u64), 42)?;
    router.flush()?; // it is handled now
    Ok(())
}
