//! Exchange Online in a box: throw-away authorities and recording upstreams.
//!
//! The other side of every test: [`pki`] makes certificates of every kind, good and bad, at run
//! time; [`upstream`] is a server that demands them, records which certificate each message came
//! with, and misbehaves on request.
//!
//! The lab decides nothing about tenants and shares no code with what does: what it records is
//! what was seen on the wire, so that agreement with the relay means something. It is no mail
//! server either: messages are counted, hashed or kept in memory, never stored or passed on.

pub mod pki;
pub mod upstream;

pub(crate) mod hex;
