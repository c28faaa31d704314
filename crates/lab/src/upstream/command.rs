//! Command lines as a server of the other side reads them: leniently, and apart from our own
//! parser on purpose.

use bytes::{Buf, BytesMut};
use memchr::{memchr2, memmem};

use super::settings::EndOfData;

/// The longest command line that is waited for.
pub(super) const LONGEST_LINE: usize = 64 * 1024;

/// The verb of a command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Ehlo,
    Helo,
    Mail,
    Rcpt,
    Data,
    Bdat,
    Rset,
    Noop,
    Quit,
    Starttls,
    Vrfy,
    Unknown,
}

impl Verb {
    /// The verb and its argument.
    pub(super) fn split(line: &[u8]) -> (Self, &[u8]) {
        let end = line.iter().position(|octet| *octet == b' ');
        let (word, argument) = line.split_at(end.unwrap_or(line.len()));
        let found = VERBS
            .iter()
            .find(|(name, _)| word.eq_ignore_ascii_case(name));
        let verb = found.map_or(Self::Unknown, |(_, verb)| *verb);
        (verb, argument.trim_ascii())
    }
}

/// The most frequent first.
const VERBS: &[(&[u8], Verb)] = &[
    (b"RCPT", Verb::Rcpt),
    (b"MAIL", Verb::Mail),
    (b"DATA", Verb::Data),
    (b"BDAT", Verb::Bdat),
    (b"RSET", Verb::Rset),
    (b"EHLO", Verb::Ehlo),
    (b"HELO", Verb::Helo),
    (b"STARTTLS", Verb::Starttls),
    (b"QUIT", Verb::Quit),
    (b"NOOP", Verb::Noop),
    (b"VRFY", Verb::Vrfy),
];

/// Takes one line without its end from the input, or nothing when there is no whole one.
pub(super) fn next_line(input: &mut BytesMut, mode: EndOfData) -> Option<BytesMut> {
    let (end, length) = match mode {
        EndOfData::Strict => (memmem::find(input, b"\r\n")?, 2),
        EndOfData::Lax => {
            let end = memchr2(b'\r', b'\n', input)?;
            let rest = input.get(end..).unwrap_or_default();
            (end, if rest.starts_with(b"\r\n") { 2 } else { 1 })
        }
    };
    let line = input.split_to(end);
    input.advance(length);
    Some(line)
}

/// The size and LAST of a BDAT argument (RFC 3030 section 2).
pub(super) fn chunk(argument: &[u8]) -> Option<(u64, bool)> {
    let mut words = std::str::from_utf8(argument).ok()?.split_ascii_whitespace();
    let size = words.next()?.parse().ok()?;
    let last = match words.next() {
        None => false,
        Some(word) if word.eq_ignore_ascii_case("LAST") => true,
        Some(_) => return None,
    };
    words.next().is_none().then_some((size, last))
}
