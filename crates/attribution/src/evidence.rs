//! Evidence: what is known of a message, and of what is absent, why.
//!
//! Only a verified certificate brings names. What belongs to the session (certificate, address, the peers it makes)
//! is collected once; the envelope's part comes with each transaction.

use std::borrow::Cow;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use thiserror::Error;

use crate::attribution::Owners;
use crate::certificate::{self, Finding};
use crate::directory::{Directory, PeerSet};
use crate::domain::{Domain, DomainError};
use crate::pattern::CertificateName;
use crate::rules::UntrustedCertificate;

/// What the client's certificate says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CertificateEvidence {
    /// Nothing, and why.
    Absent(NoCertificate),
    /// The names of a certificate whose chain, dates, usage and revocation were found good; order means nothing.
    Verified(Vec<CertificateName>),
}

/// Why a certificate is no evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NoCertificate {
    /// The session is plaintext, or the listener does not ask.
    NotOffered,
    /// The client was asked and presented none.
    NotPresented,
    /// The client presented one that does not verify.
    Untrusted(Untrusted),
}

/// What is wrong with a certificate that was presented.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Untrusted {
    /// No path to a root that this listener trusts.
    UnknownIssuer,
    /// Signed by itself.
    SelfSigned,
    /// After its last day.
    Expired,
    /// Before its first day.
    NotYetValid,
    /// On a revocation list.
    Revoked,
    /// The revocation list that would tell is missing or out of date.
    RevocationUnknown,
    /// Not issued for this usage (RFC 5280 section 4.2.1.12).
    Usage,
    /// An intermediate is missing.
    IncompleteChain,
    /// An authority above it must not issue this name (RFC 5280 section 4.2.1.10).
    NameConstraint,
    /// Its public key is none of the pinned ones.
    Pin,
    /// A signature in the chain is wrong.
    BadSignature,
    /// It cannot be read.
    Malformed,
    /// More names than are looked at.
    TooManyNames,
    /// Not verified, for another reason or one that is not known.
    Other,
}

/// A word that names no certificate problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not a certificate problem; one of: {}", Untrusted::WORDS.join(", "))]
pub struct UnknownProblem;

/// What MAIL FROM says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SenderEvidence {
    /// `<>`.
    Null,
    /// An address literal (RFC 5321 section 4.1.3).
    Literal,
    /// A domain that cannot be normalised.
    NoDomain(DomainError),
    /// A domain.
    Domain(Domain),
}

/// What one RCPT TO says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecipientEvidence {
    /// An address literal (RFC 5321 section 4.1.3).
    Literal,
    /// A domain that cannot be normalised, or none (`<postmaster>`).
    NoDomain(DomainError),
    /// A domain.
    Domain(Domain),
}

/// What is known of a session, worked out once for all its transactions.
///
/// It remembers which directory it was made with; used with another one (after a reload) it is worked out again, so
/// that no right outlives the configuration that gave it.
#[derive(Debug, Clone)]
pub struct SessionEvidence {
    certificate: Arc<CertificateEvidence>,
    address: IpAddr,
    untrusted_certificate: UntrustedCertificate,
    peers: PeerSet,
    finding: Finding,
    found: Owners,
}

/// All that is known of one message.
#[derive(Debug, Clone)]
pub struct Evidence {
    /// Of its session.
    pub session: SessionEvidence,
    /// Of its sender.
    pub sender: SenderEvidence,
    /// Of its recipients, in the order of the envelope.
    pub recipients: Vec<RecipientEvidence>,
}

impl SessionEvidence {
    /// Looks the certificate's names up and finds the peers this client is.
    #[must_use]
    pub fn new(
        directory: &Directory,
        certificate: CertificateEvidence,
        address: IpAddr,
        untrusted_certificate: UntrustedCertificate,
    ) -> Self {
        Self::of(
            directory,
            Arc::new(certificate),
            address,
            untrusted_certificate,
        )
    }

    /// The same session under another directory, as after a reload.
    #[must_use]
    pub fn renewed(&self, directory: &Directory) -> Self {
        Self::of(
            directory,
            Arc::clone(&self.certificate),
            self.address,
            self.untrusted_certificate,
        )
    }

    /// Whether it was worked out with this directory.
    #[must_use]
    pub fn is_of(&self, directory: &Directory) -> bool {
        self.peers.is_of(directory)
    }

    /// The certificate's part.
    #[must_use]
    pub fn certificate(&self) -> &CertificateEvidence {
        &self.certificate
    }

    /// Where the client connects from; never an IPv4-mapped IPv6 address.
    #[must_use]
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// What the listener does about certificates that do not verify.
    #[must_use]
    pub fn untrusted_certificate(&self) -> UntrustedCertificate {
        self.untrusted_certificate
    }

    /// The peers that this client is.
    #[must_use]
    pub fn peers(&self) -> &PeerSet {
        &self.peers
    }

