//! The certificate of a Send connector: EXO-L24, EXO-L25 and EXO-L28.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use tenantry_lab::export::TlsCertificateName;
use tenantry_lab::world::TlsSenderCertificateName;

use super::settings::name_certificate;
use super::target::{Sureness, Target};
use super::{Sent, table};
use crate::distinguished_name::DistinguishedName;
use crate::finding::{Finding, Related, Remedy};
use crate::inventory::{Certificate, CertificateFile, Purpose};
use crate::model::{Kind, Model};
use crate::rule::Severity;
use crate::rules::words::{day, left, listed, shown};

pub(super) fn check(model: &Model<'_>, sent: &[Sent<'_>], findings: &mut Vec<Finding>) {
    let clients = Clients::of(model);
    for connector in sent {
        there(model, connector, &clients, findings);
    }
    expiry(model, sent, findings);
    shared(model, sent, findings);
}

/// Certificates that a Send connector may have: those of no other purpose.
struct Clients<'a> {
    count: usize,
    by_common_name: HashMap<String, &'a CertificateFile>,
}

impl<'a> Clients<'a> {
    fn of(model: &Model<'a>) -> Self {
        let files = model.inventory().certificates.iter();
        let clients = files.filter(|file| file.purpose == Purpose::Client);
        let mut found = Self {
            count: 0,
            by_common_name: HashMap::new(),
        };
        for file in clients {
            found.count += 1;
            let name = file
                .chain
                .first()
                .and_then(|leaf| leaf.subject_name.common_name());
            if let Some(name) = name {
                found
                    .by_common_name
                    .entry(name.to_lowercase())
                    .or_insert(file);
            }
        }
        found
    }
}

/// Whether what TlsCertificateName names is there, and not over.
fn there(model: &Model<'_>, sent: &Sent<'_>, clients: &Clients<'_>, findings: &mut Vec<Finding>) {
    let file = sent
        .route
        .certificate
        .and_then(|file| model.certificate(file));
    let leaf = file.and_then(|file| file.chain.first());
    if let Some((file, leaf)) = file.zip(leaf) {
        if leaf.not_after <= model.inventory().now {
            let message = format!(
                "presents {}, which expired on {}, and has no other",
                file.path.display(),
                day(leaf.not_after)
            );
            let mut finding = sent.finding(&table::CERTIFICATE, NAME, message);
            finding.related.push(Related {
                place: leaf.place.clone(),
                what: String::from("the certificate"),
            });
            let name = common_name(leaf);
            finding.remedy = renewed(sent, name.as_deref().unwrap_or(&sent.own));
            findings.push(finding);
        }
        return;
    }
    let Some((severity, message, name, related)) = absent(sent, clients) else {
        return;
    };
    let mut finding = sent.finding(&table::CERTIFICATE, NAME, message);
    finding.severity = severity;
    finding.related.extend(related);
    finding
        .remedy
        .extend(name_certificate(sent, name.as_deref().unwrap_or(&sent.own)));
    findings.push(finding);
}

/// What is wrong with a TlsCertificateName that finds no certificate, the host that it names, and the
/// certificate that took its place.
fn absent(
    sent: &Sent<'_>,
    clients: &Clients<'_>,
) -> Option<(Severity, String, Option<String>, Option<Related>)> {
    Some(match &sent.connector.tls_certificate_name {
        Some(TlsCertificateName::Unusable(text)) => {
            let message =
                format!("has TlsCertificateName {text:?}, which is not <I>issuer<S>subject");
            (table::CERTIFICATE.severity, message, None, None)
        }
        Some(TlsCertificateName::IssuerAndSubject { issuer, subject }) if clients.count > 0 => {
            let named = DistinguishedName::parse(subject);
            let name = named.common_name().map(str::to_owned);
            let renewed = name.as_ref();
            let renewed = renewed.and_then(|name| clients.by_common_name.get(&name.to_lowercase()));
            let other = renewed.and_then(|file| Some((file, file.chain.first()?)));
            match other {
                Some((file, leaf)) => (
                    table::CERTIFICATE.severity,
                    format!(
                        "names a certificate for {subject} by {issuer} in TlsCertificateName, and {} is one for {} by {}",
                        file.path.display(),
                        leaf.subject,
                        leaf.issuer
                    ),
                    name,
                    Some(Related {
                        place: leaf.place.clone(),
                        what: format!("a certificate for {}", leaf.subject),
                    }),
                ),
                // Not all certificates of the server need be among those that were read.
                None => (
                    Severity::Warning,
                    format!(
                        "names a certificate for {subject} by {issuer} in TlsCertificateName, and none of the {} \
                         certificates that were read is that",
                        clients.count
                    ),
                    name,
                    None,
                ),
            }
        }
        Some(TlsCertificateName::IssuerAndSubject { .. }) | None => return None,
    })
}

fn renewed(sent: &Sent<'_>, name: &str) -> Vec<Remedy> {
    let mut steps = vec![Remedy::Words(format!(
        "Order a certificate with the same names, {name}, and import it with Import-ExchangeCertificate:"
    ))];
    steps.extend(name_certificate(sent, name));
    steps
}

/// What Windows finds a certificate by: its common name, else one that it has.
fn common_name(leaf: &Certificate) -> Option<String> {
    let common = leaf.subject_name.common_name().map(str::to_owned);
    common.or_else(|| leaf.names.first().map(shown))
}

