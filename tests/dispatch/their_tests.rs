//! 4.3: what their own tests show, each in one place. Those about HTTP, Kafka and RabbitMQ have no counterpart here: what they
//! show of validating, parsing and publishing is in `interfaces`, and of drivers and subscriptions in `drivers` and there.

use crate::common::{Log, guarded};
use crate::support::{data_of, event, idle, note_as, started, stats};
use laneway::cloudevents::CloudEvent;
use laneway::manager::{EmitError, Function, SubscriptionSpec};
use laneway::{Filter, Published};

#[test]
fn the_validator_takes_a_good_event_and_refuses_one_without_its_id() {
    guarded(|| {
        let manager = started();
        let good = r#"{"eventType":"a.b","cloudEventsVersion":"0.1","source":"s","eventID":"1"}"#;
        assert_eq!(manager.emit_json(good).unwrap().unmatched, 1);
        let without = good.replace(r#","eventID":"1""#, "");
        assert!(matches!(
            manager.emit_json(without),
            Err(EmitError::Parse(_))
        ));
    });
}

#[test]
fn an_event_comes_back_from_the_parser_as_it_went_in() {
    guarded(|| {
        let manager = started();
        let mut receiver = manager.router().receiver(Filter::any()).unwrap();
        let json = r#"{"eventType":"a.b","cloudEventsVersion":"0.1","source":"s","eventID":"1","data":{"n": 1}}"#;
        manager.emit_json(json).unwrap();
        let event: CloudEvent = receiver.recv().unwrap().into_payload();
        assert_eq!(event.to_json(), json);
    });
}

#[test]
fn publishing_without_a_subscriber_is_fine_and_with_one_it_receives() {
    guarded(|| {
        let manager = started();
        assert_eq!(manager.emit(event("1", "a")).unwrap(), Published::Unmatched);
        let seen = note_as(&manager, "f");
        manager
            .create_subscription(SubscriptionSpec::new("s", "a", "f"))
            .unwrap();
        assert_eq!(manager.emit(event("2", "a")).unwrap(), Published::Routed);
        idle(&manager);
        assert_eq!(seen.take(), ["2"]);
    });
}

/// The topic of theirs is the event type, and is what a subscription asks for.
#[test]
fn the_event_type_is_the_topic() {
    guarded(|| {
        let manager = started();
        let types = Log::default();
        let log = types.clone();
        manager
            .router()
            .subscribe(Filter::any().event_type("a.b"), move |event| {
                log.push(event.topic().event_type());
            })
            .unwrap();
        manager.emit(event("1", "a.b")).unwrap();
        idle(&manager);
        assert_eq!(types.take(), ["a.b"]);
    });
}

#[test]
fn the_function_is_called_for_the_next_event_also_when_it_errs() {
    guarded(|| {
        let manager = started();
        let seen = Log::default();
        let log = seen.clone();
        manager
            .add_function(
                "f",
                Function::new(move |event, _| {
                    log.push(event.id().to_owned());
                    Err::<(), _>("no".into())
                }),
            )
            .unwrap();
        manager
            .create_subscription(SubscriptionSpec::new("s", "a", "f"))
            .unwrap();
        let (results, _) = data_of(&manager, "function.failed");
        manager
            .emit_all([event("1", "a"), event("2", "a")])
            .unwrap();
        idle(&manager);
        assert_eq!(seen.take(), ["1", "2"]);
        assert_eq!((results.len(), stats(&manager, "s").failed), (2, 2));
    });
}
