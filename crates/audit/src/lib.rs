//! Knowing before it hurts: what is wrong with tenants, connectors, certificates and a relay's
//! configuration, told from the files that administrators already have.
//!
//! [`inventory`] reads the files, each value with its place, and decides nothing. [`rules`] look at
//! an [`inventory::Inventory`] and find [`finding::Finding`]s; every rule stands in one table with
//! its reason, its remedy and its source ([`rule`]). [`output`] writes findings for people, as JSON
//! and as SARIF 2.1.0.
//!
//! Nothing here opens a connection or asks a name server: the same files give the same findings.

pub mod allow;
pub mod connectors;
pub mod distinguished_name;
pub mod finding;
pub mod import;
pub mod inventory;
pub mod model;
pub mod output;
pub mod powershell;
pub mod rule;
pub mod rules;

pub use allow::lint;