/// Certificates that end soon: one finding for each, however many connectors have it.
fn expiry(model: &Model<'_>, sent: &[Sent<'_>], findings: &mut Vec<Finding>) {
    let mut users: BTreeMap<usize, Vec<&Sent<'_>>> = BTreeMap::new();
    for connector in sent {
        if let Some(file) = connector.route.certificate {
            users.entry(file).or_default().push(connector);
        }
    }
    let now = model.inventory().now;
    for (file, users) in users {
        let Some(file) = model.certificate(file) else {
            continue;
        };
        findings.extend(ending(file, &users, now));
    }
}

fn ending(file: &CertificateFile, users: &[&Sent<'_>], now: Timestamp) -> Option<Finding> {
    let leaf = file.chain.first()?;
    let (severity, left) = left(leaf.not_after, now).filter(|_| leaf.not_after > now)?;
    let first = users.first()?;
    let names: Vec<String> = leaf.names.iter().map(shown).collect();
    let mut finding = first.finding(
        &table::EXPIRY,
        NAME,
        format!("presents {}, which {left}", file.path.display()),
    );
    finding.severity = severity;
    finding.place = leaf.place.clone();
    finding.related = users
        .iter()
        .take(MOST_RELATED)
        .map(|user| Related {
            place: user.place(NAME),
            what: format!("{} presents it", user.object()),
        })
        .collect();
    finding.remedy.push(Remedy::Words(format!(
        "Order a certificate with the same names, {}, and import it with Import-ExchangeCertificate:",
        listed(&names)
    )));
    for user in users.iter().take(MOST_RELATED) {
        let name = common_name(leaf);
        let steps = name_certificate(user, name.as_deref().unwrap_or(&user.own));
        finding.remedy.extend(steps.into_iter().skip(1));
    }
    Some(finding)
}

/// Connectors to two tenants with one certificate.
fn shared(model: &Model<'_>, sent: &[Sent<'_>], findings: &mut Vec<Finding>) {
    let mut first: HashMap<String, Vec<(&Sent<'_>, Target)>> = HashMap::new();
    for connector in sent {
        let (Some(key), Some(target)) = (key(connector), Target::of(connector)) else {
            continue;
        };
        let before = first.entry(key).or_default();
        let other = before.iter().find_map(|(other, their)| {
            let sureness = target.differs(their)?;
            Some((*other, their.clone(), sureness))
        });
        if let Some((other, their, sureness)) = other {
            findings.push(same(model, connector, &target, other, &their, sureness));
        }
        // One of each tenant is enough to compare the next with.
        if before.iter().all(|(_, known)| *known != target) && before.len() < MOST_RELATED {
            before.push((connector, target));
        }
    }
}

/// What a connector presents: the certificate that was found, or its names.
fn key(sent: &Sent<'_>) -> Option<String> {
    if let Some(file) = sent.route.certificate {
        return Some(format!("file {file}"));
    }
    match sent.connector.tls_certificate_name.as_ref()? {
        TlsCertificateName::IssuerAndSubject { issuer, subject } => {
            Some(format!("<I>{issuer}<S>{subject}").to_lowercase())
        }
        TlsCertificateName::Unusable(_) => None,
    }
}

fn same(
    model: &Model<'_>,
    sent: &Sent<'_>,
    to: &Target,
    other: &Sent<'_>,
    their: &Target,
    sureness: Sureness,
) -> Finding {
    let what = match &sent.connector.tls_certificate_name {
        Some(TlsCertificateName::IssuerAndSubject { subject, .. }) => subject.clone(),
        Some(TlsCertificateName::Unusable(_)) | None => String::from("its certificate"),
    };
    let (target, their) = (to.shown(model), their.shown(model));
    let message = format!(
        "presents {what} to {target}, and {} presents the same to {their}",
        other.object()
    );
    let mut finding = sent.finding(&table::SHARED, NAME, message);
    finding.severity = match sureness {
        Sureness::Known => table::SHARED.severity,
        Sureness::Likely => Severity::Warning,
    };
    finding.related.push(Related {
        place: other.place(NAME),
        what: format!("{} presents it to {their}", other.object()),
    });
    let own = match to {
        Target::Exported(tenant) => own_name(model, *tenant),
        Target::Label(_) | Target::Initial(_) => None,
    };
    finding.remedy.push(Remedy::Words(format!(
        "Order a certificate for {}, a name that {target} has accepted, and import it with Import-ExchangeCertificate:",
        own.as_deref().unwrap_or("a host")
    )));
    let own = own.unwrap_or_else(|| sent.own.clone());
    finding
        .remedy
        .extend(name_certificate(sent, &own).into_iter().skip(1));
    finding
}

/// The certificate name of a tenant's own: one that a connector of it has, or below its default domain.
pub(super) fn own_name(model: &Model<'_>, tenant: usize) -> Option<String> {
    let mut named = model
        .connectors_of(tenant, Kind::Active)
        .filter_map(|(_, connector)| {
            match connector.value.tls_sender_certificate_name.as_ref()? {
                TlsSenderCertificateName::Exact(name) => Some(name.to_string()),
                TlsSenderCertificateName::Wildcard(_) | TlsSenderCertificateName::Unusable(_) => {
                    None
                }
            }
        });
    named.next().or_else(|| {
        let mut domains = model.tenant(tenant)?.accepted_domains.iter();
        let default = domains.find(|domain| domain.value.default)?;
        Some(format!("mail.{}", default.value.domain))
    })
}

const NAME: &str = "TlsCertificateName";
/// Most others that a finding shows or compares with.
const MOST_RELATED: usize = 8;
