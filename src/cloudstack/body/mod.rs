//! What CloudStack's events carry: flat JSON objects, one kind for each category.

mod json;
mod time;

pub use self::json::MAX_BODY_BYTES;
pub use self::time::EventTime;

use super::error::BodyError;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;

/// A type that a member of a body can have.
trait Member: Sized {
    /// What errors say it has to be.
    const EXPECTED: &str;

    fn read(value: Value) -> Option<Self>;
    fn write(&self) -> Value;
}

impl Member for String {
    const EXPECTED: &str = "a text";

    fn read(value: Value) -> Option<Self> {
        match value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    fn write(&self) -> Value {
        self.as_str().into()
    }
}

impl Member for u64 {
    const EXPECTED: &str = "a whole number that is not negative";

    fn read(value: Value) -> Option<Self> {
        value.as_u64()
    }

    fn write(&self) -> Value {
        (*self).into()
    }
}

/// Anything. Null is the same as absent before it comes here.
impl Member for Value {
    const EXPECTED: &str = "a value";

    fn read(value: Value) -> Option<Self> {
        Some(value)
    }

    fn write(&self) -> Value {
        self.clone()
    }
}

impl Member for EventTime {
    const EXPECTED: &str = "a time such as 2024-05-17 08:30:05 +0530";

    fn read(value: Value) -> Option<Self> {
        value.as_str()?.parse().ok()
    }

    fn write(&self) -> Value {
        self.to_string().into()
    }
}

/// Names on the wire for the values of an enum.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident is $expected:literal { $($(#[$word_doc:meta])* $word:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$word_doc])* $word,)*
        }

        impl $name {
            /// As it is written in bodies.
            pub fn name(self) -> &'static str {
                match self {
                    $($name::$word => $text,)*
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }

        impl Member for $name {
            const EXPECTED: &str = $expected;

            fn read(value: Value) -> Option<Self> {
                match value.as_str()? {
                    $($text => Some($name::$word),)*
                    _ => None,
                }
            }

            fn write(&self) -> Value {
                self.name().into()
            }
        }
    };
}

words! {
    /// How far an action is.
    ActionStatus is "Created, Scheduled, Started or Completed" {
        /// What it is about exists.
        Created = "Created",
        /// It waits for its turn.
        Scheduled = "Scheduled",
        /// It has begun.
        Started = "Started",
        /// It is over.
        Completed = "Completed",
    }
}

words! {
    /// Whether a resource is about to change its state or has.
    TransitionStatus is "preStateTransitionEvent or postStateTransitionEvent" {
        /// It is about to.
        Before = "preStateTransitionEvent",
        /// It has.
        After = "postStateTransitionEvent",
    }
}

/// A struct for one kind of body. `nulls` says whether members that are not set are written as null or left out.
macro_rules! body {
    ($(#[$doc:meta])* $name:ident nulls: $nulls:literal {
        $($(#[$field_doc:meta])* $field:ident: $type:ty = $key:literal,)*
    }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: Option<$type>,)*
            /// All other members, by key.
            pub others: BTreeMap<String, Value>,
        }

        impl $name {
            /// Reads a body. A member that is null is not set.
            ///
            /// # Errors
            ///
            /// [`BodyError`] if it is no JSON object, too long, or a member is there twice or not what it has to be.
            pub fn from_json(json: impl AsRef<[u8]>) -> Result<Self, BodyError> {
                let mut object = json::read(json.as_ref())?;
                Ok($name {
                    $($field: member(object.remove($key), $key)?,)*
                    others: json::others(object),
                })
            }

            /// Writes the body as one line of JSON, escaped as CloudStack does it. Others do not replace the members above.
            pub fn to_json(&self) -> String {
                let own = [$(($key, self.$field.as_ref().map(Member::write)),)*];
                json::write(&own, &self.others, $nulls)
            }
        }
    };
}

fn member<M: Member>(value: Option<Value>, key: &'static str) -> Result<Option<M>, BodyError> {
    let expected = M::EXPECTED;
    let read = |value| M::read(value).ok_or(BodyError::Member { key, expected });
    value.filter(|value| !value.is_null()).map(read).transpose()
}

body! {
    /// What an event of the category [`ACTION`](super::EventCategory::ACTION) carries.
    ///
    /// The resources that an action touches are [others](Self::others): the UUID by the name of the kind.
    ///
    /// ```
    /// use laneway::cloudstack::{ActionBody, ActionStatus, BodyError};
    ///
    /// let body = ActionBody::from_json(r#"{"event":"VM.START","status":"Started","VirtualMachine":"7"}"#)?;
    /// assert_eq!(body.status, Some(ActionStatus::Started));
    /// assert_eq!(body.others["VirtualMachine"], "7");
    ///
    /// let body = ActionBody { description: Some("id = 7".into()), ..ActionBody::default() };
    /// assert_eq!(body.to_json(), r#"{"description":"id \u003d 7"}"#);
    /// # Ok::<(), BodyError>(())
    /// ```
    ActionBody nulls: false {
        /// The UUID of the user.
        user: String = "user",
        /// The UUID of the account.
        account: String = "account",
        /// The UUID of the project.
        project: String = "project",
        /// The event type.
        event: String = "event",
        /// How far it is.
        status: ActionStatus = "status",
        /// The kind of the resource.
        entity: String = "entity",
        /// The UUID of the resource.
        entity_uuid: String = "entityuuid",
        /// For people.
        description: String = "description",
        /// When it happened.
        event_date_time: EventTime = "eventDateTime",
    }
}

