//! What was seen: connections, their certificates, and the messages that came over them.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::SystemTime;

use bytes::Bytes;

use super::content::{Collected, Stray};
use crate::hex;

/// The most command lines that are kept of one connection.
const LONGEST_TRANSCRIPT: usize = 10_000;

/// One connection, while it lasts and afterwards.
#[derive(Debug)]
pub struct Connection {
    number: u64,
    peer: SocketAddr,
    tls: OnceLock<TlsSeen>,
    open: AtomicBool,
    messages: AtomicU64,
    octets: AtomicU64,
    transcript: Mutex<Vec<String>>,
}

/// What a TLS handshake showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsSeen {
    /// `TLSv1.3` or `TLSv1.2`.
    pub version: &'static str,
    /// The cipher suite by its IANA name.
    pub cipher: &'static str,
    /// The key exchange group.
    pub group: &'static str,
    /// Whether an earlier session was resumed.
    pub resumed: bool,
    /// The server name that the client asked for.
    pub server_name: Option<String>,
    /// The client's certificate.
    pub certificate: Option<CertificateSeen>,
    /// The tenant whose certificate it is, when the settings say so.
    pub tenant: Option<Arc<str>>,
}

/// A client's certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateSeen {
    /// SHA-256 of the leaf's DER, lower-case hexadecimal.
    pub fingerprint: Arc<str>,
    /// Its names; none unless it was verified.
    pub names: Vec<String>,
    /// Why it did not verify, as a stable word.
    pub problem: Option<&'static str>,
}

/// How a message's content came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Via {
    /// DATA.
    Data,
    /// BDAT (RFC 3030).
    Bdat,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Taken, and the client was told.
    Accepted,
    /// Taken, but the client was not told: what becomes a duplicate when it tries again.
    Unanswered,
    /// Refused after its end.
    Refused,
}

/// One message.
#[derive(Debug)]
pub struct Record {
    /// The connection it came over.
    pub connection: Arc<Connection>,
    /// The argument of EHLO or HELO.
    pub helo: Arc<str>,
    /// The argument of MAIL as it came: `FROM:<a@b.example> SIZE=1000`.
    pub mail: String,
    /// The arguments of the accepted RCPT as they came: `TO:<a@b.example> NOTIFY=NEVER`.
    pub recipients: Vec<String>,
    /// How the content came.
    pub via: Via,
    /// What became of the message.
    pub outcome: Outcome,
    /// Octets of content, dots unstuffed.
    pub size: u64,
    /// SHA-256 of the content.
    pub sha256: Option<[u8; 32]>,
    /// SHA-256 of the content behind the first Received field when that is the very first field,
    /// else of all of it.
    pub sha256_after_trace: Option<[u8; 32]>,
    /// That Received field, with its line ends.
    pub trace: Option<Box<str>>,
    /// The Message-ID field's value, when it stands in the first 16 KiB.
    pub message_id: Option<Box<str>>,
    /// The content, when it is kept.
    pub content: Option<Bytes>,
    /// What of the content was no proper line end.
    pub stray: Stray,
    /// When it was complete.
    pub at: SystemTime,
}

/// The envelope while it grows.
#[derive(Debug, Default)]
pub(super) struct Envelope {
    pub(super) mail: Option<String>,
    pub(super) recipients: Vec<String>,
    pub(super) count: usize,
    /// The domain that the message is tallied by.
    pub(super) domain: Option<String>,
}

impl Record {
    pub(super) fn new(
        connection: Arc<Connection>,
        helo: Arc<str>,
        envelope: Envelope,
        via: Via,
        outcome: Outcome,
        collected: Collected,
    ) -> Self {
        Self {
            connection,
            helo,
            mail: envelope.mail.unwrap_or_default(),
            recipients: envelope.recipients,
            via,
            outcome,
            size: collected.size,
            sha256: collected.sha256,
            sha256_after_trace: collected.sha256_after_trace,
            trace: collected.trace,
            message_id: collected.message_id,
            content: collected.content,
            stray: collected.stray,
            at: SystemTime::now(),
        }
    }

    /// The fingerprint of the client certificate of this message's connection.
    #[must_use]
    pub fn fingerprint(&self) -> Option<&str> {
        self.connection.fingerprint()
    }

