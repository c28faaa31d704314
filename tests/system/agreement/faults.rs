//! What administrators and operators get wrong (`exchange-online.md` section 5), done to a sound scene.

use tenantry_lab::world::{
    AcceptedDomain, ConnectorType, DomainType, InboundConnector, Region, SenderDomain,
    TlsSenderCertificateName,
};

use super::scene::{RELAY, Scene, domain, one_of, percent};
use super::sound::{REGIONS, connector_name, network, on_premises};

/// Gets up to four things wrong.
pub(super) fn spoil(rng: &mut fastrand::Rng, scene: &mut Scene) {
    for _fault in 0..rng.usize(1..=4) {
        let victim = rng.usize(0..scene.routes.len());
        let other = rng.usize(0..scene.routes.len());
        one_of(rng, FAULTS)(rng, scene, victim, other);
    }
}

/// One mistake with one tenant, and perhaps another one.
type Fault = fn(&mut fastrand::Rng, &mut Scene, usize, usize);

const FAULTS: &[Fault] = &[
    certificate_domain_not_accepted,
    certificate_domain_not_accepted,
    only_the_parent_is_accepted,
    shared_address,
    shared_address,
    shared_address,
    one_certificate_for_two_tenants,
    another_tenants_name_in_the_certificate,
    wildcard_above_another_tenant,
    wildcard_above_another_tenant,
    identified_by_address_only,
    no_value_for_a_name,
    disabled,
    wrong_type,
    for_other_organisations,
    neither_certificate_nor_address,
    no_value_for_an_address,
    accepted_twice,
    accepted_twice,
    wrong_endpoint,
    renewed_under_another_name,
    renewed_under_another_name,
    locked_down,
    direct_send_rejected,
    direct_send_rejected,
    subdomains_of_an_authoritative_domain,
    domain_moved_away,
    chain_incomplete_or_private,
];

fn certificate_domain_not_accepted(
    rng: &mut fastrand::Rng,
    scene: &mut Scene,
    victim: usize,
    _other: usize,
) {
    if rng.bool() {
        let foreign = format!("*.p{victim}.provider.example");
        let host = format!("mx.p{victim}.provider.example");
        scene.world.tenants[victim].inbound_connectors[0].tls_sender_certificate_name =
            Some(connector_name(&foreign));
        scene.routes[victim].identity = vec![host];
    } else {
        for accepted in &mut scene.world.tenants[victim].accepted_domains {
            accepted.pending |= !accepted.initial && rng.u8(0..10) < 8;
        }
    }
}

fn only_the_parent_is_accepted(
    _rng: &mut fastrand::Rng,
    scene: &mut Scene,
    victim: usize,
    _other: usize,
) {
    let tenant = &mut scene.world.tenants[victim];
    tenant.accepted_domains[0].match_subdomains = false;
    let host = format!("host.{}", tenant.accepted_domains[0].domain);
    tenant.inbound_connectors[0].tls_sender_certificate_name = Some(connector_name(&host));
    scene.routes[victim].identity = vec![host];
}

fn shared_address(rng: &mut fastrand::Rng, scene: &mut Scene, victim: usize, other: usize) {
    for tenant in [victim, other] {
        let connector = &mut scene.world.tenants[tenant].inbound_connectors[0];
        let shared = *one_of(rng, &["192.0.2.10/32", "192.0.2.0/24", "192.0.2.8/29"]);
        connector.sender_ip_addresses.push(network(shared));
        if percent(rng, 60) {
            connector.tls_sender_certificate_name = None;
        }
    }
}

fn one_certificate_for_two_tenants(
    rng: &mut fastrand::Rng,
    scene: &mut Scene,
    victim: usize,
    other: usize,
) {
    scene.routes[victim].identity = scene.routes[other].identity.clone();
    let name = scene.world.tenants[other].inbound_connectors[0]
        .tls_sender_certificate_name
        .clone();
    // A connector that takes it, accepted or not; or none.
    if percent(rng, 70)
        && let Some(
            TlsSenderCertificateName::Exact(name) | TlsSenderCertificateName::Wildcard(name),
        ) = &name
    {
        let tenant = &mut scene.world.tenants[victim];
        tenant
            .inbound_connectors
            .push(on_premises("shared", &format!("*.{name}")));
        if rng.bool() {
            tenant
                .accepted_domains
                .push(AcceptedDomain::new(domain(&format!("v{victim}.{name}"))));
        }
    }
}