    /// This evidence under a directory: what was worked out with another one is worth nothing here.
    #[must_use]
    pub fn under(&self, directory: &Directory) -> Cow<'_, Self> {
        if self.is_of(directory) {
            Cow::Borrowed(self)
        } else {
            Cow::Owned(self.renewed(directory))
        }
    }

    pub(crate) fn finding(&self) -> &Finding {
        &self.finding
    }

    pub(crate) fn found(&self) -> &Owners {
        &self.found
    }

    fn of(
        directory: &Directory,
        certificate: Arc<CertificateEvidence>,
        address: IpAddr,
        untrusted_certificate: UntrustedCertificate,
    ) -> Self {
        let address = address.to_canonical();
        let peers = directory.peers(address, &certificate);
        let (finding, found) = certificate::read(directory, &certificate, untrusted_certificate);
        Self {
            certificate,
            address,
            untrusted_certificate,
            peers,
            finding,
            found,
        }
    }
}

impl NoCertificate {
    /// The stable word for logs and outputs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotOffered => "not-offered",
            Self::NotPresented => "not-presented",
            Self::Untrusted(reason) => reason.as_str(),
        }
    }
}

impl Untrusted {
    /// Every reason, in the order of [`Untrusted::WORDS`].
    pub const ALL: [Self; 14] = [
        Self::UnknownIssuer,
        Self::SelfSigned,
        Self::Expired,
        Self::NotYetValid,
        Self::Revoked,
        Self::RevocationUnknown,
        Self::Usage,
        Self::IncompleteChain,
        Self::NameConstraint,
        Self::Pin,
        Self::BadSignature,
        Self::Malformed,
        Self::TooManyNames,
        Self::Other,
    ];

    /// The stable words, one for each reason.
    pub const WORDS: [&'static str; 14] = [
        "unknown-issuer",
        "self-signed",
        "expired",
        "not-yet-valid",
        "revoked",
        "revocation-unknown",
        "wrong-usage",
        "incomplete-chain",
        "name-constraint",
        "pin-mismatch",
        "bad-signature",
        "malformed",
        "too-many-names",
        "untrusted",
    ];

    /// The stable word for logs and outputs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnknownIssuer => "unknown-issuer",
            Self::SelfSigned => "self-signed",
            Self::Expired => "expired",
            Self::NotYetValid => "not-yet-valid",
            Self::Revoked => "revoked",
            Self::RevocationUnknown => "revocation-unknown",
            Self::Usage => "wrong-usage",
            Self::IncompleteChain => "incomplete-chain",
            Self::NameConstraint => "name-constraint",
            Self::Pin => "pin-mismatch",
            Self::BadSignature => "bad-signature",
            Self::Malformed => "malformed",
            Self::TooManyNames => "too-many-names",
            Self::Other => "untrusted",
        }
    }
}

impl FromStr for Untrusted {
    type Err = UnknownProblem;

    fn from_str(text: &str) -> Result<Self, UnknownProblem> {
        let position = Self::WORDS
            .iter()
            .position(|word| *word == text)
            .ok_or(UnknownProblem)?;
        Self::ALL.get(position).copied().ok_or(UnknownProblem)
    }
}

impl SenderEvidence {
    /// The evidence in the domain part of a mailbox as written.
    #[must_use]
    pub fn of_domain(text: &str) -> Self {
        if text.starts_with('[') {
            return Self::Literal;
        }
        match Domain::parse(text) {
            Ok(domain) => Self::Domain(domain),
            Err(error) => Self::NoDomain(error),
        }
    }
}

impl RecipientEvidence {
    /// The evidence in the domain part of a mailbox as written.
    #[must_use]
    pub fn of_domain(text: &str) -> Self {
        match SenderEvidence::of_domain(text) {
            SenderEvidence::Literal => Self::Literal,
            SenderEvidence::Domain(domain) => Self::Domain(domain),
            SenderEvidence::NoDomain(error) => Self::NoDomain(error),
            SenderEvidence::Null => Self::NoDomain(DomainError::Missing),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_has_its_word() {
        for (problem, word) in Untrusted::ALL.into_iter().zip(Untrusted::WORDS) {
            assert_eq!(problem.as_str(), word);
            assert_eq!(word.parse(), Ok(problem));
        }
    }

    #[test]
    fn an_unknown_word_is_an_error_that_lists_the_known() {
        assert_eq!("fine".parse::<Untrusted>(), Err(UnknownProblem));
        assert!(
            UnknownProblem
                .to_string()
                .contains("expired, not-yet-valid")
        );
    }

    #[test]
    fn brackets_make_a_literal_whatever_is_in_them() {
        assert_eq!(
            SenderEvidence::of_domain("[127.0.0.1]"),
            SenderEvidence::Literal
        );
        assert_eq!(
            RecipientEvidence::of_domain("[contoso.com]"),
            RecipientEvidence::Literal
        );
    }
}
