//! The decision: which tenant owns a message, from the evidence alone.
