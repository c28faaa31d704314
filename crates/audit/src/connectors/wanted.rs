//! What a tenant's side has to know of the relay.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use tenantry_attribution::{Basis, Pattern, PeerTenants, TenantId};
use tenantry_lab::world::{DomainName, Wildcard, certificate_name};
use tenantry_relay::config::{Config, Tenant, TrustedExchange};

/// What one tenant needs.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    /// The relay's word for it.
    pub(super) tenant: String,
    /// What the connector is called.
    pub(super) connector: String,
    /// Every name of the certificate that the relay presents.
    pub(super) names: Vec<String>,
    /// The one that the connector is to have; none if the certificate has none that can be used.
    pub(super) name: Option<(Wildcard, DomainName)>,
    /// Tenants whose certificates have that name, too, or one that it takes.
    pub(super) rivals: Vec<String>,
    /// Trusted Exchange servers send for it, whose cross-premises headers the relay keeps.
    pub(super) hybrid: bool,
    /// Whose mail it sends and gets, each domain once.
    pub(super) domains: Vec<(Wildcard, DomainName)>,
}

impl Wanted {
    /// Of every tenant of a configuration.
    pub(super) fn all(config: &Config) -> Vec<Self> {
        let names = Names::of(config);
        let mut domains = domains(config);
        let tenants = config.tenants.iter().enumerate();
        tenants
            .map(|(number, tenant)| {
                let own = domains.remove(&tenant.id).unwrap_or_default();
                let own = own.into_iter().map(|(domain, wildcard)| (wildcard, domain));
                Self::of(config, number, tenant, &names, own.collect())
            })
            .collect()
    }

    fn of(
        config: &Config,
        number: usize,
        tenant: &Tenant,
        names: &Names,
        domains: Vec<(Wildcard, DomainName)>,
    ) -> Self {
        // Nobody else's before everything, then a plain name before a wildcard, then what we say in EHLO.
        let own = usable(tenant).into_iter();
        let name = own.min_by_key(|name| {
            let hello = tenant.helo.as_deref() == Some(name.1.as_str());
            let shared = names.rivals(number, name).next().is_some();
            (shared, name.0, !hello)
        });
        let rivals = name.as_ref().map_or_else(Vec::new, |name| {
            let rivals = names.rivals(number, name);
            rivals
                .filter_map(|other| config.tenants.get(other))
                .map(|other| other.name.to_string())
                .collect()
        });
        Self {
            tenant: tenant.name.to_string(),
            connector: format!("Tenantry {}", config.hostname),
            names: tenant.identity.names().to_vec(),
            name,
            rivals,
            hybrid: config.peers.iter().any(|peer| {
                peer.exchange == TrustedExchange::Yes
                    && match &peer.tenants {
                        PeerTenants::All => true,
                        PeerTenants::These(tenants) => tenants.contains(&tenant.id),
                    }
            }),
            domains,
        }
    }

    /// The domain that has to be accepted for the connector to count (section 1.5 a).
    pub(super) fn certificate_domain(&self) -> Option<&DomainName> {
        self.name.as_ref().map(|(_, domain)| domain)
    }

    /// `TlsSenderCertificateName`.
    pub(super) fn written_name(&self) -> Option<String> {
        self.name.as_ref().map(|(wildcard, domain)| match wildcard {
            Wildcard::Yes => format!("*.{domain}"),
            Wildcard::No => domain.to_string(),
        })
    }
}

/// Whose certificate each name is in.
struct Names {
    plain: HashMap<DomainName, BTreeSet<usize>>,
    /// By every domain that a name is at or below.
    within: HashMap<DomainName, BTreeSet<usize>>,
}

impl Names {
    fn of(config: &Config) -> Self {
        let mut names = Self {
            plain: HashMap::new(),
            within: HashMap::new(),
        };
        for (number, tenant) in config.tenants.iter().enumerate() {
            for (wildcard, domain) in usable(tenant) {
                if wildcard == Wildcard::No {
                    names
                        .plain
                        .entry(domain.clone())
                        .or_default()
                        .insert(number);
                }
                let mut above = Some(domain);
                while let Some(name) = above {
                    above = name.parent();
                    names.within.entry(name).or_default().insert(number);
                }
            }
        }
        names
    }

    /// Other tenants whose certificates a connector with this name takes (section 1.4).
    fn rivals(&self, own: usize, name: &(Wildcard, DomainName)) -> impl Iterator<Item = usize> {
        let taken = match name.0 {
            Wildcard::No => self.plain.get(&name.1),
            Wildcard::Yes => self.within.get(&name.1),
        };
        let taken = taken.into_iter().flatten().copied();
        taken.filter(move |tenant| *tenant != own)
    }
}

fn usable(tenant: &Tenant) -> Vec<(Wildcard, DomainName)> {
    let names = tenant.identity.names().iter();
    names.filter_map(|name| certificate_name(name)).collect()
}

/// Each tenant's sender and recipient domains; where both are wanted, the wildcard covers the name.
fn domains(config: &Config) -> HashMap<TenantId, BTreeMap<DomainName, Wildcard>> {
    let mut domains: HashMap<TenantId, BTreeMap<DomainName, Wildcard>> = HashMap::new();
    for claim in config.directory.names() {
        if claim.basis == Basis::Certificate {
            continue;
        }
        let wildcard = match claim.pattern {
            Pattern::Exact(_) => Wildcard::No,
            Pattern::Subtree(_) => Wildcard::Yes,
        };
        let Ok(domain) = DomainName::parse(claim.pattern.domain().as_str()) else {
            continue;
        };
        let own = domains.entry(claim.tenant).or_default();
        let known = own.entry(domain).or_insert(wildcard);
        *known = wildcard.max(*known);
    }
    domains
}
