//! `Local-part "@" ( Domain / address-literal )`, strictly.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::{AddressError, Utf8};

/// An address as it was written, without source route (RFC 5321 section 4.1.2).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Mailbox {
    text: Box<str>,
    /// Where the separating `@` stands.
    at: usize,
}

impl Mailbox {
    /// Parses an address without angle brackets; a source route in front is checked and dropped.
    ///
    /// # Errors
    /// The first violation of the grammar or of the limits of RFC 5321 section 4.5.3.1.
    pub fn parse(text: &str, utf8: Utf8) -> Result<Self, AddressError> {
        check_characters(text, utf8)?;
        if text.len() > MAX_PATH {
            return Err(AddressError::PathTooLong);
        }
        let address = without_route(text)?;
        let at = local_length(address)?;
        let (local, domain) = address.split_at_checked(at).unwrap_or_default();
        let domain = domain.strip_prefix('@').ok_or(AddressError::Syntax)?;
        check_domain_or_literal(domain)?;
        if local.len() > MAX_LOCAL {
            return Err(AddressError::LocalTooLong);
        }
        Ok(Self {
            text: address.into(),
            at,
        })
    }

    /// The whole address as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The local part as written, with its quotes.
    #[must_use]
    pub fn local(&self) -> &str {
        self.text.get(..self.at).unwrap_or_default()
    }

    /// The domain as written: may be a literal in brackets, or end with a dot.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.text.get(self.at + 1..).unwrap_or_default()
    }

    /// Whether an address literal stands in place of the domain.
    #[must_use]
    pub fn is_literal(&self) -> bool {
        self.domain().starts_with('[')
    }

    /// Whether it can be sent without SMTPUTF8.
    #[must_use]
    pub fn is_ascii(&self) -> bool {
        self.text.is_ascii()
    }
}

impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mailbox({:?})", self.text)
    }
}

/// RFC 5321 section 4.5.3.1.3 allows 256 octets with the angle brackets.
const MAX_PATH: usize = 254;
const MAX_LOCAL: usize = 64;
const MAX_DOMAIN: usize = 255;
const MAX_LABEL: usize = 63;

fn check_characters(text: &str, utf8: Utf8) -> Result<(), AddressError> {
    if text.is_ascii() {
        return match text.bytes().any(|c| c.is_ascii_control()) {
            true => Err(AddressError::Control),
            false => Ok(()),
        };
    }
    // C1 controls are valid UTF-8, but no terminal or log should ever meet them.
    if text.chars().any(char::is_control) {
        return Err(AddressError::Control);
    }
    match utf8 {
        Utf8::Allowed => Ok(()),
        Utf8::Refused => Err(AddressError::NonAscii),
    }
}

/// `@one,@two:address` gives `address` (RFC 5321 appendix C).
fn without_route(text: &str) -> Result<&str, AddressError> {
    if !text.starts_with('@') {
        return Ok(text);
    }
    // A literal in a route may hold colons, so the end is found hop by hop.
    let mut rest = text;
    loop {
        rest = rest.strip_prefix('@').ok_or(AddressError::Syntax)?;
        let literal = rest.starts_with('[');
        let from = if literal { rest.find(']') } else { Some(0) };
        let from = from.ok_or(AddressError::Syntax)?;
        let tail = rest.get(from..).unwrap_or_default();
        let end = tail.find([',', ':']).ok_or(AddressError::Syntax)?;
        let (hop, after) = rest.split_at_checked(from + end).unwrap_or_default();
        check_domain_or_literal(hop)?;
        match after.strip_prefix(',') {
            Some(next) => rest = next,
            None => return after.strip_prefix(':').ok_or(AddressError::Syntax),
        }
    }
}

/// Length of the local part, which ends at the first `@` outside quotes.
fn local_length(address: &str) -> Result<usize, AddressError> {
    match address.strip_prefix('"') {
        Some(quoted) => quoted_length(quoted).map(|inner| inner + 2),
        None => dot_string_length(address),
    }
}

