//! The rules of the relay's own configuration, as the table has them.

use crate::rule::{Rule, Severity};

/// In the order of their numbers.
pub(super) const RULES: &[Rule] = &[
    UNREADABLE,
    REFUSED,
    WARNED,
    SAME,
    NESTED,
    NAMES,
    SHARED,
    MISMATCH,
    CHAIN,
    USAGE,
    KEY,
    SIGNATURE,
    EXPIRY,
    UPSTREAM,
    PEER,
    NULL_SENDER,
    CAPTURE,
    UNREACHABLE,
];

pub(super) const UNREADABLE: Rule = Rule {
    id: "TNY-01",
    severity: Severity::Error,
    title: "an input cannot be read",
    why: "what cannot be read is not looked at, so that its mistakes stay hidden until mail is refused",
    remedy: "correct the file, export it again, or leave it out",
    source: "docs/lint.md, what lint reads",
};

pub(super) const REFUSED: Rule = Rule {
    id: "TNY-02",
    severity: Severity::Error,
    title: "the relay refuses this configuration",
    why: "the relay does not start with it, and a reload keeps the configuration from before",
    remedy: "correct it until `tenantry check` accepts it",
    source: "`tenantry check`; config/relay.reference.toml",
};

pub(super) const WARNED: Rule = Rule {
    id: "TNY-03",
    severity: Severity::Warning,
    title: "the relay warns of this setting",
    why: "the relay starts with it, but something in it is seldom meant or will end one day",
    remedy: "change the setting, or accept it with a reason",
    source: "`tenantry check`; config/relay.reference.toml",
};

pub(super) const SAME: Rule = Rule {
    id: "TNY-04",
    severity: Severity::Error,
    title: "two tenants claim the same name",
    why: "nothing says whose the mail is, so that the relay does not start",
    remedy: "leave the name to the tenant that it belongs to",
    source: "config/relay.reference.toml, tenant: no two tenants may claim the same name in the same list",
};

pub(super) const NESTED: Rule = Rule {
    id: "TNY-05",
    severity: Severity::Warning,
    title: "a name lies within another tenant's wildcard",
    why: "the narrower claim wins, so that one line of one tenant takes mail out of what another tenant lists as its own",
    remedy: "list the wildcard's names one by one, or accept it with a reason if the narrower name is meant",
    source: "`tenantry check`; config/relay.reference.toml, tenant",
};

pub(super) const NAMES: Rule = Rule {
    id: "TNY-06",
    severity: Severity::Warning,
    title: "an identity has names that are not the tenant's",
    why: "Exchange Online attributes by every name of the certificate that is presented: by a foreign one to another tenant, and by none that the tenant has accepted not at all",
    remedy: "order a certificate with names of this tenant alone, or list the domain if it is this tenant's",
    source: "MC1226222 (S1) and Office 365 Message Attribution (S2); docs/exchange-online.md sections 1.4 and 1.9",
};

pub(super) const SHARED: Rule = Rule {
    id: "TNY-07",
    severity: Severity::Error,
    title: "two tenants have the same identity",
    why: "Exchange Online tells tenants apart by the certificate, so that the mail of both is attributed to one of them",
    remedy: "give each tenant a certificate with a private key of its own",
    source: "MC1226222 (S1); docs/exchange-online.md section 5",
};

pub(super) const MISMATCH: Rule = Rule {
    id: "TNY-08",
    severity: Severity::Error,
    title: "certificate and private key do not belong together",
    why: "nobody can prove to hold the certificate: the relay does not start, and a client's handshake fails",
    remedy: "put the key beside the certificate that was made for it",
    source: "RFC 8446 section 4.4.3; RFC 5246 section 7.4.8",
};

pub(super) const CHAIN: Rule = Rule {
    id: "TNY-09",
    severity: Severity::Warning,
    title: "a certificate's file lacks intermediates, or has them in front",
    why: "whoever verifies it takes the first certificate of the file for the one that is presented, and finds no way from it to an authority without those behind it: clients keep their mail",
    remedy: "put the certificate first into its file, and its intermediates behind it",
    source: "RFC 8446 section 4.4.2; RFC 5246 section 7.4.2",
};

