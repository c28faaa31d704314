//! What nearly made a domain accepted.

use crate::world::{DomainName, TenantIndex};

use super::why::{Outcome, Reason, Stage, Why};
use super::{DomainRef, Forest};

/// Says why MatchSubDomains does not cover `domain`, and where it is pending; of one tenant, or
/// of any.
pub(super) fn note(
    forest: &Forest,
    stage: Stage,
    domain: &DomainName,
    tenant: Option<TenantIndex>,
    why: &mut Vec<Why>,
) {
    let coverage = forest.index.owners(domain);
    let concerns = |at: &DomainRef| tenant.is_none_or(|tenant| tenant == at.tenant);
    let name = |at| {
        let accepted = forest.accepted_domain(at);
        accepted.map_or("", |accepted| accepted.domain.as_str())
    };
    let line = |reason, at: DomainRef| {
        Why::new(stage, Outcome::Note, reason)
            .tenant(at.tenant)
            .value(domain.as_str())
            .against(name(at))
    };
    let near = [
        (Reason::DomainPending, coverage.pending),
        (Reason::MatchSubDomainsEnded, coverage.ended),
        (Reason::WithoutMatchSubDomains, coverage.without_subdomains),
    ];
    for (reason, at) in near {
        if let Some(at) = at.filter(concerns) {
            why.push(line(reason, at));
        }
    }
}
