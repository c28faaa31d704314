//! Why a certificate is not evidence: one word per reason, and the mapping from path validation.

use std::fmt;

use webpki::Error as PathError;

use crate::fingerprint::Fingerprint;

/// A certificate that was presented, and whose owner proved to hold the key, but that no
/// configured trust stands behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UntrustedCertificate {
    /// Why it is not trusted.
    pub reason: UntrustedReason,
    /// Its subject, escaped and shortened; empty when it cannot be read.
    pub subject: String,
    /// Its issuer, escaped and shortened; empty when it cannot be read.
    pub issuer: String,
    /// SHA-256 of its DER.
    pub fingerprint: Fingerprint,
}

/// Why a certificate is not trusted. The words of [`UntrustedReason::as_str`] are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UntrustedReason {
    /// No configured root issued it, or an intermediate that leads to one was not sent.
    UnknownIssuer,
    /// It is its own issuer and is not itself configured as a root.
    SelfSigned,
    /// It, or a certificate of its path, has expired.
    Expired,
    /// It, or a certificate of its path, is not valid yet.
    NotYetValid,
    /// It, or a certificate of its path, is on a revocation list.
    Revoked,
    /// No revocation list covers it, and the policy wants one.
    RevocationUnknown,
    /// The revocation list that covers it has expired, and the policy wants a current one.
    RevocationListExpired,
    /// Its extended key usage is not the one asked for, or it is a CA certificate.
    Usage,
    /// A name in it is outside the name constraints of its path (RFC 5280 section 4.2.1.10).
    NameConstraint,
    /// Its public key is not one of the pinned ones.
    Pin,
    /// Its signature does not verify under the issuer that it names.
    BadSignature,
    /// It cannot be read.
    Malformed,
    /// It has more names than the limit.
    TooManyNames,
    /// Its key is of a kind or size that signatures are not checked with, so that nobody can prove
    /// to hold it.
    UnsupportedKey,
    /// Anything else that path validation found.
    Other,
}

impl UntrustedReason {
    /// The stable word of this reason, as in logs, metrics and `explain`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UnknownIssuer => "unknown-issuer",
            Self::SelfSigned => "self-signed",
            Self::Expired => "expired",
            Self::NotYetValid => "not-yet-valid",
            Self::Revoked => "revoked",
            Self::RevocationUnknown | Self::RevocationListExpired => "revocation-unknown",
            Self::Usage => "wrong-usage",
            Self::NameConstraint => "name-constraint",
            Self::Pin => "pin-mismatch",
            Self::BadSignature => "bad-signature",
            Self::Malformed => "malformed",
            Self::TooManyNames => "too-many-names",
            Self::UnsupportedKey | Self::Other => "untrusted",
        }
    }

    /// The reason in words, for people.
    #[must_use]
    pub const fn description(self) -> &'static str {
        match self {
            Self::UnknownIssuer => "no configured root issued it, or an intermediate is missing",
            Self::SelfSigned => "it is self-signed",
            Self::Expired => "it, or a certificate of its path, has expired",
            Self::NotYetValid => "it, or a certificate of its path, is not valid yet",
            Self::Revoked => "it, or a certificate of its path, is revoked",
            Self::RevocationUnknown => "no revocation list covers it",
            Self::RevocationListExpired => "the revocation list that covers it has expired",
            Self::Usage => "it is not for this use, by its extended key usage or as a CA",
            Self::NameConstraint => "a name in it is outside its issuer's name constraints",
            Self::Pin => "its public key is not a pinned one",
            Self::BadSignature => "its signature is not its issuer's",
            Self::Malformed => "it cannot be read",
            Self::TooManyNames => "it has too many names",
            Self::UnsupportedKey => "its key is too short or of an unsupported kind",
            Self::Other => "it does not pass path validation",
        }
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the enum is foreign and non-exhaustive; what is new there is still untrusted"
    )]
    pub(crate) fn from_path_error(error: &PathError) -> Self {
        match error {
            PathError::UnknownIssuer => Self::UnknownIssuer,
            PathError::CertExpired { .. } | PathError::InvalidCertValidity => Self::Expired,
            PathError::CertNotValidYet { .. } => Self::NotYetValid,
            PathError::CertRevoked | PathError::CertDistrusted => Self::Revoked,
            PathError::UnknownRevocationStatus => Self::RevocationUnknown,
            PathError::CrlExpired { .. } => Self::RevocationListExpired,
            // A revocation list that its issuer did not sign says nothing.
            PathError::InvalidCrlSignatureForPublicKey | PathError::IssuerNotCrlSigner => {
                Self::RevocationUnknown
            }
            PathError::RequiredEkuNotFoundContext(_)
            | PathError::EmptyEkuExtension
            | PathError::CaUsedAsEndEntity => Self::Usage,
            PathError::NameConstraintViolation
            | PathError::MalformedNameConstraint
            | PathError::InvalidNetworkMaskConstraint
            | PathError::MaximumNameConstraintComparisonsExceeded => Self::NameConstraint,
            PathError::InvalidSignatureForPublicKey => Self::BadSignature,
            PathError::BadDer
            | PathError::BadDerTime
            | PathError::TrailingData(_)
            | PathError::MalformedExtensions
            | PathError::ExtensionValueInvalid
            | PathError::InvalidSerialNumber
            | PathError::SignatureAlgorithmMismatch
            | PathError::UnsupportedCertVersion => Self::Malformed,
            _ => Self::Other,
        }
    }
}

impl fmt::Display for UntrustedReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.description())
    }
}
