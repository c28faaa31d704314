//! What is refused after attribution (`exchange-online.md` section 1.3 step 4, sections 1.10 to
//! 1.13 and 3.1). The first refusal in the listed order is given.

use crate::reply::{Answer, Refusal};
use crate::world::{DomainType, Region, RelayRefusal, Tenant, TenantIndex};

use super::address::Mailbox;
use super::recipient::Arrival;
use super::why::{Outcome, Reason, Stage, Why};
use super::{Attribution, ConnectorRef, Decision, Direction, Forest, Transaction};

/// Gives the answer. With it comes the region that an accepted recipient binds the transaction to.
pub(super) fn apply(
    forest: &Forest,
    transaction: &Transaction,
    arrival: Arrival,
) -> (Attribution, Option<Region>) {
    let mut policy = Policy {
        forest,
        transaction,
        region: None,
        notes: Vec::new(),
        arrival,
    };
    let refused = policy.first_refusal();
    let mut attribution = policy.arrival.attribution;
    attribution.why.append(&mut policy.notes);
    match refused {
        Some(Refused { refusal, why }) => {
            attribution.why.push(why);
            attribution.answer = Answer::Refused(refusal);
            (attribution, None)
        }
        None => {
            attribution.answer = Answer::Accepted;
            (attribution, policy.region)
        }
    }
}

struct Policy<'a> {
    forest: &'a Forest,
    transaction: &'a Transaction,
    arrival: Arrival,
    /// The region of an incoming recipient.
    region: Option<Region>,
    notes: Vec<Why>,
}

struct Refused {
    refusal: Refusal,
    why: Why,
}

