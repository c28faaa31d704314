//! What upstreams do, good and bad, and what becomes of it.
