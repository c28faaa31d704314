//! Names of certificates, and what matches them (`exchange-online.md` section 1.4).

use std::sync::Arc;

use crate::world::{DomainName, TlsSenderCertificateName, Wildcard, certificate_name};

use super::Certificate;
use super::why::{LISTED, Outcome, Reason, Stage, Why};

/// The names that a trusted certificate brings: a sorted set, so that their order in the
/// certificate means nothing.
#[derive(Debug, Clone, Default)]
pub(super) struct Presented(Vec<Name>);

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) text: Arc<str>,
    pub(super) wildcard: Wildcard,
    pub(super) host: DomainName,
}

/// Whether a pattern is a name or a wildcard; exact is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Exactness {
    Wildcard,
    Exact,
}

/// Whether `*.d` matches `d`: the profile flag `wildcard_matches_apex`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Apex {
    Matches,
    Differs,
}

impl Presented {
    /// The usable names; all others are noted.
    pub(super) fn new(certificate: &Certificate<'_>, why: &mut Vec<Why>) -> Self {
        let note = |reason| Why::new(Stage::Certificate, Outcome::Note, reason);
        let texts = match *certificate {
            Certificate::NotPresented => {
                why.push(note(Reason::NoCertificate));
                return Self::default();
            }
            Certificate::Untrusted { problem, names } => {
                let named: Vec<&str> = names.iter().take(LISTED).map(String::as_str).collect();
                why.push(
                    note(Reason::CertificateUntrusted)
                        .value(problem)
                        .against(named.join(", "))
                        .count(names.len()),
                );
                return Self::default();
            }
            Certificate::Trusted { names } => names,
        };
        let mut names = Vec::new();
        let mut invalid: Vec<&str> = Vec::new();
        for text in texts {
            match certificate_name(text) {
                Some((wildcard, host)) => names.push(Name::new(wildcard, host)),
                None => invalid.push(text),
            }
        }
        names.sort_by(|a, b| a.text.cmp(&b.text));
        names.dedup();
        invalid.sort_unstable();
        invalid.dedup();
        for text in invalid.iter().take(LISTED) {
            let shown: String = text.chars().take(SHOWN).collect();
            why.push(note(Reason::NameInvalid).value(shown));
        }
        why.extend(Why::more(Stage::Certificate, invalid.len()));
        if names.is_empty() {
            why.push(note(Reason::NoName));
        }
        Self(names)
    }

    pub(super) fn names(&self) -> &[Name] {
        &self.0
    }
}

impl Name {
    fn new(wildcard: Wildcard, host: DomainName) -> Self {
        let text = match wildcard {
            Wildcard::No => host.as_str().into(),
            Wildcard::Yes => format!("*.{host}").into(),
        };
        Self {
            text,
            wildcard,
            host,
        }
    }

    /// The function `matches` of section 1.4.
    pub(super) fn is_matched_by(&self, pattern: &TlsSenderCertificateName, apex: Apex) -> bool {
        match (pattern, self.wildcard) {
            (TlsSenderCertificateName::Exact(domain), Wildcard::No) => self.host == *domain,
            (TlsSenderCertificateName::Exact(_), Wildcard::Yes)
            | (TlsSenderCertificateName::Unusable(_), _) => false,
            (TlsSenderCertificateName::Wildcard(domain), Wildcard::Yes) => {
                self.host.is_within(domain)
            }
            (TlsSenderCertificateName::Wildcard(domain), Wildcard::No) => {
                self.host.is_within(domain) && (self.host != *domain || apex == Apex::Matches)
            }
        }
    }
}

impl Apex {
    pub(super) const fn of(profile: &crate::world::Profile) -> Self {
        if profile.wildcard_matches_apex {
            Self::Matches
        } else {
            Self::Differs
        }
    }
}

/// The domain of a usable certificate name.
pub(super) const fn pattern_domain(pattern: &TlsSenderCertificateName) -> Option<&DomainName> {
    match pattern {
        TlsSenderCertificateName::Exact(domain) | TlsSenderCertificateName::Wildcard(domain) => {
            Some(domain)
        }
        TlsSenderCertificateName::Unusable(_) => None,
    }
}

/// The value, as the administrator wrote it.
pub(super) fn pattern_text(pattern: &TlsSenderCertificateName) -> String {
    match pattern {
        TlsSenderCertificateName::Exact(name) => name.to_string(),
        TlsSenderCertificateName::Wildcard(name) => format!("*.{name}"),
        TlsSenderCertificateName::Unusable(text) => text.clone(),
    }
}

/// A name and everything above it, longest first, with the number of labels.
pub(super) fn ancestors(name: &DomainName) -> impl Iterator<Item = (&str, usize)> {
    let labels = name.labels();
    std::iter::successors(Some(name.as_str()), |name| {
        name.split_once('.').map(|(_first, rest)| rest)
    })
    .zip((1..=labels).rev())
}

const SHOWN: usize = 260;
