//! The counters, checked against each other.

use laneway::{Router, Subscription, SubscriptionStats};

/// After a flush, with no publisher at work: nothing waits, and the shards' counters are the sums of those of `all`, which
/// are all subscriptions that the router ever had, ended ones included.
#[track_caller]
pub(crate) fn assert_sums<E: Clone + Send + 'static>(router: &Router<E>, all: &[Subscription]) {
    let mut sum = SubscriptionStats::default();
    for subscription in all {
        let stats = subscription.stats();
        let settled = stats.handled + stats.discarded + stats.dropped.total();
        assert_eq!(stats.matched, settled, "{subscription:?}: {stats:?}");
        assert_eq!(stats.queued, 0, "{subscription:?}: {stats:?}");
        sum.matched += stats.matched;
        sum.handled += stats.handled;
        sum.discarded += stats.discarded;
        sum.dropped = sum.dropped + stats.dropped;
        sum.restarts += stats.restarts;
    }
    let total = router.stats().total();
    assert_eq!(total.matched, sum.matched);
    assert_eq!(total.handled, sum.handled);
    assert_eq!(total.discarded, sum.discarded);
    assert_eq!(total.dropped, sum.dropped);
    assert_eq!(total.restarts, sum.restarts);
    assert_eq!((total.depth, total.spilled), (0, 0));
}
