//! EXO-L11: a Partner connector that refuses whatever nothing attributes.

use tenantry_lab::world::SenderDomain;

use super::L11;
use super::standing::{Standing, expected, standing};
use crate::finding::{Finding, Remedy};
use crate::model::{Kind, Model};
use crate::powershell::quoted;
use crate::rules::wording::{Subject, bounded, command, some_of};

pub(super) fn check(model: &Model<'_>, findings: &mut Vec<Finding>) {
    for (at, exported) in model.connectors(Kind::Partner) {
        let connector = &exported.value;
        let flag = match (
            connector.restrict_domains_to_certificate,
            connector.restrict_domains_to_ip_addresses,
        ) {
            (true, _) => "RestrictDomainsToCertificate",
            (false, true) => "RestrictDomainsToIPAddresses",
            (false, false) => continue,
        };
        let tenant = at.tenant.0;
        let everybody = connector.sender_domains.contains(&SenderDomain::Any);
        let expected: Vec<_> = expected(model, tenant).collect();
        if !everybody || expected.is_empty() || is_proven(model, tenant) {
            continue;
        }
        let subject = Subject {
            model,
            at,
            exported,
        };
        let owner = subject.tenant_name();
        let names = some_of(expected.iter().map(|(_, name)| name.clone()));
        let message = format!(
            "locks {owner} for every sender by {flag}, and no certificate is known that matches its OnPremises \
             connectors ({names}): what they do not attribute is refused with 5.7.51"
        );
        let mut finding = subject.finding(&L11, flag, message);
        let related = expected.iter().filter_map(|(at, name)| {
            let opening = Subject::of(model, *at)?;
            let what = format!("expects a certificate for {name}");
            Some(opening.related("TlsSenderCertificateName", what))
        });
        finding.related = bounded(related.collect());
        finding.remedy = opened(&subject, flag, &names);
        findings.push(finding);
    }
}

/// What opens the lock, and what to do until then.
fn opened(subject: &Subject<'_>, flag: &str, names: &str) -> Vec<Remedy> {
    let owner = subject.tenant_name();
    vec![
        Remedy::Words(format!(
            "Present a certificate for {names} with its intermediates, and give it to lint, too. Before it changes, \
             compare its names with those of the connectors:"
        )),
        command(
            owner,
            String::from(
                "Get-InboundConnector | Format-Table Name,Enabled,ConnectorType,TlsSenderCertificateName",
            ),
        ),
        Remedy::Words(String::from(
            "If mail of the tenant's own servers is refused meanwhile, open the lock until they match again:",
        )),
        command(
            owner,
            format!(
                "Set-InboundConnector -Identity {} -{flag} $false",
                quoted(&subject.connector().name)
            ),
        ),
    ]
}

/// Whether everything that goes to the tenant has a certificate that counts; where no route is known, whether
/// any certificate does.
fn is_proven(model: &Model<'_>, tenant: usize) -> bool {
    let known = model
        .routes_to(tenant)
        .map(|route| standing(model, route))
        .filter(|standing| *standing != Standing::Unknown);
    let mut known = known.peekable();
    if known.peek().is_some() {
        return known.all(|standing| standing == Standing::Attributed);
    }
    model
        .connectors_of(tenant, Kind::Active)
        .any(|(at, found)| {
            let name = found.value.tls_sender_certificate_name.as_ref();
            let certificates = name.map_or(&[][..], |name| model.matched_by(name));
            !certificates.is_empty() && model.attributes_by_name(at)
        })
}
