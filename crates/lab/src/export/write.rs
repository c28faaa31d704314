//! Objects as the cmdlets give them, in exactly the captured shape (`exchange-online.md` sections
//! 2.1, 2.2 and 2.6). What the object had besides is kept.

use serde_json::{Map, Value, json};

use crate::world::{
    AcceptedDomain, ConnectorType, DomainType, InboundConnector, Organization, SenderAddress,
    SenderDomain, TlsSenderCertificateName,
};

/// As an element of `Get-InboundConnector | ConvertTo-Json`.
#[must_use]
pub fn inbound_connector(connector: &InboundConnector) -> Value {
    let shape = json!({
        "Enabled": connector.enabled,
        "ConnectorType": connector_type(connector.connector_type),
        "ConnectorSource": connector.connector_source,
        "Comment": "",
        "SenderIPAddresses": texts(&connector.sender_ip_addresses, sender_address),
        "SenderDomains": texts(&connector.sender_domains, sender_domain),
        "TrustedOrganizations": connector.trusted_organizations,
        "ClientHostNames": [],
        "AssociatedAcceptedDomains":
            texts(&connector.associated_accepted_domains, ToString::to_string),
        "RequireTls": connector.require_tls,
        "RestrictDomainsToIPAddresses": connector.restrict_domains_to_ip_addresses,
        "RestrictDomainsToCertificate": connector.restrict_domains_to_certificate,
        "CloudServicesMailEnabled": connector.cloud_services_mail_enabled,
        "TreatMessagesAsInternal": connector.treat_messages_as_internal,
        "TlsSenderCertificateName":
            connector.tls_sender_certificate_name.as_ref().map(certificate_name),
        "EFTestMode": false,
        "ScanAndDropRecipients": [],
        "EFSkipLastIP": false,
        "EFSkipIPs": [],
        "EFSkipMailGateway": [],
        "EFUsers": [],
        "AdminDisplayName": "",
        "Name": connector.name,
        "Identity": connector.name,
        "WhenChangedUTC": CREATED,
        "WhenCreatedUTC": CREATED,
        "Guid": guid("inbound connector", &connector.name),
        "IsValid": true,
    });
    with_others(shape, &connector.other)
}

/// As an element of `Get-AcceptedDomain | ConvertTo-Json`.
#[must_use]
pub fn accepted_domain(domain: &AcceptedDomain) -> Value {
    let name = domain.domain.as_str();
    let shape = json!({
        "DomainName": name,
        "DomainType": domain_type(domain.domain_type),
        "Default": domain.default,
        "InitialDomain": domain.initial,
        "MatchSubDomains": domain.match_subdomains,
        "SmtpDaneStatus": "Disabled",
        "AuthenticationType": "Managed",
        "PendingRemoval": domain.pending,
        "PendingCompletion": false,
        "OutboundOnly": false,
        "SendingFromDomainDisabled": domain.sending_from_disabled,
        "SendingToDomainDisabled": domain.sending_to_disabled,
        "Name": name,
        "Identity": name,
        "DistinguishedName": format!("CN={name},CN=Accepted Domains"),
        "MailFlowRegion": domain.mail_flow_region.as_ref().map_or("", |region| region.as_str()),
        "CatchAllRecipientID": null,
    });
    with_others(shape, &domain.other)
}

/// As `Get-OrganizationConfig | ConvertTo-Json`, of which the lab knows two properties.
#[must_use]
pub fn organization(organization: &Organization) -> Value {
    json!({
        "RejectDirectSend": organization.reject_direct_send,
        "InRegionRoutingEnabled": organization.in_region_routing_enabled,
    })
}

/// `ConnectorType` as text.
fn connector_type(connector_type: ConnectorType) -> &'static str {
    match connector_type {
        ConnectorType::OnPremises => "OnPremises",
        ConnectorType::Partner => "Partner",
    }
}

/// `DomainType` as text.
fn domain_type(domain_type: DomainType) -> &'static str {
    match domain_type {
        DomainType::Authoritative => "Authoritative",
        DomainType::InternalRelay => "InternalRelay",
        DomainType::ExternalRelay => "ExternalRelay",
    }
}

fn texts<T>(values: &[T], text: impl Fn(&T) -> String) -> Value {
    values.iter().map(text).collect()
}

/// A network of one address is written as the address.
fn sender_address(address: &SenderAddress) -> String {
    match address {
        SenderAddress::Network(network) if network.prefix_len() == 32 => network.addr().to_string(),
        SenderAddress::Network(network) => network.to_string(),
        SenderAddress::Unusable(text) => text.clone(),
    }
}

fn sender_domain(domain: &SenderDomain) -> String {
    match domain {
        SenderDomain::Any => "smtp:*;1".to_owned(),
        SenderDomain::Domain(domain) => format!("smtp:{domain};1"),
        SenderDomain::Subdomains(domain) => format!("smtp:*.{domain};1"),
        SenderDomain::Unusable(text) => text.clone(),
    }
}

fn certificate_name(name: &TlsSenderCertificateName) -> String {
    match name {
        TlsSenderCertificateName::Exact(domain) => domain.to_string(),
        TlsSenderCertificateName::Wildcard(domain) => format!("*.{domain}"),
        TlsSenderCertificateName::Unusable(text) => text.clone(),
    }
}

/// The properties that the typed object does not have replace the invented ones.
fn with_others(mut shape: Value, other: &Map<String, Value>) -> Value {
    if let Value::Object(properties) = &mut shape {
        for (name, value) in other {
            properties.retain(|known, _| !known.eq_ignore_ascii_case(name));
            properties.insert(name.clone(), value.clone());
        }
    }
    shape
}

/// A GUID that is the same for the same name, so that two runs write the same file (FNV-1a).
fn guid(kind: &str, name: &str) -> String {
    let hash = |seed: u64| {
        kind.bytes().chain(name.bytes()).fold(seed, |hash, octet| {
            (hash ^ u64::from(octet)).wrapping_mul(0x0000_0100_0000_01b3)
        })
    };
    let (high, low) = (hash(0xcbf2_9ce4_8422_2325), hash(0x8422_2325_cbf2_9ce4));
    format!(
        "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0x0fff,
        low >> 52,
        low & 0xffff_ffff_ffff
    )
}

const CREATED: &str = "2026-01-01T00:00:00.0000000Z";
