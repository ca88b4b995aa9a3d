//! Creating, reading, updating and deleting subscriptions.

use crate::manager::cancel::lock;
use crate::manager::error::ManagerError;
use crate::manager::event_manager::{
    Inner, MAX_SUBSCRIPTIONS, Manager, Phase, busy, exists, not_found,
};
use crate::manager::run::{Entry, end};
use crate::manager::spec::SubscriptionSpec;
use crate::manager::status::{Kind, Status, SubscriptionInfo};
use std::sync::Arc;

impl Manager {
    /// Adds a subscription. When this returns it is kept, and every matching event that is emitted is for it.
    ///
    /// A function, secret or sink that is not there yet is no error here: the subscription is in [`Status::Error`] until it is.
    ///
    /// # Errors
    ///
    /// [`ManagerError::Invalid`], [`ManagerError::AlreadyExists`], [`ManagerError::TooMany`], [`ManagerError::Store`],
    /// [`ManagerError::Subscribe`], [`ManagerError::Closed`].
    ///
    /// # Blocking
    ///
    /// For as long as the disk takes, if there is a store.
    ///
    /// # Examples
    ///
    /// ```
    /// use laneway::manager::{Kind, Manager, ManagerError, Status, SubscriptionSpec};
    ///
    /// let manager = Manager::new()?;
    /// manager.start()?;
    /// let info = manager.create_subscription(SubscriptionSpec::new("s", "vm.*", "later"))?;
    /// assert_eq!((info.status, &*info.reason.unwrap()), (Status::Error, "function `later` is not known"));
    ///
    /// let again = manager.create_subscription(SubscriptionSpec::new("s", "ip.*", "later"));
    /// assert!(matches!(again, Err(ManagerError::AlreadyExists { kind: Kind::Subscription, .. })));
    /// # Ok::<(), ManagerError>(())
    /// ```
    pub fn create_subscription(
        &self,
        spec: SubscriptionSpec,
    ) -> Result<SubscriptionInfo, ManagerError> {
        let inner = &*self.inner;
        let phase = inner.enter()?;
        spec.check()?;
        let (name, spec) = (spec.name().to_owned(), Arc::new(spec));
        let entry = Entry::new(Arc::clone(&spec), Arc::clone(&inner.config.source));
        entry.set_status(Status::Creating, None);
        {
            let mut all = lock(&inner.subscriptions);
            if all.contains_key(&name) {
                return Err(exists(Kind::Subscription, &name));
            }
            if all.len() >= MAX_SUBSCRIPTIONS {
                return Err(ManagerError::TooMany {
                    kind: Kind::Subscription,
                    limit: MAX_SUBSCRIPTIONS,
                });
            }
            all.insert(name.clone(), Arc::clone(&entry));
        }
        let is_started = *phase == Phase::Started;
        let opened = if is_started {
            (entry.open_route(&spec, &inner.router, &inner.pool)).map(drop)
        } else {
            Ok(())
        };
        let kept = opened.and_then(|()| inner.keep(&spec));
        if let Err(error) = kept {
            lock(&inner.subscriptions).remove(&name);
            end(entry.close(&inner.pool));
            return Err(error);
        }
        if is_started {
            entry.activate();
            entry.set_status(Status::Ready, None);
            inner.settle(&entry);
        } else {
            entry.set_status(Status::Initialized, None);
        }
        inner.close_if_closing(&entry)?;
        Ok(entry.info())
    }

    /// A subscription as it is now.
    ///
    /// # Errors
    ///
    /// [`ManagerError::NotFound`].
    pub fn subscription(&self, name: &str) -> Result<SubscriptionInfo, ManagerError> {
        self.inner.entry(name).map(|entry| entry.info())
    }

    /// All subscriptions, by name.
    pub fn subscriptions(&self) -> Vec<SubscriptionInfo> {
        self.inner
            .entries()
            .iter()
            .map(|entry| entry.info())
            .collect()
    }

