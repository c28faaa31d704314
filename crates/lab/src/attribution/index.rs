//! Lookup tables over all tenants: connectors by certificate name and by address, domains by name.
//!
//! Connector lookup is global (`exchange-online.md` fact 5), so it must not depend on how many
//! tenants there are: a name is looked up with each of its parents, an address with each prefix
//! length that occurs.

mod domains;
mod lookup;

use std::collections::{HashMap, HashSet};

use crate::world::{
    ConnectorType, DomainName, InboundConnector, Tenant, TenantIndex, TlsSenderCertificateName,
    World,
};

use super::name::ancestors;
use super::{ConnectorRef, DomainRef};

pub(super) use domains::Coverage;
pub(super) use lookup::{Entry, Lookup, NameHit, network, usable};

use domains::Domains;

/// All tables.
#[derive(Debug)]
pub(super) struct Index {
    /// What attributes: enabled OnPremises connectors.
    pub(super) active: Lookup,
    /// OnPremises connectors that would match, were they enabled or not for other organisations.
    pub(super) inactive: Lookup,
    /// Values of active connectors that Microsoft would refuse, as they may have been meant.
    pub(super) unusable: Lookup,
    /// Partner connectors: they attribute nothing, and an explanation says so.
    pub(super) partner: Lookup,
    domains: Domains,
    /// By tenant and connector.
    acceptance: Vec<Vec<Acceptance>>,
    /// Partner connectors of each tenant, by name in ordinal order.
    partners: Vec<Vec<usize>>,
    /// What attributes, for each tenant, in the same order.
    on_premises: Vec<Vec<Entry>>,
}

/// Whether a connector's certificate domain is its tenant's (section 1.5 a).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Acceptance {
    /// The domain itself is accepted.
    Itself(DomainRef),
    /// An accepted domain with MatchSubDomains covers it.
    Covered(DomainRef),
    /// Wildcard: something below it is accepted.
    Below(DomainRef),
    /// Exact, and the profile takes the parent for enough.
    Parent(DomainRef),
    Not,
}

impl Acceptance {
    /// The accepted domain that does it.
    pub(super) const fn domain(self) -> Option<DomainRef> {
        match self {
            Self::Itself(at) | Self::Covered(at) | Self::Below(at) | Self::Parent(at) => Some(at),
            Self::Not => None,
        }
    }
}

impl Index {
    pub(super) fn new(world: &World) -> Self {
        let mut index = Self {
            active: Lookup::default(),
            inactive: Lookup::default(),
            unusable: Lookup::default(),
            partner: Lookup::default(),
            domains: Domains::new(world),
            acceptance: Vec::new(),
            partners: vec![Vec::new(); world.tenants.len()],
            on_premises: vec![Vec::new(); world.tenants.len()],
        };
        let mut order = 0;
        for (tenant, connectors) in in_order(world) {
            for connector in connectors {
                let Some(described) = world.tenants.get(tenant).and_then(|tenant| {
                    let connectors = &tenant.inbound_connectors;
                    connectors.get(connector)
                }) else {
                    continue;
                };
                let at = ConnectorRef {
                    tenant: TenantIndex(tenant),
                    connector,
                };
                index.add(Entry { order, at }, described);
                order += 1;
            }
        }
        index.accept(world);
        index
    }

    fn add(&mut self, entry: Entry, connector: &InboundConnector) {
        match connector.connector_type {
            ConnectorType::Partner => {
                if let Some(partners) = self.partners.get_mut(entry.at.tenant.0) {
                    partners.push(entry.at.connector);
                }
                if connector.enabled {
                    self.partner.add(entry, connector);
                }
            }
            ConnectorType::OnPremises if is_active(connector) => {
                self.active.add(entry, connector);
                if let Some(own) = self.on_premises.get_mut(entry.at.tenant.0) {
                    own.push(entry);
                }
                self.unusable.add_unusable(entry, connector);
            }
            ConnectorType::OnPremises => self.inactive.add(entry, connector),
        }
    }

    fn accept(&mut self, world: &World) {
        for (tenant, described) in world.tenants.iter().enumerate() {
            let tenant = TenantIndex(tenant);
            let below = below(tenant, described);
            let connectors = described.inbound_connectors.iter();
            let acceptance = connectors.map(|connector| {
                match connector.tls_sender_certificate_name.as_ref()? {
                    TlsSenderCertificateName::Exact(name) => self
                        .covered(tenant, name)
                        .or_else(|| self.parent(tenant, name, world)),
                    TlsSenderCertificateName::Wildcard(name) => self
                        .covered(tenant, name)
                        .or_else(|| below.get(name.as_str()).copied().map(Acceptance::Below)),
                    TlsSenderCertificateName::Unusable(_) => None,
                }
            });
            let acceptance = acceptance.map(|accepting| accepting.unwrap_or(Acceptance::Not));
            let acceptance = acceptance.collect();
            self.acceptance.push(acceptance);
        }
    }

