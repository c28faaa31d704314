//! What Exchange Online means by its refusals, and the remedy, in one sentence each.
//!
//! Replies are recognised by their enhanced code and by the tags in their text, the more specific first. A reply that
//! is in no row has no explanation: nothing is guessed.

use serde::Serialize;
use tenantry_smtp::{EnhancedCode, Reply, Severity};

use self::KnownBy::{Code, CodeAndText, Range, Text};
use super::report::Fault;

/// What one kind of refusal means.
#[derive(Debug, Serialize)]
pub struct Explanation {
    /// The code or tag that it is known by.
    pub id: &'static str,
    /// What Exchange Online says by it.
    pub meaning: &'static str,
    /// What to do.
    pub remedy: &'static str,
    /// Whose fault it is.
    pub fault: Fault,
    #[serde(skip)]
    known_by: KnownBy,
}

/// How a refusal is recognised.
#[derive(Debug)]
enum KnownBy {
    /// Subject and detail of the enhanced code.
    Code(u16, u16),
    /// The enhanced code, and words of the text.
    CodeAndText(u16, u16, &'static str),
    /// Words of the text, whatever the code.
    Text(&'static str),
    /// Class, subject and a range of details.
    Range(u8, u16, std::ops::RangeInclusive<u16>),
}

/// The explanation of a refusal of Exchange Online; none for other replies.
#[must_use]
pub fn explain(reply: &Reply) -> Option<&'static Explanation> {
    match reply.severity() {
        Severity::Positive | Severity::Intermediate => None,
        Severity::Transient | Severity::Permanent => {
            let (code, text) = (reply.enhanced(), reply.text());
            EXPLANATIONS.iter().find(|row| row.known_by.is(code, &text))
        }
    }
}

impl KnownBy {
    fn is(&self, code: Option<EnhancedCode>, text: &str) -> bool {
        let is = |subject: u16, detail: u16| {
            code.is_some_and(|code| code.subject() == subject && code.detail() == detail)
        };
        match self {
            Self::Code(subject, detail) => is(*subject, *detail),
            Self::CodeAndText(subject, detail, word) => {
                is(*subject, *detail) && has_word(text, word)
            }
            Self::Text(word) => has_word(text, word),
            Self::Range(class, subject, details) => code.is_some_and(|code| {
                code.class() == *class
                    && code.subject() == *subject
                    && details.contains(&code.detail())
            }),
        }
    }
}

/// Whether these words stand in the text, whole: `ATTR3` is not in `ATTR35`.
fn has_word(text: &str, word: &str) -> bool {
    let part = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    text.match_indices(word).any(|(start, _)| {
        let before = text
            .get(..start)
            .and_then(|before| before.chars().next_back());
        let after = text
            .get(start + word.len()..)
            .and_then(|after| after.chars().next());
        !part(before) && !part(after)
    })
}

const fn row(
    id: &'static str,
    known_by: KnownBy,
    fault: Fault,
    meaning: &'static str,
    remedy: &'static str,
) -> Explanation {
    Explanation {
        id,
        meaning,
        remedy,
        fault,
        known_by,
    }
}

/// All of them, in the order in which they are tried.
pub static EXPLANATIONS: &[Explanation] = &[
    row(
        "ATTR36",
        Text("ATTR36"),
        Fault::Tenant,
        "neither the sender's domain nor a domain of our certificate is an accepted domain of the tenant, so it relays nothing for us",
        "make the certificate's domain an accepted domain of the tenant, or present a certificate with an accepted domain",
    ),
    row(
        "5.7.64",
        Code(7, 64),
        Fault::Tenant,
        "no OnPremises inbound connector of any tenant took the message as its own, and strangers may not relay",
        "create or enable an OnPremises inbound connector whose TlsSenderCertificateName is a name of our certificate and an accepted domain of the tenant, and send the certificate with its intermediates",
    ),
    row(
        "5.7.51",
        Code(7, 51),
        Fault::Tenant,
        "the recipient's tenant takes mail only by a partner connector that restricts addresses or certificates, and ours is not among them; often because our certificate no longer matches the OnPremises connector",
        "make the connector's TlsSenderCertificateName a name of our certificate and an accepted domain of the tenant",
    ),
    row(
        "5.7.68",
        Code(7, 68),
        Fault::Tenant,
        "the sender's domain belongs to the recipient's tenant, no connector attributed the message, and the tenant rejects direct send",
        "give this relay an inbound connector in the tenant that matches its certificate",
    ),
    row(
        "4.4.62 ATTR35",
        Code(4, 62),
        Fault::Local,
        "the message came to an endpoint of another region than the recipient's tenant, or no connector attributed it",
        "set upstream to the host name of the tenant's own MX record, and check the tenant's connector; trying again does not help",
    ),
    row(
        "4.5.3 ATTR38",
        Text("ATTR38"),
        Fault::Local,
        "recipients of one transaction belong to several regions",
        "nothing in the relay: the refused recipients come in a transaction of their own; probe them apart",
    ),
    row(
        "4.5.3",
        CodeAndText(5, 3, "Too many recipients"),
        Fault::Local,
        "more than 200 recipients of one domain in one transaction",
        "probe with fewer recipients; senders retry the others by themselves",
    ),
    row(
        "4.4.4 ATTR5",
        CodeAndText(4, 4, "no mail-enabled subscriptions"),
        Fault::Tenant,
        "the recipient's domain belongs to a tenant without licences for mail, or relaying was tried without attribution",
        "assign licences to the tenant, and check the connector that should match our certificate",
    ),
    row(
        "4.4.4 ATTR5",
        Text("ATTR5"),
        Fault::Upstream,
        "a passing error while the message was attributed",
        "try again later",
    ),
    row(
        "4.3.2 ATTR55",
        Text("ATTR55"),
        Fault::Upstream,
        "a passing error while the message was attributed",
        "try again later",
    ),
    row(
        "5.4.14 ATTR34",
        Text("ATTR34"),
        Fault::Tenant,
        "the message went in circles: the domain's type or an outbound connector sends it out again",
        "check the accepted domain's type, the scope of outbound connectors, and the recipients' target addresses",
    ),
    row(
        "5.4.1",
        Code(4, 1),
        Fault::Tenant,
        "the recipient does not exist in a domain whose recipients the tenant knows completely",
        "probe with a recipient that exists, create it, or make the domain InternalRelay",
    ),
    row(
        "5.7.711",
        Code(7, 711),
        Fault::Tenant,
        "the tenant's inbound connector is blocked because of spam that came by it",
        "stop the abuse, then remove the connector from the restricted entities (Remove-BlockedConnector)",
    ),
    row(
        "5.7.750",
        Code(7, 750),
        Fault::Tenant,
        "too much mail with sender domains that the tenant has not registered",
        "register the sender domains, and do not relay senders of others",
    ),
    row(
        "5.7.705",
        Code(7, 705),
        Fault::Tenant,
        "the tenant sent too much and is stopped",
        "find and stop what sent it, then ask Microsoft's support to lift the block",
    ),
    row(
        "5.7.708",
        Code(7, 708),
        Fault::Tenant,
        "mail from our address is not accepted for this tenant",
        "ask Microsoft's support; new and trial tenants meet it most",
    ),
    row(
        "5.7.232",
        Range(5, 7, 232..=233),
        Fault::Tenant,
        "the tenant has used up its external recipients of the last 24 hours",
        "wait, spread bulk mail, or add licences",
    ),
    row(
        "5.7.236",
        Code(7, 236),
        Fault::Tenant,
        "senders in onmicrosoft.com domains may reach only few external recipients a day",
        "send from a domain of the tenant's own",
    ),
    row(
        "4.7.230",
        Code(7, 230),
        Fault::Local,
        "the Exchange server behind this relay is out of date, and Exchange Online slows down or blocks its mail",
        "update that Exchange server; a relay in between does not hide it",
    ),
    row(
        "5.7.606",
        Range(5, 7, 606..=649),
        Fault::Local,
        "our address is banned from sending",
        "find out what it sent, then use Microsoft's delist portal, or send from another address",
    ),
    row(
        "4.7.500",
        Range(4, 7, 500..=699),
        Fault::Upstream,
        "our address is slowed down because its pattern of sending changed",
        "a connector that matches our certificate or address exempts us; otherwise send less and wait",
    ),
    row(
        "5.7.506",
        Code(7, 506),
        Fault::Local,
        "the name that we give in EHLO is not acceptable: it looks like the server's own",
        "set hostname, or the tenant's helo, to this relay's own name",
    ),
    row(
        "5.7.511",
        Code(7, 511),
        Fault::Local,
        "our address is banned from sending",
        "write to the address that the reply names",
    ),
    row(
        "4.7.850",
        Range(4, 7, 850..=899),
        Fault::Upstream,
        "our address looks suspicious and is slowed down",
        "a connector that matches our certificate or address exempts us; otherwise send less and wait",
    ),
    row(
        "5.7.57",
        Code(7, 57),
        Fault::Local,
        "this is the endpoint for mail programs with a password, not for relays",
        "set upstream to the host name of the tenant's MX record, port 25",
    ),
    row(
        "5.7.54",
        Code(7, 54),
        Fault::Upstream,
        "an Exchange server on premises, which does not relay to domains that it does not accept",
        "set upstream to the host name of the tenant's MX record, or let that server relay for us",
    ),
    row(
        "5.7.133",
        Range(5, 7, 133..=136),
        Fault::Tenant,
        "the recipient takes mail from authenticated, internal senders only, and ours does not count as such",
        "check that the connector that attributes our mail has CloudServicesMailEnabled or TreatMessagesAsInternal as you need it",
    ),
    row(
        "5.7.510",
        Code(7, 510),
        Fault::Tenant,
        "the recipient takes no mail over IPv6",
        "make the relay connect by IPv4",
    ),
];

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use tenantry_smtp::parse_reply;

