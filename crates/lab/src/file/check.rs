//! What tenants must not have in common, and what they had better not.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hash;

use ipnet::Ipv4Net;
use tenantry_settings::{Collected, Place, Problem, Report, closest, quoted};

use super::Lab;
use super::tenant::Draft;
use crate::world::{
    ConnectorType, InboundConnector, Region, SenderAddress, SenderDomain, Tenant,
    TlsSenderCertificateName,
};

/// Makes tenants of the drafts, and says what makes a world of them impossible.
pub(super) fn tenants(lab: &mut Lab, drafts: Vec<Draft>, report: &Report) {
    let mut complain = |problem| report.borrow_mut().push(problem);
    if drafts.is_empty() && !report.borrow().has_errors() {
        let remedy = "add a [[tenant]] to the world file, name tenant_folders in it, or give a \
                      folder with a tenant.toml in each folder below it";
        report.borrow_mut().push(Problem::error(
            Place::whole(&lab.path),
            "has no tenant",
            remedy,
        ));
        return;
    }
    let mut names = HashMap::new();
    let mut ids = HashMap::new();
    for mut draft in drafts {
        block(&mut draft, &mut complain);
        let Draft { tenant, id, .. } = draft;
        if tenant.name.is_empty() {
            // It has one that could not be read, which has been said.
            continue;
        }
        let what = format!("tenant {}", quoted(&tenant.name));
        let remedy = "give every tenant a name of its own";
        let key = tenant.name.to_lowercase();
        complain_of(
            second(&mut names, key, &tenant.place),
            &what,
            remedy,
            &mut complain,
        );
        let what = format!("id {}", tenant.id);
        let remedy = "give every tenant its own, or remove the line";
        let found = second(&mut ids, tenant.id.clone(), &id);
        complain_of(found, &what, remedy, &mut complain);
        repetitions(&tenant, &mut complain);
        lab.world.tenants.push(tenant);
    }
}

/// Marks the connectors that the service has blocked.
fn block(draft: &mut Draft, complain: &mut impl FnMut(Problem)) {
    for blocked in &draft.blocked {
        let connectors = &mut draft.tenant.inbound_connectors;
        let named =
            |connector: &&mut InboundConnector| connector.name.eq_ignore_ascii_case(&blocked.value);
        if let Some(connector) = connectors.iter_mut().find(named) {
            connector.blocked = true;
            continue;
        }
        let what = format!("there is no inbound connector {}", quoted(&blocked.value));
        let names = connectors.iter().map(|connector| connector.name.as_str());
        let remedy = match closest(&blocked.value, names) {
            Some(name) => format!("did you mean {name:?}?"),
            None => String::from("write the connector's Name"),
        };
        complain(Problem::error(blocked.place.clone(), what, remedy));
    }
}

/// What a tenant cannot have twice: Microsoft would refuse the second.
fn repetitions(tenant: &Tenant, complain: &mut impl FnMut(Problem)) {
    let mut names = HashMap::new();
    for connector in &tenant.inbound_connectors {
        let what = format!("connector {}", quoted(&connector.name));
        let found = second(&mut names, connector.name.to_lowercase(), &connector.place);
        complain_of(found, &what, "keep one of the two", complain);
    }
    let mut domains = HashMap::new();
    for domain in &tenant.accepted_domains {
        let what = format!("accepted domain {}", domain.domain);
        let found = second(&mut domains, domain.domain.clone(), &domain.place);
        complain_of(found, &what, "keep one of the two", complain);
    }
}

/// The places of a repetition and of what it repeats.
fn second<K: Eq + Hash>(
    seen: &mut HashMap<K, Place>,
    key: K,
    place: &Place,
) -> Option<(Place, Place)> {
    match seen.entry(key) {
        Entry::Occupied(first) => Some((place.clone(), first.get().clone())),
        Entry::Vacant(free) => {
            free.insert(place.clone());
            None
        }
    }
}

fn complain_of(
    found: Option<(Place, Place)>,
    what: &str,
    remedy: &str,
    complain: &mut impl FnMut(Problem),
) {
    if let Some((place, first)) = found {
        complain(Problem::error(
            place,
            format!("{what} stands twice, first in {first}"),
            remedy,
        ));
    }
}

/// What Microsoft lets administrators do, and what comes of it.
pub(super) fn notices(lab: &Lab, problems: &mut Collected) {
    let mut notice = |place: &Place, what: String, remedy: &str| {
        problems.push(Problem::notice(place.clone(), what, remedy));
    };
    regions(lab, &mut notice);
    fault_regions(lab, &mut notice);
    shared_domains(&lab.world.tenants, &mut notice);
    shared_criteria(&lab.world.tenants, &mut notice);
    for tenant in &lab.world.tenants {
        if tenant.accepted_domains.is_empty() {
            let what = format!("tenant {} accepts no domain", quoted(&tenant.name));
            notice(
                &tenant.place,
                what,
                "add accepted_domains, or an export of Get-AcceptedDomain",
            );
        }
        for connector in &tenant.inbound_connectors {
            unusable(connector, &mut notice);
        }
    }
}

/// A fault at an endpoint that is not there never happens.
fn fault_regions(lab: &Lab, notice: &mut impl FnMut(&Place, String, &str)) {
    let endpoints = &lab.endpoints;
    // Without any nothing is to be run.
    let served = |region: &Region| {
        endpoints.is_empty() || endpoints.iter().any(|known| known.region == *region)
    };
    for (index, fault) in lab.faults.iter().enumerate() {
        if let Some(region) = fault.region.as_ref().filter(|region| !served(region)) {
            let place = Place {
                path: format!("fault[{index}].region"),
                ..Place::whole(&lab.path)
            };
            let what = format!("no endpoint serves {region}: this never happens");
            notice(
                &place,
                what,
                "correct the region, or add an [[endpoint]] for it",
            );
        }
    }
}

