//! Inbound connectors of an export (`exchange-online.md` section 2.1).

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::error::ExportError;
use super::node::{Node, Value};
use super::recognise::Kind;
use super::shape::{Properties, domain_text, text};
use crate::world::{
    ConnectorType, DomainName, InboundConnector, SenderAddress, SenderDomain,
    TlsSenderCertificateName,
};

/// The connector that `node` describes.
///
/// `Identity` stands in for a missing `Name`: Exchange Online gives both alike, Microsoft365DSC
/// only the former. Other properties that are missing have the defaults of
/// `New-InboundConnector`.
///
/// # Errors
/// Everything that is of the wrong type, and a missing `Name` or `ConnectorType`.
pub fn inbound_connector(node: &Node) -> Result<InboundConnector, Vec<ExportError>> {
    let mut properties = Properties::of(node, Kind::InboundConnector)?;
    let name = name(&mut properties).unwrap_or_default();
    let connector_type = connector_type(&mut properties);
    let mut connector =
        InboundConnector::new(name, connector_type.unwrap_or(ConnectorType::OnPremises));
    connector.enabled = properties.boolean("Enabled", true);
    if let Some(source) = source(&mut properties) {
        connector.connector_source = source;
    }
    if let Some(domains) = sender_domains(&mut properties) {
        connector.sender_domains = domains;
    }
    connector.sender_ip_addresses = sender_addresses(&mut properties);
    connector.tls_sender_certificate_name = certificate_name(&mut properties);
    connector.require_tls = properties.boolean("RequireTls", false);
    connector.restrict_domains_to_certificate =
        properties.boolean("RestrictDomainsToCertificate", false);
    connector.restrict_domains_to_ip_addresses =
        properties.boolean("RestrictDomainsToIPAddresses", false);
    connector.cloud_services_mail_enabled = properties.boolean("CloudServicesMailEnabled", false);
    connector.treat_messages_as_internal = properties.boolean("TreatMessagesAsInternal", false);
    connector.associated_accepted_domains = associated_domains(&mut properties);
    connector.trusted_organizations = trusted_organizations(&mut properties);
    (connector.other, connector.place) = properties.finish()?;
    Ok(connector)
}

pub(super) fn name<'a>(properties: &mut Properties<'a>) -> Option<&'a str> {
    let identity = properties.take("Identity");
    let found = match properties.take("Name").or(identity) {
        Some(node) => properties.text_of(node, "a string")?,
        None => "",
    };
    if found.trim().is_empty() {
        properties.missing("Name");
        return None;
    }
    Some(found)
}

/// Its numbers are a guess; where a word stands too, the word decides.
pub(super) fn connector_type(properties: &mut Properties<'_>) -> Option<ConnectorType> {
    if !properties.has("ConnectorType") {
        properties.missing("ConnectorType");
    }
    properties.word(
        "ConnectorType",
        &[
            ("OnPremises", 1, ConnectorType::OnPremises),
            ("Partner", 2, ConnectorType::Partner),
        ],
        "\"OnPremises\" or \"Partner\"",
    )
}

/// Any word: captures show more of them than the documentation.
pub(super) fn source(properties: &mut Properties<'_>) -> Option<String> {
    let node = properties.take("ConnectorSource")?;
    if let Value::Number(digits) = &node.value {
        return Some(digits.clone());
    }
    properties.text_of(node, "a string").map(str::to_owned)
}

fn sender_domains(properties: &mut Properties<'_>) -> Option<Vec<SenderDomain>> {
    let nodes = properties.list("SenderDomains")?;
    let mut domains = Vec::with_capacity(nodes.len());
    for node in &nodes {
        match domain_text(node) {
            Some(text) => domains.push(sender_domain(&text)),
            None => properties.refuse(node, "a domain, as \"smtp:*.contoso.com;1\""),
        }
    }
    Some(domains)
}

