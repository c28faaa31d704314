//! Sockets, TLS, certificates and SMTP channels with deadlines.
