//! The content on its way out: as BDAT chunks or as dot-stuffed lines, with bounded memory.
//!
//! Nothing here trusts that the content was checked on its way in: the encoders refuse a bare CR, a bare LF and a NUL
//! once more. The end of data is written only by [`Exchange::finish`]; every other way out closes the connection without one.

use bytes::{Buf as _, BytesMut};
use tenantry_net::Deadline;
use tenantry_smtp::{
    Body, ContentCheck, ContentLimits, ContentMode, DataEncoder, Offer, Reply, Sent, Severity,
};

use super::connection::{Connection, broken};
use super::error::{Stage, Unsupported, UpstreamError};
use super::exchange::{ContentState, Exchange};

/// How the content goes out, and how much of it did.
#[derive(Debug)]
pub(crate) struct Outgoing {
    framing: Framing,
    /// Octets of content so far, with our trace field.
    octets: u64,
    /// Octets that the upstream takes.
    upstream_limit: u64,
    /// Octets that the tenant may send, without our trace field.
    tenant_limit: u64,
    trace: u64,
    eight_bit: EightBit,
    large: Large,
}

/// How a message goes out that is not whole when the first of it has to leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Large {
    /// As it began.
    AsBegun,
    /// By DATA: between 354 and the end of data an upstream has nothing to say, so that a reply which nobody asked for
    /// cannot pass for the answer to the message, and no chunk waits for an answer.
    Lines,
}

#[derive(Debug)]
enum Framing {
    /// DATA.
    Lines(DataEncoder),
    /// BDAT, with the rules of text or of binary content checked on what goes out.
    Chunks(ContentCheck),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum EightBit {
    Allowed,
    Refused,
}

impl Outgoing {
    /// BDAT (RFC 3030).
    pub(super) fn chunks(offer: &Offer, body: Option<Body>, limit: u64, large: Large) -> Self {
        let mode = match body {
            Some(Body::BinaryMime) => ContentMode::Binary,
            Some(Body::SevenBit | Body::EightBitMime) | None => ContentMode::Text,
        };
        // Sizes and lines were measured on the way in; here it is about what could forge an end of data.
        let limits = ContentLimits {
            max_octets: u64::MAX,
            max_line: usize::MAX,
        };
        let mut outgoing = Self::new(
            Framing::Chunks(ContentCheck::new(limits, mode)),
            offer,
            limit,
        );
        outgoing.large = large;
        if mode == ContentMode::Binary {
            // BINARYMIME takes every octet, with 8BITMIME or without (RFC 3030 section 3).
            outgoing.eight_bit = EightBit::Allowed;
        }
        outgoing
    }

    /// DATA (RFC 5321 section 4.5.2).
    pub(super) fn lines(offer: &Offer, limit: u64) -> Self {
        Self::new(Framing::Lines(DataEncoder::new()), offer, limit)
    }

    fn new(framing: Framing, offer: &Offer, limit: u64) -> Self {
        let eight_bit = if offer.eight_bit_mime {
            EightBit::Allowed
        } else {
            EightBit::Refused
        };
        let announced = offer.size.filter(|&size| size > 0);
        Outgoing {
            framing,
            octets: 0,
            upstream_limit: announced.unwrap_or(u64::MAX),
            tenant_limit: limit,
            trace: 0,
            eight_bit,
            large: Large::AsBegun,
        }
    }

    /// Tells how long the trace field is that stands in front of the client's content.
    pub(crate) fn traced(&mut self, octets: usize) {
        self.trace = octets as u64;
    }

    fn admit(&mut self, content: &[u8]) -> Result<(), UpstreamError> {
        self.octets += content.len() as u64;
        let client = self.octets.saturating_sub(self.trace);
        if self.octets > self.upstream_limit || client > self.tenant_limit {
            return Err(UpstreamError::Unsupported(Unsupported::Size));
        }
        if self.eight_bit == EightBit::Refused && !content.is_ascii() {
            return Err(UpstreamError::Unsupported(Unsupported::EightBitMime));
        }
        Ok(())
    }
}

impl Exchange {
    /// Sends content, all of it taken from the buffer, and takes in what the upstream says to it.
    ///
    /// # Errors
    /// The transaction failed; the upstream never sees an end of data.
    pub(crate) async fn send(
        &mut self,
        outgoing: &mut Outgoing,
        content: &mut BytesMut,
    ) -> Result<(), UpstreamError> {
        let result = self.send_piece(outgoing, content).await;
        if let Err(error) = &result {
            content.clear();
            self.fail(error.clone());
        }
        result
    }

    async fn send_piece(
        &mut self,
        outgoing: &mut Outgoing,
        content: &mut BytesMut,
    ) -> Result<(), UpstreamError> {
        let within = self.timeouts.upstream_block;
        if outgoing.large == Large::Lines {
            self.ask_for_data().await?;
            outgoing.framing = Framing::Lines(DataEncoder::new());
            outgoing.large = Large::AsBegun;
        }
        self.content = ContentState::Begun;
        let Some(lease) = &mut self.lease else {
            return Err(UpstreamError::Closed(Stage::Content));
        };
        let connection = lease.connection();
        outgoing.admit(content)?;
        match &mut outgoing.framing {
            Framing::Lines(encoder) => {
                encoder
                    .encode(content, &mut connection.channel.output)
                    .map_err(|_fault| not_clean())?;
            }
            Framing::Chunks(check) => {
                if check.accept(content) < content.len() {
                    return Err(not_clean());
                }
                chunk(connection, content, Last::No);
            }
        }
        content.clear();
        if let Err(error) = connection.flush(Stage::Content, within).await {
            // An upstream that gives up says why before it closes, and says it only once.
            connection.glance().await;
            listen(connection)?;
            return Err(error);
        }
        // One chunk at a time: with more of them on their way, a reply that nobody asked for would shift all that follow.
        while connection.smtp.outstanding() > 0 {
            chunk_answered(connection.reply(Stage::Content, within).await?)?;
        }
        connection.glance().await;
        listen(connection)
    }

