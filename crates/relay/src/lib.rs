//! The relay: from an accepted connection to the tenant's upstream, one file per step of the path.
//!
//! `accept` -> `handshake` -> `session` -> `evidence` -> (the attribution crate) -> `route` -> `upstream` -> `reply`.
//! The configuration is one `snapshot` per transaction. The relay never holds a whole message, never says yes to one
//! before its upstream did, and never sends one on a connection that presented another tenant's certificate. When
//! something breaks it says so to the client with a temporary failure and keeps nothing.

mod accept;
mod compare;
pub mod config;
mod content;
pub mod evidence;
pub mod explain;
mod handshake;
mod listeners;
#[doc(hidden)]
pub mod pieces;
pub mod probe;
mod relay;
pub mod replay;
mod reply;
mod route;
mod session;
mod shadow;
mod snapshot;
pub mod telemetry;
mod upstream;

pub use relay::{Load, Relay, ReloadError, StartError};
