//! What is refused after attribution (`exchange-online.md` section 1.3 step 4, sections 1.10 to
//! 1.13 and 3.1). The first refusal in the listed order is given, and the others are named.

use crate::reply::{Answer, Refusal};
use crate::world::{DomainType, Region, RelayRefusal, Tenant, TenantIndex};

use super::address::Mailbox;
use super::recipient::Arrival;
use super::why::{Outcome, Reason, Stage, Why};
use super::{Attribution, ConnectorRef, Decision, Direction, Forest, Transaction};

/// Gives the answer. With it comes the region of an incoming recipient: an accepted one binds the
/// transaction to it.
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
    let mut refusals = policy.refusals().into_iter();
    let first = refusals.next();
    let later: Vec<Why> = refusals.map(|later| later.would_follow(forest)).collect();
    let mut attribution = policy.arrival.attribution;
    attribution.why.append(&mut policy.notes);
    attribution.answer = match first {
        Some(Refused { refusal, why }) => {
            attribution.why.push(why);
            Answer::Refused(refusal)
        }
        None => Answer::Accepted,
    };
    attribution.why.extend(later);
    (attribution, policy.region)
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

impl Refused {
    /// The line for one that comes after the first.
    fn would_follow(&self, forest: &Forest) -> Why {
        let mut line = note(Reason::WouldFollow);
        line.tenant = self.why.tenant;
        line.connector = self.why.connector;
        let code: Vec<&str> = self.refusal.text().split(' ').take(2).collect();
        let sentence = self.why.sentence(&forest.world);
        line.value(code.join(" ")).against(sentence)
    }
}

