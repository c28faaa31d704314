//! TLS towards upstreams: one configuration, one identity and one session store per value.
//!
//! Two tenants that share an upstream address have two [`UpstreamTls`] values. Nothing that one
//! of them learned, and no session that it can resume, is reachable from the other.

mod load;
mod verifier;
mod witness;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::{ResolvesClientCert, Resumption};
use rustls::{ClientConfig, SupportedProtocolVersion};
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout_at;
use tokio_rustls::TlsConnector;

use crate::deadline::Deadline;
use crate::fingerprint::Fingerprint;
use crate::handshake::{HandshakeError, HandshakeErrorKind};
use crate::identity::Identity;
use crate::provider::{MinVersion, TlsFacts, provider};
use crate::server::TlsSettingsError;
use crate::sessions::{ConnectionSessions, Progress, Sessions};
use crate::stream::{Stream, TlsStream};
use crate::trust::Trust;

pub use load::{LoadTls, LoadTlsSettings, LoadVersions, Resume};
use verifier::{OwnIdentity, PROGRESS, ServerVerifier};
pub use witness::{
    CertificateAsked, HandshakeSeen, HandshakeWitness, NameVerdict, ServerCertificate, TlsFailure,
};

/// What the TLS towards one tenant's upstream is made of.
#[derive(Debug, Clone)]
pub struct UpstreamTlsSettings {
    /// What is presented when the upstream asks.
    pub identity: Arc<Identity>,
    /// Whom the upstream's certificate must come from.
    pub trust: UpstreamTrust,
    /// How the upstream is verified.
    pub verify: Verify,
    /// The name that is asked for and verified, when it is not the host's.
    pub server_name: Option<String>,
    /// Whether an upstream that does not ask for our certificate will do.
    pub certificate_request: CertificateRequest,
    /// The lowest TLS version.
    pub min_version: MinVersion,
}

/// Whom an upstream's certificate must come from.
#[derive(Debug, Clone)]
pub enum UpstreamTrust {
    /// The system's trust store, read once per process.
    System,
    /// These roots, revocation lists and pins.
    Roots(Arc<Trust>),
}

/// How an upstream is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Verify {
    /// Name and chain (RFC 9525): the default.
    #[default]
    NameAndChain,
    /// Not at all: encryption without knowing with whom.
    None,
}

/// Whether an upstream has to ask for our certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum CertificateRequest {
    /// It may leave it.
    #[default]
    Optional,
    /// Without it the handshake is a failure: mail would arrive without its tenant's proof.
    Required,
}

/// What an upstream saw of us on one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Presented {
    /// The identity that this connection has, and no other.
    pub fingerprint: Fingerprint,
    /// Whether the upstream asked for the certificate and got it, on this connection or on the
    /// one whose session it resumes.
    pub asked: bool,
}

/// TLS towards one upstream under one identity.
pub struct UpstreamTls {
    client: Client,
    identity: Arc<Identity>,
    certificate_request: CertificateRequest,
    policy_hash: u64,
}

/// TLS towards a server without a certificate of ours: for probes and load, never for mail of
/// a tenant.
pub struct AnonymousTls {
    client: Client,
}

struct Client {
    config: ClientConfig,
    sessions: Arc<Sessions>,
    server_name: Option<ServerName<'static>>,
}

impl UpstreamTls {
    /// Makes a value with a session store of its own.
    ///
    /// # Errors
    ///
    /// When the server name is none, or the system has no trust store to verify with.
    pub fn new(settings: UpstreamTlsSettings) -> Result<Arc<Self>, TlsSettingsError> {
        let trust = settings.trust.resolve(settings.verify)?;
        let policy_hash = policy_hash(&settings, trust.as_deref());
        let resolver = Arc::new(OwnIdentity::new(&settings.identity));
        Ok(Arc::new(Self {
            client: Client::new(
                trust,
                settings.server_name.as_deref(),
                settings.min_version.versions(),
                Some(resolver),
            )?,
            identity: settings.identity,
            certificate_request: settings.certificate_request,
            policy_hash,
        }))
    }

    /// What is presented.
    #[must_use]
    pub const fn identity(&self) -> &Arc<Identity> {
        &self.identity
    }

