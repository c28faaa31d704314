//! EXO-L03 and EXO-L39: one certificate, or one name, for several tenants.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use tenantry_lab::attribution::ConnectorRef;
use tenantry_lab::world::{DomainName, TlsSenderCertificateName};
use tenantry_net::Fingerprint;

use super::{L03, L39};
use crate::finding::{Finding, Related, Remedy};
use crate::model::{Kind, Model, written};
use crate::powershell::quoted;
use crate::rules::wording::{SHOWN, Subject, bounded, finding, some_of, verify};
use crate::rules::words::shown;

/// EXO-L03: certificates whose names lead to connectors of several tenants. A name counts for the
/// connectors that match it most closely; what a wildcard takes from a closer one is EXO-L05's to say.
pub(super) fn certificates(model: &Model<'_>, findings: &mut Vec<Finding>) {
    let mut seen: HashMap<&Fingerprint, usize> = HashMap::new();
    for (file, certificate) in model.inventory().certificates.iter().enumerate() {
        let Some(leaf) = certificate.chain.first() else {
            continue;
        };
        if !model.counts(file) {
            continue;
        }
        let tenants = tenants(model, file);
        if tenants.len() < 2 || seen.insert(&leaf.fingerprint, file).is_some() {
            continue;
        }
        let path = certificate.path.display();
        let names = tenants
            .keys()
            .map(|tenant| model.tenant_name(*tenant).to_owned());
        let message = format!(
            "matches OnPremises connectors of {}, by {}",
            some_of(names),
            by_names(&tenants)
        );
        let object = format!("certificate \"{path}\"");
        let mut finding = finding(&L03, None, object, leaf.place.clone(), message);
        let related = tenants.values().filter_map(|(name, at)| {
            let subject = Subject::of(model, *at)?;
            let what = format!("{name} matches this connector of {}", subject.tenant_name());
            Some(subject.related(PROPERTY, what))
        });
        finding.related = bounded(related.collect());
        finding.remedy = separate(model, &tenants);
        findings.push(finding);
    }
}

/// The tenants that a certificate's names lead to, each with the first name and connector; not all where
/// they are many.
fn tenants(model: &Model<'_>, file: usize) -> BTreeMap<usize, (String, ConnectorRef)> {
    let leaf = model.certificate(file).and_then(|file| file.chain.first());
    let names = leaf.map_or(&[][..], |leaf| &leaf.names);
    let mut tenants = BTreeMap::new();
    for name in names {
        let closest = model.closest(name, Kind::Active);
        // What is below a service's wildcard may be one customer's alone: EXO-L39 tells of the wildcard.
        if closest
            .first()
            .is_some_and(|at| is_below_service(model, *at))
        {
            continue;
        }
        for at in closest {
            let entry = tenants.entry(at.tenant.0);
            entry.or_insert_with(|| (shown(name), *at));
            if tenants.len() > SHOWN {
                return tenants;
            }
        }
    }
    tenants
}

fn is_below_service(model: &Model<'_>, at: ConnectorRef) -> bool {
    let connector = model.connector(at);
    let name = connector.and_then(|found| found.value.tls_sender_certificate_name.as_ref());
    name.is_some_and(|name| {
        matches!(name, TlsSenderCertificateName::Wildcard(_)) && is_service(model, name)
    })
}

/// The names that do it, each once.
fn by_names(tenants: &BTreeMap<usize, (String, ConnectorRef)>) -> String {
    let names: BTreeSet<&String> = tenants.values().map(|(name, _)| name).collect();
    some_of(names.into_iter().cloned())
}

