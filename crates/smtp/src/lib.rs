//! The SMTP protocol without I/O: octets to commands, replies and message content, for both sides.
