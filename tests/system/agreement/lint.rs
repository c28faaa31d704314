//! The anti-patterns of `exchange-online.md` section 5 that concern attribution, found in a scene.
//!
//! Computed from the world and the identities alone, by the conditions as they are written there. It asks nobody who
//! attributes: whether it finds what matters is what the tests ask.

use std::net::IpAddr;

use tenantry_lab::world::{
    ConnectorType, DomainName, DomainType, InboundConnector, SenderAddress, SenderDomain, Tenant,
    TlsSenderCertificateName, Wildcard, certificate_name,
};

use super::rule::Rule;
use super::scene::{RELAY, Route, Scene};

/// An anti-pattern, and the tenants that it concerns: whose object it is first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) rule: Rule,
    pub(super) tenants: Vec<usize>,
}

/// All that the rules find in a scene.
pub(super) struct Lint<'s> {
    pub(super) scene: &'s Scene,
    pub(super) findings: Vec<Finding>,
    /// Of each route's certificate.
    names: Vec<Vec<(Wildcard, DomainName)>>,
}

/// Whether MatchSubDomains counts where it is not allowed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// Only on InternalRelay domains.
    Strict,
    /// Wherever it stands.
    Lax,
}

impl<'s> Lint<'s> {
    pub(super) fn of(scene: &'s Scene) -> Self {
        let names = |route: &Route| {
            let names = route.identity.iter();
            names.filter_map(|name| certificate_name(name)).collect()
        };
        let names = scene.routes.iter().map(names).collect();
        let mut lint = Lint {
            scene,
            findings: Vec::new(),
            names,
        };
        for tenant in 0..scene.routes.len() {
            lint.connectors(tenant);
            lint.route(tenant);
            for other in (0..scene.routes.len()).filter(|other| *other != tenant) {
                lint.pair(tenant, other);
            }
        }
        lint
    }

    /// Nothing that concerns attribution is wrong.
    pub(super) fn is_healthy(&self) -> bool {
        self.findings.is_empty()
    }

    /// Whether a rule was found that concerns all of these tenants.
    pub(super) fn has(&self, rule: Rule, tenants: &[usize]) -> bool {
        self.findings.iter().any(|finding| {
            finding.rule == rule
                && tenants
                    .iter()
                    .all(|tenant| finding.tenants.contains(tenant))
        })
    }

    /// Whether the tenant has a connector that takes the relay's certificate for it, with an accepted domain.
    pub(super) fn stands(&self, tenant: usize) -> bool {
        self.claims(tenant, tenant, Reading::Strict)
    }

    /// Whether a connector of this tenant takes the relay's certificate for that one, with an accepted domain.
    pub(super) fn claims(&self, claimant: usize, tenant: usize, reading: Reading) -> bool {
        enabled(&self.scene.world.tenants[claimant])
            .filter(|connector| self.takes(connector, tenant))
            .filter_map(|connector| connector.tls_sender_certificate_name.as_ref())
            .any(|name| self.accepts(claimant, name, reading))
    }

    /// Whether a connector of this tenant takes the relay's certificate for that one, accepted or not.
    pub(super) fn captures(&self, captor: usize, tenant: usize) -> bool {
        enabled(&self.scene.world.tenants[captor]).any(|connector| self.takes(connector, tenant))
    }

    /// Whether a connector of this tenant lists the relay's address.
    pub(super) fn lists_the_relay(&self, tenant: usize) -> bool {
        enabled(&self.scene.world.tenants[tenant]).any(lists_the_relay)
    }

    /// Section 1.5 (b): a domain of an envelope.
    pub(super) fn covers(&self, tenant: usize, domain: &DomainName, reading: Reading) -> bool {
        let tenants = &self.scene.world.tenants;
        accepted(&tenants[tenant]).any(|(name, below)| {
            if name == domain {
                return true;
            }
            // A longer accepted domain of another tenant ends what MatchSubDomains covers.
            let ended = || {
                let others = tenants
                    .iter()
                    .enumerate()
                    .filter(|(other, _)| *other != tenant);
                others
                    .flat_map(|(_, other)| accepted(other))
                    .any(|(longer, _)| {
                        domain.is_within(longer) && longer != name && longer.is_within(name)
                    })
            };
            let counts = match reading {
                Reading::Strict => below == Below::Matched,
                Reading::Lax => below != Below::No,
            };
            counts && domain.is_within(name) && !ended()
        })
    }

    fn found(&mut self, rule: Rule, tenants: &[usize]) {
        let finding = Finding {
            rule,
            tenants: tenants.to_vec(),
        };
        if !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }

