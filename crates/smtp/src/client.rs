//! The client's side of a session: which reply belongs to what was sent (RFC 5321, RFC 2920).
//!
//! Replies come in the order of the commands and never without one; whatever breaks that is an
//! error after which the connection must be dropped. Whether a command is sensible now is the
//! caller's affair, waiting and deadlines too.

use std::collections::VecDeque;

use bytes::{BufMut, BytesMut};
use thiserror::Error;

use crate::address::{ForwardPath, ReversePath};
use crate::extension::Offer;
use crate::reply::{Reply, ReplyError, ReplyParser, Severity};

/// A connection to an upstream.
#[derive(Debug)]
pub struct ClientSession {
    outstanding: VecDeque<Sent>,
    offer: Offer,
    replies: ReplyParser,
    broken: Option<ClientError>,
}

/// What a reply answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sent {
    /// The connection itself.
    Greeting,
    /// EHLO.
    Ehlo,
    /// STARTTLS.
    StartTls,
    /// MAIL.
    Mail,
    /// RCPT.
    Rcpt,
    /// DATA, before the content.
    Data,
    /// The final dot, or the last chunk.
    Content,
    /// A chunk that is not the last.
    Chunk,
    /// RSET.
    Rset,
    /// NOOP.
    Noop,
    /// QUIT.
    Quit,
}

/// Why the upstream cannot be talked to any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ClientError {
    /// Octets came although nothing was to be answered.
    #[error("upstream sent octets that answer nothing")]
    Unsolicited,
    /// Octets came in clear text after the reply to STARTTLS (RFC 3207 section 5).
    #[error("upstream sent clear text after its reply to starttls")]
    PlaintextAfterStartTls,
    /// Something that is not a reply.
    #[error(transparent)]
    Malformed(#[from] ReplyError),
}

impl ClientSession {
    /// A fresh connection, whose greeting is awaited.
    #[must_use]
    pub fn new() -> Self {
        Self {
            outstanding: VecDeque::from([Sent::Greeting]),
            offer: Offer::default(),
            replies: ReplyParser::new(),
            broken: None,
        }
    }

    /// What the upstream offered in its last reply to EHLO.
    #[must_use]
    pub const fn offer(&self) -> &Offer {
        &self.offer
    }

    /// Replies that are due.
    #[must_use]
    pub fn outstanding(&self) -> usize {
        self.outstanding.len()
    }

    /// What the next reply will answer.
    #[must_use]
    pub fn awaiting(&self) -> Option<Sent> {
        self.outstanding.front().copied()
    }

    /// Sends EHLO.
    pub fn ehlo(&mut self, name: &str, out: &mut BytesMut) {
        out.put_slice(b"EHLO ");
        put_word(name, out);
        self.end(Sent::Ehlo, out);
    }

    /// Sends STARTTLS; nothing may be sent before its reply.
    pub fn starttls(&mut self, out: &mut BytesMut) {
        out.put_slice(b"STARTTLS");
        self.end(Sent::StartTls, out);
    }

    /// The handshake is done: what was offered in clear text is forgotten (RFC 3207 section 4.2).
    pub fn tls_established(&mut self) {
        self.offer = Offer::default();
    }