body! {
    /// What an event of the category [`ALERT`](super::EventCategory::ALERT) carries.
    ///
    /// ```
    /// use laneway::cloudstack::{AlertBody, BodyError};
    ///
    /// let body = AlertBody::from_json(r#"{"event":"ALERT.MEMORY","podId":null,"subject":"low memory"}"#)?;
    /// assert_eq!(body.pod_id, None);
    /// assert_eq!(body.to_json(), r#"{"event":"ALERT.MEMORY","subject":"low memory"}"#);
    /// # Ok::<(), BodyError>(())
    /// ```
    AlertBody nulls: false {
        /// The event type.
        event: String = "event",
        /// The UUID of the data centre.
        data_center_id: String = "dataCenterId",
        /// The UUID of the pod.
        pod_id: String = "podId",
        /// The subject of the message.
        subject: String = "subject",
        /// The message.
        body: String = "body",
        /// When it happened.
        event_date_time: EventTime = "eventDateTime",
    }
}

body! {
    /// What an event of the category [`USAGE`](super::EventCategory::USAGE) carries.
    ///
    /// ```
    /// use laneway::cloudstack::{BodyError, UsageBody};
    ///
    /// let body = UsageBody::from_json(r#"{"event":"VM.START","zone":"z1"}"#)?;
    /// assert_eq!(body.zone.as_deref(), Some("z1"));
    /// # Ok::<(), BodyError>(())
    /// ```
    UsageBody nulls: false {
        /// The UUID of the account.
        account: String = "account",
        /// The UUID of the zone.
        zone: String = "zone",
        /// The event type.
        event: String = "event",
        /// The kind of the resource.
        resource: String = "resource",
        /// The UUID of the resource.
        id: String = "id",
        /// When it happened.
        event_date_time: EventTime = "eventDateTime",
    }
}

body! {
    /// What an event of the category [`RESOURCE_STATE`](super::EventCategory::RESOURCE_STATE) carries.
    ///
    /// ```
    /// use laneway::cloudstack::{StateBody, TransitionStatus};
    ///
    /// let body = StateBody {
    ///     old_state: Some("Stopped".into()),
    ///     new_state: Some("Starting".into()),
    ///     status: Some(TransitionStatus::Before),
    ///     ..StateBody::default()
    /// };
    /// assert_eq!(
    ///     body.to_json(),
    ///     r#"{"old-state":"Stopped","new-state":"Starting","status":"preStateTransitionEvent"}"#
    /// );
    /// ```
    StateBody nulls: false {
        /// The kind of the resource.
        resource: String = "resource",
        /// The UUID of the resource.
        id: String = "id",
        /// The state it leaves.
        old_state: String = "old-state",
        /// The state it enters.
        new_state: String = "new-state",
        /// Whether it has.
        status: TransitionStatus = "status",
        /// When it happened.
        event_date_time: EventTime = "eventDateTime",
    }
}

body! {
    /// What an event of the category [`ASYNC_JOB`](super::EventCategory::ASYNC_JOB) carries.
    ///
    /// ```
    /// use laneway::cloudstack::{BodyError, JobBody};
    ///
    /// let body = JobBody::from_json(r#"{"jobId":"j1","status":"SUCCEEDED","jobResult":{"success":true}}"#)?;
    /// assert_eq!(body.job_result.unwrap()["success"], true);
    /// # Ok::<(), BodyError>(())
    /// ```
    JobBody nulls: false {
        /// The class of the command.
        command: String = "command",
        /// The UUID of the user.
        user: String = "user",
        /// The UUID of the account.
        account: String = "account",
        /// How far the work is, as a number.
        process_status: String = "processStatus",
        /// How it ended, as a number.
        result_code: String = "resultCode",
        /// The UUID of the resource.
        instance_uuid: String = "instanceUuid",
        /// The kind of the resource.
        instance_type: String = "instanceType",
        /// The event type of the action that the job carries out.
        command_event_type: String = "commandEventType",
        /// The UUID of the job.
        job_id: String = "jobId",
        /// What came of it.
        job_result: Value = "jobResult",
        /// The parameters of the command.
        cmd_info: Value = "cmdInfo",
        /// How the job stands.
        status: String = "status",
    }
}

body! {
    /// An event as CloudStack prints it whole, without source and category. Its description is usually a body, as text.
    ///
    /// ```
    /// use laneway::cloudstack::{ActionBody, BodyError, EventRecord};
    ///
    /// let record = EventRecord::from_json(r#"{"description":"{\"event\":\"VM.START\"}","eventType":"VM.START"}"#)?;
    /// let body = ActionBody::from_json(record.description.as_deref().unwrap_or_default())?;
    /// assert_eq!(body.event, record.event_type);
    /// # Ok::<(), BodyError>(())
    /// ```
    EventRecord nulls: true {
        /// The body.
        description: String = "description",
        /// Its number in CloudStack's database.
        event_id: u64 = "eventId",
        /// The event type.
        event_type: String = "eventType",
        /// Its UUID.
        event_uuid: String = "eventUuid",
        /// The kind of the resource.
        resource_type: String = "resourceType",
        /// The UUID of the resource.
        resource_uuid: String = "resourceUUID",
    }
}
