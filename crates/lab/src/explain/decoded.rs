//! Input as UTF-8, whatever PowerShell made of it: `>` and `Out-File` of Windows PowerShell write
//! UTF-16, and `-Encoding utf8` a byte order mark.

use std::io::{self, Read};

/// An input whose first octets tell its encoding: with a mark of UTF-16 it is decoded, one of
/// UTF-8 is left out, and without any it passes as it is.
#[derive(Debug)]
pub(super) struct Decoded<R> {
    input: R,
    encoding: Encoding,
    /// Octets that were read and not yet decoded: a mark, half of a character.
    pending: Vec<u8>,
    /// What was decoded and not yet asked for.
    ready: Vec<u8>,
    given: usize,
}

#[derive(Debug, Clone, Copy)]
enum Encoding {
    Unknown,
    Plain,
    Utf16(fn([u8; 2]) -> u16),
}

const PIECE: usize = 32 << 10;

impl<R: Read> Decoded<R> {
    pub(super) fn new(input: R) -> Self {
        Self {
            input,
            encoding: Encoding::Unknown,
            pending: Vec::new(),
            ready: Vec::new(),
            given: 0,
        }
    }

    /// Reads no further than it must: who asks one question waits for its answer.
    fn tell(&mut self) -> io::Result<()> {
        loop {
            let encoding = match *self.pending {
                [] | [0xFF | 0xFE | 0xEF] | [0xEF, 0xBB] => None,
                [0xFF, 0xFE, ..] => Some((Encoding::Utf16(u16::from_le_bytes), 2)),
                [0xFE, 0xFF, ..] => Some((Encoding::Utf16(u16::from_be_bytes), 2)),
                [0xEF, 0xBB, 0xBF, ..] => Some((Encoding::Plain, 3)),
                _ => Some((Encoding::Plain, 0)),
            };
            if let Some((encoding, mark)) = encoding {
                self.encoding = encoding;
                self.pending.drain(..mark);
                break;
            }
            let mut octet = [0];
            if self.input.read(&mut octet)? == 0 {
                self.encoding = Encoding::Plain;
                break;
            }
            self.pending.extend(octet);
        }
        if let Encoding::Plain = self.encoding {
            self.ready = std::mem::take(&mut self.pending);
        }
        Ok(())
    }

    /// Decodes the next piece; what is no text becomes U+FFFD, which no name has.
    fn decode(&mut self, unit: fn([u8; 2]) -> u16) -> io::Result<()> {
        self.ready.clear();
        self.given = 0;
        let mut piece = [0; PIECE];
        while self.ready.is_empty() {
            let read = self.input.read(&mut piece)?;
            self.pending.extend(piece.iter().take(read));
            let whole = if read == 0 {
                self.pending.len()
            } else {
                whole(&self.pending, unit)
            };
            let rest = self.pending.split_off(whole);
            let (pairs, odd) = self.pending.as_chunks::<2>();
            let units = pairs.iter().map(|pair| unit(*pair));
            let odd = odd.iter().map(|_half| char::REPLACEMENT_CHARACTER);
            let text: String = char::decode_utf16(units)
                .map(|decoded| decoded.unwrap_or(char::REPLACEMENT_CHARACTER))
                .chain(odd)
                .collect();
            self.ready = text.into_bytes();
            self.pending = rest;
            if read == 0 {
                break;
            }
        }
        Ok(())
    }
}

/// How many octets hold whole characters: neither half a unit nor half of a surrogate pair is one.
fn whole(octets: &[u8], unit: fn([u8; 2]) -> u16) -> usize {
    let (pairs, odd) = octets.as_chunks::<2>();
    let last = pairs.last().map(|pair| unit(*pair));
    let half = last.is_some_and(|unit| (0xD800..0xDC00).contains(&unit));
    octets.len() - odd.len() - if half { 2 } else { 0 }
}

impl<R: Read> Read for Decoded<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if let Encoding::Unknown = self.encoding {
            self.tell()?;
        }
        if self.given == self.ready.len() {
            match self.encoding {
                Encoding::Utf16(unit) => self.decode(unit)?,
                Encoding::Unknown | Encoding::Plain => return self.input.read(into),
            }
        }
        let mut rest = self.ready.get(self.given..).unwrap_or_default();
        let read = rest.read(into)?;
        self.given += read;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test ends by panicking")]

    use super::*;

    /// Gives one octet a time.
    struct Slow<'a>(&'a [u8]);

    impl Read for Slow<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let some = into.len().min(1);
            self.0.read(into.get_mut(..some).unwrap())
        }
    }

    fn decoded(octets: &[u8]) -> Vec<u8> {
        let (mut whole, mut slow) = (Vec::new(), Vec::new());
        Decoded::new(octets).read_to_end(&mut whole).unwrap();
        Decoded::new(Slow(octets)).read_to_end(&mut slow).unwrap();
        assert_eq!(whole, slow);
        whole
    }

    #[test]
    fn text_is_the_same_in_every_encoding_with_a_mark() {
        let text = "{\"id\":\"\u{fc}\u{1f4e7}\"}\r\n".repeat(5_000);
        let little = text.encode_utf16().flat_map(u16::to_le_bytes);
        let big = text.encode_utf16().flat_map(u16::to_be_bytes);
        for octets in [
            text.clone().into_bytes(),
            [&b"\xEF\xBB\xBF"[..], text.as_bytes()].concat(),
            [0xFF, 0xFE].into_iter().chain(little).collect(),
            [0xFE, 0xFF].into_iter().chain(big).collect(),
        ] {
            assert_eq!(decoded(&octets), text.as_bytes());
        }
    }

    #[test]
    fn what_is_no_mark_passes_as_it_is() {
        for octets in [
            &b""[..],
            b"\n",
            b"\xEF",
            b"\xEF\xBB",
            b"\xEF\xBBx",
            b"\xFF",
            b"\xFEx",
        ] {
            assert_eq!(decoded(octets), octets);
        }
        assert_eq!(decoded(b"\xFF\xFE"), b"");
    }

    #[test]
    fn what_is_no_character_is_marked_as_such() {
        assert_eq!(
            decoded(b"\xFF\xFEa\0\x3D\xD8b\0c"),
            "a\u{FFFD}b\u{FFFD}".as_bytes()
        );
        assert_eq!(decoded(b"\xFF\xFE\x3D\xD8"), "\u{FFFD}".as_bytes());
    }
}
