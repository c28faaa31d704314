//! Wildcards of one tenant that take certificates of another.

use std::collections::HashSet;

use tenantry_attribution::{Basis, Pattern};
use tenantry_lab::world::{DomainName, Wildcard};

use super::names::{claim_place, line, object};
use super::table;
use super::view::{Claim, View};
use crate::finding::{Finding, Related, Remedy};
use crate::inventory::{Certificate, CertificateFile, Purpose};
use crate::rule::Severity;
use crate::rules::words::shown;

/// Certificates of one tenant, or of its clients, that a wildcard of another takes.
pub(super) fn check(view: &View<'_>, findings: &mut Vec<Finding>) {
    let mut seen = HashSet::new();
    for file in &view.inventory.certificates {
        let Some(leaf) = file.chain.first() else {
            continue;
        };
        for name in &leaf.names {
            let found = match file.purpose {
                Purpose::Identity(tenant) => wildcard_of_another(view, tenant, name)
                    .map(|claim| (claim, tenant, Severity::Warning)),
                Purpose::Client => clients(view, leaf, name),
                Purpose::Listener(_) | Purpose::Authority | Purpose::Lab => None,
            };
            if let Some((claim, tenant, severity)) = found
                && seen.insert((claim.tenant, claim.pattern.value.clone(), tenant))
            {
                findings.push(capture(view, file, leaf, name, claim, tenant, severity));
            }
        }
    }
}

/// The wildcard of another tenant that takes a name of this one's.
pub(super) fn wildcard_of_another<'a>(
    view: &View<'a>,
    tenant: usize,
    name: &(Wildcard, DomainName),
) -> Option<Claim<'a>> {
    let claim = view.owner(name)?;
    let wide = matches!(claim.pattern.value, Pattern::Subtree(_));
    (wide && claim.tenant != tenant).then_some(claim)
}

/// Whose a client's certificate is: by its names that are claimed exactly, else by the tenant whose
/// senders and recipients have that domain.
fn clients<'a>(
    view: &View<'a>,
    leaf: &Certificate,
    name: &(Wildcard, DomainName),
) -> Option<(Claim<'a>, usize, Severity)> {
    let exact = leaf.names.iter().filter_map(|name| view.owner(name));
    let mut exact = exact.filter(|claim| matches!(claim.pattern.value, Pattern::Exact(_)));
    let tenant = match exact.next() {
        Some(claim) => claim.tenant,
        None => {
            let claim = view.owner(name)?;
            let mail = view.closest(&name.1, &[Basis::Sender, Basis::Recipient]);
            let first = mail.first()?;
            let own = mail.iter().any(|mail| mail.tenant == claim.tenant);
            // A domain further up than the wildcard says nothing against it.
            let below = first.pattern.value.domain().as_str();
            let wide = claim.pattern.value.domain().as_str();
            if own || below.len() < wide.len() {
                return None;
            }
            first.tenant
        }
    };
    let claim = wildcard_of_another(view, tenant, name)?;
    Some((claim, tenant, Severity::Error))
}

fn capture(
    view: &View<'_>,
    file: &CertificateFile,
    leaf: &Certificate,
    name: &(Wildcard, DomainName),
    claim: Claim<'_>,
    tenant: usize,
    severity: Severity,
) -> Finding {
    let (wide, owner) = (view.name(claim.tenant), view.name(tenant));
    let shown = shown(name);
    let pattern = &claim.pattern.value;
    let mut remedy = vec![Remedy::Words(format!(
        "List the names that \"{wide}\" really has instead of {pattern}, or claim this one for \"{owner}\":"
    ))];
    let section = view.tenant(tenant);
    let exact = Pattern::parse(&shown).ok();
    if let (Some(section), Some(exact)) = (section, exact) {
        let present = section
            .certificate_domains
            .iter()
            .map(|pattern| &pattern.value);
        let beside = section
            .certificate_domains
            .first()
            .or(section.sender_domains.first());
        let beside = beside
            .or(section.recipient_domains.first())
            .unwrap_or(claim.pattern);
        remedy.push(line(beside, "certificate_domains", present.chain([&exact])));
    }
    Finding {
        rule: &table::CAPTURE,
        severity,
        tenant: Some(wide.to_owned()),
        object: object(wide),
        place: claim_place(view, Basis::Certificate, claim),
        message: format!(
            "claims {pattern} in certificate_domains, and with it {shown} of {}, a certificate of {}",
            file.path.display(),
            object(owner)
        ),
        related: vec![Related {
            place: leaf.place.clone(),
            what: format!("a certificate for {shown}"),
        }],
        remedy,
        allowed: None,
    }
}