impl Policy<'_> {
    fn first_refusal(&mut self) -> Option<Refused> {
        let Some(at) = self.arrival.attribution.tenant else {
            return Some(self.relay_denied());
        };
        let tenant = self.forest.world.tenant(at)?;
        self.note_disabled(at);
        match self.arrival.attribution.direction {
            Direction::Incoming => self
                .partner()
                .or_else(|| self.direct_send(at, tenant))
                .or_else(|| self.blocked())
                .or_else(|| self.no_mail(at, tenant))
                .or_else(|| self.unknown_recipient(at, tenant))
                .or_else(|| self.regions(at, tenant)),
            Direction::Originating | Direction::None => self
                .blocked()
                .or_else(|| self.threshold(at, tenant))
                .or_else(|| self.unknown_recipient(at, tenant)),
        }
    }

    /// Section 1.12: 5.7.51, and RequireTls without TLS.
    fn partner(&self) -> Option<Refused> {
        let partners = self.arrival.partners?;
        if let Some(violated) = partners.violated {
            let why = refused(Reason::PartnerRestriction).connector(violated);
            let why = why.value(partners.missed.text());
            return refuse(Refusal::PartnerRestriction, why);
        }
        let credited = partners.credited?;
        let connector = self.forest.connector(credited)?;
        if !connector.require_tls || self.transaction.tls {
            return None;
        }
        let why = refused(Reason::TlsRequired).connector(credited);
        refuse(Refusal::TlsRequired, why)
    }

    /// Section 1.13.
    fn direct_send(&mut self, at: TenantIndex, tenant: &Tenant) -> Option<Refused> {
        if !tenant.organization.reject_direct_send {
            return None;
        }
        if let Some(connector) = self.arrival.matching(self.transaction) {
            let note = note(Reason::DirectSendConnector).connector(connector);
            self.notes.push(note);
            return None;
        }
        let Some(domain) = self.transaction.sender.domain() else {
            self.notes
                .push(note(Reason::DirectSendNullSender).tenant(at));
            return None;
        };
        self.forest.index.owners(domain).of(at)?;
        let why = refused(Reason::DirectSend).tenant(at);
        refuse(Refusal::DirectSend, why.value(domain.as_str()))
    }

    /// Section 1.10: without tenant there is no relay.
    fn relay_denied(&self) -> Refused {
        Refused {
            refusal: match self.forest.world.profile.relay_refusal {
                RelayRefusal::Attr36 if self.matched_without_accepted() => {
                    Refusal::RelayDeniedAttr36
                }
                RelayRefusal::Attr36 | RelayRefusal::TenantAttribution => Refusal::RelayDenied,
            },
            why: refused(Reason::RelayDenied),
        }
    }

    /// A connector matches, but neither its certificate domain nor the sender domain is accepted.
    fn matched_without_accepted(&self) -> bool {
        let sender = self.transaction.sender.domain();
        let owners = sender.map(|domain| self.forest.index.owners(domain));
        let accepted = |at: ConnectorRef| {
            let owners = owners.as_ref();
            owners.is_some_and(|owners| owners.of(at.tenant).is_some())
        };
        let candidates = &self.transaction.candidates;
        matches!(self.transaction.decision, Decision::Open)
            && !candidates.is_empty()
            && candidates
                .iter()
                .all(|found| !found.via.is_accepted() && !accepted(found.entry.at))
    }

    fn blocked(&self) -> Option<Refused> {
        let at = self.arrival.attribution.connector?;
        let connector = self.forest.connector(at)?;
        if !connector.blocked {
            return None;
        }
        let why = refused(Reason::ConnectorBlocked).connector(at);
        refuse(Refusal::BadConnector, why)
    }

    fn threshold(&self, at: TenantIndex, tenant: &Tenant) -> Option<Refused> {
        if !tenant.quota.exceeded {
            return None;
        }
        let why = refused(Reason::TenantThreshold).tenant(at);
        refuse(Refusal::TenantThreshold, why)
    }

    fn no_mail(&self, at: TenantIndex, tenant: &Tenant) -> Option<Refused> {
        if tenant.mail_enabled {
            return None;
        }
        let why = refused(Reason::NoMailSubscription).tenant(at);
        refuse(Refusal::NoMailSubscription, why)
    }

    /// Directory-based blocking: what accepts the recipient must be Authoritative, and the
    /// tenant's recipients known.
    fn unknown_recipient(&self, at: TenantIndex, tenant: &Tenant) -> Option<Refused> {
        let Mailbox::Proper { address, .. } = &self.arrival.mailbox else {
            return None;
        };
        let recipients = tenant.recipients.as_ref()?;
        let covering = self.arrival.coverage.of(at)?;
        let accepted = self.forest.accepted_domain(covering.at)?;
        let authoritative = match accepted.domain_type {
            DomainType::Authoritative => true,
            DomainType::InternalRelay | DomainType::ExternalRelay => false,
        };
        if !authoritative || recipients.contains(address) {
            return None;
        }
        let why = refused(Reason::RecipientUnknown).tenant(at);
        let why = why
            .value(address.as_str())
            .against(accepted.domain.as_str());
        refuse(Refusal::RecipientUnknown, why)
    }

    /// Section 1.11: 4.5.3 before 4.4.62, for incoming recipients only.
    fn regions(&mut self, at: TenantIndex, tenant: &Tenant) -> Option<Refused> {
        let region = self.recipient_region(at, tenant);
        let line = |outcome, reason, against: &Region| {
            let why = Why::new(Stage::Policy, outcome, reason).tenant(at);
            why.value(region.as_str()).against(against.as_str())
        };
        let earlier = self.transaction.accepted_region.as_ref();
        if let Some(earlier) = earlier.filter(|earlier| **earlier != region) {
            let why = line(Outcome::Refused, Reason::MultipleRegions, earlier);
            return refuse(Refusal::MultipleRegions, why);
        }
        let endpoint = self.transaction.region.as_ref();
        if let Some(endpoint) = endpoint.filter(|endpoint| **endpoint != region) {
            let organization = &tenant.organization;
            let allowed = tenant.allowed_regions.contains(endpoint);
            if !organization.in_region_routing_enabled || !allowed {
                let why = line(Outcome::Refused, Reason::WrongRegion, endpoint);
                return refuse(Refusal::WrongRegion, why);
            }
            let note = line(Outcome::Note, Reason::AllowedRegion, endpoint);
            self.notes.push(note);
        }
        self.region = Some(region);
        None
    }

    /// The tenant's region, or with In-Region Routing that of the accepted domain.
    fn recipient_region(&mut self, at: TenantIndex, tenant: &Tenant) -> Region {
        let covering = self.arrival.coverage.of(at);
        let accepted = covering.and_then(|covering| self.forest.accepted_domain(covering.at));
        let own = accepted
            .filter(|_| tenant.organization.in_region_routing_enabled)
            .and_then(|accepted| Some((accepted, accepted.mail_flow_region.as_ref()?)));
        let Some((accepted, region)) = own else {
            return tenant.region.clone();
        };
        let line = note(Reason::MailFlowRegion).tenant(at);
        let line = line.value(region.as_str());
        self.notes.push(line.against(accepted.domain.as_str()));
        region.clone()
    }

    fn note_disabled(&mut self, at: TenantIndex) {
        let covering = self.arrival.coverage.of(at);
        let accepted = covering.and_then(|covering| self.forest.accepted_domain(covering.at));
        if let Some(accepted) = accepted.filter(|accepted| accepted.sending_to_disabled) {
            let line = note(Reason::SendingToDisabled).tenant(at);
            self.notes.push(line.value(accepted.domain.as_str()));
        }
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the last word of every check")]
fn refuse(refusal: Refusal, why: Why) -> Option<Refused> {
    Some(Refused { refusal, why })
}

fn refused(reason: Reason) -> Why {
    Why::new(Stage::Policy, Outcome::Refused, reason)
}

fn note(reason: Reason) -> Why {
    Why::new(Stage::Policy, Outcome::Note, reason)
}
