//! The recipient stage (`exchange-online.md` section 1.3 step 3).

use crate::reply::{Answer, Refusal};
use crate::world::{DomainName, TenantIndex};

use super::address::Mailbox;
use super::certificate::tie_summary;
use super::expectation;
use super::index::Coverage;
use super::partner::{self, Partners};
use super::sender::{Candidate, Reach, several_owners};
use super::why::{Outcome, Reason, Stage, Why, list, quoted};
use super::{
    Attribution, Basis, ConnectorRef, Decision, Direction, Forest, Transaction, shortfall,
};

/// A recipient, attributed, and what the policy needs to know of it.
pub(super) struct Arrival {
    pub(super) attribution: Attribution,
    pub(super) mailbox: Mailbox,
    pub(super) coverage: Coverage,
    /// What the tenant's Partner connectors say, if they were asked.
    pub(super) partners: Option<Partners>,
}

/// Attributes one recipient; the answer is the policy's.
pub(super) fn attribute(forest: &Forest, transaction: &Transaction, rcpt: &str) -> Arrival {
    let mailbox = Mailbox::parse(rcpt);
    let coverage = mailbox
        .domain()
        .map(|domain| forest.index.owners(domain))
        .unwrap_or_default();
    let mut arrival = Arrival {
        attribution: Attribution {
            rcpt: rcpt.to_owned(),
            tenant: None,
            direction: Direction::None,
            basis: Basis::None,
            connector: None,
            matched_name: None,
            recipient_tenant: coverage.only(),
            external: true,
            answer: Answer::Refused(Refusal::RelayDenied),
            why: transaction.why.clone(),
        },
        mailbox,
        coverage,
        partners: None,
    };
    match &transaction.decision {
        Decision::Tie => {}
        Decision::Originating {
            basis,
            connector,
            matched_name,
        } => {
            let attribution = &mut arrival.attribution;
            attribution.basis = *basis;
            attribution.connector = Some(*connector);
            attribution.matched_name.clone_from(matched_name);
            arrival.originating(forest, connector.tenant);
        }
        Decision::Open => arrival.incoming(forest, transaction),
    }
    arrival
}

impl Arrival {
    fn originating(&mut self, forest: &Forest, tenant: TenantIndex) {
        let attribution = &mut self.attribution;
        attribution.tenant = Some(tenant);
        attribution.direction = Direction::Originating;
        attribution.external = self.coverage.of(tenant).is_none();
        if !attribution.external {
            return;
        }
        if let Some(problem) = without_domain(&self.mailbox) {
            attribution.why.push(problem);
        }
        attribution.why.push(match attribution.recipient_tenant {
            Some(other) => {
                let by = forest.world.tenant(tenant);
                let by = by.map_or_else(String::new, |tenant| quoted(&tenant.name));
                let domain = self.mailbox.domain().map_or("", DomainName::as_str);
                note(Reason::RoutedOn)
                    .tenant(other)
                    .value(domain)
                    .against(format!("tenant {by}"))
            }
            None => note(Reason::RelayAllowed).tenant(tenant),
        });
    }

    fn incoming(&mut self, forest: &Forest, transaction: &Transaction) {
        let why = &mut self.attribution.why;
        let Some(domain) = self.mailbox.domain() else {
            why.extend(without_domain(&self.mailbox));
            return;
        };
        several_owners(forest, Stage::Recipient, domain, &self.coverage, why);
        let Some(tenant) = self.attribution.recipient_tenant else {
            if self.coverage.is_empty() {
                why.push(note(Reason::RecipientUnowned).value(domain.as_str()));
                shortfall::note(forest, Stage::Recipient, domain, None, why);
            } else {
                let tenants = self.coverage.tenants().len();
                why.push(tie_summary(forest, Stage::Recipient, tenants));
            }
            return;
        };
        why.push(
            chosen(Reason::RecipientAccepted)
                .tenant(tenant)
                .value(domain.as_str()),
        );
        self.attribution.tenant = Some(tenant);
        self.attribution.direction = Direction::Incoming;
        self.attribution.basis = Basis::Recipient;
        self.attribution.external = false;
        let Some(candidate) = self.credited(forest, transaction, tenant) else {
            self.ask_partners(forest, transaction, tenant);
            return;
        };
        self.attribution.connector = Some(candidate.entry.at);
        self.attribution.matched_name = candidate.via.name();
    }

    /// The OnPremises connector of the tenant that certificate or address matches, if the profile
    /// credits it.
    fn credited<'a>(
        &mut self,
        forest: &Forest,
        transaction: &'a Transaction,
        tenant: TenantIndex,
    ) -> Option<&'a Candidate> {
        let why = &mut self.attribution.why;
        let mut own: Vec<&Candidate> = transaction
            .candidates
            .iter()
            .filter(|candidate| candidate.tenant() == tenant)
            .filter(|candidate| candidate.reach == Reach::Attributes)
            .collect();
        own.sort_by_key(|candidate| candidate.precedence());
        let (first, others) = own.split_first()?;
        if !forest.world.profile.rcpt_uses_onprem {
            let lost = |candidate: &&Candidate| {
                let why = lost(Reason::OnPremisesNotCredited).connector(candidate.entry.at);
                vec![why.value(candidate.via.value())]
            };
            list(own.iter(), lost, why);
            return None;
        }
        why.push(
            chosen(Reason::OnPremisesCredited)
                .connector(first.entry.at)
                .value(first.via.value()),
        );
        let later = |other: &&Candidate| {
            let mut why = other.outranked(first);
            why.stage = Stage::Recipient;
            vec![why]
        };
        list(others.iter(), later, why);
        if !forest.index.partners(tenant).is_empty() {
            why.push(note(Reason::PartnersNotConsulted).connector(first.entry.at));
        }
        Some(first)
    }

    fn ask_partners(&mut self, forest: &Forest, transaction: &Transaction, tenant: TenantIndex) {
        let why = &mut self.attribution.why;
        expectation::note(forest, transaction.came(), Stage::Recipient, &[tenant], why);
        let partners = partner::consult(forest, transaction, tenant, &self.coverage, why);
        // A violated one refuses the message: neither another one nor the default takes it.
        self.attribution.connector = partners.violated.or(partners.credited);
        if self.attribution.connector.is_none() {
            why.push(chosen(Reason::DefaultConnector).tenant(tenant));
        }
        self.partners = Some(partners);
    }

    /// A connector of the tenant that certificate or address matches, whether credited or not.
    pub(super) fn matching(&self, transaction: &Transaction) -> Option<ConnectorRef> {
        let tenant = self.attribution.tenant?;
        let mut own = transaction.candidates.iter().map(|found| found.entry.at);
        own.find(|at| at.tenant == tenant)
            .or_else(|| self.partners.as_ref()?.matched)
    }
}

fn without_domain(mailbox: &Mailbox) -> Option<Why> {
    let (text, problem) = match mailbox {
        Mailbox::Proper { .. } => return None,
        Mailbox::Null => ("<>", "it is empty"),
        Mailbox::Without { text, problem } => (text.as_str(), problem.text()),
    };
    let line = note(Reason::RecipientWithoutDomain).value(text);
    Some(line.against(problem))
}

fn note(reason: Reason) -> Why {
    Why::new(Stage::Recipient, Outcome::Note, reason)
}

fn chosen(reason: Reason) -> Why {
    Why::new(Stage::Recipient, Outcome::Chosen, reason)
}

fn lost(reason: Reason) -> Why {
    Why::new(Stage::Recipient, Outcome::Lost, reason)
}
