//! What bounds a session, and where it can stand.

use crate::content::ContentLimits;

/// What a client may do at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerLimits {
    /// Octets of a command line with its CRLF.
    pub command_line: usize,
    /// Octets of MAIL and RCPT lines with their CRLF.
    pub mail_line: usize,
    /// Octets of a line that is refused but followed to its end.
    pub swallow: usize,
    /// What a message may hold.
    pub content: ContentLimits,
    /// Recipients of a transaction.
    pub recipients: u32,
    /// Violations of the protocol that are answered; the next one closes the connection.
    pub protocol_errors: u32,
    /// Lines before EHLO that are not SMTP and are answered nevertheless.
    pub unrecognised_before_greeting: u32,
    /// Commands without progress since the last accepted message: NOOP, VRFY, EXPN, HELP, EHLO again, RSET without an
    /// accepted recipient.
    pub non_mail_commands: u32,
    /// How often since the last accepted message a refusal excuses what follows from it: the RCPT and DATA that were
    /// sent together with a refused MAIL, and one RSET after anything refused. Beyond, they count like any other.
    pub excuses: u32,
    /// Messages of a connection.
    pub messages: u64,
    /// BDAT chunks of a message.
    pub chunks: u32,
}

/// What TLS means on this connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsState {
    /// There is none.
    Off,
    /// STARTTLS may be used.
    Offered,
    /// STARTTLS must be used before anything of importance (RFC 3207 section 4).
    Required,
    /// The connection is protected.
    Active,
}

/// Where a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// EHLO is awaited, at the beginning and after STARTTLS.
    Connected,
    /// No transaction is open.
    Greeted,
    /// MAIL was accepted.
    Mail,
    /// Content follows, up to the final dot.
    Data,
    /// The final dot has come; the message's answer is due.
    DataEnd,
    /// Content follows, up to the end of the chunk.
    Chunk,
    /// The chunk has ended; its answer is due.
    ChunkEnd,
    /// Chunks were accepted, the last has not come.
    Chunked,
    /// The TLS handshake follows.
    StartTls,
    /// Nothing follows.
    Closed,
}

impl State {
    /// A stable word for traces.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connected => "connected",
            Self::Greeted => "greeted",
            Self::Mail => "mail",
            Self::Data => "data",
            Self::DataEnd => "data-end",
            Self::Chunk => "chunk",
            Self::ChunkEnd => "chunk-end",
            Self::Chunked => "chunked",
            Self::StartTls => "starttls",
            Self::Closed => "closed",
        }
    }

    /// Whether MAIL was accepted and the transaction is not over.
    #[must_use]
    pub const fn in_transaction(self) -> bool {
        match self {
            Self::Mail
            | Self::Data
            | Self::DataEnd
            | Self::Chunk
            | Self::ChunkEnd
            | Self::Chunked => true,
            Self::Connected | Self::Greeted | Self::StartTls | Self::Closed => false,
        }
    }

    pub(super) const fn takes_commands(self) -> bool {
        match self {
            Self::Connected | Self::Greeted | Self::Mail | Self::Chunked => true,
            Self::Data
            | Self::DataEnd
            | Self::Chunk
            | Self::ChunkEnd
            | Self::StartTls
            | Self::Closed => false,
        }
    }

    pub(super) const fn without_transaction(self) -> Self {
        if self.in_transaction() {
            Self::Greeted
        } else {
            self
        }
    }
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            command_line: 1024,
            mail_line: 2048,
            swallow: 65_536,
            content: ContentLimits::default(),
            recipients: 500,
            protocol_errors: 10,
            unrecognised_before_greeting: 3,
            non_mail_commands: 50,
            excuses: 2000,
            messages: 1000,
            chunks: 100_000,
        }
    }
}
