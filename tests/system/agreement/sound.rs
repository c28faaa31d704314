//! Scenes as a careful administrator and a careful operator make them: every tenant has a certificate of its own, an
//! OnPremises connector that takes it, and has accepted the connector's domain.
//!
//! Careful, but not simple: the names of the tenants are drawn from one small family, so that they nest and overlap.
//! Where one's wildcard then covers another's name, the scene is not sound after all, which the lint rules have to find.

use std::collections::BTreeSet;

use ipnet::Ipv4Net;
use tenantry_lab::world::{
    AcceptedDomain, AmbiguousPolicy, ConnectorType, DomainName, DomainType, InboundConnector,
    Organization, Place, Profile, Quota, Region, RelayRejectAt, SenderAddress, SenderDomain,
    Tenant, TlsSenderCertificateName, Wildcard, World, certificate_name,
};

use super::scene::{Peer, Route, Scene, domain, one_of, percent};

/// A scene of this many tenants.
pub(super) fn scene(rng: &mut fastrand::Rng, seed: u64, tenants: usize) -> Scene {
    let mut maker = Maker::new(rng);
    let (tenants, routes) = (0..tenants).map(|number| maker.tenant(number)).unzip();
    let mut scene = Scene {
        seed,
        world: World {
            profile: maker.profile(),
            tenants,
        },
        routes,
        peers: Vec::new(),
    };
    maker.pending(&mut scene);
    scene.peers = maker.peers(scene.routes.len());
    scene
}

/// A tenant that has nothing yet.
pub(super) fn tenant(name: &str, region: &Region) -> Tenant {
    Tenant {
        name: name.to_owned(),
        id: format!("tenant-{name}"),
        region: region.clone(),
        allowed_regions: BTreeSet::new(),
        mail_enabled: true,
        accepted_domains: Vec::new(),
        inbound_connectors: Vec::new(),
        organization: Organization::default(),
        recipients: None,
        quota: Quota::default(),
        place: Place::default(),
    }
}

/// The value of `TlsSenderCertificateName`; what is none is kept as it is.
pub(super) fn connector_name(text: &str) -> TlsSenderCertificateName {
    match certificate_name(text) {
        Some((Wildcard::No, host)) => TlsSenderCertificateName::Exact(host),
        Some((Wildcard::Yes, parent)) => TlsSenderCertificateName::Wildcard(parent),
        None => TlsSenderCertificateName::Unusable(text.to_owned()),
    }
}

/// An OnPremises connector for a certificate.
pub(super) fn on_premises(name: &str, certificate: &str) -> InboundConnector {
    let mut connector = InboundConnector::new(name, ConnectorType::OnPremises);
    connector.tls_sender_certificate_name = Some(connector_name(certificate));
    connector
}

/// An entry of `SenderIPAddresses`.
pub(super) fn network(text: &str) -> SenderAddress {
    match text.parse::<Ipv4Net>() {
        Ok(network) => SenderAddress::Network(network),
        Err(_) => SenderAddress::Unusable(text.to_owned()),
    }
}

pub(super) const REGIONS: [&str; 3] = ["EUR", "NAM", "APC"];

const BASES: [&str; 7] = [
    "contoso.com",
    "fabrikam.com",
    "adatum.example",
    "tailspin.test",
    "msp.example",
    "corp.msp.example",
    "xn--bcher-kva.example",
];
const LABELS: [&str; 6] = ["mail", "eu", "jpn", "sub", "mx", "a"];

struct Maker<'r> {
    rng: &'r mut fastrand::Rng,
    /// The bases of this scene's names.
    bases: Vec<&'static str>,
    /// Every accepted domain has one owner.
    accepted: BTreeSet<DomainName>,
    /// No two tenants of the relay may claim one client name.
    client_names: BTreeSet<String>,
}

impl<'r> Maker<'r> {
    fn new(rng: &'r mut fastrand::Rng) -> Self {
        let count = rng.usize(1..=3);
        let bases = rng.choose_multiple(BASES, count);
        Maker {
            rng,
            bases,
            accepted: BTreeSet::new(),
            client_names: BTreeSet::new(),
        }
    }