fn another_tenants_name_in_the_certificate(
    rng: &mut fastrand::Rng,
    scene: &mut Scene,
    victim: usize,
    other: usize,
) {
    let name = one_of(rng, &scene.routes[other].identity).clone();
    scene.routes[victim].identity.push(name);
}

fn wildcard_above_another_tenant(
    rng: &mut fastrand::Rng,
    scene: &mut Scene,
    victim: usize,
    other: usize,
) {
    let name = scene.routes[other].identity[0]
        .trim_start_matches("*.")
        .to_ascii_lowercase();
    let Some((_host, parent)) = name.split_once('.') else {
        return;
    };
    let tenant = &mut scene.world.tenants[victim];
    tenant
        .inbound_connectors
        .push(on_premises("wide", &format!("*.{parent}")));
    if percent(rng, 80) {
        tenant
            .accepted_domains
            .push(AcceptedDomain::new(domain(&format!("w{victim}.{parent}"))));
    }
    if rng.bool() {
        scene.routes[victim].identity = vec![format!("exchange{victim}.{parent}")];
    }
}

fn identified_by_address_only(
    rng: &mut fastrand::Rng,
    scene: &mut Scene,
    victim: usize,
    _other: usize,
) {
    let connector = &mut scene.world.tenants[victim].inbound_connectors[0];
    connector.tls_sender_certificate_name = None;
    let address = if percent(rng, 80) {
        RELAY.to_string() + "/32"
    } else {
        "198.51.100.7/32".to_owned()
    };
    connector.sender_ip_addresses = vec![network(&address)];
}

fn no_value_for_a_name(rng: &mut fastrand::Rng, scene: &mut Scene, victim: usize, _other: usize) {
    let value = *one_of(
        rng,
        &[
            "mail.*.contoso.com",
            "mail.contoso.com:25",
            "mail contoso",
            "*",
        ],
    );
    let connector = &mut scene.world.tenants[victim].inbound_connectors[0];
    connector.tls_sender_certificate_name =
        Some(TlsSenderCertificateName::Unusable(value.to_owned()));
}

fn disabled(_rng: &mut fastrand::Rng, scene: &mut Scene, victim: usize, _other: usize) {
    scene.world.tenants[victim].inbound_connectors[0].enabled = false;
}

/// Made with the wrong type; nothing else is there, sometimes.
fn wrong_type(rng: &mut fastrand::Rng, scene: &mut Scene, victim: usize, _other: usize) {
    let connectors = &mut scene.world.tenants[victim].inbound_connectors;
    connectors[0].connector_type = ConnectorType::Partner;
    if rng.bool() {
        connectors.truncate(1);
    }
}

fn for_other_organisations(
    _rng: &mut fastrand::Rng,
    scene: &mut Scene,
    victim: usize,
    _other: usize,
) {
    let connector = &mut scene.world.tenants[victim].inbound_connectors[0];
    let organisation = "partner.onmicrosoft.com".to_owned();
    connector.trusted_organizations = vec![organisation];
}

fn neither_certificate_nor_address(
    _rng: &mut fastrand::Rng,
    scene: &mut Scene,
    victim: usize,
    _other: usize,
) {
    let connector = &mut scene.world.tenants[victim].inbound_connectors[0];
    connector.tls_sender_certificate_name = None;
    connector.sender_ip_addresses.clear();
}

fn no_value_for_an_address(
    rng: &mut fastrand::Rng,
    scene: &mut Scene,
    victim: usize,
    _other: usize,
) {
    let connector = &mut scene.world.tenants[victim].inbound_connectors[0];
    connector.tls_sender_certificate_name = None;
    let value = *one_of(
        rng,
        &["2001:db8::10", "192.0.2.10-192.0.2.20", "10.0.0.0/24"],
    );
    connector.sender_ip_addresses = vec![network(value)];
}

