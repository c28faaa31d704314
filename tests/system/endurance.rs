//! Many sessions, and clients and upstreams that vanish at every stage.
