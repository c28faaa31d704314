//! What there is to look at: exports of tenants, Send connectors, certificates and a relay's
//! configuration, each with the place of every value.
//!
//! Plain data; [`read`](Inventory::read) makes it from paths. Nothing here judges: what cannot be read at all is in
//! [`Inventory::unreadable`], and everything else is there as it was written.

mod assign;
mod certificate;
mod content;
mod exported;
mod exports;
mod files;
mod keys;
mod order;
mod parallel;
mod purposes;
mod read;
mod tenant;
mod tenants;
mod toml_file;

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use tenantry_lab::export::{OutboundConnector, SendConnector};
use tenantry_lab::world::Place;
use tenantry_net::Trust;
use tenantry_relay::config::written::Written;
use tenantry_relay::config::{Config, Problems};

pub use certificate::{
    Certificate, CertificateFile, KeyAlgorithm, KeyBeside, Order, Purpose, SignatureAlgorithm,
};
pub use exported::Exported;
pub use read::ReadOptions;
pub use tenant::Tenant;

/// Everything that was read.
#[derive(Debug)]
pub struct Inventory {
    /// The time that certificates are judged at.
    pub now: Timestamp,
    /// Tenants of Exchange Online, in the order of reading.
    pub tenants: Vec<Tenant>,
    /// Send connectors of Exchange Server.
    pub send_connectors: Vec<Exported<SendConnector>>,
    /// Files with certificates; those that the relay's configuration or a world names are among them.
    pub certificates: Vec<CertificateFile>,
    /// Whom Exchange Online trusts, to judge client certificates as it would: a world's own trust,
    /// or the system's.
    pub trust: Option<Arc<Trust>>,
    /// The relay's configuration.
    pub relay: Option<Relay>,
    /// What was found at each path, in the order of reading: for the reader to see what was looked at.
    pub sources: Vec<Source>,
    /// What is there and cannot be read, or is of no known kind.
    pub unreadable: Vec<Unreadable>,
}

/// A relay's configuration: as it was written, and as it would be run.
#[derive(Debug)]
pub struct Relay {
    /// The main file.
    pub path: PathBuf,
    /// Every setting with its place.
    pub written: Written,
    /// What `run` would use, or all that is wrong.
    pub config: Result<Config, Problems>,
}

/// A path that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The file or folder.
    pub path: PathBuf,
    /// What it was read as, as `2 inbound connectors of contoso`.
    pub what: String,
}

/// What a private key was read as: nothing but that it is one.
pub(crate) const A_PRIVATE_KEY: &str = "a private key";
/// What was made of files that lint has no use for.
pub(crate) const NOT_LOOKED_AT: &str = "not looked at";

/// Something that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// Where.
    pub place: Place,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub remedy: String,
    /// Whether it is only worth a notice: a file of no known kind beside others.
    pub ignored: bool,
}

/// An outbound connector with the places of its properties.
pub type Outbound = Exported<OutboundConnector>;
