//! Exchange Online in a box: throw-away authorities, recording upstreams, and a simulation of
//! Exchange Online's multi-tenant attribution.
//!
//! The other side of every test: [`pki`] makes certificates of every kind, good and bad, at run
//! time; [`upstream`] is a server that demands them, records which certificate each message came
//! with, and misbehaves on request. [`world`] is what Exchange Online knows of its tenants, in
//! Microsoft's vocabulary; [`reply`] is what it answers, and
//! [`attribution`] whose message it is. [`export`] reads the files that
//! administrators already have, [`mod@file`] reads worlds of them or written by hand; [`explain`]
//! answers questions about a world, [`events`] changes it. [`scenario`] has worlds that show one thing each, ready to run.
//! [`service`] is the SMTP front end, and [`journal`] what every tenant received.
//!
//! The lab shares no code with what decides in the relay, so that agreement between the two means
//! something. It is no mail server either: messages are counted, hashed or kept for tests, never
//! passed on.

pub mod attribution;
pub mod events;
pub mod explain;
pub mod export;
pub mod file;
pub mod journal;
pub mod pki;
pub mod reply;
pub mod scenario;
pub mod service;
pub mod upstream;
pub mod world;

pub(crate) mod awaited;
mod certificate;
pub(crate) mod hex;
