//! One message's envelope, with the world as it was at MAIL.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use tenantry_smtp::Reply;

use crate::attribution::{self, Attribution, Basis, ConnectorRef, Direction, Why};
use crate::journal::{Record, SessionSeen};
use crate::reply::{Answer, Refusal};
use crate::service::message::{Arrived, Message};
use crate::service::quota::Demand;
use crate::service::rules::Rulebook;
use crate::service::shared::Shared;
use crate::world::{DomainName, Profile, RelayRejectAt, Tenant, TenantIndex};

pub(super) struct Transaction {
    pub(super) rulebook: Arc<Rulebook>,
    attribution: attribution::Transaction,
    pub(super) mail_from: String,
    xoorg: Option<String>,
    /// The recipients that were answered positively; some may be refused at the end of data.
    pub(super) held: Vec<Attribution>,
    per_domain: HashMap<String, u32>,
    /// The content, once it has begun.
    pub(super) message: Option<Message>,
    /// What the first chunk is answered with by a fault.
    pub(super) chunk_reply: Option<Reply>,
    /// That fault.
    pub(super) chunk_fault: Option<String>,
}

/// What the service makes of a recipient.
pub(super) enum Heard {
    /// It is answered positively.
    Held(Box<Attribution>),
    /// It is refused at once.
    Refused(Refusal, Box<Attribution>),
}

/// What one tenant gets of a message.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) tenant: Option<TenantIndex>,
    pub(super) direction: Direction,
    pub(super) basis: Basis,
    connector: Option<ConnectorRef>,
    matched_name: Option<String>,
    rcpt_to: Vec<String>,
    why: Vec<Why>,
}

/// How a message ended.
pub(super) struct Outcome<'a> {
    pub(super) accepted: bool,
    /// Absent where a fault says nothing.
    pub(super) reply: Option<&'a Reply>,
    pub(super) unanswered: bool,
    /// The fault that had a hand in it.
    pub(super) fault: Option<String>,
}

impl Transaction {
    pub(super) fn new(
        rulebook: Arc<Rulebook>,
        attribution: attribution::Transaction,
        mail_from: String,
        xoorg: Option<String>,
    ) -> Self {
        Self {
            rulebook,
            attribution,
            mail_from,
            xoorg,
            held: Vec::new(),
            per_domain: HashMap::new(),
            message: None,
            chunk_reply: None,
            chunk_fault: None,
        }
    }

    pub(super) fn profile(&self) -> &Profile {
        &self.rulebook.forest.world().profile
    }

    /// Attributes the next recipient and says what to answer.
    pub(super) fn recipient(&mut self, shared: &Shared, rcpt: &str) -> Heard {
        let attribution = self.attribution.recipient(&self.rulebook.forest, rcpt);
        if self.is_full(shared, rcpt) {
            return Heard::Refused(Refusal::TooManyRecipients, Box::new(attribution));
        }
        match attribution.answer {
            Answer::Accepted => match self.quota_refusal(shared, &attribution) {
                Some(refusal) => Heard::Refused(refusal, Box::new(attribution)),
                None => Heard::Held(Box::new(attribution)),
            },
            Answer::Refused(refusal) if self.waits(refusal) => Heard::Held(Box::new(attribution)),
            Answer::Refused(refusal) => Heard::Refused(refusal, Box::new(attribution)),
        }
    }

    /// Whether there are as many recipients as may be, in all or in this one's domain.
    fn is_full(&self, shared: &Shared, rcpt: &str) -> bool {
        let all = u32::try_from(self.held.len()).unwrap_or(u32::MAX);
        let near = self.per_domain.get(&domain_of(rcpt)).copied();
        let limits = &shared.limits;
        all >= limits.recipients || near.unwrap_or_default() >= limits.recipients_per_domain
    }

    /// Whether a refusal waits for the end of data.
    fn waits(&self, refusal: Refusal) -> bool {
        let profile = self.profile();
        let late = match profile.relay_reject_at {
            RelayRejectAt::EndOfData => true,
            // The From header is known no earlier.
            RelayRejectAt::Rcpt => profile.p2_from,
        };
        late && is_about_the_message(refusal)
    }

    /// With `relay_reject_at = rcpt` the quota is looked at here too; it is counted at the end.
    fn quota_refusal(&self, shared: &Shared, next: &Attribution) -> Option<Refusal> {
        if self.profile().relay_reject_at == RelayRejectAt::EndOfData {
            return None;
        }
        let (tenant, demand) = self.demand(Some(next))?;
        let world = self.rulebook.forest.world();
        let quota = &world.tenant(tenant)?.quota;
        shared.quotas.refusal(tenant, quota, demand)
    }

