//! Partner connectors (`exchange-online.md` section 1.12 with 1.18): asked for incoming mail only,
//! and only those of the recipient's tenant.

use std::net::IpAddr;

use crate::world::{InboundConnector, SenderDomain, TenantIndex};

use super::certificate::inactive_reason;
use super::index::{Coverage, is_active, network, usable};
use super::name::Apex;
use super::why::{Outcome, Reason, Stage, Why, list};
use super::{ConnectorRef, Forest, Transaction};

/// What the Partner connectors of a tenant say.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Partners {
    /// The one that takes the message.
    pub(super) credited: Option<ConnectorRef>,
    /// The first by name that matches certificate or address.
    pub(super) matched: Option<ConnectorRef>,
    /// The first by name that restricts the way and is not satisfied, if none is.
    pub(super) violated: Option<ConnectorRef>,
    /// The certificate name or the address that does not satisfy it.
    pub(super) missed: Missed,
}

/// What a restricting connector misses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Missed {
    #[default]
    Nothing,
    Certificate,
    Address,
    Both,
}

/// How one connector stands to the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// It has no part in it.
    Excluded(Exclusion),
    /// It matches by certificate or address; restricting ones in all that they ask for.
    Matches(Via),
    /// It restricts the way, and the message comes another way.
    Violated(Missed),
    /// It has neither certificate nor address.
    BySender,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exclusion {
    /// It would match, were it in use.
    Inactive,
    Sender,
    Recipient,
    NoMatch,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Via {
    Certificate,
    Address,
    Both,
}

/// Asks all Partner connectors of the tenant.
pub(super) fn consult(
    forest: &Forest,
    transaction: &Transaction,
    tenant: TenantIndex,
    coverage: &Coverage,
    why: &mut Vec<Why>,
) -> Partners {
    let asked = forest
        .index
        .partners(tenant)
        .iter()
        .filter_map(|connector| {
            let at = ConnectorRef {
                tenant,
                connector: *connector,
            };
            let connector = forest.connector(at)?;
            let question = Question {
                forest,
                transaction,
                connector,
            };
            let standing = match (question.standing(at, coverage), is_active(connector)) {
                (standing, true) => standing,
                (Standing::Matches(_) | Standing::BySender, false) => {
                    Standing::Excluded(Exclusion::Inactive)
                }
                (Standing::Violated(_) | Standing::Excluded(_), false) => return None,
            };
            Some((at, standing, connector))
        });
    let asked: Vec<(ConnectorRef, Standing, &InboundConnector)> = asked.collect();
    let partners = sum_up(&asked);
    let line = |(at, standing, connector): &(ConnectorRef, Standing, &InboundConnector)| {
        let tell = Telling {
            forest,
            transaction,
            partners,
            coverage,
        };
        vec![tell.line(*at, *standing, connector)]
    };
    list(asked.iter(), line, why);
    partners
}

fn sum_up(asked: &[(ConnectorRef, Standing, &InboundConnector)]) -> Partners {
    let first = |wanted: fn(Standing) -> bool| {
        let mut found = asked.iter().filter(|(_, standing, _)| wanted(*standing));
        found.next().map(|(at, standing, _)| (*at, *standing))
    };
    let matched = first(|standing| matches!(standing, Standing::Matches(_)));
    let by_sender = first(|standing| standing == Standing::BySender);
    let satisfied = asked.iter().any(|(_, standing, connector)| {
        restricts(connector) && matches!(standing, Standing::Matches(_))
    });
    let violated = first(|standing| matches!(standing, Standing::Violated(_)));
    let violated = violated.filter(|_| !satisfied);
    Partners {
        credited: matched.or(by_sender).map(|(at, _)| at),
        matched: matched.map(|(at, _)| at),
        violated: violated.map(|(at, _)| at),
        missed: match violated {
            Some((_, Standing::Violated(missed))) => missed,
            Some(_) | None => Missed::Nothing,
        },
    }
}

const fn restricts(connector: &InboundConnector) -> bool {
    connector.restrict_domains_to_certificate || connector.restrict_domains_to_ip_addresses
}

/// One connector and one message.
struct Question<'a> {
    forest: &'a Forest,
    transaction: &'a Transaction,
    connector: &'a InboundConnector,
}

