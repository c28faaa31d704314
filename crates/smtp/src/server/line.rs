//! Finds command lines (RFC 5321 section 2.3.8): they end with CRLF and nothing else.
//!
//! A line that is too long or has a bare LF is refused and followed to its CRLF, so that no part
//! of it is taken for a command of its own.

use bytes::{Buf, BytesMut};
use memchr::memchr;

use super::ServerLimits;
use super::texts;
use crate::command::is_binary;
use crate::reply::Reply;

/// The place in the stream of commands.
#[derive(Debug, Default)]
pub(super) struct LineReader {
    /// Octets at the front of the input without LF.
    scanned: usize,
    swallowing: Option<Swallowing>,
}

/// A refused line that has not ended.
#[derive(Clone, Copy, Debug)]
struct Swallowing {
    /// Octets of the line that are gone.
    octets: usize,
    after_cr: bool,
    why: Why,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    TooLong,
    /// It has been answered when the LF came.
    BareLf,
}

/// What is at the front of the input; nothing was taken yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Less than a line.
    Incomplete,
    /// A line of so many octets with its CRLF.
    Line(usize),
    /// A line with a bare LF at its end so far.
    BareLf(usize),
    /// A line over the limit.
    TooLong,
    /// The rest of a refused line.
    Rest,
    /// Octets of another protocol.
    Binary,
}

/// What became of something that is not a line.
#[derive(Debug)]
pub(super) enum Taken {
    /// It needs more octets.
    Nothing,
    /// It was dropped, and answered before.
    Rest,
    /// It was dropped.
    Refused(Reply),
    /// The connection must be closed.
    Fatal(Reply),
}

impl Found {
    /// Whether a line begins here that cannot be read as one.
    pub(super) const fn is_faulty(&self) -> bool {
        matches!(self, Self::BareLf(_) | Self::TooLong)
    }
}

impl LineReader {
    pub(super) fn find(&mut self, input: &[u8], limits: &ServerLimits) -> Found {
        if self.swallowing.is_some() {
            return Found::Rest;
        }
        let Some(first) = input.first() else {
            return Found::Incomplete;
        };
        if is_binary(*first) {
            return Found::Binary;
        }
        let limit = limit(input, limits);
        let window = input.get(..limit).unwrap_or(input);
        let fresh = window.get(self.scanned..).unwrap_or_default();
        let Some(found) = memchr(b'\n', fresh) else {
            self.scanned = window.len();
            return if window.len() == limit {
                Found::TooLong
            } else {
                Found::Incomplete
            };
        };
        let end = self.scanned + found;
        match window.get(..end) {
            Some([.., b'\r']) => Found::Line(end + 1),
            Some(_) | None => Found::BareLf(end + 1),
        }
    }

    /// Takes what is not a line off the input.
    pub(super) fn take(
        &mut self,
        found: Found,
        input: &mut BytesMut,
        limits: &ServerLimits,
    ) -> Taken {
        match found {
            Found::Incomplete | Found::Line(_) => Taken::Nothing,
            Found::Binary => {
                input.clear();
                Taken::Fatal(texts::NOT_SMTP)
            }
            Found::BareLf(length) => {
                input.advance(length);
                self.scanned = 0;
                self.swallowing = Some(Swallowing {
                    octets: length,
                    after_cr: false,
                    why: Why::BareLf,
                });
                Taken::Refused(texts::BARE_LF)
            }
            Found::TooLong => {
                self.scanned = 0;
                self.swallowing = Some(Swallowing {
                    octets: 0,
                    after_cr: false,
                    why: Why::TooLong,
                });
                self.swallow(input, limits)
            }
            Found::Rest => self.swallow(input, limits),
        }
    }

    /// The line that was found has been taken off the input.
    pub(super) const fn consumed(&mut self) {
        self.scanned = 0;
    }

    fn swallow(&mut self, input: &mut BytesMut, limits: &ServerLimits) -> Taken {
        let Some(line) = self.swallowing.as_mut() else {
            return Taken::Nothing;
        };
        while !input.is_empty() {
            let room = limits.swallow.saturating_sub(line.octets);
            let window = input.get(..room).unwrap_or(input);
            let (length, ended) = match memchr(b'\n', window) {
                Some(0) => (1, line.after_cr),
                Some(at) => (at + 1, window.get(at - 1) == Some(&b'\r')),
                None if window.len() < input.len() => {
                    input.clear();
                    return Taken::Fatal(texts::LINE_ENDLESS);
                }
                None => (window.len(), false),
            };
            line.after_cr = window
                .get(..length)
                .is_some_and(|part| part.ends_with(b"\r"));
            line.octets += length;
            input.advance(length);
            if ended {
                let why = line.why;
                self.swallowing = None;
                return match why {
                    Why::TooLong => Taken::Refused(texts::LINE_TOO_LONG),
                    Why::BareLf => Taken::Rest,
                };
            }
        }
        Taken::Nothing
    }
}

/// The limit depends on the command.
fn limit(input: &[u8], limits: &ServerLimits) -> usize {
    let long = input.get(..4).is_some_and(|verb| {
        [b"MAIL", b"RCPT"]
            .iter()
            .any(|v| verb.eq_ignore_ascii_case(*v))
    });
    if long {
        limits.mail_line
    } else {
        limits.command_line
    }
}
