//! A new export beside the configuration in use: what would change in who owns what.
//!
//! Only tenants that were exported are compared. That a name has moved to one of them is seen even if
//! the tenant that it has left was not.

mod certificate;
mod claims;
mod report;

use serde::Serialize;
use tenantry_lab::world::Place;

use super::Import;
use super::draft::{Draft, Target, Weight};
use crate::inventory::{Inventory, Relay};
use crate::model::{Model, Origin, mx_label, place};
pub(super) use certificate::takes;
use claims::{List, Sides};

/// Everything in which exports and configuration differ.
#[derive(Debug, Clone, Default)]
pub struct Comparison {
    /// By tenant, in the order of the configuration, new tenants last.
    pub differences: Vec<Difference>,
    /// What was not compared, and why.
    pub notes: Vec<String>,
    /// How many tenants were compared.
    pub compared: usize,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What has changed.
    pub kind: Kind,
    /// The tenant that it is about, as the configuration calls it; a new one as its exports do.
    pub tenant: String,
    /// The name, pattern or host.
    pub subject: String,
    /// In which lists of the configuration, or which keys.
    pub keys: Vec<&'static str>,
    /// Whose it is in the configuration, or what stands there.
    pub from: Option<String>,
    /// Whose it is in the exports, or what stands there.
    pub to: Option<String>,
    /// Why, if the exports say.
    pub why: Option<String>,
    /// Where it stands in the configuration.
    #[serde(serialize_with = "report::place")]
    pub configured: Option<Place>,
    /// Where it stands in the exports.
    #[serde(serialize_with = "report::place")]
    pub exported: Option<Place>,
}

/// What has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A tenant that the configuration does not have.
    TenantNew,
    /// A domain is another tenant's now.
    DomainMoved,
    /// Two tenants have a domain.
    DomainContested,
    /// A domain that the configuration does not have.
    DomainNew,
    /// A domain that its tenant does not have any more.
    DomainGone,
    /// A domain whose subdomains belong to it now.
    DomainWidened,
    /// A domain whose subdomains do not belong to it any more.
    DomainNarrowed,
    /// A certificate name is another tenant's now.
    CertificateNameMoved,
    /// Two tenants' connectors have a certificate name.
    CertificateNameContested,
    /// A certificate name that the configuration does not have.
    CertificateNameNew,
    /// A certificate name that no connector has any more.
    CertificateNameGone,
    /// A certificate name that is a wildcard now.
    CertificateNameWidened,
    /// A certificate name that is no wildcard any more.
    CertificateNameNarrowed,
    /// No connector of the tenant knows the certificate that the relay presents.
    Identity,
    /// Mail goes elsewhere.
    Upstream,
}

/// Compares an inventory with the configuration that was read with it; none without a configuration.
#[must_use]
pub fn compare(inventory: &Inventory) -> Option<Comparison> {
    let relay = inventory.relay.as_ref()?;
    let model = Model::of(inventory);
    let import = Import::of_model(&model);
    let sides = Sides::of(&model, relay, &import);
    let mut comparison = Comparison::default();
    new_tenants(&sides, &mut comparison);
    sides.compare(&[List::Certificate], &mut comparison);
    sides.compare(&[List::Sender, List::Recipient], &mut comparison);
    upstreams(&model, &sides, &mut comparison);
    certificate::identities(&model, &sides, &mut comparison);
    remarks(&sides, &mut comparison);
    let order = |difference: &Difference| {
        let written = relay.written.tenants.iter();
        written
            .filter_map(|tenant| tenant.name.as_ref())
            .position(|name| name.value == difference.tenant)
            .unwrap_or(usize::MAX)
    };
    comparison.differences.sort_by_cached_key(|one| {
        (
            order(one),
            one.tenant.clone(),
            one.kind,
            one.subject.clone(),
        )
    });
    Some(comparison)
}

fn new_tenants(sides: &Sides<'_>, comparison: &mut Comparison) {
    for (number, draft) in sides.import.drafts.iter().enumerate() {
        if sides.linked(number).next().is_some() {
            comparison.compared += 1;
            continue;
        }
        let (names, domains) = (
            draft.certificate_claims().count(),
            draft.domain_claims().count(),
        );
        comparison.differences.push(Difference {
            kind: Kind::TenantNew,
            tenant: draft.name.clone(),
            subject: draft.name.clone(),
            keys: Vec::new(),
            from: None,
            to: Some(format!("{names} certificate names, {domains} domains")),
            why: None,
            configured: None,
            exported: Some(draft.place.clone()),
        });
    }
}

/// Whether mail goes where the exports say.
fn upstreams(model: &Model<'_>, sides: &Sides<'_>, comparison: &mut Comparison) {
    for (number, draft) in sides.import.drafts.iter().enumerate() {
        for at in sides.linked(number) {
            let Some(tenant) = sides.relay.written.tenants.get(at) else {
                continue;
            };
            let Some(first) = tenant.upstreams.first() else {
                continue;
            };
            let Some((to, why, exported)) = elsewhere(model, sides, number, at, draft) else {
                continue;
            };
            let hosts = tenant.upstreams.iter().map(|one| one.value.to_string());
            comparison.differences.push(Difference {
                kind: Kind::Upstream,
                tenant: sides.name(at),
                subject: first.value.to_string(),
                keys: vec!["upstream"],
                from: Some(hosts.collect::<Vec<_>>().join(", ")),
                to,
                why: Some(why),
                configured: Some(place(&first.at)),
                exported,
            });
        }
    }
}

