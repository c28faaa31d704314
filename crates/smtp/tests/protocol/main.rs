//! The protocol from outside: tables, properties, a model and a second opinion.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that fails may panic"
)]

mod addresses;
mod chunking;
mod client;
mod commands;
mod content;
mod enumeration;
mod model;
mod ordering;
mod parameters;
mod play;
mod properties;
mod replies;
mod second_opinion;
mod smuggling;
mod starttls;
