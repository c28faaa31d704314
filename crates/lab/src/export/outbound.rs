//! Outbound connectors of Exchange Online (`exchange-online.md` section 2.3).

use std::net::IpAddr;

use serde_json::{Map, Value};

use super::connector::{connector_type, name, source};
use super::error::ExportError;
use super::node::{Node, Value as Shape};
use super::recognise::Kind;
use super::shape::{Properties, boolean, domain_text, is_flattened, text};
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

/// The connector that `node` describes.
///
/// `Identity` stands in for a missing `Name`, as in [`inbound_connector`](super::inbound_connector()).
/// Other properties that are missing have the defaults of `New-OutboundConnector`.
///
/// # Errors
/// Everything that is of the wrong type, and a missing `Name` or `ConnectorType`.
pub fn outbound_connector(node: &Node) -> Result<OutboundConnector, Vec<ExportError>> {
    let mut properties = Properties::of(node, Kind::OutboundConnector)?;
    let name = name(&mut properties).unwrap_or_default().to_owned();
    let connector_type = connector_type(&mut properties).unwrap_or(ConnectorType::OnPremises);
    let enabled = properties.boolean("Enabled", true);
    let connector_source = source(&mut properties).unwrap_or_else(|| "Default".to_owned());
    let recipient_domains = recipient_domains(&mut properties);
    let all_accepted_domains = properties.boolean("AllAcceptedDomains", false);
    let use_mx_record = properties.boolean("UseMXRecord", true);
    let smart_hosts = smart_hosts(&mut properties, "SmartHosts").unwrap_or_default();
    let tls_settings = tls_auth_level(&mut properties, "TlsSettings");
    let route_all_messages_via_on_premises =
        properties.boolean("RouteAllMessagesViaOnPremises", false);
    let (other, place) = properties.finish()?;
    Ok(OutboundConnector {
        name,
        enabled,
        connector_type,
        connector_source,
        recipient_domains,
        all_accepted_domains,
        use_mx_record,
        smart_hosts,
        tls_settings,
        route_all_messages_via_on_premises,
        other,
        place,
    })
}

fn recipient_domains(properties: &mut Properties<'_>) -> Vec<String> {
    let nodes = properties.list("RecipientDomains").unwrap_or_default();
    let mut domains = Vec::with_capacity(nodes.len());
    for node in &nodes {
        match domain_text(node) {
            Some(domain) => domains.push(domain),
            None => properties.refuse(node, "a domain, as \"*.contoso.com\""),
        }
    }
    domains
}

/// The hosts of a property; absent if it is not there.
pub(super) fn smart_hosts(
    properties: &mut Properties<'_>,
    property: &str,
) -> Option<Vec<SmartHost>> {
    let nodes = properties.list(property)?;
    let mut hosts = Vec::with_capacity(nodes.len());
    for node in &nodes {
        match host_text(node) {
            Some(host) => hosts.push(smart_host(host)),
            None => properties.refuse(node, "a host name or an address, as \"mail.contoso.com\""),
        }
    }
    Some(hosts)
}

/// A host as text. A rich value has a name in `Domain` or an address in `Address`, and
/// `IsIPAddress` says which of the two counts: the other holds nothing, or `0.0.0.0`.
fn host_text(node: &Node) -> Option<&str> {
    let whole = |name| node.property(name).and_then(text);
    if !matches!(node.value, Shape::Object(_)) {
        return text(node).filter(|text| !is_flattened(text));
    }
    let is_address = node.property("IsIPAddress").and_then(boolean);
    let (domain, address) = (whole("Domain"), whole("Address"));
    match is_address {
        Some(true) => address.or(domain),
        Some(false) => domain.or(address),
        None => text(node).or(domain).or(address),
    }
    .or_else(|| whole("ToString"))
    .filter(|text| !is_flattened(text))
}

/// An address may stand in brackets, as in a mail address (RFC 5321 section 4.1.3).
fn smart_host(written: &str) -> SmartHost {
    let bare = written.trim();
    let inner = bare
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let address = inner.unwrap_or(bare);
    if let Ok(address) = address.parse::<IpAddr>() {
        return SmartHost::Address(address);
    }
    match DomainName::parse(bare) {
        Ok(name) => SmartHost::Name(name),
        Err(_no_name) => SmartHost::Unusable(written.to_owned()),
    }
}

/// Numbers are a guess, apart from 2, which a capture has.
pub(super) fn tls_auth_level(
    properties: &mut Properties<'_>,
    property: &str,
) -> Option<TlsAuthLevel> {
    // A connector without the setting has an empty text in some notations.
    if properties.is_empty_text(property) {
        properties.take(property);
        return None;
    }
    properties.word(
        property,
        &[
            ("EncryptionOnly", 1, TlsAuthLevel::EncryptionOnly),
            (
                "CertificateValidation",
                2,
                TlsAuthLevel::CertificateValidation,
            ),
            ("DomainValidation", 3, TlsAuthLevel::DomainValidation),
        ],
        "\"EncryptionOnly\", \"CertificateValidation\" or \"DomainValidation\"",
    )
}