    /// SHA-256 of the leaf that is presented: part of every cache's key.
    #[must_use]
    pub fn identity_fingerprint(&self) -> Fingerprint {
        self.identity.fingerprint()
    }

    /// A hash over everything but the identity: part of every cache's key. It is the same for
    /// the same settings, in every process.
    #[must_use]
    pub const fn policy_hash(&self) -> u64 {
        self.policy_hash
    }

    /// Performs the handshake with the upstream that `host` names.
    ///
    /// # Errors
    ///
    /// When the upstream is not who it should be, does not ask for our certificate although it
    /// must, speaks no TLS, or the deadline passes. Nothing has been sent but the handshake.
    pub async fn connect(
        &self,
        tcp: TcpStream,
        host: &str,
        deadline: Deadline,
    ) -> Result<(Stream, TlsFacts, Presented), HandshakeError> {
        self.connect_watched(tcp, host, deadline, None).await
    }

    /// The same handshake, and a witness of what it showed even when it failed. With a witness no
    /// session is resumed, since a resumed one shows neither certificates nor requests.
    ///
    /// # Errors
    ///
    /// As [`UpstreamTls::connect`].
    pub async fn connect_watched(
        &self,
        tcp: TcpStream,
        host: &str,
        deadline: Deadline,
        witness: Option<Arc<HandshakeWitness>>,
    ) -> Result<(Stream, TlsFacts, Presented), HandshakeError> {
        let (stream, facts, asked) = self.client.connect(tcp, host, deadline, witness).await?;
        if self.certificate_request == CertificateRequest::Required && !asked {
            return Err(HandshakeError::new(
                HandshakeErrorKind::NoCertificateRequested,
                "",
            ));
        }
        let presented = Presented {
            fingerprint: self.identity.fingerprint(),
            asked,
        };
        Ok((stream, facts, presented))
    }
}

impl AnonymousTls {
    /// Makes a value with a session store of its own.
    ///
    /// # Errors
    ///
    /// As [`UpstreamTls::new`].
    pub fn new(
        trust: &UpstreamTrust,
        verify: Verify,
        server_name: Option<&str>,
    ) -> Result<Arc<Self>, TlsSettingsError> {
        let trust = trust.resolve(verify)?;
        Ok(Arc::new(Self {
            client: Client::new(trust, server_name, MinVersion::default().versions(), None)?,
        }))
    }

    /// Performs the handshake with the server that `host` names.
    ///
    /// # Errors
    ///
    /// As [`UpstreamTls::connect`].
    pub async fn connect(
        &self,
        tcp: TcpStream,
        host: &str,
        deadline: Deadline,
    ) -> Result<(Stream, TlsFacts), HandshakeError> {
        let (stream, facts, _) = self.client.connect(tcp, host, deadline, None).await?;
        Ok((stream, facts))
    }
}

impl fmt::Debug for UpstreamTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpstreamTls")
            .field("identity", &self.identity)
            .field("policy_hash", &self.policy_hash)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for AnonymousTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AnonymousTls")
    }
}

impl UpstreamTrust {
    /// The roots to verify with; `None` when nothing is verified.
    fn resolve(&self, verify: Verify) -> Result<Option<Arc<Trust>>, TlsSettingsError> {
        match (verify, self) {
            (Verify::None, _) => Ok(None),
            (Verify::NameAndChain, Self::Roots(trust)) => Ok(Some(trust.clone())),
            (Verify::NameAndChain, Self::System) => system_trust().map(Some),
        }
    }
}

