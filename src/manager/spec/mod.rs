//! What is asked for and kept: subscriptions, driver types and drivers as data.

mod driver;
mod retry;
mod subscription;

pub use driver::{DriverSpec, DriverType, Image};
pub use retry::{DeadLetter, Retry};
pub use subscription::SubscriptionSpec;
