//! A message as it comes: counted and hashed, its header section looked at, and written to a
//! maildir if there is one. Never whole in memory.

use std::io;
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use bytes::BytesMut;
use memchr::memchr;
use tokio::time::Instant;

use crate::journal::Draft;

/// A message that is arriving.
pub(super) struct Message {
    digest: Context,
    size: u64,
    header: Header,
    began: Instant,
    /// Content that is decoded and not yet taken.
    pub(super) piece: BytesMut,
    draft: Option<Draft>,
    /// The maildir cannot be written.
    failed: bool,
}

/// A message that has arrived.
pub(super) struct Arrived {
    pub(super) size: u64,
    pub(super) sha256: [u8; 32],
    pub(super) header: Header,
    pub(super) took: Duration,
    /// All of it was read, and none of it left out for a fault of its own.
    pub(super) complete: bool,
    pub(super) draft: Option<Draft>,
    pub(super) failed: bool,
}

/// The header section, up to a bound: what lies beyond is content like any other.
#[derive(Debug, Default)]
pub(super) struct Header {
    octets: Vec<u8>,
    complete: bool,
}

impl Message {
    pub(super) fn new(draft: io::Result<Option<Draft>>) -> Self {
        let failed = draft.is_err();
        if let Err(error) = &draft {
            tracing::error!(%error, "cannot write a message");
        }
        Self {
            digest: Context::new(&SHA256),
            size: 0,
            header: Header::default(),
            began: Instant::now(),
            piece: BytesMut::new(),
            draft: draft.ok().flatten(),
            failed,
        }
    }

    /// Takes the piece that was decoded.
    pub(super) async fn take(&mut self) {
        if self.piece.is_empty() {
            return;
        }
        self.size += self.piece.len() as u64;
        self.digest.update(&self.piece);
        self.header.add(&self.piece);
        if let Some(draft) = &mut self.draft
            && let Err(error) = draft.write(&self.piece).await
        {
            tracing::error!(%error, "cannot write a message");
            self.failed = true;
            self.draft = None;
        }
        self.piece.clear();
    }

    /// The message has ended; whether all of it was taken is the protocol machine's to say.
    pub(super) fn finish(self, complete: bool) -> Arrived {
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(self.digest.finish().as_ref());
        Arrived {
            size: self.size,
            sha256,
            header: self.header,
            took: self.began.elapsed(),
            complete,
            draft: self.draft,
            failed: self.failed,
        }
    }
}

impl Header {
    fn add(&mut self, piece: &[u8]) {
        if self.complete {
            return;
        }
        let room = MOST_HEADER - self.octets.len();
        // The end may stand across two pieces.
        let from = self.octets.len().saturating_sub(3);
        self.octets
            .extend_from_slice(piece.get(..room).unwrap_or(piece));
        let fresh = self.octets.get(from..).unwrap_or_default();
        let end = memchr::memmem::find(fresh, b"\r\n\r\n").map(|at| from + at + 2);
        // A message may begin with the empty line.
        let end = match self.octets.starts_with(b"\r\n") {
            true => Some(0),
            false => end,
        };
        if let Some(end) = end {
            self.octets.truncate(end);
            self.complete = true;
        }
        if self.octets.len() >= MOST_HEADER {
            self.complete = true;
        }
    }

    /// How many servers the message has passed.
    pub(super) fn hops(&self) -> usize {
        self.fields()
            .filter(|(name, _)| name.eq_ignore_ascii_case(b"Received"))
            .count()
    }

    /// `Message-ID` with its brackets, if it is one line of a sane length.
    pub(super) fn message_id(&self) -> Option<String> {
        let value = self.value(b"Message-ID")?;
        let id: String = value.chars().take(MOST_ID).collect();
        (!id.is_empty()).then_some(id)
    }

    /// `From`, unfolded.
    pub(super) fn from(&self) -> Option<String> {
        self.value(b"From")
    }

    /// The first field of a name, unfolded.
    fn value(&self, wanted: &[u8]) -> Option<String> {
        let mut fields = self.fields();
        let (_, value) = fields.find(|(name, _)| name.eq_ignore_ascii_case(wanted))?;
        let value = String::from_utf8_lossy(value);
        let lines = value.split(['\r', '\n']).map(str::trim);
        let lines: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
        Some(lines.join(" "))
    }

    /// Names and values, folded as they are.
    fn fields(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let mut rest = self.octets.as_slice();
        std::iter::from_fn(move || {
            while !rest.is_empty() {
                let (field, after) = rest.split_at_checked(field_length(rest))?;
                rest = after;
                if let Some(colon) = memchr(b':', field)
                    && let (Some(name), Some(value)) = (field.get(..colon), field.get(colon + 1..))
                {
                    return Some((name.trim_ascii_end(), value));
                }
            }
            None
        })
    }
}

/// Octets up to the first line that no space or tab continues.
fn field_length(octets: &[u8]) -> usize {
    let mut at = 0;
    loop {
        let line = octets.get(at..).unwrap_or_default();
        let Some(end) = memchr(b'\n', line) else {
            return octets.len();
        };
        at += end + 1;
        if !matches!(octets.get(at), Some(b' ' | b'\t')) {
            return at;
        }
    }
}

/// Octets of a header section that are looked at.
const MOST_HEADER: usize = 256 * 1024;
/// Characters of a Message-ID (RFC 5322 section 2.1.1: a line).
const MOST_ID: usize = 998;

#[cfg(test)]
mod tests {
    use super::*;

    fn header(text: &str, at_once: usize) -> Header {
        let mut header = Header::default();
        for piece in text.as_bytes().chunks(at_once) {
            header.add(piece);
        }
        header
    }

    #[test]
    fn the_header_section_is_the_same_however_it_is_cut() {
        let text = "Received: a\r\n by b\r\nrECEIVED : c\r\nX-Received: no\r\nMessage-ID:\r\n \
                    <1@a.example>\r\nFrom: A\r\n <a@a.example>\r\n\r\nReceived: body\r\n\r\n";
        for at_once in 1..text.len() {
            let header = header(text, at_once);
            assert_eq!(header.hops(), 2, "{at_once}");
            assert_eq!(header.message_id().as_deref(), Some("<1@a.example>"));
            assert_eq!(header.from().as_deref(), Some("A <a@a.example>"));
        }
    }

    #[test]
    fn a_message_without_header_section_has_no_fields() {
        for text in ["", "\r\nReceived: a\r\n", "no colon\r\n", ": empty\r\n"] {
            for at_once in 1..=text.len().max(1) {
                let header = header(text, at_once);
                assert_eq!((header.hops(), header.message_id()), (0, None), "{text:?}");
            }
        }
    }

    #[test]
    fn an_endless_header_section_is_looked_at_up_to_a_bound() {
        let header = header(&"Received: a\r\n".repeat(MOST_HEADER), 4096);
        assert_eq!(header.octets.len(), MOST_HEADER);
        assert!(header.hops() <= MOST_HEADER);
    }
}
