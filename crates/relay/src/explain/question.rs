//! A question: evidence as a person or a log line gives it, checked.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use tenantry_attribution::{
    CertificateEvidence, Evidence, NoCertificate, RecipientEvidence, SenderEvidence,
    SessionEvidence, UnknownProblem, Untrusted,
};
use tenantry_net::Request;
use tenantry_smtp::{AddressError, Mailbox, Utf8};
use thiserror::Error;

use crate::config::{Config, Listener};
use crate::evidence;

/// Evidence given by hand.
#[derive(Debug, Clone)]
pub struct Question {
    /// What the decision is asked with.
    pub evidence: Evidence,
    /// The recipients as they were given.
    pub recipients: Vec<String>,
}

/// What a person says about the client's certificate.
#[derive(Debug, Clone)]
pub enum GivenCertificate<'a> {
    /// There was none.
    None,
    /// It was verified and has these names.
    Names(&'a [String]),
    /// It did not verify, for this reason.
    Problem(&'a str),
    /// It is in this PEM file; the listener's trust judges it.
    File(&'a Path),
}

/// Evidence as a person gives it.
#[derive(Debug, Clone)]
pub struct Given<'a> {
    /// The listener's name or address; the first one if absent.
    pub listener: Option<&'a str>,
    /// The client's certificate.
    pub certificate: GivenCertificate<'a>,
    /// The client's address; if absent, one that is in no peer's networks.
    pub peer: Option<IpAddr>,
    /// The sender without brackets; empty or `<>` for the null sender.
    pub mail_from: &'a str,
    /// The recipients without brackets.
    pub rcpt_to: &'a [String],
}

/// Why evidence given by hand is none.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum QuestionError {
    /// No listener has this name or address.
    #[error("no listener is called \"{0}\"")]
    Listener(String),
    /// A certificate cannot be judged where none is asked for.
    #[error("listener \"{0}\" does not ask for certificates, so it has no trust to judge one by")]
    NotAsked(String),
    /// The certificate's file is of no use.
    #[error("{0}")]
    File(String),
    /// The peer is no IP address.
    #[error("peer \"{0}\" is not an IP address")]
    Peer(String),
    /// The sender breaks the grammar of RFC 5321.
    #[error("mail_from \"{address}\": {error}")]
    Sender {
        /// As given.
        address: String,
        /// Why.
        error: AddressError,
    },
    /// A recipient breaks the grammar of RFC 5321.
    #[error("rcpt_to \"{address}\": {error}")]
    Recipient {
        /// As given.
        address: String,
        /// Why.
        error: AddressError,
    },
    /// An address with its angle brackets.
    #[error("\"{0}\": addresses come without angle brackets; the null sender is \"\"")]
    Brackets(String),
    /// No recipient at all.
    #[error("rcpt_to names no recipient")]
    NoRecipient,
    /// A word that is no certificate problem.
    #[error("certificate_problem \"{word}\": {error}")]
    Problem {
        /// As given.
        word: String,
        /// Which words there are.
        error: UnknownProblem,
    },
}

/// A client that is in no peer's networks, but for those that hold everybody.
pub(crate) const NOWHERE: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

impl Question {
    /// Checks what a person gave.
    ///
    /// # Errors
    /// When something of it is no evidence: not an address, no recipient, no such listener.
    pub fn new(config: &Config, given: &Given<'_>) -> Result<Self, QuestionError> {
        let listener = listener(&config.listeners, given.listener)?;
        let certificate = match given.certificate {
            GivenCertificate::None => without_certificate(listener),
            GivenCertificate::Names(names) => evidence::names(names),
            GivenCertificate::Problem(word) => untrusted(word)?,
            GivenCertificate::File(path) => judged(listener, path)?,
        };
        let null = given.mail_from == "<>";
        let sender = sender(if null { "" } else { given.mail_from })?;
        if given.rcpt_to.is_empty() {
            return Err(QuestionError::NoRecipient);
        }
        let recipients = given
            .rcpt_to
            .iter()
            .map(|address| recipient(address))
            .collect::<Result<_, _>>()?;
        let peer = given.peer.unwrap_or(NOWHERE);
        let policy = listener.untrusted_certificate;
        let session = SessionEvidence::new(&config.directory, certificate, peer, policy);
        let evidence = Evidence {
            session,
            sender,
            recipients,
        };
        Ok(Self {
            evidence,
            recipients: given.rcpt_to.to_vec(),
        })
    }
}

