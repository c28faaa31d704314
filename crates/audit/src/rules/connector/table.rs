//! The rules about connectors by themselves, as the table has them.

use crate::rule::{Rule, Severity};

/// In the order of their numbers.
pub(in crate::rules) const RULES: &[Rule] = &[L04, L07, L08, L09, L10, L13, L14, L15, L36];

pub(super) const L04: Rule = Rule {
    id: "EXO-L04",
    severity: Severity::Warning,
    title: "an OnPremises connector goes by address alone",
    why: "an address nominates a tenant but does not choose it: MAIL FROM must have an accepted domain, so that forwarded mail and everything with an empty sender is refused, and mail follows a domain that moves to another tenant",
    remedy: "name the certificate of the tenant's own server in TlsSenderCertificateName",
    source: "MC1226222 (S1); docs/exchange-online.md sections 1.6 to 1.8",
};

pub(super) const L07: Rule = Rule {
    id: "EXO-L07",
    severity: Severity::Error,
    title: "TlsSenderCertificateName is no domain",
    why: "a value that is neither a domain nor *. and a domain matches no certificate, so that mail is attributed by MAIL FROM or the recipient, or refused with 5.7.64",
    remedy: "give one exact name, or *. and a domain",
    source: "Microsoft's reference of New-InboundConnector (S14); docs/exchange-online.md section 1.4",
};

pub(super) const L08: Rule = Rule {
    id: "EXO-L08",
    severity: Severity::Warning,
    title: "a Restrict flag on an OnPremises connector",
    why: "the flags work on Partner connectors alone, so that anonymous mail comes in from anywhere although the tenant looks locked",
    remedy: "lock the tenant with a Partner connector for every sender domain",
    source: "Microsoft's reference of New-InboundConnector (S14) and Exchange docs on third-party clouds (S39); docs/exchange-online.md section 1.12",
};

pub(super) const L09: Rule = Rule {
    id: "EXO-L09",
    severity: Severity::Warning,
    title: "a Partner connector with addresses and a certificate",
    why: "which of the two counts is not documented, and with both Restrict flags a message that has only one of them is refused with 5.7.51",
    remedy: "make two connectors, one for each criterion",
    source: "The product group on Partner connectors (S34); docs/exchange-online.md sections 1.9 and 1.12",
};

pub(super) const L10: Rule = Rule {
    id: "EXO-L10",
    severity: Severity::Warning,
    title: "AssociatedAcceptedDomains outside of tests",
    why: "the connector does not count for recipients in the tenant's other domains, whose mail comes in as if it were not there",
    remedy: "clear AssociatedAcceptedDomains",
    source: "The product group on Partner connectors (S34); docs/exchange-online.md section 1.12",
};

pub(super) const L13: Rule = Rule {
    id: "EXO-L13",
    severity: Severity::Error,
    title: "an OnPremises connector with neither address nor certificate",
    why: "nothing can match it, so that no mail is attributed by it and what leaves the organisation is refused with 5.7.64",
    remedy: "name the server's certificate in TlsSenderCertificateName",
    source: "Follows from Office 365 Message Attribution (S2); docs/exchange-online.md section 1.3",
};

pub(super) const L14: Rule = Rule {
    id: "EXO-L14",
    severity: Severity::Error,
    title: "SenderIPAddresses lists what never matches",
    why: "only public IPv4 addresses, alone or in networks of /24 to /32, can match: mail from everything else is as if no connector listed it",
    remedy: "list the server's public IPv4 address, or name its certificate",
    source: "Microsoft's reference of New-InboundConnector (S14); docs/exchange-online.md section 1.6",
};

pub(super) const L15: Rule = Rule {
    id: "EXO-L15",
    severity: Severity::Error,
    title: "TreatMessagesAsInternal where it is forbidden",
    why: "Exchange Online refuses the combination, so that the connector cannot be changed or made again as it is, and which mail counts as internal is undefined",
    remedy: "choose TreatMessagesAsInternal or CloudServicesMailEnabled, and on OnPremises connectors only",
    source: "Microsoft's reference of New-InboundConnector (S14); docs/exchange-online.md section 1.16",
};

pub(super) const L36: Rule = Rule {
    id: "EXO-L36",
    severity: Severity::Warning,
    title: "TrustedOrganizations beside other criteria",
    why: "a connector for other Microsoft 365 organisations ignores all other parameters, so that mail from the addresses or with the certificate that it names is not attributed by it",
    remedy: "make a connector for the organisations and another for the rest",
    source: "Microsoft's reference of New-InboundConnector (S14); docs/exchange-online.md section 2.1",
};
