//! A named point in time: every wait on a peer has one.

use std::time::Duration;

use tokio::time::Instant;

/// When a wait ends, and what it was waiting for (the name that logs and replies show).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    /// What is waited for, for example `greeting`.
    pub name: &'static str,
    /// When the wait ends.
    pub at: Instant,
}

impl Deadline {
    /// A deadline at a point in time.
    #[must_use]
    pub const fn at(name: &'static str, at: Instant) -> Self {
        Self { name, at }
    }

    /// A deadline that much from now; durations too long for the clock mean "in 30 years".
    #[must_use]
    pub fn after(name: &'static str, wait: Duration) -> Self {
        let now = Instant::now();
        let at = now.checked_add(wait).unwrap_or(now + FAR);
        Self { name, at }
    }

    /// The earlier of the two.
    #[must_use]
    pub fn earlier(self, other: Self) -> Self {
        if other.at < self.at { other } else { self }
    }

    /// How long there is left.
    #[must_use]
    pub fn remaining(self) -> Duration {
        self.at.saturating_duration_since(Instant::now())
    }

    /// Whether it has passed.
    #[must_use]
    pub fn has_passed(self) -> bool {
        Instant::now() >= self.at
    }
}

const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 3600);
