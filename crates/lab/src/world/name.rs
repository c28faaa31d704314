//! Names as the lab compares them: lower case, A-labels, no trailing dot.

use std::fmt;

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

/// A normalised domain name (UTS 46 non-transitional with STD3 rules; RFC 5890 A-labels).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DomainName(Box<str>);

/// A text that is no domain name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no domain name")]
pub struct DomainNameError(pub String);

impl DomainName {
    /// Normalises `text`; one trailing dot is allowed.
    ///
    /// # Errors
    /// When UTS 46 has no form for it, a label or the name is too long, or an A-label does not
    /// come back from its own U-label.
    pub fn parse(text: &str) -> Result<Self, DomainNameError> {
        let refused = || DomainNameError(text.chars().take(SHOWN).collect());
        if text.len() > LONGEST_INPUT {
            return Err(refused());
        }
        let uts46 = Uts46::new();
        let to_ascii = |name: &str| {
            uts46
                .to_ascii(
                    name.as_bytes(),
                    AsciiDenyList::STD3,
                    Hyphens::CheckFirstLast,
                    DnsLength::Verify,
                )
                .map(std::borrow::Cow::into_owned)
                .map_err(|_invalid| refused())
        };
        let name = to_ascii(text.strip_suffix('.').unwrap_or(text))?;
        if name.split('.').any(|label| label.starts_with("xn--")) {
            let (unicode, valid) = uts46.to_unicode(
                name.as_bytes(),
                AsciiDenyList::STD3,
                Hyphens::CheckFirstLast,
            );
            if valid.is_err() || to_ascii(&unicode)? != name {
                return Err(refused());
            }
        }
        Ok(Self(name.into_boxed_str()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// How many labels it has.
    #[must_use]
    pub fn labels(&self) -> usize {
        self.0.split('.').count()
    }

    /// Whether it is `ancestor` or somewhere below it.
    #[must_use]
    pub fn is_within(&self, ancestor: &Self) -> bool {
        self == ancestor
            || self
                .0
                .strip_suffix(ancestor.as_str())
                .is_some_and(|rest| rest.ends_with('.'))
    }

    /// The name without its first label; a single label has none.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        let (_first, rest) = self.0.split_once('.')?;
        Some(Self(rest.into()))
    }
}

impl fmt::Display for DomainName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// A name of a certificate, lower-case and `*.` kept, or `None` if it is not one: it must be
/// ASCII letters, digits, hyphens and dots as it stands, a leading `*.` apart, without trailing
/// dot (RFC 5280 section 4.2.1.6).
#[must_use]
pub fn certificate_name(text: &str) -> Option<(Wildcard, DomainName)> {
    let (wildcard, host) = match text.strip_prefix("*.") {
        Some(host) => (Wildcard::Yes, host),
        None => (Wildcard::No, text),
    };
    let plain = host
        .bytes()
        .all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.'));
    if !plain || host.ends_with('.') {
        return None;
    }
    Some((wildcard, DomainName::parse(host).ok()?))
}

/// Whether a name begins with `*.`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Wildcard {
    /// It is a plain name.
    No,
    /// It is `*.` and a name.
    Yes,
}

/// A region of the service, as `EUR` or `NAM`: upper case.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Region(Box<str>);

impl Region {
    /// A region's name; case does not matter.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(name.trim().to_ascii_uppercase().into_boxed_str())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Region {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

const LONGEST_INPUT: usize = 4096;
const SHOWN: usize = 100;

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test ends by panicking")]

    use super::*;

    #[test]
    fn equal_names_are_equal_however_they_are_written() {
        let name = DomainName::parse("B\u{fc}cher.Example.").unwrap();
        assert_eq!(name, DomainName::parse("xn--bcher-kva.EXAMPLE").unwrap());
        assert_eq!(name.labels(), 2);
    }

    #[test]
    fn what_is_no_name_is_refused_with_its_text() {
        for text in [
            "",
            ".",
            "a..b",
            "a_b.example",
            "-a.example",
            "xn--a.example",
            "a b",
        ] {
            assert_eq!(
                DomainName::parse(text).unwrap_err().to_string(),
                format!("{text:?} is no domain name")
            );
        }
    }

    #[test]
    fn within_respects_labels() {
        let name = |text| DomainName::parse(text).unwrap();
        assert!(name("a.b.example").is_within(&name("b.example")));
        assert!(name("b.example").is_within(&name("b.example")));
        assert!(!name("ab.example").is_within(&name("b.example")));
        assert!(!name("b.example").is_within(&name("a.b.example")));
    }

    #[test]
    fn a_certificate_name_is_not_repaired() {
        let host = |text| DomainName::parse(text).unwrap();
        assert_eq!(
            certificate_name("*.A.example"),
            Some((Wildcard::Yes, host("a.example")))
        );
        assert_eq!(
            certificate_name("a.example"),
            Some((Wildcard::No, host("a.example")))
        );
        for text in [
            "a.example.",
            "b\u{fc}cher.example",
            "*",
            "*.*.example",
            "a_b.example",
            "a.*.example",
        ] {
            assert_eq!(certificate_name(text), None, "{text}");
        }
    }
}