/// One check of an attributed recipient.
type Check = fn(&mut Policy<'_>, TenantIndex, &Tenant) -> Option<Refused>;

/// For mail to the tenant, in the order of section 1.3 step 4. Where step 4 is silent: a blocked
/// connector before anything about the recipient, ATTR5 (section 1.11) with step e.
const INCOMING: &[Check] = &[
    |policy, _, _| policy.partner(),
    |policy, at, tenant| policy.direct_send(at, tenant),
    |policy, _, _| policy.blocked(),
    |policy, at, tenant| policy.unknown_recipient(at, tenant),
    |policy, at, tenant| policy.no_mail(at, tenant),
    |policy, at, _| policy.several_regions(at),
    |policy, at, tenant| policy.wrong_region(at, tenant),
];

/// For mail from the tenant.
const ORIGINATING: &[Check] = &[
    |policy, _, _| policy.blocked(),
    |policy, at, tenant| policy.threshold(at, tenant),
    |policy, at, tenant| policy.unknown_recipient(at, tenant),
];

impl Policy<'_> {
    /// All refusals, in the listed order; notes only up to the first.
    fn refusals(&mut self) -> Vec<Refused> {
        let Some(at) = self.arrival.attribution.tenant else {
            return vec![self.relay_denied()];
        };
        let Some(tenant) = self.forest.world.tenant(at) else {
            return vec![self.relay_denied()];
        };
        self.note_disabled(at);
        let checks: &[Check] = match self.arrival.attribution.direction {
            Direction::Incoming => {
                let (region, notes) = self.recipient_region(at, tenant);
                self.region = Some(region);
                self.notes.extend(notes);
                INCOMING
            }
            Direction::Originating | Direction::None => {
                self.note_region();
                ORIGINATING
            }
        };
        let mut refusals = Vec::new();
        for check in checks {
            let notes = self.notes.len();
            let refused = check(self, at, tenant);
            if !refusals.is_empty() {
                self.notes.truncate(notes);
            }
            refusals.extend(refused);
        }
        refusals
    }

    /// Section 1.12: 5.7.51, and RequireTls without TLS.
    fn partner(&self) -> Option<Refused> {
        let partners = self.arrival.partners?;
        if let Some(violated) = partners.violated {
            let connector = self.forest.connector(violated)?;
            let came = self.transaction.came();
            let (expected, instead) = partners.missed.expectation(connector, came);
            let why = refused(Reason::PartnerRestriction).connector(violated);
            let why = why.value(expected).against(instead);
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
        let partners = self.arrival.partners;
        let left_out = partners.and_then(|partners| partners.left_out);
        let by_sender = partners.and_then(|partners| partners.credited);
        let why = match (left_out, by_sender) {
            (Some(left_out), _) => refused(Reason::DirectSendExcluded).connector(left_out),
            (None, Some(by_sender)) => refused(Reason::DirectSendBySender).connector(by_sender),
            (None, None) => refused(Reason::DirectSend).tenant(at),
        };
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

    /// Section 1.11: 4.5.3, for incoming recipients only. What was refused does not count.
    fn several_regions(&mut self, at: TenantIndex) -> Option<Refused> {
        let region = self.region.as_ref()?;
        let Some(earlier) = self.transaction.accepted_region.as_ref() else {
            let refused = self.transaction.refused_region.as_ref();
            if let Some(refused) = refused.filter(|refused| *refused != region) {
                let line = note(Reason::RefusedDoesNotBind).tenant(at);
                self.notes.push(line.value(refused.as_str()));
            }
            return None;
        };
        if earlier == region {
            return None;
        }
        let why = refused(Reason::MultipleRegions).tenant(at);
        let why = why.value(region.as_str()).against(earlier.as_str());
        refuse(Refusal::MultipleRegions, why)
    }

    /// Section 1.11: 4.4.62, for incoming recipients only.
    fn wrong_region(&mut self, at: TenantIndex, tenant: &Tenant) -> Option<Refused> {
        let region = self.region.as_ref()?;
        let endpoint = self.transaction.region.as_ref();
        let endpoint = endpoint.filter(|endpoint| *endpoint != region)?;
        let routing = tenant.organization.in_region_routing_enabled;
        let listed = tenant.allowed_regions.contains(endpoint);
        let line = |line: Why| {
            line.tenant(at)
                .value(region.as_str())
                .against(endpoint.as_str())
        };
        let because = |reason| note(reason).tenant(at).value(endpoint.as_str());
        match (routing, listed) {
            (true, true) => {
                self.notes.push(line(note(Reason::AllowedRegion)));
                return None;
            }
            (true, false) => self.notes.push(because(Reason::RegionNotAllowed)),
            (false, true) => self.notes.push(because(Reason::InRegionRoutingOff)),
            (false, false) => {}
        }
        let why = line(refused(Reason::WrongRegion));
        refuse(Refusal::WrongRegion, why)
    }

    /// The tenant's region, or with In-Region Routing that of the accepted domain; with what is to
    /// be said of the latter.
    fn recipient_region(&self, at: TenantIndex, tenant: &Tenant) -> (Region, Option<Why>) {
        let covering = self.arrival.coverage.of(at);
        let accepted = covering.and_then(|covering| self.forest.accepted_domain(covering.at));
        let own =
            accepted.and_then(|accepted| Some((accepted, accepted.mail_flow_region.as_ref()?)));
        let Some((accepted, region)) = own else {
            return (tenant.region.clone(), None);
        };
        let line = |reason| {
            let line = note(reason).tenant(at).value(region.as_str());
            line.against(accepted.domain.as_str())
        };
        if tenant.organization.in_region_routing_enabled {
            (region.clone(), Some(line(Reason::MailFlowRegion)))
        } else {
            let differs = *region != tenant.region;
            let off = differs.then(|| line(Reason::MailFlowRegionOff));
            (tenant.region.clone(), off)
        }
    }

    /// An originating message is at the right endpoint wherever the recipient is.
    fn note_region(&mut self) {
        let recipient = self.arrival.attribution.recipient_tenant;
        let tenant = recipient.and_then(|at| Some((at, self.forest.world.tenant(at)?)));
        let endpoint = self.transaction.region.as_ref();
        if let (Some((at, tenant)), Some(endpoint)) = (tenant, endpoint)
            && tenant.region != *endpoint
        {
            let line = note(Reason::RegionNotChecked).tenant(at);
            let line = line.value(tenant.region.as_str());
            self.notes.push(line.against(endpoint.as_str()));
        }
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
