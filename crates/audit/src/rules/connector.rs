//! What an inbound connector has wrong with itself, whatever else there is.
//!
//! Only enabled connectors are looked at: one that is not takes part in nothing.

mod address;
mod table;

use super::Group;
use std::net::IpAddr;

use tenantry_lab::attribution::ConnectorRef;
use tenantry_lab::world::{
    ConnectorType, DomainName, InboundConnector, SenderDomain, TenantIndex,
    TlsSenderCertificateName,
};

use super::wording::{Subject, command, some_of};
use crate::finding::{Finding, Remedy};
use crate::model::{self, Kind, Model};
use crate::powershell::quoted;

pub(super) use address::address_text;

pub(super) const GROUP: Group = Group {
    rules: table::RULES,
    check,
};

/// Looks at every connector once.
fn check(model: &Model<'_>, findings: &mut Vec<Finding>) {
    for (tenant, described) in model.tenants().iter().enumerate() {
        for connector in 0..described.inbound_connectors.len() {
            let at = ConnectorRef {
                tenant: TenantIndex(tenant),
                connector,
            };
            let Some(subject) = Subject::of(model, at) else {
                continue;
            };
            if subject.connector().enabled {
                look(&subject, findings);
            }
        }
    }
}

fn look(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    diverted(subject, findings);
    internal(subject, findings);
    match model::kind(subject.connector()) {
        Kind::Active => {
            identity(subject, findings);
            name(subject, findings);
            address::check(subject, findings);
            restrictions(subject, findings);
        }
        Kind::Partner => {
            name(subject, findings);
            address::check(subject, findings);
            both(subject, findings);
            associated(subject, findings);
        }
        // TrustedOrganizations is the only criterion that counts.
        Kind::Diverted | Kind::Disabled | Kind::DisabledPartner => {}
    }
}

/// EXO-L04 and EXO-L13: what an OnPremises connector goes by.
fn identity(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    let connector = subject.connector();
    if connector.tls_sender_certificate_name.is_some() {
        return;
    }
    let mut finding = if connector.sender_ip_addresses.is_empty() {
        let message = "has neither TlsSenderCertificateName nor SenderIPAddresses, so that it matches nothing";
        subject.finding(&table::L13, "TlsSenderCertificateName", message.to_owned())
    } else {
        let addresses = connector.sender_ip_addresses.iter().map(address_text);
        let message = format!(
            "goes by SenderIPAddresses alone ({}), and has no TlsSenderCertificateName",
            some_of(addresses)
        );
        subject.finding(&table::L04, "SenderIPAddresses", message)
    };
    finding.remedy = subject.certified();
    findings.push(finding);
}

/// EXO-L07: a certificate name that matches nothing.
fn name(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    let Some(name) = &subject.connector().tls_sender_certificate_name else {
        return;
    };
    let Some(wrong) = misnamed(name) else {
        return;
    };
    let text = model::written(name);
    let message = format!(
        "has TlsSenderCertificateName {text:?}, which {wrong}, so that it matches no certificate"
    );
    let mut finding = subject.finding(&table::L07, "TlsSenderCertificateName", message);
    match corrected(&text) {
        Some(corrected) => {
            finding.remedy.push(Remedy::Words(format!(
                "Give the name that the certificate has. If {corrected} is meant:"
            )));
            let corrected = quoted(&corrected);
            let step = subject.set(&format!("-TlsSenderCertificateName {corrected}"));
            finding.remedy.push(step);
        }
        None => finding.remedy = subject.certified(),
    }
    findings.push(finding);
}

/// What is wrong with a certificate name in itself.
pub(super) fn misnamed(name: &TlsSenderCertificateName) -> Option<&'static str> {
    let (TlsSenderCertificateName::Exact(domain) | TlsSenderCertificateName::Wildcard(domain)) =
        name
    else {
        return Some(unusable(&model::written(name)));
    };
    if domain.as_str().parse::<IpAddr>().is_ok() {
        Some("is an address and no domain")
    } else if domain.labels() < 2 {
        Some("has a single label and is no domain")
    } else {
        None
    }
}

fn unusable(text: &str) -> &'static str {
    let marks = |mark: &str| text.to_ascii_lowercase().contains(mark);
    if marks("<s>") || marks("<i>") || text.contains('=') {
        "is issuer and subject of a certificate and no domain"
    } else if text.contains('@') {
        "is an address and no domain"
    } else if text.contains("://") || text.contains('/') {
        "is a link and no domain"
    } else if text.contains(char::is_whitespace) || text.contains([',', ';']) {
        "has more than one name in it, or a space"
    } else if text.contains('*') {
        "has a wildcard elsewhere than alone in front"
    } else if text.contains(':') {
        "has a port"
    } else {
        "is no domain"
    }
}

