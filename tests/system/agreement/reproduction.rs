//! A difference that nobody can explain, as small as it gets, with everything that is needed to look at it.

use std::fmt;

use tenantry_lab::attribution::{Attribution, Forest};
use tenantry_lab::world::{
    ConnectorType, DomainType, InboundConnector, SenderAddress, Tenant, TlsSenderCertificateName,
};

use super::judge::{Judgement, ask, judge};
use super::lint::Lint;
use super::scene::{Message, RELAY, Scene};

/// What is printed when a test fails.
pub(super) struct Reproduction {
    difference: Difference,
    found: Attribution,
    /// Why the relay decided as it did.
    relay: Vec<String>,
}

/// A message that the relay sends for a tenant; its last recipient is the one that matters.
#[derive(Clone)]
pub(super) struct Difference {
    pub(super) scene: Scene,
    pub(super) tenant: usize,
    pub(super) message: Message,
}

impl Reproduction {
    /// Takes away what the difference does not need.
    pub(super) fn new(mut difference: Difference, found: Attribution, relay: Vec<String>) -> Self {
        difference.without_other_tenants();
        let recipients = difference.message.rcpt_to.len();
        difference.shrink(recipients - 1, |it| &mut it.message.rcpt_to);
        for number in 0..difference.scene.routes.len() {
            difference.shrink(usize::MAX, |it| {
                &mut it.scene.world.tenants[number].inbound_connectors
            });
            difference.shrink(usize::MAX, |it| {
                &mut it.scene.world.tenants[number].accepted_domains
            });
            difference.shrink(usize::MAX, |it| &mut it.scene.routes[number].identity);
        }
        let found = difference.unexplained().unwrap_or(found);
        Reproduction {
            difference,
            found,
            relay,
        }
    }
}

impl Difference {
    fn without_other_tenants(&mut self) {
        let mut number = 0;
        while number < self.scene.routes.len() {
            let mut smaller = self.clone();
            smaller.scene.routes.remove(number);
            smaller.scene.world.tenants.remove(number);
            smaller.tenant -= usize::from(number < self.tenant);
            if number != self.tenant && smaller.unexplained().is_some() {
                *self = smaller;
            } else {
                number += 1;
            }
        }
    }

    /// Takes away of the first `most` items what the difference does not need.
    fn shrink<T>(&mut self, most: usize, list: impl Fn(&mut Self) -> &mut Vec<T>) {
        let kept = list(self).len().saturating_sub(most);
        let mut number = 0;
        while number + kept < list(self).len() {
            let mut smaller = self.clone();
            list(&mut smaller).remove(number);
            if smaller.unexplained().is_some() {
                *self = smaller;
            } else {
                number += 1;
            }
        }
    }

    /// What the lab says of the last recipient, if that is a difference without explanation.
    fn unexplained(&self) -> Option<Attribution> {
        let lint = Lint::of(&self.scene);
        let forest = Forest::new(self.scene.world.clone());
        let (mail_from, recipients) = (&self.message.mail_from, &self.message.rcpt_to);
        let found = ask(&forest, &lint, self.tenant, mail_from, recipients).pop()?;
        match judge(&lint, self.tenant, &self.message, &found) {
            Judgement::Unexplained => Some(found),
            Judgement::Agreed | Judgement::Explained(_) => None,
        }
    }
}

impl fmt::Display for Reproduction {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Difference {
            scene,
            tenant,
            message,
        } = &self.difference;
        let (route, found) = (&scene.routes[*tenant], &self.found);
        let name = |tenant: usize| scene.world.tenants[tenant].name.as_str();
        let other = found.tenant.map_or("nobody", |tenant| name(tenant.0));
        let (direction, basis) = (found.direction.as_str(), found.basis.as_str());
        writeln!(
            out,
            "seed {}: the relay sends it for {},",
            scene.seed,
            name(*tenant)
        )?;
        writeln!(
            out,
            "Exchange Online says {other}, {direction}, {basis}: {:?}",
            found.answer
        )?;
        writeln!(
            out,
            "\n# message\n{message:?}\npresented from {RELAY} at {}:",
            route.endpoint
        )?;
        writeln!(out, "{:?} {:?}", route.identity, route.problem)?;
        writeln!(out, "\n# why, says the relay\n{}", self.relay.join("\n"))?;
        writeln!(out, "\n# why, says the lab")?;
        found
            .why
            .iter()
            .try_for_each(|why| writeln!(out, "{}", why.text(&scene.world)))?;
        writeln!(out, "\n# anti-patterns\n{:?}", Lint::of(scene).findings)?;
        writeln!(out, "\n# the world\n{:?}", scene.world.profile)?;
        scene
            .world
            .tenants
            .iter()
            .try_for_each(|tenant| write_tenant(out, tenant))
    }
}

/// As a world file has it.
fn write_tenant(out: &mut fmt::Formatter<'_>, tenant: &Tenant) -> fmt::Result {
    writeln!(
        out,
        "[[tenant]]\nname = \"{}\"\nregion = \"{}\"\naccepted_domains = [",
        tenant.name, tenant.region
    )?;
    for accepted in &tenant.accepted_domains {
        let kind = match accepted.domain_type {
            DomainType::Authoritative => "Authoritative",
            DomainType::InternalRelay => "InternalRelay",
            DomainType::ExternalRelay => "ExternalRelay",
        };
        writeln!(
            out,
            "  {{ DomainName = \"{}\", DomainType = \"{kind}\", MatchSubDomains = {}, PendingRemoval = {} }},",
            accepted.domain, accepted.match_subdomains, accepted.pending
        )?;
    }
    writeln!(out, "]")?;
    tenant
        .inbound_connectors
        .iter()
        .try_for_each(|connector| write_connector(out, connector))
}

fn write_connector(out: &mut fmt::Formatter<'_>, connector: &InboundConnector) -> fmt::Result {
    let kind = match connector.connector_type {
        ConnectorType::OnPremises => "OnPremises",
        ConnectorType::Partner => "Partner",
    };
    writeln!(
        out,
        "[[tenant.inbound_connectors]]\nName = \"{}\"",
        connector.name
    )?;
    writeln!(
        out,
        "ConnectorType = \"{kind}\"\nEnabled = {}",
        connector.enabled
    )?;
    let name = connector
        .tls_sender_certificate_name
        .as_ref()
        .map(|name| match name {
            TlsSenderCertificateName::Exact(name) => name.to_string(),
            TlsSenderCertificateName::Wildcard(name) => format!("*.{name}"),
            TlsSenderCertificateName::Unusable(text) => text.clone(),
        });
    if let Some(name) = name {
        writeln!(out, "TlsSenderCertificateName = {name:?}")?;
    }
    let addresses = connector
        .sender_ip_addresses
        .iter()
        .map(|address| match address {
            SenderAddress::Network(network) => network.to_string(),
            SenderAddress::Unusable(text) => text.clone(),
        });
    writeln!(
        out,
        "SenderIPAddresses = {:?}",
        addresses.collect::<Vec<_>>()
    )?;
    writeln!(
        out,
        "RestrictDomainsToCertificate = {}",
        connector.restrict_domains_to_certificate
    )?;
    writeln!(
        out,
        "RestrictDomainsToIPAddresses = {}",
        connector.restrict_domains_to_ip_addresses
    )
}
