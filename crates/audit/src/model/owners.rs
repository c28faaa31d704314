//! Whose a domain, a host of Exchange Online or a name is.

use std::collections::HashMap;

use tenantry_lab::world::DomainName;

use crate::inventory::Inventory;

/// Tenants by what they are known by.
#[derive(Debug, Default)]
pub(super) struct Owners {
    /// By accepted domain: tenant, and the domain's number.
    domains: HashMap<DomainName, Vec<(usize, usize)>>,
    /// By the first label of their MX name.
    labels: HashMap<String, Vec<usize>>,
    /// By name in lower case.
    names: HashMap<String, Vec<usize>>,
}

impl Owners {
    pub(super) fn of(inventory: &Inventory) -> Self {
        let mut owners = Self::default();
        for (tenant, described) in inventory.tenants.iter().enumerate() {
            let name = described.name.to_lowercase();
            put(&mut owners.names, name, tenant);
            for (number, accepted) in described.accepted_domains.iter().enumerate() {
                let domain = &accepted.value.domain;
                put(
                    &mut owners.labels,
                    domain.as_str().replace('.', "-"),
                    tenant,
                );
                let listed = owners.domains.entry(domain.clone()).or_default();
                listed.push((tenant, number));
            }
        }
        owners
    }

    pub(super) fn listing(&self, domain: &DomainName) -> &[(usize, usize)] {
        self.domains.get(domain).map_or(&[], Vec::as_slice)
    }

    pub(super) fn listed(&self) -> impl Iterator<Item = (&DomainName, &[(usize, usize)])> {
        let listed = self.domains.iter();
        listed.map(|(domain, listing)| (domain, listing.as_slice()))
    }

    /// The only tenant of that name.
    pub(super) fn named(&self, name: &str) -> Option<usize> {
        only(self.names.get(&name.to_lowercase())?)
    }

    pub(super) fn mx_owner(&self, host: &str) -> Option<usize> {
        only(self.labels.get(&mx_label(host)?)?)
    }
}

/// The first label of an MX name of Exchange Online, `contoso-com` of
/// `contoso-com.mail.protection.outlook.com`; it has dashes for the domain's dots.
#[must_use]
pub fn mx_label(host: &str) -> Option<String> {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let label = host.strip_suffix(".mail.protection.outlook.com")?;
    (!label.is_empty() && !label.contains('.')).then(|| label.to_owned())
}

/// Whether a host may be the MX of a domain in Exchange Online. Some MX names have no dashes for the dashes of
/// their domains, and a few characters more: only what begins otherwise is certainly another domain's.
#[must_use]
pub fn may_be_mx(label: &str, domain: &DomainName) -> bool {
    let squeezed = |text: &str| text.replace(['-', '.'], "");
    squeezed(label).starts_with(&squeezed(domain.as_str()))
}

/// Whether a host is Exchange Online's, by its name: MX names, old and new, and those that must not be
/// used any more.
#[must_use]
pub fn exchange_online(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    HOSTS.iter().any(|known| {
        host == *known
            || host
                .strip_suffix(known)
                .is_some_and(|rest| rest.ends_with('.'))
    })
}

const HOSTS: &[&str] = &[
    "protection.outlook.com",
    "mx.microsoft",
    "mail.eo.outlook.com",
    "mail.messaging.microsoft.com",
    "frontbridge.com",
];

fn put(map: &mut HashMap<String, Vec<usize>>, key: String, tenant: usize) {
    let tenants = map.entry(key).or_default();
    if tenants.last() != Some(&tenant) {
        tenants.push(tenant);
    }
}

fn only(tenants: &[usize]) -> Option<usize> {
    match tenants {
        [only] => Some(*only),
        _ => None,
    }
}
