//! DATA on the way in (RFC 5321 section 4.5.2).
//!
//! Only CR LF "." CR LF ends a message; the beginning counts as after CR LF. A bare CR, a bare LF
//! or a NUL is a fault: from there on nothing is passed on, but the octets are followed to the
//! true end, so that none of them is ever taken for a command.

use bytes::{Buf, BytesMut};

use super::scan::{Dots, clean_length, plain_length};
use super::{ContentFault, ContentLimits};

/// Turns the octets after 354 into the message's content.
#[derive(Clone, Debug)]
pub struct DataDecoder {
    limits: ContentLimits,
    place: Place,
    octets: u64,
    /// Octets of the current line, without dot stuffing and CR.
    line: usize,
    fault: Option<ContentFault>,
    /// The last CR, other than that behind a dot, came directly behind another.
    doubled_cr: bool,
}

/// Whether the message has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decoded {
    /// All of the input was used.
    More,
    /// The input was used up to and with the final dot's CRLF.
    End,
}

/// What stands directly in front of the next octet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    LineStart,
    InLine,
    AfterCr,
    /// A dot that began a line.
    AfterDot,
    /// A dot that began a line, and CR.
    AfterDotCr,
}

/// What an octet is.
enum Octet {
    Content,
    /// A dot that stuffs, or belongs to the end.
    Framing,
    End,
}

impl DataDecoder {
    /// A decoder at the beginning of a message.
    #[must_use]
    pub const fn new(limits: ContentLimits) -> Self {
        Self {
            limits,
            place: Place::LineStart,
            octets: 0,
            line: 0,
            fault: None,
            doubled_cr: false,
        }
    }

    /// Moves content from `input` to `out`, up to the end of the message at most.
    pub fn decode(&mut self, input: &mut BytesMut, out: &mut BytesMut) -> Decoded {
        let (used, decoded) = self.run(input, out);
        input.advance(used);
        decoded
    }

    /// The first fault, or that the end is in doubt; nothing was appended since.
    #[must_use]
    pub const fn fault(&self) -> Option<ContentFault> {
        self.fault
    }

    /// Octets of content so far.
    #[must_use]
    pub const fn octets(&self) -> u64 {
        self.octets
    }

    fn run(&mut self, input: &[u8], out: &mut BytesMut) -> (usize, Decoded) {
        let mut at = 0;
        // Content between `start` and `at` is in order and not yet copied.
        let mut start = 0;
        let mut next_blocks = 1;
        while self.fault.is_none() {
            if at >= next_blocks {
                at += self.skip_clean(input, at);
                next_blocks = at + CLOSE_LOOK;
            }
            at += self.skip_plain(input, at);
            let Some(&octet) = input.get(at) else {
                append(input, start, at, out);
                return (at, Decoded::More);
            };
            match self.octet(octet) {
                Ok(Octet::Content) => {}
                Ok(Octet::Framing) => {
                    append(input, start, at, out);
                    start = at + 1;
                }
                Ok(Octet::End) => return (at + 1, Decoded::End),
                Err(fault) => {
                    append(input, start, at, out);
                    self.fault = Some(fault);
                    self.follow(octet);
                }
            }
            at += 1;
        }
        self.run_to_end(input, at)
    }

    /// The rest of a faulty message: nothing is taken but its end.
    fn run_to_end(&mut self, input: &[u8], from: usize) -> (usize, Decoded) {
        let rest = input.get(from..).unwrap_or_default();
        match rest.iter().position(|octet| self.follow(*octet)) {
            Some(end) => {
                if self.doubled_cr {
                    self.fault = Some(ContentFault::DoubtfulEnd);
                }
                (from + end + 1, Decoded::End)
            }
            None => (input.len(), Decoded::More),
        }
    }

