//! Files of administrators, in every shape, sound and broken.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a test ends by panicking, at what it does not expect"
)]

mod fixtures;
mod mutations;
mod notations;
mod outgoing;
mod properties;
mod support;
