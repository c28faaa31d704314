//! Plans, results, and runs against upstreams that are known.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod bench;
mod early;
mod identities;
mod latency;
mod merge;
mod plan;
mod reference;
mod runs;
mod schema;
mod shares;
mod verify;
