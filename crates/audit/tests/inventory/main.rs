//! What is read from files and folders, and what is said of those that cannot be.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends by panicking"
)]

mod certificates;
mod paths;
mod relays;
mod shapes;
mod support;
mod tenants;
mod worlds;
