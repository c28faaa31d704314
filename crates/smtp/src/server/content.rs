//! The octets between commands: content that is wanted, and chunks that are not.

use bytes::{Buf, BytesMut};

use super::admission::ErrorKind;
use super::transaction::{Due, Outcome};
use super::{ServerEvent, ServerSession, State};
use crate::content::Decoded;
use crate::reply::Reply;

/// How far the content has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// It needs more octets.
    More,
    /// A BDAT chunk is complete; its answer is due.
    ChunkEnd {
        /// Whether the message is complete with it.
        last: bool,
    },
    /// The final dot has come; the message's answer is due.
    MessageEnd,
}

/// A chunk that nobody wants: its octets are consumed, then it is refused (RFC 3030 section 2).
#[derive(Debug)]
pub(super) struct Skip {
    pub(super) remaining: u64,
    pub(super) last: bool,
    pub(super) reply: Reply,
    pub(super) kind: ErrorKind,
}

impl ServerSession {
    /// Moves content from `input` to `out`; call it while [`Self::in_content`].
    pub fn content(&mut self, input: &mut BytesMut, out: &mut BytesMut) -> Content {
        match self.state {
            State::Data => match self.transaction.decode(input, out) {
                Decoded::More => Content::More,
                Decoded::End => {
                    self.due = Some(Due::Message);
                    self.enter(State::DataEnd);
                    Content::MessageEnd
                }
            },
            State::Chunk => self.chunk_content(input, out),
            State::Connected
            | State::Greeted
            | State::Mail
            | State::DataEnd
            | State::ChunkEnd
            | State::Chunked
            | State::StartTls
            | State::Closed => Content::More,
        }
    }

    fn chunk_content(&mut self, input: &mut BytesMut, out: &mut BytesMut) -> Content {
        let remaining = self.transaction.chunk.remaining;
        let length = clamp(remaining, input.len());
        let piece = input.get(..length).unwrap_or_default();
        self.transaction.chunk_octets(piece, out);
        input.advance(length);
        self.transaction.chunk.remaining = remaining - length as u64;
        if self.transaction.chunk.remaining > 0 {
            return Content::More;
        }
        let last = self.transaction.chunk.last;
        if last {
            self.transaction.finish_chunks();
        }
        let early = self.transaction.chunk.early;
        self.enter(State::ChunkEnd);
        if let Some(outcome) = early {
            self.chunk_answered(last, outcome);
        }
        Content::ChunkEnd { last }
    }

    /// A refused chunk ends the transaction; so does the last one, whatever its answer.
    pub(super) fn chunk_answered(&mut self, last: bool, outcome: Outcome) {
        if self.state == State::Chunk {
            // The answer came before the chunk's end: its octets are still to be consumed.
            self.transaction.chunk.early = Some(outcome);
            return;
        }
        match (last, outcome) {
            (true, outcome) => self.message_answered(outcome),
            (false, Outcome::Accepted) => self.enter(State::Chunked),
            (false, Outcome::Refused) => {
                self.enter(State::Greeted);
                self.excuses.refused();
                self.trailing_chunks = 1;
            }
        }
    }

    /// Consumes a refused chunk and then refuses it.
    pub(super) fn skip_chunk(&mut self, input: &mut BytesMut) -> Option<ServerEvent> {
        let skip = self.skip.as_mut()?;
        let length = clamp(skip.remaining, input.len());
        input.advance(length);
        skip.remaining -= length as u64;
        if skip.remaining > 0 {
            return None;
        }
        let skip = self.skip.take()?;
        self.enter(self.state.without_transaction());
        self.trailing_chunks = match skip.last {
            true => 0,
            false => self.trailing_chunks.saturating_add(1),
        };
        Some(self.refuse(skip.reply, skip.kind))
    }
}

fn clamp(remaining: u64, available: usize) -> usize {
    usize::try_from(remaining)
        .unwrap_or(usize::MAX)
        .min(available)
}
