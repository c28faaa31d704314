//! Stages 1 to 3 once more, straight from the pseudo code of section 1.3, on texts and in loops
//! over everything. Slow, and independent of the indexes.

use tenantry_lab::world::{
    AmbiguousPolicy, ConnectorType, InboundConnector, SenderAddress, Tenant,
    TlsSenderCertificateName, World,
};

use super::Message;

/// `tenant direction basis`; the connector too where an OnPremises one is credited.
pub(super) fn attribute(world: &World, message: &Message, rcpt: &str) -> String {
    let stages = Stages { world, message };
    let sender = || stages.sender();
    let recipient = || stages.recipient(rcpt);
    let decided = stages.certificate().or_else(sender).or_else(recipient);
    decided.unwrap_or_else(|| NOBODY.to_owned())
}

const NOBODY: &str = "-";

struct Stages<'a> {
    world: &'a World,
    message: &'a Message,
}

/// A matching connector with its tenant and, by certificate, the key of section 1.9.
type Found<'a> = (usize, &'a InboundConnector, Option<(usize, bool, usize)>);

impl<'a> Stages<'a> {
    /// C1, with whether it belongs to M1.
    fn c1(&self) -> Vec<(Found<'a>, bool)> {
        let mut c1 = Vec::new();
        for (tenant, connector) in connectors(self.world) {
            let Some(pattern) = text(connector) else {
                continue;
            };
            for n in &self.message.names {
                if matches(self.world, &pattern, n) {
                    let rank = Some(self.rank(tenant, n, &pattern));
                    let found = (tenant, connector, rank);
                    c1.push((found, accepted(self.world, tenant, &pattern)));
                }
            }
        }
        c1
    }

    fn rank(&self, tenant: usize, n: &str, pattern: &str) -> (usize, bool, usize) {
        let domains = open_domains(&self.world.tenants[tenant]);
        let longest = domains.filter(|d| n == *d || n.ends_with(&format!(".{d}")));
        let longest = longest.map(labels).max().unwrap_or(0);
        let pattern_labels = labels(pattern.trim_start_matches("*."));
        (longest, !pattern.starts_with("*."), pattern_labels)
    }

    fn c2(&self) -> Vec<Found<'a>> {
        let falls = self.world.profile.cert_unaccepted_falls_to_sender;
        let by_certificate = self.c1().into_iter();
        let by_certificate = by_certificate.filter(|(_, accepted)| falls || *accepted);
        let by_address = connectors(self.world)
            .filter(|(_, connector)| lists(connector, self.message))
            .map(|(tenant, connector)| (tenant, connector, None));
        by_certificate
            .map(|(found, _)| found)
            .chain(by_address)
            .collect()
    }

    fn certificate(&self) -> Option<String> {
        let m1: Vec<Found<'_>> = (self.c1().into_iter())
            .filter_map(|(found, accepted)| accepted.then_some(found))
            .collect();
        self.pick(&best(&m1), "originating certificate")
    }

    fn sender(&self) -> Option<String> {
        let s = domain(&self.message.mail_from)?;
        let mut m2 = self.c2();
        m2.retain(|(tenant, ..)| accepted_address(self.world, *tenant, &s));
        let several = m2.iter().any(|(tenant, ..)| *tenant != m2[0].0);
        self.pick(&if several { m2 } else { best(&m2) }, "originating sender")
    }

    /// The first by name of one tenant; of several, what the profile says.
    fn pick(&self, winners: &[Found<'_>], how: &str) -> Option<String> {
        let (tenant, ..) = winners.first()?;
        if winners.iter().all(|(other, ..)| other == tenant) {
            return Some(result(self.world, *tenant, how, first(winners)));
        }
        match self.world.profile.ambiguous_policy {
            AmbiguousPolicy::RejectAndReport => Some(NOBODY.to_owned()),
            AmbiguousPolicy::NextStage => None,
        }
    }

    fn recipient(&self, rcpt: &str) -> Option<String> {
        let r = domain(rcpt)?;
        let tenants = 0..self.world.tenants.len();
        let owners = tenants.filter(|tenant| accepted_address(self.world, *tenant, &r));
        let owners: Vec<usize> = owners.collect();
        let [owner] = owners.as_slice() else {
            return None;
        };
        let mut own = self.c2();
        own.retain(|(tenant, ..)| tenant == owner && self.world.profile.rcpt_uses_onprem);
        Some(result(
            self.world,
            *owner,
            "incoming recipient",
            first(&best(&own)),
        ))
    }
}

/// Those with the best key; certificate before address.
fn best<'a>(found: &[Found<'a>]) -> Vec<Found<'a>> {
    let best = found.iter().map(|(_, _, rank)| *rank).max();
    let best = found.iter().filter(|(_, _, rank)| Some(*rank) == best);
    best.copied().collect()
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

fn first<'a>(found: &[Found<'a>]) -> &'a str {
    let names = found
        .iter()
        .map(|(_, connector, _)| connector.name.as_str());
    names.min().unwrap_or("-")
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
