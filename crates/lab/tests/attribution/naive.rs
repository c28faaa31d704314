//! Stages 1 to 3 once more, straight from the pseudo code of section 1.3, on texts and in loops
//! over everything. Slow, and independent of the indexes.

use tenantry_lab::world::{
    AmbiguousPolicy, ConnectorType, InboundConnector, SenderAddress, Tenant,
    TlsSenderCertificateName, World,
};

use super::Message;

/// `tenant direction basis`; the connector too where an OnPremises one is credited.
pub(super) fn attribute(world: &World, message: &Message, rcpt: &str) -> String {
    let s = domain(&message.mail_from);
    let mut c1 = Vec::new();
    for (tenant, connector) in connectors(world) {
        for n in &message.names {
            let pattern = text(connector);
            if let Some(pattern) = pattern.filter(|pattern| matches(world, pattern, n)) {
                c1.push((tenant, connector, n.as_str(), pattern));
            }
        }
    }
    let m1: Vec<_> = c1
        .iter()
        .filter(|(tenant, _, _, pattern)| accepted(world, *tenant, pattern))
        .collect();
    let rank = |(tenant, _, n, pattern): &(usize, &InboundConnector, &str, String)| {
        let domains = open_domains(&world.tenants[*tenant]);
        let longest = domains.filter(|d| n == d || n.ends_with(&format!(".{d}")));
        let longest = longest.map(|d| labels(d)).max().unwrap_or(0);
        (
            longest,
            !pattern.starts_with("*."),
            labels(pattern.trim_start_matches("*.")),
        )
    };
    if let Some(best) = m1.iter().map(|found| rank(found)).max() {
        let winners = m1.iter().filter(|found| rank(found) == best);
        let winners: Vec<_> = winners.map(|(tenant, c, ..)| (*tenant, *c)).collect();
        match (one_tenant(&winners), world.profile.ambiguous_policy) {
            (Some(tenant), _) => {
                return result(world, tenant, "originating certificate", first(&winners));
            }
            (None, AmbiguousPolicy::RejectAndReport) => return "-".to_owned(),
            (None, AmbiguousPolicy::NextStage) => {}
        }
    }
    let mut c2: Vec<(usize, &InboundConnector, Option<_>)> = Vec::new();
    for found in &c1 {
        if world.profile.cert_unaccepted_falls_to_sender || accepted(world, found.0, &found.3) {
            c2.push((found.0, found.1, Some(rank(found))));
        }
    }
    for (tenant, connector) in connectors(world) {
        if lists(connector, message) {
            c2.push((tenant, connector, None));
        }
    }
    let best_of = |tenants: &[usize]| -> Vec<(usize, &InboundConnector)> {
        let own = || c2.iter().filter(|(tenant, ..)| tenants.contains(tenant));
        let best = own().map(|(_, _, rank)| *rank).max().flatten();
        own()
            .filter(|(_, _, rank)| *rank == best)
            .map(|(t, c, _)| (*t, *c))
            .collect()
    };
    if let Some(s) = s {
        let owned: Vec<usize> = (c2.iter().map(|(tenant, ..)| *tenant))
            .filter(|tenant| accepted_address(world, *tenant, &s))
            .collect();
        let all: Vec<_> = c2
            .iter()
            .filter(|(t, ..)| owned.contains(t))
            .map(|(t, c, _)| (*t, *c))
            .collect();
        match (
            one_tenant(&all),
            all.is_empty(),
            world.profile.ambiguous_policy,
        ) {
            (_, true, _) | (None, false, AmbiguousPolicy::NextStage) => {}
            (Some(tenant), false, _) => {
                return result(world, tenant, "originating sender", first(&best_of(&owned)));
            }
            (None, false, AmbiguousPolicy::RejectAndReport) => return "-".to_owned(),
        }
    }
    let Some(r) = domain(rcpt) else {
        return "-".to_owned();
    };
    let owners: Vec<usize> = (0..world.tenants.len())
        .filter(|tenant| accepted_address(world, *tenant, &r))
        .collect();
    let [owner] = owners.as_slice() else {
        return "-".to_owned();
    };
    let credited = best_of(&owners);
    let credited =
        (world.profile.rcpt_uses_onprem && !credited.is_empty()).then(|| first(&credited));
    result(world, *owner, "incoming recipient", credited.unwrap_or("-"))
}

