//! TLS towards clients: possession is proved in the handshake, trust is decided after it.

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::aws_lc_rs::Ticketer;
use rustls::crypto::{
    verify_tls12_signature, verify_tls13_signature, verify_tls13_signature_with_raw_key,
};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::sign::SingleCertAndKey;
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error as TlsError, ServerConfig,
    SignatureScheme,
};
use rustls_pki_types::{CertificateDer, SubjectPublicKeyInfoDer, UnixTime};
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::time::timeout_at;
use tokio_rustls::TlsAcceptor;
use webpki::{EndEntityCert, RawPublicKeyEntity};

use crate::certificate::{escape, parse};
use crate::deadline::Deadline;
use crate::handshake::HandshakeError;
use crate::identity::Identity;
use crate::policy::{ClientCertificate, ClientCertificatePolicy, Judge, PresentedChain};
use crate::provable::has_verifiable_key;
use crate::provider::{MinVersion, TlsFacts, provider};
use crate::stream::{Stream, TlsStream};

/// What a listener's TLS is made of.
#[derive(Debug, Clone)]
pub struct ServerTlsSettings {
    /// The listener's own certificate.
    pub identity: Arc<Identity>,
    /// Whether clients are asked for a certificate.
    pub client_certificates: Request,
    /// How client certificates are evaluated; needed unless they are off.
    pub policy: Option<ClientCertificatePolicy>,
    /// Whether sessions can be resumed.
    pub tickets: Tickets,
    /// The lowest TLS version.
    pub min_version: MinVersion,
}

/// Whether clients are asked for a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Request {
    /// They are not asked.
    Off,
    /// They are asked, and may have none.
    #[default]
    Request,
    /// They are asked, and without one the handshake fails.
    Require,
}

/// Whether a listener hands out session tickets (RFC 8446 section 4.6.1) and session ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Tickets {
    /// Sessions can be resumed at this very [`ServerTls`] value, and nowhere else.
    #[default]
    On,
    /// Every handshake is a full one.
    Off,
}

/// A listener's TLS. Its ticket keys are its own: a value made by a reload resumes nothing that
/// an earlier one, or another listener's, handed out.
pub struct ServerTls {
    config: Arc<ServerConfig>,
    client_certificates: Request,
    judge: Option<Judge>,
    identity: Arc<Identity>,
}

/// A finished handshake with a client.
#[derive(Debug)]
pub struct Accepted {
    /// The encrypted connection.
    pub stream: Stream,
    /// What was agreed on.
    pub facts: TlsFacts,
    /// What is known of the client's certificate, as of now.
    pub certificate: ClientCertificate,
    /// What the client presented, to be evaluated again when the session outlives a reload.
    pub presented: Option<PresentedChain>,
}

/// Why TLS settings cannot be used.
#[derive(Debug, Error)]
pub enum TlsSettingsError {
    /// Client certificates are asked for, and nothing says how to judge them.
    #[error("client certificates are asked for, but no trust is configured for them")]
    NoPolicy,
    /// The upstream is to be verified, and there is nothing to verify it with.
    #[error("the upstream's certificate is to be verified, but {0}")]
    NoTrust(#[source] crate::trust::TrustError),
    /// The configured server name is no name.
    #[error("server name {0:?} is neither a DNS name nor an address")]
    ServerName(String),
    /// The TLS library refuses.
    #[error("TLS cannot be set up: {0}")]
    Library(String),
}

impl ServerTls {
    /// Makes a listener's TLS, with session storage and ticket keys of its own.
    ///
    /// # Errors
    ///
    /// When client certificates are asked for without a policy, or no randomness is to be had.
    pub fn new(settings: ServerTlsSettings) -> Result<Arc<Self>, TlsSettingsError> {
        let verifier: Arc<dyn ClientCertVerifier> =
            match (settings.client_certificates, &settings.policy) {
                (Request::Off, _) => WebPkiClientVerifier::no_client_auth(),
                (_, None) => return Err(TlsSettingsError::NoPolicy),
                (request, Some(_)) => Arc::new(Possession { request }),
            };
        let library = |error: TlsError| TlsSettingsError::Library(error.to_string());
        let mut config = ServerConfig::builder_with_provider(provider().clone())
            .with_protocol_versions(settings.min_version.versions())
            .map_err(library)?
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(
                settings.identity.certified_key().clone(),
            )));
        // Tickets carry the whole session, client certificate included, under keys that live
        // in this value only; nothing is kept per client.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        match settings.tickets {
            Tickets::On => config.ticketer = Ticketer::new().map_err(library)?,
            Tickets::Off => config.send_tls13_tickets = 0,
        }
        Ok(Arc::new(Self {
            config: Arc::new(config),
            client_certificates: settings.client_certificates,
            judge: settings.policy.map(Judge::new),
            identity: settings.identity,
        }))
    }

    /// The listener's identity.
    #[must_use]
    pub const fn identity(&self) -> &Arc<Identity> {
        &self.identity
    }

    /// How client certificates are evaluated.
    #[must_use]
    pub fn policy(&self) -> Option<&ClientCertificatePolicy> {
        self.judge.as_ref().map(Judge::policy)
    }

    /// Who evaluates client certificates; nobody unless they are asked for.
    #[must_use]
    pub const fn judge(&self) -> Option<&Judge> {
        self.judge.as_ref()
    }

    /// Performs the handshake with a client and evaluates its certificate, on a resumed session
    /// as on a new one.
    ///
    /// # Errors
    ///
    /// When the handshake fails or the deadline passes. A certificate that is not trusted is no
    /// error.
    pub async fn accept(
        &self,
        tcp: TcpStream,
        deadline: Deadline,
    ) -> Result<Accepted, HandshakeError> {
        let handshake = TlsAcceptor::from(self.config.clone()).accept(TlsStream::transport(tcp));
        let stream = timeout_at(deadline.at, handshake)
            .await
            .map_err(|_| HandshakeError::timeout(deadline))?
            .map_err(|error| HandshakeError::from_io(&error))?;
        let (_, session) = stream.get_ref();
        let facts = TlsFacts::of(session, session.server_name().map(escape));
        let presented = session
            .peer_certificates()
            .filter(|chain| !chain.is_empty())
            .map(PresentedChain::new);
        let certificate = match (self.client_certificates, &self.judge, &presented) {
            (Request::Off, _, _) | (_, None, _) => ClientCertificate::NotOffered,
            (_, _, None) => ClientCertificate::NotPresented,
            (_, Some(judge), Some(chain)) => judge.evaluate(chain),
        };
        Ok(Accepted {
            stream: Stream::Tls(TlsStream::new(stream.into())),
            facts,
            certificate,
            presented,
        })
    }
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerTls")
            .field("identity", &self.identity)
            .field("client_certificates", &self.client_certificates)
            .finish_non_exhaustive()
    }
}