/// A certificate for each: with this name for the tenant that has accepted it, with another for the others.
fn separate(model: &Model<'_>, tenants: &BTreeMap<usize, (String, ConnectorRef)>) -> Vec<Remedy> {
    let mut steps: Vec<Remedy> = Vec::new();
    let mut taken = BTreeSet::new();
    for (tenant, (name, at)) in tenants.iter().take(SHOWN) {
        let tenant = model.tenant_name(*tenant);
        let accepted = model.attributes_by_name(*at) && taken.insert(name);
        steps.push(Remedy::Words(if accepted {
            format!(
                "Present {tenant}'s mail with a certificate for {name} that has no names of other tenants"
            )
        } else {
            format!(
                "Present {tenant}'s mail with a certificate that has a name of {tenant}'s own, which it accepts as a \
                 domain and names in its connector"
            )
        }));
    }
    steps.push(Remedy::Words(String::from(
        "Then present this certificate no more",
    )));
    steps
}

/// EXO-L39: connectors of several tenants with one name that is no tenant's.
pub(super) fn services(model: &Model<'_>, findings: &mut Vec<Finding>) {
    for (at, exported) in model.connectors(Kind::Active) {
        let Some(name) = &exported.value.tls_sender_certificate_name else {
            continue;
        };
        if !is_service(model, name) {
            continue;
        }
        let subject = Subject {
            model,
            at,
            exported,
        };
        let text = written(name);
        let sharing = model.with_name(name);
        let others = || sharing.iter().filter(|other| other.tenant != at.tenant);
        // All of them may be many.
        let some = others().take(SHOWN).filter_map(|other| {
            let other = Subject::of(model, *other)?;
            Some(other.related(PROPERTY, format!("{} has it, too", other.tenant_name())))
        });
        let related: Vec<Related> = some.collect();
        let customers: BTreeSet<usize> = sharing.iter().map(|other| other.tenant.0).collect();
        let message = format!(
            "has TlsSenderCertificateName {text}, which is the same in {} tenants, and none of theirs: it is a service's that they share",
            customers.len()
        );
        let mut finding = subject.finding(&L39, PROPERTY, message);
        finding.related = related;
        finding.remedy = of_its_own(&subject, name);
        findings.push(finding);
    }
}

/// Whether a name is in connectors of several tenants, and below no domain that any of them has.
pub(in crate::rules) fn is_service(model: &Model<'_>, name: &TlsSenderCertificateName) -> bool {
    let (TlsSenderCertificateName::Exact(domain) | TlsSenderCertificateName::Wildcard(domain)) =
        name
    else {
        return false;
    };
    let mut sharing = model.with_name(name).iter();
    let several = match sharing.next() {
        Some(first) => sharing.any(|other| other.tenant != first.tenant),
        None => false,
    };
    let mut above = std::iter::successors(Some(domain.clone()), DomainName::parent);
    several && above.all(|above| model.listing(&above).is_empty())
}

/// The customer's own name: one below the service's that the tenant has accepted already, or one to ask for.
pub(in crate::rules) fn of_its_own(
    subject: &Subject<'_>,
    name: &TlsSenderCertificateName,
) -> Vec<Remedy> {
    let tenant = subject.tenant_name();
    let accepted = subject.model.accepting(subject.at);
    if let Some(accepted) = accepted {
        let own = quoted(accepted.value.domain.as_str());
        return vec![
            Remedy::Words(format!(
                "See to it that the service presents {} with {tenant}'s mail; then:",
                accepted.value.domain
            )),
            subject.set(&format!("-TlsSenderCertificateName {own}")),
        ];
    }
    let domain = written(name).trim_start_matches("*.").to_owned();
    let example = format!("{}.{domain}", token(tenant));
    vec![
        Remedy::Words(format!(
            "Ask the service for a certificate domain that it uses for {tenant} alone, as {example} would be"
        )),
        verify(tenant, &example),
        subject.set(&format!("-TlsSenderCertificateName {}", quoted(&example))),
    ]
}

/// A label for a tenant, for an example.
fn token(tenant: &str) -> String {
    let label: String = tenant
        .to_lowercase()
        .chars()
        .filter(|character| character.is_ascii_alphanumeric())
        .take(20)
        .collect();
    if label.is_empty() {
        return String::from("customer");
    }
    label
}

const PROPERTY: &str = "TlsSenderCertificateName";
