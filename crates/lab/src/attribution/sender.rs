//! The sender stage (`exchange-online.md` sections 1.3 step 2, 1.6 to 1.9).
//!
//! Certificate and address only nominate connectors; the domain of MAIL FROM chooses among their
//! tenants.

mod candidate;

use std::collections::BTreeSet;

use crate::world::{AmbiguousPolicy, DomainName, TenantIndex};

use super::address::Mailbox;
use super::certificate::tie_summary;
use super::expectation::{self, Came};
use super::index::{Coverage, Entry};
use super::why::{LISTED, Outcome, Reason, Stage, Why, list, list_first, quoted};
use super::{ConnectorRef, Forest, shortfall};

pub(super) use candidate::{Candidate, Reach, candidates, listed_in_vain};

use candidate::{attributes, line};

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
        tenant.map(|tenant| quoted(&tenant.name))
    });
    let names: Vec<String> = names.collect();
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
    let listed = forest.index.active.listing(ip).into_iter();
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

fn said(outcome: Outcome, reason: Reason, candidate: &Candidate, domain: &DomainName) -> Why {
    line(outcome, reason, candidate)
        .value(domain.as_str())
        .against(candidate.via.value())
}
