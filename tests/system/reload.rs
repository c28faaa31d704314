//! A new configuration under way.
