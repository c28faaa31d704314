//! Why a handshake did not succeed, in kinds that the relay can tell apart.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;

use rustls::{CertificateError, Error as TlsError, OtherError};
use thiserror::Error as ThisError;

use crate::certificate::escape;
use crate::deadline::Deadline;
use crate::untrusted::UntrustedReason;

/// A handshake that failed; the connection is gone.
#[derive(Debug, ThisError)]
#[error("{kind}{}{detail}", if detail.is_empty() { "" } else { ": " })]
pub struct HandshakeError {
    /// What went wrong.
    pub kind: HandshakeErrorKind,
    /// More of it for the log, escaped; may be empty.
    pub detail: String,
}

/// What went wrong in a handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HandshakeErrorKind {
    /// The deadline of that name passed.
    Timeout(&'static str),
    /// The peer closed the connection.
    Closed,
    /// The peer sent no TLS, a version or suite that is not spoken here, or broke the protocol.
    Protocol,
    /// The peer refused with an alert, for example because it does not trust our certificate.
    PeerAlert,
    /// The peer's certificate is not trusted.
    Certificate(UntrustedReason),
    /// The peer's certificate is for another name (RFC 9525).
    NameMismatch,
    /// The configured server name is neither a DNS name nor an address.
    InvalidName,
    /// The upstream did not ask for our certificate, and the policy says that it must.
    NoCertificateRequested,
    /// The client sent no certificate, and the listener requires one.
    NoCertificatePresented,
    /// The network failed.
    Io,
}

impl HandshakeErrorKind {
    /// The stable word of this kind.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Timeout(_) => "timeout",
            Self::Closed => "closed",
            Self::Protocol => "protocol",
            Self::PeerAlert => "peer-alert",
            Self::Certificate(reason) => reason.as_str(),
            Self::NameMismatch => "name-mismatch",
            Self::InvalidName => "invalid-name",
            Self::NoCertificateRequested => "no-certificate-requested",
            Self::NoCertificatePresented => "no-certificate-presented",
            Self::Io => "io",
        }
    }
}

impl fmt::Display for HandshakeErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timeout(name) => write!(f, "{name} took too long"),
            Self::Closed => f.write_str("the peer closed the connection"),
            Self::Protocol => f.write_str("the peer speaks no TLS that is accepted here"),
            Self::PeerAlert => f.write_str("the peer refused"),
            Self::Certificate(reason) => {
                write!(f, "the peer's certificate is not trusted: {reason}")
            }
            Self::NameMismatch => f.write_str("the peer's certificate is for another name"),
            Self::InvalidName => f.write_str("not a name that a certificate can be for"),
            Self::NoCertificateRequested => {
                f.write_str("the upstream did not ask for a client certificate")
            }
            Self::NoCertificatePresented => f.write_str("the client sent no certificate"),
            Self::Io => f.write_str("the network failed"),
        }
    }
}

impl HandshakeError {
    pub(crate) fn new(kind: HandshakeErrorKind, detail: impl AsRef<str>) -> Self {
        Self {
            kind,
            detail: escape(detail.as_ref()),
        }
    }

    pub(crate) fn timeout(deadline: Deadline) -> Self {
        Self::new(HandshakeErrorKind::Timeout(deadline.name), "")
    }

    /// Classifies what the TLS stream reports; it wraps the library's error in an I/O error.
    pub(crate) fn from_io(error: &io::Error) -> Self {
        if let Some(inner) = tls_error(error) {
            return Self::from_tls(inner);
        }
        let kind = if is_disconnect(error) {
            HandshakeErrorKind::Closed
        } else {
            HandshakeErrorKind::Io
        };
        Self::new(kind, error.to_string())
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the enum is foreign and non-exhaustive; the rest is the protocol's"
    )]
    fn from_tls(error: &TlsError) -> Self {
        let kind = match error {
            TlsError::InvalidCertificate(problem) => certificate_kind(problem),
            TlsError::NoCertificatesPresented => HandshakeErrorKind::NoCertificatePresented,
            TlsError::AlertReceived(_) => HandshakeErrorKind::PeerAlert,
            _ => HandshakeErrorKind::Protocol,
        };
        Self::new(kind, error.to_string())
    }
}

/// What our upstream verifier found, carried through the TLS library's error type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ThisError)]
pub(crate) enum ServerCertificateProblem {
    #[error("{0}")]
    Untrusted(UntrustedReason),
    #[error("it is for another name")]
    NameMismatch,
}

impl From<ServerCertificateProblem> for TlsError {
    fn from(problem: ServerCertificateProblem) -> Self {
        Self::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(problem))))
    }
}

/// The TLS library's error inside an I/O error, if that is what it is.
pub(crate) fn tls_error(error: &io::Error) -> Option<&TlsError> {
    error.get_ref().and_then(|inner| inner.downcast_ref())
}

/// Whether an I/O error only says that the peer went away.
pub(crate) fn is_disconnect(error: &io::Error) -> bool {
    [
        io::ErrorKind::UnexpectedEof,
        io::ErrorKind::ConnectionReset,
        io::ErrorKind::ConnectionAborted,
        io::ErrorKind::BrokenPipe,
        io::ErrorKind::NotConnected,
    ]
    .contains(&error.kind())
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the enum is foreign and non-exhaustive; our verifiers only make these"
)]
fn certificate_kind(problem: &CertificateError) -> HandshakeErrorKind {
    match problem {
        CertificateError::Other(OtherError(inner)) => own_problem(inner.as_ref()),
        CertificateError::BadSignature => {
            HandshakeErrorKind::Certificate(UntrustedReason::BadSignature)
        }
        CertificateError::BadEncoding => {
            HandshakeErrorKind::Certificate(UntrustedReason::Malformed)
        }
        _ => HandshakeErrorKind::Certificate(UntrustedReason::Other),
    }
}

fn own_problem(inner: &(dyn Error + 'static)) -> HandshakeErrorKind {
    match inner.downcast_ref::<ServerCertificateProblem>() {
        Some(ServerCertificateProblem::NameMismatch) => HandshakeErrorKind::NameMismatch,
        Some(ServerCertificateProblem::Untrusted(reason)) => {
            HandshakeErrorKind::Certificate(*reason)
        }
        None => HandshakeErrorKind::Certificate(UntrustedReason::Other),
    }
}
