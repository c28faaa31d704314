//! Patterns, and the certificate names they are matched with.
//!
//! `d` is that name alone; `*.d` is `d` and everything below it at any depth. There is no other wildcard.
//! A certificate name `*.d` stands for many hosts, so only the pattern `*.d` or a wider one may take it.

use std::fmt;

use thiserror::Error;

use crate::domain::{Domain, DomainError, check_form};

/// What a tenant or a peer claims.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Pattern {
    /// This name alone.
    Exact(Domain),
    /// This name and everything below it, written `*.d`.
    Subtree(Domain),
}

/// Why a text is not a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PatternError {
    /// A `*` that is not the whole first label, or a second one.
    #[error("a pattern is a domain name or \"*.\" and a domain name; there is no other wildcard")]
    Wildcard,
    /// The name in it is none.
    #[error(transparent)]
    Domain(#[from] DomainError),
}

/// A name of a verified certificate (RFC 5280 section 4.2.1.6 dNSName): letters, digits, hyphens and dots as issued.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum CertificateName {
    /// A host's name.
    Host(Domain),
    /// `*.d` (RFC 9525 section 6.3), holding `d`.
    Wildcard(Domain),
}

/// Why a text is not a certificate name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CertificateNameError {
    /// A character that a certificate must not have (so U-labels too), or a `*` elsewhere than in front.
    #[error("a certificate name has only letters, digits, hyphens and dots")]
    Character,
    /// `d.`: certificates carry names without the root's dot.
    #[error("a certificate name has no trailing dot")]
    TrailingDot,
    /// The name in it is none.
    #[error(transparent)]
    Domain(#[from] DomainError),
}

impl Pattern {
    /// Reads `d` or `*.d`; `d` is normalised.
    ///
    /// # Errors
    ///
    /// When a wildcard stands elsewhere than alone in front, or the rest is no domain.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let (below, name) = match text.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        if name.contains('*') {
            return Err(PatternError::Wildcard);
        }
        let domain = Domain::parse(name)?;
        Ok(if below {
            Self::Subtree(domain)
        } else {
            Self::Exact(domain)
        })
    }

    /// The name without the wildcard.
    #[must_use]
    pub fn domain(&self) -> &Domain {
        match self {
            Self::Exact(domain) | Self::Subtree(domain) => domain,
        }
    }

    /// Whether this pattern takes the name of a certificate.
    #[must_use]
    pub fn takes(&self, name: &CertificateName) -> bool {
        match (self, name) {
            (Self::Exact(own), CertificateName::Host(host)) => own == host,
            (Self::Exact(_), CertificateName::Wildcard(_)) => false,
            (Self::Subtree(own), CertificateName::Host(d) | CertificateName::Wildcard(d)) => {
                is_at_or_below(d.as_str(), own.as_str())
            }
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(domain) => domain.fmt(f),
            Self::Subtree(domain) => write!(f, "*.{domain}"),
        }
    }
}

impl std::str::FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        Self::parse(text)
    }
}

impl CertificateName {
    /// Reads a name as a certificate has it; only upper case is folded.
    ///
    /// # Errors
    ///
    /// When it is not already an ASCII name, has a trailing dot, or an `xn--` label that does not round-trip.
    pub fn parse(text: &str) -> Result<Self, CertificateNameError> {
        let (wildcard, name) = match text.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        if name.len() > 1 && name.ends_with('.') {
            return Err(CertificateNameError::TrailingDot);
        }
        match check_form(name) {
            Ok(()) => {}
            Err(DomainError::Character) => return Err(CertificateNameError::Character),
            Err(error) => return Err(error.into()),
        }
        // The wildcard label counts: a name that no host can have is none.
        if text.len() > 253 {
            return Err(DomainError::NameTooLong.into());
        }
        let domain = Domain::parse(name)?;
        Ok(if wildcard {
            Self::Wildcard(domain)
        } else {
            Self::Host(domain)
        })
    }

    /// The name without the wildcard.
    #[must_use]
    pub fn domain(&self) -> &Domain {
        match self {
            Self::Host(domain) | Self::Wildcard(domain) => domain,
        }
    }
}

impl fmt::Display for CertificateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(domain) => domain.fmt(f),
            Self::Wildcard(domain) => write!(f, "*.{domain}"),
        }
    }
}

/// Whether `name` is `above` or lies below it, label by label.
fn is_at_or_below(name: &str, above: &str) -> bool {
    name.strip_suffix(above)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}
