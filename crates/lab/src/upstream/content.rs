//! Message content as it arrives: where it ends, what is kept of it, whether its lines are clean.
//!
//! Written apart from the relay's own decoder on purpose: a mistake that both shared would not
//! be seen.

use aws_lc_rs::digest::{Context, SHA256};
use bytes::{Buf, Bytes, BytesMut};
use memchr::{memchr3_iter, memmem};

use super::settings::{EndOfData, Keep};

/// The longest first header field that is recognised as trace information.
const LONGEST_TRACE: usize = 16 * 1024;

/// Finds the end of DATA (RFC 5321 section 4.5.2).
#[derive(Debug)]
pub(super) struct Decoder {
    mode: EndOfData,
    line: Line,
}

/// Where in a line the next octet stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    Start,
    Dot,
    Inside,
}

/// Whether the content goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// More octets are needed.
    More,
    /// The content has ended; the rest of the input is commands.
    End,
    /// The same, but a line feed that follows at once still belongs to the end.
    EndThenLineFeed,
}

impl Decoder {
    /// As if after a line end, so that a dot alone is an empty message.
    pub(super) fn new(mode: EndOfData) -> Self {
        Self {
            mode,
            line: Line::Start,
        }
    }

    /// Moves content from the input to the collector, up to and without the end of data.
    pub(super) fn decode(&mut self, input: &mut BytesMut, into: &mut Collector) -> Progress {
        match self.mode {
            EndOfData::Strict => self.strict(input, into),
            EndOfData::Lax => self.lax(input, into),
        }
    }

    /// Only CR LF . CR LF. What cannot be told yet stays in the input: at most two octets.
    fn strict(&mut self, input: &mut BytesMut, into: &mut Collector) -> Progress {
        loop {
            if self.line == Line::Start {
                match input.as_ref() {
                    [b'.', b'\r', b'\n', ..] => {
                        input.advance(3);
                        return Progress::End;
                    }
                    [] | [b'.'] | [b'.', b'\r'] => return Progress::More,
                    [b'.', ..] => input.advance(1),
                    [..] => {}
                }
                self.line = Line::Inside;
            }
            if let Some(found) = memmem::find(input, b"\r\n.") {
                into.take(&input.split_to(found.saturating_add(2)));
                self.line = Line::Start;
                continue;
            }
            let undecided = match input.as_ref() {
                [.., b'\r', b'\n'] => {
                    self.line = Line::Start;
                    0
                }
                [.., b'\r'] => 1,
                [..] => 0,
            };
            let decided = input.len().saturating_sub(undecided);
            into.take(&input.split_to(decided));
            return Progress::More;
        }
    }

    /// Every line end that any server was ever seen to take: CR, LF, CR LF, NUL in between.
    fn lax(&mut self, input: &mut BytesMut, into: &mut Collector) -> Progress {
        let mut content = Vec::with_capacity(input.len());
        let mut ended = None;
        for (at, octet) in input.iter().copied().enumerate() {
            match (self.line, octet) {
                (Line::Dot, b'\r' | b'\n') => {
                    ended = Some((at.saturating_add(1), octet));
                    break;
                }
                (Line::Dot, 0) => {}
                (Line::Start, b'.') => self.line = Line::Dot,
                (Line::Start | Line::Inside, 0) => content.push(octet),
                (Line::Start | Line::Inside, b'\r' | b'\n') => {
                    self.line = Line::Start;
                    content.push(octet);
                }
                (Line::Start | Line::Dot | Line::Inside, _) => {
                    self.line = Line::Inside;
                    content.push(octet);
                }
            }
        }
        into.take(&content);
        match ended {
            None => {
                input.clear();
                Progress::More
            }
            Some((length, octet)) => {
                input.advance(length);
                match octet {
                    b'\r' => Progress::EndThenLineFeed,
                    _ => Progress::End,
                }
            }
        }
    }
}

/// What is kept of one message's content.
pub(super) struct Collector {
    keep: Keep,
    limit: u64,
    size: u64,
    whole: Option<Context>,
    trace: Trace,
    head: Head,
    content: BytesMut,
    lines: LineCheck,
}

