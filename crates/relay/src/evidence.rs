//! Step `evidence`: what certificate and envelope say, in the words of the decision.
//!
//! The one place where the protocol's addresses meet the decision's domains, shared by the session
//! and `explain` so that the two cannot differ. Pure: it looks nothing up and never fails; what is
//! not evidence becomes absence with its reason.

use tenantry_attribution::{
    CertificateEvidence, CertificateName, DomainError, NoCertificate, RecipientEvidence,
    SenderEvidence, SessionEvidence, Untrusted, UntrustedCertificate,
};
use tenantry_net::{ClientCertificate, Request, UntrustedReason};
use tenantry_smtp::{ForwardPath, Mailbox, ReversePath};

use crate::config::Listener;

/// The evidence in MAIL FROM.
#[must_use]
pub fn sender(path: &ReversePath) -> SenderEvidence {
    match path {
        ReversePath::Null => SenderEvidence::Null,
        ReversePath::Mailbox(mailbox) => sender_mailbox(mailbox),
    }
}

/// The evidence in a sender's mailbox.
#[must_use]
pub fn sender_mailbox(mailbox: &Mailbox) -> SenderEvidence {
    SenderEvidence::of_domain(mailbox.domain())
}

/// The evidence in RCPT TO.
#[must_use]
pub fn recipient(path: &ForwardPath) -> RecipientEvidence {
    match path {
        ForwardPath::Postmaster(_) => postmaster(),
        ForwardPath::Mailbox(mailbox) => recipient_mailbox(mailbox),
    }
}

/// The evidence in a recipient's mailbox.
#[must_use]
pub fn recipient_mailbox(mailbox: &Mailbox) -> RecipientEvidence {
    RecipientEvidence::of_domain(mailbox.domain())
}

/// The evidence in `RCPT TO:<postmaster>` (RFC 5321 section 4.5.1): no domain.
#[must_use]
pub fn postmaster() -> RecipientEvidence {
    RecipientEvidence::NoDomain(DomainError::Missing)
}

/// The evidence in a client's certificate: names only if it was verified.
#[must_use]
pub fn certificate(certificate: &ClientCertificate) -> CertificateEvidence {
    match certificate {
        ClientCertificate::NotOffered => CertificateEvidence::Absent(NoCertificate::NotOffered),
        ClientCertificate::NotPresented => CertificateEvidence::Absent(NoCertificate::NotPresented),
        ClientCertificate::Untrusted(untrusted) => {
            CertificateEvidence::Absent(NoCertificate::Untrusted(reason(untrusted.reason)))
        }
        ClientCertificate::Verified(verified) => names(verified.names()),
    }
}

/// The evidence in the names of a verified certificate; what is not a name is passed over.
#[must_use]
pub fn names<N: AsRef<str>>(names: &[N]) -> CertificateEvidence {
    let valid = names
        .iter()
        .filter_map(|name| CertificateName::parse(name.as_ref()).ok());
    CertificateEvidence::Verified(valid.collect())
}

/// Whether a listener demands a verified certificate and this client has none. An untrusted one is refused with its
/// recipients, unless the listener ignores it.
#[must_use]
pub fn certificate_is_missing(listener: &Listener, session: &SessionEvidence) -> bool {
    listener.client_certificates == Request::Require
        && match session.certificate() {
            CertificateEvidence::Verified(_) => false,
            CertificateEvidence::Absent(NoCertificate::Untrusted(_)) => {
                session.untrusted_certificate() == UntrustedCertificate::Ignore
            }
            CertificateEvidence::Absent(
                NoCertificate::NotOffered | NoCertificate::NotPresented,
            ) => true,
        }
}

fn reason(reason: UntrustedReason) -> Untrusted {
    match reason {
        UntrustedReason::UnknownIssuer => Untrusted::UnknownIssuer,
        UntrustedReason::SelfSigned => Untrusted::SelfSigned,
        UntrustedReason::Expired => Untrusted::Expired,
        UntrustedReason::NotYetValid => Untrusted::NotYetValid,
        UntrustedReason::Revoked => Untrusted::Revoked,
        UntrustedReason::RevocationUnknown | UntrustedReason::RevocationListExpired => {
            Untrusted::RevocationUnknown
        }
        UntrustedReason::Usage => Untrusted::Usage,
        UntrustedReason::NameConstraint => Untrusted::NameConstraint,
        UntrustedReason::Pin => Untrusted::Pin,
        UntrustedReason::BadSignature => Untrusted::BadSignature,
        UntrustedReason::Malformed => Untrusted::Malformed,
        UntrustedReason::TooManyNames => Untrusted::TooManyNames,
        UntrustedReason::UnsupportedKey | UntrustedReason::Other => Untrusted::Other,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use tenantry_attribution::Domain;
    use tenantry_smtp::Utf8;

    use super::*;

    fn mailbox(text: &str) -> Mailbox {
        Mailbox::parse(text, Utf8::Allowed).unwrap()
    }

    #[test]
    fn spellings_of_one_domain_are_one_evidence() {
        let expected = SenderEvidence::Domain(Domain::parse("xn--mller-kva.example").unwrap());
        for address in [
            "u@xn--mller-kva.example",
            "u@XN--MLLER-KVA.Example",
            "u@m\u{fc}ller.example",
            "u@M\u{dc}LLER.EXAMPLE",
            "u@xn--mller-kva.example.",
            "\"a@b.test\"@xn--mller-kva.example",
            "u+tag@xn--mller-kva.example",
            "u%other.test@xn--mller-kva.example",
        ] {
            assert_eq!(
                sender(&ReversePath::Mailbox(mailbox(address))),
                expected,
                "{address}"
            );
        }
    }

    #[test]
    fn what_has_no_domain_is_no_evidence() {
        assert_eq!(sender(&ReversePath::Null), SenderEvidence::Null);
        for literal in ["u@[127.0.0.1]", "u@[IPv6:::1]"] {
            assert_eq!(sender_mailbox(&mailbox(literal)), SenderEvidence::Literal);
            assert_eq!(
                recipient_mailbox(&mailbox(literal)),
                RecipientEvidence::Literal
            );
        }
        assert!(matches!(
            sender_mailbox(&mailbox("u@a_b.example")),
            SenderEvidence::NoDomain(_)
        ));
        assert!(matches!(postmaster(), RecipientEvidence::NoDomain(_)));
    }

    #[test]
    fn only_names_of_a_verified_certificate_are_names() {
        let found = names(&[
            "Mail.Contoso.com",
            "*.contoso.com",
            "contoso.com.",
            "m\u{fc}ller.de",
            "a b",
        ]);
        let expected = ["mail.contoso.com", "*.contoso.com"];
        let expected = expected.map(|name| CertificateName::parse(name).unwrap());
        assert_eq!(found, CertificateEvidence::Verified(expected.to_vec()));
        let absent = certificate(&ClientCertificate::NotPresented);
        assert_eq!(
            absent,
            CertificateEvidence::Absent(NoCertificate::NotPresented)
        );
    }
}
