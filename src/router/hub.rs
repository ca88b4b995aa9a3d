//! What publishers, shards and handles share: the interest table, the ways to the shards, the registry of subscriptions.
//!
//! Publishers read `closed`, `epoch` and the table; none of them changes but when somebody subscribes or closes. All that
//! changes them goes through the one registry lock. Under it nobody waits, calls user code or frees an old table.
//!
//! # A subscription sees exactly what is published after it (G5)
//!
//! ```text
//! subscribe                           publish                       shard
//! A1 the table shows the interest     B1 read the epoch             C1 find a run in a lane
//! A2 push the actor as a command      B2 read the table             C2 take commands
//! A3 epoch += 1, the actor's `since`  B3 commit, with that epoch    C3 handle the run
//! ```
//!
//! *Published after*: A1–A3 happen before B1. So the epoch is at least `since`, the table shows the shard, and as C1 reads
//! what B3 wrote, C2 finds the command. Were commands taken before C1, an event could come between the two and be handled
//! without its actor.
//!
//! *Published before*: B1 happens before A3, so the event's epoch is below `since`, and C3 skips the actor.
//!
//! *Published meanwhile*: B1 either reads an older epoch, and C3 skips the actor, or it reads what A3 wrote, and then B2
//! sees A1. Epochs rise, so of each publisher the actor sees everything from some event on, without gaps. It ends the
//! other way round: first the record says so, then the table, then a command.
//!
//! The table comes before the command because the shard builds its routes from the table: once it has the command, the
//! table it loads shows the interest.

use crate::actor::StopReason;
use crate::countdown::Countdown;
use crate::error::{FlushError, SubscribeError, UnsubscribeError};
use crate::filter::{Filter, FilterKey};
use crate::hash::hash_state;
use crate::interest::{Ledger, SILENT, Table};
use crate::publisher::local;
use crate::router::WeakRouter;
use crate::router::builder::Config;
use crate::shard::command::Command;
use crate::shard::port::Port;
use crate::shard::watch::Watch;
use crate::shard::{Seat, Setup};
use crate::stats::Stats;
use crate::subscription::builder::Placement;
use crate::subscription::{
    Control, Explanation, Record, SubscriptionId, SubscriptionInfo, Suspend,
};
use crate::sync::{
    AtomicBool, AtomicU64, AtomicUsize, Mutex, Ordering, Swap, fence_heavy, global, mutant,
};
use crate::topic::Topic;
use smallvec::SmallVec;
use std::borrow::Borrow;
use std::collections::{HashMap, HashSet};
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Instant;

pub(crate) struct Hub<E> {
    /// Process-wide, for the per-thread outlets.
    pub(crate) id: u64,
    pub(crate) config: Config,
    /// Nothing is accepted any more. See `lane/producer.rs`.
    closed: AtomicBool,
    /// `closed` was seen, or will be, by every publisher that has claimed nothing.
    sealed: AtomicBool,
    /// Counts the changes that publishers must see, and that events are told by: whether they were published before or after.
    /// Rises under the registry lock, after the change. See [`SILENT`].
    epoch: AtomicU64,
    interest: Swap<Table>,
    pub(crate) ports: Box<[Port<E>]>,
    /// Seats taken, from `subscribe` until the shard has freed them.
    seats: AtomicUsize,
    registry: Mutex<Registry>,
    router: global::OnceLock<WeakRouter<E>>,
    pub(crate) watch: Watch,
}

/// All that lives under the lock.
struct Registry {
    ledger: Ledger,
    /// Live ones.
    subscriptions: HashSet<ById, ahash::RandomState>,
    names: HashMap<Arc<str>, SubscriptionId>,
    /// Live subscriptions by shard.
    load: Vec<usize>,
    /// The ends of dedicated actors' threads.
    dedicated: HashMap<SubscriptionId, Countdown>,
}

/// A record in a set of them, found by its id: half of what a map from ids would take.
struct ById(Arc<Record>);

impl Borrow<SubscriptionId> for ById {
    fn borrow(&self) -> &SubscriptionId {
        &self.0.id
    }
}

