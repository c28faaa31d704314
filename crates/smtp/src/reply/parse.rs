//! Reads the replies of an upstream, strictly where the stream could get out of step and kindly
//! where only the text is odd.
//!
//! Lines end with CRLF and nothing else; all lines of a reply carry one code; lines and their
//! number are bounded. Control octets and 8-bit text become `?`. Any violation is an error after
//! which the connection must not be used again.

use std::borrow::Cow;

use bytes::{Buf, BytesMut};
use memchr::memchr;
use thiserror::Error;

use super::{EnhancedCode, MAX_LINES, Reply};

/// Why an upstream's reply is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ReplyError {
    /// CR without LF, LF without CR, or NUL.
    #[error("upstream reply has a bare CR, a bare LF or a NUL")]
    BareOctet,
    /// The line does not begin with a reply code and a separator.
    #[error("upstream reply line does not begin with a reply code")]
    Code,
    /// A further line carries another code.
    #[error("upstream reply changes its code between lines")]
    CodeChanged,
    /// More than 4,096 octets in a line.
    #[error("upstream reply line is longer than 4096 octets")]
    LineTooLong,
    /// More than 128 lines.
    #[error("upstream reply has more than 128 lines")]
    TooManyLines,
}

/// Takes replies out of a buffer, whatever the pieces in which they arrive.
#[derive(Debug, Default)]
pub struct ReplyParser {
    /// Octets of an incomplete line that hold no LF.
    scanned: usize,
    unfinished: Option<Unfinished>,
}

/// The lines so far of a reply of several lines.
#[derive(Debug)]
struct Unfinished {
    code: u16,
    enhanced: Option<EnhancedCode>,
    lines: usize,
    text: String,
}

struct Line<'a> {
    code: u16,
    last: bool,
    text: &'a [u8],
}

/// Takes one reply off a buffer that holds all of it; else the buffer stays as it is. For a
/// stream, [`ReplyParser`] does not look twice at what it has seen.
///
/// # Errors
/// As [`ReplyParser::next`].
pub fn parse_reply(input: &mut BytesMut) -> Result<Option<Reply>, ReplyError> {
    let mut rest = input.clone();
    let reply = ReplyParser::new().next(&mut rest)?;
    if reply.is_some() {
        input.advance(input.len() - rest.len());
    }
    Ok(reply)
}

impl ReplyParser {
    /// A parser at the beginning of a reply.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            scanned: 0,
            unfinished: None,
        }
    }

    /// The next complete reply, or `None` if it needs more octets.
    ///
    /// # Errors
    /// The stream is not a sequence of replies (RFC 5321 section 4.2.1) and cannot be trusted.
    pub fn next(&mut self, input: &mut BytesMut) -> Result<Option<Reply>, ReplyError> {
        while let Some(length) = self.line_length(input)? {
            let octets = input.get(..length.saturating_sub(2)).unwrap_or_default();
            let reply = self.line(&Line::parse(octets)?)?;
            input.advance(length);
            self.scanned = 0;
            if reply.is_some() {
                return Ok(reply);
            }
        }
        Ok(None)
    }

    /// Length of the first line with its CRLF.
    fn line_length(&mut self, input: &[u8]) -> Result<Option<usize>, ReplyError> {
        let window = input.get(..MAX_LINE).unwrap_or(input);
        let fresh = window.get(self.scanned..).unwrap_or_default();
        let Some(found) = memchr(b'\n', fresh) else {
            self.scanned = window.len();
            return if window.len() == MAX_LINE {
                Err(ReplyError::LineTooLong)
            } else {
                Ok(None)
            };
        };
        let end = self.scanned + found;
        match window.get(..end) {
            Some([.., b'\r']) => Ok(Some(end + 1)),
            Some(_) | None => Err(ReplyError::BareOctet),
        }
    }

    fn line(&mut self, line: &Line<'_>) -> Result<Option<Reply>, ReplyError> {
        let Some(mut open) = self.unfinished.take() else {
            let (enhanced, text) = split_enhanced(line.code, line.text);
            let text = sanitised(text);
            if line.last {
                return Ok(Some(Reply {
                    code: line.code,
                    enhanced,
                    text: Cow::Owned(text),
                }));
            }
            self.unfinished = Some(Unfinished {
                code: line.code,
                enhanced,
                lines: 1,
                text,
            });
            return Ok(None);
        };
        open.add(line)?;
        if line.last {
            return Ok(Some(Reply {
                code: open.code,
                enhanced: open.enhanced,
                text: Cow::Owned(open.text),
            }));
        }
        self.unfinished = Some(open);
        Ok(None)
    }
}