/// Lets every certificate through whose key the client proves to hold, or whose key nobody could
/// prove to hold. It says nothing of trust: a resumed session is not shown to a verifier again, so
/// trust must not be decided here.
#[derive(Debug)]
struct Possession {
    request: Request,
}

impl ClientCertVerifier for Possession {
    fn offer_client_auth(&self) -> bool {
        true
    }

    fn client_auth_mandatory(&self) -> bool {
        match self.request {
            Request::Require => true,
            Request::Off | Request::Request => false,
        }
    }

    /// No hints: with many roots they would fill kilobytes, and a client that finds its own
    /// authority missing from them may send nothing.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, TlsError> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = &provider().signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms).or_else(|error| {
            let by_key = || verify_by_key(message, certificate, signature);
            otherwise(error, certificate, by_key)
        })
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = &provider().signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms).or_else(|error| {
            let by_key = || {
                let key = public_key(certificate)?;
                verify_tls13_signature_with_raw_key(message, &key, signature, algorithms)
            };
            otherwise(error, certificate, by_key)
        })
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// After a proof that failed. A certificate that path validation cannot even read is proved by its
/// key alone; one whose key is of a kind that nobody can prove here is let through, since it is never
/// believed either, and its owner shall hear so. Anything else ends the handshake.
fn otherwise(
    error: TlsError,
    certificate: &CertificateDer<'_>,
    by_key: impl FnOnce() -> Result<HandshakeSignatureValid, TlsError>,
) -> Result<HandshakeSignatureValid, TlsError> {
    let proved = match EndEntityCert::try_from(certificate) {
        Ok(_) => Err(error),
        Err(_) => by_key(),
    };
    match proved {
        Err(_) if parse(certificate).is_some_and(|parsed| !has_verifiable_key(&parsed)) => {
            Ok(HandshakeSignatureValid::assertion())
        }
        decided => decided,
    }
}

/// The key of a certificate that path validation cannot even read (of version 1, with an unknown
/// critical extension): possession is proved all the same, and the policy then calls it untrusted.
fn public_key(
    certificate: &CertificateDer<'_>,
) -> Result<SubjectPublicKeyInfoDer<'static>, TlsError> {
    let parsed = parse(certificate).ok_or(CertificateError::BadEncoding)?;
    Ok(SubjectPublicKeyInfoDer::from(
        parsed.public_key().raw.to_vec(),
    ))
}

/// What rustls does for TLS 1.2, with such a key.
fn verify_by_key(
    message: &[u8],
    certificate: &CertificateDer<'_>,
    signature: &DigitallySignedStruct,
) -> Result<HandshakeSignatureValid, TlsError> {
    let key = public_key(certificate)?;
    let key = RawPublicKeyEntity::try_from(&key).map_err(|_| CertificateError::BadEncoding)?;
    let mapping = provider().signature_verification_algorithms.mapping;
    let algorithms = mapping
        .iter()
        .filter(|(scheme, _)| *scheme == signature.scheme)
        .flat_map(|(_, algorithms)| *algorithms);
    for algorithm in algorithms {
        let verified = key.verify_signature(*algorithm, message, signature.signature());
        if verified.is_ok() {
            return Ok(HandshakeSignatureValid::assertion());
        }
    }
    Err(CertificateError::BadSignature.into())
}