    use super::*;

    const REFUSALS: &[(&str, &str)] = &[
        (
            "550 5.7.64 TenantAttribution; Relay Access Denied [x 2026]",
            "5.7.64",
        ),
        (
            "550 5.7.64 Relay Access Denied ATTR36. For more details",
            "ATTR36",
        ),
        ("550 5.7.51 TenantInboundAttribution; Rejecting", "5.7.51"),
        (
            "550 5.7.68 TenantInboundAttribution; Direct Send not allowed",
            "5.7.68",
        ),
        (
            "451 4.4.62 Mail sent to the wrong Office 365 region. ATTR35. For",
            "4.4.62 ATTR35",
        ),
        (
            "452 4.5.3 Recipients belong to multiple regions ATTR38 [x]",
            "4.5.3 ATTR38",
        ),
        ("452 4.5.3 Too many recipients", "4.5.3"),
        (
            "451 4.4.4 Mail received as unauthenticated, incoming to a recipient domain \
                 configured in a hosted tenant which has no mail-enabled subscriptions. ATTR5",
            "4.4.4 ATTR5",
        ),
        (
            "451 4.4.4 Temporary server error. Please try again later ATTR5",
            "4.4.4 ATTR5",
        ),
        (
            "451 4.4.3 Temporary server error. Please try again later ATTR55.1",
            "4.3.2 ATTR55",
        ),
        (
            "554 5.4.14 Hop count exceeded - possible mail loop ATTR34",
            "5.4.14 ATTR34",
        ),
        (
            "550 5.4.1 Recipient address rejected: Access denied. AS(201806281)",
            "5.4.1",
        ),
        (
            "550 5.7.711 Access denied, bad inbound connector. AS(2204)",
            "5.7.711",
        ),
        (
            "550 5.7.705 Access denied, tenant has exceeded threshold",
            "5.7.705",
        ),
        ("550 5.7.233 Your message can't be sent", "5.7.232"),
        (
            "451 4.7.500 Server busy. Please try again later from [192.0.2.1]. (S77714)",
            "4.7.500",
        ),
        (
            "550 5.7.606 Access denied, banned sending IP [192.0.2.1]",
            "5.7.606",
        ),
        (
            "450 4.7.230 Connecting Exchange server version is out-of-date",
            "4.7.230",
        ),
        (
            "451 4.7.850 Access denied, please try again later",
            "4.7.850",
        ),
    ];

    fn id(line: &str) -> Option<&'static str> {
        let mut octets = format!("{line}\r\n").as_bytes().into();
        let reply = parse_reply(&mut octets).unwrap().unwrap();
        explain(&reply).map(|row| row.id)
    }

    #[test]
    fn refusals_of_exchange_online_are_recognised() {
        for (line, wanted) in REFUSALS {
            assert_eq!(id(line), Some(*wanted), "{line}");
        }
    }

    #[test]
    fn nothing_is_guessed() {
        for line in [
            "250 2.1.5 Recipient OK ATTR36",
            "550 5.1.1 no such user",
            "451 4.3.0 try again",
            "550 ATTR360 is another tag",
            "550 no enhanced code at all",
        ] {
            assert_eq!(id(line), None, "{line}");
        }
    }

    #[test]
    fn every_explanation_is_a_clause_with_a_remedy() {
        for row in EXPLANATIONS {
            for text in [row.meaning, row.remedy] {
                assert!(
                    !text.is_empty() && !text.ends_with('.'),
                    "{}: {text}",
                    row.id
                );
            }
        }
    }
}