/// Where mail should go instead, if the exports say so: by Send connectors, else by whose host it is.
fn elsewhere(
    model: &Model<'_>,
    sides: &Sides<'_>,
    number: usize,
    at: usize,
    draft: &Draft,
) -> Option<(Option<String>, String, Option<Place>)> {
    let configured = &sides.relay.written.tenants.get(at)?.upstreams;
    let sent: &[Target] = match draft.upstream.known() {
        Some(targets) if has_send_connector(model, number) => targets,
        Some(_) | None => &[],
    };
    let is = |target: &Target| {
        let mut upstreams = configured.iter().map(|one| &one.value);
        upstreams.any(|one| one.host == target.host && one.port == target.port)
    };
    if let Some(first) = sent.first().filter(|_| !sent.iter().any(is)) {
        let to = format!("{}:{}", first.host, first.port);
        return Some((Some(to), first.origin.clone(), Some(first.place.clone())));
    }
    let to = draft.upstream.known().and_then(|targets| targets.first());
    let shown = to.map(|target| format!("{}:{}", target.host, target.port));
    for upstream in configured {
        let host = &upstream.value.host;
        if let Some(owner) = model.mx_owner(host).filter(|owner| *owner != number) {
            let why = format!("{host} is {:?}'s", model.tenant_name(owner));
            return Some((shown, why, to.map(|target| target.place.clone())));
        }
        let label = mx_label(host);
        let gone = |pattern: &str| {
            label.as_deref() == Some(&pattern.trim_start_matches("*.").replace('.', "-"))
        };
        if model.mx_owner(host).is_none() && sides.gone(at).any(|pattern| gone(&pattern)) {
            let why =
                format!("{host} is the MX name of a domain that the tenant does not have any more");
            return Some((shown, why, to.map(|target| target.place.clone())));
        }
    }
    None
}

fn has_send_connector(model: &Model<'_>, tenant: usize) -> bool {
    let mut routes = model.routes_to(tenant);
    routes.any(|route| match route.origin {
        Origin::SendConnector(at) => {
            model
                .inventory()
                .send_connectors
                .get(at)
                .is_some_and(|connector| {
                    connector.value.enabled && !connector.value.smart_hosts.is_empty()
                })
        }
        Origin::Relay(_) => false,
    })
}

/// What could not be compared.
fn remarks(sides: &Sides<'_>, comparison: &mut Comparison) {
    let written = sides.relay.written.tenants.iter().enumerate();
    let alone = written.filter(|(at, _)| sides.exported(*at).is_none());
    comparison.notes.extend(alone.map(|(at, tenant)| {
        let place = place(&tenant.at);
        format!(
            "{place}: {:?} is not among these exports and was not compared",
            sides.name(at)
        )
    }));
    for draft in &sides.import.drafts {
        let open = draft
            .notes
            .iter()
            .filter(|note| note.weight == Weight::Decide);
        comparison
            .notes
            .extend(open.map(|note| super::text::told(note.place.as_ref(), &note.what)));
        let questions = draft.certificate_domains.iter().chain(&draft.domains);
        comparison.notes.extend(
            questions
                .filter_map(super::Decided::question)
                .map(|open| super::text::told(open.place.as_ref(), &open.why)),
        );
    }
}

/// Whether the file and those it includes can be read as a configuration; what is wrong with the files
/// that they name does not matter here.
///
/// # Errors
/// What keeps tenants and their domains from being read, line by line.
pub fn readable(relay: &Relay) -> Result<(), Vec<String>> {
    let Err(problems) = &relay.config else {
        return Ok(());
    };
    let wrong: Vec<String> = problems
        .iter()
        .filter(|problem| problem.severity == tenantry_relay::config::Severity::Error)
        .filter(|problem| decides(&problem.key))
        .map(ToString::to_string)
        .collect();
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(wrong),
    }
}

/// Whether a key may have to do with who owns what: all but those of other sections, and the files that a
/// tenant names. What is misspelt may have been meant for anything.
fn decides(key: &str) -> bool {
    let section = key.split([' ', '[', '.']).next().unwrap_or(key);
    let last = key.rsplit('.').next().unwrap_or(key);
    let last = last.split('[').next().unwrap_or(last);
    !OTHER_SECTIONS.contains(&section) && !FILES.contains(&last)
}

const OTHER_SECTIONS: [&str; 10] = [
    "drain",
    "hop_limit",
    "hostname",
    "limits",
    "lint",
    "listener",
    "log",
    "peer",
    "shadow",
    "timeouts",
];

const FILES: [&str; 3] = ["certificate", "key", "upstream_trust"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_and_other_sections_may_be_wrong() {
        for key in [
            "",
            "include",
            "tenant",
            "tenats",
            "tenant[2]",
            "tenant[2].name",
            "tenant \"a.b\"",
            "tenant \"a.b\".sender_domain",
            "tenant \"a.b\".sender_domains[3]",
            "tenant \"listener\".upstream",
        ] {
            assert!(decides(key), "{key}");
        }
        for key in [
            "listener",
            "listener[1].trust",
            "peer \"x\".networks[1]",
            "limits.recipients",
            "tenant \"a.b\".key",
            "tenant \"a.b\".upstream_trust[1]",
        ] {
            assert!(!decides(key), "{key}");
        }
    }
}
