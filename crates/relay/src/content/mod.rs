//! What the relay does to a message on its way: one trace field in front, the header firewall, nothing else.

mod fields;
pub(crate) mod header;
pub(crate) mod received;
pub(crate) mod watch;
