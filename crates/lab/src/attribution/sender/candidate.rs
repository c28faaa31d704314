//! What certificate and address nominate.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use crate::attribution::Forest;
use crate::attribution::certificate::{Match, inactive_reason};
use crate::attribution::index::{Entry, network, usable};
use crate::attribution::why::{Outcome, Reason, Stage, Why, list_first};
use crate::world::{InboundConnector, TenantIndex};

/// An active OnPremises connector that certificate or address matches.
#[derive(Debug, Clone)]
pub(in crate::attribution) struct Candidate {
    pub(in crate::attribution) entry: Entry,
    pub(in crate::attribution) via: Via,
    pub(in crate::attribution) reach: Reach,
}

/// What nominated it.
#[derive(Debug, Clone)]
pub(in crate::attribution) enum Via {
    Certificate(Match),
    Address(Arc<str>),
}

/// What it may be chosen for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::attribution) enum Reach {
    Attributes,
    /// It matches, but the profile keeps it from attributing.
    Matches,
}

/// All candidates, certificate before address, each in the order of names.
pub(in crate::attribution) fn candidates(
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
    let listed = forest.index.active.listing(ip);
    let unlisted = listed.is_empty();
    let mut candidates = Vec::with_capacity(matches.len() + listed.len());
    candidates.extend(matches.into_iter().map(|found| Candidate {
        entry: found.entry,
        reach: reach(&found),
        via: Via::Certificate(found),
    }));
    let by_certificate = candidates.len();
    let kept_out = |candidate: &&Candidate| candidate.reach == Reach::Matches;
    let lost = |candidate: &Candidate| {
        let why = line(Outcome::Lost, Reason::CertificateIsNoCandidate, candidate);
        vec![why.value(candidate.via.value())]
    };
    let kept_out = candidates.iter().filter(kept_out);
    list_first(kept_out, |lost| owners.contains(&lost.tenant()), lost, why);
    let address: Arc<str> = ip.to_string().into();
    // Both are in the order of names.
    let mut certified = 0;
    for entry in listed {
        let ahead = candidates.get(certified..by_certificate);
        let ahead = ahead.unwrap_or_default().iter();
        certified += ahead.take_while(|found| found.entry < entry).count();
        let same = candidates
            .get(certified)
            .filter(|_| certified < by_certificate);
        let same = same.filter(|found| found.entry == entry);
        if same.is_none_or(|found| found.reach == Reach::Matches) {
            candidates.push(Candidate {
                entry,
                via: Via::Address(address.clone()),
                reach: Reach::Attributes,
            });
        }
    }
    if unlisted {
        let note = Why::new(Stage::Sender, Outcome::Note, Reason::AddressMatchesNothing);
        why.push(note.value(address.clone()));
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
    let value = format!("the address {address}");
    let lost = |entry: Entry| {
        let reason = inactive_reason(forest, entry.at);
        let why = Why::new(stage, Outcome::Lost, reason).connector(entry.at);
        vec![why.value(value.as_str())]
    };
    list_first(index.inactive.listing(ip).into_iter(), of_owner, lost, why);
    let listing = index.unusable.listing(ip).into_iter();
    let in_vain = listing.filter_map(|entry| {
        let connector = forest.connector(entry.at)?;
        Some((entry, listed_in_vain(connector, ip)?))
    });
    let unusable = |(entry, network): (Entry, IpNet)| {
        let why = Why::new(stage, Outcome::Lost, Reason::UnusableValue).connector(entry.at);
        let against = format!("SenderIPAddresses {network}");
        vec![why.value(value.as_str()).against(against)]
    };
    list_first(in_vain, |(entry, _)| of_owner(entry), unusable, why);
    let partner = |entry: Entry| {
        let why = Why::new(stage, Outcome::Note, Reason::PartnerAttributesNothing);
        vec![why.connector(entry.at).value(value.as_str())]
    };
    list_first(
        index.partner.listing(ip).into_iter(),
        of_owner,
        partner,
        why,
    );
}

/// The network of the connector that would match, did Exchange Online take it; none if a usable
/// one matches.
pub(in crate::attribution) fn listed_in_vain(
    connector: &InboundConnector,
    ip: IpAddr,
) -> Option<IpNet> {
    let addresses = || connector.sender_ip_addresses.iter();
    let mut taken = addresses().filter_map(usable);
    if taken.any(|network| network.contains(&ip)) {
        return None;
    }
    let unusable = addresses().filter(|address| usable(address).is_none());
    let networks = unusable.filter_map(network);
    networks.filter(|network| network.contains(&ip)).min()
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "a filter hands out references"
)]
pub(super) fn attributes(candidate: &&Candidate) -> bool {
    candidate.reach == Reach::Attributes
}

pub(super) fn line(outcome: Outcome, reason: Reason, candidate: &Candidate) -> Why {
    Why::new(Stage::Sender, outcome, reason).connector(candidate.entry.at)
}

impl Candidate {
    pub(in crate::attribution) fn tenant(&self) -> TenantIndex {
        self.entry.at.tenant
    }

    /// Within one tenant: certificate before address, then as certificates rank, then by name.
    pub(in crate::attribution) fn precedence(&self) -> impl Ord + use<> {
        let rank = match &self.via {
            Via::Certificate(found) => Some(found.rank),
            Via::Address(_) => None,
        };
        (std::cmp::Reverse(rank), self.entry)
    }

    pub(in crate::attribution) fn outranked(&self, winner: &Self) -> Why {
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
    pub(in crate::attribution) fn value(&self) -> String {
        match self {
            Self::Certificate(found) => format!("the certificate name {}", found.name),
            Self::Address(address) => format!("the address {address}"),
        }
    }

    pub(in crate::attribution) fn is_accepted(&self) -> bool {
        match self {
            Self::Certificate(found) => found.is_accepted(),
            Self::Address(_) => false,
        }
    }

    pub(in crate::attribution) fn name(&self) -> Option<String> {
        match self {
            Self::Certificate(found) => Some(found.name.to_string()),
            Self::Address(_) => None,
        }
    }
}
