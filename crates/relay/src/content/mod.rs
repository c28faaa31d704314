//! What the relay does to a message on its way: one trace field in front, the header firewall, nothing else.

pub(crate) mod header;
pub(crate) mod received;
