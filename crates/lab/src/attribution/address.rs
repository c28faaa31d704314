//! Envelope addresses, as far as attribution reads them: the domain.

use crate::world::DomainName;

/// What an envelope address amounts to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mailbox {
    /// The null sender.
    Null,
    /// A proper address.
    Proper {
        /// Lower case, with the domain normalised.
        address: String,
        domain: DomainName,
    },
    /// No domain to go by.
    Without { text: String, problem: Problem },
}

/// Why an address has no domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Problem {
    NoDomain,
    Literal,
    LocalPart,
    Domain,
}

impl Mailbox {
    /// Reads an address without angle brackets by RFC 5321 section 4.1.2. What breaks the grammar
    /// has no domain: it must never be taken for another tenant's.
    pub(super) fn parse(text: &str) -> Self {
        if text.is_empty() {
            return Self::Null;
        }
        let without = |problem| Self::Without {
            text: text.chars().take(SHOWN).collect(),
            problem,
        };
        let Some((local, domain)) = split(text) else {
            return without(Problem::NoDomain);
        };
        if !is_local_part(local) {
            return without(Problem::LocalPart);
        }
        if domain.starts_with('[') {
            return without(Problem::Literal);
        }
        match DomainName::parse(domain) {
            Ok(domain) => Self::Proper {
                address: format!("{}@{domain}", local.to_lowercase()),
                domain,
            },
            Err(_invalid) => without(Problem::Domain),
        }
    }

    /// The address of a From header: what stands in the last angle brackets, or all of it.
    pub(super) fn of_header(text: &str) -> Self {
        let bracketed = text
            .rsplit_once('<')
            .and_then(|(_, rest)| rest.split_once('>'));
        Self::parse(bracketed.map_or(text, |(address, _)| address).trim())
    }

    pub(super) fn domain(&self) -> Option<&DomainName> {
        match self {
            Self::Proper { domain, .. } => Some(domain),
            Self::Null | Self::Without { .. } => None,
        }
    }
}

impl Problem {
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::NoDomain => "it has no domain",
            Self::Literal => "its domain is an address literal",
            Self::LocalPart => "what stands before the @ is no local part",
            Self::Domain => "what stands behind the @ is no domain name",
        }
    }
}

/// At the last `@` that is not quoted.
fn split(text: &str) -> Option<(&str, &str)> {
    let quoted = closing_quote(text).unwrap_or(0);
    let at = quoted + text.get(quoted..)?.rfind('@')?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

/// Where the quoted string that `text` begins with is over.
fn closing_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, octet) in text.bytes().enumerate().skip(1) {
        match octet {
            _ if !text.starts_with('"') => return None,
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// `Local-part` of RFC 5321, with the octets above ASCII that RFC 6531 adds.
fn is_local_part(local: &str) -> bool {
    if local.starts_with('"') {
        return closing_quote(local) == Some(local.len()) && !local.contains(char::is_control);
    }
    local.split('.').all(|atom| {
        !atom.is_empty()
            && atom
                .chars()
                .all(|c| c.is_alphanumeric() || ATOM.contains(c) || is_beyond_ascii(c))
    })
}

fn is_beyond_ascii(character: char) -> bool {
    !character.is_ascii() && !character.is_control() && !character.is_whitespace()
}

/// RFC 5322 `atext`, letters and digits apart.
const ATOM: &str = "!#$%&'*+-/=?^_`{|}~";
const SHOWN: usize = 320;
