//! Accepted domains of an export (`exchange-online.md` section 2.2).

use super::error::ExportError;
use super::node::{Node, Value};
use super::recognise::Kind;
use super::shape::{Properties, domain_text};
use crate::world::{AcceptedDomain, DomainName, DomainType, Region};

/// The domain that `node` describes; a string is an authoritative domain.
///
/// `Identity` stands in for a missing `DomainName`: Exchange Online gives both alike,
/// Microsoft365DSC only the former. `*.contoso.com`, as Exchange Server writes it, is the domain
/// with `MatchSubDomains`.
///
/// # Errors
/// Everything that is of the wrong type, and a `DomainName` that is missing or no domain.
pub fn accepted_domain(node: &Node) -> Result<AcceptedDomain, Vec<ExportError>> {
    if let Value::String(text) = &node.value {
        let Ok(domain) = DomainName::parse(text.trim()) else {
            return Err(vec![ExportError::unexpected(node, DOMAIN)]);
        };
        let mut accepted = AcceptedDomain::new(domain);
        accepted.place = node.place.clone();
        return Ok(accepted);
    }
    let mut properties = Properties::of(node, Kind::AcceptedDomain)?;
    let named = domain_name(&mut properties);
    let domain_type = domain_type(&mut properties);
    let match_subdomains = properties.boolean("MatchSubDomains", false);
    let default = properties.boolean("Default", false);
    let initial = properties.boolean("InitialDomain", false);
    let removal = properties.boolean("PendingRemoval", false);
    let completion = properties.boolean("PendingCompletion", false);
    let sending_from_disabled = properties.boolean("SendingFromDomainDisabled", false);
    let sending_to_disabled = properties.boolean("SendingToDomainDisabled", false);
    let mail_flow_region = mail_flow_region(&mut properties);
    let (other, place) = properties.finish()?;
    let Some((domain, below)) = named else {
        return Err(vec![ExportError::unexpected(node, DOMAIN)]);
    };
    Ok(AcceptedDomain {
        domain,
        domain_type,
        match_subdomains: match_subdomains || below,
        default,
        initial,
        pending: removal || completion,
        sending_from_disabled,
        sending_to_disabled,
        mail_flow_region,
        other,
        place,
    })
}

/// The domain, and whether all below it is meant too; absent after a problem.
fn domain_name(properties: &mut Properties<'_>) -> Option<(DomainName, bool)> {
    let identity = properties.take("Identity");
    let Some(node) = properties.take("DomainName").or(identity) else {
        properties.missing("DomainName");
        return None;
    };
    let text = domain_text(node).unwrap_or_default();
    let (bare, below) = match text.trim().strip_prefix("*.") {
        Some(parent) => (parent, true),
        None => (text.trim(), false),
    };
    let Ok(domain) = DomainName::parse(bare) else {
        properties.refuse(node, DOMAIN);
        return None;
    };
    Some((domain, below))
}

fn domain_type(properties: &mut Properties<'_>) -> DomainType {
    properties
        .word(
            "DomainType",
            &[
                ("Authoritative", 0, DomainType::Authoritative),
                ("ExternalRelay", 1, DomainType::ExternalRelay),
                ("InternalRelay", 2, DomainType::InternalRelay),
            ],
            "\"Authoritative\", \"InternalRelay\" or \"ExternalRelay\"",
        )
        .unwrap_or(DomainType::Authoritative)
}

fn mail_flow_region(properties: &mut Properties<'_>) -> Option<Region> {
    let node = properties.take("MailFlowRegion")?;
    let text = properties.text_of(node, "a region, as \"EUR\"")?;
    (!text.trim().is_empty()).then(|| Region::new(text))
}

const DOMAIN: &str = "a domain name, as \"contoso.com\"";
