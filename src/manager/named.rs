//! Subscriptions under a filter and a name, where subscribing again replaces the handler.

mod subscriber;

pub use subscriber::{NamedError, Subscriber};

use super::collectors::NameError;
use crate::contain::contain;
use crate::{Event, Filter, OnPanic, Overflow, Router, SubscribeError, WeakRouter};
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError, Weak};

/// Subscriptions to one router under a filter and the name of a caller. There is one for each pair: subscribing again
/// replaces the handler.
///
/// # Replacing
///
/// The subscription stays and gets another handler, between two events. So nothing is lost and nothing comes twice: each
/// event that the subscription gets is handled by the old one or by the new one, in order, and what waits for a subscription
/// that is suspended waits for the new one. This differs from subscribing anew, where the new handler would get nothing of
/// what was published before (G5). When [`subscribe`](Self::subscribe) has returned, no call of the old handler is running
/// or will begin, and it is dropped, as with unsubscribing (G6); on a thread that runs actors it does not wait for that, and
/// the old handler gets no further call.
///
/// # Ending
///
/// A handler that panics stays, and the panic counts in its [`stats`](Subscriber::stats). Dropping `Subscribers` keeps the
/// subscriptions, as dropping a [`Subscription`](crate::Subscription) does.
///
/// ```
/// use laneway::manager::Subscribers;
/// use laneway::{Filter, Router, Topic};
///
/// let router = Router::<u32>::new();
/// let subscribers = Subscribers::new(&router);
/// let started = Topic::new("compute", "VM.START")?;
/// let first = subscribers.subscribe(Filter::exact(started), "cache", |_| ())?;
/// let second = subscribers.subscribe(Filter::exact(started), "cache", |event| println!("{event:?}"))?;
/// assert_eq!(first.id(), second.id());
/// assert_eq!(subscribers.count(), 1);
/// subscribers.unsubscribe(&Filter::exact(started), "cache")?;
/// assert!(subscribers.list().is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Subscribers<E> {
    router: WeakRouter<E>,
    mailbox: (usize, Overflow),
    entries: Mutex<Entries<E>>,
}

struct Entries<E> {
    by_filter: HashMap<Filter, BTreeMap<String, Entry<E>>>,
    /// Insertions until those that have ended by other means are cleared away: as many as there were entries, so that it
    /// costs little and twice as many is the most there can be.
    until_cleared: usize,
}

struct Entry<E> {
    subscriber: Subscriber,
    /// The subscription's actor has it: the handler goes when that does.
    cell: Weak<Cell<E>>,
}

/// The category that the filter of a barrier has. Nobody publishes there.
const BARRIER: &str = "laneway.barrier";

/// As the router's own default.
const DEFAULT_MAILBOX: (usize, Overflow) = (1024, Overflow::Block);

impl<E: Clone + Send + 'static> Subscribers<E> {
    /// No subscriptions yet. It does not keep the router running.
    pub fn new(router: &Router<E>) -> Self {
        Subscribers {
            router: router.downgrade(),
            mailbox: DEFAULT_MAILBOX,
            entries: Mutex::new(Entries {
                by_filter: HashMap::new(),
                until_cleared: 0,
            }),
        }
    }

    /// The mailbox of the subscriptions that are made after: see [`SubscriptionBuilder::mailbox`].
    ///
    /// [`SubscriptionBuilder::mailbox`]: crate::SubscriptionBuilder::mailbox
    #[must_use]
    pub fn mailbox(mut self, capacity: usize, overflow: Overflow) -> Self {
        self.mailbox = (capacity, overflow);
        self
    }

    /// Subscribes under a filter and a name, or gives the subscription that is there another handler; a subscription that is
    /// suspended stays so.
    ///
    /// # Errors
    ///
    /// [`NamedError`] if the name is invalid, or the router refuses; nothing is changed then.
    ///
    /// # Blocking
    ///
    /// When it replaces: for the run that the subscription's shard is in. Not on threads that run actors.
    pub fn subscribe(
        &self,
        filter: Filter,
        name: &str,
        handler: impl FnMut(&Event<E>) + Send + 'static,
    ) -> Result<Subscriber, NamedError> {
        NameError::check(name).map_err(NamedError::Name)?;
        let closed = NamedError::Subscribe(SubscribeError::Closed);
        let router = self.router.upgrade().ok_or(closed)?;
        let handler: Handler<E> = Box::new(handler);
        let mut entries = lock(&self.entries);
        let named = entries.by_filter.get(&filter);
        let entry = named.and_then(|named| named.get(name));
        if let Some((subscriber, cell)) = entry.and_then(Entry::live) {
            drop(entries);
            replace(&router, &subscriber, &cell, handler).map_err(NamedError::Subscribe)?;
            return Ok(subscriber);
        }
        let cell = Arc::new(Cell {
            current: Mutex::new(handler),
            next: Mutex::new(None),
        });
        let for_shard = Arc::clone(&cell);
        let subscribed = (router.subscription())
            .filter(filter.clone())
            .mailbox(self.mailbox.0, self.mailbox.1)
            .on_panic(OnPanic::Resume)
            .handler(move |event| for_shard.call(event));
        let subscription = match subscribed {
            Ok(subscription) => subscription,
            Err(error) => {
                // The handler goes with it: its Drop is user code, which must not run under the lock.
                drop(entries);
                return Err(NamedError::Subscribe(error));
            }
        };
        let subscriber = Subscriber::new(subscription, filter.clone(), name.into());
        let entry = Entry {
            subscriber: subscriber.clone(),
            cell: Arc::downgrade(&cell),
        };
        entries.insert(filter, name.into(), entry);
        Ok(subscriber)
    }

    /// Ends a subscription, as [`Subscription::unsubscribe`](crate::Subscription::unsubscribe) does.
    ///
    /// # Errors
    ///
    /// [`NamedError::Unknown`] if there is none, or it has ended already.
    ///
    /// # Blocking
    ///
    /// As [`Subscription::unsubscribe`](crate::Subscription::unsubscribe).
    pub fn unsubscribe(&self, filter: &Filter, name: &str) -> Result<(), NamedError> {
        let mut entries = lock(&self.entries);
        let named = entries.by_filter.get_mut(filter);
        let removed = named.and_then(|named| named.remove(name));
        if (entries.by_filter.get(filter)).is_some_and(BTreeMap::is_empty) {
            entries.by_filter.remove(filter);
        }
        drop(entries);
        let ended = removed.and_then(|entry| entry.subscriber.subscription().unsubscribe().ok());
        ended.ok_or_else(|| NamedError::Unknown {
            filter: filter.clone(),
            name: name.into(),
        })
    }

    /// The subscriptions by filter, each with its subscribers by name. Filters without any are not there.
    pub fn list(&self) -> Vec<(Filter, Vec<Subscriber>)> {
        let mut entries = lock(&self.entries);
        entries.clear();
        let mut list: Vec<_> = (entries.by_filter.iter())
            .map(|(filter, named)| {
                let subscribers = named.values().map(|entry| entry.subscriber.clone());
                (filter.clone(), subscribers.collect::<Vec<_>>())
            })
            .collect();
        list.sort_by_cached_key(|(filter, _)| format!("{filter:?}"));
        list
    }

    /// How many subscriptions there are.
    pub fn count(&self) -> usize {
        let mut entries = lock(&self.entries);
        entries.clear();
        entries.count()
    }
}

