//! Accepted domains of all tenants, and whose an address is.

use std::collections::HashMap;

use crate::attribution::DomainRef;
use crate::attribution::name::ancestors;
use crate::world::{DomainName, TenantIndex, World};

/// Accepted domains by name; pending ones apart.
#[derive(Debug)]
pub(super) struct Domains {
    accepted: HashMap<Box<str>, Vec<Listed>>,
    pending: HashMap<Box<str>, Vec<DomainRef>>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Listed {
    pub(super) at: DomainRef,
    subdomains: Subdomains,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Subdomains {
    Match,
    Differ,
}

/// Which accepted domains cover a domain, and which nearly did.
#[derive(Debug, Clone, Default)]
pub(in crate::attribution) struct Coverage {
    /// Longest first; the first decides.
    covering: Vec<Covering>,
    /// With MatchSubDomains, but a longer accepted domain of another tenant ends its reach.
    pub(in crate::attribution) ended: Option<DomainRef>,
    /// The longest accepted domain above it, without MatchSubDomains.
    pub(in crate::attribution) without_subdomains: Option<DomainRef>,
    /// The domain itself, but pending.
    pub(in crate::attribution) pending: Option<DomainRef>,
}

/// An accepted domain that covers another.
#[derive(Debug, Clone, Copy)]
pub(in crate::attribution) struct Covering {
    pub(in crate::attribution) at: DomainRef,
    pub(in crate::attribution) labels: usize,
}

impl Domains {
    pub(super) fn new(world: &World) -> Self {
        let mut accepted: HashMap<Box<str>, Vec<Listed>> = HashMap::new();
        let mut pending: HashMap<Box<str>, Vec<DomainRef>> = HashMap::new();
        for (tenant, described) in world.tenants.iter().enumerate() {
            for (domain, listed) in described.accepted_domains.iter().enumerate() {
                let at = DomainRef {
                    tenant: TenantIndex(tenant),
                    domain,
                };
                let name = listed.domain.as_str().into();
                if listed.pending {
                    pending.entry(name).or_default().push(at);
                    continue;
                }
                let subdomains = match listed.match_subdomains {
                    true => Subdomains::Match,
                    false => Subdomains::Differ,
                };
                let listed = Listed { at, subdomains };
                accepted.entry(name).or_default().push(listed);
            }
        }
        // Not the order of the files.
        let name = |at: &DomainRef| world.tenant(at.tenant).map(|tenant| tenant.name.as_str());
        for listed in accepted.values_mut() {
            listed.sort_by(|a, b| name(&a.at).cmp(&name(&b.at)));
        }
        for listed in pending.values_mut() {
            listed.sort_by(|a, b| name(a).cmp(&name(b)));
        }
        Self { accepted, pending }
    }

    pub(super) fn listed(&self, name: &str) -> &[Listed] {
        self.accepted.get(name).map_or(&[], Vec::as_slice)
    }

    /// Exact match, or proper subdomain of a domain with MatchSubDomains unless a longer accepted
    /// domain of another tenant ends that (sections 1.5 b and 1.18).
    pub(super) fn coverage(&self, domain: &DomainName) -> Coverage {
        let mut coverage = Coverage {
            pending: self
                .pending
                .get(domain.as_str())
                .and_then(|pending| pending.first().copied()),
            ..Coverage::default()
        };
        let mut longer: Vec<DomainRef> = Vec::new();
        let own = domain.labels();
        for (name, labels) in ancestors(domain) {
            let listed = self.listed(name);
            for entry in listed {
                let at = entry.at;
                if labels < own && entry.subdomains == Subdomains::Differ {
                    coverage.without_subdomains.get_or_insert(at);
                    continue;
                }
                match longer.iter().find(|other| other.tenant != at.tenant) {
                    Some(_) => {
                        coverage.ended.get_or_insert(at);
                    }
                    None => coverage.covering.push(Covering { at, labels }),
                }
            }
            for entry in listed {
                // Two tenants are enough to end everybody's coverage.
                if longer.len() < 2 && longer.iter().all(|at| at.tenant != entry.at.tenant) {
                    longer.push(entry.at);
                }
            }
        }
        coverage
    }
}

impl Coverage {
    /// The one tenant that it belongs to.
    pub(in crate::attribution) fn only(&self) -> Option<TenantIndex> {
        let first = self.covering.first()?.at.tenant;
        self.covering
            .iter()
            .all(|covering| covering.at.tenant == first)
            .then_some(first)
    }

    /// The longest accepted domain of `tenant` that covers it.
    pub(in crate::attribution) fn of(&self, tenant: TenantIndex) -> Option<Covering> {
        self.all_of(tenant).next()
    }

    pub(in crate::attribution) fn all_of(
        &self,
        tenant: TenantIndex,
    ) -> impl Iterator<Item = Covering> {
        self.covering
            .iter()
            .copied()
            .filter(move |covering| covering.at.tenant == tenant)
    }

    /// Who lists it: more than one tenant only in a world that cannot be.
    pub(in crate::attribution) fn tenants(&self) -> Vec<TenantIndex> {
        let mut tenants = Vec::new();
        for covering in &self.covering {
            if !tenants.contains(&covering.at.tenant) {
                tenants.push(covering.at.tenant);
            }
        }
        tenants
    }

    /// The longest accepted domain that covers it.
    pub(in crate::attribution) fn first(&self) -> Option<DomainRef> {
        self.covering.first().map(|covering| covering.at)
    }

    pub(in crate::attribution) fn is_empty(&self) -> bool {
        self.covering.is_empty()
    }
}
