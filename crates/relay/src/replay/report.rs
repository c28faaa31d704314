//! The result, ready to be printed: as JSON it is what is serialised here.

use std::collections::BTreeMap;

use serde::Serialize;
use tenantry_attribution::{Basis, TenantId};

use super::tally::{EXAMPLES, Group, Half, Key, Owner, Tally};
use crate::config::Config;

/// What a log is under two configurations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The old configuration's file.
    pub old: String,
    /// The new one's.
    pub new: String,
    /// Lines read.
    pub lines: u64,
    /// Those that were decided twice.
    pub envelopes: u64,
    /// Envelopes that change owner, upstream, identity or the outcome of a recipient.
    pub changed: u64,
    /// Envelopes that only find the same tenant on another basis.
    pub basis_only: u64,
    /// Envelopes for which the log says another verdict or tenant than the old configuration.
    pub recorded_otherwise: u64,
    /// Lines of the log that are about something else than a transaction.
    pub other_lines: u64,
    /// Lines that cannot be decided again.
    pub not_replayable: Undecided,
    /// The changes, the most frequent first.
    pub changes: Vec<Change>,
    /// Changed envelopes whose changes are not told, because there are too many different ones.
    pub changed_beyond: u64,
}

/// Lines that cannot be decided again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Undecided {
    /// How many.
    pub lines: u64,
    /// How many for which reason.
    pub reasons: BTreeMap<&'static str, u64>,
    /// The first ones.
    pub first: Vec<UndecidedLine>,
}

/// A line that cannot be decided, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UndecidedLine {
    /// Its number, from 1.
    pub line: u64,
    /// Why.
    pub error: String,
}

/// One change, and how many envelopes have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// How many.
    pub envelopes: u64,
    /// The line of the first.
    pub first_line: u64,
    /// What changes: `owner`, `upstream`, `identity`, `recipients`.
    pub differs: Vec<&'static str>,
    /// Under the old configuration.
    pub old: Side,
    /// Under the new one.
    pub new: Side,
    /// Senders' domains.
    pub mail_from_domains: Examples,
    /// Recipients' domains.
    pub rcpt_domains: Examples,
}

/// What one configuration says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Side {
    /// `tenant`, `ambiguous`, `unattributed`, `certificate-required`.
    pub verdict: &'static str,
    /// The tenant.
    pub tenant: Option<String>,
    /// The tenants, if ambiguous.
    pub tenants: Option<Vec<String>>,
    /// What decided.
    pub basis: Option<&'static str>,
    /// Where it goes, in the order of trying.
    pub upstream: Option<Vec<String>>,
    /// The fingerprint of the certificate that it goes with.
    pub identity: Option<String>,
    /// What became of the recipients, each outcome once.
    pub recipients: Vec<&'static str>,
}

/// The first domains that a change concerns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Examples {
    /// The first ones, each once.
    pub first: Vec<String>,
    /// Whether there are others.
    pub more: bool,
}

impl Report {
    pub(super) fn new(old: &Config, new: &Config, tally: Tally) -> Self {
        let mut groups: Vec<(Key, Group)> = tally.groups.into_iter().collect();
        groups.sort_unstable_by_key(|(_key, group)| {
            (std::cmp::Reverse(group.count), group.first_line)
        });
        let changes = groups
            .into_iter()
            .map(|(key, group)| Change::new(old, new, &key, group));
        let first = tally.obstacles.into_iter();
        Report {
            old: old.path.display().to_string(),
            new: new.path.display().to_string(),
            lines: tally.lines,
            envelopes: tally.envelopes,
            changed: tally.changed,
            basis_only: tally.basis_only,
            recorded_otherwise: tally.decided_otherwise,
            other_lines: tally.other,
            not_replayable: Undecided {
                lines: tally.undecided,
                reasons: tally.reasons.into_iter().collect(),
                first: first
                    .map(|(line, error)| UndecidedLine { line, error })
                    .collect(),
            },
            changes: changes.collect(),
            changed_beyond: tally.ungrouped,
        }
    }
}

impl Change {
    fn new(old: &Config, new: &Config, key: &Key, group: Group) -> Self {
        Change {
            envelopes: group.count,
            first_line: group.first_line,
            differs: key.differences.words(),
            old: Side::new(old, &key.old),
            new: Side::new(new, &key.new),
            mail_from_domains: Examples::new(group.senders),
            rcpt_domains: Examples::new(group.recipients),
        }
    }
}

impl Side {
    fn new(config: &Config, half: &Half) -> Self {
        let name = |id: &TenantId| String::from(config.directory.tenant_name(*id));
        let (verdict, tenant, tenants, basis) = match &half.owner {
            Owner::Tenant(id, basis) => ("tenant", Some(*id), None, Some(*basis)),
            Owner::Several(basis, ids) => (
                "ambiguous",
                None,
                Some(ids.iter().map(name).collect()),
                Some(*basis),
            ),
            Owner::Nobody => ("unattributed", None, None, None),
            Owner::NotAsked => ("certificate-required", None, None, None),
        };
        let route = tenant.and_then(|id| config.tenant(id));
        Side {
            verdict,
            tenant: tenant.as_ref().map(name),
            tenants,
            basis: basis.map(Basis::as_str),
            upstream: route.map(|tenant| {
                let upstreams = tenant.upstreams.iter();
                upstreams.map(ToString::to_string).collect()
            }),
            identity: route.map(|tenant| tenant.identity.fingerprint().to_string()),
            recipients: half.outcomes.words(),
        }
    }
}

impl Examples {
    fn new(mut domains: Vec<String>) -> Self {
        let more = domains.len() > EXAMPLES;
        domains.truncate(EXAMPLES);
        Examples {
            first: domains,
            more,
        }
    }
}