    /// Mostly the defaults; agreement must not depend on what Microsoft leaves open.
    fn profile(&mut self) -> Profile {
        let mut profile = Profile::default();
        if percent(self.rng, 30) {
            profile.rcpt_uses_onprem = self.rng.bool();
            profile.cert_unaccepted_falls_to_sender = self.rng.bool();
            profile.wildcard_matches_apex = self.rng.bool();
            profile.exact_name_needs_exact_accepted = self.rng.bool();
            profile.p2_from = self.rng.bool();
            profile.relay_reject_at =
                *one_of(self.rng, &[RelayRejectAt::EndOfData, RelayRejectAt::Rcpt]);
            profile.ambiguous_policy = *one_of(
                self.rng,
                &[AmbiguousPolicy::RejectAndReport, AmbiguousPolicy::NextStage],
            );
        }
        profile
    }

    fn tenant(&mut self, number: usize) -> (Tenant, Route) {
        let region = Region::new(REGIONS[self.rng.usize(0..REGIONS.len())]);
        let mut tenant = tenant(&format!("t{number}"), &region);
        tenant.mail_enabled = !percent(self.rng, 3);
        for _domain in 0..self.rng.usize(1..=3) {
            let name = self.name(number);
            self.accept(&mut tenant, name);
        }
        for accepted in &mut tenant.accepted_domains {
            if percent(self.rng, 30) {
                accepted.domain_type = DomainType::InternalRelay;
                accepted.match_subdomains = percent(self.rng, 70);
            }
        }
        let identity = self.identity(&mut tenant, number);
        self.further_connectors(&mut tenant, number, &identity);
        let mut initial = AcceptedDomain::new(domain(&format!("t{number}.onmicrosoft.com")));
        initial.initial = true;
        let route = self.route(&tenant, number, identity, region);
        tenant.accepted_domains.push(initial);
        (tenant, route)
    }

    /// A name of the family that nobody has yet.
    fn name(&mut self, number: usize) -> DomainName {
        for _attempt in 0..8 {
            let mut name = (*one_of(self.rng, &self.bases)).to_owned();
            for _label in 0..*one_of(self.rng, &[0, 0, 1, 1, 1, 2, 2, 3]) {
                name = format!("{}.{name}", one_of(self.rng, &LABELS));
            }
            let name = domain(&name);
            if !self.accepted.contains(&name) {
                return name;
            }
        }
        domain(&format!("n{}.t{number}.example", self.accepted.len()))
    }

    /// Whether the domain was still to be had.
    fn accept(&mut self, tenant: &mut Tenant, name: DomainName) -> bool {
        let free = self.accepted.insert(name.clone());
        if free {
            tenant.accepted_domains.push(AcceptedDomain::new(name));
        }
        free
    }

    /// The relay's certificate for the tenant, and what the administrator has done so that it counts.
    fn identity(&mut self, tenant: &mut Tenant, number: usize) -> Vec<String> {
        let own = tenant.accepted_domains[0].domain.to_string();
        let token = format!("t{number}.relay.example");
        let host = format!("{}.{own}", one_of(self.rng, &LABELS));
        let (name, connector, accept) = match self.rng.u8(0..9) {
            0 => (host.clone(), host.clone(), Some(host)),
            1 => (host.clone(), host, None),
            2 => (format!("mx{number}.{own}"), format!("*.{own}"), None),
            3 => (format!("*.{own}"), format!("*.{own}"), None),
            4 => (own.clone(), own, None),
            5 => (own.clone(), format!("*.{own}"), None),
            6 => {
                let parent = format!("g{number}.relay.example");
                let accepted = format!("jpn.{parent}");
                (
                    format!("mx.{parent}"),
                    format!("*.{parent}"),
                    Some(accepted),
                )
            }
            _ => (token.clone(), token.clone(), Some(token.clone())),
        };
        // A host below an accepted domain counts as accepted if that domain has MatchSubDomains.
        let below = accept.is_none()
            && !connector.starts_with('*')
            && name != tenant.accepted_domains[0].domain.as_str();
        if below {
            tenant.accepted_domains[0].domain_type = DomainType::InternalRelay;
            tenant.accepted_domains[0].match_subdomains = true;
        }
        let (name, connector) = match accept {
            Some(accept) if !self.accept(tenant, domain(&accept)) => {
                self.accept(tenant, domain(&token));
                (token.clone(), token.clone())
            }
            Some(_) | None => (name, connector),
        };
        tenant
            .inbound_connectors
            .push(on_premises(&format!("{} in", tenant.name), &connector));
        let mut names = vec![name];
        if percent(self.rng, 25) {
            names.push(format!("b.{token}"));
        }
        if percent(self.rng, 15) {
            names.insert(0, format!("edge{number}.internal.test"));
        }
        if percent(self.rng, 15) {
            for name in &mut names {
                name.make_ascii_uppercase();
            }
        }
        names
    }

