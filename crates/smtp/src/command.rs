//! Commands (RFC 5321 section 4.1): one line in, one command or one refusal out.
//!
//! The parser is strict because what it lets through is spoken again to an upstream. It keeps
//! paths and parameters as written. It never decides whether a command may come now; that is
//! [`ServerSession`](crate::ServerSession)'s part.

mod error;
mod verb;

use crate::address::{ForwardPath, ReversePath, Utf8};
use crate::extension::Offer;
use crate::parameter::{For, Parameters};

pub use error::CommandError;
pub(crate) use verb::{Verb, is_binary};

/// A well-formed command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// EHLO with the client's name.
    Ehlo(ClientName),
    /// HELO with the client's name.
    Helo(ClientName),
    /// MAIL FROM.
    Mail(Mail),
    /// RCPT TO.
    Rcpt(Rcpt),
    /// DATA.
    Data,
    /// BDAT (RFC 3030).
    Bdat {
        /// Octets that follow the line.
        size: u64,
        /// Whether the message ends with them.
        last: bool,
    },
    /// RSET.
    Rset,
    /// NOOP.
    Noop,
    /// QUIT.
    Quit,
    /// STARTTLS (RFC 3207).
    StartTls,
    /// VRFY.
    Vrfy,
    /// EXPN.
    Expn,
    /// HELP.
    Help,
}

/// What a client calls itself: printable ASCII without spaces, believed by nobody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientName(Box<str>);

/// MAIL FROM with everything it said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// Who gets notifications.
    pub path: ReversePath,
    /// Its parameters.
    pub parameters: Parameters,
}

/// RCPT TO with everything it said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rcpt {
    /// Who gets the message.
    pub path: ForwardPath,
    /// Its parameters.
    pub parameters: Parameters,
}

impl Command {
    /// Parses a line without its CRLF, as a session with this offer may send it.
    ///
    /// # Errors
    /// What is wrong with the line, first thing first.
    pub fn parse(line: &[u8], offer: &Offer) -> Result<Self, CommandError> {
        let line = without_trailing_spaces(line);
        let end = memchr::memchr(b' ', line).unwrap_or(line.len());
        let (word, rest) = line.split_at_checked(end).unwrap_or_default();
        let verb = match Verb::parse(word, rest) {
            Err(CommandError::Unrecognised) if !word.is_ascii() => {
                return Err(CommandError::Octets);
            }
            parsed => parsed?,
        };
        let argument = match text(rest, verb) {
            // Where the chunk ends is open then, so nothing behind it can be read.
            Err(_octets) if verb == Verb::Bdat => return Err(CommandError::ChunkSyntax),
            argument => argument?,
        };
        match verb {
            Verb::Ehlo => ClientName::parse(argument).map(Self::Ehlo),
            Verb::Helo => ClientName::parse(argument).map(Self::Helo),
            Verb::Mail => Mail::parse(argument, offer).map(Self::Mail),
            Verb::Rcpt => Rcpt::parse(argument, offer).map(Self::Rcpt),
            Verb::Bdat => bdat(argument),
            Verb::Data => bare(argument, Self::Data),
            Verb::Rset => bare(argument, Self::Rset),
            Verb::Quit => bare(argument, Self::Quit),
            Verb::StartTls => bare(argument, Self::StartTls),
            Verb::Noop => Ok(Self::Noop),
            Verb::Help => Ok(Self::Help),
            Verb::Vrfy => required(argument, Self::Vrfy),
            Verb::Expn => required(argument, Self::Expn),
        }
    }

    /// The verb in capital letters.
    #[must_use]
    pub const fn verb(&self) -> &'static str {
        match self {
            Self::Ehlo(_) => "EHLO",
            Self::Helo(_) => "HELO",
            Self::Mail(_) => "MAIL",
            Self::Rcpt(_) => "RCPT",
            Self::Data => "DATA",
            Self::Bdat { .. } => "BDAT",
            Self::Rset => "RSET",
            Self::Noop => "NOOP",
            Self::Quit => "QUIT",
            Self::StartTls => "STARTTLS",
            Self::Vrfy => "VRFY",
            Self::Expn => "EXPN",
            Self::Help => "HELP",
        }
    }
}

impl ClientName {
    /// The name as given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is an address literal.
    #[must_use]
    pub fn is_literal(&self) -> bool {
        self.0.starts_with('[')
    }

    /// Hosts call themselves odd things; only what could not be repeated safely is refused.
    fn parse(name: &str) -> Result<Self, CommandError> {
        if name.is_empty() {
            return Err(CommandError::ArgumentMissing);
        }
        if name.len() > MAX_CLIENT_NAME || !name.bytes().all(|c| c.is_ascii_graphic()) {
            return Err(CommandError::Argument);
        }
        Ok(Self(name.into()))
    }
}