/// The name that was meant, where the text leaves no doubt.
fn corrected(text: &str) -> Option<String> {
    let text = text.trim();
    let text = text.split_once("://").map_or(text, |(_, rest)| rest);
    let text = text.split(['/', ':']).next()?;
    let (wildcard, domain) = match text.rsplit_once('*') {
        // "mail.*.contoso.com" and "mail*.contoso.com" are some names below contoso.com.
        Some((_, rest)) => ("*.", rest.strip_prefix('.')?),
        None => ("", text),
    };
    let domain = DomainName::parse(domain).ok()?;
    let usable = domain.labels() > 1 && domain.as_str().parse::<IpAddr>().is_err();
    usable.then(|| format!("{wildcard}{domain}"))
}

/// EXO-L08: restrictions of an OnPremises connector.
fn restrictions(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    let connector = subject.connector();
    let flags = set_flags(connector);
    let Some(first) = flags.first() else {
        return;
    };
    let set = flags.iter().map(|flag| format!("{flag} $true"));
    let message = format!(
        "has {} on an OnPremises connector, where it restricts nothing",
        some_of(set)
    );
    let mut finding = subject.finding(&table::L08, first, message);
    let off: Vec<String> = flags.iter().map(|flag| format!("-{flag} $false")).collect();
    finding.remedy = vec![
        subject.set(&off.join(" ")),
        Remedy::Words(String::from(
            "If the tenant is to take mail from nowhere else, lock it with a Partner connector instead; everything \
             that is not the tenant's own is then refused unless it comes this way:",
        )),
        lock(subject),
    ];
    findings.push(finding);
}

/// A Partner connector that does what the flags were meant to.
fn lock(subject: &Subject<'_>) -> Remedy {
    let connector = subject.connector();
    let name = quoted(&format!("{} only", connector.name));
    let mut text = format!(
        "New-InboundConnector -Name {name} -ConnectorType Partner -SenderDomains '*' -RequireTls $true"
    );
    match &connector.tls_sender_certificate_name {
        Some(certificate) => {
            let certificate = quoted(&model::written(certificate));
            text.push_str(&format!(
                " -TlsSenderCertificateName {certificate} -RestrictDomainsToCertificate $true"
            ));
        }
        None => text.push_str(&format!(
            " -SenderIPAddresses {} -RestrictDomainsToIPAddresses $true",
            addresses_text(connector)
        )),
    }
    command(subject.tenant_name(), text)
}

fn set_flags(connector: &InboundConnector) -> Vec<&'static str> {
    [
        (
            connector.restrict_domains_to_certificate,
            "RestrictDomainsToCertificate",
        ),
        (
            connector.restrict_domains_to_ip_addresses,
            "RestrictDomainsToIPAddresses",
        ),
    ]
    .into_iter()
    .filter_map(|(set, flag)| set.then_some(flag))
    .collect()
}

/// EXO-L09: a Partner connector with two criteria.
fn both(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    let connector = subject.connector();
    let Some(certificate) = &connector.tls_sender_certificate_name else {
        return;
    };
    if connector.sender_ip_addresses.is_empty() {
        return;
    }
    let addresses = connector.sender_ip_addresses.iter().map(address_text);
    let message = format!(
        "has TlsSenderCertificateName {:?} and SenderIPAddresses ({}) in one Partner connector",
        model::written(certificate),
        some_of(addresses)
    );
    let mut finding = subject.finding(&table::L09, "SenderIPAddresses", message);
    let name = quoted(&format!("{}, by address", connector.name));
    let domains: Vec<String> = connector.sender_domains.iter().map(sender_text).collect();
    let restricted = match connector.restrict_domains_to_ip_addresses {
        true => " -RestrictDomainsToIPAddresses $true",
        false => "",
    };
    let tls = crate::powershell::boolean(connector.require_tls);
    finding.remedy = vec![
        command(
            subject.tenant_name(),
            format!(
                "New-InboundConnector -Name {name} -ConnectorType Partner -SenderDomains {} -RequireTls {tls} \
                 -SenderIPAddresses {}{restricted}",
                domains.join(","),
                addresses_text(connector)
            ),
        ),
        subject.set("-SenderIPAddresses $null -RestrictDomainsToIPAddresses $false"),
    ];
    findings.push(finding);
}

