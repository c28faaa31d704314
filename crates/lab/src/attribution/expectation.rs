//! What a connector expects of a message, held against what came.
//!
//! After a certificate renewal or behind another address this is the administrator's question:
//! which connector should have matched, and what does it wait for?

use std::net::IpAddr;

use crate::world::{InboundConnector, SenderAddress, TenantIndex, TlsSenderCertificateName};

use super::Forest;
use super::index::{Entry, usable};
use super::name::{Apex, Presented, pattern_text, some_of};
use super::why::{Outcome, Reason, Stage, Why, list};

/// What identifies whoever connects.
#[derive(Debug, Clone, Copy)]
pub(super) struct Came<'a> {
    pub(super) presented: &'a Presented,
    pub(super) ip: IpAddr,
}

/// Names the active OnPremises connectors of `tenants` that neither certificate nor address
/// matches, with what they expect; each once in a why.
pub(super) fn note(
    forest: &Forest,
    came: Came<'_>,
    stage: Stage,
    tenants: &[TenantIndex],
    why: &mut Vec<Why>,
) {
    let told = |entry: &Entry| {
        why.iter()
            .any(|line| is_expectation(line) && line.connector == Some(entry.at))
    };
    let own = tenants
        .iter()
        .flat_map(|tenant| forest.index.on_premises(*tenant));
    let unmatched: Vec<(Entry, &InboundConnector)> = own
        .filter(|entry| !told(entry))
        .filter_map(|entry| Some((*entry, forest.connector(entry.at)?)))
        .filter(|(_, connector)| !came.matches(forest, connector))
        .collect();
    let line = |(entry, connector): &(Entry, &InboundConnector)| {
        let line = |reason| Why::new(stage, Outcome::Lost, reason).connector(entry.at);
        vec![match came.expected_by(connector) {
            Some((expected, instead)) => line(Reason::ConnectorExpects)
                .value(expected)
                .against(instead),
            None => line(Reason::ConnectorWithoutCriterion),
        }]
    };
    list(unmatched.iter(), line, why);
}

fn is_expectation(why: &Why) -> bool {
    matches!(
        why.reason,
        Reason::ConnectorExpects | Reason::ConnectorWithoutCriterion
    )
}

impl Came<'_> {
    pub(super) fn matches(&self, forest: &Forest, connector: &InboundConnector) -> bool {
        self.name_matching(forest, connector).is_some() || self.is_listed(connector)
    }

    /// The first name of the certificate that the connector matches.
    pub(super) fn name_matching(
        &self,
        forest: &Forest,
        connector: &InboundConnector,
    ) -> Option<&str> {
        let apex = Apex::of(&forest.world.profile);
        let pattern = connector.tls_sender_certificate_name.as_ref()?;
        let mut names = self.presented.names().iter();
        let name = names.find(|name| name.is_matched_by(pattern, apex))?;
        Some(&name.text)
    }

    /// Whether the connector lists the address.
    pub(super) fn is_listed(&self, connector: &InboundConnector) -> bool {
        let mut networks = connector.sender_ip_addresses.iter().filter_map(usable);
        networks.any(|network| network.contains(&self.ip))
    }

    /// What the connector expects, and what came instead; none if it expects nothing.
    pub(super) fn expected_by(&self, connector: &InboundConnector) -> Option<(String, String)> {
        let certificate = connector
            .tls_sender_certificate_name
            .is_some()
            .then(|| (certificate(connector), self.presented.came().to_owned()));
        let address = (!connector.sender_ip_addresses.is_empty())
            .then(|| (addresses(connector), self.address()));
        match (certificate, address) {
            (Some((name, shown)), Some((address, from))) => Some((
                format!("{name} or {address}"),
                format!("{shown}, and {from}"),
            )),
            (certificate, address) => certificate.or(address),
        }
    }

    pub(super) fn address(&self) -> String {
        format!("the address is {}", self.ip)
    }
}

/// The certificate that a connector expects.
pub(super) fn certificate(connector: &InboundConnector) -> String {
    match &connector.tls_sender_certificate_name {
        Some(TlsSenderCertificateName::Unusable(text)) => {
            let text: String = text.chars().take(SHOWN).collect();
            format!("a certificate with the name {text:?}, which Exchange Online does not take")
        }
        Some(pattern) => format!("a certificate with the name {}", pattern_text(pattern)),
        None => "a certificate, although it names none".to_owned(),
    }
}

/// The addresses that a connector expects.
pub(super) fn addresses(connector: &InboundConnector) -> String {
    let text = |address: &SenderAddress| match (usable(address), address) {
        (Some(network), _) if network.prefix_len() == network.max_prefix_len() => {
            network.addr().to_string()
        }
        (Some(network), _) => network.to_string(),
        (None, SenderAddress::Network(network)) => format!("{network} (not taken)"),
        (None, SenderAddress::Unusable(text)) => {
            let text: String = text.chars().take(SHOWN).collect();
            format!("{text:?} (not taken)")
        }
    };
    match connector.sender_ip_addresses.as_slice() {
        [] => "an address, although it lists none".to_owned(),
        [address] => format!("the address {}", text(address)),
        several => format!("an address of {}", some_of(several.iter().map(text))),
    }
}

const SHOWN: usize = 260;
