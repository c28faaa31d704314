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
        if let Ok(short) = <[u8; 4]>::try_from(word)
            && let Some(verb) = Self::of_four(short)
        {
            return Ok(verb);
        }
        let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
        if is("STARTTLS") {
            Ok(Self::StartTls)
        } else if is_foreign(word, rest) {
            Err(CommandError::OtherProtocol)
        } else if REFUSED.into_iter().any(is) {
            Err(CommandError::NotImplemented)
        } else {
            Err(CommandError::Unrecognised)
        }
    }

    fn of_four(word: [u8; 4]) -> Option<Self> {
        Some(match &word.map(|octet| octet.to_ascii_uppercase()) {
            b"MAIL" => Self::Mail,
            b"RCPT" => Self::Rcpt,
            b"DATA" => Self::Data,
            b"BDAT" => Self::Bdat,
            b"EHLO" => Self::Ehlo,
            b"HELO" => Self::Helo,
            b"QUIT" => Self::Quit,
            b"RSET" => Self::Rset,
            b"NOOP" => Self::Noop,
            b"VRFY" => Self::Vrfy,
            b"EXPN" => Self::Expn,
            b"HELP" => Self::Help,
            _ => return None,
        })
    }
}

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
    let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
    if HTTP_METHODS.into_iter().any(is) {
        return !rest.is_empty();
    }
    let secure_shell = word.get(..4).is_some_and(|head| head == b"SSH-");
    secure_shell || is("PROXY") || word.first().is_some_and(|c| is_binary(*c))
}

/// No command begins with such an octet, but TLS, SSL and PROXY v2 headers do.
pub(crate) const fn is_binary(octet: u8) -> bool {
    octet >= 0x7f || (octet < b' ' && octet != b'\r' && octet != b'\n')
}
