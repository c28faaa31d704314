//! Partner connectors (`exchange-online.md` section 1.12 with 1.18): asked for incoming mail only,
//! and only those of the recipient's tenant.

mod telling;

use crate::world::{InboundConnector, SenderDomain, TenantIndex};

use super::expectation::{self, Came};
use super::index::{Coverage, is_active};
use super::why::{Why, list};
use super::{ConnectorRef, Forest, Transaction};

use telling::Telling;

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
    /// The first by name that certificate or address would match, were the message one that its
    /// SenderDomains and AssociatedAcceptedDomains cover.
    pub(super) left_out: Option<ConnectorRef>,
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

/// A connector that was asked.
#[derive(Debug, Clone, Copy)]
struct Asked<'a> {
    at: ConnectorRef,
    standing: Standing,
    connector: &'a InboundConnector,
    /// Whether certificate or address is what it has.
    identified: bool,
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
    let came = transaction.came();
    let ask = |connector: &usize| {
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
        Some(Asked {
            at,
            standing,
            connector,
            identified: came.matches(forest, connector),
        })
    };
    let own = forest.index.partners(tenant);
    let asked: Vec<Asked<'_>> = own.iter().filter_map(ask).collect();
    let partners = sum_up(&asked);
    let tell = Telling {
        forest,
        transaction,
        partners,
        coverage,
    };
    list(asked.iter(), |asked| tell.lines(asked), why);
    partners
}

fn sum_up(asked: &[Asked<'_>]) -> Partners {
    let first = |wanted: fn(&Asked<'_>) -> bool| asked.iter().find(|asked| wanted(asked));
    let matches = |asked: &Asked<'_>| matches!(asked.standing, Standing::Matches(_));
    let matched = first(matches);
    let by_sender = first(|asked| asked.standing == Standing::BySender);
    let satisfied = asked
        .iter()
        .any(|asked| restricts(asked.connector) && matches(asked));
    let violated = asked.iter().find_map(|asked| match asked.standing {
        Standing::Violated(missed) => Some((asked.at, missed)),
        Standing::Excluded(_) | Standing::Matches(_) | Standing::BySender => None,
    });
    let violated = violated.filter(|_| !satisfied);
    let left_out = first(|asked| asked.identified && asked.standing.is_left_out());
    Partners {
        credited: matched.or(by_sender).map(|asked| asked.at),
        matched: matched.map(|asked| asked.at),
        violated: violated.map(|(at, _)| at),
        missed: violated.map_or(Missed::Nothing, |(_, missed)| missed),
        left_out: left_out.map(|asked| asked.at),
    }
}

impl Standing {
    /// The message is none of the connector's.
    const fn is_left_out(self) -> bool {
        matches!(
            self,
            Self::Excluded(Exclusion::Sender | Exclusion::Recipient)
        )
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
        let came = self.transaction.came();
        let certificate = came.name_matching(self.forest, connector).is_some();
        let address = came.is_listed(connector);
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
}

/// An unusable value is a criterion too: one that nothing meets.
fn has_criterion(connector: &InboundConnector) -> bool {
    connector.tls_sender_certificate_name.is_some() || !connector.sender_ip_addresses.is_empty()
}

impl Missed {
    /// The way that the connector restricts its senders to, and what came instead.
    pub(super) fn expectation(
        self,
        connector: &InboundConnector,
        came: Came<'_>,
    ) -> (String, String) {
        let certificate = || {
            let expected = expectation::certificate(connector);
            format!("{expected} (RestrictDomainsToCertificate)")
        };
        let address = || {
            let expected = expectation::addresses(connector);
            format!("{expected} (RestrictDomainsToIPAddresses)")
        };
        let shown = came.presented.came();
        match self {
            Self::Nothing => (String::new(), String::new()),
            Self::Certificate => (certificate(), shown.to_owned()),
            Self::Address => (address(), came.address()),
            Self::Both => (
                format!("{} and {}", certificate(), address()),
                format!("{shown}, and {}", came.address()),
            ),
        }
    }
}