    /// Ends the content with what is left of it, and waits for the upstream's last word.
    ///
    /// # Errors
    /// The upstream refused the message, or it is unknown whether it has it.
    pub(crate) async fn finish(
        &mut self,
        outgoing: Outgoing,
        content: &mut BytesMut,
    ) -> Result<Reply, UpstreamError> {
        let result = self.end_of_data(outgoing, content).await;
        match &result {
            Ok(_reply) => self.finished(),
            Err(error) => self.fail(error.clone()),
        }
        result
    }

    async fn end_of_data(
        &mut self,
        mut outgoing: Outgoing,
        content: &mut BytesMut,
    ) -> Result<Reply, UpstreamError> {
        let block = self.timeouts.upstream_block;
        // One budget for all that is left to wait for: the client gives up after 10 minutes and sends again.
        let last_word = Deadline::after("final reply", self.timeouts.upstream_end);
        self.content = ContentState::Begun;
        let Some(lease) = &mut self.lease else {
            return Err(UpstreamError::Closed(Stage::Content));
        };
        let connection = lease.connection();
        outgoing.admit(content)?;
        write_end(connection, outgoing.framing, content).await?;
        content.clear();
        let block = block.min(last_word.remaining());
        connection.flush(Stage::Content, block).await?;
        let within = last_word.remaining();
        let (_content, reply) = connection.reply(Stage::FinalReply, within).await?;
        match reply.severity() {
            Severity::Positive => Ok(reply),
            Severity::Intermediate => Err(UpstreamError::Nonsense {
                stage: Stage::FinalReply,
                code: reply.code(),
            }),
            Severity::Transient | Severity::Permanent => {
                connection.needs_reset = false;
                Err(UpstreamError::Refused {
                    stage: Stage::FinalReply,
                    reply,
                })
            }
        }
    }

    /// Waits until the upstream says something while content is on its way: a chunk's answer, or the end of all hope.
    ///
    /// Cancelling loses nothing: what has arrived stays in the connection's buffer.
    ///
    /// # Errors
    /// The upstream gave up on the message.
    pub(crate) async fn overhear(&mut self) -> Result<(), UpstreamError> {
        let Some(lease) = &mut self.lease else {
            return std::future::pending().await;
        };
        let connection = lease.connection();
        let deadline = Deadline::after("overhear", FOREVER);
        match connection.channel.fill(deadline).await {
            Ok(0) => Err(UpstreamError::Closed(Stage::Content)),
            Ok(_octets) => listen(connection),
            Err(error) => Err(broken(&error, Stage::Content)),
        }
    }
}

/// Writes what is left of the content and its end, provided that the upstream has not given up and owes no answer.
async fn write_end(
    connection: &mut Connection,
    framing: Framing,
    content: &BytesMut,
) -> Result<(), UpstreamError> {
    match framing {
        Framing::Lines(mut encoder) => {
            connection.glance().await;
            listen(connection)?;
            encoder
                .encode(content, &mut connection.channel.output)
                .map_err(|_fault| not_clean())?;
            encoder
                .finish(&mut connection.channel.output)
                .map_err(|_fault| not_clean())?;
            connection.smtp.content_sent();
        }
        Framing::Chunks(mut check) => {
            let accepted = check.accept(content);
            if accepted < content.len() || check.finish().is_err() {
                return Err(not_clean());
            }
            // The last chunk's answer is the message's: nothing else may stand before it.
            connection.expect_silence(Stage::Content).await?;
            chunk(connection, content, Last::Yes);
        }
    }
    Ok(())
}

/// Looks at replies that have arrived while the content is on its way.
fn listen(connection: &mut Connection) -> Result<(), UpstreamError> {
    while !connection.channel.input.is_empty() {
        match connection.poll_interjection(Stage::Content)? {
            Some(answer) => chunk_answered(answer)?,
            None => break,
        }
    }
    Ok(())
}

fn chunk_answered((_sent, reply): (Sent, Reply)) -> Result<(), UpstreamError> {
    match reply.severity() {
        Severity::Positive => Ok(()),
        Severity::Intermediate | Severity::Transient | Severity::Permanent => {
            Err(UpstreamError::Refused {
                stage: Stage::Content,
                reply,
            })
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Last {
    Yes,
    No,
}

fn chunk(connection: &mut Connection, content: &BytesMut, last: Last) {
    if content.is_empty() && last == Last::No {
        return;
    }
    connection.smtp.bdat(
        content.len() as u64,
        last == Last::Yes,
        &mut connection.channel.output,
    );
    connection.channel.output.extend_from_slice(content.chunk());
}

/// The decoder lets nothing through that this could find; if it ever does, the message dies here.
fn not_clean() -> UpstreamError {
    UpstreamError::Closed(Stage::Content)
}

/// Longer than any transaction.
const FOREVER: std::time::Duration = std::time::Duration::from_secs(86_400);