impl Question<'_> {
    fn standing(&self, at: ConnectorRef, coverage: &Coverage) -> Standing {
        let connector = self.connector;
        if !self.covers_sender() {
            return Standing::Excluded(Exclusion::Sender);
        }
        if !self.covers_recipient(at, coverage) {
            return Standing::Excluded(Exclusion::Recipient);
        }
        let (certificate, address) = (self.certificate(), self.address());
        let missed = (
            connector.restrict_domains_to_certificate && !certificate,
            connector.restrict_domains_to_ip_addresses && !address,
        );
        let via = match missed {
            (true, true) => return Standing::Violated(Missed::Both),
            (true, false) => return Standing::Violated(Missed::Certificate),
            (false, true) => return Standing::Violated(Missed::Address),
            (false, false) => (certificate, address),
        };
        match via {
            (true, true) => Standing::Matches(Via::Both),
            (true, false) => Standing::Matches(Via::Certificate),
            (false, true) => Standing::Matches(Via::Address),
            (false, false) if has_criterion(connector) => Standing::Excluded(Exclusion::NoMatch),
            (false, false) => Standing::BySender,
        }
    }

    fn covers_sender(&self) -> bool {
        let sender = self.transaction.sender.domain();
        let mut covering = self.connector.sender_domains.iter();
        covering.any(|entry| match entry {
            SenderDomain::Any => true,
            SenderDomain::Domain(domain) => sender == Some(domain),
            SenderDomain::Subdomains(domain) => {
                sender.is_some_and(|sender| sender.is_within(domain))
            }
            SenderDomain::Unusable(_) => false,
        })
    }

    /// Whether a listed accepted domain is one that accepts the recipient.
    fn covers_recipient(&self, at: ConnectorRef, coverage: &Coverage) -> bool {
        let listed = &self.connector.associated_accepted_domains;
        listed.is_empty()
            || coverage.all_of(at.tenant).any(|covering| {
                let accepted = self.forest.accepted_domain(covering.at);
                accepted.is_some_and(|accepted| listed.contains(&accepted.domain))
            })
    }

    fn certificate(&self) -> bool {
        let apex = Apex::of(&self.forest.world.profile);
        let pattern = self.connector.tls_sender_certificate_name.as_ref();
        let mut names = self.transaction.presented.names().iter();
        pattern.is_some_and(|pattern| names.any(|name| name.is_matched_by(pattern, apex)))
    }

    fn address(&self) -> bool {
        let mut networks = self.connector.sender_ip_addresses.iter().filter_map(usable);
        networks.any(|network| network.contains(&self.transaction.ip))
    }
}

/// An unusable value is a criterion too: one that nothing meets.
fn has_criterion(connector: &InboundConnector) -> bool {
    connector.tls_sender_certificate_name.is_some() || !connector.sender_ip_addresses.is_empty()
}

/// Whether one of its addresses would match, did Exchange Online take it.
fn lists_in_vain(connector: &InboundConnector, ip: IpAddr) -> bool {
    let mut addresses = connector.sender_ip_addresses.iter();
    addresses.any(|address| {
        usable(address).is_none() && network(address).is_some_and(|network| network.contains(&ip))
    })
}

/// Puts the standings into words.
struct Telling<'a> {
    forest: &'a Forest,
    transaction: &'a Transaction,
    partners: Partners,
    coverage: &'a Coverage,
}

impl Telling<'_> {
    fn line(&self, at: ConnectorRef, standing: Standing, connector: &InboundConnector) -> Why {
        let (outcome, reason, value) = match standing {
            Standing::Matches(via) => (
                Outcome::Chosen,
                Reason::PartnerMatched,
                self.matched_value(via),
            ),
            Standing::BySender => (Outcome::Chosen, Reason::PartnerBySender, String::new()),
            Standing::Violated(missed) => (
                Outcome::Lost,
                Reason::PartnerUnsatisfied,
                missed.text().to_owned(),
            ),
            Standing::Excluded(exclusion) => self.excluded(exclusion, at, connector),
        };
        let line = |outcome, reason| {
            let why = Why::new(Stage::Recipient, outcome, reason).connector(at);
            why.value(value.as_str()).against("SenderIPAddresses")
        };
        match (self.partners.credited, standing) {
            (Some(credited), Standing::Matches(_)) if credited != at => {
                line(Outcome::Lost, Reason::PartnerLaterByName).rival(credited)
            }
            (Some(credited), Standing::BySender) if credited != at => {
                let reason = match self.partners.matched {
                    Some(_) => Reason::PartnerAfterOthers,
                    None => Reason::PartnerLaterByName,
                };
                line(Outcome::Lost, reason).rival(credited)
            }
            (Some(credited), Standing::Violated(_)) if self.partners.violated.is_none() => {
                line(Outcome::Note, Reason::RestrictionSatisfied).rival(credited)
            }
            (_, _) => line(outcome, reason),
        }
    }

    fn excluded(
        &self,
        exclusion: Exclusion,
        at: ConnectorRef,
        connector: &InboundConnector,
    ) -> (Outcome, Reason, String) {
        let ip = self.transaction.ip;
        let (reason, value) = match exclusion {
            Exclusion::Inactive => {
                let reason = inactive_reason(self.forest, at);
                (reason, "this message".to_owned())
            }
            Exclusion::Sender => {
                let sender = self.transaction.sender.domain().map(ToString::to_string);
                let sender = sender.unwrap_or_else(|| "a message without sender domain".to_owned());
                (Reason::PartnerSenderDomains, sender)
            }
            Exclusion::Recipient => {
                let covering = self.coverage.first();
                let accepted = covering.and_then(|at| self.forest.accepted_domain(at));
                let domain = accepted.map(|accepted| accepted.domain.to_string());
                (Reason::PartnerAssociatedDomains, domain.unwrap_or_default())
            }
            Exclusion::NoMatch if lists_in_vain(connector, ip) => {
                (Reason::UnusableValue, format!("the address {ip}"))
            }
            Exclusion::NoMatch => (Reason::PartnerNoMatch, String::new()),
        };
        (Outcome::Lost, reason, value)
    }

    fn matched_value(&self, via: Via) -> String {
        let address = self.transaction.ip;
        match via {
            Via::Certificate => "the certificate".to_owned(),
            Via::Address => format!("the address {address}"),
            Via::Both => format!("the certificate and the address {address}"),
        }
    }
}

impl Missed {
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Nothing => "",
            Self::Certificate => "RestrictDomainsToCertificate",
            Self::Address => "RestrictDomainsToIPAddresses",
            Self::Both => "RestrictDomainsToCertificate and RestrictDomainsToIPAddresses",
        }
    }
}
