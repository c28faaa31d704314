//! The sender stage (`exchange-online.md` sections 1.3 step 2, 1.6 to 1.9).
//!
//! Certificate and address only nominate connectors; the domain of MAIL FROM chooses among their
//! tenants.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use crate::world::{AmbiguousPolicy, DomainName, TenantIndex};

use super::address::Mailbox;
use super::certificate::{Match, inactive_reason, tie_summary};
use super::expectation::{self, Came};
use super::index::{Coverage, Entry, network};
use super::why::{LISTED, Outcome, Reason, Stage, Why, list, list_first};
use super::{ConnectorRef, Forest, shortfall};

/// What MAIL FROM says.
pub(super) enum Sent {
    Connector {
        connector: ConnectorRef,
        /// The certificate name, if that nominated the connector.
        name: Option<String>,
    },
    /// Tenants tie, and the profile refuses.
    Tie,
    Nothing,
}

/// An active OnPremises connector that certificate or address matches.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub(super) entry: Entry,
    pub(super) via: Via,
    pub(super) reach: Reach,
}

/// What nominated it.
#[derive(Debug, Clone)]
pub(super) enum Via {
    Certificate(Match),
    Address(Arc<str>),
}

/// What it may be chosen for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    Attributes,
    /// It matches, but the profile keeps it from attributing.
    Matches,
}

/// All candidates, certificate before address, each in the order of names.
pub(super) fn candidates(
    forest: &Forest,
    ip: IpAddr,
    owners: &[TenantIndex],
    matches: Vec<Match>,
    why: &mut Vec<Why>,
) -> Vec<Candidate> {
    let falls = forest.world.profile.cert_unaccepted_falls_to_sender;
    let reach = |found: &Match| match falls || found.is_accepted() {
        true => Reach::Attributes,
        false => Reach::Matches,
    };
    let mut candidates: Vec<Candidate> = matches
        .into_iter()
        .map(|found| Candidate {
            entry: found.entry,
            reach: reach(&found),
            via: Via::Certificate(found),
        })
        .collect();
    let by_certificate = candidates.len();
    let kept_out = |candidate: &&Candidate| candidate.reach == Reach::Matches;
    let lost = |candidate: &Candidate| {
        let why = line(Outcome::Lost, Reason::CertificateIsNoCandidate, candidate);
        vec![why.value(candidate.via.value())]
    };
    let kept_out = candidates.iter().filter(kept_out);
    list_first(kept_out, |lost| owners.contains(&lost.tenant()), lost, why);
    let mut listed: Vec<Entry> = forest.index.active.by_address(ip).collect();
    listed.sort_unstable();
    listed.dedup();
    let address: Arc<str> = ip.to_string().into();
    for entry in listed {
        let certified = candidates.get(..by_certificate).unwrap_or_default();
        let known = certified
            .binary_search_by_key(&entry, |candidate| candidate.entry)
            .ok()
            .and_then(|at| certified.get(at))
            .is_some_and(|candidate| candidate.reach == Reach::Attributes);
        if !known {
            candidates.push(Candidate {
                entry,
                via: Via::Address(address.clone()),
                reach: Reach::Attributes,
            });
        }
    }
    near_misses(forest, ip, &address, owners, why);
    candidates
}

/// Connectors that list the address and do not take part.
fn near_misses(
    forest: &Forest,
    ip: IpAddr,
    address: &Arc<str>,
    owners: &[TenantIndex],
    why: &mut Vec<Why>,
) {
    let of_owner = |entry: &Entry| owners.contains(&entry.at.tenant);
    let index = &forest.index;
    let stage = Stage::Sender;
    if index.active.by_address(ip).next().is_none() {
        let reason = Reason::AddressMatchesNothing;
        why.push(Why::new(stage, Outcome::Note, reason).value(address.clone()));
    }
    let value = format!("the address {address}");
    let lost = |entry: Entry| {
        let reason = inactive_reason(forest, entry.at);
        let why = Why::new(stage, Outcome::Lost, reason).connector(entry.at);
        vec![why.value(value.as_str())]
    };
    list_first(index.inactive.by_address(ip), of_owner, lost, why);
    let unusable = |entry: Entry| {
        let why = Why::new(stage, Outcome::Lost, Reason::UnusableValue).connector(entry.at);
        let against = format!("SenderIPAddresses {}", unusable_text(forest, entry, ip));
        vec![why.value(value.as_str()).against(against)]
    };
    list_first(index.unusable.by_address(ip), of_owner, unusable, why);
    let partner = |entry: Entry| {
        let why = Why::new(stage, Outcome::Note, Reason::PartnerAttributesNothing);
        vec![why.connector(entry.at).value(value.as_str())]
    };
    list_first(index.partner.by_address(ip), of_owner, partner, why);
}

fn unusable_text(forest: &Forest, entry: Entry, ip: IpAddr) -> String {
    let addresses = forest.connector(entry.at);
    let addresses = addresses.map_or(&[][..], |connector| &connector.sender_ip_addresses);
    let mut networks = addresses.iter().filter_map(network);
    networks
        .find(|network| network.contains(&ip))
        .map(|network| network.to_string())
        .unwrap_or_default()
}

