//! Why a client's certificate does not count: the words of journal, explanation and batch, which are
//! the same everywhere.

use tenantry_net::UntrustedReason;

/// Why a certificate does not count (`exchange-online.md` section 1.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateProblem {
    /// No more is known than that it is not trusted.
    Untrusted,
    /// It has expired.
    Expired,
    /// It was sent alone, and whoever issued it is no trusted authority: mostly, the intermediate is
    /// missing.
    IncompleteChain,
    /// It was sent with its chain, which ends at no trusted authority.
    UnknownIssuer,
    /// It is its own issuer.
    SelfSigned,
    /// Its time has not come.
    NotYetValid,
    /// It is revoked.
    Revoked,
    /// Whether it is revoked cannot be told.
    RevocationUnknown,
    /// It is not for clients, nor for servers; or it is an authority's.
    WrongUsage,
    /// It has a name that its issuer may not give.
    NameConstraint,
    /// Its key is not the pinned one.
    PinMismatch,
    /// Its issuer did not sign it.
    BadSignature,
    /// Its key is of a kind or size that nobody takes.
    UnsupportedKey,
    /// It cannot be read.
    Malformed,
    /// It has more names than anybody reads.
    TooManyNames,
}

impl CertificateProblem {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::Untrusted,
        Self::Expired,
        Self::IncompleteChain,
        Self::UnknownIssuer,
        Self::SelfSigned,
        Self::NotYetValid,
        Self::Revoked,
        Self::RevocationUnknown,
        Self::WrongUsage,
        Self::NameConstraint,
        Self::PinMismatch,
        Self::BadSignature,
        Self::UnsupportedKey,
        Self::Malformed,
        Self::TooManyNames,
    ];

    /// What a chain of so many certificates came to.
    #[must_use]
    pub const fn of(reason: UntrustedReason, sent: usize) -> Self {
        match reason {
            UntrustedReason::UnknownIssuer if sent == 1 => Self::IncompleteChain,
            UntrustedReason::UnknownIssuer => Self::UnknownIssuer,
            UntrustedReason::SelfSigned => Self::SelfSigned,
            UntrustedReason::Expired => Self::Expired,
            UntrustedReason::NotYetValid => Self::NotYetValid,
            UntrustedReason::Revoked => Self::Revoked,
            UntrustedReason::RevocationUnknown | UntrustedReason::RevocationListExpired => {
                Self::RevocationUnknown
            }
            UntrustedReason::Usage => Self::WrongUsage,
            UntrustedReason::NameConstraint => Self::NameConstraint,
            UntrustedReason::Pin => Self::PinMismatch,
            UntrustedReason::BadSignature => Self::BadSignature,
            UntrustedReason::UnsupportedKey => Self::UnsupportedKey,
            UntrustedReason::Malformed => Self::Malformed,
            UntrustedReason::TooManyNames => Self::TooManyNames,
            UntrustedReason::Other => Self::Untrusted,
        }
    }

    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Untrusted => "untrusted",
            Self::Expired => "expired",
            Self::IncompleteChain => "incomplete-chain",
            Self::UnknownIssuer => "unknown-issuer",
            Self::SelfSigned => "self-signed",
            Self::NotYetValid => "not-yet-valid",
            Self::Revoked => "revoked",
            Self::RevocationUnknown => "revocation-unknown",
            Self::WrongUsage => "wrong-usage",
            Self::NameConstraint => "name-constraint",
            Self::PinMismatch => "pin-mismatch",
            Self::BadSignature => "bad-signature",
            Self::UnsupportedKey => "unsupported-key",
            Self::Malformed => "malformed",
            Self::TooManyNames => "too-many-names",
        }
    }

    /// The problem with this word.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        let all = Self::ALL.iter().copied();
        all.into_iter().find(|problem| problem.as_str() == word)
    }

    /// What it means; nothing where the word says it.
    #[must_use]
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::Untrusted
            | Self::Expired
            | Self::SelfSigned
            | Self::NotYetValid
            | Self::Revoked => "",
            Self::IncompleteChain => {
                "it came without the intermediate that issued it, or that authority is not trusted"
            }
            Self::UnknownIssuer => "its chain ends at an authority that is not trusted",
            Self::RevocationUnknown => "no current revocation list covers it",
            Self::WrongUsage => "it is neither for clients nor for servers, or is an authority's",
            Self::NameConstraint => "it has a name that its issuer may not give",
            Self::PinMismatch => "its key is not the pinned one",
            Self::BadSignature => "its signature is not its issuer's",
            Self::UnsupportedKey => "its key is too weak or of a kind that is not taken",
            Self::Malformed => "it cannot be read",
            Self::TooManyNames => "it has too many names to be looked at",
        }
    }
}

/// A problem's word, and what it means.
pub(crate) fn explained(word: &str) -> String {
    match CertificateProblem::named(word).map(CertificateProblem::in_words) {
        None | Some("") => word.to_owned(),
        Some(meaning) => format!("{word} ({meaning})"),
    }
}
