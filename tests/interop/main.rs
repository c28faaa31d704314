//! Interop: the real program between real clients and real servers.
//!
//! Every message must arrive once, octet for octet but for the trace fields in front, on a
//! connection that presented the certificate of the right tenant. `tests/run.sh interop` installs
//! the programs; a missing one is a failure. Postfix and Exim need root.
//!
//! The modules `lab_*` put the same senders in front of `tenantry lab run`, and compare its journal
//! and its maildirs with what was sent; `lab_tls` lets sslyze and openssl judge its TLS.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test ends by panicking"
)]

mod arrivals;
mod behaviours;
mod clients;
mod dialogue;
mod exim;
mod exim_sends;
mod fixture;
mod lab;
mod lab_bounces;
mod lab_chain;
mod lab_delivers;
mod lab_faults;
mod lab_postfix;
mod lab_refuses;
mod lab_regions;
mod lab_tls;
mod lab_world;
mod load;
mod load_report;
mod message;
mod postfix;
mod postfix_receives;
mod postfix_sends;
mod probe;
mod programs;
mod relay;
mod server;