    /// Connectors that are legal and, for the relay's mail, without effect.
    fn further_connectors(&mut self, tenant: &mut Tenant, number: usize, identity: &[String]) {
        let own_network = network(&format!("203.0.113.{}/29", number % 32 * 8));
        if percent(self.rng, 25) {
            tenant.inbound_connectors[0]
                .sender_ip_addresses
                .push(own_network.clone());
        }
        if percent(self.rng, 10) {
            // EXO-L08: without effect on this type.
            tenant.inbound_connectors[0].restrict_domains_to_certificate = true;
            tenant.inbound_connectors[0].require_tls = true;
        }
        if percent(self.rng, 20) {
            let name = self.name(number);
            let mut retired = on_premises("retired", &format!("*.{name}"));
            retired.enabled = false;
            retired.sender_ip_addresses.push(network("192.0.2.0/24"));
            tenant.inbound_connectors.push(retired);
        }
        if percent(self.rng, 20) {
            let rotated = domain(&format!("new.t{number}.relay.example"));
            let connector = on_premises("after the renewal", rotated.as_str());
            tenant.inbound_connectors.push(connector);
            self.accept(tenant, rotated);
        }
        if percent(self.rng, 30) {
            tenant
                .inbound_connectors
                .push(self.partner(own_network, identity));
        }
    }

    fn partner(&mut self, own_network: SenderAddress, identity: &[String]) -> InboundConnector {
        let mut partner = InboundConnector::new("partner", ConnectorType::Partner);
        let certificate = match self.rng.u8(0..4) {
            0 => Some(connector_name("partner.example")),
            1 => Some(connector_name(&identity[0])),
            _ => None,
        };
        let address = match self.rng.u8(0..4) {
            0 => Some(own_network),
            1 => Some(network("192.0.2.0/24")),
            2 => Some(network("198.51.100.0/24")),
            _ => None,
        };
        partner.restrict_domains_to_certificate = certificate.is_some() && self.rng.bool();
        partner.restrict_domains_to_ip_addresses = address.is_some() && self.rng.bool();
        partner.tls_sender_certificate_name = certificate;
        partner.sender_ip_addresses.extend(address);
        if self.rng.bool() {
            partner.sender_domains = vec![SenderDomain::Subdomains(domain("vendor.example"))];
        }
        partner
    }

    /// What the operator writes for the tenant.
    fn route(
        &mut self,
        tenant: &Tenant,
        number: usize,
        identity: Vec<String>,
        endpoint: Region,
    ) -> Route {
        let mut route = Route {
            identity,
            problem: None,
            endpoint,
            certificate_domains: vec![format!("c{number}.clients.example")],
            sender_domains: Vec::new(),
            recipient_domains: Vec::new(),
        };
        for accepted in &tenant.accepted_domains {
            let name = &accepted.domain;
            let client = match self.rng.u8(0..4) {
                0 => format!("*.{name}"),
                1 => name.to_string(),
                2 => format!("mail.{name}"),
                _ => format!("*.c{number}.clients.example"),
            };
            if self.client_names.insert(client.clone()) {
                route.certificate_domains.push(client);
            }
            for list in [&mut route.sender_domains, &mut route.recipient_domains] {
                let below = accepted.match_subdomains || percent(self.rng, 25);
                list.push(if below {
                    format!("*.{name}")
                } else {
                    name.to_string()
                });
            }
        }
        route
    }

    /// Domains on their way from one tenant to another: listed, but not accepted there.
    fn pending(&mut self, scene: &mut Scene) {
        for number in 0..scene.world.tenants.len() {
            if percent(self.rng, 10) {
                let from = self.rng.usize(0..scene.world.tenants.len());
                let mut moving = scene.world.tenants[from].accepted_domains[0].clone();
                moving.pending = true;
                if from != number {
                    scene.world.tenants[number].accepted_domains.push(moving);
                }
            }
        }
    }

    fn peers(&mut self, tenants: usize) -> Vec<Peer> {
        let first = self.rng.usize(0..tenants);
        let some = (first..tenants).step_by(self.rng.usize(1..=3)).collect();
        vec![
            Peer {
                network: 1,
                tenants: None,
            },
            Peer {
                network: 2,
                tenants: Some(some),
            },
        ]
    }
}
