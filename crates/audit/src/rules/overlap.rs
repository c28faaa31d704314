//! What connectors and certificates of several tenants, or of several servers, take from each other.

mod address;
mod capture;
mod gateway;
pub(super) mod shared;

use tenantry_lab::world::TlsSenderCertificateName;

use self::capture::{Below, Presenters};
use super::Group;
use super::wording::Subject;
use crate::finding::Finding;
use crate::model::{Kind, Model};
use crate::rule::{Rule, Severity};

/// In the order of their numbers.
const RULES: &[Rule] = &[L02, L03, L05, L33, L39];

const L02: Rule = Rule {
    id: "EXO-L02",
    severity: Severity::Error,
    title: "a source address is shared by tenants",
    why: "the address nominates both tenants and MAIL FROM alone decides: senders that neither has accepted and everything with an empty sender are refused with 5.7.64, and mail of a domain that moves follows it to the other tenant",
    remedy: "give each tenant a certificate of its own, and take the shared address out of both connectors",
    source: "MC1226222 (S1) and Office 365 Message Attribution (S2); docs/exchange-online.md sections 1.6 and 1.9",
};

const L03: Rule = Rule {
    id: "EXO-L03",
    severity: Severity::Error,
    title: "one certificate matches connectors of several tenants",
    why: "which tenant wins is documented nowhere and may change without notice when a tenant is moved: mail ends up with the other tenant's rules, journal and limits, or is refused",
    remedy: "present a certificate for each tenant, without names of any other",
    source: "MC1226222 (S1) and the product group's answers on SMTP relay (S4); docs/exchange-online.md section 1.9",
};

const L05: Rule = Rule {
    id: "EXO-L05",
    severity: Severity::Warning,
    title: "a wildcard connector covers a name that others use",
    why: "whatever comes with that certificate counts as this tenant's own outgoing mail, whoever sends it to whomever: its rules, journal and limits apply, and the tenant it belongs to sees nothing",
    remedy: "name the server's certificate exactly, and accept that name as a domain",
    source: "Office 365 Message Attribution (S2), question 6b, and the product group's answers on SMTP relay (S4); docs/exchange-online.md section 1.4",
};

const L33: Rule = Rule {
    id: "EXO-L33",
    severity: Severity::Warning,
    title: "a gateway's certificate is under Exchange's wildcard connector",
    why: "everything that the gateway passes on from the internet counts as the tenant's own outgoing mail: trusted, not filtered, and free to relay",
    remedy: "name Exchange's certificate exactly, accept that name as a domain, and give the gateway a Partner connector",
    source: "Office 365 Message Attribution (S2), question 6b, and granikos.eu on inbound connectors and TLS (S41); docs/exchange-online.md section 1.4",
};

const L39: Rule = Rule {
    id: "EXO-L39",
    severity: Severity::Warning,
    title: "a service's certificate name is shared by its customers",
    why: "one certificate for all customers identifies none of them: MAIL FROM has to choose, and forwarded mail and everything with an empty sender is refused with 5.7.64",
    remedy: "use the certificate domain that the service has for this customer alone, and accept it as a domain",
    source: "MC1226222 (S1) and Exchange docs on add-on services (S59); docs/exchange-online.md section 5",
};

pub(super) const GROUP: Group = Group {
    rules: RULES,
    check,
};

/// Looks at every address, certificate and wildcard once.
fn check(model: &Model<'_>, findings: &mut Vec<Finding>) {
    address::check(model, findings);
    shared::certificates(model, findings);
    shared::services(model, findings);
    wildcards(model, findings);
}

/// What every active connector with a wildcard covers, seen once for both rules about it.
fn wildcards(model: &Model<'_>, findings: &mut Vec<Finding>) {
    let presenters = Presenters::of(model);
    for (at, exported) in model.connectors(Kind::Active) {
        let name = exported.value.tls_sender_certificate_name.as_ref();
        let Some(name @ TlsSenderCertificateName::Wildcard(domain)) = name else {
            continue;
        };
        let subject = Subject {
            model,
            at,
            exported,
        };
        let below = Below::of(&subject, name, &presenters);
        findings.extend(capture::found(&subject, name, domain, &below));
        findings.extend(gateway::found(&subject, name, domain, &below));
    }
}
