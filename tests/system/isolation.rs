//! No message under another tenant's certificate.