/// The content's facts, once it has ended.
#[derive(Debug, Default)]
pub(super) struct Collected {
    pub(super) size: u64,
    pub(super) sha256: Option<[u8; 32]>,
    pub(super) sha256_after_trace: Option<[u8; 32]>,
    pub(super) trace: Option<Box<str>>,
    pub(super) message_id: Option<Box<str>>,
    pub(super) content: Option<Bytes>,
    pub(super) stray: Stray,
}

/// Octets that must never leave a relay (RFC 5321 section 2.3.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Stray {
    /// Carriage returns without line feed.
    pub carriage_returns: u64,
    /// Line feeds without carriage return.
    pub line_feeds: u64,
    /// NUL octets.
    pub nuls: u64,
}

impl Stray {
    /// Whether there were none.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

impl Collector {
    /// Beyond the limit, content is only counted.
    pub(super) fn new(keep: Keep, limit: u64) -> Self {
        let (trace, head) = match keep {
            Keep::Counts => (Trace::Ignored, Head::default()),
            Keep::Envelope => (Trace::Ignored, Head::wanted()),
            Keep::Digest | Keep::Content => (Trace::Reading(Vec::new()), Head::wanted()),
        };
        Self {
            keep,
            limit,
            size: 0,
            whole: matches!(keep, Keep::Digest | Keep::Content).then(|| Context::new(&SHA256)),
            trace,
            head,
            content: BytesMut::new(),
            lines: LineCheck::default(),
        }
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    pub(super) fn take(&mut self, octets: &[u8]) {
        self.size = self.size.saturating_add(octets.len() as u64);
        if let Some(whole) = &mut self.whole {
            whole.update(octets);
            self.lines.take(octets);
            self.trace.take(octets);
        }
        self.head.take(octets);
        match self.keep {
            Keep::Content if self.size <= self.limit => self.content.extend_from_slice(octets),
            Keep::Content => self.content = BytesMut::new(),
            Keep::Counts | Keep::Envelope | Keep::Digest => {}
        }
    }

    pub(super) fn finish(mut self) -> Collected {
        self.lines.finish();
        let (trace, after_trace) = self.trace.finish();
        let sha256 = self.whole.map(finished);
        Collected {
            size: self.size,
            sha256,
            sha256_after_trace: after_trace.or(sha256),
            trace,
            message_id: self.head.message_id(),
            content: match self.keep {
                Keep::Content => Some(self.content.freeze()),
                Keep::Counts | Keep::Envelope | Keep::Digest => None,
            },
            stray: self.lines.stray,
        }
    }
}

/// The Received field at the very top, apart from the rest: a relay adds one, so the digest of
/// what follows is what can be compared with what was sent.
enum Trace {
    Ignored,
    Reading(Vec<u8>),
    Found(Box<str>, Context),
    Absent,
}

impl Trace {
    fn take(&mut self, octets: &[u8]) {
        match self {
            Self::Ignored | Self::Absent => {}
            Self::Found(_, rest) => rest.update(octets),
            Self::Reading(head) => {
                head.extend_from_slice(octets);
                if let Some(end) = field_end(head) {
                    *self = Self::split(head, end);
                } else if head.len() > LONGEST_TRACE || !may_be_received(head) {
                    *self = Self::Absent;
                }
            }
        }
    }

    fn finish(self) -> (Option<Box<str>>, Option<[u8; 32]>) {
        match self {
            Self::Ignored | Self::Absent => (None, None),
            Self::Found(trace, rest) => (Some(trace), Some(finished(rest))),
            Self::Reading(head) => match Self::split(&head, head.len()) {
                Self::Found(trace, rest) => (Some(trace), Some(finished(rest))),
                Self::Ignored | Self::Reading(_) | Self::Absent => (None, None),
            },
        }
    }

