//! The configuration: from a file an operator wrote to values that need no further checks.
//!
//! `file` is exactly the file, `resolve` makes a [`Config`] of it or says everything that is wrong
//! at once. Keys and certificates are loaded here, so a `Config` that exists can be run; it never
//! holds a path that still has to be read, and its `Debug` and messages never show key material.

mod effective;
mod exposure;
mod file;
mod include;
mod limits;
mod problem;
mod resolve;
mod tree;
mod values;
pub mod written;

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tenantry_attribution::{Directory, OnConflict, PeerTenants, TenantId, UntrustedCertificate};
use tenantry_net::{
    CertificateRequest, Identity, MinVersion, Request, ServerTls, Tickets, UpstreamTls, Verify,
};

pub use self::file::known_keys;
pub use self::limits::{Limits, Timeouts};
pub use self::problem::{Place, Problem, Problems, Severity};
pub use self::tree::Setting;

/// Everything the relay needs to know, checked and loaded.
#[derive(Debug)]
pub struct Config {
    /// The file it was read from.
    pub path: PathBuf,
    /// What we call ourselves in greetings, EHLO and Received.
    pub hostname: String,
    /// Where clients connect.
    pub listeners: Vec<Listener>,
    /// Who owns which names, and who may send for whom.
    pub directory: Directory,
    /// The tenants, by [`TenantId::index`].
    pub tenants: Vec<Arc<Tenant>>,
    /// The peers, by `PeerId::index`.
    pub peers: Vec<Peer>,
    /// How much of everything.
    pub limits: Limits,
    /// How long every wait may take.
    pub timeouts: Timeouts,
    /// What is logged, and how.
    pub log: Log,
    /// How long running transactions may go on after a stop was asked for.
    pub drain: Duration,
    /// Most Received fields of a message (RFC 5321 section 6.3).
    pub hop_limit: u32,
    /// A configuration that decides beside this one, and never acts; it has none itself.
    pub shadow: Option<Box<Config>>,
    /// What somebody should look at.
    pub warnings: Vec<Problem>,
}

/// One address where clients connect, and what is asked of them there.
#[derive(Debug)]
pub struct Listener {
    /// The name in logs; the address where none is given.
    pub name: Arc<str>,
    /// The address to bind.
    pub address: SocketAddr,
    /// When TLS begins.
    pub tls: ListenerTls,
    /// The TLS side with its identity and trust; absent only when `tls` is off.
    pub server_tls: Option<Arc<ServerTls>>,
    /// Whether clients are asked for a certificate.
    pub client_certificates: Request,
    /// What happens to a client whose certificate does not verify.
    pub untrusted_certificate: UntrustedCertificate,
    /// What happens to headers that only a trusted Exchange server may send.
    pub header_firewall: HeaderFirewall,
    /// Largest message taken here, in octets.
    pub max_message_size: u64,
    /// Oldest TLS version.
    pub tls_min_version: MinVersion,
    /// Whether clients may resume TLS sessions.
    pub session_tickets: Tickets,
}

/// A tenant: what it is called, where its mail goes, and as whom.
#[derive(Debug)]
pub struct Tenant {
    /// Its number in the directory.
    pub id: TenantId,
    /// Its name in the configuration and in logs; never told to clients.
    pub name: Arc<str>,
    /// Where its mail goes: the first, and those tried when it cannot be reached; never empty.
    pub upstreams: Vec<UpstreamAddress>,
    /// When TLS begins there.
    pub upstream_tls_mode: UpstreamTlsMode,
    /// Whether the upstream's certificate is verified.
    pub upstream_verify: Verify,
    /// Oldest TLS version spoken there.
    pub upstream_tls_min_version: MinVersion,
    /// The TLS side towards the upstream: identity, trust and sessions of this tenant alone.
    pub tls: Arc<UpstreamTls>,
    /// The certificate and key presented there.
    pub identity: Arc<Identity>,
    /// What happens when the certificate says this tenant and the sender another.
    pub on_conflict: OnConflict,
    /// Largest message, in octets.
    pub max_message_size: u64,
    /// What we call ourselves towards the upstream, if not the hostname.
    pub helo: Option<String>,
    /// Most connections to an upstream at one time.
    pub connections: usize,
    /// Most messages of one connection.
    pub messages_per_connection: u32,
    /// How long an unused connection is kept.
    pub idle: Duration,
    /// Whether an upstream that does not ask for our certificate is refused.
    pub require_certificate_request: CertificateRequest,
}

