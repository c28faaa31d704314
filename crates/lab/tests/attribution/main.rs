//! Attribution as Exchange Online does it: vectors, sentences, flags, properties.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failing step is a failing test"
)]

mod certificate;
mod naive;
mod partner;
mod policy;
mod profile;
mod properties;
mod sender;
mod sentences;
mod vectors;

use std::net::IpAddr;

use tenantry_lab::attribution::{Attribution, Certificate, Forest, Submission};
use tenantry_lab::world::{
    AcceptedDomain, ConnectorType, DomainName, InboundConnector, Organization, Place, Quota,
    Region, SenderAddress, SenderDomain, Tenant, TlsSenderCertificateName, World,
};

fn name(text: &str) -> DomainName {
    DomainName::parse(text).unwrap()
}

/// A tenant with authoritative domains; `d+` has MatchSubDomains, `d?` is pending.
fn tenant(tenant: &str, domains: &[&str], connectors: Vec<InboundConnector>) -> Tenant {
    let accepted = |text: &&str| {
        let mut accepted = AcceptedDomain::new(name(text.trim_end_matches(['+', '?'])));
        accepted.match_subdomains = text.ends_with('+');
        accepted.pending = text.ends_with('?');
        accepted
    };
    Tenant {
        name: tenant.to_owned(),
        id: format!("id of {tenant}"),
        region: Region::new("EUR"),
        allowed_regions: std::collections::BTreeSet::new(),
        mail_enabled: true,
        accepted_domains: domains.iter().map(accepted).collect(),
        inbound_connectors: connectors,
        organization: Organization::default(),
        recipients: None,
        quota: Quota::default(),
        place: Place::default(),
    }
}

fn pattern(text: &str) -> TlsSenderCertificateName {
    match text.strip_prefix("*.") {
        Some(domain) => TlsSenderCertificateName::Wildcard(name(domain)),
        None => TlsSenderCertificateName::Exact(name(text)),
    }
}

fn by_certificate(connector: &str, certificate: &str) -> InboundConnector {
    let mut connector = InboundConnector::new(connector, ConnectorType::OnPremises);
    connector.tls_sender_certificate_name = Some(pattern(certificate));
    connector
}

fn by_address(connector: &str, address: &str) -> InboundConnector {
    let mut connector = InboundConnector::new(connector, ConnectorType::OnPremises);
    connector.sender_ip_addresses = vec![network(address)];
    connector
}

fn partner(connector: &str, senders: &[&str]) -> InboundConnector {
    let sender = |text: &&str| match (*text, text.strip_prefix("*.")) {
        ("*", _) => SenderDomain::Any,
        (_, Some(domain)) => SenderDomain::Subdomains(name(domain)),
        (text, None) => SenderDomain::Domain(name(text)),
    };
    let mut connector = InboundConnector::new(connector, ConnectorType::Partner);
    connector.sender_domains = senders.iter().map(sender).collect();
    connector
}

fn network(text: &str) -> SenderAddress {
    let network = text.parse().ok();
    let network = network.or_else(|| text.parse::<std::net::Ipv4Addr>().ok().map(Into::into));
    network.map_or_else(
        || SenderAddress::Unusable(text.to_owned()),
        SenderAddress::Network,
    )
}

fn world(tenants: Vec<Tenant>) -> World {
    World {
        tenants,
        ..World::default()
    }
}

/// One message; certificate names separated by spaces, empty for none.
#[derive(Debug, Clone)]
struct Message {
    names: Vec<String>,
    ip: IpAddr,
    tls: bool,
    region: Option<Region>,
    mail_from: String,
    header_from: Option<String>,
}

fn message(names: &str, ip: &str, mail_from: &str) -> Message {
    Message {
        names: names.split_whitespace().map(str::to_owned).collect(),
        ip: ip.parse().unwrap(),
        tls: true,
        region: None,
        mail_from: mail_from.to_owned(),
        header_from: None,
    }
}

impl Message {
    fn to(&self, forest: &Forest, recipients: &[&str]) -> Vec<Attribution> {
        let certificate = match self.names.as_slice() {
            [] => Certificate::NotPresented,
            names => Certificate::Trusted { names },
        };
        let mut transaction = forest.begin(&Submission {
            certificate,
            ip: self.ip,
            tls: self.tls,
            region: self.region.clone(),
            mail_from: &self.mail_from,
            header_from: self.header_from.as_deref(),
        });
        let one = |rcpt: &&str| transaction.recipient(forest, rcpt);
        recipients.iter().map(one).collect()
    }

    /// The attribution of its only recipient.
    fn only_to(&self, forest: &Forest, recipient: &str) -> Attribution {
        self.to(forest, &[recipient]).remove(0)
    }

    /// `tenant direction basis connector code`, the shortest form of an answer.
    fn verdict(&self, world: World, recipient: &str) -> String {
        let forest = Forest::new(world);
        verdict(&forest, &self.only_to(&forest, recipient))
    }

    fn reasons(&self, world: World, recipient: &str) -> Vec<&'static str> {
        let attribution = self.only_to(&Forest::new(world), recipient);
        attribution
            .why
            .iter()
            .map(|why| why.reason.word())
            .collect()
    }
}

fn verdict(forest: &Forest, attribution: &Attribution) -> String {
    let world = forest.world();
    let tenant = attribution.tenant.map(|at| world.tenant(at).unwrap());
    let connector = attribution.connector.map(|at| {
        let tenant = world.tenant(at.tenant).unwrap();
        tenant.inbound_connectors[at.connector].name.as_str()
    });
    let code = attribution.answer.text();
    format!(
        "{} {} {} {} {}",
        tenant.map_or("-", |tenant| tenant.name.as_str()),
        attribution.direction.as_str(),
        attribution.basis.as_str(),
        connector.unwrap_or("-"),
        code.split(' ').nth(1).unwrap_or_default(),
    )
}
