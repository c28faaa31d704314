//! `tenantry lab` from outside: what it makes, prints and ends with.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "../../../lab/tests/scenarios/client.rs"]
mod client;
mod explain;
mod init;
mod moved;
mod probe;
mod program;
mod run;
