//! Making a change in a world.

use super::text::shortened;
use super::{Change, ChangeError, Substitutions};
use crate::export::{self, Node, Value};
use crate::world::{
    AcceptedDomain, DomainName, InboundConnector, Place, Region, Tenant, TenantIndex, World,
};

impl Change {
    /// Makes the change. A refused change leaves the world as it was.
    ///
    /// # Errors
    /// When the tenant, connector, domain or property does not exist, or a value is none.
    pub fn apply(
        &self,
        world: &mut World,
        substitutions: &mut Substitutions,
    ) -> Result<(), ChangeError> {
        match self {
            Self::ConnectorDisabled { tenant, connector } => {
                find_connector(world, tenant, connector)?.enabled = false;
            }
            Self::ConnectorEnabled { tenant, connector } => {
                find_connector(world, tenant, connector)?.enabled = true;
            }
            Self::ConnectorBlocked { tenant, connector } => {
                find_connector(world, tenant, connector)?.blocked = true;
            }
            Self::ConnectorUnblocked { tenant, connector } => {
                find_connector(world, tenant, connector)?.blocked = false;
            }
            Self::ConnectorRemoved { tenant, connector } => {
                let name = find_connector(world, tenant, connector)?.name.clone();
                find_tenant(world, tenant)?
                    .inbound_connectors
                    .retain(|connector| connector.name != name);
            }
            Self::ConnectorChanged {
                tenant,
                connector,
                property,
                value,
            } => set_property(find_connector(world, tenant, connector)?, property, value)?,
            Self::DomainAdded { tenant, domain } => {
                let domain = AcceptedDomain::new(name(domain)?);
                add_domain(find_tenant(world, tenant)?, domain)?;
            }
            Self::DomainRemoved { tenant, domain } => {
                let tenant = find_tenant(world, tenant)?;
                take_domain(tenant, &name(domain)?)?;
            }
            Self::DomainMoved { domain, from, to } => {
                move_domain(world, &name(domain)?, from.as_deref(), to)?;
            }
            Self::CertificateRotated { from, to } => substitutions.rotate(from, to),
            Self::RegionMoved { tenant, to } => {
                find_tenant(world, tenant)?.region = Region::new(to);
            }
            Self::OrganizationChanged {
                tenant,
                property,
                value,
            } => set_organization(find_tenant(world, tenant)?, property, *value)?,
        }
        Ok(())
    }
}

fn find_tenant<'w>(world: &'w mut World, tenant: &str) -> Result<&'w mut Tenant, ChangeError> {
    let unknown = || ChangeError::UnknownTenant(shortened(tenant));
    let TenantIndex(index) = world.tenant_named(tenant).ok_or_else(unknown)?;
    world.tenants.get_mut(index).ok_or_else(unknown)
}

fn find_connector<'w>(
    world: &'w mut World,
    tenant: &str,
    connector: &str,
) -> Result<&'w mut InboundConnector, ChangeError> {
    let tenant = find_tenant(world, tenant)?;
    let at = tenant
        .inbound_connectors
        .iter()
        .position(|known| known.name.eq_ignore_ascii_case(connector));
    let unknown = ChangeError::UnknownConnector {
        tenant: tenant.name.clone(),
        connector: shortened(connector),
        known: names(tenant.inbound_connectors.iter().map(|known| &*known.name)),
    };
    at.and_then(|at| tenant.inbound_connectors.get_mut(at))
        .ok_or(unknown)
}

/// Some names for a message.
fn names<'a>(names: impl Iterator<Item = &'a str>) -> String {
    const SHOWN: usize = 10;
    let shown: Vec<String> = names.take(SHOWN).map(|name| format!("{name:?}")).collect();
    if shown.is_empty() {
        String::from("none")
    } else {
        shown.join(", ")
    }
}

fn name(domain: &str) -> Result<DomainName, ChangeError> {
    DomainName::parse(domain).map_err(|error| ChangeError::Value {
        key: String::from("domain"),
        value: shortened(domain),
        problem: error.to_string(),
    })
}

fn add_domain(tenant: &mut Tenant, domain: AcceptedDomain) -> Result<(), ChangeError> {
    let known = &tenant.accepted_domains;
    if known.iter().any(|known| known.domain == domain.domain) {
        return Err(ChangeError::AlreadyAccepted {
            tenant: tenant.name.clone(),
            domain: domain.domain.to_string(),
        });
    }
    tenant.accepted_domains.push(domain);
    Ok(())
}

fn take_domain(tenant: &mut Tenant, domain: &DomainName) -> Result<AcceptedDomain, ChangeError> {
    let at = tenant
        .accepted_domains
        .iter()
        .position(|known| known.domain == *domain)
        .ok_or_else(|| ChangeError::UnknownDomain {
            owner: Some(tenant.name.clone()),
            domain: domain.to_string(),
        })?;
    Ok(tenant.accepted_domains.remove(at))
}

/// The domain's settings go with it; only being the default domain does not.
fn move_domain(
    world: &mut World,
    domain: &DomainName,
    from: Option<&str>,
    to: &str,
) -> Result<(), ChangeError> {
    let owner = match from {
        Some(from) => find_tenant(world, from)?.name.clone(),
        None => only_owner(world, domain)?,
    };
    let target = find_tenant(world, to)?;
    let named = target.name.clone();
    if target
        .accepted_domains
        .iter()
        .any(|known| known.domain == *domain)
    {
        return Err(ChangeError::AlreadyAccepted {
            tenant: named,
            domain: domain.to_string(),
        });
    }
    let mut moved = take_domain(find_tenant(world, &owner)?, domain)?;
    moved.default = false;
    add_domain(find_tenant(world, &named)?, moved)
}

