//! EXO-L33: the gateway for mail from the internet below the wildcard that was written for Exchange.

use tenantry_lab::attribution::ConnectorRef;
use tenantry_lab::world::{DomainName, TlsSenderCertificateName};

use super::L33;
use super::capture::{Below, exactly};
use crate::finding::{Finding, Related, Remedy};
use crate::model::{Kind, Model, written};
use crate::powershell::quoted;
use crate::rules::wording::{Subject, bounded, command, some_of};
use crate::rules::words::shown;

/// Gateways below a wildcard, by their certificates and by the Partner connectors beside it.
pub(super) fn found(
    subject: &Subject<'_>,
    name: &TlsSenderCertificateName,
    domain: &DomainName,
    below: &Below,
) -> Option<Finding> {
    let partners = partners(subject, name, domain, below);
    let certificates: Vec<usize> = below
        .others
        .iter()
        .copied()
        .filter(|file| is_gateway(subject.model, *file))
        .collect();
    if partners.is_empty() && certificates.is_empty() {
        return None;
    }
    Some(told(subject, domain, below, &partners, &certificates))
}

fn told(
    subject: &Subject<'_>,
    domain: &DomainName,
    below: &Below,
    partners: &[ConnectorRef],
    certificates: &[usize],
) -> Finding {
    let model = subject.model;
    let partners = || partners.iter().filter_map(|at| Subject::of(model, *at));
    let name = |partner: &Subject<'_>| {
        let name = partner.connector().tls_sender_certificate_name.as_ref();
        name.map(written).unwrap_or_default()
    };
    let named = partners().map(|partner| name(&partner));
    let certificates = || {
        certificates
            .iter()
            .filter_map(|file| model.certificate(*file))
    };
    let leaves = || certificates().filter_map(|file| Some((file, file.chain.first()?)));
    let names = named.chain(leaves().flat_map(|(_, leaf)| leaf.names.iter().map(shown)));
    let mut names: Vec<String> = names.collect();
    names.sort();
    names.dedup();
    let message = format!(
        "has TlsSenderCertificateName *.{domain}, which covers {}, too, a gateway's: what it brings in from the internet counts \
         as {}'s own",
        some_of(names.into_iter()),
        subject.tenant_name()
    );
    let mut finding = subject.finding(&L33, PROPERTY, message);
    let by_connector = partners().map(|partner| {
        let what = format!("the Partner connector names {}", name(&partner));
        partner.related(PROPERTY, what)
    });
    let by_file = leaves().map(|(_, leaf)| Related {
        place: leaf.place.clone(),
        what: format!(
            "a certificate for {}",
            some_of(leaf.names.iter().map(shown))
        ),
    });
    finding.related = bounded(by_connector.chain(by_file).collect());
    finding.remedy = exactly(subject, domain, below);
    finding
        .remedy
        .extend(connected(subject, partners(), leaves()));
    finding
}

/// A Partner connector for the gateway, if it has none that is enabled.
fn connected<'m>(
    subject: &Subject<'m>,
    partners: impl Iterator<Item = Subject<'m>>,
    leaves: impl Iterator<
        Item = (
            &'m crate::inventory::CertificateFile,
            &'m crate::inventory::Certificate,
        ),
    >,
) -> Vec<Remedy> {
    let mut steps = Vec::new();
    let mut there = false;
    for partner in partners {
        there = true;
        if !partner.connector().enabled {
            steps.push(partner.set("-Enabled $true"));
        }
    }
    let mut leaves = leaves.filter(|_| !there);
    if let Some((_, leaf)) = leaves.next()
        && let Some(name) = leaf.names.first()
    {
        steps.push(command(
            subject.tenant_name(),
            format!(
                "New-InboundConnector -Name 'Gateway' -ConnectorType Partner -SenderDomains '*' -RequireTls $true \
                 -TlsSenderCertificateName {}",
                quoted(&shown(name))
            ),
        ));
    }
    steps
}

/// Partner connectors of the same tenant with a name below the wildcard. The same name in both is how a
/// tenant is locked to its own server, and so is the name of that server's certificate.
fn partners(
    subject: &Subject<'_>,
    name: &TlsSenderCertificateName,
    domain: &DomainName,
    below: &Below,
) -> Vec<ConnectorRef> {
    let model = subject.model;
    let kinds = [Kind::Partner, Kind::DisabledPartner].into_iter();
    let partners = kinds.flat_map(|kind| model.connectors_of(subject.tenant(), kind));
    let within = partners.filter(|(at, partner)| {
        let theirs = partner.value.tls_sender_certificate_name.as_ref();
        let inside = theirs.is_some_and(|theirs| match theirs {
            TlsSenderCertificateName::Exact(own) | TlsSenderCertificateName::Wildcard(own) => {
                own.is_within(domain)
            }
            TlsSenderCertificateName::Unusable(_) => false,
        });
        let servers = below.own.iter().any(|file| model.matches(*at, *file));
        inside && theirs != Some(name) && !servers
    });
    within.map(|(at, _)| at).collect()
}

/// Whether all names of a certificate are what gateways are called.
pub(super) fn is_gateway(model: &Model<'_>, file: usize) -> bool {
    let leaf = model.certificate(file).and_then(|file| file.chain.first());
    let names = leaf.map_or(&[][..], |leaf| &leaf.names);
    let called = |host: &str| {
        let host =
            host.trim_end_matches(|character: char| character.is_ascii_digit() || character == '-');
        GATEWAYS.contains(&host)
    };
    let label = |name: &DomainName| name.as_str().split('.').next().is_some_and(called);
    !names.is_empty() && names.iter().all(|(_, name)| label(name))
}

const GATEWAYS: &[&str] = &[
    "gateway",
    "gw",
    "mailgateway",
    "mail-gateway",
    "mailgw",
    "mail-gw",
    "smtpgw",
    "smtp-gw",
    "mx",
    "mx-in",
    "inbound",
    "smtp-in",
    "filter",
    "mailfilter",
    "spamfilter",
    "antispam",
];

const PROPERTY: &str = "TlsSenderCertificateName";
