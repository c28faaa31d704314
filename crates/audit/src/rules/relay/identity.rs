//! What a tenant presents upstream, and where: an identity that another tenant has, too, names that
//! are not its own, and an upstream that is another tenant's.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use tenantry_attribution::{Basis, Pattern};
use tenantry_lab::world::{DomainName, Place};
use tenantry_net::PresentedChain;

use super::capture::wildcard_of_another;
use super::names::{line, object, toml};
use super::owned::Owned;
use super::table;
use super::view::{BASES, View, list, place};
use crate::finding::{Finding, Related, Remedy};
use crate::inventory::{Certificate, CertificateFile};
use crate::rule::Severity;
use crate::rules::words::{listed, shown};

pub(super) fn check(view: &View<'_>, findings: &mut Vec<Finding>) {
    let owned = Owned::of(view);
    let replaced = shared(view, &owned, findings);
    for tenant in 0..view.written.tenants.len() {
        // Where the certificate is to be replaced anyhow, its names do not matter.
        if !replaced.contains(&tenant) {
            names(view, &owned, tenant, findings);
        }
        upstream(view, &owned, tenant, findings);
    }
}

/// Tenants that present the same certificate, or certificates of one key. Tells whose certificates
/// have to be replaced.
fn shared(view: &View<'_>, owned: &Owned<'_>, findings: &mut Vec<Finding>) -> HashSet<usize> {
    let mut replaced = HashSet::new();
    let mut keys = HashMap::new();
    for tenant in 0..view.written.tenants.len() {
        let Some((file, leaf)) = identity(view, tenant) else {
            continue;
        };
        let Some(key) = PresentedChain::from_der([leaf.der.clone()]).public_key() else {
            continue;
        };
        let Some(&first) = keys.get(&key) else {
            keys.insert(key, tenant);
            continue;
        };
        let same =
            identity(view, first).is_some_and(|(_, before)| before.fingerprint == leaf.fingerprint);
        let (name, other) = (view.name(tenant), view.name(first));
        let path = file.path.display();
        let (severity, message) = if same {
            replaced.extend([first, tenant]);
            let severity = match owned.same_upstream(view, first, tenant) {
                true => Severity::Info,
                false => table::SHARED.severity,
            };
            (
                severity,
                format!(
                    "has {path}, which is the certificate of {}, too",
                    object(other)
                ),
            )
        } else {
            (
                Severity::Warning,
                format!(
                    "has {path}, which was made for the same private key as the certificate of {}",
                    object(other)
                ),
            )
        };
        findings.push(Finding {
            rule: &table::SHARED,
            severity,
            tenant: Some(name.to_owned()),
            object: object(name),
            place: identity_place(view, tenant),
            message,
            related: vec![Related {
                place: identity_place(view, first),
                what: format!("the certificate of {}", object(other)),
            }],
            remedy: own_certificate(view, tenant),
            allowed: None,
        });
    }
    replaced
}

/// A certificate and key of the tenant's own.
fn own_certificate(view: &View<'_>, tenant: usize) -> Vec<Remedy> {
    let name = view.name(tenant);
    let file = identity_place(view, tenant).file;
    let stem: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    let folder = folder(view, tenant);
    let file_name = |extension: &str| {
        let name = folder.join(format!("{stem}.{extension}"));
        name.display().to_string()
    };
    vec![
        Remedy::Words(format!(
            "Make a new private key, order a certificate for it with names of \"{name}\" alone, and write:"
        )),
        Remedy::Toml {
            file: file.map_or_else(String::new, |file| file.display().to_string()),
            text: format!(
                "certificate = {}\nkey = {}",
                toml(&file_name("pem")),
                toml(&file_name("key"))
            ),
        },
    ]
}

/// The folder of a tenant's certificate, as its configuration would write it.
fn folder(view: &View<'_>, tenant: usize) -> PathBuf {
    let setting = view
        .tenant(tenant)
        .and_then(|section| section.certificate.as_ref());
    let Some(setting) = setting else {
        return PathBuf::new();
    };
    let folder = setting.value.parent().unwrap_or(Path::new(""));
    let base = setting.at.file.parent().unwrap_or(Path::new(""));
    folder.strip_prefix(base).unwrap_or(folder).to_owned()
}

/// Names of an identity that are another tenant's, or nobody's.
fn names(view: &View<'_>, owned: &Owned<'_>, tenant: usize, findings: &mut Vec<Finding>) {
    let Some((file, leaf)) = identity(view, tenant) else {
        return;
    };
    let Some((severity, what, claimable)) = judged(view, owned, tenant, leaf) else {
        return;
    };
    let message = format!("presents {}, which {what}", file.path.display());
    let mut remedy = vec![Remedy::Words(format!(
        "Order a certificate for \"{}\" whose names are all at or below its own domains",
        view.name(tenant)
    ))];
    if claimable {
        remedy.extend(claim_it(view, tenant, leaf));
    }
    findings.push(Finding {
        rule: &table::NAMES,
        severity,
        tenant: Some(view.name(tenant).to_owned()),
        object: object(view.name(tenant)),
        place: identity_place(view, tenant),
        message,
        related: vec![Related {
            place: leaf.place.clone(),
            what: format!(
                "the names {}",
                listed(&leaf.names.iter().map(shown).collect::<Vec<_>>())
            ),
        }],
        remedy,
        allowed: None,
    });
}