impl Mail {
    fn parse(argument: &str, offer: &Offer) -> Result<Self, CommandError> {
        let (path, rest) = split_path(argument, "FROM:")?;
        let parameters =
            Parameters::parse(rest, For::Mail, offer).map_err(CommandError::Parameter)?;
        let utf8 = match parameters.smtputf8() {
            true => Utf8::Allowed,
            false => Utf8::Refused,
        };
        if utf8 == Utf8::Refused && !rest.is_ascii() {
            return Err(CommandError::Octets);
        }
        let path = ReversePath::parse(path, utf8).map_err(CommandError::Sender)?;
        Ok(Self { path, parameters })
    }
}

impl Rcpt {
    /// Whether this transaction has SMTPUTF8 is not known here; the session looks at that.
    fn parse(argument: &str, offer: &Offer) -> Result<Self, CommandError> {
        let (path, rest) = split_path(argument, "TO:")?;
        let parameters =
            Parameters::parse(rest, For::Rcpt, offer).map_err(CommandError::Parameter)?;
        let utf8 = match offer.smtputf8 {
            true => Utf8::Allowed,
            false => Utf8::Refused,
        };
        let path = ForwardPath::parse(path, utf8).map_err(CommandError::Recipient)?;
        Ok(Self { path, parameters })
    }

    /// Whether it may come in a transaction without SMTPUTF8.
    pub(crate) fn is_ascii(&self) -> bool {
        let ascii = self
            .parameters
            .iter()
            .all(|p| p.value.is_none_or(str::is_ascii));
        ascii && self.path.as_str().is_ascii()
    }
}

/// RFC 5321 section 4.5.3.1.2.
const MAX_CLIENT_NAME: usize = 255;

fn without_trailing_spaces(mut line: &[u8]) -> &[u8] {
    while let [rest @ .., b' '] = line {
        line = rest;
    }
    line
}

/// The argument as text without control characters, and without the spaces in front. Only paths
/// and their parameters may go beyond ASCII (RFC 6531 section 3.7.4 is not offered).
fn text(octets: &[u8], verb: Verb) -> Result<&str, CommandError> {
    let text = std::str::from_utf8(octets).map_err(|_| CommandError::Octets)?;
    let utf8 = matches!(verb, Verb::Mail | Verb::Rcpt);
    if text.bytes().any(|c| c.is_ascii_control()) || !(utf8 || text.is_ascii()) {
        return Err(CommandError::Octets);
    }
    Ok(text.trim_start_matches(' '))
}

fn bare(argument: &str, command: Command) -> Result<Command, CommandError> {
    if argument.is_empty() {
        Ok(command)
    } else {
        Err(CommandError::ArgumentUnexpected)
    }
}

fn required(argument: &str, command: Command) -> Result<Command, CommandError> {
    if argument.is_empty() {
        Err(CommandError::ArgumentMissing)
    } else {
        Ok(command)
    }
}

/// `size [SP "LAST"]` (RFC 3030 section 2).
fn bdat(argument: &str) -> Result<Command, CommandError> {
    let (size, marker) = match argument.split_once(' ') {
        Some((size, marker)) => (size, Some(marker.trim_start_matches(' '))),
        None => (argument, None),
    };
    if size.is_empty() || !size.bytes().all(|c| c.is_ascii_digit()) {
        return Err(CommandError::ChunkSyntax);
    }
    let last = match marker {
        None => false,
        Some(word) if word.eq_ignore_ascii_case("LAST") => true,
        Some(_) => return Err(CommandError::ChunkSyntax),
    };
    let size = size.parse().map_err(|_| CommandError::ChunkSize)?;
    Ok(Command::Bdat { size, last })
}

/// `FROM:<path> parameters` gives path and parameters; spaces after the colon are tolerated.
fn split_path<'a>(argument: &'a str, keyword: &str) -> Result<(&'a str, &'a str), CommandError> {
    if argument.is_empty() {
        return Err(CommandError::ArgumentMissing);
    }
    let (_, rest) = argument
        .split_at_checked(keyword.len())
        .filter(|(word, _)| word.eq_ignore_ascii_case(keyword))
        .ok_or(CommandError::Argument)?;
    let rest = rest.trim_start_matches(' ');
    let path = rest.strip_prefix('<').ok_or(CommandError::Argument)?;
    let end = path_end(path).ok_or(CommandError::Argument)?;
    let (path, rest) = path.split_at_checked(end).unwrap_or_default();
    let rest = rest.strip_prefix('>').unwrap_or(rest);
    if !rest.is_empty() && !rest.starts_with(' ') {
        return Err(CommandError::Argument);
    }
    Ok((path, rest))
}

/// Where the closing bracket stands; one inside quotes does not close.
fn path_end(path: &str) -> Option<usize> {
    let mut quoted = false;
    let mut octets = path.bytes().enumerate();
    while let Some((index, octet)) = octets.next() {
        match octet {
            b'"' => quoted = !quoted,
            b'\\' if quoted => {
                octets.next();
            }
            b'>' if !quoted => return Some(index),
            _ => {}
        }
    }
    None
}