    pub(super) fn hold(&mut self, attribution: Attribution) {
        let domain = domain_of(&attribution.rcpt);
        *self.per_domain.entry(domain).or_default() += 1;
        self.held.push(attribution);
    }

    /// Judges all recipients anew, for a profile that looks at the From header.
    pub(super) fn judge_again(&mut self, attribution: attribution::Transaction) {
        self.attribution = attribution;
        for held in &mut self.held {
            *held = self
                .attribution
                .recipient(&self.rulebook.forest, &held.rcpt);
        }
    }

    /// The refusal that waited for the end of data: that of the first recipient that has one.
    pub(super) fn refusal(&self) -> Option<Refusal> {
        self.held.iter().find_map(|held| match held.answer {
            Answer::Accepted => None,
            Answer::Refused(refusal) => Some(refusal),
        })
    }

    /// What the message uses up, and whose.
    pub(super) fn demand(&self, next: Option<&Attribution>) -> Option<(TenantIndex, Demand)> {
        let forest = &self.rulebook.forest;
        let originating = || {
            let all = self.held.iter().chain(next);
            all.filter(|one| one.direction == Direction::Originating)
        };
        let tenant = originating().find_map(|one| one.tenant)?;
        let owner = forest.world().tenant(tenant)?;
        if !is_limited(owner) {
            return None;
        }
        let sender = self.mail_from.rsplit_once('@');
        let sender = sender.and_then(|(_, domain)| DomainName::parse(domain).ok());
        let external = originating().filter(|one| one.external).count();
        let demand = Demand {
            external: u64::try_from(external).unwrap_or(u64::MAX),
            initial_sender: sender
                .as_ref()
                .is_some_and(|sender| is_initial(owner, sender)),
            unregistered_sender: sender.is_some_and(|sender| forest.owner(&sender).is_none()),
        };
        Some((tenant, demand))
    }

    /// The tenants that a fault may be meant for.
    pub(super) fn tenants(&self) -> Vec<TenantIndex> {
        let mut tenants: Vec<_> = self.held.iter().filter_map(concerned).collect();
        tenants.sort_unstable();
        tenants.dedup();
        tenants
    }

    /// The message by tenants, in the order of their first recipients.
    pub(super) fn parts(&self) -> Vec<Part> {
        let mut parts: Vec<Part> = Vec::new();
        for held in &self.held {
            let same =
                |part: &&mut Part| part.tenant == held.tenant && part.direction == held.direction;
            match parts.iter_mut().find(same) {
                Some(part) => part.add(held),
                None => parts.push(Part::of(held)),
            }
        }
        parts
    }

    /// What is known before the first recipient.
    pub(super) fn sender_alone(&self) -> Part {
        let (basis, connector, matched_name) = match self.attribution.decided() {
            Some((basis, connector, name)) => (basis, Some(connector), name),
            None => (Basis::None, None, None),
        };
        let tenant = self.attribution.tenant();
        Part {
            tenant,
            direction: tenant.map_or(Direction::None, |_| Direction::Originating),
            basis,
            connector,
            matched_name: matched_name.map(str::to_owned),
            rcpt_to: Vec::new(),
            why: self.attribution.why().to_vec(),
        }
    }

    /// The record of one part.
    pub(super) fn record(
        &self,
        session: &Arc<SessionSeen>,
        part: Part,
        number: usize,
        arrived: Option<&Arrived>,
        outcome: &Outcome<'_>,
    ) -> Record {
        // Of a part nobody can tell whose it is.
        let whole = arrived.filter(|arrived| arrived.complete);
        Record {
            at: Timestamp::now(),
            session: Arc::clone(session),
            forest: Arc::clone(&self.rulebook.forest),
            accepted: outcome.accepted,
            tenant: part.tenant,
            direction: part.direction,
            basis: part.basis,
            connector: part.connector,
            matched_name: part.matched_name,
            mail_from: self.mail_from.clone(),
            xoorg: self.xoorg.clone(),
            rcpt_to: part.rcpt_to,
            size: whole.map_or(0, |arrived| arrived.size),
            sha256: whole.map(|arrived| arrived.sha256),
            message_id: arrived.and_then(|arrived| arrived.header.message_id()),
            part: number,
            reply: outcome.reply.map(ToString::to_string).unwrap_or_default(),
            unanswered: outcome.unanswered,
            fault: outcome.fault.clone(),
            why: part.why,
        }
    }
}

impl Heard {
    pub(super) fn tenants(&self) -> Vec<TenantIndex> {
        match self {
            Self::Held(attribution) | Self::Refused(_, attribution) => {
                concerned(attribution).into_iter().collect()
            }
        }
    }

    pub(super) fn attribution(self) -> Attribution {
        match self {
            Self::Held(attribution) | Self::Refused(_, attribution) => *attribution,
        }
    }
}

