//! What the probe says to each row of the table in `tls`.

use tenantry_relay::probe::{Fault, StepName};

/// What is wrong, at which step the probe says so, whose fault it is, and in which words.
pub(super) type Verdict = (&'static str, StepName, Fault, &'static str);

pub(super) const VERDICTS: &[Verdict] = &[
    (
        "UT-01 no STARTTLS in EHLO",
        StepName::Starttls,
        Fault::Upstream,
        "does not offer STARTTLS",
    ),
    (
        "UT-01 a server in clear text",
        StepName::Starttls,
        Fault::Upstream,
        "does not offer STARTTLS",
    ),
    (
        "UT-01 EHLO is unknown, HELO is not tried",
        StepName::Ehlo,
        Fault::Upstream,
        "refused: 421 4.3.2 later",
    ),
    (
        "UT-02 454 to STARTTLS",
        StepName::Starttls,
        Fault::Upstream,
        "refused STARTTLS: 454",
    ),
    (
        "UT-02 502 to STARTTLS",
        StepName::Starttls,
        Fault::Upstream,
        "refused STARTTLS: 502",
    ),
    (
        "UT-02 closes at STARTTLS",
        StepName::Starttls,
        Fault::Upstream,
        "closed the connection at starttls",
    ),
    (
        "UT-02 closes instead of a handshake",
        StepName::Handshake,
        Fault::Upstream,
        "the peer closed the connection",
    ),
    (
        "UT-02 garbage instead of ServerHello",
        StepName::Handshake,
        Fault::Upstream,
        "no TLS at all",
    ),
    (
        "UT-02 never answers ClientHello",
        StepName::Handshake,
        Fault::Upstream,
        "handshake took too long",
    ),
    (
        "UT-03 another name",
        StepName::ServerCertificate,
        Fault::Upstream,
        "it is for other.example, not for localhost",
    ),
    (
        "UT-03 an unknown authority",
        StepName::ServerCertificate,
        Fault::Upstream,
        "another authority of that name?",
    ),
    (
        "UT-03 the authority of clients, which is none for servers",
        StepName::ServerCertificate,
        Fault::Upstream,
        "CN=Authority of Clients, which leads to no authority that is trusted here; it was sent alone",
    ),
    (
        "UT-03 expired",
        StepName::ServerCertificate,
        Fault::Upstream,
        "expired on 20",
    ),
    (
        "UT-03 not yet valid",
        StepName::ServerCertificate,
        Fault::Upstream,
        "is not valid before 20",
    ),
    (
        "UT-03 self-signed",
        StepName::ServerCertificate,
        Fault::Upstream,
        "is self-signed",
    ),
    (
        "UT-03 for clients only",
        StepName::ServerCertificate,
        Fault::Upstream,
        "not for this use",
    ),
    (
        "UT-04 does not ask for a client certificate",
        StepName::ClientCertificate,
        Fault::Upstream,
        "did not ask for a client certificate",
    ),
    (
        "UT-05 TLS 1.0 only",
        StepName::Handshake,
        Fault::Upstream,
        "no TLS version that is accepted here",
    ),
    (
        "UT-06 a reply injected behind STARTTLS",
        StepName::Starttls,
        Fault::Network,
        "clear text after its answer",
    ),
    (
        "UT-06 half a reply injected behind STARTTLS",
        StepName::Starttls,
        Fault::Network,
        "clear text after its answer",
    ),
    (
        "UT-06 a whole EHLO reply injected behind STARTTLS",
        StepName::Starttls,
        Fault::Network,
        "clear text after its answer",
    ),
    (
        "UT-06 an EHLO reply before EHLO",
        StepName::Ehlo,
        Fault::Upstream,
        "broke the protocol",
    ),
    (
        "UT-07 a wildcard covers one label",
        StepName::ServerCertificate,
        Fault::Upstream,
        "it is for *.mail.example, not for a.b.mail.example (a wildcard stands for exactly one label)",
    ),
    (
        "UT-07 a wildcard does not cover its own domain",
        StepName::ServerCertificate,
        Fault::Upstream,
        "it is for *.mail.example, not for mail.example",
    ),
    (
        "UT-07 a common name alone",
        StepName::ServerCertificate,
        Fault::Upstream,
        "no alternative names, only the common name localhost, which does not count",
    ),
    (
        "UT-07 an address when configured by name",
        StepName::ServerCertificate,
        Fault::Upstream,
        "it is for 127.0.0.1, not for localhost",
    ),
    (
        "UT-07 the name in another kind of name",
        StepName::ServerCertificate,
        Fault::Upstream,
        "it is for other.example, not for localhost",
    ),
];
