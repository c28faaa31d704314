//! What operators see: one closing line per transaction and per session, and the subscriber that writes them.
//!
//! Never content, never keys; full addresses only by a setting; whatever a peer sent is escaped and cut short.

mod counters;
mod decided;
pub(crate) mod events;
mod observed;
mod shown;
mod subscriber;

pub(crate) use counters::Counters;
pub use counters::{ConflictCount, ShadowCount};
pub(crate) use events::TRANSACTION_CLOSED;
pub use observed::{ClosedTransaction, ShadowOutcome};
pub(crate) use shown::{CUT, Shown, original};
pub use subscriber::{SubscriberError, subscribe};
