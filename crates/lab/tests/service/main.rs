//! The simulated front end over real sockets.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failing step is a failing test"
)]

mod client;
mod events;
mod faults;
mod journal;
mod limits;
mod lost;
mod maildir;
mod quotas;
mod replies;
mod stand;
mod vectors;
mod wire;

use std::time::Duration;

/// Longer than anything here takes.
const SOON: Duration = Duration::from_secs(20);
