//! What `tenantry lab run` needs beside the world: addresses, certificates and bounds.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use tenantry_net::MinVersion;

use crate::world::Region;

/// `[server]`: the SMTP front end's certificate, its trust in clients, and where mail is kept.
///
/// Paths are complete; the files behind them are read by the front end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerSettings {
    /// The server's certificate chain, PEM, leaf first.
    pub certificate: PathBuf,
    /// Its key, PEM.
    pub key: PathBuf,
    /// Certificate chain and key for the fault `expired-certificate`; absent: made when it starts.
    pub expired: Option<(PathBuf, PathBuf)>,
    /// The authorities whose client certificates are trusted, PEM.
    pub trust: Vec<PathBuf>,
    /// The oldest TLS version spoken (`exchange-online.md` section 4: 1.2).
    pub tls_min_version: MinVersion,
    /// Where one maildir per tenant is kept; absent: nowhere.
    pub maildir: Option<PathBuf>,
    /// How long running sessions may go on after a stop was asked for.
    pub drain: Duration,
}

/// `[[endpoint]]`: one region's listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The region whose tenants are served here.
    pub region: Region,
    /// The address to bind; port 0 takes a free one.
    pub address: SocketAddr,
    /// The name in greetings; absent: one in the style of the service, made from the region.
    pub hostname: Option<String>,
}

/// `[limits]`: how much of everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Largest message in octets: what SIZE announces (`exchange-online.md` section 4).
    pub size: u64,
    /// Most recipients of one domain in one message (section 4).
    pub recipients_per_domain: u32,
    /// Most recipients of one message.
    pub recipients: u32,
    /// Most `Received` fields of a message; one more is `5.4.14 ... ATTR34`. The number is ours.
    pub hop_limit: u32,
    /// Most sessions at one time, over all endpoints.
    pub connections: u32,
    /// Most wrong commands of one session; what follows from a refusal is not wrong.
    pub errors: u32,
    /// Most commands since the last accepted message that bring none forward: NOOP, RSET, ...
    pub non_mail_commands: u32,
    /// Most BDAT chunks of one message.
    pub chunks: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            size: 150 << 20,
            recipients_per_domain: 200,
            recipients: 1000,
            hop_limit: 30,
            connections: 4096,
            errors: 20,
            non_mail_commands: 50,
            chunks: 20_000,
        }
    }
}

/// `[timeouts]`: how long every wait for a client may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeouts {
    /// For the next command.
    pub command: Duration,
    /// For the next octets of a message.
    pub content: Duration,
    /// For a whole TLS handshake.
    pub handshake: Duration,
    /// For a client to take a reply.
    pub write: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            command: Duration::from_secs(5 * 60),
            content: Duration::from_secs(3 * 60),
            handshake: Duration::from_secs(30),
            write: Duration::from_secs(60),
        }
    }
}