    fn split(head: &[u8], end: usize) -> Self {
        let (field, rest) = head.split_at_checked(end).unwrap_or((head, &[]));
        if field.len() < RECEIVED.len() || !may_be_received(field) {
            return Self::Absent;
        }
        let mut after = Context::new(&SHA256);
        after.update(rest);
        Self::Found(String::from_utf8_lossy(field).into(), after)
    }
}

/// The header section as far as it is looked through for the Message-ID.
#[derive(Default)]
struct Head {
    wanted: bool,
    text: BytesMut,
}

impl Head {
    fn wanted() -> Self {
        Self {
            wanted: true,
            text: BytesMut::new(),
        }
    }

    fn take(&mut self, octets: &[u8]) {
        if !self.wanted {
            return;
        }
        let seen = self.text.len().saturating_sub(HEAD_END.len());
        let room = LONGEST_HEAD.saturating_sub(self.text.len());
        self.text
            .extend_from_slice(octets.get(..room).unwrap_or(octets));
        let new = self.text.get(seen..).unwrap_or_default();
        self.wanted = self.text.len() < LONGEST_HEAD && memmem::find(new, HEAD_END).is_none();
    }

    /// The first Message-ID field's value; one that is folded has lost its line end only.
    fn message_id(&self) -> Option<Box<str>> {
        let end = memmem::find(&self.text, HEAD_END).unwrap_or(self.text.len());
        let mut rest = self.text.get(..end).unwrap_or_default();
        while !rest.is_empty() {
            let next = field_end(rest).unwrap_or(rest.len());
            let (field, behind) = rest.split_at_checked(next)?;
            let (name, value) = field.split_at_checked(MESSAGE_ID.len()).unwrap_or_default();
            if name.eq_ignore_ascii_case(MESSAGE_ID) {
                let value = String::from_utf8_lossy(value.trim_ascii());
                return Some(value.replace("\r\n", "").into());
            }
            rest = behind;
        }
        None
    }
}

/// What ends a header section (RFC 5322 section 2.1).
const HEAD_END: &[u8] = b"\r\n\r\n";
const MESSAGE_ID: &[u8] = b"message-id:";
/// How far a Message-ID is looked for.
const LONGEST_HEAD: usize = 16 * 1024;

const RECEIVED: &[u8] = b"received:";

/// Whether the first header field is, as far as it is known, a Received field.
fn may_be_received(head: &[u8]) -> bool {
    head.iter()
        .zip(RECEIVED)
        .all(|(octet, expected)| octet.eq_ignore_ascii_case(expected))
}

/// Behind the line end after which no folded line follows (RFC 5322 section 2.2.3).
fn field_end(head: &[u8]) -> Option<usize> {
    memmem::find_iter(head, b"\r\n")
        .map(|at| at.saturating_add(2))
        .find(|end| matches!(head.get(*end), Some(next) if !matches!(next, b' ' | b'\t')))
}

/// Counts what is no CR LF, across the borders of pieces.
#[derive(Debug, Default)]
struct LineCheck {
    after_carriage_return: bool,
    stray: Stray,
}

impl LineCheck {
    fn take(&mut self, octets: &[u8]) {
        let mut carriage_return = self.after_carriage_return.then_some(0);
        for at in memchr3_iter(b'\r', b'\n', 0, octets) {
            let follows = carriage_return == Some(at);
            match octets.get(at) {
                Some(b'\n') if follows => carriage_return = None,
                Some(b'\n') => self.stray.line_feeds += 1,
                Some(b'\r') => {
                    self.stray.carriage_returns += u64::from(carriage_return.is_some());
                    carriage_return = Some(at.saturating_add(1));
                    continue;
                }
                _ => self.stray.nuls += 1,
            }
            if carriage_return.take().is_some() {
                self.stray.carriage_returns += 1;
            }
        }
        // Only a carriage return at the very end may still be followed by its line feed.
        self.after_carriage_return = carriage_return == Some(octets.len());
        if carriage_return.is_some() && !self.after_carriage_return {
            self.stray.carriage_returns += 1;
        }
    }

    fn finish(&mut self) {
        self.stray.carriage_returns += u64::from(self.after_carriage_return);
        self.after_carriage_return = false;
    }
}

fn finished(context: Context) -> [u8; 32] {
    context.finish().as_ref().try_into().unwrap_or([0; 32])
}

#[cfg(test)]
mod tests;
