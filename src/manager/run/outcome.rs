//! The result of each run, as an event of its own.

use crate::cloudevents::{AttributeError, CloudEvent, Value};
use crate::manager::event_manager::Inner;
use crate::manager::function::{Captured, Ran};
use crate::manager::run::Job;
use serde_json::json;
use std::time::{Duration, SystemTime};
use uuid::Uuid;

/// What the types of result events begin with.
pub(super) const RESULTS: &str = "function.";
const SUCCEEDED: &str = "function.succeeded";
const FAILED: &str = "function.failed";

/// The extension that says how many events, one causing the other, came before this one.
pub(in crate::manager) const DEPTH: &str = "lanewaydepth";

/// How many events came before this one.
pub(in crate::manager) fn depth(event: &CloudEvent) -> u32 {
    match event.extension(DEPTH) {
        Some(Value::Integer(depth)) => u32::try_from(depth).unwrap_or(0),
        _ => 0,
    }
}

/// The same event, behind so many others.
pub(in crate::manager) fn with_depth(
    event: &CloudEvent,
    depth: u32,
) -> Result<CloudEvent, AttributeError> {
    let depth = i32::try_from(depth).unwrap_or(i32::MAX);
    event.to_builder().extension(DEPTH, depth).build()
}

impl Inner {
    /// Publishes what an event led to: a result, or a dead letter. Says whether it could.
    pub(super) fn publish_result(&self, event_type: &str, cause: &Job, data: String) -> bool {
        let depth = depth(&cause.event).saturating_add(1);
        if depth > self.config.max_depth {
            return false;
        }
        let id = Uuid::new_v4().to_string();
        let event = CloudEvent::builder(&id, &self.config.source, event_type)
            .subject(cause.spec.name())
            .time(SystemTime::now())
            .extension(DEPTH, i32::try_from(depth).unwrap_or(i32::MAX))
            .json(data)
            .build();
        match event {
            Ok(event) => self.publish(event).is_ok(),
            Err(error) => {
                tracing::error!(event_type, %error, "a result cannot be an event");
                false
            }
        }
    }

    /// Publishes the result of a run.
    pub(super) fn publish_run(
        &self,
        job: &Job,
        ran: &Ran,
        took: Duration,
        again_in: Option<Duration>,
    ) -> bool {
        let text = |captured: &Captured| captured.text().into_owned();
        let mut data = json!({
            "subscription": job.spec.name(),
            "function": job.spec.function_name(),
            "event": {
                "id": job.event.id(),
                "source": job.event.source(),
                "type": job.event.event_type(),
            },
            "attempt": job.failures + 1,
            "duration_us": u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
            "output": text(&ran.out),
            "output_truncated": ran.out.is_truncated,
        });
        if let Some(code) = ran.exit_code {
            data["exit_code"] = code.into();
        }
        if !ran.err.bytes.is_empty() {
            data["stderr"] = text(&ran.err).into();
            data["stderr_truncated"] = ran.err.is_truncated.into();
        }
        let Err(error) = &ran.result else {
            return self.publish_result(SUCCEEDED, job, data.to_string());
        };
        data["error"] = json!({ "kind": error.word(), "message": error.to_string() });
        data["final"] = again_in.is_none().into();
        if let Some(wait) = again_in {
            data["again_in_ms"] = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).into();
        }
        self.publish_result(FAILED, job, data.to_string())
    }
}
