//! Every answer that a client can get from the relay, in one table.
//!
//! Ours never name a tenant, an upstream or a certificate; an upstream's own words come through behind a prefix, so
//! that the client can tell them from ours.

use std::borrow::Cow;

use tenantry_attribution::{DeferredReason, RecipientOutcome, RefusedReason};
use tenantry_smtp::{EnhancedCode, Reply, Severity};

use crate::content::header::HeaderFault;
use crate::upstream::error::{Unsupported, UpstreamError};

/// Who is to blame for a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Whoever sends to us.
    Client,
    /// Whoever we send to.
    Upstream,
    /// We, or the machine.
    Local,
}

impl Fault {
    /// The word of the log's `fault` field.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Fault::Client => "client",
            Fault::Upstream => "upstream",
            Fault::Local => "local",
        }
    }
}

/// Whether the same again can succeed later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retry {
    /// Yes.
    Transient,
    /// No.
    Permanent,
}

/// What the relay says by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// MAIL was taken down.
    SenderOk,
    /// A client certificate is demanded and there is none.
    CertificateRequired,
    /// XOORG from a client that is no trusted Exchange server.
    XoorgRefused,
    /// STARTTLS may begin.
    StartTls,
    /// DATA may begin.
    StartData,
    /// No recipient was accepted.
    NoRecipients,
    /// A chunk arrived.
    ChunkOk,
    /// RSET, NOOP.
    Ok,
    /// VRFY.
    CannotVerify,
    /// EXPN.
    NotImplemented,
    /// HELP.
    Help,
    /// QUIT.
    Bye,
    /// The client was silent for too long.
    IdleTimeout,
    /// The session went on for too long without a message.
    NoProgress,
    /// The content came too slowly.
    TooSlow,
    /// The relay is stopping.
    ShuttingDown,
    /// The listener this session came by is gone or changed.
    ListenerGone,
    /// More connections than the relay takes.
    TooManyConnections,
    /// More connections than the relay takes from one source.
    TooManyFromSource,
    /// Commands before the greeting.
    TalksFirst,
    /// Content behind a refused DATA.
    TalksInContent,
}

impl Answer {
    /// The reply.
    pub(crate) fn reply(self) -> Reply {
        let (code, enhanced, text) = match self {
            Answer::SenderOk => (250, (2, 1, 0), "sender ok"),
            Answer::CertificateRequired => (530, (5, 7, 0), "a client certificate is required"),
            Answer::XoorgRefused => (555, (5, 5, 4), "XOORG is not accepted from this client"),
            Answer::StartTls => (220, (2, 0, 0), "ready to start TLS"),
            Answer::StartData => return Reply::plain(354, "end with <CRLF>.<CRLF>"),
            Answer::NoRecipients => (554, (5, 5, 1), "no valid recipients"),
            Answer::ChunkOk => (250, (2, 0, 0), "chunk ok"),
            Answer::Ok => (250, (2, 0, 0), "ok"),
            Answer::CannotVerify => (
                252,
                (2, 5, 2),
                "cannot verify, but will take mail for delivery",
            ),
            Answer::NotImplemented => (502, (5, 5, 1), "command not implemented"),
            Answer::Help => (214, (2, 0, 0), "see RFC 5321"),
            Answer::Bye => (221, (2, 0, 0), "bye"),
            Answer::IdleTimeout => (421, (4, 4, 2), "idle for too long, closing"),
            Answer::NoProgress => (421, (4, 4, 2), "no message for too long, closing"),
            Answer::TooSlow => (421, (4, 4, 2), "message arrives too slowly, closing"),
            Answer::ShuttingDown => (421, (4, 3, 2), "shutting down, try again later"),
            Answer::ListenerGone => (421, (4, 3, 2), "settings changed, connect again"),
            Answer::TooManyConnections => (421, (4, 3, 2), "too many connections, try again later"),
            Answer::TooManyFromSource => (421, (4, 7, 0), "too many connections from your address"),
            Answer::TalksInContent => (421, (4, 7, 0), "content without leave, closing"),
            Answer::TalksFirst => (554, (5, 5, 0), "talked before the greeting"),
        };
        Reply::new(code, enhanced_code(enhanced), text)
    }
}

/// The answer to a recipient that our own decision does not accept; `None` when it does.
pub(crate) fn to_outcome(outcome: &RecipientOutcome) -> Option<Reply> {
    let (code, enhanced, text) = match outcome {
        RecipientOutcome::Accepted => return None,
        RecipientOutcome::Refused(reason) => match reason {
            RefusedReason::UnknownPeer => (
                550,
                (5, 7, 64),
                "relay access denied: this message belongs to nobody here",
            ),
            RefusedReason::Ambiguous => (
                550,
                (5, 7, 64),
                "relay access denied: the client certificate is ambiguous",
            ),
            RefusedReason::UntrustedCertificate => (
                550,
                (5, 7, 64),
                "relay access denied: the client certificate is not trusted",
            ),
            RefusedReason::Conflict => (
                550,
                (5, 7, 1),
                "relay access denied: the sender does not belong to the client certificate",
            ),
            RefusedReason::NoOwner
            | RefusedReason::NotAuthorised
            | RefusedReason::AddressLiteral
            | RefusedReason::NoDomain => (
                550,
                (5, 7, 64),
                "relay access denied: this recipient belongs to nobody here",
            ),
        },
        RecipientOutcome::Deferred(reason) => match reason {
            DeferredReason::OtherTenant => (
                452,
                (4, 5, 3),
                "this recipient needs a transaction of its own",
            ),
            DeferredReason::Conflict => (
                451,
                (4, 7, 1),
                "the sender does not belong to the client certificate, try again later",
            ),
        },
    };
    Some(Reply::new(code, enhanced_code(enhanced), text))
}