/// A certificate file as the listener would judge it.
fn judged(listener: &Listener, path: &Path) -> Result<CertificateEvidence, QuestionError> {
    let policy = listener.server_tls.as_ref().and_then(|tls| tls.policy());
    let Some(policy) = policy else {
        return Err(QuestionError::NotAsked(shortened(&listener.name)));
    };
    let judged = policy.evaluate_pem(path);
    judged
        .map(|found| evidence::certificate(&found))
        .map_err(|error| QuestionError::File(error.to_string()))
}

/// The listener of this name or address, or the first.
///
/// # Errors
/// When there is none of that name.
pub(crate) fn listener<'a>(
    listeners: &'a [Listener],
    name: Option<&str>,
) -> Result<&'a Listener, QuestionError> {
    let found = match name {
        Some(name) => listeners
            .iter()
            .find(|listener| *listener.name == *name || listener.address.to_string() == name),
        None => listeners.first(),
    };
    found.ok_or_else(|| QuestionError::Listener(name.map(shortened).unwrap_or_default()))
}

/// What a listener makes of a client without certificate.
pub(crate) fn without_certificate(listener: &Listener) -> CertificateEvidence {
    CertificateEvidence::Absent(match listener.client_certificates {
        Request::Off => NoCertificate::NotOffered,
        Request::Request | Request::Require => NoCertificate::NotPresented,
    })
}

/// A certificate that was presented and did not verify.
pub(crate) fn untrusted(word: &str) -> Result<CertificateEvidence, QuestionError> {
    word.parse::<Untrusted>()
        .map(|reason| CertificateEvidence::Absent(NoCertificate::Untrusted(reason)))
        .map_err(|error| QuestionError::Problem {
            word: shortened(word),
            error,
        })
}

pub(crate) fn peer(text: &str) -> Result<IpAddr, QuestionError> {
    text.parse()
        .map_err(|_| QuestionError::Peer(shortened(text)))
}

/// The evidence in a sender; the empty text is the null sender.
pub(crate) fn sender(address: &str) -> Result<SenderEvidence, QuestionError> {
    if address.is_empty() {
        return Ok(SenderEvidence::Null);
    }
    brackets(address)?;
    let mailbox =
        Mailbox::parse(address, Utf8::Allowed).map_err(|error| QuestionError::Sender {
            address: shortened(address),
            error,
        })?;
    Ok(evidence::sender_mailbox(&mailbox))
}

/// The evidence in a recipient.
pub(crate) fn recipient(address: &str) -> Result<RecipientEvidence, QuestionError> {
    brackets(address)?;
    if address.eq_ignore_ascii_case("postmaster") {
        return Ok(evidence::postmaster());
    }
    let mailbox =
        Mailbox::parse(address, Utf8::Allowed).map_err(|error| QuestionError::Recipient {
            address: shortened(address),
            error,
        })?;
    Ok(evidence::recipient_mailbox(&mailbox))
}

fn brackets(address: &str) -> Result<(), QuestionError> {
    match address.starts_with('<') && address.ends_with('>') {
        true => Err(QuestionError::Brackets(shortened(address))),
        false => Ok(()),
    }
}

pub(crate) fn shortened(text: &str) -> String {
    const LONGEST: usize = 80;
    text.chars()
        .take(LONGEST)
        .flat_map(char::escape_debug)
        .collect()
}