/// `type:domain;priority`, of which all but the domain may be missing.
fn sender_domain(text: &str) -> SenderDomain {
    let unusable = || SenderDomain::Unusable(text.to_owned());
    let bare = match text.split_once(':') {
        Some((kind, rest)) if kind.trim().eq_ignore_ascii_case("smtp") => rest,
        Some(_) => return unusable(),
        None => text,
    };
    let bare = match bare.split_once(';') {
        Some((domain, priority)) if priority.trim().parse::<u32>().is_ok() => domain,
        Some(_) => return unusable(),
        None => bare,
    };
    let bare = bare.trim();
    if bare == "*" {
        return SenderDomain::Any;
    }
    let parsed = match bare.strip_prefix("*.") {
        Some(parent) => DomainName::parse(parent).map(SenderDomain::Subdomains),
        None => DomainName::parse(bare).map(SenderDomain::Domain),
    };
    parsed.unwrap_or_else(|_| unusable())
}

fn sender_addresses(properties: &mut Properties<'_>) -> Vec<SenderAddress> {
    let nodes = properties.list("SenderIPAddresses").unwrap_or_default();
    let mut addresses = Vec::with_capacity(nodes.len());
    for node in &nodes {
        let expected = "an IPv4 address or network, as \"192.0.2.0/24\"";
        addresses.extend(properties.text_of(node, expected).map(sender_address));
    }
    addresses
}

/// An address is a network of itself; one wider than /24 is nothing Microsoft takes.
fn sender_address(text: &str) -> SenderAddress {
    let bare = text.trim();
    let network = match bare.parse::<Ipv4Addr>() {
        Ok(address) => Some(Ipv4Net::from(address)),
        Err(_) => bare.parse::<Ipv4Net>().ok(),
    };
    match network {
        Some(network) if network.prefix_len() >= WIDEST_NETWORK => {
            SenderAddress::Network(network.trunc())
        }
        _ => SenderAddress::Unusable(text.to_owned()),
    }
}

fn certificate_name(properties: &mut Properties<'_>) -> Option<TlsSenderCertificateName> {
    let node = properties.take("TlsSenderCertificateName")?;
    let issuer = node.property("CertificateIssuer").and_then(text);
    let subject = node.property("CertificateSubject").and_then(text);
    if let (Some(issuer), Some(subject)) = (issuer, subject) {
        // Both are needed to find a certificate; neither is a domain to match.
        let text = format!("<I>{issuer}<S>{subject}");
        return Some(TlsSenderCertificateName::Unusable(text));
    }
    let inner = node
        .property("SubjectCommonName")
        .filter(|inner| inner.value != Value::Null)
        .unwrap_or(node);
    match domain_text(inner) {
        Some(text) => certificate_domain(&text),
        None => {
            properties.refuse(node, "a domain, as \"*.contoso.com\"");
            None
        }
    }
}

fn certificate_domain(text: &str) -> Option<TlsSenderCertificateName> {
    let bare = text.trim();
    if bare.is_empty() {
        return None;
    }
    let parsed = match bare.strip_prefix("*.") {
        Some(parent) => DomainName::parse(parent).map(TlsSenderCertificateName::Wildcard),
        None => DomainName::parse(bare).map(TlsSenderCertificateName::Exact),
    };
    Some(parsed.unwrap_or_else(|_| TlsSenderCertificateName::Unusable(text.to_owned())))
}

fn associated_domains(properties: &mut Properties<'_>) -> Vec<DomainName> {
    let nodes = properties
        .list("AssociatedAcceptedDomains")
        .unwrap_or_default();
    let mut domains = Vec::with_capacity(nodes.len());
    for node in &nodes {
        match domain_text(node).and_then(|text| DomainName::parse(text.trim()).ok()) {
            Some(domain) => domains.push(domain),
            None => properties.refuse(node, "an accepted domain, as \"contoso.com\""),
        }
    }
    domains
}

fn trusted_organizations(properties: &mut Properties<'_>) -> Vec<String> {
    let nodes = properties.list("TrustedOrganizations").unwrap_or_default();
    let mut organizations = Vec::with_capacity(nodes.len());
    for node in &nodes {
        organizations.extend(properties.text_of(node, "a string").map(str::to_owned));
    }
    organizations
}

const WIDEST_NETWORK: u8 = 24;
