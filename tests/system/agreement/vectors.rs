//! The tenants of the test vectors (`exchange-online.md` section 1.17), with a relay in front that has a certificate of
//! its own for each.

use tenantry_lab::world::{
    AcceptedDomain, ConnectorType, DomainType, InboundConnector, Region, Tenant, World,
};

use super::scene::{Route, Scene, domain};
use super::sound::{network, on_premises, tenant};

/// Tenants A to D.
pub(super) fn scene() -> Scene {
    let mut a = owning("A", "EUR", &["contoso.com", "mail.a.contoso.com"]);
    a.inbound_connectors
        .push(on_premises("A1", "mail.a.contoso.com"));
    let mut b = owning("B", "EUR", &["fabrikam.com"]);
    b.accepted_domains[0].domain_type = DomainType::InternalRelay;
    b.accepted_domains[0].match_subdomains = true;
    b.inbound_connectors.push(by_address("B1"));
    let mut c = owning("C", "NAM", &["tailspin.com"]);
    c.inbound_connectors
        .push(on_premises("C1", "*.relay.example"));
    let mut d = owning("D", "EUR", &["adatum.com"]);
    d.inbound_connectors.push(by_address("D1"));
    let mut partner = InboundConnector::new("DP", ConnectorType::Partner);
    partner.restrict_domains_to_ip_addresses = true;
    partner.sender_ip_addresses.push(network("198.51.100.0/24"));
    d.inbound_connectors.push(partner);
    let identities = [
        "mail.a.contoso.com",
        "b.operator.test",
        "mx.relay.example",
        "d.operator.test",
    ];
    let tenants = vec![a, b, c, d];
    Scene {
        seed: 0,
        routes: tenants
            .iter()
            .zip(identities)
            .map(|(tenant, identity)| route(tenant, identity))
            .collect(),
        world: World {
            tenants,
            ..World::default()
        },
        peers: Vec::new(),
    }
}

fn owning(name: &str, region: &str, domains: &[&str]) -> Tenant {
    let mut tenant = tenant(name, &Region::new(region));
    let accepted = domains.iter().map(|name| AcceptedDomain::new(domain(name)));
    tenant.accepted_domains.extend(accepted);
    tenant
}

fn by_address(name: &str) -> InboundConnector {
    let mut connector = InboundConnector::new(name, ConnectorType::OnPremises);
    connector.sender_ip_addresses.push(network("192.0.2.10/32"));
    connector
}

fn route(tenant: &Tenant, identity: &str) -> Route {
    Route {
        identity: vec![identity.to_owned()],
        problem: None,
        endpoint: tenant.region.clone(),
        certificate_domains: Vec::new(),
        sender_domains: Vec::new(),
        recipient_domains: Vec::new(),
    }
}
