//! An event manager as VMware Dispatch's documentation walks through it: a driver type, a driver, functions, a subscription; then
//! a subscription that is pointed at another function, and a restart. Ends by itself.

use laneway::cloudevents::CloudEvent;
use laneway::manager::{
    DriverSpec, DriverType, Function, Manager, Retry, Status, SubscriptionSpec,
};
use std::error::Error;
use std::path::Path;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(2);

/// What belongs to the program: it registers it at each start.
fn open(store: &Path) -> Result<Manager, Box<dyn Error>> {
    let manager = Manager::builder().store(store).build()?;
    manager.add_secret("greeting", [("salutation", "Good morning")])?;

    // A function in the program.
    manager.add_function(
        "greet",
        Function::new(|event, ctx| {
            println!(
                "  {}, {} {}",
                ctx.secrets()["salutation"],
                event.event_type(),
                event.id()
            );
            Ok(())
        }),
    )?;

    // A function that is a command: it gets the event as JSON, and its output goes into the result event.
    #[cfg(target_os = "linux")]
    let shout = Function::command(
        laneway::manager::Command::new("sh")
            .arg("-c")
            .arg("tr a-z A-Z | cut -c 1-60")
            .timeout(Duration::from_secs(1)),
    );
    #[cfg(not(target_os = "linux"))]
    let shout = Function::new(|event, _| Ok(event.to_json().to_uppercase()));
    manager.add_function("shout", shout)?;

    // What a driver of the type "ticker" does.
    manager.add_driver_kind("ticker", |ctx| {
        let every = Duration::from_millis(ctx.options()["milliseconds"].parse()?);
        let mut ticks = 1_u32..;
        while ctx.wait(every) {
            let id = ticks.next().unwrap_or_default().to_string();
            ctx.emit(CloudEvent::builder(&id, ctx.name(), "ticker.tick").build()?)?;
        }
        Ok(())
    })?;
    Ok(manager)
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::temp_dir().join(format!("laneway-dispatch-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let store = folder.join("state.json");

    println!("first start");
    let manager = open(&store)?;
    manager.start()?;
    // Results of runs are events too; this is a subscription of the router itself.
    manager.router().subscribe(
        laneway::Filter::any().event_type("function.failed"),
        |event| {
            println!("  failed: {:?}", event.payload().data());
        },
    )?;

    let subscription = SubscriptionSpec::new("welcome", "user.*", "greet")
        .source("/accounts")
        .secret("greeting")
        .retry(Retry::attempts(3));
    manager.create_subscription(subscription.clone())?;
    let joined = |id: &'static str| CloudEvent::builder(id, "/accounts", "user.joined").build();
    manager.emit(joined("alice")?)?;
    if !manager.wait_idle(PATIENCE) {
        return Err("the function is not done in time".into());
    }

    println!("the subscription is pointed at another function, and says what that printed");
    let mut results = manager
        .router()
        .receiver(laneway::Filter::any().event_type("function.succeeded"))?;
    manager.update_subscription(subscription.function("shout"))?;
    manager.emit(joined("bob")?)?;
    println!("  {:?}", results.recv_timeout(PATIENCE)?.payload().data());

    println!("a driver brings events");
    manager.create_driver_type(DriverType::in_process("ticker"))?;
    manager.create_driver(DriverSpec::new("fast", "ticker").config("milliseconds", "20"))?;
    manager.create_subscription(
        SubscriptionSpec::new("ticks", "ticker.tick", "greet").secret("greeting"),
    )?;
    manager.wait_driver("fast", Status::Ready, PATIENCE)?;
    std::thread::sleep(Duration::from_millis(100));
    println!("closed: {:?}", manager.close(PATIENCE));

    println!("second start: all of it is there again");
    let manager = open(&store)?;
    manager.start()?;
    for info in manager.subscriptions() {
        println!(
            "  {} -> {}: {}",
            info.spec.name(),
            info.spec.function_name(),
            info.status
        );
    }
    manager.wait_driver("fast", Status::Ready, PATIENCE)?;
    std::thread::sleep(Duration::from_millis(50));
    let before = manager.driver("fast")?;
    let after = manager.delete_driver("fast")?;
    println!(
        "  {} was {} and is {}",
        before.spec.name(),
        before.status,
        after.status
    );
    manager.close(PATIENCE);
    for info in manager.subscriptions() {
        println!("  {}: {} runs", info.spec.name(), info.stats.runs);
    }
    std::fs::remove_dir_all(folder)?;
    Ok(())
}