impl Hash for ById {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.id.hash(state);
    }
}

impl PartialEq for ById {
    fn eq(&self, other: &Self) -> bool {
        self.0.id == other.0.id
    }
}

impl Eq for ById {}

/// What a subscription is made of.
pub(crate) struct Plan {
    pub(crate) filters: Vec<Filter>,
    pub(crate) name: Option<String>,
    pub(crate) placement: Placement,
}

impl<E> Hub<E> {
    pub(crate) fn new(config: Config) -> Self {
        static NEXT: global::AtomicU64 = global::AtomicU64::new(1);
        let ledger = Ledger::new();
        Hub {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            closed: AtomicBool::new(false),
            sealed: AtomicBool::new(false),
            epoch: AtomicU64::new(2 | SILENT),
            interest: Swap::new(Table::clone(ledger.table())),
            ports: (0..config.shards).map(|_| Port::new()).collect(),
            seats: AtomicUsize::new(0),
            registry: Mutex::new(Registry {
                ledger,
                subscriptions: HashSet::with_hasher(hash_state().clone()),
                names: HashMap::new(),
                load: vec![0; config.shards],
                dedicated: HashMap::new(),
            }),
            router: global::OnceLock::new(),
            watch: Watch::default(),
            config,
        }
    }

    pub(crate) fn set_router(&self, router: WeakRouter<E>) {
        let _ = self.router.set(router);
    }

    pub(crate) fn router(&self) -> WeakRouter<E> {
        self.router.get().cloned().unwrap_or_default()
    }

    /// After a claim, see `lane/producer.rs`; elsewhere a hint.
    #[inline]
    pub(crate) fn is_closed(&self) -> bool {
        // ORDERING: Relaxed: after a claim and a light fence this is the load of a store-then-load pair.
        self.closed.load(Ordering::Relaxed)
    }

    pub(crate) fn is_sealed(&self) -> bool {
        // ORDERING: Acquire pairs with the Release in `close`: claims that are looked at after this count.
        self.sealed.load(Ordering::Acquire)
    }

    #[inline]
    pub(crate) fn epoch(&self) -> u64 {
        // ORDERING: Acquire pairs with the Release in `subscribe`. To be called before the table is read.
        self.epoch.load(Ordering::Acquire)
    }

    /// The first number of the epoch that follows. Under the registry lock.
    fn next_epoch(&self) -> u64 {
        (self.epoch() | SILENT) + 1
    }

    /// Under the registry lock: something has changed that outlets remember.
    fn raise_epoch(&self, ledger: &Ledger) {
        let is_silent = ledger.table().is_empty() && !self.is_closed();
        let epoch = self.next_epoch() | if is_silent { SILENT } else { 0 };
        // ORDERING: Release pairs with the Acquire in `epoch`: who reads it sees the change, and so does who gets an event
        // that was published with it.
        self.epoch.store(epoch, Ordering::Release);
    }

    pub(crate) fn interest(&self) -> &Swap<Table> {
        &self.interest
    }

    /// Whether the calling thread may wait for the shards. It may not where it would wait for itself: while it runs actors, and
    /// if it polls one of these shards.
    pub(crate) fn may_wait(&self) -> bool {
        !local::is_actor_thread() && !self.ports.iter().any(Port::is_driven_here)
    }

    /// Refuses all that comes after.
    pub(crate) fn close(&self) {
        {
            // Under the lock: a subscription is either queued by now, and its shard will find it, or refused.
            let registry = self.registry.lock();
            // ORDERING: with the heavy fence the other side of each claim's store-then-load pair, and so is the epoch.
            self.closed.store(true, Ordering::Relaxed);
            self.raise_epoch(&registry.ledger);
        }
        if !mutant!("close_no_fence") {
            fence_heavy();
        }
        // ORDERING: Release pairs with the Acquire in `is_sealed`.
        self.sealed.store(true, Ordering::Release);
        for port in &self.ports {
            // Not left to the shard, which may be in a call that does not end. After the fence this is the reader's part in
            // `Room`. A lane that is not listed yet has a publisher that saw `closed` under the lock of the list.
            port.wake_publishers();
            port.call();
        }
    }