fn connectors(world: &World) -> impl Iterator<Item = (usize, &InboundConnector)> {
    world
        .tenants
        .iter()
        .enumerate()
        .flat_map(|(tenant, described)| {
            let enabled =
                |c: &&InboundConnector| c.enabled && c.connector_type == ConnectorType::OnPremises;
            described
                .inbound_connectors
                .iter()
                .filter(enabled)
                .map(move |c| (tenant, c))
        })
}

fn matches(world: &World, pattern: &str, n: &str) -> bool {
    match pattern.strip_prefix("*.") {
        None => n == pattern,
        Some(d) => {
            n == pattern
                || n.ends_with(&format!(".{d}"))
                || (n == d && world.profile.wildcard_matches_apex)
        }
    }
}

fn accepted(world: &World, tenant: usize, pattern: &str) -> bool {
    let own = &world.tenants[tenant];
    match pattern.strip_prefix("*.") {
        Some(d) => {
            accepted_address(world, tenant, d)
                || open_domains(own).any(|domain| domain.ends_with(&format!(".{d}")))
        }
        None => {
            let parent = pattern.split_once('.').map(|(_, parent)| parent);
            accepted_address(world, tenant, pattern)
                || (!world.profile.exact_name_needs_exact_accepted
                    && open_domains(own).any(|domain| Some(domain) == parent))
        }
    }
}

fn accepted_address(world: &World, tenant: usize, d: &str) -> bool {
    let covers = |domain: &str, subdomains: bool| {
        domain == d || (subdomains && d.ends_with(&format!(".{domain}")))
    };
    let ended = |own: &str| {
        world.tenants.iter().enumerate().any(|(other, described)| {
            other != tenant
                && open_domains(described).any(|domain| {
                    labels(domain) > labels(own)
                        && (domain == d || d.ends_with(&format!(".{domain}")))
                })
        })
    };
    world.tenants[tenant].accepted_domains.iter().any(|it| {
        !it.pending && covers(it.domain.as_str(), it.match_subdomains) && !ended(it.domain.as_str())
    })
}

fn open_domains(tenant: &Tenant) -> impl Iterator<Item = &str> {
    let open = tenant
        .accepted_domains
        .iter()
        .filter(|domain| !domain.pending);
    open.map(|domain| domain.domain.as_str())
}

fn lists(connector: &InboundConnector, message: &Message) -> bool {
    connector
        .sender_ip_addresses
        .iter()
        .any(|entry| match (entry, message.ip) {
            (SenderAddress::Network(network), std::net::IpAddr::V4(ip)) => network.contains(&ip),
            (SenderAddress::Network(_) | SenderAddress::Unusable(_), _) => false,
        })
}

fn text(connector: &InboundConnector) -> Option<String> {
    match connector.tls_sender_certificate_name.as_ref()? {
        TlsSenderCertificateName::Exact(name) => Some(name.to_string()),
        TlsSenderCertificateName::Wildcard(name) => Some(format!("*.{name}")),
        TlsSenderCertificateName::Unusable(_) => None,
    }
}

fn one_tenant(found: &[(usize, &InboundConnector)]) -> Option<usize> {
    let (first, _) = found.first()?;
    found
        .iter()
        .all(|(tenant, _)| tenant == first)
        .then_some(*first)
}

fn first<'a>(found: &[(usize, &'a InboundConnector)]) -> &'a str {
    let names = found.iter().map(|(_, connector)| connector.name.as_str());
    names.min().unwrap()
}

fn domain(address: &str) -> Option<String> {
    let (_, domain) = address.split_once('@')?;
    Some(domain.to_owned())
}

fn labels(name: &str) -> usize {
    name.split('.').count()
}

fn result(world: &World, tenant: usize, how: &str, connector: &str) -> String {
    format!("{} {how} {connector}", world.tenants[tenant].name)
}
