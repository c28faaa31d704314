//! The certificate stage (`exchange-online.md` sections 1.3 step 1, 1.4, 1.5 a and 1.9).

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::world::{AmbiguousPolicy, TenantIndex, TlsSenderCertificateName, Wildcard};

use super::expectation::{self, Came};
use super::index::{Acceptance, Entry, NameHit, is_active};
use super::name::{Apex, Exactness, Name, Presented, pattern_domain, pattern_text};
use super::why::{LISTED, Outcome, Reason, Stage, Standing, Why, list, list_first};
use super::{ConnectorRef, Forest, shortfall};

/// What the certificate says.
pub(super) enum Certified {
    Connector {
        connector: ConnectorRef,
        name: String,
    },
    /// Tenants tie, and the profile refuses.
    Tie,
    Nothing,
}

/// An active OnPremises connector that matches a name of the certificate.
#[derive(Debug, Clone)]
pub(super) struct Match {
    pub(super) entry: Entry,
    pub(super) rank: Rank,
    pub(super) acceptance: Acceptance,
    pub(super) name: Arc<str>,
}

/// The order of section 1.9, in labels; the greater wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    /// The longest accepted domain of the tenant that equals the name or is a suffix of it.
    accepted: usize,
    exactness: Exactness,
    pattern: usize,
}

/// Decides by certificate; gives back what matched, for the sender stage. Lists begin with the
/// `owners` of the sender domain.
pub(super) fn stage(
    forest: &Forest,
    came: Came<'_>,
    owners: &[TenantIndex],
    why: &mut Vec<Why>,
) -> (Certified, Vec<Match>) {
    let presented = came.presented;
    if presented.names().is_empty() {
        return (Certified::Nothing, Vec::new());
    }
    let matches = matches(forest, presented);
    let certified = decide(forest, &matches, owners, why);
    near_misses(forest, presented, &matches, owners, why);
    unmatched(forest, presented, why);
    if matches!(certified, Certified::Nothing) {
        let renewed = accepting_names(forest, presented);
        expectation::note(forest, came, Stage::Certificate, &renewed, why);
    }
    (certified, matches)
}

/// All connectors that match, each with its best name, by name of tenant and connector.
fn matches(forest: &Forest, presented: &Presented) -> Vec<Match> {
    let apex = Apex::of(&forest.world.profile);
    let mut matches = Vec::new();
    for name in presented.names() {
        let mut suffixes: Option<HashMap<TenantIndex, usize>> = None;
        for NameHit {
            entry,
            exactness,
            labels,
        } in forest.index.active.by_name(name, apex)
        {
            let suffixes =
                suffixes.get_or_insert_with(|| forest.index.accepted_suffixes(&name.host));
            let accepted = if suffixes.is_empty() {
                None
            } else {
                suffixes.get(&entry.at.tenant)
            };
            let accepted = accepted.copied().unwrap_or(0);
            matches.push(Match {
                entry,
                rank: Rank {
                    accepted,
                    exactness,
                    pattern: labels,
                },
                acceptance: forest.index.acceptance(entry.at),
                name: name.text.clone(),
            });
        }
    }
    // Names come sorted, so the first of equals is the same however the certificate lists them.
    matches.sort_by_key(|found| (found.entry, Reverse(found.rank)));
    matches.dedup_by_key(|found| found.entry);
    matches
}

fn decide(
    forest: &Forest,
    matches: &[Match],
    owners: &[TenantIndex],
    why: &mut Vec<Why>,
) -> Certified {
    let of_owner = |lost: &&Match| owners.contains(&lost.tenant());
    let accepted = || matches.iter().filter(|found| found.is_accepted());
    let Some(best) = accepted().map(|found| found.rank).max() else {
        let lost = |lost| not_accepted(forest, lost);
        list_first(matches.iter(), of_owner, lost, why);
        return Certified::Nothing;
    };
    let winners: Vec<&Match> = accepted().filter(|found| found.rank == best).collect();
    let tenants: BTreeSet<TenantIndex> = winners.iter().map(|found| found.tenant()).collect();
    let certified = match winners.split_first() {
        Some((first, others)) if tenants.len() == 1 => {
            why.push(chosen(forest, first));
            let later = |lost: &&Match| vec![lost.lost(Reason::LaterByName).rival(first.entry.at)];
            list(others.iter(), later, why);
            Certified::Connector {
                connector: first.entry.at,
                name: first.name.to_string(),
            }
        }
        Some(_) | None => tie(forest, &winners, owners, tenants.len(), why),
    };
    let rival = winners.first().map(|first| (first.entry.at, first.rank));
    let losers = matches
        .iter()
        .filter(|found| !found.is_accepted() || found.rank != best);
    let lost = |lost: &Match| match rival {
        Some((rival, best)) if lost.is_accepted() => vec![lost.outranked(best).rival(rival)],
        Some(_) | None => not_accepted(forest, lost),
    };
    list_first(losers, of_owner, lost, why);
    certified
}