    /// The tenant of that certificate, when the settings name it.
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        self.connection.tenant()
    }

    /// The address between the angle brackets of MAIL; empty for the null sender.
    #[must_use]
    pub fn sender(&self) -> &str {
        between_brackets(&self.mail)
    }

    /// The addresses between the angle brackets of the accepted RCPT.
    #[must_use]
    pub fn recipient_addresses(&self) -> Vec<&str> {
        self.recipients
            .iter()
            .map(|recipient| between_brackets(recipient))
            .collect()
    }

    /// SHA-256 of the content, lower-case hexadecimal.
    #[must_use]
    pub fn sha256_hex(&self) -> Option<String> {
        self.sha256.map(|digest| hex::encode(&digest))
    }

    /// SHA-256 of the content behind the topmost Received field, lower-case hexadecimal.
    #[must_use]
    pub fn sha256_after_trace_hex(&self) -> Option<String> {
        self.sha256_after_trace.map(|digest| hex::encode(&digest))
    }

    /// Whether the upstream has the message, told or not.
    #[must_use]
    pub fn is_delivered(&self) -> bool {
        match self.outcome {
            Outcome::Accepted | Outcome::Unanswered => true,
            Outcome::Refused => false,
        }
    }

    /// The values of a header field, unfolded, topmost first; only of kept content.
    #[must_use]
    pub fn header(&self, name: &str) -> Vec<String> {
        let text = self.content.as_deref().map(String::from_utf8_lossy);
        let text = text.unwrap_or_default();
        let head = text.split_once("\r\n\r\n").map_or(&*text, |(head, _)| head);
        let unfolded = head.replace("\r\n ", " ").replace("\r\n\t", " ");
        unfolded
            .split("\r\n")
            .filter_map(|field| field.split_once(':'))
            .filter(|(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim().to_owned())
            .collect()
    }
}

impl Connection {
    pub(super) fn new(number: u64, peer: SocketAddr) -> Self {
        Self {
            number,
            peer,
            tls: OnceLock::new(),
            open: AtomicBool::new(true),
            messages: AtomicU64::new(0),
            octets: AtomicU64::new(0),
            transcript: Mutex::default(),
        }
    }

    /// Its number, from 1 in the order of acceptance.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The client's address.
    #[must_use]
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// What the TLS handshake showed, once there was one.
    #[must_use]
    pub fn tls(&self) -> Option<&TlsSeen> {
        self.tls.get()
    }

    /// The fingerprint of the client certificate.
    #[must_use]
    pub fn fingerprint(&self) -> Option<&str> {
        let certificate = self.tls.get()?.certificate.as_ref()?;
        Some(&certificate.fingerprint)
    }

    /// The tenant of the client certificate, when the settings name it.
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        self.tls.get()?.tenant.as_deref()
    }

    /// Why the client certificate did not verify, if there was one and it did not.
    #[must_use]
    pub fn certificate_problem(&self) -> Option<&'static str> {
        self.tls()?.certificate.as_ref()?.problem
    }

    /// The names of the client certificate; none unless it was verified.
    #[must_use]
    pub fn names(&self) -> &[String] {
        let certificate = self.tls.get().and_then(|tls| tls.certificate.as_ref());
        certificate.map_or(&[], |certificate| &certificate.names)
    }

    /// Whether it is open.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.open.load(Ordering::Acquire)
    }

    /// How many messages were delivered over it.
    #[must_use]
    pub fn messages(&self) -> u64 {
        self.messages.load(Ordering::Acquire)
    }

    /// How many octets of content were delivered over it.
    #[must_use]
    pub fn octets(&self) -> u64 {
        self.octets.load(Ordering::Acquire)
    }

    /// The command lines, when they are kept.
    #[must_use]
    pub fn transcript(&self) -> Vec<String> {
        locked(&self.transcript).clone()
    }

    pub(super) fn secured(&self, seen: TlsSeen) {
        // A connection has one handshake: STARTTLS inside TLS is refused.
        let _ = self.tls.set(seen);
    }

    pub(super) fn delivered(&self, octets: u64) {
        self.octets.fetch_add(octets, Ordering::Relaxed);
        self.messages.fetch_add(1, Ordering::Release);
    }

    pub(super) fn line(&self, line: &[u8]) {
        let mut transcript = locked(&self.transcript);
        if transcript.len() < LONGEST_TRANSCRIPT {
            transcript.push(String::from_utf8_lossy(line).into_owned());
        }
    }

    pub(super) fn closed(&self) {
        self.open.store(false, Ordering::Release);
    }
}

/// A panic elsewhere must not hide what was recorded.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Between the first `<` and the last `>`: quoted local parts may hold either.
pub(super) fn between_brackets(argument: &str) -> &str {
    let inner = argument.split_once('<').map_or(argument, |(_, rest)| rest);
    inner.rsplit_once('>').map_or(inner, |(path, _)| path)
}
