//! Names of certificates, and what matches them (`exchange-online.md` section 1.4).

use std::sync::Arc;

use crate::certificate;
use crate::world::{DomainName, TlsSenderCertificateName, Wildcard, certificate_name};

use super::Certificate;
use super::why::{LISTED, Outcome, Reason, Stage, Why};

/// The names that a trusted certificate brings: a sorted set, so that their order in the
/// certificate means nothing.
#[derive(Debug, Clone)]
pub(super) struct Presented {
    names: Vec<Name>,
    /// What came, in words.
    came: Arc<str>,
}

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
        let none = |came: &str| Self {
            names: Vec::new(),
            came: came.into(),
        };
        let texts = match *certificate {
            Certificate::NotPresented => {
                why.push(note(Reason::NoCertificate));
                return none("no certificate came");
            }
            Certificate::Untrusted { problem, names } => {
                let named = in_brackets(names);
                why.push(
                    note(Reason::CertificateUntrusted)
                        .value(certificate::explained(problem))
                        .against(named.as_str())
                        .count(names.len()),
                );
                let problem: String = problem.chars().take(SHOWN).collect();
                return none(&format!("the certificate{named} counts as none: {problem}"));
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
            return none("the certificate brings no usable name");
        }
        let texts = names.iter().map(|name| &*name.text);
        let came = format!("the certificate has {}", some_of(texts)).into();
        Self { names, came }
    }

    pub(super) fn names(&self) -> &[Name] {
        &self.names
    }

    /// What came, in words: `the certificate has mail.contoso.com`.
    pub(super) fn came(&self) -> &str {
        &self.came
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

/// The names of a certificate that does not count; nothing if they are unknown.
fn in_brackets(names: &[String]) -> String {
    if names.is_empty() {
        return String::new();
    }
    let shown = |name: &String| name.chars().take(SHOWN).collect::<String>();
    format!(" ({})", some_of(names.iter().map(shown)))
}

/// The first of several texts, and how many more there are.
pub(super) fn some_of<T: AsRef<str>>(mut texts: impl Iterator<Item = T>) -> String {
    let mut some = String::new();
    for text in texts.by_ref().take(SOME) {
        if !some.is_empty() {
            some.push_str(", ");
        }
        some.push_str(text.as_ref());
    }
    match texts.count() {
        0 => some,
        more => format!("{some} and {more} more"),
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
pub(super) fn ancestors(name: &DomainName) -> impl Iterator<Item = (&str, usize)> + Clone {
    let labels = name.labels();
    std::iter::successors(Some(name.as_str()), |name| {
        name.split_once('.').map(|(_first, rest)| rest)
    })
    .zip((1..=labels).rev())
}

const SHOWN: usize = 260;
/// How many texts one sentence takes.
const SOME: usize = 8;
