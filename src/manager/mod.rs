//! An event manager.

mod backoff;
mod cancel;
pub mod collectors;
mod drive;
mod error;
mod event_manager;
mod function;
#[cfg(target_os = "linux")]
mod process;
mod named;
mod rule;
mod run;
mod spec;
mod status;
mod store;

pub use drive::DriverContext;
pub use error::{EmitError, ManagerError, StoreError};
pub use event_manager::{CloseReport, Manager, ManagerBuilder, Validation};
#[cfg(target_os = "linux")]
pub use function::Command;
pub use function::{Function, FunctionContext, FunctionError, Output, RunError};
pub use rule::{InvalidField, Rule};
pub use run::Failure;
pub use spec::{DeadLetter, DriverSpec, DriverType, Image, Retry, SubscriptionSpec};
pub use status::{DriverInfo, EventTypeInfo, Kind, RunStats, Status, SubscriptionInfo};
pub use named::{NamedError, Subscriber, Subscribers};
