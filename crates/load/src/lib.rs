//! The load generator: how much attribution costs, with correctness beside speed.
//!
//! A [`plan::Plan`] says what to send; [`run::Run`] sends it, from threads of its own; a
//! [`result::Outcome`] is what came of it, and [`result::Live`] what a view shows meanwhile.
//!
//! What this crate never does: it takes no decision about mail and shares no code with what it
//! measures but the octets of SMTP and TLS. Nothing is left out of a result silently: what was
//! due and not sent is counted, and latency in an open loop is measured from when a message was
//! due.
//!
//! How it fails: a plan that cannot be is reported with every problem and its place; a target that
//! misbehaves is a count in the result, never an error.

pub mod id;
pub mod plan;
pub mod result;
pub mod run;

mod client;
mod content;
mod identity;
mod mix;
mod pace;
mod record;
mod template;
mod timer;
mod verify;
mod worker;
