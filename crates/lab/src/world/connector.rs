//! Inbound connectors (`exchange-online.md` section 2.1).

use ipnet::Ipv4Net;
use serde_json::{Map, Value};

use super::{DomainName, Place};

/// An inbound connector: every property that has an effect, and the others as they were.
#[derive(Debug, Clone)]
pub struct InboundConnector {
    /// `Name`.
    pub name: String,
    /// `Enabled`.
    pub enabled: bool,
    /// `ConnectorType`.
    pub connector_type: ConnectorType,
    /// `ConnectorSource`: `Default`, `HybridWizard`, `AdminUI`, ...
    pub connector_source: String,
    /// `SenderDomains`: in effect for Partner only.
    pub sender_domains: Vec<SenderDomain>,
    /// `SenderIPAddresses`.
    pub sender_ip_addresses: Vec<SenderAddress>,
    /// `TlsSenderCertificateName`.
    pub tls_sender_certificate_name: Option<TlsSenderCertificateName>,
    /// `RequireTls`: in effect for Partner only.
    pub require_tls: bool,
    /// `RestrictDomainsToCertificate`: in effect for Partner only.
    pub restrict_domains_to_certificate: bool,
    /// `RestrictDomainsToIPAddresses`: in effect for Partner only.
    pub restrict_domains_to_ip_addresses: bool,
    /// `CloudServicesMailEnabled`.
    pub cloud_services_mail_enabled: bool,
    /// `TreatMessagesAsInternal`.
    pub treat_messages_as_internal: bool,
    /// `AssociatedAcceptedDomains`: in effect for Partner only.
    pub associated_accepted_domains: Vec<DomainName>,
    /// `TrustedOrganizations`.
    pub trusted_organizations: Vec<String>,
    /// Not a property: the service has blocked it (`Get-BlockedConnector`), so 5.7.711.
    pub blocked: bool,
    /// All other properties, as they were.
    pub other: Map<String, Value>,
    /// Where it was described.
    pub place: Place,
}

/// `ConnectorType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectorType {
    /// The organisation's own servers: attributes mail to the tenant.
    OnPremises,
    /// Another organisation's servers: narrows what the tenant takes.
    Partner,
}

/// `TlsSenderCertificateName`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TlsSenderCertificateName {
    /// One name.
    Exact(DomainName),
    /// `*.domain`: the domain, and everything below it at any depth.
    Wildcard(DomainName),
    /// Anything else; it matches nothing.
    Unusable(String),
}

/// An entry of `SenderDomains`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SenderDomain {
    /// `*`: every sender, the null sender too.
    Any,
    /// One domain.
    Domain(DomainName),
    /// `*.domain`: the domain and everything below it.
    Subdomains(DomainName),
    /// Anything else; it matches nothing.
    Unusable(String),
}

/// An entry of `SenderIPAddresses`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SenderAddress {
    /// An IPv4 address or a network of /24 to /32.
    Network(Ipv4Net),
    /// Anything else, IPv6 and wider networks among it; it matches nothing.
    Unusable(String),
}

impl InboundConnector {
    /// A connector with the defaults of `New-InboundConnector`.
    #[must_use]
    pub fn new(name: &str, connector_type: ConnectorType) -> Self {
        Self {
            name: name.to_owned(),
            enabled: true,
            connector_type,
            connector_source: "Default".to_owned(),
            sender_domains: vec![SenderDomain::Any],
            sender_ip_addresses: Vec::new(),
            tls_sender_certificate_name: None,
            require_tls: false,
            restrict_domains_to_certificate: false,
            restrict_domains_to_ip_addresses: false,
            cloud_services_mail_enabled: false,
            treat_messages_as_internal: false,
            associated_accepted_domains: Vec::new(),
            trusted_organizations: Vec::new(),
            blocked: false,
            other: Map::new(),
            place: Place::default(),
        }
    }
}
