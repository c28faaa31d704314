//! EXO-L05: names below a wildcard that are not this tenant's server's.

use std::collections::{BTreeSet, HashMap};

use tenantry_lab::attribution::ConnectorRef;
use tenantry_lab::world::{DomainName, TlsSenderCertificateName, Wildcard};

use super::L05;
use super::gateway::is_gateway;
use super::shared::is_service;
use crate::finding::{Finding, Related, Remedy};
use crate::model::{Kind, Model};
use crate::powershell::quoted;
use crate::rules::wording::{SHOWN, Subject, bounded, some_of, verify};
use crate::rules::words::shown;

/// What a wildcard covers that is another's.
pub(super) fn found(
    subject: &Subject<'_>,
    name: &TlsSenderCertificateName,
    domain: &DomainName,
    below: &Below,
) -> Option<Finding> {
    let mut related = connectors(subject, name, domain);
    let certificates = below.others.iter().take(SHOWN + 1);
    related.extend(certificates.filter_map(|file| certificate(subject.model, *file)));
    if related.is_empty() {
        return None;
    }
    let names = related.iter().map(|(name, _)| name.clone());
    let names: BTreeSet<String> = names.collect();
    let message = format!(
        "has TlsSenderCertificateName *.{domain}, which covers {}, too: what comes with it counts as {}'s own",
        some_of(names.into_iter()),
        subject.tenant_name()
    );
    let mut finding = subject.finding(&L05, PROPERTY, message);
    finding.related = bounded(related.into_iter().map(|(_, related)| related).collect());
    finding.remedy = exactly(subject, domain, below);
    Some(finding)
}

/// Connectors of other tenants with a name within the wildcard.
fn connectors(
    subject: &Subject<'_>,
    name: &TlsSenderCertificateName,
    domain: &DomainName,
) -> Vec<(String, Related)> {
    let model = subject.model;
    // Of the same name EXO-L39 or EXO-L03 tells, with what to do about it.
    let said = is_service(model, name) || !model.matched_by(name).is_empty();
    let within = model.named_within(domain).iter();
    let foreign = within.filter(|other| other.tenant != subject.at.tenant);
    let related = foreign.filter_map(|other| {
        let other = Subject::of(model, *other)?;
        let theirs = other.connector().tls_sender_certificate_name.as_ref()?;
        if said && theirs == name {
            return None;
        }
        let text = crate::model::written(theirs);
        let what = format!("{} has a connector for {text}", other.tenant_name());
        Some((text, other.related(PROPERTY, what)))
    });
    related.take(SHOWN + 1).collect()
}

fn certificate(model: &Model<'_>, file: usize) -> Option<(String, Related)> {
    let certificate = model.certificate(file)?;
    let leaf = certificate.chain.first()?;
    let names = some_of(leaf.names.iter().map(shown));
    let related = Related {
        place: leaf.place.clone(),
        what: format!("a certificate for {names}"),
    };
    Some((names, related))
}

/// Whose mail a certificate is presented with, as far as is known.
pub(super) struct Presenters {
    tenants: HashMap<usize, BTreeSet<usize>>,
}

impl Presenters {
    pub(super) fn of(model: &Model<'_>) -> Self {
        let mut tenants: HashMap<usize, BTreeSet<usize>> = HashMap::new();
        for route in model.routes() {
            if let (Some(file), Some(tenant)) = (route.certificate, route.tenant()) {
                tenants.entry(file).or_default().insert(tenant);
            }
        }
        Self { tenants }
    }

    fn is_presented_for(&self, file: usize, tenant: usize) -> Option<bool> {
        let tenants = self.tenants.get(&file)?;
        Some(tenants.contains(&tenant))
    }
}

/// The certificates below a wildcard.
pub(super) struct Below {
    /// Those of the tenant's own servers.
    pub(super) own: Vec<usize>,
    /// Those of somebody else.
    pub(super) others: Vec<usize>,
    /// That the own ones are is likely, and not known: there are others, and nothing says who presents which.
    pub(super) guessed: bool,
}

impl Below {
    pub(super) fn of(
        subject: &Subject<'_>,
        name: &TlsSenderCertificateName,
        presenters: &Presenters,
    ) -> Self {
        let (model, tenant) = (subject.model, subject.tenant());
        let presented = model
            .routes_to(tenant)
            .filter_map(|route| route.certificate);
        let mut below = Self {
            own: presented
                .filter(|file| model.matches(subject.at, *file))
                .collect(),
            others: Vec::new(),
            guessed: false,
        };
        let known = !below.own.is_empty();
        if is_service(model, name) {
            return below;
        }
        let mut servers: BTreeSet<String> = below
            .own
            .iter()
            .flat_map(|file| servers_of(model, *file))
            .collect();
        for file in model.matched_by(name).iter().take(LOOKED_AT) {
            match presenters.is_presented_for(*file, tenant) {
                Some(true) => {}
                Some(false) => below.others.push(*file),
                None => match closest(model, *file, subject.at) {
                    Closest::This if below.own.is_empty() => {
                        below.own.push(*file);
                        servers.extend(servers_of(model, *file));
                    }
                    Closest::This => {
                        let mut names = servers_of(model, *file);
                        if !names.any(|name| servers.contains(&name)) {
                            below.others.push(*file);
                        }
                    }
                    // A connector of its own; EXO-L03 tells of those with names of several.
                    Closest::Own | Closest::Foreign | Closest::Partner => {}
                },
            }
            if below.others.len() > SHOWN {
                break;
            }
        }
        if !known {
            below.guess(subject, presenters);
        }
        below
    }

