//! Tenant moves and time: changes to a world, and what they change in attribution.

mod apply;
mod change;
mod error;
mod substitution;
mod text;

use std::time::Duration;

pub use self::change::Change;
pub use self::error::ChangeError;
pub use self::substitution::Substitutions;

/// A change at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// How long after the start.
    pub at: Duration,
    /// What changes.
    pub change: Change,
}
