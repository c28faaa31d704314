//! TLS for a load generator: with a certificate or without, in the versions and with the share of
//! resumed sessions that a measurement asks for. Never for mail of a tenant.

use std::sync::Arc;

use rustls::client::ResolvesClientCert;
use rustls::{SupportedProtocolVersion, version};
use tokio::net::TcpStream;

use super::{Client, Identity, OwnIdentity, Stream, TlsFacts, TlsSettingsError};
use crate::deadline::Deadline;
use crate::handshake::HandshakeError;
use crate::trust::Trust;

/// TLS towards one server under one identity, or none.
pub struct LoadTls {
    client: Client,
}

/// What the TLS of a load generator is made of.
#[derive(Debug, Clone, Default)]
pub struct LoadTlsSettings {
    /// What is presented when the server asks; nothing if absent.
    pub identity: Option<Arc<Identity>>,
    /// Whom the server's certificate must come from; it is not verified if absent.
    pub trust: Option<Arc<Trust>>,
    /// The name that is asked for and verified, when it is not the host's.
    pub server_name: Option<String>,
    /// The versions that are offered.
    pub versions: LoadVersions,
}

/// The TLS versions that a load generator offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LoadVersions {
    /// 1.2 and 1.3.
    #[default]
    Both,
    /// 1.2 alone.
    Tls12,
    /// 1.3 alone.
    Tls13,
}

/// Whether a handshake offers an earlier session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resume {
    /// It does, when there is one.
    Offer,
    /// It does not, and what it agrees on is not kept.
    Never,
}

impl LoadTls {
    /// Makes a value with a session store of its own; thousands of them share roots and keys.
    ///
    /// # Errors
    ///
    /// When the server name is none.
    pub fn new(settings: LoadTlsSettings) -> Result<Arc<Self>, TlsSettingsError> {
        let resolver = settings.identity.map(|identity| {
            let resolver: Arc<dyn ResolvesClientCert> = Arc::new(OwnIdentity::new(&identity));
            resolver
        });
        let client = Client::new(
            settings.trust,
            settings.server_name.as_deref(),
            settings.versions.versions(),
            resolver,
        )?;
        Ok(Arc::new(Self { client }))
    }

    /// Performs the handshake with the server that `host` names.
    ///
    /// # Errors
    ///
    /// When the server is not who it should be, speaks no TLS, or the deadline passes.
    pub async fn connect(
        &self,
        tcp: TcpStream,
        host: &str,
        resume: Resume,
        deadline: Deadline,
    ) -> Result<(Stream, TlsFacts), HandshakeError> {
        let sessions = match resume {
            Resume::Offer => self.client.sessions.clone(),
            Resume::Never => Arc::default(),
        };
        let connected = self.client.handshake(tcp, host, deadline, None, sessions);
        let (stream, facts, _) = connected.await?;
        Ok((stream, facts))
    }
}

impl std::fmt::Debug for LoadTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LoadTls")
    }
}

impl LoadVersions {
    fn versions(self) -> &'static [&'static SupportedProtocolVersion] {
        static BOTH: &[&SupportedProtocolVersion] = &[&version::TLS13, &version::TLS12];
        static OLDER: &[&SupportedProtocolVersion] = &[&version::TLS12];
        static NEWER: &[&SupportedProtocolVersion] = &[&version::TLS13];
        match self {
            Self::Both => BOTH,
            Self::Tls12 => OLDER,
            Self::Tls13 => NEWER,
        }
    }
}