/// Decides by the domain of MAIL FROM, and by the From header where the profile has it.
pub(super) fn stage(
    forest: &Forest,
    came: Came<'_>,
    candidates: &[Candidate],
    sender: &Mailbox,
    header_from: Option<&str>,
    why: &mut Vec<Why>,
) -> Sent {
    let note = |reason| Why::new(Stage::Sender, Outcome::Note, reason);
    let sent = match sender {
        Mailbox::Proper { domain, .. } => choose(forest, came, candidates, domain, why),
        Mailbox::Null => {
            why.push(note(Reason::NullSender));
            without_domain(candidates, why)
        }
        Mailbox::Without { text, problem } => {
            let line = note(Reason::SenderWithoutDomain).value(text.as_str());
            why.push(line.against(problem.text()));
            without_domain(candidates, why)
        }
    };
    if !matches!(sent, Sent::Nothing) || !forest.world.profile.p2_from {
        return sent;
    }
    let Some(header) = header_from.map(Mailbox::of_header) else {
        return sent;
    };
    let Some(domain) = header.domain() else {
        return sent;
    };
    why.push(note(Reason::HeaderFromCounts).value(domain.as_str()));
    choose(forest, came, candidates, domain, why)
}

fn without_domain(candidates: &[Candidate], why: &mut Vec<Why>) -> Sent {
    let lost = |candidate| {
        let why = line(Outcome::Lost, Reason::NoSenderDomain, candidate);
        vec![why.against(candidate.via.value())]
    };
    list(candidates.iter().filter(attributes), lost, why);
    Sent::Nothing
}

fn choose(
    forest: &Forest,
    came: Came<'_>,
    candidates: &[Candidate],
    domain: &DomainName,
    why: &mut Vec<Why>,
) -> Sent {
    let coverage = forest.index.owners(domain);
    let owned = |candidate: &&Candidate| coverage.of(candidate.tenant()).is_some();
    let mut owned_ones: Vec<&Candidate> =
        candidates.iter().filter(attributes).filter(owned).collect();
    owned_ones.sort_by_key(|candidate| candidate.precedence());
    several_owners(forest, Stage::Sender, domain, &coverage, why);
    let tenants: BTreeSet<TenantIndex> = owned_ones.iter().map(|owned| owned.tenant()).collect();
    let sent = match owned_ones.split_first() {
        None => {
            unowned(forest, came, candidates, domain, &coverage, why);
            Sent::Nothing
        }
        Some((winner, others)) if tenants.len() == 1 => {
            why.push(said(
                Outcome::Chosen,
                Reason::SenderAccepted,
                winner,
                domain,
            ));
            disabled_domain(forest, &coverage, winner.tenant(), why);
            let lost = |other: &&Candidate| vec![other.outranked(winner)];
            list(others.iter(), lost, why);
            Sent::Connector {
                connector: winner.entry.at,
                name: winner.via.name(),
            }
        }
        Some(_) => tie(forest, &owned_ones, tenants.len(), why),
    };
    let foreign = candidates
        .iter()
        .filter(attributes)
        .filter(|candidate| !owned(candidate));
    let lost = |lost| vec![said(Outcome::Lost, Reason::SenderNotAccepted, lost, domain)];
    list(foreign, lost, why);
    sent
}

fn tie(forest: &Forest, tied: &[&Candidate], tenants: usize, why: &mut Vec<Why>) -> Sent {
    let one = |tied: &&Candidate| {
        let why = line(Outcome::Lost, Reason::Tie, tied);
        vec![why.value(tied.via.value())]
    };
    list(tied.iter(), one, why);
    why.push(tie_summary(forest, Stage::Sender, tenants));
    match forest.world.profile.ambiguous_policy {
        AmbiguousPolicy::RejectAndReport => Sent::Tie,
        AmbiguousPolicy::NextStage => Sent::Nothing,
    }
}

/// Nobody nominated owns the domain: whose is it, and what is missing?
fn unowned(
    forest: &Forest,
    came: Came<'_>,
    candidates: &[Candidate],
    domain: &DomainName,
    coverage: &Coverage,
    why: &mut Vec<Why>,
) {
    let note = |reason| Why::new(Stage::Sender, Outcome::Note, reason).value(domain.as_str());
    if coverage.is_empty() {
        why.push(note(Reason::SenderUnowned));
        shortfall::note(forest, Stage::Sender, domain, None, why);
    }
    let owners = coverage.tenants();
    for owner in owners.iter().copied().take(LISTED) {
        let reason = if forest.index.on_premises(owner).is_empty() {
            Reason::OwnerHasNoConnector
        } else if candidates.iter().any(|found| found.tenant() == owner) {
            Reason::OwnerKeptOut
        } else {
            Reason::OwnerWithoutConnector
        };
        why.push(note(reason).tenant(owner));
    }
    expectation::note(forest, came, Stage::Sender, &owners, why);
}

