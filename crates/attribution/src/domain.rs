//! A domain name that exists only in normalised form.
//!
//! Takes what a file, an address or a certificate says, gives the one spelling that all equivalent spellings share:
//! lower case, A-labels, no trailing dot. Two domains are the same exactly when they are `==`.
//! It never repairs: what UTS 46 does not accept is no domain, with the reason.

use std::fmt;

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use thiserror::Error;

/// A normalised domain name (UTS 46 non-transitional, STD3, RFC 1034 lengths; RFC 5890 A-labels).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Domain(Box<str>);

/// Why a text is not a domain name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
pub enum DomainError {
    /// Nothing there, or nothing but the root's dot.
    #[error("the name is empty")]
    Empty,
    /// Two dots in a row, a leading dot, or a second trailing dot.
    #[error("a label is empty")]
    EmptyLabel,
    /// A label of more than 63 octets (RFC 1034 section 3.1).
    #[error("a label is longer than 63 octets")]
    LabelTooLong,
    /// A name of more than 253 octets without the trailing dot (RFC 1034 section 3.1).
    #[error("the name is longer than 253 octets")]
    NameTooLong,
    /// A label that begins or ends with a hyphen.
    #[error("a label begins or ends with a hyphen")]
    Hyphen,
    /// An ASCII character that is no letter, digit, hyphen or dot (UTS 46 UseSTD3ASCIIRules).
    #[error("a character is no letter, digit, hyphen or dot")]
    Character,
    /// UTS 46 has no valid form: a code point, a joiner, the direction, a mark in front, or bad Punycode.
    #[error("the name is not valid under UTS 46")]
    Invalid,
    /// An `xn--` label that is not what its own U-label encodes to.
    #[error("an xn-- label does not round-trip")]
    RoundTrip,
    /// The address it should come from has none (`<postmaster>`).
    #[error("there is no domain")]
    Missing,
}

impl Domain {
    /// Normalises `text`; one trailing dot is allowed.
    ///
    /// # Errors
    ///
    /// When `text` has no normalised form under the rules of the module.
    pub fn parse(text: &str) -> Result<Self, DomainError> {
        if text.is_ascii() && !has_a_label(text) {
            return ascii(text);
        }
        international(text)
    }

    /// The normalised name: ASCII, lower case, without trailing dot.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Domain {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Domain({})", self.0)
    }
}

impl std::str::FromStr for Domain {
    type Err = DomainError;

    fn from_str(text: &str) -> Result<Self, DomainError> {
        Self::parse(text)
    }
}

/// The longest text that is looked at: far above what any valid name takes before mapping, low enough to stay cheap.
const INPUT_MAX: usize = 4096;
const NAME_MAX: usize = 253;
const LABEL_MAX: usize = 63;

/// Whether some label claims to be an A-label, which only UTS 46 can judge.
fn has_a_label(text: &str) -> bool {
    // Most names have no two hyphens in a row, which is quickly seen.
    if !text.as_bytes().windows(2).any(|pair| pair == b"--") {
        return false;
    }
    text.split('.').any(|label| {
        label
            .get(..4)
            .is_some_and(|head| head.eq_ignore_ascii_case("xn--"))
    })
}

/// The fast path: names without A-labels need no tables, because UTS 46 maps ASCII by lower-casing alone.
fn ascii(text: &str) -> Result<Domain, DomainError> {
    let name = text.strip_suffix('.').unwrap_or(text);
    check_form(name)?;
    let mut name: Box<str> = name.into();
    name.make_ascii_lowercase();
    Ok(Domain(name))
}

fn international(text: &str) -> Result<Domain, DomainError> {
    if text.len() > INPUT_MAX {
        return Err(DomainError::NameTooLong);
    }
    // Lengths are judged below, by our own check, so that their reasons do not drown in `Invalid`.
    let mapped = Uts46::new()
        .to_ascii(
            text.as_bytes(),
            AsciiDenyList::STD3,
            Hyphens::CheckFirstLast,
            DnsLength::Ignore,
        )
        .map_err(|_| DomainError::Invalid)?;
    let name = mapped.strip_suffix('.').unwrap_or(&mapped);
    check_form(name)?;
    if !round_trips(name) {
        return Err(DomainError::RoundTrip);
    }
    Ok(Domain(name.into()))
}

/// Letters, digits and hyphens in labels of 1 to 63 octets, no hyphen at their ends, 253 octets in all.
pub(crate) fn check_form(name: &str) -> Result<(), DomainError> {
    if name.is_empty() {
        return Err(DomainError::Empty);
    }
    if name.len() > NAME_MAX {
        return Err(DomainError::NameTooLong);
    }
    let (mut length, mut last) = (0, b'.');
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => length += 1,
            b'-' if length > 0 => length += 1,
            b'-' => return Err(DomainError::Hyphen),
            b'.' => {
                check_label_end(length, last)?;
                length = 0;
            }
            _ => return Err(DomainError::Character),
        }
        last = byte;
    }
    check_label_end(length, last)
}

fn check_label_end(length: usize, last: u8) -> Result<(), DomainError> {
    match length {
        0 => Err(DomainError::EmptyLabel),
        _ if last == b'-' => Err(DomainError::Hyphen),
        1..=LABEL_MAX => Ok(()),
        _ => Err(DomainError::LabelTooLong),
    }
}

/// Whether the A-labels are exactly what their U-labels encode to (the class of RUSTSEC-2024-0421).
fn round_trips(name: &str) -> bool {
    let rules = Uts46::new();
    let (unicode, valid) = rules.to_unicode(
        name.as_bytes(),
        AsciiDenyList::STD3,
        Hyphens::CheckFirstLast,
    );
    valid.is_ok()
        && rules
            .to_ascii(
                unicode.as_bytes(),
                AsciiDenyList::STD3,
                Hyphens::CheckFirstLast,
                DnsLength::Ignore,
            )
            .is_ok_and(|again| again == name)
}