    /// Section 1.5 (a): the domain of a connector.
    fn accepts(&self, tenant: usize, name: &TlsSenderCertificateName, reading: Reading) -> bool {
        let owner = &self.scene.world.tenants[tenant];
        match name {
            TlsSenderCertificateName::Exact(name) => {
                self.covers(tenant, name, reading)
                    || !self.scene.world.profile.exact_name_needs_exact_accepted
                        && parent_is_accepted(owner, name)
            }
            TlsSenderCertificateName::Wildcard(name) => {
                self.covers(tenant, name, reading)
                    || accepted(owner).any(|(accepted, _)| accepted.is_within(name))
            }
            TlsSenderCertificateName::Unusable(_) => false,
        }
    }

    /// Section 1.4: a connector, and the relay's certificate for a tenant.
    fn takes(&self, connector: &InboundConnector, tenant: usize) -> bool {
        if self.scene.routes[tenant].problem.is_some() {
            return false;
        }
        let apex = self.scene.world.profile.wildcard_matches_apex;
        self.names[tenant].iter().any(|(wildcard, name)| {
            match &connector.tls_sender_certificate_name {
                Some(TlsSenderCertificateName::Exact(own)) => {
                    *wildcard == Wildcard::No && name == own
                }
                Some(TlsSenderCertificateName::Wildcard(own)) => {
                    name.is_within(own) && (name != own || *wildcard == Wildcard::Yes || apex)
                }
                Some(TlsSenderCertificateName::Unusable(_)) | None => false,
            }
        })
    }

    /// What is wrong with a tenant's connectors, whoever uses them.
    fn connectors(&mut self, tenant: usize) {
        let scene = self.scene;
        let owner = &scene.world.tenants[tenant];
        if owner.inbound_connectors.iter().any(is_diverted) {
            self.found(Rule::L36, &[tenant]);
        }
        for connector in enabled(owner) {
            let addresses = &connector.sender_ip_addresses;
            match &connector.tls_sender_certificate_name {
                None if addresses.is_empty() => self.found(Rule::L13, &[tenant]),
                None => self.found(Rule::L04, &[tenant]),
                Some(TlsSenderCertificateName::Unusable(_)) => self.found(Rule::L07, &[tenant]),
                Some(name) if self.accepts(tenant, name, Reading::Strict) => {}
                Some(name) if self.accepts(tenant, name, Reading::Lax) => {
                    self.found(Rule::L16, &[tenant])
                }
                Some(TlsSenderCertificateName::Exact(name)) if parent_is_accepted(owner, name) => {
                    self.found(Rule::L06, &[tenant]);
                }
                Some(_) => self.found(Rule::L01, &[tenant]),
            }
            if addresses.iter().any(is_nobodys) {
                self.found(Rule::L14, &[tenant]);
            }
        }
        if owner.accepted_domains.iter().any(|domain| {
            domain.match_subdomains && domain.domain_type == DomainType::Authoritative
        }) {
            self.found(Rule::L16, &[tenant]);
        }
    }

    /// What is wrong with the relay's certificate and endpoint for a tenant.
    fn route(&mut self, tenant: usize) {
        let scene = self.scene;
        let (owner, route) = (&scene.world.tenants[tenant], &scene.routes[tenant]);
        let served = owner.region == route.endpoint
            || owner.organization.in_region_routing_enabled
                && owner.allowed_regions.contains(&route.endpoint);
        if !served {
            self.found(Rule::L30, &[tenant]);
        }
        match route.problem {
            Some("incomplete-chain") => self.found(Rule::L31, &[tenant]),
            Some(_) => self.found(Rule::L32, &[tenant]),
            None => {}
        }
        if self.stands(tenant) {
            return;
        }
        if enabled(owner).next().is_none() && !owner.inbound_connectors.iter().any(is_switched_off)
        {
            // No name at all that the certificate's could be.
            self.found(Rule::L37, &[tenant]);
        }
        for connector in &owner.inbound_connectors {
            if let Some(rule) = self.unproven(tenant, connector) {
                self.found(rule, &[tenant]);
            }
        }
        if owner.organization.reject_direct_send {
            self.found(Rule::L35, &[tenant]);
        }
    }

    /// What a connector has to do with it that the relay's certificate does not count at its tenant.
    fn unproven(&self, tenant: usize, connector: &InboundConnector) -> Option<Rule> {
        let owner = &self.scene.world.tenants[tenant];
        match connector.connector_type {
            ConnectorType::OnPremises if is_switched_off(connector) => {
                let relied_on = enabled(owner).next().is_none() || self.takes(connector, tenant);
                relied_on.then_some(Rule::L12)
            }
            ConnectorType::OnPremises => {
                let named = !matches!(
                    connector.tls_sender_certificate_name,
                    None | Some(TlsSenderCertificateName::Unusable(_))
                );
                let named = named && !is_diverted(connector);
                let trusted = self.scene.routes[tenant].problem.is_none();
                (named && trusted && !self.takes(connector, tenant)).then_some(Rule::L37)
            }
            ConnectorType::Partner => {
                let restricts = connector.restrict_domains_to_certificate
                    || connector.restrict_domains_to_ip_addresses;
                let everybody = connector.sender_domains.contains(&SenderDomain::Any);
                (connector.enabled && restricts && everybody).then_some(Rule::L11)
            }
        }
    }

