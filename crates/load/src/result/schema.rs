//! The documented schema of results.

/// The JSON Schema of a result, as in `docs/load-result.schema.json`.
pub const SCHEMA: &str = include_str!("../../../../docs/load-result.schema.json");
