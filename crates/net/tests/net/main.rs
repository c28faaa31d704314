//! What the outside of `tenantry-net` promises, over real sockets with certificates made at run
//! time. Ids in comments (CE-01, UT-03) are rows of the project's list of bad input and faults.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends by panicking"
)]

mod certificate_names;
mod channel;
mod client_certificates;
mod identity;
mod inbound_tls;
mod judge;
mod listener;
mod pki;
mod resumption;
mod upstream_tls;
mod witness;
mod world;
