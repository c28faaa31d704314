//! Whose a domain is: certificate domains of connectors that their tenant has not accepted, and accepted
//! domains that cannot be as they are exported.

use super::Group;
use std::collections::BTreeSet;

use tenantry_lab::world::{DomainName, DomainType, TlsSenderCertificateName};

use super::connector::misnamed;
use super::overlap::shared::{is_service, of_its_own};
use super::wording::{
    OwnName, Subject, above, accepted_domain, accepts, bounded, command, finding, some_of, verify,
};
use crate::finding::{Finding, Related, Remedy};
use crate::inventory::Exported;
use crate::model::{self, Kind, Model};
use crate::powershell::quoted;
use crate::rule::{Rule, Severity};

/// In the order of their numbers.
const RULES: &[Rule] = &[L01, L06, L16, L20];

const L01: Rule = Rule {
    id: "EXO-L01",
    severity: Severity::Error,
    title: "the certificate domain is not an accepted domain of the tenant",
    why: "the certificate matches and counts for nothing: MAIL FROM decides instead, so that forwarded mail, applications with other senders and everything with an empty sender are refused with 5.7.64",
    remedy: "verify the domain in the tenant, or present a certificate with a name of the tenant's own",
    source: "MC1226222 (S1), the product group's answers on SMTP relay (S4) and KB 4019940 (S6); docs/exchange-online.md section 1.5",
};

const L06: Rule = Rule {
    id: "EXO-L06",
    severity: Severity::Warning,
    title: "of an exact certificate name only the parent is accepted",
    why: "a name without a wildcard has to be an accepted domain itself, so that the certificate counts for nothing and mail without a sender of the tenant's is refused with 5.7.64",
    remedy: "accept the host name as a domain, or name the wildcard of its parent",
    source: "TLS certificates in Exchange hybrids (S12) and the product group's answers on SMTP relay (S4); docs/exchange-online.md section 1.5",
};

const L16: Rule = Rule {
    id: "EXO-L16",
    severity: Severity::Warning,
    title: "MatchSubDomains on a domain that may not have it",
    why: "Exchange Online allows it on InternalRelay domains alone, so that mail of subdomains is attributed today at most by accident and not after the next change of the domain",
    remedy: "make the domain InternalRelay, or accept the subdomains one by one",
    source: "Exchange docs on mail flow for subdomains (S28); docs/exchange-online.md section 1.5",
};

const L20: Rule = Rule {
    id: "EXO-L20",
    severity: Severity::Error,
    title: "two tenants list the same accepted domain",
    why: "only one tenant can have a domain: an export is old, or the domain was moved, and attribution moved with it at once, to the other tenant's rules, journal and limits",
    remedy: "see which tenant has the domain, and export the accepted domains of both again",
    source: "Office 365 Message Attribution (S2), question 4; docs/exchange-online.md section 1.5",
};

pub(super) const GROUP: Group = Group {
    rules: RULES,
    check,
};

/// Looks at every connector's certificate domain, and at every accepted domain.
fn check(model: &Model<'_>, findings: &mut Vec<Finding>) {
    for (at, exported) in model.connectors(Kind::Active) {
        if let Some(name) = &exported.value.tls_sender_certificate_name
            && misnamed(name).is_none()
            && !model.attributes_by_name(at)
        {
            let subject = Subject {
                model,
                at,
                exported,
            };
            not_accepted(&subject, name, findings);
        }
    }
    for (tenant, described) in model.tenants().iter().enumerate() {
        for (number, accepted) in described.accepted_domains.iter().enumerate() {
            match_subdomains(model, tenant, accepted, findings);
            listed_twice(model, tenant, number, accepted, findings);
        }
    }
}

