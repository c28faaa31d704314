//! How an upstream shall behave when nothing is wrong.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use super::fault::Fault;
use crate::pki::{Authority, Issued};

/// The EHLO keywords that Exchange Online announces, STARTTLS apart.
const EXTENSIONS: &[&str] = &[
    "SIZE 157286400",
    "PIPELINING",
    "DSN",
    "ENHANCEDSTATUSCODES",
    "8BITMIME",
    "BINARYMIME",
    "CHUNKING",
    "SMTPUTF8",
];

/// Everything about a recording upstream.
#[derive(Debug, Clone)]
pub struct UpstreamSettings {
    /// Where to listen; port 0 takes a free one.
    pub address: SocketAddr,
    /// The name in the banner and the EHLO reply.
    pub hostname: String,
    /// Whether and how TLS starts.
    pub security: Security,
    /// EHLO keywords with their parameters. STARTTLS is announced by itself.
    pub extensions: Vec<String>,
    /// What ends DATA.
    pub end_of_data: EndOfData,
    /// What is kept of each message.
    pub keep: Keep,
    /// Whether command lines are kept, per connection.
    pub transcript: Transcript,
    /// Whether messages are counted by client certificate and a domain of the envelope.
    pub tally: Tallying,
    /// Misbehaviour; the first that is meant for a moment is taken.
    pub faults: Vec<Fault>,
    /// Which tenant a client certificate belongs to, by fingerprint.
    pub tenants: HashMap<String, String>,
    /// A file that gets one line of JSON for each message.
    pub journal_file: Option<PathBuf>,
    /// The limits.
    pub limits: Limits,
}

impl UpstreamSettings {
    /// Clear text on a free loopback port, everything Exchange Online announces, digests kept.
    #[must_use]
    pub fn plain() -> Self {
        Self::with(Security::Off)
    }

    /// STARTTLS with a client certificate of one of these authorities required.
    #[must_use]
    pub fn starttls(identity: &Issued, clients: &[&Authority]) -> Self {
        Self::with(Security::Starttls(TlsSettings::new(identity, clients)))
    }

    /// Implicit TLS with a client certificate of one of these authorities required.
    #[must_use]
    pub fn implicit(identity: &Issued, clients: &[&Authority]) -> Self {
        Self::with(Security::Implicit(TlsSettings::new(identity, clients)))
    }

    /// A sink for load tests: counts messages, keeps and digests nothing.
    #[must_use]
    pub fn null_sink(mut self) -> Self {
        self.keep = Keep::Counts;
        self
    }

    /// The same with messages counted by client certificate and domain, whatever else is kept of
    /// them.
    #[must_use]
    pub fn with_tally(mut self, tally: Tallying) -> Self {
        self.tally = tally;
        self
    }

    /// The same with whole contents kept.
    #[must_use]
    pub fn keeping_content(mut self) -> Self {
        self.keep = Keep::Content;
        self
    }

    /// The same, but taking every bad end of data for an end.
    #[must_use]
    pub fn lax(mut self) -> Self {
        self.end_of_data = EndOfData::Lax;
        self
    }

    /// The same with command lines kept.
    #[must_use]
    pub fn with_transcript(mut self) -> Self {
        self.transcript = Transcript::Kept;
        self
    }

    /// The same with one more fault.
    #[must_use]
    pub fn with_fault(mut self, fault: Fault) -> Self {
        self.faults.push(fault);
        self
    }

    /// The same with other EHLO keywords.
    #[must_use]
    pub fn with_extensions(mut self, extensions: &[&str]) -> Self {
        self.extensions = extensions
            .iter()
            .map(|keyword| (*keyword).to_owned())
            .collect();
        self
    }

    /// The same with one more client certificate whose tenant is known.
    #[must_use]
    pub fn with_tenant(mut self, certificate: &Issued, tenant: &str) -> Self {
        self.tenants
            .insert(certificate.fingerprint(), tenant.to_owned());
        self
    }

    /// The same with another demand for client certificates; without effect in clear text.
    #[must_use]
    pub fn demanding(mut self, demand: ClientCertificates) -> Self {
        match &mut self.security {
            Security::Off => {}
            Security::Starttls(tls) | Security::Implicit(tls) => tls.client_certificates = demand,
        }
        self
    }