    /// Enters a subscription: when this returns, what is published is for it.
    pub(crate) fn subscribe(
        &self,
        plan: Plan,
        setup: Setup<E>,
    ) -> Result<Arc<Record>, SubscribeError> {
        let keys = compile(&plan.filters)?;
        let name: Option<Arc<str>> = plan.name.map(Into::into);
        let (record, old_table) = {
            let mut guard = self.registry.lock();
            let registry = &mut *guard;
            if self.is_closed() {
                return Err(SubscribeError::Closed);
            }
            if let Some(name) = &name
                && registry.names.contains_key(name)
            {
                return Err(SubscribeError::DuplicateName(name.to_string()));
            }
            let shard = registry.place(plan.placement, &keys)?;
            let limit = self.config.max_subscriptions;
            if self.seats.load(Ordering::Relaxed) >= limit {
                return Err(SubscribeError::TooMany { limit });
            }
            self.seats.fetch_add(1, Ordering::Relaxed);
            let since = self.next_epoch();
            let table = registry.ledger.add(&keys, shard);
            let old_table = table.map(|table| self.interest.swap(table));
            let id = SubscriptionId::next();
            let is_remote = setup.care.outbox.is_some();
            let record = Arc::new(Record::new(id, shard, keys, name.clone(), is_remote));
            let seat = Seat::new(setup, Arc::clone(&record), since);
            // Under the lock, so that nobody who finds the id can end the subscription before its shard knows it.
            self.ports[shard].push(Command::Spawn(seat));
            registry.load[shard] += 1;
            registry.names.extend(name.map(|name| (name, id)));
            registry.subscriptions.insert(ById(Arc::clone(&record)));
            // Now, so that who reads it sees the table, and the command behind it.
            self.raise_epoch(&registry.ledger);
            (record, old_table)
        };
        drop(old_table);
        self.ports[usize::from(record.shard)].call();
        Ok(record)
    }

    /// Takes a subscription off the table. `None`: somebody else did, or it never was.
    ///
    /// It ends before the table changes, as it begins after: of each publisher the actor sees everything up to some event.
    /// Were it the other way round, an event that no longer finds the interest could be followed by one that comes to the
    /// shard for somebody else, before the removal does.
    ///
    /// `push` runs under the lock: a shard gets its commands in the order in which the table changed. Were a removal to come
    /// after an insertion that followed it in the table, the shard could not tell that a pattern was gone in between.
    fn withdraw(&self, id: SubscriptionId, push: impl FnOnce(&Arc<Record>)) -> Option<Arc<Record>> {
        let (record, old_table) = {
            let mut guard = self.registry.lock();
            let registry = &mut *guard;
            let ById(record) = registry.subscriptions.take(&id)?;
            if let Some(name) = record.name() {
                registry.names.remove(name);
            }
            let shard = usize::from(record.shard);
            registry.load[shard] -= 1;
            if !mutant!("ends_too_late") {
                record.state.end(StopReason::Unsubscribed);
            }
            let table = registry.ledger.remove(&record.keys, shard);
            let old_table = table.map(|table| self.interest.swap(table));
            if old_table.is_some() {
                self.raise_epoch(&registry.ledger);
            }
            push(&record);
            (record, old_table)
        };
        drop(old_table);
        Some(record)
    }

    /// Takes a subscription off the table and tells its shard. The countdown is over when the shard has removed it. `None`:
    /// as in [`withdraw`](Self::withdraw).
    fn dismiss(&self, id: SubscriptionId) -> Option<Countdown> {
        let (countdown, mut all) = Countdown::new(1);
        let push = |record: &Arc<Record>| {
            if let Some(done) = all.pop() {
                let record = Arc::clone(record);
                let port = &self.ports[usize::from(record.shard)];
                port.push(Command::Remove { record, done });
            }
        };
        let record = if mutant!("removal_out_of_order") {
            self.withdraw(id, |_| ()).inspect(push)
        } else {
            self.withdraw(id, push)
        }?;
        self.ports[usize::from(record.shard)].call();
        Some(countdown)
    }

