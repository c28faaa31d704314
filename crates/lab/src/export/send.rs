//! Send connectors of Exchange Server (`exchange-online.md` section 2.4).

use serde_json::{Map, Value};

use super::error::ExportError;
use super::node::{Node, Value as Shape};
use super::outbound::{SmartHost, TlsAuthLevel, smart_hosts, tls_auth_level};
use super::recognise::Kind;
use super::shape::{Properties, boolean, domain_text, is_flattened, text};
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
        /// The issuer's distinguished name, as Windows writes it; empty where it is not said.
        issuer: String,
        /// The subject's distinguished name.
        subject: String,
    },
    /// Anything else.
    Unusable(String),
}

/// The connector that `node` describes.
///
/// `Identity` stands in for a missing `Name`; other properties that are missing have the defaults
/// of `New-SendConnector`.
///
/// # Errors
/// Everything that is of the wrong type, and a missing `Name`.
pub fn send_connector(node: &Node) -> Result<SendConnector, Vec<ExportError>> {
    let mut properties = Properties::of(node, Kind::SendConnector)?;
    let name = super::connector::name(&mut properties)
        .unwrap_or_default()
        .to_owned();
    let enabled = properties.boolean("Enabled", true);
    let address_spaces = address_spaces(&mut properties);
    let smart_hosts = hosts(&mut properties);
    let dns_routing_enabled = properties.boolean("DNSRoutingEnabled", smart_hosts.is_empty());
    let port = port(&mut properties);
    let fqdn = domain(&mut properties, "Fqdn", "a name, as \"mail.contoso.com\"");
    let tls_certificate_name = certificate_name(&mut properties);
    let tls_auth_level = tls_auth_level(&mut properties, "TlsAuthLevel");
    let tls_domain = domain(
        &mut properties,
        "TlsDomain",
        "a name, as \"mail.protection.outlook.com\"",
    );
    let require_tls = properties.boolean("RequireTLS", false);
    let ignore_starttls = properties.boolean("IgnoreSTARTTLS", false);
    let cloud_services_mail_enabled = properties.boolean("CloudServicesMailEnabled", false);
    let source_transport_servers = servers(&mut properties);
    let (other, place) = properties.finish()?;
    Ok(SendConnector {
        name,
        enabled,
        address_spaces,
        smart_hosts,
        dns_routing_enabled,
        port,
        fqdn,
        tls_certificate_name,
        tls_auth_level,
        tls_domain,
        require_tls,
        ignore_starttls,
        cloud_services_mail_enabled,
        source_transport_servers,
        other,
        place,
    })
}

/// `SmartHostsString` is the easier one to read; where both are there they say the same.
fn hosts(properties: &mut Properties<'_>) -> Vec<SmartHost> {
    let joined = properties
        .has("SmartHostsString")
        .then(|| smart_hosts(properties, "SmartHostsString"))
        .flatten();
    let joined = joined.unwrap_or_default();
    if joined.is_empty() {
        return smart_hosts(properties, "SmartHosts").unwrap_or_default();
    }
    properties.take("SmartHosts");
    joined
}

fn port(properties: &mut Properties<'_>) -> u16 {
    let Some(node) = properties.take("Port") else {
        return SMTP;
    };
    let digits = match &node.value {
        Shape::Number(digits) => Some(digits.as_str()),
        Shape::String(digits) => Some(digits.trim()),
        Shape::Null | Shape::Bool(_) | Shape::Expression(_) | Shape::List(_) | Shape::Object(_) => {
            text(node)
        }
    };
    match digits.and_then(|digits| digits.parse().ok()) {
        Some(port) if port != 0 => port,
        _ => {
            properties.refuse(node, "a port from 1 to 65535");
            SMTP
        }
    }
}

/// A name, or nothing where it is empty.
fn domain(
    properties: &mut Properties<'_>,
    property: &str,
    expected: &'static str,
) -> Option<String> {
    let node = properties.take(property)?;
    match domain_text(node) {
        Some(text) if text.trim().is_empty() => None,
        Some(text) => Some(text.trim().to_owned()),
        None => {
            properties.refuse(node, expected);
            None
        }
    }
}

fn address_spaces(properties: &mut Properties<'_>) -> Vec<AddressSpace> {
    let nodes = properties.list("AddressSpaces").unwrap_or_default();
    let mut spaces = Vec::with_capacity(nodes.len());
    for node in &nodes {
        match address_space(node) {
            Some(space) => spaces.push(space),
            None => properties.refuse(node, "an address space, as \"smtp:*.contoso.com;1\""),
        }
    }
    spaces
}