    /// Takes for the tenant's own the likeliest of those that it may be: the first in the order of files is no
    /// more than the first.
    fn guess(&mut self, subject: &Subject<'_>, presenters: &Presenters) {
        let Some(first) = self.own.first().copied() else {
            return;
        };
        let mut likeliest = first;
        for file in &self.others {
            if presenters.tenants.contains_key(file) {
                continue;
            }
            self.guessed = true;
            if likeliness(subject, *file) > likeliness(subject, likeliest) {
                likeliest = *file;
            }
        }
        if likeliest == first {
            return;
        }
        self.others.retain(|file| *file != likeliest);
        self.others.append(&mut self.own);
        self.others.sort_unstable();
        self.own.push(likeliest);
    }
}

/// How likely a certificate is that of the tenant's own server: its name is accepted, or what mail servers are
/// called.
fn likeliness(subject: &Subject<'_>, file: usize) -> u8 {
    let leaf = subject
        .model
        .certificate(file)
        .and_then(|file| file.chain.first());
    let names = leaf.map_or(&[][..], |leaf| &leaf.names);
    let accepted = names
        .iter()
        .any(|(_, name)| subject.model.covering(subject.tenant(), name).is_some());
    let called = names.iter().any(|(_, name)| {
        let host = name.as_str().split('.').next().unwrap_or_default();
        let host =
            host.trim_end_matches(|character: char| character.is_ascii_digit() || character == '-');
        SERVERS.contains(&host)
    });
    match (accepted, called) {
        (true, _) => 3,
        (false, true) => 2,
        (false, false) if is_gateway(subject.model, file) => 0,
        (false, false) => 1,
    }
}

enum Closest {
    /// The wildcard that is looked at.
    This,
    /// Another connector of the same tenant.
    Own,
    /// Another tenant's.
    Foreign,
    /// A Partner connector of the same tenant has exactly its name.
    Partner,
}

/// Which connectors a certificate that nobody is known to present leads to.
fn closest(model: &Model<'_>, file: usize, at: ConnectorRef) -> Closest {
    let leaf = model.certificate(file).and_then(|file| file.chain.first());
    let names = leaf.map_or(&[][..], |leaf| &leaf.names);
    let mut own = false;
    for name in names {
        let closest = model.closest(name, Kind::Active);
        if closest.iter().any(|found| found.tenant != at.tenant) {
            return Closest::Foreign;
        }
        own |= !closest.is_empty() && closest.iter().all(|found| *found != at);
        let partners = model.closest(name, Kind::Partner);
        if partners.iter().any(|found| found.tenant == at.tenant) {
            return Closest::Partner;
        }
    }
    if own { Closest::Own } else { Closest::This }
}

/// A certificate's names without the numbers of their hosts: `mail1` and `mail2` are one kind of server,
/// and a renewed certificate has a name of the old one.
fn servers_of<'m>(model: &'m Model<'_>, file: usize) -> impl Iterator<Item = String> + use<'m> {
    let leaf = model.certificate(file).and_then(|file| file.chain.first());
    let names = leaf.map_or(&[][..], |leaf| &leaf.names);
    names.iter().map(|(wildcard, name)| {
        if *wildcard == Wildcard::Yes {
            return format!("*.{name}");
        }
        let (host, rest) = name.as_str().split_once('.').unwrap_or((name.as_str(), ""));
        let host =
            host.trim_end_matches(|character: char| character.is_ascii_digit() || character == '-');
        format!("{host}.{rest}")
    })
}

/// The way from a wildcard to the name of the tenant's own server.
pub(super) fn exactly(subject: &Subject<'_>, domain: &DomainName, below: &Below) -> Vec<Remedy> {
    let model = subject.model;
    let names = below.own.iter().filter_map(|file| model.certificate(*file));
    let mut names =
        names.flat_map(|file| file.chain.first().into_iter().flat_map(|leaf| &leaf.names));
    let known = names.find(|(wildcard, name)| *wildcard == Wildcard::No && name.is_within(domain));
    let tenant = subject.tenant_name();
    let mut steps = Vec::new();
    let take = |example: &str| {
        Remedy::Words(format!(
            "Take the name of the certificate that {tenant}'s own server presents, as {example}:"
        ))
    };
    let name = match known {
        Some((_, name)) => {
            if below.guessed {
                steps.push(take(name.as_str()));
            }
            name.clone()
        }
        None => {
            let example = format!("mail.{domain}");
            steps.push(take(&example));
            let Ok(example) = DomainName::parse(&example) else {
                return steps;
            };
            example
        }
    };
    if model.covering(subject.tenant(), &name).is_none() {
        steps.push(verify(tenant, name.as_str()));
    }
    let quoted = quoted(name.as_str());
    steps.push(subject.set(&format!("-TlsSenderCertificateName {quoted}")));
    steps
}

/// What mail servers are called.
const SERVERS: &[&str] = &[
    "mail",
    "smtp",
    "exchange",
    "ex",
    "exch",
    "hybrid",
    "mailout",
    "owa",
    "webmail",
    "autodiscover",
];

/// How many certificates below one wildcard are looked at: a few are enough to see that it is too wide.
const LOOKED_AT: usize = 2_000;
const PROPERTY: &str = "TlsSenderCertificateName";