    fn covered(&self, tenant: TenantIndex, name: &DomainName) -> Option<Acceptance> {
        let coverage = self.domains.coverage(name);
        let covering = coverage.of(tenant)?;
        Some(if covering.labels == name.labels() {
            Acceptance::Itself(covering.at)
        } else {
            Acceptance::Covered(covering.at)
        })
    }

    fn parent(&self, tenant: TenantIndex, name: &DomainName, world: &World) -> Option<Acceptance> {
        if world.profile.exact_name_needs_exact_accepted {
            return None;
        }
        let parent = name.parent()?;
        let accepted = self.domains.listed(parent.as_str());
        let mut of_tenant = accepted.iter().filter(|entry| entry.at.tenant == tenant);
        of_tenant.next().map(|entry| Acceptance::Parent(entry.at))
    }

    pub(super) fn acceptance(&self, connector: ConnectorRef) -> Acceptance {
        let of_tenant = self.acceptance.get(connector.tenant.0);
        let acceptance = of_tenant.and_then(|own| own.get(connector.connector));
        acceptance.copied().unwrap_or(Acceptance::Not)
    }

    /// Whose addresses in `domain` are (section 1.5 b).
    pub(super) fn owners(&self, domain: &DomainName) -> Coverage {
        self.domains.coverage(domain)
    }

    /// For each tenant, the labels of its longest accepted domain that equals `name` or is a
    /// suffix of it (section 1.9).
    pub(super) fn accepted_suffixes(&self, name: &DomainName) -> HashMap<TenantIndex, usize> {
        let mut longest = HashMap::new();
        for (suffix, labels) in ancestors(name) {
            for entry in self.domains.listed(suffix) {
                longest.entry(entry.at.tenant).or_insert(labels);
            }
        }
        longest
    }

    /// The tenants with the longest accepted domain that equals `name` or is a suffix of it.
    pub(super) fn closest_accepting(&self, name: &DomainName) -> impl Iterator<Item = TenantIndex> {
        let mut listed = ancestors(name).map(|(suffix, _)| self.domains.listed(suffix));
        let closest = listed.find(|listed| !listed.is_empty());
        closest.into_iter().flatten().map(|entry| entry.at.tenant)
    }

    /// The Partner connectors of a tenant, disabled ones too, by name in ordinal order.
    pub(super) fn partners(&self, tenant: TenantIndex) -> &[usize] {
        self.partners.get(tenant.0).map_or(&[], Vec::as_slice)
    }

    /// The active OnPremises connectors of a tenant, by name in ordinal order.
    pub(super) fn on_premises(&self, tenant: TenantIndex) -> &[Entry] {
        self.on_premises.get(tenant.0).map_or(&[], Vec::as_slice)
    }
}

/// A connector for other Microsoft 365 organisations uses no other parameter (section 2.1).
pub(super) fn is_active(connector: &InboundConnector) -> bool {
    connector.enabled && connector.trusted_organizations.is_empty()
}

/// Tenants by name, and their connectors by name: the order of everything that is listed, so that
/// nothing depends on the order in files.
fn in_order(world: &World) -> Vec<(usize, Vec<usize>)> {
    let mut tenants: Vec<(usize, &Tenant)> = world.tenants.iter().enumerate().collect();
    tenants.sort_by(|(_, a), (_, b)| a.name.cmp(&b.name));
    let connectors = |tenant: &Tenant| {
        let mut named: Vec<_> = tenant.inbound_connectors.iter().enumerate().collect();
        named.sort_by(|(_, a), (_, b)| a.name.cmp(&b.name));
        named.into_iter().map(|(connector, _)| connector).collect()
    };
    tenants
        .into_iter()
        .map(|(at, tenant)| (at, connectors(tenant)))
        .collect()
}

/// For each wildcard of the tenant's connectors the first accepted domain strictly below it.
fn below(tenant: TenantIndex, described: &Tenant) -> HashMap<&str, DomainRef> {
    let wildcards: HashSet<&str> = described
        .inbound_connectors
        .iter()
        .filter_map(|connector| match &connector.tls_sender_certificate_name {
            Some(TlsSenderCertificateName::Wildcard(name)) => Some(name.as_str()),
            Some(TlsSenderCertificateName::Exact(_) | TlsSenderCertificateName::Unusable(_))
            | None => None,
        })
        .collect();
    let mut below: HashMap<&str, (DomainRef, &DomainName)> = HashMap::new();
    for (domain, accepted) in described.accepted_domains.iter().enumerate() {
        if accepted.pending {
            continue;
        }
        for (above, _) in ancestors(&accepted.domain).skip(1) {
            if wildcards.contains(above) {
                let first = below
                    .entry(above)
                    .or_insert((DomainRef { tenant, domain }, &accepted.domain));
                if accepted.domain < *first.1 {
                    *first = (DomainRef { tenant, domain }, &accepted.domain);
                }
            }
        }
    }
    below
        .into_iter()
        .map(|(name, (at, _))| (name, at))
        .collect()
}