/// `Type:Space;Cost` as one text or as the properties of a rich value.
fn address_space(node: &Node) -> Option<AddressSpace> {
    if !matches!(node.value, Shape::Object(_)) {
        return written_space(text(node).filter(|text| !is_flattened(text))?);
    }
    let part = |name| node.property(name).and_then(text);
    let Some(address) = part("Address").or_else(|| part("Domain")) else {
        return written_space(text(node)?);
    };
    let mut space = written_space(address)?;
    if let Some(kind) = part("Type") {
        space.kind = kind.to_owned();
    }
    if let Some(cost) = node.property("Cost") {
        space.cost = cost_of(cost.as_number().or_else(|| text(cost))?)?;
    }
    let below = node.property("IncludeSubDomains").and_then(boolean);
    if below == Some(true) && !space.space.starts_with('*') {
        space.space = format!("*.{}", space.space);
    }
    Some(space)
}

/// Type and cost may be missing: SMTP, and the best.
fn written_space(text: &str) -> Option<AddressSpace> {
    let (kind, rest) = text.split_once(':').unwrap_or(("SMTP", text));
    let smtp = kind.trim().eq_ignore_ascii_case("SMTP");
    let (space, cost) = match rest.rsplit_once(';') {
        // X.400 spaces have semicolons of their own.
        Some((space, cost)) => match cost_of(cost) {
            Some(cost) => (space, cost),
            None if smtp => return None,
            None => (rest, BEST),
        },
        None => (rest, BEST),
    };
    let space = space.trim();
    (!space.is_empty()).then(|| AddressSpace {
        kind: kind.trim().to_owned(),
        space: space.to_lowercase(),
        cost,
    })
}

fn cost_of(digits: &str) -> Option<u8> {
    let cost = digits.trim().parse().ok()?;
    (BEST..=WORST).contains(&cost).then_some(cost)
}

fn certificate_name(properties: &mut Properties<'_>) -> Option<TlsCertificateName> {
    let node = properties.take("TlsCertificateName")?;
    let part = |name| node.property(name).and_then(text);
    let (issuer, subject) = (part("CertificateIssuer"), part("CertificateSubject"));
    if let (Some(issuer), Some(subject)) = (issuer, subject) {
        return Some(TlsCertificateName::IssuerAndSubject {
            issuer: issuer.to_owned(),
            subject: subject.to_owned(),
        });
    }
    let written = text(node).or(subject).or_else(|| part("SubjectCommonName"));
    match written.filter(|text| !is_flattened(text)) {
        Some(text) if text.trim().is_empty() => None,
        Some(text) => Some(written_name(text)),
        None => {
            properties.refuse(node, "a certificate's names, as \"<I>CN=...<S>CN=...\"");
            None
        }
    }
}

/// `<I>issuer<S>subject`. The markers may be in lower case, and each of them may be missing: what
/// stands in front of `<S>` is the issuer, and a distinguished name alone the subject.
fn written_name(text: &str) -> TlsCertificateName {
    let bare = text.trim();
    let (issuer, subject) = match bare.to_ascii_lowercase().find("<s>") {
        Some(at) => {
            let (issuer, subject) = bare.split_at(at);
            (without(issuer, "<i>"), without(subject, "<s>"))
        }
        None => ("", bare),
    };
    // Whatever it is, a subject that names no attribute is none.
    if subject.contains('=') && !subject.contains('<') && !issuer.contains('<') {
        TlsCertificateName::IssuerAndSubject {
            issuer: issuer.to_owned(),
            subject: subject.to_owned(),
        }
    } else {
        TlsCertificateName::Unusable(text.to_owned())
    }
}

/// What follows the marker, if it is there.
fn without<'t>(text: &'t str, marker: &str) -> &'t str {
    let rest = match text.get(..marker.len()) {
        Some(start) if start.eq_ignore_ascii_case(marker) => text.get(marker.len()..),
        Some(_) | None => None,
    };
    rest.unwrap_or(text).trim()
}

/// Servers by name; an `ADObjectId` has it beside its distinguished name.
fn servers(properties: &mut Properties<'_>) -> Vec<String> {
    let nodes = properties
        .list("SourceTransportServers")
        .unwrap_or_default();
    let mut servers = Vec::with_capacity(nodes.len());
    for node in &nodes {
        let name = node.property("Name").and_then(text).or_else(|| text(node));
        match name.filter(|text| !is_flattened(text)) {
            Some(name) => servers.push(name.to_owned()),
            None => properties.refuse(node, "a server's name"),
        }
    }
    servers
}

const SMTP: u16 = 25;
const BEST: u8 = 1;
const WORST: u8 = 100;
