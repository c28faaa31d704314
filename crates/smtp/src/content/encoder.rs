//! DATA on the way out (RFC 5321 section 4.5.2).
//!
//! It asserts for itself that no bare CR, bare LF or NUL leaves, whatever was checked on the way
//! in: a pass-through relay is where smuggling has happened twice.

use bytes::{BufMut, BytesMut};
use memchr::memchr3;
use thiserror::Error;

/// Turns content into what follows 354.
#[derive(Clone, Debug)]
pub struct DataEncoder {
    last: Last,
}

/// Why content cannot be sent; the connection must be dropped without a final dot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum EncodeError {
    /// A CR that no LF follows.
    #[error("content to send has a bare CR")]
    BareCr,
    /// An LF that follows no CR.
    #[error("content to send has a bare LF")]
    BareLf,
    /// A NUL.
    #[error("content to send has a NUL")]
    Nul,
}

/// The end of what was encoded so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Last {
    Line,
    Cr,
    Other,
}

impl DataEncoder {
    /// An encoder at the beginning of a message.
    #[must_use]
    pub const fn new() -> Self {
        Self { last: Last::Line }
    }

    /// Appends the next piece of content, with dots stuffed.
    ///
    /// # Errors
    /// The piece would put a bare CR, a bare LF or a NUL on the wire; `out` holds nothing of it
    /// from the offending octet on.
    pub fn encode(&mut self, content: &[u8], out: &mut BytesMut) -> Result<(), EncodeError> {
        out.reserve(content.len() + 1);
        let mut rest = content;
        while let Some(&first) = rest.first() {
            match (self.last, first) {
                (Last::Cr, b'\n') => {
                    out.put_u8(b'\n');
                    self.last = Last::Line;
                    rest = rest.get(1..).unwrap_or_default();
                    continue;
                }
                (Last::Cr, _) => return Err(EncodeError::BareCr),
                (Last::Line, b'.') => out.put_u8(b'.'),
                (Last::Line | Last::Other, _) => {}
            }
            let (taken, last) = lines(rest)?;
            let (run, after) = rest.split_at_checked(taken).unwrap_or((rest, &[]));
            out.put_slice(run);
            self.last = last;
            rest = after;
        }
        Ok(())
    }

    /// Appends the end of the message, and a CRLF before it if the content does not end with one.
    ///
    /// # Errors
    /// The content ended with a bare CR.
    pub fn finish(self, out: &mut BytesMut) -> Result<(), EncodeError> {
        match self.last {
            Last::Line => out.put_slice(b".\r\n"),
            Last::Other => out.put_slice(b"\r\n.\r\n"),
            Last::Cr => return Err(EncodeError::BareCr),
        }
        Ok(())
    }
}

impl Default for DataEncoder {
    fn default() -> Self {
        Self::new()
    }
}

/// How many octets can be copied as they are: whole lines up to one that begins with a dot, or up
/// to the end of the piece; and what they end with.
fn lines(octets: &[u8]) -> Result<(usize, Last), EncodeError> {
    let mut at = 0;
    loop {
        let tail = octets.get(at..).unwrap_or_default();
        let Some(found) = memchr3(b'\r', b'\n', 0, tail) else {
            let last = if tail.is_empty() {
                Last::Line
            } else {
                Last::Other
            };
            return Ok((octets.len(), last));
        };
        match tail.get(found..) {
            Some([b'\r', b'\n', b'.', ..]) => return Ok((at + found + 2, Last::Line)),
            Some([b'\r', b'\n', ..]) => at += found + 2,
            Some([b'\r']) => return Ok((octets.len(), Last::Cr)),
            Some([b'\r', ..]) => return Err(EncodeError::BareCr),
            Some([b'\n', ..]) => return Err(EncodeError::BareLf),
            Some(_) | None => return Err(EncodeError::Nul),
        }
    }
}
