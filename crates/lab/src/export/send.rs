//! Send connectors of Exchange Server (`exchange-online.md` section 2.4).

use serde_json::{Map, Value};

use super::outbound::{SmartHost, TlsAuthLevel};
use crate::world::Place;

/// A Send connector: what matters to whoever receives from it, and the rest as it was.
#[derive(Debug, Clone, PartialEq)]
pub struct SendConnector {
    /// `Name`.
    pub name: String,
    /// `Enabled`.
    pub enabled: bool,
    /// `AddressSpaces`: for which recipients it is chosen.
    pub address_spaces: Vec<AddressSpace>,
    /// `SmartHosts`, or `SmartHostsString`; empty when DNS decides.
    pub smart_hosts: Vec<SmartHost>,
    /// `DNSRoutingEnabled`.
    pub dns_routing_enabled: bool,
    /// `Port`.
    pub port: u16,
    /// `Fqdn`: the EHLO name, and what chooses a certificate where none is named.
    pub fqdn: Option<String>,
    /// `TlsCertificateName`.
    pub tls_certificate_name: Option<TlsCertificateName>,
    /// `TlsAuthLevel`.
    pub tls_auth_level: Option<TlsAuthLevel>,
    /// `TlsDomain`, as written.
    pub tls_domain: Option<String>,
    /// `RequireTLS`.
    pub require_tls: bool,
    /// `IgnoreSTARTTLS`.
    pub ignore_starttls: bool,
    /// `CloudServicesMailEnabled`.
    pub cloud_services_mail_enabled: bool,
    /// `SourceTransportServers`, by name.
    pub source_transport_servers: Vec<String>,
    /// All other properties, as they were.
    pub other: Map<String, Value>,
    /// Where it was described.
    pub place: Place,
}

/// An entry of `AddressSpaces`, as `smtp:*.contoso.com;1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressSpace {
    /// `SMTP` in upper case, mostly.
    pub kind: String,
    /// `*`, `contoso.com` or `*.contoso.com`, as written, in lower case.
    pub space: String,
    /// From 1, the best, to 100.
    pub cost: u8,
}

/// `TlsCertificateName`: issuer and subject, never a thumbprint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TlsCertificateName {
    /// `<I>issuer<S>subject`.
    IssuerAndSubject {
        /// The issuer's distinguished name, as Windows writes it.
        issuer: String,
        /// The subject's distinguished name.
        subject: String,
    },
    /// Anything else.
    Unusable(String),
}
