//! Taking events.

use crate::cloudevents::{AttributeError, CloudEvent, JsonEvents};
use crate::manager::cancel::lock;
use crate::manager::error::EmitError;
use crate::manager::event_manager::{Inner, Manager, Validation};
use crate::manager::run::{DEPTH, depth, with_depth};
use crate::manager::status::EventTypeInfo;
use crate::{BatchPublished, PublishError, Published};
use std::sync::atomic::Ordering;
use std::time::SystemTime;

/// How many types of events are counted.
const MAX_SEEN: usize = 1024;

impl Manager {
    /// Takes an event and publishes it on the router, whoever listens there. Beside that it takes a short lock to count its type.
    ///
    /// # Errors
    ///
    /// [`EmitError::Invalid`] if it breaks a rule of the [`Validation`], [`EmitError::TooDeep`], and
    /// [`EmitError::Closed`] before the start and after the end. On a thread that runs actors, [`EmitError::Full`].
    ///
    /// # Blocking
    ///
    /// Waits for room in the router's lanes, as [`Router::publish`](crate::Router::publish) does; never for a function.
    ///
    /// # Examples
    ///
    /// ```
    /// # use laneway::manager::Manager;
    /// use laneway::Published;
    /// use laneway::cloudevents::CloudEvent;
    ///
    /// # let manager = Manager::new()?;
    /// # manager.start()?;
    /// let event = CloudEvent::builder("1", "/s", "vm.started").build()?;
    /// assert_eq!(manager.emit(event)?, Published::Unmatched);
    /// let event = CloudEvent::builder("1", "/s", "vm/started").build()?;
    /// let error = manager.emit(event).unwrap_err();
    /// assert!(error.to_string().starts_with("error validating event with id 1: attribute `type`"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn emit(&self, event: CloudEvent) -> Result<Published, EmitError> {
        self.inner.emit(event)
    }

    /// Takes all events in order; or none of them, if one breaks a rule.
    ///
    /// # Errors
    ///
    /// As [`emit`](Self::emit), and [`EmitError::NoEvents`] for an empty batch. What the router does not take, because it closes
    /// or has no room, comes back; what is before it was published.
    ///
    /// # Blocking
    ///
    /// As [`emit`](Self::emit).
    pub fn emit_all(
        &self,
        events: impl IntoIterator<Item = CloudEvent>,
    ) -> Result<BatchPublished, EmitError> {
        self.inner.emit_all(events.into_iter().collect())
    }

    /// Takes the events of a JSON document as Dispatch reads it: one, several one after the other, or an array. All of them or
    /// none.
    ///
    /// # Errors
    ///
    /// As [`emit_all`](Self::emit_all), and [`EmitError::Parse`].
    ///
    /// # Blocking
    ///
    /// As [`emit`](Self::emit).
    ///
    /// # Examples
    ///
    /// ```
    /// # use laneway::manager::{EmitError, Manager};
    /// # let manager = Manager::new()?;
    /// # manager.start()?;
    /// let event = r#"{"eventType":"vm.started","cloudEventsVersion":"0.1","source":"/dc/1","eventID":"1"}"#;
    /// assert_eq!(manager.emit_json(event.repeat(2))?.unmatched, 2);
    /// assert!(matches!(manager.emit_json("[]"), Err(EmitError::NoEvents)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn emit_json(&self, json: impl AsRef<[u8]>) -> Result<BatchPublished, EmitError> {
        let events = JsonEvents::new(json.as_ref()).collect::<Result<Vec<_>, _>>();
        self.inner.emit_all(events.map_err(EmitError::Parse)?)
    }
}

/// A call that emits, while it does.
struct Gate<'a>(&'a Inner);

impl Drop for Gate<'_> {
    fn drop(&mut self) {
        // ORDERING: Release; pairs with the load in `Inner::close_gate` and in `Inner::emitters`, which then sees what was published.
        self.0.emitting.fetch_sub(1, Ordering::Release);
    }
}

