//! Names that two tenants claim, one within the other's or both the same.

use std::collections::HashSet;

use tenantry_attribution::{Basis, Pattern};
use tenantry_relay::config::Setting;

use super::table;
use super::view::{BASES, Claim, View, key, list, place};
use crate::finding::{Finding, Related, Remedy};

pub(super) fn check(view: &View<'_>, findings: &mut Vec<Finding>) {
    for basis in BASES {
        for claim in view.each_claim(basis) {
            same(view, basis, claim, findings);
            nested(view, basis, claim, findings);
        }
    }
}

/// A pattern that a tenant before has claimed.
fn same(view: &View<'_>, basis: Basis, claim: Claim<'_>, findings: &mut Vec<Finding>) {
    let all = view.same(basis, &claim.pattern.value);
    let Some(first) = all.first().filter(|first| first.tenant != claim.tenant) else {
        return;
    };
    let (tenant, other) = (view.name(claim.tenant), view.name(first.tenant));
    let (key, pattern) = (key(basis), &claim.pattern.value);
    findings.push(Finding {
        rule: &table::SAME,
        severity: table::SAME.severity,
        tenant: Some(tenant.to_owned()),
        object: object(tenant),
        place: claim_place(view, basis, claim),
        message: format!("claims {pattern} in {key}, and so does tenant \"{other}\""),
        related: vec![Related {
            place: claim_place(view, basis, *first),
            what: format!("tenant \"{other}\" claims {pattern}"),
        }],
        remedy: vec![
            Remedy::Words(format!(
                "Leave {pattern} to the tenant that it belongs to; if that is \"{other}\", write:"
            )),
            without(view, basis, claim),
        ],
        allowed: None,
    });
}

/// A pattern within a wildcard of another tenant.
fn nested(view: &View<'_>, basis: Basis, claim: Claim<'_>, findings: &mut Vec<Finding>) {
    let pattern = &claim.pattern.value;
    let Some(outer) = view.around(basis, pattern) else {
        return;
    };
    if outer.tenant == claim.tenant {
        return;
    }
    let (tenant, other) = (view.name(claim.tenant), view.name(outer.tenant));
    let (key, wide) = (key(basis), &outer.pattern.value);
    let finding = Finding {
        rule: &table::NESTED,
        severity: table::NESTED.severity,
        tenant: Some(tenant.to_owned()),
        object: object(tenant),
        place: claim_place(view, basis, claim),
        message: format!(
            "claims {pattern} in {key}, within {wide} of tenant \"{other}\"; the narrower one wins"
        ),
        related: vec![Related {
            place: claim_place(view, basis, outer),
            what: format!("tenant \"{other}\" claims {wide}"),
        }],
        remedy: vec![
            Remedy::Words(format!(
                "If {pattern} is \"{tenant}\"'s, list the names that \"{other}\" really has instead of {wide}, \
                 or accept this:"
            )),
            allow(view, claim, tenant, pattern, wide),
            Remedy::Words(format!("If it is \"{other}\"'s, write:")),
            without(view, basis, claim),
        ],
        allowed: None,
    };
    findings.push(finding);
}

/// The entry of `[[lint.allow]]` for a nesting that is meant.
fn allow(
    view: &View<'_>,
    claim: Claim<'_>,
    tenant: &str,
    pattern: &Pattern,
    wide: &Pattern,
) -> Remedy {
    let id = table::NESTED.id;
    let tenant = toml(tenant);
    Remedy::Toml {
        file: view.relay.path.display().to_string(),
        text: format!(
            "[[lint.allow]]\nrule = \"{id}\"\ntenant = {tenant}\nobject = {}\nreason = \"{pattern} is meant to lie within {wide}\"",
            toml(&object(view.name(claim.tenant)))
        ),
    }
}

/// A tenant, as findings name it.
pub(super) fn object(tenant: &str) -> String {
    format!("tenant {tenant:?}")
}

/// Where a pattern is claimed.
pub(super) fn claim_place(
    view: &View<'_>,
    basis: Basis,
    claim: Claim<'_>,
) -> tenantry_lab::world::Place {
    let path = format!("{}.{}", object(view.name(claim.tenant)), key(basis));
    place(&claim.pattern.at, path)
}

/// The claim's list without it.
pub(super) fn without(view: &View<'_>, basis: Basis, claim: Claim<'_>) -> Remedy {
    let patterns = view.tenant(claim.tenant).map(|tenant| list(tenant, basis));
    let rest = patterns
        .unwrap_or_default()
        .iter()
        .map(|pattern| &pattern.value)
        .filter(|pattern| **pattern != claim.pattern.value);
    line(claim.pattern, key(basis), rest)
}

/// A list of patterns as it should read: in the file where one of them stands.
pub(super) fn line<'p>(
    beside: &Setting<Pattern>,
    key: &str,
    patterns: impl Iterator<Item = &'p Pattern>,
) -> Remedy {
    let mut seen = HashSet::new();
    let quoted: Vec<String> = patterns
        .filter(|pattern| seen.insert(*pattern))
        .map(|pattern| format!("\"{pattern}\""))
        .collect();
    Remedy::Toml {
        file: beside.at.file.display().to_string(),
        text: format!("{key} = [{}]", quoted.join(", ")),
    }
}

/// A text as a TOML string.
pub(super) fn toml(text: &str) -> String {
    toml::Value::from(text).to_string()
}
