//! Where a tenant's mail goes: what a Send connector says, or the MX name of a verified domain.

use tenantry_lab::export::{SendConnector, SmartHost};
use tenantry_lab::world::DomainName;

use super::draft::{Decided, Note, Question, Target, Weight};
use super::text::listed;
use crate::inventory::{Exported, Tenant};
use crate::model::{self, Model, Origin, Unlinked, exchange_online};

/// The upstream of a tenant.
pub(super) fn of_tenant(
    model: &Model<'_>,
    number: usize,
    tenant: &Tenant,
    notes: &mut Vec<Note>,
) -> Decided<Vec<Target>> {
    let mut targets: Vec<Target> = Vec::new();
    for connector in connectors(model, number) {
        if !connector.value.enabled {
            notes.push(about(connector, "Enabled", "is disabled and left out"));
            continue;
        }
        for target in smart_hosts(model, number, connector, notes) {
            let known = |one: &Target| one.host == target.host && one.port == target.port;
            if !targets.iter().any(known) {
                targets.push(target);
            }
        }
    }
    let [first, others @ ..] = targets.as_slice() else {
        return by_rule(tenant);
    };
    if !others.is_empty() {
        let what = format!(
            "Send connectors name {} hosts for this tenant; they are tried in the order written, {} first",
            targets.len(),
            first.host
        );
        notes.push(look(&first.place, what));
    }
    Decided::Known(targets)
}

/// Send connectors that lead to no tenant, or to nobody knows which.
pub(super) fn unlinked(model: &Model<'_>) -> Vec<Note> {
    let mut notes = Vec::new();
    for route in model.routes() {
        let (Origin::SendConnector(at), model::Target::Unknown(why)) = (route.origin, route.target)
        else {
            continue;
        };
        let Some(connector) = model.inventory().send_connectors.get(at) else {
            continue;
        };
        let (property, what) = match why {
            Unlinked::Elsewhere => (
                "SmartHosts",
                "leads to another host than Exchange Online's and is left out",
            ),
            Unlinked::NotExported => (
                "SmartHosts",
                "leads to none of these tenants, as far as smart hosts and address spaces say, and is left out",
            ),
            Unlinked::Several => (
                "AddressSpaces",
                "has address spaces of several tenants, whose senders it cannot tell apart, and is left out",
            ),
        };
        notes.push(about(connector, property, what));
    }
    notes
}

/// Those that lead to a tenant, the cheapest first.
fn connectors<'i>(model: &Model<'i>, tenant: usize) -> Vec<&'i Exported<SendConnector>> {
    let inventory = model.inventory();
    let routes = model.routes_to(tenant);
    let mut connectors: Vec<_> = routes
        .filter_map(|route| match route.origin {
            Origin::SendConnector(at) => inventory.send_connectors.get(at),
            Origin::Relay(_) => None,
        })
        .collect();
    connectors.sort_by_key(|connector| {
        let costs = connector
            .value
            .address_spaces
            .iter()
            .map(|space| space.cost);
        costs.min().unwrap_or(u8::MAX)
    });
    connectors
}

/// The hosts of one Send connector that are this tenant's at Exchange Online; all others are told.
fn smart_hosts(
    model: &Model<'_>,
    number: usize,
    connector: &Exported<SendConnector>,
    notes: &mut Vec<Note>,
) -> Vec<Target> {
    let mut targets = Vec::new();
    for (index, host) in connector.value.smart_hosts.iter().enumerate() {
        let place = connector.element("SmartHosts", index);
        let why = match host {
            SmartHost::Name(name) if exchange_online(name.as_str()) => {
                match model
                    .mx_owner(name.as_str())
                    .filter(|owner| *owner != number)
                {
                    None => {
                        targets.push(Target {
                            host: name.to_string(),
                            port: connector.value.port,
                            place: place.clone(),
                            origin: format!(
                                "SmartHosts of Send connector {:?}",
                                connector.value.name
                            ),
                        });
                        continue;
                    }
                    Some(owner) => format!("{name} is {:?}'s", model.tenant_name(owner)),
                }
            }
            SmartHost::Name(name) => format!("{name} is no host of Exchange Online"),
            SmartHost::Address(address) => {
                format!("{address} is an address, which any tenant and region can have")
            }
            SmartHost::Unusable(text) => format!("{text:?} is no host"),
        };
        let what = format!(
            "smart host of Send connector {:?} is left out: {why}",
            connector.value.name
        );
        notes.push(look(place, what));
    }
    targets
}

/// Microsoft's rule for MX names, where it gives a name.
fn by_rule(tenant: &Tenant) -> Decided<Vec<Target>> {
    let mut candidates: Vec<_> = tenant
        .accepted_domains
        .iter()
        .filter(|domain| !domain.value.pending && !is_initial(&domain.value.domain))
        .collect();
    candidates.sort_by_key(|domain| !domain.value.default);
    let plain = candidates
        .iter()
        .find(|domain| !domain.value.domain.as_str().contains('-'));
    if let Some(domain) = plain {
        let name = &domain.value.domain;
        return Decided::Known(vec![Target {
            host: format!("{}.{DOMAIN}", name.as_str().replace('.', "-")),
            port: SMTP,
            place: domain.place("DomainName").clone(),
            origin: format!(
                "no Send connector says it; Microsoft's rule for the MX name of {name}: compare it with the MX record, \
                 because newer domains have names under mx.microsoft"
            ),
        }]);
    }
    let Some(first) = candidates.first() else {
        let why = "no Send connector leads to this tenant, and it has no verified domain but its initial one; fill in \
                   the MX name that the admin center shows for a domain";
        return Decided::Open(Question::new("MX name of the tenant", why).at(&tenant.place));
    };
    let names = candidates
        .iter()
        .map(|domain| domain.value.domain.to_string());
    let why = format!(
        "no Send connector leads to this tenant, and the MX name of {} cannot be derived, because hyphens are not \
         kept as they are; fill in what the admin center or the MX record says",
        listed(names)
    );
    let placeholder = format!("MX name of {}", first.value.domain);
    Decided::Open(Question::new(placeholder, why).at(first.place("DomainName")))
}

fn about(connector: &Exported<SendConnector>, property: &str, what: &str) -> Note {
    let what = format!("Send connector {:?} {what}", connector.value.name);
    look(connector.place(property), what)
}

fn look(place: &tenantry_lab::world::Place, what: String) -> Note {
    Note {
        weight: Weight::Look,
        place: Some(place.clone()),
        what,
    }
}

/// Under `onmicrosoft.com`, whose MX names follow no documented rule.
fn is_initial(domain: &DomainName) -> bool {
    domain.as_str().ends_with(".onmicrosoft.com")
}

const SMTP: u16 = 25;
const DOMAIN: &str = "mail.protection.outlook.com";