/// What is wrong with the names of an identity, how bad it is, and whether the tenant might claim
/// them.
fn judged(
    view: &View<'_>,
    owned: &Owned<'_>,
    tenant: usize,
    leaf: &Certificate,
) -> Option<(Severity, String, bool)> {
    if leaf.names.is_empty() {
        let what = String::from("has no domain name at all, so that it attributes no mail");
        return Some((table::NAMES.severity, what, false));
    }
    let (mut foreign, mut nobodys) = (Vec::new(), Vec::new());
    let mut whose = None;
    for name in &leaf.names {
        if wildcard_of_another(view, tenant, name).is_some() {
            continue;
        }
        match owned.owner(view, tenant, &name.1) {
            Whose::Own => {}
            Whose::Another(other) => {
                foreign.push(shown(name));
                whose = whose.or(Some(other));
            }
            Whose::Nobody => nobodys.push(shown(name)),
        }
    }
    if let Some(other) = whose {
        let are = if foreign.len() == 1 {
            "a name"
        } else {
            "names"
        };
        let what = format!("names {}, {are} of {other}", listed(&foreign));
        return Some((Severity::Error, what, false));
    }
    if nobodys.is_empty() {
        return None;
    }
    let names = listed(&nobodys);
    Some(if nobodys.len() == leaf.names.len() {
        let what = format!("names {names} alone, and none of it is among the tenant's domains");
        (table::NAMES.severity, what, true)
    } else {
        let what = format!("also names {names}, and that is not among the tenant's domains");
        (Severity::Info, what, true)
    })
}

/// The line that says a name is this tenant's after all.
fn claim_it(view: &View<'_>, tenant: usize, leaf: &Certificate) -> Vec<Remedy> {
    let Some(section) = view.tenant(tenant) else {
        return Vec::new();
    };
    let unknown = leaf.names.iter().map(|(_, name)| name.as_str());
    let unknown = unknown.filter(|name| {
        let name = DomainName::parse(name);
        name.is_ok_and(|name| view.closest(&name, &BASES).is_empty())
    });
    let missing: Vec<Pattern> = unknown
        .filter_map(|name| Pattern::parse(name).ok())
        .collect();
    let (basis, beside) = match (
        section.sender_domains.first(),
        section.certificate_domains.first(),
    ) {
        (Some(first), _) => (Basis::Sender, first),
        (None, Some(first)) => (Basis::Certificate, first),
        (None, None) => return Vec::new(),
    };
    let present = list(section, basis).iter().map(|pattern| &pattern.value);
    vec![
        Remedy::Words(String::from("Or, if the domain is this tenant's, list it:")),
        line(beside, super::view::key(basis), present.chain(&missing)),
    ]
}

/// An upstream by the MX name of a domain that is another tenant's.
fn upstream(view: &View<'_>, owned: &Owned<'_>, tenant: usize, findings: &mut Vec<Finding>) {
    let Some(section) = view.tenant(tenant) else {
        return;
    };
    for upstream in &section.upstreams {
        let Some((domain, other)) = owned.owner_of_host(view, tenant, &upstream.value.host) else {
            continue;
        };
        let name = view.name(tenant);
        let own = owned.own_host(view, tenant, &upstream.value.host);
        let mut remedy = vec![Remedy::Words(format!(
            "Name the MX of one of \"{name}\"'s own domains, as the admin center shows it"
        ))];
        remedy.extend(own.map(|host| Remedy::Toml {
            file: upstream.at.file.display().to_string(),
            text: format!("upstream = \"{host}:{}\"", upstream.value.port),
        }));
        findings.push(Finding {
            rule: &table::UPSTREAM,
            severity: table::UPSTREAM.severity,
            tenant: Some(name.to_owned()),
            object: object(name),
            place: place(&upstream.at, format!("{}.upstream", object(name))),
            message: format!(
                "has upstream {}, the MX of {domain}, which is {other}'s",
                upstream.value.host
            ),
            related: Vec::new(),
            remedy,
            allowed: None,
        });
    }
}

/// Whose a name is.
pub(super) enum Whose {
    Own,
    /// Another tenant's, as findings name it.
    Another(String),
    Nobody,
}

/// A tenant's certificate, where it was read.
pub(super) fn identity<'a>(
    view: &View<'a>,
    tenant: usize,
) -> Option<(&'a CertificateFile, &'a Certificate)> {
    let file = view.identity(tenant)?;
    Some((file, file.chain.first()?))
}

/// Where a tenant names its certificate.
pub(super) fn identity_place(view: &View<'_>, tenant: usize) -> Place {
    let Some(section) = view.tenant(tenant) else {
        return Place::default();
    };
    let at = section
        .certificate
        .as_ref()
        .map_or(&section.at, |path| &path.at);
    place(at, format!("{}.certificate", object(view.name(tenant))))
}
