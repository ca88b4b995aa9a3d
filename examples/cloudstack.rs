//! CloudStack's event bus, as its documentation describes it.
//!
//! ```sh
//! cargo run --release --features cloudstack --example cloudstack
//! ```
//!
//! An account is deleted. Its action events go to two buses: the one inside the process, whose subscribers have UUIDs, and the
//! way to a broker, which is down at first. Then the broker hands an event back, whose key must become a topic again.

use laneway::cloudstack::{
    ActionBody, ActionStatus, Bus, BusError, Compatible, EventBus, EventCategory, EventDistributor,
    EventTime,
};
use laneway::{Published, Router, Topic};
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Where a client of RabbitMQ would be: prints the key and the body that it would send.
struct Broker {
    is_up: Arc<AtomicBool>,
}

impl Bus<String> for Broker {
    fn name(&self) -> &str {
        "rabbitmq"
    }

    fn publish(&self, topic: Topic, body: &String) -> Result<Published, BusError> {
        if !self.is_up.load(Ordering::Relaxed) {
            return Err(BusError::other("connection refused"));
        }
        println!("rabbitmq   {} {body}", topic.routing_key());
        Ok(Published::Routed)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    // A bus is a router with a name.
    let internal = EventBus::new("internal", Router::<String>::new());

    // Subscribers say what they want in five fields, and are known by a UUID from then on.
    let accounts = EventCategory::ACTION.filter().event_type("ACCOUNT.*");
    println!(
        "bind with  {}",
        EventCategory::ACTION.filter().binding_key()?
    );
    let id = internal.subscribe(accounts, |event| {
        let name = event.topic().event_type();
        match ActionBody::from_json(event.payload()) {
            Ok(body) => println!("internal   {name} {}", body.description.unwrap_or_default()),
            Err(error) => println!("internal   {name}: {error}"),
        }
    })?;

    // One that was written for CloudStack's own bus, which takes this for ACCOUNT.DELETE.
    let as_there = Compatible::any().event_type("account-delete");
    internal.subscribe_compatible(&as_there, |event| {
        println!("compatible {}", event.topic().routing_key());
    })?;

    let is_up = Arc::new(AtomicBool::new(false));
    let mut distributor = EventDistributor::new();
    distributor.add(internal.clone())?;
    distributor.add(Broker {
        is_up: Arc::clone(&is_up),
    })?;

    let deletion = EventCategory::ACTION
        .topic("ACCOUNT.DELETE")
        .resource_type("Account")
        .build()?;
    for status in [
        ActionStatus::Scheduled,
        ActionStatus::Started,
        ActionStatus::Completed,
    ] {
        let body = ActionBody {
            user: Some("0c3e2f4a-6a5d-4a43-9a64-1c5a7f0e9d11".into()),
            account: Some("7d1b8b5e-91f2-4d0c-8a3f-52c6f1f0b7aa".into()),
            event: Some(deletion.event_type().into()),
            status: Some(status),
            description: Some(format!("deleting account = 28: {status}")),
            event_date_time: Some(EventTime::now()),
            ..ActionBody::default()
        };
        for (bus, error) in distributor.publish(deletion, &body.to_json()) {
            println!("{bus:10} did not take {status}: {error}");
        }
        internal.router().flush()?;
        is_up.store(true, Ordering::Relaxed);
    }

    // What comes from a broker has its names as words of a key.
    let key = "management-server.ActionEvent.ACCOUNT-DELETE.Account.*";
    assert_eq!(Topic::from_routing_key(key)?, deletion);

    internal.unsubscribe(id)?;
    println!("subscribers left: {}", internal.total_subscribers());
    match internal.unsubscribe(id) {
        Err(error) => println!("again: {error}"),
        Ok(()) => unreachable!("it has ended"),
    }
    Ok(())
}