    /// Takes whole blocks at once where neither a limit nor an octet can be a fault, nor a dot
    /// begin a line.
    fn skip_clean(&mut self, input: &[u8], at: usize) -> usize {
        let plain = match self.place {
            Place::LineStart | Place::InLine | Place::AfterCr => true,
            Place::AfterDot | Place::AfterDotCr => false,
        };
        if !plain {
            return 0;
        }
        let limit = input.len().min(at.saturating_add(self.room()));
        let window = input.get(..limit).unwrap_or(input);
        let length = clean_length(window, at, Dots::Matter);
        let block = input.get(at..at + length).unwrap_or_default();
        let Some(last) = block.last() else {
            return 0;
        };
        self.octets += length as u64;
        let tail = memchr::memrchr(b'\n', block).map(|lf| length - lf - 1);
        self.line = tail.unwrap_or(self.line + length) - usize::from(*last == b'\r');
        self.place = match last {
            b'\n' => Place::LineStart,
            b'\r' => Place::AfterCr,
            _ => Place::InLine,
        };
        length
    }

    /// Takes the octets up to the next CR, LF or NUL at once, within a line.
    fn skip_plain(&mut self, input: &[u8], at: usize) -> usize {
        if self.place != Place::InLine {
            return 0;
        }
        let rest = input.get(at..).unwrap_or_default();
        let length = plain_length(rest.get(..self.room()).unwrap_or(rest));
        self.octets += length as u64;
        self.line += length;
        length
    }

    /// Octets that cannot exceed a limit, whatever they are.
    fn room(&self) -> usize {
        let total = self.limits.max_octets.saturating_sub(self.octets);
        let line = self.limits.max_line.saturating_sub(self.line);
        usize::try_from(total).unwrap_or(usize::MAX).min(line)
    }

    fn octet(&mut self, octet: u8) -> Result<Octet, ContentFault> {
        let next = match (self.place, octet) {
            (_, 0) => return Err(ContentFault::Nul),
            (Place::AfterDotCr, b'\n') => return Ok(Octet::End),
            (Place::AfterCr, b'\n') => Place::LineStart,
            (Place::AfterCr | Place::AfterDotCr, _) => return Err(ContentFault::BareCr),
            (_, b'\n') => return Err(ContentFault::BareLf),
            (Place::LineStart, b'.') => {
                self.place = Place::AfterDot;
                return Ok(Octet::Framing);
            }
            (Place::AfterDot, b'\r') => {
                self.place = Place::AfterDotCr;
                return Ok(Octet::Framing);
            }
            (_, b'\r') => Place::AfterCr,
            (Place::LineStart | Place::InLine | Place::AfterDot, _) => Place::InLine,
        };
        if next == Place::InLine && self.line >= self.limits.max_line {
            return Err(ContentFault::LineTooLong);
        }
        if self.octets >= self.limits.max_octets {
            return Err(ContentFault::TooBig);
        }
        self.octets += 1;
        match next {
            Place::InLine => self.line += 1,
            Place::LineStart => self.line = 0,
            Place::AfterCr | Place::AfterDot | Place::AfterDotCr => {}
        }
        self.place = next;
        Ok(Octet::Content)
    }

    /// Looks for the true end and nothing else; tells whether this octet is its last.
    const fn follow(&mut self, octet: u8) -> bool {
        self.place = match (self.place, octet) {
            (Place::AfterDotCr, b'\n') => return true,
            (Place::AfterDot, b'\r') => Place::AfterDotCr,
            (place, b'\r') => {
                self.doubled_cr = matches!(place, Place::AfterCr | Place::AfterDotCr);
                Place::AfterCr
            }
            (Place::AfterCr, b'\n') => Place::LineStart,
            (Place::LineStart, b'.') => Place::AfterDot,
            (_, _) => Place::InLine,
        };
        false
    }
}

/// Octets looked at closely, once a block was not clean, before the next try at whole blocks.
const CLOSE_LOOK: usize = 512;

fn append(input: &[u8], start: usize, end: usize, out: &mut BytesMut) {
    if let Some(content) = input.get(start..end) {
        out.extend_from_slice(content);
    }
}