/// `Atom *("." Atom)`.
fn dot_string_length(address: &str) -> Result<usize, AddressError> {
    let at = address.find('@').ok_or(AddressError::Syntax)?;
    let local = address.get(..at).unwrap_or_default();
    let mut atom = 0;
    for octet in local.bytes() {
        match octet {
            b'.' if atom == 0 => return Err(AddressError::Syntax),
            b'.' => atom = 0,
            octet if is_atext(octet) => atom += 1,
            _ => return Err(AddressError::Syntax),
        }
    }
    if atom == 0 {
        return Err(AddressError::Syntax);
    }
    Ok(at)
}

/// Octets up to the closing quote of a `Quoted-string` whose opening one is gone.
fn quoted_length(text: &str) -> Result<usize, AddressError> {
    let mut octets = text.bytes().enumerate();
    while let Some((index, octet)) = octets.next() {
        match octet {
            b'"' => return Ok(index),
            // quoted-pairSMTP escapes ASCII only.
            b'\\' => match octets.next() {
                Some((_, b' '..=b'~')) => {}
                Some(_) | None => return Err(AddressError::Syntax),
            },
            b' '..=b'~' | 0x80.. => {}
            _ => return Err(AddressError::Control),
        }
    }
    Err(AddressError::Syntax)
}

const fn is_atext(octet: u8) -> bool {
    octet.is_ascii_alphanumeric()
        || matches!(
            octet,
            b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'/' | b'=' | b'?' | b'^'..=b'`' | b'{'..=b'~' | 0x80..
        )
}

fn check_domain_or_literal(domain: &str) -> Result<(), AddressError> {
    match domain.strip_prefix('[') {
        Some(rest) => check_literal(rest.strip_suffix(']').ok_or(AddressError::Literal)?),
        None => check_domain(domain),
    }
}

/// RFC 5321 section 4.1.3, general literals included.
fn check_literal(literal: &str) -> Result<(), AddressError> {
    let Some((tag, content)) = literal.split_once(':') else {
        return match literal.parse::<Ipv4Addr>() {
            Ok(_) => Ok(()),
            Err(_) => Err(AddressError::Literal),
        };
    };
    if tag.eq_ignore_ascii_case("IPv6") {
        return match content.parse::<Ipv6Addr>() {
            Ok(_) => Ok(()),
            Err(_) => Err(AddressError::Literal),
        };
    }
    let tag_fits = tag.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-')
        && tag.ends_with(|c: char| c.is_ascii_alphanumeric());
    let content_fits =
        !content.is_empty() && content.bytes().all(|c| matches!(c, 33..=90 | 94..=126));
    if tag_fits && content_fits {
        Ok(())
    } else {
        Err(AddressError::Literal)
    }
}

/// Labels of letters, digits, hyphens; real hosts also have `_`. One trailing dot is tolerated.
fn check_domain(domain: &str) -> Result<(), AddressError> {
    if domain.is_empty() {
        return Err(AddressError::Syntax);
    }
    if domain.len() > MAX_DOMAIN {
        return Err(AddressError::DomainTooLong);
    }
    let relative = domain.strip_suffix('.').unwrap_or(domain);
    relative.split('.').try_for_each(check_label)
}

fn check_label(label: &str) -> Result<(), AddressError> {
    let letter = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | 0x80..);
    if !label.bytes().all(letter) {
        return Err(AddressError::Syntax);
    }
    match label.as_bytes() {
        [] => Err(AddressError::EmptyLabel),
        [b'-', ..] | [.., b'-'] => Err(AddressError::Hyphen),
        // A label of several scripts is measured as A-label, by whoever looks it up.
        label if label.len() > MAX_LABEL && label.is_ascii() => Err(AddressError::LabelTooLong),
        _ => Ok(()),
    }
}