    /// The shard's own end of a subscription. False: it was withdrawn elsewhere, and a `Remove` comes.
    pub(crate) fn retire(&self, record: &Record) -> bool {
        self.withdraw(record.id, |_| ()).is_some()
    }

    /// All of an exiting shard's subscriptions at once. Nobody publishes any more, so the table does not matter.
    pub(crate) fn retire_shard(&self, shard: usize) {
        let mut registry = self.registry.lock();
        let Registry {
            subscriptions,
            names,
            ..
        } = &mut *registry;
        subscriptions.retain(|ById(record)| {
            let stays = usize::from(record.shard) != shard;
            if !stays && let Some(name) = record.name() {
                names.remove(name);
            }
            stays
        });
    }

    /// A dedicated actor has a thread now, which ends with `exit`.
    pub(crate) fn note_dedicated(&self, id: SubscriptionId, exit: Countdown) {
        let mut registry = self.registry.lock();
        registry.dedicated.retain(|_, exit| !exit.is_over());
        registry.dedicated.insert(id, exit);
    }

    /// A seat is free again.
    pub(crate) fn vacate(&self) {
        self.seats.fetch_sub(1, Ordering::Relaxed);
    }

    /// Waits until every shard has handled what was in its lanes, twice: what a shard had spilled is in lanes after the
    /// first round, and handled after the second.
    pub(crate) fn flush(&self, deadline: Option<Instant>) -> Result<(), FlushError> {
        if !self.may_wait() {
            return Err(FlushError::ActorThread);
        }
        for _ in 0..2 {
            let (countdown, all) = Countdown::new(self.ports.len());
            for (port, done) in self.ports.iter().zip(all) {
                port.flush(done);
            }
            if !countdown.wait(deadline) {
                return Err(FlushError::Timeout);
            }
        }
        Ok(())
    }

    /// Waits until these shards have removed the actors that have ended by now.
    fn pass_barriers(&self, ports: &[Port<E>]) {
        let (countdown, all) = Countdown::new(ports.len());
        for (port, done) in ports.iter().zip(all) {
            port.send(Command::Barrier(done));
        }
        countdown.wait(None);
    }

    pub(crate) fn subscriptions(&self) -> Vec<SubscriptionInfo> {
        let mut all: Vec<SubscriptionInfo> = self.records().iter().map(|r| (&**r).into()).collect();
        all.sort_unstable_by_key(|info| info.id);
        all
    }

    pub(crate) fn explain(&self, topic: Topic) -> Vec<Explanation> {
        let mut all: Vec<Explanation> = self
            .records()
            .iter()
            .filter_map(|record| {
                let matching = |filter: &Filter| filter.matches(topic);
                let filter = record.filters().into_iter().find(matching)?;
                Some(Explanation {
                    id: record.id,
                    name: record.name().map(Into::into),
                    shard: record.shard.into(),
                    filter,
                })
            })
            .collect();
        all.sort_unstable_by_key(|explanation| explanation.id);
        all
    }

    /// The live subscription whose actor has this seat. Looks at all of them.
    pub(crate) fn seated_at(&self, shard: usize, place: u32) -> Option<Arc<Record>> {
        let sits = |ById(record): &&ById| {
            usize::from(record.shard) == shard && record.seat.load(Ordering::Relaxed) == place
        };
        self.registry
            .lock()
            .subscriptions
            .iter()
            .find(sits)
            .map(|ById(record)| Arc::clone(record))
    }

    fn records(&self) -> Vec<Arc<Record>> {
        self.registry
            .lock()
            .subscriptions
            .iter()
            .map(|ById(record)| Arc::clone(record))
            .collect()
    }

    pub(crate) fn stats(&self) -> Stats {
        Stats {
            shards: self.ports.iter().map(Port::stats).collect(),
            subscriptions: self.registry.lock().subscriptions.len(),
            registry: crate::topic::registry::registry_stats(),
        }
    }
}

