//! The rules for content whatever its framing (RFC 5321 section 2.3.8, RFC 3030 section 3).

use super::scan::{Dots, clean_length, plain_length};
use super::{ContentFault, ContentLimits};

/// Whether content consists of lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ContentMode {
    /// Lines that end with CRLF, without bare CR, bare LF and NUL.
    #[default]
    Text,
    /// BODY=BINARYMIME: only the size counts.
    Binary,
}

/// Checks content that arrives by BDAT, across all chunks of a message.
#[derive(Clone, Debug)]
pub struct ContentCheck {
    limits: ContentLimits,
    mode: ContentMode,
    octets: u64,
    /// Octets of the current line, without a CR at its end.
    line: usize,
    after_cr: bool,
    fault: Option<ContentFault>,
}

impl ContentCheck {
    /// A check at the beginning of a message.
    #[must_use]
    pub const fn new(limits: ContentLimits, mode: ContentMode) -> Self {
        Self {
            limits,
            mode,
            octets: 0,
            line: 0,
            after_cr: false,
            fault: None,
        }
    }

    /// Looks at the next piece and tells how many octets of it, from its beginning, are in order;
    /// fewer than all means that there is a fault now. After a fault nothing is in order.
    pub fn accept(&mut self, piece: &[u8]) -> usize {
        if self.fault.is_some() {
            return 0;
        }
        match self.mode {
            ContentMode::Text => self.accept_text(piece),
            ContentMode::Binary => self.accept_binary(piece),
        }
    }

    /// Looks at the next piece, all of it or nothing.
    ///
    /// # Errors
    /// The first fault of the message.
    pub fn check(&mut self, piece: &[u8]) -> Result<(), ContentFault> {
        self.accept(piece);
        self.fault.map_or(Ok(()), Err)
    }

    /// The end of the message: a CR at the very end has no LF any more.
    ///
    /// # Errors
    /// The first fault of the message.
    pub fn finish(&mut self) -> Result<(), ContentFault> {
        if self.after_cr {
            self.fail(ContentFault::BareCr);
        }
        self.fault.map_or(Ok(()), Err)
    }

    /// The first fault.
    #[must_use]
    pub const fn fault(&self) -> Option<ContentFault> {
        self.fault
    }

    /// Octets in order so far.
    #[must_use]
    pub const fn octets(&self) -> u64 {
        self.octets
    }

    /// Declares the message faulty for a reason outside its octets.
    pub(crate) fn fail(&mut self, fault: ContentFault) {
        self.fault = self.fault.or(Some(fault));
    }

    fn accept_binary(&mut self, piece: &[u8]) -> usize {
        let room = self.limits.max_octets.saturating_sub(self.octets);
        let taken = piece.len().min(usize::try_from(room).unwrap_or(usize::MAX));
        self.octets += taken as u64;
        if taken < piece.len() {
            self.fault = Some(ContentFault::TooBig);
        }
        taken
    }

    fn accept_text(&mut self, piece: &[u8]) -> usize {
        let mut at = 0;
        let mut next_blocks = 1;
        loop {
            if at >= next_blocks {
                at += self.skip_clean(piece, at);
                next_blocks = at + CLOSE_LOOK;
            }
            at += self.skip_plain(piece, at);
            let Some(&octet) = piece.get(at) else {
                return at;
            };
            if let Err(fault) = self.octet(octet) {
                self.fault = Some(fault);
                return at;
            }
            at += 1;
        }
    }

    /// Takes whole blocks at once where neither a limit nor an octet can be a fault.
    fn skip_clean(&mut self, piece: &[u8], at: usize) -> usize {
        let limit = piece.len().min(at.saturating_add(self.room()));
        let window = piece.get(..limit).unwrap_or(piece);
        let length = clean_length(window, at, Dots::Ignored);
        let Some([.., last]) = piece.get(at..at + length) else {
            return 0;
        };
        let block = piece.get(at..at + length).unwrap_or_default();
        self.octets += length as u64;
        self.after_cr = *last == b'\r';
        let tail = memchr::memrchr(b'\n', block).map(|lf| length - lf - 1);
        self.line = tail.unwrap_or(self.line + length) - usize::from(self.after_cr);
        length
    }

    /// Takes the octets up to the next CR, LF or NUL at once.
    fn skip_plain(&mut self, piece: &[u8], at: usize) -> usize {
        if self.after_cr {
            return 0;
        }
        let rest = piece.get(at..).unwrap_or_default();
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

    fn octet(&mut self, octet: u8) -> Result<(), ContentFault> {
        match octet {
            0 => return Err(ContentFault::Nul),
            b'\n' if !self.after_cr => return Err(ContentFault::BareLf),
            b'\n' => {}
            _ if self.after_cr => return Err(ContentFault::BareCr),
            b'\r' => {}
            _ if self.line >= self.limits.max_line => return Err(ContentFault::LineTooLong),
            _ => {}
        }
        if self.octets >= self.limits.max_octets {
            return Err(ContentFault::TooBig);
        }
        self.octets += 1;
        self.after_cr = octet == b'\r';
        self.line = match octet {
            b'\n' => 0,
            b'\r' => self.line,
            _ => self.line + 1,
        };
        Ok(())
    }
}

impl Default for ContentCheck {
    /// Text without limits, to assert what is about to be sent.
    fn default() -> Self {
        let limits = ContentLimits {
            max_octets: u64::MAX,
            max_line: usize::MAX,
        };
        Self::new(limits, ContentMode::Text)
    }
}

/// Octets looked at closely, once a block was not clean, before the next try at whole blocks.
const CLOSE_LOOK: usize = 512;
