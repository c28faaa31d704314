//! What can go wrong between us and an upstream, and who is at fault.

use tenantry_net::HandshakeError;
use tenantry_smtp::{ClientError, Reply};

use crate::reply::{Fault, Retry};

/// Where in the conversation with the upstream something happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The greeting.
    Greeting,
    /// EHLO.
    Ehlo,
    /// STARTTLS, before the handshake.
    StartTls,
    /// MAIL.
    Mail,
    /// RCPT.
    Rcpt,
    /// RSET.
    Reset,
    /// DATA, or a BDAT chunk that is not the last.
    Data,
    /// The content.
    Content,
    /// The reply to the final dot or the last chunk.
    FinalReply,
}

impl Stage {
    /// The stage as the log names it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Stage::Greeting => "greeting",
            Stage::Ehlo => "ehlo",
            Stage::StartTls => "starttls",
            Stage::Mail => "mail",
            Stage::Rcpt => "rcpt",
            Stage::Reset => "rset",
            Stage::Data => "data",
            Stage::Content => "content",
            Stage::FinalReply => "final-reply",
        }
    }
}

impl std::fmt::Display for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A message could not be handed to the upstream.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum UpstreamError {
    /// All connections that the tenant may have are busy.
    #[error("no upstream connection became free in time")]
    Busy,
    /// The name does not resolve.
    #[error("cannot resolve the upstream's name: {0}")]
    Resolve(String),
    /// No TCP connection.
    #[error("cannot connect to the upstream: {0}")]
    Connect(String),
    /// The upstream is this very relay.
    #[error("the upstream is this relay itself")]
    Loop,
    /// The upstream does not offer STARTTLS.
    #[error("the upstream does not offer STARTTLS")]
    NoStartTls,
    /// The upstream refused STARTTLS that it offers.
    #[error("the upstream refused STARTTLS: {} {}", reply.code(), reply.text())]
    StartTlsRefused {
        /// With which words.
        reply: Reply,
    },
    /// The upstream ended TLS with an alert. In TLS 1.3 the refusal of our certificate comes this way, after the
    /// handshake (RFC 8446 section 4.4.2.4).
    #[error("the upstream ended TLS at {stage} with the alert {alert}")]
    Alert {
        /// When.
        stage: Stage,
        /// Which.
        alert: String,
    },
    /// A reply that is none to what was asked.
    #[error("the upstream answered {code} at {stage}")]
    Nonsense {
        /// When.
        stage: Stage,
        /// What.
        code: u16,
    },
    /// The upstream sent clear text behind its answer to STARTTLS.
    #[error("the upstream sent clear text after its answer to STARTTLS")]
    InjectedPlaintext,
    /// The TLS handshake or the verification of the upstream failed.
    #[error("TLS with the upstream failed: {0}")]
    Handshake(std::sync::Arc<HandshakeError>),
    /// The connection did not present the certificate that it was made for. Never to be seen.
    #[error("the connection presented another identity than its route's")]
    WrongIdentity,
    /// The upstream said no: its own reply is what the client gets.
    #[error("the upstream refused at {stage}: {}", reply.text())]
    Refused {
        /// When.
        stage: Stage,
        /// With which words.
        reply: Reply,
    },
    /// The upstream did not answer in time.
    #[error("the upstream did not answer in time at {0}")]
    Timeout(Stage),
    /// The upstream went away.
    #[error("the upstream closed the connection at {0}")]
    Closed(Stage),
    /// The upstream does not speak SMTP.
    #[error("the upstream broke the protocol at {stage}: {error}")]
    Protocol {
        /// When.
        stage: Stage,
        /// How.
        error: ClientError,
    },
    /// The upstream cannot take what the client wants to send.
    #[error("the upstream cannot take this message: {0}")]
    Unsupported(Unsupported),
}

/// What an upstream lacks for a message; converting instead would change the message (RFC 6152, RFC 3030, RFC 6531).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unsupported {
    /// 8-bit content, no 8BITMIME.
    #[error("it does not offer 8BITMIME")]
    EightBitMime,
    /// Binary content, no BINARYMIME with CHUNKING.
    #[error("it does not offer BINARYMIME")]
    BinaryMime,
    /// An internationalised address, no SMTPUTF8.
    #[error("it does not offer SMTPUTF8")]
    SmtpUtf8,
    /// Larger than the upstream's SIZE or the tenant's limit.
    #[error("the message is larger than it takes")]
    Size,
}