impl Inner {
    /// Holds off the end of closing; none if events are not taken.
    fn gate(&self) -> Option<Gate<'_>> {
        // ORDERING: SeqCst on both, and on the store and the load in `Inner::close_gate`: either this sees that it is closed, or
        // closing sees this call.
        self.emitting.fetch_add(1, Ordering::SeqCst);
        let gate = Gate(self);
        self.accepts.load(Ordering::SeqCst).then_some(gate)
    }

    /// Whether all calls that emit have ended, once no other can begin.
    pub(super) fn close_gate(&self) -> bool {
        // ORDERING: see `gate`.
        self.accepts.store(false, Ordering::SeqCst);
        self.emitting.load(Ordering::SeqCst) == 0
    }

    /// Calls that emit now.
    pub(super) fn emitters(&self) -> usize {
        // ORDERING: see `Gate::drop`.
        self.emitting.load(Ordering::Acquire)
    }

    pub(in crate::manager) fn emit(&self, event: CloudEvent) -> Result<Published, EmitError> {
        let Some(_gate) = self.gate() else {
            return Err(EmitError::Closed {
                unsent: vec![event],
            });
        };
        self.check(0, &event)?;
        self.emit_checked(event)
    }

    /// Emits what a function does in answer to an event, which counts up to the end of closing.
    pub(in crate::manager) fn emit_caused(
        &self,
        event: &CloudEvent,
        depth: u32,
    ) -> Result<Published, EmitError> {
        let event = with_depth(event, depth).map_err(|error| invalid(0, event, error))?;
        self.check(0, &event)?;
        self.emit_checked(event)
    }

    pub(in crate::manager) fn emit_all(
        &self,
        events: Vec<CloudEvent>,
    ) -> Result<BatchPublished, EmitError> {
        let Some(_gate) = self.gate() else {
            return Err(EmitError::Closed { unsent: events });
        };
        if events.is_empty() {
            return Err(EmitError::NoEvents);
        }
        for (index, event) in events.iter().enumerate() {
            self.check(index, event)?;
        }
        let mut published = BatchPublished::default();
        let mut events = events.into_iter();
        while let Some(event) = events.next() {
            match self.emit_checked(event) {
                Ok(Published::Routed) => published.routed += 1,
                Ok(Published::Unmatched) => published.unmatched += 1,
                Err(mut error) => {
                    if let EmitError::Full { unsent } | EmitError::Closed { unsent } = &mut error {
                        unsent.extend(events);
                    }
                    return Err(error);
                }
            }
        }
        Ok(published)
    }

    fn check(&self, index: usize, event: &CloudEvent) -> Result<(), EmitError> {
        if self.config.validation == Validation::Dispatch {
            event
                .check_dispatch()
                .map_err(|error| invalid(index, event, error))?;
        }
        let limit = self.config.max_depth;
        if event.extension(DEPTH).is_some() && depth(event) > limit {
            let id = event.id().into();
            return Err(EmitError::TooDeep { id, limit });
        }
        Ok(())
    }

    fn emit_checked(&self, event: CloudEvent) -> Result<Published, EmitError> {
        let kind = event.clone();
        let published = self.publish(event).map_err(|error| match error {
            PublishError::Full(event) => EmitError::Full {
                unsent: vec![event],
            },
            PublishError::Closed(event) => EmitError::Closed {
                unsent: vec![event],
            },
        })?;
        self.note(kind.event_type());
        Ok(published)
    }

    fn note(&self, event_type: &str) {
        let now = SystemTime::now();
        let mut seen = lock(&self.seen);
        if let Some(known) = seen.get_mut(event_type) {
            known.emitted += 1;
            known.last = now;
        } else if seen.len() < MAX_SEEN {
            let new = EventTypeInfo {
                event_type: event_type.into(),
                emitted: 1,
                last: now,
            };
            seen.insert(event_type.into(), new);
        }
    }
}

fn invalid(index: usize, event: &CloudEvent, error: AttributeError) -> EmitError {
    EmitError::Invalid {
        id: event.id().into(),
        index,
        error,
    }
}