fn accepted_twice(rng: &mut fastrand::Rng, scene: &mut Scene, victim: usize, other: usize) {
    if victim == other {
        return;
    }
    let twice = one_of(rng, &scene.world.tenants[other].accepted_domains).clone();
    scene.world.tenants[victim].accepted_domains.push(twice);
    // Then the sender decides, who is both tenants'.
    for tenant in [victim, other] {
        identified_by_address_only(rng, scene, tenant, tenant);
    }
}

fn wrong_endpoint(rng: &mut fastrand::Rng, scene: &mut Scene, victim: usize, _other: usize) {
    scene.routes[victim].endpoint = Region::new(REGIONS[rng.usize(0..REGIONS.len())]);
    if rng.bool() {
        scene.world.tenants[victim].inbound_connectors[0].enabled = false;
    }
}

fn renewed_under_another_name(
    rng: &mut fastrand::Rng,
    scene: &mut Scene,
    victim: usize,
    _other: usize,
) {
    let domain = &scene.world.tenants[victim].accepted_domains[0].domain;
    let names = [
        format!("renewed.{domain}"),
        format!("renewed{victim}.ca.example"),
        format!("*.{domain}"),
    ];
    scene.routes[victim].identity = vec![one_of(rng, &names).clone()];
}

fn locked_down(rng: &mut fastrand::Rng, scene: &mut Scene, victim: usize, other: usize) {
    let mut partner = InboundConnector::new("locked", ConnectorType::Partner);
    partner.sender_domains = vec![SenderDomain::Any];
    if rng.bool() {
        partner.restrict_domains_to_certificate = true;
        partner.tls_sender_certificate_name = Some(connector_name("gateway.example"));
    } else {
        partner.restrict_domains_to_ip_addresses = true;
        partner.sender_ip_addresses.push(network("198.51.100.0/24"));
    }
    scene.world.tenants[victim].inbound_connectors.push(partner);
    renewed_under_another_name(rng, scene, victim, other);
}

fn direct_send_rejected(rng: &mut fastrand::Rng, scene: &mut Scene, victim: usize, other: usize) {
    scene.world.tenants[victim].organization.reject_direct_send = true;
    if rng.bool() {
        renewed_under_another_name(rng, scene, victim, other);
    }
}

fn subdomains_of_an_authoritative_domain(
    _rng: &mut fastrand::Rng,
    scene: &mut Scene,
    victim: usize,
    _other: usize,
) {
    let tenant = &mut scene.world.tenants[victim];
    tenant.accepted_domains[0].domain_type = DomainType::Authoritative;
    tenant.accepted_domains[0].match_subdomains = true;
    let host = format!("host.{}", tenant.accepted_domains[0].domain);
    tenant.inbound_connectors[0].tls_sender_certificate_name = Some(connector_name(&host));
    scene.routes[victim].identity = vec![host];
}

fn domain_moved_away(rng: &mut fastrand::Rng, scene: &mut Scene, victim: usize, other: usize) {
    if victim != other {
        let last = scene.world.tenants[victim].accepted_domains.len();
        let moved = scene.world.tenants[victim]
            .accepted_domains
            .remove(rng.usize(0..last));
        scene.world.tenants[other].accepted_domains.push(moved);
        if scene.world.tenants[victim].accepted_domains.is_empty() {
            let left = domain(&format!("left{victim}.onmicrosoft.com"));
            scene.world.tenants[victim]
                .accepted_domains
                .push(AcceptedDomain::new(left));
        }
    }
}

fn chain_incomplete_or_private(
    rng: &mut fastrand::Rng,
    scene: &mut Scene,
    victim: usize,
    _other: usize,
) {
    scene.routes[victim].problem = Some(*one_of(rng, &["incomplete-chain", "untrusted"]));
}
