//! What a tenant presents upstream, and where: names that are not its own, an identity or an upstream
//! that is another tenant's, a wildcard that takes another tenant's certificate.

use std::collections::{HashMap, HashSet};

use tenantry_attribution::{Basis, Pattern};
use tenantry_lab::world::{DomainName, Place, Wildcard};
use tenantry_net::PresentedChain;

use super::names::{claim_place, line, object};
use super::owned::Owned;
use super::table;
use super::view::{BASES, Claim, View, list, place};
use crate::finding::{Finding, Related, Remedy};
use crate::inventory::{Certificate, CertificateFile, Purpose};
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
    captured(view, findings);
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
                format!("{path} is the certificate of {}, too", object(other)),
            )
        } else {
            (
                Severity::Warning,
                format!(
                    "{path} was made for the same private key as the certificate of {}",
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
    vec![
        Remedy::Words(format!(
            "Make a new private key, and order a certificate for it with names of \"{name}\" alone."
        )),
        Remedy::Toml {
            file: file.map_or_else(String::new, |file| file.display().to_string()),
            text: format!("certificate = \"tls/{stem}.pem\"\nkey = \"tls/{stem}.key\""),
        },
    ]
}

/// Names of an identity that are another tenant's, or nobody's.
fn names(view: &View<'_>, owned: &Owned<'_>, tenant: usize, findings: &mut Vec<Finding>) {
    let Some((file, leaf)) = identity(view, tenant) else {
        return;
    };
    let (mut own, mut foreign, mut nobodys) = (0, Vec::new(), Vec::new());
    for name in &leaf.names {
        if wildcard_of_another(view, tenant, name).is_some() {
            continue;
        }
        match owned.owner(view, tenant, &name.1) {
            Whose::Own => own += 1,
            Whose::Another(other) => foreign.push((shown(name), other)),
            Whose::Nobody => nobodys.push(shown(name)),
        }
    }
    let all = leaf.names.len();
    let (severity, message) = if let Some((_, other)) = foreign.first() {
        let names: Vec<String> = foreign.iter().map(|(name, _)| name.clone()).collect();
        let message = format!(
            "{} names {}, which {} of {other}",
            file.path.display(),
            listed(&names),
            if names.len() == 1 { "is" } else { "are" }
        );
        (Severity::Error, message)
    } else if nobodys.is_empty() {
        return;
    } else if own == 0 && nobodys.len() == all {
        let message = format!(
            "{} names {} alone, and none of it is among the domains of {}",
            file.path.display(),
            listed(&nobodys),
            object(view.name(tenant))
        );
        (table::NAMES.severity, message)
    } else {
        let message = format!(
            "{} also names {}, which is not among the domains of {}",
            file.path.display(),
            listed(&nobodys),
            object(view.name(tenant))
        );
        (Severity::Info, message)
    };
    let mut remedy = vec![Remedy::Words(format!(
        "Order a certificate for \"{}\" whose names are all at or below its own domains.",
        view.name(tenant)
    ))];
    if foreign.is_empty() {
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

/// The line that says a name is this tenant's after all.
fn claim_it(view: &View<'_>, tenant: usize, leaf: &Certificate) -> Vec<Remedy> {
    let Some(section) = view.tenant(tenant) else {
        return Vec::new();
    };
    let unknown = leaf.names.iter().map(|(_, name)| name.as_str());
    let unknown = unknown.filter(|name| {
        let owners = DomainName::parse(name);
        owners.is_ok_and(|name| view.closest(&name, &BASES).is_empty())
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
            "Name the MX of one of \"{name}\"'s own domains, as the admin center shows it."
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
                "upstream is {}, the MX of {domain}, which is {other}'s",
                upstream.value.host
            ),
            related: Vec::new(),
            remedy,
            allowed: None,
        });
    }
}

/// Certificates of one tenant, or of its clients, that a wildcard of another takes.
fn captured(view: &View<'_>, findings: &mut Vec<Finding>) {
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
fn wildcard_of_another<'a>(
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
        "List the names that \"{wide}\" really has instead of {pattern}. Or claim this one for \"{owner}\":"
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
            "certificate_domains claims {pattern}, which takes {shown} of {}, a certificate of {}",
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
