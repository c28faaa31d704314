//! Where a connection failed, in words, with whose fault it is and what to do.

use tenantry_net::{HandshakeError, HandshakeErrorKind, HandshakeSeen, TlsFailure};

use super::report::{Fault, StepName};
use super::trace::Trace;
use crate::upstream::error::{Stage, UpstreamError};

/// What went wrong, and at which step.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) step: StepName,
    pub(super) summary: String,
    pub(super) fault: Fault,
    pub(super) remedy: &'static str,
}

impl Failure {
    /// Reads the relay's own error, with what was seen before it.
    pub(super) fn of(error: &UpstreamError, trace: &Trace) -> Self {
        let (step, fault, remedy) = match error {
            UpstreamError::Resolve(_) => (StepName::Dns, Fault::Network, RESOLVE),
            UpstreamError::Connect(_) => (StepName::Tcp, Fault::Network, CONNECT),
            UpstreamError::Busy => (StepName::Tcp, Fault::Local, "probe again"),
            UpstreamError::Loop => (StepName::Greeting, Fault::Local, LOOP),
            UpstreamError::NoStartTls => (StepName::Starttls, Fault::Upstream, NO_STARTTLS),
            UpstreamError::StartTlsRefused { .. } => {
                (StepName::Starttls, Fault::Upstream, STARTTLS_REFUSED)
            }
            UpstreamError::InjectedPlaintext => (StepName::Starttls, Fault::Network, INJECTED),
            UpstreamError::Handshake(error) => return handshake(error, trace),
            UpstreamError::WrongIdentity => (StepName::ClientCertificate, Fault::Local, BUG),
            // In TLS 1.3 the refusal of our certificate comes with whatever is waited for first.
            UpstreamError::Alert { .. } if trace.presented() && trace.ehlo_tls.is_none() => {
                (StepName::ClientCertificate, Fault::Local, REFUSED_OURS)
            }
            UpstreamError::Unsupported(_) => (StepName::Mail, Fault::Upstream, UNSUPPORTED),
            UpstreamError::Timeout(stage) => (step(*stage, trace), Fault::Upstream, SILENT),
            UpstreamError::Closed(stage) => (step(*stage, trace), Fault::Upstream, CLOSED),
            UpstreamError::Refused { stage, .. } => (step(*stage, trace), Fault::Upstream, SAID_NO),
            UpstreamError::Alert { stage, .. } => (step(*stage, trace), Fault::Upstream, CLOSED),
            UpstreamError::Nonsense { stage, .. } | UpstreamError::Protocol { stage, .. } => {
                (step(*stage, trace), Fault::Upstream, NOT_SMTP)
            }
        };
        Self {
            step,
            summary: words(error, step),
            fault,
            remedy,
        }
    }
}

fn words(error: &UpstreamError, step: StepName) -> String {
    match error {
        // With the code, which the log has in a field of its own.
        UpstreamError::Refused { reply, .. } => format!("the upstream refused: {reply}"),
        UpstreamError::StartTlsRefused { reply } => {
            format!("the upstream refused STARTTLS: {reply}")
        }
        UpstreamError::Alert { alert, .. } if step == StepName::ClientCertificate => {
            format!("the upstream ended TLS with the alert {alert} once it had our certificate")
        }
        UpstreamError::Resolve(_)
        | UpstreamError::Connect(_)
        | UpstreamError::Busy
        | UpstreamError::Loop
        | UpstreamError::NoStartTls
        | UpstreamError::InjectedPlaintext
        | UpstreamError::Handshake(_)
        | UpstreamError::WrongIdentity
        | UpstreamError::Alert { .. }
        | UpstreamError::Unsupported(_)
        | UpstreamError::Timeout(_)
        | UpstreamError::Closed(_)
        | UpstreamError::Nonsense { .. }
        | UpstreamError::Protocol { .. } => error.to_string(),
    }
}