impl UpstreamError {
    /// Who is to blame.
    pub(crate) fn fault(&self) -> Fault {
        match self {
            UpstreamError::Busy | UpstreamError::Loop | UpstreamError::WrongIdentity => {
                Fault::Local
            }
            UpstreamError::Unsupported(_) => Fault::Client,
            UpstreamError::Resolve(_)
            | UpstreamError::Connect(_)
            | UpstreamError::NoStartTls
            | UpstreamError::StartTlsRefused { .. }
            | UpstreamError::Alert { .. }
            | UpstreamError::Nonsense { .. }
            | UpstreamError::InjectedPlaintext
            | UpstreamError::Handshake(_)
            | UpstreamError::Refused { .. }
            | UpstreamError::Timeout(_)
            | UpstreamError::Closed(_)
            | UpstreamError::Protocol { .. } => Fault::Upstream,
        }
    }

    /// Whether trying again later can help.
    pub(crate) fn retry(&self) -> Retry {
        match self {
            UpstreamError::Loop | UpstreamError::Unsupported(_) => Retry::Permanent,
            UpstreamError::Refused { reply, .. } => match reply.severity() {
                tenantry_smtp::Severity::Permanent => Retry::Permanent,
                tenantry_smtp::Severity::Positive
                | tenantry_smtp::Severity::Intermediate
                | tenantry_smtp::Severity::Transient => Retry::Transient,
            },
            UpstreamError::Busy
            | UpstreamError::Resolve(_)
            | UpstreamError::Connect(_)
            | UpstreamError::NoStartTls
            | UpstreamError::StartTlsRefused { .. }
            | UpstreamError::Alert { .. }
            | UpstreamError::Nonsense { .. }
            | UpstreamError::InjectedPlaintext
            | UpstreamError::Handshake(_)
            | UpstreamError::WrongIdentity
            | UpstreamError::Timeout(_)
            | UpstreamError::Closed(_)
            | UpstreamError::Protocol { .. } => Retry::Transient,
        }
    }

    /// Whether it will stay so until somebody changes something: TLS, identity, or a loop.
    pub(crate) fn needs_an_operator(&self) -> bool {
        match self {
            UpstreamError::Loop
            | UpstreamError::NoStartTls
            | UpstreamError::StartTlsRefused { .. }
            | UpstreamError::Alert { .. }
            | UpstreamError::InjectedPlaintext
            | UpstreamError::Handshake(_)
            | UpstreamError::WrongIdentity => true,
            UpstreamError::Busy
            | UpstreamError::Nonsense { .. }
            | UpstreamError::Resolve(_)
            | UpstreamError::Connect(_)
            | UpstreamError::Refused { .. }
            | UpstreamError::Timeout(_)
            | UpstreamError::Closed(_)
            | UpstreamError::Protocol { .. }
            | UpstreamError::Unsupported(_) => false,
        }
    }

    /// Whether another upstream of the same tenant may do better: nothing was asked of this one yet.
    pub(crate) fn is_before_the_transaction(&self) -> bool {
        match self {
            UpstreamError::Resolve(_)
            | UpstreamError::Connect(_)
            | UpstreamError::NoStartTls
            | UpstreamError::StartTlsRefused { .. }
            | UpstreamError::InjectedPlaintext
            | UpstreamError::Handshake(_) => true,
            UpstreamError::Refused { stage, .. }
            | UpstreamError::Timeout(stage)
            | UpstreamError::Closed(stage)
            | UpstreamError::Alert { stage, .. }
            | UpstreamError::Nonsense { stage, .. }
            | UpstreamError::Protocol { stage, .. } => match stage {
                Stage::Greeting | Stage::Ehlo | Stage::StartTls => true,
                Stage::Mail
                | Stage::Rcpt
                | Stage::Reset
                | Stage::Data
                | Stage::Content
                | Stage::FinalReply => false,
            },
            UpstreamError::Busy
            | UpstreamError::Loop
            | UpstreamError::WrongIdentity
            | UpstreamError::Unsupported(_) => false,
        }
    }
}