pub(super) const USAGE: Rule = Rule {
    id: "TNY-10",
    severity: Severity::Info,
    title: "a client certificate is not for clients",
    why: "a server that insists on the usage clientAuth takes the certificate for none, and the mail has no tenant",
    remedy: "nothing if the server takes serverAuth, as Exchange Online is seen to do; else a certificate with clientAuth, which public authorities have stopped to issue",
    source: "RFC 5280 section 4.2.1.12; docs/exchange-online.md section 1.4",
};

pub(super) const KEY: Rule = Rule {
    id: "TNY-11",
    severity: Severity::Warning,
    title: "a key is too weak or of an unusual kind",
    why: "a weak key can be found by others, who are then this tenant; one of an unusual kind fails the handshake",
    remedy: "make a new key, RSA with 2048 bits or more or ECDSA on P-256 or P-384, and order a certificate for it",
    source: "RFC 9325 section 4.5; NIST SP 800-131A",
};

pub(super) const SIGNATURE: Rule = Rule {
    id: "TNY-12",
    severity: Severity::Error,
    title: "a certificate is signed with a broken hash",
    why: "certificates with the same signature can be made by others, so that nobody accepts them any more",
    remedy: "have it issued again with SHA-256",
    source: "RFC 9155 sections 2 to 5; CA/Browser Forum, TLS Baseline Requirements section 7.1.3.2",
};

pub(super) const EXPIRY: Rule = Rule {
    id: "TNY-13",
    severity: Severity::Warning,
    title: "a certificate expires",
    why: "an expired certificate is as good as none: mail that it attributed is refused from one minute to the next",
    remedy: "renew it with the same names",
    source: "RFC 5280 section 4.1.2.5; docs/exchange-online.md section 1.4",
};

pub(super) const UPSTREAM: Rule = Rule {
    id: "TNY-14",
    severity: Severity::Warning,
    title: "an upstream is another tenant's",
    why: "the name leads to the other tenant's region, which answers 451 4.4.62 for ever if this tenant lives elsewhere",
    remedy: "name this tenant's own MX",
    source: "Wrong Office 365 region (S10); docs/exchange-online.md section 0, fact 4, and section 3.1",
};

pub(super) const PEER: Rule = Rule {
    id: "TNY-15",
    severity: Severity::Warning,
    title: "an address alone may send for several tenants",
    why: "whoever sends from that network is whichever of these tenants MAIL FROM says",
    remedy: "ask its clients for a certificate, or make a peer for each tenant",
    source: "config/relay.reference.toml, peer; docs/exchange-online.md section 1.6",
};

pub(super) const NULL_SENDER: Rule = Rule {
    id: "TNY-16",
    severity: Severity::Warning,
    title: "mail without a sender cannot be attributed",
    why: "reports and automatic replies have the sender <>, so that only a client certificate says whose they are; without one they are refused when they leave the tenant",
    remedy: "give the tenant's clients a certificate, and list its name in certificate_domains",
    source: "Requirements for SMTP relay through Exchange Online (S5); docs/exchange-online.md section 1.8",
};

pub(super) const CAPTURE: Rule = Rule {
    id: "TNY-17",
    severity: Severity::Error,
    title: "a wildcard captures another tenant's certificate",
    why: "the client that presents this certificate is taken for the tenant with the wildcard, whoever the sender is",
    remedy: "list the names one by one instead of the wildcard, or claim the exact name for its tenant",
    source: "Office 365 Message Attribution (S2), question 6b; docs/exchange-online.md section 0, fact 9",
};

pub(super) const UNREACHABLE: Rule = Rule {
    id: "TNY-18",
    severity: Severity::Warning,
    title: "a rule can never decide",
    why: "whoever reads the configuration believes in a rule that no message meets",
    remedy: "remove it, or make what it waits for possible",
    source: "config/relay.reference.toml, peer and tenant",
};
