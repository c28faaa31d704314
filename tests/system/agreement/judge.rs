//! Compares what the relay decided with what Exchange Online would make of it, and names what a difference comes from.

use std::collections::BTreeSet;

use tenantry_lab::attribution::{Attribution, Basis, Certificate, Direction, Forest, Submission};
use tenantry_lab::reply::{Answer, Refusal};

use super::lint::{Lint, Reading};
use super::rule::Rule;
use super::scene::{Message, RELAY, domain_of};

/// How one recipient of a forwarded message fared.
#[derive(Debug)]
pub(super) enum Judgement {
    /// Exchange Online attributes it to the relay's tenant by the relay's certificate, and takes it.
    Agreed,
    /// It does not, because of these.
    Explained(BTreeSet<Rule>),
    /// It does not, and nobody knows why.
    Unexplained,
}

/// Asks the lab about a message that the relay forwards for a tenant to these recipients.
pub(super) fn ask(
    forest: &Forest,
    lint: &Lint<'_>,
    tenant: usize,
    mail_from: &str,
    recipients: &[String],
) -> Vec<Attribution> {
    let route = &lint.scene.routes[tenant];
    let certificate = match route.problem {
        None => Certificate::Trusted {
            names: &route.identity,
        },
        Some(problem) => Certificate::Untrusted {
            problem,
            names: &route.identity,
        },
    };
    let mut transaction = forest.begin(&Submission {
        certificate,
        ip: RELAY,
        tls: true,
        region: Some(route.endpoint.clone()),
        mail_from,
        header_from: None,
    });
    recipients
        .iter()
        .map(|recipient| transaction.recipient(forest, recipient))
        .collect()
}

/// Compares.
pub(super) fn judge(
    lint: &Lint<'_>,
    tenant: usize,
    message: &Message,
    found: &Attribution,
) -> Judgement {
    let same = found.tenant.is_some_and(|index| index.0 == tenant);
    if same
        && found.direction == Direction::Originating
        && found.basis == Basis::Certificate
        && found.answer == Answer::Accepted
    {
        // Agreement that nothing in the world justifies is none.
        return match lint.claims(tenant, tenant, Reading::Lax) {
            true => Judgement::Agreed,
            false => Judgement::Unexplained,
        };
    }
    let case = Case {
        lint,
        tenant,
        message,
        found,
    };
    match case.explanation() {
        Some(rules) if !rules.is_empty() => Judgement::Explained(rules),
        Some(_) | None => Judgement::Unexplained,
    }
}

/// One difference.
struct Case<'a> {
    lint: &'a Lint<'a>,
    tenant: usize,
    message: &'a Message,
    found: &'a Attribution,
}

/// What keeps the relay's certificate from being the tenant's own.
const OWN: [Rule; 12] = [
    Rule::L01,
    Rule::L04,
    Rule::L06,
    Rule::L07,
    Rule::L12,
    Rule::L13,
    Rule::L14,
    Rule::L16,
    Rule::L31,
    Rule::L32,
    Rule::L36,
    Rule::L37,
];

/// What lets another tenant take the relay's certificate.
const CAPTURE: [Rule; 4] = [Rule::L03, Rule::L05, Rule::L28, Rule::L33];

impl Case<'_> {
    /// What the difference comes from; absent when the facts do not fit what the lab says.
    fn explanation(&self) -> Option<BTreeSet<Rule>> {
        let mut rules = self.own();
        let others = (0..self.lint.scene.routes.len()).filter(|other| *other != self.tenant);
        let rivals: Vec<usize> = others
            .filter(|other| self.lint.claims(*other, self.tenant, Reading::Lax))
            .collect();
        match (self.found.tenant.map(|index| index.0), self.found.basis) {
            // The tenant's own certificate counted, and yet the message is refused.
            (Some(owner), Basis::Certificate) if owner == self.tenant => return None,
            (Some(owner), Basis::Certificate) => {
                if !rivals.contains(&owner) {
                    return None;
                }
                rules.extend(self.between(&CAPTURE, owner));
                return Some(rules);
            }
            (Some(owner), Basis::Sender) => {
                let sender = domain_of(&self.message.mail_from)?;
                let candidate =
                    self.lint.lists_the_relay(owner) || self.lint.captures(owner, self.tenant);
                if !candidate || !self.lint.covers(owner, &sender, Reading::Lax) {
                    return None;
                }
                rules.extend(self.between(&[Rule::L02, Rule::L20], owner));
            }
            (Some(owner), Basis::Recipient) => {
                let recipient = domain_of(&self.found.rcpt)?;
                if !self.lint.covers(owner, &recipient, Reading::Lax) {
                    return None;
                }
                rules.extend(self.sender());
                rules.extend(self.refusal(owner));
            }
            (_, Basis::None) => rules.extend(self.sender()),
            (None, Basis::Certificate | Basis::Sender | Basis::Recipient) => return None,
        }
        // The certificate stage was passed: it found nobody, or several.
        if self.lint.stands(self.tenant) && rivals.is_empty() {
            return None;
        }
        for rival in rivals {
            rules.extend(self.between(&CAPTURE, rival));
        }
        Some(rules)
    }

    /// What is wrong with the tenant's own connectors, if that keeps its certificate from counting.
    fn own(&self) -> BTreeSet<Rule> {
        if self.lint.stands(self.tenant) {
            return BTreeSet::new();
        }
        let findings = self.lint.findings.iter();
        let own = findings
            .filter(|finding| finding.tenants[0] == self.tenant && OWN.contains(&finding.rule));
        own.map(|finding| finding.rule).collect()
    }

    /// Those of the rules that were found between the tenant and another.
    fn between(&self, rules: &[Rule], other: usize) -> Vec<Rule> {
        let found =
            |rule: &&Rule| other != self.tenant && self.lint.has(**rule, &[self.tenant, other]);
        rules.iter().filter(found).copied().collect()
    }

    /// Why the sender does not help a tenant whose certificate does not count.
    fn sender(&self) -> Vec<Rule> {
        if self.lint.stands(self.tenant) {
            return Vec::new();
        }
        let Some(domain) = domain_of(&self.message.mail_from) else {
            return match self.message.mail_from.is_empty() {
                true => vec![Rule::L19],
                false => vec![Rule::L18],
            };
        };
        if self.lint.covers(self.tenant, &domain, Reading::Strict) {
            return Vec::new();
        }
        let owner = &self.lint.scene.world.tenants[self.tenant];
        let below = |name| domain.is_within(name);
        match owner
            .accepted_domains
            .iter()
            .any(|accepted| below(&accepted.domain))
        {
            true => vec![Rule::L17, Rule::L18],
            false => vec![Rule::L18],
        }
    }

    /// Why a recipient's tenant refuses what comes as anonymous mail.
    fn refusal(&self, owner: usize) -> Vec<Rule> {
        let rule = match self.found.answer {
            Answer::Refused(Refusal::PartnerRestriction) => Rule::L11,
            Answer::Refused(Refusal::DirectSend) => Rule::L35,
            Answer::Refused(Refusal::WrongRegion) => Rule::L30,
            Answer::Refused(_) | Answer::Accepted => return Vec::new(),
        };
        match self.lint.has(rule, &[owner]) {
            true => vec![rule],
            false => Vec::new(),
        }
    }
}
