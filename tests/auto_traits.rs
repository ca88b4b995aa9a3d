//! What may cross threads: events need to be `Send`, and no more.

use laneway::{
    Event, Filter, PublishAsync, PublishError, Publisher, Router, Shard, Subscription,
    SubscriptionGuard, Topic, WeakRouter,
};
use std::cell::Cell;
use std::marker::PhantomPinned;

type Payload = Cell<u32>;

const fn is_send<T: Send>() {}
const fn is_unpin<T: Unpin>() {}
const fn is_sync<T: Send + Sync>() {}

const _: () = {
    is_send::<Publisher<Payload>>();
    is_send::<Event<Payload>>();
    is_send::<PublishAsync<'_, Payload>>();
    is_unpin::<PublishAsync<'_, PhantomPinned>>();
    is_send::<Shard<Payload>>();
    is_sync::<Router<Payload>>();
    is_sync::<WeakRouter<Payload>>();
    is_sync::<Subscription>();
    is_sync::<SubscriptionGuard>();
    is_sync::<Filter>();
    is_sync::<Topic>();
    is_sync::<PublishError<u32>>();
};

#[test]
fn a_payload_that_is_not_sync_is_handled_on_its_shard() -> Result<(), Box<dyn std::error::Error>> {
    let router = Router::<Payload>::new();
    let topic = Topic::new("auto", "traits")?;
    router.subscribe(Filter::exact(topic), |event| event.payload().set(0))?;
    let mut publisher = router.publisher();
    let publishing = std::thread::spawn(move || publisher.publish(topic, Cell::new(1)).is_ok());
    assert!(publishing.join().unwrap());
    router.flush()?;
    assert_eq!(router.stats().total().handled, 1);
    Ok(())
}
