//! What the Partner connectors say, in words.

use crate::attribution::certificate::inactive_reason;
use crate::attribution::index::Coverage;
use crate::attribution::sender::listed_in_vain;
use crate::attribution::why::{Outcome, Reason, Stage, Why};
use crate::attribution::{Forest, Transaction};
use crate::world::SenderDomain;

use super::{Asked, Exclusion, Missed, Partners, Standing, Via, restricts};

/// Puts the standings into words.
pub(super) struct Telling<'a> {
    pub(super) forest: &'a Forest,
    pub(super) transaction: &'a Transaction,
    pub(super) partners: Partners,
    pub(super) coverage: &'a Coverage,
}

impl Telling<'_> {
    pub(super) fn lines(&self, asked: &Asked<'_>) -> Vec<Why> {
        let mut lines = vec![self.line(asked)];
        if self.transaction.sender.domain().is_none() && !asked.standing.is_left_out() {
            let any = asked.connector.sender_domains.contains(&SenderDomain::Any);
            lines.extend(any.then(|| {
                let reason = Reason::PartnerCoversAnySender;
                Why::new(Stage::Recipient, Outcome::Note, reason).connector(asked.at)
            }));
        }
        lines
    }

    fn line(&self, asked: &Asked<'_>) -> Why {
        let line =
            |outcome, reason| Why::new(Stage::Recipient, outcome, reason).connector(asked.at);
        match asked.standing {
            Standing::Matches(via) => self.matched(asked, via),
            Standing::BySender => self.by_sender(asked),
            Standing::Violated(missed) => match self.partners.credited {
                Some(credited) if self.partners.violated.is_none() => {
                    line(Outcome::Note, Reason::RestrictionSatisfied).rival(credited)
                }
                Some(_) | None => self.violated(asked, missed),
            },
            Standing::Excluded(Exclusion::Inactive) => {
                let reason = inactive_reason(self.forest, asked.at);
                line(Outcome::Lost, reason).value("this message")
            }
            Standing::Excluded(Exclusion::Sender) => {
                let sender = self.transaction.sender.domain().map(ToString::to_string);
                let sender = sender.unwrap_or_else(|| "a message without sender domain".to_owned());
                line(Outcome::Lost, Reason::PartnerSenderDomains).value(sender)
            }
            Standing::Excluded(Exclusion::Recipient) => {
                let covering = self.coverage.first();
                let accepted = covering.and_then(|at| self.forest.accepted_domain(at));
                let domain = accepted.map_or("", |accepted| accepted.domain.as_str());
                line(Outcome::Lost, Reason::PartnerAssociatedDomains).value(domain)
            }
            Standing::Excluded(Exclusion::NoMatch) => self.unmatched(asked),
        }
    }

    fn matched(&self, asked: &Asked<'_>, via: Via) -> Why {
        let line = |outcome, reason| {
            Why::new(Stage::Recipient, outcome, reason)
                .connector(asked.at)
                .value(self.via_text(asked, via))
        };
        match (self.partners.violated, self.partners.credited) {
            (Some(violated), _) => line(Outcome::Lost, Reason::PartnerOverridden).rival(violated),
            (None, Some(credited)) if credited != asked.at => {
                line(Outcome::Lost, Reason::PartnerLaterByName).rival(credited)
            }
            // That it matches without a Restrict flag is a decision of section 1.18.
            (None, _) => {
                line(Outcome::Chosen, Reason::PartnerMatched).guess(!restricts(asked.connector))
            }
        }
    }

    fn by_sender(&self, asked: &Asked<'_>) -> Why {
        let line = |outcome, reason| {
            let why = Why::new(Stage::Recipient, outcome, reason).connector(asked.at);
            why.value("by its SenderDomains alone")
        };
        let partners = self.partners;
        match (partners.violated, partners.credited, partners.matched) {
            (Some(violated), _, _) => {
                line(Outcome::Lost, Reason::PartnerOverridden).rival(violated)
            }
            (None, Some(credited), Some(_)) => {
                line(Outcome::Lost, Reason::PartnerAfterOthers).rival(credited)
            }
            (None, Some(credited), None) if credited != asked.at => {
                line(Outcome::Lost, Reason::PartnerLaterByName).rival(credited)
            }
            (None, _, _) => line(Outcome::Chosen, Reason::PartnerBySender),
        }
    }

    fn violated(&self, asked: &Asked<'_>, missed: Missed) -> Why {
        let (expected, instead) = missed.expectation(asked.connector, self.transaction.came());
        // That one of two does not do is a decision of section 1.18.
        let both = asked.connector.restrict_domains_to_certificate
            && asked.connector.restrict_domains_to_ip_addresses;
        Why::new(Stage::Recipient, Outcome::Lost, Reason::PartnerUnsatisfied)
            .connector(asked.at)
            .value(expected)
            .against(instead)
            .guess(both && missed != Missed::Both)
    }

    fn unmatched(&self, asked: &Asked<'_>) -> Why {
        let line = |reason| Why::new(Stage::Recipient, Outcome::Lost, reason).connector(asked.at);
        let ip = self.transaction.ip;
        if let Some(network) = listed_in_vain(asked.connector, ip) {
            return line(Reason::UnusableValue)
                .value(format!("the address {ip}"))
                .against(format!("SenderIPAddresses {network}"));
        }
        let came = self.transaction.came();
        let (expected, instead) = came.expected_by(asked.connector).unwrap_or_default();
        line(Reason::PartnerNoMatch)
            .value(expected)
            .against(instead)
    }

    fn via_text(&self, asked: &Asked<'_>, via: Via) -> String {
        let came = self.transaction.came();
        let name = || {
            let name = came.name_matching(self.forest, asked.connector);
            format!("the certificate name {}", name.unwrap_or_default())
        };
        let address = came.ip;
        match via {
            Via::Certificate => name(),
            Via::Address => format!("the address {address}"),
            Via::Both => format!("{} and the address {address}", name()),
        }
    }
}
