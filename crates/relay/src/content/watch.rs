//! A header section that has no proper form and no end in sight: what passes is watched line by line.
//!
//! Such a message may be all body, so it is not held back; but a server behind us may read fields where we see none, so
//! protected fields and too many hops refuse it as they would in a section that is held.

use memchr::memchr;

use super::fields::{NAME, is_protected, starts_with_ignoring_case};
use super::header::{Firewall, HeaderFault};

/// Looks at the beginnings of lines until the first empty one.
#[derive(Debug)]
pub(crate) struct HeaderWatch {
    firewall: Firewall,
    /// The beginning of the line that is under way.
    line: Vec<u8>,
    hops: usize,
    most_hops: usize,
    over: bool,
}

impl HeaderWatch {
    /// A watch that goes on in the middle of a line, after so many hops.
    pub(super) fn new(firewall: Firewall, line: &[u8], hops: usize, most_hops: usize) -> Self {
        let line = line
            .get(..line.len().min(NAME))
            .unwrap_or_default()
            .to_vec();
        HeaderWatch {
            firewall,
            line,
            hops,
            most_hops,
            over: false,
        }
    }

    /// Looks at the next piece of the message.
    ///
    /// # Errors
    /// A protected field, or one hop too many.
    pub(crate) fn look(&mut self, mut piece: &[u8]) -> Result<(), HeaderFault> {
        while !self.over && !piece.is_empty() {
            let end = memchr(b'\n', piece).map(|end| end + 1);
            let (line, rest) = piece.split_at(end.unwrap_or(piece.len()));
            let room = NAME.saturating_sub(self.line.len()).min(line.len());
            self.line
                .extend_from_slice(line.get(..room).unwrap_or_default());
            piece = rest;
            if end.is_some() {
                self.judge()?;
                self.line.clear();
            }
        }
        Ok(())
    }

    fn judge(&mut self) -> Result<(), HeaderFault> {
        if self.line == b"\r\n" {
            self.over = true;
            return Ok(());
        }
        if self.firewall != Firewall::Open && is_protected(&self.line) {
            return Err(HeaderFault::Protected);
        }
        if starts_with_ignoring_case(&self.line, b"received:") {
            self.hops += 1;
            if self.hops > self.most_hops {
                return Err(HeaderFault::TooManyHops);
            }
        }
        Ok(())
    }
}