/// The answer to a message that is refused for its header section.
pub(crate) fn to_header_fault(fault: HeaderFault) -> Reply {
    let (code, enhanced, text) = match fault {
        HeaderFault::TooLarge => (552, (5, 3, 4), "header section too large"),
        HeaderFault::TooManyFields => (554, (5, 6, 0), "too many header fields"),
        HeaderFault::TooManyHops => (554, (5, 4, 6), "too many hops: this message loops"),
        HeaderFault::BeenHere => (
            554,
            (5, 4, 6),
            "this message has been here before: it loops",
        ),
        HeaderFault::LineEnd => (554, (5, 6, 0), "a header line does not end with CRLF"),
        HeaderFault::LeadingFold => (554, (5, 6, 0), "the message begins with a folded line"),
        HeaderFault::Protected => (550, (5, 7, 1), "header field not accepted from this client"),
    };
    Reply::new(code, enhanced_code(enhanced), text)
}

/// The answer to a failure towards the upstream: whether it is final follows from the error, the rest from its kind.
pub(crate) fn to_upstream_error(error: &UpstreamError) -> Reply {
    let (permanent, subject, detail, text) = match error {
        UpstreamError::Refused { reply, .. } if reply.severity() != Severity::Positive => {
            return from_upstream(reply);
        }
        UpstreamError::Busy => (554, 3, 2, "too busy, try again later"),
        UpstreamError::Resolve(_) => (554, 4, 3, "next hop cannot be found, try again later"),
        UpstreamError::Connect(_) => (554, 4, 1, "next hop cannot be reached, try again later"),
        UpstreamError::Loop => (554, 4, 6, "the next hop is this host: this message loops"),
        UpstreamError::NoStartTls
        | UpstreamError::StartTlsRefused { .. }
        | UpstreamError::Alert { .. }
        | UpstreamError::InjectedPlaintext
        | UpstreamError::Handshake(_) => (
            554,
            7,
            5,
            "no trustworthy TLS with the next hop, try again later",
        ),
        UpstreamError::WrongIdentity => (554, 3, 5, "internal error, try again later"),
        UpstreamError::Timeout(_) => (
            554,
            4,
            2,
            "next hop did not answer in time, try again later",
        ),
        UpstreamError::Closed(_) => (554, 4, 2, "next hop closed the connection, try again later"),
        UpstreamError::Protocol { .. }
        | UpstreamError::Nonsense { .. }
        | UpstreamError::Refused { .. } => {
            (554, 5, 0, "next hop broke the protocol, try again later")
        }
        UpstreamError::Unsupported(what) => match what {
            Unsupported::EightBitMime => (554, 6, 3, "next hop takes no 8-bit content"),
            Unsupported::BinaryMime => (554, 6, 3, "next hop takes no binary content"),
            Unsupported::SmtpUtf8 => (553, 6, 7, "next hop takes no internationalised addresses"),
            Unsupported::Size => (552, 3, 4, "message larger than the next hop takes"),
        },
    };
    match error.retry() {
        Retry::Transient => Reply::new(451, EnhancedCode::new(4, subject, detail), text),
        Retry::Permanent => Reply::new(permanent, EnhancedCode::new(5, subject, detail), text),
    }
}

/// An upstream's own reply as the client gets it: code, enhanced code and words, behind a prefix.
///
/// 421 becomes 451, since it is the upstream that goes away and not we; a code that makes no sense as an answer counts
/// as a temporary failure (RFC 5321 section 4.2.1).
pub(crate) fn from_upstream(reply: &Reply) -> Reply {
    let severity = reply.severity();
    let code = match (severity, reply.code()) {
        (Severity::Transient, 421) | (Severity::Intermediate, _) => 451,
        (_, code) => code,
    };
    let class = match severity {
        Severity::Positive => 2,
        Severity::Intermediate | Severity::Transient => 4,
        Severity::Permanent => 5,
    };
    let enhanced = reply
        .enhanced()
        .filter(|code| code.class() == class)
        .unwrap_or(EnhancedCode::new(class, 0, 0));
    let lines: Vec<Cow<'static, str>> = reply
        .lines()
        .take(UPSTREAM_LINES)
        .map(|line| Cow::Owned(format!("{UPSTREAM_PREFIX}{line}")))
        .collect();
    Reply::multiline(code, Some(enhanced), lines)
}

fn enhanced_code((class, subject, detail): (u8, u16, u16)) -> EnhancedCode {
    EnhancedCode::new(class, subject, detail)
}

/// What stands in front of each line of an upstream's reply.
const UPSTREAM_PREFIX: &str = "upstream: ";

/// Lines of an upstream's reply that are passed on.
const UPSTREAM_LINES: usize = 10;