    /// Sends MAIL FROM with these parameters.
    pub fn mail<'a>(
        &mut self,
        path: &ReversePath,
        parameters: impl IntoIterator<Item = (&'a str, Option<&'a str>)>,
        out: &mut BytesMut,
    ) {
        out.put_slice(b"MAIL FROM:<");
        out.put_slice(path.as_str().as_bytes());
        out.put_u8(b'>');
        put_parameters(parameters, out);
        self.end(Sent::Mail, out);
    }

    /// Sends RCPT TO with these parameters.
    pub fn rcpt<'a>(
        &mut self,
        path: &ForwardPath,
        parameters: impl IntoIterator<Item = (&'a str, Option<&'a str>)>,
        out: &mut BytesMut,
    ) {
        out.put_slice(b"RCPT TO:<");
        out.put_slice(path.as_str().as_bytes());
        out.put_u8(b'>');
        put_parameters(parameters, out);
        self.end(Sent::Rcpt, out);
    }

    /// Sends DATA.
    pub fn data(&mut self, out: &mut BytesMut) {
        out.put_slice(b"DATA");
        self.end(Sent::Data, out);
    }

    /// The final dot was written: the reply to the message is due.
    pub fn content_sent(&mut self) {
        self.outstanding.push_back(Sent::Content);
    }

    /// Sends BDAT; exactly `length` octets of content must follow.
    pub fn bdat(&mut self, length: u64, last: bool, out: &mut BytesMut) {
        out.put_slice(b"BDAT ");
        put_decimal(length, out);
        if last {
            out.put_slice(b" LAST");
        }
        self.end(if last { Sent::Content } else { Sent::Chunk }, out);
    }

    /// Sends RSET.
    pub fn rset(&mut self, out: &mut BytesMut) {
        out.put_slice(b"RSET");
        self.end(Sent::Rset, out);
    }

    /// Sends NOOP.
    pub fn noop(&mut self, out: &mut BytesMut) {
        out.put_slice(b"NOOP");
        self.end(Sent::Noop, out);
    }

    /// Sends QUIT.
    pub fn quit(&mut self, out: &mut BytesMut) {
        out.put_slice(b"QUIT");
        self.end(Sent::Quit, out);
    }

    /// The next reply with what it answers, or `None` if it needs more octets.
    ///
    /// # Errors
    /// The upstream does not keep to the protocol; so it will be told from then on.
    pub fn next(&mut self, input: &mut BytesMut) -> Result<Option<(Sent, Reply)>, ClientError> {
        let result = match self.broken {
            Some(error) => Err(error),
            None => self.next_reply(input),
        };
        self.broken = result.as_ref().err().copied();
        result
    }

    fn next_reply(&mut self, input: &mut BytesMut) -> Result<Option<(Sent, Reply)>, ClientError> {
        let Some(&sent) = self.outstanding.front() else {
            return if input.is_empty() {
                Ok(None)
            } else {
                Err(ClientError::Unsolicited)
            };
        };
        let Some(reply) = self.replies.next(input)? else {
            return Ok(None);
        };
        self.outstanding.pop_front();
        let accepted = reply.severity() == Severity::Positive;
        if sent == Sent::Ehlo {
            self.offer = match accepted {
                true => Offer::parse(&reply),
                false => Offer::default(),
            };
        }
        if sent == Sent::StartTls && accepted && !input.is_empty() {
            return Err(ClientError::PlaintextAfterStartTls);
        }
        Ok(Some((sent, reply)))
    }

    fn end(&mut self, sent: Sent, out: &mut BytesMut) {
        out.put_slice(b"\r\n");
        self.outstanding.push_back(sent);
    }
}

impl Default for ClientSession {
    fn default() -> Self {
        Self::new()
    }
}

impl Sent {
    /// A stable word for logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Greeting => "greeting",
            Self::Ehlo => "ehlo",
            Self::StartTls => "starttls",
            Self::Mail => "mail",
            Self::Rcpt => "rcpt",
            Self::Data => "data",
            Self::Content => "content",
            Self::Chunk => "chunk",
            Self::Rset => "rset",
            Self::Noop => "noop",
            Self::Quit => "quit",
        }
    }
}

fn put_parameters<'a>(
    parameters: impl IntoIterator<Item = (&'a str, Option<&'a str>)>,
    out: &mut BytesMut,
) {
    for (keyword, value) in parameters {
        out.put_u8(b' ');
        put_word(keyword, out);
        if let Some(value) = value {
            out.put_u8(b'=');
            put_word(value, out);
        }
    }
}

/// A word cannot end the line or begin another word, whatever the caller took it from.
fn put_word(word: &str, out: &mut BytesMut) {
    let safe = |octet: u8| octet > b' ' && octet != 0x7f;
    if word.bytes().all(safe) {
        out.put_slice(word.as_bytes());
    } else {
        out.extend(
            word.bytes()
                .map(|octet| if safe(octet) { octet } else { b'?' }),
        );
    }
}

/// Appends a number in decimal digits, without a text of its own in between.
pub fn put_decimal(number: u64, out: &mut BytesMut) {
    let mut digits = [0; 20];
    let mut rest = number;
    let mut used = 0;
    for slot in digits.iter_mut().rev() {
        *slot = b'0' + (rest % 10) as u8;
        rest /= 10;
        used += 1;
        if rest == 0 {
            break;
        }
    }
    out.put_slice(digits.get(digits.len() - used..).unwrap_or_default());
}
