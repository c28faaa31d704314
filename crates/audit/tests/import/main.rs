//! Import, its comparison, and connectors: from exports to a relay and back, with the lab as judge.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod connectors;
mod diff;
mod drafts;
mod powershell;
mod round_trip;
mod stage;