impl Client {
    fn new(
        trust: Option<Arc<Trust>>,
        server_name: Option<&str>,
        versions: &[&'static SupportedProtocolVersion],
        identity: Option<Arc<dyn ResolvesClientCert>>,
    ) -> Result<Self, TlsSettingsError> {
        let server_name = match server_name {
            Some(name) => Some(
                parse_name(name).ok_or_else(|| TlsSettingsError::ServerName(name.to_owned()))?,
            ),
            None => None,
        };
        let builder = ClientConfig::builder_with_provider(provider().clone())
            .with_protocol_versions(versions)
            .map_err(|error| TlsSettingsError::Library(error.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(ServerVerifier::new(trust)));
        let mut config = match identity {
            Some(resolver) => builder.with_client_cert_resolver(resolver),
            None => builder.with_no_client_auth(),
        };
        // Each connection gets a view of our own sessions; the library's store would only take room.
        config.resumption = Resumption::disabled();
        Ok(Self {
            config,
            sessions: Arc::default(),
            server_name,
        })
    }

    /// The handshake; the last part of the result says whether our certificate was sent.
    async fn connect(
        &self,
        tcp: TcpStream,
        host: &str,
        deadline: Deadline,
        witness: Option<Arc<HandshakeWitness>>,
    ) -> Result<(Stream, TlsFacts, bool), HandshakeError> {
        let shared = match witness {
            Some(_) => Arc::default(),
            None => self.sessions.clone(),
        };
        self.handshake(tcp, host, deadline, witness, shared).await
    }

    async fn handshake(
        &self,
        tcp: TcpStream,
        host: &str,
        deadline: Deadline,
        witness: Option<Arc<HandshakeWitness>>,
        shared: Arc<Sessions>,
    ) -> Result<(Stream, TlsFacts, bool), HandshakeError> {
        let name = self
            .server_name
            .clone()
            .or_else(|| parse_name(host))
            .ok_or_else(|| HandshakeError::new(HandshakeErrorKind::InvalidName, host))?;
        if let Some(witness) = &witness {
            witness.asked_for(&name.to_str());
        }
        let progress = Arc::new(Progress::watched_by(witness));
        let sessions = Arc::new(ConnectionSessions::new(shared, progress.clone()));
        // A configuration of its own for each connection, so that its sessions are marked; the
        // verifier and the resolver, by which the library tells configurations apart when it
        // resumes, stay those of this value.
        let mut config = self.config.clone();
        config.resumption = Resumption::store(sessions.clone());
        let handshake =
            TlsConnector::from(Arc::new(config)).connect(name, TlsStream::transport(tcp));
        let stream = PROGRESS
            .scope(progress.clone(), timeout_at(deadline.at, handshake))
            .await
            .map_err(|_| HandshakeError::timeout(deadline))?
            .map_err(|error| {
                progress.tell(|witness| witness.failed(&error));
                HandshakeError::from_io(&error)
            })?;
        let (_, session) = stream.get_ref();
        let facts = TlsFacts::of(session, None);
        progress.tell(|witness| witness.finished(&facts));
        let presented = sessions.presented();
        Ok((Stream::Tls(TlsStream::new(stream.into())), facts, presented))
    }
}

/// A DNS name, with or without its trailing dot, or an address, with or without brackets.
fn parse_name(text: &str) -> Option<ServerName<'static>> {
    let text = text
        .strip_prefix('[')
        .and_then(|inner| inner.strip_suffix(']'))
        .unwrap_or(text);
    let text = text.strip_suffix('.').unwrap_or(text);
    ServerName::try_from(text.to_owned()).ok()
}

fn policy_hash(settings: &UpstreamTlsSettings, trust: Option<&Trust>) -> u64 {
    let mut content = vec![
        match settings.certificate_request {
            CertificateRequest::Optional => 0,
            CertificateRequest::Required => 1,
        },
        match settings.min_version {
            MinVersion::Tls12 => 2,
            MinVersion::Tls13 => 3,
        },
    ];
    match trust {
        Some(trust) => {
            content.push(1);
            content.extend_from_slice(trust.digest().as_bytes());
        }
        None => content.push(0),
    }
    if let Some(name) = &settings.server_name {
        content.extend(name.to_ascii_lowercase().bytes());
    }
    Fingerprint::of(&content)
        .as_bytes()
        .iter()
        .take(8)
        .fold(0, |hash, octet| (hash << 8) | u64::from(*octet))
}

fn system_trust() -> Result<Arc<Trust>, TlsSettingsError> {
    static SYSTEM: Mutex<Option<Arc<Trust>>> = Mutex::new(None);
    let mut system = SYSTEM.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(trust) = &*system {
        return Ok(trust.clone());
    }
    let mut builder = Trust::builder();
    builder.add_system().map_err(TlsSettingsError::NoTrust)?;
    let trust = builder.build().map_err(TlsSettingsError::NoTrust)?;
    *system = Some(trust.clone());
    Ok(trust)
}
