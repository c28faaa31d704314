//! What a session knows of one message, from MAIL to the answer after its end.

use bytes::BytesMut;

use crate::command::Command;
use crate::content::{
    ContentCheck, ContentFault, ContentLimits, ContentMode, DataDecoder, Decoded,
};
use crate::parameter::Body;
use crate::reply::Severity;

/// The facts of an open transaction; a new value is a forgotten one.
#[derive(Debug)]
pub(super) struct Transaction {
    pub(super) accepted: u32,
    /// RCPT commands of any outcome.
    pub(super) asked: u32,
    pub(super) mail: MailFacts,
    decoder: DataDecoder,
    check: ContentCheck,
    chunks: u32,
    pub(super) chunk: Chunk,
}

/// What MAIL said that matters to the protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct MailFacts {
    pub(super) smtputf8: bool,
    pub(super) body: Body,
}

/// What was handed out and waits for its answer, recipients apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    Greeting { extended: bool },
    Mail(MailFacts),
    Data,
    Message,
    Chunk { last: bool },
    Reset,
    StartTls,
    Quit,
    Other,
}

/// The chunk that is being received.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Chunk {
    pub(super) remaining: u64,
    pub(super) last: bool,
    /// The answer, if it was given before the chunk's end.
    pub(super) early: Option<Outcome>,
}

/// What an answer to a message or chunk means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Accepted,
    Refused,
}

impl Transaction {
    pub(super) fn new(limits: ContentLimits) -> Self {
        Self {
            accepted: 0,
            asked: 0,
            mail: MailFacts::default(),
            decoder: DataDecoder::new(limits),
            check: ContentCheck::new(limits, ContentMode::Text),
            chunks: 0,
            chunk: Chunk::default(),
        }
    }

    pub(super) fn open(&mut self, limits: ContentLimits, mail: MailFacts) {
        *self = Self::new(limits);
        self.mail = mail;
        let mode = match mail.body {
            Body::SevenBit | Body::EightBitMime => ContentMode::Text,
            Body::BinaryMime => ContentMode::Binary,
        };
        self.check = ContentCheck::new(limits, mode);
    }

    pub(super) const fn recipient_asked(&mut self) {
        self.asked = self.asked.saturating_add(1);
    }

    /// Counts an accepted recipient, and says whether it was one.
    pub(super) fn recipient_answered(&mut self, severity: Severity) -> bool {
        let accepted = severity == Severity::Positive;
        self.accepted = self.accepted.saturating_add(u32::from(accepted));
        accepted
    }

    pub(super) fn begin_chunk(&mut self, size: u64, last: bool, limit: u32) {
        self.chunks = self.chunks.saturating_add(1);
        if self.chunks > limit {
            self.check.fail(ContentFault::TooManyChunks);
        }
        self.chunk = Chunk {
            remaining: size,
            last,
            early: None,
        };
    }

    pub(super) const fn fault(&self) -> Option<ContentFault> {
        match self.decoder.fault() {
            Some(fault) => Some(fault),
            None => self.check.fault(),
        }
    }

    pub(super) const fn octets(&self) -> u64 {
        self.decoder.octets() + self.check.octets()
    }

    pub(super) fn decode(&mut self, input: &mut BytesMut, out: &mut BytesMut) -> Decoded {
        self.decoder.decode(input, out)
    }

    /// A piece of the current chunk: what is in order goes to `out`.
    pub(super) fn chunk_octets(&mut self, piece: &[u8], out: &mut BytesMut) {
        let accepted = self.check.accept(piece);
        out.extend_from_slice(piece.get(..accepted).unwrap_or(piece));
    }

    /// The last chunk has ended.
    pub(super) fn finish_chunks(&mut self) {
        // The fault stays with the check, where `fault` finds it.
        let _ = self.check.finish();
    }
}

impl Due {
    /// What becomes due with a command; recipients are counted instead.
    pub(super) fn with(command: &Command) -> Option<Self> {
        Some(match command {
            Command::Rcpt(_) => return None,
            Command::Ehlo(_) => Self::Greeting { extended: true },
            Command::Helo(_) => Self::Greeting { extended: false },
            Command::Mail(mail) => Self::Mail(MailFacts {
                smtputf8: mail.parameters.smtputf8(),
                body: mail.parameters.body().unwrap_or_default(),
            }),
            Command::Data => Self::Data,
            Command::Bdat { last, .. } => Self::Chunk { last: *last },
            Command::Rset => Self::Reset,
            Command::StartTls => Self::StartTls,
            Command::Quit => Self::Quit,
            Command::Noop | Command::Vrfy | Command::Expn | Command::Help => Self::Other,
        })
    }
}

impl From<Severity> for Outcome {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Positive => Self::Accepted,
            Severity::Intermediate | Severity::Transient | Severity::Permanent => Self::Refused,
        }
    }
}