impl Unfinished {
    fn add(&mut self, line: &Line<'_>) -> Result<(), ReplyError> {
        if line.code != self.code {
            return Err(ReplyError::CodeChanged);
        }
        if self.lines == MAX_LINES {
            return Err(ReplyError::TooManyLines);
        }
        self.lines += 1;
        // The code repeats on every line (RFC 2034 section 4); only the same one is a repetition.
        let (enhanced, rest) = split_enhanced(line.code, line.text);
        let text = if enhanced.is_some() && enhanced == self.enhanced {
            rest
        } else {
            line.text
        };
        if self.text.len() < MAX_TEXT {
            self.text.push('\n');
            push_sanitised(text, &mut self.text);
        }
        Ok(())
    }
}

impl<'a> Line<'a> {
    /// Takes a line without its CRLF apart (RFC 5321 section 4.2).
    fn parse(line: &'a [u8]) -> Result<Self, ReplyError> {
        if memchr::memchr2(b'\r', 0, line).is_some() {
            return Err(ReplyError::BareOctet);
        }
        let [a @ b'2'..=b'5', b @ b'0'..=b'5', c @ b'0'..=b'9', rest @ ..] = line else {
            return Err(ReplyError::Code);
        };
        let digit = |octet: u8| u16::from(octet - b'0');
        let code = digit(*a) * 100 + digit(*b) * 10 + digit(*c);
        let (last, text) = match rest {
            [] => (true, rest),
            [b' ', text @ ..] => (true, text),
            [b'-', text @ ..] => (false, text),
            [_, ..] => return Err(ReplyError::Code),
        };
        Ok(Self { code, last, text })
    }
}

/// Octets of an upstream's reply line that we accept, with its CRLF: RFC 5321 says 512, servers
/// with long texts exist.
const MAX_LINE: usize = 4096;

/// Octets of text kept of a reply of many lines; the lines after that are still checked.
const MAX_TEXT: usize = 32 * 1024;

fn split_enhanced(code: u16, text: &[u8]) -> (Option<EnhancedCode>, &[u8]) {
    match enhanced(code, text) {
        Some((enhanced, rest)) => (Some(enhanced), rest),
        None => (None, text),
    }
}

/// An enhanced code at the start of a text counts only if its class fits the code.
fn enhanced(code: u16, text: &[u8]) -> Option<(EnhancedCode, &[u8])> {
    let (class, rest) = number(text)?;
    let (subject, rest) = number(rest.strip_prefix(b".")?)?;
    let (detail, rest) = number(rest.strip_prefix(b".")?)?;
    let rest = match rest {
        [] => rest,
        [b' ', rest @ ..] => rest,
        [_, ..] => return None,
    };
    if class != code / 100 || class == 3 {
        return None;
    }
    let class = u8::try_from(class).ok()?;
    Some((EnhancedCode::new(class, subject, detail), rest))
}

/// One to three digits.
fn number(text: &[u8]) -> Option<(u16, &[u8])> {
    let digits = text.iter().take_while(|c| c.is_ascii_digit()).count();
    if digits == 0 || digits > 3 {
        return None;
    }
    let (head, rest) = text.split_at_checked(digits)?;
    let value = head
        .iter()
        .fold(0, |value, digit| value * 10 + u16::from(digit - b'0'));
    Some((value, rest))
}

fn sanitised(text: &[u8]) -> String {
    let mut out = String::with_capacity(text.len());
    push_sanitised(text, &mut out);
    out
}

fn push_sanitised(text: &[u8], out: &mut String) {
    match std::str::from_utf8(text) {
        Ok(text) if super::is_printable(text.as_bytes()) => out.push_str(text),
        Ok(_) | Err(_) => out.extend(text.iter().map(|octet| match octet {
            b' '..=b'~' => char::from(*octet),
            _ => '?',
        })),
    }
}
