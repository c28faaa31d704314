//! Tenant moves and time: changes to a world, and what they change in attribution.

mod apply;
mod change;
mod difference;
mod error;
mod substitution;
mod text;
mod timeline;

use std::time::Duration;

pub use self::change::Change;
pub use self::difference::{Difference, Outcome};
pub use self::error::ChangeError;
pub use self::substitution::Substitutions;
pub use self::timeline::{Compared, Shown, Timeline};

/// A change at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// How long after the start.
    pub at: Duration,
    /// What changes.
    pub change: Change,
}