fn handshake(error: &HandshakeError, trace: &Trace) -> Failure {
    let seen = trace.handshake().unwrap_or_default();
    let (step, fault, remedy) = match error.kind {
        HandshakeErrorKind::Certificate(_) => (StepName::ServerCertificate, Fault::Upstream, CHAIN),
        HandshakeErrorKind::NameMismatch => (StepName::ServerCertificate, Fault::Upstream, NAME),
        HandshakeErrorKind::InvalidName => (
            StepName::ServerCertificate,
            Fault::Local,
            "set upstream_name to a host name",
        ),
        HandshakeErrorKind::NoCertificateRequested => not_requested(&seen),
        HandshakeErrorKind::PeerAlert if sent_ours(&seen) => {
            (StepName::ClientCertificate, Fault::Local, REFUSED_OURS)
        }
        HandshakeErrorKind::Timeout(_) => (StepName::Handshake, Fault::Upstream, SILENT),
        HandshakeErrorKind::PeerAlert
        | HandshakeErrorKind::Protocol
        | HandshakeErrorKind::Closed
        | HandshakeErrorKind::NoCertificatePresented
        | HandshakeErrorKind::Io => (StepName::Handshake, Fault::Upstream, no_tls(&seen)),
    };
    let summary = match (&seen.failure, step) {
        (Some(TlsFailure::Alert(alert)), StepName::ClientCertificate) => {
            format!("the upstream refused our certificate with the alert {alert}")
        }
        (Some(TlsFailure::Alert(alert)), _) => {
            format!("the upstream ended the handshake with the alert {alert}")
        }
        (Some(TlsFailure::NotTls), _) => String::from("what the upstream sent is no TLS at all"),
        (Some(TlsFailure::OldVersion), _) => {
            String::from("the upstream speaks no TLS version that is accepted here")
        }
        (Some(TlsFailure::NothingInCommon), _) => {
            format!(
                "no cipher suite, key exchange or signature in common: {}",
                error.detail
            )
        }
        (None, _) => error.kind.to_string(),
    };
    Failure {
        step,
        summary,
        fault,
        remedy,
    }
}

fn not_requested(seen: &HandshakeSeen) -> (StepName, Fault, &'static str) {
    let (fault, remedy) = match seen.request {
        // It asked, but our key cannot sign as it wants.
        Some(_) => (Fault::Local, OTHER_KEY),
        None => (Fault::Upstream, NOT_ASKED),
    };
    (StepName::ClientCertificate, fault, remedy)
}

/// Whether the upstream got our certificate: it asked, and what it showed was good.
fn sent_ours(seen: &HandshakeSeen) -> bool {
    let asked = seen
        .request
        .as_ref()
        .is_some_and(|request| request.answered);
    asked && seen.name.is_some()
}

fn no_tls(seen: &HandshakeSeen) -> &'static str {
    match seen.failure {
        Some(TlsFailure::OldVersion) => OLD_VERSION,
        Some(TlsFailure::NotTls) => NOT_TLS,
        Some(TlsFailure::NothingInCommon | TlsFailure::Alert(_)) | None => NO_TLS,
    }
}

/// The step of the report that a stage of the conversation is.
fn step(stage: Stage, trace: &Trace) -> StepName {
    match stage {
        Stage::Greeting => StepName::Greeting,
        Stage::Ehlo if trace.secured.is_some() => StepName::EhloTls,
        Stage::Ehlo => StepName::Ehlo,
        Stage::StartTls => StepName::Starttls,
        Stage::Mail => StepName::Mail,
        Stage::Rcpt => StepName::Rcpt,
        // The last three are no steps of a probe.
        Stage::Reset | Stage::Data | Stage::Content | Stage::FinalReply => StepName::Rset,
    }
}

const RESOLVE: &str = "check the spelling of upstream and this host's name servers";
const CONNECT: &str =
    "check upstream's port, and whether firewalls or the provider let this host connect to it";
const LOOP: &str = "set upstream to the tenant's server: this is the relay itself";
pub(super) const NO_STARTTLS: &str = "check that upstream is the host of the tenant's MX record and that nothing in between hides STARTTLS; nothing is sent in clear text";
const STARTTLS_REFUSED: &str = "the server's TLS is not set up: its operator has to repair it";
const INJECTED: &str =
    "somebody in between, or a broken server, tries to slip commands into TLS: find out who";
const REFUSED_OURS: &str = "the server does not trust our certificate: check that it is of an authority that the server knows, in date, and sent with its intermediates";
const CHAIN: &str = "if this is the right server, its operator has to repair its certificate, or upstream_trust has to name its authority";
const NAME: &str = "check upstream; if this is the right server and its certificate is for another name on purpose, set upstream_name to that";
const NOT_ASKED: &str = "without it the service cannot tell the tenant by certificate: check that upstream is the tenant's MX host and that nothing in between ends TLS";
const OTHER_KEY: &str = "use a key of another kind (RSA 2048 or ECDSA P-256): the server takes no signature of this one";
const OLD_VERSION: &str = "the server has to learn TLS 1.2; older versions are not spoken";
const NOT_TLS: &str =
    "check upstream_tls and the port: the server does not begin TLS where it should";
const NO_TLS: &str = "the server's TLS is not set up, or something in between breaks it";
const SILENT: &str = "the server, or something in between, swallows the connection; see the timeouts section if it is only slow";
const CLOSED: &str = "the server hung up without a word: its log has to say why";
const SAID_NO: &str = "the reply has the server's reason; it may be a block of our address";
const NOT_SMTP: &str = "check upstream's port: the server does not answer as SMTP does";
const UNSUPPORTED: &str = "probe with addresses in ASCII, or name a server with that extension";
const BUG: &str = "this is a bug of Tenantry";