    /// Changes the subscription of this name, as a whole.
    ///
    /// When this returns, every event that is emitted is routed by the new one. What was emitted before is with the old one, and
    /// goes to its function, also if it still waits. No event that both ask for is lost, and none comes twice. Emitting goes on
    /// meanwhile.
    ///
    /// # Errors
    ///
    /// [`ManagerError::Invalid`], [`ManagerError::NotFound`], [`ManagerError::Busy`], [`ManagerError::Store`],
    /// [`ManagerError::Subscribe`], [`ManagerError::Closed`]. [`ManagerError::Flush`] if somebody else on the router holds up
    /// events, or on a thread that runs actors. [`ManagerError::TooManyRoutes`] after more than 64 filters of which each overlaps
    /// all the others.
    ///
    /// # Blocking
    ///
    /// As creating one, and until what was emitted before is routed.
    ///
    /// # Examples
    ///
    /// ```
    /// use laneway::cloudevents::CloudEvent;
    /// use laneway::manager::{Function, Manager, SubscriptionSpec};
    /// use std::time::Duration;
    ///
    /// let manager = Manager::new()?;
    /// for name in ["old", "new"] {
    ///     manager.add_function(name, Function::new(|_, ctx| Ok(println!("{}", ctx.function()))))?;
    /// }
    /// manager.start()?;
    /// let spec = SubscriptionSpec::new("s", "vm.*", "old");
    /// manager.create_subscription(spec.clone())?;
    /// manager.update_subscription(spec.function("new"))?;
    /// // Prints "new".
    /// manager.emit(CloudEvent::builder("1", "/s", "vm.started").build()?)?;
    /// assert!(manager.wait_idle(Duration::from_secs(5)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn update_subscription(
        &self,
        spec: SubscriptionSpec,
    ) -> Result<SubscriptionInfo, ManagerError> {
        let inner = &*self.inner;
        let phase = inner.enter()?;
        spec.check()?;
        let (entry, spec) = (inner.entry(spec.name())?, Arc::new(spec));
        (entry.begin(Status::Updating))
            .map_err(|status| busy(Kind::Subscription, spec.name(), status))?;
        let is_started = *phase == Phase::Started;
        let status = if is_started {
            Status::Ready
        } else {
            Status::Initialized
        };
        let prepared = if is_started {
            inner.prepare(&entry, &spec)
        } else {
            inner.keep(&spec)
        };
        if prepared.is_ok() {
            entry.replace(spec, &inner.pool);
        }
        entry.set_status(status, None);
        inner.settle(&entry);
        prepared?;
        inner.close_if_closing(&entry)?;
        Ok(entry.info())
    }

    /// Ends a subscription. When this returns, no run for it begins; one that is going on comes to its end. Events that wait are
    /// discarded: the counters that are returned say how many.
    ///
    /// # Errors
    ///
    /// [`ManagerError::NotFound`], [`ManagerError::Busy`], [`ManagerError::Store`], [`ManagerError::Closed`].
    ///
    /// # Blocking
    ///
    /// As updating one; where somebody else holds up the router, for the [patience](crate::manager::ManagerBuilder::patience). Then
    /// until its shard has let go of it, as [`unsubscribe`](crate::Subscription::unsubscribe) does.
    pub fn delete_subscription(&self, name: &str) -> Result<SubscriptionInfo, ManagerError> {
        let inner = &*self.inner;
        let _phase = inner.enter()?;
        let entry = inner.entry(name)?;
        let before = entry.status();
        (entry.begin(Status::Deleting)).map_err(|status| busy(Kind::Subscription, name, status))?;
        let gone = lock(&inner.store).change(|kept| {
            kept.subscriptions.remove(name);
        });
        if let Err(error) = gone {
            entry.set_status(before, None);
            inner.settle(&entry);
            return Err(error);
        }
        // So that what was emitted before is counted. Where that cannot be waited for, it is gone with its routes.
        let _ = inner.router.flush_timeout(inner.config.patience);
        end(entry.close(&inner.pool));
        lock(&inner.subscriptions).remove(name);
        entry.set_status(Status::Deleted, None);
        Ok(entry.info())
    }
}

impl Inner {
    fn entry(&self, name: &str) -> Result<Arc<Entry>, ManagerError> {
        let entry = lock(&self.subscriptions).get(name).cloned();
        entry.ok_or_else(|| not_found(Kind::Subscription, name))
    }

    /// Takes part in closing, where that could not wait for this change.
    fn close_if_closing(&self, entry: &Entry) -> Result<(), ManagerError> {
        if !self.is_closing() {
            return Ok(());
        }
        end(entry.close(&self.pool));
        Err(ManagerError::Closed)
    }

    fn keep(&self, spec: &SubscriptionSpec) -> Result<(), ManagerError> {
        let mut store = lock(&self.store);
        store.change(|kept| {
            kept.subscriptions.insert(spec.name().into(), spec.clone());
        })
    }

    /// All of an update that can fail: see [`Plan`](crate::manager::run::Plan).
    fn prepare(
        &self,
        entry: &Arc<Entry>,
        spec: &Arc<SubscriptionSpec>,
    ) -> Result<(), ManagerError> {
        let route = entry.open_route(spec, &self.router, &self.pool)?;
        let flushed = self.router.flush_timeout(self.config.patience);
        let kept = flushed
            .map_err(ManagerError::from)
            .and_then(|()| self.keep(spec));
        if let (Err(_), Some(route)) = (&kept, route) {
            entry.close_route(route);
        }
        kept
    }
}