/// EXO-L01, or EXO-L06 where it is only the host that is missing.
fn not_accepted(
    subject: &Subject<'_>,
    name: &TlsSenderCertificateName,
    findings: &mut Vec<Finding>,
) {
    let (model, tenant) = (subject.model, subject.tenant());
    let (domain, parent) = match name {
        TlsSenderCertificateName::Exact(domain) => (domain, domain.parent()),
        TlsSenderCertificateName::Wildcard(domain) => (domain, None),
        TlsSenderCertificateName::Unusable(_) => return,
    };
    let owner = subject.tenant_name();
    let text = model::written(name);
    let parent = parent.filter(|parent| accepts(model, tenant, parent));
    let Some(parent) = parent else {
        let message = format!(
            "has TlsSenderCertificateName {text}, which is not {owner}'s: {}",
            lack(subject, domain)
        );
        let mut finding = subject.finding(&L01, PROPERTY, message);
        finding.related = elsewhere(model, tenant, domain);
        finding.remedy = match is_service(model, name) {
            true => of_its_own(subject, name),
            false => own(subject, domain),
        };
        findings.push(finding);
        return;
    };
    let message = format!(
        "has TlsSenderCertificateName {text}, which is not itself an accepted domain of {owner}, only {parent} is"
    );
    let mut finding = subject.finding(&L06, PROPERTY, message);
    finding.remedy = vec![
        verify(owner, &text),
        Remedy::Words(format!(
            "Or name the wildcard, if no certificate of others has a name below {parent}:"
        )),
        subject.set(&format!(
            "-TlsSenderCertificateName {}",
            quoted(&format!("*.{parent}"))
        )),
    ];
    if let Some((at, accepted)) = listed(model, tenant, &parent) {
        finding.related = vec![Related {
            place: accepted.place("DomainName").clone(),
            what: format!("{} accepts {parent}", model.tenant_name(at)),
        }];
    }
    findings.push(finding);
}

/// Why a domain does not count as the tenant's.
fn lack(subject: &Subject<'_>, domain: &DomainName) -> String {
    let (model, tenant) = (subject.model, subject.tenant());
    let owner = subject.tenant_name();
    if listed(model, tenant, domain).is_some() {
        return format!(
            "{domain} is pending in {owner}, which has not accepted it yet or not any more"
        );
    }
    let others = others_with(model, tenant, domain);
    if others.len() > 0 {
        return format!("{domain} is an accepted domain of {}", some_of(others));
    }
    match above(model, tenant, domain) {
        Some(above) => {
            format!("of its accepted domains {above} alone is above it, without covering it")
        }
        None => format!("{domain} is none of its accepted domains, and below none"),
    }
}

/// What to do about a certificate domain that is not the tenant's.
fn own(subject: &Subject<'_>, domain: &DomainName) -> Vec<Remedy> {
    let (model, tenant) = (subject.model, subject.tenant());
    let owner = subject.tenant_name();
    if listed(model, tenant, domain).is_some() {
        return vec![Remedy::Words(format!(
            "Complete {domain} in {owner}, in the Microsoft 365 admin center, until Get-AcceptedDomain shows it with \
             neither PendingCompletion nor PendingRemoval"
        ))];
    }
    if above(model, tenant, domain).is_some() {
        return vec![verify(owner, domain.as_str())];
    }
    let others = others_with(model, tenant, domain).next().is_some();
    let mut steps = Vec::new();
    if !others {
        steps.push(Remedy::Words(format!("If {domain} is {owner}'s alone:")));
        steps.push(verify(owner, domain.as_str()));
        steps.push(Remedy::Words(String::from("If it is anybody else's, too:")));
    }
    steps.extend(replaced(subject));
    steps
}

/// The way to another name in the connector.
fn replaced(subject: &Subject<'_>) -> Vec<Remedy> {
    let own = OwnName::of(subject.model, subject.tenant());
    let mut steps = own.steps(subject.model, subject.tenant());
    steps.push(subject.set(&format!("-TlsSenderCertificateName {}", quoted(&own.name))));
    steps
}

/// The tenant's entry for exactly this domain, pending or not.
fn listed<'m>(
    model: &'m Model<'_>,
    tenant: usize,
    domain: &DomainName,
) -> Option<(usize, &'m Exported<tenantry_lab::world::AcceptedDomain>)> {
    let listing = model.listing(domain).iter();
    let (owner, number) = listing.copied().find(|(owner, _)| *owner == tenant)?;
    let accepted = model.tenant(owner)?.accepted_domains.get(number)?;
    Some((owner, accepted))
}

/// Who else lists a domain.
fn others_with<'m>(
    model: &'m Model<'_>,
    tenant: usize,
    domain: &DomainName,
) -> impl ExactSizeIterator<Item = String> + use<'m> {
    let listing = model.listing(domain).iter();
    let others: BTreeSet<usize> = listing
        .map(|(owner, _)| *owner)
        .filter(|owner| *owner != tenant)
        .collect();
    let names: Vec<String> = others
        .into_iter()
        .map(|other| model.tenant_name(other).to_owned())
        .collect();
    names.into_iter()
}

