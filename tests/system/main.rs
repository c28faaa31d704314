//! The whole system: the real relay over real sockets, in front of recording upstreams, with every certificate made at
//! run time.
//!
//! `world` is the lab and the relay in it, `client` whoever talks to the relay. One module for each group of
//! requirements; the ids in names and comments are theirs.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod client;
mod hello;
mod message;
mod plan;
mod program;
mod world;

mod chunks;
mod enumeration;
mod framing;

mod commands;
mod dialogues;
mod firewall;
mod limits;
mod log;
mod monkey;
mod pipelining;
mod session;
mod slow;
mod starttls;
mod trace;

mod agreement;
mod attribution;
mod certificates;
mod conflicts;
mod inbound_tls;
mod open_relay;
mod replay;
mod revocation;
mod scenarios;
mod shadow;

mod endurance;
mod isolation;
mod reload;
mod upstream;