impl<E> Entries<E> {
    fn insert(&mut self, filter: Filter, name: String, entry: Entry<E>) {
        if self.until_cleared == 0 {
            self.clear();
            self.until_cleared = self.count().max(64);
        }
        self.until_cleared -= 1;
        self.by_filter
            .entry(filter)
            .or_default()
            .insert(name, entry);
    }

    /// Forgets those that ended by other means, by their id or with the router, and filters without names.
    fn clear(&mut self) {
        self.by_filter.retain(|_, named| {
            named.retain(|_, entry| !entry.subscriber.subscription().has_ended());
            !named.is_empty()
        });
    }

    fn count(&self) -> usize {
        self.by_filter.values().map(BTreeMap::len).sum()
    }
}

/// Gives a subscription another handler. When this returns the old one is not called any more.
fn replace<E: Clone + Send + 'static>(
    router: &Router<E>,
    subscriber: &Subscriber,
    cell: &Cell<E>,
    handler: Handler<E>,
) -> Result<(), SubscribeError> {
    // Unsubscribing waits for the run that a shard is in, whatever the subscription, and knows where it must not. Suspending
    // the subscription itself would do so too, but who suspended it before must find it so.
    let barrier = (router.subscription())
        .filter(Filter::any().category(BARRIER))
        .shard(subscriber.subscription().shard())
        .handler(|_| ())?;
    // From here on each call begins with a look at it.
    let never_called = lock(&cell.next).replace(handler);
    contain(|| drop(never_called));
    // It fails if the router has closed: there is no next call then.
    let _ = barrier.unsubscribe();
    cell.change_if_idle();
    Ok(())
}

impl<E> Entry<E> {
    fn live(&self) -> Option<(Subscriber, Arc<Cell<E>>)> {
        if self.subscriber.subscription().has_ended() {
            return None;
        }
        Some((self.subscriber.clone(), self.cell.upgrade()?))
    }
}

impl<E> fmt::Debug for Subscribers<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = lock(&self.entries);
        let names = (entries.by_filter.iter()).map(|(filter, named)| (filter, named.keys()));
        f.debug_map()
            .entries(names.map(|(filter, names)| (filter, names.collect::<Vec<_>>())))
            .finish()
    }
}

/// A handler, whatever it is.
type Handler<E> = Box<dyn FnMut(&Event<E>) + Send>;

/// Where the handler of a subscription is, and the one to come.
///
/// The shard holds `current` in each call, and looks into `next` before it. Others only try for `current`, and hold either
/// for a moment: a shard never waits for what somebody else does under these locks.
struct Cell<E> {
    current: Mutex<Handler<E>>,
    next: Mutex<Option<Handler<E>>>,
}

impl<E> Cell<E> {
    fn call(&self, event: &Event<E>) {
        let mut current = lock(&self.current);
        // What is dropped may bring yet another.
        while let Some(next) = self.take_next() {
            drop(mem::replace(&mut *current, next));
        }
        current(event);
    }

    /// Changes the handler now, unless it is being called. Then the next call does it, or the call that runs has.
    fn change_if_idle(&self) {
        let mut current = match self.current.try_lock() {
            Ok(current) => current,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        let old = self
            .take_next()
            .map(|next| mem::replace(&mut *current, next));
        drop(current);
        contain(|| drop(old));
    }

    fn take_next(&self) -> Option<Handler<E>> {
        lock(&self.next).take()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