fn tie(
    forest: &Forest,
    winners: &[&Match],
    owners: &[TenantIndex],
    tenants: usize,
    why: &mut Vec<Why>,
) -> Certified {
    let of_owner = |tied: &&&Match| owners.contains(&tied.tenant());
    let tied = |tied: &&Match| {
        let value = format!("the certificate name {}", tied.name);
        vec![tied.lost(Reason::Tie).value(value)]
    };
    list_first(winners.iter(), of_owner, tied, why);
    why.push(tie_summary(forest, Stage::Certificate, tenants));
    match forest.world.profile.ambiguous_policy {
        AmbiguousPolicy::RejectAndReport => Certified::Tie,
        AmbiguousPolicy::NextStage => Certified::Nothing,
    }
}

pub(super) fn tie_summary(forest: &Forest, stage: Stage, tenants: usize) -> Why {
    let (outcome, reason) = match forest.world.profile.ambiguous_policy {
        AmbiguousPolicy::RejectAndReport => (Outcome::Refused, Reason::TieRefused),
        AmbiguousPolicy::NextStage => (Outcome::Note, Reason::TieNextStage),
    };
    Why::new(stage, outcome, reason).count(tenants)
}

fn chosen(forest: &Forest, winner: &Match) -> Why {
    let accepted = match winner.acceptance {
        Acceptance::Itself(at) | Acceptance::Below(at) => (at, ""),
        Acceptance::Covered(at) => (at, " with MatchSubDomains"),
        Acceptance::Parent(at) => (at, " (profile exact_name_needs_exact_accepted is off)"),
        // An accepted match has an accepted domain.
        Acceptance::Not => return winner.lost(Reason::CertificateDomainNotAccepted),
    };
    let domain = forest.accepted_domain(accepted.0);
    let domain = domain.map_or("", |accepted| accepted.domain.as_str());
    Why::new(
        Stage::Certificate,
        Outcome::Chosen,
        Reason::CertificateDomainAccepted,
    )
    .connector(winner.entry.at)
    .value(winner.name.clone())
    .against(format!("{domain}{}", accepted.1))
    // Neither is documented for names of connectors (section 1.5 a).
    .guess(!accepted.1.is_empty())
}

/// Why the connector's domain is not its tenant's, with what nearly made it so.
fn not_accepted(forest: &Forest, lost: &Match) -> Vec<Why> {
    let mut why = vec![lost.lost(Reason::CertificateDomainNotAccepted)];
    let connector = forest.connector(lost.entry.at);
    let pattern = connector.and_then(|connector| connector.tls_sender_certificate_name.as_ref());
    if let Some(domain) = pattern.and_then(pattern_domain) {
        let tenant = Some(lost.tenant());
        shortfall::note(forest, Stage::Certificate, domain, tenant, &mut why);
    }
    // Of a wildcard below an accepted domain only section 1.18 says that it needs MatchSubDomains.
    let wildcard = matches!(pattern, Some(TlsSenderCertificateName::Wildcard(_)));
    for line in &mut why {
        if wildcard && line.reason == Reason::WithoutMatchSubDomains {
            line.standing = Standing::LabDecision;
        }
    }
    why
}

