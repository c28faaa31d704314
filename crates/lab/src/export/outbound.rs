//! Outbound connectors of Exchange Online (`exchange-online.md` section 2.3).

use std::net::IpAddr;

use serde_json::{Map, Value};

use crate::world::{ConnectorType, DomainName, Place};

/// An outbound connector: what matters to whoever receives from it, and the rest as it was.
#[derive(Debug, Clone, PartialEq)]
pub struct OutboundConnector {
    /// `Name`.
    pub name: String,
    /// `Enabled`.
    pub enabled: bool,
    /// `ConnectorType`.
    pub connector_type: ConnectorType,
    /// `ConnectorSource`.
    pub connector_source: String,
    /// `RecipientDomains`, as written: `*`, `contoso.com`, `*.contoso.com`.
    pub recipient_domains: Vec<String>,
    /// `AllAcceptedDomains`.
    pub all_accepted_domains: bool,
    /// `UseMXRecord`.
    pub use_mx_record: bool,
    /// `SmartHosts`.
    pub smart_hosts: Vec<SmartHost>,
    /// `TlsSettings`.
    pub tls_settings: Option<TlsAuthLevel>,
    /// `RouteAllMessagesViaOnPremises`.
    pub route_all_messages_via_on_premises: bool,
    /// All other properties, as they were.
    pub other: Map<String, Value>,
    /// Where it was described.
    pub place: Place,
}

/// A host that mail is handed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SmartHost {
    /// By name.
    Name(DomainName),
    /// By address.
    Address(IpAddr),
    /// Anything else, networks among it.
    Unusable(String),
}

/// How the receiving side is verified: `TlsAuthLevel`, `TlsSettings`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsAuthLevel {
    /// Not at all.
    EncryptionOnly,
    /// By its chain.
    CertificateValidation,
    /// By its chain and its name.
    DomainValidation,
}
