//! The relay: from an accepted connection to the tenant's upstream, one file per step.