    /// What is wrong between two tenants.
    fn pair(&mut self, tenant: usize, other: usize) {
        let scene = self.scene;
        let (ours, theirs) = (&scene.world.tenants[tenant], &scene.world.tenants[other]);
        let both = [tenant, other];
        if enabled(ours).any(|one| enabled(theirs).any(|another| overlap(one, another))) {
            self.found(Rule::L02, &both);
        }
        if self.captures(tenant, tenant) && self.captures(other, tenant) {
            self.found(Rule::L03, &both);
        }
        if accepted(ours).any(|(name, _)| accepted(theirs).any(|(twin, _)| name == twin)) {
            self.found(Rule::L20, &both);
        }
        if self.names[tenant] == self.names[other] {
            self.found(Rule::L28, &both);
        }
        for connector in enabled(ours) {
            let Some(TlsSenderCertificateName::Wildcard(top)) =
                &connector.tls_sender_certificate_name
            else {
                continue;
            };
            let under = |route: usize| {
                self.names[route]
                    .iter()
                    .any(|(_, name)| name.is_within(top))
            };
            let (own, foreign) = (under(tenant), under(other));
            let connector_under =
                enabled(theirs).any(|connector| match &connector.tls_sender_certificate_name {
                    Some(
                        TlsSenderCertificateName::Exact(name)
                        | TlsSenderCertificateName::Wildcard(name),
                    ) => name.is_within(top),
                    Some(TlsSenderCertificateName::Unusable(_)) | None => false,
                });
            if foreign || connector_under {
                self.found(Rule::L05, &both);
            }
            if own && foreign {
                self.found(Rule::L33, &both);
            }
        }
    }
}

/// What an accepted domain says of the names below it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Below {
    No,
    /// MatchSubDomains as it is allowed.
    Matched,
    /// MatchSubDomains on a domain that may not have it.
    MatchedAgainstTheRules,
}

/// Connectors that attribute. One for other organisations uses no other parameter (section 2.1).
fn enabled(tenant: &Tenant) -> impl Iterator<Item = &InboundConnector> {
    tenant.inbound_connectors.iter().filter(|connector| {
        connector.enabled
            && connector.connector_type == ConnectorType::OnPremises
            && connector.trusted_organizations.is_empty()
    })
}

/// For other organisations, with criteria that are ignored.
fn is_diverted(connector: &InboundConnector) -> bool {
    let criteria = connector.tls_sender_certificate_name.is_some()
        || !connector.sender_ip_addresses.is_empty();
    connector.enabled && criteria && !connector.trusted_organizations.is_empty()
}

fn is_switched_off(connector: &InboundConnector) -> bool {
    !connector.enabled && connector.connector_type == ConnectorType::OnPremises
}

/// Domains that are not on their way in or out.
fn accepted(tenant: &Tenant) -> impl Iterator<Item = (&DomainName, Below)> {
    let there = tenant
        .accepted_domains
        .iter()
        .filter(|domain| !domain.pending);
    there.map(|accepted| {
        let below = match (accepted.match_subdomains, accepted.domain_type) {
            (false, _) => Below::No,
            (true, DomainType::InternalRelay) => Below::Matched,
            (true, DomainType::Authoritative | DomainType::ExternalRelay) => {
                Below::MatchedAgainstTheRules
            }
        };
        (&accepted.domain, below)
    })
}

fn parent_is_accepted(tenant: &Tenant, name: &DomainName) -> bool {
    let parent = name.parent();
    parent.is_some_and(|parent| accepted(tenant).any(|(accepted, _)| *accepted == parent))
}

fn lists_the_relay(connector: &InboundConnector) -> bool {
    connector
        .sender_ip_addresses
        .iter()
        .any(|address| match (address, RELAY) {
            (SenderAddress::Network(network), IpAddr::V4(relay)) => network.contains(&relay),
            (SenderAddress::Network(_), IpAddr::V6(_)) | (SenderAddress::Unusable(_), _) => false,
        })
}

fn overlap(one: &InboundConnector, another: &InboundConnector) -> bool {
    let networks = |connector: &InboundConnector| {
        let usable = connector
            .sender_ip_addresses
            .iter()
            .filter_map(|address| match address {
                SenderAddress::Network(network) => Some(*network),
                SenderAddress::Unusable(_) => None,
            });
        usable.collect::<Vec<_>>()
    };
    let others = networks(another);
    networks(one).iter().any(|network| {
        others
            .iter()
            .any(|other| network.contains(other) || other.contains(network))
    })
}

fn is_nobodys(address: &SenderAddress) -> bool {
    match address {
        SenderAddress::Network(network) => network.addr().is_private(),
        SenderAddress::Unusable(_) => true,
    }
}
