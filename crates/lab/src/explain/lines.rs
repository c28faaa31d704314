//! Input line by line, with a bound.

use std::io::{self, BufRead, BufReader, Read};

use super::decoded::Decoded;

/// The lines of an input.
#[derive(Debug)]
pub(crate) struct Lines<R: Read> {
    input: BufReader<Decoded<R>>,
    line: Vec<u8>,
    number: u64,
}

/// One line.
#[derive(Debug)]
pub(crate) enum Line<'l> {
    /// Without its end.
    Whole(&'l [u8]),
    /// It is longer than [`LONGEST`], and was passed over.
    TooLong,
}

/// Enough for a certificate with the most names and a message with the most recipients.
pub(crate) const LONGEST: usize = 16 << 20;

/// What is kept from one line to the next.
const KEPT: usize = 1 << 20;

impl<R: Read> Lines<R> {
    pub(crate) fn new(input: R) -> Self {
        Self {
            input: BufReader::with_capacity(256 << 10, Decoded::new(input)),
            line: Vec::new(),
            number: 0,
        }
    }

    /// The number of the last line, from 1.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Whether the next line may have to be waited for.
    pub(crate) fn is_drained(&self) -> bool {
        self.input.buffer().is_empty()
    }

    /// The next line; nothing at the end.
    pub(crate) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        self.line.clear();
        self.line.shrink_to(KEPT);
        let Some(fitted) = self.read()? else {
            return Ok(None);
        };
        self.number += 1;
        Ok(Some(if fitted {
            Line::Whole(&self.line)
        } else {
            Line::TooLong
        }))
    }

    /// Fills the line; says whether all of it fitted, nothing at the end of the input.
    fn read(&mut self) -> io::Result<Option<bool>> {
        let (mut read, mut fitted) = (0, true);
        loop {
            let buffer = match self.input.fill_buf() {
                Ok(buffer) => buffer,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if buffer.is_empty() {
                return Ok((read > 0).then_some(fitted));
            }
            let end = memchr::memchr(b'\n', buffer);
            let piece = buffer
                .get(..end.unwrap_or(buffer.len()))
                .unwrap_or_default();
            fitted &= self.line.len() + piece.len() <= LONGEST;
            if fitted {
                self.line.extend_from_slice(piece);
            }
            let used = piece.len() + usize::from(end.is_some());
            read += used;
            self.input.consume(used);
            if end.is_some() {
                return Ok(Some(fitted));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test ends by panicking")]

    use super::*;

    #[test]
    fn a_line_that_is_too_long_is_passed_over_and_the_next_one_read() {
        let mut input = vec![b'x'; LONGEST];
        input.extend_from_slice(b"\nshort\n\n");
        input.resize(input.len() + LONGEST + 1, b'y');
        input.extend_from_slice(b"\nlast");
        let mut lines = Lines::new(input.as_slice());
        assert!(matches!(lines.next().unwrap(), Some(Line::Whole(line)) if line.len() == LONGEST));
        assert!(matches!(lines.next().unwrap(), Some(Line::Whole(b"short"))));
        assert!(matches!(lines.next().unwrap(), Some(Line::Whole(b""))));
        assert!(matches!(lines.next().unwrap(), Some(Line::TooLong)));
        assert_eq!(lines.number(), 4);
        assert!(matches!(lines.next().unwrap(), Some(Line::Whole(b"last"))));
        assert!(lines.next().unwrap().is_none());
    }
}