fn disabled_domain(forest: &Forest, coverage: &Coverage, tenant: TenantIndex, why: &mut Vec<Why>) {
    let covering = coverage.of(tenant);
    let accepted = covering.and_then(|covering| forest.accepted_domain(covering.at));
    if let Some(accepted) = accepted.filter(|accepted| accepted.sending_from_disabled) {
        let line = Why::new(Stage::Sender, Outcome::Note, Reason::SendingFromDisabled);
        why.push(line.tenant(tenant).value(accepted.domain.as_str()));
    }
}

/// Says who lists a domain that only one tenant can have.
pub(super) fn several_owners(
    forest: &Forest,
    stage: Stage,
    domain: &DomainName,
    coverage: &Coverage,
    why: &mut Vec<Why>,
) {
    if coverage.is_empty() || coverage.only().is_some() {
        return;
    }
    let owners = coverage.tenants();
    let names = owners.iter().take(LISTED).filter_map(|owner| {
        let tenant = forest.world.tenant(*owner);
        tenant.map(|tenant| tenant.name.as_str())
    });
    let names: Vec<&str> = names.collect();
    let line = Why::new(stage, Outcome::Note, Reason::SeveralOwners)
        .value(domain.as_str())
        .against(names.join(", "))
        .count(owners.len());
    why.push(line);
}

/// The certificate has decided: what the address and MAIL FROM would have said.
pub(super) fn passed_over(
    forest: &Forest,
    came: Came<'_>,
    sender: &Mailbox,
    winner: ConnectorRef,
    why: &mut Vec<Why>,
) {
    let ip = came.ip;
    let owner = sender.domain().map(|domain| forest.index.owners(domain));
    let owner = owner.and_then(|owners| owners.only());
    let of_owner = |entry: &Entry| Some(entry.at.tenant) == owner;
    let listed = forest.index.active.by_address(ip);
    let others = listed.filter(|entry| entry.at != winner);
    let lost = |entry: Entry| {
        let reason = Reason::CertificateBeforeAddress;
        let why = Why::new(Stage::Sender, Outcome::Lost, reason).connector(entry.at);
        vec![why.rival(winner).value(ip.to_string())]
    };
    list_first(others, of_owner, lost, why);
    let Some(domain) = sender.domain() else {
        return;
    };
    if let Some(owner) = owner.filter(|owner| *owner != winner.tenant) {
        let reason = Reason::SenderOfAnotherTenant;
        let line = Why::new(Stage::Sender, Outcome::Note, reason).tenant(owner);
        why.push(line.value(domain.as_str()));
        expectation::note(forest, came, Stage::Sender, &[owner], why);
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "a filter hands out references"
)]
fn attributes(candidate: &&Candidate) -> bool {
    candidate.reach == Reach::Attributes
}

fn line(outcome: Outcome, reason: Reason, candidate: &Candidate) -> Why {
    Why::new(Stage::Sender, outcome, reason).connector(candidate.entry.at)
}

fn said(outcome: Outcome, reason: Reason, candidate: &Candidate, domain: &DomainName) -> Why {
    line(outcome, reason, candidate)
        .value(domain.as_str())
        .against(candidate.via.value())
}

impl Candidate {
    pub(super) fn tenant(&self) -> TenantIndex {
        self.entry.at.tenant
    }

    /// Within one tenant: certificate before address, then as certificates rank, then by name.
    pub(super) fn precedence(&self) -> impl Ord + use<> {
        let rank = match &self.via {
            Via::Certificate(found) => Some(found.rank),
            Via::Address(_) => None,
        };
        (std::cmp::Reverse(rank), self.entry)
    }

    pub(super) fn outranked(&self, winner: &Self) -> Why {
        let why = match (&self.via, &winner.via) {
            (Via::Certificate(own), Via::Certificate(best)) if own.rank != best.rank => {
                own.outranked(best.rank)
            }
            (Via::Address(address), Via::Certificate(_)) => {
                let why = line(Outcome::Lost, Reason::CertificateBeforeAddress, self);
                why.value(address.clone())
            }
            (Via::Certificate(_) | Via::Address(_), _) => {
                line(Outcome::Lost, Reason::LaterByName, self)
            }
        };
        let mut why = why.rival(winner.entry.at);
        why.stage = Stage::Sender;
        why
    }
}

impl Via {
    pub(super) fn value(&self) -> String {
        match self {
            Self::Certificate(found) => format!("the certificate name {}", found.name),
            Self::Address(address) => format!("the address {address}"),
        }
    }

    pub(super) fn is_accepted(&self) -> bool {
        match self {
            Self::Certificate(found) => found.is_accepted(),
            Self::Address(_) => false,
        }
    }

    pub(super) fn name(&self) -> Option<String> {
        match self {
            Self::Certificate(found) => Some(found.name.to_string()),
            Self::Address(_) => None,
        }
    }
}
