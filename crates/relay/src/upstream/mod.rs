//! Step `upstream`: the message to the tenant's upstream, on a connection that presented that tenant's certificate.
//!
//! `key` says what may be shared, `pool` keeps connections by it, `connection` opens and drives one, `commands` says what it is told, `exchange` carries
//! one message over it, `rehearsal` an envelope that no message follows; `watch` is for whoever looks on. Nothing here ever picks a tenant, changes content, or falls back to clear text: every failure
//! is an [`error::UpstreamError`] that defers or refuses.

mod commands;
pub(crate) mod connection;
pub(crate) mod content;
pub(crate) mod error;
pub(crate) mod exchange;
pub(crate) mod key;
pub(crate) mod pool;
pub(crate) mod rehearsal;
pub(crate) mod watch;