/// `host:port` of an upstream.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UpstreamAddress {
    /// A name or an address; IPv6 addresses without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

/// A group of clients that may send by sender and recipient domain.
#[derive(Debug)]
pub struct Peer {
    /// Its name in the configuration and in logs.
    pub name: Arc<str>,
    /// Whether cross-premises headers and XOORG pass.
    pub exchange: TrustedExchange,
    /// Where its clients connect from, as written.
    pub networks: Vec<String>,
    /// What their certificates are called, as written.
    pub certificates: Vec<String>,
    /// Whom it may send for.
    pub tenants: PeerTenants,
}

/// What is logged, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// Lines or JSON.
    pub format: LogFormat,
    /// Which events: a level, or `tracing` filter directives.
    pub level: String,
    /// How much of an address is written.
    pub addresses: AddressLogging,
}

/// What a configuration is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// The relay does what it says.
    Acts,
    /// It only decides beside another.
    Shadow,
}

/// When TLS begins with clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListenerTls {
    /// Never; on the loopback only.
    Off,
    /// After STARTTLS, if the client wants it (RFC 3207).
    Starttls,
    /// After STARTTLS, which has to come before any mail (RFC 3207 section 4).
    StarttlsRequired,
    /// At once (RFC 8314 section 3.3).
    Implicit,
}

/// When TLS begins with an upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UpstreamTlsMode {
    /// After STARTTLS; an upstream without it is not used.
    Starttls,
    /// At once.
    Implicit,
    /// Never: only in so many words, since the identity cannot be presented.
    Off,
}

/// What happens to a message of another client with headers that only a trusted Exchange server may
/// send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderFirewall {
    /// They are removed.
    Remove,
    /// The message is refused.
    Refuse,
}

/// Whether a peer is a trusted Exchange server, whose cross-premises headers and XOORG pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrustedExchange {
    /// They pass.
    Yes,
    /// They are removed or refused.
    No,
}

/// The shape of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

/// How much of an address is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressLogging {
    /// The domain; the local part never.
    Domains,
    /// All of it.
    Full,
}

impl Config {
    /// Reads, checks and loads a configuration with everything it names.
    ///
    /// # Errors
    /// All problems of the file and of those it includes, warnings beside the errors.
    pub fn load(path: &Path) -> Result<Self, Problems> {
        Self::load_at(path, SystemTime::now())
    }

    /// As [`Config::load`], with certificates judged at another time.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn load_at(path: &Path, now: SystemTime) -> Result<Self, Problems> {
        let mut problems = Vec::new();
        let files = include::read(path, &Place::file(path), "", &mut problems);
        resolve::resolve(path, files, now, Role::Acts, problems)
    }

    /// The tenant behind a number of this configuration's directory.
    #[must_use]
    pub fn tenant(&self, id: TenantId) -> Option<&Arc<Tenant>> {
        self.tenants.get(id.index())
    }

    /// Every setting with the value in force, defaults included, written as in the file.
    #[must_use]
    pub fn effective(&self) -> Vec<(String, String)> {
        effective::rows(self)
    }
}

impl Tenant {
    /// The upstream that is tried first, as `host:port`.
    #[must_use]
    pub fn first_upstream(&self) -> String {
        self.upstreams
            .first()
            .map(ToString::to_string)
            .unwrap_or_default()
    }
}

impl fmt::Display for UpstreamAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}
