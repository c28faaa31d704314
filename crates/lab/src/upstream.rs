//! A recording upstream: an SMTP server that demands client certificates, writes down which one
//! each message came with, and misbehaves on request.
//!
//! It stands for the server at the far end in every test, for the sink of load tests
//! ([`UpstreamSettings::null_sink`]), and for the careless server that makes smuggling work
//! ([`UpstreamSettings::lax`]). It takes every message from everybody it lets in, and delivers
//! none.
//!
//! A client that goes away, breaks the protocol or fails its handshake is counted in
//! [`Totals`]; nothing that it sends ends the upstream.

mod command;
mod content;
mod fault;
mod journal;
mod lines;
mod record;
mod session;
mod settings;
mod tally;
mod wire;

pub use content::Stray;
pub use fault::{Fault, Stage, TLS10_SERVER_HELLO};
pub use journal::{Journal, Totals, WaitedInVain};
pub use record::{CertificateSeen, Connection, Outcome, Record, TlsSeen, Via};
pub use settings::{
    ClientCertificates, EndOfData, Keep, Limits, Resumption, Security, Tallying, TlsSettings,
    Transcript, UpstreamSettings,
};
pub use tally::Tallied;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tenantry_net::ServerTls;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::pki::PkiError;
use fault::Faults;
use lines::Writer;
use session::Session;
use wire::Wire;

/// How long accepting pauses when the process is out of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A running upstream. Dropping it stops it without waiting; [`RecordingUpstream::stop`] waits.
#[derive(Debug)]
pub struct RecordingUpstream {
    address: SocketAddr,
    journal: Journal,
    cancel: DropGuard,
    tasks: TaskTracker,
    writer: Option<Writer>,
}

/// Why an upstream could not be started.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    /// The address could not be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The journal's file could not be opened.
    #[error("cannot write the journal {path}: {source}")]
    JournalFile {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The server's certificate or key cannot be used.
    #[error("the upstream's certificate: {0}")]
    Identity(#[from] tenantry_net::IdentityError),
    /// The clients' authorities cannot be used.
    #[error("the clients' authorities: {0}")]
    Trust(#[from] tenantry_net::TrustError),
    /// TLS could not be set up.
    #[error("the upstream's TLS: {0}")]
    Tls(#[from] tenantry_net::TlsSettingsError),
    /// The stand-in for missing authorities could not be made.
    #[error("the clients' authorities: {0}")]
    Pki(#[from] PkiError),
}

/// What all sessions of an upstream share.
#[derive(Debug)]
struct Shared {
    settings: UpstreamSettings,
    tls: Option<Arc<ServerTls>>,
    faults: Faults,
    journal: Journal,
    banner: Vec<u8>,
    farewell: Vec<u8>,
    helo_reply: Vec<u8>,
    ehlo_reply: Vec<u8>,
    ehlo_reply_secure: Vec<u8>,
}

impl RecordingUpstream {
    /// Listens and serves until it is stopped or dropped.
    ///
    /// # Errors
    /// When the address, the certificates or the journal's file cannot be used.
    pub async fn start(settings: UpstreamSettings) -> Result<Self, UpstreamError> {
        let tasks = TaskTracker::new();
        let (writer, lines) = match &settings.journal_file {
            None => (None, None),
            Some(path) => {
                let (writer, lines) = Writer::open(path).await?;
                (Some(writer), Some(lines))
            }
        };
        let tls = match &settings.security {
            Security::Off => None,
            Security::Starttls(tls) | Security::Implicit(tls) => Some(wire::server_tls(tls)?),
        };
        let listener = listen(settings.address, settings.limits.backlog)?;
        let address = listener
            .local_addr()
            .map_err(|source| UpstreamError::Listen {
                address: settings.address,
                source,
            })?;
        let journal = Journal::new(settings.limits.journal, lines);
        let cancel = CancellationToken::new();
        let shared = Arc::new(Shared::new(settings, tls, journal.clone()));
        tasks.spawn(accept(listener, shared, cancel.clone(), tasks.clone()));
        tasks.close();
        Ok(Self {
            address,
            journal,
            cancel: cancel.drop_guard(),
            tasks,
            writer,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it has seen; stays usable after the upstream has stopped.
    #[must_use]
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Closes the listener and every connection, and waits until all of it has ended and the
    /// journal's file is written.
    pub async fn stop(self) -> Journal {
        drop(self.cancel);
        self.tasks.wait().await;
        if let Some(writer) = self.writer {
            writer.finish().await;
        }
        self.journal
    }
}

impl Shared {
    fn new(settings: UpstreamSettings, tls: Option<Arc<ServerTls>>, journal: Journal) -> Self {
        let hostname = settings.hostname.as_str();
        let first = format!("{hostname} Hello");
        let mut keywords: Vec<&str> = vec![&first];
        keywords.extend(settings.extensions.iter().map(String::as_str));
        let secure = multiline(&keywords);
        let clear = match settings.security {
            Security::Off | Security::Implicit(_) => secure.clone(),
            Security::Starttls(_) => {
                keywords.push("STARTTLS");
                multiline(&keywords)
            }
        };
        Self {
            tls,
            faults: Faults::new(settings.faults.clone()),
            journal,
            banner: format!("220 {hostname} ESMTP ready\r\n").into(),
            farewell: format!("221 2.0.0 {hostname} closing\r\n").into(),
            helo_reply: format!("250 {hostname} Hello\r\n").into(),
            ehlo_reply: clear,
            ehlo_reply_secure: secure,
            settings,
        }
    }
}

/// Nothing is lost when this is cancelled: connections not yet accepted are refused by the
/// system, running ones see the same token.
async fn accept(
    listener: TcpListener,
    shared: Arc<Shared>,
    cancel: CancellationToken,
    tasks: TaskTracker,
) {
    let mut number = 0;
    while let Some(accepted) = cancel.run_until_cancelled(listener.accept()).await {
        match accepted {
            Ok((stream, peer)) => {
                number += 1;
                let served = serve(Arc::clone(&shared), stream, peer, number);
                // A token of its own, so that sessions do not meet on one token's lock.
                tasks.spawn(cancel.child_token().run_until_cancelled_owned(served));
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve(shared: Arc<Shared>, stream: TcpStream, peer: SocketAddr, number: u64) {
    let entry = shared.journal.opened(Connection::new(number, peer));
    let open = Open {
        journal: shared.journal.clone(),
        connection: Arc::clone(&entry.connection),
    };
    Session::new(shared, entry, Wire::new(stream)).run().await;
    drop(open);
}

/// Marks a connection as closed, also when its task is cancelled or panics.
struct Open {
    journal: Journal,
    connection: Arc<Connection>,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.connection.closed();
        self.journal.count(|counters| &counters.closed);
    }
}

/// With a long backlog: load tests connect faster than any default allows.
fn listen(address: SocketAddr, backlog: u32) -> Result<TcpListener, UpstreamError> {
    let open = || {
        let socket = Socket::new(
            Domain::for_address(address),
            Type::STREAM,
            Some(Protocol::TCP),
        )?;
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
        TcpListener::from_std(socket.into())
    };
    open().map_err(|source| UpstreamError::Listen { address, source })
}

fn multiline(lines: &[&str]) -> Vec<u8> {
    let last = lines.len().saturating_sub(1);
    let line = |(number, text): (usize, &&str)| match number == last {
        true => format!("250 {text}\r\n"),
        false => format!("250-{text}\r\n"),
    };
    let text: String = lines.iter().enumerate().map(line).collect();
    text.into_bytes()
}
