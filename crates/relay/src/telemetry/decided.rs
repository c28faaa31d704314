//! A decision in the words of the log, and what is counted with it.

use std::borrow::Cow;

use tenantry_attribution::{Attribution, Basis, Verdict};

use super::counters::Counters;
use super::events::TransactionLine;
use super::observed::{ClosedTransaction, ShadowOutcome};
use crate::compare::{Ruled, Ruling};

/// The decision in the words of the log.
#[derive(Debug)]
pub(super) struct Decided<'a> {
    pub(super) verdict: &'static str,
    tenant: Option<Cow<'a, str>>,
    pub(super) basis: Option<&'static str>,
    pub(super) conflict: Option<&'a str>,
    pub(super) conflicts: Option<u64>,
    pub(super) shadow: Option<ShadowOutcome>,
    attribution: &'a Attribution,
}

impl<'a> Decided<'a> {
    /// Puts it in words, and counts it.
    pub(super) fn of(line: &TransactionLine<'a>, counters: &Counters) -> Self {
        let directory = &line.config.directory;
        let (tenant, basis) = match &line.attribution.verdict {
            Verdict::Tenant { id, basis } => (
                Some(directory.tenant_name(*id).into()),
                Some(basis.as_str()),
            ),
            Verdict::Ambiguous { basis, tenants } => {
                let names: Vec<&str> = tenants
                    .iter()
                    .map(|id| directory.tenant_name(*id))
                    .collect();
                (Some(names.join(",").into()), Some(basis.as_str()))
            }
            Verdict::Unattributed => (None, None),
        };
        let conflict = line
            .attribution
            .conflict
            .map(|conflict| directory.tenant_name(conflict.sender_tenant));
        let conflicts = tenant
            .as_deref()
            .zip(conflict)
            .and_then(|(certificate, sender)| counters.conflict(certificate, sender));
        Decided {
            verdict: line.attribution.verdict.as_str(),
            tenant,
            basis,
            conflict,
            conflicts,
            shadow: line.shadow.map(|shadow| shadowed(line, shadow, counters)),
            attribution: line.attribution,
        }
    }

    pub(super) fn shadow_differs(&self) -> Option<String> {
        let differs = &self.shadow.as_ref()?.differs;
        (!differs.is_empty()).then(|| differs.join(","))
    }

    pub(super) fn one_tenant(&self) -> Option<&str> {
        match self.attribution.verdict {
            Verdict::Tenant { .. } => self.tenant.as_deref(),
            Verdict::Ambiguous { .. } | Verdict::Unattributed => None,
        }
    }

    pub(super) fn several_tenants(&self) -> Option<&str> {
        match self.attribution.verdict {
            Verdict::Ambiguous { .. } => self.tenant.as_deref(),
            Verdict::Tenant { .. } | Verdict::Unattributed => None,
        }
    }

    pub(super) fn reasons(&self) -> Vec<&'static str> {
        self.attribution
            .steps
            .iter()
            .map(|step| step.reason.as_str())
            .collect()
    }

    pub(super) fn observed(&self, line: &TransactionLine<'_>) -> ClosedTransaction {
        ClosedTransaction {
            transaction: line.transaction.to_owned(),
            sender: line.sender.as_str().to_owned(),
            recipients: line
                .recipients
                .iter()
                .map(|recipient| recipient.as_str().to_owned())
                .collect(),
            verdict: self.verdict,
            tenant: self.tenant.as_deref().map(str::to_owned),
            basis: self.basis,
            conflict: self.conflict.map(str::to_owned),
            conflicts: self.conflicts,
            shadow: self.shadow.clone(),
            reasons: self.reasons(),
            upstream: line.target.map(|target| target.key.upstream.to_string()),
            identity: line.identity.map(|identity| identity.to_string()),
            reply: line.reply,
            octets: line.octets,
            elapsed: line.elapsed,
            fault: line
                .fault
                .map(|(fault, error)| (fault.as_str(), error.to_owned())),
        }
    }
}

/// What the shadow decided, in words; counted.
fn shadowed(line: &TransactionLine<'_>, shadow: Ruled<'_>, counters: &Counters) -> ShadowOutcome {
    let acted = Ruled {
        config: line.config,
        ruling: Ruling::Attributed(line.attribution),
    };
    let differences = acted.differences(shadow);
    counters.shadow(!differences.is_empty());
    let owners = shadow.owners();
    ShadowOutcome {
        verdict: shadow.verdict(),
        tenant: (!owners.is_empty()).then(|| owners.join(",")),
        basis: shadow.basis().map(Basis::as_str),
        differs: differences.words(),
    }
}