/// EXO-L10: a setting for tests.
fn associated(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    let domains = &subject.connector().associated_accepted_domains;
    if domains.is_empty() {
        return;
    }
    let message = format!(
        "counts for AssociatedAcceptedDomains ({}) only, which is meant for tests",
        some_of(domains.iter().map(DomainName::to_string))
    );
    let mut finding = subject.finding(&table::L10, "AssociatedAcceptedDomains", message);
    finding.remedy = vec![subject.set("-AssociatedAcceptedDomains $null")];
    findings.push(finding);
}

/// EXO-L15: settings that exclude each other.
fn internal(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    let connector = subject.connector();
    if !connector.treat_messages_as_internal {
        return;
    }
    let (message, other) = match connector.connector_type {
        ConnectorType::Partner => (
            "has TreatMessagesAsInternal $true on a Partner connector, which is for OnPremises only",
            None,
        ),
        ConnectorType::OnPremises if connector.cloud_services_mail_enabled => (
            "has TreatMessagesAsInternal $true and CloudServicesMailEnabled $true, which exclude each other",
            Some("-CloudServicesMailEnabled $false"),
        ),
        ConnectorType::OnPremises => return,
    };
    let mut finding = subject.finding(&table::L15, "TreatMessagesAsInternal", message.to_owned());
    if let Some(other) = other {
        finding.remedy = vec![
            Remedy::Words(String::from(
                "For an Exchange server of the same organisation:",
            )),
            subject.set("-TreatMessagesAsInternal $false"),
            Remedy::Words(String::from("For any other mail server of it:")),
            subject.set(other),
        ];
    } else {
        finding.remedy = vec![subject.set("-TreatMessagesAsInternal $false")];
    }
    findings.push(finding);
}

/// EXO-L36: criteria beside TrustedOrganizations.
fn diverted(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    let connector = subject.connector();
    if connector.trusted_organizations.is_empty() {
        return;
    }
    let criteria = [
        (
            connector.tls_sender_certificate_name.is_some(),
            "TlsSenderCertificateName",
        ),
        (
            !connector.sender_ip_addresses.is_empty(),
            "SenderIPAddresses",
        ),
        (
            connector.restrict_domains_to_certificate,
            "RestrictDomainsToCertificate",
        ),
        (
            connector.restrict_domains_to_ip_addresses,
            "RestrictDomainsToIPAddresses",
        ),
        (
            !connector.associated_accepted_domains.is_empty(),
            "AssociatedAcceptedDomains",
        ),
    ];
    let ignored: Vec<String> = criteria
        .into_iter()
        .filter(|(set, _)| *set)
        .map(|(_, name)| name.to_owned())
        .collect();
    if ignored.is_empty() {
        return;
    }
    let message = format!(
        "has TrustedOrganizations ({}), so that its {} counts for nothing",
        some_of(connector.trusted_organizations.iter().cloned()),
        some_of(ignored.into_iter())
    );
    let mut finding = subject.finding(&table::L36, "TrustedOrganizations", message);
    finding.remedy = vec![
        Remedy::Words(String::from(
            "Give those organisations a connector of their own, and leave this one to its other criteria:",
        )),
        command(subject.tenant_name(), trusting(subject)),
        subject.set("-TrustedOrganizations $null"),
    ];
    findings.push(finding);
}

fn trusting(subject: &Subject<'_>) -> String {
    let connector = subject.connector();
    let name = quoted(&format!("{}, organizations", connector.name));
    let organizations: Vec<String> = connector
        .trusted_organizations
        .iter()
        .map(|organization| quoted(organization))
        .collect();
    format!(
        "New-InboundConnector -Name {name} -ConnectorType {} -SenderDomains '*' -TrustedOrganizations {}",
        match connector.connector_type {
            ConnectorType::OnPremises => "OnPremises",
            ConnectorType::Partner => "Partner",
        },
        organizations.join(",")
    )
}

fn addresses_text(connector: &InboundConnector) -> String {
    let texts = connector.sender_ip_addresses.iter().map(address_text);
    let texts: Vec<String> = texts.map(|text| quoted(&text)).collect();
    texts.join(",")
}

fn sender_text(domain: &SenderDomain) -> String {
    quoted(&match domain {
        SenderDomain::Any => String::from("*"),
        SenderDomain::Domain(domain) => domain.to_string(),
        SenderDomain::Subdomains(domain) => format!("*.{domain}"),
        SenderDomain::Unusable(text) => text.clone(),
    })
}
