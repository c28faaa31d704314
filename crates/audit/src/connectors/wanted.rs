//! What a tenant's side has to know of the relay.

use tenantry_attribution::{Pattern, PeerTenants};
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
        let names: Vec<Vec<(Wildcard, DomainName)>> =
            config.tenants.iter().map(|tenant| usable(tenant)).collect();
        let tenants = config.tenants.iter().enumerate();
        tenants
            .map(|(number, tenant)| Self::of(config, number, tenant, &names))
            .collect()
    }

    fn of(
        config: &Config,
        number: usize,
        tenant: &Tenant,
        names: &[Vec<(Wildcard, DomainName)>],
    ) -> Self {
        let rivals = |name: &(Wildcard, DomainName)| -> Vec<String> {
            let others = names.iter().zip(&config.tenants).enumerate();
            others
                .filter(|(other, (theirs, _))| {
                    *other != number && theirs.iter().any(|theirs| takes(name, theirs))
                })
                .map(|(_, (_, other))| other.name.to_string())
                .collect()
        };
        let own = names.get(number).map_or(&[][..], Vec::as_slice);
        // Nobody else's before everything, then a plain name before a wildcard, then what we say in EHLO.
        let name = own.iter().min_by_key(|name| {
            let hello = tenant.helo.as_deref() == Some(name.1.as_str());
            (!rivals(name).is_empty(), name.0, !hello)
        });
        Self {
            tenant: tenant.name.to_string(),
            connector: format!("Tenantry {}", config.hostname),
            names: tenant.identity.names().to_vec(),
            name: name.cloned(),
            rivals: name.map_or_else(Vec::new, rivals),
            hybrid: config.peers.iter().any(|peer| {
                peer.exchange == TrustedExchange::Yes
                    && match &peer.tenants {
                        PeerTenants::All => true,
                        PeerTenants::These(tenants) => tenants.contains(&tenant.id),
                    }
            }),
            domains: domains(config, tenant),
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

fn usable(tenant: &Tenant) -> Vec<(Wildcard, DomainName)> {
    let names = tenant.identity.names().iter();
    names.filter_map(|name| certificate_name(name)).collect()
}

/// Whether a connector with the one name takes a certificate with the other (section 1.4).
fn takes(connector: &(Wildcard, DomainName), presented: &(Wildcard, DomainName)) -> bool {
    match connector.0 {
        Wildcard::No => connector == presented,
        Wildcard::Yes => presented.1.is_within(&connector.1),
    }
}

/// The tenant's sender and recipient domains; where both are wanted, the wildcard covers the name.
fn domains(config: &Config, tenant: &Tenant) -> Vec<(Wildcard, DomainName)> {
    let mut domains: Vec<(Wildcard, DomainName)> = Vec::new();
    for claim in config.directory.names() {
        let mail = claim.basis != tenantry_attribution::Basis::Certificate;
        if claim.tenant != tenant.id || !mail {
            continue;
        }
        let wildcard = match claim.pattern {
            Pattern::Exact(_) => Wildcard::No,
            Pattern::Subtree(_) => Wildcard::Yes,
        };
        let Ok(domain) = DomainName::parse(claim.pattern.domain().as_str()) else {
            continue;
        };
        match domains.iter_mut().find(|known| known.1 == domain) {
            Some(known) => known.0 = known.0.max(wildcard),
            None => domains.push((wildcard, domain)),
        }
    }
    domains.sort_by(|left, right| left.1.cmp(&right.1));
    domains
}