/// A tenant whose region has no endpoint gets no mail over SMTP.
fn regions(lab: &Lab, notice: &mut impl FnMut(&Place, String, &str)) {
    if lab.endpoints.is_empty() {
        return;
    }
    let served: BTreeSet<&Region> = lab
        .endpoints
        .iter()
        .map(|endpoint| &endpoint.region)
        .collect();
    for tenant in &lab.world.tenants {
        if !served.contains(&tenant.region) {
            let what = format!(
                "tenant {} is in {}, which has no endpoint: anonymous mail to it is refused with \
                 4.4.62 everywhere",
                quoted(&tenant.name),
                tenant.region
            );
            notice(&tenant.place, what, "add an [[endpoint]] for the region");
        }
    }
    let tenants = lab.world.tenants.iter();
    let homes: BTreeSet<&Region> = tenants
        .flat_map(|tenant| tenant.allowed_regions.iter().chain([&tenant.region]))
        .collect();
    for region in served.difference(&homes) {
        let what = format!("the endpoint of {region} is no tenant's");
        let remedy = "correct the region, of the endpoint or of a tenant";
        notice(&Place::whole(&lab.path), what, remedy);
    }
}

fn shared_domains(tenants: &[Tenant], notice: &mut impl FnMut(&Place, String, &str)) {
    let mut owners = HashMap::new();
    for tenant in tenants {
        for domain in &tenant.accepted_domains {
            match owners.entry(&domain.domain) {
                Entry::Vacant(free) => {
                    free.insert(&tenant.name);
                }
                Entry::Occupied(first) => {
                    let what = format!(
                        "accepted domain {} is tenant {}'s, too, which Exchange Online rules out",
                        domain.domain,
                        quoted(first.get())
                    );
                    notice(
                        &domain.place,
                        what,
                        "export both again: one of them is out of date",
                    );
                }
            }
        }
    }
}

/// Addresses and certificate names by which connectors of several tenants are found.
fn shared_criteria(tenants: &[Tenant], notice: &mut impl FnMut(&Place, String, &str)) {
    let mut networks: HashMap<Ipv4Net, BTreeMap<Ipv4Net, &str>> = HashMap::new();
    let mut names: HashMap<String, &str> = HashMap::new();
    let remedy = "a certificate of its own for every tenant";
    for tenant in tenants {
        for connector in identifying(tenant) {
            if let Some(name) = certificate_name(connector) {
                let first = *names.entry(name.clone()).or_insert(&tenant.name);
                if first != tenant.name {
                    let what = format!("{name} is named by a connector of {} too", quoted(first));
                    notice(&connector.place, what, remedy);
                }
            }
            for network in ipv4(connector) {
                let near = networks.entry(block_of(network)).or_default();
                let mut others = near.iter().filter(|(other, first)| {
                    let overlap = other.contains(&network) || network.contains(*other);
                    overlap && **first != tenant.name
                });
                if let Some((_, first)) = others.next() {
                    let what = format!(
                        "{network} is listed by a connector of {} too: MAIL FROM alone decides",
                        quoted(first)
                    );
                    notice(&connector.place, what, remedy);
                }
                near.entry(network).or_insert(&tenant.name);
            }
        }
    }
}

/// The connectors that attribute mail to their tenant.
fn identifying(tenant: &Tenant) -> impl Iterator<Item = &InboundConnector> {
    let connectors = tenant.inbound_connectors.iter();
    connectors.filter(|connector| {
        connector.enabled && connector.connector_type == ConnectorType::OnPremises
    })
}

fn ipv4(connector: &InboundConnector) -> impl Iterator<Item = Ipv4Net> {
    let addresses = connector.sender_ip_addresses.iter();
    addresses.filter_map(|address| match address {
        SenderAddress::Network(network) => Some(network.trunc()),
        SenderAddress::Unusable(_) => None,
    })
}

/// The /24 that holds a network: no connector may have a wider one.
fn block_of(network: Ipv4Net) -> Ipv4Net {
    let block = Ipv4Net::new(network.addr(), 24).unwrap_or(network);
    block.trunc()
}

fn certificate_name(connector: &InboundConnector) -> Option<String> {
    match connector.tls_sender_certificate_name.as_ref()? {
        TlsSenderCertificateName::Exact(name) => Some(name.to_string()),
        TlsSenderCertificateName::Wildcard(name) => Some(format!("*.{name}")),
        TlsSenderCertificateName::Unusable(_) => None,
    }
}

/// Values that Microsoft's cmdlets would refuse.
fn unusable(connector: &InboundConnector, notice: &mut impl FnMut(&Place, String, &str)) {
    let mut say = |property: &str, text: &str, remedy: &str| {
        let what = format!("{property} {} matches nothing", quoted(text));
        notice(&connector.place, what, remedy);
    };
    for address in &connector.sender_ip_addresses {
        if let SenderAddress::Unusable(text) = address {
            say(
                "SenderIPAddresses",
                text,
                "write IPv4 addresses or networks of /24 to /32",
            );
        }
    }
    if let Some(TlsSenderCertificateName::Unusable(text)) = &connector.tls_sender_certificate_name {
        say(
            "TlsSenderCertificateName",
            text,
            "write a domain, or *. and a domain",
        );
    }
    for domain in &connector.sender_domains {
        if let SenderDomain::Unusable(text) = domain {
            say(
                "SenderDomains",
                text,
                "write a domain, *. and a domain, or *",
            );
        }
    }
}
