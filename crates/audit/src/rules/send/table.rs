//! The rules of Send and outbound connectors, as the table has them.

use crate::rule::{Rule, Severity};

/// In the order of their numbers.
pub(super) const RULES: &[Rule] = &[
    LOOP,
    CENTRALISED,
    HYBRID,
    CERTIFICATE,
    EXPIRY,
    VALIDATION,
    TLS,
    SHARED,
    SPACES,
    HOST,
    NAME,
];

pub(super) const LOOP: Rule = Rule {
    id: "EXO-L21",
    severity: Severity::Error,
    title: "an outbound connector sends back what was sent in",
    why: "mail to an unknown recipient of the domain goes round until it is refused with 554 5.4.14 Hop count exceeded",
    remedy: "break one direction: make the domain Authoritative, or take it out of the way in or out",
    source: "Fix error codes 5.4.6 to 5.4.20 (S48); docs/exchange-online.md sections 2.3 and 3.1",
};

pub(super) const CENTRALISED: Rule = Rule {
    id: "EXO-L22",
    severity: Severity::Warning,
    title: "centralised mail transport, and the premises send to the service",
    why: "mail to the internet goes from the premises to Exchange Online and back again, round and round",
    remedy: "let mail that came from Exchange Online leave by another way, told by a mark in its header",
    source: "Fix error codes 5.4.6 to 5.4.20 (S48); docs/exchange-online.md section 2.3",
};

pub(super) const HYBRID: Rule = Rule {
    id: "EXO-L23",
    severity: Severity::Error,
    title: "a Send connector lacks what internal mail needs",
    why: "without CloudServicesMailEnabled, and without a certificate that the connector finds, mail arrives as anonymous mail from outside",
    remedy: "set CloudServicesMailEnabled and TlsCertificateName",
    source: "Exchange HealthChecker, cloud connector check (S19); docs/exchange-online.md section 2.4",
};

pub(super) const CERTIFICATE: Rule = Rule {
    id: "EXO-L24",
    severity: Severity::Error,
    title: "a Send connector's certificate is not there",
    why: "Exchange finds no certificate to present, and keeps the mail with 454 4.7.5",
    remedy: "name issuer and subject of the certificate that is installed",
    source: "TLS certificates in Exchange hybrids (S12) and HealthChecker (S19); docs/exchange-online.md sections 2.4 and 3.2",
};

pub(super) const EXPIRY: Rule = Rule {
    id: "EXO-L25",
    severity: Severity::Warning,
    title: "a Send connector's certificate expires",
    why: "from that minute on the mail of this connector is anonymous, and is not relayed",
    remedy: "renew it with the same names, and name the new issuer and subject in the connector",
    source: "Exchange HealthChecker (S19); docs/exchange-online.md section 1.4",
};

pub(super) const VALIDATION: Rule = Rule {
    id: "EXO-L26",
    severity: Severity::Warning,
    title: "a Send connector does not verify the service",
    why: "whoever stands in between can take the mail, and answer for Exchange Online",
    remedy: "set TlsAuthLevel to DomainValidation with the service's domain, or to CertificateValidation",
    source: "Exchange HealthChecker (S19); docs/exchange-online.md section 2.4",
};

pub(super) const TLS: Rule = Rule {
    id: "EXO-L27",
    severity: Severity::Warning,
    title: "a Send connector does not insist on TLS",
    why: "when TLS fails, the mail leaves in clear text and without the certificate, so that it is refused with 5.7.64",
    remedy: "set RequireTLS",
    source: "Exchange HealthChecker (S19); docs/exchange-online.md section 2.4",
};

pub(super) const SHARED: Rule = Rule {
    id: "EXO-L28",
    severity: Severity::Error,
    title: "Send connectors to two tenants present the same certificate",
    why: "Exchange Online tells tenants apart by the certificate, so that the mail of both is attributed to one of them",
    remedy: "give each tenant's connector a certificate of its own",
    source: "MC1226222 (S1); docs/exchange-online.md section 5",
};

pub(super) const SPACES: Rule = Rule {
    id: "EXO-L29",
    severity: Severity::Warning,
    title: "Send connectors to two tenants overlap",
    why: "Exchange chooses by the recipient alone, so that one tenant's users leave by the connector, and with the certificate, of the other",
    remedy: "have one connector to a relay that chooses by the sender, or address spaces that do not overlap",
    source: "Connector selection (S17); docs/exchange-online.md section 7.1",
};

pub(super) const HOST: Rule = Rule {
    id: "EXO-L30",
    severity: Severity::Warning,
    title: "a smart host is not the tenant's own MX name",
    why: "addresses and names of Exchange Online move between regions, and the wrong region answers 451 4.4.62 for ever",
    remedy: "name the tenant's own MX, as contoso-com.mail.protection.outlook.com",
    source: "Wrong Office 365 region (S10); docs/exchange-online.md section 3.1",
};

pub(super) const NAME: Rule = Rule {
    id: "EXO-L40",
    severity: Severity::Warning,
    title: "a sender calls itself by a name that is not its own",
    why: "Exchange Online refuses a HELO with one of its own names, or without a full name, with 5.7.506",
    remedy: "use the full name of the host itself, which its address should lead back to",
    source: "Non-delivery reports in Exchange Online (S36); docs/exchange-online.md section 3.2",
};
