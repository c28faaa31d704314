//! Whether what a route presents is what its tenant's connectors expect.
//!
//! Of a route that nothing matches only the cause is told, in this order: a disabled connector that would
//! match (EXO-L12); senders that are not accepted either (EXO-L18); connectors by certificate with other
//! names (EXO-L37); connectors by address alone (EXO-L19); no connector at all (EXO-L35, else EXO-L37). A
//! connector that matches and does not count is EXO-L01's or EXO-L06's to tell, one that cannot match
//! EXO-L07's or EXO-L13's, and a certificate that does not count EXO-L24's, L31's and L32's.

mod address;
mod disabled;
mod lock;
mod renewal;
mod sender;
mod standing;
mod wizard;

use super::Group;
use crate::finding::Finding;
use crate::model::Model;
use crate::rule::{Rule, Severity};

pub(super) use disabled::is_relied_on;
pub(super) use renewal::without_connector;

/// In the order of their numbers.
const RULES: &[Rule] = &[L11, L12, L17, L18, L19, L37, L38];

const L11: Rule = Rule {
    id: "EXO-L11",
    severity: Severity::Warning,
    title: "the tenant is locked, and no certificate is known to open it",
    why: "a Partner connector that restricts every sender refuses with 5.7.51 whatever no OnPremises connector attributes: with the next mistake in a certificate that is all mail of the tenant's own servers, in the name of a connector that nobody touched",
    remedy: "see to it that the server's certificate matches the OnPremises connector, and watch every change of it",
    source: "TLS certificates in Exchange hybrids (S12); docs/exchange-online.md section 1.12",
};

const L12: Rule = Rule {
    id: "EXO-L12",
    severity: Severity::Error,
    title: "a route relies on a disabled connector",
    why: "a connector that is not enabled attributes nothing: what leaves the organisation is refused with 5.7.64, and mail to the tenant's own mailboxes arrives as anonymous mail",
    remedy: "enable the connector",
    source: "Learn, questions on inbound connectors (S42); docs/exchange-online.md section 1.10",
};

const L17: Rule = Rule {
    id: "EXO-L17",
    severity: Severity::Warning,
    title: "senders in a subdomain that the tenant has not accepted",
    why: "an accepted domain does not stand for its subdomains: without a certificate that counts, MAIL FROM is nobody's and what leaves the organisation is refused with 5.7.64",
    remedy: "accept the subdomain, or set MatchSubDomains on an InternalRelay domain",
    source: "Exchange docs on connectors to route mail (S29) and on mail flow for subdomains (S28); docs/exchange-online.md section 1.5",
};

const L18: Rule = Rule {
    id: "EXO-L18",
    severity: Severity::Error,
    title: "neither a route's senders nor its certificate are the tenant's",
    why: "nothing attributes the mail of these senders, so that all of it that leaves the organisation is refused with 5.7.64",
    remedy: "accept the certificate's domain, or the senders' domains, in the tenant",
    source: "Requirements for SMTP relay (S5); docs/exchange-online.md section 1.10",
};

const L19: Rule = Rule {
    id: "EXO-L19",
    severity: Severity::Warning,
    title: "mail without a sender depends on an address",
    why: "delivery reports, receipts and automatic replies have an empty MAIL FROM, which chooses no tenant: those that leave the organisation are refused with 5.7.64 while all other mail works",
    remedy: "name the server's certificate in the connector: it needs no sender",
    source: "Requirements for SMTP relay (S5) and KB 3169958 (S9); docs/exchange-online.md section 1.8",
};

const L37: Rule = Rule {
    id: "EXO-L37",
    severity: Severity::Warning,
    title: "a certificate's names are not those that the connector expects",
    why: "from the moment that the certificate is presented no OnPremises connector matches it: what leaves the organisation is refused with 5.7.64, and with 5.7.51 what a locked tenant should take",
    remedy: "have a second connector with the new name, enabled and accepted, before the certificate changes",
    source: "KB 4051495 (S7) and a vendor's guide to unique certificates (S58); docs/exchange-online.md section 1.4",
};

const L38: Rule = Rule {
    id: "EXO-L38",
    severity: Severity::Info,
    title: "the relay uses a connector that the Hybrid Configuration Wizard made",
    why: "the wizard writes the connector anew whenever it runs, mostly with a wildcard for its own certificate: the relay's may no longer match, or others' may begin to",
    remedy: "give the relay a connector of its own, or write down to look at this one after every run",
    source: "Office 365 Message Attribution (S2) and KB 4051495 (S7); docs/exchange-online.md section 2.1",
};

pub(super) const GROUP: Group = Group {
    rules: RULES,
    check,
};

/// Looks at every route, and at connectors that wait for one.
fn check(model: &Model<'_>, findings: &mut Vec<Finding>) {
    lock::check(model, findings);
    disabled::check(model, findings);
    sender::check(model, findings);
    address::check(model, findings);
    renewal::check(model, findings);
    wizard::check(model, findings);
}