/// Connectors that would have matched, and do not take part.
fn near_misses(
    forest: &Forest,
    presented: &Presented,
    matches: &[Match],
    owners: &[TenantIndex],
    why: &mut Vec<Why>,
) {
    // What another name matches has lost nothing by this one.
    let unmatched = |entry: &&Entry| {
        let same = matches.binary_search_by(|found| found.entry.cmp(entry));
        same.is_err()
    };
    let of_owner = |at: ConnectorRef| owners.contains(&at.tenant);
    let hit_of_owner = |hit: &NameHit| of_owner(hit.entry.at);
    let apex = Apex::of(&forest.world.profile);
    let index = &forest.index;
    for name in presented.names().iter().take(LISTED) {
        let value = format!("the certificate name {}", name.text);
        let say = |outcome, reason, at| {
            let why = Why::new(Stage::Certificate, outcome, reason).connector(at);
            vec![why.value(value.as_str())]
        };
        let lost = |hit: NameHit| {
            let reason = inactive_reason(forest, hit.entry.at);
            say(Outcome::Lost, reason, hit.entry.at)
        };
        let hits = index.inactive.by_name(name, apex);
        list_first(hits, hit_of_owner, lost, why);
        let unusable = |hit: NameHit| unusable_name(forest, hit.entry, name);
        let hits = index.unusable.by_name(name, apex);
        list_first(hits, hit_of_owner, unusable, why);
        let partner = |hit: NameHit| {
            let reason = Reason::PartnerAttributesNothing;
            say(Outcome::Note, reason, hit.entry.at)
        };
        let hits = index.partner.by_name(name, apex);
        list_first(hits, hit_of_owner, partner, why);
        let (reason, entries) = match (name.wildcard, apex) {
            (Wildcard::Yes, _) => (
                Reason::WildcardNameIsNoHost,
                index.active.by_wildcard_name(name),
            ),
            (Wildcard::No, Apex::Differs) => (Reason::ApexExcluded, index.active.by_apex(name)),
            (Wildcard::No, Apex::Matches) => continue,
        };
        let missed = |entry: &Entry| {
            let why = Why::new(Stage::Certificate, Outcome::Lost, reason);
            vec![why.connector(entry.at).value(name.text.clone())]
        };
        let entries = entries.iter().filter(unmatched);
        list_first(entries, |entry| of_owner(entry.at), missed, why);
    }
}

pub(super) fn inactive_reason(forest: &Forest, at: ConnectorRef) -> Reason {
    match forest.connector(at) {
        Some(connector) if connector.enabled && !is_active(connector) => {
            Reason::TrustedOrganizationsOnly
        }
        Some(_) | None => Reason::ConnectorDisabled,
    }
}

fn unusable_name(forest: &Forest, entry: Entry, name: &Name) -> Vec<Why> {
    let connector = forest.connector(entry.at);
    let pattern = connector.and_then(|connector| connector.tls_sender_certificate_name.as_ref());
    let text = pattern.map(pattern_text).unwrap_or_default();
    let why = Why::new(Stage::Certificate, Outcome::Lost, Reason::UnusableValue);
    vec![
        why.connector(entry.at)
            .value(format!("the certificate name {}", name.text))
            .against(format!("TlsSenderCertificateName {text:?}")),
    ]
}

/// Names that matched nothing.
fn unmatched(forest: &Forest, presented: &Presented, why: &mut Vec<Why>) {
    let apex = Apex::of(&forest.world.profile);
    let matches_nothing = |name: &&Name| {
        let mut hits = forest.index.active.by_name(name, apex);
        hits.next().is_none()
    };
    let left = presented.names().iter().filter(matches_nothing);
    let note = |name: &Name| {
        let reason = Reason::NameMatchesNothing;
        let why = Why::new(Stage::Certificate, Outcome::Note, reason);
        vec![why.value(name.text.clone())]
    };
    list(left, note, why);
}

/// Whose the names are that matched nothing: after a renewal, the tenant that it was meant for.
fn accepting_names(forest: &Forest, presented: &Presented) -> Vec<TenantIndex> {
    let apex = Apex::of(&forest.world.profile);
    let index = &forest.index;
    let left = presented.names().iter().take(LISTED);
    let left = left.filter(|name| index.active.by_name(name, apex).next().is_none());
    let mut tenants = Vec::new();
    for name in left {
        for tenant in index.closest_accepting(&name.host).take(LISTED) {
            if !tenants.contains(&tenant) {
                tenants.push(tenant);
            }
        }
    }
    tenants
}

impl Match {
    pub(super) fn is_accepted(&self) -> bool {
        self.acceptance != Acceptance::Not
    }

    fn tenant(&self) -> TenantIndex {
        self.entry.at.tenant
    }

    fn lost(&self, reason: Reason) -> Why {
        Why::new(Stage::Certificate, Outcome::Lost, reason)
            .connector(self.entry.at)
            .value(self.name.clone())
    }

    /// The first criterion by which it is behind.
    pub(super) fn outranked(&self, best: Rank) -> Why {
        self.lost(if self.rank.accepted < best.accepted {
            Reason::ShorterAcceptedDomain
        } else if self.rank.exactness < best.exactness {
            Reason::ExactBeforeWildcard
        } else {
            Reason::ShorterPattern
        })
    }
}
