//! Addresses and paths (RFC 5321 section 4.1.2, RFC 6531 section 3.3).
//!
//! A [`Mailbox`] keeps its spelling, quotes and all, because it is forwarded: rewriting a quoted
//! local part is how parameters get injected. Only a source route is dropped (RFC 5321 appendix C).
//! Nothing here looks a name up or decides what it means.

mod mailbox;

use std::fmt;

use thiserror::Error;

pub use mailbox::Mailbox;

use crate::reply::{EnhancedCode, Reply};

/// The argument of MAIL FROM.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ReversePath {
    /// `<>`, the sender of notifications.
    Null,
    /// An address.
    Mailbox(Mailbox),
}

/// The argument of RCPT TO.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ForwardPath {
    /// `<postmaster>` without a domain (RFC 5321 section 4.5.1).
    Postmaster(Postmaster),
    /// An address.
    Mailbox(Mailbox),
}

/// The word `postmaster` as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Postmaster(Box<str>);

/// Whether characters beyond ASCII may occur (RFC 6531).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Utf8 {
    /// SMTPUTF8 was asked for.
    Allowed,
    /// ASCII only.
    Refused,
}

/// Whose address it is; the enhanced code of a refusal depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// MAIL FROM.
    Sender,
    /// RCPT TO.
    Recipient,
}

/// Why something is not an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AddressError {
    /// It does not follow the grammar.
    #[error("address does not follow the grammar")]
    Syntax,
    /// A control character.
    #[error("address has a control character")]
    Control,
    /// The address literal is none.
    #[error("address literal is malformed")]
    Literal,
    /// Characters beyond ASCII without SMTPUTF8.
    #[error("address has characters beyond ASCII without SMTPUTF8")]
    NonAscii,
    /// Two dots in a row, or a dot in front.
    #[error("domain has an empty label")]
    EmptyLabel,
    /// A label begins or ends with a hyphen.
    #[error("domain label begins or ends with a hyphen")]
    Hyphen,
    /// A label of more than 63 octets.
    #[error("domain label is longer than 63 octets")]
    LabelTooLong,
    /// A local part of more than 64 octets.
    #[error("local part is longer than 64 octets")]
    LocalTooLong,
    /// A domain of more than 255 octets.
    #[error("domain is longer than 255 octets")]
    DomainTooLong,
    /// A path of more than 256 octets with its brackets.
    #[error("path is longer than 256 octets")]
    PathTooLong,
}

impl ReversePath {
    /// The address; the null sender has none.
    #[must_use]
    pub const fn mailbox(&self) -> Option<&Mailbox> {
        match self {
            Self::Null => None,
            Self::Mailbox(mailbox) => Some(mailbox),
        }
    }

    /// The address as written, empty for the null sender.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.mailbox().map_or("", Mailbox::as_str)
    }

    /// Parses what stands between the angle brackets.
    ///
    /// # Errors
    /// It is neither empty nor an address.
    pub fn parse(text: &str, utf8: Utf8) -> Result<Self, AddressError> {
        if text.is_empty() {
            return Ok(Self::Null);
        }
        Mailbox::parse(text, utf8).map(Self::Mailbox)
    }
}

impl ForwardPath {
    /// The address; a bare postmaster has none.
    #[must_use]
    pub const fn mailbox(&self) -> Option<&Mailbox> {
        match self {
            Self::Postmaster(_) => None,
            Self::Mailbox(mailbox) => Some(mailbox),
        }
    }

    /// The path as written, without brackets and source route.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Postmaster(word) => &word.0,
            Self::Mailbox(mailbox) => mailbox.as_str(),
        }
    }

    /// Parses what stands between the angle brackets.
    ///
    /// # Errors
    /// It is neither the bare postmaster nor an address.
    pub fn parse(text: &str, utf8: Utf8) -> Result<Self, AddressError> {
        if text.eq_ignore_ascii_case("postmaster") {
            return Ok(Self::Postmaster(Postmaster(text.into())));
        }
        Mailbox::parse(text, utf8).map(Self::Mailbox)
    }
}

impl fmt::Display for ReversePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>", self.as_str())
    }
}

impl fmt::Display for ForwardPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>", self.as_str())
    }
}

impl AddressError {
    /// The refusal that the client gets.
    #[must_use]
    pub const fn reply(self, role: Role) -> Reply {
        let place = match role {
            Role::Sender => EnhancedCode::new(5, 1, 7),
            Role::Recipient => EnhancedCode::new(5, 1, 3),
        };
        match self {
            Self::Syntax => Reply::fixed(501, Some(place), "Address syntax"),
            Self::Control => Reply::fixed(501, Some(place), "Control character in address"),
            Self::Literal => Reply::fixed(501, Some(place), "Address literal syntax"),
            Self::NonAscii => {
                let code = EnhancedCode::new(5, 6, 7);
                Reply::fixed(553, Some(code), "Address needs SMTPUTF8")
            }
            Self::EmptyLabel => Reply::fixed(553, Some(place), "Empty label in domain"),
            Self::Hyphen => Reply::fixed(553, Some(place), "Hyphen at the edge of a label"),
            Self::LabelTooLong => Reply::fixed(553, Some(place), "Domain label too long"),
            Self::LocalTooLong => Reply::fixed(553, Some(place), "Local part too long"),
            Self::DomainTooLong => Reply::fixed(553, Some(place), "Domain too long"),
            Self::PathTooLong => Reply::fixed(553, Some(place), "Path too long"),
        }
    }
}