impl Registry {
    /// The same filter goes where it already is, so that a publish reaches few shards; else the emptiest shard.
    fn place(&self, placement: Placement, keys: &[FilterKey]) -> Result<usize, SubscribeError> {
        let shards = self.load.len();
        let emptiest = || {
            (0..shards)
                .min_by_key(|&shard| self.load[shard])
                .unwrap_or(0)
        };
        match placement {
            Placement::Shard(shard) if shard < shards => Ok(shard),
            Placement::Shard(shard) => Err(SubscribeError::UnknownShard { shard, shards }),
            Placement::Spread => Ok(emptiest()),
            Placement::Colocate => Ok(keys
                .iter()
                .find_map(|key| self.ledger.shards_of(key).iter().next())
                .unwrap_or_else(emptiest)),
        }
    }
}

fn compile(filters: &[Filter]) -> Result<SmallVec<[FilterKey; 1]>, SubscribeError> {
    if filters.is_empty() {
        return Err(SubscribeError::NoFilter);
    }
    let mut keys = SmallVec::with_capacity(filters.len());
    for filter in filters {
        let key = filter.compile()?;
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    Ok(keys)
}

impl<E: Send + 'static> Control for Hub<E> {
    fn unsubscribe(
        &self,
        id: SubscriptionId,
        shard: Option<usize>,
    ) -> Result<(), UnsubscribeError> {
        let waits = self.may_wait();
        let Some(countdown) = self.dismiss(id) else {
            // It may be in its last call. That one is waited for as well.
            if waits {
                let known = shard.map(|shard| std::slice::from_ref(&self.ports[shard]));
                self.pass_barriers(known.unwrap_or(&self.ports));
                let exit = self.registry.lock().dedicated.get(&id).cloned();
                if let Some(exit) = exit {
                    exit.wait(None);
                }
            }
            return Err(UnsubscribeError::Unknown(id));
        };
        if waits {
            countdown.wait(None);
        }
        Ok(())
    }

    fn abandon(&self, id: SubscriptionId) {
        drop(self.dismiss(id));
    }

    fn suspend(&self, id: SubscriptionId, how: Suspend) -> Result<(), UnsubscribeError> {
        let (countdown, done) = Countdown::of_one();
        let waits = self.may_wait();
        self.change(id, |record, epoch| {
            record.discard(how == Suspend::Discard, epoch);
            record.state.suspend(Some(how));
            (waits && !mutant!("paused_too_early")).then(|| Command::Pause {
                record: Arc::clone(record),
                done,
            })
        })?;
        if waits {
            countdown.wait(None);
        }
        Ok(())
    }

    fn resume(&self, id: SubscriptionId) -> Result<(), UnsubscribeError> {
        self.change(id, |record, epoch| {
            record.discard(false, epoch);
            record.state.suspend(None);
            // ORDERING: AcqRel: see `Seats::resume`.
            let is_first = !record.is_resuming.swap(true, Ordering::AcqRel);
            is_first.then(|| Command::Resume(Arc::clone(record)))
        })
    }
}

impl<E> Hub<E> {
    /// Changes how a live subscription takes events, from a new epoch on, and tells its shard.
    fn change(
        &self,
        id: SubscriptionId,
        change: impl FnOnce(&Arc<Record>, u64) -> Option<Command<E>>,
    ) -> Result<(), UnsubscribeError> {
        let port = {
            let registry = self.registry.lock();
            let known = registry.subscriptions.get(&id);
            let ById(record) = known.ok_or(UnsubscribeError::Unknown(id))?;
            let port = &self.ports[usize::from(record.shard)];
            let epoch = self.next_epoch();
            if let Some(command) = change(record, epoch) {
                port.push(command);
            }
            self.raise_epoch(&registry.ledger);
            port
        };
        port.call();
        Ok(())
    }
}

impl<E> std::fmt::Debug for Hub<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hub")
            .field("shards", &self.ports.len())
            .field("closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}