impl Part {
    pub(super) fn of(attribution: &Attribution) -> Self {
        Self {
            tenant: attribution.tenant,
            direction: attribution.direction,
            basis: attribution.basis,
            connector: attribution.connector,
            matched_name: attribution.matched_name.clone(),
            rcpt_to: vec![attribution.rcpt.clone()],
            why: attribution.why.clone(),
        }
    }

    fn add(&mut self, attribution: &Attribution) {
        self.rcpt_to.push(attribution.rcpt.clone());
        for why in &attribution.why {
            if self.why.len() < MOST_WHY && !self.why.contains(why) {
                self.why.push(why.clone());
            }
        }
    }

    /// The service's header lines (`exchange-online.md` section 1.1), and the lab's.
    pub(super) fn stamps(&self, rulebook: &Rulebook, number: usize) -> String {
        let world = rulebook.forest.world();
        let tenant = self.tenant.and_then(|tenant| world.tenant(tenant));
        let connector = self.connector.and_then(|at| {
            let tenant = world.tenant(at.tenant)?;
            tenant.inbound_connectors.get(at.connector)
        });
        let directionality = match self.direction {
            Direction::Originating => "Originating",
            Direction::Incoming | Direction::None => "Incoming",
        };
        let id = tenant.map_or("", |tenant| tenant.id.as_str());
        let mut stamps = format!(
            "X-EOPAttributedMessage: 0\r\n\
             X-EOPTenantAttributedMessage: {}:{number}\r\n\
             X-MS-Exchange-Organization-MessageDirectionality: {directionality}\r\n\
             X-Tenantry-Lab-Basis: {}\r\n",
            in_header(id),
            self.basis.as_str(),
        );
        if let Some(connector) = connector {
            stamps.push_str("X-Tenantry-Lab-Connector: ");
            stamps.push_str(&in_header(&connector.name));
            stamps.push_str("\r\n");
        }
        stamps
    }
}

/// Refusals that attribution leads to are the message's; the others are the recipient's own
/// (`exchange-online.md` sections 1.11 and 4).
const fn is_about_the_message(refusal: Refusal) -> bool {
    match refusal {
        Refusal::RelayDenied
        | Refusal::RelayDeniedAttr36
        | Refusal::PartnerRestriction
        | Refusal::PartnerRestrictionShort
        | Refusal::TlsRequired
        | Refusal::DirectSend
        | Refusal::WrongRegion
        | Refusal::NoMailSubscription
        | Refusal::NoMailSubscriptionPermanent
        | Refusal::TemporaryAttr5
        | Refusal::TemporaryAttr55
        | Refusal::TemporaryAttr551
        | Refusal::HopCountAttr34
        | Refusal::HopCount
        | Refusal::BadConnector
        | Refusal::UnregisteredDomains
        | Refusal::TenantThreshold
        | Refusal::AddressNotAccepted
        | Refusal::TrialExternalRecipients
        | Refusal::ExternalRecipients
        | Refusal::InitialDomainSender
        | Refusal::ExchangeThrottled
        | Refusal::ExchangeBlocked
        | Refusal::ServerBusy
        | Refusal::TryAgainLater
        | Refusal::BannedAddress => true,
        Refusal::MultipleRegions | Refusal::TooManyRecipients | Refusal::RecipientUnknown => false,
    }
}

/// Whose a recipient is, for faults: attribution's tenant, or the recipient's.
fn concerned(attribution: &Attribution) -> Option<TenantIndex> {
    attribution.tenant.or(attribution.recipient_tenant)
}

const fn is_limited(tenant: &Tenant) -> bool {
    let quota = &tenant.quota;
    quota.external_recipients.is_some()
        || quota.initial_domain_recipients.is_some()
        || quota.unregistered_senders.is_some()
}

/// Whether a sender is in the tenant's domain under onmicrosoft.com.
fn is_initial(tenant: &Tenant, sender: &DomainName) -> bool {
    let mut domains = tenant.accepted_domains.iter();
    domains.any(|accepted| {
        let initial = accepted.initial || accepted.domain.as_str().ends_with(".onmicrosoft.com");
        initial && accepted.domain == *sender
    })
}

/// What recipients are counted by.
fn domain_of(rcpt: &str) -> String {
    let domain = rcpt.rsplit_once('@').map_or("", |(_, domain)| domain);
    DomainName::parse(domain).map_or_else(
        |_none| domain.to_ascii_lowercase(),
        |domain| domain.to_string(),
    )
}

/// Names are the administrator's; a header line is ours.
fn in_header(text: &str) -> String {
    let plain = |c: char| if matches!(c, ' '..='~') { c } else { '?' };
    text.chars().take(LONGEST_NAME).map(plain).collect()
}

/// Lines of why of one record.
const MOST_WHY: usize = 256;
const LONGEST_NAME: usize = 256;
