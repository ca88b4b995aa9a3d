//! 4.4: what people asked Dispatch for. #497, restored subscriptions, is in `store` and `crash`; at least one attempt more, and
//! order, in `runs`.

use crate::common::guarded;
use crate::support::{event, from, idle, note_as, started};
use laneway::cloudevents::CloudEvent;
use laneway::manager::SubscriptionSpec;

/// Handles, functions and errors cross threads.
const _: () = {
    const fn is_sync<T: Send + Sync>() {}
    is_sync::<laneway::manager::Manager>();
    is_sync::<laneway::manager::Function>();
    is_sync::<laneway::manager::ManagerError>();
    is_sync::<laneway::manager::EmitError>();
};

/// #352: wildcards.
#[test]
fn subscriptions_have_wildcards() {
    guarded(|| {
        let manager = started();
        let logs = ["*", "vm.*", "vm.power.*", "vm.power.on"].map(|pattern| {
            let name = pattern.replace(['*', '.'], "_");
            let log = note_as(&manager, &name);
            let spec = SubscriptionSpec::new(&*name, pattern, &*name);
            manager.create_subscription(spec).unwrap();
            log
        });
        for name in ["vm", "vm.start", "vm.power.on", "vm.power.on.late", "vmx"] {
            manager.emit(event(name, name)).unwrap();
        }
        idle(&manager);
        let [all, vm, power, on] = logs.map(|log| log.take());
        assert_eq!(
            all,
            ["vm", "vm.start", "vm.power.on", "vm.power.on.late", "vmx"]
        );
        assert_eq!(vm, ["vm.start", "vm.power.on", "vm.power.on.late"]);
        assert_eq!(power, ["vm.power.on", "vm.power.on.late"]);
        assert_eq!(on, ["vm.power.on"]);
    });
}

/// #546 and #661: by source, and by its type as in the first form of their events.
#[test]
fn subscriptions_filter_by_source_and_by_its_type() {
    guarded(|| {
        let manager = started();
        let (by_source, by_type) = (note_as(&manager, "source"), note_as(&manager, "kind"));
        let both = note_as(&manager, "both");
        for spec in [
            SubscriptionSpec::new("source", "a", "source").source("/t"),
            SubscriptionSpec::new("kind", "*", "kind").source_type("vcenter"),
            SubscriptionSpec::new("both", "a", "both")
                .source_type("vcenter")
                .source("dc-1"),
        ] {
            manager.create_subscription(spec).unwrap();
        }
        let seed = |id: &str, source_type: &str, source: &str| {
            let json = format!(
                r#"{{"namespace":"n","event-type":"a","cloud-events-version":"0.1","source-type":"{source_type}","source-id":"{source}","event-id":"{id}"}}"#
            );
            CloudEvent::from_json(json).unwrap()
        };
        let tagged = CloudEvent::builder("new", "dc-2", "b").extension("sourcetype", "vcenter");
        manager
            .emit_all([
                from("/s", "1", "a"),
                from("/t", "2", "a"),
                seed("3", "vcenter", "dc-1"),
                seed("4", "vcenter", "dc-2"),
                seed("5", "other", "dc-1"),
                tagged.build().unwrap(),
            ])
            .unwrap();
        idle(&manager);
        assert_eq!(by_source.take(), ["2"]);
        assert_eq!(by_type.take(), ["3", "4", "new"]);
        assert_eq!(both.take(), ["3"]);
    });
}

/// #788: which events are there? And how many, when: what "store emission" in their code was to become.
#[test]
fn the_types_of_events_that_were_emitted_are_listed() {
    guarded(|| {
        let manager = started();
        let before = std::time::SystemTime::now();
        manager
            .emit_all([event("1", "b"), event("2", "a"), event("3", "b")])
            .unwrap();
        manager.emit(event("4", "c/d")).unwrap_err();
        let types = manager.event_types();
        let counts: Vec<_> = (types.iter())
            .map(|info| (&*info.event_type, info.emitted))
            .collect();
        assert_eq!(counts, [("a", 1), ("b", 2)]);
        assert!(types.iter().all(|info| info.last >= before));
        // However many there are.
        for number in 0..3000 {
            manager.emit(event("1", &format!("many.{number}"))).unwrap();
        }
        assert_eq!(manager.event_types().len(), 1024);
    });
}