    fn with(security: Security) -> Self {
        Self {
            address: (Ipv4Addr::LOCALHOST, 0).into(),
            hostname: "upstream.example".to_owned(),
            security,
            extensions: EXTENSIONS
                .iter()
                .map(|keyword| (*keyword).to_owned())
                .collect(),
            end_of_data: EndOfData::Strict,
            keep: Keep::Digest,
            transcript: Transcript::Off,
            tally: Tallying::Off,
            faults: Vec::new(),
            tenants: HashMap::new(),
            journal_file: None,
            limits: Limits::default(),
        }
    }
}

/// Whether and how TLS starts.
#[derive(Debug, Clone)]
pub enum Security {
    /// Clear text only; STARTTLS is not announced.
    Off,
    /// STARTTLS is announced, and mail is refused before it (RFC 3207).
    Starttls(TlsSettings),
    /// TLS from the first octet (RFC 8314 section 3).
    Implicit(TlsSettings),
}

/// What an upstream shows and demands in TLS.
#[derive(Clone)]
pub struct TlsSettings {
    /// The server's chain, PEM.
    pub chain_pem: String,
    /// The server's key, PEM.
    pub key_pem: String,
    /// What clients must show.
    pub client_certificates: ClientCertificates,
    /// The authorities of client certificates, PEM.
    pub authorities: Vec<String>,
    /// Whether sessions can be resumed.
    pub resumption: Resumption,
}

impl TlsSettings {
    /// This identity, and a client certificate of one of these authorities required.
    #[must_use]
    pub fn new(identity: &Issued, clients: &[&Authority]) -> Self {
        Self {
            chain_pem: identity.chain_pem.clone(),
            key_pem: identity.key_pem.clone(),
            client_certificates: ClientCertificates::Require,
            authorities: clients
                .iter()
                .map(|authority| authority.certificate_pem().to_owned())
                .collect(),
            resumption: Resumption::On,
        }
    }
}

impl std::fmt::Debug for TlsSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TlsSettings")
            .field("client_certificates", &self.client_certificates)
            .field("resumption", &self.resumption)
            .finish_non_exhaustive()
    }
}

/// What clients must show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientCertificates {
    /// No certificate is asked for.
    Off,
    /// One is asked for and recorded, whatever it is.
    Request,
    /// Without one that verifies, MAIL is refused.
    Require,
}

/// Whether TLS sessions can be resumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resumption {
    /// Tickets are issued.
    On,
    /// Every handshake is a full one.
    Off,
}

/// What ends DATA.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndOfData {
    /// CR LF . CR LF alone (RFC 5321 section 4.1.1.4).
    Strict,
    /// Any combination of CR, LF and NUL around a dot, and any of them behind a command: the
    /// server that makes smuggling work.
    Lax,
}

/// What is kept of each message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Nothing: messages and octets are counted. For load tests.
    Counts,
    /// Envelope, size and Message-ID, without looking at the rest of the content. For load tests
    /// that check what arrived.
    Envelope,
    /// Envelope, size and SHA-256.
    Digest,
    /// The content as well.
    Content,
}

/// Whether command lines are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transcript {
    /// They are not.
    Off,
    /// They are, up to 10,000 for each connection.
    Kept,
}

/// Whether messages are counted by client certificate and a domain of the envelope, see
/// [`super::Journal::tally`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tallying {
    /// They are not.
    Off,
    /// By the sender's domain.
    BySender,
    /// By the domain of the first accepted recipient.
    ByRecipient,
}

/// What bounds a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest wait for a client.
    pub idle: Duration,
    /// The longest wait for a handshake.
    pub handshake: Duration,
    /// Octets of content; more are read and refused.
    pub content: u64,
    /// Recipients of a message.
    pub recipients: usize,
    /// Messages, and likewise connections, that the journal keeps; more are only counted.
    pub journal: usize,
    /// Connections waiting to be accepted.
    pub backlog: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            idle: Duration::from_secs(600),
            handshake: Duration::from_secs(30),
            content: 512 * 1024 * 1024,
            recipients: 100_000,
            journal: 1_000_000,
            backlog: 4096,
        }
    }
}
