//! The first word of a line.

use super::error::CommandError;

/// The verbs that we speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Ehlo,
    Helo,
    Mail,
    Rcpt,
    Data,
    Bdat,
    Rset,
    Noop,
    Quit,
    StartTls,
    Vrfy,
    Expn,
    Help,
}

impl Verb {
    /// Recognises a verb in any case; the rest of the line tells a request of another protocol.
    pub(crate) fn parse(word: &[u8], rest: &[u8]) -> Result<Self, CommandError> {
        let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
        let known = match word.len() {
            4 => KNOWN.iter().find(|(name, _)| is(name)),
            8 if is("STARTTLS") => return Ok(Self::StartTls),
            _ => None,
        };
        match known {
            Some((_, verb)) => Ok(*verb),
            None if is_foreign(word, rest) => Err(CommandError::OtherProtocol),
            None if REFUSED.iter().any(|name| is(name)) => Err(CommandError::NotImplemented),
            None => Err(CommandError::Unrecognised),
        }
    }
}

const KNOWN: [(&str, Verb); 12] = [
    ("MAIL", Verb::Mail),
    ("RCPT", Verb::Rcpt),
    ("DATA", Verb::Data),
    ("BDAT", Verb::Bdat),
    ("EHLO", Verb::Ehlo),
    ("HELO", Verb::Helo),
    ("QUIT", Verb::Quit),
    ("RSET", Verb::Rset),
    ("NOOP", Verb::Noop),
    ("VRFY", Verb::Vrfy),
    ("EXPN", Verb::Expn),
    ("HELP", Verb::Help),
];

/// Commands that exist and that we never implement.
const REFUSED: [&str; 12] = [
    "AUTH", "ETRN", "ATRN", "TURN", "SEND", "SOML", "SAML", "XCLIENT", "XFORWARD", "BURL", "LHLO",
    "XEXCH50",
];

/// Requests of HTTP (RFC 9110 section 9.3) carry a target, which begins with one of a few octets
/// or ends with the version.
const HTTP_METHODS: [&str; 10] = [
    "GET", "POST", "PUT", "HEAD", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "PRI",
];

/// Whether the line opens a conversation of another protocol.
fn is_foreign(word: &[u8], rest: &[u8]) -> bool {
    let is = |name: &&str| word.eq_ignore_ascii_case(name.as_bytes());
    if HTTP_METHODS.iter().any(|name| is(name)) {
        return !rest.is_empty();
    }
    let secure_shell = word.get(..4).is_some_and(|head| head == b"SSH-");
    secure_shell || is(&"PROXY") || word.first().is_some_and(|c| is_binary(*c))
}

/// No command begins with such an octet, but TLS, SSL and PROXY v2 headers do.
pub(crate) const fn is_binary(octet: u8) -> bool {
    octet >= 0x7f || (octet < b' ' && octet != b'\r' && octet != b'\n')
}