fn only_owner(world: &World, domain: &DomainName) -> Result<String, ChangeError> {
    let has = |tenant: &&Tenant| {
        let mut domains = tenant.accepted_domains.iter();
        domains.any(|known| known.domain == *domain)
    };
    let owners: Vec<&str> = world
        .tenants
        .iter()
        .filter(has)
        .map(|tenant| &*tenant.name)
        .collect();
    match owners.as_slice() {
        [] => Err(ChangeError::UnknownDomain {
            owner: None,
            domain: domain.to_string(),
        }),
        [only] => Ok(String::from(*only)),
        [_, _, ..] => Err(ChangeError::SeveralOwners {
            domain: domain.to_string(),
            tenants: names(owners.into_iter()),
        }),
    }
}

fn set_organization(tenant: &mut Tenant, property: &str, value: bool) -> Result<(), ChangeError> {
    const KNOWN: [&str; 2] = ["RejectDirectSend", "InRegionRoutingEnabled"];
    let [reject_direct_send, in_region_routing] =
        KNOWN.map(|known| known.eq_ignore_ascii_case(property));
    if reject_direct_send {
        tenant.organization.reject_direct_send = value;
    } else if in_region_routing {
        tenant.organization.in_region_routing_enabled = value;
    } else {
        return Err(ChangeError::UnknownProperty {
            property: shortened(property),
            known: KNOWN.to_vec(),
        });
    }
    Ok(())
}

/// A property's name, how its text becomes a value, and which field it is.
type Property = (
    &'static str,
    fn(&str) -> Value,
    fn(&mut InboundConnector, InboundConnector),
);

const PROPERTIES: &[Property] = &[
    ("Enabled", flag, |to, from| to.enabled = from.enabled),
    ("ConnectorType", word, |to, from| {
        to.connector_type = from.connector_type;
    }),
    ("SenderDomains", list, |to, from| {
        to.sender_domains = from.sender_domains;
    }),
    ("SenderIPAddresses", list, |to, from| {
        to.sender_ip_addresses = from.sender_ip_addresses;
    }),
    ("TlsSenderCertificateName", word, |to, from| {
        to.tls_sender_certificate_name = from.tls_sender_certificate_name;
    }),
    ("RequireTls", flag, |to, from| {
        to.require_tls = from.require_tls;
    }),
    ("RestrictDomainsToCertificate", flag, |to, from| {
        to.restrict_domains_to_certificate = from.restrict_domains_to_certificate;
    }),
    ("RestrictDomainsToIPAddresses", flag, |to, from| {
        to.restrict_domains_to_ip_addresses = from.restrict_domains_to_ip_addresses;
    }),
    ("CloudServicesMailEnabled", flag, |to, from| {
        to.cloud_services_mail_enabled = from.cloud_services_mail_enabled;
    }),
    ("TreatMessagesAsInternal", flag, |to, from| {
        to.treat_messages_as_internal = from.treat_messages_as_internal;
    }),
    ("AssociatedAcceptedDomains", list, |to, from| {
        to.associated_accepted_domains = from.associated_accepted_domains;
    }),
    ("TrustedOrganizations", list, |to, from| {
        to.trusted_organizations = from.trusted_organizations;
    }),
];

/// Reads the value as an export's, so that it means the same, and takes over that one field.
fn set_property(
    connector: &mut InboundConnector,
    property: &str,
    text: &str,
) -> Result<(), ChangeError> {
    let Some((known, value, copy)) = PROPERTIES
        .iter()
        .find(|(known, ..)| known.eq_ignore_ascii_case(property))
    else {
        return Err(ChangeError::UnknownProperty {
            property: shortened(property),
            known: PROPERTIES.iter().map(|(known, ..)| *known).collect(),
        });
    };
    let mut properties = vec![(String::from("Name"), node(word("changed")))];
    if *known != "ConnectorType" {
        properties.push((String::from("ConnectorType"), node(word("Partner"))));
    }
    properties.push((String::from(*known), node(value(text))));
    let read = export::inbound_connector(&node(Value::Object(properties)));
    let changed = read.map_err(|errors| ChangeError::Value {
        key: String::from(*known),
        value: shortened(text),
        problem: errors
            .first()
            .map(|error| error.problem.by_hand().0)
            .unwrap_or_default(),
    })?;
    copy(connector, changed);
    Ok(())
}

fn node(value: Value) -> Node {
    Node {
        value,
        place: Place::default(),
    }
}

/// `true` and `$true` alike; anything else is left for the reader to refuse.
fn flag(text: &str) -> Value {
    match text.trim_start_matches('$').to_ascii_lowercase().as_str() {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        _ => word(text),
    }
}

fn word(text: &str) -> Value {
    if text.is_empty() {
        Value::Null
    } else {
        Value::String(String::from(text))
    }
}

fn list(text: &str) -> Value {
    let entries = text
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty());
    Value::List(entries.map(|part| node(word(part))).collect())
}