fn elsewhere(model: &Model<'_>, tenant: usize, domain: &DomainName) -> Vec<Related> {
    let others = model.listing(domain).iter();
    let others = others.filter(|(owner, _)| *owner != tenant);
    let related = others.filter_map(|(owner, number)| {
        let accepted = model.tenant(*owner)?.accepted_domains.get(*number)?;
        Some(Related {
            place: accepted.place("DomainName").clone(),
            what: format!("{} has {domain}", model.tenant_name(*owner)),
        })
    });
    bounded(related.collect())
}

/// EXO-L16.
fn match_subdomains(
    model: &Model<'_>,
    tenant: usize,
    accepted: &Exported<tenantry_lab::world::AcceptedDomain>,
    findings: &mut Vec<Finding>,
) {
    let value = &accepted.value;
    let kind = match value.domain_type {
        DomainType::InternalRelay => return,
        DomainType::Authoritative => "Authoritative",
        DomainType::ExternalRelay => "ExternalRelay",
    };
    if !value.match_subdomains || value.pending {
        return;
    }
    let owner = model.tenant_name(tenant);
    let message = format!("has MatchSubDomains $true and DomainType {kind}");
    let object = accepted_domain(&value.domain);
    let place = accepted.place("MatchSubDomains").clone();
    let mut finding = finding(&L16, Some(owner), object, place, message);
    let domain = quoted(value.domain.as_str());
    finding.remedy = vec![
        Remedy::Words(format!(
            "To keep it, let mail for recipients that {owner} does not have be relayed on, to a server that knows \
             them:"
        )),
        command(
            owner,
            format!("Set-AcceptedDomain -Identity {domain} -DomainType InternalRelay"),
        ),
        Remedy::Words(String::from(
            "Otherwise add and verify each subdomain that mail is sent from, and then:",
        )),
        command(
            owner,
            format!("Set-AcceptedDomain -Identity {domain} -MatchSubDomains $false"),
        ),
    ];
    findings.push(finding);
}

/// EXO-L20: once for a domain, at the last tenant that lists it.
fn listed_twice(
    model: &Model<'_>,
    tenant: usize,
    number: usize,
    accepted: &Exported<tenantry_lab::world::AcceptedDomain>,
    findings: &mut Vec<Finding>,
) {
    let domain = &accepted.value.domain;
    let there = |(owner, number): &(usize, usize)| -> Option<_> {
        let accepted = model.tenant(*owner)?.accepted_domains.get(*number)?;
        (!accepted.value.pending).then_some((*owner, accepted))
    };
    let listing = || model.listing(domain).iter();
    if listing().next_back() != Some(&(tenant, number)) || accepted.value.pending {
        return;
    }
    let mut others: Vec<_> = listing().filter_map(there).collect();
    others.retain(|(owner, _)| *owner != tenant);
    others.dedup_by_key(|(owner, _)| *owner);
    if others.is_empty() {
        return;
    }
    let names = |others: &[(usize, _)]| {
        let names = others
            .iter()
            .map(|(owner, _)| model.tenant_name(*owner).to_owned());
        some_of(names)
    };
    let message = format!(
        "is listed by {}, too: only one tenant can have it",
        names(&others)
    );
    let owner = model.tenant_name(tenant);
    let place = accepted.place("DomainName").clone();
    let mut finding = finding(&L20, Some(owner), accepted_domain(domain), place, message);
    let related = others.iter().map(|(owner, accepted)| Related {
        place: accepted.place("DomainName").clone(),
        what: format!("{} lists {domain}", model.tenant_name(*owner)),
    });
    finding.related = bounded(related.collect());
    let others = others.iter().take(ASKED).map(|(owner, _)| *owner);
    finding.remedy = asked(model, domain, others.chain([tenant]));
    findings.push(finding);
}

/// Which of the tenants has a domain, only they can tell.
fn asked(
    model: &Model<'_>,
    domain: &DomainName,
    tenants: impl Iterator<Item = usize>,
) -> Vec<Remedy> {
    let show = format!("Get-AcceptedDomain -Identity {}", quoted(domain.as_str()));
    let mut steps = vec![Remedy::Words(String::from(
        "See which tenant has the domain now, and export the accepted domains of the others again:",
    ))];
    steps.extend(tenants.map(|tenant| command(model.tenant_name(tenant), show.clone())));
    steps.push(Remedy::Words(format!(
        "If a tenant for tests has it, remove it there and verify {domain} in the tenant that uses it"
    )));
    steps
}

const PROPERTY: &str = "TlsSenderCertificateName";
/// How many tenants one finding asks to look at.
const ASKED: usize = 4;
